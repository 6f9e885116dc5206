//! Statements of rows: summed up by table, or a step of their own where they may be a candidate.

use std::collections::HashMap;

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::index::Whole;
use binlog_parser::transaction::counting::{CountFault, Tally};
use binlog_parser::transaction::{Ending, Look, ShortStatement, Statement, Transaction};

use super::{Now, Summariser};
use crate::find::classify::classify;
use crate::find::prefilter::may_matter;
use crate::find::session::session_of;
use crate::find::summary::{FEWEST_ROWS, Rows, Step, TableSummary};
use crate::find::text::{row_text, tells};
use crate::find::traffic::{is_system, write_key};

impl Summariser<'_> {
    /// Takes in a transaction of which no more is to be known than a look shows; whether it is one. All
    /// transactions are selected.
    pub(super) fn look(&mut self, look: &Look<'_>, statements: &[ShortStatement<'_>]) -> bool {
        let mut tallies = std::mem::take(&mut self.tallies);
        let id_bytes = look.table_id_bytes();
        let counted = self.counter.count_short(statements, id_bytes, &mut tallies);
        if counted {
            let whole = Whole { range: look.range(), ending: Ending::Xid };
            self.short(whole, id_bytes, look.first, &tallies);
        }
        self.tallies = tallies;
        counted
    }

    /// Takes in a transaction of statements of rows, the first of which is number `first` of all, and
    /// each of which did this to one table of the summary. All transactions are selected.
    pub(in crate::find) fn short(
        &mut self,
        whole: Whole,
        id_bytes: usize,
        first: usize,
        tallies: &[Tally],
    ) {
        self.summary.selected += 1;
        self.now = Now::new(whole, id_bytes, true, whole.ending);
        for (number, tally) in (first..).zip(tallies) {
            self.now.statement = number;
            self.summary.row_statements += 1;
            self.counted(std::slice::from_ref(tally), true, false);
        }
    }

    /// Counts the rows of a statement.
    pub(super) fn count_rows<'s>(
        &mut self,
        statement: &Statement<'s, 's>,
        format: &FormatDescription,
        tallies: &mut Vec<Tally>,
    ) -> Option<CountFault<'s>> {
        let (tables, by_name) = (&mut self.summary.tables, &mut self.by_name);
        let counted = self.counter.count(
            statement.events,
            format.table_id_bytes(),
            &mut |database, table| name(tables, by_name, (database, table)),
            tallies,
        );
        counted.err()
    }

    /// Gives a table that has no number in the summary the next.
    pub(in crate::find) fn add_table(&mut self, database: &[u8], name: &[u8]) -> usize {
        self.summary.tables.push(TableSummary::new(database, name));
        self.summary.tables.len() - 1
    }

    /// Takes in a statement of rows of the transaction that was entered last, with its number there, and
    /// with what it did to the tables of the summary, as far as `fault` does not tell why not all of it
    /// could be counted.
    pub(in crate::find) fn rows(
        &mut self,
        transaction: &Transaction<'_>,
        (number, statement): (usize, &Statement<'_, '_>),
        tallies: &[Tally],
        fault: Option<CountFault<'_>>,
    ) {
        self.now.statement = number;
        let readable = fault.is_none();
        if let Some(fault) = fault {
            self.fault(*fault);
        }
        let selected = self.now.place.selected;
        let text = row_text(statement);
        self.summary.row_statements += u64::from(selected);
        self.summary.row_texts += u64::from(selected && text.is_some());
        let told = text.filter(|text| selected && may_matter(text.bytes)).is_some_and(|text| {
            let dialect = session_of(transaction).dialect(&self.dialect);
            classify(text.bytes, &dialect, b"").iter().any(tells)
        });
        self.counted(tallies, readable, told);
    }

    /// Takes in what a statement did to the tables of the summary: all of it, if it is `readable`.
    /// `told` is whether its text makes it a candidate.
    #[inline(always)]
    fn counted(&mut self, tallies: &[Tally], readable: bool, told: bool) {
        if self.flows.len() < self.summary.tables.len() {
            self.flows.resize(self.summary.tables.len(), None);
        }
        let kept = self.now.ending != Ending::Rollback;
        let fewest = FEWEST_ROWS.min(self.course.options.min_rows);
        let mut stands_out = told;
        for tally in tallies.iter().filter(|_| kept) {
            let Some(table) = self.summary.tables.get_mut(tally.table) else { continue };
            table.add_sizes(tally);
            let lost = tally.lost().max(tally.updated);
            stands_out |= lost >= fewest && !is_system(&table.database);
        }
        if stands_out {
            for tally in tallies {
                self.flow(tally.table);
            }
            let start = self.summary.tallies.len();
            self.summary.tallies.extend_from_slice(tallies);
            let tallies = start..self.summary.tallies.len();
            let place = self.place();
            self.summary.steps.push(Step::Rows(Rows { place, tallies, readable, kept, told }));
        } else if kept {
            self.count(tallies);
        }
    }

    fn count(&mut self, tallies: &[Tally]) {
        for tally in tallies {
            let Some(flow) = self.flows.get_mut(tally.table) else { continue };
            if flow.is_none() {
                self.flowing.push(tally.table);
            }
            if tally.deleted.max(tally.updated).max(tally.written) > 0 {
                flow.get_or_insert_default().add_tally(tally);
            }
        }
    }

    /// Makes a step of what a table has been through.
    fn flow(&mut self, table: usize) {
        if let Some(flow) = self.flows.get_mut(table).and_then(Option::take) {
            self.summary.steps.push(Step::Flow(table, flow));
        }
    }

    pub(super) fn flow_all(&mut self) {
        for table in std::mem::take(&mut self.flowing) {
            self.flow(table);
        }
    }
}

/// The number of a table in a summary; a new one the first time.
fn name(
    tables: &mut Vec<TableSummary>,
    by_name: &mut HashMap<Vec<u8>, usize>,
    (database, name): (&[u8], &[u8]),
) -> usize {
    let mut key = vec![];
    write_key(&mut key, database, name);
    *by_name.entry(key).or_insert_with(|| {
        tables.push(TableSummary::new(database, name));
        tables.len() - 1
    })
}
