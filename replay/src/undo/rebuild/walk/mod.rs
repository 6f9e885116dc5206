//! The walk from the newest log to the oldest, which finds for each row that is looked for its
//! latest earlier image.
//!
//! A row that was prepared by XA is locked until it is decided, so nobody else changes it in
//! between: where a transaction was prepared serves as well as where it was committed.

mod rows;
mod unknown;

use std::collections::HashSet;
use std::path::Path;

use binlog_parser::error::{Fault, Location};
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, StatementKind, Transaction, Unit, Units};

use self::unknown::{gap, undetermined};
use super::backlog::{Item, backlog};
use super::dump;
use super::partial::Partial;
use super::table::cascades;
use super::wants::{Failure, Found, Wants};
use crate::error::{Error, Result};
use crate::schema::{Stamp, TableName};
use crate::undo::history::{decision, prepared_xid};
use crate::undo::tables::Tables;
use crate::undo::unreadable::unreadable;

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

    /// The number of a table, if its rows are looked for.
    fn number(&self, database: &[u8], table: &[u8]) -> Option<usize> {
        self.partial.tables.iter().position(|wanted| {
            let name = &wanted.resolved.name;
            name.database == database && name.table == table
        })
    }
}

fn changed(log: &Log, start: u64) -> Error {
    Error::refused(
        format!("{}: the log has changed while it was read", log.location(start)),
        "give a copy of the log that nothing writes to",
    )
}
