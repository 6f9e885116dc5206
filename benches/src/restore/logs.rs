//! The transactions of the restore race. They are the same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use servers::{Product, Server, ServerOptions};

/// Schema and procedure of the traffic; both families take it.
const TRAFFIC: &str = include_str!("traffic.sql");

/// MySQL's `server_uuid`, so that GTIDs are the same in every run.
const SERVER_UUID: &str = "5a5a5a5a-0000-11f0-8000-0000000005af";

/// Logs of a server, and what was in its tables.
#[derive(Debug, Clone)]
pub(super) struct RestoreLogs {
    /// The logs, oldest first.
    pub paths: Vec<PathBuf>,
    /// Bytes of all logs together.
    pub bytes: u64,
    /// What a restored server must have.
    pub state: State,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The server's version.
    pub version: String,
    /// Names and checksums of all tables.
    pub checksums: String,
    /// The GTIDs that count as executed.
    pub gtids: String,
}

/// Arguments for the servers of both ends: GTIDs, and a log of what is applied.
pub(super) fn arguments(product: Product) -> Vec<String> {
    let arguments: &[&str] = match product.is_mariadb() {
        true => &["--log-slave-updates"],
        false => &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"],
    };
    arguments.iter().map(|argument| (*argument).to_owned()).collect()
}

/// What a server holds.
pub(super) fn state(server: &Server) -> Result<State> {
    let checksums =
        server.sql("CHECKSUM TABLE restore.accounts, restore.bookings, restore.messages;")?;
    Ok(State {
        version: server.value("SELECT VERSION();")?,
        checksums: String::from_utf8(checksums)?,
        gtids: server.gtid_executed()?,
    })
}

impl RestoreLogs {
    /// The logs of `product` with so many transactions: those of an earlier run, or new ones.
    pub fn provide(product: Product, transactions: u64) -> Result<RestoreLogs> {
        let home = crate::logs::folder().join(format!("restore-{}-{transactions}", product.name()));
        if !home.exists() {
            let partial = home.with_extension("partial");
            if partial.exists() {
                fs::remove_dir_all(&partial)?;
            }
            fs::create_dir_all(&partial)?;
            make(product, transactions, &partial)
                .with_context(|| format!("making {}", home.display()))?;
            fs::rename(&partial, &home)?;
        }
        RestoreLogs::open(&home)
    }

    fn open(home: &Path) -> Result<RestoreLogs> {
        let state = serde_json::from_slice(&fs::read(home.join("state.json"))?)?;
        let (mut paths, mut bytes) = (vec![], 0);
        for entry in fs::read_dir(home)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|number| number != "json") {
                bytes += entry.metadata()?.len();
                paths.push(path);
            }
        }
        paths.sort();
        Ok(RestoreLogs { paths, bytes, state })
    }
}

fn make(product: Product, transactions: u64, home: &Path) -> Result<()> {
    let mut options = ServerOptions::with_args(arguments(product));
    options.server_uuid = (!product.is_mariadb()).then(|| SERVER_UUID.to_owned());
    let mut server = Server::start(product, &options)?;
    server.sql(TRAFFIC)?;
    server.sql(format!("CALL restore.traffic(1, {});", transactions + 1))?;
    let state = state(&server)?;
    server.stop_cleanly()?;
    for log in server.binary_logs()? {
        fs::copy(&log, home.join(log.file_name().context("a log without a name")?))?;
    }
    Ok(fs::write(home.join("state.json"), serde_json::to_vec_pretty(&state)?)?)
}
