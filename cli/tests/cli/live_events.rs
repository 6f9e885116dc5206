//! `events` against SHOW BINLOG EVENTS on real servers: position, type and end, on every event.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use assert_cmd::Command;
use serde_json::Value;
use servers::{CellServer, Product, cells};

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
SET SESSION binlog_transaction_compression = ON;
INSERT INTO shop.users (name, note) VALUES ('zed', REPEAT('compress me ', 100)), ('yan', NULL);
BEGIN;
UPDATE shop.users SET note = 'again';
SAVEPOINT two;
DELETE FROM shop.users WHERE name = 'zed';
ROLLBACK TO two;
DELETE FROM shop.users WHERE name = 'yan';
COMMIT;
XA START 'packed';
INSERT INTO shop.orders VALUES (5, 1, 1);
XA END 'packed';
XA PREPARE 'packed';
XA COMMIT 'packed';
CREATE TABLE shop.copied AS SELECT * FROM shop.users;
SET SESSION binlog_transaction_compression = OFF;
DELETE FROM shop.users;
";

const MARIADB: &str = "
CREATE SEQUENCE shop.numbers;
SELECT NEXT VALUE FOR shop.numbers;
SET SESSION binlog_annotate_row_events = OFF;
DELETE FROM shop.orders;
SET GLOBAL log_bin_compress = ON, GLOBAL log_bin_compress_min_len = 10;
INSERT INTO shop.users (name, note) VALUES ('zed', REPEAT('compress me ', 100));
UPDATE shop.users SET note = REPEAT('compress me, too ', 100);
DELETE FROM shop.users WHERE note IS NOT NULL;
USE shop;
CREATE TABLE later (id INT PRIMARY KEY, name VARCHAR(40), note TEXT, at TIMESTAMP);
DROP TABLE later;
";

#[test]
fn events_agree_with_show_binlog_events() -> Result<()> {
    for product in servers::live() {
        let mut args = vec!["--secure-file-priv="];
        if product == Product::Mysql97 {
            args.extend(["--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
        }
        let mut server = CellServer::start(product, &args)?;
        for cell in cells(product) {
            server.enter(&cell)?;
            let first = server.server.binary_logs()?.len() - 1;
            server.server.sql(format!("DROP DATABASE IF EXISTS shop;{COMMON}"))?;
            // What is not the server's own keeps it from dropping the database.
            std::fs::remove_file(server.server.data_folder().join("shop/users.txt"))?;
            server.server.flush_logs()?;
            server.server.sql(if product.is_mariadb() { MARIADB } else { MYSQL })?;
            server.server.flush_logs()?;
            for log in &server.server.binary_logs()?[first..] {
                compare(&server, log)
                    .with_context(|| format!("{}: {}", product.name(), cell.name))?;
            }
        }
    }
    Ok(())
}

fn compare(cells: &CellServer, log: &Path) -> Result<()> {
    let server = &cells.server;
    let name = log.file_name().context("a log has a name")?.to_string_lossy();
    // First, for the log may grow by what a server writes when it has time.
    let shown = server.show_binlog_events(&name)?;
    let mut command = Command::cargo_bin("binlog")?;
    for (option, file) in [("--keyring", cells.keyring()), ("--encryption-keys", cells.key_file())]
    {
        let file = file.filter(|file| file.metadata().is_ok_and(|file| file.len() > 0));
        if let Some(file) = file {
            command.arg("events").arg(option).arg(file);
        }
    }
    if command.get_args().next().is_none() {
        command.arg("events");
    }
    let output = command.arg("--format=json").arg(log).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{name}: {}: {stderr}", output.status);
    let lines = String::from_utf8(output.stdout)?;
    let mut ours: Vec<_> = lines
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line)?;
            let [info, event_type] =
                [&event["info"], &event["type"]].map(|value| value.as_str().unwrap_or_default());
            // Of events in a payload the server shows where the payload ends, and nothing else.
            let inside = !event["inner_position"].is_null();
            let end = &event["end_position"];
            let position = if inside { end } else { &event["position"] };
            Ok(format!("{position} {event_type} {end} {}", comparable(event_type, info)))
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
        // The server tells nothing of it.
        "Start_encryption" => String::new(),
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
