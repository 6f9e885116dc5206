//! The search on logs of real servers: a day's traffic with one disaster in it, and every form of
//! destruction, its rows compared with what the server said.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use binlog_parser::address::Address;
use binlog_parser::source::log_set::LogSet;
use replay::find::{
    Confidence, Evidence, Finding, FindingKind, Options, Report, Severity, StatementSource, find,
};
use replay::select::{Filter, TableName, resolve};
use servers::fixtures::{DESTRUCTIBLE, Part};
use servers::{Product, Server, ServerOptions};

/// A server that logs statements' texts with their rows, or does not.
fn start(product: Product, texts: bool) -> Result<Server> {
    let on = if texts { "ON" } else { "OFF" };
    let option = if product.is_mariadb() {
        format!("--binlog-annotate-row-events={on}")
    } else {
        format!("--binlog-rows-query-log-events={on}")
    };
    Server::start(product, &ServerOptions::with_args([option]))
}

/// Opens the server's logs but for the first `skipped`.
fn logs(server: &Server, skipped: usize) -> Result<LogSet> {
    server.flush_logs()?;
    let paths: Vec<PathBuf> = server.binary_logs()?.into_iter().skip(skipped).collect();
    Ok(LogSet::open(&paths)?)
}

fn search(set: &LogSet) -> Report {
    find(set, &Options::default(), &mut |_| {})
}

const SCHEMA: &str = "
CREATE DATABASE shop;
USE shop;
DROP TABLE IF EXISTS old_users, old_orders;
CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50), seen INT DEFAULT 0);
CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, user INT, total DECIMAL(10,2));
CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, orders_id INT, what VARCHAR(20));
CREATE TABLE audit (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(50));
CREATE TABLE jobs (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(20));
CREATE TABLE counter (n INT);
INSERT INTO counter VALUES (0);
";

/// `values` many rows of one column.
fn insert(table: &str, column: &str, values: usize) -> String {
    let rows: Vec<_> = (0..values).map(|n| format!("('{column} {n}')")).collect();
    format!("INSERT INTO {table} ({column}) VALUES {};\n", rows.join(","))
}

/// A busy morning: single rows, a queue, routine statements without WHERE, a purge, scratch work.
fn traffic(from: usize) -> String {
    let mut sql = String::from("USE shop;\n");
    for n in from..from + 60 {
        let user = n % 150 + 1;
        let _ = write!(
            sql,
            "INSERT INTO orders (user, total) VALUES ({user}, {n}.5);
             INSERT INTO items (orders_id, what) VALUES (LAST_INSERT_ID(), 'a'), (LAST_INSERT_ID(), 'b'), (LAST_INSERT_ID(), 'c');
             UPDATE users SET seen = {n} WHERE id = {user};
             UPDATE counter SET n = n + 1;
             INSERT INTO jobs (what) VALUES ('x'), ('y'), ('z');
             DELETE FROM jobs WHERE id > 0;
             /* shop */ INSERT INTO audit (what) VALUES ('DELETE FROM users');
             DELETE FROM items WHERE orders_id = {n};
             BEGIN; UPDATE orders SET total = 0 WHERE id = {n}; SAVEPOINT a;
             DELETE FROM orders WHERE id = {n}; ROLLBACK TO a; COMMIT;\n"
        );
    }
    sql.push_str(&insert("audit", "what", 300));
    sql.push_str("DELETE FROM audit WHERE id % 2 = 0;\n");
    sql.push_str("UPDATE orders SET total = total * 1.1 WHERE total > 5;\n");
    sql.push_str("CREATE TABLE scratch (what VARCHAR(20));\n");
    sql.push_str(&insert("scratch", "what", 500));
    sql.push_str("DROP TABLE scratch;\nGRANT SELECT ON shop.* TO reporter;\n");
    sql
}

/// What hours later is written and changed again.
fn aftermath() -> String {
    let mut sql = insert("users", "name", 5);
    sql.push_str("UPDATE users SET seen = 1 WHERE name = 'name 3';\n");
    sql
}

/// Tells the story on a server; the number of users that were lost.
fn tell(server: &Server, users: usize, disaster: &str) -> Result<u64> {
    server.sql(format!("CREATE USER reporter; {SCHEMA}"))?;
    server.sql(format!("USE shop; {}", insert("users", "name", users)))?;
    server.flush_logs()?;
    server.sql(traffic(1))?;
    server.flush_logs()?;
    let lost = server.value(&format!("USE shop; {disaster}; SELECT ROW_COUNT();"))?;
    server.sql(format!("{}{}", traffic(100), aftermath()))?;
    Ok(lost.parse()?)
}

fn on_each(test: impl Fn(Product) -> Result<()>) -> Result<()> {
    servers::live()
        .into_iter()
        .try_for_each(|product| test(product).with_context(|| product.name().to_owned()))
}

/// A line that tells what matters, for messages of failed tests.
fn told(findings: &[Finding]) -> String {
    let mut lines = String::new();
    for finding in findings.iter().take(12) {
        let table = finding.table.as_deref().map(String::from_utf8_lossy);
        let reasons: Vec<_> = finding.reasons.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            lines,
            "{} {} {} {} {:?} {:?}: {}",
            finding.id,
            finding.severity,
            finding.kind,
            finding.confidence,
            table,
            finding.rows,
            reasons.join("; ")
        );
    }
    lines
}

/// The first finding is the disaster.
fn assert_first(report: &Report, kind: FindingKind, rows: u64) -> Result<&Finding> {
    let first = report.findings.first().context("nothing was found")?;
    let had = (first.kind, first.rows, first.table.as_deref(), first.database.as_deref());
    let needed = (kind, Some(rows), Some(&b"users"[..]), Some(&b"shop"[..]));
    assert_eq!(had, needed, "\n{}", told(&report.findings));
    assert_eq!(first.severity, Severity::Critical, "\n{}", told(&report.findings));
    assert!(report.is_complete());
    Ok(first)
}

#[test]
fn one_delete_among_a_days_traffic_is_the_first_finding_by_its_text() -> Result<()> {
    on_each(|product| {
        let server = start(product, true)?;
        let lost = tell(&server, 180, "DELETE FROM users")?;
        assert_eq!(lost, 180);
        for skipped in [0, 2] {
            let set = logs(&server, skipped)?;
            let report = search(&set);
            let first = assert_first(&report, FindingKind::DeleteWithoutWhere, lost)?;
            assert_eq!(first.confidence, Confidence::Certain);
            assert_eq!(first.statement.as_deref(), Some(&b"DELETE FROM users"[..]));
            let source = if product.is_mariadb() {
                StatementSource::Annotate
            } else {
                StatementSource::RowsQuery
            };
            assert_eq!(first.statement_source, source);
            assert_eq!(first.server_id, 1);
            // MariaDB names the connection from 11.5 on.
            assert_eq!(first.thread_id.is_some(), product != Product::Mariadb1011);
            let target = resolve(&set, &Address::Event(first.id.clone()))?;
            assert_eq!(target.address(&set), first.transaction);
            assert!(target.is_inside() && target.event == first.position);
            let gtid = first.gtid.map(Address::from);
            if let Some(gtid) = gtid {
                assert_eq!(resolve(&set, &gtid)?.start, target.start);
            }
        }
        Ok(())
    })
}

#[test]
fn one_delete_among_a_days_traffic_is_the_first_finding_by_its_rows() -> Result<()> {
    on_each(|product| {
        let server = start(product, false)?;
        let lost = tell(&server, 180, "DELETE FROM users")?;
        // All logs; those of the day; the one of the disaster.
        for skipped in [0, 1, 2] {
            let report = search(&logs(&server, skipped)?);
            let first = assert_first(&report, FindingKind::MassDelete, lost)?;
            assert_eq!(first.statement_source, StatementSource::Inferred);
            assert_eq!((&first.statement, first.confidence), (&None, Confidence::Likely));
            let evidence =
                if skipped == 0 { Evidence::LeftEmpty } else { Evidence::NothingOlderLater };
            assert!(first.reasons.contains(&evidence), "{skipped}\n{}", told(&report.findings));
            assert_eq!(report.row_texts, 0);
        }
        Ok(())
    })
}

#[test]
fn a_small_table_emptied_is_found_by_its_rows_alone() -> Result<()> {
    on_each(|product| {
        let server = start(product, false)?;
        server.sql(SCHEMA)?;
        server.sql(format!("USE shop; {} CREATE USER reporter;", insert("users", "name", 7)))?;
        server.sql(traffic(1))?;
        server.sql("DELETE FROM shop.users")?;
        server.sql(traffic(100))?;
        let report = search(&logs(&server, 0)?);
        assert_first(&report, FindingKind::MassDelete, 7)?;
        // The queue, which is emptied all day, is nothing.
        assert!(report.findings.iter().all(|f| f.table.as_deref() != Some(b"jobs")));
        Ok(())
    })
}

/// A statement, and what it is: kind, table, and whether rows are told.
type Form = (&'static str, FindingKind, &'static str, bool);

const FORMS: &[Form] = &[
    ("DELETE FROM t", FindingKind::DeleteWithoutWhere, "t", true),
    ("/* a */ delete/**/from t -- x", FindingKind::DeleteWithoutWhere, "t", true),
    ("DELETE /*!50000 FROM */ t", FindingKind::DeleteWithoutWhere, "t", true),
    ("DELETE t, u FROM t CROSS JOIN u", FindingKind::DeleteWithoutWhere, "t", true),
    ("DELETE FROM x USING t AS x", FindingKind::DeleteWithoutWhere, "t", true),
    ("DELETE FROM t WHERE 1=1", FindingKind::AlwaysTrueWhere, "t", true),
    ("DELETE FROM t WHERE id = 3 OR 'a' = 'a'", FindingKind::AlwaysTrueWhere, "t", true),
    ("DELETE FROM v", FindingKind::DeleteWithoutWhere, "t", true),
    ("UPDATE t SET n = n + 1", FindingKind::UpdateWithoutWhere, "t", true),
    ("UPDATE t, u SET t.n = 70, u.n = 80", FindingKind::UpdateWithoutWhere, "t", true),
    ("UPDATE t SET n = -1 WHERE TRUE", FindingKind::AlwaysTrueWhere, "t", true),
    ("DELETE FROM t LIMIT 4", FindingKind::DeleteWithoutWhere, "t", true),
    ("TRUNCATE TABLE t", FindingKind::TruncateTable, "t", false),
    ("TRUNCATE d.t", FindingKind::TruncateTable, "t", false),
    ("ALTER TABLE t DROP COLUMN n", FindingKind::DropColumn, "t", false),
    ("ALTER TABLE parted TRUNCATE PARTITION p0", FindingKind::TruncatePartition, "parted", false),
    ("ALTER TABLE parted DROP PARTITION p0", FindingKind::DropPartition, "parted", false),
    ("RENAME TABLE t TO t2", FindingKind::RenameTable, "t", false),
    ("DROP TABLE t, u", FindingKind::DropTable, "t", false),
];

const MYSQL_FORMS: &[Form] =
    &[("WITH c AS (SELECT 1 AS one) DELETE FROM t", FindingKind::DeleteWithoutWhere, "t", true)];

const MARIADB_FORMS: &[Form] = &[
    ("/*M! DELETE FROM t */", FindingKind::DeleteWithoutWhere, "t", true),
    ("CREATE OR REPLACE TABLE t (id INT)", FindingKind::ReplaceTable, "t", false),
];

const FORM_TABLES: &str = "
CREATE TABLE t (id INT PRIMARY KEY, n INT);
CREATE TABLE u (id INT PRIMARY KEY, n INT);
CREATE TABLE log (what VARCHAR(20));
CREATE TABLE parted (id INT PRIMARY KEY) PARTITION BY RANGE (id)
  (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE VIEW v AS SELECT id, n FROM t;
CREATE TRIGGER d AFTER DELETE ON t FOR EACH ROW INSERT INTO log VALUES ('gone');
INSERT INTO t VALUES (1,1),(2,2),(3,3),(4,4),(5,5),(6,6);
INSERT INTO u VALUES (1,1),(2,2),(3,3);
INSERT INTO parted VALUES (1),(2),(8);
";

#[test]
fn every_form_is_found_with_the_rows_that_the_server_counted() -> Result<()> {
    on_each(|product| {
        let server = start(product, true)?;
        let own = if product.is_mariadb() { MARIADB_FORMS } else { MYSQL_FORMS };
        for (form, kind, table, has_rows) in FORMS.iter().chain(own) {
            server.sql(format!(
                "DROP DATABASE IF EXISTS d; CREATE DATABASE d; USE d; {FORM_TABLES}"
            ))?;
            server.flush_logs()?;
            let skipped = server.binary_logs()?.len() - 1;
            let script = format!("USE d; {form}\n; SELECT ROW_COUNT();");
            let counted = server.pipe(script.as_bytes(), ["--comments", "-N", "-B"])?.success()?;
            let counted: i64 = String::from_utf8(counted)?.trim().parse()?;
            let report = search(&logs(&server, skipped)?);
            let [finding] = &report.findings[..] else {
                panic!("{form}:\n{}", told(&report.findings))
            };
            let rows = has_rows.then_some(counted as u64);
            let had = (finding.kind, finding.table.as_deref(), finding.rows);
            assert_eq!(had, (*kind, Some(table.as_bytes()), rows), "{form}");
            assert_eq!(finding.database.as_deref(), Some(&b"d"[..]), "{form}");
        }
        Ok(())
    })
}

#[test]
fn statements_prepared_rolled_back_and_decided_by_xa() -> Result<()> {
    on_each(|product| {
        let server = start(product, true)?;
        server.sql(
            "CREATE DATABASE d; USE d;
             CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1),(2),(3);
             CREATE TABLE u (id INT PRIMARY KEY); INSERT INTO u VALUES (1),(2),(3);
             CREATE TABLE m (id INT) ENGINE=MyISAM; INSERT INTO m VALUES (1),(2);
             PREPARE p FROM 'UPDATE t SET id = id + ? WHERE ? = ?';
             SET @ten = 10, @one = 1; EXECUTE p USING @ten, @one, @one;",
        )?;
        server.sql("USE d; XA START 'a'; DELETE FROM t; XA END 'a'; XA PREPARE 'a';")?;
        server.sql("XA COMMIT 'a';")?;
        server.sql("USE d; XA START 'b'; DELETE FROM u; XA END 'b'; XA PREPARE 'b';")?;
        server.sql("XA ROLLBACK 'b';")?;
        server.sql("USE d; XA START 'c'; DELETE FROM u; XA END 'c'; XA PREPARE 'c';")?;
        let set = logs(&server, 0)?;
        let report = search(&set);
        let evidence = |kind: FindingKind, table: &[u8]| -> Vec<&Finding> {
            let findings = report.findings.iter();
            findings.filter(|f| f.kind == kind && f.table.as_deref() == Some(table)).collect()
        };
        let [prepared] = evidence(FindingKind::AlwaysTrueWhere, b"t")[..] else {
            panic!("{}", told(&report.findings))
        };
        assert_eq!(prepared.rows, Some(3));
        let [committed] = evidence(FindingKind::DeleteWithoutWhere, b"t")[..] else {
            panic!("{}", told(&report.findings))
        };
        assert_eq!((committed.severity, committed.rows), (Severity::Critical, Some(3)));
        let decided = committed.reasons.iter().find_map(|reason| match reason {
            Evidence::XaCommitted(at) => Some(at.clone()),
            _ => None,
        });
        resolve(&set, &Address::Event(decided.context("the commit is in the logs")?))?;
        let [undecided, rolled_back] = evidence(FindingKind::DeleteWithoutWhere, b"u")[..] else {
            panic!("{}", told(&report.findings))
        };
        assert!(undecided.reasons.contains(&Evidence::XaUndecided));
        assert!(matches!(rolled_back.reasons[..], [Evidence::XaRolledBack(_), ..]));
        assert_eq!(rolled_back.severity, Severity::Low);
        Ok(())
    })
}

#[test]
fn filters_choose_among_findings_and_evidence_stays() -> Result<()> {
    on_each(|product| {
        let server = start(product, false)?;
        let lost = tell(&server, 180, "DELETE FROM users")?;
        let set = logs(&server, 0)?;
        let table = |table: &[u8]| TableName { database: None, table: table.to_vec() };
        let only = |filter: Filter| {
            let options = Options { filter, ..Options::default() };
            find(&set, &options, &mut |_| {}).findings
        };
        let users = only(Filter { tables: vec![table(b"users")], ..Filter::default() });
        assert_eq!(users.len(), 1, "{}", told(&users));
        assert_eq!(users[0].rows, Some(lost));
        assert!(users[0].reasons.contains(&Evidence::LeftEmpty));
        let audit = only(Filter { tables: vec![table(b"audit")], ..Filter::default() });
        assert!(!audit.is_empty() && audit.iter().all(|f| f.severity < Severity::Critical));
        assert!(only(Filter { databases: vec![b"mysql".into()], ..Filter::default() }).is_empty());
        assert!(only(Filter { server_ids: vec![7], ..Filter::default() }).is_empty());
        let time = i64::from(users[0].timestamp) * 1_000_000;
        let late = Filter { start_time: Some(time + 3_600_000_000), ..Filter::default() };
        assert!(only(late).is_empty());
        Ok(())
    })
}

/// Tables that only their text gives away when they are emptied: one has a single row, of the other
/// an XA transaction was rolled back, which counting its rows cannot tell at once.
const NEED_TEXT: [&str; 2] = ["every.zoned", "every.composite"];

/// Every type, key shape, charset and awkward name: each table emptied is a finding with all its
/// rows, with the statement's text and without.
#[test]
fn every_table_of_the_fixtures_that_is_emptied_is_found() -> Result<()> {
    on_each(|product| every_table(product, true).and_then(|()| every_table(product, false)))
}

fn every_table(product: Product, texts: bool) -> Result<()> {
    let server = start(product, texts)?;
    Part::Schema.run(&server)?;
    Part::Before.run(&server)?;
    let mut lost = vec![];
    for table in DESTRUCTIBLE {
        let script = format!("SELECT COUNT(*) FROM {table}; DELETE FROM {table};");
        lost.push((table, server.value(&script)?.parse::<u64>()?));
    }
    Part::After.run(&server)?;
    let report = search(&logs(&server, 0)?);
    assert!(report.is_complete(), "{:?} {:?}", report.faults, report.unread);
    let kind = if texts { FindingKind::DeleteWithoutWhere } else { FindingKind::MassDelete };
    for (table, rows) in lost {
        let found = report.findings.iter().any(|finding| {
            (finding.kind, finding.rows) == (kind, Some(rows)) && full_name(finding) == table
        });
        let needed = texts || !NEED_TEXT.contains(&table);
        assert!(found || !needed, "{table} {rows}\n{}", told(&report.findings));
    }
    Ok(())
}

/// `database.table` as the fixtures write it.
fn full_name(finding: &Finding) -> String {
    let part = |name: &Option<Vec<u8>>| {
        let name = String::from_utf8_lossy(name.as_deref().unwrap_or_default()).into_owned();
        let plain = name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        let reserved = name == "select";
        if plain && !reserved { name } else { format!("`{}`", name.replace('`', "``")) }
    };
    format!("{}.{}", part(&finding.database), part(&finding.table))
}
