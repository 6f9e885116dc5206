//! Races every verb against the servers' own tools, in one run, over logs that real servers wrote.
//!
//! `cargo run --release -p benches --bin race -- --only verify --only replay`
//! `cargo run --release -p benches --bin race -- --only "verify zst" --only "find zst"`
//! `cargo run --release -p benches --bin race -- restore --transactions 3000`
//! `cargo run --release -p benches --bin race -- undo-large --rows 1000000`
//! `cargo run --release -p benches --bin race -- growth --logs 2000`
//! `cargo run --release -p benches --bin race -- growth --sizes 1G,4G,16G --discard`
//! `cargo run --release -p benches --bin race -- --only index --only "find, indexed"`

use std::io::stdout;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use benches::archives;
use benches::contest::{Contest, contests, decoding, knows};
use benches::decode;
use benches::growth::Growth;
use benches::growth::sizes::Sizes;
use benches::indexed;
use benches::logs::RaceLogs;
use benches::report::{self, RawResults};
use benches::restore::Race as Restore;
use benches::shapes::Shape;
use benches::undo_large::UndoLarge;
use clap::{Args, Parser, Subcommand, ValueEnum};
use servers::Product;

/// Races every verb against the servers' own tools, over logs that real servers wrote.
///
/// The first run makes the logs, which takes minutes; they are kept in target/race. The table goes
/// to standard output, raw results to target/race/results-TIME.jsonl.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Race {
    #[command(subcommand)]
    course: Option<Course>,

    /// Size of the MySQL logs; a log has at most 1G, more makes several; 0 leaves MySQL out
    #[arg(long, default_value = "1G", value_parser = bytes, value_name = "BYTES")]
    size: u64,

    /// Size of the MariaDB logs; 0 leaves MariaDB out
    #[arg(long, default_value = "256M", value_parser = bytes, value_name = "BYTES")]
    mariadb_size: u64,

    /// What the logs are full of; may be repeated
    #[arg(long, value_enum, value_name = "SHAPE", default_values_t = [Shape::Small])]
    shape: Vec<Shape>,

    /// Only this verb, or this contest, such as "find, indexed"; may be repeated
    #[arg(long, value_name = "VERB")]
    only: Vec<String>,

    /// How often each program runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// The binlog to race, instead of one that is built now
    #[arg(long, value_name = "FILE")]
    binlog: Option<PathBuf>,

    /// Make the logs and end
    #[arg(long)]
    make_logs: bool,
}

impl Race {
    /// Whether the contest of this name is run: it is named, or its verb.
    fn wants(&self, contest: &str) -> bool {
        let verb = contest.split([' ', ',']).next().unwrap_or_default();
        self.only.is_empty() || self.only.iter().any(|only| only == verb || only == contest)
    }
}

/// Courses of their own.
#[derive(Debug, Subcommand)]
enum Course {
    /// Races restores: the rival's stream, ours, and relay logs, into empty servers
    Restore(RestoreArgs),
    /// Measures the undo of one DELETE of many rows
    UndoLarge {
        /// How many rows it deletes
        #[arg(long, default_value_t = 10_000_000)]
        rows: u64,

        /// The binlog to measure, instead of one that is built now
        #[arg(long, value_name = "FILE")]
        binlog: Option<PathBuf>,
    },
    /// Measures what a log divided into many takes, or grown to many, with indexes and without
    Growth(GrowthArgs),
    /// Decodes all rows of logs, and counts them
    #[command(hide = true)]
    Decode { reader: Reader, logs: Vec<PathBuf> },
    /// Unpacks archives to standard output, where their own tools are missing
    #[command(hide = true)]
    Unpack { archives: Vec<PathBuf> },
}

/// Who decodes rows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reader {
    /// This parser
    Ours,
    /// The crate of that name
    MysqlCommon,
}

#[derive(Debug, Args)]
struct RestoreArgs {
    /// How many transactions are restored, of four statements each
    #[arg(long, default_value_t = 60_000)]
    transactions: u64,

    /// Workers of the server that applies relay logs
    #[arg(long, default_value_t = 4)]
    workers: u32,

    /// How often each way is gone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// A setting of the servers that are restored, NAME=VALUE; may be repeated
    #[arg(long, value_name = "SETTING")]
    set: Vec<String>,

    /// Only this product; may be repeated
    #[arg(long, value_name = "PRODUCT", value_parser = product)]
    product: Vec<Product>,

    /// The binlog to race, instead of one that is built now
    #[arg(long, value_name = "FILE")]
    binlog: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct GrowthArgs {
    /// How many logs it is divided into
    #[arg(long, default_value_t = 2000)]
    logs: usize,

    /// Sizes that it is grown to instead, such as 1G,4G,16G: its transactions again and again, in
    /// logs of its size
    #[arg(long, value_delimiter = ',', value_parser = bytes, value_name = "BYTES")]
    #[arg(conflicts_with = "logs")]
    sizes: Vec<u64>,

    /// Delete the logs of a size when they were measured
    #[arg(long, requires = "sizes")]
    discard: bool,

    /// Bytes of the log [default: 256M; with --sizes the smallest of them, at most 1G]
    #[arg(long, value_parser = bytes, value_name = "BYTES")]
    size: Option<u64>,

    /// How often each program runs
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,

    /// The binlog to measure, instead of one that is built now
    #[arg(long, value_name = "FILE")]
    binlog: Option<PathBuf>,
}

impl GrowthArgs {
    fn run(&self) -> Result<()> {
        let (logs, rounds) = (self.logs, usize::from(self.rounds));
        let binlog = self.binlog.clone().map_or_else(build, Ok)?;
        match self.sizes.iter().min() {
            Some(smallest) => {
                let source = self.size.unwrap_or(*smallest).min(1 << 30);
                let sizes = self.sizes.clone();
                Sizes { sizes, source, rounds, discard: self.discard, binlog }.run()
            }
            None => {
                let bytes = self.size.unwrap_or(256 << 20);
                Growth { logs, bytes, rounds, binlog }.run()
            }
        }
    }
}

fn product(name: &str) -> Result<Product, String> {
    let known = || format!("known: {}", Product::ALL.map(Product::name).join(", "));
    Product::from_name(name).ok_or_else(known)
}

impl RestoreArgs {
    fn run(&self) -> Result<()> {
        let products = match self.product.as_slice() {
            [] => vec![Product::Mysql97, Product::Mariadb118],
            products => products.to_vec(),
        };
        let binlog = self.binlog.clone().map_or_else(build, Ok)?;
        Restore {
            transactions: self.transactions,
            workers: self.workers,
            rounds: self.rounds,
            settings: self.set.iter().map(|setting| format!("--{setting}")).collect(),
            products,
            binlog,
        }
        .run()
    }
}

/// Reads a number with K, M or G behind it.
fn bytes(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|e| format!("{e}"))?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

fn main() -> Result<()> {
    let race = Race::parse();
    match &race.course {
        Some(Course::Restore(restore)) => return restore.run(),
        Some(Course::UndoLarge { rows, binlog }) => {
            let binlog = binlog.clone().map_or_else(build, Ok)?;
            return UndoLarge { rows: *rows, binlog }.run();
        }
        Some(Course::Growth(growth)) => return growth.run(),
        Some(Course::Decode { reader, logs }) => {
            for log in logs {
                let decoded = match reader {
                    Reader::Ours => decode::ours(log)?,
                    Reader::MysqlCommon => decode::mysql_common(log)?,
                };
                println!("{decoded}");
            }
            return Ok(());
        }
        Some(Course::Unpack { archives }) => {
            return archives::unpack(archives, &mut stdout().lock());
        }
        None => {}
    }
    let mut courses = vec![];
    let sizes = [(Product::Mysql97, race.size), (Product::Mariadb118, race.mariadb_size)];
    for shape in &race.shape {
        for (product, size) in sizes.iter().filter(|(_, size)| *size > 0) {
            courses.push((*product, RaceLogs::provide(*product, *shape, *size)?));
        }
    }
    if race.make_logs {
        return Ok(());
    }
    let binlog = match &race.binlog {
        Some(path) => path.clone(),
        None => build()?,
    };
    let mut raw = RawResults::create()?;
    let indexes = tempfile::tempdir_in(benches::logs::folder())?;
    for (product, logs) in &courses {
        let (mut contests, mut unknown) = contests(&binlog, *product, logs)?;
        if logs.shape.has_plain_rows() {
            contests.push(decoding(*product, logs)?);
        }
        if logs.shape == Shape::Small {
            contests.extend(archives::contests(&binlog, *product, logs)?);
        }
        match knows(&binlog, &["index".to_owned()])? {
            true => contests.extend(indexed::contests(
                &binlog,
                (*product, logs),
                indexes.path(),
                |name| race.wants(name),
            )?),
            false => unknown.push("index"),
        }
        report::print_head(*product, logs, race.rounds.into());
        for contest in contests.iter().filter(|contest| race.wants(contest.name)) {
            run(contest, logs, race.rounds.into(), &mut raw)?;
        }
        if !unknown.is_empty() {
            println!("\nnot known to this binlog: {}", unknown.join(", "));
        }
    }
    Ok(())
}

/// Builds the binary that is raced: nobody shall race one of yesterday.
fn build() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "binlog"])
        .status()?;
    ensure!(status.success(), "binlog does not build");
    let target = benches::logs::folder();
    Ok(target.parent().context("no target folder")?.join("release/binlog"))
}

/// Lets everybody run in turn, round after round, so that what else the machine does hits all.
fn run(contest: &Contest, logs: &RaceLogs, rounds: usize, raw: &mut RawResults) -> Result<()> {
    for entrant in &contest.entrants {
        entrant.prove()?;
    }
    let mut costs = vec![vec![]; contest.entrants.len()];
    for round in 0..rounds {
        for (entrant, costs) in contest.entrants.iter().zip(&mut costs) {
            let cost = entrant.run()?;
            raw.add(contest, logs, entrant, round, cost)?;
            costs.push(cost);
        }
    }
    report::print_contest(contest, logs.made.bytes, &costs);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        assert_eq!((bytes("1G"), bytes("256M"), bytes("12")), (Ok(1 << 30), Ok(256 << 20), Ok(12)));
        assert!(bytes("G").is_err() && bytes("99999999999G").is_err());
    }

    #[test]
    fn contests_are_wanted_by_name_and_by_verb() {
        let race = |only: &str| Race::parse_from(["race", "--only", only]);
        assert!(race("find").wants("find, indexed") && race("find").wants("find zst"));
        assert!(
            race("find, indexed").wants("find, indexed") && !race("find, indexed").wants("find")
        );
        assert!(race("index").wants("index") && !race("index").wants("find, indexed"));
        assert!(Race::parse_from(["race"]).wants("start-datetime, indexed"));
    }

    #[test]
    fn sizes_to_grow_to_are_read() {
        let growth =
            |options: &[&str]| Race::try_parse_from([&["race", "growth"], options].concat());
        let Some(Course::Growth(args)) = growth(&["--sizes", "64M,1G"]).unwrap().course else {
            panic!("no growth");
        };
        assert_eq!(args.sizes, [64 << 20, 1 << 30]);
        assert!(growth(&["--discard"]).is_err() && growth(&["--logs", "3"]).is_ok());
        assert!(growth(&["--sizes", "1G", "--logs", "3"]).is_err());
    }
}
