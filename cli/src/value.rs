//! Values of rows, for people and for programs.
//!
//! In JSON, numbers are numbers (a DECIMAL is a string, for its digits are exact), text is a string,
//! and bytes that are no text are an object of one key: `{"hex": "00ff"}`. Dates and times are in
//! the server's own form, TIMESTAMP in UTC.

use std::borrow::Cow;
use std::cell::Cell;

use binlog_parser::Fault;
use binlog_parser::digits::{write_hex, write_unsigned};
use binlog_parser::row::compressed::Compressed;
use binlog_parser::row::enum_set::Enum;
use binlog_parser::row::text::Text;
use binlog_parser::row::{Column, Columns, RowImage, Value};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use crate::json::hex;
use crate::text::{Decoded, decode, is_plain, keeps_ascii, safe, shorten, utf8, write_safe};

/// Characters of a value that are shown on a terminal.
pub const VALUE_WIDTH: usize = 200;

/// How the text of a column is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// Collation of the column, which names its character set.
    collation: Option<u16>,
    /// See [`keeps_ascii`].
    ascii: bool,
}

impl Script {
    /// The script of a column of this collation.
    #[must_use]
    pub fn of(collation: Option<u16>) -> Self {
        Script { collation, ascii: keeps_ascii(collation) }
    }

    /// Whether a text value has characters that all stand for themselves.
    fn is_plain(self, text: &Text<'_>) -> bool {
        self.ascii && !text.is_binary() && text.padding == 0 && is_plain(text.bytes)
    }

    /// The characters of text that all stand for themselves.
    fn plain(self, bytes: &[u8]) -> Option<&str> {
        let plain = self.ascii && is_plain(bytes);
        plain.then(|| std::str::from_utf8(bytes).ok()).flatten()
    }

    /// The characters of a text value; `None` if it is bytes.
    fn characters<'a>(self, text: &Text<'a>) -> Option<Cow<'a, str>> {
        if text.is_binary() || text.padding > 0 {
            return None;
        }
        if let Some(plain) = self.plain(text.bytes) {
            return Some(Cow::Borrowed(plain));
        }
        let Decoded { text, exact } = decode(text.bytes, text.collation);
        exact.then_some(text)
    }

    /// A label of an ENUM or SET.
    fn label<'a>(self, bytes: &'a [u8]) -> Cow<'a, str> {
        match self.plain(bytes) {
            Some(plain) => Cow::Borrowed(plain),
            None => decode(bytes, self.collation).text,
        }
    }
}

/// A value as a person reads it: text in quotes, bytes as `x'00ff'`, the rest as it is. Safe on a
/// terminal; cut to `width` characters if that is given.
#[must_use]
pub fn show(value: &Value<'_>, script: Script, width: Option<usize>) -> String {
    let mut out = vec![];
    write(value, script, &mut out);
    let full = String::from_utf8(out).unwrap_or_default();
    match width {
        Some(width) => shorten(&full, width).into_owned(),
        None => full,
    }
}

/// Appends a value as [`show`] gives it, all of it.
pub fn write(value: &Value<'_>, script: Script, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) if script.is_plain(text) => quote_plain(text.bytes, out),
        Value::Text(text) => match script.characters(text) {
            Some(characters) => quote(&characters, out),
            None => {
                out.extend_from_slice(b"x'");
                write_hex(text.bytes, out);
                out.resize(out.len() + 2 * usize::from(text.padding), b'0');
                out.push(b'\'');
            }
        },
        Value::Compressed(compressed) => match compressed.inflate() {
            Ok(bytes) => write(&inflated(compressed, &bytes), script, out),
            Err(fault) => write_safe(&format!("<{fault}>"), out),
        },
        Value::Enum(Enum { label: Some(bytes), .. }) => quote(&script.label(bytes), out),
        Value::Set(set) => match set.members() {
            Some(members) => {
                out.push(b'\'');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    quote_inside(&script.label(member), out);
                }
                out.push(b'\'');
            }
            None => write_unsigned(set.mask, out),
        },
        // Numbers, and what is written with digits alone, hold nothing to be afraid of.
        Value::Date(_) | Value::Time(_) | Value::Datetime(_) | Value::Timestamp(_) => {
            out.push(b'\'');
            write_plain(value, out);
            out.push(b'\'');
        }
        Value::Plugin(_) => quote(&value.to_text(), out),
        Value::Json(_) | Value::JsonDiffs(_) | Value::Geometry(_) | Value::Vector(_) => {
            write_safe(&value.to_text(), out);
        }
        value => write_plain(value, out),
    }
}

/// Appends a value that has a text of ASCII characters always.
fn write_plain(value: &Value<'_>, out: &mut Vec<u8>) {
    if let Err(fault) = value.write_text(out) {
        write_safe(&format!("<{fault}>"), out);
    }
}

/// The text that a compressed value is.
fn inflated<'a>(compressed: &Compressed<'_>, bytes: &'a [u8]) -> Value<'a> {
    Value::Text(Text::new(bytes, compressed.collation))
}

/// Quotes bytes that are plain.
fn quote_plain(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    let mut parts = bytes.split(|byte| *byte == b'\'');
    match memchr::memchr(b'\'', bytes) {
        None => out.extend_from_slice(bytes),
        Some(_) => {
            out.extend_from_slice(parts.next().unwrap_or_default());
            for part in parts {
                out.extend_from_slice(b"''");
                out.extend_from_slice(part);
            }
        }
    }
    out.push(b'\'');
}

fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    quote_inside(text, out);
    out.push(b'\'');
}

/// Appends text that is safe, with its quotes doubled.
fn quote_inside(text: &str, out: &mut Vec<u8>) {
    for (index, part) in text.split('\'').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"''");
        }
        write_safe(part, out);
    }
}

/// The name of a column, or `@1` for the first of those that have none.
#[must_use]
pub fn column_name(columns: &Columns, ordinal: usize) -> Cow<'_, str> {
    match columns.get(ordinal).and_then(|column| column.name.as_deref()) {
        Some(name) => utf8(name).text,
        None => Cow::Owned(format!("@{}", ordinal + 1)),
    }
}

/// The columns of a table with what their values are shown by, made once for all its rows.
#[derive(Debug)]
pub struct ShownColumns {
    columns: Columns,
    heads: Vec<Head>,
}

/// What is shown of a column beside a value.
#[derive(Debug)]
struct Head {
    /// Its name.
    name: String,
    /// `name=`, safe.
    text: Vec<u8>,
    script: Script,
}

impl ShownColumns {
    /// Gets `columns` ready to be shown.
    #[must_use]
    pub fn new(columns: Columns) -> Self {
        let head = |(ordinal, column): (usize, &Column)| {
            let name = column_name(&columns, ordinal).into_owned();
            let text = format!("{}=", safe(&name)).into_bytes();
            Head { name, text, script: Script::of(column.collation) }
        };
        let heads = columns.iter().enumerate().map(head).collect();
        ShownColumns { columns, heads }
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Appends an image as `name=value` pairs, safe on a terminal, values cut to `width` characters
    /// if that is given.
    ///
    /// # Errors
    /// The fault in a value that cannot be read; then nothing is appended.
    pub fn write_image(
        &self,
        image: &RowImage<'_>,
        width: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = out.len();
        let write = |ordinal, bytes| self.write_value(ordinal, bytes, width, (start, out));
        if image.look_at_whole(self.columns.layout(), write) {
            return Ok(());
        }
        out.truncate(start);
        self.write_cells(image, width, out).inspect_err(|_| out.truncate(start))
    }

    /// Appends the value of a column in whose image everything is; whether it is one.
    #[inline]
    fn write_value(
        &self,
        ordinal: usize,
        bytes: Option<&[u8]>,
        width: Option<usize>,
        (start, out): (usize, &mut Vec<u8>),
    ) -> bool {
        let (Some(column), Some(head)) = (self.columns.get(ordinal), self.heads.get(ordinal))
        else {
            return false;
        };
        match &Value::decode(column, bytes) {
            Ok(value) => head.write(value, width, (start, out)),
            Err(_) => return false,
        }
        true
    }

    fn write_cells(
        &self,
        image: &RowImage<'_>,
        width: Option<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = out.len();
        for cell in image.cells(&self.columns) {
            let cell = cell?;
            let value = cell.value(&self.columns)?;
            // Every cell has a column, or else no value.
            let Some(head) = self.heads.get(cell.ordinal) else { continue };
            head.write(&value, width, (start, out));
        }
        Ok(())
    }
}

impl Head {
    /// Appends a value behind its name, in an image that begins at `start`.
    #[inline]
    fn write(&self, value: &Value<'_>, width: Option<usize>, (start, out): (usize, &mut Vec<u8>)) {
        if out.len() > start {
            out.extend_from_slice(b"  ");
        }
        out.extend_from_slice(&self.text);
        match width {
            None => write(value, self.script, out),
            width => out.extend_from_slice(show(value, self.script, width).as_bytes()),
        }
    }
}

/// An image as a JSON object: a key for each column in it.
#[derive(Debug, Clone, Copy)]
pub struct JsonImage<'a> {
    /// The image.
    pub image: RowImage<'a>,
    /// The columns of its table.
    pub columns: &'a ShownColumns,
}

impl Serialize for JsonImage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ShownColumns { columns, heads } = self.columns;
        let mut map = serializer.serialize_map(None)?;
        for cell in self.image.cells(columns) {
            let cell = cell.map_err(S::Error::custom)?;
            let value = cell.value(columns).map_err(S::Error::custom)?;
            let Some(Head { name, script, .. }) = heads.get(cell.ordinal) else { continue };
            map.serialize_entry(name, &JsonValue { value, script: *script })?;
        }
        map.end()
    }
}

/// A value as JSON.
#[derive(Debug, Clone, Copy)]
pub struct JsonValue<'a> {
    /// The value.
    pub value: Value<'a>,
    /// How the text of its column is read.
    pub script: Script,
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
            Value::Text(text) => match self.script.characters(text) {
                Some(characters) => s.serialize_str(&characters),
                None => with_scratch(|bytes| {
                    text.write_text(bytes);
                    serialize_hex(bytes, s)
                }),
            },
            Value::Compressed(compressed) => {
                let bytes = compressed.inflate().map_err(S::Error::custom)?;
                let value = inflated(compressed, &bytes);
                JsonValue { value, script: self.script }.serialize(s)
            }
            Value::Enum(item) => match item.label {
                Some(bytes) => s.serialize_str(&self.script.label(bytes)),
                None => s.serialize_u16(item.number),
            },
            Value::Set(set) => match set.members() {
                Some(members) => s.collect_seq(members.iter().map(|m| self.script.label(m))),
                None => s.serialize_u64(set.mask),
            },
            Value::Json(_) | Value::JsonDiffs(_) | Value::Geometry(_) => {
                s.serialize_str(&self.value.to_text())
            }
            value => with_scratch(|text| {
                write_plain(value, text);
                s.serialize_str(&String::from_utf8_lossy(text))
            }),
        }
    }
}

thread_local! {
    /// Memory for the text of one value after another.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(vec![]) };
}

/// Has `make` use empty memory that is there already, as a rule.
fn with_scratch<T>(make: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut memory = SCRATCH.take();
    memory.clear();
    let made = make(&mut memory);
    if memory.capacity() <= SCRATCH_BYTES {
        SCRATCH.set(memory);
    }
    made
}

/// What is kept for the next value, at most.
const SCRATCH_BYTES: usize = 64 << 10;

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
        let script = Script::of(column.collation);
        let json = serde_json::to_string(&JsonValue { value, script }).unwrap();
        (show(&value, script, None), json)
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
        assert_eq!(show(&value, Script::of(None), None).len(), 102);
        assert_eq!(show(&value, Script::of(None), Some(5)), "'aaa…");
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
