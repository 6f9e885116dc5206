//! `events`: rows, and what a line owes to events far before it. The logs are longer than what is
//! listed at a time.

use serde_json::Value;

use crate::common::{LogBuilder, Logs, binlog, one_log};

fn lines(logs: &Logs, arguments: &[&str]) -> Vec<String> {
    let output = binlog().args(arguments).arg(logs.path("binlog.000001")).output().unwrap();
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), complaints.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A Query whose session has a client of this collation, and no sql_mode.
fn query_of_client(log: LogBuilder, collation: u16, text: &str) -> LogBuilder {
    let mut status = vec![1]; // sql_mode
    status.extend([0; 8]);
    status.push(4); // charset of the client, the connection and the server
    status.extend([collation, collation, 255].map(u16::to_le_bytes).concat());
    let mut body = vec![5, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0]; // thread id, time, database, error
    body.extend((status.len() as u16).to_le_bytes());
    body.extend(status);
    body.extend(b"shop\0");
    body.extend(text.as_bytes());
    log.event(2, &body)
}

/// Transactions of one text beside the rows, without a Query: more than a MiB of them.
fn texts(log: LogBuilder, first: u64) -> LogBuilder {
    (first..first + 600).fold(log, |log, number| {
        let mut text = vec![0];
        text.extend(b"DELETE /* caf\xE9 */ ");
        text.resize(2000, b'.');
        log.gtid(number).event(29, &text).event(16, &[1, 0, 0, 0, 0, 0, 0, 0])
    })
}

#[test]
fn rows_stand_below_their_event_as_show_has_them() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let listed = lines(&logs, &["events", "-v"]);
    let rows: Vec<_> = listed.iter().filter(|line| line.starts_with(' ')).collect();
    assert_eq!(rows, ["    - id=1", "    - id=2", "    - id=3"]);
    let shown = lines(&logs, &["show", "binlog.000001:285"]);
    assert!(rows.iter().all(|row| shown.contains(row)));
    let others: Vec<_> = listed.iter().filter(|line| !line.starts_with(' ')).cloned().collect();
    assert_eq!(others, lines(&logs, &["events"]));

    let objects = lines(&logs, &["events", "--verbose", "--format=json"]);
    let changes: Vec<_> = objects
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["changes"].to_string())
        .filter(|changes| changes != "null")
        .collect();
    assert_eq!(changes, [r#"[{"before":{"id":1}},{"before":{"id":2}},{"before":{"id":3}}]"#]);
}

#[test]
fn a_text_is_read_by_the_session_of_the_last_query_however_far_before_it() {
    let log = query_of_client(LogBuilder::new().gtid(1), 8, "CREATE DATABASE latin");
    let log = query_of_client(texts(log, 2).gtid(700), 28, "CREATE DATABASE chinese");
    let logs = Logs::new([("binlog.000001", texts(log, 701))]);
    let listed = lines(&logs, &["events"]);
    let count = |part: &str| listed.iter().filter(|line| line.contains(part)).count();
    // The same bytes are no characters of GBK, and shown by their numbers.
    assert_eq!((count("café"), count(r"caf\xe9")), (600, 600));
}

#[test]
fn columns_have_the_names_of_the_last_definition_however_far_before_them() {
    let deletes = |log: LogBuilder, first: u64| {
        (first..first + 6000).fold(log, |log, number| log.gtid(number).delete(&[number as u32]))
    };
    let log = LogBuilder::new().gtid(1).query("CREATE TABLE users (id INT NOT NULL)");
    let log = deletes(log, 2).gtid(7000);
    let log = deletes(log.query("ALTER TABLE users RENAME COLUMN id TO number"), 10_000);
    assert!(log.len() > 2 << 20);
    let logs = Logs::new([("binlog.000001", log)]);
    let listed = lines(&logs, &["events", "-v"]);
    let rows: Vec<_> = listed.iter().filter(|line| line.starts_with(' ')).collect();
    assert_eq!(rows.len(), 12_000);
    assert!(rows.iter().take(6000).all(|row| row.starts_with("    - id=")));
    assert!(rows.iter().skip(6000).all(|row| row.starts_with("    - number=")));
    // Nor does it matter that the definition stands before what is listed.
    let start = lines(&logs, &["events", "-v", "--start-position=1000000"]);
    let rows: Vec<_> = start.iter().filter(|line| line.starts_with(' ')).collect();
    assert!(rows.len() < 12_000 && rows[0].starts_with("    - id="));
}
