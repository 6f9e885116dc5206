//! The notes of all parts of a log in one: what a search needs to know of the log, without what can
//! be no candidate whatever came before it.
//!
//! ```text
//! parts    flow | rows  rows  flow | rows  flow | flow  DROP | rows  flow | …
//! digest   '------------ flow ------------------------'-----'--- flow --- …
//! ```
//!
//! A statement on few rows is suspicious only if they may have been all rows of their table. Rows that
//! the log itself wrote and did not take are there whatever was before it, so most such statements are
//! none, and are counted. An update of a whole table is suspicious only where the number of its rows is
//! known exactly: such ones are counted as well, and a search in which it is known, and no greater
//! than the digest allows for, asks the parts.

use std::sync::Arc;

use binlog_parser::index::pack::{Taker, put, put_signed};
use binlog_parser::index::{Noted, Part, TableName};
use binlog_parser::transaction::counting::Tally;

use super::flow::Flow;
use super::packed;
use super::summary::{FEWEST_ROWS, Rows, Step, Summary, TableSummary};
use super::traffic::{Tables, is_system};

/// A statement that took or changed so many rows stands by itself, whatever is known of its table:
/// searches for fewer ask the parts.
pub(super) const MANY_ROWS: u64 = 10;

/// The summary of a whole log, and for which searches it holds.
#[derive(Debug)]
pub(super) struct Digest {
    pub(super) summary: Summary,
    /// By table of the summary: the most rows that it may have before the log for an update that is
    /// counted to be of all of them; none if there is no such update.
    limits: Vec<Option<i64>>,
}

impl Digest {
    /// Whether it tells a search that knows this of the tables all that the parts would.
    pub(super) fn holds(&self, tables: &Tables) -> bool {
        self.summary.tables.iter().zip(&self.limits).all(|(table, limit)| {
            let Some(limit) = limit else { return true };
            let known = tables.find(&table.database, &table.name);
            let (rows, exact) = known.map_or((0, false), |known| tables.get(known).rows());
            !exact || i64::try_from(rows).is_ok_and(|rows| rows > *limit)
        })
    }

    /// Reads what [`Digesting::pack`] wrote; none if it is anything else.
    pub(super) fn unpack(
        noted: &Noted,
        tables: &[TableName],
        all: &Part,
        log: &Arc<str>,
    ) -> Option<Self> {
        let mut taker = Taker::new("digest of the index", &noted.bytes);
        let mut limits = vec![];
        for _ in &noted.tables {
            limits.push(match taker.number().ok()? {
                0 => None,
                _ => Some(taker.signed().ok()?),
            });
        }
        let summary = Noted { tables: noted.tables.clone(), bytes: taker.rest().to_vec() };
        let summary = packed::unpack(&summary, tables, all, log)?;
        Some(Digest { summary, limits })
    }
}

/// What is known of a table, whatever was before the log.
#[derive(Debug, Default)]
struct Known {
    /// Rows that it has at least.
    floor: u64,
    /// Rows written since the start of the log, less rows deleted.
    net: i64,
    limit: Option<i64>,
    /// What is not yet a step.
    flow: Option<Flow>,
}

/// A digest that is being made.
#[derive(Debug, Default)]
pub(super) struct Digesting {
    summary: Summary,
    /// The tables of the summary, by their numbers in the index.
    numbers: Vec<u32>,
    /// By number of a table in the index, its place in the summary.
    places: Vec<Option<usize>>,
    known: Vec<Known>,
    /// Tables with a flow that is no step yet.
    flowing: Vec<usize>,
    /// Whether a statement as text may have made a table, whose rows are known from there.
    told: bool,
    distrusted: bool,
}

impl Digesting {
    /// Takes in the summary of the next part; `numbers` are those of its tables in the index.
    pub(super) fn add(&mut self, part: Summary, numbers: &[u32]) {
        self.summary.selected += part.selected;
        self.summary.row_statements += part.row_statements;
        self.summary.row_texts += part.row_texts;
        let tables: Vec<_> = part
            .tables
            .iter()
            .zip(numbers)
            .map(|(table, number)| self.table(table, *number))
            .collect();
        let mut tallies = part.tallies;
        tallies.iter_mut().for_each(|tally| tally.table = tables[tally.table]);
        // Where a transaction of the part is in the list, once it is.
        let mut listed = vec![None; part.transactions.len()];
        let mut list = |summary: &mut Summary, transaction: usize| {
            *listed[transaction].get_or_insert_with(|| {
                summary.transactions.push(part.transactions[transaction]);
                summary.transactions.len() - 1
            })
        };
        for step in part.steps {
            match step {
                Step::Flow(table, flow) => self.flow(tables[table], &flow),
                Step::Rows(mut rows) => {
                    let tallies = &tallies[rows.tallies.clone()];
                    if self.is_counted(&rows, tallies) {
                        self.count(tallies);
                        continue;
                    }
                    tallies.iter().for_each(|tally| self.end_flow(tally.table));
                    let start = self.summary.tallies.len();
                    self.summary.tallies.extend_from_slice(tallies);
                    rows.tallies = start..self.summary.tallies.len();
                    rows.place.transaction = list(&mut self.summary, rows.place.transaction);
                    if rows.kept {
                        tallies.iter().for_each(|tally| self.pass(tally.table, &flow_of(tally)));
                    }
                    self.summary.steps.push(Step::Rows(rows));
                }
                Step::Text(mut place) => {
                    self.end_flows();
                    self.told = true;
                    self.known.iter_mut().for_each(|known| known.floor = 0);
                    place.transaction = list(&mut self.summary, place.transaction);
                    self.summary.steps.push(Step::Text(place));
                }
                Step::Distrust if self.distrusted => {}
                step => {
                    self.distrusted |= matches!(step, Step::Distrust);
                    self.summary.steps.push(step);
                }
            }
        }
    }

    /// The digest in few bytes; none where [`packed::pack`] gives none.
    pub(super) fn pack(mut self) -> Option<Noted> {
        self.end_flows();
        let mut bytes = vec![];
        for known in &self.known {
            put(&mut bytes, u64::from(known.limit.is_some()));
            known.limit.into_iter().for_each(|limit| put_signed(&mut bytes, limit));
        }
        bytes.extend(packed::pack(&self.summary)?);
        Some(Noted { tables: self.numbers, bytes })
    }

    /// The place in the summary of a table that has this number in the index.
    fn table(&mut self, of_part: &TableSummary, number: u32) -> usize {
        let index = number as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, None);
        }
        let tables = &mut self.summary.tables;
        let place = *self.places[index].get_or_insert_with(|| {
            tables.push(TableSummary::new(&of_part.database, &of_part.name));
            self.numbers.push(number);
            self.known.push(Known::default());
            tables.len() - 1
        });
        let table = &mut tables[place];
        table.deletes.join(&of_part.deletes);
        table.updates.join(&of_part.updates);
        place
    }

    /// Whether a statement of rows can be no candidate; notes for which searches that holds.
    fn is_counted(&mut self, rows: &Rows, tallies: &[Tally]) -> bool {
        if rows.told || !rows.kept || !rows.readable {
            return false;
        }
        let mut limits = vec![];
        for tally in tallies {
            let known = &self.known[tally.table];
            let (lost, updated) = (tally.lost(), tally.updated);
            if lost.max(updated) < FEWEST_ROWS
                || is_system(&self.summary.tables[tally.table].database)
            {
                continue;
            }
            if lost.max(updated) >= MANY_ROWS || lost > 0 && lost >= known.floor {
                return false;
            }
            if updated >= FEWEST_ROWS && updated >= known.floor {
                if self.told {
                    return false;
                }
                limits.push((tally.table, (updated as i64).saturating_sub(known.net)));
            }
        }
        for (table, limit) in limits {
            let known = &mut self.known[table];
            known.limit = known.limit.max(Some(limit));
        }
        true
    }

    fn count(&mut self, tallies: &[Tally]) {
        for tally in tallies {
            self.flow(tally.table, &flow_of(tally));
        }
    }

    /// Takes in what statements that only count did to a table.
    fn flow(&mut self, table: usize, flow: &Flow) {
        self.pass(table, flow);
        match &mut self.known[table].flow {
            Some(before) => before.join(flow),
            before => {
                *before = Some(*flow);
                self.flowing.push(table);
            }
        }
    }

    /// Takes what happened to a table into what is known of it.
    fn pass(&mut self, table: usize, flow: &Flow) {
        let known = &mut self.known[table];
        known.floor = flow.behind(known.floor);
        known.net = known.net.saturating_add(flow.net);
    }

    /// Makes a step of what a table has been through.
    fn end_flow(&mut self, table: usize) {
        if let Some(flow) = self.known[table].flow.take() {
            self.summary.steps.push(Step::Flow(table, flow));
        }
    }

    fn end_flows(&mut self) {
        for table in std::mem::take(&mut self.flowing) {
            self.end_flow(table);
        }
    }
}

/// What a statement did to a table, as one that only counts.
fn flow_of(tally: &Tally) -> Flow {
    let mut flow = Flow::default();
    flow.add_tally(tally);
    flow
}
