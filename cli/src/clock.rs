//! Where the clock of commits goes back.

use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::header::EventType;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::Transaction;
use serde::Serialize;

use crate::args::time::rfc3339_micros;

/// How many steps are named; the others are counted.
const NAMED: usize = 20;

/// Microseconds that commits of one server may be out of order in its log without its clock going
/// back: those of a group are stamped before their order is made.
const COMMITS_APART: u64 = 1_000_000;

/// The same where only the times are known at which statements began: a statement may run long.
const STATEMENTS_APART: u64 = 60_000_000;

/// Follows the times of transactions.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    first: Option<Moment>,
    last: Option<Moment>,
    /// The first steps back: the moments before and behind each.
    steps: Vec<[Moment; 2]>,
    /// How many steps back there are.
    pub count: u64,
}

/// A transaction and its time.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Stream position of the transaction.
    start: u64,
    /// Microseconds since 1970 UTC.
    time: u64,
    /// Whether it is the time of the commit, or else of the last statement's start.
    commit: bool,
}

/// A place where the clock goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockStep {
    /// Address of the transaction that is earlier than the one before it.
    pub address: String,
    /// Time of the transaction before.
    pub from: String,
    /// Time of this one.
    pub to: String,
    /// By how many seconds the clock goes back.
    pub seconds: u64,
    /// `commit` if these are the times of commits; `statement` if they are those at which the last
    /// statements began, so that a long statement looks the same.
    pub clock: &'static str,
}

impl Clock {
    /// Takes in the next transaction.
    pub fn transaction(&mut self, transaction: &Transaction<'_>) {
        let (time, commit) = match commit_time(transaction) {
            Some(time) => (time, true),
            None => (u64::from(transaction.timestamp()) * 1_000_000, false),
        };
        if time != 0 {
            let moment = Moment { start: transaction.start(), time, commit };
            self.first.get_or_insert(moment);
            self.step(moment);
            self.last = Some(moment);
        }
    }

    /// Takes in what comes next.
    pub fn join(&mut self, next: Clock) {
        if let Some(first) = next.first {
            self.step(first);
        }
        self.first = self.first.or(next.first);
        self.last = next.last.or(self.last);
        self.count += next.count;
        self.steps.extend(next.steps);
        self.steps.truncate(NAMED);
    }

    /// Compares a moment with the one before it.
    fn step(&mut self, moment: Moment) {
        let Some(last) = self.last.filter(|last| last.is_after(moment)) else { return };
        self.count += 1;
        if self.steps.len() < NAMED {
            self.steps.push([last, moment]);
        }
    }

    /// The first steps back in `log`.
    #[must_use]
    pub fn lines(&self, log: &Log) -> Vec<ClockStep> {
        let line = |[from, to]: &[Moment; 2]| ClockStep {
            address: log.location(to.start).to_string(),
            from: show(from.time),
            to: show(to.time),
            seconds: (from.time - to.time) / 1_000_000,
            clock: if from.commit && to.commit { "commit" } else { "statement" },
        };
        self.steps.iter().map(line).collect()
    }
}

impl Moment {
    /// Whether this is so much later than what follows that it must have been another clock.
    fn is_after(self, next: Moment) -> bool {
        let commit = self.commit && next.commit;
        let apart = if commit { COMMITS_APART } else { STATEMENTS_APART };
        self.time.saturating_sub(next.time) > apart
    }
}

fn show(micros: u64) -> String {
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
    rfc3339_micros(seconds, Some((micros % 1_000_000) as u32).filter(|micros| *micros != 0))
}

/// When the server that wrote the log committed the transaction, where its GTID event says so.
fn commit_time(transaction: &Transaction<'_>) -> Option<u64> {
    let event = transaction.gtid_event()?;
    if event.event_type() == EventType::MARIADB_GTID {
        return None;
    }
    let gtid = GtidEvent::parse(event.body(), &event.header).ok()?;
    gtid.immediate_commit_timestamp.filter(|time| *time != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(moments: &[(u64, bool)]) -> Vec<(u64, u64)> {
        let mut clock = Clock::default();
        for (seconds, commit) in moments {
            let moment = Some(Moment { start: 4, time: seconds * 1_000_000, commit: *commit });
            clock.join(Clock { first: moment, last: moment, ..Clock::default() });
        }
        assert_eq!(clock.count, clock.steps.len() as u64);
        clock.steps.iter().map(|[a, b]| (a.time / 1_000_000, b.time / 1_000_000)).collect()
    }

    #[test]
    fn a_clock_of_commits_is_exact_and_one_of_statements_is_not() {
        assert_eq!(steps(&[(100, true), (99, true), (101, true)]), []);
        assert_eq!(steps(&[(100, true), (90, true)]), [(100, 90)]);
        assert_eq!(steps(&[(100, false), (90, false), (95, true)]), []);
        let back = steps(&[(1000, false), (100, false), (200, false)]);
        assert_eq!(back, [(1000, 100)]);
    }
}
