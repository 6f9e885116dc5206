//! An undo that is known to be possible, and not written yet.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use binlog_parser::error::Location;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{RowsKind, flags};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::RowLayout;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;

use super::history::{self, Observer};
use super::index::{Entry, Format as LogFormat, Index};
use super::judge::Judge;
use super::refusals::{Refusals, WAY_OUT};
use super::report::Report;
use super::request::{Format, Request, Scope};
use super::rows_statement::{Rows, RowsStatement, at};
use super::table_sql::TableSql;
use super::tables::{Drift, Tables};
use super::{BASE64_HINT, NAMES_HINT, base64, log_file, sql};
use crate::error::{Error, Result};
use crate::schema::{Source, Stamp, TableName, readable};

/// An undo that is known to be possible. Nothing is written yet.
#[derive(Debug)]
pub struct Plan<'s> {
    set: &'s LogSet,
    request: &'s Request,
    index: Index,
    tables: Tables,
    report: Report,
}

/// Finds out what `request` asks for, and whether all of it can be undone.
///
/// # Errors
/// [`crate::Error::Refused`] with everything that stands against it: statements without rows to
/// reverse, images that lack columns, transactions whose end is not known, tables that are others
/// now, and for SQL columns without names and values without literals. A log that cannot be read.
pub fn plan<'s>(set: &'s LogSet, request: &'s Request) -> Result<Plan<'s>> {
    let judge =
        Judge { filter: &request.filter, refusals: Refusals::default(), report: Report::default() };
    let rows = RowsPlanner {
        format: request.format,
        tables: Tables::new(request.schema.clone()),
        first: BTreeMap::new(),
        later: BTreeMap::new(),
        told: BTreeSet::new(),
        cascades: BTreeSet::new(),
        scratch: vec![],
    };
    let mut planner = Planner { set, scope: &request.scope, judge, rows };
    let index = history::walk(set, request, &mut planner)?;
    planner.conclude();
    let Planner { judge: Judge { refusals, report, .. }, rows, .. } = planner;
    match refusals.into_error() {
        Some(refusal) => Err(refusal),
        None => Ok(Plan { set, request, index, tables: rows.tables, report }),
    }
}

impl Plan<'_> {
    /// What the undo does, and what it does not.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes the undo.
    ///
    /// # Errors
    /// What the output says; a log that cannot be read any more.
    pub fn write(mut self, out: &mut dyn Write) -> Result<Report> {
        let Plan { set, request, index, tables, .. } = &self;
        self.report.largest_packet = match request.format {
            Format::Base64 => base64::write(set, index, request, out)?,
            Format::Binlog => log_file::write(set, index, request, out)?,
            Format::Sql => sql::write(set, index, tables, request, out)?,
        };
        for log in self.set.logs() {
            log.check_unchanged()?;
        }
        Ok(self.report)
    }
}

struct Planner<'s> {
    set: &'s LogSet,
    scope: &'s Scope,
    judge: Judge<'s>,
    rows: RowsPlanner,
}

/// What is asked of every rows event that will be undone.
struct RowsPlanner {
    format: Format,
    tables: Tables,
    /// Where the first rows of each table stand that are undone.
    first: BTreeMap<TableName, (Stamp, Location)>,
    /// Tables that later transactions wrote, which stay: how many, and the first of them.
    later: BTreeMap<TableName, (u64, Location)>,
    /// Tables of which the reader was told what there is to tell.
    told: BTreeSet<TableName>,
    /// Tables whose rows may have taken rows of others along, without a trace in the logs; and
    /// whether they were deleted, or else updated.
    cascades: BTreeSet<(TableName, bool)>,
    scratch: Vec<u8>,
}

impl Observer for Planner<'_> {
    fn undone(&mut self, entry: Entry, index: &Index, transaction: &Transaction<'_>) -> Result<()> {
        let number = entry.log as usize;
        let log = &self.set.logs()[number];
        let rows = &mut self.rows;
        let format = index.format(entry);
        self.judge.transaction(log, format, transaction, |judge, statement, event| {
            rows.event(judge, (number, log), format, statement, event)
        })
    }

    fn seen(&mut self, log: &Log, format: &LogFormat, transaction: &Transaction<'_>) -> Result<()> {
        if !self.scope.contains(format.log, transaction.start()) {
            self.rows.stays(log, &format.description, transaction);
        }
        self.rows
            .tables
            .follow(format.log, &format.description, transaction)
            .map_err(|fault| Error::at(fault, log.location(transaction.start())))
    }

    fn notes(&mut self) -> (&mut Refusals, &mut Report) {
        (&mut self.judge.refusals, &mut self.judge.report)
    }
}

impl RowsPlanner {
    fn event(
        &mut self,
        judge: &mut Judge<'_>,
        (number, log): (usize, &Log),
        format: &FormatDescription,
        statement: &RowsStatement<'_, '_>,
        rows: &Rows<'_, '_>,
    ) -> Result<()> {
        let map = statement.map_of(rows);
        let name = map.name();
        let event = &rows.rows;
        if event.kind != RowsKind::Write && event.flags & flags::USE_SQL_FOREIGN_KEY == 0 {
            self.cascades.insert((name.clone(), event.kind == RowsKind::Delete));
        }
        self.first.entry(name.clone()).or_insert_with(|| {
            let place = Location { event_type: None, ..map.event.location(log) };
            (Stamp::of(number, map.event), place)
        });
        let resolved = self.tables.table(map, number, format);
        if self.format != Format::Sql {
            if let Ok(table) = resolved {
                self.tell_triggers(judge, &table);
            }
            return Ok(());
        }
        let table = match resolved {
            Ok(table) => table,
            Err(why) => {
                if self.told.insert(name) {
                    let place = map.event.location(log);
                    judge.refusals.add(place, why.to_string(), NAMES_HINT);
                }
                return Ok(());
            }
        };
        self.tell(judge, &table);
        self.values(judge, log, &table, rows, &map.layout)
    }

    /// Notes which tables a transaction writes that stays, if rows of them were undone before.
    fn stays(&mut self, log: &Log, format: &FormatDescription, transaction: &Transaction<'_>) {
        if self.first.is_empty() {
            return;
        }
        let mut written = BTreeSet::new();
        for event in &transaction.events {
            if event.event_type() != EventType::TABLE_MAP {
                continue;
            }
            // A map that cannot be read is told where its rows are wanted.
            if let Ok(map) = TableMapEvent::parse(event.body(), format.table_id_bytes()) {
                written.insert(TableName::new(map.database, map.table));
            }
        }
        for name in written.into_iter().filter(|name| self.first.contains_key(name)) {
            let place = log.location(transaction.start());
            self.later.entry(name).or_insert((0, place)).0 += 1;
        }
    }

    /// Whether every value has a literal. Of those that have none in an event, the first is told.
    fn values(
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

impl Planner<'_> {
    /// What can be told when the whole history is known.
    fn conclude(&mut self) {
        for (name, (stamp, place)) in &self.rows.first {
            let place = place.clone();
            let refusals = &mut self.judge.refusals;
            match self.rows.tables.drift(name, *stamp) {
                None => {}
                Some(Drift::Gone) => {
                    refusals.add(place, format!("{name} was dropped or renamed later"), WAY_OUT);
                }
                Some(Drift::Other) => {
                    let why = format!("{name} has other columns now, by a later ALTER TABLE");
                    refusals.add(place, why, WAY_OUT);
                }
                Some(Drift::Longer) => self.judge.report.warn(format!(
                    "{name} has more columns now: rows that come back get the defaults there"
                )),
                Some(Drift::Unknown) => self.judge.report.warn(format!(
                    "{name} was changed later by a statement that is not understood: compare its \
                     columns"
                )),
            }
        }
        for (name, deleted) in &self.rows.cascades {
            let children = self.rows.tables.children(name, *deleted);
            if !children.is_empty() {
                let children: Vec<_> = children.iter().map(ToString::to_string).collect();
                self.judge.report.warn(format!(
                    "foreign keys of {} follow {} in {name}: what they changed is not in the logs, \
                     so it is not undone",
                    children.join(", "),
                    if *deleted { "deletes" } else { "updates of keys" },
                ));
            }
        }
        for (name, (count, place)) in &self.rows.later {
            let plural = if *count == 1 { "" } else { "s" };
            self.judge.report.warn(format!(
                "{count} later transaction{plural} wrote to {name}, the first at {place}: where \
                 they changed rows that the undo restores, their changes are overwritten or met"
            ));
        }
        if self.judge.report.rows() > 0 {
            self.judge.report.warn("AUTO_INCREMENT counters and sequences do not go back");
        }
    }
}
