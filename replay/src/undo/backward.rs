//! The backward walk: transactions from the newest to the oldest, and in them statements from the
//! last to the first. Only one transaction's event offsets are in memory at a time.

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::inflate::Inflated;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Statement, StatementKind};

use super::index::Index;
use super::picked::Picked;
use super::rows_statement::{RowsStatement, at};
use crate::error::Result;

/// A statement of rows on the backward walk.
pub(super) struct Visited<'v, 't, 'a> {
    /// The log that it stands in.
    pub log: &'a Log,
    /// Number of that log in its set.
    pub log_number: usize,
    /// How its events are read.
    pub format: &'v FormatDescription,
    /// The statement.
    pub statement: RowsStatement<'t, 'a>,
    /// Which of its rows are undone, if not all.
    pub picked: Option<&'v Picked>,
}

/// Calls `visit` for every statement of rows in `index`, the newest first.
///
/// # Errors
/// An event that cannot be read, or what `visit` says.
pub(super) fn walk(
    set: &LogSet,
    index: &Index,
    mut visit: impl FnMut(Visited<'_, '_, '_>) -> Result<()>,
) -> Result<()> {
    let mut inflated = Inflated::default();
    for (number, &entry) in index.entries.iter().enumerate().rev() {
        let picked = index.picked.get(&number);
        let (log, transaction) = index.load(set, entry, &mut inflated)?;
        let format = index.format(entry);
        let statements: Vec<Statement<'_, '_>> = transaction
            .statements(format.table_id_bytes())
            .filter(|statement| matches!(statement.kind, StatementKind::Rows { .. }))
            .collect();
        for statement in statements.iter().rev() {
            let mut statement = RowsStatement::read(statement, log, format)?;
            let log_number = entry.log as usize;
            index
                .rebuilt
                .complete(log_number, &mut statement)
                .map_err(|(rows, fault)| at(fault, log, statement.rows[rows].event))?;
            visit(Visited { log, log_number, format, statement, picked })?;
        }
    }
    Ok(())
}
