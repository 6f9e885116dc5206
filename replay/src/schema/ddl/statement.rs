//! What a DDL statement says, before it meets the tables that it changes.

use super::super::collation::Charset;
use super::super::table::{ColumnDef, ForeignKey, Key, TableName};
use super::cursor::Parsed;

/// A statement that concerns definitions.
#[derive(Debug, PartialEq)]
pub(crate) enum Statement {
    CreateTable(CreateTable),
    AlterTable { table: TableName, if_exists: bool, actions: Vec<Action> },
    RenameTables(Vec<(TableName, TableName)>),
    DropTables(Vec<TableName>),
    CreateDatabase { name: Vec<u8>, or_replace: bool, if_not_exists: bool, charset: CharsetSpec },
    AlterDatabase { name: Vec<u8>, charset: CharsetSpec },
    DropDatabase(Vec<u8>),
    CreateTrigger { name: TableName, table: TableName },
    DropTrigger(TableName),
    Use(Vec<u8>),
}

/// CREATE TABLE.
#[derive(Debug, PartialEq)]
pub(crate) struct CreateTable {
    pub(crate) table: TableName,
    pub(crate) or_replace: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) body: Body,
}

/// Where a new table's columns come from.
#[derive(Debug, PartialEq)]
pub(crate) enum Body {
    Like(TableName),
    Elements { elements: Vec<Element>, options: TableOptions },
}

/// Options of a table that its columns depend on.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TableOptions {
    pub(crate) charset: CharsetSpec,
    pub(crate) system_versioning: bool,
}

/// A character set, a collation, or both; empty when nothing was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CharsetSpec {
    pub(crate) charset: Option<&'static Charset>,
    pub(crate) collation: Option<Vec<u8>>,
    /// BINARY: the `_bin` collation of whichever character set.
    pub(crate) bin: bool,
    /// CHARACTER SET DEFAULT: that of the level above.
    pub(crate) reset: bool,
}

impl CharsetSpec {
    /// The character set and collation, where a level above has `outer`.
    pub(crate) fn over(&self, outer: &CharsetPair) -> CharsetPair {
        let named = self.collation.as_deref().and_then(Charset::of_collation);
        let charset = self.charset.or(named);
        let said = charset.is_some() || self.collation.is_some();
        let mut pair = CharsetPair {
            charset: charset.or(outer.charset),
            collation: if said { self.collation.clone() } else { outer.collation.clone() },
        };
        if self.bin {
            pair.collation = pair.charset.map(|c| format!("{}_bin", c.name).into_bytes());
        }
        pair
    }
}

/// A character set and a collation, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CharsetPair {
    pub(crate) charset: Option<&'static Charset>,
    pub(crate) collation: Option<Vec<u8>>,
}

/// One element between the brackets of CREATE TABLE.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Element {
    Column(Box<ColumnSpec>),
    Key(Key),
    ForeignKey(ForeignKey),
    /// MariaDB's PERIOD FOR, whose two columns are NOT NULL.
    Period(Vec<Vec<u8>>),
    /// CHECK: nothing that a row shows.
    Check,
}

/// A column as it is written; what it inherits from the table is still open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnSpec {
    pub(crate) column: ColumnDef,
    pub(crate) charset: CharsetSpec,
    /// The n of TEXT(n), in characters.
    pub(crate) text_length: Option<u64>,
    /// NULL or NOT NULL is written.
    pub(crate) nullability_said: bool,
    /// Keys and references among the attributes.
    pub(crate) attached: Vec<Element>,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Position {
    First,
    After(Vec<u8>),
}

/// One action of ALTER TABLE that a definition shows.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    Add {
        element: Element,
        position: Option<Position>,
        if_not_exists: bool,
    },
    Change {
        old: Vec<u8>,
        spec: Box<ColumnSpec>,
        position: Option<Position>,
        if_exists: bool,
    },
    DropColumn {
        name: Vec<u8>,
        if_exists: bool,
    },
    DropPrimaryKey {
        if_exists: bool,
    },
    DropKey {
        name: Vec<u8>,
        if_exists: bool,
    },
    DropForeignKey {
        name: Vec<u8>,
    },
    /// DROP CONSTRAINT: a key, a foreign key or a check.
    DropConstraint {
        name: Vec<u8>,
    },
    RenameColumn {
        old: Vec<u8>,
        new: Vec<u8>,
        if_exists: bool,
    },
    RenameKey {
        old: Vec<u8>,
        new: Vec<u8>,
    },
    SetDefault {
        column: Vec<u8>,
        default: Option<Vec<u8>>,
        if_exists: bool,
    },
    SetInvisible {
        column: Vec<u8>,
        invisible: bool,
    },
    RenameTable(TableName),
    DefaultCharset(CharsetSpec),
    ConvertCharset(CharsetSpec),
    SystemVersioning(bool),
    /// MariaDB's CONVERT PARTITION p TO TABLE: a new table like this one.
    PartitionToTable(TableName),
    /// MariaDB's CONVERT TABLE t TO PARTITION: t is gone.
    TableToPartition(TableName),
}

/// A statement whose tables are known, though perhaps not what it makes of them.
pub(crate) struct Targeted {
    /// The tables that it concerns.
    pub(crate) tables: Vec<TableName>,
    /// What it says.
    pub(crate) statement: Parsed<Statement>,
}
