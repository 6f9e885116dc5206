//! A definition out of a table map alone, as far as its metadata go.

use binlog_parser::row::{Column, ColumnType, Columns};

use super::collation::Charset;
use super::readable;
use super::table::{ColumnDef, Key, KeyKind, KeyPart, TableDef, TableName};
use super::types::{GeometryKind, IntegerSize, LobSize, SqlType};

/// Collation number of bytes.
const BINARY: u16 = 63;

/// The table of a map with these columns: names, types, signs, character sets, members, the primary
/// key. Where two types are logged alike, it is the one that the map can tell.
///
/// # Errors
/// In words, what the metadata lack.
pub(super) fn definition(name: TableName, columns: &Columns) -> Result<TableDef, String> {
    let mut table = TableDef::new(name);
    for column in columns.iter() {
        let Some(name) = column.name.as_deref() else {
            return Err("its columns have no names".to_owned());
        };
        // The hash of a long unique key of MariaDB, which the server keeps to itself.
        if name.starts_with(b"DB_ROW_HASH_") {
            continue;
        }
        let sql_type =
            sql_type(column).map_err(|why| format!("column {}: {why}", readable(name)))?;
        let mut defined = ColumnDef::new(name, sql_type);
        defined.nullable = Some(column.nullable);
        defined.invisible = column.visible == Some(false);
        if defined.sql_type.has_charset() {
            defined.charset = column.collation.and_then(Charset::of_collation_id);
        }
        table.columns.push(defined);
    }
    let parts = columns.primary_key.iter().flatten().map(|part| {
        let name = columns.get(part.ordinal)?.name.as_deref()?.to_vec();
        Some(KeyPart::Column { name, prefix: (part.prefix > 0).then_some(part.prefix) })
    });
    let parts: Option<Vec<_>> = parts.collect();
    if let Some(parts) = parts.filter(|parts| !parts.is_empty()) {
        table.add_key(Key { kind: KeyKind::Primary, name: vec![], parts });
    }
    Ok(table)
}

fn sql_type(column: &Column) -> Result<SqlType, String> {
    use ColumnType as T;
    let unsigned = column.unsigned == Some(true);
    let integer = |size| SqlType::Integer { size, unsigned };
    Ok(match column.column_type {
        T::Tiny => integer(IntegerSize::Tiny),
        T::Short => integer(IntegerSize::Small),
        T::Int24 => integer(IntegerSize::Medium),
        T::Long => integer(IntegerSize::Regular),
        T::Longlong => integer(IntegerSize::Big),
        T::Float => SqlType::Float { unsigned },
        T::Double => SqlType::Double { unsigned },
        T::NewDecimal { precision, scale } => SqlType::Decimal { precision, scale, unsigned },
        T::Bit { bits } => SqlType::Bit { bits },
        T::Year => SqlType::Year,
        T::Date => SqlType::Date,
        T::TimeOld => SqlType::Time { fsp: 0 },
        T::DatetimeOld => SqlType::Datetime { fsp: 0 },
        T::TimestampOld => SqlType::Timestamp { fsp: 0 },
        T::Time2 { fsp } | T::TimeHires { fsp } => SqlType::Time { fsp },
        T::Datetime2 { fsp } | T::DatetimeHires { fsp } => SqlType::Datetime { fsp },
        T::Timestamp2 { fsp } | T::TimestampHires { fsp } => SqlType::Timestamp { fsp },
        T::Char { max_bytes } => match width(column)? {
            None => SqlType::Binary { bytes: max_bytes.into() },
            Some(width) => SqlType::Char { chars: u32::from(max_bytes) / width },
        },
        T::Varchar { max_bytes } => varchar(column, max_bytes, false)?,
        T::VarcharCompressed { max_bytes } => varchar(column, max_bytes.saturating_sub(1), true)?,
        T::Blob { length_bytes } => lob(column, length_bytes, false)?,
        T::BlobCompressed { length_bytes } => lob(column, length_bytes, true)?,
        T::Enum { .. } => SqlType::Enum(labels(column)?),
        T::Set { .. } => SqlType::Set(labels(column)?),
        T::Json { .. } => SqlType::Json,
        T::Geometry { .. } => SqlType::Geometry { kind: geometry(column), srid: None },
        T::Vector { .. } => match column.dimension {
            Some(dimension) => SqlType::Vector { dimension },
            None => return Err("how many elements its vectors may have is not told".to_owned()),
        },
        other => return Err(format!("nothing tells what a {} is declared as", other.name())),
    })
}

/// Bytes of the widest character; `None` for bytes.
fn width(column: &Column) -> Result<Option<u32>, String> {
    match column.collation {
        // A plugin's type of MariaDB, such as UUID: what is kept are bytes.
        Some(BINARY) => Ok(None),
        Some(collation) => match Charset::of_collation_id(collation) {
            Some(charset) => Ok(Some(charset.max_bytes)),
            None => Err(format!("collation {collation} is not known")),
        },
        None => Err("its character set is not told".to_owned()),
    }
}

fn varchar(column: &Column, max_bytes: u16, compressed: bool) -> Result<SqlType, String> {
    let bytes = u32::from(max_bytes);
    Ok(match width(column)? {
        None => SqlType::Varbinary { bytes, compressed },
        Some(width) => SqlType::Varchar { chars: bytes / width, compressed },
    })
}

fn lob(column: &Column, length_bytes: u8, compressed: bool) -> Result<SqlType, String> {
    let sizes = [LobSize::Tiny, LobSize::Regular, LobSize::Medium, LobSize::Long];
    let size = sizes.into_iter().find(|size| size.length_bytes() == length_bytes);
    let size = size.ok_or_else(|| format!("no BLOB has a length of {length_bytes} bytes"))?;
    Ok(match width(column)? {
        None => SqlType::Blob { size, compressed },
        Some(_) => SqlType::Text { size: Some(size), compressed },
    })
}

/// Members of an ENUM or SET, which stand in the map in the column's character set.
fn labels(column: &Column) -> Result<Vec<Vec<u8>>, String> {
    let labels = column.labels.as_deref().ok_or("its members are not told")?;
    let charset = column.collation.and_then(Charset::of_collation_id).map(|charset| charset.name);
    let utf8 = charset.is_some_and(|name| name.starts_with("utf8"));
    let wide = charset.is_some_and(|name| matches!(name, "utf16" | "utf16le" | "utf32" | "ucs2"));
    let readable = |label: &[u8]| label.is_ascii() || utf8 && std::str::from_utf8(label).is_ok();
    if wide || !labels.iter().all(|label| readable(label)) {
        let charset = charset.unwrap_or("an unknown character set");
        return Err(format!("its members are in {charset}"));
    }
    Ok(labels.iter().map(|label| label.to_vec()).collect())
}

fn geometry(column: &Column) -> GeometryKind {
    use GeometryKind::{
        GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
    };
    let kinds =
        [Point, LineString, Polygon, MultiPoint, MultiLineString, MultiPolygon, GeometryCollection];
    let kind = kinds.into_iter().find(|kind| column.geometry_type == Some(*kind as u32));
    kind.unwrap_or(GeometryKind::Geometry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, column_type: ColumnType) -> Column {
        Column { name: Some(name.as_bytes().into()), ..Column::new(column_type) }
    }

    fn told(columns: Vec<Column>) -> Result<String, String> {
        let mut columns = Columns::new(columns);
        columns.primary_key = Some(vec![binlog_parser::row::KeyPart { ordinal: 0, prefix: 0 }]);
        definition(TableName::new("d", "t"), &columns).map(|table| format!("{table:#}"))
    }

    #[test]
    fn metadata_make_a_table() {
        let mut id = column("id", ColumnType::Long);
        (id.unsigned, id.nullable) = (Some(true), false);
        let mut text = column("v", ColumnType::Varchar { max_bytes: 80 });
        text.collation = Some(255);
        let mut bytes = column("b", ColumnType::Blob { length_bytes: 3 });
        bytes.collation = Some(BINARY);
        let hash = column("DB_ROW_HASH_1", ColumnType::Longlong);
        assert_eq!(
            told(vec![id, text, bytes, hash]).unwrap(),
            "CREATE TABLE `d`.`t` (\n  `id` int unsigned NOT NULL,\n  `v` varchar(20) CHARACTER \
             SET utf8mb4,\n  `b` mediumblob,\n  PRIMARY KEY (`id`)\n)"
        );
    }

    #[test]
    fn what_metadata_do_not_tell_is_not_guessed() {
        let nameless = Column::new(ColumnType::Long);
        assert_eq!(told(vec![nameless]).unwrap_err(), "its columns have no names");
        let text = column("v", ColumnType::Varchar { max_bytes: 80 });
        assert_eq!(told(vec![text]).unwrap_err(), "column v: its character set is not told");
        let mut labels = column("e", ColumnType::Enum { bytes: 1 });
        labels.collation = Some(8);
        assert!(told(vec![labels.clone()]).unwrap_err().contains("members are not told"));
        labels.labels = Some(Box::new([Box::from(&b"\xE9"[..])]));
        assert!(told(vec![labels]).unwrap_err().contains("members are in latin1"));
    }
}
