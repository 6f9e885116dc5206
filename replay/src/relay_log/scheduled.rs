//! What status the event scheduler's events have at the end of the cut.
//!
//! An applier disables every event that it makes or alters (DISABLE ON REPLICA;
//! `Event_parse_data::check_originator_id`), for the source runs them. Here there is no source, so
//! the script has to give them back the status that the logs gave them.

use std::collections::BTreeMap;

use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::scan::RawEvent;

use crate::sql::{Cursor, Dialect, Lexer, Token, TokenKind};

/// An event by database and name.
pub(super) type EventName = (Vec<u8>, Vec<u8>);

/// What is known of an event that the cut makes or alters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Scheduled {
    /// Whether it is enabled; `None` if that was decided before the cut.
    pub enabled: Option<bool>,
    /// DISABLE ON REPLICA, which is what appliers make of it anyway.
    pub on_replica: bool,
    /// Account that it runs as: user and host.
    pub definer: Option<(Vec<u8>, Vec<u8>)>,
}

/// All events that the cut makes or alters.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    events: BTreeMap<EventName, Scheduled>,
}

/// Tokens of a statement that are looked at: what stands before an event's body.
const TOKENS: usize = 1000;

impl Schedule {
    /// Events that exist at the end and are not meant for replicas.
    pub fn events(&self) -> impl Iterator<Item = (&EventName, &Scheduled)> {
        self.events.iter().filter(|(_, event)| !event.on_replica)
    }

    /// Takes in a statement.
    pub fn note(&mut self, event: &RawEvent<'_>, server_version: &str) {
        let Ok(query) = event.query() else { return };
        // Most statements are not looked at twice.
        let verb = query.text.iter().find(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_uppercase);
        let comment = query.text.trim_ascii_start().starts_with(b"/*");
        if !comment && !matches!(verb, Some(b'C' | b'A' | b'D' | b'S')) {
            return;
        }
        let Ok(vars) = query.status_vars() else { return };
        let mut dialect = Dialect::from_server_version(server_version.as_bytes());
        if let Some(sql_mode) = vars.sql_mode {
            dialect = dialect.with_sql_mode(sql_mode);
        }
        if let Some(charset) = vars.charset {
            dialect = dialect.with_client_collation(charset.client);
        }
        self.read(&query, &vars, &dialect);
    }

    fn read(&mut self, query: &QueryEvent<'_>, vars: &StatusVars<'_>, dialect: &Dialect) {
        let code = Lexer::new(query.text, dialect).code();
        let tokens: Vec<_> = code.map_while(Result::ok).take(TOKENS).collect();
        let mut cursor = Cursor::new(&tokens, dialect.charset);
        if cursor.eat_words(&["SET", "STATEMENT"]) && cursor.seek_word(&["FOR"]) {
            cursor.bump();
        }
        let Some(verb) = cursor.bump() else { return };
        cursor.eat_words(&["OR", "REPLACE"]);
        let definer = definer(&mut cursor, dialect).or_else(|| invoker(vars));
        if verb.is_word("DROP") && (cursor.eat_word("DATABASE") || cursor.eat_word("SCHEMA")) {
            cursor.skip_if_exists();
            if let Some(name) = cursor.name() {
                self.events.retain(|(database, _), _| *database != *name);
            }
            return;
        }
        if !cursor.eat_word("EVENT") {
            return;
        }
        cursor.skip_if_exists();
        let Some(name) = event_name(&mut cursor, query.database) else { return };
        if verb.is_word("DROP") {
            self.events.remove(&name);
            return;
        }
        let mut event = match verb.is_word("CREATE") {
            true => Scheduled { enabled: Some(true), ..Scheduled::default() },
            false => self.events.remove(&name).unwrap_or_default(),
        };
        event.definer = definer.or(event.definer.take());
        let renamed = read_clauses(&mut cursor, &mut event, query.database);
        self.events.insert(renamed.unwrap_or(name), event);
    }
}

/// Reads what follows an event's name, up to its body; the name that it gets, if it gets another.
fn read_clauses(
    cursor: &mut Cursor<'_, '_>,
    event: &mut Scheduled,
    default_db: &[u8],
) -> Option<EventName> {
    let mut renamed = None;
    while cursor.seek_word(&["ENABLE", "DISABLE", "RENAME", "DO"]) {
        let Some(word) = cursor.bump() else { break };
        if word.is_word("DO") {
            break;
        }
        if word.is_word("RENAME") {
            cursor.eat_word("TO");
            renamed = event_name(cursor, default_db);
            continue;
        }
        event.enabled = Some(word.is_word("ENABLE"));
        event.on_replica =
            cursor.eat_words(&["ON", "SLAVE"]) || cursor.eat_words(&["ON", "REPLICA"]);
    }
    renamed
}

fn event_name(cursor: &mut Cursor<'_, '_>, default_db: &[u8]) -> Option<EventName> {
    let name = cursor.table_name()?.or_database(default_db);
    Some((name.database?, name.table))
}

/// Takes `DEFINER = user@host`.
fn definer(cursor: &mut Cursor<'_, '_>, dialect: &Dialect) -> Option<(Vec<u8>, Vec<u8>)> {
    if !cursor.eat_word("DEFINER") {
        return None;
    }
    cursor.eat_operator("=");
    let user = text_of(*cursor.bump()?, dialect)?;
    let host = cursor.peek().filter(|token| token.kind == TokenKind::UserVariable).copied();
    let Some(host) = host else {
        // CURRENT_USER(), or an account of any host.
        if cursor.at_operator("(") {
            cursor.skip_parenthesised();
        }
        return None;
    };
    cursor.bump();
    let bytes = host.bytes.get(1..)?;
    let kind = match bytes.first()? {
        b'\'' => TokenKind::String,
        b'"' if !dialect.ansi_quotes => TokenKind::String,
        b'"' | b'`' => TokenKind::QuotedIdentifier,
        _ => TokenKind::Word,
    };
    let host = text_of(Token { kind, start: host.start + 1, bytes }, dialect)?;
    Some((user, host))
}

fn text_of(token: Token<'_>, dialect: &Dialect) -> Option<Vec<u8>> {
    let text = token.string_value(dialect).or_else(|| token.identifier(dialect.charset))?;
    Some(text.into_owned())
}

fn invoker(vars: &StatusVars<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    vars.invoker.map(|(user, host)| (user.to_vec(), host.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_log::testing::LogBuilder;

    fn schedule(statements: &[&str]) -> Vec<String> {
        let log = statements.iter().fold(LogBuilder::mysql(), |log, text| log.query(text)).log();
        let mut schedule = Schedule::default();
        log.scan().events().skip(1).for_each(|event| schedule.note(&event, "9.7.4"));
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let events = schedule.events().map(|((database, name), event)| {
            let definer = event
                .definer
                .as_ref()
                .map_or("?".into(), |(user, host)| format!("{}@{}", show(user), show(host)));
            format!("{}.{} {:?} {definer}", show(database), show(name), event.enabled)
        });
        events.collect()
    }

    const CREATE: &str =
        "CREATE DEFINER=`root`@`local``host` EVENT shop.`a b` ON SCHEDULE EVERY 1 DAY";

    #[test]
    fn the_last_word_about_an_event_counts() {
        let create = |rest: &str| schedule(&[&format!("{CREATE} {rest}")]);
        assert_eq!(create("DO SELECT 1"), ["shop.a b Some(true) root@local`host"]);
        let disabled = ["shop.a b Some(false) root@local`host"];
        assert_eq!(create("DISABLE COMMENT 'ENABLE' DO CALL enable()"), disabled);
        assert_eq!(create("DISABLE ON SLAVE DO SELECT 1"), [""; 0]);
        let altered = |alter: &str| schedule(&[&format!("{CREATE} DISABLE DO DO 1"), alter]);
        assert_eq!(altered("ALTER EVENT shop.`a b` ON SCHEDULE EVERY 2 DAY"), disabled);
        assert_eq!(
            altered("ALTER DEFINER='u'@'%' EVENT shop.`a b` ENABLE"),
            ["shop.a b Some(true) u@%"]
        );
        assert_eq!(
            altered("ALTER EVENT shop.`a b` RENAME TO shop.c"),
            ["shop.c Some(false) root@local`host"]
        );
        assert_eq!(altered("DROP EVENT IF EXISTS shop.`a b`"), [""; 0]);
        assert_eq!(altered("DROP DATABASE shop"), [""; 0]);
        assert_eq!(altered("DROP DATABASE other"), disabled);
    }

    #[test]
    fn what_was_decided_before_the_cut_is_unknown() {
        assert_eq!(schedule(&["ALTER EVENT shop.e COMMENT 'x'"]), ["shop.e None ?"]);
        assert_eq!(schedule(&["CREATE TABLE shop.event (enable INT)"]), [""; 0]);
    }
}
