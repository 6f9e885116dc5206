//! Relay logs of real replicas: `events` against SHOW RELAYLOG EVENTS and against the source's own
//! logs, and the data that comes of their replay.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use assert_cmd::Command;
use serde_json::Value;
use servers::{Product, Server, ServerOptions};

const BEFORE: &str = "
CREATE USER repl@'%' IDENTIFIED BY 'repl';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
CREATE DATABASE shop;
CREATE TABLE shop.users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40));
INSERT INTO shop.users (name) VALUES ('ann'), ('bob'), ('eve');
";

/// The algorithm of checksums changes with the source's log, in the midst of the relay logs.
const WHILE: &str = "
UPDATE shop.users SET name = 'dan' WHERE id = 2;
SET GLOBAL binlog_checksum = NONE;
INSERT INTO shop.users (name) VALUES ('fay'), ('gus');
BEGIN; DELETE FROM shop.users WHERE id = 1; INSERT INTO shop.users (name) VALUES ('hal'); COMMIT;
SET GLOBAL binlog_checksum = CRC32;
ALTER TABLE shop.users ADD note TEXT;
UPDATE shop.users SET note = name;
";

/// A source and its replica.
struct Pair {
    source: Server,
    replica: Server,
}

impl Pair {
    fn start(product: Product, by_gtid: bool) -> Result<Pair> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let network = ["--skip-networking=OFF".to_owned(), "--bind-address=127.0.0.1".to_owned()];
        let options = ServerOptions::with_args(gtids(product, by_gtid));
        let source = Server::start(
            product,
            &options.clone().and_args(network).and_args([format!("--port={port}")]),
        )?;
        let own = ["--server-id=2", "--relay-log=relay-bin", "--relay-log-purge=0"];
        let replica = Server::start(product, &options.and_args(own))?;
        source.sql(BEFORE)?;
        let start = match (product.is_mariadb(), by_gtid) {
            (true, true) => "MASTER_USE_GTID=slave_pos",
            (true, false) => {
                "MASTER_USE_GTID=no, MASTER_LOG_FILE='mariadb-bin.000001', MASTER_LOG_POS=4"
            }
            (false, true) => "SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1",
            (false, false) => {
                "SOURCE_LOG_FILE='binlog.000001', SOURCE_LOG_POS=4, GET_SOURCE_PUBLIC_KEY=1"
            }
        };
        let (change, word, go) = if product.is_mariadb() {
            ("CHANGE MASTER TO", "MASTER", "START SLAVE")
        } else {
            ("CHANGE REPLICATION SOURCE TO", "SOURCE", "START REPLICA")
        };
        replica.sql(format!(
            "{change} {word}_HOST='127.0.0.1', {word}_PORT={port}, {word}_USER='repl', \
             {word}_PASSWORD='repl', {start}; {go};"
        ))?;
        let pair = Pair { source, replica };
        pair.wait(product)?;
        pair.source.sql(WHILE)?;
        pair.wait(product)?;
        Ok(pair)
    }

    /// Waits until the replica has applied everything.
    fn wait(&self, product: Product) -> Result<()> {
        let (status, wait) = if product.is_mariadb() {
            ("SHOW MASTER STATUS;", "MASTER_POS_WAIT")
        } else {
            ("SHOW BINARY LOG STATUS;", "SOURCE_POS_WAIT")
        };
        let status = String::from_utf8(self.source.sql(status)?)?;
        let mut fields = status.split('\t');
        let (log, position) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
        let waited = self.replica.sql(format!("SELECT {wait}('{log}', {position}, 60);"))?;
        let waited = String::from_utf8(waited)?;
        ensure!(
            waited.trim().parse::<i64>().is_ok_and(|n| n >= 0),
            "{waited}: {}",
            self.replica.error_log()
        );
        Ok(())
    }

    /// The relay logs, oldest first.
    fn relay_logs(&self) -> Result<Vec<PathBuf>> {
        let mut logs = vec![];
        for entry in std::fs::read_dir(self.replica.data_folder())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("relay-bin.0") {
                logs.push(path);
            }
        }
        logs.sort();
        Ok(logs)
    }
}

fn gtids(product: Product, by_gtid: bool) -> Vec<&'static str> {
    match by_gtid && !product.is_mariadb() {
        true => vec!["--gtid-mode=ON", "--enforce-gtid-consistency=ON"],
        false => vec![],
    }
}

fn events(logs: &[PathBuf]) -> Result<Vec<Value>> {
    let output =
        Command::cargo_bin("binlog")?.args(["events", "--format=json"]).args(logs).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Position, type, server and end of each event, as both show them.
fn agrees_with_the_replica(pair: &Pair, log: &Path) -> Result<()> {
    let name = log.file_name().context("a name")?.to_string_lossy();
    let shown = pair.replica.sql(format!("SHOW RELAYLOG EVENTS IN './{name}';"));
    let shown =
        shown.or_else(|_| pair.replica.sql(format!("SHOW RELAYLOG EVENTS IN '{name}';")))?;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    let theirs: Vec<_> = shown
        .lines()
        .map(|line| line.split('\t').skip(1).take(4).collect::<Vec<_>>().join(" "))
        .collect();
    let ours: Vec<_> = events(&[log.to_owned()])?
        .iter()
        .map(|event| {
            let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
            let (position, server) = (&event["position"], &event["server_id"]);
            format!("{position} {} {server} {}", word("type"), event["end_position"])
        })
        .collect();
    ensure!(!theirs.is_empty(), "{name}: the server shows nothing");
    assert_eq!(ours, theirs, "{name}");
    Ok(())
}

fn relay_logs_are_read(product: Product, by_gtid: bool) -> Result<()> {
    let pair = Pair::start(product, by_gtid)?;
    let logs = pair.relay_logs()?;
    ensure!(logs.len() > 1, "{logs:?}");
    for log in &logs {
        agrees_with_the_replica(&pair, log)?;
    }
    // Every event of the source's transactions is there, where the source has it.
    let frame =
        ["Format_desc", "Previous_gtids", "Rotate", "Stop", "Gtid_list", "Binlog_checkpoint"];
    let place = |event: &Value, log: &str, position: &str| {
        let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let kind = word("type");
        (!frame.contains(&&*kind) && event[position].is_u64())
            .then(|| format!("{}:{} {kind} {}", word(log), event[position], event["size"]))
    };
    let of_source: BTreeSet<_> = events(&pair.source.binary_logs()?)?
        .iter()
        .filter_map(|event| place(event, "log", "position"))
        .collect();
    let relayed: BTreeSet<_> = events(&logs)?
        .iter()
        .filter_map(|event| place(event, "source_log", "source_position"))
        .collect();
    if !product.is_mariadb() {
        assert_eq!(relayed, of_source);
    }
    // MariaDB's servers keep annotations back, and positions inside of transactions to themselves.
    let told = |set: &BTreeSet<String>| {
        let told = [" Gtid ", " Query ", " Xid "];
        let set = set.iter().filter(|event| told.iter().any(|kind| event.contains(kind)));
        set.cloned().collect::<Vec<_>>()
    };
    assert_eq!(told(&relayed), told(&of_source));
    assert!(relayed.is_subset(&of_source), "{relayed:?} {of_source:?}");

    let replayed = Command::cargo_bin("binlog")?.arg("replay").args(&logs).output()?;
    let stderr = String::from_utf8_lossy(&replayed.stderr).into_owned();
    ensure!(replayed.status.success(), "{}: {stderr}", replayed.status);
    let target = Server::start(product, &ServerOptions::with_args(gtids(product, by_gtid)))?;
    target.pipe(&replayed.stdout[..], ["--binary-mode", "--comments"])?.success()?;
    let difference = target.dump()?.difference(&pair.source.dump()?);
    ensure!(difference.is_none(), "{difference:?}\n{stderr}");
    Ok(())
}

fn live(product: Product) -> Result<()> {
    if servers::live().contains(&product) {
        for by_gtid in [true, false] {
            relay_logs_are_read(product, by_gtid).with_context(|| format!("by GTID: {by_gtid}"))?;
        }
    }
    Ok(())
}

#[test]
fn relay_logs_of_mysql_9_7_are_read_and_replayed() -> Result<()> {
    live(Product::Mysql97)
}

#[test]
fn relay_logs_of_mariadb_11_8_are_read_and_replayed() -> Result<()> {
    live(Product::Mariadb118)
}
