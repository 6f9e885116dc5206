//! The client character sets in which a byte that looks like ASCII may be half of a character.

/// How the bytes of a statement make characters, as far as finding quotes, backslashes and spaces
/// needs it.
///
/// In every other character set that a client may use (utf8, ujis, euckr, single-byte ones) the
/// bytes `'`, `"`, `` ` `` and `\` always stand for themselves. UTF-16, UTF-32 and UCS-2 are not
/// allowed as a client character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCharset {
    /// ASCII bytes stand for themselves.
    #[default]
    AsciiSafe,
    /// latin1: as `AsciiSafe`, and 0xA0 is a space (`ctype_latin1`).
    Latin1,
    /// sjis and cp932: trail bytes 0x40–0x7E and 0x80–0xFC (strings/ctype-sjis.c).
    Sjis,
    /// big5: trail bytes 0x40–0x7E and 0xA1–0xFE (strings/ctype-big5.c).
    Big5,
    /// gbk: trail bytes 0x40–0x7E and 0x80–0xFE (strings/ctype-gbk.c).
    Gbk,
    /// gb18030: gbk's two-byte form, and a four-byte one with digits (strings/ctype-gb18030.c).
    Gb18030,
}

impl ClientCharset {
    /// The character set of a collation id, as the Query event's charset variable
    /// (character_set_client) holds it. MariaDB's NOPAD collations are the same id plus 1024.
    pub fn from_collation(id: u16) -> Self {
        let id = if (1024..2048).contains(&id) { id - 1024 } else { id };
        match id {
            5 | 8 | 15 | 31 | 47 | 48 | 49 | 94 => Self::Latin1,
            13 | 88 | 95 | 96 => Self::Sjis,
            1 | 84 => Self::Big5,
            28 | 87 => Self::Gbk,
            248..=250 => Self::Gb18030,
            _ => Self::AsciiSafe,
        }
    }

    /// Whether a byte after a lead byte may look like ASCII punctuation.
    pub fn is_dangerous(self) -> bool {
        !matches!(self, Self::AsciiSafe | Self::Latin1)
    }

    /// Whether the servers skip this byte between tokens.
    pub fn is_space(self, byte: u8) -> bool {
        matches!(byte, b' ' | b'\t'..=b'\r') || (byte == 0xA0 && self == Self::Latin1)
    }

    /// Length in bytes of the character that `bytes` start with: 1 unless it is a whole, valid
    /// multi-byte character of a dangerous set (`my_ismbchar`). 0 only for no bytes.
    pub fn char_len(self, bytes: &[u8]) -> usize {
        let (Some(&lead), trail) = (bytes.first(), bytes.get(1).copied()) else {
            return 0;
        };
        if lead < 0x80 {
            return 1;
        }
        let Some(trail) = trail else { return 1 };
        let two = match self {
            Self::AsciiSafe | Self::Latin1 => false,
            Self::Sjis => {
                matches!(lead, 0x81..=0x9F | 0xE0..=0xFC)
                    && matches!(trail, 0x40..=0x7E | 0x80..=0xFC)
            }
            Self::Big5 => matches!(lead, 0xA1..=0xF9) && matches!(trail, 0x40..=0x7E | 0xA1..=0xFE),
            Self::Gbk | Self::Gb18030 => {
                matches!(lead, 0x81..=0xFE) && matches!(trail, 0x40..=0x7E | 0x80..=0xFE)
            }
        };
        if two {
            return 2;
        }
        let four = self == Self::Gb18030
            && matches!(bytes, [0x81..=0xFE, 0x30..=0x39, 0x81..=0xFE, 0x30..=0x39, ..]);
        if four { 4 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_may_be_the_half_of_a_character() {
        assert_eq!(ClientCharset::Sjis.char_len(b"\x95\x5C'"), 2);
        assert_eq!(ClientCharset::Gbk.char_len(b"\xBF\x5C'"), 2);
        assert_eq!(ClientCharset::Big5.char_len(b"\xA5\x5C'"), 2);
        assert_eq!(ClientCharset::Gb18030.char_len(b"\x81\x30\x81\x30"), 4);
        assert_eq!(ClientCharset::AsciiSafe.char_len(b"\xC3\x5C"), 1);
    }

    #[test]
    fn a_broken_character_is_one_byte_as_in_the_server() {
        assert_eq!(ClientCharset::Gbk.char_len(b"\xBF'"), 1);
        assert_eq!(ClientCharset::Sjis.char_len(b"\x95"), 1);
        assert_eq!(ClientCharset::Sjis.char_len(b""), 0);
    }

    #[test]
    fn collations_name_their_character_set() {
        assert_eq!(ClientCharset::from_collation(33), ClientCharset::AsciiSafe);
        assert_eq!(ClientCharset::from_collation(8), ClientCharset::Latin1);
        assert_eq!(ClientCharset::from_collation(28), ClientCharset::Gbk);
        // gbk_chinese_nopad_ci of MariaDB
        assert_eq!(ClientCharset::from_collation(1052), ClientCharset::Gbk);
        assert_eq!(ClientCharset::from_collation(95), ClientCharset::Sjis);
    }
}
