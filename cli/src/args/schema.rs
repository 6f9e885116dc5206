//! Definitions of tables that the user has.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::Context;
use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::schema::{Schema, Source, read_dump};
use replay::sql::Dialect;

use crate::exit::Outcome;
use crate::ui::Ui;

/// Where the names of columns come from that the logs do not have.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// A dump (mysqldump --no-data) with the definitions of tables that the logs do not define. With
    /// rows and a position (--source-data=2), an undo takes from it what the logs lack of rows
    #[arg(long, value_name = "FILE")]
    pub schema: Option<PathBuf>,
}

impl SchemaArgs {
    /// Whether there is a dump.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.schema.is_some()
    }

    /// Reads the dump; an empty schema if none is given.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn read(&self, ui: &Ui, set: &LogSet) -> Outcome<Schema> {
        let Some(path) = &self.schema else { return Ok(Schema::new(Source::Dump)) };
        let version = set.logs().first().map_or("", |log| &log.format().server_version);
        let shown = || path.display().to_string();
        let file = File::open(path).with_context(shown)?;
        let dialect = Dialect::from_server_version(version.as_bytes());
        let dump = read_dump(BufReader::new(file), dialect).with_context(shown)?;
        for why in &dump.not_understood {
            ui.warn(format!("{}: {why}", shown()));
        }
        Ok(dump.schema)
    }
}
