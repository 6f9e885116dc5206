//! JSON output: one object a line, and nothing in it that a terminal obeys.
//!
//! Keys are snake_case, times RFC 3339 in UTC, and 64-bit numbers exact. Strings are characters.
//! Where bytes of a log make none, the string has `\xHH` in their place (a backslash, as text), and
//! a second key, the same name with `_hex`, holds all the bytes exactly; it is there only then.

use std::io::{self, Write};

use binlog_parser::digits::write_hex;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::text::{Decoded, is_plain, is_unsafe};

/// Writes `value` and a newline.
///
/// # Errors
/// What `out` fails with.
pub fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    write(out, value)?;
    out.write_all(b"\n")
}

/// Writes `value`.
///
/// # Errors
/// What `out` fails with.
pub fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Safe);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Takes back the end of an object that was written last, and begins a further entry of it, whose
/// value is to follow.
pub fn reopen(out: &mut Vec<u8>, key: &str) {
    if out.last() == Some(&b'}') {
        out.pop();
    }
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// The hexadecimal form of `bytes`, for the `_hex` key beside text that could not be decoded whole.
#[must_use]
pub fn hex_unless_exact(decoded: &Decoded<'_>, bytes: &[u8]) -> Option<String> {
    (!decoded.exact).then(|| hex(bytes))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = vec![];
    write_hex(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// Compact JSON in which C1, DEL and direction-changing characters are escaped as well: JSON itself
/// asks that only of C0.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        if is_plain(fragment.as_bytes()) {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (before, after) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, before)?;
            // All of them are in the basic plane, so one escape is one character.
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_valid_json_and_safe_on_a_terminal() {
        let mut out = vec![];
        let text = "a\"\\\n\x1b\u{9b}\u{202E}é";
        write_line(&mut out, &serde_json::json!({ "s": text, "n": u64::MAX })).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(
            line,
            "{\"n\":18446744073709551615,\"s\":\"a\\\"\\\\\\n\\u001b\\u009b\\u202eé\"}\n"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["s"], text);
    }

    #[test]
    fn bytes_are_exact_beside_text_that_is_not() {
        let bytes = b"\xFFa";
        assert_eq!(hex_unless_exact(&crate::text::utf8(bytes), bytes), Some("ff61".to_owned()));
        assert_eq!(hex_unless_exact(&crate::text::utf8(b"a"), b"a"), None);
    }
}
