//! MySQL's binary JSON (`json_binary.cc`). As text it is in [`super::json_text`].
//!
//! ```text
//! type | count | size | key entries   | value entries       | keys | values
//!                       offset, length  type, offset or value
//!        ^ offsets count from here; counts, sizes and offsets take two bytes, or four if "large"
//! ```
//!
//! An offset may point anywhere, so nesting has a limit, and so has the sum of bytes looked at.

use super::json_container::{Container, counted, jsonb};
use crate::error::Fault;
use crate::limits;
use crate::wire::Reader;

/// A JSON document in MySQL's binary form, not looked at yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Json<'a> {
    /// The bytes; none at all mean `null`.
    pub bytes: &'a [u8],
}

/// What a document is made of, as [`Json::visit`] tells it: in the order of the text.
pub trait JsonVisitor {
    /// An object begins, or an array.
    fn begin(&mut self, container: JsonContainer);
    /// The member number `index` of an object follows.
    fn member(&mut self, index: usize, key: &[u8]);
    /// The element number `index` of an array follows.
    fn element(&mut self, index: usize);
    /// The object or array ends.
    fn end(&mut self, container: JsonContainer);
    /// A value that holds no others.
    ///
    /// # Errors
    /// A [`Fault`] if it is malformed.
    fn scalar(&mut self, scalar: JsonScalar<'_>) -> Result<(), Fault>;
}

/// What holds other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonContainer {
    /// Members with keys, sorted by the length of the key and then by its bytes.
    Object,
    /// Elements.
    Array,
}

/// A value that holds no others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonScalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer with a sign.
    Integer(i64),
    /// An integer without one.
    Unsigned(u64),
    /// Any other number.
    Double(f64),
    /// Text in utf8mb4.
    String(&'a [u8]),
    /// A value of a type that JSON does not have.
    Opaque {
        /// Number of the type, see [`code`].
        field_type: u8,
        /// The value in a form of its own.
        bytes: &'a [u8],
    },
}

impl Json<'_> {
    /// Walks through the document.
    ///
    /// # Errors
    /// A [`Fault`] if the bytes are no such document, or one too deep or too entangled to read, or
    /// what `visitor` says.
    pub fn visit(&self, visitor: &mut impl JsonVisitor) -> Result<(), Fault> {
        let Some((kind, data)) = self.bytes.split_first() else {
            return visitor.scalar(JsonScalar::Null);
        };
        let length = self.bytes.len() as u64;
        let budget = length.saturating_mul(limits::JSON_VISITS_PER_BYTE);
        Walker { visitor, budget, allowed: budget }.value(*kind, data, 0)
    }
}

struct Walker<'v, V> {
    visitor: &'v mut V,
    /// Bytes that may still be looked at.
    budget: u64,
    allowed: u64,
}

impl<V: JsonVisitor> Walker<'_, V> {
    fn visit(&mut self, bytes: usize) -> Result<(), Fault> {
        match self.budget.checked_sub(bytes as u64) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Fault::limit("bytes visited in JSON", self.allowed, self.allowed + 1)),
        }
    }

    fn value(&mut self, kind: u8, data: &[u8], depth: usize) -> Result<(), Fault> {
        let mut reader = Reader::new(data);
        match kind {
            jsonb::SMALL_OBJECT => return self.object(data, false, depth + 1),
            jsonb::LARGE_OBJECT => return self.object(data, true, depth + 1),
            jsonb::SMALL_ARRAY => return self.array(data, false, depth + 1),
            jsonb::LARGE_ARRAY => return self.array(data, true, depth + 1),
            jsonb::LITERAL => {
                let literal = literal(reader.u8("JSON literal")?)?;
                self.visitor.scalar(literal)?;
            }
            jsonb::INT16 => self.integer(reader.u16("JSON int16")? as i16)?,
            jsonb::UINT16 => self.unsigned(reader.u16("JSON uint16")?)?,
            jsonb::INT32 => self.integer(reader.u32("JSON int32")? as i32)?,
            jsonb::UINT32 => self.unsigned(reader.u32("JSON uint32")?)?,
            jsonb::INT64 => self.integer(reader.u64("JSON int64")? as i64)?,
            jsonb::UINT64 => self.unsigned(reader.u64("JSON uint64")?)?,
            jsonb::DOUBLE => {
                let value = f64::from_bits(reader.u64("JSON double")?);
                self.visitor.scalar(JsonScalar::Double(value))?;
            }
            jsonb::STRING => {
                let string = counted(&mut reader, "JSON string")?;
                self.visit(string.len())?;
                self.visitor.scalar(JsonScalar::String(string))?;
            }
            jsonb::OPAQUE => {
                let field_type = reader.u8("type of an opaque JSON value")?;
                let bytes = counted(&mut reader, "opaque JSON value")?;
                self.visit(bytes.len())?;
                self.visitor.scalar(JsonScalar::Opaque { field_type, bytes })?;
            }
            other => return Err(Fault::value("JSON type", "0 to 12 or 15", other)),
        }
        self.visit(1)
    }

    fn integer(&mut self, integer: impl Into<i64>) -> Result<(), Fault> {
        self.visitor.scalar(JsonScalar::Integer(integer.into()))
    }

    fn unsigned(&mut self, integer: impl Into<u64>) -> Result<(), Fault> {
        self.visitor.scalar(JsonScalar::Unsigned(integer.into()))
    }

    fn object(&mut self, data: &[u8], large: bool, depth: usize) -> Result<(), Fault> {
        let mut object = self.container(data, large, true, depth)?;
        self.visitor.begin(JsonContainer::Object);
        for index in 0..object.count {
            let key = object.key()?;
            self.visit(key.len())?;
            self.visitor.member(index, key);
            let (kind, data) = object.value()?;
            self.value(kind, data, depth)?;
        }
        self.visitor.end(JsonContainer::Object);
        Ok(())
    }

    fn array(&mut self, data: &[u8], large: bool, depth: usize) -> Result<(), Fault> {
        let mut array = self.container(data, large, false, depth)?;
        self.visitor.begin(JsonContainer::Array);
        for index in 0..array.count {
            self.visitor.element(index);
            let (kind, data) = array.value()?;
            self.value(kind, data, depth)?;
        }
        self.visitor.end(JsonContainer::Array);
        Ok(())
    }

    fn container<'a>(
        &mut self,
        data: &'a [u8],
        large: bool,
        keyed: bool,
        depth: usize,
    ) -> Result<Container<'a>, Fault> {
        if depth > limits::JSON_DEPTH {
            return Err(Fault::limit("depth of JSON", limits::JSON_DEPTH as u64, depth as u64));
        }
        let container = Container::read(data, large, keyed)?;
        self.visit(container.entry_bytes())?;
        Ok(container)
    }
}

fn literal(literal: u8) -> Result<JsonScalar<'static>, Fault> {
    Ok(match literal {
        0 => JsonScalar::Null,
        1 => JsonScalar::Boolean(true),
        2 => JsonScalar::Boolean(false),
        other => return Err(Fault::value("JSON literal", "0, 1 or 2", other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> Result<String, Fault> {
        let mut out = Vec::new();
        Json { bytes }.write_text(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn scalars() {
        for (bytes, expected) in [
            (&[][..], "null"),
            (&[4, 0], "null"),
            (&[4, 1], "true"),
            (&[4, 2], "false"),
            (&[5, 0x00, 0x80], "-32768"),
            (&[6, 0xFF, 0xFF], "65535"),
            (&[7, 0, 0, 0, 0x80], "-2147483648"),
            (&[8, 0xFF, 0xFF, 0xFF, 0xFF], "4294967295"),
            (&[9, 0, 0, 0, 0, 0, 0, 0, 0x80], "-9223372036854775808"),
            (&[10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "18446744073709551615"),
            (&[11, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F], "1.0"),
            (&[11, 0, 0, 0, 0, 0, 0, 0, 0x80], "-0.0"),
            (&[12, 4, b'a', b'"', 0x01, b'\n'], r#""a\"\u0001\n""#),
            (&[15, 246, 3, 3, 2, 0x81], "fault"), // DECIMAL(3,2) of one byte
            (&[15, 246, 4, 3, 2, 0x81, 0x17], "1.23"),
            (&[15, 16, 1, 0x05], r#""base64:type16:BQ==""#),
        ] {
            let printed = text(bytes).unwrap_or_else(|_| "fault".into());
            assert_eq!(printed, expected, "{bytes:x?}");
        }
    }

    #[test]
    fn dates_and_times_are_strings_with_six_digits() {
        let opaque = |field_type: u8, packed: i64| {
            let mut bytes = vec![15, field_type, 8];
            bytes.extend(packed.to_le_bytes());
            text(&bytes).unwrap()
        };
        // 2015-01-15 is (2015 * 13 + 1) months, day 15; 23:24:25.12 follows in the lower bits.
        let day = ((2015 * 13 + 1) << 5 | 15) << 17;
        let second = 23 << 12 | 24 << 6 | 25;
        assert_eq!(opaque(10, day << 24), r#""2015-01-15""#);
        let moment = (day | second) << 24 | 120_000;
        assert_eq!(opaque(12, moment), r#""2015-01-15 23:24:25.120000""#);
        assert_eq!(opaque(7, moment), r#""2015-01-15 23:24:25.120000""#);
        assert_eq!(opaque(11, second << 24 | 120_000), r#""23:24:25.120000""#);
        assert_eq!(opaque(11, -(second << 24 | 120_000)), r#""-23:24:25.120000""#);
    }

    #[test]
    fn objects_and_arrays_nest() {
        #[rustfmt::skip]
        let bytes = [
            0,                     // small object
            2, 0, 36, 0,           // two members, 36 bytes
            18, 0, 1, 0,           // key 1 at 18, one byte
            19, 0, 2, 0,           // key 2 at 19, two bytes
            5, 0xFE, 0xFF,         // value 1: int16 -2, inline
            2, 21, 0,              // value 2: small array at 21
            b'a', b'b', b'c',      // keys
            3, 0, 15, 0,           // array: three elements, 15 bytes
            4, 1, 0,               // true
            12, 13, 0,             // string at 13
            2, 0, 0,               // small array at 0: the array itself
            1, b'x',               // the string
        ];
        let fault = text(&bytes).unwrap_err().to_string();
        assert!(fault.contains("bytes visited") || fault.contains("depth"), "{fault}");

        let mut sound = bytes;
        sound[32..35].copy_from_slice(&[4, 0, 0]);
        assert_eq!(text(&sound).unwrap(), r#"{"a": -2, "bc": [true, "x", null]}"#);
    }

    #[test]
    fn empty_containers_and_large_ones() {
        assert_eq!(text(&[0, 0, 0, 4, 0]).unwrap(), "{}");
        #[rustfmt::skip]
        let large = [
            3,                      // large array
            1, 0, 0, 0, 13, 0, 0, 0, // one element, 13 bytes
            7, 0xFF, 0xFF, 0xFF, 0xFF, // int32 -1, inline
        ];
        assert_eq!(text(&large).unwrap(), "[-1]");
    }

    #[test]
    fn long_opaques_break_their_base64_into_lines() {
        let mut bytes = vec![15, 252, 60];
        bytes.extend([0; 60]);
        let expected = format!("\"base64:type252:{}\\n{}\"", "A".repeat(76), "A".repeat(4));
        assert_eq!(text(&bytes).unwrap(), expected);
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| {
            let mut bytes = vec![4, 0];
            for _ in 0..depth {
                let inline = bytes[0] == 4;
                let size = if inline { 7 } else { bytes.len() as u16 + 6 };
                let mut outer = vec![2, 1, 0];
                outer.extend(size.to_le_bytes());
                outer.extend([bytes[0], if inline { bytes[1] } else { 7 }, 0]);
                if !inline {
                    outer.extend(&bytes[1..]);
                }
                bytes = outer;
            }
            text(&bytes)
        };
        assert_eq!(nested(3).unwrap(), "[[[null]]]");
        assert!(nested(100).is_ok());
        assert_eq!(
            nested(101).unwrap_err().to_string(),
            "depth of JSON: needed at most 100, had 101"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_print_or_fail_within_bounds(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            let _ = Json { bytes: &bytes }.write_text(&mut out);
            prop_assert!(out.len() <= bytes.len() * 64 + 64);
        }
    }
}
