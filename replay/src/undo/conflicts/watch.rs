//! The forward walk's part: every undone change leaves its fingerprints, every later one is held
//! against them.

use std::collections::HashSet;

use binlog_parser::address::EventAddress;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{StatementKind, Transaction};

use super::Conflicts;
use super::listing::{Conflict, Hit, Hits, describe};
use super::prints::Prints;
use super::touch::references;
use super::walk::{Keys, Order, Place, RowAt, each_row, gather_gaps};
use crate::error::Result;
use crate::schema::{TableName, TableState};
use crate::select::Filter;
use crate::undo::index::{Entry, Index};
use crate::undo::picked::Picked;
use crate::undo::rebuild::{KeyGaps, Unknown};
use crate::undo::refusals::{Refusals, WAY_OUT};
use crate::undo::tables::Tables;
use crate::undo::text_tables::rewritten_tables;

/// What becomes of a transaction that nobody asked to undo.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::undo) enum Fate {
    /// It stays.
    Stays,
    /// It is undone, too.
    Undone,
    /// These of its rows are undone.
    Rows(Picked),
}

/// The way out where a later change cannot be judged.
const OLDER_LOGS: &str = "give the older logs as well, back to where the rows were written whole, \
     and with --schema a dump that names its position";

/// The way out where a later change must not be undone, and cannot stay.
const FILTER_HINT: &str = "give that table to --table as well; or take --conflicts \
     nonconflict-only, which undoes the other rows";

/// What is undone so far, and what later ones did to the same.
#[derive(Debug)]
pub(in crate::undo) struct Watch<'f> {
    mode: Conflicts,
    filter: &'f Filter,
    pub(super) keys: Keys,
    undone: Prints,
    /// Tables of which a change may touch something that is undone.
    pub(super) watched: HashSet<TableName>,
    /// Tables of which rows are undone.
    changed: HashSet<TableName>,
    /// What conflicts.
    pub hits: Hits,
    /// Transactions that stay although they touch what is undone, with the number of those undone
    /// before.
    pub(super) staying: Vec<(usize, Entry)>,
    /// Later changes with which there is no exact undo.
    pub against: Refusals,
    /// Events that lack columns of keys, as long as these were not looked for.
    pub gaps: Option<KeyGaps>,
}

impl<'f> Watch<'f> {
    /// Nothing is undone yet. Of tables that `filter` leaves out, nothing will be.
    pub fn new(mode: Conflicts, filter: &'f Filter) -> Self {
        Watch {
            mode,
            filter,
            keys: Keys::default(),
            undone: Prints::default(),
            watched: HashSet::new(),
            changed: HashSet::new(),
            hits: Hits::default(),
            staying: vec![],
            against: Refusals::default(),
            gaps: Some(KeyGaps::default()),
        }
    }

    /// To be called when definitions changed.
    pub fn forget_keys(&mut self) {
        self.keys.forget();
    }

    /// Takes in a transaction that is undone. Of rows of tables that the filter leaves out it is
    /// looked whether they touch what is undone.
    ///
    /// # Errors
    /// An event that cannot be read; no room in the temporary file.
    pub fn undone(
        &mut self,
        tables: &Tables,
        place: Place<'_>,
        transaction: &Transaction<'_>,
        entries: usize,
    ) -> Result<()> {
        let Watch { keys, undone, watched, changed, hits, against, mode, filter, .. } = self;
        each_row(
            keys,
            tables,
            place,
            transaction,
            Order::Forward,
            |_| true,
            |row| {
                if !filter.selects_table(&row.name.database, &row.name.table) {
                    if watched.contains(row.name) {
                        judge_blind(against, place, row, row.doubt(false));
                    }
                    if let Some(print) = first_in(undone, &row.touch.later)? {
                        hits.add(|| hit(row, place, entries, print));
                        if takes_later(*mode) {
                            leave_out(against, place, row);
                        }
                    }
                    return Ok(());
                }
                judge_blind(against, place, row, row.doubt(true));
                if !changed.contains(row.name) {
                    changed.insert(row.name.clone());
                    watched.extend(relatives(tables, row.name));
                }
                for print in &row.touch.undone {
                    undone.insert(*print)?;
                }
                Ok(())
            },
        )?;
        self.gather(tables, place, transaction)
    }

    /// Gathers what the events of a transaction lack.
    fn gather(
        &mut self,
        tables: &Tables,
        place: Place<'_>,
        transaction: &Transaction<'_>,
    ) -> Result<()> {
        let lacked = std::mem::take(&mut self.keys.lacked);
        match &mut self.gaps {
            Some(gaps) if lacked => gather_gaps(&mut self.keys, tables, place, transaction, gaps),
            _ => Ok(()),
        }
    }

    /// Holds a transaction that is not asked for against what is undone before it; `entry` is its
    /// place, and `entries` the number of those.
    ///
    /// # Errors
    /// As [`Watch::undone`].
    pub fn later(
        &mut self,
        tables: &Tables,
        place: Place<'_>,
        transaction: &Transaction<'_>,
        entry: Entry,
        entries: usize,
    ) -> Result<Fate> {
        if self.changed.is_empty() {
            return Ok(Fate::Stays);
        }
        let mut conflicts = self.text(place, transaction, entries)?;
        let mut picked = Picked::only();
        let Watch { keys, undone, watched, hits, mode, filter, against, .. } = self;
        each_row(
            keys,
            tables,
            place,
            transaction,
            Order::Forward,
            |name| watched.contains(name),
            |row| {
                judge_blind(against, place, row, row.doubt(false));
                let Some(print) = first_in(undone, &row.touch.later)? else { return Ok(()) };
                conflicts = true;
                let selected = filter.selects_table(&row.name.database, &row.name.table);
                if *mode == Conflicts::Cascade && !selected {
                    // It is told when the transaction is undone without this row.
                    return Ok(());
                }
                hits.add(|| hit(row, place, entries, print));
                if *mode == Conflicts::Force {
                    if !selected {
                        leave_out(against, place, row);
                        return Ok(());
                    }
                    picked.add(row.event, row.row);
                    for print in &row.touch.undone {
                        undone.insert(*print)?;
                    }
                }
                Ok(())
            },
        )?;
        picked.settle();
        self.gather(tables, place, transaction)?;
        Ok(match self.mode {
            _ if !conflicts => Fate::Stays,
            Conflicts::Cascade => Fate::Undone,
            Conflicts::Force if !picked.is_empty() => Fate::Rows(picked),
            _ => {
                self.staying.push((entries, entry));
                Fate::Stays
            }
        })
    }

    /// Statements of text on a table whose rows are undone: nobody knows which rows they wrote.
    fn text(
        &mut self,
        place: Place<'_>,
        transaction: &Transaction<'_>,
        entries: usize,
    ) -> Result<bool> {
        let mut found = false;
        for statement in transaction.statements(place.format.table_id_bytes()) {
            if statement.kind != StatementKind::Query {
                continue;
            }
            for table in rewritten_tables(&statement, place.format) {
                if self.changed.contains(&table) {
                    found = true;
                    let at = statement.last().map_or_else(
                        || statement.address(place.log),
                        |event| event.address(place.log),
                    );
                    if self.mode == Conflicts::Force {
                        let why =
                            format!("{at}: a statement of text may have met any row of {table}");
                        self.against.add_sentence(why, WAY_OUT);
                    }
                    self.hits.add(|| Hit::of_text(table.clone(), entries, at));
                }
            }
        }
        Ok(found)
    }

    /// The conflicts with both sides, and how many there are in all.
    ///
    /// # Errors
    /// An event that cannot be read any more.
    pub fn conflicts(
        &mut self,
        set: &LogSet,
        tables: &Tables,
        index: &Index,
    ) -> Result<(Vec<Conflict>, u64)> {
        std::mem::take(&mut self.hits).conflicts(&mut self.keys, set, tables, index)
    }
}

/// Whether later changes that touch what is undone are undone as well.
fn takes_later(mode: Conflicts) -> bool {
    matches!(mode, Conflicts::Cascade | Conflicts::Force)
}

/// A later change that the filter leaves out can neither be undone nor stay.
fn leave_out(against: &mut Refusals, place: Place<'_>, row: &RowAt<'_, '_>) {
    let (key, later) = describe(row, row.event.address(place.log));
    let why = format!(
        "{} {key}: {} depends on what is undone, and the filters leave this table out",
        row.name, later.change
    );
    against.add(row.event.location(place.log), why, FILTER_HINT);
}

/// A change that nobody can judge for a value that is not known.
fn judge_blind(
    against: &mut Refusals,
    place: Place<'_>,
    row: &RowAt<'_, '_>,
    unknown: Option<&Unknown>,
) {
    let Some(unknown) = unknown else { return };
    let (key, _) = describe(row, row.event.address(place.log));
    let column = row.column(unknown.ordinal);
    let why = format!(
        "{} {key}: {column} cannot be rebuilt, so nobody knows whether this change stands in the way \
         of the undo: {}",
        row.name,
        place.reason(unknown)
    );
    against.add(row.event.location(place.log), why, OLDER_LOGS);
}

/// A table and those that foreign keys join it to.
fn relatives(tables: &Tables, name: &TableName) -> Vec<TableName> {
    let schema = tables.current();
    let mut found = vec![name.clone()];
    if let Some(TableState::Known { definition, .. }) = schema.table(name) {
        found.extend(definition.foreign_keys.iter().map(|key| key.referenced.clone()));
    }
    found.extend(references(schema, name).into_iter().map(|(_, child)| child.clone()));
    found
}

fn first_in(prints: &Prints, wanted: &[u128]) -> Result<Option<u128>> {
    for print in wanted {
        if prints.contains(*print)? {
            return Ok(Some(*print));
        }
    }
    Ok(None)
}

fn hit(row: &RowAt<'_, '_>, place: Place<'_>, entries: usize, print: u128) -> Hit {
    let at: EventAddress = row.event.address(place.log);
    Hit::of_row(row.name.clone(), print, (entries, row.row), describe(row, at))
}
