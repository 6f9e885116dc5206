//! The logs that a verb reads.

use std::io::ErrorKind;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use binlog_parser::Error;
use binlog_parser::error::FaultKind;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::order::Problem;
use clap::Args;
use tracing::debug;

use crate::args::keys::{self, KeyArgs};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Logs that stay open until the process ends: the system lets go of thousands of maps at once in less
/// time than of one after another.
pub type Opened = ManuallyDrop<LogSet>;

/// Which logs to read.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Logs, packed or not: files, folders, an .index file, or - for standard input
    ///
    /// Several are put in order by what is in them, and checked: a gap, a log given twice or logs of
    /// several servers end the command with an error that names them.
    #[arg(required = true, value_name = "LOG")]
    pub logs: Vec<PathBuf>,

    /// Go on although logs are missing, double or of several servers
    #[arg(long)]
    pub allow_gaps: bool,

    /// Folder of the indexes that `binlog index` made; beside their logs if not given
    #[arg(long, value_name = "FOLDER")]
    pub index_dir: Option<PathBuf>,

    #[command(flatten)]
    pub keys: KeyArgs,
}

impl LogArgs {
    /// Opens the logs as one unbroken set.
    ///
    /// # Errors
    /// A log that cannot be read; a set that is not whole, unless `--allow-gaps` says to go on.
    pub fn open(&self, ui: &Ui) -> Outcome<Opened> {
        let set = self.open_early(ui)?;
        whole(&set)?;
        Ok(set)
    }

    /// The same for what walks the logs once and asks [`whole`] before it prints: a packed log is
    /// unpacked meanwhile.
    ///
    /// # Errors
    /// As [`LogArgs::open`], but for what [`whole`] says.
    pub fn open_early(&self, ui: &Ui) -> Outcome<Opened> {
        let set = self.open_early_as_is()?;
        note_order(&set, ui);
        if self.allow_gaps {
            set.problems().iter().for_each(|problem| ui.warn(problem));
            return Ok(set);
        }
        match set.problems() {
            [] => Ok(set),
            problems => {
                let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
                Err(Failure::unusable(all.join("; "))
                    .hint("give the logs that are meant, or add --allow-gaps to go on without"))
            }
        }
    }

    /// Opens the logs, whatever is wrong with the set, for what walks them once and asks [`whole`].
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn open_early_as_is(&self) -> Outcome<Opened> {
        let keys = self.keys.open().map_err(explain)?;
        let set = LogSet::open_early(&self.logs, &keys).map_err(explain)?;
        let set = ManuallyDrop::new(set.with_indexes_in(self.index_dir.clone()));
        for log in set.logs() {
            let (server, version) = (log.header().server_id, &log.format().server_version);
            debug!(log = %log.name(), bytes = ?log.known_len(), server, version, "opened");
        }
        Ok(set)
    }
}

/// Waits until all of the logs are unpacked.
///
/// # Errors
/// A log of which not all could be unpacked.
pub fn whole(set: &LogSet) -> Outcome<()> {
    set.whole().map_err(explain)
}

/// Adds the next step to an error of the parser.
fn explain(error: Error) -> Failure {
    if let Some(hint) = keys::hint(&error) {
        return Failure::from(error).hint(hint);
    }
    let hint = match &error {
        Error::NotALog { .. } => {
            "the first four bytes of a binary log are fe 62 69 6e: head -c4 FILE | xxd"
        }
        Error::Archive { fault, .. } if matches!(fault.kind, FaultKind::Limit { .. }) => {
            "if it is a log nevertheless, unpack it with its own tool, or pipe it in: \
             gzip -dc FILE | binlog VERB -"
        }
        Error::Io { error: source, .. } => match source.kind() {
            ErrorKind::NotFound => {
                "SHOW BINARY LOGS on the server, or its .index file, lists the logs there are"
            }
            ErrorKind::StorageFull => "set TMPDIR to a folder with room for the plain logs",
            _ => return Failure::from(error),
        },
        _ => return Failure::from(error),
    };
    Failure::from(error).hint(hint)
}

/// Says which logs are read in another order than that of their names.
pub fn note_order(set: &LogSet, ui: &Ui) {
    let number = |log: &Log| {
        let (base, number) = log.name().rsplit_once('.')?;
        Some((base.to_owned(), number.parse::<u64>().ok()?))
    };
    for pair in set.logs().windows(2) {
        let [before, behind] = pair else { continue };
        if let (Some((a, first)), Some((b, second))) = (number(before), number(behind))
            && a == b
            && first > second
        {
            let (before, behind) = (before.name(), behind.name());
            ui.warn(format!(
                "{behind} comes behind {before}, by what is in them: not as they are named"
            ));
        }
    }
}

/// Whether evidence is missing from the set.
#[must_use]
pub fn is_incomplete(set: &LogSet) -> bool {
    set.problems().iter().any(|problem| !matches!(problem, Problem::Duplicate { .. }))
}

/// The files that the set was read from.
pub fn paths(set: &LogSet) -> impl Iterator<Item = &Path> {
    set.logs().iter().map(Log::path)
}
