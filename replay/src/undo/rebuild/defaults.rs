//! What a column holds that an INSERT did not name.

use binlog_parser::row::ColumnType;

use crate::schema::{ColumnDef, ResolvedTable};

/// The bytes of the value that a column takes if an INSERT does not name it, as they stand in an
/// image; `None` for NULL.
///
/// # Errors
/// Why it is not known, as the end of a sentence.
pub(super) fn default_value(
    table: &ResolvedTable,
    ordinal: usize,
    _column_type: ColumnType,
) -> Result<Option<Vec<u8>>, String> {
    let column = defined_column(table, ordinal).ok_or("its definition is not known")?;
    match &column.default {
        None if column.nullable == Some(true) => Ok(None),
        None => Err("it has no default".into()),
        Some(text) if text.eq_ignore_ascii_case(b"NULL") => Ok(None),
        Some(text) => Err(format!("its default {} is not rebuilt", crate::schema::readable(text))),
    }
}

/// The definition of a column of a table map.
fn defined_column(table: &ResolvedTable, ordinal: usize) -> Option<&ColumnDef> {
    let name = &table.columns.get(ordinal)?.name;
    let definition = table.definition.as_ref()?;
    definition.columns.get(definition.column(name)?)
}
