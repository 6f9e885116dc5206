//! Which transactions are meant: filters, and addresses resolved to places in a log set.
//!
//! Everything here selects whole transactions. Event times go backwards and a cut inside a
//! transaction gives a state that never was, so a time or a position decides about the transaction
//! it falls into, and the caller can name those that straddle it.

use std::collections::BTreeMap;
use std::iter::once;
use std::ops::Range;

use binlog_parser::address::{Address, EventAddress};
use binlog_parser::error::Location;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::gtid::{AnyGtid, AnyGtidSet, GtidSet, TransactionGtid};
use binlog_parser::header::EventType;
use binlog_parser::index::Record;
use binlog_parser::inflate::Inflated;
use binlog_parser::parallel;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Plain, Transaction, Unit, Units};

use crate::error::{Error, Result};
/// A table by name; without a database, that table in every database.
pub use crate::sql::TableName;

/// The filters that every verb knows. An empty filter selects everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// First time that is selected, in microseconds since 1970 UTC.
    pub start_time: Option<i64>,
    /// First time that is not selected any more, in microseconds since 1970 UTC.
    pub stop_time: Option<i64>,
    /// First position in the first log.
    pub start_position: Option<u64>,
    /// Position in the last log behind the last transaction.
    pub stop_position: Option<u64>,
    /// Only transactions with these GTIDs.
    pub include_gtids: Option<AnyGtidSet>,
    /// No transactions with these GTIDs.
    pub exclude_gtids: Option<AnyGtidSet>,
    /// Only statements on these databases; empty means all.
    pub databases: Vec<Vec<u8>>,
    /// Only statements on these tables; empty means all.
    pub tables: Vec<TableName>,
    /// Only transactions that these servers wrote first; empty means all.
    pub server_ids: Vec<u32>,
    /// Not what a backup holds already.
    pub contained: Option<Contained>,
}

/// What of the logs a backup holds (see [`crate::backup`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contained {
    /// The transactions of these GTIDs, wherever they stand: a set need not be a prefix of a log.
    Gtids(GtidSet),
    /// Of each domain of MariaDB, everything up to the transaction that starts at this place: the
    /// number of a log in its set, and a stream position.
    Domains(BTreeMap<u32, (usize, u64)>),
    /// Everything that starts before this place.
    Before {
        /// Number of the log in its set.
        log: usize,
        /// Stream position.
        position: u64,
    },
}

impl Contained {
    /// Whether the backup holds a transaction of log number `number`.
    ///
    /// # Errors
    /// A GTID event that cannot be read.
    pub fn contains(
        &self,
        log: &Log,
        number: usize,
        transaction: &Transaction<'_>,
    ) -> Result<bool> {
        let place = (number, transaction.start());
        Ok(match self {
            Contained::Gtids(set) => match gtid_of(log, transaction)? {
                TransactionGtid::Mysql(gtid) => set.contains(&gtid),
                _ => false,
            },
            Contained::Domains(ends) => match gtid_of(log, transaction)? {
                TransactionGtid::Mariadb(gtid) => {
                    ends.get(&gtid.domain).is_some_and(|end| place <= *end)
                }
                _ => false,
            },
            Contained::Before { log, position } => place < (*log, *position),
        })
    }
}

/// Why a transaction is not selected, as far as the rest of a walk depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected {
    /// It is.
    Yes,
    /// It lies outside the times or positions.
    OutOfRange,
    /// Its GTID or server is not wanted.
    Filtered,
    /// A backup holds it already.
    Contained,
}

impl Filter {
    /// Whether a transaction of log number `log` of `set` is selected. Databases and tables are not
    /// looked at here: they select among statements.
    ///
    /// # Errors
    /// A GTID event that cannot be read.
    pub fn selects(
        &self,
        set: &LogSet,
        log: usize,
        transaction: &Transaction<'_>,
    ) -> Result<Selected> {
        if let Some(contained) = &self.contained
            && contained.contains(&set.logs()[log], log, transaction)?
        {
            return Ok(Selected::Contained);
        }
        let last = set.logs().len().saturating_sub(1);
        let before = log == 0 && self.start_position.is_some_and(|at| transaction.start() < at);
        let behind = log == last && self.stop_position.is_some_and(|at| transaction.end() > at);
        if before || behind || !self.in_time(transaction.timestamp()) {
            return Ok(Selected::OutOfRange);
        }
        if !self.server_ids.is_empty() {
            let server_id = transaction.events.first().map(|event| event.header().server_id);
            if !server_id.is_some_and(|id| self.server_ids.contains(&id)) {
                return Ok(Selected::Filtered);
            }
        }
        if self.include_gtids.is_some() || self.exclude_gtids.is_some() {
            let gtid = gtid_of(&set.logs()[log], transaction)?;
            if !self.selects_gtid(&gtid) {
                return Ok(Selected::Filtered);
            }
        }
        Ok(Selected::Yes)
    }

    /// Whether a time, in seconds since 1970 UTC, lies between start and stop.
    #[must_use]
    pub fn in_time(&self, timestamp: u32) -> bool {
        let time = i64::from(timestamp) * 1_000_000;
        self.start_time.is_none_or(|start| time >= start)
            && self.stop_time.is_none_or(|stop| time < stop)
    }

    /// The ranges of log number `log` outside of which no transaction is selected, or lies on both
    /// sides of a time; all of it without an index. A walk of each may begin with nothing known.
    #[must_use]
    pub fn ranges(&self, set: &LogSet, log: usize) -> Vec<Range<u64>> {
        let Some(indexed) = set.indexed(log).filter(|_| self.contained.is_none()) else {
            return vec![parallel::whole(&set.logs()[log])];
        };
        let last = set.logs().len().saturating_sub(1);
        let from = self.start_position.filter(|_| log == 0);
        let to = self.stop_position.filter(|_| log == last);
        let [since, until] = self.seconds();
        let ranges = indexed.of_transactions(since, until).into_iter();
        let ranges = ranges.map(|range| indexed.within(range, from, to));
        ranges.filter(|range| !range.is_empty()).collect()
    }

    /// Start and stop in seconds since 1970 UTC: those of an event's header, which has no more, are
    /// selected from the first on and before the second.
    #[must_use]
    pub fn seconds(&self) -> [Option<u32>; 2] {
        [self.start_time, self.stop_time].map(|time| time.map(seconds))
    }

    /// Whether a transaction lies on both sides of the start or stop time: it is selected by its
    /// end, and some of its statements began on the other side.
    #[must_use]
    pub fn straddles(&self, transaction: &Transaction<'_>) -> bool {
        let (started, ended) = (transaction.started(), transaction.timestamp());
        let sides = |limit: Option<i64>| {
            limit.is_some_and(|limit| {
                (i64::from(started) * 1_000_000 < limit) != (i64::from(ended) * 1_000_000 < limit)
            })
        };
        sides(self.start_time) || sides(self.stop_time)
    }

    fn selects_gtid(&self, gtid: &TransactionGtid) -> bool {
        self.include_gtids.as_ref().is_none_or(|set| set.contains(gtid))
            && !self.exclude_gtids.as_ref().is_some_and(|set| set.contains(gtid))
    }

    /// Whether databases or tables are filtered at all.
    #[must_use]
    pub fn by_table(&self) -> bool {
        !self.databases.is_empty() || !self.tables.is_empty()
    }

    /// Whether a statement on this table is selected.
    #[must_use]
    pub fn selects_table(&self, database: &[u8], table: &[u8]) -> bool {
        self.selects_database(database)
            && (self.tables.is_empty()
                || self.tables.iter().any(|name| {
                    name.table == table && name.database.as_deref().is_none_or(|db| db == database)
                }))
    }

    /// Whether a statement on this database, of whatever table, may be selected.
    #[must_use]
    pub fn selects_database(&self, database: &[u8]) -> bool {
        self.databases.is_empty() || self.databases.iter().any(|name| name == database)
    }
}

/// The first whole second that is not before a time in microseconds.
fn seconds(time: i64) -> u32 {
    let second = time.div_euclid(1_000_000) + i64::from(time.rem_euclid(1_000_000) > 0);
    u32::try_from(second.max(0)).unwrap_or(u32::MAX)
}

/// The GTID of a transaction of `log`.
///
/// # Errors
/// A GTID event that cannot be read, with its place.
pub fn gtid_of(log: &Log, transaction: &Transaction<'_>) -> Result<TransactionGtid> {
    let place = || log.location(transaction.start()).of("Gtid");
    transaction.gtid().map_err(|fault| Error::at(fault, place()))
}

/// An address, found in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Index of the log in its set.
    pub log: usize,
    /// Stream position of the first event of the transaction, or of an event outside of any.
    pub start: u64,
    /// Stream position behind the transaction's last event.
    pub end: u64,
    /// Stream position of the event that the address names; [`Target::start`] for a GTID.
    pub event: u64,
    /// Where in the compressed transaction there the event stands, if the address names one inside.
    pub inner: Option<u64>,
}

impl Target {
    /// Whether the address names an event inside its transaction, behind the first.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.event != self.start || self.inner.is_some()
    }

    /// Place of the event that the address names, as [`RawEvent::place`] tells it.
    #[must_use]
    pub fn place(&self) -> (u64, Option<u64>) {
        (self.event, self.inner)
    }

    /// The address of the event that was named.
    #[must_use]
    pub fn event_address(&self, set: &LogSet) -> EventAddress {
        let name = set.logs()[self.log].name();
        EventAddress { inner: self.inner, ..EventAddress::new(name, self.event) }
    }

    /// Whether this transaction is the target's, in log number `log`.
    #[must_use]
    pub fn is(&self, log: usize, transaction: &Transaction<'_>) -> bool {
        self.log == log && self.start == transaction.start()
    }

    /// The address of the transaction.
    #[must_use]
    pub fn address(&self, set: &LogSet) -> EventAddress {
        EventAddress::new(set.logs()[self.log].name(), self.start)
    }
}

/// Finds the transaction that `address` names.
///
/// # Errors
/// [`Error::NotReached`] if no log has the name, no event starts at the position, or no transaction
/// has the GTID.
pub fn resolve(set: &LogSet, address: &Address) -> Result<Target> {
    match address {
        Address::Event(event) => resolve_event(set, event),
        Address::Gtid(gtid) => resolve_gtid(set, gtid),
    }
}

fn resolve_event(set: &LogSet, address: &EventAddress) -> Result<Target> {
    let not_reached = |what: String| Err(Error::NotReached(format!("{address}: {what}")));
    let Some(log) = set.position(&address.log) else {
        let logs: Vec<_> = set.logs().iter().map(|log| &**log.name()).collect();
        return not_reached(format!("no log has this name; had {}", shorten(&logs)));
    };
    let event = address.position;
    let mut units = indexed(set, log, event).unwrap_or_else(|| Units::new(set.logs()[log].scan()));
    while let Some(unit) = units.next() {
        let (start, end, found) = match &unit {
            Unit::Transaction(t) => (t.start(), t.end(), t.event_at(event).is_some()),
            Unit::Control(control) => (control.offset, control.end(), control.offset == event),
            Unit::Damage(damage) => (damage.range.start, damage.range.end, false),
        };
        if found {
            let inside = |inner| find_inner(unit, (event, inner), units.format());
            return match address.inner.map_or(Ok(()), inside) {
                Ok(()) => Ok(Target { log, start, end, event, inner: address.inner }),
                Err(what) => not_reached(what),
            };
        }
        if event < end {
            return match unit {
                Unit::Damage(_) => not_reached(format!("bytes {start} to {end} are damaged")),
                _ => not_reached(format!(
                    "no event starts there; the one before starts at {}",
                    before(&unit, event)
                )),
            };
        }
    }
    not_reached(format!("the log ends at {}", set.logs()[log].len()))
}

/// A walk that begins at the transaction which has the byte at `position`, by the index of log number
/// `log`. None without an index, and where the log does not bear it out.
fn indexed(set: &LogSet, log: usize, position: u64) -> Option<Units<'_>> {
    let record = set.index(log)?.at(position).ok()??;
    walk_from(&set.logs()[log], &record)
}

/// A walk of `log` that begins at the transaction of an index's record, if that stands there.
fn walk_from<'a>(log: &'a Log, record: &Record) -> Option<Units<'a>> {
    let units = Units::new(log.scan_from(record.start));
    let stands = match units.clone().next()? {
        Unit::Transaction(transaction) => {
            (transaction.start(), transaction.end()) == (record.start, record.end)
        }
        _ => false,
    };
    stands.then_some(units)
}

/// Looks for the event at a place in a compressed transaction; tells why there is none.
fn find_inner(
    unit: Unit<'_>,
    (position, inner): (u64, u64),
    format: &FormatDescription,
) -> Result<(), String> {
    let is_payload = |event: &RawEvent<'_>| {
        event.offset == position && event.event_type() == EventType::TRANSACTION_PAYLOAD
    };
    let transaction = match unit {
        Unit::Transaction(transaction) if transaction.events.iter().any(is_payload) => transaction,
        _ => return Err(format!("the event at {position} is no compressed transaction")),
    };
    let mut inflated = Inflated::default();
    let Plain { transaction, damage } = transaction.plain(&mut inflated, format);
    if transaction.holds((position, Some(inner))) {
        return Ok(());
    }
    let inside = transaction.events.iter().filter(|event| event.offset == position);
    let before = inside.filter_map(RawEvent::inner).take_while(|start| *start < inner).last();
    let before = before
        .map_or_else(String::new, |start| format!("; the one before starts at {position}+{start}"));
    Err(match damage {
        Some(damage) => format!("no event can be read there: {}{before}", damage.fault),
        None => format!("no event starts there{before}"),
    })
}

/// Start of the last event of `unit` before `position`.
fn before(unit: &Unit<'_>, position: u64) -> u64 {
    match unit {
        Unit::Transaction(transaction) => {
            let mut starts = transaction.events.iter().rev().map(|event| event.offset);
            starts.find(|start| *start < position).unwrap_or(transaction.start())
        }
        Unit::Control(event) => event.offset,
        Unit::Damage(damage) => damage.range.start,
    }
}

fn resolve_gtid(set: &LogSet, wanted: &AnyGtid) -> Result<Target> {
    let logs = set.logs();
    // What the logs say of those before them tells where it should be; whatever they say, it may be
    // elsewhere.
    let likely = logs.partition_point(|log| !Extent::before(log).is_behind(wanted));
    let likely = likely.saturating_sub(1);
    let others = (0..logs.len()).filter(|index| *index != likely);
    for index in once(likely).chain(others) {
        let Some(log) = logs.get(index) else { continue };
        let units = match set.index(index).map(|index| index.named(wanted)) {
            Some(Ok(None)) => continue,
            Some(Ok(Some(record))) => walk_from(log, &record),
            Some(Err(_)) | None => None,
        };
        for unit in units.unwrap_or_else(|| Units::new(log.scan())) {
            let Unit::Transaction(transaction) = unit else { continue };
            if gtid_of(log, &transaction)?.gtid().as_ref() == Some(wanted) {
                let (start, end) = (transaction.start(), transaction.end());
                return Ok(Target { log: index, start, end, event: start, inner: None });
            }
        }
    }
    let logs: Vec<_> = logs.iter().map(|log| &**log.name()).collect();
    Err(Error::NotReached(format!("{wanted}: no transaction has this GTID in {}", shorten(&logs))))
}

/// A few names, and how many more.
fn shorten(names: &[&str]) -> String {
    match names {
        [first, .., last] if names.len() > 3 => {
            format!("{first} to {last} ({} logs)", names.len())
        }
        _ => names.join(", "),
    }
}

/// The place of a transaction, for errors.
#[must_use]
pub fn location(log: &Log, transaction: &Transaction<'_>) -> Location {
    log.location(transaction.start())
}
