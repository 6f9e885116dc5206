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
SET @null = NULL, @empty = '', @real = 0.1e0 + 0.2e0, @large = 1e100, @small = -18, @decimal = -1.250;
SET @unsigned = CAST(18446744073709551615 AS UNSIGNED), @`an ``odd`` name` = _latin1 0xE9;
INSERT INTO shop.users (name, note)
    VALUES (CONCAT_WS(@empty, @null, @real, @large), CONCAT(@small, @decimal, @unsigned, @`an ``odd`` name`));
INSERT INTO shop.users (name) VALUES (LAST_INSERT_ID());
USE shop;
CREATE TABLE loaded (id INT PRIMARY KEY, name VARCHAR(40));
SELECT id, name FROM users INTO OUTFILE 'users.txt';
LOAD DATA INFILE 'users.txt' REPLACE INTO TABLE loaded;
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
        }
        .and_args(["--secure-file-priv="]);
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
    // First, for the log may grow by what a server writes when it has time.
    let shown = server.show_binlog_events(&name)?;
    let output =
        Command::cargo_bin("binlog")?.args(["events", "--format=json"]).arg(log).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}: {}: {stderr}", output.status);
    let lines = String::from_utf8(output.stdout)?;
    let mut ours: Vec<_> = lines
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line)?;
            let [info, event_type] =
                [&event["info"], &event["type"]].map(|value| value.as_str().unwrap_or_default());
            Ok(format!(
                "{} {event_type} {} {}",
                event["position"],
                event["end_position"],
                comparable(event_type, info)
            ))
        })
        .collect::<Result<_>>()?;
    let theirs: Vec<_> = shown
        .iter()
        .map(|event| {
            let info = String::from_utf8_lossy(&event.info);
            let event_type = &event.event_type;
            let info = comparable(event_type, &info);
            format!("{} {event_type} {} {info}", event.position, event.end_position)
        })
        .collect();
    ensure!(theirs.len() > 1, "{name}: the server shows {} events", theirs.len());
    let later = ours.split_off(ours.len().min(theirs.len()));
    assert_eq!(ours, theirs, "{name}");
    assert!(later.iter().all(|event| event.contains(" Binlog_checkpoint ")), "{name}: {later:?}");
    Ok(())
}

/// The part of an event's Info that both show: the table and the number of rows are ours alone; the
/// names of collations and what a statement was to the storage engine are the server's. An empty
/// string is written so that it is one in every SQL mode, and bytes as MySQL has them.
fn comparable(event_type: &str, info: &str) -> String {
    match event_type {
        "Query" => info.split(" /* xid=").next().unwrap_or(info).to_owned(),
        "User var" => {
            let info = info.split(" COLLATE ").next().unwrap_or(info).replace(" \"\"", " ''");
            match info.split_once(" X'") {
                Some((head, digits)) => format!("{head} 0x{}", digits.trim_end_matches('\'')),
                None => info,
            }
        }
        _ if event_type.contains("_rows") && event_type != "Annotate_rows" => {
            info.split_inclusive(' ').take(2).collect::<String>().trim_end().to_owned()
        }
        _ => info.to_owned(),
    }
}
