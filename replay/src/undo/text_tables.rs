//! The tables that a statement of text writes.

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::EventType;
use binlog_parser::transaction::Statement;

use crate::schema::TableName;
use crate::sql::statement::{StatementVerb, head};
use crate::sql::{Dialect, written_tables};

/// The tables that a statement of text writes, as far as its text names them.
pub(crate) fn text_tables(
    statement: &Statement<'_, '_>,
    format: &FormatDescription,
) -> Vec<TableName> {
    read(statement, format).map_or_else(Vec::new, |(_, tables)| tables)
}

/// Of those, the tables whose rows the statement writes, and nobody knows which.
pub(super) fn rewritten_tables(
    statement: &Statement<'_, '_>,
    format: &FormatDescription,
) -> Vec<TableName> {
    use StatementVerb::{Delete, Insert, Load, Replace, Truncate, Update};
    match read(statement, format) {
        Some((Insert | Replace | Update | Delete | Load | Truncate, tables)) => tables,
        _ => vec![],
    }
}

fn read(
    statement: &Statement<'_, '_>,
    format: &FormatDescription,
) -> Option<(StatementVerb, Vec<TableName>)> {
    let event = statement.last().filter(|event| event.event_type() == EventType::QUERY)?;
    let query = event.query().ok()?;
    let dialect = Dialect::from_server_version(format.server_version.as_bytes());
    let tables = written_tables(query.text, &dialect, query.database);
    let name = |table: crate::sql::TableName| {
        TableName::new(table.database.unwrap_or_default(), table.table)
    };
    Some((head(query.text, &dialect).verb, tables.into_iter().map(name).collect()))
}
