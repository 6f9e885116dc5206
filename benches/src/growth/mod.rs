//! Thousands of logs, `race growth`: one log of a real server divided into many that follow each other,
//! and what it takes to look through them all with indexes and without.
//!
//! - [`grown`]: its transactions again and again instead, log after log;
//! - [`sizes`]: what the verbs take of more and more such logs, `race growth --sizes`;
//! - [`table`]: how that is printed.

pub mod grown;
pub mod sizes;
pub mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use binlog_parser::gtid::{TransactionGtid, Tsid};
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Transaction, Unit, Units};
use chrono::DateTime;
use servers::Product;

use crate::log_writer::LogWriter;
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
    // Not the latest: the schema has the time of the server itself, months ahead of that of the traffic.
    let last = transactions.last().map_or(0, Transaction::timestamp);
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
    for (number, part) in (0..).zip(transactions.chunks(each)) {
        let (tsid, first) = gno(part.first())?;
        // Begun when its first transaction was: no two logs of a server begin in one second and alike.
        let begun = part.first().map_or(0, Transaction::started);
        let mut writer = LogWriter::create(&beside.join(name(number)), log)?;
        writer.add_start(log, begun, (tsid, before.max(first - 1)))?;
        for event in part.iter().flat_map(|transaction| &transaction.events) {
            writer.add(event)?;
        }
        writer.rotate(part.last().map_or(0, Transaction::timestamp), &name(number + 1))?;
        before = gno(part.last())?.1;
    }
    fs::rename(&beside, &logs)?;
    Ok(many)
}

/// The name of log `number`, from 0.
fn name(number: u64) -> String {
    format!("binlog.{:06}", number + 1)
}

fn gno(transaction: Option<&Transaction<'_>>) -> Result<(Tsid, u64)> {
    match transaction.context("no transaction")?.gtid()? {
        TransactionGtid::Mysql(gtid) => Ok((gtid.tsid(), gtid.gno)),
        other => anyhow::bail!("needed GTIDs of MySQL, had {other}"),
    }
}
