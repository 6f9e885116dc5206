//! Every way in which evidence can be broken, by name: what each verb says of it, and how it ends. Read
//! the difference before accepting it (`INSTA_UPDATE=always`).

use crate::common::{LogBuilder, Logs, binlog};

/// Two transactions and what closes the log: GTIDs 6 and 7, behind 1 to 5.
fn closed() -> LogBuilder {
    two(LogBuilder::new().previous(5), 6).rotate("binlog.000002")
}

fn two(log: LogBuilder, first: u64) -> LogBuilder {
    log.gtid(first).delete(&[1, 2, 3]).gtid(first + 1).delete(&[4, 5])
}

/// Where the events of [`closed`] start that are broken here.
struct Places {
    /// The GTID event of the second transaction.
    gtid: usize,
    /// Its rows.
    rows: usize,
    /// What closes the log.
    end: usize,
}

fn places() -> Places {
    let first = LogBuilder::new().previous(5).gtid(6).delete(&[1, 2, 3]);
    let gtid = first.len();
    let begun = first.gtid(7).query("BEGIN").len();
    let end = two(LogBuilder::new().previous(5), 6).len();
    // A table map stands before the rows.
    Places { gtid, rows: begun + 49, end }
}

fn of(bytes: Vec<u8>) -> Logs {
    Logs::of_bytes(&[("binlog.000001", bytes)])
}

/// What the verbs say; of those whose data is long, only that it is there.
fn told(logs: &Logs) -> String {
    let verbs: [(&[&str], bool); 5] = [
        (&["verify"], true),
        (&["events"], false),
        (&["find"], false),
        (&["replay"], false),
        (&["replay", "--accept-damage"], false),
    ];
    let mut told = String::new();
    for (verb, data) in verbs {
        let output = binlog().args(verb).arg(".").current_dir(logs.path("")).output().unwrap();
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b));
        let lines = if data { stdout.into_owned() } else { String::new() };
        let code = output.status.code().expect("ended by itself");
        let stderr: Vec<_> = stderr.lines().filter(|line| !line.contains("mysql --")).collect();
        told += &format!("$ {} .   exit {code}\n{lines}{}\n\n", verb.join(" "), stderr.join("\n"));
    }
    told
}

#[test]
fn whole() {
    insta::assert_snapshot!(told(&of(closed().build())));
}

#[test]
fn in_use_between_transactions() {
    let log = two(LogBuilder::new().previous(5), 6).in_use();
    insta::assert_snapshot!(told(&of(log.build())));
}

#[test]
fn in_use_with_a_torn_tail() {
    let mut bytes = two(LogBuilder::new().previous(5), 6).in_use().build();
    bytes.truncate(bytes.len() - 7);
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn closed_with_a_torn_tail() {
    let mut bytes = two(LogBuilder::new().previous(5), 6).build();
    bytes.truncate(bytes.len() - 7);
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn zero_tail() {
    let mut bytes = closed().build();
    bytes.truncate(places().end);
    bytes.extend([0; 4096]);
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn wrong_checksum_of_rows() {
    let mut bytes = closed().gtid(8).delete(&[6]).build();
    bytes[places().rows + 30] ^= 1;
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn wrong_checksum_of_a_gtid() {
    let mut bytes = closed().gtid(8).delete(&[6]).build();
    bytes[places().gtid + 30] ^= 1;
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn lying_length() {
    let mut bytes = closed().build();
    let Places { rows, .. } = places();
    bytes[rows + 9..rows + 13].copy_from_slice(&0x7FFF_FFFFu32.to_le_bytes());
    insta::assert_snapshot!(told(&of(bytes)));
}

#[test]
fn missing_log() {
    let logs = Logs::new([
        ("binlog.000001", closed()),
        ("binlog.000004", two(LogBuilder::new().previous(20), 21)),
    ]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn missing_transactions() {
    let logs = Logs::new([
        ("binlog.000001", closed()),
        ("binlog.000002", two(LogBuilder::new().previous(9), 10)),
    ]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn misordered_names() {
    let logs = Logs::new([
        ("monday.000002", closed()),
        ("monday.000001", two(LogBuilder::new().previous(7), 8)),
    ]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn a_log_of_another_history() {
    let logs = Logs::new([
        ("binlog.000001", closed()),
        ("binlog.000002", two(LogBuilder::new().previous(6), 9)),
    ]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn duplicate_log() {
    let log = closed();
    let logs = Logs::new([("binlog.000001", log), ("copy.000001", closed())]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn repeated_transactions() {
    let logs = Logs::new([
        ("binlog.000001", closed()),
        ("binlog.000002", two(LogBuilder::new().previous(7), 7)),
    ]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn mixed_servers() {
    let mut other = LogBuilder::new().previous(7).build();
    other[4 + 5] = 9; // server_id, behind which the checksum is made right again
    let crc = crc32fast::hash(&other[4..127 - 4]).to_le_bytes();
    other[127 - 4..127].copy_from_slice(&crc);
    let logs = Logs::of_bytes(&[("binlog.000001", closed().build()), ("binlog.000002", other)]);
    insta::assert_snapshot!(told(&logs));
}

#[test]
fn clock_set_back() {
    let log = LogBuilder::new().previous(5).gtid(6).delete(&[1]).later(-3600).gtid(7).delete(&[2]);
    insta::assert_snapshot!(told(&of(log.rotate("binlog.000002").build())));
}

#[test]
fn everything_as_json() {
    let mut bytes = closed().gtid(8).delete(&[6]).build();
    bytes[places().rows + 30] ^= 1;
    let logs = Logs::of_bytes(&[
        ("binlog.000001", bytes),
        ("binlog.000004", two(LogBuilder::new().previous(20), 7).later(-7200).delete(&[6]).build()),
    ]);
    let run = |verb: &[&str]| {
        let output = binlog().args(verb).arg(".").current_dir(logs.path("")).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stdout).unwrap()
    };
    let verified = run(&["verify", "--format=json"]);
    insta::assert_snapshot!(verified);
    // The lines of the logs are the same.
    let informed = run(&["info", "--format=json", "--allow-gaps"]);
    assert!(verified.starts_with(&informed) && informed.lines().count() == 2);
}
