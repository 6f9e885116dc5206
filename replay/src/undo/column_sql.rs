//! A column in statements on its table: set, compared, and by its name alone. The words around its name
//! are put together once, for rows have many columns.

use binlog_parser::digits::write_hex;
use binlog_parser::row::{ColumnType, Value};
use sha2::{Digest, Sha256};

use crate::schema::{ResolvedColumn, SqlType};
use crate::sql::literal::{NoLiteral, push_literal};
use crate::sql::quote::{hex_literal, push_hex, quote_identifier};

/// Bytes of text that are compared as they are; longer ones by their digest.
const COMPARED_BYTES: usize = 64;

/// What stands between two conditions.
const AND: &str = " AND ";

/// What stands between two columns that are set.
const COMMA: &str = ",";

/// A column in statements on its table.
#[derive(Debug, Default)]
pub(super) struct ColumnSql {
    /// Its name, quoted.
    pub name: Vec<u8>,
    /// The character set of its literals.
    pub charset: Option<&'static str>,
    is_vector: bool,
    sets: Words,
    is: Words,
    same: Words,
    same_bytes: Words,
    same_digest: Words,
    same_hex: Words,
    same_mask: Words,
    is_null: Words,
}

/// Words around the name of a column, behind what joins them to those of the column before.
#[derive(Debug, Default)]
struct Words {
    /// With as many zeros behind them as are copied at once.
    text: Vec<u8>,
    length: usize,
    joint: usize,
}

/// As many bytes are copied at once, needed or not: to copy as many as are needed takes longer.
const COPIED: usize = 48;

impl Words {
    fn new(joint: &str, before: &str, name: &[u8], behind: &str) -> Self {
        let mut text = [joint.as_bytes(), before.as_bytes(), name, behind.as_bytes()].concat();
        let length = text.len();
        text.resize(length + COPIED, 0);
        Words { text, length, joint: joint.len() }
    }

    /// Appends them, without the joint where they are the first.
    #[inline]
    fn push(&self, out: &mut Vec<u8>, first: bool) {
        let joint = if first { self.joint } else { 0 };
        let (behind, length) = (out.len(), self.length - joint);
        match self.text.get(joint..).and_then(|text| text.first_chunk::<COPIED>()) {
            Some(words) if length <= COPIED => {
                out.extend_from_slice(words);
                out.truncate(behind + length);
            }
            _ => out.extend_from_slice(self.text.get(joint..self.length).unwrap_or_default()),
        }
    }
}

impl ColumnSql {
    /// The words for a column of which this is known.
    pub fn new(column: &ResolvedColumn, column_type: Option<ColumnType>) -> Self {
        let mut name = vec![];
        quote_identifier(&mut name, &column.name);
        let words = |before, behind| Words::new(AND, before, &name, behind);
        ColumnSql {
            charset: charset(column),
            is_vector: matches!(column_type, Some(ColumnType::Vector { .. })),
            sets: Words::new(COMMA, "", &name, "="),
            is: words("", "="),
            same: words("", "<=>"),
            same_bytes: words("CAST(", " AS BINARY)<=>"),
            same_digest: words("SHA2(CAST(", " AS BINARY),256)<=>'"),
            same_hex: words("HEX(", ")<=>'"),
            same_mask: words("CAST(", " AS UNSIGNED)<=>"),
            is_null: words("", " IS NULL"),
            name,
        }
    }

    /// Appends the literal of a value.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_value(&self, out: &mut Vec<u8>, value: &Value<'_>) -> Result<(), NoLiteral> {
        push_literal(out, value, self.charset)
    }

    /// Appends what sets it to a value.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_set(
        &self,
        out: &mut Vec<u8>,
        first: bool,
        value: &Value<'_>,
    ) -> Result<(), NoLiteral> {
        self.sets.push(out, first);
        self.push_value(out, value)
    }

    /// Appends the condition that it is a value, by which a row is found.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_is(
        &self,
        out: &mut Vec<u8>,
        first: bool,
        value: &Value<'_>,
    ) -> Result<(), NoLiteral> {
        self.is.push(out, first);
        self.push_value(out, value)
    }

    /// Appends a comparison that only the very same value passes.
    ///
    /// # Errors
    /// [`NoLiteral`].
    pub fn push_same(
        &self,
        out: &mut Vec<u8>,
        first: bool,
        value: &Value<'_>,
    ) -> Result<(), NoLiteral> {
        match value {
            // Collations take different texts for the same.
            Value::Text(text) => {
                let mut padded = vec![];
                let bytes = if text.padding > 0 {
                    text.write_text(&mut padded);
                    &padded
                } else {
                    text.bytes
                };
                if bytes.len() <= COMPARED_BYTES {
                    self.same_bytes.push(out, first);
                    hex_literal(out, bytes);
                } else {
                    self.push_digest(out, first, bytes);
                }
            }
            Value::Compressed(compressed) => self.push_digest(out, first, &compressed.inflate()?),
            Value::Geometry(geometry) => {
                let bytes = [&geometry.srid.to_le_bytes(), geometry.wkb].concat();
                self.push_hex(out, first, &bytes);
            }
            // As it stands, a SET compares as a number with a sign.
            Value::Set(_) => {
                self.same_mask.push(out, first);
                self.push_value(out, value)?;
            }
            // MySQL does not compare vectors, not even with NULL.
            Value::Null if self.is_vector => self.is_null.push(out, first),
            Value::Vector(vector) => self.push_hex(out, first, vector.bytes),
            value => {
                self.same.push(out, first);
                self.push_value(out, value)?;
            }
        }
        Ok(())
    }

    /// Appends a comparison of long values, by what no two of them have in common.
    fn push_digest(&self, out: &mut Vec<u8>, first: bool, bytes: &[u8]) {
        self.same_digest.push(out, first);
        write_hex(&Sha256::digest(bytes), out);
        out.push(b'\'');
    }

    /// Appends a comparison of bytes by their digits.
    fn push_hex(&self, out: &mut Vec<u8>, first: bool, bytes: &[u8]) {
        self.same_hex.push(out, first);
        push_hex(out, bytes);
        out.push(b'\'');
    }
}

/// The character set of a column's literals.
pub(super) fn charset(column: &ResolvedColumn) -> Option<&'static str> {
    match column.sql_type {
        Some(SqlType::Uuid | SqlType::Inet4 | SqlType::Inet6 | SqlType::Vector { .. }) => {
            Some("binary")
        }
        _ => column.charset.map(|charset| charset.name),
    }
}
