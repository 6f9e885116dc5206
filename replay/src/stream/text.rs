//! Statements of text: whether they are selected, and how they pass through a client unharmed.

use std::borrow::Cow;
use std::cell::OnceCell;

use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::flags;
use binlog_parser::scan::RawEvent;

use super::Options;
use super::load::sends_a_file;
use super::packet::DELIMITER;
use super::privileges::Privileges;
use super::undetermined::undetermined;
use crate::schema::{Charset, readable};
use crate::sql::client::{Refusal, client_safe};
use crate::sql::quote::quote_identifier;
use crate::sql::statement::{Object, StatementHead, StatementVerb, head};
use crate::sql::written::written_tables;
use crate::sql::{ClientCharset, Dialect, Family, TableName, lex_code};

/// Fails where the client is run without `--binary-mode` and would change a carriage return.
pub(super) const BINARY_MODE_CHECK: &[u8] =
    b"SET @binlog_binary_mode=IF(LENGTH('\r\n')=2,1,(SELECT 1 UNION SELECT 2))";

/// Delimiters to choose from where a text holds the usual one.
const OTHER_DELIMITERS: [&str; 4] = ["/*!!*/;", "/*!#*/;", "/*!~*/;", "/*!?*/;"];

/// The charset by which the client at the other end reads quotes.
#[derive(Debug, Default)]
pub(super) struct ClientCharsetState {
    /// Name of the last charset that was told to the client; none at first.
    told: Option<&'static str>,
    /// Whether the check for `--binary-mode` stands in the stream.
    checked: bool,
}

impl ClientCharsetState {
    /// A line that takes the client back to where text without such lines is safe.
    pub fn reset_line(&mut self) -> Option<Vec<u8>> {
        let told = self.told.take().filter(|name| *name != SAFE_CHARSET);
        told.map(|_| charset_line(SAFE_CHARSET))
    }
}

/// A charset in which no character ends in a backslash or a quote.
const SAFE_CHARSET: &str = "utf8mb4";

/// A line that tells the client the charset by which to read quotes.
fn charset_line(name: &str) -> Vec<u8> {
    [b"/*!\\C ", name.as_bytes(), b" */", DELIMITER].concat()
}

/// The line that a stream begins with: whatever the client was started with, text is safe.
pub(super) fn safe_charset_line() -> Vec<u8> {
    charset_line(SAFE_CHARSET)
}

/// A statement in the form in which the client forwards it unchanged.
pub(super) struct Prepared<'t> {
    pub text: Cow<'t, [u8]>,
    /// Another delimiter, where the text holds the usual one.
    pub delimiter: Option<&'static str>,
    /// A line that tells the client the statement's charset.
    pub charset_line: Option<Vec<u8>>,
    pub needs_binary_mode: bool,
    /// Whether the check for `--binary-mode` has to go before.
    pub binary_mode_check: bool,
}

/// Errors of statements that were ended from outside, so that nobody knows how far they came:
/// ER_SERVER_SHUTDOWN, ER_QUERY_INTERRUPTED, ER_CONNECTION_KILLED, and MySQL's ER_SESSION_WAS_KILLED.
const KILLED: [u16; 4] = [1053, 1317, 1927, 3169];

/// First MariaDB whose BINLOG takes Query events.
const EVENTS_SINCE: u32 = 100_801;

/// A Query event's statement, read as its server read it.
pub(super) struct TextStatement<'q, 'a> {
    query: &'q QueryEvent<'a>,
    dialect: Dialect,
    head: StatementHead,
    /// SUPPRESS_USE: the server says that it does not depend on the database.
    suppress_use: bool,
    client_collation: Option<u16>,
    /// See [`TextStatement::safe_text`].
    safe: OnceCell<Result<SafeText<'a>, Refusal>>,
}

/// A text as the client has to be given it, and another delimiter where the usual one stands in it.
type SafeText<'a> = (Cow<'a, [u8]>, Option<&'static str>);

impl<'q, 'a> TextStatement<'q, 'a> {
    pub fn new(
        event: &RawEvent<'_>,
        query: &'q QueryEvent<'a>,
        vars: &StatusVars<'_>,
        server_version: &str,
    ) -> Self {
        let mut dialect = Dialect::from_server_version(server_version.as_bytes());
        if let Some(sql_mode) = vars.sql_mode {
            dialect = dialect.with_sql_mode(sql_mode);
        }
        let client_collation = vars.charset.map(|charset| charset.client);
        if let Some(collation) = client_collation {
            dialect = dialect.with_client_collation(collation);
        }
        TextStatement {
            query,
            dialect,
            head: head(query.text, &dialect),
            suppress_use: event.header().has(flags::SUPPRESS_USE),
            client_collation,
            safe: OnceCell::new(),
        }
    }

    /// Whether the filters select it: by the tables that it writes, and else by its database.
    pub fn is_selected(&self, options: &Options) -> bool {
        let filter = &options.filter;
        if !filter.by_table() {
            return true;
        }
        let tables = written_tables(self.query.text, &self.dialect, self.query.database);
        if tables.is_empty() {
            return filter.tables.is_empty() && filter.selects_database(self.query.database);
        }
        tables.iter().any(|name| {
            let database = name.database.as_deref().unwrap_or(self.query.database);
            filter.selects_table(database, &name.table)
        })
    }

    /// Adds the privileges that running it takes.
    pub fn add_privileges(&self, privileges: &mut Privileges) {
        privileges.add_statement(self.query.text, self.head, &self.dialect);
    }

    /// Why the statement cannot be passed on, if it cannot.
    pub fn refusal(&self, options: &Options) -> Option<String> {
        if let Some(tables) = self.half_selected(options) {
            return Some(format!("its text writes {tables}, of which the filters select a part"));
        }
        if self.names_rewritten_database(options) {
            return Some("its text names a database that --rewrite-db renames".into());
        }
        let error = self.query.error_code;
        if KILLED.contains(&error) {
            return Some(format!("the statement was killed part-way (error {error})"));
        }
        if sends_a_file(self.query.text, &self.dialect) {
            return Some("the client would send a file of its own machine".into());
        }
        self.refusal_of_load(options)
    }

    /// [`refusal`](Self::refusal), for a statement that loads a file of ours.
    pub fn refusal_of_load(&self, options: &Options) -> Option<String> {
        let error = self.query.error_code;
        if !options.accept_undetermined
            && let Some(function) = self.undetermined()
        {
            return Some(format!(
                "the log does not tell what {function} returned; --accept-undetermined replays it all \
                 the same"
            ));
        }
        if self.goes_as_event(options) {
            return None;
        }
        if error != 0 {
            return Some(format!("the statement failed part-way with error {error}"));
        }
        let database = options.rewritten(self.query.database);
        if self.needs_database() && !name_passes(database, self.dialect.family) {
            return Some("the client would not pass on the name of its database".into());
        }
        if self.query.database.is_empty() && self.asks_for_database() {
            return Some("DATABASE() was NULL, and no client can leave a database".into());
        }
        self.safe_text().as_ref().err().map(Refusal::to_string)
    }

    /// The tables that the text writes, if the filters select some of them and others not: it cannot
    /// be divided.
    fn half_selected(&self, options: &Options) -> Option<String> {
        let filter = &options.filter;
        if !filter.by_table() {
            return None;
        }
        let tables = written_tables(self.query.text, &self.dialect, self.query.database);
        let selects = |name: &TableName| {
            let database = name.database.as_deref().unwrap_or(self.query.database);
            filter.selects_table(database, &name.table)
        };
        let names = tables.iter().map(|name| readable(&name.table)).collect::<Vec<_>>();
        (tables.iter().any(selects) && !tables.iter().all(selects)).then(|| names.join(", "))
    }

    /// The function by which the statement's effect is undetermined, if there is one.
    pub fn undetermined(&self) -> Option<&'static str> {
        undetermined(self.query.text, &self.dialect, &self.head)
    }

    /// Whether the server can be given the event itself, and has to be: the statement is to fail
    /// again, or no client forwards its text.
    pub fn goes_as_event(&self, options: &Options) -> bool {
        let possible = self.dialect.family == Family::Mariadb
            && self.dialect.version >= EVENTS_SINCE
            && options.rewritten(self.query.database) == self.query.database;
        possible && (self.query.error_code != 0 || self.is_misread())
    }

    /// Whether a client would make something else of a text that is one statement.
    fn is_misread(&self) -> bool {
        use Refusal::{Command, Delimiter, Disagreement, Nul};
        let refusal = self.safe_text().as_ref().err();
        refusal.is_some_and(|refusal| {
            matches!(refusal, Command { .. } | Delimiter { .. } | Disagreement { .. } | Nul { .. })
        })
    }

    /// Whether the statement reads the name of the current database.
    fn asks_for_database(&self) -> bool {
        use StatementVerb::{Call, Delete, Do, Insert, Replace, Select, Update};
        matches!(self.head.verb, Call | Delete | Do | Insert | Replace | Select | Update)
            && lex_code(self.query.text, &self.dialect).is_ok_and(|tokens| {
                tokens.windows(3).any(|three| {
                    three[0].is_any_word(&["DATABASE", "SCHEMA"])
                        && three[1].is_operator("(")
                        && three[2].is_operator(")")
                })
            })
    }

    /// Whether the statement gives the server's scheduler something to do.
    pub fn schedules(&self) -> bool {
        matches!(self.head.verb, StatementVerb::Create | StatementVerb::Alter)
            && self.head.object == Object::StoredProgram
            && lex_code(self.query.text, &self.dialect).is_ok_and(|tokens| {
                // The kind of object stands before its name.
                let kinds = ["PROCEDURE", "FUNCTION", "TRIGGER", "PACKAGE", "EVENT"];
                let kind = tokens.iter().find(|token| token.is_any_word(&kinds));
                kind.is_some_and(|kind| kind.is_word("EVENT"))
            })
    }

    /// Whether the text itself names a database that is to be rewritten, which only table maps and
    /// default databases are.
    fn names_rewritten_database(&self, options: &Options) -> bool {
        if options.rewrite_db.is_empty() {
            return false;
        }
        let named = |database: &[u8]| options.rewritten(database) != database;
        let tables = written_tables(self.query.text, &self.dialect, b"");
        tables.iter().filter_map(|table| table.database.as_deref()).any(named)
            || self.head.object == Object::Database && named(self.query.database)
    }

    /// Whether the statement runs in the event's database. A server marks what does not depend on
    /// it, but takes ALTER DATABASE for that, which without a name means the current one.
    pub fn needs_database(&self) -> bool {
        let alters = self.head.verb == StatementVerb::Alter && self.head.object == Object::Database;
        !self.query.database.is_empty() && (!self.suppress_use || alters)
    }

    /// Whether it creates a table that stays.
    pub fn creates_table(&self) -> bool {
        let head = &self.head;
        head.verb == StatementVerb::Create && head.object == Object::Table && !head.temporary
    }

    /// Whether the current database may be another, or none, afterwards.
    pub fn changes_databases(&self) -> bool {
        self.head.object == Object::Database
    }

    /// Brings the statement into the form in which a client forwards it unchanged.
    pub fn prepare(&self, client: &mut ClientCharsetState) -> Result<Prepared<'a>, Refusal> {
        let (text, delimiter) = self.safe_text().clone()?;
        Ok(self.prepared(text, delimiter, client))
    }

    /// The text as the client has to be given it.
    fn safe_text(&self) -> &Result<SafeText<'a>, Refusal> {
        self.safe.get_or_init(|| self.find_safe_text())
    }

    fn find_safe_text(&self) -> Result<SafeText<'a>, Refusal> {
        let text = self.query.text;
        let mut others = OTHER_DELIMITERS.into_iter();
        let mut delimiter = None;
        loop {
            match client_safe(text, &self.dialect, delimiter.map_or(DELIMITER, str::as_bytes)) {
                Ok(text) => return Ok((text, delimiter)),
                Err(refusal @ Refusal::Delimiter { .. }) => {
                    delimiter = Some(others.next().ok_or(refusal)?);
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    fn prepared<'t>(
        &self,
        text: Cow<'t, [u8]>,
        delimiter: Option<&'static str>,
        client: &mut ClientCharsetState,
    ) -> Prepared<'t> {
        let needs_binary_mode = memchr::memchr2(b'\r', 0, &text).is_some();
        let binary_mode_check = needs_binary_mode && !std::mem::replace(&mut client.checked, true);
        let charset_line = self.charset_line(client);
        Prepared { text, delimiter, charset_line, needs_binary_mode, binary_mode_check }
    }

    /// `\C` makes the client read quotes as the server will: only the charsets whose characters
    /// may end in a backslash or a quote need it, and whatever comes after one of them.
    fn charset_line(&self, client: &mut ClientCharsetState) -> Option<Vec<u8>> {
        let collation = self.client_collation?;
        let dangerous = ClientCharset::from_collation(collation).is_dangerous();
        if !dangerous && client.told.is_none() {
            return None;
        }
        let name = if dangerous { Charset::of_collation_id(collation)?.name } else { SAFE_CHARSET };
        if client.told.replace(name) == Some(name) {
            return None;
        }
        Some(charset_line(name))
    }
}

/// Whether text of the session's client is UTF-8, in which every name can be read.
pub(super) fn is_utf8(vars: &StatusVars<'_>) -> bool {
    let charset = vars.charset.and_then(|charset| Charset::of_collation_id(charset.client));
    charset.is_some_and(|charset| charset.name.starts_with("utf8"))
}

/// Whether clients pass on a name in backticks as it is, whatever the session's sql_mode.
pub(super) fn name_passes(name: &[u8], family: Family) -> bool {
    const ODD: [u8; 4] = [b'\\', b'\n', b'\r', 0];
    if !name.iter().any(|byte| ODD.contains(byte)) {
        return true;
    }
    if name.contains(&b'\r') || name.contains(&0) {
        return false;
    }
    let mut text = b"USE ".to_vec();
    quote_identifier(&mut text, name);
    [false, true].into_iter().all(|no_backslash_escapes| {
        let dialect = Dialect { no_backslash_escapes, ..Dialect::new(family, 50000) };
        client_safe(&text, &dialect, DELIMITER).is_ok_and(|safe| *safe == *text)
    })
}

/// Whether a text is made of letters, digits, spaces, commas and quoted hexadecimal alone, so that
/// it may share a packet with others: what the server itself writes about XA transactions.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.starts_with(b"XA ")
        && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b',' | b'\''))
        && text.iter().filter(|byte| **byte == b'\'').count() % 2 == 0
}
