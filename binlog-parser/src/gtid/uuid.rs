//! The identity of a MySQL server.

use std::fmt;
use std::str::FromStr;

use crate::error::Fault;

use super::text::shown;

/// A universally unique identifier: MySQL's `@@server_uuid`, or a Group Replication group's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// Length of the text form with its dashes, in bytes.
    pub const TEXT_BYTES: usize = 36;

    /// The UUID at the very start of `text`, whatever follows it.
    #[must_use]
    pub fn at_start_of(text: &str) -> Option<Uuid> {
        let text = text.as_bytes().get(..Self::TEXT_BYTES)?;
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (place, &byte) in text.iter().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16)? as u8;
            let slot: &mut u8 = bytes.get_mut(digits / 2)?;
            *slot = *slot << 4 | digit;
            digits += 1;
        }
        Some(Uuid(bytes))
    }

    /// The text form, in lower case.
    #[must_use]
    pub fn text(&self) -> [u8; Self::TEXT_BYTES] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; Self::TEXT_BYTES];
        // Where the first digit of each byte stands; between them, dashes stay.
        let places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        for (byte, place) in self.0.iter().zip(places) {
            text[place] = DIGITS[usize::from(byte >> 4)];
            text[place + 1] = DIGITS[usize::from(byte & 0xF)];
        }
        text
    }
}

impl FromStr for Uuid {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let uuid = if text.len() == Self::TEXT_BYTES { Self::at_start_of(text) } else { None };
        uuid.ok_or_else(|| {
            Fault::value("UUID", "32 hexadecimal digits in groups of 8-4-4-4-12", shown(text))
        })
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_lower_case_with_dashes() {
        let uuid: Uuid = "3E11FA47-71CA-11E1-9E33-C80AA9429562".parse().unwrap();
        assert_eq!(uuid.0[..4], [0x3E, 0x11, 0xFA, 0x47]);
        assert_eq!(uuid.to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562");
    }

    #[test]
    fn what_is_no_uuid_is_named() {
        for text in
            ["", "3e11fa47-71ca-11e1-9e33-c80aa942956", "3e11fa47x71ca-11e1-9e33-c80aa9429562"]
        {
            let fault = text.parse::<Uuid>().unwrap_err().to_string();
            assert!(fault.starts_with("UUID: needed 32 hexadecimal digits"), "{fault}");
        }
        assert!("3e11fa47-71ca-11e1-9e33-c80aa94295é".parse::<Uuid>().is_err());
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(bytes: [u8; 16]) {
            prop_assert_eq!(Uuid(bytes).to_string().parse::<Uuid>(), Ok(Uuid(bytes)));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Uuid>();
            let _ = Uuid::at_start_of(&text);
        }
    }
}
