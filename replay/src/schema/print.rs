//! Definitions as CREATE TABLE statements: what was understood, for people and for comparison.

use std::fmt::{self, Display, Formatter};

use super::readable;
use super::table::{
    ColumnDef, ForeignKey, Generated, Key, KeyKind, KeyPart, ReferenceOption, TableDef,
};
use super::types::{GeometryKind, IntegerSize, LobSize, SqlType};
use crate::sql::quote::quote_identifier;

fn name(name: &[u8]) -> String {
    let mut quoted = Vec::new();
    quote_identifier(&mut quoted, name);
    readable(&quoted)
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(",")
}

impl Display for TableDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "CREATE TABLE {} (", self.name)?;
        let mut comma = "\n  ";
        for column in &self.columns {
            write!(f, "{comma}{column}")?;
            comma = ",\n  ";
        }
        for key in &self.keys {
            write!(f, "{comma}{key}")?;
        }
        for key in &self.foreign_keys {
            write!(f, "{comma}{key}")?;
        }
        f.write_str("\n)")?;
        if let Some(charset) = self.charset {
            write!(f, " DEFAULT CHARSET={}", charset.name)?;
        }
        if let Some(collation) = &self.collation {
            write!(f, " COLLATE={}", readable(collation))?;
        }
        if self.system_versioned {
            f.write_str(" WITH SYSTEM VERSIONING")?;
        }
        Ok(())
    }
}

impl Display for ColumnDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", name(&self.name), self.sql_type)?;
        if let Some(charset) = self.charset.filter(|_| self.sql_type != SqlType::JsonText) {
            write!(f, " CHARACTER SET {}", charset.name)?;
            if let Some(collation) = &self.collation {
                write!(f, " COLLATE {}", readable(collation))?;
            }
        }
        match self.generated {
            Some(Generated::RowStart) => f.write_str(" GENERATED ALWAYS AS ROW START")?,
            Some(Generated::RowEnd) => f.write_str(" GENERATED ALWAYS AS ROW END")?,
            Some(Generated::Virtual) => {
                write!(f, " GENERATED ALWAYS AS {} VIRTUAL", readable(&self.expression))?;
            }
            Some(Generated::Stored) => {
                write!(f, " GENERATED ALWAYS AS {} STORED", readable(&self.expression))?;
            }
            None => {}
        }
        match self.nullable {
            Some(false) => f.write_str(" NOT NULL")?,
            Some(true) if matches!(self.sql_type, SqlType::Timestamp { .. }) => {
                f.write_str(" NULL")?;
            }
            _ => {}
        }
        if let Some(default) = &self.default {
            write!(f, " DEFAULT {}", readable(default))?;
        }
        for (said, words) in [
            (self.on_update_now, " ON UPDATE CURRENT_TIMESTAMP"),
            (self.auto_increment, " AUTO_INCREMENT"),
            (self.invisible, " INVISIBLE"),
        ] {
            f.write_str(if said { words } else { "" })?;
        }
        Ok(())
    }
}

impl Display for SqlType {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lob = |size: &LobSize| match size {
            LobSize::Tiny => "tiny",
            LobSize::Regular => "",
            LobSize::Medium => "medium",
            LobSize::Long => "long",
        };
        let fsp = |fsp: &u8| if *fsp == 0 { String::new() } else { format!("({fsp})") };
        let labels =
            |labels: &[Vec<u8>]| list(labels, |l| format!("'{}'", readable(l).replace('\'', "''")));
        match self {
            Self::Integer { size, .. } => f.write_str(match size {
                IntegerSize::Tiny => "tinyint",
                IntegerSize::Small => "smallint",
                IntegerSize::Medium => "mediumint",
                IntegerSize::Regular => "int",
                IntegerSize::Big => "bigint",
            })?,
            Self::Decimal { precision, scale, .. } => write!(f, "decimal({precision},{scale})")?,
            Self::Float { .. } => f.write_str("float")?,
            Self::Double { .. } => f.write_str("double")?,
            Self::Bit { bits } => write!(f, "bit({bits})")?,
            Self::Year => f.write_str("year")?,
            Self::Date => f.write_str("date")?,
            Self::Time { fsp: digits } => write!(f, "time{}", fsp(digits))?,
            Self::Datetime { fsp: digits } => write!(f, "datetime{}", fsp(digits))?,
            Self::Timestamp { fsp: digits } => write!(f, "timestamp{}", fsp(digits))?,
            Self::Char { chars } => write!(f, "char({chars})")?,
            Self::Varchar { chars, .. } => write!(f, "varchar({chars})")?,
            Self::Binary { bytes } => write!(f, "binary({bytes})")?,
            Self::Varbinary { bytes, .. } => write!(f, "varbinary({bytes})")?,
            Self::Text { size: None, .. } => f.write_str("text(…)")?,
            Self::Text { size: Some(size), .. } => write!(f, "{}text", lob(size))?,
            Self::Blob { size, .. } => write!(f, "{}blob", lob(size))?,
            Self::Enum(members) => write!(f, "enum({})", labels(members))?,
            Self::Set(members) => write!(f, "set({})", labels(members))?,
            Self::Json | Self::JsonText => f.write_str("json")?,
            Self::Vector { dimension } => write!(f, "vector({dimension})")?,
            Self::Geometry { kind, srid } => {
                f.write_str(kind.name())?;
                if let Some(srid) = srid {
                    write!(f, " /*!80003 SRID {srid} */")?;
                }
            }
            Self::Uuid => f.write_str("uuid")?,
            Self::Inet4 => f.write_str("inet4")?,
            Self::Inet6 => f.write_str("inet6")?,
        }
        match self {
            Self::Varchar { compressed: true, .. }
            | Self::Varbinary { compressed: true, .. }
            | Self::Text { compressed: true, .. }
            | Self::Blob { compressed: true, .. } => f.write_str(" /*M!100301 COMPRESSED*/"),
            // A YEAR has no sign, but does not say so.
            Self::Year => Ok(()),
            other if other.unsigned() == Some(true) => f.write_str(" unsigned"),
            _ => Ok(()),
        }
    }
}

impl GeometryKind {
    /// The type's name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Geometry => "geometry",
            Self::Point => "point",
            Self::LineString => "linestring",
            Self::Polygon => "polygon",
            Self::MultiPoint => "multipoint",
            Self::MultiLineString => "multilinestring",
            Self::MultiPolygon => "multipolygon",
            Self::GeometryCollection => "geometrycollection",
        }
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            KeyKind::Primary => "PRIMARY KEY",
            KeyKind::Unique => "UNIQUE KEY",
            KeyKind::Index => "KEY",
            KeyKind::Fulltext => "FULLTEXT KEY",
            KeyKind::Spatial => "SPATIAL KEY",
            KeyKind::Vector => "VECTOR KEY",
        };
        f.write_str(kind)?;
        if self.kind != KeyKind::Primary {
            write!(f, " {}", name(&self.name))?;
        }
        let part = |part: &KeyPart| match part {
            KeyPart::Column { name: column, prefix: None } => name(column),
            KeyPart::Column { name: column, prefix: Some(prefix) } => {
                format!("{}({prefix})", name(column))
            }
            KeyPart::Expression(text) => readable(text),
            KeyPart::Period(period) => format!("{} WITHOUT OVERLAPS", name(period)),
        };
        write!(f, " ({})", list(&self.parts, part))
    }
}

impl Display for ForeignKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "CONSTRAINT {} ", name(&self.name))?;
        }
        let columns = |columns: &[Vec<u8>]| list(columns, |column| name(column));
        write!(f, "FOREIGN KEY ({}) REFERENCES {}", columns(&self.columns), self.referenced)?;
        if !self.referenced_columns.is_empty() {
            write!(f, " ({})", columns(&self.referenced_columns))?;
        }
        for (event, option) in [("DELETE", self.on_delete), ("UPDATE", self.on_update)] {
            let words = match option {
                ReferenceOption::Restrict => continue,
                ReferenceOption::Cascade => "CASCADE",
                ReferenceOption::SetNull => "SET NULL",
                ReferenceOption::SetDefault => "SET DEFAULT",
            };
            write!(f, " ON {event} {words}")?;
        }
        Ok(())
    }
}
