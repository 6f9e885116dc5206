//! `replay`: exit codes, what goes where, and that the options reach the library.

use std::fs;
use std::process::Output;

use crate::common::{LogBuilder, Logs, binlog, one_log};

fn run(logs: &Logs, arguments: &[&str]) -> Output {
    binlog().arg("replay").args(arguments).current_dir(logs.path("")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_stream_ends_before_or_after_an_address_or_leaves_it_out() {
    let log = one_log().query("CREATE DATABASE later").rotate("binlog.000003");
    let logs = Logs::new([("binlog.000001", log)]);
    // Where the DELETE's transaction starts, and its rows.
    for address in ["binlog.000001:285", "binlog.000001:379"] {
        let before = run(&logs, &["--stop-before", address, "binlog.000001"]);
        assert_eq!(before.status.code(), Some(0), "{}", text(&before.stderr));
        let stream = text(&before.stdout);
        assert!(stream.contains("INSERT INTO notes"), "{stream}");
        // The stream's only BINLOG, if any, is the format description.
        assert!(!stream.contains("later"), "{stream}");
    }
    let after = text(&run(&logs, &["--stop_after", "binlog.000001:285", "binlog.000001"]).stdout);
    let skip = run(&logs, &["--skip", "binlog.000001:379", "binlog.000001"]);
    let skipped = text(&skip.stdout);
    assert!(after.contains("BEGIN") && !after.contains("later"), "{after}");
    assert!(!skipped.contains("BEGIN") && skipped.contains("CREATE DATABASE later"), "{skipped}");
    let said = text(&skip.stderr);
    assert!(
        said.contains("warning: --skip binlog.000001:379: taken for all of its transaction"),
        "{said}"
    );
}

#[test]
fn what_the_stream_holds_is_said_beside_it() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    insta::assert_snapshot!(text(&run(&logs, &["binlog.000001"]).stderr));
    let to_file = run(&logs, &["--output", "my day.sql", "binlog.000001"]);
    assert!(to_file.stdout.is_empty());
    assert!(
        text(&to_file.stderr).ends_with("hint: mysql --binary-mode --comments < 'my day.sql'\n")
    );
}

#[test]
fn an_address_that_nothing_has_ends_with_1_and_writes_nothing() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    for address in ["binlog.000001:5", "binlog.000009:4", "0-1-5"] {
        let output =
            run(&logs, &["--stop-before", address, "--output", "out.sql", "binlog.000001"]);
        assert_eq!(output.status.code(), Some(1), "{address}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty() && !logs.path("out.sql").exists());
    }
}

#[test]
fn what_cannot_be_exact_is_refused_with_the_way_out_and_nothing_is_written() {
    // What UUID() gave stands nowhere.
    let log = one_log().query("INSERT INTO t VALUES (UUID())");
    let logs = Logs::new([("binlog.000001", log)]);
    let refused = run(&logs, &["--output", "out.sql", "binlog.000001"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("\nhint: "), "{}", text(&refused.stderr));
    assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 1);
    let accepted = run(&logs, &["--accept-undetermined", "binlog.000001"]);
    assert_eq!(accepted.status.code(), Some(0), "{}", text(&accepted.stderr));
    let warned = text(&accepted.stderr).contains("the log does not tell all");
    assert!(warned && text(&accepted.stdout).contains("UUID()"), "{}", text(&accepted.stderr));
}

#[test]
fn damage_ends_the_stream_before_it_and_ends_with_3() {
    let mut bytes = one_log().query("CREATE DATABASE later").build();
    let text_at = bytes.windows(5).position(|part| part == b"notes").unwrap();
    bytes[text_at] = b'N';
    let logs = Logs::of_bytes(&[("binlog.000001", bytes)]);
    let output = run(&logs, &["binlog.000001"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let stream = text(&output.stdout);
    assert!(stream.contains("CREATE TABLE users") && !stream.contains("later"), "{stream}");
    assert!(text(&output.stderr).contains("warning: binlog.000001:204: checksum"));
}

#[test]
fn times_and_positions_select_transactions() {
    let logs = Logs::new([
        ("binlog.000001", LogBuilder::new().query("CREATE DATABASE a").rotate("binlog.000002")),
        ("binlog.000002", LogBuilder::new().query("CREATE DATABASE b").rotate("binlog.000003")),
        ("binlog.000003", LogBuilder::new().query("CREATE DATABASE c")),
    ]);
    let stream = |arguments: &[&str]| {
        let output = run(&logs, &[arguments, &["."]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let stream = text(&output.stdout);
        ["a", "b", "c"].map(|name| stream.contains(&format!("CREATE DATABASE {name}")))
    };
    assert_eq!(stream(&[]), [true, true, true]);
    assert_eq!(stream(&["--start-position=128"]), [false, true, true]);
    assert_eq!(stream(&["--stop-position=binlog.000003:127"]), [true, true, false]);
    assert_eq!(stream(&["--stop-datetime=2026-01-02T03:04:05Z"]), [false, false, false]);
    let middle = run(&logs, &["--start-position=binlog.000002:127", "."]);
    assert_eq!(middle.status.code(), Some(2));
    assert!(text(&middle.stderr).contains("in the middle of the logs"));
}

#[test]
fn a_replay_goes_on_where_a_backup_ends() {
    let log = || LogBuilder::new().query("CREATE DATABASE a").query("CREATE DATABASE b");
    let logs = Logs::new([
        ("binlog.000002", log().rotate("binlog.000003")),
        ("binlog.000003", LogBuilder::new().query("CREATE DATABASE c")),
    ]);
    let dump = |log: &str, position: u64| {
        format!(
            "-- MySQL dump\n-- CHANGE MASTER TO MASTER_LOG_FILE='{log}', MASTER_LOG_POS={position};\n"
        )
    };
    let second = {
        let bytes = LogBuilder::new().query("CREATE DATABASE a").build();
        bytes.len() as u64
    };
    let packed = zstd::encode_all(dump("binlog.000002", second).as_bytes(), 0).unwrap();
    fs::write(logs.path("dump.sql.zst"), packed).unwrap();
    fs::create_dir(logs.path("full")).unwrap();
    let info = |text: &str| fs::write(logs.path("full/xtrabackup_binlog_info"), text).unwrap();
    info(&format!("binlog.000002\t{second}\n"));
    for backup in ["dump.sql.zst", "full"] {
        let output = run(&logs, &["--after-backup", backup, "binlog.000002", "binlog.000003"]);
        let (stream, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{said}");
        let has = ["a", "b", "c"].map(|name| stream.contains(&format!("CREATE DATABASE {name}")));
        assert_eq!(has, [false, true, true]);
        assert!(said.contains(&format!(" ends at binlog.000002:{second}\n")), "{said}");
        assert!(said.contains("1 transaction left out, which the backup holds"), "{said}");
    }
    for (text_of_info, code, why) in [
        ("binlog.000001\t4\n", 4, "missing: binlog.000001"),
        ("binlog.000002\t130\n", 4, "no event starts there"),
        ("binlog.000004\t4\n", 4, "and the logs with binlog.000003"),
        ("x\n", 2, "the dump does not say where it ends"),
    ] {
        info(text_of_info);
        let args = ["--after-backup=full", "--output=o", "binlog.000002", "binlog.000003"];
        let output = run(&logs, &args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(why) && !logs.path("o").exists(), "{said}");
    }
    info(&format!("binlog.000002\t{second}\n"));
    let held = ["--after-backup=full", "--stop-before=binlog.000002:127", "binlog.000002"];
    let output = run(&logs, &held);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("the backup holds this transaction"));
}

#[test]
fn a_cut_inside_a_transaction_names_what_it_leaves_out() {
    let log = LogBuilder::new()
        .query("CREATE TABLE first (id INT)")
        .query("BEGIN")
        .query("CREATE TEMPORARY TABLE one (id INT)")
        .query("CREATE TEMPORARY TABLE two (id INT)")
        .event(16, &[1, 0, 0, 0, 0, 0, 0, 0])
        .query("CREATE TABLE last (id INT)");
    let bytes = log.build();
    let at = |text: &[u8]| {
        let text = bytes.windows(text.len()).position(|part| part == text).unwrap();
        // The header, thread, times, lengths and the database's name stand before a text.
        format!("binlog.000001:{}", text - 19 - 13 - 5)
    };
    let (one, two) = (at(b"CREATE TEMPORARY TABLE one"), at(b"CREATE TEMPORARY TABLE two"));
    let logs = Logs::of_bytes(&[("binlog.000001", bytes.clone())]);
    let stream = |arguments: &[&str]| {
        let output = run(&logs, &[arguments, &["binlog.000001"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let stream = text(&output.stdout);
        let has =
            ["first", "one", "two", "last"].map(|name| stream.contains(&format!("TABLE {name}")));
        (has, text(&output.stderr))
    };
    let (has, said) = stream(&["--stop-before", &two]);
    assert_eq!(has, [true, false, false, false]);
    assert!(said.contains(&format!("it has 1 statement: {one} (--partial commit")), "{said}");
    let (has, said) = stream(&["--stop-before", &two, "--partial=commit"]);
    assert_eq!(has, [true, true, false, false]);
    assert!(said.contains(&format!("is committed: {one};")), "{said}");
    let (has, _) = stream(&["--stop-after", &one, "--partial=commit"]);
    assert_eq!(has, [true, true, false, false]);
    let (has, said) = stream(&["--stop-after", &two]);
    assert_eq!(has, [true, true, true, false]);
    assert!(!said.contains("inside"), "{said}");
    // Without the Xid, the second last event, whose 31 bytes stand before the last.
    let last = at(b"CREATE TABLE last").rsplit_once(':').unwrap().1.parse::<usize>().unwrap();
    let torn = bytes[..last - 31].to_vec();
    let logs = Logs::of_bytes(&[("binlog.000001", torn)]);
    let refused = run(&logs, &["--stop-before", &two, "--partial=commit", "binlog.000001"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("so it never committed"), "{}", text(&refused.stderr));
}

#[test]
fn an_end_that_the_logs_do_not_reach_ends_with_1_and_writes_nothing() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    for end in ["--stop-datetime=2027-01-01T00:00:00Z", "--stop-position=99999"] {
        let output = run(&logs, &[end, "--output=o", "binlog.000001"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("end") && !logs.path("o").exists(), "{said}");
    }
    let output = run(&logs, &["--stop-datetime=2026-01-02T03:04:07Z", "binlog.000001"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_statement_on_tables_of_which_some_are_selected_is_refused() {
    let log = one_log().query("DROP TABLE users, notes");
    let logs = Logs::new([("binlog.000001", log)]);
    let output = run(&logs, &["--table=shop.users", "binlog.000001"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("writes users, notes, of which the filters select a part"), "{said}");
    let both = run(&logs, &["--table=users", "--table=notes", "binlog.000001"]);
    assert_eq!(both.status.code(), Some(0), "{}", text(&both.stderr));
}

#[test]
fn the_manifest_is_one_object_where_programs_ask() {
    let logs = Logs::new([("binlog.000001", one_log())]);
    let json = run(&logs, &["--manifest=json", "--skip=binlog.000001:285", "binlog.000001"]);
    insta::assert_snapshot!(text(&json.stderr));
    let none = run(&logs, &["--manifest=none", "binlog.000001"]);
    assert!(none.stderr.is_empty() && !none.stdout.is_empty());
}

#[test]
fn later_changes_of_what_is_left_out_are_named() {
    let log = one_log().delete(&[9]).delete(&[7, 2]).query("DROP TABLE users");
    let logs = Logs::new([("binlog.000001", log)]);
    let said = text(&run(&logs, &["--skip", "binlog.000001:285", "binlog.000001"]).stderr);
    let warnings: Vec<_> = said.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_eq!(warnings.len(), 2, "{said}");
    assert!(
        warnings[0]
            .ends_with(" changes rows of shop.users that binlog.000001:285, left out, changed")
    );
    assert!(warnings[1].ends_with(" changes shop.users, as binlog.000001:285, left out, did"));
}
