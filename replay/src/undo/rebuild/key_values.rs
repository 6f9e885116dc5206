//! Values of keys that rows events lack, for whoever tells changes apart by them: those of the undo
//! and those of all later changes that may touch the same.
//!
//! First the events are gathered ([`KeyGaps`]), then what they lack is looked for in one walk
//! backward ([`KeyGaps::find`]). What is not found is known to be unknown, and why.

use std::collections::HashMap;
use std::path::Path;

use binlog_parser::error::{Fault, Location};
use binlog_parser::event::rows::RowsKind;
use binlog_parser::row::{RowImage, RowLayout};
use binlog_parser::source::log_set::LogSet;

use super::defaults::default_value;
use super::partial::{Event, Hopeless, Partial};
use super::rebuilt::{Images, Place, Rebuilt};
use super::table::bits;
use super::walk;
use crate::error::{Error, Result};
use crate::schema::ResolvedTable;
use crate::undo::maps::Map;
use crate::undo::rows_statement::{Rows, RowsStatement};
use crate::undo::tables::Tables;

/// Most rows of which values are looked for: each takes some hundred bytes of memory.
const LOOKED_FOR: u64 = 8 << 20;

/// Why nothing is known of a table.
const NOT_DEFINED: &str = "the table's definition is not known";

/// Columns of keys that an event lacks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::undo) struct Lacking {
    /// Of the rows as they were.
    pub before: Vec<usize>,
    /// Of the rows as they are: what an INSERT, or MariaDB's REPLACE, set without logging it.
    pub after: Vec<usize>,
}

impl Lacking {
    /// Whether nothing is lacking.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// Which of a row's two images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::undo) enum End {
    Before,
    After,
}

/// A value that is not known.
#[derive(Debug, Clone, Copy)]
pub(in crate::undo) struct Unknown {
    /// Number of the row in its event; all of them if none.
    row: Option<u32>,
    pub ordinal: usize,
    pub end: End,
    /// Whether the row has held it since before the first change that is undone.
    pub held: bool,
    reason: usize,
}

/// The events that lack columns of keys.
#[derive(Debug, Default)]
pub(in crate::undo) struct KeyGaps {
    partial: Partial,
    values: KeyValues,
    rows: u64,
}

impl KeyGaps {
    /// Whether no event lacks anything.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty() && self.values.unknown.is_empty()
    }

    /// Takes in an event of log number `log` that lacks something. `table` is what is known of its
    /// table.
    ///
    /// # Errors
    /// More rows than [`LOOKED_FOR`]; no room in the temporary file.
    pub fn add(
        &mut self,
        log: usize,
        location: Location,
        (statement, rows): (&RowsStatement<'_, '_>, &Rows<'_, '_>),
        table: Option<&ResolvedTable>,
        lacking: Lacking,
    ) -> Result<()> {
        let place = (log, rows.event.place());
        let defined = table.filter(|table| table.definition.is_some());
        let (map, width) = (statement.map_of(rows), rows.rows.width);
        let fault = |fault: Fault| Error::at(fault, location.clone());
        let count = rows.rows.count(map.layout()).map_err(fault)?;
        self.rows += count;
        if self.rows > LOOKED_FOR {
            let what = format!(
                "more than {LOOKED_FOR} rows lack columns of keys by which later changes are told \
                 apart"
            );
            return Err(Error::refused(what, "narrow the undo down with --table or --only"));
        }
        if rows.rows.kind == RowsKind::Write {
            return self.defaults(place, map, defined, &lacking.after, count).map_err(fault);
        }
        if !lacking.after.is_empty() {
            let why =
                "it may be of a REPLACE, of which MariaDB does not log what takes its default";
            self.values.give_up(place, &lacking.after, End::After, why);
        }
        if lacking.before.is_empty() || self.partial.by_place.contains_key(&place) {
            return Ok(());
        }
        let table: std::result::Result<usize, Hopeless> = match defined {
            Some(defined) => self.partial.table(map, rows, defined),
            None => Err((NOT_DEFINED.into(), super::WAY_OUT)),
        };
        match table {
            Ok(table) => {
                let filled = bits(width, |at| lacking.before.contains(&at));
                let images = Images::new(vec![], vec![], filled, count as usize);
                self.partial.by_place.insert(place, self.partial.events.len());
                let missing = lacking.before;
                self.partial.events.push(Event { place, location, table, missing, images });
            }
            Err((why, _)) => self.values.give_up(place, &lacking.before, End::Before, &why),
        }
        Ok(())
    }

    /// What an INSERT did not name has its default.
    fn defaults(
        &mut self,
        place: Place,
        map: &Map<'_, '_>,
        defined: Option<&ResolvedTable>,
        lacking: &[usize],
        count: u64,
    ) -> std::result::Result<(), Fault> {
        let types = map.said.column_types()?;
        let width = map.layout().width();
        let mut values: Vec<Option<Vec<u8>>> = vec![None; width];
        for &at in lacking {
            let default = match (defined, types.get(at)) {
                (Some(table), Some(of)) => default_value(table, at, *of),
                _ => Err(NOT_DEFINED.into()),
            };
            match default {
                Ok(value) => {
                    if let Some(slot) = values.get_mut(at) {
                        *slot = value;
                    }
                }
                Err(why) => {
                    let why = format!("the INSERT did not name it, and {why}");
                    self.values.give_up(place, &[at], End::After, &why);
                }
            }
        }
        // NULL is no value of a further key; where the whole row counts, it is one.
        let has_key = defined.is_some_and(|table| table.key.is_some());
        if has_key && values.iter().all(Option::is_none) {
            return Ok(());
        }
        let filled = bits(width, |at| lacking.contains(&at));
        let mut images = Images::new(vec![], vec![], filled, count as usize);
        let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
        let start = self.partial.rebuilt.store(&images.filled, map.layout(), &values)?;
        images.rows.fill(start);
        self.partial.rebuilt.insert(place, images);
        Ok(())
    }

    /// Looks for what is lacking. `first` is where the first change stands that is undone.
    ///
    /// # Errors
    /// An event that cannot be read.
    pub fn find(
        self,
        set: &LogSet,
        tables: &Tables,
        dump: Option<&Path>,
        first: (usize, u64),
    ) -> Result<KeyValues> {
        let KeyGaps { mut partial, mut values, .. } = self;
        let (failures, reasons) = walk::walk_for_keys(set, tables, dump, &mut partial, first)?;
        let known = values.reasons.len();
        values.reasons.extend(reasons);
        for failure in failures {
            let Some(event) = partial.events.get(failure.event as usize) else { continue };
            values.unknown.entry(event.place).or_default().push(Unknown {
                row: Some(failure.row),
                ordinal: failure.ordinal.into(),
                end: End::Before,
                held: failure.held,
                reason: known + failure.reason as usize,
            });
        }
        values.unknown.values_mut().for_each(|unknown| unknown.sort_by_key(|u| u.row));
        values.rebuilt = partial.rebuilt;
        for event in partial.events {
            let unknown = values.unknown.get(&event.place).map_or(&[][..], |unknown| unknown);
            let is_known_to_be = |row: usize| {
                unknown.binary_search_by_key(&Some(row as u32), |unknown| unknown.row).is_ok()
            };
            // What was never come to is as good as what was not found.
            if event.images.lacking().any(|row| !is_known_to_be(row)) {
                let why = "no event was met that has it";
                values.give_up(event.place, &event.missing, End::Before, why);
            }
            values.rebuilt.insert(event.place, event.images);
        }
        values.unknown.values_mut().for_each(|unknown| unknown.sort_by_key(|u| u.row));
        values.rebuilt.settle().map_err(walk::no_place)?;
        Ok(values)
    }
}

/// Values of keys that events lack.
#[derive(Debug, Default)]
pub(in crate::undo) struct KeyValues {
    rebuilt: Rebuilt,
    unknown: HashMap<Place, Vec<Unknown>>,
    reasons: Vec<String>,
}

impl KeyValues {
    fn give_up(&mut self, place: Place, ordinals: &[usize], end: End, why: &str) {
        self.reasons.push(why.to_owned());
        let reason = self.reasons.len() - 1;
        let unknown =
            ordinals.iter().map(|at| Unknown { row: None, ordinal: *at, end, held: false, reason });
        self.unknown.entry(place).or_default().extend(unknown);
    }

    /// Why a value is not known.
    pub fn reason(&self, unknown: &Unknown) -> &str {
        self.reasons.get(unknown.reason).map_or("", |reason| reason)
    }

    /// What was found for an event of log number `log`, if it lacks anything.
    pub fn of(&self, log: usize, rows: &Rows<'_, '_>) -> Option<EventKeys<'_>> {
        if self.rebuilt.is_empty() && self.unknown.is_empty() {
            return None;
        }
        let place = (log, rows.event.place());
        let images = self.rebuilt.images(place);
        let unknown = self.unknown.get(&place).map_or(&[][..], |unknown| unknown);
        let found = images.is_some() || !unknown.is_empty();
        found.then_some(EventKeys { rebuilt: &self.rebuilt, images, unknown })
    }
}

/// What was found for an event that lacks columns of keys.
#[derive(Debug, Clone, Copy)]
pub(in crate::undo) struct EventKeys<'k> {
    rebuilt: &'k Rebuilt,
    images: Option<&'k Images>,
    unknown: &'k [Unknown],
}

impl<'k> EventKeys<'k> {
    /// What was found for a row.
    pub fn row(&self, row: usize, layout: &RowLayout) -> RowKeys<'k> {
        let image = self.images.and_then(|images| self.rebuilt.stored(images, row, layout));
        let all = self.unknown.partition_point(|unknown| unknown.row.is_none());
        let (of_all, of_rows) = self.unknown.split_at(all);
        let row = Some(row as u32);
        let start = of_rows.partition_point(|unknown| unknown.row < row);
        let end = of_rows.partition_point(|unknown| unknown.row <= row);
        RowKeys { image, unknown: [of_all, of_rows.get(start..end).unwrap_or_default()] }
    }
}

/// What was found for a row whose event lacks columns of keys.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::undo) struct RowKeys<'k> {
    /// The values.
    pub image: Option<RowImage<'k>>,
    unknown: [&'k [Unknown]; 2],
}

impl<'k> RowKeys<'k> {
    /// The values that are not known, whatever [`RowKeys::image`] says of them.
    pub fn unknown(&self) -> impl Iterator<Item = &'k Unknown> + use<'k> {
        self.unknown.into_iter().flatten()
    }

    /// Whether a value is not known.
    pub fn unknown_at(&self, ordinal: usize, end: End) -> Option<&'k Unknown> {
        self.unknown().find(|unknown| (unknown.ordinal, unknown.end) == (ordinal, end))
    }
}
