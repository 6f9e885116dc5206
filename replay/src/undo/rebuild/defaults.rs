//! What a column holds that an INSERT did not name.

use binlog_parser::header::Family;
use binlog_parser::row::ColumnType;

use super::encode::{Session, encode};
use crate::schema::{ColumnDef, DumpValue, ResolvedTable, readable};
use crate::sql::{Dialect, Token, TokenKind, lex_code};

/// The bytes of the value that a column takes if an INSERT does not name it, as they stand in an
/// image; `None` for NULL.
///
/// # Errors
/// Why it is not known, as the end of a sentence.
pub(super) fn default_value(
    table: &ResolvedTable,
    ordinal: usize,
    column_type: ColumnType,
) -> Result<Option<Vec<u8>>, String> {
    let unknown = "its definition is not known";
    let column = defined_column(table, ordinal).ok_or(unknown)?;
    let Some(text) = &column.default else {
        return match column.nullable {
            Some(true) => Ok(None),
            _ => Err("it has no default".into()),
        };
    };
    let resolved = table.columns.get(ordinal).ok_or(unknown)?;
    let value = literal(text);
    let value = value.ok_or_else(|| format!("its default {} is no literal", readable(text)))?;
    // Nobody knows in which time zone a TIMESTAMP's default was written.
    let session = Session { is_utf8: false, is_utc: false };
    encode(column_type, resolved, &value, session)
        .map_err(|why| format!("of its default {}, {why}", readable(text)))
}

/// A literal in the words of a definition: NULL, a number, or ASCII in quotes.
fn literal(text: &[u8]) -> Option<DumpValue<'_>> {
    // Quotes and numbers are the same to all servers.
    let dialect = Dialect::new(Family::Mysql, 80000);
    let tokens: Vec<Token<'_>> = lex_code(text, &dialect).ok()?;
    match tokens.as_slice() {
        [null] if null.is_word("NULL") => Some(DumpValue::Null),
        [number] if number.kind == TokenKind::Number => {
            Some(DumpValue::Number(number.bytes.into()))
        }
        [minus, number] if minus.is_operator("-") && number.kind == TokenKind::Number => {
            Some(DumpValue::Number([b"-", number.bytes].concat().into()))
        }
        [string] => string.string_value(&dialect).map(DumpValue::Text),
        _ => None,
    }
}

/// The definition of a column of a table map.
fn defined_column(table: &ResolvedTable, ordinal: usize) -> Option<&ColumnDef> {
    let name = &table.columns.get(ordinal)?.name;
    let definition = table.definition.as_ref()?;
    definition.columns.get(definition.column(name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_told_from_expressions() {
        assert_eq!(literal(b"NULL"), Some(DumpValue::Null));
        assert_eq!(literal(b"-7"), Some(DumpValue::Number(b"-7"[..].into())));
        assert_eq!(literal(b"'it''s'"), Some(DumpValue::Text(b"it's"[..].into())));
        for expression in ["CURRENT_TIMESTAMP", "(uuid())", "7+1", "_latin1'x'", ""] {
            assert_eq!(literal(expression.as_bytes()), None, "{expression}");
        }
    }
}
