//! Divides a log into transactions, and what lies between them.

use crate::event::format_description::{FormatDescription, ServerVersion};
use crate::header::{EventHeader, EventType, Family, flags};
use crate::scan::{Damage, Frame, RawEvent, Scan};

use super::progress::Progress;
use super::statement::{Step, ends_load, is_context, step};
use super::{Ending, Transaction};

/// What a log is made of, seen from above.
#[derive(Debug, Clone)]
pub enum Unit<'a> {
    /// Events that commit together.
    Transaction(Transaction<'a>),
    /// An event that belongs to no transaction: the log's own frame.
    Control(RawEvent<'a>),
    /// A range that is lost. A transaction that it cuts came before it, with [`Ending::Open`]; what
    /// is left of that, or of another that begins in the damage, comes behind it, with
    /// [`Ending::Headless`].
    Damage(Damage),
}

/// Groups a scan into units.
#[derive(Debug, Clone)]
pub struct Units<'a> {
    scan: Scan<'a>,
    open: Vec<RawEvent<'a>>,
    progress: Progress,
    /// Whether the beginning of what comes is lost: everything up to an end, or to what certainly
    /// begins another transaction, is left of it.
    lost: bool,
    /// Whether a GTID event was seen.
    named: bool,
    /// A unit that came up while the transaction before it had to be handed out first.
    next: Option<Unit<'a>>,
    /// Where the walk rests, between two transactions.
    rest_at: u64,
    /// Room for the events of a transaction, of one that was given back.
    spare: Option<Vec<RawEvent<'a>>>,
}

/// Events for which memory is taken when a transaction opens: most have no more.
const USUAL_EVENTS: usize = 8;

impl<'a> Units<'a> {
    /// Groups what `scan` yields.
    #[must_use]
    pub fn new(scan: Scan<'a>) -> Self {
        let progress = Progress::Idle;
        let (open, rest_at) = (Vec::new(), u64::MAX);
        Units { scan, open, progress, lost: false, named: false, next: None, rest_at, spare: None }
    }

    /// Lets the walk rest before the first transaction at or behind `offset` that has a name and
    /// follows a unit that is whole. It goes on when it is to rest elsewhere.
    pub(crate) fn rest_at(&mut self, offset: u64) {
        self.rest_at = offset;
    }

    /// Whether the walk rests: there is more.
    pub(crate) fn rests(&self) -> bool {
        self.offset() >= self.rest_at
            && self.open.is_empty()
            && self.next.is_none()
            && !self.lost
            && self.scan.opens_transaction()
    }

    /// Takes back a transaction that is not needed any more: the next but one stands where it did.
    pub fn give_back(&mut self, transaction: Transaction<'a>) {
        let mut events = transaction.events;
        events.clear();
        self.spare = Some(events);
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

    /// Whether every transaction of the log begins with the event that names it: then a BEGIN without
    /// one belongs to a transaction whose name is lost.
    fn names_all(&self) -> bool {
        let format = self.scan.format();
        self.named || format.version >= first_that_names(format.family)
    }

    fn finish(&mut self, ending: Ending) -> Option<Unit<'a>> {
        self.progress = Progress::Idle;
        let lost = std::mem::take(&mut self.lost);
        if self.open.is_empty() {
            return None;
        }
        let events = std::mem::take(&mut self.open);
        let last = events.last().map(RawEvent::event_type);
        let ending = match (ending, last) {
            _ if lost => Ending::Headless,
            // What went on behind it was not of this transaction.
            (Ending::Open, Some(EventType::TRANSACTION_PAYLOAD)) => Ending::Whole,
            (ending, _) => ending,
        };
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

    /// Goes on with the open transaction, or opens the next, as long as events come that need no more:
    /// nearly all do. The transaction, if it came to its end.
    #[inline]
    fn go_on(&mut self) -> Option<Unit<'a>> {
        if self.lost {
            return None;
        }
        let mut quick = self.scan.quick();
        let mut ending = None;
        while let Some(frame) = quick.frame() {
            let event_type = frame.event_type();
            let usual = usual(event_type);
            if self.open.is_empty() != (usual == Usual::Opens) {
                break;
            }
            match usual {
                Usual::Opens => self.make_room(),
                Usual::GoesOn | Usual::Query | Usual::Ends => {}
                Usual::No => break,
            }
            self.open.push(quick.event(&frame));
            quick.pass(&frame);
            match usual {
                Usual::GoesOn => self.progress.advance_by_rows(event_type),
                Usual::Opens => self.announce(),
                Usual::Ends => {
                    ending = Some(Ending::Xid);
                    break;
                }
                Usual::Query | Usual::No => {
                    ending = self.open.last().and_then(|event| self.progress.advance(event));
                    if ending.is_some() {
                        break;
                    }
                }
            }
        }
        self.scan.pass(quick);
        ending.and_then(|ending| self.finish(ending))
    }

    /// Takes memory for the events of a transaction.
    fn make_room(&mut self) {
        if self.open.capacity() == 0 {
            self.open = match self.spare.take() {
                Some(spare) => spare,
                None => Vec::with_capacity(USUAL_EVENTS),
            };
        }
    }

    /// Looks at the GTID event that was just taken.
    fn announce(&mut self) {
        self.named = true;
        let family = self.scan.format().family;
        self.progress =
            self.open.last().map(|gtid| Progress::announced(gtid, family)).unwrap_or_default();
    }

    /// Takes the event in `frame`, whatever it is.
    fn take(&mut self, frame: Frame<'a>) -> Option<Unit<'a>> {
        let event = self.scan.event(frame);
        let event_type = event.event_type();
        if event_type.is_gtid() {
            let interrupted = self.finish(Ending::Open);
            self.make_room();
            self.open.push(event);
            self.announce();
            return interrupted;
        }
        if is_frame(&event.header) {
            return Some(self.interrupt(Unit::Control(event)));
        }
        if self.open.is_empty() && !may_start(event_type) {
            return Some(Unit::Control(event));
        }
        if self.open.is_empty() && self.scan.is_relay_log() && goes_on(event_type) {
            self.lost = true;
        }
        if self.lost {
            return self.take_lost(frame);
        }
        self.open.push(event);
        if event_type == EventType::TRANSACTION_PAYLOAD && self.goes_on() {
            return None;
        }
        let ending = self.open.last().and_then(|event| self.progress.advance(event));
        ending.and_then(|ending| self.finish(ending))
    }

    /// Takes an event of which it is not known what it belongs to.
    fn take_lost(&mut self, frame: Frame<'a>) -> Option<Unit<'a>> {
        let event = self.scan.event(frame);
        let mut progress = Progress::Begun;
        let ending = progress.advance(&event);
        if !self.names_all() && begins(&event) {
            let rest = self.finish(Ending::Headless);
            self.lost = false;
            self.open.push(event);
            self.progress = progress;
            return rest;
        }
        self.open.push(event);
        // A statement by itself ends nothing: it may be one of a transaction.
        ending.filter(|ending| *ending != Ending::Statement).and_then(|ending| self.finish(ending))
    }

    /// Whether the open transaction goes on behind a payload. It does where it has a name, unless
    /// the next event names another, or belongs to none: servers that write payloads name all.
    fn goes_on(&self) -> bool {
        let named = self.open.first().is_some_and(|first| first.event_type().is_gtid());
        named && self.scan.peek().is_some_and(may_start)
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        if let Some(unit) = self.next.take() {
            return Some(unit);
        }
        if self.rests() {
            return None;
        }
        loop {
            if let Some(unit) = self.go_on() {
                return Some(unit);
            }
            let unit = match self.scan.step() {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(damage)) => {
                    let unit = self.interrupt(Unit::Damage(damage));
                    self.lost = true;
                    Some(unit)
                }
                None => return self.finish(Ending::Open),
            };
            if unit.is_some() {
                return unit;
            }
        }
    }
}

/// The first servers that write a GTID event before every transaction, if only to say that it has
/// none: MySQL's of ANONYMOUS_GTID, MariaDB's of `Gtid_log_event`.
fn first_that_names(family: Family) -> ServerVersion {
    match family {
        Family::Mysql => ServerVersion(5, 7, 6),
        Family::Mariadb => ServerVersion(10, 0, 2),
    }
}

/// Whether an event begins a transaction for certain, whatever came before it.
fn begins(event: &RawEvent<'_>) -> bool {
    event.event_type() == EventType::QUERY
        && event.query().is_ok_and(|query| step(query.text) == Step::Begin)
}

/// Whether an event never begins a transaction by itself, so that a relay log that begins with it
/// goes on where the one before it ended.
fn goes_on(event_type: EventType) -> bool {
    event_type.is_rows() || matches!(event_type, EventType::TABLE_MAP | EventType::XID)
}

/// What an event is to an open transaction, or to none, where its type alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usual {
    /// It opens one.
    Opens,
    /// It is of the open one, and ends nothing.
    GoesOn,
    /// It is of the open one; its text tells whether it ends it.
    Query,
    /// It ends the open one.
    Ends,
    /// More has to be looked at.
    No,
}

#[inline]
fn usual(event_type: EventType) -> Usual {
    match event_type {
        EventType::QUERY => Usual::Query,
        EventType::XID => Usual::Ends,
        _ if event_type.is_gtid() => Usual::Opens,
        _ if event_type.is_rows() || is_context(event_type) => Usual::GoesOn,
        _ => Usual::No,
    }
}

/// Whether an event starts a transaction in logs without GTID events.
fn may_start(event_type: EventType) -> bool {
    is_context(event_type)
        || ends_load(event_type)
        || event_type.is_rows()
        || matches!(event_type, EventType::QUERY | EventType::EXECUTE_LOAD_QUERY | EventType::XID)
        || event_type.is_compressed()
        || event_type == EventType::XA_PREPARE
        || event_type == EventType::INCIDENT
}

/// Whether an event frames the log, so that no transaction reaches across it. What a server made up
/// for a replica (artificial, or of position 0) frames nothing.
fn is_frame(header: &EventHeader) -> bool {
    let made_up = header.log_pos == 0 || header.has(flags::ARTIFICIAL);
    match header.event_type {
        EventType::FORMAT_DESCRIPTION => !made_up && !header.has(flags::RELAY_LOG),
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
    fn a_payload_is_a_whole_transaction_unless_more_of_it_follows() {
        let payload = |log: LogBuilder| log.event(EventType::TRANSACTION_PAYLOAD, &[0]);
        let named = |log: LogBuilder| log.event(EventType::GTID, &[0; 25]);
        let log = payload(named(payload(payload(named(LogBuilder::new(MYSQL))))));
        let log = payload(named(log).query("BEGIN")).event(EventType::XID, &[0; 8]);
        let log = payload(named(log)).bytes(&[2; 30]);
        assert_eq!(
            shape(log),
            "Format_desc [Gtid Other Other]=Whole [Gtid Other]=Whole [Gtid Begin Other End]=Xid \
             [Gtid Other]=Whole damage"
        );
        let unnamed = payload(payload(LogBuilder::new(MYSQL)));
        assert_eq!(shape(unnamed), "Format_desc [Other]=Whole [Other]=Whole");
    }

    #[test]
    fn a_compressed_statement_of_mariadb_ends_what_was_not_begun() {
        let (mut group, mut standalone) = ([0; 19], [0; 19]);
        (group[12], standalone[12]) = (12, 1 | 32); // flags2
        let log = LogBuilder::new(MARIADB)
            .event(EventType::MARIADB_GTID, &standalone)
            .event(EventType::QUERY_COMPRESSED, &[0; 13])
            .event(EventType::MARIADB_GTID, &group)
            .event(EventType::QUERY_COMPRESSED, &[0; 13])
            .event(EventType::XID, &[0; 8]);
        assert_eq!(shape(log), "Format_desc [Gtid Other]=Statement [Gtid Other End]=Xid");
    }

    #[test]
    fn a_load_of_a_server_before_5_0_3_is_one_statement() {
        let file = |log: LogBuilder| {
            log.event(EventType::CREATE_FILE, &[0; 40])
                .event(EventType::APPEND_BLOCK, b"\x01\0\0\0a")
        };
        let log = file(LogBuilder::new("5.5.62-log"))
            .event(EventType::EXEC_LOAD, &[1, 0, 0, 0])
            .query("BEGIN");
        let log = file(log.event(EventType::INTVAR, &[0; 9]))
            .event(EventType::EXEC_LOAD, &[1, 0, 0, 0])
            .query("INSERT INTO t VALUES (1)")
            .query("COMMIT");
        let log = file(log)
            .event(EventType::DELETE_FILE, &[1, 0, 0, 0])
            .event(EventType::NEW_LOAD, &[0; 40]);
        assert_eq!(
            shape(log),
            "Format_desc [Other]=Statement [Begin Other Query End]=Commit [Other]=Statement \
             [Other]=Statement"
        );
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
        let lost = begun(LogBuilder::new(MYSQL))
            .bytes(&[1; 30])
            .rows(EventType::WRITE_ROWS, 7, 1)
            .query("DO 0")
            .event(EventType::XID, &[0; 8])
            .event(EventType::GTID, &[0; 25])
            .query("DO 1");
        assert_eq!(
            shape(lost),
            "Format_desc [Gtid Begin Rows…]=Open damage [Rows Query End]=Headless \
             [Gtid Query]=Statement"
        );
        let unnamed = LogBuilder::new(MYSQL)
            .bytes(&[1; 30])
            .query("BEGIN")
            .event(EventType::XID, &[0; 8])
            .event(EventType::ANONYMOUS_GTID, &[0; 25])
            .query("DO 1");
        assert_eq!(
            shape(unnamed),
            "Format_desc damage [Begin End]=Headless [Gtid Query]=Statement"
        );
        let unnamed = LogBuilder::new("5.5.62-log")
            .bytes(&[1; 30])
            .query("DO 1")
            .query("BEGIN")
            .query("DO 2")
            .query("COMMIT")
            .query("DO 3");
        assert_eq!(
            shape(unnamed),
            "Format_desc damage [Query]=Headless [Begin Query End]=Commit [Query]=Statement"
        );
        let torn = begun(LogBuilder::new(MYSQL)).bytes(&[1; 30]);
        assert_eq!(shape(torn), "Format_desc [Gtid Begin Rows…]=Open damage");
    }
}
