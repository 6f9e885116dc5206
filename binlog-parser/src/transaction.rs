//! Transactions and statements: the units of everything above.
//!
//! ```text
//! Gtid  Query(BEGIN)  Rows_query Table_map Write_rows*  Table_map Delete_rows*  Xid
//! '---'  '--------'   '------------------------------'  '-------------------'   '-'
//!  Gtid    Begin                  Rows                          Rows             End   statements
//! '----------------------------------------------------------------------------------' transaction
//! ```
//! `*` carries STMT_END, which ends a statement of rows.

use crate::error::Fault;
use crate::event::format_description::FormatDescription;
use crate::event::gtid::GtidEvent;
use crate::event::mariadb_gtid::{self, MariadbGtidEvent};
use crate::event::query::QueryEvent;
use crate::gtid::TransactionGtid;
use crate::header::{EventType, Family, flags};
use crate::scan::{Damage, RawEvent, Scan, Scanned};

/// What a log is made of, seen from above.
#[derive(Debug, Clone)]
pub enum Unit<'a> {
    /// Events that commit together.
    Transaction(Transaction<'a>),
    /// An event that belongs to no transaction: the log's own frame.
    Control(RawEvent<'a>),
    /// A range that is lost. A transaction that it cuts came before it, with [`Ending::Open`].
    Damage(Damage),
}

/// What commits together, its GTID event first where there is one.
#[derive(Debug, Clone)]
pub struct Transaction<'a> {
    /// All its events, in the order of the log; never empty.
    pub events: Vec<RawEvent<'a>>,
    /// How it ends.
    pub ending: Ending,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// An Xid event: committed by a transactional engine.
    Xid,
    /// `COMMIT` as text.
    Commit,
    /// `ROLLBACK` as text: its effects on transactional tables are gone, on others they stay.
    Rollback,
    /// An XA_PREPARE event; the decision follows in a transaction of its own.
    XaPrepare,
    /// A single statement that commits by itself: DDL, XA COMMIT, XA ROLLBACK.
    Statement,
    /// An event that holds the whole transaction, or stands for it: a payload or an incident.
    Whole,
    /// The log, or what can be read of it, ends before the transaction does.
    Open,
}

impl<'a> Transaction<'a> {
    /// Stream position of the first byte.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.events.first().map_or(0, |event| event.offset)
    }

    /// Stream position of the byte after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.events.last().map_or(0, RawEvent::end)
    }

    /// The event that names the transaction, if the server wrote one.
    #[must_use]
    pub fn gtid_event(&self) -> Option<&RawEvent<'a>> {
        self.events.first().filter(|event| event.event_type().is_gtid())
    }

    /// The transaction's name; anonymous where the server wrote none.
    ///
    /// # Errors
    /// A [`Fault`] if the GTID event cannot be read.
    pub fn gtid(&self) -> Result<TransactionGtid, Fault> {
        let Some(event) = self.gtid_event() else { return Ok(TransactionGtid::Anonymous) };
        if event.event_type() == EventType::MARIADB_GTID {
            let event = MariadbGtidEvent::parse(event.body(), &event.header)?;
            return Ok(TransactionGtid::Mariadb(event.gtid));
        }
        GtidEvent::parse(event.body(), &event.header).map(|event| event.gtid)
    }

    /// When the transaction committed, as its last event's header tells: the start of the last
    /// statement, in seconds since 1970 UTC. 0 if no event has a time.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        let mut times = self.events.iter().rev().map(|event| event.header.timestamp);
        times.find(|time| *time != 0).unwrap_or(0)
    }

    /// When the transaction's first statement started, in seconds since 1970 UTC.
    #[must_use]
    pub fn started(&self) -> u32 {
        let mut times = self.events.iter().map(|event| event.header.timestamp);
        times.find(|time| *time != 0).unwrap_or(0)
    }

    /// The event that starts at stream position `offset`, if it is one of this transaction's.
    #[must_use]
    pub fn event_at(&self, offset: u64) -> Option<usize> {
        self.events.binary_search_by_key(&offset, |event| event.offset).ok()
    }

    /// The statements, first to last. Every event is in exactly one of them.
    pub fn statements<'t>(&'t self, table_id_bytes: usize) -> Statements<'t, 'a> {
        Statements { events: &self.events, table_id_bytes }
    }
}

/// The events of one SQL statement, or of one step of the transaction.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'t, 'a> {
    /// What they are.
    pub kind: StatementKind,
    /// The events; never empty.
    pub events: &'t [RawEvent<'a>],
}

impl<'a> Statement<'_, 'a> {
    /// The last event: the Query of a statement of text, the rows event with STMT_END of one of
    /// rows.
    #[must_use]
    pub fn last(&self) -> Option<&RawEvent<'a>> {
        self.events.last()
    }

    /// Stream position of the first byte.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.events.first().map_or(0, |event| event.offset)
    }

    /// Stream position of the byte after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.events.last().map_or(0, RawEvent::end)
    }
}

/// What a statement is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// The event that names the transaction.
    Gtid,
    /// `BEGIN` or `XA START`.
    Begin,
    /// Xid, `COMMIT`, `ROLLBACK`, XA_PREPARE.
    End,
    /// A statement as text, with the context events before it.
    Query,
    /// Table maps and rows, with the text that caused them if it was logged. `whole` tells whether
    /// the last event carries STMT_END.
    Rows {
        /// Whether the statement's last rows event is there.
        whole: bool,
    },
    /// Any other event, carried as it is.
    Other,
}

/// An iterator over the statements of a transaction.
#[derive(Debug, Clone)]
pub struct Statements<'t, 'a> {
    events: &'t [RawEvent<'a>],
    table_id_bytes: usize,
}

impl<'t, 'a> Iterator for Statements<'t, 'a> {
    type Item = Statement<'t, 'a>;

    fn next(&mut self) -> Option<Statement<'t, 'a>> {
        let (kind, count) = self.measure()?;
        let (events, rest) = self.events.split_at(count.min(self.events.len()));
        self.events = rest;
        Some(Statement { kind, events })
    }
}

impl Statements<'_, '_> {
    /// Kind of the next statement, and how many events it has; at least one.
    fn measure(&self) -> Option<(StatementKind, usize)> {
        let first = self.events.first()?;
        if !is_context(first.event_type()) && !first.event_type().is_rows() {
            return Some((single(first), 1));
        }
        let mut rows = false;
        for (index, event) in self.events.iter().enumerate() {
            let event_type = event.event_type();
            match event_type {
                EventType::QUERY | EventType::EXECUTE_LOAD_QUERY if !rows => {
                    // A step of the transaction does not take context events with it.
                    return Some(match single(event) {
                        StatementKind::Query => (StatementKind::Query, index + 1),
                        _ => (StatementKind::Other, index),
                    });
                }
                EventType::TABLE_MAP => rows = true,
                _ if event_type.is_rows() => {
                    rows = true;
                    if ends_statement(event, self.table_id_bytes) {
                        return Some((StatementKind::Rows { whole: true }, index + 1));
                    }
                }
                _ if is_context(event_type) => {}
                _ => return Some((unfinished(rows), index)),
            }
        }
        Some((unfinished(rows), self.events.len()))
    }
}

fn unfinished(rows: bool) -> StatementKind {
    if rows { StatementKind::Rows { whole: false } } else { StatementKind::Other }
}

/// Kind of a statement that is this event alone.
fn single(event: &RawEvent<'_>) -> StatementKind {
    match event.event_type() {
        EventType::QUERY => match QueryEvent::parse(event.body()).map(|query| step(query.text)) {
            Ok(Step::Begin) => StatementKind::Begin,
            Ok(Step::Commit | Step::Rollback) => StatementKind::End,
            _ => StatementKind::Query,
        },
        EventType::EXECUTE_LOAD_QUERY => StatementKind::Query,
        EventType::XID | EventType::XA_PREPARE => StatementKind::End,
        event_type if event_type.is_gtid() => StatementKind::Gtid,
        _ => StatementKind::Other,
    }
}

/// Whether an event of this type only prepares the statement that follows.
fn is_context(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::TABLE_MAP
            | EventType::ROWS_QUERY
            | EventType::ANNOTATE_ROWS
            | EventType::INTVAR
            | EventType::RAND
            | EventType::USER_VAR
            | EventType::BEGIN_LOAD_QUERY
            | EventType::APPEND_BLOCK
    )
}

/// STMT_END in the flags of a rows event (`Rows_event::enum_flag`).
const STMT_END: u8 = 1;

fn ends_statement(rows: &RawEvent<'_>, table_id_bytes: usize) -> bool {
    rows.body().get(table_id_bytes).is_some_and(|flags| flags & STMT_END != 0)
}

/// What a statement's text means for the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `BEGIN`, `START TRANSACTION`, `XA START`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`, but not to a savepoint.
    Rollback,
    /// `XA COMMIT` or `XA ROLLBACK` of a transaction that was prepared before.
    XaDecision,
    /// `XA END`, `SAVEPOINT`, `ROLLBACK TO`, `RELEASE`: a step inside.
    Inside,
    /// Anything else.
    Statement,
}

/// Reads a Query event's text. The servers write these steps themselves, always in one form, so
/// comments and odd spaces are no concern.
#[must_use]
pub fn step(text: &[u8]) -> Step {
    let starts = |word: &str| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    let is = |word: &str| text.len() == word.len() && starts(word);
    match text.first().map(u8::to_ascii_uppercase) {
        Some(b'B') if is("BEGIN") => Step::Begin,
        Some(b'C') if is("COMMIT") => Step::Commit,
        Some(b'R') if is("ROLLBACK") => Step::Rollback,
        Some(b'R') if starts("ROLLBACK TO") || starts("RELEASE SAVEPOINT") => Step::Inside,
        Some(b'S') if is("START TRANSACTION") => Step::Begin,
        Some(b'S') if starts("SAVEPOINT ") => Step::Inside,
        Some(b'X') if starts("XA START") || starts("XA BEGIN") => Step::Begin,
        Some(b'X') if starts("XA END") => Step::Inside,
        Some(b'X') if starts("XA COMMIT") || starts("XA ROLLBACK") => Step::XaDecision,
        _ => Step::Statement,
    }
}

/// Groups a scan into units.
#[derive(Debug, Clone)]
pub struct Units<'a> {
    scan: Scan<'a>,
    open: Vec<RawEvent<'a>>,
    state: State,
    /// A unit that came up while the transaction before it had to be handed out first.
    next: Option<Unit<'a>>,
}

/// What the events seen so far call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No transaction is open.
    Idle,
    /// One was announced; a single statement may be all of it.
    Announced,
    /// One was begun; only its end ends it.
    Begun,
}

impl<'a> Units<'a> {
    /// Groups what `scan` yields.
    #[must_use]
    pub fn new(scan: Scan<'a>) -> Self {
        Units { scan, open: Vec::new(), state: State::Idle, next: None }
    }

    /// The format description that holds at this point.
    #[must_use]
    pub fn format(&self) -> &FormatDescription {
        self.scan.format()
    }

    /// How far the walk has come: stream position of the next event.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.scan.offset()
    }

    fn finish(&mut self, ending: Ending) -> Option<Unit<'a>> {
        self.state = State::Idle;
        if self.open.is_empty() {
            return None;
        }
        let events = std::mem::take(&mut self.open);
        Some(Unit::Transaction(Transaction { events, ending }))
    }

    /// Hands out the open transaction, if any, and then `unit`.
    fn interrupt(&mut self, unit: Unit<'a>) -> Unit<'a> {
        match self.finish(Ending::Open) {
            Some(transaction) => {
                self.next = Some(unit);
                transaction
            }
            None => unit,
        }
    }

    fn take(&mut self, event: RawEvent<'a>) -> Option<Unit<'a>> {
        let event_type = event.event_type();
        if event_type.is_gtid() {
            let interrupted = self.finish(Ending::Open);
            self.state = if opens_group(&event, self.scan.format().family) {
                State::Begun
            } else {
                State::Announced
            };
            self.open.push(event);
            return interrupted;
        }
        if self.state == State::Idle && !may_start(event_type) || is_frame(&event) {
            return Some(self.interrupt(Unit::Control(event)));
        }
        self.open.push(event);
        self.advance(&event).and_then(|ending| self.finish(ending))
    }

    /// Moves on by an event of an open transaction; tells how it ends the transaction, if it does.
    fn advance(&mut self, event: &RawEvent<'a>) -> Option<Ending> {
        match event.event_type() {
            EventType::QUERY => return self.advance_by_query(event),
            EventType::XID => return Some(Ending::Xid),
            EventType::XA_PREPARE => return Some(Ending::XaPrepare),
            EventType::TRANSACTION_PAYLOAD | EventType::INCIDENT => return Some(Ending::Whole),
            EventType::EXECUTE_LOAD_QUERY if self.state != State::Begun => {
                return Some(Ending::Statement);
            }
            EventType::TABLE_MAP => self.state = State::Begun,
            _ if self.state == State::Idle => self.state = State::Announced,
            _ => {}
        }
        None
    }

    fn advance_by_query(&mut self, event: &RawEvent<'a>) -> Option<Ending> {
        let text = QueryEvent::parse(event.body()).map_or(&b""[..], |query| query.text);
        match step(text) {
            Step::Begin => self.state = State::Begun,
            Step::Commit => return Some(Ending::Commit),
            Step::Rollback => return Some(Ending::Rollback),
            Step::XaDecision => return Some(Ending::Statement),
            Step::Inside => {}
            Step::Statement if self.state == State::Begun => {}
            // CREATE TABLE … SELECT of MySQL 8.0.21 and later opens its transaction itself.
            Step::Statement if text.ends_with(b"START TRANSACTION") => self.state = State::Begun,
            Step::Statement => return Some(Ending::Statement),
        }
        None
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        if let Some(unit) = self.next.take() {
            return Some(unit);
        }
        loop {
            let unit = match self.scan.next() {
                Some(Scanned::Event(event)) => self.take(event),
                Some(Scanned::Damage(damage)) => Some(self.interrupt(Unit::Damage(damage))),
                None => return self.finish(Ending::Open),
            };
            if unit.is_some() {
                return unit;
            }
        }
    }
}

/// Whether a GTID event itself begins the transaction, as MariaDB's does where there is no BEGIN.
fn opens_group(event: &RawEvent<'_>, family: Family) -> bool {
    family == Family::Mariadb
        && event.event_type() == EventType::MARIADB_GTID
        && event.body().get(12).is_some_and(|flags2| flags2 & mariadb_gtid::flags::STANDALONE == 0)
}

/// Whether an event starts a transaction in logs without GTID events.
fn may_start(event_type: EventType) -> bool {
    is_context(event_type)
        || event_type.is_rows()
        || matches!(event_type, EventType::QUERY | EventType::EXECUTE_LOAD_QUERY | EventType::XID)
        || matches!(event_type, EventType::XA_PREPARE | EventType::TRANSACTION_PAYLOAD)
        || event_type == EventType::INCIDENT
}

/// Whether an event frames the log, so that no transaction reaches across it. What a server made up
/// for a replica (artificial, or of position 0) frames nothing.
fn is_frame(event: &RawEvent<'_>) -> bool {
    let made_up = event.header.log_pos == 0 || event.header.has(flags::ARTIFICIAL);
    match event.event_type() {
        EventType::FORMAT_DESCRIPTION => !made_up && !event.header.has(flags::RELAY_LOG),
        EventType::ROTATE => !made_up,
        EventType::STOP | EventType::PREVIOUS_GTIDS | EventType::GTID_LIST => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::LogBuilder;

    /// One word a unit: `[Gtid Begin Rows End]=Xid`, `Rotate`, `damage`.
    fn shape(log: LogBuilder) -> String {
        let log = log.open();
        let mut words = vec![];
        for unit in Units::new(log.scan()) {
            words.push(match unit {
                Unit::Control(event) => event.event_type().name().to_owned(),
                Unit::Damage(_) => "damage".to_owned(),
                Unit::Transaction(transaction) => {
                    let kinds: Vec<_> = transaction
                        .statements(6)
                        .map(|statement| match statement.kind {
                            StatementKind::Rows { whole: true } => "Rows".to_owned(),
                            StatementKind::Rows { whole: false } => "Rows…".to_owned(),
                            kind => format!("{kind:?}"),
                        })
                        .collect();
                    format!("[{}]={:?}", kinds.join(" "), transaction.ending)
                }
            });
        }
        words.join(" ")
    }

    const MYSQL: &str = "9.7.1";
    const MARIADB: &str = "11.8.6-MariaDB";

    #[test]
    fn a_row_transaction_of_mysql() {
        let log = LogBuilder::new(MYSQL)
            .event(EventType::PREVIOUS_GTIDS, &[0; 8])
            .event(EventType::GTID, &[0; 25])
            .query("BEGIN")
            .event(EventType::ROWS_QUERY, b"\x01DELETE")
            .table_map(7)
            .rows(EventType::DELETE_ROWS, 7, 0)
            .rows(EventType::DELETE_ROWS, 7, 1)
            .query("SAVEPOINT `a`")
            .table_map(8)
            .table_map(9)
            .rows(EventType::WRITE_ROWS, 8, 0)
            .rows(EventType::WRITE_ROWS, 9, 1)
            .event(EventType::XID, &[0; 8])
            .event(EventType::ROTATE, b"\x04\0\0\0\0\0\0\0binlog.000002");
        assert_eq!(
            shape(log),
            "Format_desc Previous_gtids [Gtid Begin Rows Query Rows End]=Xid Rotate"
        );
    }

    #[test]
    fn ddl_ends_its_transaction_and_a_table_made_by_select_begins_one() {
        let log = LogBuilder::new(MYSQL)
            .event(EventType::ANONYMOUS_GTID, &[0; 25])
            .query("DROP TABLE `t`")
            .event(EventType::ANONYMOUS_GTID, &[0; 25])
            .query("CREATE TABLE `t` (`a` int) START TRANSACTION")
            .table_map(7)
            .rows(EventType::WRITE_ROWS, 7, 1)
            .event(EventType::XID, &[0; 8]);
        assert_eq!(shape(log), "Format_desc [Gtid Query]=Statement [Gtid Query Rows End]=Xid");
    }

    #[test]
    fn mariadb_has_no_begin_and_standalone_groups() {
        let (mut group, mut standalone) = ([0; 19], [0; 19]);
        (group[12], standalone[12]) = (12, 1 | 32); // flags2
        let log = LogBuilder::new(MARIADB)
            .event(EventType::MARIADB_GTID, &group)
            .event(EventType::ANNOTATE_ROWS, b"INSERT")
            .table_map(7)
            .rows(EventType::WRITE_ROWS_V1, 7, 1)
            .query("COMMIT")
            .event(EventType::MARIADB_GTID, &standalone)
            .query("ALTER TABLE t ADD b int")
            .event(EventType::BINLOG_CHECKPOINT, b"\x01\0\0\0a");
        assert_eq!(
            shape(log),
            "Format_desc [Gtid Rows End]=Commit [Gtid Query]=Statement Binlog_checkpoint"
        );
    }

    #[test]
    fn xa_ends_at_its_prepare_and_is_decided_alone() {
        let log = LogBuilder::new(MYSQL)
            .event(EventType::GTID, &[0; 25])
            .query("XA START X'61',X'',1")
            .table_map(7)
            .rows(EventType::WRITE_ROWS, 7, 1)
            .query("XA END X'61',X'',1")
            .event(EventType::XA_PREPARE, &[0; 13])
            .event(EventType::GTID, &[0; 25])
            .query("XA COMMIT X'61',X'',1");
        assert_eq!(
            shape(log),
            "Format_desc [Gtid Begin Rows Query End]=XaPrepare [Gtid Query]=Statement"
        );
    }

    #[test]
    fn context_events_go_with_their_query() {
        let log = LogBuilder::new("5.5.62-log")
            .query("BEGIN")
            .event(EventType::INTVAR, &[0; 9])
            .event(EventType::USER_VAR, &[0; 9])
            .query("INSERT INTO t VALUES (NULL, @a)")
            .event(EventType::INTVAR, &[0; 9])
            .query("COMMIT")
            .event(EventType::RAND, &[0; 16])
            .query("INSERT INTO myisam VALUES (RAND())");
        assert_eq!(shape(log), "Format_desc [Begin Query Other End]=Commit [Query]=Statement");
    }

    #[test]
    fn what_is_cut_is_open() {
        let begun =
            |log: LogBuilder| log.event(EventType::GTID, &[0; 25]).query("BEGIN").table_map(7);
        assert_eq!(shape(begun(LogBuilder::new(MYSQL))), "Format_desc [Gtid Begin Rows…]=Open");
        let stopped = begun(LogBuilder::new(MYSQL)).event(EventType::STOP, &[]);
        assert_eq!(shape(stopped), "Format_desc [Gtid Begin Rows…]=Open Stop");
        let next = begun(LogBuilder::new(MYSQL)).event(EventType::GTID, &[0; 25]).query("DO 1");
        assert_eq!(shape(next), "Format_desc [Gtid Begin Rows…]=Open [Gtid Query]=Statement");
        let torn = begun(LogBuilder::new(MYSQL)).bytes(&[1; 30]);
        assert_eq!(shape(torn), "Format_desc [Gtid Begin Rows…]=Open damage");
    }
}
