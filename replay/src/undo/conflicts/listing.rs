//! The conflicts with both sides, for people and programs.

use std::collections::HashMap;
use std::fmt;

use binlog_parser::address::EventAddress;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::RowImage;
use binlog_parser::source::log_set::LogSet;

use super::prints::Print;
use super::walk::{Keys, Order, Place, RowAt, each_row};
use crate::error::Result;
use crate::schema::{TableName, readable};
use crate::undo::index::Index;
use crate::undo::tables::Tables;

/// Most conflicts that are spelled out; the others are counted.
const LISTED: usize = 1_000;

/// Most characters of a value that are shown, and of a whole change.
const SHOWN: usize = 40;
const SHOWN_CHANGE: usize = 200;

/// A later change that touches what the undo touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The table of the later change.
    pub table: TableName,
    /// Its row, as `column=value, …` of the key; of all columns where there is no key. Empty for a
    /// statement of text: nobody knows which rows it wrote.
    pub key: String,
    /// The change that is undone, the last one before the other; `None` for a statement of text,
    /// which meets every row.
    pub undone: Option<Side>,
    /// The later change.
    pub later: Side,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The event.
    pub address: EventAddress,
    /// What it did: `INSERT (id=1, v='a')`, `UPDATE v: 'a' -> 'b'`, `DELETE (…)`.
    pub change: String,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if !self.key.is_empty() {
            write!(f, " {}", self.key)?;
        }
        if let Some(undone) = &self.undone {
            write!(f, "\n    undone: {}  {}", undone.address, undone.change)?;
        }
        write!(f, "\n    later:  {}  {}", self.later.address, self.later.change)
    }
}

/// Conflicts as they are met.
#[derive(Debug, Default)]
pub(in crate::undo) struct Hits {
    listed: Vec<Hit>,
    /// How many there are.
    pub count: u64,
}

impl Hits {
    /// Adds a conflict; how it reads is only asked while there is room to list it.
    pub(super) fn add(&mut self, hit: impl FnOnce() -> Hit) {
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(hit());
        }
    }
}

/// A conflict of which one side is known.
#[derive(Debug)]
pub(super) struct Hit {
    print: Option<Print>,
    /// How many transactions were undone before its own.
    entries: usize,
    /// Its number in its event.
    row: usize,
    conflict: Conflict,
}

impl Hit {
    /// A row whose fingerprint was met.
    pub fn of_row(
        table: TableName,
        print: Print,
        (entries, row): (usize, usize),
        (key, later): (String, Side),
    ) -> Self {
        let conflict = Conflict { table, key, undone: None, later };
        Hit { print: Some(print), entries, row, conflict }
    }

    /// A statement of text.
    pub fn of_text(table: TableName, entries: usize, address: EventAddress) -> Self {
        let later =
            Side { address, change: "a statement of text, which may have met any row".into() };
        let conflict = Conflict { table, key: String::new(), undone: None, later };
        Hit { print: None, entries, row: 0, conflict }
    }
}

impl Hits {
    /// The conflicts with both sides, and how many there are in all. What is undone is read again,
    /// for of its changes no more than a fingerprint was kept.
    ///
    /// # Errors
    /// An event that cannot be read any more.
    pub(super) fn conflicts(
        self,
        keys: &mut Keys,
        set: &LogSet,
        tables: &Tables,
        index: &Index,
    ) -> Result<(Vec<Conflict>, u64)> {
        let mut hits = self;
        let mut wanted: HashMap<Print, Vec<usize>> = HashMap::new();
        for (number, hit) in hits.listed.iter().enumerate() {
            if let Some(print) = hit.print {
                wanted.entry(print).or_default().push(number);
            }
        }
        let mut inflated = Inflated::default();
        for number in (0..index.entries.len()).rev() {
            if wanted.is_empty() {
                break;
            }
            let entry = index.entries[number];
            let (log, transaction) = index.load(set, entry, &mut inflated)?;
            let place = Place::new(set, index, entry);
            each_row(
                keys,
                tables,
                place,
                &transaction,
                Order::Backward,
                |_| true,
                |row| {
                    let picked = index.picked.get(&number);
                    if picked.is_some_and(|picked| !picked.takes(row.event, row.row)) {
                        return Ok(());
                    }
                    let address = row.event.address(log);
                    for print in &row.touch.undone {
                        let Some(numbers) = wanted.get_mut(print) else { continue };
                        numbers.retain(|at| {
                            let hit = &mut hits.listed[*at];
                            // Where single rows are undone, one may stand in its own transaction.
                            let later = (&hit.conflict.later.address, hit.row);
                            let before = number < hit.entries
                                || number == hit.entries && (&address, row.row) < later;
                            if before {
                                hit.conflict.undone = Some(describe(row, address.clone()).1);
                            }
                            !before
                        });
                        if numbers.is_empty() {
                            wanted.remove(print);
                        }
                    }
                    Ok(())
                },
            )?;
        }
        Ok((hits.listed.into_iter().map(|hit| hit.conflict).collect(), hits.count))
    }
}

/// How a change reads: its row's key, and what it did.
pub(super) fn describe(row: &RowAt<'_, '_>, address: EventAddress) -> (String, Side) {
    let values = |image: Option<RowImage<'_>>| image.map(|image| values(row, image));
    let (before, after) = (values(row.change.before), values(row.change.after));
    let key_columns = row.table.and_then(|table| table.resolved.key.as_ref());
    let list = |values: &[Named]| {
        let all: Vec<_> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.join(", ")
    };
    let of_key = |values: &Vec<Named>| match (key_columns, row.table) {
        (Some(key), Some(table)) => {
            let names = key.columns.iter().filter_map(|at| table.resolved.columns.get(*at));
            let names: Vec<_> = names.map(|column| readable(&column.name)).collect();
            let found = names.iter().filter_map(|name| values.iter().find(|(n, _)| n == name));
            list(&found.cloned().collect::<Vec<_>>())
        }
        _ => list(values),
    };
    let key = before.as_ref().or(after.as_ref()).map(of_key).unwrap_or_default();
    let mut change = match (&before, &after) {
        (None, None) => String::new(),
        (None, Some(after)) => format!("INSERT ({})", list(after)),
        (Some(before), None) => format!("DELETE ({})", list(before)),
        (Some(before), Some(after)) => {
            let old = |name: &str| before.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            let changed = after.iter().filter(|(name, value)| old(name) != Some(value));
            let changed = changed.map(|(name, value)| {
                format!("{name}: {} -> {value}", old(name).map_or("?", |value| value))
            });
            format!("UPDATE {}", changed.collect::<Vec<_>>().join(", ")).trim_end().to_owned()
        }
    };
    shorten(&mut change, SHOWN_CHANGE);
    (key, Side { address, change })
}

/// A column's name, and its value as a person reads it.
type Named = (String, String);

fn values(row: &RowAt<'_, '_>, image: RowImage<'_>) -> Vec<Named> {
    let Some(table) = row.table else {
        let bytes = image.bytes();
        let hex: String = bytes.iter().take(SHOWN / 2).map(|byte| format!("{byte:02x}")).collect();
        return vec![("image".into(), format!("x'{hex}'"))];
    };
    let mut values = table.shown(image);
    values.iter_mut().for_each(|(_, value)| shorten(value, SHOWN));
    values
}

fn shorten(text: &mut String, most: usize) {
    if let Some((cut, _)) = text.char_indices().nth(most) {
        text.truncate(cut);
        text.push('…');
    }
}
