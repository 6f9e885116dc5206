//! Whether the logs reach the end that is asked for. Where they do not, a log is missing, or the end
//! is not the one meant: a replay that seems whole would lack what came after the last log.

use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use chrono::{DateTime, SecondsFormat};

use crate::error::{Error, Result};
use crate::select::Filter;

/// Looks for an event at or behind the end.
pub(crate) fn check(set: &LogSet, filter: &Filter) -> Result<()> {
    if let (Some(position), Some(log)) = (filter.stop_position, set.logs().last())
        && position > log.len()
    {
        let (name, end) = (log.name(), log.len());
        return Err(Error::NotReached(format!("{name}:{position}: the log ends at {end}")));
    }
    let Some(stop) = filter.stop_time else { return Ok(()) };
    let mut last = 0;
    for (number, log) in set.logs().iter().enumerate().rev() {
        let known = set.indexed(number).filter(|indexed| indexed.is_whole());
        last = last.max(match known {
            Some(indexed) => indexed.facts().time.map_or(0, |(_, last)| last),
            None => last_time(log, stop),
        });
        if i64::from(last) * 1_000_000 >= stop {
            return Ok(());
        }
    }
    let shown = |micros| {
        let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    };
    let end = shown(i64::from(last) * 1_000_000);
    let needed = shown(stop);
    Err(Error::NotReached(format!(
        "the logs end at {end}, before the time to stop at, {needed}: a later log is missing, or \
         leave the time out"
    )))
}

/// The time of the first event that is not before `stop`, or else the latest there is. Times run
/// backwards now and then, so that the last event does not tell.
fn last_time(log: &Log, stop: i64) -> u32 {
    let mut last = 0;
    for scanned in log.scan() {
        let Scanned::Event(event) = scanned else { continue };
        last = last.max(event.header().timestamp);
        if i64::from(last) * 1_000_000 >= stop {
            break;
        }
    }
    last
}
