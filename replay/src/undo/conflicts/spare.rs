//! The most of an undo that nothing later touches.
//!
//! From the newest change to the oldest: a change that stays blocks what it touches, and a change
//! whose undo needs something that is blocked has to stay as well.

use std::collections::HashSet;

use binlog_parser::inflate::Inflated;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::StatementKind;

use super::prints::Prints;
use super::walk::{Order, Place, RowAt, each_row};
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::schema::TableName;
use crate::select::Filter;
use crate::undo::index::Index;
use crate::undo::picked::Picked;
use crate::undo::tables::Tables;
use crate::undo::text_tables::rewritten_tables;

/// Most rows that may be left out: each takes some bytes of memory.
const LEFT_OUT: usize = 8 << 20;

/// Leaves those rows of `index` out that cannot be undone beside what stays. `left` is told of each.
///
/// # Errors
/// An event that cannot be read any more; more rows than [`LEFT_OUT`].
pub(in crate::undo) fn spare(
    set: &LogSet,
    watch: &mut Watch<'_>,
    tables: &Tables,
    filter: &Filter,
    index: &mut Index,
    mut left: impl FnMut(&TableName, binlog_parser::event::rows::RowsKind),
) -> Result<()> {
    let mut blocked = Blocked::default();
    let mut inflated = Inflated::default();
    let staying = std::mem::take(&mut watch.staying);
    let mut staying = staying.into_iter().rev().peekable();
    let mut count = 0;
    for number in (0..index.entries.len()).rev() {
        while let Some((_, entry)) = staying.next_if(|(before, _)| *before > number) {
            blocked.block(set, watch, tables, index, entry, &mut inflated)?;
        }
        if blocked.is_empty() {
            continue;
        }
        let entry = index.entries[number];
        let mut picked = Picked::all_but();
        {
            let (_, transaction) = index.load(set, entry, &mut inflated)?;
            let place = Place::new(set, index, entry);
            let Watch { keys, .. } = watch;
            each_row(
                keys,
                tables,
                place,
                &transaction,
                Order::Backward,
                |_| true,
                |row| {
                    let selected = filter.selects_table(&row.name.database, &row.name.table);
                    if selected && !blocked.meets(row)? {
                        return Ok(());
                    }
                    if selected {
                        picked.add(row.event, row.row);
                        left(row.name, kind(row));
                    }
                    blocked.add(row)
                },
            )?;
        }
        count += picked.len();
        if count > LEFT_OUT {
            let what = format!("more than {LEFT_OUT} rows would be left out for their conflicts");
            return Err(Error::refused(what, "narrow the undo down with --table or --only"));
        }
        if !picked.is_empty() {
            picked.settle();
            index.picked.insert(number, picked);
        }
    }
    Ok(())
}

fn kind(row: &RowAt<'_, '_>) -> binlog_parser::event::rows::RowsKind {
    use binlog_parser::event::rows::RowsKind;
    match (row.change.before, row.change.after) {
        (None, _) => RowsKind::Write,
        (Some(_), None) => RowsKind::Delete,
        (Some(_), Some(_)) => RowsKind::Update,
    }
}

/// What changes that stay have touched.
#[derive(Default)]
struct Blocked {
    prints: Prints,
    /// Tables that statements of text wrote: every row may be meant.
    tables: HashSet<TableName>,
}

impl Blocked {
    fn is_empty(&self) -> bool {
        self.prints.is_empty() && self.tables.is_empty()
    }

    fn block(
        &mut self,
        set: &LogSet,
        watch: &mut Watch<'_>,
        tables: &Tables,
        index: &Index,
        entry: crate::undo::index::Entry,
        inflated: &mut Inflated,
    ) -> Result<()> {
        let (_, transaction) = index.load(set, entry, inflated)?;
        let place = Place::new(set, index, entry);
        for statement in transaction.statements(place.format.table_id_bytes()) {
            if statement.kind == StatementKind::Query {
                self.tables.extend(rewritten_tables(&statement, place.format));
            }
        }
        let Watch { keys, watched, .. } = watch;
        let wanted = |name: &TableName| watched.contains(name);
        each_row(keys, tables, place, &transaction, Order::Backward, wanted, |row| self.add(row))
    }

    fn add(&mut self, row: &RowAt<'_, '_>) -> Result<()> {
        for print in &row.touch.later {
            self.prints.insert(*print)?;
        }
        Ok(())
    }

    fn meets(&self, row: &RowAt<'_, '_>) -> Result<bool> {
        if self.tables.contains(row.name) {
            return Ok(true);
        }
        for print in &row.touch.undone {
            if self.prints.contains(*print)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
