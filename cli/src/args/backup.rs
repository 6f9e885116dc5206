//! The backup that a replay goes on from.

use std::path::PathBuf;

use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::backup;
use replay::select::Filter;

use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// Which backup was restored before.
#[derive(Debug, Clone, Default, Args)]
pub struct BackupArgs {
    /// Start where this backup ends: a dump (packed or not), or the folder or file of mydumper,
    /// xtrabackup, mariadb-backup or MySQL Shell
    #[arg(long, value_name = "PATH", conflicts_with_all = ["start_position", "start_datetime"])]
    pub after_backup: Option<PathBuf>,
}

impl BackupArgs {
    /// Leaves out of `filter` what the backup holds, and says where it ends.
    ///
    /// # Errors
    /// Where the backup does not say where it ends, or the logs do not reach back to it.
    pub fn apply(&self, ui: &Ui, set: &LogSet, filter: &mut Filter) -> Outcome<()> {
        let Some(path) = &self.after_backup else { return Ok(()) };
        let snapshot = backup::read(path)?;
        let shown = snapshot.path.display();
        let start = backup::start_after(set, &snapshot).map_err(|error| {
            let mut failure = Failure::from(error);
            failure.error = failure.error.context(format!("--after-backup {shown}"));
            failure
        })?;
        ui.note(format!("{shown} ends at {}", start.by));
        start.warnings.iter().for_each(|warning| ui.warn(warning));
        filter.contained = Some(start.contained);
        Ok(())
    }
}
