//! Where the clock of commits goes back, as it is shown.

use binlog_parser::source::log::Log;
use binlog_parser::transaction::clock::{Clock, Moment};
use serde::Serialize;

use crate::args::time::rfc3339_micros;

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

/// The first steps back in `log`.
#[must_use]
pub fn lines(clock: &Clock, log: &Log) -> Vec<ClockStep> {
    let line = |[from, to]: &[Moment; 2]| ClockStep {
        address: log.location(to.start).to_string(),
        from: show(from.time),
        to: show(to.time),
        seconds: from.time.saturating_sub(to.time) / 1_000_000,
        clock: if from.commit && to.commit { "commit" } else { "statement" },
    };
    clock.steps().iter().map(line).collect()
}

fn show(micros: u64) -> String {
    let seconds = u32::try_from(micros / 1_000_000).unwrap_or(u32::MAX);
    rfc3339_micros(seconds, Some((micros % 1_000_000) as u32).filter(|micros| *micros != 0))
}
