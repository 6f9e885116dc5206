//! Divides a log into transactions, and what lies between them.

use crate::event::format_description::FormatDescription;
use crate::event::mariadb_gtid;
use crate::header::{EventType, Family, flags};
use crate::scan::{Damage, RawEvent, Scan, Scanned};

use super::statement::{Step, is_context, step};
use super::{Ending, Transaction};

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

/// Events for which memory is taken when a transaction opens: most have no more.
const USUAL_EVENTS: usize = 8;

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

    /// The scan, as far as it was walked.
    #[must_use]
    pub fn into_scan(self) -> Scan<'a> {
        self.scan
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
            self.open.reserve(USUAL_EVENTS);
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
        let text = event.query().map_or(&b""[..], |query| query.text);
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
    use crate::transaction::StatementKind;

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
