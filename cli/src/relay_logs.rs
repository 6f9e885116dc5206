//! The folder of relay logs: `replay --format relay-log`.

use std::io::{self, Write};

use binlog_parser::source::log_set::LogSet;
use replay::relay_log::{self, FILE_BYTES, Manifest, SCRIPT};
use replay::stream::Options;

use crate::args::output::OutputArgs;
use crate::exit::{Failure, Outcome};
use crate::folder::Folder;
use crate::notes::{self, Note};
use crate::text::shell_word;
use crate::ui::Ui;

/// Writes the folder; returns what is in it, and what to do with it.
///
/// # Errors
/// Without a folder to write to; where something selected cannot go into relay logs, a log cannot be
/// read or the folder cannot be written.
pub fn write(
    ui: &Ui,
    output: &OutputArgs,
    set: &LogSet,
    options: &Options,
) -> Outcome<(Manifest, String)> {
    let Some(path) = &output.output else {
        return Err(Failure::unusable("--format relay-log: needed --output DIR, a folder to make"));
    };
    let folder = Folder::begin(path, output.force, relay_log::is_ours)?;
    let progress = ui.progress(set.total_bytes());
    let mut files = |name: &str| -> io::Result<Box<dyn Write>> { Ok(Box::new(folder.file(name)?)) };
    let manifest =
        relay_log::write(set, options, FILE_BYTES, &mut files, &mut |at| progress.at(at))?;
    drop(progress);
    folder.finish()?;
    let script = path.join(SCRIPT);
    Ok((manifest, format!("follow what stands in {}", shell_word(&script.to_string_lossy()))))
}

/// What the folder holds, and what it lacks.
#[must_use]
pub fn notes(set: &LogSet, manifest: &Manifest) -> Vec<Note> {
    let mut notes = notes::of_relay_logs(manifest);
    if set.logs().iter().any(|log| log.encryption().is_some()) {
        notes.push(Note::warning("the logs are encrypted, and the relay logs are plain"));
    }
    notes
}
