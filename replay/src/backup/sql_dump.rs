//! Where a dump of mysqldump or mariadb-dump ends, by its own statements.
//!
//! ```text
//! SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'SET';      MySQL, by default where GTIDs are on
//! /* SET @@GLOBAL.GTID_PURGED='+SET';*/               --set-gtid-purged=COMMENTED
//! CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='binlog.000002', SOURCE_LOG_POS=464;
//! -- CHANGE MASTER TO MASTER_LOG_FILE='mariadb-bin.000002', MASTER_LOG_POS=543;
//! -- SET GLOBAL gtid_slave_pos='0-1-4';               MariaDB, behind the last table
//! ```
//!
//! Seen from mysqldump 9.7 and mariadb-dump 10.11 and 11.8 (`do_show_master_status`,
//! `process_set_gtid_purged` in `mysqldump.c`). MySQL writes all of it before the first table.
//! MariaDB writes the GTIDs behind the last one (its MDEV-15393), and promises them at the start.
//!
//! A line is a line: both programs write a newline in a value as `\n`. Only routines, triggers and
//! events stand as they were typed, and those between DELIMITER lines.

use std::io::BufRead;

use binlog_parser::Fault;

use super::names::{number_after, quoted, quoted_after};
use super::{Found, Unusable};

/// Bytes of a line that tell what it is; rows are longer, and passed over.
const LINE_BYTES: usize = 1024;

/// Most bytes of a statement that is read: a set of GTIDs of ten thousand servers has less.
const STATEMENT_BYTES: usize = 16 << 20;

/// Words that begin what comes behind the head of a dump.
const OBJECTS: [&str; 8] = [
    "CREATE ",
    "DROP ",
    "USE ",
    "INSERT ",
    "REPLACE ",
    "LOCK TABLES",
    "ALTER ",
    "-- Table structure",
];

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// `SET @@GLOBAL.GTID_PURGED`, `SET GLOBAL gtid_slave_pos`.
    Gtids,
    /// `CHANGE MASTER`, `CHANGE REPLICATION SOURCE`.
    Place,
}

/// Reads as far as the position may stand.
pub(super) fn read(input: &mut dyn BufRead) -> Result<Found, Unusable> {
    let mut found = Found::default();
    let mut lines = Lines { input, line: vec![] };
    // The tail of a dump is read where the head promises that the GTIDs stand there.
    let (mut promised, mut routine) = (false, false);
    while lines.next(LINE_BYTES)? {
        let line = String::from_utf8_lossy(&lines.line).into_owned();
        if let Some(delimiter) = line.strip_prefix("DELIMITER ") {
            routine = delimiter.trim() != ";";
        }
        if routine {
            continue;
        }
        promised |= line.starts_with("-- A corresponding to the above master-data")
            || line.contains("MASTER_USE_GTID");
        let statement = uncommented(&line);
        if let Some(subject) = subject(statement) {
            let statement = lines.statement(statement.to_owned())?;
            take(&mut found, subject, &statement)?;
        }
        let objects = OBJECTS.iter().any(|word| line.starts_with(word));
        let known = found.gtids.is_some() || !found.places.is_empty();
        if known && objects && (!promised || found.gtids.is_some()) {
            break;
        }
    }
    Ok(found)
}

/// A line without what makes it a comment.
fn uncommented(line: &str) -> &str {
    let line = line.strip_prefix("-- ").or_else(|| line.strip_prefix("/* ")).unwrap_or(line);
    line.trim_start()
}

fn subject(statement: &str) -> Option<Subject> {
    let is = |start: &str| {
        statement.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
    };
    if is("SET @@GLOBAL.GTID_PURGED") || is("SET GLOBAL gtid_slave_pos") {
        return Some(Subject::Gtids);
    }
    (is("CHANGE MASTER") || is("CHANGE REPLICATION SOURCE")).then_some(Subject::Place)
}

fn take(found: &mut Found, subject: Subject, statement: &str) -> Result<(), Fault> {
    match subject {
        // '+', where it stands alone, means "add to what is there".
        Subject::Gtids => match quoted(statement).into_iter().find(|text| text != "+") {
            Some(text) => found.gtids(&text),
            None => Ok(()),
        },
        Subject::Place => {
            let log = ["SOURCE_LOG_FILE", "MASTER_LOG_FILE"];
            let log = log.iter().find_map(|key| quoted_after(statement, key));
            let position = ["SOURCE_LOG_POS", "MASTER_LOG_POS"];
            let position = position.iter().find_map(|key| number_after(statement, key));
            if let (Some(log), Some(position)) = (log, position) {
                found.place(&log, position);
            }
            Ok(())
        }
    }
}

/// Lines of which only the start is kept.
struct Lines<'i> {
    input: &'i mut dyn BufRead,
    line: Vec<u8>,
}

impl Lines<'_> {
    /// The next line, or its first `most` bytes; false at the end.
    fn next(&mut self, most: usize) -> std::io::Result<bool> {
        self.line.clear();
        let mut any = false;
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(any);
            }
            any = true;
            let end = memchr::memchr(b'\n', bytes);
            let text = &bytes[..end.unwrap_or(bytes.len())];
            let room = most.saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            let used = text.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// The statement that begins with `start`, to its semicolon, whatever number of lines it has.
    /// A line that was cut has its semicolon on itself, or the statement is not one of ours.
    fn statement(&mut self, start: String) -> Result<String, Unusable> {
        let mut statement = start;
        while !statement.contains(';') {
            if !self.next(STATEMENT_BYTES)? {
                return Err(Unusable::Form { needed: "a semicolon", had: "the end".into() });
            }
            let line = String::from_utf8_lossy(&self.line);
            statement.push('\n');
            statement.push_str(line.strip_prefix("-- ").unwrap_or(&line));
            if statement.len() > STATEMENT_BYTES {
                let (most, had) = (STATEMENT_BYTES as u64, statement.len() as u64);
                return Err(Fault::limit("statement of the position", most, had).into());
            }
        }
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::LogPlace;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn found(dump: &str) -> Found {
        read(&mut dump.as_bytes()).unwrap()
    }

    fn gtids(dump: &str) -> String {
        found(dump).gtids.map(|gtids| gtids.to_string()).unwrap_or_default()
    }

    fn place(log: &str, position: u64) -> Vec<LogPlace> {
        vec![LogPlace { log: log.into(), position }]
    }

    #[test]
    fn mysqldump_tells_gtids_and_a_position_in_the_open_or_in_comments() {
        let tail = "\n--\n-- Current Database: `d`\n--\nCREATE DATABASE d;\n";
        for (dump, gtids, places) in [
            (
                format!("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '{UUID}:1-4';\n"),
                format!("{UUID}:1-4"),
                vec![],
            ),
            (
                format!(
                    "/* SET @@GLOBAL.GTID_PURGED='+{UUID}:1-4:7,\n{UUID}:t:2';*/\n-- CHANGE \
                     REPLICATION SOURCE TO SOURCE_LOG_FILE='binlog.000002', SOURCE_LOG_POS=464;\n"
                ),
                format!("{UUID}:1-4:7:t:2"),
                place("binlog.000002", 464),
            ),
            (
                "CHANGE MASTER TO MASTER_LOG_FILE='it''s.000002', MASTER_LOG_POS=4;\n".to_owned(),
                String::new(),
                place("it's.000002", 4),
            ),
        ] {
            let found = found(&format!("-- MySQL dump\n{dump}{tail}"));
            assert_eq!(found.gtids.map(|g| g.to_string()).unwrap_or_default(), gtids, "{dump}");
            assert_eq!(found.places, places, "{dump}");
        }
    }

    #[test]
    fn mariadb_dump_tells_its_gtids_behind_the_tables() {
        let head = "CHANGE MASTER TO MASTER_LOG_FILE='m.000002', MASTER_LOG_POS=543;\n-- A \
                    corresponding to the above master-data CHANGE-MASTER settings to the slave gtid \
                    state is printed as comments later in the file.\n";
        let rows = format!("CREATE TABLE t;\nINSERT INTO t VALUES\n({});\n", "x".repeat(5000));
        let routine = "DELIMITER ;;\nCREATE PROCEDURE p()\nSET GLOBAL gtid_slave_pos='9-9-9';;\n\
                       DELIMITER ;\n";
        let dump = format!("{head}{rows}{routine}-- SET GLOBAL gtid_slave_pos='0-1-4,1-2-3';\n");
        assert_eq!(gtids(&dump), "0-1-4,1-2-3");
        assert_eq!(found(&dump).places, place("m.000002", 543));
        // Without the promise nothing is read behind the first object.
        let early = format!("{}{rows}x\n", &head[..head.find("-- A").unwrap()]);
        assert_eq!(found(&early).gtids, None);
    }

    #[test]
    fn several_positions_are_kept_apart_and_one_said_twice_is_one() {
        let one = "CHANGE MASTER TO MASTER_LOG_FILE='a.000001', MASTER_LOG_POS=4;\n";
        let other = "-- CHANGE MASTER 'c' TO MASTER_LOG_FILE='b.000001', MASTER_LOG_POS=4;\n";
        assert_eq!(found(&format!("{one}{one}{other}")).places.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |dump: &str| read(&mut dump.as_bytes()).unwrap_err().to_string();
        assert!(why("SET @@GLOBAL.GTID_PURGED='x';").contains("needed a UUID"));
        assert_eq!(why("CHANGE MASTER TO"), "needed a semicolon, had the end");
    }
}
