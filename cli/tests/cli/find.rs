//! `find` and `rescue`: what they print, write, and end with.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::Value;

use crate::common::{LogBuilder, Logs, binlog, one_log};

fn run(logs: &Logs, arguments: &[&str]) -> Output {
    binlog().args(arguments).current_dir(logs.path("")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output and standard error.
fn both(output: &Output) -> String {
    format!("--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}

/// Some traffic, and among it a DELETE of every row.
fn disaster() -> Logs {
    let traffic: Vec<u32> = (1..=120).collect();
    let log = LogBuilder::new()
        .query("CREATE TABLE users (id INT NOT NULL)")
        .delete(&[500])
        .delete_by("DELETE FROM users", &traffic)
        .delete(&[501])
        .rotate("binlog.000002");
    Logs::new([("binlog.000001", log)])
}

#[test]
fn the_worst_comes_first_with_its_evidence() {
    let output = run(&disaster(), &["find", "binlog.000001"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(both(&output));
}

#[test]
fn json_of_findings_has_the_keys_of_the_contract() {
    let output = run(&disaster(), &["find", "--format=json", "binlog.000001"]);
    let first: Value = serde_json::from_str(text(&output.stdout).lines().next().unwrap()).unwrap();
    let mut keys: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let contract = [
        "confidence",
        "database",
        "end_position",
        "gtid",
        "id",
        "kind",
        "log",
        "position",
        "reasons",
        "rows",
        "server_id",
        "severity",
        "statement",
        "statement_source",
        "table",
        "thread_id",
        "time",
        "transaction",
        "user",
    ];
    assert_eq!(keys, contract);
    assert_eq!(first["kind"], "delete_without_where");
    assert_eq!((&first["rows"], &first["table"]), (&120.into(), &"users".into()));
    // What find calls it, show takes.
    let id = first["id"].as_str().unwrap();
    let shown = run(&disaster(), &["show", id, "binlog.000001"]);
    assert_eq!(text(&shown.stdout).matches("\n    - id=").count(), 120, "{}", both(&shown));
}

#[test]
fn nothing_found_ends_with_1() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let found = run(&logs, &["find", "binlog.000001"]);
    assert_eq!((found.status.code(), found.stdout.len()), (Some(1), 0), "{}", both(&found));
    let rescued = run(&logs, &["rescue", "binlog.000001"]);
    assert_eq!(rescued.status.code(), Some(1), "{}", both(&rescued));
    assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 1);
}

#[test]
fn a_rescue_is_a_folder_with_all_that_is_needed() {
    let logs = disaster();
    let output = run(&logs, &["rescue", "binlog.000001", "--output", "saved"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    insta::assert_snapshot!(both(&output));
    let folder = logs.path("saved");
    let read = |name: &str| text(&fs::read(folder.join(name)).unwrap());
    assert_eq!(read("report.txt"), text(&output.stdout));
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["finding"]["kind"], "delete_without_where");
    assert!(read("undo.sql").contains("users") || read("undo.sql").contains("BINLOG"));
    assert!(read("replay.sql").contains("CREATE TABLE users"));
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    let again = run(&logs, &["rescue", "binlog.000001", "--output", "saved"]);
    assert_eq!(again.status.code(), Some(4), "{}", both(&again));
    let forced = run(&logs, &["rescue", "binlog.000001", "--output", "saved", "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", both(&forced));
}

#[test]
fn a_rescue_of_what_has_no_rows_says_so_and_still_cuts_the_replay() {
    let logs = Logs::new([("binlog.000001", one_log().query("TRUNCATE TABLE users"))]);
    let output = run(&logs, &["rescue", "--format=json", "binlog.000001"]);
    assert_eq!(output.status.code(), Some(4), "{}", both(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finding"]["kind"], "truncate_table");
    assert!(report["undo"]["refused"].is_string() && report["undo"]["file"].is_null());
    let replay = logs.path("").join(report["replay"]["file"].as_str().unwrap());
    assert!(replay.exists());
}
