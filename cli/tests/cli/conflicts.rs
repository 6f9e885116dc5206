//! An undo whose rows were touched again later: refused, shown, or done in one of the ways out.

use std::path::PathBuf;
use std::process::Output;

use crate::common::binlog;

/// A customer logs in; half an hour later every row of the table is deleted.
const LOGIN: &str = "binlog.000003:6853";

fn undo(arguments: &[&str]) -> Output {
    let shop = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7");
    binlog().arg("undo").args(["--only", LOGIN]).args(arguments).arg(shop).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_later_change_of_the_row_is_refused_and_named_with_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("undo.sql");
    let refused = undo(&["--output", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is written");
    insta::assert_snapshot!(text(&refused.stderr));
}

#[test]
fn the_plan_is_shown_without_writing_the_undo() {
    let shown = undo(&["--dry-run"]);
    assert_eq!(shown.status.code(), Some(4));
    insta::assert_snapshot!(text(&shown.stdout));
    let machine = undo(&["--dry-run=json"]);
    let plan: serde_json::Value = serde_json::from_slice(&machine.stdout).unwrap();
    assert_eq!(plan["conflict_count"], 1);
    assert_eq!(plan["conflicts"][0]["table"], "shop.users");
    assert_eq!(plan["conflicts"][0]["undone"].as_str().unwrap(), LOGIN);
    assert!(plan["refused"].is_string() && plan["hint"].is_string());
    assert_eq!(plan["tables"][0]["update"], 1);
}

#[test]
fn each_way_out_does_what_it_says() {
    for (way, told) in [
        ("nonconflict-only", "undoes 1 transaction, 1 statement, 0 rows"),
        ("cascade", "undoes 2 transactions, 2 statements, 445 rows"),
        ("force", "undoes 2 transactions, 2 statements, 2 rows"),
    ] {
        for format in ["sql", "base64", "binlog"] {
            let done = undo(&["--conflicts", way, "--format", format]);
            let stderr = text(&done.stderr);
            assert_eq!(done.status.code(), Some(0), "{way} {format}: {stderr}");
            assert!(stderr.contains(told), "{way} {format}: {stderr}");
        }
    }
}

#[test]
fn a_script_in_batches_goes_on_where_it_was_told_to() {
    let batches = |arguments: &[&str]| {
        let done = undo(&[&["--conflicts=cascade", "--batch=100"], arguments].concat());
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        let script = text(&done.stdout);
        let told: Vec<_> = script.lines().filter(|line| line.contains(" committed'")).collect();
        (told.len(), script.matches("START TRANSACTION").count())
    };
    // 445 rows: four batches end in the middle, the fifth with the script.
    assert_eq!(batches(&[]), (4, 5));
    assert_eq!(batches(&["--resume-at=4"]), (1, 2));
    assert_eq!(batches(&["--resume-at=5", "--format=base64"]), (0, 1));
}
