//! Everything that the story's tables can hold comes back.

use replay::select::resolve;
use replay::undo::{Conflicts, Format, PACKET_BYTES, Request, Scope};
use servers::fixtures::{DESTRUCTIBLE, Part};
use servers::{Product, Server, ServerOptions, live};

use crate::support::{FORMATS, apply, dump, next_address, resolved, run, start, undo};

/// What a day may hold beside DELETE without WHERE. Every statement is undone in every test, so
/// there is no DDL in it.
pub const TRAFFIC: &str = "
USE every;
SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
UPDATE types SET i8 = 1, u64 = 18446744073709551614, f = 2.5, d = -1e100, dt6 = '2001-02-03 04:05:06.000007',
  ts0 = '2001-02-03 04:05:06', c10 = 'x', bin8 = 'y', blob2 = NULL, text2 = 'z', e = 'a', s = 'x', j = '[1]', b9 = b'1';
UPDATE types SET id = id + 1000 ORDER BY id DESC;
UPDATE charsets SET utf16 = utf8mb4, sjis = NULL, big5 = '';
UPDATE composite SET a = a + 100, b = CONCAT(b, 'x');
UPDATE no_key SET `re named` = 'all the same', f = 0.5;
UPDATE nullable_unique SET b = NULL;
UPDATE not_null_unique SET a = a + 10;
UPDATE text_key SET k = CONCAT(UPPER(k), ' '), v = -v;
UPDATE computed SET a = a + 1000, b = 'changed';
UPDATE touched SET v = 0;
UPDATE hidden SET secret = NULL, z = 'zz';
UPDATE parted SET id = id + 100;
UPDATE audited SET v = 'changed';
DELETE FROM audited LIMIT 1;
INSERT INTO audited (v) VALUES ('new'), ('newer');
BEGIN;
INSERT INTO composite (a, b, v) VALUES (500, 'kept', 'x');
SAVEPOINT one;
INSERT INTO composite (a, b, v) VALUES (501, 'gone', 'x');
ROLLBACK TO one;
DELETE FROM composite WHERE a = 500;
INSERT INTO composite (a, b, v) VALUES (500, 'kept', 'again'), (502, 'kept', NULL);
UPDATE composite SET v = 'twice' WHERE a = 500;
COMMIT;
UPDATE composite c JOIN text_key t ON c.a >= 500 SET c.v = 'joined', t.v = t.v + 1;
DELETE c, t FROM composite c JOIN text_key t ON c.a = 502 WHERE t.v IS NOT NULL;
FLUSH BINARY LOGS;
XA START 'kept';
INSERT INTO composite (a, b) VALUES (600, 'xa');
UPDATE composite SET v = 'xa' WHERE a = 500;
XA END 'kept';
XA PREPARE 'kept';
XA COMMIT 'kept';
XA START 'dropped';
INSERT INTO composite (a, b) VALUES (601, 'xa');
XA END 'dropped';
XA PREPARE 'dropped';
XA ROLLBACK 'dropped';
XA START 'one';
DELETE FROM composite WHERE a = 600;
XA END 'one';
XA COMMIT 'one' ONE PHASE;
INSERT INTO parent VALUES (500, 'new');
UPDATE parent SET name = 'all';
INSERT INTO child_cascade (parent) VALUES (500);
";

/// Foreign keys whose actions MySQL logs as rows since 9.6.
pub const CASCADES: &str = "
USE every;
UPDATE parent SET id = id + 1000;
DELETE FROM parent WHERE id = (SELECT * FROM (SELECT MIN(parent) FROM child_cascade) AS c);
DELETE FROM parent;
";

#[test]
fn everything_after_a_point_is_undone() {
    for product in live() {
        let server = start(product);
        let [before, before_sql] = [dump(&server, true), dump(&server, false)];
        let cut = next_address(&server);
        server.sql(TRAFFIC).unwrap();
        if !product.is_mariadb() {
            server.sql(CASCADES).unwrap();
        }
        for table in DESTRUCTIBLE {
            server.sql(format!("DELETE FROM {table};")).unwrap();
        }
        for (format, packet_bytes) in
            [(Format::Base64, 1_000), (Format::Binlog, PACKET_BYTES), (Format::Sql, PACKET_BYTES)]
        {
            let damaged = next_address(&server);
            let (script, report) = undo(&server, |set| Request {
                packet_bytes,
                // The rows of children were deleted before those of their parents.
                accept_cascades: true,
                ..Request::new(Scope::BackTo(resolve(set, &cut).unwrap()), format)
            });
            assert!(report.largest_packet > 1_000);
            apply(&server, &script);
            let difference = match format {
                Format::Base64 | Format::Binlog => before.difference(&dump(&server, true)),
                Format::Sql => before_sql.difference(&dump(&server, false)),
            };
            assert_eq!(difference, None, "{} {format:?} {packet_bytes}", product.name());
            // The undo of the undo is the damage, which the next form undoes again.
            let (script, report) = undo(&server, |set| {
                let target = resolve(set, &damaged).unwrap();
                let accept_cascades = true;
                Request { accept_cascades, ..Request::new(Scope::BackTo(target), Format::Base64) }
            });
            assert_eq!(report.transactions, 1);
            apply(&server, &script);
        }
    }
}

#[test]
fn lost_tables_come_back_beside_what_happened_since() {
    for product in live() {
        let unharmed = start(product);
        Part::After.run(&unharmed).unwrap();
        let expected = dump(&unharmed, false);
        drop(unharmed);
        let server = start(product);
        let disasters: Vec<_> = DESTRUCTIBLE
            .iter()
            .map(|table| run(&server, &format!("DELETE FROM {table}")))
            .collect();
        Part::After.run(&server).unwrap();
        for (round, format) in FORMATS.into_iter().enumerate() {
            let conflicts = if round == 0 { Conflicts::Refuse } else { Conflicts::Force };
            let undone = next_address(&server);
            // What was undone and damaged again in the first round are later changes in the second.
            let (script, _) = undo(&server, |set| Request {
                conflicts,
                ..Request::new(Scope::Only(resolved(set, &disasters)), format)
            });
            apply(&server, &script);
            let difference = expected.difference(&dump(&server, false));
            assert_eq!(difference, None, "{} {format:?}", product.name());
            let (script, _) = undo(&server, |set| {
                Request::new(Scope::Only(resolved(set, &[undone])), Format::Base64)
            });
            apply(&server, &script);
        }
    }
}

#[test]
fn a_vector_that_is_null_is_found_though_none_compares_with_it() {
    for product in live().into_iter().filter(|product| *product != Product::Mariadb1011) {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server
            .sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b VECTOR(2));")
            .unwrap();
        for (id, format) in FORMATS.into_iter().enumerate() {
            let inserted = run(&server, &format!("INSERT INTO d.t VALUES ({id}, NULL)"));
            let (script, _) =
                undo(&server, |set| Request::new(Scope::Only(resolved(set, &[inserted])), format));
            apply(&server, &script);
            assert_eq!(server.value("SELECT COUNT(*) FROM d.t;").unwrap(), "0");
        }
    }
}
