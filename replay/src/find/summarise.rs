//! Makes summaries: walks transactions with nothing known of those before them, which any number of
//! threads can do at a time.

mod rows;

use std::collections::HashMap;

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::EventType;
use binlog_parser::index::Whole;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::counting::{Counter, Tally};
use binlog_parser::transaction::{Ending, Plain, Statement, StatementKind, Transaction};
use binlog_parser::transaction::{Unit, Units};
use binlog_parser::{Error, Fault};

use super::Options;
use super::flow::Flow;
use super::summary::{StatementPlace, Step, Summary, TransactionPlace};
use super::text::TextStatement;
use crate::select::{Filter, Selected};
use crate::sql::Dialect;

/// Whose logs are searched, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) set: &'a LogSet,
    pub(super) options: &'a Options,
    /// Number of the log in its set.
    pub(super) index: usize,
    pub(super) log: &'a Log,
}

/// Walks a log, or a piece of it.
#[derive(Debug)]
pub(super) struct Summariser<'a> {
    course: Course<'a>,
    /// Whether every transaction is selected.
    unfiltered: bool,
    /// How the server reads statements, but for the session.
    dialect: Dialect,
    counter: Counter,
    inflated: Inflating,
    /// The memory for what a statement of rows did.
    tallies: Vec<Tally>,
    /// The transaction under way.
    now: Now,
    /// By name: the number of a table in the summary.
    by_name: HashMap<Vec<u8>, usize>,
    /// By table of the summary: what is not yet a step.
    flows: Vec<Option<Flow>>,
    /// The tables of these.
    flowing: Vec<usize>,
    distrusted: bool,
    summary: Summary,
}

/// A transaction under way.
#[derive(Debug)]
struct Now {
    place: TransactionPlace,
    /// Where it is in the summary's list, once it is.
    listed: Option<usize>,
    /// The statement, counted from 0.
    statement: usize,
    ending: Ending,
}

impl Now {
    fn new(whole: Whole, id_bytes: usize, selected: bool, ending: Ending) -> Self {
        let Whole { range, ending: as_it_stands } = whole;
        let place = TransactionPlace { range, ending: as_it_stands, id_bytes, selected };
        Now { place, listed: None, statement: 0, ending }
    }
}

impl<'a> Summariser<'a> {
    /// A walk that begins under `format`.
    pub(super) fn new(course: Course<'a>, format: &FormatDescription) -> Self {
        Summariser {
            course,
            unfiltered: course.options.filter == Filter::default(),
            dialect: dialect_of(format),
            counter: Counter::default(),
            inflated: None,
            tallies: vec![],
            now: Now::new(
                Whole { range: (0, 0), ending: Ending::Open },
                format.table_id_bytes(),
                false,
                Ending::Open,
            ),
            by_name: HashMap::new(),
            flows: vec![],
            flowing: vec![],
            distrusted: false,
            summary: Summary::default(),
        }
    }

    /// Sums up what `units` yields until it ends, or at about stream position `end`, or where the
    /// summary has about `most` steps, each at the end of a unit; and whether it has ended.
    pub(super) fn run(&mut self, units: &mut Units<'a>, end: u64, most: usize) -> (Summary, bool) {
        let mut ended = false;
        let mut statements = vec![];
        while !ended && units.offset() < end && self.summary.steps.len() < most {
            if self.unfiltered
                && let Some(look) = units.look_at_statements(&mut statements)
                && self.look(&look, &statements)
            {
                units.pass(&look);
            } else if let Some((transaction, format)) = units.glance() {
                self.whole(transaction, format);
            } else if let Some(unit) = units.next() {
                self.unit(unit, units.format());
            } else {
                ended = true;
            }
        }
        (self.sum_up(), ended)
    }

    /// The summary since this was asked last.
    pub(super) fn sum_up(&mut self) -> Summary {
        self.flow_all();
        // The numbers of tables are those of the summary.
        self.counter = Counter::default();
        self.by_name.clear();
        self.flows.clear();
        self.distrusted = false;
        std::mem::take(&mut self.summary)
    }

    /// Takes in a transaction of which nothing is compressed.
    fn whole(&mut self, transaction: &Transaction<'_>, format: &FormatDescription) {
        self.plain(Whole::of(transaction), transaction, format);
    }

    /// Takes in a unit.
    fn unit(&mut self, unit: Unit<'a>, format: &FormatDescription) {
        let log = self.course.log;
        match unit {
            Unit::Transaction(transaction) if transaction.is_compressed() => {
                self.compressed(Whole::of(&transaction), transaction, format);
            }
            Unit::Transaction(transaction) => self.whole(&transaction, format),
            Unit::Control(event) => {
                if event.event_type() == EventType::FORMAT_DESCRIPTION {
                    self.enter_format(format);
                }
            }
            Unit::Damage(damage) => {
                self.flow_all();
                let address = EventAddress::new(log.name(), damage.range.start);
                self.summary.steps.push(Step::Damage(Box::new((address, damage))));
            }
        }
    }

    fn enter_format(&mut self, format: &FormatDescription) {
        self.dialect = dialect_of(format);
        self.summary.steps.push(Step::Format(Box::new(format.clone())));
    }

    /// A transaction whose events are compressed, or some of them.
    fn compressed(
        &mut self,
        whole: Whole,
        transaction: Transaction<'a>,
        format: &FormatDescription,
    ) {
        let mut inflated = self.inflated.take();
        let Plain { transaction, damage } = plain(transaction, &mut inflated, format);
        self.plain(whole, &transaction, format);
        if let Some(damage) = damage {
            self.flow_all();
            let told = (damage.address(self.course.log), damage.damage());
            self.summary.steps.push(Step::Damage(Box::new(told)));
        }
        self.inflated = inflated;
    }

    /// A transaction that stands at `whole` in the log, without compressed events.
    fn plain(&mut self, whole: Whole, transaction: &Transaction<'_>, format: &FormatDescription) {
        self.enter(whole, transaction, format);
        self.counter.enter();
        for (number, statement) in transaction.work(format.table_id_bytes()) {
            if let StatementKind::Rows { .. } = statement.kind {
                let mut tallies = std::mem::take(&mut self.tallies);
                let fault = self.count_rows(&statement, format, &mut tallies);
                self.rows(transaction, (number, &statement), &tallies, fault);
                self.tallies = tallies;
            } else {
                self.statement(transaction, (number, &statement), format);
            }
        }
    }

    /// Enters a transaction.
    pub(super) fn enter(
        &mut self,
        whole: Whole,
        transaction: &Transaction<'_>,
        format: &FormatDescription,
    ) {
        let Course { set, options, index, .. } = self.course;
        let selected = self.unfiltered
            || match options.filter.selects(set, index, transaction) {
                Ok(selected) => selected == Selected::Yes,
                Err(_) => {
                    // It cannot be told apart by its GTID, so it must not be passed over.
                    if let (Some(event), Err(fault)) =
                        (transaction.gtid_event(), transaction.gtid())
                    {
                        self.fault((fault, event));
                    }
                    true
                }
            };
        self.summary.selected += u64::from(selected);
        self.now = Now::new(whole, format.table_id_bytes(), selected, transaction.ending);
    }

    /// Takes in a statement of the transaction that was entered last, with its number there. It is
    /// none of rows, which [`Summariser::rows`] takes in.
    pub(super) fn statement(
        &mut self,
        transaction: &Transaction<'_>,
        (number, statement): (usize, &Statement<'_, '_>),
        format: &FormatDescription,
    ) {
        self.now.statement = number;
        match statement.kind {
            StatementKind::Query => self.query(transaction, statement),
            StatementKind::Other => self.other(statement, format),
            _ => {}
        }
    }

    fn fault(&mut self, (fault, event): (Fault, &RawEvent<'_>)) {
        let error: Error = fault.at(event.location(self.course.log));
        self.summary.steps.push(Step::Fault(Box::new(error)));
    }

    fn distrust(&mut self) {
        if !std::mem::replace(&mut self.distrusted, true) {
            self.summary.steps.push(Step::Distrust);
        }
    }

    fn place(&mut self) -> StatementPlace {
        let (now, transactions) = (&mut self.now, &mut self.summary.transactions);
        let transaction = *now.listed.get_or_insert_with(|| {
            transactions.push(now.place);
            transactions.len() - 1
        });
        StatementPlace { transaction, statement: now.statement }
    }

    /// Events that carry data in a form that is not looked into.
    fn other(&mut self, statement: &Statement<'_, '_>, format: &FormatDescription) {
        for event in statement.events {
            let event_type = event.event_type();
            if matches!(event_type.0, 39 | 172) {
                self.distrust();
                if self.now.place.selected {
                    let address = event.address(self.course.log);
                    self.summary.steps.push(Step::Unread(address, event_type.name()));
                }
            }
            if event_type == EventType::FORMAT_DESCRIPTION {
                // One that a relay log got from its source in the midst of a transaction.
                self.enter_format(format);
            }
        }
    }

    /// A statement as text.
    fn query(&mut self, transaction: &Transaction<'_>, statement: &Statement<'_, '_>) {
        let read = TextStatement::read(statement, &self.dialect);
        if let Some(fault) = read.fault {
            self.fault(*fault);
        }
        if read.changes_rows {
            self.distrust();
        }
        if read.statement.is_some_and(|read| read.matters(transaction)) {
            // It may concern any table.
            self.flow_all();
            let place = self.place();
            self.summary.steps.push(Step::Text(place));
        }
    }
}

/// The memory for compressed transactions, once there is one: it is large, and most logs have none.
pub(super) type Inflating = Option<Box<Inflated>>;

/// A transaction without compressed events.
pub(super) fn plain<'a: 'b, 'b>(
    transaction: Transaction<'a>,
    inflated: &'b mut Inflating,
    format: &FormatDescription,
) -> Plain<'b> {
    if !transaction.is_compressed() {
        return Plain { transaction, damage: None };
    }
    transaction.plain(inflated.get_or_insert_default(), format)
}

fn dialect_of(format: &FormatDescription) -> Dialect {
    Dialect::from_server_version(format.server_version.as_bytes())
}
