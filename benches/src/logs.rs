//! The logs that are raced over: real servers write them once, `target/race` keeps them.
//!
//! The traffic is one of several [`Shape`]s, by default a shop's, in small transactions: a visit is
//! noted, changed, forgotten, each by a statement that commits by itself, and every tenth time an
//! order is placed, which is several statements. Rows, times and GTIDs are the same in every run; only the commit
//! times in MySQL's GTID events are not.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use servers::{Product, Server, ServerOptions};

use crate::shapes::{FIRST, Shape};

/// What `max_binlog_size` may be at most, in bytes.
const LARGEST_LOG: u64 = 1 << 30;

/// MySQL's `server_uuid`, so that GTIDs are the same in every run.
const SERVER_UUID: &str = "5a5a5a5a-0000-11f0-8000-00000000beac";

/// A folder of logs with what their server said of them.
#[derive(Debug, Clone)]
pub struct RaceLogs {
    /// The logs, oldest first.
    pub paths: Vec<PathBuf>,
    /// What the server counted.
    pub made: Made,
    /// What they are full of.
    pub shape: Shape,
}

/// What the server that made the logs said of them.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Made {
    /// The product's version string.
    pub version: String,
    /// How many transactions the logs hold, by the server's own GTIDs.
    pub transactions: u64,
    /// Bytes of all logs together.
    pub bytes: u64,
}

/// The folder of everything that a race leaves behind: `target/race` of the workspace.
pub fn folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("race")
}

impl RaceLogs {
    /// The logs of `product` of this shape, of at least `bytes` bytes: those of an earlier run, or
    /// new ones.
    ///
    /// # Errors
    /// Where the server cannot be run or the logs cannot be written.
    pub fn provide(product: Product, shape: Shape, bytes: u64) -> Result<RaceLogs> {
        let name = match shape {
            Shape::Small => format!("{}-{bytes}", product.name()),
            shape => format!("{}-{}-{bytes}", product.name(), shape.name()),
        };
        let home = folder().join(name);
        if !home.exists() {
            let partial = home.with_extension("partial");
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            fs::create_dir_all(&partial)?;
            make(product, shape, bytes, &partial)
                .with_context(|| format!("making {}", home.display()))?;
            fs::rename(&partial, &home)?;
        }
        RaceLogs::open(&home, shape)
    }

    fn open(home: &Path, shape: Shape) -> Result<RaceLogs> {
        let made = serde_json::from_slice(&fs::read(home.join("made.json"))?)?;
        let mut paths = vec![];
        for entry in fs::read_dir(home)? {
            let path = entry?.path();
            if path.extension().is_some_and(|number| number != "json") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(RaceLogs { paths, made, shape })
    }
}

/// Address of the first transaction behind the schema: databases, tables, procedure and the rows to
/// begin with.
pub(crate) fn first_of_traffic(product: Product, shape: Shape) -> String {
    let number = shape.schema_transactions() + 1;
    match product.is_mariadb() {
        true => format!("0-1-{number}"),
        false => format!("{SERVER_UUID}:{number}"),
    }
}

/// Runs the traffic until as many logs are full as `bytes` need.
fn make(product: Product, shape: Shape, bytes: u64, home: &Path) -> Result<()> {
    let count = bytes.div_ceil(LARGEST_LOG).max(1);
    let each = (bytes / count).next_multiple_of(4096).min(LARGEST_LOG);
    let mut options = ServerOptions::with_args([
        format!("--max-binlog-size={each}"),
        "--innodb-buffer-pool-size=512M".to_owned(),
    ]);
    options = options.and_args(shape.settings(product).iter().copied());
    if !product.is_mariadb() {
        options = options.and_args(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
        options.server_uuid = Some(SERVER_UUID.to_owned());
    }
    let mut server = Server::start(product, &options)?;
    if !product.is_mariadb() {
        server.sql("ALTER INSTANCE DISABLE INNODB REDO_LOG;")?;
    }
    server.sql(shape.sql())?;
    let (mut next, batch) = (FIRST, shape.batch());
    while (server.binary_logs()?.len() as u64) <= count {
        server.sql(format!("CALL race.traffic({next}, {});", next + batch))?;
        next += batch;
        if next.is_multiple_of(10 * batch) {
            let logs = server.binary_logs()?;
            let grown = logs.iter().filter_map(|log| Some(fs::metadata(log).ok()?.len())).sum();
            say_growth(product, grown, bytes);
        }
    }
    let transactions = counted_before(&server, count)?;
    let version = server.value("SELECT VERSION();")?;
    server.stop_cleanly()?;
    let mut total = 0;
    for log in server.binary_logs()?.iter().take(count as usize) {
        let name = log.file_name().context("a log without a name")?;
        total += fs::copy(log, home.join(name))?;
    }
    let made = Made { version, transactions, bytes: total };
    fs::write(home.join("made.json"), serde_json::to_vec_pretty(&made)?)?;
    Ok(())
}

fn say_growth(product: Product, grown: u64, wanted: u64) {
    eprintln!("{}: {} of {} MiB made", product.name(), grown >> 20, wanted >> 20);
}

/// How many transactions the first `count` logs hold: the log after them begins by naming the
/// GTIDs before it, which are `uuid:1-N` in MySQL and `[0-1-N]` in MariaDB.
fn counted_before(server: &Server, count: u64) -> Result<u64> {
    let log = format!("{}.{:06}", server.product().log_name(), count + 1);
    let answer = server.sql(format!("SHOW BINLOG EVENTS IN '{log}' LIMIT 2;"))?;
    let text = String::from_utf8(answer)?;
    let digits = text.trim_end().trim_end_matches(']').rsplit(['-', ':']).next();
    let transactions = digits.unwrap_or_default().parse().with_context(|| text.clone())?;
    ensure!(transactions > 0, "no transactions in {text}");
    Ok(transactions)
}
