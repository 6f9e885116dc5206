//! Strings: CHAR, VARCHAR, TEXT and their binary kin. Bytes in the column's character set, never
//! converted here.

/// Collation `binary`: the value is bytes and no text.
pub const BINARY_COLLATION: u16 = 63;

/// A string value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'a> {
    /// The bytes as they were logged.
    pub bytes: &'a [u8],
    /// The column's collation, which also names its character set; `None` if that is unknown.
    pub collation: Option<u16>,
    /// Zero bytes at the end of a BINARY value that the server does not log.
    pub padding: u16,
}

impl<'a> Text<'a> {
    /// A value of a column whose length varies.
    #[must_use]
    pub fn new(bytes: &'a [u8], collation: Option<u16>) -> Self {
        Text { bytes, collation, padding: 0 }
    }

    /// A value of a CHAR or BINARY column of `max_bytes`. Of both, the server drops the padding
    /// (`Field_string::pack`); to a BINARY value it belongs.
    #[must_use]
    pub fn fixed(bytes: &'a [u8], collation: Option<u16>, max_bytes: u16) -> Self {
        let missing = usize::from(max_bytes).saturating_sub(bytes.len());
        let padding = if collation == Some(BINARY_COLLATION) { missing as u16 } else { 0 };
        Text { bytes, collation, padding }
    }

    /// Whether the value is known to be bytes and no text.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.collation == Some(BINARY_COLLATION)
    }

    /// Length in bytes, padding included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() + usize::from(self.padding)
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the bytes with their padding.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
        out.resize(out.len() + usize::from(self.padding), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_gets_its_zeros_back_and_char_not_its_spaces() {
        let mut out = Vec::new();
        let binary = Text::fixed(b"ab", Some(63), 4);
        binary.write_text(&mut out);
        assert_eq!((out.as_slice(), binary.len()), (&b"ab\0\0"[..], 4));
        assert_eq!(Text::fixed(b"ab", Some(45), 16).len(), 2);
        assert_eq!(Text::fixed(b"ab", None, 4).len(), 2);
        assert_eq!(Text::fixed(b"abcde", Some(63), 4).len(), 5);
    }
}
