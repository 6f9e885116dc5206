//! What is asked of every rows event that will be undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use binlog_parser::error::Location;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{RowsKind, flags};
use binlog_parser::row::RowLayout;
use binlog_parser::source::log::Log;

use super::conflicts::Place;
use super::judge::Judge;
use super::maps::Map;
use super::rebuild::Partial;
use super::request::{Format, Request};
use super::rows_statement::{Rows, RowsStatement, at};
use super::sums::Sums;
use super::table_sql::TableSql;
use super::tables::Tables;
use super::{BASE64_HINT, NAMES_HINT};
use crate::error::Result;
use crate::schema::{Source, Stamp, TableName, readable};

/// What is asked of every rows event that will be undone.
pub(super) struct RowsPlanner {
    format: Format,
    pub tables: Tables,
    /// Where the first rows of each table stand that are undone.
    pub first: BTreeMap<TableName, (Stamp, Location)>,
    /// Tables of which the reader was told what there is to tell.
    told: BTreeSet<TableName>,
    /// Tables whose rows may have taken rows of others along, without a trace in the logs; whether
    /// they were deleted, or else got other keys; and where first.
    pub cascades: BTreeMap<(TableName, bool), Location>,
    /// Whether foreign keys follow deletes, or else updates, in a table.
    followed: HashMap<(TableName, bool), bool>,
    /// Events whose images lack columns.
    pub partial: Partial,
    scratch: Vec<u8>,
}

impl RowsPlanner {
    pub fn new(request: &Request) -> Self {
        RowsPlanner {
            format: request.format,
            tables: Tables::new(request.schema.clone()),
            first: BTreeMap::new(),
            told: BTreeSet::new(),
            cascades: BTreeMap::new(),
            followed: HashMap::new(),
            partial: Partial::default(),
            scratch: vec![],
        }
    }

    /// To be called when definitions changed.
    pub fn forget_children(&mut self) {
        self.followed.clear();
    }

    /// Takes in a rows event that is undone.
    ///
    /// # Errors
    /// An event that cannot be read.
    pub fn event(
        &mut self,
        judge: &mut Judge<'_>,
        place: Place<'_>,
        statement: &RowsStatement<'_, '_>,
        rows: &Rows<'_, '_>,
    ) -> Result<()> {
        let Place { number, log, format, .. } = place;
        let map = statement.map_of(rows);
        let name = map.name();
        self.first.entry(name.clone()).or_insert_with(|| {
            let place = Location { event_type: None, ..map.event.location(log) };
            (Stamp::of(number, map.event), place)
        });
        let resolved = self.tables.table(map, number, format);
        self.cascade(name, log, map, rows, resolved.as_ref().ok().map(|table| &**table))?;
        let partial = !rows.rows.has_full_images();
        if partial {
            let table = resolved.as_ref().ok().map(|table| &table.resolved);
            let at = rows.event.location(log);
            let lacking = self.partial.event(number, at, format, (statement, rows), table);
            if let Err((why, hint)) = lacking {
                let place = rows.event.location(log);
                judge.refusals.add(place, format!("{name}: {why}"), hint);
                return Ok(());
            }
        }
        if self.format != Format::Sql {
            if let Ok(table) = resolved {
                self.tell_triggers(judge, &table);
            }
            return Ok(());
        }
        let table = match resolved {
            Ok(table) => table,
            Err(why) => {
                if self.told.insert(name.clone()) {
                    let place = map.event.location(log);
                    judge.refusals.add(place, why.to_string(), NAMES_HINT);
                }
                return Ok(());
            }
        };
        self.tell(judge, &table);
        if partial {
            // Its values are looked at when they are all there.
            return Ok(());
        }
        self.values(judge, log, &table, rows, map.layout())
    }

    /// Takes in a piece that was summed up, if that tells all there is to know
    /// of its rows; else the piece has to be walked.
    pub fn sums(&mut self, judge: &mut Judge<'_>, format: &FormatDescription, sums: &Sums) -> bool {
        let mut tables = vec![];
        for sum in sums.tables.iter().filter(|sum| sum.rows.total() > 0) {
            let resolved = self.tables.table_of(&sum.said, sum.stamp, format).ok();
            let name = &sum.said.name;
            let doubtful = resolved.as_ref().is_none_or(|table| table.is_doubtful());
            let moves = sum.updated.is_some() && self.may_be_followed(&(name.clone(), false));
            if moves || doubtful && self.format == Format::Sql {
                return false;
            }
            tables.push((name, sum, resolved));
        }
        for (name, sum, resolved) in tables {
            self.first.entry(name.clone()).or_insert_with(|| (sum.stamp, sum.place.clone()));
            let which = (name.clone(), true);
            if let Some(place) = sum.deleted.as_ref().filter(|_| self.may_be_followed(&which)) {
                self.cascades.insert(which, place.clone());
            }
            match (resolved, self.format) {
                (Some(table), Format::Sql) => self.tell(judge, &table),
                (Some(table), _) => self.tell_triggers(judge, &table),
                (None, _) => {}
            }
        }
        true
    }

    /// Whether foreign keys follow deletes, or else updates, in a table of which that was not told.
    fn may_be_followed(&mut self, which: &(TableName, bool)) -> bool {
        let tables = &self.tables;
        !self.cascades.contains_key(which)
            && *self
                .followed
                .entry(which.clone())
                .or_insert_with(|| !tables.children(&which.0, which.1).is_empty())
    }

    /// Notes whether the server changed rows of other tables along with these, which it logs since
    /// MySQL 9.6 alone.
    fn cascade(
        &mut self,
        name: &TableName,
        log: &Log,
        map: &Map<'_, '_>,
        rows: &Rows<'_, '_>,
        table: Option<&TableSql>,
    ) -> Result<()> {
        let kind = rows.rows.kind;
        let unlogged = flags::USE_SQL_FOREIGN_KEY | flags::NO_FOREIGN_KEY_CHECKS;
        if kind == RowsKind::Write || rows.rows.flags & unlogged != 0 {
            return Ok(());
        }
        let which = (name.clone(), kind == RowsKind::Delete);
        if !self.may_be_followed(&which) {
            return Ok(());
        }
        if kind == RowsKind::Update {
            let Some(table) = table else { return Ok(()) };
            let columns = self.tables.referenced(table);
            let mut moved = false;
            for change in rows.images().changes(map.layout()) {
                let change = change.map_err(|fault| at(fault, log, rows.event))?;
                let (Some(before), Some(after)) = (change.before, change.after) else { continue };
                let value = |image: binlog_parser::row::RowImage<'_>, ordinal| {
                    let mut cells = image.cells_by(map.layout()).map_while(Result::ok);
                    cells
                        .find(|cell| cell.ordinal == ordinal)
                        .map(|cell| cell.bytes.map(<[u8]>::to_vec))
                };
                moved |= columns.iter().any(|at| {
                    value(after, *at).is_some_and(|after| value(before, *at) != Some(after))
                });
            }
            if !moved {
                return Ok(());
            }
        }
        self.cascades.insert(which, rows.event.location(log));
        Ok(())
    }

    /// Whether every value has a literal. Of those that have none in an event, the first is told.
    pub fn values(
        &mut self,
        judge: &mut Judge<'_>,
        log: &Log,
        table: &TableSql,
        rows: &Rows<'_, '_>,
        layout: &RowLayout,
    ) -> Result<()> {
        for change in rows.images().changes(layout) {
            let change = change.map_err(|fault| at(fault, log, rows.event))?;
            for image in [change.before, change.after].into_iter().flatten() {
                if let Err((ordinal, why)) = table.check(image, &mut self.scratch) {
                    let column = table.resolved.columns.get(ordinal);
                    let column = column.map_or_else(String::new, |column| readable(&column.name));
                    let place = rows.event.location(log);
                    let why = format!("{}, column {column}: {why}", table.resolved.name);
                    judge.refusals.add(place, why, BASE64_HINT);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn tell_triggers(&mut self, judge: &mut Judge<'_>, table: &TableSql) {
        if table.resolved.has_triggers == Some(true) {
            judge.report.triggers.insert(table.resolved.name.clone());
        }
    }

    fn tell(&mut self, judge: &mut Judge<'_>, table: &TableSql) {
        self.tell_triggers(judge, table);
        let name = &table.resolved.name;
        if !self.told.insert(name.clone()) {
            return;
        }
        if table.resolved.key.is_none() {
            judge.report.warn(format!(
                "{name} has no key: a row is found by all its values, and of rows that are alike \
                 any one is taken"
            ));
        }
        if table.resolved.source == Source::Metadata && table.resolved.definition.is_none() {
            judge.report.warn(format!(
                "{name}: only the log's metadata are known; a generated column would make the \
                 statements fail, a definition given with --schema leaves it out"
            ));
        }
    }
}
