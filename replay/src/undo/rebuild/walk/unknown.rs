//! What leaves rows in the dark that are looked for: statements of text, actions of foreign keys,
//! transactions that were rolled back in part, and logs that are missing.

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{RowsKind, flags};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::source::log::Log;
use binlog_parser::source::order::Problem;
use binlog_parser::transaction::{Ending, Statement, Step, Transaction, step};

use super::super::table::keeps_rows;
use super::Walk;
use crate::error::Result;
use crate::schema::{Stamp, TableName, readable};
use crate::sql::statement::{Object, StatementVerb, head, written_tables};
use crate::undo::judge::{dialect, is_harmless, starts_with_flush};
use crate::undo::rows_statement::{Rows, at};

/// How much of a statement is shown.
const SHOWN_BYTES: usize = 60;

impl Walk<'_> {
    /// Gives up the tables that a transaction writes.
    pub(super) fn fail_written(
        &mut self,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
        why: &str,
    ) {
        for event in &transaction.events {
            if event.event_type() != EventType::TABLE_MAP {
                continue;
            }
            match TableMapEvent::parse(event.body(), format.table_id_bytes()) {
                Ok(map) => {
                    if let Some(table) = self.number(map.database, map.table) {
                        self.wants.fail_table(table, why);
                    }
                }
                Err(_) => self.wants.fail_all(why),
            }
        }
    }

    /// A statement of text may change rows, and says nothing of them; or the table.
    pub(super) fn query(
        &mut self,
        number: usize,
        log: &Log,
        format: &FormatDescription,
        statement: &Statement<'_, '_>,
    ) -> Result<()> {
        let Some(event) = statement.last() else { return Ok(()) };
        let place = event.location(log);
        if event.event_type() != EventType::QUERY {
            self.wants.fail_all(&format!("the rows of LOAD DATA at {place} are not known"));
            return Ok(());
        }
        let query = event.query().map_err(|fault| at(fault, log, event))?;
        if step(query.text) != Step::Statement {
            return Ok(());
        }
        let dialect = dialect(format, &query);
        let head = head(query.text, &dialect);
        let creates_database = head.object == Object::Database && head.verb != StatementVerb::Drop;
        if is_harmless(head) || starts_with_flush(query.text) || creates_database {
            return Ok(());
        }
        let text = readable(query.text.get(..SHOWN_BYTES).unwrap_or(query.text));
        let why = format!("at {place} stands a statement that logs no rows: {text}");
        let written = written_tables(query.text, &dialect, query.database);
        if written.is_empty() {
            let drops_database = head.object == Object::Database;
            for table in 0..self.partial.tables.len() {
                let name = &self.partial.tables[table].resolved.name;
                if !drops_database || may_name(query.text, &name.database) {
                    self.wants.fail_table(table, &why);
                }
            }
            return Ok(());
        }
        let defines =
            matches!(head.verb, StatementVerb::Create | StatementVerb::Alter | StatementVerb::Drop);
        let stamp = Stamp::of(number, event);
        for table in 0..self.partial.tables.len() {
            let name = self.partial.tables[table].resolved.name.clone();
            let meant = written.iter().any(|written| {
                let database = written.database.as_deref().unwrap_or(query.database);
                // Without a table, the whole database is meant.
                database.eq_ignore_ascii_case(&name.database)
                    && (written.table.is_empty() || written.table.eq_ignore_ascii_case(&name.table))
            });
            if meant && !(defines && keeps_rows(self.tables.history(), &name, stamp)) {
                let why = match defines {
                    true => format!("the table was defined anew or changed at {place}"),
                    false => why.clone(),
                };
                self.wants.fail_table(table, &why);
            }
        }
        Ok(())
    }

    /// Gives up columns that foreign keys may have changed when these rows were.
    pub(super) fn cascade(
        &mut self,
        name: &TableName,
        log: &Log,
        rows: &Rows<'_, '_>,
        format: &FormatDescription,
    ) {
        let event = &rows.rows;
        let logged =
            format.family == Family::Mysql && event.flags & flags::USE_SQL_FOREIGN_KEY != 0;
        if event.kind == RowsKind::Write
            || logged
            || event.flags & flags::NO_FOREIGN_KEY_CHECKS != 0
        {
            return;
        }
        for table in 0..self.partial.tables.len() {
            for cascade in &self.partial.tables[table].cascades {
                if cascade.sources.contains(name) {
                    let place = rows.event.location(log);
                    let why = format!(
                        "a foreign key may have changed it when rows of {name} were changed at \
                         {place}, which is not logged"
                    );
                    self.wants.fail_columns(table, &cascade.columns, &why);
                }
            }
        }
    }
}

/// Whether a text may hold a name, in quotes or without, in any case.
fn may_name(text: &[u8], name: &[u8]) -> bool {
    let bare = |text: &[u8]| {
        let bare = text.iter().filter(|byte| !b"`\"".contains(byte));
        bare.map(u8::to_ascii_lowercase).collect::<Vec<u8>>()
    };
    memchr::memmem::find(&bare(text), &bare(name)).is_some()
}

/// Why what stayed of a transaction is not known, if it is not.
pub(super) fn undetermined(transaction: &Transaction<'_>) -> Option<&'static str> {
    if transaction.ending == Ending::Rollback {
        return Some("it ends in ROLLBACK");
    }
    let to_savepoint = transaction.events.iter().any(|event| {
        event.event_type() == EventType::QUERY
            && event.query().is_ok_and(|query| {
                query.text.get(..11).is_some_and(|text| text.eq_ignore_ascii_case(b"ROLLBACK TO"))
            })
    });
    to_savepoint.then_some("it was rolled back in part")
}

/// Why what stands before the log of this name is not what came before it, if it is not.
pub(super) fn gap(problem: &Problem, name: &str) -> Option<String> {
    let here = match problem {
        Problem::Missing { before, .. } | Problem::MissingGtids { before, .. } => before,
        Problem::NotAfter { log, .. } | Problem::Repeated { log, .. } => log,
        // Rows of one server say nothing of those of another.
        Problem::OtherServer { log, .. } => return Some(format!("{log} is of another server")),
        Problem::Duplicate { .. } | Problem::SameName { .. } => return None,
    };
    (**here == *name).then(|| format!("the logs before {name} are not all there"))
}
