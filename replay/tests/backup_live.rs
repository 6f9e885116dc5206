//! A dump that was taken while others wrote, restored, and brought up to the end of the logs: it
//! is what the server itself has.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use binlog_parser::source::log_set::LogSet;
use replay::backup::{self, Snapshot, SnapshotGtids};
use replay::select::Filter;
use replay::stream::{self, Manifest, Options, PACKET_BYTES};
use servers::{Product, Server, ServerOptions};

const TABLES: &str = "
    CREATE DATABASE d;
    CREATE TABLE d.pairs (id INT AUTO_INCREMENT PRIMARY KEY, writer INT, v VARCHAR(60), b BLOB);
    CREATE TABLE d.own_1 LIKE d.pairs;
    CREATE TABLE d.own_2 LIKE d.pairs;
    CREATE TABLE d.no_key (writer INT, v VARCHAR(60));
    CREATE TABLE d.sums (writer INT PRIMARY KEY, n INT NOT NULL);
    INSERT INTO d.sums VALUES (1, 0), (2, 0);";

/// What a writer does again and again: a transaction over several tables, and small ones. No writer
/// waits for rows of another: a dump that locks all tables in between would wait for both, and they for
/// it.
fn round(writer: usize, n: usize) -> String {
    let mut round = format!(
        "BEGIN;
         INSERT INTO d.pairs (writer, v, b) VALUES ({writer}, 'it''s {n}', UNHEX('00FF5C27')),
           ({writer}, NULL, NULL);
         INSERT INTO d.own_{writer} (writer, v, b) VALUES ({writer}, 'it''s {n}', NULL),
           ({writer}, NULL, UNHEX('0A00'));
         UPDATE d.sums SET n = n + 1 WHERE writer = {writer};
         INSERT INTO d.no_key VALUES ({writer}, '{n}');
         COMMIT;
         UPDATE d.own_{writer} SET v = CONCAT('x', COALESCE(v, '')) WHERE id % 7 = 3;
         DELETE FROM d.own_{writer} WHERE id % 11 = {};",
        n % 11
    );
    if n % 25 == 24 {
        round.push_str("FLUSH BINARY LOGS;");
    }
    round
}

/// Two writers write while `meanwhile` runs, and a little before and after.
fn while_writing<T>(server: &Server, meanwhile: impl FnOnce() -> Result<T>) -> Result<T> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = [1, 2].map(|writer| {
            let done = &done;
            scope.spawn(move || -> Result<usize> {
                let mut session = server.session()?;
                let mut rounds = 0;
                while !done.load(Ordering::Relaxed) || rounds < 40 {
                    session.run(round(writer, rounds))?;
                    rounds += 1;
                }
                Ok(rounds)
            })
        });
        while server.value("SELECT COUNT(*) FROM d.no_key;")?.parse::<u32>()? < 30 {
            thread::yield_now();
        }
        let result = meanwhile();
        done.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??;
        }
        result
    })
}

fn options(gtids: bool, product: Product) -> ServerOptions {
    let on = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
    let args = if gtids && !product.is_mariadb() { &on[..] } else { &[] };
    ServerOptions::with_args(args.iter().copied())
}

fn copy_logs(server: &Server, folder: &Path) -> Result<LogSet> {
    let mut copies = vec![];
    for log in server.binary_logs()? {
        let copy = folder.join(log.file_name().context("a name")?);
        fs::copy(&log, &copy)?;
        copies.push(copy);
    }
    Ok(LogSet::open(&copies)?)
}

/// The stream from where `snapshot` ends.
fn replay_after(set: &LogSet, snapshot: &Snapshot) -> Result<(Vec<u8>, Manifest)> {
    let start = backup::start_after(set, snapshot)?;
    ensure!(start.warnings.is_empty(), "{:?}", start.warnings);
    let filter = Filter { contained: Some(start.contained), ..Filter::default() };
    let options = Options { filter, packet_bytes: PACKET_BYTES, ..Options::default() };
    let mut stream = vec![];
    let manifest = stream::replay(set, &options, &mut stream, &mut |_| {})?;
    Ok((stream, manifest))
}

/// The files that other programs would have written at the moment of `dump`.
fn other_formats(dump: &Snapshot, folder: &Path) -> Result<Vec<PathBuf>> {
    let place = dump.places.first().context("a position")?;
    let gtids = dump.gtids.as_ref().map(ToString::to_string).unwrap_or_default();
    let (log, position) = (&place.log, place.position);
    let files = [
        ("xtrabackup_binlog_info", format!("{log}\t{position}\t{gtids}\n")),
        (
            "metadata",
            format!(
                "# Started dump at: x\n[source]\nFile = {log}\nPosition = {position}\n\
                 Executed_Gtid_Set = {gtids}\n"
            ),
        ),
        (
            "@.json",
            format!(
                r#"{{"binlogFile": "{log}", "binlogPosition": {position}, "gtidExecuted": "{gtids}"}}"#
            ),
        ),
    ];
    let mut paths = vec![];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text)?;
        paths.push(path);
    }
    Ok(paths)
}

fn goes_on_from_a_dump(product: Product, gtids: bool, arguments: &[&str]) -> Result<()> {
    let source = Server::start(product, &options(gtids, product))?;
    source.sql(TABLES)?;
    let dump = while_writing(&source, || {
        let mut program = source.tool(product.dump_tool())?;
        program.args(arguments).args(["--single-transaction", "--hex-blob", "--databases", "d"]);
        let output = program.output()?;
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{why}");
        // Not before: a consistent dump does not go with statements that change definitions.
        source.sql(
            "CREATE TABLE d.later (a INT PRIMARY KEY); INSERT INTO d.later VALUES (1), (2);",
        )?;
        Ok(output.stdout)
    })?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("dump.sql");
    fs::write(&path, &dump)?;
    let snapshot = backup::read(&path)?;
    let set = copy_logs(&source, folder.path())?;
    let (stream, manifest) = replay_after(&set, &snapshot)?;
    ensure!(manifest.contained > 10 && manifest.transactions > 10, "{manifest:?}");

    let restored = Server::start(product, &options(gtids, product))?;
    restored.pipe(&dump[..], ["--comments"])?.success()?;
    restored.pipe(&stream[..], ["--comments"])?.success()?;
    if let Some(difference) = restored.dump()?.difference(&source.dump()?) {
        anyhow::bail!("{arguments:?}: {difference}");
    }
    if let Some(SnapshotGtids::Mysql(_)) = &snapshot.gtids {
        assert_eq!(restored.gtid_executed()?, source.gtid_executed()?);
    }
    if !snapshot.places.is_empty() {
        for path in other_formats(&snapshot, folder.path())? {
            let (other, _) = replay_after(&set, &backup::read(&path)?)?;
            assert!(other == stream, "{}", path.display());
        }
    }
    Ok(())
}

/// Ways to take a dump that tell where it ends, with whether the server has GTIDs.
const MYSQL: [(bool, &[&str]); 3] = [
    (true, &["--source-data=2", "--set-gtid-purged=ON"]),
    (true, &["--single-transaction"]),
    (false, &["--source-data=2", "--set-gtid-purged=OFF"]),
];
const MARIADB: [(bool, &[&str]); 2] =
    [(true, &["--master-data=2"]), (true, &["--master-data=2", "--gtid", "--skip-comments"])];

#[test]
fn a_dump_taken_amid_traffic_goes_on_to_the_end_of_the_logs() -> Result<()> {
    for product in servers::live() {
        let ways = if product.is_mariadb() { &MARIADB[..] } else { &MYSQL };
        for (gtids, arguments) in ways {
            goes_on_from_a_dump(product, *gtids, arguments)
                .with_context(|| format!("{} {arguments:?}", product.name()))?;
        }
    }
    Ok(())
}
