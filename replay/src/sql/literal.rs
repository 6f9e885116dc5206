//! Values of rows as SQL literals that store exactly what the row held.
//!
//! They count on a session with `time_zone = '+00:00'`, on a sql_mode with ALLOW_INVALID_DATES and
//! without NO_ZERO_DATE and NO_ZERO_IN_DATE, and on being assigned to a column of the type that they
//! come from. What each type takes was tried on the servers:
//!
//! | type | literal |
//! |---|---|
//! | integers, YEAR, BIT, ENUM, SET | decimal number |
//! | DECIMAL | all its digits |
//! | FLOAT, DOUBLE | the shortest digits that read back as the same DOUBLE, with an exponent |
//! | text | hexadecimal, with the column's character set before it |
//! | bytes, VECTOR, UUID, INET4, INET6 | hexadecimal |
//! | GEOMETRY | hexadecimal of SRID and WKB, as the servers store it |
//! | dates and times | text in quotes |
//! | MySQL's JSON | see [`super::json_literal`] |

use std::io::Write;

use binlog_parser::row::Value;

use super::json_literal::push_json;
use super::quote::{hex_literal, push_double, push_hex, push_integer, text_literal};

pub use super::no_literal::NoLiteral;

/// Appends the literal of a value. `charset` is the column's, as a server names it; `binary` for
/// bytes.
///
/// # Errors
/// [`NoLiteral`]; what was appended until then stays.
pub fn push_literal(
    out: &mut Vec<u8>,
    value: &Value<'_>,
    charset: Option<&str>,
) -> Result<(), NoLiteral> {
    match value {
        Value::Null => out.extend_from_slice(b"NULL"),
        Value::Integer(integer) if integer.is_unsigned().is_none() => return Err(NoLiteral::Sign),
        Value::Integer(integer) => integer.write_text(out),
        Value::Float(value) => push_double(out, f64::from(*value)),
        Value::Double(value) => push_double(out, *value),
        Value::Decimal(decimal) => decimal.write_text(out),
        Value::Year(year) => append(out, format_args!("{year:04}")),
        Value::Date(_) | Value::Time(_) | Value::Datetime(_) | Value::Timestamp(_) => {
            out.push(b'\'');
            value.write_text(out)?;
            out.push(b'\'');
        }
        Value::Text(text) if text.padding > 0 => {
            let mut bytes = Vec::with_capacity(text.len());
            text.write_text(&mut bytes);
            return push_text(out, &bytes, charset);
        }
        Value::Text(text) => return push_text(out, text.bytes, charset),
        Value::Compressed(compressed) => return push_text(out, &compressed.inflate()?, charset),
        Value::Plugin(value) => append(out, format_args!("'{value}'")),
        Value::Enum(value) => push_integer(out, value.number.into()),
        Value::Set(set) => push_integer(out, set.mask.into()),
        Value::Bit(bit) => push_integer(out, bit.value.into()),
        Value::Json(json) => return push_json(out, json),
        Value::JsonDiffs(_) => return Err(NoLiteral::JsonDiffs),
        Value::Geometry(geometry) => {
            hex_literal(out, &geometry.srid.to_le_bytes());
            push_hex(out, geometry.wkb);
        }
        Value::Vector(vector) => hex_literal(out, vector.bytes),
    }
    Ok(())
}

fn push_text(out: &mut Vec<u8>, bytes: &[u8], charset: Option<&str>) -> Result<(), NoLiteral> {
    match charset {
        None => return Err(NoLiteral::Charset),
        Some("binary") => hex_literal(out, bytes),
        Some(charset) => text_literal(out, charset, None, bytes),
    }
    Ok(())
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::row::{Column, ColumnType as T};

    fn literal(column: &Column, bytes: Option<&[u8]>, charset: &str) -> String {
        let mut out = vec![];
        let value = Value::decode(column, bytes).unwrap();
        push_literal(&mut out, &value, Some(charset)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn of(column_type: T, bytes: &[u8]) -> String {
        literal(&Column::new(column_type), Some(bytes), "binary")
    }

    #[test]
    fn numbers_are_exact() {
        let integer = |column_type, unsigned, bytes: &[u8]| {
            let column = Column { unsigned: Some(unsigned), ..Column::new(column_type) };
            literal(&column, Some(bytes), "binary")
        };
        assert_eq!(integer(T::Longlong, true, &[0xFF; 8]), "18446744073709551615");
        assert_eq!(integer(T::Longlong, false, &[0xFF; 8]), "-1");
        assert_eq!(of(T::Float, &0.1f32.to_le_bytes()), "0.10000000149011612e0");
        assert_eq!(of(T::Double, &0.1f64.to_le_bytes()), "0.1e0");
        assert_eq!(of(T::Double, &1e300f64.to_le_bytes()), "1e300");
        assert_eq!(of(T::Double, &(-0.0f64).to_le_bytes()), "'-0e0'");
        assert_eq!(of(T::NewDecimal { precision: 4, scale: 2 }, &[0x7E, 0xE8]), "-1.23");
        assert_eq!(of(T::Bit { bits: 9 }, &[1, 2]), "258");
        assert_eq!(of(T::Set { bytes: 8 }, &[0xFF; 8]), "18446744073709551615");
        assert_eq!(of(T::Enum { bytes: 2 }, &[1, 1]), "257");
        assert_eq!(of(T::Year, &[0]), "0000");
    }

    #[test]
    fn strings_are_hexadecimal_with_their_character_set() {
        let varchar = Column::new(T::Varchar { max_bytes: 40 });
        assert_eq!(literal(&varchar, Some(b"\x83\x5C"), "sjis"), "_sjis 0x835C");
        assert_eq!(literal(&varchar, Some(b""), "utf8mb4"), "_utf8mb4 ''");
        assert_eq!(literal(&varchar, Some(b"\0'"), "binary"), "0x0027");
        assert_eq!(literal(&varchar, None, "utf8mb4"), "NULL");
        let binary = Column { collation: Some(63), ..Column::new(T::Char { max_bytes: 4 }) };
        assert_eq!(literal(&binary, Some(b"ab"), "binary"), "0x61620000");
        let value = Value::decode(&varchar, Some(b"a")).unwrap();
        assert_eq!(push_literal(&mut vec![], &value, None), Err(NoLiteral::Charset));
    }

    #[test]
    fn times_keep_sign_zeros_and_fraction() {
        assert_eq!(of(T::Time2 { fsp: 2 }, &[0x7F, 0xFF, 0xFE, 0xF6]), "'-00:00:01.10'");
        assert_eq!(of(T::Timestamp2 { fsp: 0 }, &[0; 4]), "'0000-00-00 00:00:00'");
        assert_eq!(of(T::Date, &[0, 0, 0]), "'0000-00-00'");
    }

    #[test]
    fn a_sign_is_not_guessed() {
        let value = Value::decode(&Column::new(T::Tiny), Some(&[1]))
            .map(|value| push_literal(&mut vec![], &value, None).unwrap_err());
        assert_eq!(value, Ok(NoLiteral::Sign));
    }
}
