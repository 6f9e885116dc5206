//! Encrypted logs of the servers themselves: what is read from the files is what the server shows
//! of them, and what it holds in its tables.

use std::fs;
use std::path::PathBuf;

use binlog_parser::Error;
use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::{Cell, Columns, RowImage};
use binlog_parser::scan::{Damage, RawEvent};
use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};
use servers::cells::with_keyring_component;
use servers::{Server, ServerOptions, live};

const KEY: &str = "770A8A65DA156D24EE2A093277530142";
const LONG_KEY: &str = "B374A26A71490437AA024E4FADD5B497FDFF1A8EA6FF12F6FB65AF2720B59CCF";

/// Rows of some lengths, over two logs.
fn traffic() -> String {
    let mut sql =
        "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v LONGBLOB);\n".to_owned();
    for id in 1..=40 {
        sql +=
            &format!("INSERT INTO d.t VALUES ({id}, REPEAT(CHAR({id} + 64), {}));\n", id * id * 7);
    }
    sql += "FLUSH BINARY LOGS;\nINSERT INTO d.t VALUES (100, REPEAT('x', 300000)), (101, '');\n\
            DELETE FROM d.t WHERE id = 7;\nUPDATE d.t SET v = 'new' WHERE id = 8;\n";
    sql
}

/// Reads all logs of the server with `keys`; says with which ciphers they were encrypted.
fn check(server: &Server, keys: &Keys) -> Vec<String> {
    let paths = server.binary_logs().unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let show = |path| server.show_binlog_events(&name(path)).unwrap();
    let all_shown: Vec<_> = paths.iter().map(show).collect();
    let set = LogSet::open_with(&paths, keys).unwrap();
    assert_eq!(set.problems(), []);
    let mut rows: Vec<String> = vec![];
    let mut ciphers = vec![];
    for (log, shown) in set.logs().iter().zip(all_shown) {
        let encryption = log.encryption().unwrap();
        ciphers.push(encryption.cipher.clone());
        let mut shown = shown.into_iter();
        let mut map = None;
        for event in events(Units::new(log.scan())).unwrap() {
            let Some(shown) = shown.next() else {
                // MariaDB writes it when it has time, here after it was asked.
                assert_eq!(event.event_type(), EventType::BINLOG_CHECKPOINT);
                continue;
            };
            assert_eq!((shown.position, shown.end_position), (event.offset, event.end()));
            assert_eq!(shown.event_type, event.event_type().name());
            if event.event_type() == EventType::TABLE_MAP {
                let table = TableMapEvent::parse(event.body(), 6).unwrap();
                map = Some(table.columns(log.format().family).unwrap());
            } else if event.event_type().is_rows() {
                apply(&event, map.as_ref().unwrap(), &mut rows);
            }
        }
        assert_eq!(shown.next(), None);
    }
    rows.sort();
    let answer = server.sql("SELECT CONCAT(id, ' ', HEX(v)) FROM d.t;").unwrap();
    let mut needed: Vec<_> =
        String::from_utf8(answer).unwrap().lines().map(str::to_owned).collect();
    needed.sort();
    assert!(rows == needed, "the rows of the log are not those of the table");
    ciphers
}

fn events<'a>(units: Units<'a>) -> Result<Vec<RawEvent<'a>>, Damage> {
    let mut events = vec![];
    for unit in units {
        match unit {
            Unit::Transaction(transaction) => events.extend(transaction.events),
            Unit::Control(event) => events.push(event),
            Unit::Damage(damage) => return Err(damage),
        }
    }
    Ok(events)
}

/// Does to `rows` what the event did to the table.
fn apply(event: &RawEvent<'_>, columns: &Columns, rows: &mut Vec<String>) {
    let event = RowsEvent::parse(event.body(), event.event_type(), 6).unwrap();
    for change in event.changes(columns.layout()) {
        let change = change.unwrap();
        let text = |row: RowImage<'_>| {
            let cell = |cell: Cell<'_>| {
                let mut text = vec![];
                cell.value(columns).unwrap().write_text(&mut text).unwrap();
                text
            };
            let [id, v] = row
                .cells(columns)
                .map(|c| cell(c.unwrap()))
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            let v: String = v.iter().map(|byte| format!("{byte:02X}")).collect();
            format!("{} {v}", String::from_utf8(id).unwrap())
        };
        if event.kind != RowsKind::Write {
            let before = text(change.before.unwrap());
            rows.retain(|row| *row != before);
        }
        if event.kind != RowsKind::Delete {
            rows.push(text(change.after.unwrap()));
        }
    }
}

/// The refusal of the server's first log by `keys`.
fn refused(server: &Server, keys: &Keys) -> String {
    let error = LogSet::open_with(&server.binary_logs().unwrap()[..1], keys).unwrap_err();
    assert!(matches!(error, Error::Encrypted { .. }), "{error}");
    error.to_string()
}

#[test]
fn mysql_logs_open_with_the_components_keyring() {
    for product in live().into_iter().filter(|product| !product.is_mariadb()) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("keyring");
        let options = with_keyring_component(product, folder.path()).unwrap();
        let options = options.and_args(["--binlog-encryption=ON"]);
        let server = Server::start(product, &options).unwrap();
        server.sql(traffic()).unwrap();
        // A new key, while logs of the one before are there.
        server
            .sql("ALTER INSTANCE ROTATE BINLOG MASTER KEY; INSERT INTO d.t VALUES (102, 'x');")
            .unwrap();
        let keys = Keys::none().with_keyring(&keyring).unwrap();
        let ciphers = check(&server, &keys);
        assert!(ciphers.len() >= 3 && ciphers.iter().all(|cipher| cipher == "AES-256-CTR"));

        let uuid = server.value("SELECT @@server_uuid;").unwrap();
        let missing = refused(&server, &Keys::none());
        assert!(missing.contains(&format!("with key MySQLReplicationKey_{uuid}_")), "{missing}");
        // The same keyring with other keys, of the same length.
        let written = fs::read_to_string(&keyring).unwrap();
        let mut parts = written.split("\"data\":\"");
        let mut other = parts.next().unwrap().to_owned();
        for part in parts {
            let (data, rest) = part.split_once('"').unwrap();
            other += &format!("\"data\":\"{}\"{rest}", "0".repeat(data.len()));
        }
        fs::write(&keyring, other).unwrap();
        let other = Keys::none().with_keyring(&keyring).unwrap();
        assert!(refused(&server, &other).contains("key of this name is another"));
    }
}

#[test]
fn mariadb_logs_open_with_the_key_file_in_either_mode() {
    for product in live().into_iter().filter(|product| product.is_mariadb()) {
        for (mode, key, checksum) in [
            ("CBC", KEY, "CRC32"),
            ("CTR", KEY, "CRC32"),
            ("CBC", LONG_KEY, "NONE"),
            ("CTR", LONG_KEY, "NONE"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("keys");
            fs::write(&file, format!("# keys\n1;{key}\n2;{KEY}\n")).unwrap();
            let options = ServerOptions::with_args([
                "--plugin-load-add=file_key_management".to_owned(),
                format!("--file-key-management-filename={}", file.display()),
                format!("--file-key-management-encryption-algorithm=aes_{}", mode.to_lowercase()),
                "--encrypt-binlog=ON".to_owned(),
                format!("--binlog-checksum={checksum}"),
            ]);
            let server = Server::start(product, &options).unwrap();
            server.sql(traffic()).unwrap();
            let keys = Keys::none().with_key_file(&file, None).unwrap();
            let cipher = format!("AES-{}-{mode}", key.len() * 4);
            assert_eq!(check(&server, &keys), [cipher.clone(), cipher], "{}", product.name());

            assert!(
                refused(&server, &Keys::none()).contains("with key id 1, version 1: no key file")
            );
            fs::write(&file, format!("1;{}\n", key.replace('7', "8"))).unwrap();
            let other = Keys::none().with_key_file(&file, None).unwrap();
            assert!(refused(&server, &other).contains("key is another"));
        }
    }
}
