//! What the text of a statement tells, whether it is a statement by itself or goes with rows.

use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::event::text::rows_query;
use binlog_parser::header::EventType;
use binlog_parser::transaction::counting::CountFault;
use binlog_parser::transaction::{Statement, Transaction};

use super::classify::classify;
use super::classify_kind::FindingKind;
use super::ddl;
use super::finding::StatementSource;
use super::prefilter::{is_dml, may_matter};
use super::session::{Session, is_half_of_alter};
use super::verdict::Verdict;
use crate::sql::Dialect;

/// A statement's text and where it was read.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) source: StatementSource,
}

/// What a statement's Query event says.
pub(super) struct TextStatement<'t> {
    pub(super) query: QueryEvent<'t>,
    pub(super) session: Session,
    pub(super) dialect: Dialect,
    pub(super) timestamp: u32,
    pub(super) verdicts: Vec<Verdict>,
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
                read.fault = Some(Box::new((fault, event)));
                return read;
            }
        };
        read.changes_rows = is_dml(query.text);
        if !may_matter(query.text) {
            return read;
        }
        let vars = query.status_vars().unwrap_or_else(|fault| {
            read.fault = Some(Box::new((fault, event)));
            StatusVars::default()
        });
        let session = Session::of(&query, &vars);
        let dialect = session.dialect(server);
        let verdicts = classify(query.text, &dialect, query.database);
        let timestamp = event.header().timestamp;
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

    pub(super) fn facts(&self) -> ddl::Facts<'_> {
        ddl::Facts {
            text: self.query.text,
            dialect: &self.dialect,
            thread_id: self.session.thread_id,
            timestamp: self.timestamp,
        }
    }
}

/// Whether a verdict on the text of a statement of rows makes it a candidate.
pub(super) fn tells(verdict: &Verdict) -> bool {
    use FindingKind::{AlwaysTrueWhere, DeleteWithoutWhere, UpdateWithoutWhere};
    matches!(verdict.kind, DeleteWithoutWhere | UpdateWithoutWhere | AlwaysTrueWhere)
}

/// The text that was logged with a statement of rows.
pub(super) fn row_text<'a>(statement: &Statement<'_, 'a>) -> Option<Text<'a>> {
    let before_rows =
        statement.events.iter().take_while(|event| event.event_type() != EventType::TABLE_MAP);
    let mut texts = before_rows.filter_map(|event| match event.event_type() {
        EventType::ROWS_QUERY => {
            let bytes = rows_query(event.body()).ok()?;
            Some(Text { bytes, source: StatementSource::RowsQuery })
        }
        EventType::ANNOTATE_ROWS => {
            Some(Text { bytes: event.body(), source: StatementSource::Annotate })
        }
        _ => None,
    });
    texts.next()
}
