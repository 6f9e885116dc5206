//! Values of rows, for people and for programs.
//!
//! In JSON, numbers are numbers (a DECIMAL is a string, for its digits are exact), text is a string,
//! and bytes that are no text are an object of one key: `{"hex": "00ff"}`. Dates and times are in
//! the server's own form, TIMESTAMP in UTC.

use std::borrow::Cow;

use binlog_parser::Fault;
use binlog_parser::row::compressed::Compressed;
use binlog_parser::row::text::Text;
use binlog_parser::row::{Columns, RowImage, Value};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use crate::json::hex;
use crate::text::{Decoded, decode, safe, shorten, utf8};

/// The characters of a text value; `None` if it is bytes.
fn characters<'a>(text: &Text<'a>) -> Option<Cow<'a, str>> {
    if text.is_binary() || text.padding > 0 {
        return None;
    }
    let Decoded { text, exact } = decode(text.bytes, text.collation);
    exact.then_some(text)
}

/// A label of an ENUM or SET.
fn label(bytes: &[u8], collation: Option<u16>) -> String {
    decode(bytes, collation).text.into_owned()
}

/// A value as a person reads it: text in quotes, bytes as `x'00ff'`, the rest as it is. Safe on a
/// terminal; cut to `width` characters if that is given.
#[must_use]
pub fn show(value: &Value<'_>, collation: Option<u16>, width: Option<usize>) -> String {
    let full = match value {
        Value::Text(text) => match characters(text) {
            Some(characters) => quote(&characters),
            None => {
                let mut bytes = vec![];
                text.write_text(&mut bytes);
                format!("x'{}'", hex(&bytes))
            }
        },
        Value::Compressed(compressed) => match compressed.inflate() {
            Ok(bytes) => return show(&inflated(compressed, &bytes), collation, width),
            Err(fault) => safe(&format!("<{fault}>")).into_owned(),
        },
        Value::Enum(item) => match item.label {
            Some(bytes) => quote(&label(bytes, collation)),
            None => item.number.to_string(),
        },
        Value::Set(set) => match set.members() {
            Some(members) => {
                let labels: Vec<_> = members.iter().map(|m| label(m, collation)).collect();
                quote(&labels.join(","))
            }
            None => set.mask.to_string(),
        },
        Value::Plugin(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Datetime(_)
        | Value::Timestamp(_) => quote(&value.to_text()),
        value => safe(&value.to_text()).into_owned(),
    };
    match width {
        Some(width) => shorten(&full, width).into_owned(),
        None => full,
    }
}

/// The text that a compressed value is.
fn inflated<'a>(compressed: &Compressed<'_>, bytes: &'a [u8]) -> Value<'a> {
    Value::Text(Text::new(bytes, compressed.collation))
}

fn quote(text: &str) -> String {
    format!("'{}'", safe(text).replace('\'', "''"))
}

/// The name of a column, or `@1` for the first of those that have none.
#[must_use]
pub fn column_name(columns: &Columns, ordinal: usize) -> Cow<'_, str> {
    match columns.get(ordinal).and_then(|column| column.name.as_deref()) {
        Some(name) => utf8(name).text,
        None => Cow::Owned(format!("@{}", ordinal + 1)),
    }
}

/// An image as `name=value` pairs, safe on a terminal.
///
/// # Errors
/// The fault in a value that cannot be read.
pub fn show_image(
    image: &RowImage<'_>,
    columns: &Columns,
    width: Option<usize>,
) -> Result<String, Fault> {
    let mut line = String::new();
    for cell in image.cells(columns) {
        let cell = cell?;
        let collation = columns.get(cell.ordinal).and_then(|column| column.collation);
        if !line.is_empty() {
            line.push_str("  ");
        }
        line.push_str(&safe(&column_name(columns, cell.ordinal)));
        line.push('=');
        line.push_str(&show(&cell.value(columns)?, collation, width));
    }
    Ok(line)
}

/// An image as a JSON object: a key for each column in it.
#[derive(Debug, Clone, Copy)]
pub struct JsonImage<'a> {
    /// The image.
    pub image: RowImage<'a>,
    /// The columns of its table.
    pub columns: &'a Columns,
}

impl Serialize for JsonImage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for cell in self.image.cells(self.columns) {
            let cell = cell.map_err(S::Error::custom)?;
            let value = cell.value(self.columns).map_err(S::Error::custom)?;
            let collation = self.columns.get(cell.ordinal).and_then(|column| column.collation);
            let name = column_name(self.columns, cell.ordinal);
            map.serialize_entry(&name, &JsonValue { value, collation })?;
        }
        map.end()
    }
}

/// A value as JSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonValue<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Collation of its column, which names the character set of labels.
    pub collation: Option<u16>,
}

impl Serialize for JsonValue<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => s.serialize_none(),
            Value::Integer(integer) => match integer.is_unsigned() {
                Some(true) => s.serialize_u64(integer.unsigned()),
                _ => s.serialize_i64(integer.signed()),
            },
            Value::Float(value) => s.serialize_f32(*value),
            Value::Double(value) => s.serialize_f64(*value),
            Value::Year(year) => s.serialize_u16(*year),
            Value::Text(text) => match characters(text) {
                Some(characters) => s.serialize_str(&characters),
                None => {
                    let mut bytes = vec![];
                    text.write_text(&mut bytes);
                    serialize_hex(&bytes, s)
                }
            },
            Value::Compressed(compressed) => {
                let bytes = compressed.inflate().map_err(S::Error::custom)?;
                let value = inflated(compressed, &bytes);
                JsonValue { value, collation: self.collation }.serialize(s)
            }
            Value::Enum(item) => match item.label {
                Some(bytes) => s.serialize_str(&label(bytes, self.collation)),
                None => s.serialize_u16(item.number),
            },
            Value::Set(set) => match set.members() {
                Some(members) => s.collect_seq(members.iter().map(|m| label(m, self.collation))),
                None => s.serialize_u64(set.mask),
            },
            value => s.serialize_str(&value.to_text()),
        }
    }
}

fn serialize_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("hex", &hex(bytes))?;
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::row::{Column, ColumnType as T};

    fn both(column: &Column, bytes: Option<&[u8]>) -> (String, String) {
        let value = Value::decode(column, bytes).unwrap();
        let collation = column.collation;
        let json = serde_json::to_string(&JsonValue { value, collation }).unwrap();
        (show(&value, collation, None), json)
    }

    fn text(collation: Option<u16>, bytes: &[u8]) -> (String, String) {
        both(&Column { collation, ..Column::new(T::Varchar { max_bytes: 40 }) }, Some(bytes))
    }

    #[test]
    fn values_are_exact_and_safe() {
        let pair = |shown: &str, json: &str| (shown.to_owned(), json.to_owned());
        assert_eq!(both(&Column::new(T::Long), None), pair("NULL", "null"));
        let unsigned = Column { unsigned: Some(true), ..Column::new(T::Longlong) };
        let most = "18446744073709551615";
        assert_eq!(both(&unsigned, Some(&[0xFF; 8])), pair(most, most));
        assert_eq!(text(Some(255), b"it's\x1b"), pair(r"'it''s\x1b'", r#""it's\u001b""#));
        assert_eq!(text(Some(8), b"caf\xE9"), pair("'café'", "\"café\""));
        assert_eq!(text(Some(63), b"a\xFF"), pair("x'61ff'", r#"{"hex":"61ff"}"#));
        assert_eq!(text(None, b"a\xFF"), pair("x'61ff'", r#"{"hex":"61ff"}"#));
        let date = both(&Column::new(T::Date), Some(&[0x21, 0xD2, 0x0F]));
        assert_eq!(date, pair("'2025-01-01'", "\"2025-01-01\""));
        let labels: Box<[Box<[u8]>]> = [b"s".as_slice(), b"m"].map(Box::from).into();
        let set = Column { labels: Some(labels), ..Column::new(T::Set { bytes: 1 }) };
        assert_eq!(both(&set, Some(&[3])), pair("'s,m'", r#"["s","m"]"#));
    }

    #[test]
    fn a_long_value_is_cut_on_request_only() {
        let value = Value::Text(Text::new(&[b'a'; 100], Some(255)));
        assert_eq!(show(&value, None, None).len(), 102);
        assert_eq!(show(&value, None, Some(5)), "'aaa…");
    }

    #[test]
    fn columns_without_names_are_numbered() {
        let mut columns = Columns::new(vec![Column::new(T::Long), Column::new(T::Long)]);
        columns.describe(|ordinal, column| {
            column.name = (ordinal == 1).then(|| b"user".as_slice().into());
        });
        assert_eq!((&*column_name(&columns, 0), &*column_name(&columns, 1)), ("@1", "user"));
    }
}
