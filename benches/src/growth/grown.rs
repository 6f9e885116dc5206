//! Logs as large as one likes: the transactions of one log of a real server again and again, each time
//! in a log of their own. GTIDs, positions and times go on from log to log.
//!
//! ```text
//! the source    1 ... n
//! log 1         1 ... n
//! log 2                  n+1 ... 2n            later by the span of the source
//! log 3                              2n+1 ...  later by two spans
//! ```
//! Its statements come again as well: a server would refuse the second CREATE DATABASE.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::gtid::{TransactionGtid, Tsid};
use binlog_parser::header::{EventType, HEADER_BYTES};
use binlog_parser::source::log::Log;
use chrono::DateTime;

use super::name;
use crate::log_writer::{LogWriter, set_second};
use crate::logs;

/// Where the number stands in a GTID event: behind flags and UUID.
const GNO: usize = HEADER_BYTES + 17;

/// Where the immediate commit timestamp stands, seven bytes: behind the number and the logical clocks.
const COMMITTED: usize = GNO + 8 + 17;

/// Bit of it that says that the original one follows.
const HAS_ORIGINAL: u64 = 1 << 55;

/// Microseconds of a second.
const MICROS: u64 = 1_000_000;

/// A log, and what its copies have to go on from.
#[derive(Debug)]
pub struct Source {
    log: Log,
    tsid: Tsid,
    transactions: u64,
    first_second: u32,
    last_second: u32,
    /// Seconds from its first to its last, by whichever of its clocks took longer, and one more.
    span: u64,
}

/// Logs that follow each other, and things in them to look for.
#[derive(Debug)]
pub struct Grown {
    /// Where they are.
    pub folder: PathBuf,
    /// The logs, oldest first.
    pub paths: Vec<PathBuf>,
    /// Bytes of all together.
    pub bytes: u64,
    /// GTID of a transaction in the middle.
    pub gtid: String,
    /// Their last second, in RFC 3339.
    pub last_second: String,
}

impl Source {
    /// Reads the log at `path`, which holds the transactions of one server from the first on, in the
    /// order of time.
    ///
    /// # Errors
    /// Where it is not such a log.
    pub fn read(path: &Path) -> Result<Source> {
        let log = Log::open(path)?;
        let (mut tsid, mut transactions) = (None, 0);
        let (mut seconds, mut commits) = (Range::default(), Range::default());
        for event in log.scan().events().filter(|event| event.event_type().is_gtid()) {
            let gtid = GtidEvent::parse(event.body(), &event.header())?;
            let TransactionGtid::Mysql(name) = gtid.gtid else {
                bail!("needed GTIDs of MySQL, had {}", gtid.gtid);
            };
            transactions += 1;
            let goes_on =
                name.gno == transactions && *tsid.get_or_insert(name.tsid()) == name.tsid();
            ensure!(
                goes_on,
                "needed the transactions from 1 on, had {name} as number {transactions}"
            );
            seconds.add(event.header().timestamp.into());
            commits.add(gtid.immediate_commit_timestamp.context("no commit time")? / MICROS);
        }
        let tsid = tsid.context("no transaction")?;
        let span = seconds.length().max(commits.length());
        let (first_second, last_second) = (seconds.first as u32, seconds.last as u32);
        Ok(Source { log, tsid, transactions, first_second, last_second, span })
    }

    /// Logs of at least `bytes` bytes in all, in a folder of their own among those of the race. Those
    /// of an earlier run are used again.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn grow(&self, bytes: u64) -> Result<Grown> {
        let folder = logs::folder().join(format!("grown-{bytes}-{}", self.log.len()));
        self.grow_in(folder, bytes.div_ceil(self.log.len()).max(1))
    }

    fn grow_in(&self, folder: PathBuf, count: u64) -> Result<Grown> {
        let logs = folder.join("logs");
        if !logs.is_dir() {
            let beside = folder.join("logs.unfinished");
            fs::create_dir_all(&beside)?;
            for number in 0..count {
                self.write(number, &beside)?;
            }
            fs::rename(&beside, &logs)?;
        }
        let paths: Vec<_> = (0..count).map(|number| logs.join(name(number))).collect();
        let mut bytes = 0;
        for path in &paths {
            bytes += fs::metadata(path).with_context(|| path.display().to_string())?.len();
        }
        let middle = (self.transactions * count).div_ceil(2);
        let last = self.second(self.last_second, count - 1)?;
        let last = DateTime::from_timestamp_secs(last.into()).context("no time")?;
        let gtid = format!("{}:{middle}", self.tsid);
        Ok(Grown { folder, paths, bytes, gtid, last_second: last.to_rfc3339() })
    }

    /// Writes log `number`, from 0.
    fn write(&self, number: u64, folder: &Path) -> Result<()> {
        let before = self.transactions * number;
        let mut writer = LogWriter::create(&folder.join(name(number)), &self.log)?;
        let begun = self.second(self.first_second, number)?;
        writer.add_start(&self.log, begun, (self.tsid, before))?;
        for event in
            self.log.scan().events().filter(|event| is_of_a_transaction(event.event_type()))
        {
            let second = self.second(event.header().timestamp, number)?;
            let is_gtid = event.event_type() == EventType::GTID;
            writer.add_changed(&event, |event| {
                set_second(event, second)?;
                match is_gtid {
                    true => shift(event, before, self.span * number * MICROS),
                    false => Ok(()),
                }
            })?;
        }
        writer.rotate(self.second(self.last_second, number)?, &name(number + 1))?;
        Ok(())
    }

    /// What `second` of the source is in log `number`.
    fn second(&self, second: u32, number: u64) -> Result<u32> {
        u32::try_from(u64::from(second) + self.span * number).context("a log of after 2106")
    }
}

/// Not what each log begins and ends with.
fn is_of_a_transaction(event_type: EventType) -> bool {
    let frame = [
        EventType::FORMAT_DESCRIPTION,
        EventType::PREVIOUS_GTIDS,
        EventType::ROTATE,
        EventType::STOP,
    ];
    !frame.contains(&event_type)
}

/// Moves the name of a GTID event by so many numbers, and its commit by so many microseconds.
fn shift(event: &mut [u8], numbers: u64, micros: u64) -> Result<()> {
    add(event, GNO, 8, numbers)?;
    if add(event, COMMITTED, 7, micros)? & HAS_ORIGINAL != 0 {
        add(event, COMMITTED + 7, 7, micros)?;
    }
    Ok(())
}

/// Adds to the number of `length` bytes at `at`; tells what it is then.
fn add(event: &mut [u8], at: usize, length: usize, more: u64) -> Result<u64> {
    let field = event.get_mut(at..at + length).context("a GTID event of an old server")?;
    let mut number = [0; 8];
    number[..length].copy_from_slice(field);
    let sum = u64::from_le_bytes(number) + more;
    field.copy_from_slice(&sum.to_le_bytes()[..length]);
    Ok(sum)
}

/// From the first of some times to the last.
#[derive(Debug, Default)]
struct Range {
    first: u64,
    last: u64,
}

impl Range {
    fn add(&mut self, time: u64) {
        if self.last == 0 {
            self.first = time;
        }
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }

    /// Seconds, both ends counted.
    fn length(&self) -> u64 {
        self.last - self.first + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::scan::Scanned;
    use binlog_parser::source::log_set::LogSet;

    /// Number, second and commit time of each transaction of `log`, which has no damage.
    fn named(log: &Log) -> Vec<(u64, u64, u64)> {
        let mut named = vec![];
        for scanned in log.scan() {
            let Scanned::Event(event) = scanned else { panic!("{scanned:?}") };
            if event.event_type() == EventType::GTID {
                let gtid = GtidEvent::parse(event.body(), &event.header()).unwrap();
                let TransactionGtid::Mysql(name) = gtid.gtid else { panic!("{gtid:?}") };
                let committed = gtid.immediate_commit_timestamp.unwrap();
                named.push((name.gno, event.header().timestamp.into(), committed));
            }
        }
        named
    }

    #[test]
    fn logs_go_on_from_each_other() {
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7");
        let source = Source::read(&shop.join("binlog.000001")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let grown = source.grow_in(folder.path().to_owned(), 3).unwrap();
        assert!(grown.gtid.ends_with(":290"), "{}", grown.gtid);
        let set = LogSet::open(&grown.paths).unwrap();
        assert_eq!(set.problems(), []);
        let of_source = named(&source.log);
        assert!(source.span > of_source[192].1 - of_source[0].1);
        for (number, log) in (0..).zip(set.logs()) {
            let later = source.span * number;
            let moved = of_source.iter().map(|(gno, second, committed)| {
                (gno + 193 * number, second + later, committed + later * MICROS)
            });
            assert_eq!(named(log), moved.collect::<Vec<_>>());
        }
    }

    #[test]
    fn both_commit_times_are_moved_and_nothing_else() {
        let mut event = vec![7; COMMITTED + 14];
        event[COMMITTED + 6] = 0x80;
        let before = event.clone();
        shift(&mut event, 1, 2).unwrap();
        let changed = (0..event.len()).filter(|at| event[*at] != before[*at]);
        assert_eq!(changed.collect::<Vec<_>>(), [GNO, COMMITTED, COMMITTED + 7]);
        assert!(shift(&mut event[..GNO + 8], 1, 2).is_err());
    }
}
