//! The damaged logs of the corpus by name: how much of each is good, how much is bad, and where.

use crate::corpus;
use crate::tally::Tally;

/// Reads the log, and checks the number of events that are whole, of checksums that are wrong, and
/// what is said about them.
fn check(file: &str, whole: usize, bad: usize, findings: &[&str]) {
    let Some(folder) = corpus() else {
        eprintln!("SKIPPED: no corpus of real logs beside the workspace, nothing was checked");
        return;
    };
    let seen = Tally::of_log(&folder.join("files").join(file));
    let events: usize = seen.types.values().sum();
    assert_eq!((events - seen.bad, seen.bad), (whole, bad), "{file}");
    assert_eq!(seen.findings, findings, "{file}");
}

const RECOVERY: &str = "enhancedformysql__mysql-8.0.40/mysql-test__std_data__binlog_recovery__";
const MYSQL_57: &str = "hwCloudRDS__mysql-5.7/mysql-test__std_data__";

#[test]
fn a_flashback_without_checksums_has_two_wrong_ones() {
    let file = "Meituan-Dianping__MyFlash/binlog_output_base.flashback";
    check(file, 1, 2, &["120..490: checksum: needed 73aa5649, had b0c88b86"]);
}

#[test]
fn an_xid_written_over_has_a_wrong_checksum() {
    let file = format!("{RECOVERY}duplicate_xid.000001");
    check(&file, 11, 1, &["672..703: checksum: needed 993a46f5, had 17b54116"]);
    let file = format!("{RECOVERY}duplicate_xid_ddl.000001");
    check(&file, 8, 1, &["507..620: checksum: needed 129be4a8, had 55881253"]);
}

#[test]
fn the_end_of_an_xa_transaction_written_over_has_a_wrong_checksum() {
    let file = format!("{RECOVERY}malformed_xid_xa_commit.000001");
    check(&file, 14, 1, &["889..980: checksum: needed 5b374397, had 6a22714e"]);
    let file = format!("{RECOVERY}malformed_xid_xa_rollback.000001");
    check(&file, 14, 1, &["889..982: checksum: needed ce572215, had ff4210cc"]);
}

#[test]
fn a_log_cut_in_its_second_event_keeps_the_first() {
    let file = format!("{MYSQL_57}binlog_truncated_prev_gtid_event.000001");
    let torn = "120..129: the log ends inside an event: needed 19 bytes, had 9 \
                (the log was not closed)";
    check(&file, 1, 0, &[torn]);
}

#[test]
fn a_log_cut_in_its_first_event_is_none() {
    let file = format!("{MYSQL_57}binlog_truncated_event.000001");
    let refused = "refused: mysql-test__std_data__binlog_truncated_event.000001:4 (Format_desc): \
                   event header: needed 19 bytes, had 10";
    check(&file, 0, 0, &[refused]);
}

#[test]
fn a_statement_that_claims_more_than_it_holds_is_named() {
    let file = format!("{MYSQL_57}corrupt-relay-bin.000624");
    let claim = "91204 (Query): status variables: needed 16949 bytes, had 139";
    check(&file, 874, 0, &[claim]);
}

#[test]
fn an_incident_of_no_known_number_is_read() {
    check(&format!("{MYSQL_57}bug40482-bin.000001"), 3, 0, &[]);
}
