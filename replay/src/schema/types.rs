//! The declared type of a column.

use super::collation::Charset;

/// Bytes of an integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntegerSize {
    /// TINYINT, BOOL: one byte.
    Tiny,
    /// SMALLINT: two bytes.
    Small,
    /// MEDIUMINT: three bytes.
    Medium,
    /// INT: four bytes.
    Regular,
    /// BIGINT, SERIAL: eight bytes.
    Big,
}

/// Which of the four TEXT or BLOB types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LobSize {
    /// TINYTEXT, TINYBLOB: a length of one byte.
    Tiny,
    /// TEXT, BLOB: two bytes.
    Regular,
    /// MEDIUMTEXT, MEDIUMBLOB: three bytes.
    Medium,
    /// LONGTEXT, LONGBLOB: four bytes.
    Long,
}

impl LobSize {
    /// Bytes of the length before a value.
    pub fn length_bytes(self) -> u8 {
        match self {
            Self::Tiny => 1,
            Self::Regular => 2,
            Self::Medium => 3,
            Self::Long => 4,
        }
    }

    /// The longest value in bytes.
    pub fn max_bytes(self) -> u64 {
        (1 << (u32::from(self.length_bytes()) * 8)) - 1
    }

    /// The smallest type that holds this many bytes (`get_blob_type_from_length`, sql/field.cc).
    pub fn holding(bytes: u64) -> Self {
        [Self::Tiny, Self::Regular, Self::Medium]
            .into_iter()
            .find(|size| bytes <= size.max_bytes())
            .unwrap_or(Self::Long)
    }
}

/// A geometry type, numbered as WKB does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeometryKind {
    /// GEOMETRY: any of them.
    Geometry = 0,
    /// POINT.
    Point = 1,
    /// LINESTRING.
    LineString = 2,
    /// POLYGON.
    Polygon = 3,
    /// MULTIPOINT.
    MultiPoint = 4,
    /// MULTILINESTRING.
    MultiLineString = 5,
    /// MULTIPOLYGON.
    MultiPolygon = 6,
    /// GEOMETRYCOLLECTION.
    GeometryCollection = 7,
}

/// The declared type of a column, as far as reading and writing its values needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlType {
    /// TINYINT to BIGINT; BOOL is TINYINT, SERIAL an unsigned BIGINT.
    Integer {
        /// Which one.
        size: IntegerSize,
        /// No sign; ZEROFILL implies it.
        unsigned: bool,
    },
    /// DECIMAL, NUMERIC.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
        /// No negative values.
        unsigned: bool,
    },
    /// FLOAT, four bytes.
    Float {
        /// No negative values.
        unsigned: bool,
    },
    /// DOUBLE, eight bytes.
    Double {
        /// No negative values.
        unsigned: bool,
    },
    /// BIT.
    Bit {
        /// Width in bits, 1 to 64.
        bits: u8,
    },
    /// YEAR.
    Year,
    /// DATE.
    Date,
    /// TIME.
    Time {
        /// Digits of the fraction of a second.
        fsp: u8,
    },
    /// DATETIME.
    Datetime {
        /// Digits of the fraction of a second.
        fsp: u8,
    },
    /// TIMESTAMP.
    Timestamp {
        /// Digits of the fraction of a second.
        fsp: u8,
    },
    /// CHAR; with the character set `binary` it is BINARY.
    Char {
        /// Length in characters.
        chars: u32,
    },
    /// VARCHAR.
    Varchar {
        /// Longest value in characters.
        chars: u32,
        /// MariaDB's COMPRESSED.
        compressed: bool,
    },
    /// BINARY.
    Binary {
        /// Length in bytes.
        bytes: u32,
    },
    /// VARBINARY.
    Varbinary {
        /// Longest value in bytes.
        bytes: u32,
        /// MariaDB's COMPRESSED.
        compressed: bool,
    },
    /// TINYTEXT to LONGTEXT.
    Text {
        /// Which one; `None` for TEXT(n) in a character set that is not known.
        size: Option<LobSize>,
        /// MariaDB's COMPRESSED.
        compressed: bool,
    },
    /// TINYBLOB to LONGBLOB.
    Blob {
        /// Which one.
        size: LobSize,
        /// MariaDB's COMPRESSED.
        compressed: bool,
    },
    /// ENUM, with its members in UTF-8 where they could be converted.
    Enum(Vec<Vec<u8>>),
    /// SET, likewise.
    Set(Vec<Vec<u8>>),
    /// MySQL's binary JSON.
    Json,
    /// MariaDB's JSON: LONGTEXT in utf8mb4 with a `json_valid` check.
    JsonText,
    /// GEOMETRY and its kinds.
    Geometry {
        /// Which one.
        kind: GeometryKind,
        /// The only SRID that values may have.
        srid: Option<u32>,
    },
    /// VECTOR.
    Vector {
        /// Elements: MySQL's most, MariaDB's exact number.
        dimension: u32,
    },
    /// MariaDB's UUID.
    Uuid,
    /// MariaDB's INET4.
    Inet4,
    /// MariaDB's INET6.
    Inet6,
}

impl SqlType {
    /// Whether the type has no sign; `None` where a sign means nothing.
    pub fn unsigned(&self) -> Option<bool> {
        match self {
            Self::Integer { unsigned, .. }
            | Self::Decimal { unsigned, .. }
            | Self::Float { unsigned }
            | Self::Double { unsigned } => Some(*unsigned),
            Self::Year => Some(true),
            _ => None,
        }
    }

    /// Whether values are text of a character set, ENUM and SET included.
    pub fn has_charset(&self) -> bool {
        matches!(
            self,
            Self::Char { .. }
                | Self::Varchar { .. }
                | Self::Text { .. }
                | Self::Enum(_)
                | Self::Set(_)
                | Self::JsonText
        )
    }

    /// The type that the server makes of this one under a character set: text in `binary` becomes
    /// bytes, and a VARCHAR that no row can hold becomes a TEXT, as outside strict mode.
    pub fn under_charset(self, charset: Option<&'static Charset>) -> Self {
        let binary = charset.is_some_and(Charset::is_binary);
        match self {
            Self::Char { chars } if binary => Self::Binary { bytes: chars },
            Self::Varchar { chars, compressed } => {
                // Of an unknown character set this is the least that it takes.
                let bytes = u64::from(chars) * charset.map_or(1, |c| u64::from(c.max_bytes));
                if bytes > LobSize::Regular.max_bytes() {
                    let size = LobSize::holding(bytes);
                    Self::Text { size: Some(size), compressed }.under_charset(charset)
                } else if binary {
                    Self::Varbinary { bytes: chars, compressed }
                } else {
                    self
                }
            }
            Self::Text { size: Some(size), compressed } if binary => {
                Self::Blob { size, compressed }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_lob_follows_its_bytes() {
        let sizes = [255, 256, 65535, 65536, 16777215, 16777216].map(LobSize::holding);
        use LobSize::{Long, Medium, Regular, Tiny};
        assert_eq!(sizes, [Tiny, Regular, Regular, Medium, Medium, Long]);
    }

    #[test]
    fn binary_text_is_bytes() {
        let binary = Charset::by_name(b"binary");
        let varchar = |chars| SqlType::Varchar { chars, compressed: false };
        assert_eq!(SqlType::Char { chars: 3 }.under_charset(binary), SqlType::Binary { bytes: 3 });
        assert_eq!(
            varchar(30000).under_charset(Charset::by_name(b"utf8mb4")),
            SqlType::Text { size: Some(LobSize::Medium), compressed: false }
        );
        assert_eq!(
            varchar(70000).under_charset(binary),
            SqlType::Blob { size: LobSize::Medium, compressed: false }
        );
        assert_eq!(varchar(30000).under_charset(None), varchar(30000));
    }
}
