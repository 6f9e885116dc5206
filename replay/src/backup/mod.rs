//! Where a backup ends, so that a replay starts there: `--after-backup`.
//!
//! ```text
//! read    what a backup says of itself, by content: one file a format
//!   sql_dump     mysqldump, mariadb-dump
//!   mydumper     its `metadata`
//!   binlog_info  xtrabackup, mariadb-backup
//!   shell        MySQL Shell's `@.json`
//! reach   what of the logs a backup holds, and whether they reach back to it
//!   gtids, domains   by the GTIDs of either family
//!   undecided        XA transactions that the start would cut in two
//! ```
//!
//! A backup names its moment by the GTIDs that it holds, by a position in a log, or by both. GTIDs
//! are believed first: they hold on every server, while a position is one of the server that the
//! backup was taken from.

mod binlog_info;
mod domains;
mod gtids;
mod mydumper;
mod names;
mod reach;
mod shell;
mod sql_dump;
mod undecided;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use binlog_parser::Fault;
use binlog_parser::gtid::{GtidSet, MariadbPosition, Uuid};
use binlog_parser::source::archive::plain_reader;
use binlog_parser::source::magic::MAGIC;

use crate::error::{Error, Result};

pub use reach::{Start, start_after};

/// What made a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Statements of mysqldump or mariadb-dump.
    SqlDump,
    /// A folder of mydumper.
    Mydumper,
    /// A folder of xtrabackup or mariadb-backup: copies of the files of tables.
    Physical,
    /// A dump folder of MySQL Shell.
    Shell,
}

impl Kind {
    /// Whether it holds rows, and not the files that they stand in. Then what was prepared and not
    /// decided is not in it.
    #[must_use]
    pub fn is_logical(self) -> bool {
        self != Kind::Physical
    }
}

/// A position of a backup: the byte of a log behind the last transaction in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// Name of the log, without a folder.
    pub log: String,
    /// Stream position in bytes.
    pub position: u64,
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.log, self.position)
    }
}

/// The GTIDs of the transactions in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotGtids {
    /// `@@gtid_executed` of MySQL.
    Mysql(GtidSet),
    /// `@@gtid_binlog_pos` of MariaDB: the last of each domain.
    Mariadb(MariadbPosition),
}

impl SnapshotGtids {
    /// Reads the GTIDs of either family, which their form tells apart.
    ///
    /// # Errors
    /// A [`Fault`] if they are of neither.
    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim().trim_start_matches('+').trim();
        let first = text.trim_start_matches([',', ' ', '\n']);
        if first.starts_with(|c: char| c.is_ascii_digit()) && Uuid::at_start_of(first).is_none() {
            return text.parse().map(SnapshotGtids::Mariadb);
        }
        text.parse().map(SnapshotGtids::Mysql)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            SnapshotGtids::Mysql(set) => set.is_empty(),
            SnapshotGtids::Mariadb(position) => position.is_empty(),
        }
    }
}

/// Prints them on one line.
impl fmt::Display for SnapshotGtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotGtids::Mysql(set) => write!(f, "{set:#}"),
            SnapshotGtids::Mariadb(position) => position.fmt(f),
        }
    }
}

/// The moment that a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The file that tells it.
    pub path: PathBuf,
    /// What made it.
    pub kind: Kind,
    /// The GTIDs that it says it holds.
    pub gtids: Option<SnapshotGtids>,
    /// The positions that it says it ends at; of several, one is in the logs of each server.
    pub places: Vec<LogPlace>,
    /// What the user should know, a line each.
    pub warnings: Vec<String>,
}

/// The hint where logs and backup have nothing to do with each other.
const LAST_WAY_OUT: &str = "give the logs of the server that the backup is of";

/// What a format's file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    gtids: Option<SnapshotGtids>,
    places: Vec<LogPlace>,
    warnings: Vec<String>,
}

impl Found {
    /// Takes in GTIDs as text; an empty text says nothing, for a server without GTIDs writes it.
    fn gtids(&mut self, text: &str) -> Result<(), Fault> {
        let gtids = SnapshotGtids::parse(text)?;
        if !gtids.is_empty() {
            self.gtids = Some(gtids);
        }
        Ok(())
    }

    /// Takes in a position, once.
    fn place(&mut self, log: &str, position: u64) {
        let log = log.rsplit('/').next().unwrap_or(log).to_owned();
        let place = LogPlace { log, position };
        if !place.log.is_empty() && !self.places.contains(&place) {
            self.places.push(place);
        }
    }
}

/// Names of the files that tell the moment of a backup that is a folder.
const FILES: [&str; 5] = [
    "@.json",
    "metadata",
    "xtrabackup_binlog_info",
    "mariadb_backup_binlog_info",
    METADATA_PARTIAL,
];

/// What mydumper calls its file until it is done.
const METADATA_PARTIAL: &str = "metadata.partial";

/// Most bytes of a file that is read whole: GTID sets of ten thousand servers have less.
const WHOLE_BYTES: u64 = 64 << 20;

/// Bytes by which a format is known.
const HEAD_BYTES: usize = 4096;

/// Reads where a backup ends: a file of any of the formats, packed or not, or the folder that holds
/// one of [`FILES`]. A dump is read as far as its position may stand, never into memory.
///
/// # Errors
/// [`Error::Usage`] if there is no such file, it is of no format that is known, or it says nothing
/// of logs; [`Error::Refused`] if it says that it is not consistent.
pub fn read(path: &Path) -> Result<Snapshot> {
    let path = file_of(path)?;
    let usage = |what: &dyn fmt::Display| Error::Usage(format!("{}: {what}", path.display()));
    let file = File::open(&path).map_err(|e| usage(&e))?;
    let plain = plain_reader(file).map_err(|e| usage(&e))?;
    let mut input = BufReader::with_capacity(READ_BYTES, plain);
    let kind = kind_of(input.fill_buf().map_err(|e| usage(&e))?).map_err(|why| usage(&why))?;
    let found = match kind {
        Kind::SqlDump => sql_dump::read(&mut input),
        _ => text(&mut input).and_then(|text| match kind {
            Kind::Mydumper => Ok(mydumper::read(&text)?),
            Kind::Physical => Ok(binlog_info::read(&text)?),
            _ => shell::read(&text),
        }),
    };
    let Found { gtids, places, warnings } = found.map_err(|why| match why {
        Unusable::Refused { what, hint } => {
            Error::refused(format!("{}: {what}", path.display()), hint)
        }
        why => usage(&why),
    })?;
    if gtids.is_none() && places.is_empty() {
        return Err(usage(&NOTHING[kind as usize]));
    }
    Ok(Snapshot { path, kind, gtids, places, warnings })
}

/// Bytes of a dump that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// What to say of a backup without a position, by [`Kind`].
const NOTHING: [&str; 4] = [
    "the dump does not say where it ends: take it with --source-data or --set-gtid-purged, of \
     MariaDB with --master-data",
    "mydumper wrote no position: the server had no binary log, or it may not be asked for it",
    "no position stands in it: the server had no binary log",
    "MySQL Shell wrote no position: the server had no binary log, or it may not be asked for it",
];

/// Why what a backup says cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("needed {needed}, had {had}")]
    Form { needed: &'static str, had: String },
    #[error("{what}")]
    Refused { what: String, hint: String },
}

/// The file that tells the moment: `path` itself, or one in it.
fn file_of(path: &Path) -> Result<PathBuf> {
    let shown = path.display();
    let meta = fs::metadata(path).map_err(|e| Error::Usage(format!("{shown}: {e}")))?;
    if !meta.is_dir() {
        return Ok(path.to_owned());
    }
    let here: Vec<_> = FILES.iter().filter(|name| path.join(name).is_file()).collect();
    match here[..] {
        [&METADATA_PARTIAL] => Err(Error::refused(
            format!("{shown}: {METADATA_PARTIAL}: mydumper had not finished"),
            "take a backup that was finished",
        )),
        [name] | [name, &METADATA_PARTIAL] => Ok(path.join(name)),
        [] => Err(Error::Usage(format!("{shown}: needed one of {} in it", FILES[..4].join(", ")))),
        _ => {
            let names: Vec<&str> = here.iter().map(|name| **name).collect();
            Err(Error::Usage(format!("{shown}: has {}: name the one meant", names.join(" and "))))
        }
    }
}

/// The format of a file that begins so.
fn kind_of(head: &[u8]) -> Result<Kind, &'static str> {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if head.starts_with(&MAGIC) {
        return Err("this is a binary log, not a backup");
    }
    if head.starts_with(b"XBSTCK01") {
        return Err("an xbstream: unpack it, and name xtrabackup_binlog_info of it");
    }
    if head.get(257..262) == Some(b"ustar") {
        return Err("a tar: unpack it, and name the file in it that tells the position");
    }
    if head.contains(&0) {
        return Err("of no format that is known");
    }
    let text = head.trim_ascii_start();
    if text.starts_with(b"{") {
        return Ok(Kind::Shell);
    }
    if mydumper::knows(head) {
        return Ok(Kind::Mydumper);
    }
    if binlog_info::knows(head) {
        return Ok(Kind::Physical);
    }
    if text.is_empty() { Err("it is empty") } else { Ok(Kind::SqlDump) }
}

/// A whole file as text.
fn text(input: &mut dyn BufRead) -> Result<String, Unusable> {
    use io::Read as _;
    let mut bytes = vec![];
    input.take(WHOLE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > WHOLE_BYTES {
        return Err(Fault::limit("bytes of it", WHOLE_BYTES, bytes.len() as u64).into());
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(ErrorKind::InvalidData, "needed text in UTF-8").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn why(files: &[(&str, &str)], name: &str) -> String {
        read(&folder(files).path().join(name)).unwrap_err().to_string()
    }

    #[test]
    fn a_format_is_known_by_content_and_a_folder_by_the_file_in_it() {
        let shell = format!(r#"{{"gtidExecuted": "{UUID}:1-5"}}"#);
        let dump = format!("-- MySQL dump\nSET @@GLOBAL.GTID_PURGED='{UUID}:1-5';\n");
        let old = format!(
            "Started dump at: x\nSHOW MASTER STATUS:\n\tLog: a.000001\n\tPos: 4\n\tGTID:{UUID}:1-5\n"
        );
        let info = format!("a.000001\t4\t{UUID}:1-5\n");
        for (name, text, kind) in [
            ("@.json", &shell, Kind::Shell),
            ("metadata", &old, Kind::Mydumper),
            ("xtrabackup_binlog_info", &info, Kind::Physical),
            ("mariadb_backup_binlog_info", &info, Kind::Physical),
        ] {
            let here = folder(&[(name, text), ("renamed", text)]);
            for path in [here.path().to_owned(), here.path().join("renamed")] {
                let snapshot = read(&path).unwrap();
                assert_eq!(snapshot.kind, kind, "{name}");
                assert_eq!(snapshot.gtids.unwrap().to_string(), format!("{UUID}:1-5"));
            }
        }
        let here = folder(&[("x.sql", &dump)]);
        assert_eq!(read(&here.path().join("x.sql")).unwrap().kind, Kind::SqlDump);
    }

    #[test]
    fn what_is_no_backup_is_said() {
        assert!(why(&[], "gone").contains("No such file"));
        assert!(why(&[], "").contains("needed one of @.json, metadata, xtrabackup_binlog_info"));
        assert!(why(&[("x", "XBSTCK01\0")], "x").ends_with("xtrabackup_binlog_info of it"));
        assert!(why(&[("x", "\0\u{1}")], "x").ends_with("of no format that is known"));
        assert!(why(&[("x", "")], "x").ends_with("it is empty"));
        assert!(why(&[("x", "-- MySQL dump\n")], "x").contains("--source-data"));
        assert!(why(&[("x", "{}")], "x").contains("MySQL Shell wrote no position"));
        assert!(why(&[(METADATA_PARTIAL, "x")], "").contains("had not finished"));
        let both = [("metadata", "x"), ("@.json", "{}")];
        assert!(why(&both, "").ends_with("has @.json and metadata: name the one meant"));
    }
}
