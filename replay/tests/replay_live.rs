//! The stream, taken by real servers: whole dumps and GTIDs are compared.

mod story;

use anyhow::{Result, ensure};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{StatementKind, Unit, Units};
use replay::select::{Filter, TableName, Target, resolve};
use replay::stream::{self, Manifest, Options, PACKET_BYTES, Partial};
use servers::{Dump, Product, Server, ServerOptions};
use story::{Story, assert_same, dump, options};

/// What a client has to be told; without comments, those in stored programs would get lost.
const CLIENT_OPTIONS: [&str; 1] = ["--comments"];

/// Replays into an empty server and returns what is there then.
fn replay(story: &Story, options: &Options) -> Result<(Dump, String, Manifest)> {
    let mut stream = vec![];
    let manifest = stream::replay(&story.logs, options, &mut stream, &mut |_| {})?;
    let server = Server::start(story.product, &story::options(&[]))?;
    server.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
    Ok((dump(&server)?, server.gtid_executed()?, manifest))
}

fn with_packets(packet_bytes: usize) -> Options {
    Options { packet_bytes, ..Options::default() }
}

/// The whole story, the story up to its disaster, and the story without it.
fn replays_exactly(product: Product, extra: &[&str]) -> Result<()> {
    let story = Story::tell(product, extra)?;

    // Pieces so small that few transactions follow another in the same.
    let pieces = Options { piece_bytes: 2_000, ..with_packets(PACKET_BYTES) };
    let (dump, gtids, manifest) = replay(&story, &pieces)?;
    assert_same("all logs", &dump, &story.after)?;
    assert_eq!(gtids, story.gtids, "all logs");
    assert!(manifest.prepared.is_empty() && manifest.damage.is_none(), "{manifest:?}");

    // Packets so small that statements are divided.
    let cut = Options { stop_before: Some(story.target()?), ..with_packets(5_000) };
    let (dump, gtids, _) = replay(&story, &cut)?;
    assert_same("--stop-before the disaster", &dump, &story.before)?;
    assert_eq!(gtids, story.gtids_before, "--stop-before the disaster");

    let skip = Options { skip: vec![story.target()?], ..with_packets(PACKET_BYTES) };
    let (dump, gtids, manifest) = replay(&story, &skip)?;
    assert_same("--skip the disaster", &dump, &story.spared)?;
    assert_eq!(gtids, story.gtids, "--skip the disaster");
    assert_eq!(manifest.skipped.len(), 1);
    Ok(())
}

#[test]
fn mysql_9_7_replays_exactly() -> Result<()> {
    live(Product::Mysql97, &[])
}

#[test]
fn mariadb_10_11_replays_exactly() -> Result<()> {
    live(Product::Mariadb1011, &[])
}

#[test]
fn mariadb_11_8_replays_exactly() -> Result<()> {
    live(Product::Mariadb118, &[])
}

/// MySQL compresses whole transactions.
#[test]
fn mysql_9_7_replays_payloads_exactly() -> Result<()> {
    live(Product::Mysql97, &["--binlog-transaction-compression=ON"])
}

/// MariaDB compresses the texts and the rows of events.
const COMPRESSED: [&str; 2] = ["--log-bin-compress=1", "--log-bin-compress-min-len=10"];

#[test]
fn mariadb_10_11_replays_compressed_events_exactly() -> Result<()> {
    live(Product::Mariadb1011, &COMPRESSED)
}

#[test]
fn mariadb_11_8_replays_compressed_events_exactly() -> Result<()> {
    live(Product::Mariadb118, &COMPRESSED)
}

fn live(product: Product, extra: &[&str]) -> Result<()> {
    if servers::live().contains(&product) { replays_exactly(product, extra) } else { Ok(()) }
}

/// Rows and default databases go to another database; the packets are so small that every rows
/// event of the large statement ends a BINLOG of its own.
fn rewrites_a_database(product: Product) -> Result<()> {
    const TABLE: &str = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(300));";
    let source = Server::start(product, &options(&[]))?;
    source.sql(format!("CREATE DATABASE a; USE a; {TABLE}"))?;
    source.flush_logs()?;
    source.sql(
        "USE a;
         INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
           SELECT i, REPEAT('x', i % 300) FROM n;
         DELETE FROM t WHERE id % 3 = 0;
         CREATE TABLE later (id INT PRIMARY KEY); INSERT INTO later VALUES (7);",
    )?;
    let logs = source.binary_logs()?;
    let set = LogSet::open(&logs[1..])?;
    let rewrite_db = vec![(b"a".to_vec(), b"a much longer name".to_vec())];
    let mut stream = vec![];
    let rewriting = Options { rewrite_db, ..with_packets(5_000) };
    stream::replay(&set, &rewriting, &mut stream, &mut |_| {})?;

    let target = Server::start(product, &options(&[]))?;
    target
        .sql(format!("CREATE DATABASE `a much longer name`; USE `a much longer name`; {TABLE}"))?;
    target.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
    for table in ["t", "later"] {
        let rows = |server: &Server, database: &str| {
            server.sql(format!("SELECT * FROM `{database}`.{table} ORDER BY id;"))
        };
        let needed = rows(&source, "a")?;
        ensure!(!needed.is_empty(), "{table} has rows");
        assert_eq!(rows(&target, "a much longer name")?, needed, "{table} on {}", product.name());
    }
    Ok(())
}

#[test]
fn a_database_is_rewritten_in_rows_and_in_use() -> Result<()> {
    servers::live().into_iter().try_for_each(rewrites_a_database)
}

/// MySQL 9.6 and later follow foreign keys above the engine and log what they do. A REPLACE of a
/// parent deletes it in the log, but no child; to whom the log is replayed must leave them, too.
#[test]
fn children_of_a_replaced_parent_stay() -> Result<()> {
    for product in servers::live() {
        let source = Server::start(product, &options(&[]))?;
        source.sql(
            "CREATE DATABASE d; USE d;
             CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(20));
             CREATE TABLE child (id INT PRIMARY KEY, parent INT,
               FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
             INSERT INTO parent VALUES (1, 'a'), (2, 'b'), (3, 'c');
             INSERT INTO child VALUES (10, 1), (20, 2), (30, 3);
             REPLACE INTO parent VALUES (1, 'new');
             DELETE FROM parent WHERE id = 2;
             UPDATE parent SET id = 4 WHERE id = 3;",
        )?;
        let set = LogSet::open(&source.binary_logs()?)?;
        let mut stream = vec![];
        stream::replay(&set, &with_packets(PACKET_BYTES), &mut stream, &mut |_| {})?;
        let target = Server::start(product, &options(&[]))?;
        target.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
        assert_same(product.name(), &dump(&target)?, &dump(&source)?)?;
    }
    Ok(())
}

/// A transaction of several statements, cut inside: the statements before the target are there, or
/// nothing of it is; the GTID is used up by what is there.
fn cuts_inside_a_transaction(product: Product) -> Result<()> {
    const BEFORE: &str = "CREATE DATABASE c; CREATE TABLE c.t (id INT PRIMARY KEY, v INT);
        INSERT INTO c.t VALUES (1, 1), (2, 2), (3, 3);";
    const GOOD: &str = "BEGIN; INSERT INTO c.t VALUES (4, 4); UPDATE c.t SET v = v * 10;";
    let gtids = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
    let options = options(if product.is_mariadb() { &[] } else { &gtids });
    let tell = |story: &str| -> Result<Server> {
        let server = Server::start(product, &options)?;
        server.sql(story)?;
        Ok(server)
    };
    let source = tell(&format!(
        "{BEFORE} {GOOD} DELETE FROM c.t; INSERT INTO c.t VALUES (9, 9); COMMIT; DROP TABLE c.t;"
    ))?;
    let [before, partly] =
        [BEFORE.to_owned(), format!("{BEFORE} {GOOD} COMMIT;")].map(|s| tell(&s));
    let (before, partly) = (before?, partly?);
    let set = LogSet::open(&source.binary_logs()?)?;
    let mut units = Units::new(set.logs()[0].scan());
    let (log, at) = loop {
        let Some(unit) = units.next() else { anyhow::bail!("no transaction of four statements") };
        let Unit::Transaction(transaction) = unit else { continue };
        let id_bytes = units.format().table_id_bytes();
        let statements: Vec<_> = transaction.statements(id_bytes).collect();
        let rows = statements.iter().filter(|s| matches!(s.kind, StatementKind::Rows { .. }));
        let rows: Vec<_> = rows.collect();
        if rows.len() == 4 {
            // Some event of the DELETE, and some event of the UPDATE before it.
            break (set.logs()[0].name(), [rows[2].events[1].offset, rows[1].events[0].offset]);
        }
    };
    let target =
        |offset: u64| resolve(&set, &format!("{log}:{offset}").parse()?).map_err(Into::into);
    let replayed = |options: &Options| -> Result<(Server, Manifest)> {
        let mut stream = vec![];
        let manifest = stream::replay(&set, options, &mut stream, &mut |_| {})?;
        let server = tell("")?;
        server.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
        Ok((server, manifest))
    };
    let commit = || Options { partial: Partial::Commit, ..with_packets(PACKET_BYTES) };
    let delete: Result<Target> = target(at[0]);
    let delete = delete?;
    let update: Result<Target> = target(at[1]);
    let cases = [
        (Options { stop_before: Some(delete.clone()), ..commit() }, &partly),
        (Options { stop_after: Some(update?), ..commit() }, &partly),
        (Options { stop_before: Some(delete), ..with_packets(PACKET_BYTES) }, &before),
    ];
    for (options, needed) in cases {
        let (server, manifest) = replayed(&options)?;
        assert_same(&format!("{:?}", options.partial), &dump(&server)?, &dump(needed)?)?;
        assert_eq!(manifest.cut.map(|cut| (cut.count, cut.partial)), Some((2, options.partial)));
        assert_eq!(server.gtid_executed()?, needed.gtid_executed()?, "{}", product.name());
    }
    Ok(())
}

#[test]
fn a_cut_inside_a_transaction_falls_between_statements() -> Result<()> {
    servers::live().into_iter().try_for_each(cuts_inside_a_transaction)
}

/// A row that does not fit a packet: refused by its address where a server needs it whole, and in
/// halves where it does not.
fn replays_a_row_larger_than_a_packet(product: Product) -> Result<()> {
    const LIMIT: u64 = 2 << 20;
    let source = Server::start(product, &options(&[]))?;
    source.sql(
        "CREATE DATABASE l; CREATE TABLE l.t (id INT PRIMARY KEY, b LONGBLOB);
         INSERT INTO l.t VALUES (1, 'x'), (2, REPEAT('ab', 1000000));
         UPDATE l.t SET b = 'small' WHERE id = 1;",
    )?;
    let set = LogSet::open(&source.binary_logs()?)?;
    let replayed = |limit: u64| -> Result<()> {
        let mut stream = vec![];
        let options = Options { max_allowed_packet: limit, ..with_packets(PACKET_BYTES) };
        let manifest = stream::replay(&set, &options, &mut stream, &mut |_| {})?;
        ensure!(manifest.largest_packet <= limit, "{}", manifest.largest_packet);
        let small = self::options(&[&format!("--max-allowed-packet={limit}")]);
        let server = Server::start(product, &small)?;
        server.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
        // Not a dump: in hex, the value is more than the server would answer with.
        let rows = "SELECT id, LENGTH(b), CRC32(b) FROM l.t;";
        assert_eq!(server.value(rows)?, source.value(rows)?);
        Ok(())
    };
    let refused = |limit: u64| -> Result<String> {
        let mut stream = vec![];
        let options = Options { max_allowed_packet: limit, ..with_packets(PACKET_BYTES) };
        let refused = stream::replay(&set, &options, &mut stream, &mut |_| {});
        ensure!(stream.is_empty(), "something was written");
        match refused {
            Err(replay::Error::Refused { what, .. }) => Ok(what),
            other => anyhow::bail!("{other:?}"),
        }
    };
    replayed(2 * LIMIT)?;
    let too_small = if product.is_mariadb() { LIMIT / 2 } else { LIMIT };
    let what = refused(too_small)?;
    ensure!(what.contains("does not fit, it needs --max-allowed-packet "), "{what}");
    if product.is_mariadb() { replayed(LIMIT) } else { Ok(()) }
}

#[test]
fn a_row_larger_than_a_packet_goes_in_halves_or_is_refused() -> Result<()> {
    servers::live().into_iter().try_for_each(replays_a_row_larger_than_a_packet)
}

/// Rows are known by their key, whatever else of them changed in between.
fn names_later_changes_of_skipped_rows(product: Product) -> Result<()> {
    let source = Server::start(product, &options(&[]))?;
    source.sql(
        "CREATE DATABASE k; CREATE TABLE k.t (v INT, id INT PRIMARY KEY); CREATE TABLE k.u (a INT);
         INSERT INTO k.t VALUES (1, 1), (2, 2), (3, 3);",
    )?;
    let status = if product.is_mariadb() { "MASTER" } else { "BINARY LOG" };
    let status = source.value(&format!("SHOW {status} STATUS;"))?;
    let mut fields = status.split('\t');
    let place = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    source.sql(
        "UPDATE k.t SET v = 10 WHERE id = 1;
         UPDATE k.t SET v = 20 WHERE id = 2;
         INSERT INTO k.u VALUES (1);
         UPDATE k.t SET v = v + 1;
         INSERT INTO k.t VALUES (4, 4);
         ALTER TABLE k.t ADD w INT;",
    )?;
    let set = LogSet::open(&source.binary_logs()?)?;
    let target = resolve(&set, &format!("{}:{}", place.0, place.1).parse()?)?;
    let options = Options { skip: vec![target], ..with_packets(PACKET_BYTES) };
    let manifest = stream::replay(&set, &options, &mut std::io::sink(), &mut |_| {})?;
    let kinds: Vec<_> = manifest.overlaps.named.iter().map(|overlap| overlap.rows).collect();
    assert_eq!((kinds, manifest.overlaps.count), (vec![true, false], 2), "{}", product.name());
    Ok(())
}

#[test]
fn later_changes_of_skipped_rows_are_named() -> Result<()> {
    servers::live().into_iter().try_for_each(names_later_changes_of_skipped_rows)
}

/// A statement that writes two tables, of which one is selected; the other stays as it is.
fn filters_within_a_statement(product: Product) -> Result<()> {
    const TABLES: &str = "CREATE DATABASE f; CREATE DATABASE g;
        CREATE TABLE f.a (id INT PRIMARY KEY, v INT); CREATE TABLE g.b (id INT PRIMARY KEY, v INT);
        INSERT INTO f.a VALUES (1, 1), (2, 2), (3, 3); INSERT INTO g.b VALUES (1, 1), (2, 2);";
    let start = || -> Result<Server> {
        let server = Server::start(product, &ServerOptions::default())?;
        server.sql(TABLES)?;
        Ok(server)
    };
    let source = start()?;
    source.flush_logs()?;
    source.sql(
        "UPDATE f.a JOIN g.b USING (id) SET a.v = 10, b.v = 20;
         DELETE f.a, g.b FROM f.a JOIN g.b USING (id) WHERE id = 2;
         INSERT INTO g.b VALUES (7, 7); INSERT INTO f.a VALUES (8, 8);",
    )?;
    let logs = source.binary_logs()?;
    let set = LogSet::open(&logs[1..])?;
    let table = TableName { database: None, table: b"a".to_vec() };
    let filters = [
        Filter { tables: vec![table], ..Filter::default() },
        Filter { databases: vec![b"f".to_vec()], ..Filter::default() },
    ];
    for filter in filters {
        let mut stream = vec![];
        let options = Options { filter, ..with_packets(PACKET_BYTES) };
        stream::replay(&set, &options, &mut stream, &mut |_| {})?;
        let target = start()?;
        target.pipe(&stream[..], CLIENT_OPTIONS)?.success()?;
        let (had, needed, untouched) = (dump(&target)?, dump(&source)?, dump(&start()?)?);
        let [a, b] = ["rows of `f`.`a`", "rows of `g`.`b`"];
        assert_eq!(had.lines(a), needed.lines(a), "{}", product.name());
        assert_eq!(had.lines(b), untouched.lines(b), "{}", product.name());
        ensure!(had.lines(a) != untouched.lines(a) && had.lines(b) != needed.lines(b));
    }
    Ok(())
}

#[test]
fn filters_select_within_a_statement() -> Result<()> {
    servers::live().into_iter().try_for_each(filters_within_a_statement)
}

/// Rows that are there or gone already count as done where that is asked for, and fail where not.
fn takes_done_for_done(product: Product) -> Result<()> {
    const BEFORE: &str = "CREATE DATABASE i; CREATE TABLE i.t (id INT PRIMARY KEY, v INT);
        INSERT INTO i.t VALUES (1, 1), (2, 2), (3, 3);";
    const PART: &str = "INSERT INTO i.t VALUES (4, 4); DELETE FROM i.t WHERE id = 2;";
    let start = |story: &str| -> Result<Server> {
        // Each with a UUID of its own: what a server has by its GTID it takes for done anyway.
        let server = Server::start(product, &ServerOptions::default())?;
        server.sql(story)?;
        Ok(server)
    };
    let source = start(BEFORE)?;
    source.flush_logs()?;
    source.sql(format!("{PART} UPDATE i.t SET v = v * 2; INSERT INTO i.t VALUES (5, 5);"))?;
    let set = LogSet::open(&source.binary_logs()?[1..])?;
    let replayed = |idempotent: bool| -> Result<(Server, bool)> {
        let mut stream = vec![];
        let options = Options { idempotent, ..with_packets(PACKET_BYTES) };
        stream::replay(&set, &options, &mut stream, &mut |_| {})?;
        let target = start(&format!("{BEFORE} {PART}"))?;
        let done = target.pipe(&stream[..], CLIENT_OPTIONS)?.success().is_ok();
        Ok((target, done))
    };
    if product.is_mariadb() {
        let refused = replayed(true).err().and_then(|error| error.downcast().ok());
        ensure!(matches!(refused, Some(replay::Error::Refused { .. })), "{refused:?}");
        return Ok(());
    }
    let (target, done) = replayed(true)?;
    ensure!(done, "idempotent, yet it failed");
    assert_same("--idempotent", &dump(&target)?, &dump(&source)?)?;
    ensure!(!replayed(false)?.1, "without --idempotent it must fail");
    Ok(())
}

#[test]
fn an_idempotent_replay_takes_done_for_done() -> Result<()> {
    servers::live().into_iter().try_for_each(takes_done_for_done)
}
