//! The command line's contract: names, exit codes, where things are printed.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::{LogBuilder, Logs, binlog, one_log};
use serde_json::Value;

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_use_ends_with_2_and_prints_no_data() {
    let wrong: [&[&str]; 7] = [
        &[],
        &["events"],
        &["nonsense", "binlog.000001"],
        &["events", "--nonsense", "binlog.000001"],
        &["events", "--start-datetime", "yesterday", "binlog.000001"],
        &["events", "--format", "xml", "binlog.000001"],
        &["verify", "/nonexistent/binlog.000001"],
    ];
    for arguments in wrong {
        let output = binlog().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_file_that_is_no_log_is_named_with_what_it_has() {
    let logs = Logs::of_bytes(&[("dump.sql", b"-- MySQL dump".to_vec())]);
    let output = binlog().arg("events").arg(logs.path("dump.sql")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = stderr(&output);
    assert!(stderr.starts_with("error: ") && stderr.contains("dump.sql: first bytes"), "{stderr}");
    assert!(stderr.contains("had 2d 2d 20 4d\nhint: "), "{stderr}");
}

#[test]
fn an_underscore_serves_for_a_hyphen_in_names_of_options() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let run = |arguments: &[&str]| {
        let output = binlog().args(arguments).arg(logs.path("binlog.000001")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let hyphens = run(&["events", "--stop-datetime", "2026-01-02 03:04:07", "--time-zone=UTC"]);
    let low = run(&["events", "--stop_datetime=2026-01-02 03:04:07", "--time_zone", "UTC"]);
    assert_eq!(hyphens, low);
    assert_eq!(hyphens.lines().count(), 3, "{hyphens}");
}

#[test]
fn json_of_events_has_the_keys_of_the_contract() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let output = binlog()
        .args(["events", "--format", "json"])
        .arg(logs.path("binlog.000001"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 8);
    for line in &lines {
        for key in [
            "log",
            "position",
            "end_position",
            "type",
            "type_code",
            "time",
            "server_id",
            "size",
            "flags",
            "gtid",
        ] {
            assert!(line.get(key).is_some(), "{key}: {line}");
        }
    }
    assert_eq!(lines[0]["position"], 4);
    assert_eq!(lines[1]["time"], "2026-01-02T03:04:06Z");
    assert_eq!(lines[1]["position"], lines[0]["end_position"]);
    let rows = &lines[5];
    assert_eq!((&rows["type"], &rows["type_code"]), (&"Delete_rows".into(), &32.into()));
    assert_eq!((&rows["table"], &rows["rows"]), (&"users".into(), &3.into()));
}

#[test]
fn log_text_reaches_nobody_as_an_escape() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    for format in ["text", "json"] {
        let output = binlog()
            .args(["events", "--format", format])
            .arg(logs.path("binlog.000001"))
            .output()
            .unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(!stdout.contains(['\x1b', '\u{202e}']), "{stdout}");
        let shown =
            if format == "text" { r"a\nb\x1b[31m\u{202e}" } else { r"a\nb\u001b[31m\u202e" };
        assert!(stdout.contains(shown), "{stdout}");
    }
}

#[test]
fn a_missing_log_ends_with_its_name_unless_gaps_are_allowed() {
    let logs = Logs::new([
        ("binlog.000001", LogBuilder::new().query("CREATE DATABASE a").rotate("binlog.000002")),
        ("binlog.000003", LogBuilder::new().query("CREATE DATABASE b")),
    ]);
    let run = |verb: &str, extra: &[&str]| {
        let paths = ["binlog.000003", "binlog.000001"].map(|name| logs.path(name));
        binlog().arg(verb).args(extra).args(paths).output().unwrap()
    };
    let refused = run("events", &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("binlog.000002"), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("--allow-gaps"), "{}", stderr(&refused));

    let allowed = run("events", &["--allow-gaps"]);
    assert_eq!(allowed.status.code(), Some(3));
    assert!(stderr(&allowed).starts_with("warning: "), "{}", stderr(&allowed));

    let verified = run("verify", &[]);
    assert_eq!(verified.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("binlog.000002"));
}

#[test]
fn damage_is_reported_and_ends_with_3() {
    let mut bytes = one_log().build();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let logs = Logs::of_bytes(&[("binlog.000001", bytes.clone())]);
    let verified = binlog()
        .args(["verify", "--format=json"])
        .arg(logs.path("binlog.000001"))
        .output()
        .unwrap();
    assert_eq!(verified.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&report["events"], &report["checksums_bad"]), (&7.into(), &1.into()), "{report}");
    assert_eq!(report["damage"][0]["reason"], "bad_checksum");

    let listed = binlog().arg("events").arg(logs.path("binlog.000001")).output().unwrap();
    assert_eq!(listed.status.code(), Some(3));
    assert!(stderr(&listed).starts_with("warning: binlog.000001:"), "{}", stderr(&listed));

    // Standard input has no name.
    let piped = binlog().args(["verify", "-"]).write_stdin(bytes).output().unwrap();
    assert_eq!(piped.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&piped.stdout).starts_with("stdin: DAMAGED"));
}

#[test]
fn output_is_a_file_that_replaces_nothing_unasked() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let [log, out] = ["binlog.000001", "out.txt"].map(|name| logs.path(name));
    let run = |output: &std::path::Path, extra: &[&str]| {
        binlog().arg("events").arg(&log).arg("--output").arg(output).args(extra).output().unwrap()
    };
    let first = run(&out, &[]);
    assert_eq!((first.status.code(), first.stdout.len()), (Some(0), 0), "{}", stderr(&first));
    let written = fs::read_to_string(&out).unwrap();
    assert_eq!(written.lines().count(), 9);

    let second = run(&out, &[]);
    assert_eq!(second.status.code(), Some(4));
    assert!(stderr(&second).contains("--force"));
    assert_eq!(run(&out, &["--force"]).status.code(), Some(0));

    let before = fs::read(&log).unwrap();
    assert_eq!(run(&log, &["--force"]).status.code(), Some(4));
    assert_eq!(fs::read(&log).unwrap(), before);
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut builder = LogBuilder::new();
    for _ in 0..20_000 {
        builder = builder.query("INSERT INTO t VALUES (1)");
    }
    let logs = Logs::new([("binlog.000001", builder)]);
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("binlog"))
        .arg("events")
        .arg(logs.path("binlog.000001"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 64];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn colour_is_for_those_who_want_it() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let run = |arguments: &[&str]| {
        let output = binlog()
            .arg("events")
            .args(arguments)
            .arg(logs.path("binlog.000001"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().contains("\x1b[")
    };
    assert!(!run(&[]) && !run(&["--color=never"]));
    assert!(run(&["--color=always"]));
}

#[test]
fn the_programs_own_log_is_off_unless_asked_for() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let run = |arguments: &[&str]| {
        let log = logs.path("binlog.000001");
        stderr(&binlog().arg("verify").args(arguments).arg(log).output().unwrap())
    };
    assert_eq!(run(&[]), "");
    assert!(run(&["--log-format", "text"]).contains("opened log=binlog.000001"));
    for line in run(&["--log-format", "json"]).lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["level"], "DEBUG");
    }
}
