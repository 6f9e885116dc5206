//! What an event says, in a line: the Info column of SHOW BINLOG EVENTS, with names and row counts
//! added where the server prints numbers only.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::digits::push_unsigned;
use binlog_parser::event::execute_load_query::ExecuteLoadQueryEvent;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::rows::{self, RowsEvent};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::event::text::rows_query;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::{EventType, flags};
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::relay::{SourcePosition, SourceTracker};
use binlog_parser::transaction::{Step, step};
use binlog_parser::wire::Reader;
use replay::sql::Dialect;
use replay::sql::secrets::mask_secrets;

use crate::info::{quoted, write_info};
use crate::tables::{Table, Tables};
use crate::text::{Decoded, decode};

/// What an event says beyond its header, and beside its line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described<'a> {
    /// Database of its table, or default database of its statement.
    pub database: Option<&'a [u8]>,
    /// Its table.
    pub table: Option<&'a [u8]>,
    /// Rows that it changes.
    pub rows: Option<u64>,
    /// The statement that it is, or that its rows come from.
    pub statement: Option<Statement<'a>>,
    /// Where it stands in the logs of the source, if it is in a relay log.
    pub source: Option<SourcePosition<'a>>,
}

/// The text of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The text in its own character set, secrets masked.
    pub bytes: Cow<'a, [u8]>,
    /// Collation of its client, which names that set; `None` if it is not known.
    pub collation: Option<u16>,
}

impl Statement<'_> {
    /// The text as characters, not made safe yet.
    #[must_use]
    pub fn decode(&self) -> Decoded<'_> {
        decode(&self.bytes, self.collation)
    }
}

/// A table as the maps of the current statement name it.
#[derive(Debug, Clone)]
struct Mapped<'a> {
    map: TableMapEvent<'a>,
    table: Arc<Table>,
}

/// The session of the last Query: what texts beside the rows are most likely in as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    dialect: Dialect,
    client_collation: Option<u16>,
}

/// Follows a log and describes its events: what one says depends on those before it.
#[derive(Debug, Clone)]
pub struct Describer<'a> {
    /// Number of the log.
    log: usize,
    format: &'a FormatDescription,
    info: String,
    gtid: Option<TransactionGtid>,
    maps: HashMap<u64, Mapped<'a>, QuickHash>,
    /// Whether the statement that the maps belong to has ended.
    ended: bool,
    session: Session,
    /// The status variables by which it was told last.
    status: &'a [u8],
    /// Whether a Query has told all of the session.
    told: bool,
    /// Whether something was read by a session that was not told.
    relied: bool,
    reveal: bool,
    source: Option<SourceTracker<'a>>,
}

impl<'a> Describer<'a> {
    /// Starts at the beginning of a log, which is number `log` and of this format, or at that of a
    /// transaction in it. Passwords are masked in statements unless `reveal`.
    #[must_use]
    pub fn new(log: usize, format: &'a FormatDescription, reveal: bool) -> Self {
        let dialect = Dialect::from_server_version(format.server_version.as_bytes());
        Describer {
            log,
            format,
            info: String::new(),
            gtid: None,
            maps: HashMap::default(),
            ended: false,
            session: Session { dialect, client_collation: None },
            status: &[],
            told: false,
            relied: false,
            reveal,
            source: None,
        }
    }

    /// The last event described in a line, its log text not made safe yet; empty for one that could
    /// not be read.
    #[must_use]
    pub fn info(&self) -> &str {
        &self.info
    }

    /// Has nothing to say of the last event.
    pub fn forget_last(&mut self) {
        self.info.clear();
    }

    /// The table that a rows event speaks of, by its id; as long as its statement is the last one.
    #[must_use]
    pub fn table(&self, table_id: u64) -> Option<&Arc<Table>> {
        self.maps.get(&table_id).map(|mapped| &mapped.table)
    }

    /// Bytes of the table ids in the log.
    #[must_use]
    pub fn table_id_bytes(&self) -> usize {
        self.format.table_id_bytes()
    }

    /// Goes on in a session, which is a guess as long as no Query tells it.
    pub fn assume(&mut self, session: Session) {
        self.session = session;
    }

    /// Whether something was read by the session that was assumed.
    #[must_use]
    pub fn relied(&self) -> bool {
        self.relied
    }

    /// The session that the next event is in; none if it still is the one that was assumed.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        (self.told || self.relied).then_some(self.session)
    }

    /// GTID of the transaction that the last event described belongs to.
    #[must_use]
    pub fn gtid(&self) -> Option<&TransactionGtid> {
        self.gtid.as_ref()
    }

    /// Tells of events of a relay log where they stand at the source, which `tracker` has followed
    /// so far.
    pub fn follow_source(&mut self, tracker: SourceTracker<'a>) {
        self.source = Some(tracker);
    }

    /// Takes in what another, which went on from here with inflated events, has come to know.
    pub fn go_on_from(&mut self, other: &Describer<'_>) {
        self.session = other.session;
        self.status = &[];
        self.told = other.told;
        self.relied = other.relied;
        self.ended = other.ended || other.maps.is_empty();
    }

    /// Describes `event`, which is the next of the log.
    ///
    /// # Errors
    /// The fault in a body that cannot be read.
    pub fn describe(
        &mut self,
        event: &RawEvent<'a>,
        tables: &mut Tables<'_>,
    ) -> Result<Described<'a>, Fault> {
        let source = self.source.as_mut().and_then(|tracker| tracker.follow(event));
        self.info.clear();
        let described = self.read(event, tables).inspect_err(|_| self.info.clear())?;
        Ok(Described { source, ..described })
    }

    fn read(
        &mut self,
        event: &RawEvent<'a>,
        tables: &mut Tables<'_>,
    ) -> Result<Described<'a>, Fault> {
        if std::mem::take(&mut self.ended) {
            self.maps.clear();
        }
        let body = event.body();
        match event.event_type() {
            EventType::QUERY => Ok(self.query(event, &event.query()?)),
            EventType::EXECUTE_LOAD_QUERY => {
                let load = ExecuteLoadQueryEvent::parse(body)?;
                let described = self.query(event, &load.query);
                self.info.push(' ');
                write_info(event, &mut self.info)?;
                Ok(described)
            }
            EventType::TABLE_MAP => self.table_map(event, tables),
            event_type if event_type.is_rows() => self.rows(event),
            EventType(20..=22) => self.unread_rows(event),
            event_type if event_type.is_gtid() => self.transaction(event),
            EventType::ROWS_QUERY => Ok(self.cause("# ", rows_query(body)?)),
            EventType::ANNOTATE_ROWS => Ok(self.cause("", body)),
            event_type => {
                if is_frame(event_type) {
                    self.gtid = None;
                }
                write_info(event, &mut self.info)?;
                Ok(Described::default())
            }
        }
    }

    fn query(&mut self, event: &RawEvent<'_>, query: &QueryEvent<'a>) -> Described<'a> {
        self.follow_session(query);
        self.maps.clear();
        let statement = self.statement(query.text);
        let database = (!query.database.is_empty()).then_some(query.database);
        if let Some(database) = database.filter(|_| !event.header().has(flags::SUPPRESS_USE)) {
            self.info.extend(["use ", &quoted(database), "; "]);
        }
        self.info.push_str(&statement.decode().text);
        Described { database, statement: Some(statement), ..Described::default() }
    }

    fn follow_session(&mut self, query: &QueryEvent<'a>) {
        if self.told && std::mem::replace(&mut self.status, query.status) == query.status {
            return;
        }
        let Ok(vars) = query.status_vars() else { return };
        let Session { dialect, client_collation } = &mut self.session;
        if let Some(sql_mode) = vars.sql_mode {
            *dialect = dialect.with_sql_mode(sql_mode);
        }
        if let Some(charset) = vars.charset {
            *dialect = dialect.with_client_collation(charset.client);
            *client_collation = Some(charset.client);
        }
        let all = vars.sql_mode.is_some() && vars.charset.is_some();
        let none = vars.sql_mode.is_none() && vars.charset.is_none();
        self.told |= all;
        self.relied |= !self.told && !none;
    }

    fn statement(&mut self, text: &'a [u8]) -> Statement<'a> {
        self.relied |= !self.told;
        let Session { dialect, client_collation } = &self.session;
        // Most statements are steps of a transaction, and hold nothing to hide.
        let bytes = match self.reveal || step(text) != Step::Statement {
            true => Cow::Borrowed(text),
            false => mask_secrets(text, dialect),
        };
        Statement { bytes, collation: *client_collation }
    }

    fn table_map(
        &mut self,
        event: &RawEvent<'a>,
        tables: &mut Tables<'_>,
    ) -> Result<Described<'a>, Fault> {
        let map = TableMapEvent::parse(event.body(), self.format.table_id_bytes())?;
        let mapped = Mapped { map, table: tables.get(&map, event, self.log, self.format) };
        self.say_table(map.table_id, Some(&mapped.table.name));
        self.maps.insert(map.table_id, mapped);
        let (database, table) = (Some(map.database), Some(map.table));
        Ok(Described { database, table, ..Described::default() })
    }

    /// `table_id: 107 (shop.users)`
    fn say_table(&mut self, table_id: u64, name: Option<&str>) {
        self.info.push_str("table_id: ");
        push_unsigned(table_id, &mut self.info);
        if let Some(name) = name {
            self.info.extend([" (", name, ")"]);
        }
    }

    fn rows(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        let id_bytes = self.format.table_id_bytes();
        let rows = RowsEvent::parse(event.body(), event.event_type(), id_bytes)?;
        let mut described = Described::default();
        match self.maps.get(&rows.table_id) {
            Some(Mapped { map, table }) => {
                let table = Arc::clone(table);
                let count = rows.count(table.layout.as_ref().map_err(Fault::clone)?)?;
                described.database = Some(map.database);
                described.table = Some(map.table);
                described.rows = Some(count);
                self.say_table(rows.table_id, Some(&table.name));
                self.info.push(' ');
                push_unsigned(count, &mut self.info);
                self.info.push_str(if count == 1 { " row" } else { " rows" });
            }
            None => self.say_table(rows.table_id, None),
        }
        if rows.ends_statement() {
            self.info.push_str(" flags: STMT_END_F");
            self.ended = true;
        }
        Ok(described)
    }

    /// Rows of which no more is read than whose they are: those of 5.1's beta versions.
    fn unread_rows(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        let mut reader = Reader::new(event.body());
        let table_id = reader.uint(self.format.table_id_bytes(), "table id")?;
        self.ended = reader.u16("flags")? & rows::flags::STMT_END != 0;
        let mut described = Described::default();
        let mapped = self.maps.get(&table_id);
        if let Some(Mapped { map, .. }) = mapped {
            (described.database, described.table) = (Some(map.database), Some(map.table));
        }
        let table = mapped.map(|mapped| Arc::clone(&mapped.table));
        self.say_table(table_id, table.as_ref().map(|table| &*table.name));
        if self.ended {
            self.info.push_str(" flags: STMT_END_F");
        }
        Ok(described)
    }

    /// The statement that the rows after it come from.
    fn cause(&mut self, prefix: &str, text: &'a [u8]) -> Described<'a> {
        let statement = self.statement(text);
        self.info.extend([prefix, &statement.decode().text]);
        Described { statement: Some(statement), ..Described::default() }
    }

    fn transaction(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        self.maps.clear();
        self.gtid = None;
        // Writing to a String cannot fail.
        let _ = if event.event_type() == EventType::MARIADB_GTID {
            let gtid = MariadbGtidEvent::parse(event.body(), &event.header())?;
            self.gtid = Some(TransactionGtid::Mariadb(gtid.gtid));
            match gtid.xid {
                _ if gtid.is_standalone() => {}
                Some(xid) if gtid.is_prepared_xa() => self.info += &format!("XA START {xid} "),
                _ => self.info.push_str("BEGIN "),
            }
            write!(self.info, "GTID {}", gtid.gtid)
        } else {
            let gtid = GtidEvent::parse(event.body(), &event.header())?;
            self.gtid = Some(gtid.gtid);
            write!(self.info, "SET @@SESSION.GTID_NEXT= '{}'", gtid.gtid)
        };
        Ok(Described::default())
    }
}

/// Whether an event frames a log, so that it belongs to no transaction.
fn is_frame(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::START_V3
            | EventType::FORMAT_DESCRIPTION
            | EventType::ROTATE
            | EventType::STOP
            | EventType::PREVIOUS_GTIDS
            | EventType::GTID_LIST
            | EventType::BINLOG_CHECKPOINT
            | EventType::START_ENCRYPTION
            | EventType::HEARTBEAT
            | EventType::HEARTBEAT_V2
    )
}
