//! What MariaDB's groups of events hold beside a transaction's rows: seen in random traffic first
//! (`tests/matrix`), told here by themselves.

use anyhow::Result;
use binlog_parser::source::log_set::LogSet;
use replay::stream::{self, Options, PACKET_BYTES};
use servers::{Product, Server, ServerOptions};

/// Runs statements on a server of each version, replays its logs into an empty one, and compares
/// dumps and GTIDs.
fn replays(arguments: &[&str], statements: &str) -> Result<()> {
    for product in servers::live().into_iter().filter(|product| product.is_mariadb()) {
        let start = || Server::start(product, &ServerOptions::with_args(arguments.iter().copied()));
        let (source, target) = (start()?, start()?);
        source.sql(statements)?;
        let set = LogSet::open(&source.binary_logs()?)?;
        let options = Options { packet_bytes: PACKET_BYTES, ..Options::default() };
        let mut stream = vec![];
        stream::replay(&set, &options, &mut stream, &mut |_| {})?;
        target.pipe(&stream[..], ["--comments"])?.success()?;
        assert_same(product, &source, &target)?;
    }
    Ok(())
}

fn assert_same(product: Product, source: &Server, target: &Server) -> Result<()> {
    let difference = source.dump()?.difference(&target.dump()?);
    assert_eq!(difference, None, "{}", product.name());
    assert_eq!(source.gtid_executed()?, target.gtid_executed()?, "{}", product.name());
    Ok(())
}

/// The server gives up at its PREPARE what changed nothing, and fails at the COMMIT.
#[test]
fn an_xa_transaction_that_changed_nothing_is_left_out() -> Result<()> {
    replays(
        &[],
        "CREATE DATABASE d; USE d;
         CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE); INSERT INTO t VALUES (1, 1), (2, 2);
         XA START 'a'; UPDATE IGNORE t SET u = 1 WHERE id = 2; XA END 'a'; XA PREPARE 'a';
         XA COMMIT 'a';
         XA START 'a'; INSERT INTO t VALUES (3, 3); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';
         INSERT INTO t VALUES (4, 4);",
    )
}

/// CREATE TABLE commits by itself, and takes the name of its group with it.
#[test]
fn the_rows_of_create_table_select_keep_the_name_of_their_group() -> Result<()> {
    replays(
        &[],
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE TABLE copy (PRIMARY KEY (id)) AS SELECT * FROM t;",
    )
}

/// The server forgets it at the end of a prepared XA transaction.
#[test]
fn the_connection_number_is_told_again_behind_an_xa_transaction() -> Result<()> {
    replays(
        &["--binlog-format=MIXED"],
        "CREATE DATABASE d; USE d; CREATE TABLE t (id INT PRIMARY KEY, c INT);
         INSERT INTO t VALUES (1, CONNECTION_ID());
         XA START 'a'; INSERT INTO t VALUES (2, CONNECTION_ID()); XA END 'a'; XA PREPARE 'a';
         XA COMMIT 'a';
         INSERT INTO t VALUES (3, CONNECTION_ID());",
    )
}
