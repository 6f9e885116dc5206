//! What cannot be undone is refused as a whole, by address, before a byte is written.

use binlog_parser::address::Address;
use replay::select::{Filter, TableName, resolve};
use replay::undo::{Conflicts, Format, Request, Scope};
use servers::{Server, ServerOptions, live};

use crate::support::{FORMATS, apply, next_address, resolved, run, undo, undo_from};

/// The refusal of undoing everything from here on, after `statements`.
fn refused(server: &Server, statements: &str, filter: Filter) -> String {
    let cut = next_address(server);
    server.sql(statements).unwrap();
    let mut answers = FORMATS.map(|format| {
        let result = undo_from(&server.binary_logs().unwrap(), |set| Request {
            filter: filter.clone(),
            ..Request::new(Scope::BackTo(resolve(set, &cut).unwrap()), format)
        });
        match result {
            Err(error @ replay::Error::Refused { .. }) => format!("{error:?}"),
            Err(error) => panic!("{statements}: {error}"),
            Ok((_, report)) => format!("done: {report:?}"),
        }
    });
    let done = answers.iter().filter(|answer| answer.contains("done")).count();
    assert!(done == 0 || done == answers.len(), "{answers:?}");
    std::mem::take(&mut answers[0])
}

#[test]
fn what_has_no_rows_to_reverse_is_named() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server
            .sql(
                "CREATE DATABASE d; USE d; CREATE TABLE t (a INT PRIMARY KEY, b INT);
                 CREATE TABLE u LIKE t; INSERT INTO t VALUES (1, 1), (2, 2);",
            )
            .unwrap();
        let only_u = || Filter {
            tables: vec![TableName { database: None, table: b"u".to_vec() }],
            ..Filter::default()
        };
        for (statements, told) in [
            ("USE d; TRUNCATE t;", "TRUNCATE (d.t) has no rows"),
            ("ALTER TABLE d.t ADD c INT;", "ALTER TABLE (d.t) has no rows"),
            ("USE d; CREATE TABLE made AS SELECT * FROM u;", "CREATE TABLE (d.made) has no rows"),
            ("DROP TABLE d.made;", "DROP TABLE (d.made) has no rows"),
            ("SET binlog_format = STATEMENT; INSERT INTO d.t (a) VALUES (9);", "INSERT (d.t)"),
            (
                "SET binlog_row_image = MINIMAL; UPDATE d.t SET b = 5 WHERE a = 9;",
                "cannot be rebuilt",
            ),
            (
                "XA START 'x'; INSERT INTO d.t (a) VALUES (10); XA END 'x'; XA PREPARE 'x';",
                "is prepared",
            ),
        ] {
            let answer = refused(&server, statements, Filter::default());
            assert!(answer.contains(told), "{}: {answer}", product.name());
            assert!(answer.contains(&server.product().log_name().to_owned()), "{answer}");
        }
        server.sql("XA ROLLBACK 'x';").unwrap();
        for statements in [
            "USE d; TRUNCATE t; INSERT INTO u VALUES (1, 1);",
            "SET binlog_format = STATEMENT; INSERT INTO d.t (a) VALUES (11); SET binlog_format = ROW; \
             INSERT INTO d.u VALUES (2, 2);",
            "CREATE USER somebody; CREATE VIEW d.v AS SELECT 1; DROP VIEW d.v; DROP USER somebody; \
             FLUSH TABLES; ANALYZE TABLE d.u; CREATE TEMPORARY TABLE d.temporary (a INT); \
             INSERT INTO d.u VALUES (3, 3);",
        ] {
            let answer = refused(&server, statements, only_u());
            assert!(answer.contains("done") && answer.contains("deleted: 1"), "{answer}");
        }
    }
}

#[test]
fn a_table_that_is_another_one_now_is_refused() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b INT);").unwrap();
        server.sql("INSERT INTO d.t VALUES (1, 1);").unwrap();
        let disaster = run(&server, "DELETE FROM d.t");
        let only = |format| {
            undo_from(&server.binary_logs().unwrap(), |set| {
                // The undo of one round is a later change in the next.
                let conflicts = Conflicts::Force;
                let scope = Scope::Only(vec![resolve(set, &disaster).unwrap()]);
                Request { conflicts, ..Request::new(scope, format) }
            })
        };
        server.sql("ALTER TABLE d.t ADD INDEX (b), ADD COLUMN c INT DEFAULT 7;").unwrap();
        for format in FORMATS {
            let (script, report) = only(format).unwrap();
            assert!(report.warnings.iter().any(|w| w.contains("more columns")), "{report:?}");
            apply(&server, &script);
            assert_eq!(server.value("SELECT * FROM d.t;").unwrap(), "1\t1\t7");
            server.sql("DELETE FROM d.t;").unwrap();
        }
        for (change, told) in [
            ("ALTER TABLE d.t MODIFY b BIGINT;", "other columns"),
            ("RENAME TABLE d.t TO d.u;", "dropped or renamed"),
        ] {
            server.sql(change).unwrap();
            for format in FORMATS {
                let error = only(format).unwrap_err().to_string();
                assert!(error.contains(told), "{}: {error}", product.name());
            }
        }
    }
}

#[test]
fn an_xa_transaction_is_undone_by_either_of_its_addresses() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY);").unwrap();
        let prepared = next_address(&server);
        server
            .sql("XA START 'x'; INSERT INTO d.t VALUES (1); XA END 'x'; XA PREPARE 'x';")
            .unwrap();
        let committed = run(&server, "XA COMMIT 'x'");
        let dropped = next_address(&server);
        server
            .sql("XA START 'y'; INSERT INTO d.t VALUES (2); XA END 'y'; XA PREPARE 'y'; XA ROLLBACK 'y';")
            .unwrap();
        for (address, rows) in [(&prepared, 1), (&committed, 1), (&dropped, 0)] {
            let (_, report) = undo(&server, |set| {
                Request::new(Scope::Only(vec![resolve(set, address).unwrap()]), Format::Base64)
            });
            assert_eq!(report.rows(), rows, "{}: {report:?}", product.name());
        }
        let (script, report) = undo(&server, |set| {
            Request::new(Scope::BackTo(resolve(set, &committed).unwrap()), Format::Sql)
        });
        assert_eq!(report.rows(), 1);
        apply(&server, &script);
        assert_eq!(server.value("SELECT COUNT(*) FROM d.t;").unwrap(), "0");
    }
}

#[test]
fn what_stands_between_transactions_is_nothing_to_undo() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY);").unwrap();
        server.flush_logs().unwrap();
        run(&server, "INSERT INTO d.t VALUES (1)");
        let logs = server.binary_logs().unwrap();
        let log = binlog_parser::source::log::Log::open(&logs[logs.len() - 1]).unwrap();
        let between = log.scan().events().find(|event| !event.event_type().is_rows()).unwrap();
        let address = Address::Event(between.address(&log));
        let answer = undo_from(&logs, |set| {
            Request::new(Scope::Only(resolved(set, &[address])), Format::Sql)
        });
        let Err(replay::Error::Usage(what)) = answer else { panic!("{answer:?}") };
        assert!(
            what.contains("nothing that could be undone; the next transaction starts"),
            "{what}"
        );
    }
}

#[test]
fn rows_events_that_fail_half_way_change_nothing_even_by_force() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server
            .sql(
                "CREATE DATABASE d; USE d; CREATE TABLE keyed (a INT PRIMARY KEY, b INT);
                 CREATE TABLE loose (a INT, b INT);
                 INSERT INTO keyed VALUES (1, 1); INSERT INTO loose VALUES (1, 1);",
            )
            .unwrap();
        let changes = "BEGIN; UPDATE d.loose SET b = 2; UPDATE d.keyed SET b = 2; COMMIT";
        let changed = run(&server, changes);
        let (script, _) = undo(&server, |set| {
            Request::new(Scope::Only(resolved(set, &[changed])), Format::Base64)
        });
        // Of a row without a key, the server itself says that it is another.
        server.sql("UPDATE d.loose SET b = 3;").unwrap();
        let ran = server.pipe(&script[..], ["--force"]).unwrap();
        assert!(ran.stderr.contains("ERROR"), "{}", ran.stderr);
        let rows = server.value("SELECT keyed.b, loose.b FROM d.keyed, d.loose;").unwrap();
        assert_eq!(rows, "2\t3", "{}", product.name());
    }
}
