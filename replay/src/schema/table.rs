//! A table as its statements define it.

use std::fmt;

use super::collation::Charset;
use super::types::SqlType;

/// A table's name in UTF-8, as a table map has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The database; empty for the tables of a dump that does not name it.
    pub database: Vec<u8>,
    /// The table.
    pub table: Vec<u8>,
}

impl TableName {
    /// The table `table` of `database`.
    pub fn new(database: impl Into<Vec<u8>>, table: impl Into<Vec<u8>>) -> Self {
        Self { database: database.into(), table: table.into() }
    }
}

/// `` `database`.`table` ``, made safe for a message; exact in the form `{:#}`.
impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = Vec::new();
        crate::sql::quote::quote_table(&mut quoted, &self.database, &self.table);
        match f.alternate() {
            true => f.write_str(&String::from_utf8_lossy(&quoted)),
            false => f.write_str(&super::readable(&quoted)),
        }
    }
}

/// A table's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDef {
    /// Database and name.
    pub name: TableName,
    /// The columns in order, without those that the text does not show: `my_row_id` of a server
    /// that generates primary keys, `row_start` and `row_end` of implicit system versioning.
    pub columns: Vec<ColumnDef>,
    /// All keys in the order of their definition.
    pub keys: Vec<Key>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Whether triggers stand on the table, where that is known.
    pub has_triggers: Option<bool>,
    /// Character set of columns that name none; `None` if it follows a database that is not known.
    pub charset: Option<&'static Charset>,
    /// The collation that goes with it, where it is named.
    pub collation: Option<Vec<u8>>,
    /// MariaDB's WITH SYSTEM VERSIONING.
    pub system_versioned: bool,
}

impl TableDef {
    /// A table without columns.
    pub fn new(name: TableName) -> Self {
        Self {
            name,
            columns: Vec::new(),
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            has_triggers: None,
            charset: None,
            collation: None,
            system_versioned: false,
        }
    }

    /// The ordinal of the column of this name, in any case.
    pub fn column(&self, name: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| same_name(&column.name, name))
    }

    /// The columns of MariaDB's `PERIOD FOR SYSTEM_TIME`, if the definition names them.
    pub(super) fn system_period(&self) -> Option<(&ColumnDef, &ColumnDef)> {
        let column = |end| self.columns.iter().find(|column| column.generated == Some(end));
        Some((column(Generated::RowStart)?, column(Generated::RowEnd)?))
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.kind == KeyKind::Primary)
    }

    /// The unique keys, the primary one left out.
    pub fn unique_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.kind == KeyKind::Unique)
    }

    /// Ordinals of a key's columns; `None` if it has a part that is no column.
    pub fn key_columns(&self, key: &Key) -> Option<Vec<usize>> {
        key.parts
            .iter()
            .map(|part| match part {
                KeyPart::Column { name, .. } => self.column(name),
                KeyPart::Expression(_) | KeyPart::Period(_) => None,
            })
            .collect()
    }

    /// Columns of a primary key are NOT NULL, whatever they say.
    pub(crate) fn settle_nullability(&mut self) {
        let primary = self.primary_key().and_then(|key| self.key_columns(key));
        for ordinal in primary.into_iter().flatten() {
            if let Some(column) = self.columns.get_mut(ordinal) {
                column.nullable = Some(false);
            }
        }
    }

    /// Adds a key, giving it the name that the server gives where it has none
    /// (`make_unique_key_name`, sql/sql_table.cc).
    pub fn add_key(&mut self, mut key: Key) {
        if key.kind == KeyKind::Primary {
            key.name = b"PRIMARY".to_vec();
        } else if key.name.is_empty() {
            let base = match key.parts.first() {
                Some(KeyPart::Column { name, .. }) => name.clone(),
                _ => b"functional_index".to_vec(),
            };
            let taken = |name: &[u8]| self.keys.iter().any(|key| same_name(&key.name, name));
            key.name = base.clone();
            let mut number = 2;
            while taken(&key.name) || key.name.eq_ignore_ascii_case(b"PRIMARY") {
                key.name = [&base[..], format!("_{number}").as_bytes()].concat();
                number += 1;
            }
        }
        self.keys.push(key);
        self.settle_nullability();
    }
}

/// How a column's value comes from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// VIRTUAL: computed when read.
    Virtual,
    /// STORED, MariaDB's PERSISTENT: computed when written.
    Stored,
    /// MariaDB's GENERATED ALWAYS AS ROW START.
    RowStart,
    /// MariaDB's GENERATED ALWAYS AS ROW END.
    RowEnd,
}

/// A column's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// Its name, in UTF-8.
    pub name: Vec<u8>,
    /// Its type.
    pub sql_type: SqlType,
    /// Whether NULL is allowed; `None` for a TIMESTAMP that leaves it to the server's
    /// `explicit_defaults_for_timestamp`.
    pub nullable: Option<bool>,
    /// Whether it is generated. A column with `DEFAULT (expression)` is not.
    pub generated: Option<Generated>,
    /// The expression of a generated column, as SQL in the statement's own words.
    pub expression: Vec<u8>,
    /// Left out of `SELECT *`.
    pub invisible: bool,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// ON UPDATE CURRENT_TIMESTAMP.
    pub on_update_now: bool,
    /// The default, as SQL in the statement's own words.
    pub default: Option<Vec<u8>>,
    /// Character set of text; `None` if it is not known.
    pub charset: Option<&'static Charset>,
    /// The collation, where it is named.
    pub collation: Option<Vec<u8>>,
}

impl ColumnDef {
    /// A nullable column of which nothing else is said.
    pub fn new(name: impl Into<Vec<u8>>, sql_type: SqlType) -> Self {
        Self {
            name: name.into(),
            sql_type,
            nullable: Some(true),
            generated: None,
            expression: Vec::new(),
            invisible: false,
            auto_increment: false,
            on_update_now: false,
            default: None,
            charset: None,
            collation: None,
        }
    }
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// KEY, INDEX, and the one that a foreign key makes.
    Index,
    /// FULLTEXT.
    Fulltext,
    /// SPATIAL.
    Spatial,
    /// MariaDB's VECTOR INDEX.
    Vector,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is for.
    pub kind: KeyKind,
    /// Its name; `PRIMARY` for the primary one.
    pub name: Vec<u8>,
    /// Its parts in order.
    pub parts: Vec<KeyPart>,
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPart {
    /// A column, or its start.
    Column {
        /// Its name.
        name: Vec<u8>,
        /// Characters (of binary types: bytes) of it that count, if not all.
        prefix: Option<u32>,
    },
    /// MySQL's functional part, with its brackets.
    Expression(Vec<u8>),
    /// MariaDB's `period WITHOUT OVERLAPS`.
    Period(Vec<u8>),
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// Name of the constraint; empty where the server chose it.
    pub name: Vec<u8>,
    /// The columns of this table.
    pub columns: Vec<Vec<u8>>,
    /// The table that they refer to.
    pub referenced: TableName,
    /// Its columns; empty if the statement left them out.
    pub referenced_columns: Vec<Vec<u8>>,
    /// What deleting the row referred to does here.
    pub on_delete: ReferenceOption,
    /// What updating it does here.
    pub on_update: ReferenceOption,
}

/// What a foreign key does with rows whose parent goes or changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReferenceOption {
    /// RESTRICT or NO ACTION: refuse.
    #[default]
    Restrict,
    /// CASCADE: go or change, too.
    Cascade,
    /// SET NULL.
    SetNull,
    /// SET DEFAULT.
    SetDefault,
}

/// Whether two names of columns or keys are the same to the servers: in any case, beyond ASCII too.
pub(crate) fn same_name(one: &[u8], other: &[u8]) -> bool {
    if one.is_ascii() || other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    let lower = |name| std::str::from_utf8(name).map(str::to_lowercase);
    match (lower(one), lower(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::IntegerSize;

    fn key(kind: KeyKind, name: &str, column: &str) -> Key {
        let part = KeyPart::Column { name: column.into(), prefix: None };
        Key { kind, name: name.into(), parts: vec![part] }
    }

    #[test]
    fn keys_without_a_name_get_the_servers() {
        let mut table = TableDef::new(TableName::new("d", "t"));
        let int = SqlType::Integer { size: IntegerSize::Regular, unsigned: false };
        table.columns.push(ColumnDef::new("A", int));
        table.add_key(key(KeyKind::Index, "", "a"));
        table.add_key(key(KeyKind::Unique, "A_2", "a"));
        table.add_key(key(KeyKind::Unique, "", "a"));
        table.add_key(key(KeyKind::Primary, "ignored", "a"));
        let names: Vec<_> = table.keys.iter().map(|key| &key.name[..]).collect();
        assert_eq!(names, [&b"a"[..], b"A_2", b"a_3", b"PRIMARY"]);
        assert_eq!(table.columns[0].nullable, Some(false));
        assert_eq!(table.key_columns(&table.keys[0]), Some(vec![0]));
    }

    #[test]
    fn names_are_the_same_in_any_case() {
        assert!(same_name(b"Id", b"iD"));
        assert!(same_name("Größe".as_bytes(), "GRÖßE".as_bytes()));
        assert!(!same_name(b"\xFFa", b"\xFFA"));
        assert!(!same_name(b"a", "ä".as_bytes()));
    }

    #[test]
    fn a_table_name_in_a_message_has_no_control_bytes() {
        assert_eq!(TableName::new("a`b", "t\x1B").to_string(), "`a``b`.`t\\u{1b}`");
    }
}
