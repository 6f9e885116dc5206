//! Thousands of logs, `race growth`: one log of a real server divided into many that follow each other,
//! and what it takes to look through them all with indexes and without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use binlog_parser::gtid::{TransactionGtid, Tsid};
use binlog_parser::header::{EventHeader, EventType, HEADER_BYTES};
use binlog_parser::source::log::{FIRST_EVENT, Log, MAGIC};
use binlog_parser::transaction::{Transaction, Unit, Units};
use chrono::DateTime;
use servers::Product;

use crate::logs::{self, RaceLogs};
use crate::measure::time;
use crate::shapes::Shape;

/// How many logs, made of how much, and the program.
#[derive(Debug, Clone)]
pub struct Growth {
    /// How many logs there are.
    pub logs: usize,
    /// Bytes of all logs together, about.
    pub bytes: u64,
    /// How often each program runs.
    pub rounds: usize,
    /// The program.
    pub binlog: PathBuf,
}

/// Logs in a folder, and things in them to look for.
struct Many {
    folder: PathBuf,
    /// GTID of a transaction in the middle.
    gtid: String,
    /// The last second of the logs, in RFC 3339.
    last_second: String,
}

impl Growth {
    /// Divides a log, indexes what comes of it, measures, and prints a table.
    ///
    /// # Errors
    /// Where a server or a program fails.
    pub fn run(&self) -> Result<()> {
        let source = RaceLogs::provide(Product::Mysql97, Shape::Small, self.bytes)?;
        let log = Log::open(source.paths.first().context("no log")?)?;
        let many = divide(&log, self.logs)?;
        let (indexes, none) = (many.folder.join("indexes"), many.folder.join("none"));
        fs::create_dir_all(&none)?;
        let mut index = Command::new(&self.binlog);
        index.args(["index", "--index-dir"]).arg(&indexes).arg(many.folder.join("logs"));
        let (status, cost) = time(index)?;
        ensure!(status.success(), "index: {status}");
        println!("{} logs, {} bytes, indexed in {:.2} s", self.logs, log.len(), cost.seconds);
        println!("what | seconds with indexes | without | times");
        let verbs: [&[&str]; 5] = [
            &["show", "binlog.000001:4"],
            &["show", &many.gtid],
            &["events", "--start-datetime", &many.last_second],
            &["info"],
            &["find"],
        ];
        for verb in verbs {
            let [with, without] = [&indexes, &none].map(|folder| self.best(verb, &many, folder));
            let (with, without) = (with?, without?);
            let what = verb.join(" ");
            println!("{what} | {with:.3} | {without:.3} | {:.1}", without / with);
        }
        Ok(())
    }

    /// The least seconds that a verb takes, of some rounds.
    fn best(&self, verb: &[&str], many: &Many, indexes: &Path) -> Result<f64> {
        let mut best = f64::INFINITY;
        for _ in 0..self.rounds {
            let mut command = Command::new(&self.binlog);
            command.args(verb).arg("--index-dir").arg(indexes).arg(many.folder.join("logs"));
            let (status, cost) = time(command)?;
            // Nothing found is no failure.
            ensure!(matches!(status.code(), Some(0 | 1)), "{}: {status}", verb.join(" "));
            best = best.min(cost.seconds);
        }
        Ok(best)
    }
}

/// Divides `log` into `count` logs that follow each other, as if it had been flushed in between. Those
/// of an earlier run are used again.
fn divide(log: &Log, count: usize) -> Result<Many> {
    let folder = logs::folder().join(format!("growth-{count}-{}", log.len()));
    let transactions = Units::new(log.scan()).filter_map(|unit| match unit {
        Unit::Transaction(transaction) => Some(transaction),
        _ => None,
    });
    let transactions: Vec<_> = transactions.collect();
    let middle = transactions.get(transactions.len() / 2).context("no transaction")?;
    let gtid = middle.gtid()?.gtid().context("no GTID")?.to_string();
    let last = transactions.iter().map(Transaction::timestamp).max().unwrap_or_default();
    let last = DateTime::from_timestamp_secs(last.into()).context("no time")?;
    let many = Many { folder: folder.clone(), gtid, last_second: last.to_rfc3339() };
    let logs = folder.join("logs");
    if logs.is_dir() {
        return Ok(many);
    }
    let beside = folder.join("logs.unfinished");
    fs::create_dir_all(&beside)?;
    let each = transactions.len().div_ceil(count).max(1);
    let mut before = 0;
    for (number, part) in transactions.chunks(each).enumerate() {
        let name = |number: usize| format!("binlog.{:06}", number + 1);
        let mut bytes = begun(log, part, before)?;
        for event in part.iter().flat_map(|transaction| &transaction.events) {
            add(&mut bytes, event.bytes());
        }
        let rotate = [&4u64.to_le_bytes()[..], name(number + 1).as_bytes()].concat();
        let ended = part.last().map_or(0, Transaction::timestamp);
        add(&mut bytes, &event(log, (EventType::ROTATE, ended), &rotate));
        fs::write(beside.join(name(number)), bytes)?;
        before = gno(part.last())?.1;
    }
    fs::rename(&beside, &logs)?;
    Ok(many)
}

/// The start of a log, behind transactions up to number `before`.
fn begun(log: &Log, part: &[Transaction<'_>], before: u64) -> Result<Vec<u8>> {
    let (tsid, first) = gno(part.first())?;
    let before = before.max(first - 1);
    let mut bytes = MAGIC.to_vec();
    let description = log.scan().events().next().context("no format description")?;
    let mut description = description.bytes().to_vec();
    // Begun when its first transaction was: no two logs of a server begin in one second and alike.
    let begun = part.first().map_or(0, Transaction::started);
    description[..4].copy_from_slice(&begun.to_le_bytes());
    add(&mut bytes, &description);
    let mut previous = u64::from(before > 0).to_le_bytes().to_vec(); // sources
    if before > 0 {
        previous.extend(tsid.uuid.0);
        previous.extend(1u64.to_le_bytes()); // intervals
        previous.extend(1u64.to_le_bytes()); // start
        previous.extend((before + 1).to_le_bytes()); // end, exclusive
    }
    add(&mut bytes, &event(log, (EventType::PREVIOUS_GTIDS, begun), &previous));
    ensure!(bytes.len() as u64 > FIRST_EVENT, "an empty log");
    Ok(bytes)
}

fn gno(transaction: Option<&Transaction<'_>>) -> Result<(Tsid, u64)> {
    match transaction.context("no transaction")?.gtid()? {
        TransactionGtid::Mysql(gtid) => Ok((gtid.tsid(), gtid.gno)),
        other => anyhow::bail!("needed GTIDs of MySQL, had {other}"),
    }
}

/// An event of the server of `log`, with room for its checksum.
fn event(log: &Log, (event_type, time): (EventType, u32), body: &[u8]) -> Vec<u8> {
    let mut event = time.to_le_bytes().to_vec();
    event.push(event_type.0);
    event.extend(log.header().server_id.to_le_bytes());
    event.extend(((HEADER_BYTES + body.len() + 4) as u32).to_le_bytes());
    event.extend([0; 6]); // log_pos, flags
    event.extend(body);
    event.extend([0; 4]);
    event
}

/// Appends an event, with the position and the checksum that it has there.
fn add(bytes: &mut Vec<u8>, event: &[u8]) {
    let start = bytes.len();
    bytes.extend(event);
    let end = (bytes.len() as u32).to_le_bytes();
    let position = start + HEADER_BYTES - 6;
    bytes[position..position + 4].copy_from_slice(&end);
    let checked = bytes.len() - 4;
    let crc = crc32fast::hash(&bytes[start..checked]);
    bytes[checked..].copy_from_slice(&crc.to_le_bytes());
    debug_assert!(EventHeader::parse(&bytes[start..]).is_ok());
}
