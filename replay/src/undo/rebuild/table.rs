//! What has to be known of a table so that its rows can be followed back through the logs.

use binlog_parser::event::format_description::{FormatDescription, ServerVersion};
use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::header::Family;
use binlog_parser::row::ColumnType;
use binlog_parser::row::RowLayout;
use binlog_parser::wire::Bitmap;

use crate::schema::{
    Generated, KeyKind, KeyPart, ReferenceOption, ResolvedTable, SchemaHistory, Stamp, TableDef,
    TableName, TableState,
};
use crate::sql::Dialect;
use crate::sql::statement::{StatementVerb, head, written_tables};

/// A table of rows that are to be rebuilt.
#[derive(Debug)]
pub(super) struct WantedTable {
    /// What is known of it.
    pub resolved: ResolvedTable,
    /// Types of its columns.
    pub types: Vec<ColumnType>,
    pub layout: RowLayout,
    /// Columns of the key by which the server logs its rows.
    pub key: Vec<usize>,
    /// Foreign keys by which the server changes its rows without a trace.
    pub cascades: Vec<Cascade>,
}

/// A foreign key whose actions change rows of its table.
#[derive(Debug)]
pub(super) struct Cascade {
    /// Its columns.
    pub columns: Vec<usize>,
    /// Tables whose rows, when they are deleted or updated, start the action.
    pub sources: Vec<TableName>,
}

/// The first MariaDB that computes generated columns of every kind when it applies a row without
/// them, and so leaves them out of the updates that it logs. 10.11 stores NULL in those that are
/// STORED, and breaks the keys of those that are VIRTUAL; it logs both where they may have changed.
const COMPUTES_ALL: ServerVersion = ServerVersion(11, 8, 0);

/// Whether the server computes a column by itself where an image lacks it.
pub(super) fn is_computed(
    table: Option<&ResolvedTable>,
    ordinal: usize,
    format: &FormatDescription,
) -> bool {
    let all = format.family == Family::Mysql || format.version >= COMPUTES_ALL;
    let Some((table, column)) = table.and_then(|table| Some((table, table.columns.get(ordinal)?)))
    else {
        return false;
    };
    match column.generated {
        Some(Generated::Virtual) => all || column.nameless || !is_indexed(table, &column.name),
        Some(Generated::Stored) => all,
        _ => false,
    }
}

/// Whether a column is part of a key.
fn is_indexed(table: &ResolvedTable, name: &[u8]) -> bool {
    let is_part = |part: &KeyPart| match part {
        KeyPart::Column { name: part, .. } => part.eq_ignore_ascii_case(name),
        KeyPart::Expression(_) | KeyPart::Period(_) => false,
    };
    let definition = table.definition.as_ref();
    definition.is_some_and(|d| d.keys.iter().any(|key| key.parts.iter().any(is_part)))
}

/// Whether a column is computed from others, so that an update that lacks it may have changed it.
pub(super) fn is_generated(table: &ResolvedTable, ordinal: usize) -> bool {
    table.columns.get(ordinal).is_some_and(|column| column.generated == Some(Generated::Stored))
}

/// The key by which rows are found whose before-images have these columns: unique, without NULL.
pub(super) fn logged_key(table: &ResolvedTable, present: Bitmap<'_>) -> Option<Vec<usize>> {
    let usable = |columns: &Vec<usize>| {
        let known = |at: &usize| table.columns.get(*at).is_some_and(|column| !column.nullable);
        !columns.is_empty() && columns.iter().all(|at| present.get(*at) && known(at))
    };
    let resolved = table.key.as_ref().map(|key| key.columns.clone());
    // A system-versioned table keeps many rows of one key; the resolved one tells them apart.
    let versioned = table.definition.as_ref().is_some_and(|table| table.system_versioned);
    let others = if versioned { vec![] } else { unique_keys(table) };
    resolved.into_iter().chain(others).find(usable)
}

/// Columns of each key of which no two rows have the same values.
fn unique_keys(table: &ResolvedTable) -> Vec<Vec<usize>> {
    let Some(definition) = &table.definition else { return vec![] };
    let place = |name: &[u8]| table.columns.iter().position(|column| column.name == name);
    let unique = |kind| matches!(kind, KeyKind::Primary | KeyKind::Unique);
    let keys = definition.keys.iter().filter(|key| unique(key.kind));
    keys.filter_map(|key| {
        let parts = definition.key_columns(key)?;
        parts.iter().map(|at| place(&definition.columns.get(*at)?.name)).collect()
    })
    .collect()
}

/// Whether an update may be one that MariaDB made of a REPLACE: that sets all columns, and logs only
/// those that the statement names. Such an image has the columns of a unique key, but for those that
/// took their default. The statement's text, where it is logged, tells it from others.
pub(in crate::undo) fn may_be_replace(
    table: &ResolvedTable,
    event: &RowsEvent<'_>,
    format: &FormatDescription,
    text: Option<&[u8]>,
) -> bool {
    let (RowsKind::Update, Some(after)) = (event.kind, event.after_columns) else { return false };
    if format.family != Family::Mariadb || after.all() {
        return false;
    }
    let has_default = |at: usize| {
        let name = table.columns.get(at).map(|column| &column.name);
        table.definition.as_ref().is_some_and(|definition| {
            let columns = definition.columns.iter();
            let mut same = columns.filter(|column| Some(&column.name) == name);
            same.any(|column| column.default.is_some())
        })
    };
    let like_replace = unique_keys(table)
        .iter()
        .any(|key| key.iter().all(|at| after.get(*at) || has_default(*at)));
    like_replace && !text.is_some_and(|text| updates(text, &table.name, format))
}

/// Whether a text is of an UPDATE or INSERT of this table. Then no trigger of its can have written
/// to it by a REPLACE: the servers let none write to tables of the statement that fired it.
fn updates(text: &[u8], table: &TableName, format: &FormatDescription) -> bool {
    let dialect = Dialect::from_server_version(format.server_version.as_bytes());
    let updates =
        matches!(head(text, &dialect).verb, StatementVerb::Update | StatementVerb::Insert);
    updates
        && written_tables(text, &dialect, &table.database).iter().any(|written| {
            written.table == table.table
                && written.database.as_ref().is_none_or(|database| *database == table.database)
        })
}

/// The foreign keys of a table whose actions change its rows.
pub(super) fn cascades(table: &ResolvedTable, history: &SchemaHistory, at: Stamp) -> Vec<Cascade> {
    let Some(definition) = &table.definition else { return vec![] };
    let acting = definition.foreign_keys.iter().filter(|key| acts(key.on_update, key.on_delete));
    acting
        .map(|key| {
            let mut sources = vec![];
            add_sources(&key.referenced, history, at, &mut sources);
            let place = |name: &Vec<u8>| {
                table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
            };
            Cascade { columns: key.columns.iter().filter_map(place).collect(), sources }
        })
        .collect()
}

/// Whether actions change rows that stay. Those of deletes that cascade leave none.
fn acts(on_update: ReferenceOption, on_delete: ReferenceOption) -> bool {
    use ReferenceOption as R;
    on_update != R::Restrict || matches!(on_delete, R::SetNull | R::SetDefault)
}

/// A table and all whose changes lead to changes of it.
fn add_sources(name: &TableName, history: &SchemaHistory, at: Stamp, sources: &mut Vec<TableName>) {
    if sources.contains(name) {
        return;
    }
    sources.push(name.clone());
    if let Some(TableState::Known { definition, .. }) = history.table_at(name, at) {
        for key in &definition.foreign_keys {
            let deletes = key.on_delete != ReferenceOption::Restrict;
            if deletes || acts(key.on_update, key.on_delete) {
                add_sources(&key.referenced, history, at, sources);
            }
        }
    }
}

/// Whether a statement at `stamp` left the columns and the keys of a table that tell rows apart as
/// they were, and the actions of its foreign keys.
pub(super) fn keeps_rows(history: &SchemaHistory, name: &TableName, stamp: Stamp) -> bool {
    let Some(offset) = stamp.offset.checked_sub(1) else { return false };
    let before = Stamp { offset, inner: u64::MAX, ..stamp };
    let known = |stamp| match history.table_at(name, stamp) {
        Some(TableState::Known { definition, .. }) => Some(essence(definition)),
        _ => None,
    };
    let (before, after) = (known(before), known(stamp));
    before.is_some() && before == after
}

/// A definition without what does not matter to rows that are there.
fn essence(definition: &TableDef) -> TableDef {
    let mut essence = definition.clone();
    essence.has_triggers = None;
    essence.keys.retain(|key| matches!(key.kind, KeyKind::Primary | KeyKind::Unique));
    for key in &mut essence.keys {
        key.name.clear();
        for part in &mut key.parts {
            if let KeyPart::Column { name, .. } = part {
                name.make_ascii_lowercase();
            }
        }
    }
    for key in &mut essence.foreign_keys {
        key.name.clear();
    }
    for column in &mut essence.columns {
        column.default = None;
        column.invisible = false;
    }
    (essence.charset, essence.collation) = (None, None);
    essence
}

/// A bitmap of so many columns: those for which `present` says so.
pub(super) fn bits(width: usize, mut present: impl FnMut(usize) -> bool) -> Vec<u8> {
    let mut bytes = vec![0; width.div_ceil(8)];
    for ordinal in (0..width).filter(|ordinal| present(*ordinal)) {
        if let Some(byte) = bytes.get_mut(ordinal / 8) {
            *byte |= 1 << (ordinal % 8);
        }
    }
    bytes
}
