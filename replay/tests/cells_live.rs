//! Logs that only keys or definitions open: encrypted ones, replayed and undone; and types that no
//! table map tells in full, read with the table's definition.

use anyhow::{Context, Result};
use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::Columns;
use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use replay::schema::{Schema, SchemaHistory, Source, Stamp, StatementContext, resolve};
use replay::select;
use replay::sql::{Dialect, Family};
use replay::stream::{self, Options};
use replay::undo::{Format, Request, Scope, plan};
use servers::{CellServer, Dump, DumpOptions, Product, Server, ServerOptions, cells, live};

const TABLES: &str = "
CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v LONGBLOB);
INSERT INTO d.t VALUES (1, 'a'), (2, REPEAT('long', 100000)), (3, NULL);
FLUSH BINARY LOGS;
";
const CHANGES: &str = "
UPDATE d.t SET v = CONCAT(id, 'changed') WHERE id < 3;
DELETE FROM d.t WHERE id = 3;
INSERT INTO d.t VALUES (4, 'new');
";

fn dump(server: &Server) -> Result<Dump> {
    server.dump_with(&DumpOptions::default())
}

/// Replays an encrypted log into an empty server, and undoes its last part where it came from.
fn replay_and_undo(product: Product) -> Result<()> {
    let mut source = CellServer::start(product, &[])?;
    let encrypted = cells(product).into_iter().rfind(|cell| {
        cell.encryption.is_some() || cell.variables.contains(&("binlog_encryption", "ON"))
    });
    let mut cell = encrypted.context("an encrypted cell")?;
    cell.variables = if product.is_mariadb() { &[] } else { &[("binlog_encryption", "ON")] };
    source.enter(&cell)?;
    let first = source.server.binary_logs()?.len() - 1;
    source.server.sql(TABLES)?;
    let before = dump(&source.server)?;
    let log = source.server.binary_logs()?.pop().context("a log")?;
    let name = log.file_name().context("a name")?.to_string_lossy().into_owned();
    let events = source.server.show_binlog_events(&name)?;
    let cut = format!("{name}:{}", events.last().context("an event")?.end_position);
    source.server.sql(CHANGES)?;
    let after = dump(&source.server)?;

    let keys = match (source.keyring(), source.key_file()) {
        (Some(keyring), _) => Keys::none().with_keyring(&keyring)?,
        (_, Some(file)) => Keys::none().with_key_file(&file, None)?,
        _ => Keys::none(),
    };
    let logs = &source.server.binary_logs()?[first..];
    assert!(LogSet::open(logs).is_err(), "the logs of {} are encrypted", product.name());
    let set = LogSet::open_with(logs, &keys)?;
    let mut replayed = vec![];
    stream::replay(&set, &Options::default(), &mut replayed, &mut |_| {})?;
    let target = Server::start(product, &ServerOptions::default())?;
    target.pipe(&replayed[..], ["--comments"])?.success()?;
    assert_eq!(dump(&target)?.difference(&after), None, "{}", product.name());

    let target = select::resolve(&set, &cut.parse()?)?;
    for format in [Format::Base64, Format::Sql] {
        let mut script = vec![];
        plan(&set, &Request::new(Scope::BackTo(target.clone()), format))?.write(&mut script)?;
        source.server.pipe(&script[..], ["--max-allowed-packet=1G"])?.success()?;
        assert_eq!(dump(&source.server)?.difference(&before), None, "{}", product.name());
        source.server.sql(CHANGES)?;
    }
    Ok(())
}

#[test]
fn encrypted_logs_are_replayed_and_undone() -> Result<()> {
    live().into_iter().try_for_each(replay_and_undo)
}

const DEFINITION: &str = "CREATE TABLE d.declared (id INT PRIMARY KEY,
    t0 TIME, t1 TIME(1), t2 TIME(2), t3 TIME(3), t4 TIME(4), t5 TIME(5), t6 TIME(6),
    d0 DATETIME, d1 DATETIME(1), d2 DATETIME(2), d3 DATETIME(3), d4 DATETIME(4), d5 DATETIME(5),
    d6 DATETIME(6),
    s0 TIMESTAMP NULL, s1 TIMESTAMP(1) NULL, s2 TIMESTAMP(2) NULL, s3 TIMESTAMP(3) NULL,
    s4 TIMESTAMP(4) NULL, s5 TIMESTAMP(5) NULL, s6 TIMESTAMP(6) NULL,
    u UUID, v6 INET6, v4 INET4";

const DECLARED: &str = "
SET @t = '-12:34:56.987654', @d = '2024-02-29 12:34:56.987654';
INSERT INTO d.declared (id, t0, t1, t2, t3, t4, t5, t6, d0, d1, d2, d3, d4, d5, d6,
    s0, s1, s2, s3, s4, s5, s6, u, v6, v4) VALUES
  (1, @t, @t, @t, @t, @t, @t, @t, @d, @d, @d, @d, @d, @d, @d, @d, @d, @d, @d, @d, @d, @d,
   '123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '192.168.0.1'),
  (2, '838:59:59', '838:59:59.9', '838:59:59.99', '838:59:59.999', '838:59:59.9999',
   '838:59:59.99999', '838:59:59.999999',
   '9999-12-31 23:59:59', '9999-12-31 23:59:59.9', '9999-12-31 23:59:59.99',
   '9999-12-31 23:59:59.999', '9999-12-31 23:59:59.9999', '9999-12-31 23:59:59.99999',
   '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.9',
   '2038-01-19 03:14:07.99', '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.9999',
   '2038-01-19 03:14:07.99999', '2038-01-19 03:14:07.999999',
   '00000000-0000-0000-0000-000000000000', '::', '0.0.0.0'),
  (3, '-838:59:59', '-838:59:59.9', '-00:00:00.01', '-00:00:00.001', '00:00:00', '00:00:00.00001',
   '-00:00:00.000001', '0000-00-00', '0000-00-00', '1000-01-01', '0001-01-01 00:00:00.001',
   '2024-02-29', '2024-02-29', '2024-02-29', '1970-01-01 00:00:01', '1970-01-01 00:00:01.1',
   NULL, NULL, NULL, NULL, '2001-02-03 04:05:06.000007',
   'ffffffff-ffff-1fff-8fff-ffffffffffff', '::ffff:1.2.3.4', '255.255.255.255'),
  (4, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1:0:2:0:3:0:4:0', '10.0.0.0'),
  (5, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '::1.2.3.4', '0.0.0.1'),
  (6, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1::2:0:0:3', NULL);
";

/// The rows that the last log deletes, a line each, read with the definition.
fn deleted(server: &Server, definition: &str) -> Result<Vec<String>> {
    let mut history = SchemaHistory::new(Schema::new(Source::Dump));
    let context = StatementContext::new(Dialect::new(Family::Mariadb, 110_800), b"d");
    let at = |offset| Stamp { log: 0, offset, inner: 0 };
    history.apply(at(0), definition.as_bytes(), &context)?;
    let log = Log::open(server.binary_logs()?.last().context("a log")?)?;
    let (mut columns, mut lines) = (Columns::new(vec![]), vec![]);
    for event in log.scan().events() {
        if event.event_type() == EventType::TABLE_MAP {
            let map = TableMapEvent::parse(event.body(), 6)?;
            columns = map.columns(log.format().family)?;
            resolve(&map, log.format().family, at(event.offset), &history)?.declare(&mut columns);
        } else if event.event_type().is_rows() {
            let rows = RowsEvent::parse(event.body(), event.event_type(), 6)?;
            assert_eq!(rows.kind, RowsKind::Delete);
            for change in rows.changes(columns.layout()) {
                let image = change?.before.context("a before-image")?;
                let texts: Result<Vec<String>, _> = image
                    .cells(&columns)
                    .map(|cell| Ok(cell?.value(&columns)?.to_text()))
                    .collect::<std::result::Result<_, binlog_parser::Fault>>();
                lines.push(texts?.join("\t"));
            }
        }
    }
    lines.sort();
    Ok(lines)
}

#[test]
fn types_that_no_map_tells_are_read_by_their_definition() -> Result<()> {
    for product in live().into_iter().filter(|product| product.is_mariadb()) {
        let server = Server::start(product, &ServerOptions::with_args(["--sql-mode="]))?;
        let vectors = product == Product::Mariadb118;
        let vector = if vectors { ", e VECTOR(3) NOT NULL" } else { "" };
        let definition = format!("{DEFINITION}{vector})");
        server.sql("CREATE DATABASE d;")?;
        for format in ["OFF", "ON"] {
            server.sql(format!(
                "SET GLOBAL mysql56_temporal_format = {format};
                 DROP TABLE IF EXISTS d.declared; {definition}; {DECLARED}"
            ))?;
            let mut list = "*".to_owned();
            if vectors {
                server.sql(
                    "UPDATE d.declared SET e = VEC_FromText('[1, -0.25, 1e20]') WHERE id = 1;
                     UPDATE d.declared SET e = VEC_FromText('[0.1, 16777217, 3e-30]') WHERE id > 1;",
                )?;
                list =
                    "id, t0, t1, t2, t3, t4, t5, t6, d0, d1, d2, d3, d4, d5, d6, s0, s1, s2, s3, \
                        s4, s5, s6, u, v6, v4, VEC_ToText(e)"
                        .to_owned();
            }
            let shown = String::from_utf8(server.sql(format!("SELECT {list} FROM d.declared;"))?)?;
            let mut shown: Vec<_> = shown.lines().map(str::to_owned).collect();
            shown.sort();
            server.flush_logs()?;
            server.sql("DELETE FROM d.declared;")?;
            let found = deleted(&server, &definition)?;
            for (found, shown) in found.iter().zip(&shown) {
                assert_eq!(found, shown, "{} {format}", product.name());
            }
            assert_eq!(found.len(), shown.len());
        }
    }
    Ok(())
}
