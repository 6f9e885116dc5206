//! Where a backup of xtrabackup or mariadb-backup ends: `xtrabackup_binlog_info`, which since 11.1
//! of MariaDB is `mariadb_backup_binlog_info`.
//!
//! ```text
//! binlog.000002 <TAB> 1232 <TAB> UUID:1-5,⏎UUID:1-3        GTIDs only where the server has them
//! mariadb-bin.000096 <TAB> 568 <TAB> 0-1-2
//! ```
//!
//! `write_binlog_info` in `backup_mysql.cc` of both; the manual pages "Files Created by
//! mariadb-backup" and "Index of files created by Percona XtraBackup".

use binlog_parser::Fault;

use super::Found;

/// Whether a file that begins so is one of theirs: one line with a name and a number, and GTIDs.
pub(super) fn knows(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    split(&text).is_some_and(|(_, position, _)| position.parse::<u64>().is_ok())
}

/// Name, position and GTIDs; tabs divide them, in copies spaces may.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let line = text.trim();
    let (log, rest) = line.split_once([' ', '\t'])?;
    let rest = rest.trim_start();
    let (position, gtids) =
        rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
    Some((log, position, gtids.trim()))
}

/// Reads it.
pub(super) fn read(text: &str) -> Result<Found, Fault> {
    let mut found = Found::default();
    let Some((log, position, gtids)) = split(text) else { return Ok(found) };
    let needed = || Fault::value("binlog_info: position", "a number of bytes", position);
    found.place(log, position.parse().map_err(|_| needed())?);
    found.gtids(gtids)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::LogPlace;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn name_position_and_gtids_are_read() {
        for (text, gtids) in [
            (format!("binlog.000002\t1232\t{UUID}:1-5,\n{UUID}:7\n"), format!("{UUID}:1-5:7")),
            ("binlog.000002\t1232\t0-1-2,3-4-5\n".to_owned(), "0-1-2,3-4-5".to_owned()),
            ("binlog.000002\t1232\n".to_owned(), String::new()),
            ("binlog.000002 1232 0-1-2".to_owned(), "0-1-2".to_owned()),
        ] {
            assert!(knows(text.as_bytes()), "{text}");
            let found = read(&text).unwrap();
            assert_eq!(found.places, [LogPlace { log: "binlog.000002".into(), position: 1232 }]);
            assert_eq!(found.gtids.map(|g| g.to_string()).unwrap_or_default(), gtids);
        }
    }

    #[test]
    fn other_files_are_not_taken() {
        for text in ["-- MySQL dump 10.13", "Started dump at: x", "", "a", "/*M!999999\\- x */\n"] {
            assert!(!knows(text.as_bytes()), "{text}");
        }
    }
}
