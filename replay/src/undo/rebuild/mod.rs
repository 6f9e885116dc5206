//! Rows whose images lack columns, made whole: `binlog_row_image` MINIMAL, NOBLOB and FULL_NODUP.
//!
//! ```text
//! partial    events of the undo that lack columns, and what has to be found for them
//! table      how their tables' rows are followed: by which key, and what changes them unseen
//! walk       all logs backward, newest first, to the latest earlier image of each row
//!   backlog    the transactions of a log that matter
//!   wants      what is still missing, by table and key
//! dump       the rows of a dump, where the logs do not reach back
//! defaults   what an INSERT did not name
//! encode     values of both as they stand in an image
//! rebuilt    what was found, for the writers
//! key_values what was found of keys, for those who look for conflicts
//! ```
//!
//! The rules that decide what an image without a column means were tried on the servers:
//!
//! - An after-image of an update lacks what stays the same. MariaDB's REPLACE breaks this: made an
//!   update, it sets columns to their defaults and does not log them.
//! - An after-image of an INSERT lacks what took its default.
//! - Columns that are generated are logged by MySQL with those that they are computed from; MariaDB
//!   leaves them out even where they change. Both compute them when a row is applied without.
//! - The actions of foreign keys are not logged, but for MySQL's since 9.6.

mod backlog;
mod defaults;
mod dump;
mod encode;
mod key_values;
mod partial;
mod rebuilt;
mod refuse;
mod table;
mod walk;
mod wants;

use std::path::Path;

use binlog_parser::source::log_set::LogSet;

use super::index::Index;
use super::refusals::Refusals;
use super::tables::Tables;
use crate::error::Result;

pub(super) use key_values::{End, KeyGaps, KeyValues, Lacking, RowKeys, Unknown};
pub(super) use partial::Partial;
pub(super) use rebuilt::Rebuilt;
pub(super) use table::may_be_replace;

/// The way out where a row cannot be rebuilt.
const WAY_OUT: &str = "give the older logs as well, back to where the rows were written whole, and \
     with --schema a dump that names its position; or leave the table out with --table";

/// Finds in the logs what `partial` lacks, and puts what was made whole into `index`. Rows that
/// cannot be rebuilt are refused, one by one.
///
/// # Errors
/// An event that cannot be read.
pub(super) fn rebuild(
    set: &LogSet,
    index: &mut Index,
    tables: &Tables,
    dump: Option<&Path>,
    mut partial: Partial,
    refusals: &mut Refusals,
) -> Result<()> {
    if partial.is_empty() {
        return Ok(());
    }
    let (failures, reasons) = walk::walk(set, tables, dump, &mut partial)?;
    refuse::refuse(set, index, &partial, &failures, &reasons, refusals)?;
    let Partial { events, mut rebuilt, .. } = partial;
    for event in events {
        rebuilt.insert(event.place, event.images);
    }
    rebuilt.settle().map_err(walk::no_place)?;
    index.rebuilt = rebuilt;
    Ok(())
}
