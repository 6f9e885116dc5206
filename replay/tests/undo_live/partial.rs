//! Rows whose images lack columns come back whole: what was not logged is found in earlier events.

use std::path::Path;

use binlog_parser::address::Address;
use replay::schema::{Schema, Source, read_dump};
use replay::select::resolve;
use replay::sql::Dialect;
use replay::undo::{Format, Request, Scope};
use servers::fixtures::DESTRUCTIBLE;
use servers::{Product, Server, ServerOptions, live};

use crate::exact::{CASCADES, TRAFFIC};
use crate::support::{
    FORMATS, apply, dump, next_address, request, resolved, run, start, undo, undo_from,
};

/// Row images of a product that lack columns: of each product one, and all with `full-matrix`.
fn row_images(product: Product) -> &'static [&'static str] {
    match (product, cfg!(feature = "full-matrix")) {
        (Product::Mariadb118, true) => &["FULL_NODUP", "NOBLOB", "MINIMAL"],
        (Product::Mariadb118, false) => &["FULL_NODUP"],
        (Product::Mariadb1011, false) => &["NOBLOB"],
        (Product::Mysql97, false) => &["MINIMAL"],
        (_, true) => &["NOBLOB", "MINIMAL"],
    }
}

/// From now on sessions log this row image.
fn log_images(server: &Server, image: &str) {
    server.sql(format!("SET GLOBAL binlog_row_image = {image};")).unwrap();
}

/// Has the log hold every row whole, as the tables are defined now: the story changes columns, and
/// no image from before such a change serves behind it.
fn rewrite_everything(server: &Server) {
    let cut = next_address(server);
    for table in DESTRUCTIBLE {
        server.sql(format!("DELETE FROM {table};")).unwrap();
    }
    let (script, _) =
        undo(server, |set| request(Scope::BackTo(resolve(set, &cut).unwrap()), Format::Base64));
    apply(server, &script);
}

#[test]
fn everything_after_a_point_is_undone_whatever_the_images_lack() {
    for product in live() {
        for image in row_images(product) {
            let server = start(product);
            rewrite_everything(&server);
            log_images(&server, image);
            if !product.is_mariadb() {
                server.sql("SET GLOBAL binlog_row_value_options = PARTIAL_JSON;").unwrap();
            }
            let before = [dump(&server, true), dump(&server, false)];
            let cut = next_address(&server);
            server.sql(TRAFFIC).unwrap();
            if !product.is_mariadb() {
                server.sql(CASCADES).unwrap();
            }
            for table in DESTRUCTIBLE {
                server.sql(format!("DELETE FROM {table};")).unwrap();
            }
            for format in FORMATS {
                let damaged = next_address(&server);
                let (script, _) = undo_from(&server.binary_logs().unwrap(), |set| {
                    request(Scope::BackTo(resolve(set, &cut).unwrap()), format)
                })
                .unwrap_or_else(|error| panic!("{} {image}: {error}", product.name()));
                apply(&server, &script);
                let whole = format == Format::Base64;
                let difference = before[usize::from(!whole)].difference(&dump(&server, whole));
                assert_eq!(difference, None, "{} {image} {format:?}", product.name());
                let keys = server.value("CHECK TABLE every.computed, every.types;").unwrap();
                assert_eq!(keys.matches("\tOK").count(), 2, "{} {image}: {keys}", product.name());
                // The undo of the undo is the damage, which the next form undoes again.
                let (script, _) = undo(&server, |set| {
                    let target = resolve(set, &damaged).unwrap();
                    request(Scope::BackTo(target), Format::Base64)
                });
                apply(&server, &script);
            }
        }
    }
}

/// A table of the types that dumps have exactly, with rows from end to end of them.
const EXACT: &str = "
CREATE DATABASE d; USE d;
SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE t (
  name VARCHAR(20) CHARACTER SET utf8mb4, id BIGINT UNSIGNED NOT NULL, i8 TINYINT, i16 SMALLINT UNSIGNED,
  i24 MEDIUMINT, i32 INT, d DOUBLE, m DECIMAL(20,6), y YEAR, da DATE, dt DATETIME, dt3 DATETIME(3),
  ts TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, ti TIME, ti1 TIME(1), e ENUM('x','y','ü') CHARACTER SET utf8mb4,
  s SET('p','q','r'), b BIT(9), bl BLOB, te TEXT CHARACTER SET utf8mb4, l1 VARCHAR(9) CHARACTER SET latin1,
  bi BINARY(4), vb VARBINARY(300), c CHAR(5) CHARACTER SET utf8mb4, g GEOMETRY,
  v INT AS (i32 + 1) VIRTUAL, st INT AS (i32 + 2) STORED, PRIMARY KEY (id, c));
INSERT INTO t VALUES
 ('it''s; (x),\\n\\\\', 18446744073709551615, -128, 65535, -8388608, 2147483640, -1.5e-300, -12345678901234.000001,
  2155, '9999-12-31', '2001-02-03 04:05:06', '1000-01-01 00:00:00.007', '2038-01-19 03:14:07',
  '1970-01-01 00:00:01.000001', '838:59:59', '-00:00:00.1', 'ü', 'p,r', b'101010101', X'00FF27220A5C1A', 'ü\\t\"',
  'plain', X'61000062', X'0000', 'ab', ST_GeomFromText('POINT(1 2)'), DEFAULT, DEFAULT),
 (NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, 'c', NULL, DEFAULT, DEFAULT),
 ('', 0, 0, 0, 0, 0, 0, 0, 0, '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0', '0',
  'x', '', 0, '', '', '', '', '', '', NULL, DEFAULT, DEFAULT);
CREATE TABLE lossy (id INT PRIMARY KEY, f FLOAT, l1 VARCHAR(9) CHARACTER SET latin1, v INT);
INSERT INTO lossy VALUES (1, 0.1, 'é', 5);
";

/// What happens to it under MINIMAL.
const DAMAGE: &str = "
USE d;
UPDATE t SET i8 = 7, te = 'new', id = id - 1 WHERE id > 1;
UPDATE t SET name = 'changed';
UPDATE t SET i32 = 7;
DELETE FROM t WHERE id <> 1;
INSERT INTO t (id, c) VALUES (77, 'new');
UPDATE t SET c = 'moved' WHERE id = 77;
";

/// Takes a dump that names its position, with the product's own program.
fn take_dump(server: &Server, args: &[&str]) -> tempfile::NamedTempFile {
    let position =
        if server.product().is_mariadb() { "--master-data=2" } else { "--source-data=2" };
    let mut command = server.tool(server.product().dump_tool()).unwrap();
    command.args(["--single-transaction", position, "--databases", "d"]).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), output.stdout).unwrap();
    file
}

/// The undo from the server's last log alone, with a dump or without.
fn undo_with(
    server: &Server,
    cut: &Address,
    format: Format,
    dump: Option<&Path>,
) -> replay::Result<Vec<u8>> {
    let logs = server.binary_logs().unwrap();
    let version = server.value("SELECT VERSION();").unwrap();
    let dialect = Dialect::from_server_version(version.as_bytes());
    let schema = match dump {
        Some(path) => read_dump(std::fs::File::open(path).unwrap(), dialect).unwrap().schema,
        None => Schema::new(Source::Dump),
    };
    let (script, _) = undo_from(&logs[logs.len() - 1..], |set| Request {
        schema,
        dump: dump.map(Path::to_owned),
        ..request(Scope::BackTo(resolve(set, cut).unwrap()), format)
    })?;
    Ok(script)
}

#[test]
fn what_the_logs_do_not_reach_back_to_is_in_a_dump() {
    for product in live() {
        for args in [&[][..], &["--hex-blob", "--complete-insert", "--skip-extended-insert"]] {
            let server = Server::start(product, &ServerOptions::default()).unwrap();
            server.sql(EXACT).unwrap();
            server.flush_logs().unwrap();
            log_images(&server, "MINIMAL");
            let file = take_dump(&server, args);
            let before = dump(&server, true);
            let cut = next_address(&server);
            server.sql(DAMAGE).unwrap();
            for format in FORMATS {
                let damaged = next_address(&server);
                let refused = undo_with(&server, &cut, format, None).unwrap_err();
                assert!(format!("{refused:?}").contains("--schema"), "{refused:?}");
                let script = undo_with(&server, &cut, format, Some(file.path()))
                    .unwrap_or_else(|error| panic!("{} {format:?}: {error}", product.name()));
                apply(&server, &script);
                let difference = before.difference(&dump(&server, true));
                assert_eq!(difference, None, "{} {format:?} {args:?}", product.name());
                let script = undo_with(&server, &damaged, Format::Base64, Some(file.path()));
                apply(&server, &script.unwrap());
            }
        }
    }
}

#[test]
fn rows_that_cannot_be_rebuilt_are_refused_one_by_one() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server.sql(EXACT).unwrap();
        server.flush_logs().unwrap();
        let early = take_dump(&server, &[]);
        log_images(&server, "MINIMAL");
        let cut = next_address(&server);
        server.sql("UPDATE d.lossy SET v = 6; DELETE FROM d.lossy;").unwrap();
        let late = take_dump(&server, &[]);
        let refused = |dump: &Path| {
            undo_with(&server, &cut, Format::Base64, Some(dump)).unwrap_err().to_string()
        };
        let says = refused(early.path());
        assert!(says.contains("`d`.`lossy`, id = 1: "), "{says}");
        assert!(says.contains("f cannot be rebuilt: it is in the dump, but FLOAT"), "{says}");
        assert!(says.contains("l1 cannot be rebuilt: it is in the dump, but its text"), "{says}");
        assert!(says.contains(product.log_name()), "{says}");
        let says = refused(late.path());
        assert!(says.contains("f, l1, v cannot be rebuilt: no event in the logs before"), "{says}");
        assert!(says.contains("the dump, which ends at"), "{says}");
        let text = std::fs::read(early.path()).unwrap();
        let text = String::from_utf8_lossy(&text);
        let tells = |line: &str| {
            line.contains("_LOG_FILE=")
                || line.to_lowercase().contains("set @@global.gtid")
                || line.contains("gtid_slave_pos")
        };
        let nowhere = text.lines().filter(|line| !tells(line));
        std::fs::write(early.path(), nowhere.collect::<Vec<_>>().join("\n")).unwrap();
        let says = refused(early.path());
        assert!(says.contains("the dump cannot be asked: "), "{says}");
    }
}

#[test]
fn what_stands_between_is_named() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        let sql = |statements: &str| server.sql(statements).unwrap();
        sql(
            "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b INT DEFAULT 7, c INT \
             NOT NULL DEFAULT 8); SET GLOBAL binlog_row_image = MINIMAL;",
        );
        for (between, told) in [
            ("INSERT INTO d.t (id, a) VALUES (1, 2);", ""),
            ("INSERT INTO d.t VALUES (1, 2, 3, 4); ALTER TABLE d.t ADD INDEX (a);", ""),
            (
                "INSERT INTO d.t VALUES (1, 2, 3, 4); UPDATE d.t SET id = 2; UPDATE d.t SET id = 1;",
                "",
            ),
            (
                "INSERT INTO d.t VALUES (1, 2, 3, 4); SET binlog_format = STATEMENT; UPDATE d.t SET b = 9; \
                 SET binlog_format = ROW;",
                "stands a statement that logs no rows: UPDATE d.t",
            ),
            (
                "INSERT INTO d.t VALUES (1, 2, 3, 4); ALTER TABLE d.t MODIFY b BIGINT DEFAULT 7;",
                "a, b, c cannot be rebuilt: the table was defined anew or changed at",
            ),
            (
                "SET sql_log_bin = 0; INSERT INTO d.t VALUES (1, 2, 3, 4); SET sql_log_bin = 1;",
                "the row was deleted at",
            ),
        ] {
            sql(between);
            let before = dump(&server, true);
            let disaster = run(&server, "DELETE FROM d.t");
            for format in FORMATS {
                let result = undo_from(&server.binary_logs().unwrap(), |set| {
                    request(Scope::Only(resolved(set, std::slice::from_ref(&disaster))), format)
                });
                match result {
                    Ok((script, _)) if told.is_empty() => {
                        let undone = next_address(&server);
                        apply(&server, &script);
                        let difference = before.difference(&dump(&server, true));
                        assert_eq!(difference, None, "{} {between}", product.name());
                        let (script, _) = undo(&server, |set| {
                            let target = resolve(set, &undone).unwrap();
                            request(Scope::Only(vec![target]), Format::Base64)
                        });
                        apply(&server, &script);
                    }
                    Ok(_) => panic!("{}: {between} is undone", product.name()),
                    Err(error) => {
                        let says = error.to_string();
                        assert!(!told.is_empty() && says.contains(told), "{between} {says}");
                        assert!(says.contains("`d`.`t`, id = 1: "), "{between} {says}");
                    }
                }
            }
        }
    }
}

/// Runs a statement and undoes it, in either form, so that all is as before; or returns why that is
/// refused.
fn undo_one(server: &Server, statement: &str) -> Option<String> {
    let before = dump(server, true);
    for format in FORMATS {
        let disaster = run(server, statement);
        let result = undo_from(&server.binary_logs().unwrap(), |set| {
            request(Scope::Only(resolved(set, &[disaster])), format)
        });
        match result {
            Ok((script, _)) => apply(server, &script),
            Err(error) => return Some(error.to_string()),
        }
        let name = server.product().name();
        assert_eq!(before.difference(&dump(server, true)), None, "{name} {statement} {format:?}");
    }
    None
}

#[test]
fn documents_come_back_through_the_differences_to_them() {
    for product in live().into_iter().filter(|product| !product.is_mariadb()) {
        for compression in ["OFF", "ON"] {
            let server = Server::start(product, &ServerOptions::default()).unwrap();
            server
                .sql(format!(
                    "CREATE DATABASE d; CREATE TABLE d.j (id INT PRIMARY KEY, n INT, doc JSON, other JSON);
                     INSERT INTO d.j VALUES (1, 0, JSON_OBJECT('a', 1, 'b', JSON_ARRAY(1, 2, 3), 'long', \
                     REPEAT('x', 500)), '[1]'), (2, 0, NULL, NULL);
                     SET GLOBAL binlog_row_image = MINIMAL;
                     SET GLOBAL binlog_row_value_options = PARTIAL_JSON;
                     SET GLOBAL binlog_transaction_compression = {compression};"
                ))
                .unwrap();
            let before = dump(&server, true);
            let cut = next_address(&server);
            server
                .sql(
                    "UPDATE d.j SET doc = JSON_SET(doc, '$.a', 2);
                     UPDATE d.j SET doc = JSON_ARRAY_INSERT(doc, '$.b[1]', 'new'), n = 1;
                     UPDATE d.j SET other = JSON_OBJECT('c', REPEAT('y', 400)) WHERE id = 2;
                     UPDATE d.j SET id = id + 10, doc = JSON_REMOVE(doc, '$.a') ORDER BY id DESC;",
                )
                .unwrap();
            let text =
                server.value("SELECT COUNT(*) FROM d.j WHERE doc->'$.b[1]' = 'new';").unwrap();
            assert_eq!(text, "1");
            for statement in [
                "DELETE FROM d.j",
                "UPDATE d.j SET other = JSON_SET(other, '$.c', 'z')",
                "UPDATE d.j SET doc = JSON_SET(doc, '$.long', 'short'), n = 7",
            ] {
                assert_eq!(undo_one(&server, statement), None, "{compression}");
            }
            for format in FORMATS {
                let damaged = next_address(&server);
                let (script, _) = undo(&server, |set| {
                    request(Scope::BackTo(resolve(set, &cut).unwrap()), format)
                });
                apply(&server, &script);
                assert_eq!(before.difference(&dump(&server, true)), None, "{format:?}");
                let (script, _) = undo(&server, |set| {
                    request(Scope::BackTo(resolve(set, &damaged).unwrap()), Format::Base64)
                });
                apply(&server, &script);
            }
        }
    }
}

#[test]
fn what_a_foreign_key_may_have_changed_unseen_is_not_taken_from_before() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        let sql = |statements: &str| server.sql(statements).unwrap();
        sql("CREATE DATABASE d; CREATE TABLE d.parent (id INT PRIMARY KEY, v INT);
             CREATE TABLE d.child (id INT PRIMARY KEY, p INT, v INT,
               FOREIGN KEY (p) REFERENCES d.parent (id) ON UPDATE CASCADE);
             INSERT INTO d.parent VALUES (1, 1); INSERT INTO d.child VALUES (1, 1, 1);
             SET GLOBAL binlog_row_image = MINIMAL;");
        assert_eq!(undo_one(&server, "DELETE FROM d.child"), None);
        sql("UPDATE d.parent SET id = 5;");
        let refused = undo_one(&server, "DELETE FROM d.child");
        // MySQL logs what its foreign keys do since 9.6.
        match refused {
            Some(says) => {
                assert!(product.is_mariadb(), "{says}");
                assert!(says.contains("id = 1: p cannot be rebuilt: a foreign key may"), "{says}");
            }
            None => assert!(!product.is_mariadb()),
        }
    }
}

#[test]
fn a_replace_sets_more_than_mariadb_logs_of_it() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        let sql = |statements: &str| server.sql(statements).unwrap();
        sql("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, a INT, b TEXT, \
               c INT NOT NULL DEFAULT 9);
             INSERT INTO d.t VALUES (1, 1, 'x', 1), (2, 2, 'y', 2);");
        for image in row_images(product) {
            log_images(&server, image);
            assert_eq!(
                undo_one(&server, "REPLACE INTO d.t (id, a) VALUES (1, 5)"),
                None,
                "{image}"
            );
            sql("UPDATE d.t SET b = 'x', c = 1 WHERE id = 1;");
        }
        for image in row_images(product) {
            log_images(&server, image);
            sql("INSERT INTO d.t (id, a) VALUES (2, 5) ON DUPLICATE KEY UPDATE a = a + 1;");
            assert_eq!(undo_one(&server, "DELETE FROM d.t WHERE id = 2"), None, "{image}");
            sql("REPLACE INTO d.t (id, a) VALUES (1, 6);");
            match undo_one(&server, "DELETE FROM d.t WHERE id = 1") {
                Some(says) => {
                    assert!(product.is_mariadb() && says.contains("may be of a REPLACE"), "{says}");
                }
                None => assert!(!product.is_mariadb() || *image == "FULL_NODUP", "{image}"),
            }
            sql("REPLACE INTO d.t VALUES (1, 1, 'x', 1);");
        }
    }
}
