//! Relay logs, taken by the parallel appliers of real servers as their script says: whole dumps and
//! GTIDs are compared. The server that applies has the id of the one that wrote the logs.

mod story;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use binlog_parser::header::EventType;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};
use replay::relay_log::{self, FILE_BYTES, Manifest, SCRIPT};
use replay::stream::Options;
use servers::{ClientRun, Product, Server};
use story::{Story, assert_same, dump, options};

/// What a server needs, so that its log tells the same story as the source's.
fn arguments(product: Product) -> &'static [&'static str] {
    if product.is_mariadb() {
        &["--log-slave-updates"]
    } else {
        &["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]
    }
}

fn write(logs: &LogSet, options: &Options, file_bytes: u64, folder: &Path) -> Result<Manifest> {
    let mut files = |name: &str| -> std::io::Result<Box<dyn Write>> {
        Ok(Box::new(BufWriter::new(File::create(folder.join(name))?)))
    };
    Ok(relay_log::write(logs, options, file_bytes, &mut files, &mut |_| {})?)
}

/// Does what the script says: its commands, then the script itself.
fn apply(server: &Server, folder: &Path) -> Result<ClientRun> {
    let script = fs::read_to_string(folder.join(SCRIPT))?;
    let commands: Vec<_> =
        script.lines().filter_map(|line| line.strip_prefix("--      ")).collect();
    ensure!(commands.len() > 5, "no commands in {script}");
    server.shell(&commands.join("\n"), folder)?;
    server.pipe(script.as_bytes(), [""; 0])
}

/// Applies what `options` select in an empty server.
fn replay(
    product: Product,
    logs: &LogSet,
    replayed: &Options,
    file_bytes: u64,
) -> Result<(Server, Manifest)> {
    let folder = tempfile::tempdir()?;
    let manifest = write(logs, replayed, file_bytes, folder.path())?;
    let server = Server::start(product, &options(arguments(product)))?;
    apply(&server, folder.path())?.success().with_context(|| server.error_log())?;
    let left = fs::read_dir(server.data_folder())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| relay_log::is_ours(name) || name.contains("binlog_replay"))
        .collect::<Vec<_>>();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok((server, manifest))
}

fn live(product: Product, test: impl FnOnce(Product) -> Result<()>) -> Result<()> {
    if servers::live().contains(&product) { test(product) } else { Ok(()) }
}

/// The story up to its disaster, and the story without it.
fn applies_exactly(product: Product) -> Result<()> {
    let story = Story::tell(product, arguments(product))?;
    let cut = Options { stop_before: Some(story.target()?), ..Options::default() };
    // Files so small that there are many.
    let (server, manifest) = replay(product, &story.logs, &cut, 100_000)?;
    assert_same("--stop-before the disaster", &dump(&server)?, &story.before)?;
    assert_eq!(server.gtid_executed()?, story.gtids_before);
    ensure!(manifest.files.len() > 2, "{manifest:?}");

    let skip = Options { skip: vec![story.target()?], ..Options::default() };
    let (server, manifest) = replay(product, &story.logs, &skip, FILE_BYTES)?;
    assert_same("--skip the disaster", &dump(&server)?, &story.spared)?;
    assert_eq!(server.gtid_executed()?, story.gtids);
    assert_eq!((manifest.stream.skipped.len(), manifest.files.len()), (1, 1));

    // MySQL gives GTIDs of its own where they are taken away; in MariaDB they cannot be.
    let whole = Options { skip_gtids: !product.is_mariadb(), ..Options::default() };
    let (server, _) = replay(story.product, &story.logs, &whole, FILE_BYTES)?;
    assert_same("all logs", &dump(&server)?, &story.after)?;
    Ok(())
}

#[test]
fn mysql_9_7_applies_exactly() -> Result<()> {
    live(Product::Mysql97, applies_exactly)
}

#[test]
fn mariadb_10_11_applies_exactly() -> Result<()> {
    live(Product::Mariadb1011, applies_exactly)
}

#[test]
fn mariadb_11_8_applies_exactly() -> Result<()> {
    live(Product::Mariadb118, applies_exactly)
}

/// What a client could not do: a statement that has to fail again, data that have to be loaded
/// strictly, and statements that depend on their session. Compressed transactions go in as they are.
const STATEMENTS: &str = "
    CREATE DATABASE d; USE d;
    CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(50), r DOUBLE);
    CREATE TABLE half (id INT PRIMARY KEY) ENGINE=MyISAM;
    SET SESSION binlog_format = 'STATEMENT', @v = 'a user''s', time_zone = '+05:00';
    INSERT INTO t (v, r) VALUES (@v, RAND()), (CONCAT(@v, LAST_INSERT_ID()), RAND());
    INSERT INTO t (v) VALUES (NOW());
    INSERT INTO half VALUES (1), (2), (2), (3);
    CREATE TEMPORARY TABLE kept (v VARCHAR(50));
    INSERT INTO kept VALUES ('from a temporary table');
    FLUSH BINARY LOGS;
    INSERT INTO t (v) SELECT v FROM kept;
    DROP TEMPORARY TABLE kept;
    LOAD DATA INFILE 'loaded.txt' INTO TABLE t (v);
    LOAD DATA INFILE 'twice.txt' REPLACE INTO TABLE t (id, v);";

/// Rows, compressed; `{}` turns that on.
const COMPRESSED: &str = "
    USE d; SET SESSION binlog_format = 'ROW'; {};
    INSERT INTO t (v) SELECT REPEAT('x', 50) FROM t;
    UPDATE t SET v = CONCAT('y', LEFT(v, 40));
    DELETE FROM t WHERE id % 3 = 0;";

fn applies_statements(product: Product) -> Result<()> {
    let source = Server::start(product, &options(arguments(product)))?;
    source.sql("CREATE DATABASE d;")?;
    let database = source.data_folder().join("d");
    fs::write(database.join("loaded.txt"), "one\ntwo\n\\\\three\n")?;
    fs::write(database.join("twice.txt"), "1\tonce\n1\ttwice\n")?;
    // The statement that fails half way ends no story.
    let statements = STATEMENTS.replacen("CREATE DATABASE d; ", "", 1);
    let run = source.pipe(statements.as_bytes(), ["--force"])?;
    ensure!(run.stderr.matches("ERROR").count() == 1, "{}", run.stderr);
    let compression = match product.is_mariadb() {
        true => "SET GLOBAL log_bin_compress = ON, log_bin_compress_min_len = 10",
        false => "SET SESSION binlog_transaction_compression = ON",
    };
    source.sql(COMPRESSED.replace("{}", compression))?;
    let logs = LogSet::open(&source.binary_logs()?)?;
    let types: Vec<_> = logs.logs().iter().flat_map(|log| log.scan().events()).collect();
    let has = |event_type| types.iter().any(|event| event.event_type() == event_type);
    ensure!(has(EventType::EXECUTE_LOAD_QUERY) && has(EventType::RAND));
    ensure!(types.iter().any(|event| event.event_type().is_compressed()));

    let (server, _) = replay(product, &logs, &Options::default(), FILE_BYTES)?;
    assert_same("statements", &dump(&server)?, &dump(&source)?)?;
    assert_eq!(server.gtid_executed()?, source.gtid_executed()?);
    Ok(())
}

#[test]
fn statements_and_compressed_transactions_apply_exactly() -> Result<()> {
    servers::live().into_iter().try_for_each(applies_statements)
}

/// A row that is there already stops the applier: the script fails, tells the place, and leaves the
/// channel for another try.
#[test]
fn an_applier_that_stops_is_told() -> Result<()> {
    for product in servers::live() {
        let source = Server::start(product, &options(arguments(product)))?;
        source.sql(
            "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY);
             INSERT INTO d.t VALUES (1); INSERT INTO d.t VALUES (2); INSERT INTO d.t VALUES (3);",
        )?;
        let logs = LogSet::open(&source.binary_logs()?)?;
        let folder = tempfile::tempdir()?;
        let begin = logs.logs()[0].len();
        let mut cut = Options::default();
        let mut units = Units::new(logs.logs()[0].scan());
        let starts: Vec<_> = units
            .by_ref()
            .filter_map(|unit| match unit {
                Unit::Transaction(transaction) => Some(transaction.start()),
                _ => None,
            })
            .collect();
        ensure!(starts.len() == 5 && begin > starts[4], "{starts:?}");
        cut.filter.start_position = Some(starts[2]);
        write(&logs, &cut, FILE_BYTES, folder.path())?;

        let target = Server::start(product, &options(arguments(product)))?;
        target.sql(
            "SET SESSION sql_log_bin = 0;
             CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY); INSERT INTO d.t VALUES (2);",
        )?;
        let run = apply(&target, folder.path())?;
        ensure!(!run.status.success(), "{}: not noticed", product.name());
        ensure!(run.stderr.contains("the applier has stopped"), "{}", run.stderr);
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let place = logs.logs()[0].name();
        ensure!(said.contains("1062") && said.contains(&**place), "{said}");

        // Put right, it goes on from START.
        target.sql("SET SESSION sql_log_bin = 0; DELETE FROM d.t WHERE id = 2;")?;
        let script = fs::read_to_string(folder.path().join(SCRIPT))?;
        let start = script.find("\nSTART ").context("no START in the script")?;
        target.pipe(&script.as_bytes()[start..], [""; 0])?.success()?;
        assert_eq!(target.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM d.t;")?, "1,2,3");
    }
    Ok(())
}
