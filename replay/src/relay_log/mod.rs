//! The cut as relay logs: files that a server's own parallel applier takes, with the script that
//! has it take them.
//!
//! ```text
//! writer       one log after another
//!   course     which transactions go in
//!   change     an event as the relay log has it: position, flags, server id
//!   obstacle   what no applier takes
//!   scheduled  what appliers do to the event scheduler's events
//! source       by which names the applier counts its position
//! file         files one after another, each with its head
//!   format     the source's format description, as it stands and as a relay log's own
//! apply        the statements to run, for either family
//! ```
//!
//! What the client never could replay goes through here: an applier runs statements in the session
//! that their events describe, expects the errors that they had, and loads the data of LOAD DATA
//! as strictly as the source did.

pub mod apply;
mod change;
mod course;
mod file;
mod format;
mod obstacle;
mod scheduled;
mod source;
#[cfg(test)]
mod testing;
mod writer;

use std::io::{self, Write};

use binlog_parser::gtid::MariadbPosition;
use binlog_parser::header::Family;
use binlog_parser::source::log_set::LogSet;

use crate::error::{Error, Result};
use crate::stream::{self, reached};

pub use source::Position;

/// Size that a file does not outgrow, unless a single transaction does: 1 GiB.
pub const FILE_BYTES: u64 = 1 << 30;

/// Name of the files, before the dot and their number.
pub const BASE: &str = "binlog-replay";

/// Name of the list of the files.
pub const INDEX: &str = "binlog-replay.index";

/// Name of the script.
pub const SCRIPT: &str = "apply.sql";

/// Makes a file of this name, of which nobody knows until all are written.
pub type Files<'f> = dyn FnMut(&str) -> io::Result<Box<dyn Write>> + 'f;

/// What was written, and what a server needs for it.
#[derive(Debug)]
pub struct Manifest {
    /// What the files hold. Nothing in it is about packets.
    pub stream: stream::Manifest,
    /// Whose server takes the files.
    pub family: Family,
    /// The files and their sizes in bytes, the list and the script not with them.
    pub files: Vec<(String, u64)>,
    /// Whether there are transactions without a GTID (MySQL).
    pub anonymous: bool,
    /// Where the applier begins, by the names of the source's logs.
    pub begin: Position,
    /// Where the applier is when it has applied everything.
    pub end: Position,
    /// Names of logs that no position can have, with those that stand for them.
    pub renamed: Vec<(String, String)>,
    /// Ids that the events bear instead of their servers' (MySQL): an applier passes over events of
    /// its own server's id.
    pub server_ids: Vec<u32>,
    /// Ids of the servers that wrote the events.
    pub written_by: Vec<u32>,
    /// Statements that give the event scheduler's events the status that the logs give them, for
    /// appliers disable what they make.
    pub events: Vec<String>,
    /// The last GTID of each domain (MariaDB).
    pub last_gtids: MariadbPosition,
}

/// Whether a file of this name is one that [`write`] makes.
#[must_use]
pub fn is_ours(name: &str) -> bool {
    let number = name.strip_prefix(BASE).and_then(|rest| rest.strip_prefix('.'));
    let numbered = number.is_some_and(|n| n.len() >= 6 && n.bytes().all(|b| b.is_ascii_digit()));
    numbered || name == INDEX || name == SCRIPT
}

/// Writes what `options` select of `set` as relay logs of at most `file_bytes` bytes, their list
/// and the script that applies them. `progress` is told now and then how many bytes of the logs are
/// done.
///
/// # Errors
/// [`Error::Refused`] where an option makes no sense here or no applier would take an event; files
/// made by then are worth nothing. What an output says; a log that cannot be read. Damage ends the
/// files before the transaction that it hits, and stands in the manifest.
pub fn write(
    set: &LogSet,
    options: &stream::Options,
    file_bytes: u64,
    files: &mut Files<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest> {
    let family = family(set)?;
    obstacle::check_options(options, family)?;
    reached::check(set, &options.filter)?;
    let manifest = writer::write(set, family, options, file_bytes, files, progress)?;
    let mut index = files(INDEX)?;
    for (name, _) in &manifest.files {
        // Both families look for what begins so beside their own relay logs.
        writeln!(index, "./{name}")?;
    }
    index.flush()?;
    let mut script = files(SCRIPT)?;
    script.write_all(apply::script(&manifest).as_bytes())?;
    script.flush()?;
    Ok(manifest)
}

fn family(set: &LogSet) -> Result<Family> {
    let mut families = set.logs().iter().map(|log| log.format().family);
    let first = families.next().ok_or_else(|| Error::Usage("no log was named".to_owned()))?;
    if families.all(|family| family == first) {
        return Ok(first);
    }
    Err(Error::refused(
        "the logs are of MySQL and of MariaDB: no applier takes both",
        "write the logs of each server by themselves",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_files_are_known_by_name() {
        for ours in ["binlog-replay.000001", "binlog-replay.1000000", INDEX, SCRIPT] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["binlog-replay.", "binlog-replay.00001", "binlog.000001", "apply.sql.bak"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
