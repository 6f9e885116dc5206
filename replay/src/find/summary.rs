//! What a run of transactions tells the search: plain data that owns all it has, so that it can be
//! made on any thread, or be kept.
//!
//! ```text
//! transactions   w1  u1  w1 | d1 | DROP | u1  d1  w2 | delete of 500 | …      w1 writes one row
//! steps          '- Flow -'---'-  Look  -'--- Flow ---'-   Rows    -'
//! ```
//!
//! Statements that can only be counted are summed up by table. All that may be a candidate stands
//! by itself, with the place where it is looked at in the log once its turn has come: whether it is
//! one depends on everything before it. The steps of summaries, one after another, lead to the same
//! report however the transactions were divided into runs.

use std::ops::Range;

use binlog_parser::Error;
use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::scan::Damage;
use binlog_parser::transaction::Ending;

use super::flow::Flow;
use super::traffic::Sizes;
use binlog_parser::transaction::counting::Tally;

/// Fewest rows that count as a whole table: one row may be anything.
pub(super) const FEWEST_ROWS: u64 = 2;

/// A run of whole transactions of one log, as [`super::summarise`] makes it.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Whether it was noted in another run, and what it leads to was not read in this one.
    pub(super) noted: bool,
    /// The tables of it. Their numbers in the rest of the summary are places in this list.
    pub(super) tables: Vec<TableSummary>,
    /// The transactions in which something may have to be looked at.
    pub(super) transactions: Vec<TransactionPlace>,
    /// What the statements of rows that stand by themselves did, table by table.
    pub(super) tallies: Vec<Tally>,
    /// What happened, in the order of the log as far as it matters.
    pub(super) steps: Vec<Step>,
    /// Transactions that are selected.
    pub(super) selected: u64,
    /// Statements of rows in these.
    pub(super) row_statements: u64,
    /// How many of the statements had their text.
    pub(super) row_texts: u64,
}

/// A table, and how large the statements are that changed it.
#[derive(Debug)]
pub(super) struct TableSummary {
    pub(super) database: Box<[u8]>,
    pub(super) name: Box<[u8]>,
    pub(super) deletes: Sizes,
    pub(super) updates: Sizes,
}

impl TableSummary {
    /// A table of which nothing is known.
    pub(super) fn new(database: &[u8], name: &[u8]) -> Self {
        let (deletes, updates) = Default::default();
        TableSummary { database: database.into(), name: name.into(), deletes, updates }
    }

    /// Adds how large a statement was that did this to the table.
    pub(super) fn add_sizes(&mut self, tally: &Tally) {
        if tally.deleted > 0 {
            self.deletes.add(tally.deleted);
        }
        if tally.updated > 0 {
            self.updates.add(tally.updated);
        }
    }
}

/// Where a transaction stands, and what is needed to read it again.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransactionPlace {
    /// Stream positions of its first byte, and of the byte behind its last event.
    pub(super) range: (u64, u64),
    /// How it ends as it stands in the log, compressed or not.
    pub(super) ending: Ending,
    /// Bytes of the table ids in its events.
    pub(super) id_bytes: usize,
    /// Whether the filters select it.
    pub(super) selected: bool,
}

/// Something that happened.
#[derive(Debug)]
pub(super) enum Step {
    /// Statements that only count changed this table.
    Flow(usize, Flow),
    /// A statement of rows that may be a candidate.
    Rows(Rows),
    /// A statement as text that is destructive, or makes a table.
    Text(StatementPlace),
    /// Rows were changed that are not counted.
    Distrust,
    /// An event of a kind that is not looked into, in a transaction that is selected.
    Unread(EventAddress, &'static str),
    /// An event that cannot be read.
    Fault(Box<Error>),
    /// A range that cannot be read.
    Damage(Box<(EventAddress, Damage)>),
    /// The format of what follows.
    Format(Box<FormatDescription>),
}

/// A statement of one of the summary's transactions.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatementPlace {
    /// Which transaction, by its place in the list.
    pub(super) transaction: usize,
    /// Which of its statements, counted from 0.
    pub(super) statement: usize,
}

/// A statement of rows that may be a candidate.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) place: StatementPlace,
    /// What it did, in the summary's list.
    pub(super) tallies: Range<usize>,
    /// Whether all its rows could be counted.
    pub(super) readable: bool,
    /// Whether they count: they do unless the transaction was rolled back.
    pub(super) kept: bool,
    /// Whether its text makes it a candidate.
    pub(super) told: bool,
}

impl Step {
    /// The transaction that the step belongs to, if it is one that may be looked at.
    pub(super) fn transaction(&self) -> Option<usize> {
        match self {
            Step::Rows(rows) => Some(rows.place.transaction),
            Step::Text(place) => Some(place.transaction),
            _ => None,
        }
    }
}
