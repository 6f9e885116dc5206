//! What a table map says of its columns beyond what replication needs.

use crate::error::Fault;
use crate::header::Family;
use crate::limits;
use crate::row::{Column, ColumnType, KeyPart};
use crate::wire::Reader;

/// Numbers of the fields (`Optional_metadata_field_type` in `rows_event.h`).
mod kind {
    pub const SIGNEDNESS: u8 = 1;
    pub const DEFAULT_CHARSET: u8 = 2;
    pub const COLUMN_CHARSET: u8 = 3;
    pub const COLUMN_NAME: u8 = 4;
    pub const SET_STR_VALUE: u8 = 5;
    pub const ENUM_STR_VALUE: u8 = 6;
    pub const GEOMETRY_TYPE: u8 = 7;
    pub const SIMPLE_PRIMARY_KEY: u8 = 8;
    pub const PRIMARY_KEY_WITH_PREFIX: u8 = 9;
    pub const ENUM_AND_SET_DEFAULT_CHARSET: u8 = 10;
    pub const ENUM_AND_SET_COLUMN_CHARSET: u8 = 11;
    pub const COLUMN_VISIBILITY: u8 = 12;
    pub const VECTOR_DIMENSIONALITY: u8 = 13;
}

/// The fields at the end of a table map, each a type, a length and a value. How many there are
/// depends on `binlog_row_metadata`: none by default in MariaDB, signs and character sets by
/// default in MySQL, all of them under FULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalMetadata<'a> {
    bytes: &'a [u8],
}

impl<'a> OptionalMetadata<'a> {
    /// The fields in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        OptionalMetadata { bytes }
    }

    /// The fields as they stand on the wire.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The value of the field of number `kind`, if it is there.
    ///
    /// # Errors
    /// A [`Fault`] if a length before it runs over the end.
    pub fn get(&self, kind: u8) -> Result<Option<&'a [u8]>, Fault> {
        let mut reader = Reader::new(self.bytes);
        while !reader.is_empty() {
            let (found, value) = next(&mut reader)?;
            if found == kind {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The names of the columns in order, if the map has them, without resolving anything else.
    ///
    /// # Errors
    /// A [`Fault`] if a length runs over the end.
    pub fn column_names(&self) -> Result<Option<Vec<&'a [u8]>>, Fault> {
        self.get(kind::COLUMN_NAME)?.map(|value| strings(value, "column name")).transpose()
    }

    /// Writes into `columns` what the fields say of them, and returns the primary key if it is
    /// among them. The fields count only the columns that they concern, and the families do not
    /// agree on which those are. Fields of unknown numbers are passed over, as the servers do.
    ///
    /// # Errors
    /// A [`Fault`] if a field is short or speaks of a column that does not exist.
    pub fn describe(
        &self,
        columns: &mut [Column],
        family: Family,
    ) -> Result<Option<Vec<KeyPart>>, Fault> {
        let mut primary_key = None;
        let mut reader = Reader::new(self.bytes);
        while !reader.is_empty() {
            let (kind, value) = next(&mut reader)?;
            let textual = |column: &Column| is_character(column.column_type, family);
            match kind {
                kind::SIGNEDNESS => signs(columns, value)?,
                kind::DEFAULT_CHARSET => default_charset(columns, value, textual)?,
                kind::COLUMN_CHARSET => column_charset(columns, value, textual)?,
                kind::ENUM_AND_SET_DEFAULT_CHARSET => {
                    default_charset(columns, value, is_enum_or_set)?;
                }
                kind::ENUM_AND_SET_COLUMN_CHARSET => {
                    column_charset(columns, value, is_enum_or_set)?;
                }
                kind::COLUMN_NAME => {
                    let mut names = Reader::new(value);
                    for column in columns.iter_mut() {
                        column.name = Some(names.string_lenenc("column name")?.into());
                    }
                }
                kind::SET_STR_VALUE => {
                    labels(columns, value, |c| matches!(c.column_type, ColumnType::Set { .. }))?;
                }
                kind::ENUM_STR_VALUE => {
                    labels(columns, value, |c| matches!(c.column_type, ColumnType::Enum { .. }))?;
                }
                kind::GEOMETRY_TYPE => geometry_types(columns, value)?,
                kind::SIMPLE_PRIMARY_KEY => primary_key = Some(key(columns, value, false)?),
                kind::PRIMARY_KEY_WITH_PREFIX => primary_key = Some(key(columns, value, true)?),
                kind::COLUMN_VISIBILITY => visibility(columns, value)?,
                kind::VECTOR_DIMENSIONALITY => dimensions(columns, value)?,
                _ => {}
            }
        }
        Ok(primary_key)
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), Fault> {
    Ok((
        reader.u8("optional metadata field")?,
        reader.string_lenenc("value of an optional metadata field")?,
    ))
}

/// The columns that the character set fields count (`is_character_field` in MySQL's `log_event.cc`,
/// `is_character_type` in MariaDB's, where geometries and compressed columns are strings as well).
fn is_character(column_type: ColumnType, family: Family) -> bool {
    use ColumnType as T;
    match column_type {
        T::Char { .. } | T::Varchar { .. } | T::Blob { .. } => true,
        T::Geometry { .. } | T::BlobCompressed { .. } | T::VarcharCompressed { .. } => {
            family == Family::Mariadb
        }
        _ => false,
    }
}

fn is_enum_or_set(column: &Column) -> bool {
    matches!(column.column_type, ColumnType::Enum { .. } | ColumnType::Set { .. })
}

/// Bit `index` of a bitmap that starts with the most significant bit.
fn bit(value: &[u8], index: usize, what: &'static str) -> Result<bool, Fault> {
    match value.get(index / 8) {
        Some(byte) => Ok(byte << (index % 8) & 0x80 != 0),
        None => Err(Fault::short(what, index as u64 / 8 + 1, value.len() as u64)),
    }
}

fn signs(columns: &mut [Column], value: &[u8]) -> Result<(), Fault> {
    let numeric = columns.iter_mut().filter(|column| column.column_type.is_numeric());
    for (index, column) in numeric.enumerate() {
        column.unsigned = Some(bit(value, index, "signedness")?);
    }
    Ok(())
}

fn visibility(columns: &mut [Column], value: &[u8]) -> Result<(), Fault> {
    for (ordinal, column) in columns.iter_mut().enumerate() {
        column.visible = Some(bit(value, ordinal, "column visibility")?);
    }
    Ok(())
}

fn collation(reader: &mut Reader<'_>) -> Result<u16, Fault> {
    let id = reader.lenenc("collation")?;
    u16::try_from(id).map_err(|_| Fault::limit("collation", u16::MAX.into(), id))
}

fn default_charset(
    columns: &mut [Column],
    value: &[u8],
    counts: impl Fn(&Column) -> bool,
) -> Result<(), Fault> {
    let mut reader = Reader::new(value);
    let default = collation(&mut reader)?;
    let mut concerned: Vec<_> = columns.iter_mut().filter(|column| counts(column)).collect();
    for column in &mut concerned {
        column.collation = Some(default);
    }
    while !reader.is_empty() {
        let index = reader.lenenc("index of a character column")?;
        let collation = collation(&mut reader)?;
        let count = concerned.len();
        let column = usize::try_from(index).ok().and_then(|index| concerned.get_mut(index));
        match column {
            Some(column) => column.collation = Some(collation),
            None => {
                let needed = format!("one of {count} character columns");
                return Err(Fault::value("index of a character column", needed, index));
            }
        }
    }
    Ok(())
}

fn column_charset(
    columns: &mut [Column],
    value: &[u8],
    counts: impl Fn(&Column) -> bool,
) -> Result<(), Fault> {
    let mut reader = Reader::new(value);
    for column in columns.iter_mut().filter(|column| counts(column)) {
        column.collation = Some(collation(&mut reader)?);
    }
    Ok(())
}

fn labels(
    columns: &mut [Column],
    value: &[u8],
    counts: impl Fn(&Column) -> bool,
) -> Result<(), Fault> {
    let mut reader = Reader::new(value);
    for column in columns.iter_mut().filter(|column| counts(column)) {
        let count = reader.lenenc("count of members")?;
        if count > limits::ENUM_MEMBERS {
            return Err(Fault::limit("count of members", limits::ENUM_MEMBERS, count));
        }
        let mut members = Vec::new();
        for _ in 0..count {
            members.push(reader.string_lenenc("member of an ENUM or SET")?.into());
        }
        column.labels = Some(members.into());
    }
    Ok(())
}

fn geometry_types(columns: &mut [Column], value: &[u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(value);
    for column in columns.iter_mut() {
        if matches!(column.column_type, ColumnType::Geometry { .. }) {
            column.geometry_type = Some(narrow(&mut reader, "geometry type")?);
        }
    }
    Ok(())
}

fn dimensions(columns: &mut [Column], value: &[u8]) -> Result<(), Fault> {
    let mut reader = Reader::new(value);
    for column in columns.iter_mut() {
        if matches!(column.column_type, ColumnType::Vector { .. }) {
            column.dimension = Some(narrow(&mut reader, "dimension of a vector")?);
        }
    }
    Ok(())
}

fn narrow(reader: &mut Reader<'_>, what: &'static str) -> Result<u32, Fault> {
    let value = reader.lenenc(what)?;
    u32::try_from(value).map_err(|_| Fault::limit(what, u32::MAX.into(), value))
}

fn key(columns: &[Column], value: &[u8], prefixes: bool) -> Result<Vec<KeyPart>, Fault> {
    let mut reader = Reader::new(value);
    let mut parts = Vec::new();
    while !reader.is_empty() {
        if parts.len() == columns.len() {
            return Err(Fault::value("primary key", "each column once", "more"));
        }
        let index = reader.lenenc("column of the primary key")?;
        let prefix =
            if prefixes { narrow(&mut reader, "prefix of a primary key column")? } else { 0 };
        match usize::try_from(index).ok().filter(|index| *index < columns.len()) {
            Some(ordinal) => parts.push(KeyPart { ordinal, prefix }),
            None => {
                let needed = format!("one of {} columns", columns.len());
                return Err(Fault::value("column of the primary key", needed, index));
            }
        }
    }
    Ok(parts)
}

fn strings<'a>(value: &'a [u8], what: &'static str) -> Result<Vec<&'a [u8]>, Fault> {
    let mut reader = Reader::new(value);
    let mut strings = Vec::new();
    while !reader.is_empty() {
        if strings.len() as u64 == limits::COLUMNS {
            return Err(Fault::limit(what, limits::COLUMNS, limits::COLUMNS + 1));
        }
        strings.push(reader.string_lenenc(what)?);
    }
    Ok(strings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(types: &[ColumnType]) -> Vec<Column> {
        types.iter().copied().map(Column::new).collect()
    }

    #[test]
    fn a_default_charset_counts_character_columns_only() {
        use ColumnType as T;
        let types = [
            T::Long,
            T::Blob { length_bytes: 2 },
            T::Geometry { length_bytes: 4 },
            T::Varchar { max_bytes: 9 },
        ];
        #[rustfmt::skip]
        let bytes = [
            2, 5,             // default charset, length
            0xFC, 0xFF, 0x00, // utf8mb4_0900_ai_ci, 255
            1, 63,            // but the second character column is binary
        ];
        for (family, expected) in [
            (Family::Mysql, [None, Some(255), None, Some(63)]),
            (Family::Mariadb, [None, Some(255), Some(63), Some(255)]),
        ] {
            let mut columns = columns(&types);
            OptionalMetadata::new(&bytes).describe(&mut columns, family).unwrap();
            let collations: Vec<_> = columns.iter().map(|column| column.collation).collect();
            assert_eq!(collations, expected, "{family:?}");
        }
    }

    #[test]
    fn signs_count_year_and_start_at_the_highest_bit() {
        use ColumnType as T;
        let mut columns = columns(&[T::Year, T::Date, T::Tiny, T::Double]);
        OptionalMetadata::new(&[1, 1, 0b1010_0000]).describe(&mut columns, Family::Mysql).unwrap();
        let signs: Vec<_> = columns.iter().map(|column| column.unsigned).collect();
        assert_eq!(signs, [Some(true), None, Some(false), Some(true)]);
    }

    #[test]
    fn keys_geometries_and_vectors() {
        use ColumnType as T;
        let types = [
            T::Geometry { length_bytes: 4 },
            T::Blob { length_bytes: 2 },
            T::Vector { length_bytes: 4 },
        ];
        #[rustfmt::skip]
        let bytes = [
            7, 1, 3,       // geometry: a polygon
            9, 2, 1, 16,   // primary key: 16 characters of column 2
            13, 1, 4,      // vector: four elements
            99, 2, 0, 0,   // a field that nobody knows
        ];
        let mut columns = columns(&types);
        let key =
            OptionalMetadata::new(&bytes).describe(&mut columns, Family::Mysql).unwrap().unwrap();
        assert_eq!(key, [KeyPart { ordinal: 1, prefix: 16 }]);
        assert_eq!((columns[0].geometry_type, columns[2].dimension), (Some(3), Some(4)));
        assert_eq!(
            OptionalMetadata::new(&[8, 1, 3])
                .describe(&mut columns, Family::Mysql)
                .unwrap_err()
                .to_string(),
            "column of the primary key: needed one of 3 columns, had 3"
        );
    }

    #[test]
    fn claimed_counts_are_not_believed() {
        let mut columns = columns(&[ColumnType::Set { bytes: 1 }]);
        let mut fault = |bytes: &[u8]| {
            OptionalMetadata::new(bytes)
                .describe(&mut columns, Family::Mysql)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(fault(&[5, 1, 9]), "member of an ENUM or SET: needed 1 bytes, had 0");
        assert_eq!(
            fault(&[5, 4, 0xFD, 0x00, 0x00, 0x01]),
            "count of members: needed at most 65535, had 65536"
        );
        assert_eq!(fault(&[8, 2, 0, 0]), "primary key: needed each column once, had more");
        let many = [&[4, 0xFC, 0x01, 0x10][..], &[0; 4097]].concat();
        assert_eq!(
            OptionalMetadata::new(&many).column_names().unwrap_err().to_string(),
            "column name: needed at most 4096, had 4097"
        );
    }
}
