//! `binlog index`: what stands where in a log, written beside it or into a folder.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use binlog_parser::index::{self, Index, Kinship, Unfit};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::find::{self, NOTES_VERSION};
use serde::Serialize;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::json;
use crate::text::safe;
use crate::ui::{Paint, Ui};
use crate::whole_file::{WholeFile, folder};

const EXAMPLES: &str = "\
An index is some 1 % of its log. Addresses, GTIDs and times are found by it, and find and info do \
not read what it knows, where it fits the log as it is; where it does not, the log is read. Run \
this again when a log has grown: only what is new is read. An index tells the names of tables, times \
and GTIDs of its log, also of an encrypted one, and no text of it.

Exit codes: 0 indexed, 3 indexed, but a log is damaged: its index is used up to there.

Examples:
  binlog index /var/lib/mysql/binlog.index --index-dir /var/tmp/indexes
  binlog index archive/ && binlog show 3E11FA47-71CA-11E1-9E33-C80AA9429562:23 archive/";

/// Indexes logs, so that searches, summaries and cuts need not read all of them.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct IndexArgs {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    format: FormatArgs,

    /// Build indexes anew, those that fit as well
    #[arg(long)]
    force: bool,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// The whole log was read.
    Built,
    /// The log has grown: what is new was read.
    Refreshed,
    /// The index fitted.
    Kept,
}

/// An index as it is now.
#[derive(Debug, Serialize)]
struct IndexLine<'a> {
    log: &'a str,
    index: String,
    action: Action,
    /// Stream position from which the log was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_from: Option<u64>,
    transactions: u64,
    log_bytes: u64,
    index_bytes: u64,
    /// Whether the index is of use: not if something of the log could not be read.
    used: bool,
}

impl IndexArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be read or an index cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let paths = self.paths(&set)?;
        if let Some(folder) = &self.logs.index_dir {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut out = io::stdout().lock();
        let progress = ui.progress(set.known_bytes());
        let (mut exit, mut read) = (Exit::Done, 0);
        for (number, (log, path)) in set.logs().iter().zip(&paths).enumerate() {
            let (index, action, from) =
                self.index(&set, number, path, |at| progress.at(read + at))?;
            read += log.len();
            let line = IndexLine {
                log: log.name(),
                index: path.display().to_string(),
                action,
                read_from: from,
                transactions: index.facts().transactions(),
                log_bytes: log.len(),
                index_bytes: index.len(),
                used: index.is_sound() && !log.is_relay_log(),
            };
            if logs::is_incomplete(&set) || !index.facts().is_sound() {
                exit = Exit::Damaged;
            }
            progress.aside(|| match self.format.format {
                Format::Json => json::write_line(&mut out, &line),
                Format::Text => print(&line, &mut out, ui.stdout()),
            })?;
        }
        drop(progress);
        Ok(exit)
    }

    /// Where the indexes go. None is written over a file that is none, or over one of another log of
    /// the set.
    fn paths(&self, set: &LogSet) -> Outcome<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> = vec![];
        for log in set.logs() {
            let path = index::path(log, self.logs.index_dir.as_deref()).ok_or_else(|| {
                Failure::unusable("standard input has no folder for an index")
                    .hint("name one with --index-dir")
            })?;
            let shown = path.display();
            if paths.contains(&path) {
                return Err(Failure::refused(format!("{shown}: two of the logs have this name"))
                    .hint("index the logs of each folder by themselves"));
            }
            if !is_index_or_absent(&path) {
                return Err(Failure::refused(format!("{shown}: exists, and is no index"))
                    .hint("move it away, or name another folder with --index-dir"));
            }
            paths.push(path);
        }
        Ok(paths)
    }

    /// Makes sure that log number `number` has an index at `path`; tells from where the log was read.
    fn index(
        &self,
        set: &LogSet,
        number: usize,
        path: &Path,
        progress: impl FnMut(u64),
    ) -> Outcome<(Index, Action, Option<u64>)> {
        let log = &set.logs()[number];
        let known = match Index::open_any(path) {
            _ if self.force => None,
            Ok(index) => Some(index),
            Err(Unfit::Io(error)) => {
                return Err(error).with_context(|| path.display().to_string())?;
            }
            Err(_) => None,
        };
        let known = match known {
            Some(index)
                if index.identity().kinship(log) == Kinship::Same
                    && index.notes_version() == NOTES_VERSION =>
            {
                return Ok((index, Action::Kept, None));
            }
            known => known,
        };
        let mut file = begin(log, path)?;
        let shown = || path.display().to_string();
        let from =
            find::index(set, number, known.as_ref(), &mut file, progress).with_context(shown)?;
        log.check_unchanged()?;
        let action = match from {
            binlog_parser::source::log::FIRST_EVENT => Action::Built,
            _ => Action::Refreshed,
        };
        let file = file.into_inner().map_err(IntoInnerError::into_error).with_context(shown)?;
        // The disk is not waited for: what of it does not get there is found out by checksums, and built
        // anew.
        file.finish(true).with_context(shown)?;
        let index = Index::open_any(path);
        let index = index.map_err(|unfit| Failure::unusable(format!("{}: {unfit}", log.name())))?;
        Ok((index, action, Some(from)))
    }
}

/// Whether nothing stands at `path`, or what may be replaced: an index, of whatever version or log,
/// whole or not, is known by its first bytes.
fn is_index_or_absent(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(meta) => meta.is_file() && index::is_index(path).unwrap_or(false),
    }
}

/// How much is gathered before it is written, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// Begins the index of `log` that is to stand at `path`. Who may read the log may read it, but for an
/// encrypted log: that may only be read by who holds a key, its index by the owner alone.
fn begin(log: &Log, path: &Path) -> Outcome<BufWriter<WholeFile>> {
    let file = WholeFile::new(path).map_err(|e| {
        let shown = folder(path).display().to_string();
        Failure::from(anyhow::Error::from(e).context(shown))
            .hint("name a folder that can be written to with --index-dir")
    })?;
    let mode = fs::metadata(log.path()).map_or(0o600, |meta| meta.permissions().mode() & 0o666);
    let mode = if log.encryption().is_some() { 0o600 } else { mode | 0o600 };
    let shown = || path.display().to_string();
    file.as_file().set_permissions(Permissions::from_mode(mode)).with_context(shown)?;
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

fn print(line: &IndexLine<'_>, out: &mut impl Write, paint: Paint) -> io::Result<()> {
    let IndexLine { transactions, index_bytes, log_bytes, .. } = line;
    let done = match (line.action, line.read_from) {
        (Action::Refreshed, Some(from)) => format!("refreshed from {from}"),
        (Action::Kept, _) => "kept".to_owned(),
        _ => "indexed".to_owned(),
    };
    let unused = match line.used {
        true => String::new(),
        false => paint.red("; not used from its damage on: the log itself is read").to_string(),
    };
    writeln!(
        out,
        "{}: {done}, {transactions} transactions, {index_bytes} bytes for {log_bytes}{unused}",
        safe(line.log)
    )
}
