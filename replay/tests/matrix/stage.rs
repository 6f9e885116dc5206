//! A source and a target: traffic on the one, its replay on the other, and dumps of both.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log_set::LogSet;
use replay::select::resolve;
use replay::stream::{self, Options, PACKET_BYTES};
use servers::traffic::DATABASE;
use servers::{Dump, DumpOptions, Product, Server, ServerOptions, Traffic};

use crate::cell::Cell;

/// Transactions in each half of a cell's traffic.
const TRANSACTIONS: usize = 40;

/// A key of MariaDB's file of keys, in hex.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A source and a target of the same product and arguments.
pub struct Stage {
    arguments: Vec<&'static str>,
    source: Server,
    target: Server,
    keys: Keys,
    /// Holds the file of keys.
    folder: tempfile::TempDir,
}

/// What became of a replay.
pub type Answer = std::result::Result<(), String>;

/// What became of a cell.
pub struct Answers {
    /// Events in the logs, to show that there was something to replay.
    pub log_bytes: u64,
    /// The replay of all logs.
    pub whole: Answer,
    /// The replay up to the middle.
    pub cut: Answer,
    /// What the product's own reader gives for all logs.
    pub rival: Answer,
}

/// What a server should hold.
struct Truth {
    dump: Dump,
    gtids: String,
}

impl Truth {
    fn of(server: &Server) -> Result<Truth> {
        let options = DumpOptions { without_auto_increment: true, ..DumpOptions::default() };
        Ok(Truth { dump: server.dump_with(&options)?, gtids: server.gtid_executed()? })
    }
}

impl Stage {
    /// Starts the servers of a cell.
    pub fn build(product: Product, cell: &Cell) -> Result<Stage> {
        let folder = tempfile::tempdir()?;
        let mut arguments: Vec<String> =
            cell.arguments.iter().map(|&word| word.to_owned()).collect();
        let mut keys = Keys::none();
        if product.is_mariadb() {
            let file = folder.path().join("keys");
            std::fs::write(&file, format!("1;{KEY}\n2;{KEY}\n"))?;
            arguments.push("--plugin-load-add=file_key_management".to_owned());
            arguments.push(format!("--file-key-management-filename={}", file.display()));
            if cell.encrypted {
                keys = keys.with_key_file(&file, None)?;
            }
        }
        arguments.push("--local-infile=ON".to_owned());
        let mut options = ServerOptions::with_args(arguments);
        options.server_uuid = Some("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee".to_owned());
        Ok(Stage {
            arguments: cell.arguments.clone(),
            source: Server::start(product, &options)?,
            target: Server::start(product, &options)?,
            keys,
            folder,
        })
    }

    /// Whether the servers run with the arguments of a cell.
    pub fn suits(&self, cell: &Cell) -> bool {
        self.arguments == cell.arguments
    }

    /// Plays a cell.
    ///
    /// # Errors
    /// Where a server fails; that a replay does not give what it should is an answer.
    pub fn play(&mut self, cell: &Cell) -> Result<Answers> {
        let product = self.source.product();
        let told = (cell.number, &cell.label);
        self.source.sql(&cell.assignments).with_context(|| format!("{told:?}"))?;
        self.target.sql(&cell.assignments)?;
        clear(&self.source)?;
        let mut traffic = Traffic::new(product, cell.number as u64);
        if cell.statements_only {
            traffic = traffic.repeatable();
        }
        self.source.sql(traffic.schema())?;
        self.feed(&traffic.transactions(TRANSACTIONS))?;
        let (middle, address) = (Truth::of(&self.source)?, self.end_of_log()?);
        self.feed(&traffic.transactions(TRANSACTIONS / 2))?;
        self.source.flush_logs()?;
        self.feed(&traffic.transactions(TRANSACTIONS / 2))?;
        let end = Truth::of(&self.source)?;

        let logs = self.source.binary_logs()?;
        self.keep(&logs)?;
        let set = LogSet::open_with(&logs, &self.keys)?;
        let cut = resolve(&set, &address.parse()?)?;
        Ok(Answers {
            log_bytes: set.total_bytes(),
            whole: self.ours(&set, &Options::default(), &end)?,
            cut: self.ours(
                &set,
                &Options { stop_before: Some(cut), ..Options::default() },
                &middle,
            )?,
            rival: self.rival(&logs, &end)?,
        })
    }

    /// Runs statements of which some may fail.
    fn feed(&self, script: &str) -> Result<()> {
        let arguments = ["--default-character-set=utf8mb4", "--force"];
        self.source.pipe(script.as_bytes(), arguments).map(drop)
    }

    /// Address of the next event of the source.
    fn end_of_log(&self) -> Result<String> {
        let mariadb = self.source.product().is_mariadb();
        let status = if mariadb { "MASTER" } else { "BINARY LOG" };
        let status = self.source.value(&format!("SHOW {status} STATUS;"))?;
        let mut fields = status.split('\t');
        let mut field = || fields.next().unwrap_or_default().to_owned();
        Ok(format!("{}:{}", field(), field()))
    }

    fn ours(&self, set: &LogSet, options: &Options, truth: &Truth) -> Result<Answer> {
        let mut stream = vec![];
        let options = Options { packet_bytes: PACKET_BYTES, ..options.clone() };
        if let Err(error) = stream::replay(set, &options, &mut stream, &mut |_| {}) {
            return Ok(Err(format!("replay: {error}")));
        }
        self.give(&stream, truth)
    }

    fn rival(&self, logs: &[PathBuf], truth: &Truth) -> Result<Answer> {
        let mut reader: Command =
            self.source.installation().tool(self.source.product().binlog_tool())?;
        let run = reader.arg("--no-defaults").args(logs).stdin(Stdio::null()).output()?;
        if !run.status.success() {
            let complaint = String::from_utf8_lossy(&run.stderr);
            return Ok(Err(complaint.lines().last().unwrap_or("no reason given").to_owned()));
        }
        self.give(&run.stdout, truth)
    }

    /// Copies logs, and what opens them, to where a failing cell can be looked into.
    fn keep(&self, logs: &[PathBuf]) -> Result<()> {
        let Some(folder) = std::env::var_os("MATRIX_KEEP") else { return Ok(()) };
        for log in logs.iter().chain(&[self.folder.path().join("keys")]) {
            if let Some(name) = log.file_name().filter(|_| log.exists()) {
                std::fs::copy(log, PathBuf::from(&folder).join(name))?;
            }
        }
        Ok(())
    }

    /// Gives the target a stream, and compares.
    fn give(&self, stream: &[u8], truth: &Truth) -> Result<Answer> {
        clear(&self.target)?;
        let run = self.target.pipe(stream, ["--comments", "--local-infile=1"])?;
        if !run.status.success() {
            return Ok(Err(run.stderr.trim().to_owned()));
        }
        let had = Truth::of(&self.target)?;
        if let Some(difference) = had.dump.difference(&truth.dump) {
            return Ok(Err(difference));
        }
        if had.gtids != truth.gtids {
            return Ok(Err(format!("GTIDs: {}, needed {}", had.gtids, truth.gtids)));
        }
        Ok(Ok(()))
    }
}

/// Takes everything from a server that traffic gave it, its logs included.
fn clear(server: &Server) -> Result<()> {
    let mariadb = server.product().is_mariadb();
    let reset = if mariadb { "RESET MASTER" } else { "RESET BINARY LOGS AND GTIDS" };
    let form = if mariadb { "FORMAT = 'SQL'" } else { "CONVERT XID" };
    let prepared = server.value(&format!("XA RECOVER {form};"))?;
    for xid in prepared.lines().filter_map(|line| line.split('\t').nth(3)) {
        server.sql(format!("XA ROLLBACK {xid};"))?;
    }
    server.sql(format!("DROP DATABASE IF EXISTS {DATABASE}; {reset};")).map(drop)
}
