//! The servers' character sets: how wide a character is, and which collations belong to them.
//!
//! Names and numbers are those of `information_schema.collations` of MySQL 9.7 and of
//! `collation_character_set_applicability` of MariaDB 10.11 and 11.8; no number has two meanings.

use std::num::NonZeroU8;

/// The character set of each number of a collation: its place in [`CHARSETS`], counted from 1.
static BY_ID: [Option<NonZeroU8>; MARIADB_NOPAD as usize + 1] = {
    let mut by_id = [None; MARIADB_NOPAD as usize + 1];
    let mut charset = CHARSETS.len();
    while charset > 0 {
        let mut run = 0;
        while run < CHARSETS[charset - 1].ids.len() {
            let (mut id, last) = CHARSETS[charset - 1].ids[run];
            while id <= last {
                by_id[id as usize] = NonZeroU8::new(charset as u8);
                id += 1;
            }
            run += 1;
        }
        charset -= 1;
    }
    by_id
};

/// A character set of the servers.
#[derive(Debug, PartialEq, Eq)]
pub struct Charset {
    /// Its name, good as an introducer (`_name 0x…`) on every server that has it.
    pub name: &'static str,
    /// Bytes of its widest character (`mbmaxlen`).
    pub max_bytes: u32,
    /// First and last number of runs of collations.
    ids: &'static [(u16, u16)],
}

const fn charset(name: &'static str, max_bytes: u32, ids: &'static [(u16, u16)]) -> Charset {
    Charset { name, max_bytes, ids }
}

#[rustfmt::skip]
static CHARSETS: [Charset; 41] = [
    charset("armscii8", 1, &[(32, 32), (64, 64)]),
    charset("ascii", 1, &[(11, 11), (65, 65)]),
    charset("big5", 2, &[(1, 1), (84, 84)]),
    charset("binary", 1, &[(63, 63)]),
    charset("cp1250", 1, &[(26, 26), (34, 34), (44, 44), (66, 66), (99, 99)]),
    charset("cp1251", 1, &[(14, 14), (23, 23), (50, 52)]),
    charset("cp1256", 1, &[(57, 57), (67, 67)]),
    charset("cp1257", 1, &[(29, 29), (58, 59)]),
    charset("cp850", 1, &[(4, 4), (80, 80)]),
    charset("cp852", 1, &[(40, 40), (81, 81)]),
    charset("cp866", 1, &[(36, 36), (68, 68)]),
    charset("cp932", 2, &[(95, 96)]),
    charset("dec8", 1, &[(3, 3), (69, 69)]),
    charset("eucjpms", 3, &[(97, 98)]),
    charset("euckr", 2, &[(19, 19), (85, 85)]),
    charset("gb18030", 4, &[(248, 250)]),
    charset("gb2312", 2, &[(24, 24), (86, 86)]),
    charset("gbk", 2, &[(28, 28), (87, 87)]),
    charset("geostd8", 1, &[(92, 93)]),
    charset("greek", 1, &[(25, 25), (70, 70)]),
    charset("hebrew", 1, &[(16, 16), (71, 71)]),
    charset("hp8", 1, &[(6, 6), (72, 72)]),
    charset("keybcs2", 1, &[(37, 37), (73, 73)]),
    charset("koi8r", 1, &[(7, 7), (74, 74)]),
    charset("koi8u", 1, &[(22, 22), (75, 75)]),
    charset("latin1", 1, &[(5, 5), (8, 8), (15, 15), (31, 31), (47, 49), (94, 94)]),
    charset("latin2", 1, &[(2, 2), (9, 9), (21, 21), (27, 27), (77, 77)]),
    charset("latin5", 1, &[(30, 30), (78, 78)]),
    charset("latin7", 1, &[(20, 20), (41, 42), (79, 79)]),
    charset("macce", 1, &[(38, 38), (43, 43)]),
    charset("macroman", 1, &[(39, 39), (53, 53)]),
    charset("sjis", 2, &[(13, 13), (88, 88)]),
    charset("swe7", 1, &[(10, 10), (82, 82)]),
    charset("tis620", 1, &[(18, 18), (89, 89)]),
    charset("ucs2", 2, &[(35, 35), (90, 90), (128, 151), (159, 159), (640, 642)]),
    charset("ujis", 3, &[(12, 12), (91, 91)]),
    charset("utf16", 4, &[(54, 55), (101, 124), (672, 674)]),
    charset("utf16le", 4, &[(56, 56), (62, 62)]),
    charset("utf32", 4, &[(60, 61), (160, 183), (736, 738)]),
    charset("utf8mb3", 3, &[(33, 33), (76, 76), (83, 83), (192, 215), (223, 223), (576, 579)]),
    charset("utf8mb4", 4, &[(45, 46), (224, 247), (255, 271), (273, 275), (277, 294), (296, 298), (300, 300), (303, 323), (608, 611)]),
];

/// MariaDB numbers its NOPAD collations like the padding ones, from here on.
const MARIADB_NOPAD: u16 = 1024;
/// MariaDB's UCA 14.0.0 collations: 256 numbers for each of these, in this order.
const MARIADB_UCA1400: u16 = 2048;
const UCA1400_CHARSETS: [&str; 5] = ["utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"];

impl Charset {
    /// The character set of this name in any case; `utf8` is `utf8mb3`, as all servers so far have
    /// it. `None` for a name that no server knows.
    pub fn by_name(name: &[u8]) -> Option<&'static Charset> {
        let name = if name.eq_ignore_ascii_case(b"utf8") { b"utf8mb3" } else { name };
        CHARSETS.iter().find(|charset| name.eq_ignore_ascii_case(charset.name.as_bytes()))
    }

    /// The character set of the collation of this name: its first word. MariaDB's
    /// `uca1400_…` without a character set is of none.
    pub fn of_collation(name: &[u8]) -> Option<&'static Charset> {
        Self::by_name(name.split(|byte| *byte == b'_').next()?)
    }

    /// The character set of the collation of this number, as a table map or a Query event has it.
    pub fn of_collation_id(id: u16) -> Option<&'static Charset> {
        if let Some(uca) = id.checked_sub(MARIADB_UCA1400) {
            return Self::by_name(UCA1400_CHARSETS.get(usize::from(uca / 256))?.as_bytes());
        }
        let id = if id > MARIADB_NOPAD { id - MARIADB_NOPAD } else { id };
        let charset = *BY_ID.get(usize::from(id))?;
        CHARSETS.get(usize::from(charset?.get()) - 1)
    }

    /// The number of one of its collations.
    pub fn a_collation_id(&self) -> u16 {
        self.ids.first().map_or(0, |(first, _)| *first)
    }

    /// Whether it is `binary`: bytes, not text.
    pub fn is_binary(&self) -> bool {
        self.name == "binary"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_families_name_their_charset() {
        let cases = [
            (8, "latin1"),
            (28, "gbk"),
            (33, "utf8mb3"),
            (45, "utf8mb4"),
            (63, "binary"),
            (255, "utf8mb4"),
            (1070, "utf8mb4"), // utf8mb4_nopad_bin
            (1052, "gbk"),
            (2048, "utf8mb3"), // utf8mb3_uca1400_ai_ci
            (2304, "utf8mb4"), // utf8mb4_uca1400_ai_ci
            (3256, "utf32"),
        ];
        for (id, name) in cases {
            assert_eq!(Charset::of_collation_id(id).map(|c| c.name), Some(name), "{id}");
        }
        for id in [0, 17, 100, 1024, 3328, u16::MAX] {
            assert_eq!(Charset::of_collation_id(id), None, "{id}");
        }
    }

    #[test]
    fn names_are_read_in_any_case() {
        let name = |charset: Option<&'static Charset>| charset.map(|c| (c.name, c.max_bytes));
        assert_eq!(name(Charset::by_name(b"UTF8")), Some(("utf8mb3", 3)));
        assert_eq!(name(Charset::of_collation(b"utf8_general_ci")), Some(("utf8mb3", 3)));
        assert_eq!(name(Charset::of_collation(b"GB18030_bin")), Some(("gb18030", 4)));
        assert_eq!(name(Charset::of_collation(b"binary")), Some(("binary", 1)));
        assert_eq!(name(Charset::of_collation(b"uca1400_ai_ci")), None);
        assert_eq!(name(Charset::by_name(b"klingon")), None);
    }
}
