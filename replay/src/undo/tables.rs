//! What the logs and the dump know of the tables whose rows are undone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use binlog_parser::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::mariadb_gtid::{MariadbGtidEvent, flags_extra};
use binlog_parser::header::EventType;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::transaction::{Step, Transaction, step};

use super::conflicts::references;
use super::maps::{Map, Said};
use super::table_sql::TableSql;
use crate::schema::{
    ForeignKey, ReferenceOption, ResolveError, Schema, SchemaHistory, Stamp, StatementContext,
    TableName, TableState, resolve,
};
use crate::sql::Dialect;

/// Tables by their maps. What a map says is looked up once for each definition that it meets.
#[derive(Debug, Default)]
pub(super) struct Tables {
    history: SchemaHistory,
    known: Mutex<HashMap<Key, Arc<TableSql>>>,
}

/// A map without its table id, and the definition that held at it. The history keeps all
/// definitions, so that no two ever have the same address.
type Key = (Vec<u8>, usize);

impl Tables {
    /// Tables of which so far only the dump speaks.
    pub fn new(dump: Schema) -> Self {
        Tables { history: SchemaHistory::new(dump), known: Mutex::default() }
    }

    /// The definitions of every table at every moment.
    pub fn history(&self) -> &SchemaHistory {
        &self.history
    }

    /// Takes in the definitions that a transaction of log number `log` makes.
    ///
    /// Returns whether there was any.
    ///
    /// # Errors
    /// A Query or GTID event that cannot be read.
    pub fn follow(
        &mut self,
        log: usize,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
    ) -> Result<bool, Fault> {
        let mut changed = false;
        if is_unfinished_alter(transaction)? {
            return Ok(changed);
        }
        for event in &transaction.events {
            if event.event_type() != EventType::QUERY {
                continue;
            }
            let query = event.query()?;
            if step(query.text) == Step::Statement {
                let server = Dialect::from_server_version(format.server_version.as_bytes());
                let context = StatementContext::of_query(&server, &query);
                let stamp = Stamp::of(log, event);
                // What is not understood makes its tables unknown; who needs them is told then.
                let effect = self.history.apply(stamp, query.text, &context);
                changed |= effect.is_err() || effect.is_ok_and(|effect| !effect.tables.is_empty());
            }
        }
        Ok(changed)
    }

    /// The tables as the logs, so far as they were followed, leave them.
    pub fn current(&self) -> &Schema {
        self.history.current()
    }

    /// The table of a map in log number `log`.
    ///
    /// # Errors
    /// [`ResolveError`], if the names of its columns are not known for certain.
    pub fn table(
        &self,
        map: &Map<'_, '_>,
        log: usize,
        format: &FormatDescription,
    ) -> Result<Arc<TableSql>, ResolveError> {
        self.table_of(&map.said, Stamp::of(log, map.event), format)
    }

    /// The table of a map that stood at `stamp`.
    ///
    /// # Errors
    /// As [`Tables::table`].
    pub fn table_of(
        &self,
        said: &Said,
        stamp: Stamp,
        format: &FormatDescription,
    ) -> Result<Arc<TableSql>, ResolveError> {
        let name = &said.name;
        let definition = match self.history.table_at(name, stamp) {
            Some(TableState::Known { definition, .. }) => Arc::as_ptr(definition) as usize,
            _ => 0,
        };
        let key = (said.bytes().to_vec(), definition);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = known.get(&key) {
            return Ok(Arc::clone(table));
        }
        let unreadable = |fault| ResolveError::Map { table: name.clone(), fault: Box::new(fault) };
        let map = said.map().map_err(unreadable)?;
        let resolved = resolve(&map, format.family, stamp, &self.history)?;
        let columns = map.columns(format.family).map_err(unreadable)?;
        let table = Arc::new(TableSql::new(resolved, columns));
        known.insert(key, Arc::clone(&table));
        Ok(table)
    }

    /// The tables whose rows the server changes by itself when rows of `parent` are deleted, or
    /// when they are updated.
    pub fn children(&self, parent: &TableName, deleted: bool) -> Vec<TableName> {
        let follows = |key: &ForeignKey| {
            let action = if deleted { key.on_delete } else { key.on_update };
            key.referenced == *parent && action != ReferenceOption::Restrict
        };
        let mut children: Vec<_> = self
            .history
            .current()
            .tables()
            .filter(|(name, state)| match state {
                TableState::Known { definition, .. } => {
                    *name != parent && definition.foreign_keys.iter().any(follows)
                }
                _ => false,
            })
            .map(|(name, _)| name.clone())
            .collect();
        children.sort();
        children
    }

    /// The columns of a table that foreign keys of others refer to.
    pub fn referenced(&self, table: &TableSql) -> Vec<usize> {
        let name = &table.resolved.name;
        let mut ordinals = vec![];
        for (columns, _) in references(self.history.current(), name) {
            ordinals.extend(columns.iter().filter_map(|column| {
                let mut known = table.resolved.columns.iter();
                known.position(|known| known.name.eq_ignore_ascii_case(column))
            }));
        }
        ordinals
    }

    /// Why rows of a table, logged at `stamp`, may not fit the table any more.
    pub fn drift(&self, name: &TableName, stamp: Stamp) -> Option<Drift> {
        self.history.changed_after(name, stamp)?;
        let now = match self.history.current().table(name) {
            Some(TableState::Known { definition, .. }) => definition,
            Some(TableState::Dropped) => return Some(Drift::Gone),
            _ => return Some(Drift::Unknown),
        };
        let Some(TableState::Known { definition: then, .. }) = self.history.table_at(name, stamp)
        else {
            return Some(Drift::Unknown);
        };
        let column = |column: &crate::schema::ColumnDef| {
            (column.name.clone(), column.sql_type.clone(), column.generated, column.charset)
        };
        let (then, now): (Vec<_>, Vec<_>) =
            (then.columns.iter().map(column).collect(), now.columns.iter().map(column).collect());
        if then == now {
            None
        } else if now.starts_with(&then) {
            Some(Drift::Longer)
        } else {
            Some(Drift::Other)
        }
    }
}

/// Tables that a walk has met: looked up once, as long as no definition changes.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// By table id.
    tables: HashMap<u64, MetTable, QuickHash>,
}

/// A table that was met.
#[derive(Debug)]
struct MetTable {
    said: Arc<Said>,
    /// How many definitions had changed before.
    changes: usize,
    table: Arc<TableSql>,
}

impl Met {
    /// As [`Tables::table`], which is to be the same in all calls.
    ///
    /// # Errors
    /// As there.
    pub fn table(
        &mut self,
        tables: &Tables,
        map: &Map<'_, '_>,
        log: usize,
        format: &FormatDescription,
    ) -> Result<&Arc<TableSql>, ResolveError> {
        let changes = tables.history.changes_before(Stamp::of(log, map.event));
        let met = match self.tables.entry(map.table_id) {
            Entry::Occupied(met)
                if Arc::ptr_eq(&met.get().said, &map.said) && met.get().changes == changes =>
            {
                met.into_mut()
            }
            entry => {
                let table = tables.table(map, log, format)?;
                let said = Arc::clone(&map.said);
                entry.insert_entry(MetTable { said, changes, table }).into_mut()
            }
        };
        Ok(&met.table)
    }
}

/// How a table is another one now than when rows of it were logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    /// It was dropped or renamed.
    Gone,
    /// It was changed by a statement that is not understood.
    Unknown,
    /// It has more columns behind those of then.
    Longer,
    /// Its columns are others.
    Other,
}

/// Whether a transaction is the first half of a two-phase ALTER of MariaDB, or takes one back.
fn is_unfinished_alter(transaction: &Transaction<'_>) -> Result<bool, Fault> {
    const UNFINISHED: u8 = flags_extra::START_ALTER | flags_extra::ROLLBACK_ALTER;
    let event = transaction.gtid_event();
    let Some(event) = event.filter(|event| event.event_type() == EventType::MARIADB_GTID) else {
        return Ok(false);
    };
    let gtid = MariadbGtidEvent::parse(event.body(), &event.header())?;
    Ok(gtid.flags_extra & UNFINISHED != 0)
}
