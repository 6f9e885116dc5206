//! Differences between two JSON documents: what an update under `binlog_row_value_options =
//! PARTIAL_JSON` logs in the place of the new one (`sql/json_diff.cc`).
//!
//! ```text
//! operation | length | path | length | value      again and again; a removal has no value
//! ```

use std::borrow::Cow;

use super::json::Json;
use super::json_path;
use super::json_tree::Document;
use crate::error::Fault;
use crate::wire::Reader;

/// What a difference does (`enum_json_diff_operation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonOperation {
    /// Puts a value in the place of another.
    Replace,
    /// Adds a member to an object, or an element to an array, where the later ones move on.
    Insert,
    /// Takes a member or an element out.
    Remove,
}

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonDiff<'a> {
    /// What is done.
    pub operation: JsonOperation,
    /// Where: `$.a[3]`, in UTF-8.
    pub path: &'a [u8],
    /// The new value; `None` for a removal.
    pub value: Option<Json<'a>>,
}

/// The differences that make a new document out of the one before; none at all leave it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JsonDiffs<'a> {
    /// The differences, one after another.
    pub bytes: &'a [u8],
}

impl<'a> JsonDiffs<'a> {
    /// The differences in their order. What fails ends the iteration.
    pub fn iter(&self) -> impl Iterator<Item = Result<JsonDiff<'a>, Fault>> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            let diff = next(&mut reader);
            if diff.is_err() {
                reader.take_rest();
            }
            Some(diff)
        })
    }

    /// The document that they make of `before`, in binary form, as `apply_json_diff` of the server
    /// does.
    ///
    /// # Errors
    /// A [`Fault`] if the differences or the document are malformed, do not fit each other, or
    /// reach a limit.
    pub fn apply(&self, before: Json<'a>) -> Result<Cow<'a, [u8]>, Fault> {
        if self.bytes.is_empty() {
            return Ok(Cow::Borrowed(before.bytes));
        }
        let mut document = Document::new(before)?;
        for diff in self.iter() {
            let diff = diff?;
            let path = json_path::parse(diff.path)?;
            let found = match (diff.operation, diff.value) {
                // Of the root a difference is never logged.
                _ if path.is_empty() => false,
                (JsonOperation::Replace, Some(value)) => document.replace(&path, value)?,
                (JsonOperation::Insert, Some(value)) => document.insert(&path, value)?,
                _ => document.remove(&path)?,
            };
            if !found {
                let had = String::from_utf8_lossy(diff.path);
                return Err(Fault::value("JSON difference", "a place that the document has", had));
            }
        }
        document.encode().map(Cow::Owned)
    }

    /// Appends the differences as text: `replace $.a = 2; remove $.b`.
    ///
    /// # Errors
    /// A [`Fault`] if they are malformed. What was appended until then stays.
    pub fn write_text(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.bytes.is_empty() {
            out.extend_from_slice(b"unchanged");
        }
        for (index, diff) in self.iter().enumerate() {
            let diff = diff?;
            if index > 0 {
                out.extend_from_slice(b"; ");
            }
            let verb: &[u8] = match diff.operation {
                JsonOperation::Replace => b"replace ",
                JsonOperation::Insert => b"insert ",
                JsonOperation::Remove => b"remove ",
            };
            out.extend_from_slice(verb);
            out.extend_from_slice(diff.path);
            if let Some(value) = diff.value {
                out.extend_from_slice(b" = ");
                value.write_text(out)?;
            }
        }
        Ok(())
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<JsonDiff<'a>, Fault> {
    let operation = match reader.u8("operation of a JSON difference")? {
        0 => JsonOperation::Replace,
        1 => JsonOperation::Insert,
        2 => JsonOperation::Remove,
        other => return Err(Fault::value("operation of a JSON difference", "0, 1 or 2", other)),
    };
    let path = reader.string_lenenc("path of a JSON difference")?;
    let value = match operation {
        JsonOperation::Remove => None,
        _ => Some(Json { bytes: reader.string_lenenc("value of a JSON difference")? }),
    };
    Ok(JsonDiff { operation, path, value })
}

#[cfg(test)]
#[path = "json_diff_tests.rs"]
mod tests;
