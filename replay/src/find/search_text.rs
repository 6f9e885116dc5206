//! Statements as text.

use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::EventType;
use binlog_parser::transaction::{Statement, Transaction};

use super::candidate::Basis;
use super::classify::classify;
use super::ddl;
use super::finding::{Evidence, StatementSource};
use super::prefilter::{is_dml, may_matter};
use super::search::{Place, Search, Text};
use super::session::{Session, is_half_of_alter};
use super::verdict::Verdict;
use crate::sql::{Dialect, TableName};
use binlog_parser::transaction::counting::CountFault;

/// What a statement's Query event says.
pub(super) struct TextStatement<'t> {
    query: QueryEvent<'t>,
    session: Session,
    dialect: Dialect,
    timestamp: u32,
    verdicts: Vec<Verdict>,
}

/// What reading a statement gave.
#[derive(Default)]
pub(super) struct TextRead<'t> {
    /// The statement, unless it cannot matter or cannot be read.
    pub(super) statement: Option<TextStatement<'t>>,
    /// What of its event cannot be read.
    pub(super) fault: Option<CountFault<'t>>,
    /// Whether it changes rows by itself, which are then in no rows event.
    pub(super) changes_rows: bool,
}

impl<'t> TextStatement<'t> {
    /// Reads a statement that a `server` logged.
    pub(super) fn read(statement: &Statement<'t, 't>, server: &Dialect) -> TextRead<'t> {
        let mut read = TextRead::default();
        let last = statement.events.last();
        let Some(event) = last.filter(|event| event.event_type() == EventType::QUERY) else {
            return read;
        };
        let query = match event.query() {
            Ok(query) => query,
            Err(fault) => {
                read.fault = Some((fault, event));
                return read;
            }
        };
        read.changes_rows = is_dml(query.text);
        if !may_matter(query.text) {
            return read;
        }
        let vars = query.status_vars().unwrap_or_else(|fault| {
            read.fault = Some((fault, event));
            StatusVars::default()
        });
        let session = Session::of(&query, &vars);
        let dialect = session.dialect(server);
        let verdicts = classify(query.text, &dialect, query.database);
        let timestamp = event.header.timestamp;
        read.statement = Some(TextStatement { query, session, dialect, timestamp, verdicts });
        read
    }

    /// Whether it is destructive or makes a table, as far as its own `transaction` tells.
    pub(super) fn matters(&self, transaction: &Transaction<'_>) -> bool {
        if self.verdicts.is_empty() {
            return ddl::makes_table(&self.facts());
        }
        !is_half_of_alter(transaction)
    }

    fn facts(&self) -> ddl::Facts<'_> {
        ddl::Facts {
            text: self.query.text,
            dialect: &self.dialect,
            thread_id: self.session.thread_id,
            timestamp: self.timestamp,
        }
    }
}

impl Search<'_> {
    /// A statement that matters.
    pub(super) fn text(&mut self, place: &Place<'_, '_>, statement: &Statement<'_, '_>) {
        let read = TextStatement::read(statement, &self.dialect);
        let Some(read) = read.statement else { return };
        let text = Text { bytes: read.query.text, source: StatementSource::Query };
        let facts = read.facts();
        for verdict in &read.verdicts {
            if place.selected {
                let basis = ddl::basis(verdict, &facts, &self.tables);
                self.text_candidate(place, statement, verdict, text, &read.session, basis);
            }
            ddl::apply(verdict, &mut self.tables);
        }
        ddl::follow_create(&facts, read.query.database, &mut self.tables);
    }

    /// A finding by the text of a Query event, which has no rows.
    fn text_candidate(
        &mut self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        verdict: &Verdict,
        text: Text<'_>,
        session: &Session,
        basis: Basis,
    ) {
        let Some(table) = self.selected_table(verdict) else { return };
        let mut finding = self.finding(place, statement, verdict.kind, Some(text), session);
        finding.database = table.as_ref().and_then(|t| t.database.clone());
        finding.table = table.as_ref().map(|t| t.table.clone()).filter(|name| !name.is_empty());
        self.judge_by_text(&mut finding, verdict);
        let others = verdict.tables.iter().filter(|other| Some(*other) != table.as_ref());
        let others: Vec<_> = others.map(ddl::show).collect();
        if !others.is_empty() {
            finding.reasons.push(Evidence::AlsoNames(others.join(", ")));
        }
        self.keep(place, finding, text.bytes, basis);
    }

    /// The table to name: the first that the filters select. `None` if they select none, and
    /// `Some(None)` for a statement that concerns no table.
    fn selected_table(&self, verdict: &Verdict) -> Option<Option<TableName>> {
        let filter = &self.options.filter;
        if !filter.by_table() {
            return Some(verdict.tables.first().cloned());
        }
        let mut tables = verdict.tables.iter();
        let selected = tables.find(|table| {
            let database = table.database.as_deref().unwrap_or_default();
            if table.table.is_empty() {
                return filter.selects_database(database);
            }
            filter.selects_table(database, &table.table)
        });
        selected.map(|table| Some(table.clone()))
    }
}
