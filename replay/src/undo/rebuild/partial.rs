//! The events of the undo whose images lack columns, and what has to be found for them.

use std::collections::HashMap;

use binlog_parser::error::{Fault, Location};
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::RowsKind;
use binlog_parser::header::Family;

use super::defaults::default_value;
use super::rebuilt::{Images, Place, Rebuilt};
use super::table::{WantedTable, bits, is_computed, logged_key, may_be_replace};
use crate::schema::ResolvedTable;
use crate::undo::maps::Map;
use crate::undo::rows_statement::{Rows, RowsStatement};

/// An event whose images lack columns.
#[derive(Debug)]
pub(super) struct Event {
    /// Where it stands.
    pub place: Place,
    pub location: Location,
    /// Its table, as [`Partial::tables`] counts.
    pub table: usize,
    /// Columns that have to be found in earlier events.
    pub missing: Vec<usize>,
    pub images: Images,
}

/// All such events.
#[derive(Debug, Default)]
pub(in crate::undo) struct Partial {
    pub(super) tables: Vec<WantedTable>,
    pub(super) events: Vec<Event>,
    pub(super) by_place: HashMap<Place, usize>,
    /// Those whose images are made of their own bytes alone.
    pub(super) rebuilt: Rebuilt,
}

/// Why the images of an event cannot be rebuilt, whatever earlier events say, and the way out.
pub(in crate::undo) type Hopeless = (String, &'static str);

/// The way out where columns are not known.
const DEFINITION_HINT: &str = "give the table's definition with --schema FILE (a mysqldump)";

impl Partial {
    /// Takes in an event of log number `log` that lacks columns. `table` is what is known of its
    /// table.
    ///
    /// # Errors
    /// Why it is hopeless.
    pub fn event(
        &mut self,
        log: usize,
        location: Location,
        format: &FormatDescription,
        (statement, rows): (&RowsStatement<'_, '_>, &Rows<'_, '_>),
        table: Option<&ResolvedTable>,
    ) -> Result<(), Hopeless> {
        let defined = table.filter(|table| table.definition.is_some());
        let map = statement.map_of(rows);
        let wanted = wanted(format, (statement, rows), defined, table)?;
        let Some(Wanted { before, after, missing }) = wanted else { return Ok(()) };
        let width = map.layout().width();
        let place = (log, rows.event.place());
        let filled = bits(width, |at| missing.contains(&at));
        let fault = |fault: Fault| (fault.to_string(), super::WAY_OUT);
        let count = rows.rows.count(map.layout()).map_err(fault)?;
        let mut images = Images::new(before, after, filled, count as usize);
        if rows.rows.kind == RowsKind::Write && !missing.is_empty() {
            let start = self.defaults(defined, map, &missing, &images.filled)?;
            images.rows.fill(start);
        }
        if rows.rows.kind == RowsKind::Write || missing.is_empty() {
            self.rebuilt.insert(place, images);
            return Ok(());
        }
        let Some(defined) = defined else { return Ok(()) };
        let table = self.table(map, rows, defined)?;
        self.by_place.insert(place, self.events.len());
        self.events.push(Event { place, location, table, missing, images });
        Ok(())
    }

    /// The number of the event's table, which is made known if it is not.
    pub(super) fn table(
        &mut self,
        map: &Map<'_, '_>,
        rows: &Rows<'_, '_>,
        defined: &ResolvedTable,
    ) -> Result<usize, Hopeless> {
        let name = map.name();
        let present = rows.rows.before_columns.unwrap_or_default();
        let types = map.said.column_types().unwrap_or_default();
        if let Some(at) = self.tables.iter().position(|table| table.resolved.name == *name) {
            let known = &self.tables[at];
            if known.types != types {
                return Err((
                    "its columns are others than in another event".into(),
                    super::WAY_OUT,
                ));
            }
            if !known.key.iter().all(|at| present.get(*at)) {
                let why =
                    "its before-images have other columns of keys than those of another event";
                return Err((why.into(), super::WAY_OUT));
            }
            return Ok(at);
        }
        let Some(key) = logged_key(defined, present) else {
            let why = "its before-images lack columns, and have no key to find earlier events by";
            return Err((why.into(), super::WAY_OUT));
        };
        self.tables.push(WantedTable {
            resolved: defined.clone(),
            types,
            layout: map.layout().clone(),
            key,
            cascades: vec![],
        });
        Ok(self.tables.len() - 1)
    }

    /// Stores the defaults of columns that an INSERT did not name, and says where.
    fn defaults(
        &mut self,
        defined: Option<&ResolvedTable>,
        map: &Map<'_, '_>,
        missing: &[usize],
        filled: &[u8],
    ) -> Result<u64, Hopeless> {
        let types = map.said.column_types().unwrap_or_default();
        let mut values: Vec<Option<Vec<u8>>> = vec![None; map.layout().width()];
        for &at in missing {
            let default = defined.zip(types.get(at)).map_or_else(
                || Err("its definition is not known".to_owned()),
                |(table, column_type)| default_value(table, at, *column_type),
            );
            let value = default.map_err(|why| {
                let column = defined.map_or_else(String::new, |table| column_name(table, at));
                let why = format!("the rows have no value of column {column}, and {why}");
                (why, super::WAY_OUT)
            })?;
            if let Some(slot) = values.get_mut(at) {
                *slot = value;
            }
        }
        let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
        let stored = self.rebuilt.store(filled, map.layout(), &values);
        stored.map_err(|fault| (fault.to_string(), super::WAY_OUT))
    }

    /// Whether there is no such event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.rebuilt.is_empty()
    }
}

/// A column's name for a message.
pub(super) fn column_name(table: &ResolvedTable, ordinal: usize) -> String {
    let name = table.columns.get(ordinal).map(|column| crate::schema::readable(&column.name));
    name.unwrap_or_else(|| format!("number {}", ordinal + 1))
}

/// What the images of an event are to hold.
struct Wanted {
    before: Vec<u8>,
    after: Vec<u8>,
    missing: Vec<usize>,
}

/// What the images of an event are to hold, and what has to be found for it; nothing where they
/// serve as they are.
fn wanted(
    format: &FormatDescription,
    (statement, rows): (&RowsStatement<'_, '_>, &Rows<'_, '_>),
    defined: Option<&ResolvedTable>,
    table: Option<&ResolvedTable>,
) -> Result<Option<Wanted>, Hopeless> {
    let (event, width) = (&rows.rows, statement.map_of(rows).layout().width());
    let has_before = |at: usize| event.before_columns.is_some_and(|present| present.get(at));
    let has_after = |at: usize| event.after_columns.is_some_and(|present| present.get(at));
    // What the server computes by itself need not be there.
    let whole_before = |at: usize| has_before(at) || !is_computed(defined, at, format);
    let whole_after = |at: usize| has_after(at) || !is_computed(defined, at, format);
    let unknown = || {
        Hopeless::from((
            "its images lack columns, and without a definition nothing tells whether these are \
         generated or changed by foreign keys"
                .to_owned(),
            DEFINITION_HINT,
        ))
    };
    let list = |wanted: &dyn Fn(usize) -> bool| (0..width).filter(|at| wanted(*at)).collect();
    match event.kind {
        RowsKind::Write => {
            let present = event.after_columns.unwrap_or_default();
            // To delete a row, its key is enough.
            if table.is_some_and(|table| logged_key(table, present).is_some()) {
                return Ok(None);
            }
            defined.ok_or_else(unknown)?;
            let missing = list(&|at| whole_after(at) && !has_after(at));
            Ok(Some(Wanted { before: vec![], after: bits(width, whole_after), missing }))
        }
        RowsKind::Delete | RowsKind::Update => {
            let missing: Vec<usize> = list(&|at| whole_before(at) && !has_before(at));
            if !missing.is_empty() {
                defined.ok_or_else(unknown)?;
            }
            let key =
                table.and_then(|table| logged_key(table, event.before_columns.unwrap_or_default()));
            let in_key = |at: usize| key.as_ref().is_some_and(|key| key.contains(&at));
            // What a REPLACE did not log is not what it was before.
            let logged_alone = match defined {
                Some(table) => may_be_replace(table, event, format, statement.text),
                None => format.family == Family::Mariadb && key.is_some(),
            };
            let after = bits(width, |at| match logged_alone {
                true => has_after(at) || in_key(at),
                false => whole_after(at),
            });
            Ok(Some(Wanted { before: bits(width, whole_before), after, missing }))
        }
    }
}
