//! Table_map: the columns that the rows events after it speak of.

use super::optional_metadata::OptionalMetadata;
use crate::error::Fault;
use crate::header::Family;
use crate::limits;
use crate::row::{Column, ColumnType, Columns, RowLayout};
use crate::wire::{Bitmap, Reader};

/// Bits of [`TableMapEvent::flags`] (`Table_map_event` in `rows_event.h`; MariaDB's `log_event.h`).
pub mod flags {
    /// The widths of BIT columns are exact.
    pub const BIT_LEN_EXACT: u16 = 0x1;
    /// MySQL: the database is referenced by a foreign key.
    pub const REFERRED_FK_DB: u16 = 0x2;
    /// MySQL: the primary key is a generated invisible one, `my_row_id`.
    pub const GENERATED_INVISIBLE_PK: u16 = 0x4;
    /// MariaDB: the table has triggers.
    pub const HAS_TRIGGERS: u16 = 0x4000;
}

/// Binds a table id to a table and its columns, until the rows event that ends the statement.
///
/// Names are borrowed; what takes work, the columns, is resolved by [`TableMapEvent::columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableMapEvent<'a> {
    /// Number of the table, unique for as long as the server runs.
    pub table_id: u64,
    /// See [`flags`].
    pub flags: u16,
    /// Name of the database, in UTF-8.
    pub database: &'a [u8],
    /// Name of the table, in UTF-8.
    pub table: &'a [u8],
    /// Number of each column's type, see [`crate::row::column::code`].
    pub types: &'a [u8],
    /// Metadata of the types, one after another.
    pub metadata: &'a [u8],
    /// A bit for each column: whether NULL is allowed.
    pub null_bitmap: Bitmap<'a>,
    /// What `binlog_row_metadata` adds.
    pub optional: OptionalMetadata<'a>,
}

impl<'a> TableMapEvent<'a> {
    /// Reads the body of a Table_map event: what stands between its header and its checksum.
    /// `table_id_bytes` is 6, or 4 where the format description says that the post-header takes
    /// six bytes (before 5.1.4).
    ///
    /// # Errors
    /// A [`Fault`] if the body is short or claims more columns than a table can have.
    pub fn parse(body: &'a [u8], table_id_bytes: usize) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let table_id = reader.uint(table_id_bytes, "table id")?;
        let flags = reader.u16("flags")?;
        let database = name(&mut reader, "database name")?;
        let table = name(&mut reader, "table name")?;
        let count = column_count(&mut reader, "column count")?;
        let types = reader.take(count, "column types")?;
        // Events of early 5.1 end here.
        let metadata =
            if reader.is_empty() { &[] } else { reader.string_lenenc("column metadata")? };
        let null_bitmap = if reader.is_empty() {
            Bitmap::new(&[], count)
        } else {
            reader.bitmap(count, "null bitmap")?
        };
        let optional = OptionalMetadata::new(reader.take_rest());
        Ok(TableMapEvent {
            table_id,
            flags,
            database,
            table,
            types,
            metadata,
            null_bitmap,
            optional,
        })
    }

    /// How many columns the table has, as far as the log knows: the hidden ones of functional
    /// indexes are left out.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.types.len()
    }

    /// The type of each column.
    ///
    /// # Errors
    /// A [`Fault`] that names the column whose type is unknown or whose metadata is not allowed.
    pub fn column_types(&self) -> Result<Vec<ColumnType>, Fault> {
        let mut metadata = Reader::new(self.metadata);
        self.types
            .iter()
            .enumerate()
            .map(|(ordinal, code)| {
                ColumnType::parse(*code, &mut metadata).map_err(|mut fault| {
                    fault.what = format!("{} of column {}", fault.what, ordinal + 1).into();
                    fault
                })
            })
            .collect()
    }

    /// All that is needed to find where rows begin and end.
    ///
    /// # Errors
    /// As [`TableMapEvent::column_types`].
    pub fn layout(&self) -> Result<RowLayout, Fault> {
        let types = self.column_types()?.into_iter().enumerate();
        Ok(RowLayout::of(types.map(|(ordinal, column_type)| (column_type, self.nullable(ordinal)))))
    }

    /// Whether a column may be NULL; it may if the map, of early 5.1, does not say.
    fn nullable(&self, ordinal: usize) -> bool {
        self.null_bitmap.bytes().is_empty() || self.null_bitmap.get(ordinal)
    }

    /// The columns with everything that the event says of them.
    ///
    /// # Errors
    /// A [`Fault`] if a type or an optional metadata field is malformed.
    pub fn columns(&self, family: Family) -> Result<Columns, Fault> {
        let mut columns: Vec<Column> = self
            .column_types()?
            .into_iter()
            .enumerate()
            .map(|(ordinal, column_type)| Column {
                nullable: self.nullable(ordinal),
                ..Column::new(column_type)
            })
            .collect();
        let primary_key = self.optional.describe(&mut columns, family)?;
        let mut columns = Columns::new(columns);
        columns.primary_key = primary_key;
        Ok(columns)
    }
}

/// A count of columns, not believed beyond what a table can have.
pub(super) fn column_count(reader: &mut Reader<'_>, what: &'static str) -> Result<usize, Fault> {
    let count = reader.lenenc(what)?;
    if count > limits::COLUMNS {
        return Err(Fault::limit(what, limits::COLUMNS, count));
    }
    Ok(count as usize)
}

#[inline]
fn name<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], Fault> {
    let name = reader.string_lenenc(what)?;
    match reader.u8(what)? {
        0 => Ok(name),
        other => Err(Fault::value(what, "a NUL after it", format!("byte {other:#04x}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::KeyPart;

    #[rustfmt::skip]
    const SHOP: &[u8] = &[
        0x6C, 0, 0, 0, 0, 0,              // table id
        0x01, 0,                          // flags: BIT widths are exact
        4, b's', b'h', b'o', b'p', 0,     // database
        1, b't', 0,                       // table
        4,                                // columns
        3, 15, 254, 246,                  // LONG, VARCHAR, STRING (an ENUM), NEWDECIMAL
        6,                                // metadata: length
        0x90, 0x01,                       // VARCHAR: 400 bytes
        0xF7, 0x01,                       // ENUM of one byte
        10, 2,                            // DECIMAL(10,2)
        0b1110,                           // all but the first may be NULL
        1, 1, 0b1000_0000,                // signs: id has none, the decimal has
        2, 1, 45,                         // default charset: utf8mb4_general_ci
        4, 14, 2, b'i', b'd', 4, b'n', b'a', b'm', b'e', 2, b'o', b'k', 2, b'c', b'c',
        6, 5, 2, 1, b'y', 1, b'n',        // members of the ENUM
        8, 1, 0,                          // primary key: column 1
        10, 1, 8,                         // charset of ENUM and SET: latin1_swedish_ci
        12, 1, 0b1101_0000,               // visible: all but the third
    ];

    #[test]
    fn names_are_read_at_once_and_columns_on_request() {
        let map = TableMapEvent::parse(SHOP, 6).unwrap();
        assert_eq!((map.table_id, map.flags, map.column_count()), (0x6C, flags::BIT_LEN_EXACT, 4));
        assert_eq!((map.database, map.table), (&b"shop"[..], &b"t"[..]));

        let columns = map.columns(Family::Mysql).unwrap();
        let types: Vec<_> = columns.iter().map(|column| column.column_type).collect();
        assert_eq!(
            types,
            [
                ColumnType::Long,
                ColumnType::Varchar { max_bytes: 400 },
                ColumnType::Enum { bytes: 1 },
                ColumnType::NewDecimal { precision: 10, scale: 2 },
            ]
        );
        let of = |get: fn(&Column) -> String| columns.iter().map(get).collect::<Vec<_>>().join(" ");
        assert_eq!(of(|c| format!("{}", c.nullable)), "false true true true");
        assert_eq!(of(|c| format!("{:?}", c.unsigned)), "Some(true) None None Some(false)");
        assert_eq!(of(|c| format!("{:?}", c.collation)), "None Some(45) Some(8) None");
        assert_eq!(
            of(|c| String::from_utf8_lossy(c.name.as_deref().unwrap()).into()),
            "id name ok cc"
        );
        assert_eq!(of(|c| format!("{}", c.visible.unwrap())), "true true false true");
        let labels = columns[2].labels.as_deref().unwrap();
        assert_eq!(labels.iter().map(|l| &l[..]).collect::<Vec<_>>(), [b"y", b"n"]);
        assert_eq!(columns.primary_key.as_deref(), Some(&[KeyPart { ordinal: 0, prefix: 0 }][..]));
    }

    #[test]
    fn every_cut_of_a_map_is_a_fault_or_a_shorter_map() {
        for end in 0..SHOP.len() {
            if let Ok(map) = TableMapEvent::parse(&SHOP[..end], 6) {
                let _ = map.columns(Family::Mysql);
                assert!(end >= 22, "the column types end at 22, not {end}");
            }
        }
    }

    #[test]
    fn four_bytes_of_table_id_before_5_1_4() {
        let mut old = SHOP.to_vec();
        old.drain(4..6);
        assert_eq!(TableMapEvent::parse(&old, 4).unwrap().table, b"t");
    }

    #[test]
    fn more_columns_than_a_table_can_have_are_not_believed() {
        #[rustfmt::skip]
        let body = [
            1, 0, 0, 0, 0, 0, 0, 0, // table id, flags
            0, 0, 0, 0,             // no names
            0xFC, 0x01, 0x10,       // 4097 columns
        ];
        assert_eq!(
            TableMapEvent::parse(&body, 6).unwrap_err().to_string(),
            "column count: needed at most 4096, had 4097"
        );
    }

    #[test]
    fn a_char_longer_than_255_bytes_hides_two_bits_in_its_type() {
        let mut body = SHOP[..17].to_vec();
        body.extend([2, 254, 254, 4, 0xEE, 0x2C, 0xFE, 0x0A, 0]);
        let map = TableMapEvent::parse(&body, 6).unwrap();
        assert_eq!(
            map.column_types().unwrap(),
            [ColumnType::Char { max_bytes: 300 }, ColumnType::Char { max_bytes: 10 }]
        );
    }
}
