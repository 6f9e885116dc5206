//! The undo as SQL statements, which anybody can read, and which need the names of the columns.
//!
//! A row is found by its key (the primary key, else a unique key without NULL, else all its values)
//! and known by all its values, byte by byte. Rows that come back are inserted many at a time, those
//! of an event together. Every statement is followed by a check that it met just the rows it means;
//! before an INSERT it is checked that no row with such a key is there.

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};

use binlog_parser::Fault;
use binlog_parser::event::rows::{RowsEvent, RowsKind, flags};
use binlog_parser::header::Family;
use binlog_parser::row::{RowImage, RowLayout};
use binlog_parser::source::log_set::LogSet;

use super::backward::{self, Memory, Visited};
use super::index::Index;
use super::memory::Pool;
use super::request::Request;
use super::row::{Cells, Row};
use super::rows_statement::{Rows, Span, Spans, at};
use super::script::{Script, Told};
use super::table_sql::TableSql;
use super::tables::{Met, Tables};
use crate::error::{Error, Result};
use crate::select::Filter;
use crate::sql::literal::NoLiteral;

/// What a check says of a row that is not as the logs left it.
pub(super) const CHANGED: &str = "the row is not there as the logs left it";

/// What a check says of a key that is taken.
pub(super) const TAKEN: &str = "a row with the key of one that comes back is there already";

/// What is told if an INSERT left rows out.
pub(super) const MISSING: &str = "not all of its rows came back";

/// Most rows of an INSERT: servers look up no more keys than so many one by one.
const INSERT_ROWS: u64 = 1_000;

/// Writes the undo of what `index` holds, and returns the size of the largest packet.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write<'s>(
    set: &'s LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    out: &mut dyn Write,
) -> Result<u64> {
    let Some(&last) = index.entries.last() else { return Ok(0) };
    let family = index.format(last).family;
    let mut script = Script::new(out, request);
    script.begin()?;
    if script.is_written() {
        script.begin_transaction()?;
    }
    let mut desk = Desk::default();
    let mut writer = Writer::new(script, family, tables, request, &mut desk);
    if request.batch.is_some() {
        // Where a batch ends depends on all rows before.
        let all = 0..index.entries.len();
        writer.entries(set, index, all).map(drop)?;
        return writer.script.end();
    }
    let spare = Pool::<Vec<u8>>::default();
    let make = |entries, desk: &mut Desk<'s>| {
        let mut ahead = Writer::new(
            Script::ahead(spare.take().unwrap_or_default()),
            family,
            tables,
            request,
            desk,
        );
        let whole = ahead.entries(set, index, entries)?.is_continue();
        whole.then(|| ahead.script.into_part()).transpose()
    };
    backward::ahead(index, Desk::default, make, |entries, part| {
        let Some(part) = part else {
            // Now that it is its turn, it goes to the output as it comes.
            return writer.entries(set, index, entries).map(drop);
        };
        writer.script.join(&part)?;
        spare.give(part.bytes);
        Ok(())
    })?;
    writer.script.end()
}

struct Writer<'w, 'r, 'd, 's> {
    script: Script<'w>,
    tables: &'r Tables,
    family: Family,
    filter: &'r Filter,
    packet_bytes: usize,
    insert: Option<Insert>,
    /// Flags of rows events by which the session leaves out checks.
    unchecked: u16,
    desk: &'d mut Desk<'s>,
}

/// What a writer needs at hand, which the next uses again.
#[derive(Default)]
struct Desk<'s> {
    walk: Memory<'s>,
    met: Met,
    /// The statement that is being built.
    text: Vec<u8>,
    /// Memory for the next INSERT.
    spare: Spare,
    /// What is told of the event if not all of its rows are met: they are not as the logs left them,
    /// or did not come back.
    told: Told,
    /// What is told of an event whose rows come back if their keys are taken.
    told_taken: Told,
    spans: Spans,
    /// Memory for the rows of an event.
    cells: [Cells; 2],
}

/// An INSERT that is being built.
struct Insert {
    text: Vec<u8>,
    /// The keys of its rows.
    keys: Vec<u8>,
    rows: u64,
}

/// Memory of an INSERT that is written.
#[derive(Default)]
struct Spare {
    text: Vec<u8>,
    keys: Vec<u8>,
}

impl<'w, 'r, 'd, 's> Writer<'w, 'r, 'd, 's> {
    fn new(
        script: Script<'w>,
        family: Family,
        tables: &'r Tables,
        request: &'r Request,
        desk: &'d mut Desk<'s>,
    ) -> Self {
        let (filter, packet_bytes) = (&request.filter, request.packet_bytes);
        Writer { script, tables, family, filter, packet_bytes, insert: None, unchecked: 0, desk }
    }

    /// Writes the undo of some entries of `index`; breaks where that is more than may be gathered.
    fn entries(
        &mut self,
        set: &'s LogSet,
        index: &Index,
        entries: Range<usize>,
    ) -> Result<ControlFlow<()>> {
        let (mut met, mut walk) =
            (std::mem::take(&mut self.desk.met), std::mem::take(&mut self.desk.walk));
        let all = backward::statements(set, index, entries, &mut walk, |visited| {
            self.statement(&mut met, &visited)
        })?;
        (self.desk.met, self.desk.walk) = (met, walk);
        self.check_as(0)?;
        Ok(all)
    }

    fn statement(
        &mut self,
        met: &mut Met,
        visited: &Visited<'_, '_, '_>,
    ) -> Result<ControlFlow<()>> {
        let statement = visited.statement;
        for rows in visited.undone(self.filter) {
            let map = statement.map_of(rows);
            let fault = |fault| at(fault, visited.log, rows.event);
            let table = met
                .table(self.tables, map, visited.log_number, visited.format)
                .map_err(|why| Error::refused(why.to_string(), super::NAMES_HINT))?;
            self.check_as(rows.rows.flags)?;
            let written =
                self.rows(table, (rows, map.layout()), visited).map_err(|error| match error {
                    RowError::Output(error) => error,
                    RowError::Literal(NoLiteral::Fault(why)) => fault(why),
                    RowError::Literal(why) => Error::refused(
                        format!("{}: {why}", rows.event.location(visited.log)),
                        super::BASE64_HINT,
                    ),
                })?;
            if written.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Undoes the rows of an event, from the last to the first.
    fn rows(
        &mut self,
        table: &TableSql,
        (rows, layout): (&Rows<'_, '_>, &RowLayout),
        visited: &Visited<'_, '_, '_>,
    ) -> Result<ControlFlow<()>, RowError> {
        let (event, log) = (rows.images(), visited.log);
        let Desk { cells: [before, after], told, told_taken, spans, .. } = &mut *self.desk;
        let (mut before, mut after) = (table.row(before), table.row(after));
        let place = rows.event.place();
        match event.kind {
            RowsKind::Delete => {
                told_taken.set(log.name(), place, TAKEN);
                told.set(log.name(), place, MISSING);
            }
            RowsKind::Write | RowsKind::Update => told.set(log.name(), place, CHANGED),
        }
        let only = visited.picked.is_none() && fill_only(&event, &mut before, &mut after).is_some();
        if !only {
            spans.measure(rows, layout, visited.picked)?;
        }
        for index in (0..if only { 1 } else { spans.len() }).rev() {
            if self.script.is_full() {
                self.end_insert(table)?;
                self.script.next_batch()?;
            }
            if !self.script.take(1) {
                continue;
            }
            if self.script.is_overfull() {
                return Ok(ControlFlow::Break(()));
            }
            if !only {
                let Some(span) = self.desk.spans.get(index) else { continue };
                fill(&event, span, &mut before, &mut after)?;
            }
            match event.kind {
                RowsKind::Delete => self.insert(table, &before)?,
                RowsKind::Write => self.delete(table, &after)?,
                RowsKind::Update => self.update(table, &after, &before)?,
            }
        }
        // The rows of an event are inserted together, and no others with them.
        self.end_insert(table)?;
        self.desk.cells = [before, after].map(Row::into_memory);
        Ok(ControlFlow::Continue(()))
    }

    fn insert(&mut self, table: &TableSql, row: &Row<'_>) -> Result<(), RowError> {
        if table.needs_lax_mode(row) {
            self.end_insert(table)?;
            self.script.lax(true)?;
            self.insert_strict(table, row)?;
            self.end_insert(table)?;
            return Ok(self.script.lax(false)?);
        }
        self.insert_strict(table, row)
    }

    fn insert_strict(&mut self, table: &TableSql, row: &Row<'_>) -> Result<(), RowError> {
        let full =
            |open: &Insert| open.text.len() > self.packet_bytes / 2 || open.rows >= INSERT_ROWS;
        if self.insert.as_ref().is_some_and(full) {
            self.end_insert(table)?;
        }
        let spare = &mut self.desk.spare;
        let open = self.insert.get_or_insert_with(|| {
            let Spare { mut text, mut keys } = std::mem::take(spare);
            text.clear();
            keys.clear();
            table.push_insert(&mut text);
            Insert { text, keys, rows: 0 }
        });
        open.text.extend_from_slice(if open.rows == 0 { b"\n" } else { b",\n" });
        table.push_values(&mut open.text, row)?;
        if table.resolved.key.is_some() {
            open.keys.extend_from_slice(if open.rows == 0 { b"" } else { b"," });
            table.push_key(&mut open.keys, row)?;
        }
        open.rows += 1;
        Ok(())
    }

    /// Ends the INSERT into `table` that is open, if one is.
    fn end_insert(&mut self, table: &TableSql) -> Result<()> {
        let Some(Insert { text, keys, rows }) = self.insert.take() else { return Ok(()) };
        let (awkward, desk) = (table.has_awkward_names(), &mut *self.desk);
        if !keys.is_empty() {
            desk.text.clear();
            desk.text.extend_from_slice(b"NOT EXISTS(SELECT * FROM ");
            table.push_table(&mut desk.text);
            desk.text.extend_from_slice(b" WHERE ");
            table.push_key_in(&mut desk.text);
            desk.text.extend_from_slice(&keys);
            desk.text.extend_from_slice(b"))");
            self.script.check_text(&desk.told_taken, &desk.text, awkward)?;
        }
        self.script.change(&text, awkward, rows, &desk.told)?;
        desk.spare = Spare { text, keys };
        Ok(())
    }

    fn delete(&mut self, table: &TableSql, row: &Row<'_>) -> Result<(), RowError> {
        self.script.change_one(table.has_awkward_names(), &self.desk.told, |out| {
            table.push_delete(out);
            table.push_where(out, row)?;
            Ok(true)
        })
    }

    fn update(&mut self, table: &TableSql, now: &Row<'_>, then: &Row<'_>) -> Result<(), RowError> {
        let awkward = table.has_awkward_names();
        let write = |out: &mut Vec<u8>| -> Result<bool, RowError> {
            let any = table.push_update(out, now, then)?;
            if any {
                table.push_where(out, now)?;
            }
            Ok(any)
        };
        if !table.needs_lax_mode(then) {
            return self.script.change_one(awkward, &self.desk.told, write);
        }
        let Desk { text, told, .. } = &mut *self.desk;
        text.clear();
        if write(text)? {
            self.script.lax(true)?;
            self.script.change(text, awkward, 1, told)?;
            self.script.lax(false)?;
        }
        Ok(())
    }

    /// Leaves out the checks that the session of these rows left out.
    fn check_as(&mut self, rows_flags: u16) -> Result<()> {
        let known = match self.family {
            Family::Mysql => flags::NO_FOREIGN_KEY_CHECKS,
            Family::Mariadb => flags::NO_FOREIGN_KEY_CHECKS | flags::NO_CHECK_CONSTRAINT_CHECKS,
        };
        let wanted = rows_flags & known;
        let changed = wanted ^ self.unchecked;
        if changed == 0 {
            return Ok(());
        }
        self.unchecked = wanted;
        for (flag, variable) in [
            (flags::NO_FOREIGN_KEY_CHECKS, "foreign_key_checks"),
            (flags::NO_CHECK_CONSTRAINT_CHECKS, "check_constraint_checks"),
        ] {
            if changed & flag != 0 {
                let value = u8::from(wanted & flag == 0);
                self.script.words(&format!("SET @@SESSION.{variable}={value}"))?;
            }
        }
        Ok(())
    }
}

/// Fills in the images of the only row of an event; none if it has several, or not all of it is plain.
fn fill_only<'a>(event: &RowsEvent<'a>, before: &mut Row<'a>, after: &mut Row<'a>) -> Option<()> {
    if event.partial || event.width != before.width() || !event.has_full_images() {
        return None;
    }
    let mut rest = event.rows;
    for (row, columns) in [(before, event.before_columns), (after, event.after_columns)] {
        if columns.is_some() {
            rest = row.fill_first(rest)?;
        }
    }
    rest.is_empty().then_some(())
}

/// Fills in the images of a row of an event.
fn fill<'a>(
    event: &RowsEvent<'a>,
    span: Span,
    before: &mut Row<'a>,
    after: &mut Row<'a>,
) -> Result<(), Fault> {
    for (row, columns, bytes) in
        [(before, event.before_columns, span.before()), (after, event.after_columns, span.after())]
    {
        if let Some(present) = columns {
            let bytes = event.rows.get(bytes).unwrap_or_default();
            row.fill(RowImage::new(present, bytes))?;
        }
    }
    Ok(())
}

/// What keeps a row from being written.
enum RowError {
    Output(Error),
    Literal(NoLiteral),
}

impl From<Error> for RowError {
    fn from(error: Error) -> Self {
        RowError::Output(error)
    }
}

impl From<io::Error> for RowError {
    fn from(error: io::Error) -> Self {
        RowError::Output(error.into())
    }
}

impl From<NoLiteral> for RowError {
    fn from(why: NoLiteral) -> Self {
        RowError::Literal(why)
    }
}

impl From<Fault> for RowError {
    fn from(fault: Fault) -> Self {
        RowError::Literal(NoLiteral::Fault(fault))
    }
}
