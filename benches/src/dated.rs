//! Copies of the race's logs in which the time goes on.
//!
//! Their servers note the schema, and the start of a log, by their own clock, months ahead of that of
//! the traffic. A program that starts at a second of the traffic would start at the schema: late
//! enough, and first in the log. In the copies those events have the second of the traffic beside them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Unit, Units};
use chrono::DateTime;

use crate::log_writer::{LogWriter, set_second};
use crate::logs::RaceLogs;

/// The copies of `logs`, which are made if they are not there.
///
/// # Errors
/// Where they cannot be made.
pub fn provide(logs: &RaceLogs) -> Result<RaceLogs> {
    let first = logs.paths.first().context("no log")?;
    let folder = first.with_file_name("dated");
    if !folder.exists() {
        eprintln!("dating {}", folder.display());
        let beside = folder.with_extension("unfinished");
        fs::create_dir_all(&beside)?;
        write(logs, &beside)?;
        fs::rename(&beside, &folder)?;
    }
    let dated = |log: &PathBuf| Some(folder.join(log.file_name()?));
    let paths = logs.paths.iter().map(|log| dated(log).context("a log without a name"));
    Ok(RaceLogs { paths: paths.collect::<Result<_>>()?, ..logs.clone() })
}

fn write(logs: &RaceLogs, folder: &Path) -> Result<()> {
    let opened = logs.paths.iter().map(|path| Log::open(path));
    let opened = opened.collect::<Result<Vec<_>, _>>()?;
    let last = LastSecond::of(opened.last().context("no log")?)?.second;
    let times = opened.iter().flat_map(|log| log.scan().events());
    let times = times.map(|event| event.header().timestamp);
    let mut clock = Clock::new(times, last);
    for log in &opened {
        let mut writer = LogWriter::create(&folder.join(&**log.name()), log)?;
        for event in log.scan().events() {
            let second = clock.second(event.header().timestamp);
            writer.add_changed(&event, |event| set_second(event, second))?;
        }
        writer.finish()?;
    }
    Ok(())
}

/// What time it is in the traffic.
struct Clock {
    now: u32,
    last: u32,
}

impl Clock {
    /// Begins with the first of `times` that is not behind `last`, the traffic's last second.
    fn new(mut times: impl Iterator<Item = u32>, last: u32) -> Clock {
        Clock { now: times.find(|time| (1..=last).contains(time)).unwrap_or(last), last }
    }

    /// The second of an event that has `noted` in its header.
    fn second(&mut self, noted: u32) -> u32 {
        if noted <= self.last {
            self.now = self.now.max(noted);
        }
        self.now
    }
}

/// The second in which a log ends, as its last transactions have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSecond {
    /// In seconds since 1970 UTC.
    pub second: u32,
    /// How many transactions at the end are of that second.
    pub transactions: u64,
}

impl LastSecond {
    /// Looks for it in `log`.
    ///
    /// # Errors
    /// Where it holds no transaction.
    pub fn of(log: &Log) -> Result<LastSecond> {
        let mut found = LastSecond { second: 0, transactions: 0 };
        for unit in Units::new(log.scan()) {
            let Unit::Transaction(transaction) = unit else { continue };
            match transaction.timestamp() {
                second if second == found.second => found.transactions += 1,
                second => found = LastSecond { second, transactions: 1 },
            }
        }
        ensure!(found.transactions > 0, "{}: no transaction", log.name());
        Ok(found)
    }

    /// The second as it is typed, in UTC.
    ///
    /// # Errors
    /// Where it is no time.
    pub fn typed(self) -> Result<String> {
        let time = DateTime::from_timestamp_secs(self.second.into()).context("no time")?;
        Ok(time.format("%Y-%m-%d %H:%M:%S").to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_dated_gets_the_second_beside_it() {
        let noted = [900, 901, 10, 10, 12, 902, 11, 902];
        let mut clock = Clock::new(noted.into_iter(), 12);
        let seconds = noted.map(|noted| clock.second(noted));
        assert_eq!(seconds, [10, 10, 10, 10, 12, 12, 12, 12]);
    }

    #[test]
    fn a_second_is_typed_as_the_rivals_take_it() {
        let last = LastSecond { second: 1_767_228_106, transactions: 6 };
        assert_eq!(last.typed().unwrap(), "2026-01-01 00:41:46");
    }
}
