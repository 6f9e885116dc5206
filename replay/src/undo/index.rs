//! Where the transactions are that an undo reads backward: a few bytes each, whatever their size.

use std::collections::HashMap;
use std::sync::Arc;

use binlog_parser::error::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::{RawEvent, Scanned};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Transaction, Unit, Units};

use super::picked::Picked;
use super::rebuild::{KeyValues, Rebuilt};
use crate::error::{Error, Result};

/// One transaction to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Index of its log.
    pub log: u32,
    /// Index of the format description that holds there.
    pub format: u32,
    /// Stream position of its first event.
    pub start: u64,
}

/// A format description of the logs, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Format {
    /// Index of its log.
    pub log: usize,
    /// Stream position of its event.
    pub offset: u64,
    /// What it says.
    pub description: Arc<FormatDescription>,
}

impl Format {
    /// Its event.
    ///
    /// # Errors
    /// Where it cannot be read any more.
    pub fn event<'s>(&self, set: &'s LogSet) -> Result<RawEvent<'s>> {
        let log = &set.logs()[self.log];
        match log.scan_from(self.offset).next() {
            Some(Scanned::Event(event)) if event.event_type() == EventType::FORMAT_DESCRIPTION => {
                Ok(event)
            }
            _ => {
                let fault = Fault::unsupported("format description", "it cannot be read any more");
                Err(Error::at(fault, log.location(self.offset)))
            }
        }
    }
}

/// All transactions to undo, oldest first.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The transactions, in the order in which they took effect.
    pub entries: Vec<Entry>,
    /// The format descriptions that [`Entry::format`] counts.
    pub formats: Vec<Format>,
    /// Of entries that stand for several transactions one after another, by their number in
    /// `entries`, the stream position where the last of these ends.
    pub runs: HashMap<usize, u64>,
    /// Of transactions that are not undone as a whole, by their number in `entries`, the rows that
    /// are.
    pub picked: HashMap<usize, Picked>,
    /// Whole images of rows whose events lack columns.
    pub rebuilt: Rebuilt,
    /// Values of keys that events lack, of what is undone and of what stays.
    pub keys: KeyValues,
}

impl Index {
    /// Log and position of the first transaction.
    pub fn first(&self) -> Option<(usize, u64)> {
        self.entries.iter().map(|entry| (entry.log as usize, entry.start)).min()
    }

    /// The format that holds for `entry`.
    pub fn format(&self, entry: Entry) -> &FormatDescription {
        &self.formats[entry.format as usize].description
    }

    /// Reads the transactions of entry `number` again into `run`: one, unless the entry stands for
    /// several; those that are compressed as they are.
    ///
    /// # Errors
    /// [`Error::Refused`] if the log is not what it was when the index was made.
    pub fn read<'s>(&self, set: &'s LogSet, number: usize, run: &mut Run<'s>) -> Result<()> {
        self.transactions(set, self.entries[number], self.runs.get(&number).copied(), run)
    }

    /// Reads the events of `entry`'s transaction again; where it is compressed, into `inflated`.
    ///
    /// # Errors
    /// As [`Index::read`].
    pub fn load<'b>(
        &self,
        set: &'b LogSet,
        entry: Entry,
        inflated: &'b mut Inflated,
    ) -> Result<(&'b Log, Transaction<'b>)> {
        let log = &set.logs()[entry.log as usize];
        let mut run = Run::default();
        self.transactions(set, entry, None, &mut run)?;
        let (one, _) = run.pop(vec![]).ok_or_else(|| changed(log, entry))?;
        Ok((log, one.plain(inflated, self.format(entry)).transaction))
    }

    /// The transactions from `entry` to `end`; one if there is no end. Their checksums are compared
    /// again: what is written over between two walks must not go into an undo.
    fn transactions<'s>(
        &self,
        set: &'s LogSet,
        entry: Entry,
        end: Option<u64>,
        run: &mut Run<'s>,
    ) -> Result<()> {
        let log = &set.logs()[entry.log as usize];
        let scan = log.scan_from(entry.start).with_format(self.format(entry).clone());
        let mut units = Units::new(scan.until(end.unwrap_or(u64::MAX)));
        run.clear();
        let mut last = None;
        let mut take = |transaction: &Transaction<'s>| {
            last = Some((transaction.ending, transaction.end()));
            run.push(transaction);
            end.is_some()
        };
        loop {
            let more = match units.glance() {
                Some((transaction, _)) => take(transaction),
                None => match units.next() {
                    Some(Unit::Transaction(transaction)) => take(&transaction),
                    // Between transactions alone.
                    Some(Unit::Control(_)) => end.is_some(),
                    Some(Unit::Damage(_)) | None => false,
                },
            };
            if !more {
                break;
            }
        }
        let whole = last
            .is_some_and(|(ending, at)| ending != Ending::Open && end.is_none_or(|end| at == end));
        if whole { Ok(()) } else { Err(changed(log, entry)) }
    }
}

/// Transactions one after another, to be taken out from the last on. Their memory is used again.
#[derive(Debug, Default)]
pub(super) struct Run<'s> {
    events: Vec<RawEvent<'s>>,
    transactions: Vec<Bounds>,
}

/// One of them.
#[derive(Debug)]
struct Bounds {
    /// Where among the events it begins.
    start: usize,
    ending: Ending,
    compressed: Compressed,
}

/// Whether events of a transaction have to be inflated. It is found out as they come by: when they are
/// taken out, they are no longer near.
pub(super) type Compressed = bool;

impl<'s> Run<'s> {
    fn clear(&mut self) {
        self.events.clear();
        self.transactions.clear();
    }

    fn push(&mut self, transaction: &Transaction<'s>) {
        let (start, ending) = (self.events.len(), transaction.ending);
        let compressed = transaction.is_compressed();
        self.transactions.push(Bounds { start, ending, compressed });
        self.events.extend_from_slice(&transaction.events);
    }

    /// Takes out the last transaction, whose events get the memory of `spare`.
    pub fn pop(&mut self, mut spare: Vec<RawEvent<'s>>) -> Option<(Transaction<'s>, Compressed)> {
        let Bounds { start, ending, compressed } = self.transactions.pop()?;
        spare.clear();
        match start {
            // Many events are not copied where there is no memory for them.
            0 if self.events.len() > spare.capacity() => {
                std::mem::swap(&mut self.events, &mut spare);
            }
            _ => spare.extend(self.events.drain(start..)),
        }
        Some((Transaction { events: spare, ending }, compressed))
    }
}

fn changed(log: &Log, entry: Entry) -> Error {
    Error::refused(
        format!("{}: the log has changed while it was read", log.location(entry.start)),
        "give a copy of the log that nothing writes to",
    )
}
