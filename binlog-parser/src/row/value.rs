//! The value of a column in a row.

use std::borrow::Cow;
use std::fmt;

use super::bit::Bit;
use super::column::ColumnType;
use super::columns::Column;
use super::compressed::Compressed;
use super::decimal::Decimal;
use super::enum_set::{Enum, Set};
use super::geometry::Geometry;
use super::integer::Integer;
use super::json::Json;
use super::json_diff::JsonDiffs;
use super::plugin::PluginValue;
use super::temporal::{self, Date, Datetime, Time, Timestamp};
use super::text::Text;
use super::vector::Vector;
use super::{float, temporal_hires, temporal_old};
use crate::digits;
use crate::error::Fault;

/// A value, as far as type and metadata of its column tell what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// TINYINT to BIGINT.
    Integer(Integer),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL.
    Decimal(Decimal<'a>),
    /// YEAR: 0, or 1901 to 2155.
    Year(u16),
    /// DATE.
    Date(Date),
    /// TIME.
    Time(Time),
    /// DATETIME.
    Datetime(Datetime),
    /// TIMESTAMP.
    Timestamp(Timestamp),
    /// CHAR, VARCHAR, TEXT and their binary kin.
    Text(Text<'a>),
    /// MariaDB's text or bytes with COMPRESSED, still compressed.
    Compressed(Compressed<'a>),
    /// MariaDB's UUID, INET4 and INET6, where a definition says so.
    Plugin(PluginValue),
    /// ENUM.
    Enum(Enum<'a>),
    /// SET.
    Set(Set<'a>),
    /// BIT.
    Bit(Bit),
    /// MySQL's JSON.
    Json(Json<'a>),
    /// What a partial update changed in a JSON document: see [`super::Cell::partial`].
    JsonDiffs(JsonDiffs<'a>),
    /// GEOMETRY and its subtypes.
    Geometry(Geometry<'a>),
    /// VECTOR; MariaDB's where a definition says so.
    Vector(Vector<'a>),
}

impl<'a> Value<'a> {
    /// The value of `column` in `bytes`, which are those of a [`super::Cell`].
    ///
    /// # Errors
    /// A [`Fault`] if the bytes are no value of the column's type, or of a type that is not read.
    pub fn decode(column: &'a Column, bytes: Option<&'a [u8]>) -> Result<Self, Fault> {
        use ColumnType as T;
        let Some(bytes) = bytes else {
            return Ok(Value::Null);
        };
        let collation = column.collation;
        let labels = column.labels.as_deref();
        Ok(match column.column_type {
            T::Null => Value::Null,
            T::Tiny | T::Short | T::Int24 | T::Long | T::Longlong => {
                let integer = Integer::decode(bytes, column.unsigned)
                    .ok_or_else(|| Fault::limit("integer", 8, bytes.len() as u64))?;
                Value::Integer(integer)
            }
            T::Float => Value::Float(f32::from_le_bytes(array(bytes, "FLOAT")?)),
            T::Double => Value::Double(f64::from_le_bytes(array(bytes, "DOUBLE")?)),
            T::NewDecimal { precision, scale } => {
                Value::Decimal(Decimal::decode(bytes, precision, scale)?)
            }
            T::Year => {
                let [byte] = array(bytes, "YEAR")?;
                Value::Year(temporal::year(byte))
            }
            T::Date => Value::Date(Date::decode(bytes)?),
            T::TimestampOld => Value::Timestamp(temporal_old::timestamp(bytes)?),
            T::DatetimeOld => Value::Datetime(temporal_old::datetime(bytes)?),
            T::TimeOld => Value::Time(temporal_old::time(bytes)?),
            T::Timestamp2 { fsp } => Value::Timestamp(Timestamp::decode(bytes, fsp)?),
            T::Datetime2 { fsp } => Value::Datetime(Datetime::decode(bytes, fsp)?),
            T::Time2 { fsp } => Value::Time(Time::decode(bytes, fsp)?),
            T::TimestampHires { fsp } => Value::Timestamp(temporal_hires::timestamp(bytes, fsp)?),
            T::DatetimeHires { fsp } => Value::Datetime(temporal_hires::datetime(bytes, fsp)?),
            T::TimeHires { fsp } => Value::Time(temporal_hires::time(bytes, fsp)?),
            T::Char { max_bytes } => match column.plugin_type {
                Some(plugin_type) if plugin_type.bytes() == max_bytes => {
                    Value::Plugin(PluginValue::decode(bytes, plugin_type)?)
                }
                _ => Value::Text(Text::fixed(bytes, collation, max_bytes)),
            },
            T::Varchar { .. } if column.dimension.is_some() => {
                Value::Vector(Vector::decode(bytes)?.of_mariadb())
            }
            T::Varchar { .. } | T::Blob { .. } => Value::Text(Text::new(bytes, collation)),
            T::VarcharCompressed { .. } | T::BlobCompressed { .. } => {
                let compressed = Compressed { bytes, collation };
                compressed.plain().map_or(Value::Compressed(compressed), Value::Text)
            }
            T::Enum { .. } => Value::Enum(Enum::decode(bytes, labels)?),
            T::Set { .. } => Value::Set(Set::decode(bytes, labels)?),
            T::Bit { bits } => Value::Bit(Bit::decode(bytes, bits)?),
            T::Json { .. } | T::TypedArray { .. } => Value::Json(Json { bytes }),
            T::Geometry { .. } => Value::Geometry(Geometry::decode(bytes)?),
            T::Vector { .. } => Value::Vector(Vector::decode(bytes)?),
        })
    }

    /// Whether the value is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Appends the value as the server's client shows it, without quotes: text in its own
    /// character set, TIMESTAMP in UTC, BIT as `b'0101'`, geometry as well-known text. The bytes
    /// may hold anything, also what a terminal takes for a command.
    ///
    /// # Errors
    /// A [`Fault`] if a JSON document, a geometry or a compressed text is malformed inside; what was appended until
    /// then stays.
    pub fn write_text(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Value::Null => out.extend_from_slice(b"NULL"),
            Value::Integer(integer) => integer.write_text(out),
            Value::Float(value) => float::write_float(*value, out),
            Value::Double(value) => float::write_double(*value, out),
            Value::Decimal(decimal) => decimal.write_text(out),
            Value::Year(year) => digits::write_padded((*year).into(), 4, b'0', out),
            Value::Date(date) => date.write_text(out),
            Value::Time(time) => time.write_text(out),
            Value::Datetime(datetime) => datetime.write_text(out),
            Value::Timestamp(timestamp) => timestamp.write_text(out),
            Value::Text(text) => text.write_text(out),
            Value::Compressed(compressed) => out.extend_from_slice(&compressed.inflate()?),
            Value::Plugin(value) => value.write_text(out),
            Value::Enum(value) => value.write_text(out),
            Value::Set(set) => set.write_text(out),
            Value::Bit(bit) => bit.write_text(out),
            Value::Json(json) => return json.write_text(out),
            Value::JsonDiffs(diffs) => return diffs.write_text(out),
            Value::Geometry(geometry) => return geometry.write_text(out),
            Value::Vector(vector) => vector.write_text(out),
        }
        Ok(())
    }

    /// The text of [`Value::write_text`] as a string: what is no UTF-8 is replaced, and of a
    /// malformed document the fault is told instead.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = Vec::new();
        match self.write_text(&mut out) {
            Ok(()) => match String::from_utf8_lossy(&out) {
                Cow::Borrowed(text) => text.into(),
                Cow::Owned(text) => text,
            },
            Err(fault) => format!("<{fault}>"),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

fn array<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| Fault::short(what, N as u64, bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(column: &Column, bytes: &[u8]) -> String {
        Value::decode(column, Some(bytes)).unwrap().to_text()
    }

    #[test]
    fn every_type_decodes_to_its_value() {
        use ColumnType as T;
        for (column_type, bytes, expected) in [
            (T::Tiny, &[7][..], "7"),
            (T::Float, &[0, 0, 0x20, 0x40], "2.5"),
            (T::Double, &[0, 0, 0, 0, 0, 0, 0x04, 0x40], "2.5"),
            (T::NewDecimal { precision: 4, scale: 2 }, &[0x81, 0x17], "1.23"),
            (T::Year, &[0], "0000"),
            (T::Year, &[125], "2025"),
            (T::Date, &[0x21, 0xD2, 0x0F], "2025-01-01"),
            (T::TimestampOld, &[1, 0, 0, 0], "1970-01-01 00:00:01"),
            (T::Time2 { fsp: 0 }, &[0x7F, 0xFF, 0xFF], "-00:00:01"),
            (T::Varchar { max_bytes: 9 }, b"abc", "abc"),
            (T::VarcharCompressed { max_bytes: 9 }, b"\0abc", "abc"),
            (T::Enum { bytes: 1 }, &[2], "2"),
            (T::Set { bytes: 1 }, &[3], "3"),
            (T::Bit { bits: 3 }, &[5], "b'101'"),
            (T::Json { length_bytes: 4 }, &[4, 1], "true"),
            (T::Vector { length_bytes: 4 }, &[0, 0, 0x80, 0x3F], "[1.00000e+00]"),
            (T::Null, &[], "NULL"),
        ] {
            assert_eq!(text(&Column::new(column_type), bytes), expected, "{column_type}");
        }
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        use ColumnType as T;
        for column_type in [T::Float, T::Double, T::Year, T::Date, T::DatetimeOld] {
            assert!(Value::decode(&Column::new(column_type), Some(&[0; 7])).is_err());
        }
        assert!(Value::decode(&Column::new(T::Longlong), Some(&[0; 9])).is_err());
        assert!(Value::decode(&Column::new(T::Geometry { length_bytes: 4 }), Some(&[0])).is_err());
    }

    #[test]
    fn a_malformed_document_tells_its_fault() {
        let column = Column::new(ColumnType::Json { length_bytes: 4 });
        assert_eq!(text(&column, &[13]), "<JSON type: needed 0 to 12 or 15, had 13>");
    }
}
