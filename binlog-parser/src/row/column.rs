//! The types of columns, as a table map gives them: a number and its metadata.

use std::fmt;

use super::decimal::decimal_bytes;
use super::field::Field;
use super::temporal_hires::{self, fraction_bytes};
use crate::error::Fault;
use crate::wire::Reader;

/// Numbers of the column types on the wire (`enum_field_types` in `field_types.h`; MariaDB's
/// additions are in its `include/mysql.h.pp`).
#[allow(missing_docs)] // the names are the servers' own, without MYSQL_TYPE_
pub mod code {
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const NULL: u8 = 6;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const TIMESTAMP2: u8 = 17;
    pub const DATETIME2: u8 = 18;
    pub const TIME2: u8 = 19;
    pub const TYPED_ARRAY: u8 = 20;
    pub const BLOB_COMPRESSED: u8 = 140;
    pub const VARCHAR_COMPRESSED: u8 = 141;
    pub const VECTOR: u8 = 242;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const ENUM: u8 = 247;
    pub const SET: u8 = 248;
    pub const TINY_BLOB: u8 = 249;
    pub const MEDIUM_BLOB: u8 = 250;
    pub const LONG_BLOB: u8 = 251;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
    pub const GEOMETRY: u8 = 255;
}

/// The type of a column: its number on the wire and its metadata in one.
///
/// What the wire does not say, a schema may: whether an integer is unsigned, which collation a text
/// has, what the members of an ENUM are called. That stands in [`super::Column`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// No type at all: the value is always NULL.
    Null,
    /// TINYINT, one byte.
    Tiny,
    /// SMALLINT, two bytes.
    Short,
    /// MEDIUMINT, three bytes.
    Int24,
    /// INT, four bytes.
    Long,
    /// BIGINT, eight bytes.
    Longlong,
    /// FLOAT, four bytes.
    Float,
    /// DOUBLE, eight bytes.
    Double,
    /// DECIMAL, packed digits.
    NewDecimal {
        /// Digits in all, 1 to 65.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// YEAR, one byte.
    Year,
    /// DATE, three bytes.
    Date,
    /// TIMESTAMP as servers before 5.6 wrote it, whole seconds.
    TimestampOld,
    /// DATETIME as servers before 5.6 wrote it, decimal digits in eight bytes.
    DatetimeOld,
    /// TIME as servers before 5.6 wrote it, decimal digits in three bytes.
    TimeOld,
    /// TIMESTAMP.
    Timestamp2 {
        /// Digits of the fraction of a second, 0 to 6.
        fsp: u8,
    },
    /// DATETIME.
    Datetime2 {
        /// Digits of the fraction of a second, 0 to 6.
        fsp: u8,
    },
    /// TIME.
    Time2 {
        /// Digits of the fraction of a second, 0 to 6.
        fsp: u8,
    },
    /// TIMESTAMP with a fraction in MariaDB's own form, as a definition says.
    TimestampHires {
        /// Digits of the fraction of a second, 1 to 6.
        fsp: u8,
    },
    /// DATETIME with a fraction in MariaDB's own form, as a definition says.
    DatetimeHires {
        /// Digits of the fraction of a second, 1 to 6.
        fsp: u8,
    },
    /// TIME with a fraction in MariaDB's own form, as a definition says.
    TimeHires {
        /// Digits of the fraction of a second, 1 to 6.
        fsp: u8,
    },
    /// VARCHAR and VARBINARY; MariaDB's VECTOR too.
    Varchar {
        /// Longest value, in bytes.
        max_bytes: u16,
    },
    /// CHAR and BINARY; MariaDB's UUID, INET4 and INET6 too.
    Char {
        /// Longest value, in bytes.
        max_bytes: u16,
    },
    /// ENUM.
    Enum {
        /// Bytes of a value: 1 or 2.
        bytes: u8,
    },
    /// SET.
    Set {
        /// Bytes of a value: 1 to 8.
        bytes: u8,
    },
    /// BIT.
    Bit {
        /// Bits of a value, 1 to 64.
        bits: u8,
    },
    /// TINYTEXT to LONGTEXT and TINYBLOB to LONGBLOB; MariaDB's JSON too.
    Blob {
        /// Bytes of the length before a value: 1 to 4.
        length_bytes: u8,
    },
    /// GEOMETRY and its subtypes.
    Geometry {
        /// Bytes of the length before a value.
        length_bytes: u8,
    },
    /// MySQL's JSON, binary.
    Json {
        /// Bytes of the length before a value.
        length_bytes: u8,
    },
    /// MySQL's VECTOR.
    Vector {
        /// Bytes of the length before a value.
        length_bytes: u8,
    },
    /// The hidden column of a multi-valued index, a JSON array of one element type.
    TypedArray {
        /// Number of the elements' type, see [`code`].
        element: u8,
    },
    /// MariaDB's TEXT or BLOB with COMPRESSED.
    BlobCompressed {
        /// Bytes of the length before a value.
        length_bytes: u8,
    },
    /// MariaDB's VARCHAR or VARBINARY with COMPRESSED.
    VarcharCompressed {
        /// Longest value, in bytes: one more than declared, for the method's byte.
        max_bytes: u16,
    },
}

impl ColumnType {
    /// Whether different bytes are different values, as they are of most types, but not of a DECIMAL
    /// or a JSON document.
    #[must_use]
    #[inline]
    pub fn tells_by_bytes(self) -> bool {
        match self {
            Self::Varchar { .. } | Self::Blob { .. } => true,
            Self::NewDecimal { .. } => false,
            other => other.is_numeric(),
        }
    }

    /// The type of number `code`, with the metadata that `meta` holds next. How much metadata each
    /// number has stands in `table_def::table_def` of `rpl_utility.cc`.
    ///
    /// # Errors
    /// A [`Fault`] if the number is of no type, or its metadata is short or impossible.
    pub fn parse(code: u8, meta: &mut Reader<'_>) -> Result<Self, Fault> {
        const WHAT: &str = "column metadata";
        Ok(match code {
            code::NULL => ColumnType::Null,
            code::TINY => ColumnType::Tiny,
            code::SHORT => ColumnType::Short,
            code::INT24 => ColumnType::Int24,
            code::LONG => ColumnType::Long,
            code::LONGLONG => ColumnType::Longlong,
            code::YEAR => ColumnType::Year,
            code::DATE | code::NEWDATE => ColumnType::Date,
            code::TIMESTAMP => ColumnType::TimestampOld,
            code::DATETIME => ColumnType::DatetimeOld,
            code::TIME => ColumnType::TimeOld,
            code::FLOAT => {
                within("size of FLOAT", meta.u8(WHAT)?, 4..=4)?;
                ColumnType::Float
            }
            code::DOUBLE => {
                within("size of DOUBLE", meta.u8(WHAT)?, 8..=8)?;
                ColumnType::Double
            }
            code::TIMESTAMP2 => ColumnType::Timestamp2 { fsp: fsp(meta)? },
            code::DATETIME2 => ColumnType::Datetime2 { fsp: fsp(meta)? },
            code::TIME2 => ColumnType::Time2 { fsp: fsp(meta)? },
            code::VARCHAR | code::VAR_STRING => ColumnType::Varchar { max_bytes: meta.u16(WHAT)? },
            code::VARCHAR_COMPRESSED => {
                ColumnType::VarcharCompressed { max_bytes: meta.u16(WHAT)? }
            }
            code::STRING | code::ENUM | code::SET => string(meta.u8(WHAT)?, meta.u8(WHAT)?)?,
            code::TINY_BLOB | code::BLOB | code::MEDIUM_BLOB | code::LONG_BLOB => {
                ColumnType::Blob { length_bytes: length_bytes(meta)? }
            }
            code::BLOB_COMPRESSED => {
                ColumnType::BlobCompressed { length_bytes: length_bytes(meta)? }
            }
            code::GEOMETRY => ColumnType::Geometry { length_bytes: length_bytes(meta)? },
            code::JSON => ColumnType::Json { length_bytes: length_bytes(meta)? },
            code::VECTOR => ColumnType::Vector { length_bytes: length_bytes(meta)? },
            code::NEWDECIMAL => {
                let precision = within("precision of NEWDECIMAL", meta.u8(WHAT)?, 1..=65)?;
                let scale = within("scale of NEWDECIMAL", meta.u8(WHAT)?, 0..=precision)?;
                ColumnType::NewDecimal { precision, scale }
            }
            code::BIT => {
                let odd = within("odd bits of BIT", meta.u8(WHAT)?, 0..=7)?;
                let bytes = within("bytes of BIT", meta.u8(WHAT)?, 0..=8)?;
                let bits = within("width of BIT", bytes * 8 + odd, 1..=64)?;
                ColumnType::Bit { bits }
            }
            code::TYPED_ARRAY => {
                let element = meta.u8(WHAT)?;
                // The lengths of strings take three bytes here, for they may exceed VARCHAR's.
                match element {
                    code::VARCHAR => meta.take(3, WHAT).map(|_| ())?,
                    code::TYPED_ARRAY => {
                        return Err(Fault::value("element type", "a scalar type", element));
                    }
                    other => ColumnType::parse(other, meta).map(|_| ())?,
                }
                ColumnType::TypedArray { element }
            }
            code => return Err(Fault::value("column type", "a type of MySQL or MariaDB", code)),
        })
    }

    /// How the value's length is found.
    #[must_use]
    pub(super) fn field(self) -> Field {
        use ColumnType as T;
        match self {
            T::Null => Field::Fixed(0),
            T::Tiny | T::Year => Field::Fixed(1),
            T::Short => Field::Fixed(2),
            T::Int24 | T::Date | T::TimeOld => Field::Fixed(3),
            T::Long | T::Float | T::TimestampOld => Field::Fixed(4),
            T::Longlong | T::Double | T::DatetimeOld => Field::Fixed(8),
            T::NewDecimal { precision, scale } => Field::Fixed(decimal_bytes(precision, scale)),
            T::Timestamp2 { fsp } => Field::Fixed(4 + fraction_bytes(fsp)),
            T::Datetime2 { fsp } => Field::Fixed(5 + fraction_bytes(fsp)),
            T::Time2 { fsp } => Field::Fixed(3 + fraction_bytes(fsp)),
            T::TimestampHires { fsp } => Field::Fixed(temporal_hires::timestamp_bytes(fsp)),
            T::DatetimeHires { fsp } => Field::Fixed(temporal_hires::datetime_bytes(fsp)),
            T::TimeHires { fsp } => Field::Fixed(temporal_hires::time_bytes(fsp)),
            T::Enum { bytes } | T::Set { bytes } => Field::Fixed(bytes.into()),
            T::Bit { bits } => Field::Fixed(u32::from(bits).div_ceil(8)),
            T::Varchar { max_bytes }
            | T::Char { max_bytes }
            | T::VarcharCompressed { max_bytes } => {
                Field::Prefixed(if max_bytes > 255 { 2 } else { 1 })
            }
            T::Blob { length_bytes }
            | T::Geometry { length_bytes }
            | T::Json { length_bytes }
            | T::Vector { length_bytes }
            | T::BlobCompressed { length_bytes } => Field::Prefixed(length_bytes),
            T::TypedArray { .. } => Field::Prefixed(4),
        }
    }

    /// Whether the type counts in the list of signs: integers, FLOAT, DOUBLE, DECIMAL and YEAR.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        use ColumnType as T;
        matches!(
            self,
            T::Tiny
                | T::Short
                | T::Int24
                | T::Long
                | T::Longlong
                | T::Float
                | T::Double
                | T::NewDecimal { .. }
                | T::Year
        )
    }

    /// Whether this is one of the types that servers before 5.6 wrote, and MariaDB with
    /// `mysql56_temporal_format=OFF` still does.
    #[must_use]
    pub fn is_old_temporal(self) -> bool {
        matches!(self, Self::TimestampOld | Self::DatetimeOld | Self::TimeOld)
    }

    /// The type that it is where the definition says that it keeps `fsp` digits of a second: of the
    /// old temporal types MariaDB writes those with digits in another form.
    #[must_use]
    pub fn with_fraction(self, fsp: u8) -> Self {
        match self {
            Self::TimestampOld if fsp > 0 => Self::TimestampHires { fsp },
            Self::DatetimeOld if fsp > 0 => Self::DatetimeHires { fsp },
            Self::TimeOld if fsp > 0 => Self::TimeHires { fsp },
            other => other,
        }
    }

    /// The type's name, as the servers' sources have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        use ColumnType as T;
        match self {
            T::Null => "NULL",
            T::Tiny => "TINY",
            T::Short => "SHORT",
            T::Int24 => "INT24",
            T::Long => "LONG",
            T::Longlong => "LONGLONG",
            T::Float => "FLOAT",
            T::Double => "DOUBLE",
            T::NewDecimal { .. } => "NEWDECIMAL",
            T::Year => "YEAR",
            T::Date => "DATE",
            T::TimestampOld | T::TimestampHires { .. } => "TIMESTAMP",
            T::DatetimeOld | T::DatetimeHires { .. } => "DATETIME",
            T::TimeOld | T::TimeHires { .. } => "TIME",
            T::Timestamp2 { .. } => "TIMESTAMP2",
            T::Datetime2 { .. } => "DATETIME2",
            T::Time2 { .. } => "TIME2",
            T::Varchar { .. } => "VARCHAR",
            T::Char { .. } => "STRING",
            T::Enum { .. } => "ENUM",
            T::Set { .. } => "SET",
            T::Bit { .. } => "BIT",
            T::Blob { .. } => "BLOB",
            T::Geometry { .. } => "GEOMETRY",
            T::Json { .. } => "JSON",
            T::Vector { .. } => "VECTOR",
            T::TypedArray { .. } => "TYPED_ARRAY",
            T::BlobCompressed { .. } => "BLOB_COMPRESSED",
            T::VarcharCompressed { .. } => "VARCHAR_COMPRESSED",
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// STRING: its first metadata byte is the real type, and since 5.1.24 lends two bits to a length
/// above 255 (`Field_string::do_save_field_metadata`).
fn string(byte0: u8, byte1: u8) -> Result<ColumnType, Fault> {
    let spare = byte0 & 0x30;
    let (real, length) = if spare == 0x30 || byte0 == 0 {
        (byte0, u16::from(byte1))
    } else {
        (byte0 | 0x30, u16::from(byte1) | u16::from(spare ^ 0x30) << 4)
    };
    match real {
        code::ENUM => Ok(ColumnType::Enum { bytes: within("size of ENUM", byte1, 1..=2)? }),
        code::SET => Ok(ColumnType::Set { bytes: within("size of SET", byte1, 1..=8)? }),
        0 | code::STRING | code::VAR_STRING | code::VARCHAR => {
            Ok(ColumnType::Char { max_bytes: length })
        }
        other => Err(Fault::value("real type of STRING", "STRING, ENUM or SET", other)),
    }
}

fn fsp(meta: &mut Reader<'_>) -> Result<u8, Fault> {
    within("digits of a fraction of a second", meta.u8("column metadata")?, 0..=6)
}

fn length_bytes(meta: &mut Reader<'_>) -> Result<u8, Fault> {
    within("bytes of a BLOB's length", meta.u8("column metadata")?, 1..=4)
}

fn within(what: &'static str, value: u8, range: std::ops::RangeInclusive<u8>) -> Result<u8, Fault> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Fault::value(what, format!("{} to {}", range.start(), range.end()), value))
}
