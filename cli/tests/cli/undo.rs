//! `undo`: exit codes, what goes where, and that the options reach the library.

use std::fs;
use std::process::Output;

use crate::common::{LogBuilder, Logs, binlog};

fn run(logs: &Logs, arguments: &[&str]) -> Output {
    let folder = logs.path("");
    binlog().args(["undo", "--format=base64"]).args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Two DELETEs, and DDL before them.
fn logs() -> Logs {
    let log = LogBuilder::new()
        .query("CREATE TABLE users (id INT NOT NULL)")
        .delete(&[1, 2, 3])
        .delete(&[4]);
    Logs::new([("binlog.000001", log)])
}

/// Addresses of the two DELETEs' transactions.
const FIRST: &str = "binlog.000001:204";
const SECOND: &str = "binlog.000001:379";

#[test]
fn one_transaction_or_all_since_one() {
    let logs = logs();
    let only = run(&logs, &["--only", FIRST, "binlog.000001"]);
    assert_eq!(only.status.code(), Some(0), "{}", text(&only.stderr));
    assert!(text(&only.stdout).contains("BINLOG '"), "{}", text(&only.stdout));
    insta::assert_snapshot!(text(&only.stderr));
    let both = run(&logs, &["--back-to", FIRST, "binlog.000001"]);
    assert!(
        text(&both.stderr).contains("rows of shop.users: 4 come back"),
        "{}",
        text(&both.stderr)
    );
    let second = run(&logs, &["--only", SECOND, "--only", FIRST, "binlog.000001"]);
    assert_eq!(text(&second.stderr), text(&both.stderr));
}

#[test]
fn what_has_no_rows_is_refused_and_nothing_is_written() {
    let logs = logs();
    let refused = run(&logs, &["--only=binlog.000001:127", "-o", "undo.sql", "binlog.000001"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    let stderr = text(&refused.stderr);
    assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: "), "{stderr}");
    assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 1);
}

#[test]
fn the_scope_has_to_be_told_and_only_one() {
    let logs = logs();
    let wrong: [&[&str]; 2] = [&["binlog.000001"], &["--only", FIRST, "--back-to", FIRST, "."]];
    for arguments in wrong {
        assert_eq!(run(&logs, arguments).status.code(), Some(2), "{arguments:?}");
    }
    let nowhere = run(&logs, &["--only", "binlog.000001:5", "binlog.000001"]);
    assert_eq!(nowhere.status.code(), Some(1), "{}", text(&nowhere.stderr));
}

#[test]
fn an_undo_as_a_log_is_sound_and_can_be_undone_itself() {
    let logs = logs();
    let folder = logs.path("");
    let run = |arguments: &[&str]| {
        let output = binlog().args(arguments).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        output
    };
    let undo = ["undo", "--format=binlog", "--back-to", FIRST, "-o", "undo.000001"];
    let told = run(&[&undo[..], &["binlog.000001"]].concat());
    insta::assert_snapshot!(text(&told.stderr));
    run(&["verify", "undo.000001"]);
    let events = text(&run(&["events", "undo.000001"]).stdout);
    let types = ["Format_desc", "Query", "Table_map", "Write_rows", "Xid"];
    assert!(types.iter().all(|name| events.contains(name)), "{events}");
    // The rows come back in the opposite order, and go as they were deleted.
    let again = run(&["undo", "--back-to=undo.000001:158", "--format=binlog", "undo.000001"]);
    fs::write(folder.join("again.000001"), &again.stdout).unwrap();
    let ids = |log: &str, address: &str| {
        let shown = text(&run(&["show", address, log]).stdout);
        shown.lines().filter(|line| line.contains("@1")).map(str::to_owned).collect::<Vec<_>>()
    };
    let [back, gone] = ["undo.000001", "again.000001"].map(|log| ids(log, &format!("{log}:158")));
    assert_eq!(back.len(), 4);
    let turned: Vec<_> = back.iter().rev().map(|line| line.replacen('+', "-", 1)).collect();
    assert_eq!(gone, turned);
}
