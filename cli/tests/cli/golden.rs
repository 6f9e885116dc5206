//! What people read, whole: read the difference before accepting it (`INSTA_UPDATE=always`).

use crate::common::{LogBuilder, Logs, binlog, one_log};

/// Runs the program in the folder of `logs`; exit code, standard output, standard error.
fn run(logs: &Logs, arguments: &[&str]) -> String {
    let output = binlog().args(arguments).current_dir(logs.path("")).output().unwrap();
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap()
    )
}

fn whole() -> Logs {
    Logs::new([("binlog.000001", one_log())])
}

/// A log whose third event is broken and whose last is cut.
fn damaged() -> Logs {
    let mut bytes = one_log().query("BEGIN").build();
    let text = bytes.windows(5).position(|part| part == b"notes").unwrap();
    bytes[text] = b'N';
    bytes.truncate(bytes.len() - 3);
    Logs::of_bytes(&[("binlog.000001", bytes)])
}

#[test]
fn events() {
    insta::assert_snapshot!(run(&whole(), &["events", "binlog.000001"]));
}

#[test]
fn events_of_one_table_between_two_times() {
    let filters = ["--table=shop.users", "--start-datetime=2026-01-02 03:04:08", "--time-zone=UTC"];
    let arguments = ["events", "binlog.000001"].into_iter().chain(filters).collect::<Vec<_>>();
    insta::assert_snapshot!(run(&whole(), &arguments));
}

#[test]
fn info() {
    insta::assert_snapshot!(run(&whole(), &["info", "binlog.000001"]));
}

#[test]
fn info_json() {
    insta::assert_snapshot!(run(&whole(), &["info", "--format=json", "binlog.000001"]));
}

#[test]
fn info_of_a_damaged_log() {
    insta::assert_snapshot!(run(&damaged(), &["info", "binlog.000001"]));
}

#[test]
fn verify() {
    insta::assert_snapshot!(run(&whole(), &["verify", "binlog.000001"]));
}

#[test]
fn verify_a_damaged_log() {
    insta::assert_snapshot!(run(&damaged(), &["verify", "binlog.000001"]));
}

#[test]
fn verify_a_set_with_a_gap() {
    let logs = Logs::new([
        ("binlog.000001", LogBuilder::new().query("CREATE DATABASE a").rotate("binlog.000002")),
        ("binlog.000004", LogBuilder::new().query("CREATE DATABASE b")),
    ]);
    insta::assert_snapshot!(run(&logs, &["verify", "."]));
}

#[test]
fn show_a_transaction() {
    insta::assert_snapshot!(run(&whole(), &["show", "binlog.000001:285", "binlog.000001"]));
}

#[test]
fn show_an_event_as_json() {
    let arguments = ["show", "--format=json", "binlog.000001:379", "binlog.000001"];
    insta::assert_snapshot!(run(&whole(), &arguments));
}

#[test]
fn show_what_is_not_there() {
    insta::assert_snapshot!(run(&whole(), &["show", "binlog.000001:400", "binlog.000001"]));
}

#[test]
fn show_masks_passwords_unless_told_not_to() {
    let statement = "CREATE USER 'u' IDENTIFIED BY 'secret'";
    let logs = Logs::new([("binlog.000001", LogBuilder::new().query(statement))]);
    for verb in [&["show", "binlog.000001:127"][..], &["events"]] {
        let shown = run(&logs, &[verb, &["binlog.000001"]].concat());
        assert!(!shown.contains("secret") && shown.contains("IDENTIFIED BY '***'"), "{shown}");
        let revealed = run(&logs, &[verb, &["--reveal", "binlog.000001"]].concat());
        assert!(revealed.contains("IDENTIFIED BY 'secret'"), "{revealed}");
    }
}

#[test]
fn help() {
    insta::assert_snapshot!(run(&whole(), &["--help"]));
}
