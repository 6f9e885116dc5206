//! `events` against SHOW BINLOG EVENTS on real servers: position, type and end, on every event.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use assert_cmd::Command;
use serde_json::Value;
use servers::{Product, Server, ServerOptions};

/// What both families write: DDL, rows, steps inside a transaction, statements with their context.
const COMMON: &str = "
CREATE DATABASE shop;
CREATE TABLE shop.users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40), note TEXT);
CREATE TABLE shop.orders (id INT PRIMARY KEY, user INT, total DECIMAL(10,2));
INSERT INTO shop.users (name) VALUES ('ann'), ('bob'), ('eve');
BEGIN;
INSERT INTO shop.orders VALUES (1, 1, 9.99), (2, 2, 19.99);
SAVEPOINT one;
UPDATE shop.users, shop.orders SET name = 'x', total = 1 WHERE users.id = orders.user;
ROLLBACK TO one;
DELETE FROM shop.orders WHERE id = 2;
COMMIT;
XA START 'a','b';
INSERT INTO shop.orders VALUES (3, 1, 1);
XA END 'a','b';
XA PREPARE 'a','b';
XA COMMIT 'a','b';
XA START 'one';
INSERT INTO shop.orders VALUES (4, 1, 1);
XA END 'one';
XA COMMIT 'one' ONE PHASE;
SET SESSION binlog_format = STATEMENT;
SET @name = 'dan';
INSERT INTO shop.users (name, note) VALUES (@name, RAND());
INSERT INTO shop.users (name) VALUES (LAST_INSERT_ID());
SET SESSION binlog_format = ROW;
";

const MYSQL: &str = "
SET SESSION binlog_rows_query_log_events = ON;
UPDATE shop.users SET note = 'with its text';
SET SESSION binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL;
CREATE TABLE shop.docs (id INT PRIMARY KEY, doc JSON);
INSERT INTO shop.docs VALUES (1, '{\"a\": 1, \"b\": \"something longer than nothing\"}');
UPDATE shop.docs SET doc = JSON_SET(doc, '$.a', 2);
SET SESSION gtid_next = 'AUTOMATIC:night';
DELETE FROM shop.docs;
SET SESSION gtid_next = 'AUTOMATIC';
";

const MARIADB: &str = "
CREATE SEQUENCE shop.numbers;
SELECT NEXT VALUE FOR shop.numbers;
SET SESSION binlog_annotate_row_events = OFF;
DELETE FROM shop.orders;
SET GLOBAL log_bin_compress = ON, GLOBAL log_bin_compress_min_len = 10;
INSERT INTO shop.users (name, note) VALUES ('zed', REPEAT('compress me ', 100));
";

#[test]
fn events_agree_with_show_binlog_events() -> Result<()> {
    for product in servers::live() {
        let options = match product {
            Product::Mysql97 => {
                ServerOptions::with_args(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"])
            }
            _ => ServerOptions::default(),
        };
        let server = Server::start(product, &options)?;
        server.sql(COMMON)?;
        server.flush_logs()?;
        server.sql(if product.is_mariadb() { MARIADB } else { MYSQL })?;
        server.flush_logs()?;
        for log in server.binary_logs()? {
            compare(&server, &log).with_context(|| product.name())?;
        }
    }
    Ok(())
}

fn compare(server: &Server, log: &Path) -> Result<()> {
    let name = log.file_name().context("a log has a name")?.to_string_lossy();
    let output =
        Command::cargo_bin("binlog")?.args(["events", "--format=json"]).arg(log).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}: {}: {stderr}", output.status);
    let lines = String::from_utf8(output.stdout)?;
    let ours: Vec<_> = lines
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line)?;
            Ok(format!("{} {} {}", event["position"], event["type"], event["end_position"]))
        })
        .collect::<Result<_>>()?;
    let shown = server.show_binlog_events(&name)?;
    let theirs: Vec<_> = shown
        .iter()
        .map(|event| format!("{} {:?} {}", event.position, event.event_type, event.end_position))
        .collect();
    ensure!(theirs.len() > 1, "{name}: the server shows {} events", theirs.len());
    assert_eq!(ours, theirs, "{name}");
    Ok(())
}
