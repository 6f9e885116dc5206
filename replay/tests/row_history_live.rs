//! What rows were at every moment, from the logs alone, against what SELECT gave at that moment.

use binlog_parser::address::{Address, EventAddress};
use binlog_parser::row::Value;
use binlog_parser::source::log_set::LogSet;
use replay::row_history::{Request, State, What, walk};
use replay::schema::{Schema, Source, TableName};
use replay::select::{Filter, resolve};
use servers::{Server, ServerOptions, live};

/// Where the next event will stand.
fn next_address(server: &Server) -> Address {
    let path = server.binary_logs().unwrap().pop().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().into();
    Address::Event(EventAddress::new(&name, std::fs::metadata(&path).unwrap().len()))
}

fn same(text: &str, value: &Value<'_>, _: Option<u16>) -> bool {
    value.to_text() == text
}

fn request(key: &[&str]) -> Request {
    Request {
        table: TableName::new("d", "t"),
        key: key.iter().map(|&text| text.to_owned()).collect(),
        same,
        as_of: None,
        filter: Filter::default(),
        schema: Schema::new(Source::Dump),
    }
}

fn logs(server: &Server) -> LogSet {
    LogSet::open(&server.binary_logs().unwrap()).unwrap()
}

/// A row as the client prints one; empty if there is none.
fn printed(state: &State) -> String {
    match state {
        State::Unknown => "unknown".to_owned(),
        State::Absent => String::new(),
        State::Present(row) => {
            let value = |ordinal| match row.value(ordinal).unwrap() {
                None => "?".to_owned(),
                Some(value) if value.is_null() => "NULL".to_owned(),
                Some(value) => value.to_text(),
            };
            (0..row.columns.len()).map(value).collect::<Vec<_>>().join("\t")
        }
    }
}

/// A day of one row, with others around it.
const DAY: [&str; 17] = [
    "INSERT INTO d.t VALUES (1, 'x', 'first', 1.50), (2, 'x', 'other', NULL)",
    "UPDATE d.t SET v = 'second' WHERE a = 1",
    "UPDATE d.t SET n = n + 1",
    "INSERT INTO d.u VALUES (1, 'x', 'not this table', 0)",
    "UPDATE d.t SET a = 10 WHERE a = 1",
    "UPDATE d.t SET v = 'while away' WHERE a = 10",
    "UPDATE d.t SET a = 1 WHERE a = 2",
    "DELETE FROM d.t WHERE a = 1",
    "REPLACE INTO d.t VALUES (1, 'x', NULL, 7.25)",
    "BEGIN; UPDATE d.t SET v = 'one' WHERE a = 1; UPDATE d.t SET v = 'two' WHERE a = 1; COMMIT",
    "BEGIN; UPDATE d.t SET v = 'never' WHERE a = 1; ROLLBACK",
    "FLUSH BINARY LOGS",
    "UPDATE d.t SET a = a + 100 ORDER BY a DESC",
    "UPDATE d.t SET a = a - 100 ORDER BY a",
    "INSERT INTO d.t VALUES (1, 'x', 'another', 0) ON DUPLICATE KEY UPDATE v = 'dup'",
    "DELETE FROM d.t",
    "INSERT INTO d.t VALUES (1, 'x', 'last', -1)",
];

fn start(product: servers::Product, args: &[&str]) -> Server {
    let options = ServerOptions::with_args(args.iter().copied());
    let server = Server::start(product, &options).unwrap();
    for table in ["t", "u"] {
        let columns = "a INT, b VARCHAR(9), v TEXT, n DECIMAL(9,2), PRIMARY KEY (b, a)";
        let create = format!("CREATE TABLE d.{table} ({columns}) CHARACTER SET utf8mb4;");
        server.sql(format!("CREATE DATABASE IF NOT EXISTS d; {create}")).unwrap();
    }
    server
}

#[test]
fn the_state_at_each_moment_is_what_select_gave() {
    for product in live() {
        let compressed = match product.is_mariadb() {
            true => ["--log-bin-compress=1", "--log-bin-compress-min-len=10"],
            false => ["--binlog-transaction-compression=ON", "--binlog-row-metadata=FULL"],
        };
        for args in [&[][..], &compressed] {
            let server = start(product, args);
            let mut moments = vec![];
            for statement in DAY {
                server.sql(format!("{statement};")).unwrap();
                let row = server.value("SELECT * FROM d.t WHERE a = 1 AND b = 'x';").unwrap();
                moments.push((next_address(&server), statement, row));
            }
            // Every moment is one before something that follows.
            server.sql("DELETE FROM d.u;").unwrap();
            let set = logs(&server);
            for (address, statement, row) in &moments {
                // A log that was just begun has its own events first.
                let Ok(target) = resolve(&set, address) else { continue };
                let request = Request { as_of: Some(target), ..request(&["x", "1"]) };
                let history = walk(&set, &request, &mut |_| Ok(())).unwrap();
                assert_eq!(printed(&history.state), *row, "{} {statement}", product.name());
            }
            let mut told = vec![];
            let history = walk(&set, &request(&["x", "1"]), &mut |change| {
                let what = match &change.what {
                    What::Row { before, after, identity, .. } => {
                        let kind = match (before, after) {
                            (None, _) => "insert",
                            (_, None) => "delete",
                            _ => "update",
                        };
                        format!("{kind} {identity:?}")
                    }
                    What::Statement { is_ddl, .. } => format!("statement {is_ddl}"),
                    What::Prepared => "prepared".to_owned(),
                };
                told.push(what);
                Ok(())
            });
            let history = history.unwrap();
            assert_eq!(history.changes, 18, "{} {told:#?}", product.name());
            assert_eq!(
                told,
                [
                    "statement true",
                    "insert Stays",
                    "update Stays",
                    "update Stays",
                    "update Leaves",
                    "update Moved",
                    "update Arrives",
                    "delete Stays",
                    "insert Stays",
                    "update Stays",
                    "update Stays",
                    // a + 100, from the greatest: the row that had the key, then the one that has.
                    "update Moved",
                    "update Leaves",
                    "update Arrives",
                    "update Moved",
                    "update Stays",
                    "delete Stays",
                    "delete Moved",
                    "insert Stays",
                ],
                "{}",
                product.name()
            );
        }
    }
}

#[test]
fn a_state_that_no_change_before_tells_is_told_by_the_one_behind() {
    for product in live() {
        let server = start(product, &[]);
        server.sql("INSERT INTO d.t VALUES (1, 'x', 'old', 5), (3, 'x', 'old', 5);").unwrap();
        let create = logs(&server);
        let mut paths = server.binary_logs().unwrap();
        drop(create);
        server.flush_logs().unwrap();
        let early = next_address(&server);
        server.sql("DELETE FROM d.u;").unwrap();
        server.sql("INSERT INTO d.u VALUES (9, 'x', NULL, NULL);").unwrap();
        server.sql("UPDATE d.t SET v = 'new' WHERE a = 1;").unwrap();
        server.sql("INSERT INTO d.t VALUES (2, 'x', NULL, NULL);").unwrap();
        server
            .sql("SET SESSION binlog_format = STATEMENT; UPDATE d.t SET v = 'text' WHERE a = 3;")
            .unwrap();
        server.sql("TRUNCATE d.t;").unwrap();
        server.sql("DELETE FROM d.u;").unwrap();
        let dump = format!("CREATE DATABASE d; USE d;\n{};\n", {
            let shown = server.value("SHOW CREATE TABLE d.t;").unwrap();
            shown.split_once('\t').unwrap().1.replace("\\n", "\n")
        });
        let schema = || {
            let version = server.value("SELECT VERSION();").unwrap();
            let dialect = replay::sql::Dialect::from_server_version(version.as_bytes());
            replay::schema::read_dump(dump.as_bytes(), dialect).unwrap().schema
        };
        paths = server.binary_logs().unwrap().split_off(paths.len());
        let set = LogSet::open(&paths).unwrap();
        let state = |a: &str, address: &Address| {
            let as_of = Some(resolve(&set, address).unwrap());
            let request = Request { as_of, schema: schema(), ..request(&["x", a]) };
            printed(&walk(&set, &request, &mut |_| Ok(())).unwrap().state)
        };
        assert_eq!(state("1", &early), "1\tx\told\t5.00", "{}", product.name());
        assert_eq!(state("2", &early), "");
        // What the statement found there, nothing tells.
        assert_eq!(state("3", &early), "unknown");
        let end = Request { schema: schema(), ..request(&["x", "3"]) };
        let history = walk(&set, &end, &mut |_| Ok(())).unwrap();
        assert!(matches!(history.state, State::Absent), "truncated");
        assert_eq!((history.changes, history.statements), (0, 2));
    }
}

#[test]
fn a_table_without_a_key_is_refused_with_its_columns() {
    for product in live() {
        let server = Server::start(product, &ServerOptions::default()).unwrap();
        server.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT, b INT, UNIQUE (a));").unwrap();
        server.sql("INSERT INTO d.t VALUES (1, 2);").unwrap();
        let error = walk(&logs(&server), &request(&["1"]), &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("its columns: a, b"), "{error}");
        server
            .sql(
                "DROP TABLE d.t; CREATE TABLE d.t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b));",
            )
            .unwrap();
        server
            .sql("RESET BINARY LOGS AND GTIDS;")
            .or_else(|_| server.sql("RESET MASTER;"))
            .unwrap();
        server
            .sql(
                "DROP TABLE d.t; CREATE TABLE d.t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, b));",
            )
            .unwrap();
        server.sql("INSERT INTO d.t VALUES (1, 2);").unwrap();
        let error = walk(&logs(&server), &request(&["1"]), &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("has 2 columns (a, b), and 1 values"), "{error}");
    }
}
