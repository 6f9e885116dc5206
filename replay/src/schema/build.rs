//! Tables out of the elements of CREATE TABLE and ALTER TABLE … ADD.

use super::collation::Charset;
use super::ddl::{CharsetPair, ColumnSpec, Element, StatementContext, TableOptions};
use super::table::{ColumnDef, TableDef, TableName};
use super::types::{LobSize, SqlType};

/// The table that a CREATE TABLE makes in a database of this character set.
pub(super) fn table(
    name: TableName,
    elements: Vec<Element>,
    options: TableOptions,
    database: &CharsetPair,
    context: &StatementContext<'_>,
) -> TableDef {
    let mut table = TableDef::new(name);
    let pair = options.charset.over(database);
    table.charset = pair.charset;
    table.collation = pair.collation;
    table.system_versioned = options.system_versioning;
    // The servers collect all columns first: a key may stand before its column.
    let mut rest = Vec::new();
    for element in elements {
        match element {
            Element::Column(spec) => {
                let column = finish(&spec, &table, context);
                table.columns.push(column);
                rest.extend(spec.attached);
            }
            other => rest.push(other),
        }
    }
    for element in rest {
        add_constraint(&mut table, element);
    }
    promote_first_timestamp(&mut table, context);
    table
}

/// Adds an element that is no column.
pub(super) fn add_constraint(table: &mut TableDef, element: Element) {
    match element {
        Element::Key(key) => table.add_key(key),
        // The index that comes with it is not kept: it comes and goes with others that cover it,
        // and tells no rows apart.
        Element::ForeignKey(foreign_key) => table.foreign_keys.push(foreign_key),
        Element::Period(columns) => {
            for name in columns {
                let column = table.column(&name).and_then(|at| table.columns.get_mut(at));
                column.into_iter().for_each(|column| column.nullable = Some(false));
            }
        }
        Element::Column(_) | Element::Check => {}
    }
}

/// A column with what it takes over from its table.
pub(super) fn finish(
    spec: &ColumnSpec,
    table: &TableDef,
    context: &StatementContext<'_>,
) -> ColumnDef {
    let mut column = spec.column.clone();
    let outer = CharsetPair { charset: table.charset, collation: table.collation.clone() };
    let mut pair = spec.charset.over(&outer);
    if column.sql_type == SqlType::JsonText {
        pair.charset = Charset::by_name(b"utf8mb4");
        pair.collation = Some(b"utf8mb4_bin".to_vec());
    }
    set_charset(&mut column, spec.text_length, pair);
    let timestamp = matches!(column.sql_type, SqlType::Timestamp { .. });
    if timestamp && !spec.nullability_said && column.generated.is_none() {
        column.nullable = context.explicit_defaults_for_timestamp;
    }
    column
}

/// Gives a column a character set, and the type that follows from it.
fn set_charset(column: &mut ColumnDef, text_length: Option<u64>, pair: CharsetPair) {
    if let (SqlType::Text { size, .. }, Some(chars)) = (&mut column.sql_type, text_length) {
        *size = match pair.charset {
            Some(charset) => {
                Some(LobSize::holding(chars.saturating_mul(u64::from(charset.max_bytes))))
            }
            // No character takes more than four bytes.
            None => Some(LobSize::holding(chars))
                .filter(|size| *size == LobSize::holding(chars.saturating_mul(4))),
        };
    }
    column.sql_type = column.sql_type.clone().under_charset(pair.charset);
    if column.sql_type.has_charset() {
        column.charset = pair.charset;
        column.collation = pair.collation;
    }
}

/// CONVERT TO CHARACTER SET: a TEXT grows so that it holds as many characters as before.
pub(super) fn convert_column(column: &mut ColumnDef, pair: &CharsetPair) {
    let stays = matches!(column.sql_type, SqlType::Enum(_) | SqlType::Set(_) | SqlType::JsonText);
    if !column.sql_type.has_charset() || column.sql_type == SqlType::JsonText {
        return;
    }
    let mut chars = None;
    if let (SqlType::Text { size: Some(size), .. }, Some(from), Some(to)) =
        (&column.sql_type, column.charset, pair.charset)
        && from.max_bytes < to.max_bytes
        && *size != LobSize::Long
    {
        chars = Some(size.max_bytes() / u64::from(from.max_bytes));
    }
    if stays {
        column.charset = pair.charset;
        column.collation = pair.collation.clone();
    } else {
        set_charset(column, chars, pair.clone());
    }
}

/// Without `explicit_defaults_for_timestamp` the first TIMESTAMP that says nothing of a value
/// follows the clock (`promote_first_timestamp_column`, sql/sql_table.cc).
fn promote_first_timestamp(table: &mut TableDef, context: &StatementContext<'_>) {
    if context.explicit_defaults_for_timestamp == Some(true) {
        return;
    }
    let is_timestamp = |column: &&mut ColumnDef| {
        matches!(column.sql_type, SqlType::Timestamp { .. }) && column.generated.is_none()
    };
    let first = table.columns.iter_mut().find(is_timestamp);
    if let Some(column) = first
        && column.nullable != Some(true)
        && column.default.is_none()
    {
        column.on_update_now = true;
        column.default = Some(match column.sql_type {
            SqlType::Timestamp { fsp } if fsp > 0 => format!("CURRENT_TIMESTAMP({fsp})").into(),
            _ => b"CURRENT_TIMESTAMP".to_vec(),
        });
    }
    // The others begin at zero.
    if context.explicit_defaults_for_timestamp == Some(false) {
        for column in table.columns.iter_mut().filter(is_timestamp) {
            if column.nullable == Some(false) && column.default.is_none() {
                column.default = Some(b"'0000-00-00 00:00:00'".to_vec());
            }
        }
    }
}
