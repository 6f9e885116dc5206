//! The tag of a GTID, which MySQL knows since 8.3.

use std::fmt;
use std::str::FromStr;

use crate::error::Fault;
use crate::limits::GTID_TAG_BYTES;

use super::text::shown;

const CAPACITY: usize = GTID_TAG_BYTES as usize;

/// A name inside a server's GTIDs, which sets a group of transactions apart: a letter or `_`, then
/// up to 31 letters, digits or `_`, in lower case (`libs/mysql/gtid/tag.h`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Zero-padded, so that comparing arrays compares texts.
    bytes: [u8; CAPACITY],
    length: u8,
}

impl Tag {
    /// Checks the bytes of a tag. Upper case becomes lower case, as in the server.
    ///
    /// # Errors
    /// A [`Fault`] if it is empty, too long, or holds other characters.
    pub fn new(text: &[u8]) -> Result<Self, Fault> {
        if text.len() > CAPACITY {
            return Err(Fault::limit("GTID tag length", GTID_TAG_BYTES, text.len() as u64));
        }
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let starts = text.first().is_some_and(|first| word(first) && !first.is_ascii_digit());
        if !starts || !text.iter().all(word) {
            return Err(Fault::value(
                "GTID tag",
                "a letter or _, then letters, digits or _",
                shown(&String::from_utf8_lossy(text)),
            ));
        }
        let mut bytes = [0; CAPACITY];
        for (slot, byte) in bytes.iter_mut().zip(text) {
            *slot = byte.to_ascii_lowercase();
        }
        Ok(Tag { bytes, length: text.len() as u8 })
    }

    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for Tag {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Tag::new(text.as_bytes())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tag_is_lower_case_and_at_most_32_long() {
        assert_eq!("_Backup_2".parse::<Tag>().unwrap().as_str(), "_backup_2");
        assert_eq!("x".repeat(32).parse::<Tag>().unwrap().as_str(), "x".repeat(32));
        assert_eq!(
            "x".repeat(33).parse::<Tag>().unwrap_err().to_string(),
            "GTID tag length: needed at most 32, had 33"
        );
        for text in ["", "2nd", "a-b", "é", "a b"] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn order_is_the_order_of_the_text(a in "[a-z_][a-z0-9_]{0,31}", b in "[a-z_][a-z0-9_]{0,31}") {
            let (left, right) = (a.parse::<Tag>().unwrap(), b.parse::<Tag>().unwrap());
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left.to_string(), a);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Ok(tag) = Tag::new(&bytes) {
                prop_assert_eq!(tag.as_str().as_bytes(), bytes.to_ascii_lowercase());
            }
        }
    }
}
