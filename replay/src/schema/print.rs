//! Definitions as CREATE TABLE statements: what was understood, for people and for comparison.
//!
//! `{}` is for messages, and names no byte that a terminal obeys; `{:#}` is for servers: every name
//! and every text is exact.

use std::fmt::{self, Display, Formatter};

use super::readable;
use super::table::{
    ColumnDef, ForeignKey, Generated, Key, KeyKind, KeyPart, ReferenceOption, TableDef,
};
use super::types::{GeometryKind, IntegerSize, LobSize, SqlType};
use crate::sql::quote::{hex_literal, quote_identifier};

/// Text as a formatter wants it. Names are UTF-8 on every server.
fn text(f: &Formatter<'_>, text: &[u8]) -> String {
    if f.alternate() { String::from_utf8_lossy(text).into_owned() } else { readable(text) }
}

fn name(f: &Formatter<'_>, name: &[u8]) -> String {
    let mut quoted = Vec::new();
    quote_identifier(&mut quoted, name);
    text(f, &quoted)
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(",")
}

impl Display for TableDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("CREATE TABLE ")?;
        self.name.fmt(f)?;
        f.write_str(" (")?;
        let columns = self.columns.iter().map(|column| column as &dyn Display);
        let keys = self.keys.iter().map(|key| key as &dyn Display);
        let foreign_keys = self.foreign_keys.iter().map(|key| key as &dyn Display);
        for (number, element) in columns.chain(keys).chain(foreign_keys).enumerate() {
            f.write_str(if number == 0 { "\n  " } else { ",\n  " })?;
            element.fmt(f)?;
        }
        if let Some((start, end)) = self.system_period() {
            let (start, end) = (name(f, &start.name), name(f, &end.name));
            write!(f, ",\n  PERIOD FOR SYSTEM_TIME ({start}, {end})")?;
        }
        f.write_str("\n)")?;
        if let Some(charset) = self.charset {
            write!(f, " DEFAULT CHARSET={}", charset.name)?;
        }
        if let Some(collation) = &self.collation {
            write!(f, " COLLATE={}", text(f, collation))?;
        }
        if self.system_versioned {
            f.write_str(" WITH SYSTEM VERSIONING")?;
        }
        f.write_str(if self.is_sequence() { " SEQUENCE=1" } else { "" })
    }
}

impl TableDef {
    /// SQL that makes the table on a server like the one that it is of, for a client in utf8mb4: of
    /// no more characters than a terminal shows. Other texts go through PREPARE, as hex.
    ///
    /// # Errors
    /// In words, where a text is in a character set that is not UTF-8.
    pub fn create_statement(&self) -> Result<String, &'static str> {
        // What a column takes over from its table is not said twice, as the servers have it.
        let mut table = self.clone();
        for column in &mut table.columns {
            if column.charset == self.charset && column.collation == self.collation {
                column.charset = None;
            }
        }
        let exact = format!("{table:#}");
        if exact.contains(char::REPLACEMENT_CHARACTER) {
            return Err("a default, an expression or a member is not in UTF-8");
        }
        let period = usize::from(self.system_period().is_some());
        let elements = self.columns.len() + self.keys.len() + self.foreign_keys.len() + period;
        let shown = |c: char| c == '\n' || matches!(c, ' '..='~') || c.is_alphanumeric();
        // A line for each element; any other comes from a name or a text.
        if exact.matches('\n').count() == elements + 1 && exact.chars().all(shown) {
            return Ok(format!("{exact};"));
        }
        let mut hex = Vec::new();
        hex_literal(&mut hex, exact.as_bytes());
        let hex = String::from_utf8_lossy(&hex);
        Ok(format!(
            "SET @binlog_schema = CONVERT({hex} USING utf8mb4);\nPREPARE binlog_schema FROM \
             @binlog_schema;\nEXECUTE binlog_schema;"
        ))
    }

    /// Whether this is what MariaDB keeps a sequence in.
    fn is_sequence(&self) -> bool {
        let first = self.columns.first().map(|column| &column.name[..]);
        self.columns.len() == 8 && first == Some(b"next_not_cached_value")
    }
}

impl Display for ColumnDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", name(f, &self.name))?;
        self.sql_type.fmt(f)?;
        if let Some(charset) = self.charset.filter(|_| self.sql_type != SqlType::JsonText) {
            write!(f, " CHARACTER SET {}", charset.name)?;
            if let Some(collation) = &self.collation {
                write!(f, " COLLATE {}", text(f, collation))?;
            }
        }
        match self.generated {
            Some(Generated::RowStart) => f.write_str(" GENERATED ALWAYS AS ROW START")?,
            Some(Generated::RowEnd) => f.write_str(" GENERATED ALWAYS AS ROW END")?,
            Some(Generated::Virtual) => {
                write!(f, " GENERATED ALWAYS AS {} VIRTUAL", text(f, &self.expression))?;
            }
            Some(Generated::Stored) => {
                write!(f, " GENERATED ALWAYS AS {} STORED", text(f, &self.expression))?;
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
            write!(f, " DEFAULT {}", text(f, default))?;
        }
        if self.on_update_now {
            f.write_str(" ON UPDATE CURRENT_TIMESTAMP")?;
            // The servers take no other number of digits than the column's own.
            match self.sql_type {
                SqlType::Timestamp { fsp } | SqlType::Datetime { fsp } if fsp > 0 => {
                    write!(f, "({fsp})")?;
                }
                _ => {}
            }
        }
        for (said, words) in
            [(self.auto_increment, " AUTO_INCREMENT"), (self.invisible, " INVISIBLE")]
        {
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
        let exact = f.alternate();
        let labels = |labels: &[Vec<u8>]| {
            list(labels, |label| {
                let label = match exact {
                    true => String::from_utf8_lossy(label).replace('\\', r"\\"),
                    false => readable(label),
                };
                format!("'{}'", label.replace('\'', "''"))
            })
        };
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
            Self::Text { size: None, .. } => {
                f.write_str(if exact { "text" } else { "text(…)" })?
            }
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
            write!(f, " {}", name(f, &self.name))?;
        }
        let part = |part: &KeyPart| match part {
            KeyPart::Column { name: column, prefix: None } => name(f, column),
            KeyPart::Column { name: column, prefix: Some(prefix) } => {
                format!("{}({prefix})", name(f, column))
            }
            KeyPart::Expression(expression) => text(f, expression),
            KeyPart::Period(period) => format!("{} WITHOUT OVERLAPS", name(f, period)),
        };
        let parts = list(&self.parts, part);
        write!(f, " ({parts})")
    }
}

impl Display for ForeignKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "CONSTRAINT {} ", name(f, &self.name))?;
        }
        let names = |f: &Formatter<'_>, columns: &[Vec<u8>]| list(columns, |c| name(f, c));
        let columns = names(f, &self.columns);
        write!(f, "FOREIGN KEY ({columns}) REFERENCES ")?;
        self.referenced.fmt(f)?;
        if !self.referenced_columns.is_empty() {
            let columns = names(f, &self.referenced_columns);
            write!(f, " ({columns})")?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::TableName;

    fn table(name: &str) -> TableDef {
        let mut table = TableDef::new(TableName::new("d", name));
        table.columns.push(ColumnDef::new("a`b", SqlType::Timestamp { fsp: 3 }));
        table.columns[0].on_update_now = true;
        let labels = [&br"back\slash"[..], b"it's"].map(<[u8]>::to_vec);
        table.columns.push(ColumnDef::new("e", SqlType::Enum(labels.into())));
        table
    }

    #[test]
    fn a_statement_for_servers_is_exact() {
        assert_eq!(
            table("Größe").create_statement().unwrap(),
            "CREATE TABLE `d`.`Größe` (\n  `a``b` timestamp(3) NULL ON UPDATE \
             CURRENT_TIMESTAMP(3),\n  `e` enum('back\\\\slash','it''s')\n);"
        );
    }

    #[test]
    fn what_a_terminal_or_a_client_could_obey_goes_as_hex() {
        for name in ["a\n\\! reboot", "a\u{202e}b", "a\x1b[31m"] {
            let statement = table(name).create_statement().unwrap();
            assert!(statement.starts_with("SET @binlog_schema = CONVERT(0x"), "{statement}");
            let plain = |c: char| c == '\n' || matches!(c, ' '..='~');
            assert!(statement.chars().all(plain) && !statement.contains("reboot"));
            let hex: String = name.bytes().map(|b| format!("{b:02X}")).collect();
            assert!(statement.contains(&hex), "{statement}");
        }
    }

    #[test]
    fn text_that_is_not_utf8_is_not_guessed() {
        let mut table = table("t");
        table.columns[0].default = Some(vec![b'\'', 0xE9, b'\'']);
        assert!(table.create_statement().is_err());
    }
}
