//! The definitions of every table at every moment of the logs.

use std::collections::HashMap;

use binlog_parser::event::mariadb_gtid::flags_extra;
use binlog_parser::scan::RawEvent;

use super::catalog::{Effect, NotUnderstood, Schema, TableState};
use super::ddl::StatementContext;
use super::resolved::Source;
use super::table::TableName;
use crate::sql::Dialect;

/// Where in the logs an event stands: a later event has a greater stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// Which log of the set, counted in order.
    pub log: usize,
    /// Offset of the event in the log.
    pub offset: u64,
    /// Offset in the payload of a compressed transaction, else 0.
    pub inner: u64,
}

impl Stamp {
    /// The stamp of an event of log number `log`.
    #[must_use]
    pub fn of(log: usize, event: &RawEvent<'_>) -> Self {
        Stamp { log, offset: event.offset, inner: event.inner().unwrap_or(0) }
    }
}

/// The definitions that the statements of the logs made, each from its moment on, so that who reads
/// the logs backwards can ask for the definition as of an event.
#[derive(Debug, Clone)]
pub struct SchemaHistory {
    dump: Schema,
    current: Schema,
    versions: HashMap<TableName, Vec<(Stamp, TableState)>>,
    /// Where any definition changed, in order.
    changes: Vec<Stamp>,
}

impl Default for SchemaHistory {
    fn default() -> Self {
        Self::new(Schema::new(Source::Dump))
    }
}

impl SchemaHistory {
    /// A history that starts from a dump; from an empty schema if there is none.
    ///
    /// Whether the dump is from before or after the logs, nothing tells for certain: both are
    /// tried, see [`super::resolve`].
    pub fn new(dump: Schema) -> Self {
        let current = dump.clone().continued_by(Source::Logs);
        Self { dump, current, versions: HashMap::new(), changes: vec![] }
    }

    /// Applies the next statement of the logs. Statements must come in the order of the logs; of
    /// a two-phase ALTER of MariaDB only the one that commits it.
    ///
    /// # Errors
    /// As [`Schema::apply`]; the history goes on, its tables unknown from here.
    pub fn apply(
        &mut self,
        stamp: Stamp,
        text: &[u8],
        context: &StatementContext<'_>,
    ) -> Result<Effect, NotUnderstood> {
        let result = self.current.apply(text, context);
        let tables = match &result {
            Ok(effect) => &effect.tables,
            Err(why) => &why.tables,
        };
        if !tables.is_empty() {
            self.changes.push(stamp);
        }
        for name in tables {
            let name = self.current.find(name).unwrap_or(name);
            if let Some(state) = self.current.table(name) {
                self.versions.entry(name.clone()).or_default().push((stamp, state.clone()));
            }
        }
        result
    }

    /// Takes in the statement of a Query event of log number `log`, on a server with this dialect;
    /// `None` where no definition depends on it, or not yet: of a two-phase ALTER of MariaDB only
    /// the half that commits counts.
    pub fn follow(
        &mut self,
        log: usize,
        event: &RawEvent<'_>,
        server: &Dialect,
    ) -> Option<Result<Effect, NotUnderstood>> {
        const NOT_YET: u8 = flags_extra::START_ALTER | flags_extra::ROLLBACK_ALTER;
        let query = event.query().ok()?;
        let alter = query.status_vars().ok().and_then(|vars| vars.gtid_flags3);
        if alter.is_some_and(|(flags, _)| flags & NOT_YET != 0) {
            return None;
        }
        let context = StatementContext::of_query(server, &query);
        Some(self.apply(Stamp::of(log, event), query.text, &context))
    }

    /// How many statements up to, and with, the one at `stamp` changed a definition: between two
    /// moments of which it is the same, all tables are.
    pub fn changes_before(&self, stamp: Stamp) -> usize {
        self.changes.partition_point(|change| *change <= stamp)
    }

    /// What the logs made of a table up to, and with, the statement at `stamp`; where they do not
    /// speak of it, what the dump says.
    pub fn table_at(&self, name: &TableName, stamp: Stamp) -> Option<&TableState> {
        let before = self
            .versions
            .get(self.current.find(name).unwrap_or(name))
            .or_else(|| self.versions.get(name))
            .and_then(|versions| versions.iter().rev().find(|(since, _)| *since <= stamp));
        match before {
            Some((_, state)) => Some(state),
            None => self.dump.table(name),
        }
    }

    /// The first statement after `stamp` behind which the rows of that time no longer fit the table:
    /// it has other columns, another name, or is not known. Keys and defaults do not count.
    pub fn changed_after(&self, name: &TableName, stamp: Stamp) -> Option<Stamp> {
        let columns = |state: &TableState| match state {
            TableState::Known { definition, .. } => {
                let mut columns = definition.columns.clone();
                for column in &mut columns {
                    column.default = None;
                    column.nullable = None;
                }
                Some(columns)
            }
            _ => None,
        };
        let then = self.table_at(name, stamp).and_then(columns);
        let versions = self.versions.get(self.current.find(name).unwrap_or(name))?;
        versions
            .iter()
            .filter(|(since, _)| *since > stamp)
            .find(|(_, state)| then.is_none() || columns(state) != then)
            .map(|(since, _)| *since)
    }

    /// The tables at the end of the logs.
    pub fn current(&self) -> &Schema {
        &self.current
    }

    /// The tables of the dump.
    pub fn dump(&self) -> &Schema {
        &self.dump
    }
}
