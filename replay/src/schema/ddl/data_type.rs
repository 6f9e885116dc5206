//! Data types, as the manuals' "Data Types" chapters and sql/sql_yacc.yy have them.

use super::super::collation::Charset;
use super::super::names::to_utf8;
use super::super::types::{GeometryKind, IntegerSize, LobSize, SqlType};
use super::context::sql_mode;
use super::cursor::{Cursor, Parsed};
use crate::sql::{Family, TokenKind};

/// A type and what its name implies.
pub(super) struct DataType {
    pub(super) sql_type: SqlType,
    /// The n of TEXT(n).
    pub(super) text_length: Option<u64>,
    /// NATIONAL: utf8mb3.
    pub(super) charset: Option<&'static Charset>,
    /// SERIAL: NOT NULL AUTO_INCREMENT UNIQUE.
    pub(super) serial: bool,
}

impl From<SqlType> for DataType {
    fn from(sql_type: SqlType) -> Self {
        Self { sql_type, text_length: None, charset: None, serial: false }
    }
}

/// Reads a type up to, and without, its attributes.
pub(super) fn data_type(cursor: &mut Cursor<'_>) -> Parsed<DataType> {
    // `mariadb_schema.date`: the type as it is outside Oracle mode.
    let plain = cursor.eat_word("mariadb_schema") && cursor.eat_operator(".");
    let oracle = !plain && cursor.context.sql_mode & sql_mode::ORACLE != 0;
    let word = match cursor.peek() {
        Some(token) if token.kind == TokenKind::Word => token.bytes.to_ascii_uppercase(),
        _ => return Err(cursor.unexpected("a data type")),
    };
    let word = String::from_utf8_lossy(&word);
    let start = cursor.position();
    cursor.bump();
    let found = match number(cursor, &word, oracle)? {
        Some(found) => Some(found.into()),
        None => match temporal(cursor, &word, oracle)? {
            Some(found) => Some(found.into()),
            None => match string(cursor, &word, oracle)? {
                Some(found) => Some(found),
                None => other(cursor, &word)?.map(DataType::from),
            },
        },
    };
    match found {
        Some(mut found) => {
            found.serial = word == "SERIAL";
            Ok(found)
        }
        None => {
            cursor.rewind(start);
            Err(cursor.unexpected("a data type"))
        }
    }
}

/// `(n)` or `(n, m)`.
fn lengths(cursor: &mut Cursor<'_>) -> Parsed<Option<(u64, Option<u64>)>> {
    if !cursor.eat_operator("(") {
        return Ok(None);
    }
    let first = cursor.number()?;
    let second = if cursor.eat_operator(",") { Some(cursor.number()?) } else { None };
    cursor.expect_operator(")")?;
    Ok(Some((first, second)))
}

fn length(cursor: &mut Cursor<'_>) -> Parsed<Option<u64>> {
    Ok(lengths(cursor)?.map(|(length, _)| length))
}

fn within<T: TryFrom<u64>>(cursor: &Cursor<'_>, value: u64, most: u64) -> Parsed<T> {
    T::try_from(value)
        .ok()
        .filter(|_| value <= most)
        .ok_or_else(|| cursor.unexpected(&format!("at most {most} rather than {value}")))
}

/// Integers, decimals, floats and bits.
fn number(cursor: &mut Cursor<'_>, word: &str, oracle: bool) -> Parsed<Option<SqlType>> {
    let integer = |size, unsigned| SqlType::Integer { size, unsigned };
    let size = match word {
        "TINYINT" | "INT1" | "BOOL" | "BOOLEAN" => IntegerSize::Tiny,
        "SMALLINT" | "INT2" => IntegerSize::Small,
        "MEDIUMINT" | "INT3" | "MIDDLEINT" => IntegerSize::Medium,
        "INT" | "INTEGER" | "INT4" => IntegerSize::Regular,
        "BIGINT" | "INT8" => IntegerSize::Big,
        "SERIAL" => return Ok(Some(integer(IntegerSize::Big, true))),
        _ => return real(cursor, word, oracle),
    };
    length(cursor)?;
    Ok(Some(integer(size, false)))
}

fn real(cursor: &mut Cursor<'_>, word: &str, oracle: bool) -> Parsed<Option<SqlType>> {
    let float = SqlType::Float { unsigned: false };
    let double = SqlType::Double { unsigned: false };
    Ok(Some(match word {
        "DECIMAL" | "DEC" | "NUMERIC" | "FIXED" => decimal(cursor)?,
        // Oracle's NUMBER without a precision is a float (sql_yacc.yy of MariaDB).
        "NUMBER" if !oracle || cursor.at_operator("(") => decimal(cursor)?,
        "NUMBER" => double,
        "FLOAT" | "FLOAT4" => match lengths(cursor)? {
            // The largest precision that fits 24 bits of fraction (FLT_DIG's rule in the manual).
            Some((precision, None)) if precision > 24 => double,
            _ => float,
        },
        "DOUBLE" | "FLOAT8" => {
            cursor.eat_word("PRECISION");
            lengths(cursor)?;
            double
        }
        "REAL" => {
            lengths(cursor)?;
            let as_float = cursor.context.sql_mode & sql_mode::REAL_AS_FLOAT != 0;
            if as_float { float } else { double }
        }
        "BIT" => {
            let bits = length(cursor)?.unwrap_or(1).max(1);
            SqlType::Bit { bits: within(cursor, bits, 64)? }
        }
        _ => return Ok(None),
    }))
}

fn decimal(cursor: &mut Cursor<'_>) -> Parsed<SqlType> {
    let (precision, scale) = lengths(cursor)?.unwrap_or((10, None));
    let scale: u8 = within(cursor, scale.unwrap_or(0), 38)?;
    // DECIMAL(0) is DECIMAL(10).
    let precision = if precision == 0 { 10 } else { precision };
    Ok(SqlType::Decimal { precision: within(cursor, precision, 65)?, scale, unsigned: false })
}

/// Dates and times.
fn temporal(cursor: &mut Cursor<'_>, word: &str, oracle: bool) -> Parsed<Option<SqlType>> {
    if !matches!(word, "DATE" | "TIME" | "DATETIME" | "TIMESTAMP" | "YEAR") {
        return Ok(None);
    }
    let digits = length(cursor)?.unwrap_or(0);
    if word == "YEAR" {
        return Ok(Some(SqlType::Year));
    }
    let fsp = within(cursor, digits, 6)?;
    Ok(Some(match word {
        "DATE" if oracle => SqlType::Datetime { fsp: 0 },
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time { fsp },
        "DATETIME" => SqlType::Datetime { fsp },
        _ => SqlType::Timestamp { fsp },
    }))
}

/// Text and bytes.
fn string(cursor: &mut Cursor<'_>, word: &str, oracle: bool) -> Parsed<Option<DataType>> {
    let national = match word {
        "NATIONAL" => {
            if !cursor.eat_any_word(&["CHAR", "CHARACTER"]) {
                cursor.expect_word("VARCHAR")?;
                return national_text(varchar(cursor)?);
            }
            true
        }
        "NCHAR" => true,
        "NVARCHAR" => return national_text(varchar(cursor)?),
        _ => false,
    };
    if national || matches!(word, "CHAR" | "CHARACTER") {
        let varying = cursor.eat_any_word(&["VARYING", "VARCHAR", "VARCHARACTER"]);
        let text = if varying {
            varchar(cursor)?
        } else {
            let chars = length(cursor)?.unwrap_or(1);
            SqlType::Char { chars: within(cursor, chars, 255)? }
        };
        return if national { national_text(text) } else { Ok(Some(text.into())) };
    }
    Ok(Some(match word {
        "VARCHAR" | "VARCHARACTER" => varchar(cursor)?.into(),
        "VARCHAR2" | "NVARCHAR2" if oracle => varchar(cursor)?.into(),
        "BINARY" => {
            let bytes = length(cursor)?.unwrap_or(1);
            SqlType::Binary { bytes: within(cursor, bytes, 255)? }.into()
        }
        "VARBINARY" => varbinary(cursor)?.into(),
        "RAW" if oracle => varbinary(cursor)?.into(),
        _ => return lob(cursor, word, oracle),
    }))
}

fn national_text(sql_type: SqlType) -> Parsed<Option<DataType>> {
    let charset = Charset::by_name(b"utf8mb3");
    Ok(Some(DataType { charset, ..sql_type.into() }))
}

/// The length of a VARCHAR. MariaDB's Oracle mode may leave it out, no other may.
fn varchar(cursor: &mut Cursor<'_>) -> Parsed<SqlType> {
    let Some(chars) = length(cursor)? else { return Err(cursor.unexpected("a length")) };
    Ok(SqlType::Varchar { chars: within(cursor, chars, u64::from(u32::MAX))?, compressed: false })
}

fn varbinary(cursor: &mut Cursor<'_>) -> Parsed<SqlType> {
    let Some(bytes) = length(cursor)? else { return Err(cursor.unexpected("a length")) };
    if bytes > LobSize::Regular.max_bytes() {
        return Ok(SqlType::Blob { size: LobSize::holding(bytes), compressed: false });
    }
    Ok(SqlType::Varbinary { bytes: within(cursor, bytes, bytes)?, compressed: false })
}

fn lob(cursor: &mut Cursor<'_>, word: &str, oracle: bool) -> Parsed<Option<DataType>> {
    let blob = |size| SqlType::Blob { size, compressed: false };
    let text = |size| SqlType::Text { size: Some(size), compressed: false };
    Ok(Some(match word {
        "TINYBLOB" => blob(LobSize::Tiny).into(),
        "BLOB" if oracle && !cursor.at_operator("(") => blob(LobSize::Long).into(),
        "BLOB" => {
            let size = length(cursor)?.filter(|bytes| *bytes > 0);
            blob(size.map_or(LobSize::Regular, LobSize::holding)).into()
        }
        "MEDIUMBLOB" => blob(LobSize::Medium).into(),
        "LONGBLOB" => blob(LobSize::Long).into(),
        "TINYTEXT" => text(LobSize::Tiny).into(),
        "TEXT" => {
            let text_length = length(cursor)?.filter(|chars| *chars > 0);
            DataType { text_length, ..text(LobSize::Regular).into() }
        }
        "MEDIUMTEXT" => text(LobSize::Medium).into(),
        "LONGTEXT" => text(LobSize::Long).into(),
        "CLOB" if oracle => text(LobSize::Long).into(),
        "LONG" if cursor.eat_word("VARBINARY") => blob(LobSize::Medium).into(),
        "LONG" => {
            if !cursor.eat_any_word(&["VARCHAR", "VARCHARACTER"]) {
                let _ = cursor.eat_words(&["CHAR", "VARYING"])
                    || cursor.eat_words(&["CHARACTER", "VARYING"]);
            }
            text(LobSize::Medium).into()
        }
        _ => return Ok(None),
    }))
}

/// Everything else.
fn other(cursor: &mut Cursor<'_>, word: &str) -> Parsed<Option<SqlType>> {
    use GeometryKind as G;
    let mariadb = cursor.context.dialect.family == Family::Mariadb;
    let kind = match word {
        "ENUM" => return labels(cursor).map(|labels| Some(SqlType::Enum(labels))),
        "SET" => return labels(cursor).map(|labels| Some(SqlType::Set(labels))),
        "JSON" if mariadb => return Ok(Some(SqlType::JsonText)),
        "JSON" => return Ok(Some(SqlType::Json)),
        "UUID" if mariadb => return Ok(Some(SqlType::Uuid)),
        "INET4" if mariadb => return Ok(Some(SqlType::Inet4)),
        "INET6" if mariadb => return Ok(Some(SqlType::Inet6)),
        "VECTOR" => {
            // MySQL's default is 2048 elements (sql/sql_const.h).
            let dimension = length(cursor)?.unwrap_or(2048);
            let dimension = within(cursor, dimension, 16383)?;
            return Ok(Some(SqlType::Vector { dimension }));
        }
        "GEOMETRY" => G::Geometry,
        "POINT" => G::Point,
        "LINESTRING" => G::LineString,
        "POLYGON" => G::Polygon,
        "MULTIPOINT" => G::MultiPoint,
        "MULTILINESTRING" => G::MultiLineString,
        "MULTIPOLYGON" => G::MultiPolygon,
        "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => G::GeometryCollection,
        _ => return Ok(None),
    };
    length(cursor)?;
    Ok(Some(SqlType::Geometry { kind, srid: None }))
}

/// The members of ENUM or SET; trailing spaces do not belong to them (the manual, "The ENUM Type").
fn labels(cursor: &mut Cursor<'_>) -> Parsed<Vec<Vec<u8>>> {
    cursor.expect_operator("(")?;
    let dialect = cursor.context.dialect;
    let mut labels = Vec::new();
    loop {
        let introduced = cursor.peek().is_some_and(|token| token.kind == TokenKind::Introducer);
        if introduced {
            cursor.bump();
        }
        let Some(token) = cursor.bump() else { return Err(cursor.unexpected("a string")) };
        let label = match token.kind {
            TokenKind::HexLiteral => token.bytes.to_vec(),
            _ => match token.string_value(&dialect) {
                Some(label) => label.into_owned(),
                None => {
                    cursor.rewind(cursor.position() - 1);
                    return Err(cursor.unexpected("a string"));
                }
            },
        };
        let label = match to_utf8(&label, dialect.charset) {
            Some(text) if !introduced => text.into_owned(),
            _ => label,
        };
        labels.push(label.trim_ascii_end().to_vec());
        if !cursor.eat_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(labels)
}
