//! Whether a definition is the one that a table map was written under.

use binlog_parser::event::table_map::flags;
use binlog_parser::row::{Column, ColumnType};

use super::collation::Charset;
use super::readable;
use super::table::{ColumnDef, Generated, Key, KeyPart, TableDef};
use super::types::{IntegerSize, SqlType};

/// What stands at a place of the table map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The definition's column of this ordinal.
    Column(usize),
    /// MySQL's `my_row_id`.
    GeneratedKey,
    /// `row_start` and `row_end` of MariaDB's implicit system versioning.
    Period(Generated),
    /// The hash of a long unique key of MariaDB, counted from 1 (`long_hash_column`).
    Hash(usize),
}

/// The columns of a map as those of a definition, the hidden ones among them.
///
/// # Errors
/// In words, what does not fit.
pub(super) fn fit(
    table: &TableDef,
    columns: &[Column],
    map_flags: u16,
) -> Result<Vec<Slot>, String> {
    let slots = slots(table, columns, map_flags)?;
    for (ordinal, (slot, column)) in slots.iter().zip(columns).enumerate() {
        let place = ordinal + 1;
        let Slot::Column(at) = slot else { continue };
        let Some(definition) = table.columns.get(*at) else { continue };
        if !same_type(definition, column) {
            return Err(format!("column {place} is defined as {definition}, but not in the log"));
        }
        if definition.nullable.is_some_and(|nullable| nullable != column.nullable) {
            let may = if column.nullable { "may" } else { "may not" };
            return Err(format!("column {place} is defined as {definition}, but {may} be NULL"));
        }
    }
    Ok(slots)
}

/// Lines up both sides by their number.
fn slots(table: &TableDef, columns: &[Column], map_flags: u16) -> Result<Vec<Slot>, String> {
    let mut slots: Vec<Slot> = (0..table.columns.len()).map(Slot::Column).collect();
    let explicit = table.columns.iter().any(|c| c.generated == Some(Generated::RowStart));
    if table.system_versioned && !explicit {
        slots.push(Slot::Period(Generated::RowStart));
        slots.push(Slot::Period(Generated::RowEnd));
    }
    let first = columns.first();
    let may_be_key = first.is_some_and(|c| c.column_type == ColumnType::Longlong && !c.nullable);
    let has_key = table.column(b"my_row_id").is_some();
    if map_flags & flags::GENERATED_INVISIBLE_PK != 0 && !has_key && may_be_key {
        slots.insert(0, Slot::GeneratedKey);
    }
    let hashes = columns.get(slots.len()..).unwrap_or_default();
    if hashes.len() <= long_unique_keys(table)
        && hashes.iter().all(|column| column.column_type == ColumnType::Longlong)
    {
        slots.extend((1..=hashes.len()).map(Slot::Hash));
    }
    if slots.len() != columns.len() {
        return Err(format!("it has {} columns, the log {}", slots.len(), columns.len()));
    }
    Ok(slots)
}

/// How many unique keys MariaDB may keep by a hash: those with a TEXT or BLOB in full, or with more
/// bytes than every engine's keys can have. (MySQL has no such keys, so none of its tables has them.)
fn long_unique_keys(table: &TableDef) -> usize {
    const MOST_BYTES: u64 = 767;
    let bytes = |name: &[u8], prefix: Option<u32>| {
        let Some(column) = table.column(name).and_then(|at| table.columns.get(at)) else {
            return 0;
        };
        let width = column.charset.map_or(4, |charset| u64::from(charset.max_bytes));
        match (&column.sql_type, prefix) {
            (_, Some(prefix)) => u64::from(prefix) * width,
            (SqlType::Text { .. } | SqlType::Blob { .. } | SqlType::JsonText, None) => u64::MAX,
            (SqlType::Char { chars } | SqlType::Varchar { chars, .. }, None) => {
                u64::from(*chars) * width
            }
            (SqlType::Binary { bytes } | SqlType::Varbinary { bytes, .. }, None) => {
                u64::from(*bytes)
            }
            _ => 8,
        }
    };
    let length = |key: &&Key| {
        key.parts.iter().fold(0u64, |sum, part| match part {
            KeyPart::Column { name, prefix } => sum.saturating_add(bytes(name, *prefix)),
            _ => sum,
        })
    };
    table.unique_keys().filter(|key| length(key) > MOST_BYTES).count()
}

/// Whether a column of this definition is logged with this type.
fn same_type(definition: &ColumnDef, column: &Column) -> bool {
    use ColumnType as T;
    // What the map says of the character set is certain.
    let charset = column.collation.and_then(Charset::of_collation_id).or(definition.charset);
    let text = |chars: u32, extra: u32, logged: u16| {
        let widths = charset.map_or(1..=4, |charset| charset.max_bytes..=charset.max_bytes);
        let bytes = |width: u32| u64::from(chars) * u64::from(width) + u64::from(extra);
        (bytes(*widths.start())..=bytes(*widths.end())).contains(&u64::from(logged))
    };
    let bytes = |bytes: u32, extra: u32, logged: u16| bytes + extra == u32::from(logged);
    match (&definition.sql_type, column.column_type) {
        (SqlType::Integer { size, .. }, logged) => integer(*size) == logged,
        (
            SqlType::Decimal { precision, scale, .. },
            T::NewDecimal { precision: digits, scale: fraction },
        ) => (*precision, *scale) == (digits, fraction),
        (SqlType::Float { .. }, T::Float) | (SqlType::Double { .. }, T::Double) => true,
        (SqlType::Bit { bits }, T::Bit { bits: logged }) => *bits == logged,
        (SqlType::Year, T::Year) | (SqlType::Date, T::Date) => true,
        (SqlType::Time { fsp }, T::Time2 { fsp: logged })
        | (SqlType::Datetime { fsp }, T::Datetime2 { fsp: logged })
        | (SqlType::Timestamp { fsp }, T::Timestamp2 { fsp: logged }) => *fsp == logged,
        // Tables from before 5.6 keep these, and MariaDB may be told to make them.
        (SqlType::Time { .. }, T::TimeOld)
        | (SqlType::Datetime { .. }, T::DatetimeOld)
        | (SqlType::Timestamp { .. }, T::TimestampOld) => true,
        (SqlType::Char { chars }, T::Char { max_bytes })
        | (SqlType::Varchar { chars, compressed: false }, T::Varchar { max_bytes }) => {
            text(*chars, 0, max_bytes)
        }
        (SqlType::Varchar { chars, compressed: true }, T::VarcharCompressed { max_bytes }) => {
            text(*chars, 1, max_bytes)
        }
        (SqlType::Binary { bytes: length }, T::Char { max_bytes })
        | (SqlType::Varbinary { bytes: length, compressed: false }, T::Varchar { max_bytes }) => {
            bytes(*length, 0, max_bytes)
        }
        (
            SqlType::Varbinary { bytes: length, compressed: true },
            T::VarcharCompressed { max_bytes },
        ) => bytes(*length, 1, max_bytes),
        (SqlType::Text { size, compressed: false }, T::Blob { length_bytes })
        | (SqlType::Text { size, compressed: true }, T::BlobCompressed { length_bytes }) => {
            size.is_none_or(|size| size.length_bytes() == length_bytes)
        }
        (SqlType::Blob { size, compressed: false }, T::Blob { length_bytes })
        | (SqlType::Blob { size, compressed: true }, T::BlobCompressed { length_bytes }) => {
            size.length_bytes() == length_bytes
        }
        (SqlType::Enum(labels), T::Enum { bytes }) => {
            bytes == if labels.len() > 255 { 2 } else { 1 }
        }
        (SqlType::Set(labels), T::Set { bytes }) => bytes == set_bytes(labels.len()),
        (SqlType::Json, T::Json { .. }) | (SqlType::JsonText, T::Blob { length_bytes: 4 }) => true,
        (SqlType::Geometry { kind, .. }, T::Geometry { .. }) => {
            column.geometry_type.is_none_or(|logged| logged == *kind as u32)
        }
        (SqlType::Vector { dimension }, T::Vector { .. }) => {
            column.dimension.is_none_or(|logged| logged == *dimension)
        }
        (SqlType::Vector { dimension }, T::Varchar { max_bytes }) => {
            dimension.checked_mul(4) == Some(u32::from(max_bytes))
        }
        (SqlType::Uuid | SqlType::Inet6, T::Char { max_bytes }) => max_bytes == 16,
        (SqlType::Inet4, T::Char { max_bytes }) => max_bytes == 4,
        _ => false,
    }
}

fn integer(size: IntegerSize) -> ColumnType {
    match size {
        IntegerSize::Tiny => ColumnType::Tiny,
        IntegerSize::Small => ColumnType::Short,
        IntegerSize::Medium => ColumnType::Int24,
        IntegerSize::Regular => ColumnType::Long,
        IntegerSize::Big => ColumnType::Longlong,
    }
}

/// Bytes of a SET: 1 to 4, or 8 (`get_set_pack_length`, sql/field.h).
fn set_bytes(labels: usize) -> u8 {
    match labels.div_ceil(8) {
        length @ 0..=4 => u8::try_from(length.max(1)).unwrap_or(8),
        _ => 8,
    }
}

/// The columns of a map, for a message.
pub(super) fn describe(columns: &[Column]) -> String {
    let one = |column: &Column| {
        let name = column.name.as_deref().map(|name| format!("{} ", readable(name)));
        let null = if column.nullable { "" } else { " NOT NULL" };
        // The name of a type, and the numbers in its braces.
        let shape = format!("{:?}", column.column_type);
        format!("{}{shape}{null}", name.unwrap_or_default())
    };
    columns.iter().map(one).collect::<Vec<_>>().join(", ")
}
