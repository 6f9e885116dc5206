//! What the verbs take of more and more logs, `race growth --sizes`: with indexes and without, beside a
//! plain read of the same.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use servers::Product;

use super::grown::{Grown, Source};
use super::table::{self, Line};
use crate::dated;
use crate::logs::RaceLogs;
use crate::measure::{Cost, time, time_read_all};
use crate::shapes::Shape;

/// Which sizes, made of which log, and the program.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Bytes of all logs together, at least; each is measured by itself.
    pub sizes: Vec<u64>,
    /// Bytes of the log of a real server that they are made of, and so of each of them, about.
    pub source: u64,
    /// How often each program runs.
    pub rounds: usize,
    /// Whether the logs are deleted when they were measured.
    pub discard: bool,
    /// The program.
    pub binlog: PathBuf,
}

/// What is measured: its name in the table, and what the program is asked.
struct Task {
    what: &'static str,
    /// Empty for the plain read.
    arguments: Vec<String>,
    /// Of success: nothing is found in small transactions.
    exit_code: i32,
    indexes: bool,
}

impl Sizes {
    /// Makes the logs of each size, measures, and prints a table of each and one of all.
    ///
    /// # Errors
    /// Where a server or a program fails, or finds gaps or damage in the logs.
    pub fn run(&self) -> Result<()> {
        let made = RaceLogs::provide(Product::Mysql97, Shape::Small, self.source)?;
        // What begins at the last second shall find it at the end of the logs alone.
        let dated = dated::provide(&made)?;
        let source = Source::read(dated.paths.first().context("no log")?)?;
        let mut measured = vec![];
        for size in &self.sizes {
            let grown = source.grow(*size)?;
            let lines = self.measure(&grown)?;
            table::print_size(grown.paths.len(), grown.bytes, self.rounds, &lines);
            measured.push((grown.bytes, lines));
            if self.discard {
                fs::remove_dir_all(&grown.folder)?;
            }
        }
        table::print_per_gib(&measured);
        Ok(())
    }

    /// Lets everything run in turn, round after round, so that what else the machine does hits all.
    fn measure(&self, grown: &Grown) -> Result<Vec<Line>> {
        let tasks = tasks(grown);
        let mut lines: Vec<Line> = tasks.iter().map(|task| Line::new(task.what)).collect();
        for _ in 0..self.rounds {
            for (task, line) in tasks.iter().zip(&mut lines) {
                line.add(self.cost(task, grown)?);
            }
        }
        Ok(lines)
    }

    fn cost(&self, task: &Task, grown: &Grown) -> Result<Cost> {
        if task.arguments.is_empty() {
            return Ok(time_read_all(&grown.paths)?.1);
        }
        let indexes = grown.folder.join(if task.indexes { "indexes" } else { "none" });
        fs::create_dir_all(&indexes)?;
        let mut command = Command::new(&self.binlog);
        command.args(&task.arguments).arg("--index-dir").arg(&indexes);
        command.arg(grown.folder.join("logs"));
        let (status, cost) = time(command)?;
        ensure!(status.code() == Some(task.exit_code), "{}: {status}", task.what);
        Ok(cost)
    }
}

/// The plain read first, and indexes before what has them.
fn tasks(grown: &Grown) -> Vec<Task> {
    let task = |what, arguments: &[&str], indexes| {
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Task { what, arguments, exit_code: 0, indexes }
    };
    let show = ["show", &grown.gtid];
    let events = ["events", "--start-datetime", &grown.last_second];
    vec![
        task("plain read", &[], false),
        task("verify", &["verify"], false),
        task("replay", &["replay"], false),
        Task { exit_code: 1, ..task("find", &["find"], false) },
        task("info", &["info"], false),
        task("show GTID", &show, false),
        task("events --start-datetime", &events, false),
        task("index", &["index", "--force"], true),
        Task { exit_code: 1, ..task("find, indexed", &["find"], true) },
        task("info, indexed", &["info"], true),
        task("show GTID, indexed", &show, true),
        task("events --start-datetime, indexed", &events, true),
    ]
}
