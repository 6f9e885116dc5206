//! Where a dump of mydumper ends: its file `metadata`, in the old form and the new.
//!
//! ```text
//! SHOW MASTER STATUS:                        [source]                [master] before 0.15
//!         Log: binlog.000001                 File = binlog.000001    or SOURCE_LOG_FILE = "…"
//!         Pos: 106                           Position = 106          or SOURCE_LOG_POS = …
//!         GTID:UUID:1-5                      Executed_Gtid_Set = …   or executed_gtid_set = "…"
//! ```
//!
//! `docs/files.rst` of mydumper has the first forms of both, `write_snapshot_info` in
//! `mydumper_start_dump.c` those of `--source-data`, which comments a position out where GTIDs are
//! to be used. What stands under SHOW SLAVE STATUS or `[replication]` is about another server.

use super::Found;
use binlog_parser::Fault;

/// Whether a file that begins so is one of mydumper's.
pub(super) fn knows(head: &[u8]) -> bool {
    String::from_utf8_lossy(head).lines().take(12).any(|line| {
        let line = line.trim_end();
        section(line).is_some()
            || line.starts_with("Started dump at:")
            || line.starts_with("# Started dump at:")
            || line == "[config]"
    })
}

/// Whether a line begins what is told of the dumped server, or of something else.
fn section(line: &str) -> Option<bool> {
    match line {
        "SHOW MASTER STATUS:" | "[master]" | "[source]" => Some(true),
        "SHOW SLAVE STATUS:" => Some(false),
        _ => None,
    }
}

/// Reads the section of the dumped server.
pub(super) fn read(text: &str) -> Result<Found, Fault> {
    let mut found = Found::default();
    let (mut ours, mut log, mut position) = (false, None, None);
    let mut gtids: Option<String> = None;
    for line in text.lines() {
        if let Some(begins) = section(line.trim_end()) {
            ours = begins;
            continue;
        }
        ours &= !line.starts_with('[');
        if !ours {
            continue;
        }
        let Some((key, value)) = setting(line) else {
            // Old versions leave the newlines in, which the server has behind its commas.
            if let Some(gtids) = &mut gtids
                && gtids.ends_with(',')
            {
                gtids.push_str(line.trim());
            }
            continue;
        };
        match key.to_ascii_lowercase().as_str() {
            "log" | "file" | "source_log_file" | "master_log_file" => log = Some(value),
            "pos" | "position" | "source_log_pos" | "master_log_pos" => {
                position =
                    Some(value.parse().map_err(|_| {
                        Fault::value("metadata: position", "a number of bytes", value)
                    })?);
            }
            "gtid" | "executed_gtid_set" => gtids = Some(value.to_owned()),
            _ => {}
        }
    }
    if let (Some(log), Some(position)) = (log, position) {
        found.place(log, position);
    }
    if let Some(gtids) = gtids {
        found.gtids(&gtids)?;
    }
    Ok(found)
}

/// `Key: value`, `Key = value`, `#KEY = "value"`.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().trim_start_matches('#').trim_start();
    let at = line.find([':', '='])?;
    let (key, value) = (line[..at].trim_end(), line[at + 1..].trim());
    let word = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    word.then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::LogPlace;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn check(text: &str, gtids: &str, place: Option<(&str, u64)>) {
        assert!(knows(text.as_bytes()), "{text}");
        let found = read(text).unwrap();
        assert_eq!(found.gtids.map(|g| g.to_string()).unwrap_or_default(), gtids, "{text}");
        let place = place.map(|(log, position)| LogPlace { log: log.into(), position });
        assert_eq!(found.places, Vec::from_iter(place), "{text}");
    }

    #[test]
    fn every_form_is_read() {
        let place = Some(("binlog.000017", 241));
        check(
            &format!(
                "Started dump at: 2011-05-05 13:57:17\nSHOW MASTER STATUS:\n\tLog: binlog.000017\n\t\
                 Pos: 241\n\tGTID:{UUID}:1-5,\n{UUID}:9\n\nSHOW SLAVE STATUS:\n\tHost: h\n\tLog: \
                 other.000001\n\tPos: 7\n\tGTID:\n\nFinished dump at: 2011-05-05 13:57:17\n"
            ),
            &format!("{UUID}:1-5:9"),
            place,
        );
        check(
            "# Started dump at: 2023-06-09 11:47:18\n[master]\n# Channel_Name = '' # for channels\n\
             File = binlog.000017\nPosition = 241\nExecuted_Gtid_Set = \n\n[`d`.`t`]\nRows = 2\n",
            "",
            place,
        );
        check(
            "# Started dump at: x\n[config]\nquote-character = BACKTICK\n\n[source]\n\
             executed_gtid_set = \"0-1-5,1-1-3\"\nSOURCE_AUTO_POSITION = 1\n\
             #SOURCE_LOG_FILE = \"binlog.000017\"\n#SOURCE_LOG_POS = 241\n\
             [replication]\nsource_log_file = \"relay.000001\"\nsource_log_pos = 7\n",
            "0-1-5,1-1-3",
            place,
        );
    }

    #[test]
    fn a_wrong_position_is_said_and_other_files_are_not_taken() {
        let why = read("[source]\nPosition = x\n").unwrap_err().to_string();
        assert_eq!(why, "metadata: position: needed a number of bytes, had x");
        assert!(!knows(b"binlog.000001\t4\n") && !knows(b"-- MySQL dump 10.13\n"));
    }
}
