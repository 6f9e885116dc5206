//! What is known of the table that a table map names, ready for showing and undoing its rows.

use std::sync::Arc;

use binlog_parser::row::Columns;
use binlog_parser::row::plugin::PluginType;

use super::collation::Charset;
use super::table::{Generated, TableDef, TableName};
use super::types::SqlType;

/// Where the column names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The table map's own metadata (`binlog_row_metadata=FULL`).
    Metadata,
    /// DDL statements in the logs.
    Logs,
    /// The dump given by the user.
    Dump,
    /// The dump, with the ALTERs applied that the logs hold.
    DumpAndLogs,
}

/// The table of a table map, its columns in the map's order and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedTable {
    /// Database and name, as the map has them.
    pub name: TableName,
    /// Where the column names come from.
    pub source: Source,
    /// One for each column of the map.
    pub columns: Vec<ResolvedColumn>,
    /// What tells one row from all others; `None` if nothing known does.
    pub key: Option<RowKey>,
    /// Whether the table has triggers, where that is known.
    pub has_triggers: Option<bool>,
    /// The definition from logs or dump that fits the map. Without one, only the metadata speaks:
    /// then nothing is known of generated columns, unique keys and foreign keys.
    pub definition: Option<Arc<TableDef>>,
}

impl ResolvedTable {
    /// Gives the columns of the map all that is known of them beyond the map: names, signs,
    /// character sets and members.
    pub fn name_columns(&self, columns: &mut Columns) {
        self.declare(columns);
        columns.describe(|ordinal, column| {
            if column.name.is_some() {
                return;
            }
            let Some(known) = self.columns.get(ordinal) else { return };
            column.name = Some(known.name.clone().into());
            column.unsigned = column.unsigned.or(known.unsigned);
            column.collation = column.collation.or(known.charset.map(Charset::a_collation_id));
            if column.labels.is_none() && !known.labels.is_empty() {
                column.labels = labels(known, self.source);
            }
        });
    }

    /// Gives the columns of the map what the definition says of types that no map tells in full:
    /// MariaDB's UUID, INET4, INET6 and VECTOR, and its own temporal types with fractions.
    pub fn declare(&self, columns: &mut Columns) {
        let declared = |at: usize| self.columns.get(at).and_then(|column| column.sql_type.as_ref());
        columns.set_fractions(|at| match declared(at) {
            Some(
                SqlType::Time { fsp } | SqlType::Datetime { fsp } | SqlType::Timestamp { fsp },
            ) => Some(*fsp),
            _ => None,
        });
        columns.describe(|at, column| match declared(at) {
            Some(SqlType::Uuid) => column.plugin_type = Some(PluginType::Uuid),
            Some(SqlType::Inet4) => column.plugin_type = Some(PluginType::Inet4),
            Some(SqlType::Inet6) => column.plugin_type = Some(PluginType::Inet6),
            Some(SqlType::Vector { dimension }) => {
                column.dimension = column.dimension.or(Some(*dimension));
            }
            _ => {}
        });
    }
}

/// The labels of an ENUM or SET, unless they would be read in another character set than they are
/// in: those of a definition are in UTF-8.
fn labels(column: &ResolvedColumn, source: Source) -> Option<Box<[Box<[u8]>]>> {
    let utf8 = column.charset.is_some_and(|charset| charset.name.starts_with("utf8"));
    let plain = column.labels.iter().all(|label| label.is_ascii());
    let readable = utf8 || plain || source == Source::Metadata;
    readable.then(|| column.labels.iter().map(|label| label.clone().into()).collect())
}

/// A column of a [`ResolvedTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedColumn {
    /// Its name, in UTF-8.
    pub name: Vec<u8>,
    /// Whether a number has no sign; `None` if the type has none to speak of or it is not known.
    pub unsigned: Option<bool>,
    /// Character set of text, ENUM and SET; `binary` for bytes; `None` if it is not known.
    pub charset: Option<&'static Charset>,
    /// Number of the collation, where the map has it.
    pub collation: Option<u16>,
    /// Whether NULL is allowed, as the map has it.
    pub nullable: bool,
    /// How its value comes from others. `None` also where no definition is known.
    pub generated: Option<Generated>,
    /// Left out of `SELECT *` and of an INSERT without column names.
    pub invisible: bool,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// ON UPDATE CURRENT_TIMESTAMP.
    pub on_update_now: bool,
    /// MySQL's `my_row_id`, the primary key that the server made. It can be named like any other
    /// invisible column.
    pub generated_primary_key: bool,
    /// No statement can name it: MariaDB's hidden hash of a long unique key (`DB_ROW_HASH_1`). It
    /// is logged, and left out of every statement.
    pub nameless: bool,
    /// Members of an ENUM or SET in order, in the column's character set if they come from the
    /// map, in UTF-8 if from a definition; empty for other types.
    pub labels: Vec<Vec<u8>>,
    /// The declared type, where a definition is known.
    pub sql_type: Option<SqlType>,
}

impl ResolvedColumn {
    /// Whether a statement may give the column a value.
    pub fn is_settable(&self) -> bool {
        self.generated.is_none() && !self.nameless
    }
}

/// Columns whose values tell one row from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    /// Which key it is.
    pub origin: KeyOrigin,
    /// Ordinals of its columns, in the key's order.
    pub columns: Vec<usize>,
}

/// Which key tells rows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The primary key.
    Primary,
    /// A unique key whose columns are all NOT NULL.
    Unique,
}
