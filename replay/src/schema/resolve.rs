//! From a table map to names, signs, character sets and keys.

use std::collections::HashSet;
use std::sync::Arc;

use binlog_parser::error::Fault;
use binlog_parser::event::table_map::{TableMapEvent, flags};
use binlog_parser::header::Family;
use binlog_parser::row::{Column, Columns};

use super::catalog::TableState;
use super::collation::Charset;
use super::fit::{Slot, describe, fit};
use super::history::{SchemaHistory, Stamp};
use super::resolved::{KeyOrigin, ResolvedColumn, ResolvedTable, RowKey, Source};
use super::table::{Generated, KeyKind, TableDef, TableName, same_name};
use super::types::SqlType;

/// Names of the columns in which MariaDB keeps the hashes of long unique keys.
const HASH_PREFIX: &[u8] = b"DB_ROW_HASH_";

/// Why the columns of a table map have no names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No metadata, no statement, no dump.
    #[error(
        "the columns of {table} have no names: the log has none (binlog_row_metadata is not FULL), \
         and neither its statements nor a dump define the table"
    )]
    NoDefinition {
        /// The table.
        table: TableName,
    },
    /// A statement that changed the table is not understood.
    #[error("the columns of {table} have no names: {reason}, in: {statement}")]
    NotUnderstood {
        /// The table.
        table: TableName,
        /// Why the statement is not understood.
        reason: String,
        /// Its first bytes.
        statement: String,
    },
    /// The definition is of another time, or of another table.
    #[error(
        "the definition of {table} {from} does not fit the log: {why}\ndefined: {definition}\nlogged: {logged}"
    )]
    Mismatch {
        /// The table.
        table: TableName,
        /// Where the definition comes from, in words.
        from: &'static str,
        /// What does not fit.
        why: Box<str>,
        /// The definition.
        definition: Box<str>,
        /// The columns as the map has them.
        logged: Box<str>,
    },
    /// The dump fits both as it is and with the changes that the logs made, but not to the same
    /// names: it may be from before them or after them.
    #[error(
        "the dump's definition of {table} fits the log both as it is and with the changes in the \
         logs before this place\nas it is: {dump}\nchanged: {changed}"
    )]
    Ambiguous {
        /// The table.
        table: TableName,
        /// The dump's definition.
        dump: Box<str>,
        /// The same with the changes.
        changed: Box<str>,
    },
    /// The table map itself cannot be read.
    #[error("the table map of {table} cannot be read: {fault}")]
    Map {
        /// The table.
        table: TableName,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
}

/// A definition that fits, and how.
struct Fitting {
    definition: Arc<TableDef>,
    source: Source,
    slots: Vec<Slot>,
}

/// Finds out all that can be known of the table of a table map at `stamp`: names from its metadata,
/// else from the statements in the logs, else from the dump. A definition counts only if it fits the
/// map column by column; where signs and character sets differ, the map is right.
///
/// # Errors
/// [`ResolveError`], if there are no names or they are not certain.
pub fn resolve(
    map: &TableMapEvent<'_>,
    family: Family,
    stamp: Stamp,
    history: &SchemaHistory,
) -> Result<ResolvedTable, ResolveError> {
    let name = TableName::new(map.database, map.table);
    let columns = map
        .columns(family)
        .map_err(|fault| ResolveError::Map { table: name.clone(), fault: Box::new(fault) })?;
    let found = find(&name, map, &columns, stamp, history);
    if columns.iter().all(|column| column.name.is_some()) {
        let fitting = found.ok().filter(|fitting| same_names(fitting, &columns));
        return Ok(resolved(name, map, &columns, Source::Metadata, fitting.as_ref()));
    }
    let fitting = found?;
    let source = fitting.source;
    Ok(resolved(name, map, &columns, source, Some(&fitting)))
}

/// The definition that fits, from the logs or from the dump.
fn find(
    name: &TableName,
    map: &TableMapEvent<'_>,
    columns: &[Column],
    stamp: Stamp,
    history: &SchemaHistory,
) -> Result<Fitting, ResolveError> {
    let attempt =
        |definition: &Arc<TableDef>, source: Source| match fit(definition, columns, map.flags) {
            Ok(slots) => Ok(Fitting { definition: definition.clone(), source, slots }),
            Err(why) => Err(ResolveError::Mismatch {
                table: name.clone(),
                from: match source {
                    Source::Dump => "in the dump",
                    Source::DumpAndLogs => "in the dump, changed as the logs say,",
                    Source::Logs | Source::Metadata => "in the logs",
                },
                why: why.into(),
                definition: definition.to_string().into(),
                logged: describe(columns).into(),
            }),
        };
    let dump = match history.dump().table(name) {
        Some(TableState::Known { definition, .. }) => Some(definition),
        _ => None,
    };
    let error = match history.table_at(name, stamp) {
        Some(TableState::Known { definition, source }) => match attempt(definition, *source) {
            Ok(fitting) if fitting.source == Source::DumpAndLogs => {
                return unambiguous(fitting, dump.and_then(|d| attempt(d, Source::Dump).ok()));
            }
            Ok(fitting) => return Ok(fitting),
            Err(error) => error,
        },
        Some(TableState::Unknown(why)) => ResolveError::NotUnderstood {
            table: name.clone(),
            reason: why.reason.clone(),
            statement: why.statement.clone(),
        },
        Some(TableState::Dropped) | None => ResolveError::NoDefinition { table: name.clone() },
    };
    match dump {
        // What is wrong with the dump's tells more than that the logs have none.
        Some(dump) => attempt(dump, Source::Dump).map_err(|refused| match error {
            ResolveError::NoDefinition { .. } => refused,
            error => error,
        }),
        None => Err(error),
    }
}

/// The changed dump, unless the dump as it is fits, too, and says something else.
fn unambiguous(changed: Fitting, dump: Option<Fitting>) -> Result<Fitting, ResolveError> {
    let Some(dump) = dump else { return Ok(changed) };
    let mut one = TableDef::clone(&changed.definition);
    let mut other = TableDef::clone(&dump.definition);
    // Neither triggers nor defaults make a row another one.
    for table in [&mut one, &mut other] {
        table.has_triggers = None;
        table.name = changed.definition.name.clone();
        table.columns.iter_mut().for_each(|column| column.default = None);
    }
    if one == other {
        return Ok(changed);
    }
    Err(ResolveError::Ambiguous {
        table: changed.definition.name.clone(),
        dump: dump.definition.to_string().into(),
        changed: changed.definition.to_string().into(),
    })
}

/// Whether a definition has the names that the map has.
fn same_names(fitting: &Fitting, columns: &[Column]) -> bool {
    fitting.slots.iter().zip(columns).all(|(slot, column)| {
        let Slot::Column(at) = slot else { return true };
        let defined = fitting.definition.columns.get(*at).map(|column| &column.name);
        match (defined, &column.name) {
            (Some(defined), Some(logged)) => same_name(defined, logged),
            _ => false,
        }
    })
}

fn resolved(
    name: TableName,
    map: &TableMapEvent<'_>,
    columns: &Columns,
    source: Source,
    fitting: Option<&Fitting>,
) -> ResolvedTable {
    let generated_key = map.flags & flags::GENERATED_INVISIBLE_PK != 0;
    let resolved: Vec<ResolvedColumn> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let slot = fitting.and_then(|fitting| fitting.slots.get(at));
            resolved_column(column, slot.copied(), fitting, at == 0 && generated_key)
        })
        .collect();
    let triggers = (map.flags & flags::HAS_TRIGGERS != 0).then_some(true);
    ResolvedTable {
        key: key(columns, fitting),
        has_triggers: triggers.or(fitting.and_then(|f| f.definition.has_triggers)),
        definition: fitting.map(|fitting| fitting.definition.clone()),
        columns: resolved,
        name,
        source,
    }
}

fn resolved_column(
    column: &Column,
    slot: Option<Slot>,
    fitting: Option<&Fitting>,
    may_be_generated_key: bool,
) -> ResolvedColumn {
    let definition = match (slot, fitting) {
        (Some(Slot::Column(at)), Some(fitting)) => fitting.definition.columns.get(at),
        _ => None,
    };
    let hidden_name = match slot {
        Some(Slot::GeneratedKey) => b"my_row_id".to_vec(),
        Some(Slot::Period(Generated::RowEnd)) => b"row_end".to_vec(),
        Some(Slot::Period(_)) => b"row_start".to_vec(),
        Some(Slot::Hash(number)) => [HASH_PREFIX, number.to_string().as_bytes()].concat(),
        Some(Slot::Column(_)) | None => Vec::new(),
    };
    let name = match (&column.name, definition) {
        (Some(name), _) => name.to_vec(),
        (None, Some(definition)) => definition.name.clone(),
        (None, None) => hidden_name,
    };
    let hash = matches!(slot, Some(Slot::Hash(_)))
        || (definition.is_none() && name.starts_with(HASH_PREFIX));
    let hidden = hash || matches!(slot, Some(Slot::GeneratedKey | Slot::Period(_)));
    let generated_key = slot == Some(Slot::GeneratedKey)
        || (may_be_generated_key && same_name(&name, b"my_row_id"));
    let defined_type = definition.map(|definition| &definition.sql_type);
    let labels = match (&column.labels, defined_type) {
        (Some(labels), _) => labels.iter().map(|label| label.to_vec()).collect(),
        (None, Some(SqlType::Enum(labels) | SqlType::Set(labels))) => labels.clone(),
        _ => Vec::new(),
    };
    ResolvedColumn {
        unsigned: column
            .unsigned
            .filter(|_| column.column_type.is_numeric())
            .or(defined_type.and_then(SqlType::unsigned))
            .or((generated_key || hash).then_some(true)),
        charset: column
            .collation
            .and_then(Charset::of_collation_id)
            .or_else(|| charset_of(definition?)),
        collation: column.collation,
        nullable: column.nullable,
        generated: match slot {
            Some(Slot::Period(generated)) => Some(generated),
            _ if hash => Some(Generated::Virtual),
            _ => definition.and_then(|definition| definition.generated),
        },
        invisible: column
            .visible
            .map(|visible| !visible)
            .or(definition.map(|definition| definition.invisible))
            .unwrap_or(hidden),
        auto_increment: generated_key || definition.is_some_and(|d| d.auto_increment),
        on_update_now: definition.is_some_and(|d| d.on_update_now),
        generated_primary_key: generated_key,
        nameless: hash,
        labels,
        sql_type: defined_type.cloned(),
        name,
    }
}

/// The character set of a definition: bytes are `binary`.
fn charset_of(definition: &super::table::ColumnDef) -> Option<&'static Charset> {
    match definition.sql_type {
        SqlType::Binary { .. } | SqlType::Varbinary { .. } | SqlType::Blob { .. } => {
            Charset::by_name(b"binary")
        }
        _ => definition.charset,
    }
}

/// The primary key, else the first unique key whose columns are NOT NULL.
fn key(columns: &Columns, fitting: Option<&Fitting>) -> Option<RowKey> {
    if let Some(parts) = columns.primary_key.as_ref().filter(|parts| !parts.is_empty()) {
        let columns = parts.iter().map(|part| part.ordinal).collect();
        return Some(RowKey { origin: KeyOrigin::Primary, columns });
    }
    let fitting = fitting?;
    if fitting.slots.first() == Some(&Slot::GeneratedKey) {
        return Some(RowKey { origin: KeyOrigin::Primary, columns: vec![0] });
    }
    let place = |column: usize| fitting.slots.iter().position(|s| *s == Slot::Column(column));
    let table = &fitting.definition;
    let of_kind = |kind: KeyKind| {
        table.keys.iter().filter(move |key| key.kind == kind).filter_map(|key| {
            table.key_columns(key)?.into_iter().map(place).collect::<Option<Vec<usize>>>()
        })
    };
    // A system-versioned table keeps many rows of one key; row_end tells them apart.
    let periods = |mut ordinals: Vec<usize>| {
        let end = fitting.slots.iter().position(|slot| match slot {
            Slot::Period(generated) => *generated == Generated::RowEnd,
            Slot::Column(at) => {
                table.columns.get(*at).and_then(|c| c.generated) == Some(Generated::RowEnd)
            }
            Slot::GeneratedKey | Slot::Hash(_) => false,
        });
        let known: HashSet<usize> = ordinals.iter().copied().collect();
        ordinals.extend(end.filter(|end| table.system_versioned && !known.contains(end)));
        ordinals
    };
    if let Some(ordinals) = of_kind(KeyKind::Primary).next() {
        return Some(RowKey { origin: KeyOrigin::Primary, columns: periods(ordinals) });
    }
    let not_null = |ordinals: &Vec<usize>| {
        ordinals.iter().all(|at| columns.get(*at).is_some_and(|column| !column.nullable))
    };
    let ordinals = of_kind(KeyKind::Unique).find(not_null)?;
    Some(RowKey { origin: KeyOrigin::Unique, columns: periods(ordinals) })
}
