//! The undo as BINLOG statements: inverted rows events, applied by the server as a replica applies
//! them. No column names are needed, no value is turned into text, no trigger fires.
//!
//! ```text
//! BINLOG 'format description'
//! START TRANSACTION
//! checks that all rows are as the logs left them
//! BINLOG 'a run of inverted events'
//! BINLOG …
//! COMMIT
//! ```

use std::io::Write;

use binlog_parser::header::Family;
use binlog_parser::source::log_set::LogSet;

use super::guards;
use super::index::Index;
use super::invert::{Encoder, format_description};
use super::request::Request;
use super::runs::{self, Sink};
use super::script::Script;
use super::tables::Tables;
use crate::error::Result;

/// Writes the undo of what `index` holds, and returns the size of the largest packet, and how many
/// rows could not be checked.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    out: &mut dyn Write,
) -> Result<(u64, u64)> {
    // The newest description serves all events: what differs between versions is rewritten.
    let Some(entry) = index.entries.last() else { return Ok((0, 0)) };
    let format = &index.formats[entry.format as usize];
    let description = format_description(&format.event(set)?, &format.description);
    let family = format.description.family;
    let mut script = Script::new(out, request);
    begin(&mut script, family, &description)?;
    let unchecked = match request.checks {
        true => guards::write(set, index, tables, request, &mut script)?,
        false => 0,
    };
    script.packets.end()?;
    let encoder = Encoder::new(&format.description);
    let mut script = runs::write(set, index, request, encoder, script)?;
    if family == Family::Mysql {
        script.after_commit("SET @@SESSION.PSEUDO_SLAVE_MODE=0");
    }
    Ok((script.end()?, unchecked))
}

/// What stands before the checks.
fn begin(script: &mut Script<'_>, family: Family, description: &[u8]) -> Result<()> {
    script.begin()?;
    // Else the server's log gets the text of a whole BINLOG once for every statement in it.
    script.words(match family {
        Family::Mysql => "SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
        Family::Mariadb => "SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
    })?;
    if family == Family::Mysql {
        script.words("SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
    }
    script.packets.events(description)?;
    script.packets.end()?;
    if family == Family::Mysql {
        // A session that has seen a format description takes a missing GTID for "anonymous".
        script.words("SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
    }
    script.begin_transaction()
}

impl Sink for Script<'_> {
    fn take(&mut self, events: &mut [u8]) -> Result<()> {
        self.packets.events(events)?;
        self.packets.end()?;
        self.check_went_through()
    }

    fn room(&self, rows: usize) -> usize {
        Script::room(self, rows)
    }

    fn is_full(&self) -> bool {
        Script::is_full(self)
    }

    fn count(&mut self, rows: usize) -> bool {
        Script::take(self, rows)
    }

    fn next_transaction(&mut self) -> Result<()> {
        self.next_batch()
    }
}
