//! Whether the statements of a transaction can be inverted, and how many rows that makes.

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::table_map::flags as map_flags;
use binlog_parser::header::EventType;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, Statement, StatementKind, Transaction};

use super::maps::Said;
use super::picked::Picked;
use super::refusals::{Refusals, WAY_OUT};
use super::report::{Report, RowCounts};
use super::rows_statement::{Rows, RowsStatement, at};
use super::sums::Sums;
use super::unreadable::unreadable;
use crate::error::Result;
use crate::schema::{TableName, readable};
use crate::select::Filter;
use crate::sql::Dialect;
use crate::sql::statement::{Object, StatementHead, StatementVerb, head, written_tables};

/// Judges transactions one after another.
pub(super) struct Judge<'r> {
    /// Which tables are meant.
    pub filter: &'r Filter,
    /// What stands against the undo.
    pub refusals: Refusals,
    /// What the undo will do.
    pub report: Report,
}

/// Whether a statement concerns rows that are to be undone.
type Concerned = bool;

impl Judge<'_> {
    /// Judges a transaction, or those of its rows that are picked. `rows` is told of every rows event
    /// that will be undone.
    ///
    /// # Errors
    /// An event that cannot be read.
    pub fn transaction<'a>(
        &mut self,
        log: &Log,
        format: &FormatDescription,
        transaction: &Transaction<'a>,
        picked: Option<&Picked>,
        mut rows: impl FnMut(&mut Self, &RowsStatement<'_, 'a>, &Rows<'_, 'a>) -> Result<()>,
    ) -> Result<()> {
        let mut concerned = false;
        for statement in transaction.statements(format.table_id_bytes()) {
            let undone = match statement.kind {
                StatementKind::Gtid | StatementKind::Begin | StatementKind::End => false,
                // Of what is picked, all is rows.
                StatementKind::Query | StatementKind::Other if picked.is_some() => false,
                StatementKind::Query => self.query(log, format, &statement)?,
                StatementKind::Rows { whole } => {
                    let read = RowsStatement::read(&statement, log, format)?;
                    self.rows((log, format), &read, (whole, picked), &mut rows)?
                }
                StatementKind::Other => self.other(log, &statement),
            };
            self.report.statements += u64::from(undone);
            concerned |= undone;
        }
        self.report.transactions += u64::from(concerned);
        self.report.transactions_left_out += u64::from(!concerned);
        if concerned && transaction.ending == Ending::Commit {
            self.warn_of_commit_as_text();
        }
        if concerned && transaction.ending == Ending::Rollback {
            let why = "the transaction ends in ROLLBACK; which of its rows stayed depends on the \
                       tables' engines";
            self.refusals.add(log.location(transaction.start()), why, WAY_OUT);
        }
        Ok(())
    }

    /// Takes in a piece that was summed up.
    pub fn sums(&mut self, sums: &Sums) {
        let report = &mut self.report;
        report.transactions += sums.transactions;
        report.transactions_left_out += sums.empty;
        report.statements += sums.statements;
        for table in &sums.tables {
            let said = &table.said;
            if table.values > 0 {
                self.leave_sequence(&said.name, table.values);
            }
            if table.rows.total() > 0 {
                self.add(said).join(table.rows);
            }
        }
        if sums.commits_as_text {
            self.warn_of_commit_as_text();
        }
    }

    /// The counts of a table of which rows are undone, one of whose maps says this.
    fn add(&mut self, said: &Said) -> &mut RowCounts {
        if said.flags & map_flags::HAS_TRIGGERS != 0 {
            self.report.triggers.insert(said.name.clone());
        }
        self.report.tables.entry(said.name.clone()).or_default()
    }

    fn leave_sequence(&mut self, name: &TableName, values: u64) {
        self.report.warn(format!("{name} looks like a sequence: its values do not go back"));
        *self.report.left_out.entry(name.clone()).or_default() += values;
    }

    /// Engines that can roll back end their transactions in an Xid event.
    fn warn_of_commit_as_text(&mut self) {
        self.report.warn(
            "some rows are of tables that cannot roll back: if the undo fails, theirs are \
             changed all the same; MySQL takes them under enforce_gtid_consistency only if \
             their undo is a single statement",
        );
    }

    fn rows<'t, 'a>(
        &mut self,
        (log, format): (&Log, &FormatDescription),
        statement: &RowsStatement<'t, 'a>,
        (whole, picked): (bool, Option<&Picked>),
        each: &mut impl FnMut(&mut Self, &RowsStatement<'t, 'a>, &Rows<'t, 'a>) -> Result<()>,
    ) -> Result<Concerned> {
        let mut concerned = false;
        for rows in &statement.rows {
            let map = statement.map_of(rows);
            let count =
                rows.rows.count(map.layout()).map_err(|fault| at(fault, log, rows.event))?;
            let count = match picked {
                Some(picked) => {
                    (0..count).filter(|row| picked.takes(rows.event, *row as usize)).count() as u64
                }
                None => count,
            };
            if picked.is_some() && count == 0 {
                continue;
            }
            let name = map.name();
            if !self.filter.selects_table(&name.database, &name.table) {
                *self.report.left_out.entry(name.clone()).or_default() += count;
                continue;
            }
            if map.is_sequence(format.family) {
                self.leave_sequence(name, count);
                continue;
            }
            concerned = true;
            let place = || rows.event.location(log);
            if format.table_id_bytes() != 6 {
                self.refusals.add(place(), "rows of a server before 5.1.4", WAY_OUT);
                continue;
            }
            self.add(&map.said).add(rows.rows.kind, count);
            each(self, statement, rows)?;
        }
        if let Some(first) = statement.rows.first().filter(|_| concerned && !whole) {
            let why = "the statement's last rows event is missing";
            self.refusals.add(first.event.location(log), why, WAY_OUT);
        }
        Ok(concerned)
    }

    /// A statement of text has no rows to reverse: it is harmless, left out, or refused.
    fn query(
        &mut self,
        log: &Log,
        format: &FormatDescription,
        statement: &Statement<'_, '_>,
    ) -> Result<Concerned> {
        let Some(event) = statement.last() else { return Ok(false) };
        let place = event.location(log);
        if event.event_type() != EventType::QUERY {
            self.refusals.add(place, "LOAD DATA as a statement has no rows to reverse", WAY_OUT);
            return Ok(true);
        }
        let query = event.query().map_err(|fault| at(fault, log, event))?;
        let dialect = dialect(format, &query);
        let head = head(query.text, &dialect);
        if is_harmless(head) || starts_with_flush(query.text) {
            if !head.verb.is_transaction_control() && !head.temporary {
                let what = "statements that touch no rows (grants, views, routines, maintenance) \
                            are not undone";
                self.report.warn(what);
            }
            return Ok(false);
        }
        if !self.concerns(head, &query, &dialect) {
            return Ok(false);
        }
        self.refusals.add(place, describe(head, &query, &dialect), WAY_OUT);
        Ok(true)
    }

    /// Whether a statement may write to a table that is selected.
    fn concerns(&self, head: StatementHead, query: &QueryEvent<'_>, dialect: &Dialect) -> bool {
        if !self.filter.by_table() {
            return true;
        }
        let tables = written_tables(query.text, dialect, query.database);
        if tables.is_empty() || head.verb == StatementVerb::RollbackToSavepoint {
            return self.filter.selects_database(query.database);
        }
        tables.iter().any(|table| {
            let database = table.database.as_deref().unwrap_or(query.database);
            // Without a table, the whole database is meant.
            if table.table.is_empty() {
                return self.filter.selects_database(database);
            }
            self.filter.selects_table(database, &table.table)
        })
    }

    /// Any other event: what may be skipped by a reader that does not know it holds no rows.
    fn other(&mut self, log: &Log, statement: &Statement<'_, '_>) -> Concerned {
        let mut concerned = false;
        for event in statement.events {
            if let Some(why) = unreadable(event) {
                let place = event.location(log);
                self.refusals.add(place, why, WAY_OUT);
                concerned = true;
            }
        }
        concerned
    }
}

pub(super) fn dialect(format: &FormatDescription, query: &QueryEvent<'_>) -> Dialect {
    let dialect = Dialect::from_server_version(format.server_version.as_bytes());
    let Ok(vars) = query.status_vars() else { return dialect };
    let dialect = match vars.sql_mode {
        Some(mode) => dialect.with_sql_mode(mode),
        None => dialect,
    };
    match vars.charset {
        Some(charset) => dialect.with_client_collation(charset.client),
        None => dialect,
    }
}

/// Whether a statement leaves all rows of all lasting tables as they are.
pub(super) fn is_harmless(head: StatementHead) -> bool {
    use StatementVerb as V;
    match head.verb {
        V::RollbackToSavepoint | V::Rollback => false,
        V::Grant | V::Revoke | V::SetPassword | V::Set | V::Maintenance | V::Empty => true,
        V::Create | V::Alter | V::Drop | V::Rename => {
            head.temporary
                || matches!(
                    head.object,
                    Object::View | Object::StoredProgram | Object::User | Object::Role
                )
        }
        verb => verb.is_transaction_control(),
    }
}

/// FLUSH is logged, for replicas to do the same.
pub(super) fn starts_with_flush(text: &[u8]) -> bool {
    text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"FLUSH "))
}

/// Why a statement is refused: what it is, and on which tables.
fn describe(head: StatementHead, query: &QueryEvent<'_>, dialect: &Dialect) -> String {
    use StatementVerb as V;
    let tables = written_tables(query.text, dialect, query.database);
    let tables: Vec<_> = tables
        .iter()
        .map(|table| {
            let name = [table.database.as_deref().unwrap_or_default(), &table.table].join(&b'.');
            readable(&name)
        })
        .collect();
    let on = if tables.is_empty() { String::new() } else { format!(" ({})", tables.join(", ")) };
    match head.verb {
        V::Truncate => format!("TRUNCATE{on} has no rows to reverse"),
        V::Create | V::Alter | V::Drop | V::Rename => {
            let object = format!("{:?}", head.object);
            format!("{} {}{on} has no rows to reverse", upper(head.verb), object.to_uppercase())
        }
        V::RollbackToSavepoint => {
            "ROLLBACK TO a savepoint; which rows stayed depends on the tables' engines".into()
        }
        verb => format!("{}{on}, logged as a statement, has no rows to reverse", upper(verb)),
    }
}

fn upper(verb: StatementVerb) -> String {
    format!("{verb:?}").to_uppercase()
}
