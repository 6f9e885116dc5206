//! The walk from the newest log to the oldest, which finds for each row that is looked for its
//! latest earlier image.
//!
//! A row that was prepared by XA is locked until it is decided, so nobody else changes it in
//! between: where a transaction was prepared serves as well as where it was committed.

use std::collections::HashSet;
use std::path::Path;

use binlog_parser::error::{Fault, Location};
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{RowChange, RowsKind, flags};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::RowImage;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::order::Problem;
use binlog_parser::transaction::{
    Ending, Statement, StatementKind, Step, Transaction, Unit, Units, step,
};

use super::backlog::{Item, backlog};
use super::defaults::default_value;
use super::dump;
use super::partial::Partial;
use super::table::{cascades, is_generated, keeps_rows, may_be_replace};
use super::wants::{Column, Failure, Found, KeyBytes, Tracked, Wants, key_bytes};
use crate::error::{Error, Result};
use crate::schema::{ResolvedTable, Stamp, TableName, readable};
use crate::sql::statement::{Object, StatementVerb, head, written_tables};
use crate::undo::history::{decision, prepared_xid};
use crate::undo::judge::{dialect, is_harmless, starts_with_flush, unreadable};
use crate::undo::rows_statement::{Map, Rows, RowsStatement, at};
use crate::undo::tables::Tables;

/// Finds what `partial` lacks, and returns what was not found, and why.
///
/// # Errors
/// An event that cannot be read.
pub(super) fn walk(
    set: &LogSet,
    tables: &Tables,
    dump: Option<&Path>,
    partial: &mut Partial,
) -> Result<(Vec<Failure>, Vec<String>)> {
    walk_to(set, tables, dump, partial, None)
}

/// As [`walk`], but keeps of each row what was found, though it be not all, and tells what the rows
/// held since before `first`, log and position of the first change that is undone.
///
/// # Errors
/// As [`walk`].
pub(super) fn walk_for_keys(
    set: &LogSet,
    tables: &Tables,
    dump: Option<&Path>,
    partial: &mut Partial,
    first: (usize, u64),
) -> Result<(Vec<Failure>, Vec<String>)> {
    walk_to(set, tables, dump, partial, Some(first))
}

fn walk_to(
    set: &LogSet,
    tables: &Tables,
    dump: Option<&Path>,
    partial: &mut Partial,
    first: Option<(usize, u64)>,
) -> Result<(Vec<Failure>, Vec<String>)> {
    let newest = partial.events.iter().map(|event| event.place).max();
    let Some((newest, _)) = newest else { return Ok((vec![], vec![])) };
    for table in &mut partial.tables {
        table.cascades = cascades(
            &table.resolved,
            tables.history(),
            Stamp { log: newest, offset: u64::MAX, inner: 0 },
        );
    }
    let mut walk = Walk {
        set,
        tables,
        wants: Wants::of(partial.tables.len()),
        partial,
        committed: HashSet::new(),
        asked: false,
        first,
        dump: dump.map(|path| dump::Rows::open(set, path)),
    };
    let names = walk.names();
    let oldest = walk.partial.events.iter().map(|event| event.place.0).min();
    for number in (0..=newest).rev() {
        if walk.wants.are_idle() && oldest.is_some_and(|oldest| number < oldest) {
            break;
        }
        walk.log(number, &names)?;
    }
    walk.ask()?;
    walk.keep()?;
    let excuse = match &walk.dump {
        None => String::new(),
        Some(Ok(dump)) => format!(", and {}", dump.excuse()),
        Some(Err(why)) => format!("; the dump cannot be asked: {why}"),
    };
    walk.wants.before_first = true;
    walk.wants.fail_all(&format!("no event in the logs before has it{excuse}"));
    if first.is_some() {
        let unfinished = walk.wants.unfinished();
        walk.store(unfinished)?;
    }
    Ok(walk.wants.failures())
}

/// An error of the place where values are kept.
pub(super) fn no_place(fault: Fault) -> Error {
    Error::at(fault, Location::default())
}

/// How much of a statement is shown.
const SHOWN_BYTES: usize = 60;

struct Walk<'w> {
    set: &'w LogSet,
    tables: &'w Tables,
    partial: &'w mut Partial,
    wants: Wants,
    /// XA transactions whose commit stands behind the place that was reached.
    committed: HashSet<String>,
    /// A dump, or why it cannot be asked; and whether it was.
    dump: Option<std::result::Result<dump::Rows<'w>, String>>,
    asked: bool,
    /// Where the first change stands that is undone, if that matters.
    first: Option<(usize, u64)>,
}

impl Walk<'_> {
    /// Names of all tables whose events matter.
    fn names(&self) -> Vec<TableName> {
        let mut names = vec![];
        for table in &self.partial.tables {
            names.push(table.resolved.name.clone());
            names.extend(table.cascades.iter().flat_map(|cascade| cascade.sources.clone()));
        }
        names.sort();
        names.dedup();
        names
    }

    fn log(&mut self, number: usize, names: &[TableName]) -> Result<()> {
        let log = &self.set.logs()[number];
        let mut inflated = Inflated::default();
        for item in backlog(log, names).into_iter().rev() {
            let start = match &item {
                Item::Unknown(start, _) | Item::Transaction(start, _) => *start,
            };
            self.wants.before_first = self.first.is_some_and(|first| (number, start) < first);
            match item {
                Item::Unknown(offset, why) => {
                    let place = log.location(offset);
                    self.wants.fail_all(&format!("what was done at {place} is not known: {why}"));
                }
                Item::Transaction(start, format) => {
                    let scan = log.scan_from(start).with_format(FormatDescription::clone(&format));
                    let Some(Unit::Transaction(transaction)) = Units::new(scan).next() else {
                        return Err(changed(log, start));
                    };
                    let plain = transaction.plain(&mut inflated, &format);
                    if plain.transaction.ending == Ending::Open {
                        return Err(changed(log, start));
                    }
                    self.ask_before(log, number, &plain.transaction)?;
                    self.transaction(number, log, &format, &plain.transaction)?;
                    self.keep()?;
                }
            }
        }
        if let Some(why) = self.set.problems().iter().find_map(|problem| gap(problem, log.name())) {
            self.wants.fail_all(&why);
        }
        Ok(())
    }

    /// Asks the dump for what is still missing, once.
    fn ask(&mut self) -> Result<()> {
        let asked = std::mem::replace(&mut self.asked, true);
        match &self.dump {
            Some(Ok(dump)) if !asked => dump.ask(&self.partial.tables, &mut self.wants),
            _ => Ok(()),
        }
    }

    /// Asks the dump before a transaction that it holds is gone through.
    fn ask_before(
        &mut self,
        log: &Log,
        number: usize,
        transaction: &Transaction<'_>,
    ) -> Result<()> {
        let Some(Ok(dump)) = &self.dump else { return Ok(()) };
        let held = dump.contained.contains(log, number, transaction)?;
        if held {
            return self.ask();
        }
        if self.asked {
            let place = log.location(transaction.start());
            return Err(Error::refused(
                format!("{place}: the dump holds later transactions, and not this one"),
                "give a dump of the server that wrote the logs",
            ));
        }
        Ok(())
    }

    /// Stores the rows that are complete.
    fn keep(&mut self) -> Result<()> {
        let completed = self.wants.completed();
        self.store(completed)
    }

    fn store(&mut self, rows: Vec<Found>) -> Result<()> {
        for (number, row, found) in rows {
            let Partial { events, tables, rebuilt, .. } = &mut *self.partial;
            let Some(event) = events.get_mut(number as usize) else { continue };
            let Some(table) = tables.get(event.table) else { continue };
            let mut values: Vec<Option<&[u8]>> = vec![None; table.types.len()];
            for (ordinal, value) in &found {
                if let Some(slot) = values.get_mut(usize::from(*ordinal)) {
                    *slot = value.as_deref();
                }
            }
            let start = rebuilt.store(&event.images.filled, &table.layout, &values);
            let start = start.map_err(|fault| Error::at(fault, event.location.clone()))?;
            if let Some(slot) = event.images.rows.get_mut(row as usize) {
                *slot = start;
            }
        }
        Ok(())
    }

    fn transaction(
        &mut self,
        number: usize,
        log: &Log,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
    ) -> Result<()> {
        if let Some((commit, xid)) = decision(log, transaction)? {
            if commit {
                self.committed.insert(xid);
            }
            return Ok(());
        }
        if let Some(xid) = prepared_xid(log, transaction)?
            && !self.committed.remove(&xid)
        {
            return Ok(());
        }
        if let Some(why) = undetermined(transaction) {
            let place = log.location(transaction.start());
            let why = format!("what stayed of the transaction at {place} is not known: {why}");
            self.fail_written(format, transaction, &why);
            return Ok(());
        }
        let statements: Vec<_> = transaction.statements(format.table_id_bytes()).collect();
        for statement in statements.iter().rev() {
            match statement.kind {
                StatementKind::Rows { .. } => self.rows(number, log, format, statement)?,
                StatementKind::Query => self.query(number, log, format, statement)?,
                StatementKind::Other => {
                    let unknown = |event: &&RawEvent<'_>| unreadable(event).is_some();
                    if let Some(event) = statement.events.iter().find(unknown) {
                        let place = event.location(log);
                        self.wants.fail_all(&format!("what {place} did is not read"));
                    }
                }
                StatementKind::Gtid | StatementKind::Begin | StatementKind::End => {}
            }
        }
        Ok(())
    }

    /// Gives up the tables that a transaction writes.
    fn fail_written(
        &mut self,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
        why: &str,
    ) {
        for event in &transaction.events {
            if event.event_type() != EventType::TABLE_MAP {
                continue;
            }
            match TableMapEvent::parse(event.body(), format.table_id_bytes()) {
                Ok(map) => {
                    if let Some(table) = self.number(map.database, map.table) {
                        self.wants.fail_table(table, why);
                    }
                }
                Err(_) => self.wants.fail_all(why),
            }
        }
    }

    fn number(&self, database: &[u8], table: &[u8]) -> Option<usize> {
        self.partial.tables.iter().position(|wanted| {
            let name = &wanted.resolved.name;
            name.database == database && name.table == table
        })
    }

    /// A statement of text may change rows, and says nothing of them; or the table.
    fn query(
        &mut self,
        number: usize,
        log: &Log,
        format: &FormatDescription,
        statement: &Statement<'_, '_>,
    ) -> Result<()> {
        let Some(event) = statement.last() else { return Ok(()) };
        let place = event.location(log);
        if event.event_type() != EventType::QUERY {
            self.wants.fail_all(&format!("the rows of LOAD DATA at {place} are not known"));
            return Ok(());
        }
        let query = event.query().map_err(|fault| at(fault, log, event))?;
        if step(query.text) != Step::Statement {
            return Ok(());
        }
        let dialect = dialect(format, &query);
        let head = head(query.text, &dialect);
        let creates_database = head.object == Object::Database && head.verb != StatementVerb::Drop;
        if is_harmless(head) || starts_with_flush(query.text) || creates_database {
            return Ok(());
        }
        let text = readable(query.text.get(..SHOWN_BYTES).unwrap_or(query.text));
        let why = format!("at {place} stands a statement that logs no rows: {text}");
        let written = written_tables(query.text, &dialect, query.database);
        if written.is_empty() {
            let drops_database = head.object == Object::Database;
            for table in 0..self.partial.tables.len() {
                let name = &self.partial.tables[table].resolved.name;
                if !drops_database || may_name(query.text, &name.database) {
                    self.wants.fail_table(table, &why);
                }
            }
            return Ok(());
        }
        let defines =
            matches!(head.verb, StatementVerb::Create | StatementVerb::Alter | StatementVerb::Drop);
        let stamp = Stamp::of(number, event);
        for table in 0..self.partial.tables.len() {
            let name = self.partial.tables[table].resolved.name.clone();
            let meant = written.iter().any(|written| {
                let database = written.database.as_deref().unwrap_or(query.database);
                // Without a table, the whole database is meant.
                database.eq_ignore_ascii_case(&name.database)
                    && (written.table.is_empty() || written.table.eq_ignore_ascii_case(&name.table))
            });
            if meant && !(defines && keeps_rows(self.tables.history(), &name, stamp)) {
                let why = match defines {
                    true => format!("the table was defined anew or changed at {place}"),
                    false => why.clone(),
                };
                self.wants.fail_table(table, &why);
            }
        }
        Ok(())
    }

    fn rows(
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
            self.cascade(&map.name(), log, rows, format);
            let Some(table) = self.number(map.map.database, map.map.table) else { continue };
            let undone = self.partial.by_place.get(&(number, rows.event.place())).copied();
            if undone.is_none() && self.wants.is_idle(table) {
                continue;
            }
            let place = rows.event.location(log);
            let types = map.map.column_types().map_err(fault)?;
            let changes = rows.rows.changes(&map.layout).collect::<Result<Vec<_>, _>>();
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

    /// Gives up columns that foreign keys may have changed when these rows were.
    fn cascade(
        &mut self,
        name: &TableName,
        log: &Log,
        rows: &Rows<'_, '_>,
        format: &FormatDescription,
    ) {
        use binlog_parser::header::Family;
        let event = &rows.rows;
        let logged =
            format.family == Family::Mysql && event.flags & flags::USE_SQL_FOREIGN_KEY != 0;
        if event.kind == RowsKind::Write
            || logged
            || event.flags & flags::NO_FOREIGN_KEY_CHECKS != 0
        {
            return;
        }
        for table in 0..self.partial.tables.len() {
            for cascade in &self.partial.tables[table].cascades {
                if cascade.sources.contains(name) {
                    let place = rows.event.location(log);
                    let why = format!(
                        "a foreign key may have changed it when rows of {name} were changed at \
                         {place}, which is not logged"
                    );
                    self.wants.fail_columns(table, &cascade.columns, &why);
                }
            }
        }
    }

    /// One row of an event.
    fn change(
        &mut self,
        event: &Seen<'_, '_, '_>,
        row: usize,
        change: &RowChange<'_>,
    ) -> Result<(), Fault> {
        let width = event.map.layout.width();
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
    for cell in image.cells_by(&map.layout) {
        let cell = cell?;
        if let Some(value) = values.get_mut(cell.ordinal) {
            *value = Some(cell.bytes.map(|bytes| Bytes { bytes, partial: cell.partial }));
        }
    }
    Ok(values)
}

/// Whether a text may hold a name, in quotes or without, in any case.
fn may_name(text: &[u8], name: &[u8]) -> bool {
    let bare = |text: &[u8]| {
        let bare = text.iter().filter(|byte| !b"`\"".contains(byte));
        bare.map(u8::to_ascii_lowercase).collect::<Vec<u8>>()
    };
    memchr::memmem::find(&bare(text), &bare(name)).is_some()
}

/// Why what stayed of a transaction is not known, if it is not.
fn undetermined(transaction: &Transaction<'_>) -> Option<&'static str> {
    if transaction.ending == Ending::Rollback {
        return Some("it ends in ROLLBACK");
    }
    let to_savepoint = transaction.events.iter().any(|event| {
        event.event_type() == EventType::QUERY
            && event.query().is_ok_and(|query| {
                query.text.get(..11).is_some_and(|text| text.eq_ignore_ascii_case(b"ROLLBACK TO"))
            })
    });
    to_savepoint.then_some("it was rolled back in part")
}

/// Why what stands before the log of this name is not what came before it, if it is not.
fn gap(problem: &Problem, name: &str) -> Option<String> {
    let here = match problem {
        Problem::Missing { before, .. } | Problem::MissingGtids { before, .. } => before,
        Problem::NotAfter { log, .. } | Problem::Repeated { log, .. } => log,
        // Rows of one server say nothing of those of another.
        Problem::OtherServer { log, .. } => return Some(format!("{log} is of another server")),
        Problem::Duplicate { .. } | Problem::SameName { .. } => return None,
    };
    (**here == *name).then(|| format!("the logs before {name} are not all there"))
}

fn changed(log: &Log, start: u64) -> Error {
    Error::refused(
        format!("{}: the log has changed while it was read", log.location(start)),
        "give a copy of the log that nothing writes to",
    )
}
