//! Integers, whose sign the wire does not tell.

use crate::digits;
use crate::wire::le_uint;

/// An integer of one to eight bytes. Whether its highest bit is a sign is known only from the
/// table map's metadata or a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Integer {
    /// The bits, without a sign.
    bits: u64,
    /// Bytes on the wire, 1 to 8.
    bytes: u8,
    /// Whether the column has no sign; `None` if that is unknown.
    unsigned: Option<bool>,
}

impl Integer {
    /// The integer in `bytes`, least significant first; `None` if there are none or more than
    /// eight.
    #[must_use]
    pub fn decode(bytes: &[u8], unsigned: Option<bool>) -> Option<Self> {
        let bits = le_uint(bytes)?;
        let bytes = u8::try_from(bytes.len()).ok().filter(|count| *count > 0)?;
        Some(Integer { bits, bytes, unsigned })
    }

    /// The value if the column has no sign.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        self.bits
    }

    /// The value if the column has a sign.
    #[must_use]
    pub fn signed(&self) -> i64 {
        let unused = 64 - u32::from(self.bytes) * 8;
        (self.bits << unused) as i64 >> unused
    }

    /// Whether the column has no sign; `None` if that is unknown.
    #[must_use]
    pub fn is_unsigned(&self) -> Option<bool> {
        self.unsigned
    }

    /// Whether the value depends on a sign that is unknown: its highest bit is one.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.unsigned.is_none() && self.signed() < 0
    }

    /// The value, with the sign that the column has or, if that is unknown, may have.
    #[must_use]
    pub fn value(&self) -> i128 {
        match self.unsigned {
            Some(true) => self.unsigned().into(),
            _ => self.signed().into(),
        }
    }

    /// Appends the decimal digits; an ambiguous value as both, `-1 (255)`, as mysqlbinlog does.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self.unsigned {
            Some(true) => digits::write_unsigned(self.bits, out),
            _ => digits::write_signed(self.signed(), out),
        }
        if self.is_ambiguous() {
            out.extend_from_slice(b" (");
            digits::write_unsigned(self.bits, out);
            out.push(b')');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], unsigned: Option<bool>) -> String {
        let mut out = Vec::new();
        Integer::decode(bytes, unsigned).unwrap().write_text(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn extremes_of_every_width() {
        for (bytes, signed, unsigned) in [
            (&[0x80][..], "-128", "128"),
            (&[0x00, 0x80], "-32768", "32768"),
            (&[0x00, 0x00, 0x80], "-8388608", "8388608"),
            (&[0x00, 0x00, 0x00, 0x80], "-2147483648", "2147483648"),
            (&[0, 0, 0, 0, 0, 0, 0, 0x80], "-9223372036854775808", "9223372036854775808"),
            (&[0xFF; 8], "-1", "18446744073709551615"),
            (&[0xFF, 0xFF, 0x7F], "8388607", "8388607"),
        ] {
            assert_eq!(text(bytes, Some(false)), signed);
            assert_eq!(text(bytes, Some(true)), unsigned);
        }
    }

    #[test]
    fn an_unknown_sign_shows_both_readings() {
        assert_eq!(text(&[0xFF], None), "-1 (255)");
        assert_eq!(text(&[0x7F], None), "127");
        assert_eq!(Integer::decode(&[], None), None);
        assert_eq!(Integer::decode(&[0; 9], None), None);
    }
}
