//! The backward walk: transactions from the newest to the oldest, and in them statements from the
//! last to the first. Only the event offsets of one transaction, or of a small piece of a log, are in
//! memory at a time.

use std::ops::{ControlFlow, Range};

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::inflate::Inflated;
use binlog_parser::parallel;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{StatementKind, Transaction};

use super::index::{Index, Run};
use super::maps::KnownMaps;
use super::memory::Pool;
use super::picked::Picked;
use super::request::PIECE_BYTES;
use super::rows_statement::{Rows, RowsMemory, RowsStatement, at};
use crate::error::Result;
use crate::select::Filter;

/// A statement of rows on the backward walk.
pub(super) struct Visited<'v, 't, 'a> {
    /// The log that it stands in.
    pub log: &'a Log,
    /// Number of that log in its set.
    pub log_number: usize,
    /// How its events are read.
    pub format: &'v FormatDescription,
    /// The statement.
    pub statement: &'v RowsStatement<'t, 'a>,
    /// Which of its rows are undone, if not all.
    pub picked: Option<&'v Picked>,
}

impl<'v, 't, 'a> Visited<'v, 't, 'a> {
    /// The statement's rows events that are undone, the last first: not those of tables that `filter`
    /// leaves out, nor of sequences.
    pub fn undone(&self, filter: &Filter) -> impl Iterator<Item = &'v Rows<'t, 'a>> {
        self.statement.rows.iter().rev().filter(|rows| {
            let map = self.statement.map_of(rows);
            let name = map.name();
            filter.selects_table(&name.database, &name.table)
                && !map.is_sequence(self.format.family)
        })
    }
}

/// Memory of a walk, which the next uses again: to take it anew for each stretch would cost more than
/// much that is done there.
#[derive(Debug, Default)]
pub(super) struct Memory<'s> {
    known: KnownMaps,
    rows: RowsMemory,
    /// Which events of a transaction each of its statements of rows has.
    of_rows: Vec<Range<usize>>,
    transactions: TransactionsMemory<'s>,
}

/// The same of a walk over whole transactions.
#[derive(Debug, Default)]
pub(super) struct TransactionsMemory<'s> {
    run: Run<'s>,
    events: Vec<RawEvent<'s>>,
    inflated: Inflated,
}

/// Calls `visit` for every statement of rows in `index`, the newest first.
///
/// # Errors
/// An event that cannot be read, or what `visit` says.
pub(super) fn walk(
    set: &LogSet,
    index: &Index,
    mut visit: impl FnMut(Visited<'_, '_, '_>) -> Result<()>,
) -> Result<()> {
    let all = 0..index.entries.len();
    let go_on = |visited: Visited<'_, '_, '_>| visit(visited).map(ControlFlow::Continue);
    statements(set, index, all, &mut Memory::default(), go_on).map(|_| ())
}

/// Calls `visit` for every statement of rows in some entries of `index`, the newest first, until it
/// breaks.
///
/// # Errors
/// As [`walk`].
pub(super) fn statements<'s>(
    set: &'s LogSet,
    index: &Index,
    entries: Range<usize>,
    memory: &mut Memory<'s>,
    mut visit: impl FnMut(Visited<'_, '_, '_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let Memory { known, rows: memory, of_rows, transactions: more } = memory;
    transactions(set, index, entries, more, |number, log, transaction| {
        let (entry, picked) = (index.entries[number], index.picked.get(&number));
        let format = index.format(entry);
        of_rows.clear();
        let mut end = 0;
        for statement in transaction.statements(format.table_id_bytes()) {
            let start = end;
            end += statement.events.len();
            if let StatementKind::Rows { .. } = statement.kind {
                of_rows.push(start..end);
            }
        }
        for events in of_rows.iter().rev() {
            let events = transaction.events.get(events.clone()).unwrap_or_default();
            let mut statement = RowsStatement::read_with(known, memory, events, log, format)?;
            let log_number = entry.log as usize;
            index
                .rebuilt
                .complete(log_number, &mut statement)
                .map_err(|(rows, fault)| at(fault, log, statement.rows[rows].event))?;
            if visit(Visited { log, log_number, format, statement: &statement, picked })?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
            *memory = statement.into_memory();
        }
        Ok(ControlFlow::Continue(()))
    })
}

/// Calls `visit` for every transaction in some entries of `index`, the newest first, with the number
/// of its entry, until it breaks.
///
/// # Errors
/// As [`walk`].
pub(super) fn transactions<'s>(
    set: &'s LogSet,
    index: &Index,
    entries: Range<usize>,
    memory: &mut TransactionsMemory<'s>,
    mut visit: impl FnMut(usize, &Log, &Transaction<'_>) -> Result<ControlFlow<()>>,
) -> Result<ControlFlow<()>> {
    let TransactionsMemory { run, events: spare, inflated } = memory;
    let mut walked = Walked::default();
    for number in entries.rev() {
        let entry = index.entries[number];
        let format = index.format(entry);
        let log = &set.logs()[entry.log as usize];
        index.read(set, number, run)?;
        while let Some((transaction, compressed)) = run.pop(std::mem::take(spare)) {
            let range = transaction.start()..transaction.end();
            let visited = if compressed {
                let plain = transaction.plain(inflated, format);
                visit(number, log, &plain.transaction)?
            } else {
                let visited = visit(number, log, &transaction)?;
                *spare = transaction.events;
                visited
            };
            if visited.is_break() {
                return Ok(visited);
            }
            walked.over(log, range);
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Bytes that a walk goes over before it lets go of their pages.
const LET_GO_BYTES: u64 = 1 << 20;

/// What a backward walk went over and still holds in memory; it lets go of it now and then, and in the
/// end.
#[derive(Debug, Default)]
struct Walked<'a>(Option<(&'a Log, Range<u64>)>);

impl<'a> Walked<'a> {
    /// Goes over a transaction that stands before that of the last call, or in another log.
    fn over(&mut self, log: &'a Log, range: Range<u64>) {
        match &mut self.0 {
            Some((held, behind)) if std::ptr::eq(*held, log) && range.start < behind.end => {
                behind.start = behind.start.min(range.start);
                if behind.end - behind.start >= LET_GO_BYTES {
                    log.release(behind.clone());
                    behind.end = behind.start;
                }
            }
            _ => {
                self.let_go();
                self.0 = Some((log, range));
            }
        }
    }

    fn let_go(&mut self) {
        if let Some((log, range)) = self.0.take() {
            log.release(range);
        }
    }
}

impl Drop for Walked<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Most entries of a stretch, and about the most bytes of a log that they reach over.
const STRETCH: (usize, u64) = (1_024, PIECE_BYTES);

/// Divides the entries of `index` into stretches, the newest first, each of a few transactions that
/// stand near each other, or of a single one. Where they are divided depends on the logs alone.
fn stretches(index: &Index) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut end = index.entries.len();
    std::iter::from_fn(move || {
        let newest = index.entries[..end].last()?;
        let mut start = end - 1;
        while !index.runs.contains_key(&start)
            && end - start < STRETCH.0
            && let Some(before) = start.checked_sub(1)
            && !index.runs.contains_key(&before)
            && index.entries[before].log == newest.log
            && index.entries[before].start.abs_diff(newest.start) < STRETCH.1
        {
            start = before;
        }
        let stretch = start..end;
        end = start;
        Some(stretch)
    })
}

/// Makes something of every stretch on all threads, each with memory of its own, which is `fresh` at
/// first, and hands it to `take` in order, newest first, with the entries that it is of. Of what would
/// be too much to be held, `make` makes nothing.
///
/// # Errors
/// What either says.
pub(super) fn ahead<M: Send, T: Send>(
    index: &Index,
    fresh: impl Fn() -> M + Sync,
    make: impl Fn(Range<usize>, &mut M) -> Result<Option<T>> + Sync,
    mut take: impl FnMut(Range<usize>, Option<T>) -> Result<()>,
) -> Result<()> {
    let mut state = Ok(());
    let memories = Pool::default();
    let make = |entries: Range<usize>| {
        let mut memory = memories.take().unwrap_or_else(&fresh);
        let made = make(entries.clone(), &mut memory);
        memories.give(memory);
        (entries, made)
    };
    parallel::in_order(stretches(index), make, |(entries, made)| {
        state = made.and_then(|made| take(entries, made));
        if state.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    state
}
