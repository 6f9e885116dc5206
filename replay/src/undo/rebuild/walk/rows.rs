//! The rows of an event that the walk backward has come to: what they tell of those that are looked
//! for, and who begins to be looked for here.

use binlog_parser::error::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{RowChange, RowsKind};
use binlog_parser::row::RowImage;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::Statement;

use super::super::defaults::default_value;
use super::super::table::{is_generated, may_be_replace};
use super::super::wants::{Column, KeyBytes, Tracked, key_bytes};
use super::Walk;
use crate::error::Result;
use crate::schema::ResolvedTable;
use crate::undo::maps::Map;
use crate::undo::rows_statement::{Rows, RowsStatement, at};

/// A rows event that the walk has come to.
struct Seen<'s, 't, 'a> {
    /// Its table, and which event of the undo it is, if it is one.
    table: usize,
    undone: Option<usize>,
    map: &'s Map<'t, 'a>,
    rows: &'s Rows<'t, 'a>,
    place: String,
    /// What is known of the table there.
    resolved: Option<&'s ResolvedTable>,
    /// Whether it may be an update of a REPLACE.
    replace: bool,
}

/// Bytes of a value in an image, or differences to the value before.
#[derive(Debug, Clone, Copy)]
struct Bytes<'a> {
    bytes: &'a [u8],
    partial: bool,
}

/// What an image holds of a column: nothing, NULL, or bytes.
type Value<'a> = Option<Option<Bytes<'a>>>;

impl Walk<'_> {
    pub(super) fn rows(
        &mut self,
        number: usize,
        log: &Log,
        format: &FormatDescription,
        statement: &Statement<'_, '_>,
    ) -> Result<()> {
        let read = RowsStatement::read(statement, log, format)?;
        for rows in read.rows.iter().rev() {
            let map = read.map_of(rows);
            let fault = |fault| at(fault, log, rows.event);
            self.cascade(map.name(), log, rows, format);
            let Some(table) = self.number(&map.name().database, &map.name().table) else {
                continue;
            };
            let undone = self.partial.by_place.get(&(number, rows.event.place())).copied();
            if undone.is_none() && self.wants.is_idle(table) {
                continue;
            }
            let place = rows.event.location(log);
            let types = map.said.column_types().map_err(fault)?;
            let changes = rows.rows.changes(map.layout()).collect::<Result<Vec<_>, _>>();
            let changes = changes.map_err(fault)?;
            if types != self.partial.tables[table].types {
                let why = format!("the table had other columns at {place}");
                self.wants.fail_table(table, &why);
                continue;
            }
            let resolved = self.tables.table(map, number, format).ok();
            let event = Seen {
                table,
                undone,
                map,
                rows,
                place: place.to_string(),
                resolved: resolved.as_ref().map(|table| &table.resolved),
                replace: resolved.as_ref().is_none_or(|table| {
                    may_be_replace(&table.resolved, &rows.rows, format, read.text)
                }),
            };
            for (row, change) in changes.iter().enumerate().rev() {
                self.change(&event, row, change).map_err(fault)?;
            }
        }
        Ok(())
    }

    /// One row of an event.
    fn change(
        &mut self,
        event: &Seen<'_, '_, '_>,
        row: usize,
        change: &RowChange<'_>,
    ) -> Result<(), Fault> {
        let width = event.map.layout().width();
        let before = values(change.before, event.map, width)?;
        let after = values(change.after, event.map, width)?;
        let key = &self.partial.tables[event.table].key;
        let (then, now) = (key_of(key, &before, &before), key_of(key, &after, &before));
        let place = &event.place;
        match event.rows.rows.kind {
            RowsKind::Write => match now {
                Some(now) => self.written(event, &now, &after),
                None => self.unknown_row(event),
            },
            RowsKind::Delete => match then {
                Some(then) => {
                    if let Some(gone) = self.wants.take(event.table, &then) {
                        let why =
                            format!("the row was deleted at {place}, and no event put it back");
                        let reason = self.wants.reason(&why);
                        self.wants.fail(gone, reason);
                    }
                    self.want(event, row, Tracked::default(), then);
                }
                None => self.unknown_row(event),
            },
            RowsKind::Update => match (now, then) {
                (Some(now), Some(then)) => {
                    let tracked = self.wants.take(event.table, &now).unwrap_or_default();
                    let tracked = self.updated(event, tracked, &before, &after);
                    self.want(event, row, tracked, then);
                }
                _ => self.unknown_row(event),
            },
        }
        Ok(())
    }

    /// An image whose row is not known may be of any.
    fn unknown_row(&mut self, event: &Seen<'_, '_, '_>) {
        let why = format!("which rows were changed at {} is not known: it has no key", event.place);
        self.wants.fail_table(event.table, &why);
    }

    /// A row that was inserted has what was logged, and defaults.
    fn written(&mut self, event: &Seen<'_, '_, '_>, key: &[u8], after: &[Value<'_>]) {
        let Some(tracked) = self.wants.take(event.table, key) else { return };
        for column in tracked.columns {
            if let Some(value) = after.get(column.ordinal).copied().flatten() {
                self.wants.settle(column, value.map(|value| value.bytes));
                continue;
            }
            let types = &self.partial.tables[event.table].types;
            let default = match (event.resolved, types.get(column.ordinal)) {
                (Some(table), Some(of)) => default_value(table, column.ordinal, *of),
                _ => Err("its definition is not known".into()),
            };
            match default {
                Ok(value) => self.wants.settle(column, value.as_deref()),
                Err(why) => {
                    let why = format!("the INSERT at {} did not name it, and {why}", event.place);
                    let reason = self.wants.reason(&why);
                    self.wants.fail(Tracked { columns: vec![column] }, reason);
                }
            }
        }
    }

    /// What is still missing of a row before an update of it.
    fn updated(
        &mut self,
        event: &Seen<'_, '_, '_>,
        tracked: Tracked,
        before: &[Value<'_>],
        after: &[Value<'_>],
    ) -> Tracked {
        let mut missing = vec![];
        for mut column in tracked.columns {
            let was = before.get(column.ordinal).copied().flatten();
            match after.get(column.ordinal).copied().flatten() {
                Some(Some(Bytes { bytes, partial: true })) => {
                    column.diffs.push(bytes.into());
                    match was {
                        Some(was) => self.wants.settle(column, was.map(|value| value.bytes)),
                        None => missing.push(column),
                    }
                }
                Some(value) => self.wants.settle(column, value.map(|value| value.bytes)),
                None if event.replace => self.replaced(event, column),
                None if was.is_none() && self.is_generated(event, &column) => {
                    let why =
                        format!("it is generated, and the update at {} lacks it", event.place);
                    let reason = self.wants.reason(&why);
                    self.wants.fail(Tracked { columns: vec![column] }, reason);
                }
                None => match was {
                    Some(was) => self.wants.settle(column, was.map(|value| value.bytes)),
                    None => missing.push(column),
                },
            }
        }
        Tracked { columns: missing }
    }

    fn is_generated(&self, event: &Seen<'_, '_, '_>, column: &Column) -> bool {
        is_generated(&self.partial.tables[event.table].resolved, column.ordinal)
    }

    fn replaced(&mut self, event: &Seen<'_, '_, '_>, column: Column) {
        let why = format!(
            "the update at {} may be of a REPLACE, of which MariaDB does not log what takes its \
             default",
            event.place
        );
        let reason = self.wants.reason(&why);
        self.wants.fail(Tracked { columns: vec![column] }, reason);
    }

    /// Has the row wait for what the event lacks, if it is one of the undo's, and puts it back.
    fn want(&mut self, event: &Seen<'_, '_, '_>, row: usize, mut tracked: Tracked, key: KeyBytes) {
        if let Some(number) = event.undone {
            let missing = &self.partial.events[number].missing;
            self.wants.want(&mut tracked, number as u32, row as u32, missing);
        }
        let why = format!("two rows have one key at {}", event.place);
        self.wants.put(event.table, key, tracked, &why);
    }
}

/// The key of a row: from `first`, and what that does not hold from `second`.
fn key_of(key: &[usize], first: &[Value<'_>], second: &[Value<'_>]) -> Option<KeyBytes> {
    let value = |at: &usize| {
        let value = first.get(*at).copied().flatten();
        value.or_else(|| second.get(*at).copied().flatten()).flatten()
    };
    key_bytes(key.iter().map(|at| value(at).map(|value| value.bytes)))
}

/// What an image holds, by column.
fn values<'a>(
    image: Option<RowImage<'a>>,
    map: &Map<'_, '_>,
    width: usize,
) -> Result<Vec<Value<'a>>, Fault> {
    let mut values = vec![None; width];
    let Some(image) = image else { return Ok(values) };
    for cell in image.cells_by(map.layout()) {
        let cell = cell?;
        if let Some(value) = values.get_mut(cell.ordinal) {
            *value = Some(cell.bytes.map(|bytes| Bytes { bytes, partial: cell.partial }));
        }
    }
    Ok(values)
}
