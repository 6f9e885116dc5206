//! `replay --format relay-log`: the folder, what is in it, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::common::{LogBuilder, Logs, binlog, one_log};

fn run(logs: &Logs, arguments: &[&str]) -> Output {
    let format = ["replay", "--format", "relay-log"];
    binlog().args(format).args(arguments).current_dir(logs.path("")).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn logs() -> Logs {
    let later = LogBuilder::new().query("CREATE DATABASE later").rotate("binlog.000003");
    Logs::new([("binlog.000001", one_log()), ("binlog.000002", later)])
}

#[test]
fn a_folder_of_relay_logs_a_list_and_a_script() {
    let logs = logs();
    let output =
        run(&logs, &["--skip", "binlog.000001:285", "-o", "out", "binlog.000001", "binlog.000002"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(text(&output.stderr));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&logs.path("out")), 0o700);
    for name in ["binlog-replay.000001", "binlog-replay.index", "apply.sql"] {
        assert_eq!(mode(&logs.path("out").join(name)), 0o600, "{name}");
    }
    let index = fs::read_to_string(logs.path("out/binlog-replay.index")).unwrap();
    assert_eq!(index, "./binlog-replay.000001\n");

    // What was written is a relay log, and reads as one.
    let relay_log = logs.path("out/binlog-replay.000001");
    let events = binlog().arg("events").arg(&relay_log).output().unwrap();
    let events = text(&events.stdout);
    assert!(
        events.contains("CREATE DATABASE later") && !events.contains("Delete_rows"),
        "{events}"
    );
    let verify = binlog().arg("verify").arg(&relay_log).output().unwrap();
    assert_eq!(verify.status.code(), Some(0), "{}", text(&verify.stdout));
}

#[test]
fn nothing_is_written_where_something_is_refused() {
    let incident = one_log().event(26, &[1, 0, 0]);
    let logs = Logs::new([("binlog.000001", incident)]);
    for (arguments, exit) in [
        (&["binlog.000001"][..], 2),
        (&["-o", "out", "binlog.000001"], 4),
        (&["-o", "out", "--table", "users", "binlog.000001"], 4),
        (&["-o", "out", "--rewrite-db", "a->b", "binlog.000001"], 4),
        (&["-o", "out", "--idempotent", "binlog.000001"], 4),
        (&["-o", "out", "--disable-log-bin", "binlog.000001"], 4),
        (&["-o", "out", "--set-charset", "utf8mb4", "binlog.000001"], 4),
        (&["-o", "out", "--stop-before", "binlog.000001:5", "binlog.000001"], 1),
    ] {
        let output = run(&logs, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(exit < 4 || said.contains("\nhint: "), "{said}");
        assert_eq!(fs::read_dir(logs.path("")).unwrap().count(), 1, "{arguments:?}");
    }
}

#[test]
fn only_an_earlier_folder_of_ours_is_replaced_and_only_when_asked() {
    let logs = logs();
    let again = |more: &[&str]| {
        let arguments = ["-o", "out", "binlog.000001", "binlog.000002"];
        run(&logs, &[&arguments, more].concat()).status.code()
    };
    assert_eq!(again(&[]), Some(0));
    assert_eq!(again(&[]), Some(4));
    assert_eq!(again(&["--force"]), Some(0));
    fs::write(logs.path("out/binlog-replay.bak"), "mine").unwrap();
    assert_eq!(again(&["--force"]), Some(4));
    assert!(logs.path("out/binlog-replay.bak").exists());
}
