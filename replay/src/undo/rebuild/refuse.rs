//! The rows that could not be rebuilt, named one by one.

use std::collections::{BTreeMap, HashSet};

use binlog_parser::inflate::Inflated;
use binlog_parser::row::Value;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::StatementKind;

use super::WAY_OUT;
use super::partial::{Event, Partial, column_name};
use super::wants::Failure;
use crate::error::Result;
use crate::schema::{ResolvedTable, readable};
use crate::sql::literal::push_literal;
use crate::undo::index::Index;
use crate::undo::refusals::Refusals;
use crate::undo::rows_statement::RowsStatement;

/// Of how many rows the keys and reasons are told, and the event read again for it: no more than a
/// refusal shows.
const SPELLED_OUT: usize = 20;

/// Adds a reason for each row that `failures` name.
///
/// # Errors
/// An event that cannot be read any more.
pub(super) fn refuse(
    set: &LogSet,
    index: &Index,
    partial: &Partial,
    failures: &[Failure],
    reasons: &[String],
    refusals: &mut Refusals,
) -> Result<()> {
    let same_row =
        |one: &Failure, other: &Failure| (one.event, one.row) == (other.event, other.row);
    for (count, row) in failures.chunk_by(same_row).enumerate() {
        let Some(first) = row.first() else { continue };
        let Some(event) = partial.events.get(first.event as usize) else { continue };
        let place = event.location.clone();
        if count >= SPELLED_OUT {
            refusals.add(place, "", WAY_OUT);
            continue;
        }
        let Some(table) = partial.tables.get(event.table) else { continue };
        let key = key(set, index, partial, event, first.row)?;
        let why = sentence(&table.resolved, row, reasons);
        refusals.add(place, format!("{}, {key}: {why}", table.resolved.name), WAY_OUT);
    }
    // A row that was never come to is as good as one that was not found.
    let known: HashSet<(u32, u32)> = failures.iter().map(|row| (row.event, row.row)).collect();
    for (number, event) in partial.events.iter().enumerate() {
        let mut lacking = event.images.lacking();
        if let Some(row) = lacking.find(|row| !known.contains(&(number as u32, *row as u32))) {
            let why = format!("row {} of the event was not rebuilt", row + 1);
            refusals.add(event.location.clone(), why, WAY_OUT);
        }
    }
    Ok(())
}

/// Which columns of a row cannot be rebuilt, and why.
fn sentence(table: &ResolvedTable, row: &[Failure], reasons: &[String]) -> String {
    let mut columns: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for failure in row {
        let name = column_name(table, failure.ordinal.into());
        columns.entry(failure.reason).or_default().push(name);
    }
    let parts: Vec<String> = columns
        .iter()
        .map(|(reason, columns)| {
            let reason = reasons.get(*reason as usize).map_or("", |reason| reason);
            format!("{} cannot be rebuilt: {reason}", columns.join(", "))
        })
        .collect();
    parts.join("; ")
}

/// The key of a row as text: `id = 7, name = 'x'`.
fn key(set: &LogSet, index: &Index, partial: &Partial, event: &Event, row: u32) -> Result<String> {
    let (log, place) = event.place;
    let entry = index
        .entries
        .iter()
        .filter(|entry| entry.log as usize == log && entry.start <= place.0)
        .max_by_key(|entry| entry.start);
    let mut shown = format!("row {} of the event", row + 1);
    let (Some(&entry), Some(table)) = (entry, partial.tables.get(event.table)) else {
        return Ok(shown);
    };
    let mut inflated = Inflated::default();
    let (log, transaction) = index.load(set, entry, &mut inflated)?;
    let format = index.format(entry);
    for statement in transaction.statements(format.table_id_bytes()) {
        let here = statement.events.iter().any(|event| event.place() == place);
        if !here || !matches!(statement.kind, StatementKind::Rows { .. }) {
            continue;
        }
        let read = RowsStatement::read(&statement, log, format)?;
        let Some(rows) = read.rows.iter().find(|rows| rows.event.place() == place) else {
            continue;
        };
        let map = read.map_of(rows);
        let columns = map.said.map().and_then(|map| map.columns(format.family));
        let Ok(mut columns) = columns else { continue };
        table.resolved.declare(&mut columns);
        columns.describe(|at, column| {
            column.unsigned = table.resolved.columns.get(at).and_then(|known| known.unsigned);
        });
        let change = rows.rows.changes(map.layout()).nth(row as usize);
        let Some(Ok(change)) = change else { continue };
        let Some(before) = change.before else { continue };
        let mut parts = vec![];
        for cell in before.cells(&columns).map_while(Result::ok) {
            if !table.key.contains(&cell.ordinal) {
                continue;
            }
            let name = column_name(&table.resolved, cell.ordinal);
            let value = columns.get(cell.ordinal).map(|column| Value::decode(column, cell.bytes));
            parts.push(format!("{name} = {}", text(value)));
        }
        shown = parts.join(", ");
    }
    Ok(shown)
}

/// A value for a message.
fn text(value: Option<std::result::Result<Value<'_>, binlog_parser::Fault>>) -> String {
    let Some(Ok(value)) = value else { return "?".into() };
    let mut out = vec![];
    match &value {
        Value::Text(text) => {
            out.push(b'\'');
            text.write_text(&mut out);
            out.push(b'\'');
        }
        value => {
            if push_literal(&mut out, value, None).is_err() {
                return "?".into();
            }
        }
    }
    readable(&out)
}
