//! The rows of a transaction with what each of them touches, forward or backward.

use std::collections::HashMap;
use std::sync::Arc;

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::RowChange;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Statement, StatementKind, Transaction};

use super::prints::Printer;
use super::touch::{TableKeys, Touch};
use crate::error::Result;
use crate::schema::{Schema, TableName, readable};
use crate::undo::index::{Entry, Index};
use crate::undo::rebuild::{KeyGaps, KeyValues, Rebuilt, RowKeys, Unknown, may_be_replace};
use crate::undo::rows_statement::{RowsStatement, at};
use crate::undo::table_sql::TableSql;
use crate::undo::tables::Tables;

/// Where a transaction stands, and how it is read.
#[derive(Clone, Copy)]
pub(in crate::undo) struct Place<'p> {
    /// Number of its log.
    pub number: usize,
    /// Its log.
    pub log: &'p Log,
    /// The description that holds there.
    pub format: &'p FormatDescription,
    /// Whole images of rows whose events lack columns, as far as there are any yet.
    rebuilt: &'p Rebuilt,
    /// Values of keys that events lack, as far as they were looked for.
    keys: &'p KeyValues,
}

impl<'p> Place<'p> {
    /// The place of an entry of `index`.
    pub fn new(set: &'p LogSet, index: &'p Index, entry: Entry) -> Self {
        let number = entry.log as usize;
        let (log, format) = (&set.logs()[number], index.format(entry));
        Place { number, log, format, rebuilt: &index.rebuilt, keys: &index.keys }
    }

    /// Why a value is not known.
    pub fn reason(&self, unknown: &Unknown) -> &'p str {
        self.keys.reason(unknown)
    }
}

/// A row that a transaction changed.
pub(in crate::undo) struct RowAt<'r, 'a> {
    pub name: &'r TableName,
    /// What is known of the table, if its columns have names.
    pub table: Option<&'r Arc<TableSql>>,
    pub event: &'r RawEvent<'a>,
    /// Its number in the event.
    pub row: usize,
    pub change: RowChange<'r>,
    pub touch: &'r Touch,
    keys: &'r TableKeys,
    found: RowKeys<'r>,
}

impl<'r> RowAt<'r, '_> {
    /// A value that is not known, for which the change may touch more than [`RowAt::touch`] says: as
    /// one that is undone, or as a later one.
    pub fn doubt(&self, undone: bool) -> Option<&'r Unknown> {
        self.keys.doubt(&self.change, &self.found, undone)
    }

    /// Name of a column of its table, for messages.
    pub fn column(&self, ordinal: usize) -> String {
        let known = self.table.and_then(|table| table.resolved.columns.get(ordinal));
        let name = known.map(|column| readable(&column.name));
        name.unwrap_or_else(|| format!("column {}", ordinal + 1))
    }
}

/// The keys of tables, looked up once for each definition. Copies make the same fingerprints.
#[derive(Debug, Clone, Default)]
pub(in crate::undo) struct Keys {
    pub(super) printer: Printer,
    known: HashMap<usize, Arc<TableKeys>>,
    unknown: HashMap<TableName, Arc<TableKeys>>,
    /// Whether an event was met that lacks columns.
    pub(super) lacked: bool,
}

impl Keys {
    /// To be called when definitions changed: other tables may refer to a table than before.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    fn of(
        &mut self,
        name: &TableName,
        table: Option<&Arc<TableSql>>,
        schema: &Schema,
    ) -> Arc<TableKeys> {
        let printer = &self.printer;
        let keys = match table {
            // What is known of a table is never let go, so no two have the same address.
            Some(table) => self
                .known
                .entry(Arc::as_ptr(table) as usize)
                .or_insert_with(|| Arc::new(TableKeys::new(printer, table, schema))),
            None => self
                .unknown
                .entry(name.clone())
                .or_insert_with(|| Arc::new(TableKeys::unknown(printer, name))),
        };
        Arc::clone(keys)
    }
}

/// The order in which rows are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::undo) enum Order {
    Forward,
    Backward,
}

/// Visits the rows of those tables of a transaction that `wanted` names, each with what it touches.
///
/// # Errors
/// An event that cannot be read, or what `visit` says.
pub(in crate::undo) fn each_row(
    keys: &mut Keys,
    tables: &Tables,
    place: Place<'_>,
    transaction: &Transaction<'_>,
    order: Order,
    wanted: impl Fn(&TableName) -> bool,
    mut visit: impl FnMut(&RowAt<'_, '_>) -> Result<()>,
) -> Result<()> {
    let mut statements: Vec<Statement<'_, '_>> = transaction
        .statements(place.format.table_id_bytes())
        .filter(|statement| matches!(statement.kind, StatementKind::Rows { .. }))
        .collect();
    if order == Order::Backward {
        statements.reverse();
    }
    let mut touch = Touch::default();
    for statement in &statements {
        let mut read = RowsStatement::read(statement, place.log, place.format)?;
        place
            .rebuilt
            .complete(place.number, &mut read)
            .map_err(|(rows, fault)| at(fault, place.log, read.rows[rows].event))?;
        keys.lacked |= read.rows.iter().any(|rows| !rows.rows.has_full_images());
        let names: Vec<TableName> = read.maps.iter().map(|map| map.name().clone()).collect();
        let mut events: Vec<_> =
            read.rows.iter().filter(|rows| names.get(rows.map).is_some_and(&wanted)).collect();
        if order == Order::Backward {
            events.reverse();
        }
        for rows in events {
            let (map, name) = (read.map_of(rows), &names[rows.map]);
            if map.is_sequence(place.format.family) {
                continue;
            }
            let table = tables.table(map, place.number, place.format).ok();
            let found = keys.of(name, table.as_ref(), tables.current());
            let printer = &keys.printer;
            let images = rows.images();
            let lacked = place.keys.of(place.number, rows);
            let fault = |fault| at(fault, place.log, rows.event);
            let mut one = |row, change: RowChange<'_>| {
                let of_row = lacked.map(|lacked| lacked.row(row, map.layout()));
                let of_row = of_row.unwrap_or_default();
                let (layout, keys) = (map.layout(), &*found);
                keys.touch(printer, &change, layout, &of_row, &mut touch).map_err(fault)?;
                let (event, table) = (rows.event, table.as_ref());
                let touch = &touch;
                visit(&RowAt { name, table, event, row, change, touch, keys, found: of_row })
            };
            let changes = images.changes(map.layout());
            if order == Order::Forward {
                for (row, change) in changes.enumerate() {
                    one(row, change.map_err(fault)?)?;
                }
            } else {
                let changes: Vec<_> = changes.collect::<Result<_, _>>().map_err(fault)?;
                for (row, change) in changes.into_iter().enumerate().rev() {
                    one(row, change)?;
                }
            }
        }
    }
    Ok(())
}

/// Adds to `gaps` the events of a transaction that lack columns by which its changes are told apart.
///
/// # Errors
/// An event that cannot be read; too many rows.
pub(in crate::undo) fn gather_gaps(
    keys: &mut Keys,
    tables: &Tables,
    place: Place<'_>,
    transaction: &Transaction<'_>,
    gaps: &mut KeyGaps,
) -> Result<()> {
    for statement in transaction.statements(place.format.table_id_bytes()) {
        if !matches!(statement.kind, StatementKind::Rows { .. }) {
            continue;
        }
        let read = RowsStatement::read(&statement, place.log, place.format)?;
        for rows in read.rows.iter().filter(|rows| !rows.rows.has_full_images()) {
            let map = read.map_of(rows);
            if map.is_sequence(place.format.family) {
                continue;
            }
            let table = tables.table(map, place.number, place.format).ok();
            let found = keys.of(map.name(), table.as_ref(), tables.current());
            let table = table.as_ref().map(|table| &table.resolved);
            let replace = table
                .is_some_and(|table| may_be_replace(table, &rows.rows, place.format, read.text));
            let lacking = found.lacking(&rows.rows, replace);
            if !lacking.is_empty() {
                let at = rows.event.location(place.log);
                gaps.add(place.number, at, (&read, rows), table, lacking)?;
            }
        }
    }
    Ok(())
}
