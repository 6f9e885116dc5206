//! Statements as text.

use binlog_parser::transaction::Statement;

use super::candidate::Basis;
use super::ddl;
use super::finding::{Evidence, StatementSource};
use super::search::{Place, Search};
use super::session::Session;
use super::text::{Text, TextStatement};
use super::verdict::Verdict;
use crate::sql::TableName;

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
