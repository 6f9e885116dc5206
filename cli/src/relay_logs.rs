//! The folder of relay logs: `replay --format relay-log`.

use std::io::Write;

use binlog_parser::source::log_set::LogSet;
use replay::relay_log::{self, FILE_BYTES, Manifest, SCRIPT};
use replay::stream::Options;

use crate::args::output::OutputArgs;
use crate::exit::{Failure, Outcome};
use crate::folder::Folder;
use crate::notes::{self, Note};
use crate::text::shell_word;
use crate::ui::Ui;

/// Writes the folder and says what is in it.
///
/// # Errors
/// Without a folder to write to; where something selected cannot go into relay logs, a log cannot be
/// read or the folder cannot be written.
pub fn write(ui: &Ui, output: &OutputArgs, set: &LogSet, options: &Options) -> Outcome<Manifest> {
    let Some(path) = &output.output else {
        return Err(Failure::unusable("--format relay-log: needed --output DIR, a folder to make"));
    };
    let folder = Folder::begin(path, output.force, relay_log::is_ours)?;
    let progress = ui.progress(set.total_bytes());
    let mut files =
        |name: &str| -> std::io::Result<Box<dyn Write>> { Ok(Box::new(folder.file(name)?)) };
    let manifest =
        relay_log::write(set, options, FILE_BYTES, &mut files, &mut |at| progress.at(at))?;
    drop(progress);
    folder.finish()?;
    let mut said = notes::of_relay_logs(&manifest);
    if set.logs().iter().any(|log| log.encryption().is_some()) {
        said.push(Note::warning("the logs are encrypted, and the relay logs are plain"));
    }
    ui.say(&said);
    let script = path.join(SCRIPT);
    ui.hint(format!("follow what stands in {}", shell_word(&script.to_string_lossy())));
    if manifest.stream.damage.is_some() {
        ui.hint("give an undamaged copy, or add --accept-damage to go on behind the damage");
    }
    Ok(manifest)
}
