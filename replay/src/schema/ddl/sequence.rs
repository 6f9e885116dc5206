//! MariaDB's CREATE SEQUENCE: a table of eight columns, as `sql/sql_sequence.cc` and SHOW CREATE TABLE
//! have it.

use super::super::table::ColumnDef;
use super::super::types::{IntegerSize, SqlType};
use super::cursor::{Cursor, Parsed};
use super::data_type::data_type;
use super::statement::{Body, CharsetSpec, ColumnSpec, Element, TableOptions};

/// Reads a CREATE SEQUENCE from behind the sequence's name.
pub(super) fn body(cursor: &mut Cursor<'_>) -> Parsed<Body> {
    let mut value_type = SqlType::Integer { size: IntegerSize::Big, unsigned: false };
    while !cursor.at_end() {
        if cursor.eat_word("AS") {
            value_type = of_values(cursor)?;
        } else if cursor.bump().is_none() {
            return Err(cursor.unexpected("more"));
        }
    }
    let big = |unsigned| SqlType::Integer { size: IntegerSize::Big, unsigned };
    let tiny = SqlType::Integer { size: IntegerSize::Tiny, unsigned: true };
    let columns = [
        ("next_not_cached_value", value_type.clone()),
        ("minimum_value", value_type.clone()),
        ("maximum_value", value_type.clone()),
        ("start_value", value_type),
        ("increment", big(false)),
        ("cache_size", big(true)),
        ("cycle_option", tiny),
        ("cycle_count", big(false)),
    ];
    let elements = columns.map(|(name, sql_type)| {
        let mut column = ColumnDef::new(name, sql_type);
        column.nullable = Some(false);
        Element::Column(Box::new(ColumnSpec {
            column,
            charset: CharsetSpec::default(),
            text_length: None,
            nullability_said: true,
            attached: Vec::new(),
        }))
    });
    Ok(Body::Elements { elements: elements.into(), options: TableOptions::default() })
}

/// `AS SMALLINT UNSIGNED`, since 11.5.
fn of_values(cursor: &mut Cursor<'_>) -> Parsed<SqlType> {
    let mut sql_type = data_type(cursor)?.sql_type;
    if let SqlType::Integer { unsigned, .. } = &mut sql_type {
        *unsigned = cursor.eat_word("UNSIGNED");
    }
    Ok(sql_type)
}
