//! What an event says, in a line: the Info column of SHOW BINLOG EVENTS, with names and row counts
//! added where the server prints numbers only.

use std::borrow::Cow;
use std::collections::HashMap;

use binlog_parser::Fault;
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
use binlog_parser::row::RowLayout;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::relay::{SourcePosition, SourceTracker};
use binlog_parser::wire::Reader;
use replay::sql::Dialect;
use replay::sql::secrets::mask_secrets;

use crate::info::{info, quoted};
use crate::text::{Decoded, decode, utf8};

/// What an event says beyond its header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described<'a> {
    /// The event in a line, its log text not made safe yet.
    pub info: String,
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
    layout: Result<RowLayout, Fault>,
}

/// Follows a log and describes its events: what one says depends on those before it.
#[derive(Debug, Clone)]
pub struct Describer<'a> {
    table_id_bytes: usize,
    gtid: Option<TransactionGtid>,
    maps: HashMap<u64, Mapped<'a>>,
    /// Whether the statement that the maps belong to has ended.
    ended: bool,
    /// Of the last Query: what texts beside the rows are most likely in as well.
    dialect: Dialect,
    client_collation: Option<u16>,
    reveal: bool,
    source: Option<SourceTracker<'a>>,
}

impl<'a> Describer<'a> {
    /// Starts at the beginning of a log, or of a transaction. Passwords are masked in statements
    /// unless `reveal`.
    #[must_use]
    pub fn new(format: &FormatDescription, reveal: bool) -> Self {
        Describer {
            table_id_bytes: format.table_id_bytes(),
            gtid: None,
            maps: HashMap::new(),
            ended: false,
            dialect: Dialect::from_server_version(format.server_version.as_bytes()),
            client_collation: None,
            reveal,
            source: None,
        }
    }

    /// The table that a rows event speaks of, by its id; as long as its statement is the last one.
    #[must_use]
    pub fn table(&self, table_id: u64) -> Option<&TableMapEvent<'a>> {
        self.maps.get(&table_id).map(|mapped| &mapped.map)
    }

    /// Tells how long the values of a table's rows are, where its definition knows it better than
    /// its map.
    pub fn set_layout(&mut self, table_id: u64, layout: RowLayout) {
        if let Some(mapped) = self.maps.get_mut(&table_id) {
            mapped.layout = Ok(layout);
        }
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
        self.dialect = other.dialect;
        self.client_collation = other.client_collation;
        self.ended = other.ended || other.maps.is_empty();
    }

    /// Describes `event`, which is the next of the log.
    ///
    /// # Errors
    /// The fault in a body that cannot be read.
    pub fn describe(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        let source = self.source.as_mut().and_then(|tracker| tracker.follow(event));
        let described = self.read(event)?;
        Ok(Described { source, ..described })
    }

    fn read(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        if std::mem::take(&mut self.ended) {
            self.maps.clear();
        }
        let body = event.body();
        match event.event_type() {
            EventType::QUERY => Ok(self.query(event, &event.query()?)),
            EventType::EXECUTE_LOAD_QUERY => {
                let load = ExecuteLoadQueryEvent::parse(body)?;
                let mut described = self.query(event, &load.query);
                described.info += &format!(" {}", info(event)?);
                Ok(described)
            }
            EventType::TABLE_MAP => self.table_map(body),
            event_type if event_type.is_rows() => self.rows(event),
            EventType(20..=22) => self.unread_rows(event),
            event_type if event_type.is_gtid() => self.transaction(event),
            EventType::ROWS_QUERY => Ok(self.cause("# ", rows_query(body)?)),
            EventType::ANNOTATE_ROWS => Ok(self.cause("", body)),
            event_type => {
                if is_frame(event_type) {
                    self.gtid = None;
                }
                let info = info(event)?;
                Ok(Described { info, ..Described::default() })
            }
        }
    }

    fn query(&mut self, event: &RawEvent<'_>, query: &QueryEvent<'a>) -> Described<'a> {
        self.follow_session(query);
        self.maps.clear();
        let statement = self.statement(query.text);
        let text = statement.decode().text;
        let database = (!query.database.is_empty()).then_some(query.database);
        let info = match database {
            Some(database) if !event.header.has(flags::SUPPRESS_USE) => {
                format!("use {}; {text}", quoted(database))
            }
            _ => text.into_owned(),
        };
        Described { info, database, statement: Some(statement), ..Described::default() }
    }

    fn follow_session(&mut self, query: &QueryEvent<'_>) {
        let Ok(vars) = query.status_vars() else { return };
        if let Some(sql_mode) = vars.sql_mode {
            self.dialect = self.dialect.with_sql_mode(sql_mode);
        }
        if let Some(charset) = vars.charset {
            self.dialect = self.dialect.with_client_collation(charset.client);
            self.client_collation = Some(charset.client);
        }
    }

    fn statement(&self, text: &'a [u8]) -> Statement<'a> {
        let bytes = match self.reveal {
            true => Cow::Borrowed(text),
            false => mask_secrets(text, &self.dialect),
        };
        Statement { bytes, collation: self.client_collation }
    }

    fn table_map(&mut self, body: &'a [u8]) -> Result<Described<'a>, Fault> {
        let map = TableMapEvent::parse(body, self.table_id_bytes)?;
        let info = format!("table_id: {} ({})", map.table_id, table_name(&map));
        self.maps.insert(map.table_id, Mapped { map, layout: map.layout() });
        let (database, table) = (Some(map.database), Some(map.table));
        Ok(Described { info, database, table, ..Described::default() })
    }

    fn rows(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        let rows = RowsEvent::parse(event.body(), event.event_type(), self.table_id_bytes)?;
        let mapped = self.maps.get(&rows.table_id);
        let mut described =
            Described { info: format!("table_id: {}", rows.table_id), ..Described::default() };
        if let Some(Mapped { map, layout }) = mapped {
            let count =
                layout.as_ref().map_err(Fault::clone).and_then(|layout| rows.count(layout))?;
            let noun = if count == 1 { "row" } else { "rows" };
            described.info += &format!(" ({}) {count} {noun}", table_name(map));
            described.database = Some(map.database);
            described.table = Some(map.table);
            described.rows = Some(count);
        }
        if rows.ends_statement() {
            described.info.push_str(" flags: STMT_END_F");
            self.ended = true;
        }
        Ok(described)
    }

    /// Rows of which no more is read than whose they are: those of 5.1's beta versions.
    fn unread_rows(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        let mut reader = Reader::new(event.body());
        let table_id = reader.uint(self.table_id_bytes, "table id")?;
        self.ended = reader.u16("flags")? & rows::flags::STMT_END != 0;
        let mut described =
            Described { info: format!("table_id: {table_id}"), ..Described::default() };
        if let Some(map) = self.table(table_id) {
            described.info += &format!(" ({})", table_name(map));
            (described.database, described.table) = (Some(map.database), Some(map.table));
        }
        if self.ended {
            described.info.push_str(" flags: STMT_END_F");
        }
        Ok(described)
    }

    /// The statement that the rows after it come from.
    fn cause(&self, prefix: &str, text: &'a [u8]) -> Described<'a> {
        let statement = self.statement(text);
        let info = format!("{prefix}{}", statement.decode().text);
        Described { info, statement: Some(statement), ..Described::default() }
    }

    fn transaction(&mut self, event: &RawEvent<'a>) -> Result<Described<'a>, Fault> {
        self.maps.clear();
        self.gtid = None;
        let info = if event.event_type() == EventType::MARIADB_GTID {
            let gtid = MariadbGtidEvent::parse(event.body(), &event.header)?;
            self.gtid = Some(TransactionGtid::Mariadb(gtid.gtid));
            let begin = match gtid.xid {
                _ if gtid.is_standalone() => String::new(),
                Some(xid) if gtid.is_prepared_xa() => format!("XA START {xid} "),
                _ => "BEGIN ".to_owned(),
            };
            format!("{begin}GTID {}", gtid.gtid)
        } else {
            let gtid = GtidEvent::parse(event.body(), &event.header)?;
            self.gtid = Some(gtid.gtid);
            format!("SET @@SESSION.GTID_NEXT= '{}'", gtid.gtid)
        };
        Ok(Described { info, ..Described::default() })
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

fn table_name(map: &TableMapEvent<'_>) -> String {
    format!("{}.{}", utf8(map.database).text, utf8(map.table).text)
}
