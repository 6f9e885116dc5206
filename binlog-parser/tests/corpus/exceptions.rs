//! What of the corpus is not read, and why; and where this crate and the catalogue disagree.

/// Files with all that is not as it should be with them, in the order of the log, the disagreements
/// about counts last. Of the latter there is none: every count of the catalogue was found.
pub const EXCEPTIONS: &[(&str, &[&str])] = &[
    // The output of another tool, which did not compute the checksums of what it changed. Behind a
    // wrong checksum only a right one is believed, so both events are one range.
    (
        "Meituan-Dianping__MyFlash/binlog_output_base.flashback",
        &["120..490: checksum: needed 73aa5649, had b0c88b86"],
    ),
    // Rows of the alpha and beta releases of 5.1. The maps of some of them end behind the types of
    // the columns: what would have been their metadata was not logged yet.
    (
        "Tokutek__mariadb-5.5/mysql-test__suite__binlog__std_data__bug32407.001",
        &[
            "242 (Write_rows_event_old): rows: not supported: rows of servers before 5.1.16 are not read",
            "315 (Write_rows_event_old): rows: not supported: rows of servers before 5.1.16 are not read",
        ],
    ),
    (
        "Tokutek__mariadb-5.5/mysql-test__suite__binlog__std_data__ver_5_1_17.001",
        &[
            "421 (Table_map): column metadata of column 2: needed 1 bytes, had 0",
            "461 (Write_rows_event_old): rows: not supported: rows of servers before 5.1.16 are not read",
            "508 (Table_map): column metadata of column 2: needed 1 bytes, had 0",
            "548 (Update_rows_event_old): rows: not supported: rows of servers before 5.1.16 are not read",
            "613 (Table_map): column metadata of column 2: needed 1 bytes, had 0",
            "653 (Delete_rows_event_old): rows: not supported: rows of servers before 5.1.16 are not read",
        ],
    ),
    (
        "blackbeam__rust_mysql_common/test-data__binlogs__json.binlog.000001",
        &[
            "3750 (Update_rows_partial): partial update of column 2: not supported: the before-image \
             lacks the JSON document that it changes (binlog_row_image is not FULL)",
        ],
    ),
    // Encrypted, and no key is given; encrypted_corpus.rs reads them with their keys.
    (
        "deepin-community__mariadb/mysql-test__std_data__binlog_before_20574.bin",
        &[
            "refused: FILE: encrypted by MariaDB with key id 1, version 1: no key file was given",
            "events of type 15 (Format_desc): the catalogue has 1, here 0",
            "events of type 164 (Start_encryption): the catalogue has 1, here 0",
            "good checksums: the catalogue has 1, here 0",
        ],
    ),
    (
        "enhancedformysql__mysql-8.0.40/mysql-test__std_data__rpl_nogtid_encryption_master-bin.000002",
        &["refused: FILE: encrypted by MySQL with key \
             MySQLReplicationKey_00508583-b5ce-11e8-a6a5-0010e0734796_1: no keyring was given"],
    ),
    // Made for tests of a server's recovery: an XID, or the end of an XA transaction, written over.
    (
        "enhancedformysql__mysql-8.0.40/mysql-test__std_data__binlog_recovery__duplicate_xid.000001",
        &["672..703: checksum: needed 993a46f5, had 17b54116"],
    ),
    (
        "enhancedformysql__mysql-8.0.40/mysql-test__std_data__binlog_recovery__duplicate_xid_ddl.000001",
        &["507..620: checksum: needed 129be4a8, had 55881253"],
    ),
    (
        "enhancedformysql__mysql-8.0.40/mysql-test__std_data__binlog_recovery__malformed_xid_xa_commit.000001",
        &["889..980: checksum: needed 5b374397, had 6a22714e"],
    ),
    (
        "enhancedformysql__mysql-8.0.40/mysql-test__std_data__binlog_recovery__malformed_xid_xa_rollback.000001",
        &["889..982: checksum: needed ce572215, had ff4210cc"],
    ),
    // Cut for tests of a server's errors, the first inside the header of its first event.
    (
        "hwCloudRDS__mysql-5.7/mysql-test__std_data__binlog_truncated_event.000001",
        &["refused: mysql-test__std_data__binlog_truncated_event.000001:4 (Format_desc): event \
             header: needed 19 bytes, had 10"],
    ),
    (
        "hwCloudRDS__mysql-5.7/mysql-test__std_data__binlog_truncated_prev_gtid_event.000001",
        &["120..129: the log ends inside an event: needed 19 bytes, had 9 (the log was not \
             closed)"],
    ),
    // A statement whose lengths lie, in a log without checksums.
    (
        "hwCloudRDS__mysql-5.7/mysql-test__std_data__corrupt-relay-bin.000624",
        &["91204 (Query): status variables: needed 16949 bytes, had 139"],
    ),
    // Aurora's padding, of a type that no released server has.
    (
        "osheroff__mysql-binlog-connector-java/src__test__resources__mysql-bin.aurora-padding",
        &["281 (Unknown): event type: not supported: number 100 is not known"],
    ),
];
