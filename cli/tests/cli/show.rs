//! `show` where the log does not tell all.

use crate::common::{LogBuilder, Logs, binlog};

/// A DATETIME(3) in MariaDB's own form: its map says no more than DATETIME.
#[test]
fn a_definition_tells_the_digits_of_a_second() {
    let mut map = vec![9, 0, 0, 0, 0, 0, 1, 0]; // table id, flags
    map.extend(b"\x04shop\0\x05times\0");
    map.extend([2, 3, 12, 0, 0]); // two columns, INT and DATETIME, no metadata, not nullable
    let mut rows = vec![9, 0, 0, 0, 0, 0, 1, 0, 2, 0]; // table id, STMT_END, no extra info
    rows.extend([2, 0xFF]); // two columns, present
    // Months of thirteen a year, days of 32 a month; 2012-12-31 23:59:59.125
    let seconds = ((((2012 * 13 + 12) * 32 + 31) * 24 + 23) * 60 + 59) * 60 + 59u64;
    for id in [1u32, 2] {
        rows.push(0xFC); // neither is NULL
        rows.extend(id.to_le_bytes());
        rows.extend(&(seconds * 1000 + 125).to_be_bytes()[1..]);
    }
    let xid = [1, 0, 0, 0, 0, 0, 0, 0];
    let log =
        LogBuilder::new().query("BEGIN").event(19, &map).event(32, &rows).event(16, &xid).build();
    let dump = b"USE shop;\nCREATE TABLE `times` (`id` int NOT NULL, `at` datetime(3) NOT NULL);\n";
    let logs = Logs::of_bytes(&[("binlog.000001", log), ("dump.sql", dump.to_vec())]);
    let show = |schema: bool| {
        let mut command = binlog();
        command.args(["show", "binlog.000001:127"]).arg(logs.path("binlog.000001"));
        if schema {
            command.arg("--schema").arg(logs.path("dump.sql"));
        }
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text.concat())
    };
    let (status, text) = show(false);
    assert!(
        status == Some(3) && text.contains("give the table's definition with --schema"),
        "{text}"
    );
    let (status, text) = show(true);
    assert_eq!(status, Some(0), "{text}");
    for id in [1, 2] {
        assert!(text.contains(&format!("- id={id}  at='2012-12-31 23:59:59.125'")), "{text}");
    }
}
