//! What a log holds, counted: the facts that `info` and `verify` print.

mod piece;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{ControlFlow, Range};

use binlog_parser::event::format_description::ChecksumAlgorithm;
use binlog_parser::header::EventType;
use binlog_parser::index::Indexed;
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Ending;
use binlog_parser::transaction::clock::Clock;
use binlog_parser::{Error, parallel};

use crate::damage::{Cut, DamageLine, is_cut};
use crate::row_counts::{RowCounts, TableCounts};
use crate::text::utf8;

/// A log in numbers.
#[derive(Debug, Default)]
pub struct Summary {
    /// Events that can be read.
    pub events: u64,
    /// The same by their type.
    pub events_by_type: TypeCounts,
    /// Transactions that begin and end in the log.
    pub transactions: u64,
    /// All transactions, parts of them too, by the number of their ending.
    endings: [u64; Ending::ALL.len()],
    /// The transaction that the log ends in the middle of.
    pub open_transaction: Option<Cut>,
    /// Earliest and latest time of an event, in seconds since 1970.
    pub time: Option<(u32, u32)>,
    /// Where the clock of commits goes back.
    pub clock: Clock,
    /// GTIDs before the log, as far as it says: MySQL's set, or MariaDB's last of each source.
    pub previous_gtids: Option<String>,
    /// GTIDs of the transactions in the log, and what came before them.
    pub extent: Extent,
    /// UUID of the server that wrote the log, where a transaction of its own tells.
    pub server_uuid: Option<String>,
    /// Where the source's part of a relay log begins and ends in the source's logs.
    pub source: Option<[SourceAddress; 2]>,
    /// Rows changed, by database and table; empty if they were not asked for.
    pub tables: TableCounts,
    /// Name of the next log.
    pub next_log: Option<String>,
    /// How the server closed the log: Rotate, Stop, or not at all.
    pub closed_by: Option<&'static str>,
    /// What cannot be read.
    pub damage: Vec<DamageLine>,
    /// How many of these are wrong checksums.
    pub checksums_bad: u64,
    /// Events whose body cannot be read.
    pub faults: Vec<Error>,
}

/// Events counted by type: one is added for every event of a log.
#[derive(Debug)]
pub struct TypeCounts([u64; 256]);

impl Default for TypeCounts {
    fn default() -> Self {
        TypeCounts([0; 256])
    }
}

impl TypeCounts {
    fn add_all(&mut self, other: &TypeCounts) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// The counts by the names of the types, without those of which there are none.
    #[must_use]
    pub fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut names = BTreeMap::new();
        for (code, count) in (0..=u8::MAX).zip(self.0).filter(|(_, count)| *count > 0) {
            *names.entry(EventType(code).name()).or_default() += count;
        }
        names
    }
}

/// A place in the logs of a relay log's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAddress {
    /// Name of the log, if it was told by then.
    pub log: Option<Vec<u8>>,
    /// Position in it.
    pub position: u64,
}

/// Among how many events at the start of a log those are that tell what came before it.
const FIRST_EVENTS: usize = 6;

impl Summary {
    /// Sums up log number `number` of `set`, with its rows: what its index knows by that, and the
    /// rest by reading it. Tells `progress` the position now and then.
    #[must_use]
    pub fn indexed(set: &LogSet, number: usize, progress: impl Fn(u64)) -> Self {
        let log = &set.logs()[number];
        let Some(indexed) = set.indexed(number) else { return Summary::of(log, true, progress) };
        let mut summary = Summary::known(log, &indexed);
        if !indexed.is_whole() {
            summary.read(log, Some(indexed.end()..log.len()), true, progress);
        }
        summary
    }

    /// Reads all of `log`, with its rows if `rows`, and tells `progress` the position now and then.
    #[must_use]
    pub fn of(log: &Log, rows: bool, progress: impl Fn(u64)) -> Self {
        let mut summary = Summary::default();
        summary.read(log, None, rows, progress);
        summary
    }

    /// What an index knows of `log`.
    fn known(log: &Log, indexed: &Indexed<'_>) -> Self {
        let mut summary = Summary::default();
        // What the log says of those before it, as it stands at its start.
        let start = log.scan().events().take_while(|event| !event.event_type().is_gtid());
        for event in start.take(FIRST_EVENTS) {
            summary.extent.event(&event);
            // It could be read when it was indexed.
            let _ = summary.control(&event);
        }
        let facts = indexed.facts();
        for (code, count) in &facts.events {
            summary.events_by_type.0[usize::from(*code)] = *count;
            summary.events = summary.events.saturating_add(*count);
        }
        for ending in Ending::ALL.into_iter().filter(|ending| ending.is_whole()) {
            summary.endings[ending.number()] = facts.ending(ending);
        }
        summary.transactions = facts.transactions();
        summary.time = facts.time;
        summary.clock = facts.clock.clone();
        summary.extent.join(facts.extent.clone());
        summary.server_uuid = facts.server_uuid.map(|uuid| uuid.to_string());
        for ((database, table), rows) in indexed.tables().iter().zip(&facts.rows) {
            let [inserts, updates, deletes] = *rows;
            if [inserts, updates, deletes] != [0; 3] {
                let counts = RowCounts { inserts, updates, deletes };
                let name = |name| utf8(name).text.into_owned();
                summary.tables.entry((name(database), name(table))).or_default().add(counts);
            }
        }
        let name = |name: &Vec<u8>| utf8(name).text.into_owned();
        summary.next_log = facts.next_log.as_ref().map(name);
        summary.closed_by = facts.closed_by.map(|code| EventType(code).name());
        summary
    }

    /// Reads `log`, or a range of it.
    fn read(&mut self, log: &Log, range: Option<Range<u64>>, rows: bool, progress: impl Fn(u64)) {
        let take = |range: Range<u64>, piece| {
            self.join(piece);
            progress(range.end);
            ControlFlow::Continue(())
        };
        match range {
            Some(range) => {
                parallel::units_in(log, range, |units| Summary::of_piece(log, units, rows), take)
            }
            None => parallel::units(log, |units| Summary::of_piece(log, units, rows), take),
        }
    }

    /// Whether everything could be read, and the log is whole.
    #[must_use]
    pub fn is_sound(&self, log: &Log) -> bool {
        let cut = is_cut(log, self.open_transaction.as_ref());
        self.damage.iter().all(|damage| damage.unwritten) && self.faults.is_empty() && !cut
    }

    /// All transactions, parts of them too, by how they end; without those ends that none has.
    #[must_use]
    pub fn transactions_by_kind(&self) -> BTreeMap<&'static str, u64> {
        let counts = Ending::ALL.into_iter().zip(self.endings);
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(ending, count)| (kind(ending), count))
            .collect()
    }

    /// Events with a right checksum.
    #[must_use]
    pub fn checksums_good(&self, log: &Log) -> u64 {
        if log.format().checksum == ChecksumAlgorithm::Crc32 { self.events } else { 0 }
    }

    /// Adds what was found in the next piece of the log. It began with a transaction, so how it
    /// ends does not depend on what came before.
    fn join(&mut self, next: Summary) {
        self.events += next.events;
        self.events_by_type.add_all(&next.events_by_type);
        self.transactions += next.transactions;
        self.endings.iter_mut().zip(next.endings).for_each(|(count, more)| *count += more);
        self.open_transaction = next.open_transaction;
        self.time = match (self.time, next.time) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.clock.join(next.clock);
        self.previous_gtids = self.previous_gtids.take().or(next.previous_gtids);
        self.extent.join(next.extent);
        self.server_uuid = self.server_uuid.take().or(next.server_uuid);
        self.source = match (self.source.take(), next.source) {
            (Some([first, _]), Some([_, last])) => Some([first, last]),
            (a, b) => a.or(b),
        };
        for (table, counts) in next.tables {
            self.tables.entry(table).or_default().add(counts);
        }
        self.next_log = next.next_log.or(self.next_log.take());
        self.closed_by = next.closed_by;
        self.damage.extend(next.damage);
        self.checksums_bad += next.checksums_bad;
        self.faults.extend(next.faults);
    }
}

impl fmt::Display for SourceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.log.as_deref().map_or("?".into(), |name| utf8(name).text);
        write!(f, "{name}:{}", self.position)
    }
}

/// How a transaction ends, in a word for programs.
fn kind(ending: Ending) -> &'static str {
    match ending {
        Ending::Xid => "xid",
        Ending::Commit => "commit",
        Ending::Rollback => "rollback",
        Ending::XaPrepare => "xa_prepare",
        Ending::Statement => "statement",
        Ending::Whole => "whole",
        Ending::Open => "open",
        Ending::Headless => "headless",
    }
}
