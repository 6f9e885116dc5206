//! What a log set knows of all its tables as of a place in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Unit, Units};

use super::catalog::{Schema, TableState};
use super::from_map;
use super::history::{SchemaHistory, Stamp};
use super::resolve::{ResolveError, resolve};
use super::resolved::Source;
use super::table::{TableDef, TableName};
use crate::error::Result;
use crate::sql::Dialect;

/// All tables that are known.
#[derive(Debug, Default)]
pub struct Known {
    /// The tables by name.
    pub tables: Vec<KnownTable>,
    /// What could not be read, and may have changed them: each a sentence.
    pub lost: Vec<String>,
}

/// What is known of a table.
#[derive(Debug)]
pub struct KnownTable {
    /// Database and name; no database for a table of a dump that names none.
    pub name: TableName,
    /// What is known.
    pub knowledge: Knowledge,
}

/// What is known of a table.
#[derive(Debug)]
pub enum Knowledge {
    /// Its definition, which fits the rows that the logs have of it.
    Defined {
        /// The definition.
        definition: Arc<TableDef>,
        /// Where it comes from.
        source: Source,
    },
    /// What the metadata of its table maps say (`binlog_row_metadata=FULL`).
    Logged(TableDef),
    /// That there is such a table, and no more. In words, why.
    Nothing(String),
}

/// The newest table map of a table since its last DDL.
struct LastMap {
    stamp: Stamp,
    family: Family,
    table_id_bytes: usize,
    body: Vec<u8>,
}

/// What `set` knows of the tables that `selects` names, as of the event at `until`, which itself
/// does not count; without one, at the end of the logs. `dump` says what the logs do not.
///
/// # Errors
/// Where a log changes while it is read.
pub fn known_tables(
    set: &LogSet,
    until: Option<Stamp>,
    dump: Schema,
    selects: impl Fn(&TableName) -> bool,
) -> Result<Known> {
    let mut walk = Walk {
        history: SchemaHistory::new(dump),
        maps: BTreeMap::new(),
        lost: vec![],
        selects: &selects,
    };
    for (number, log) in set.logs().iter().enumerate() {
        let begins = Stamp { log: number, offset: 0, inner: 0 };
        if until.is_some_and(|until| until <= begins) {
            break;
        }
        let server = Dialect::from_server_version(log.format().server_version.as_bytes());
        let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
        while let Some(unit) = units.next() {
            match unit {
                Unit::Transaction(transaction) => {
                    let start = Stamp { log: number, offset: transaction.start(), inner: 0 };
                    if until.is_some_and(|until| until <= start) {
                        break;
                    }
                    // What was rolled back has no effect; DDL cannot be.
                    if transaction.ending == Ending::Rollback {
                        continue;
                    }
                    let plain = transaction.plain(&mut inflated, units.format());
                    if let Some(damage) = &plain.damage {
                        walk.lost.push(format!("{}: {}", damage.location(log), damage.fault));
                    }
                    for event in &plain.transaction.events {
                        if until.is_some_and(|until| until <= Stamp::of(number, event)) {
                            break;
                        }
                        walk.event(
                            number,
                            event,
                            units.format().family,
                            &server,
                            units.format().table_id_bytes(),
                        );
                    }
                }
                Unit::Damage(damage) => {
                    let until =
                        until.is_some_and(|u| (u.log, u.offset) <= (number, damage.range.start));
                    if until {
                        break;
                    }
                    let place = log.location(damage.range.start);
                    walk.lost.push(format!(
                        "{place}: damaged to {}: {}",
                        damage.range.end, damage.reason
                    ));
                }
                Unit::Control(_) => {}
            }
        }
        log.check_unchanged()?;
    }
    Ok(walk.finish())
}

struct Walk<'w> {
    history: SchemaHistory,
    maps: BTreeMap<TableName, LastMap>,
    lost: Vec<String>,
    selects: &'w dyn Fn(&TableName) -> bool,
}

impl Walk<'_> {
    fn event(
        &mut self,
        log: usize,
        event: &RawEvent<'_>,
        family: Family,
        server: &Dialect,
        table_id_bytes: usize,
    ) {
        if event.event_type() == EventType::QUERY {
            let tables = match self.history.follow(log, event, server) {
                Some(Ok(effect)) => effect.tables,
                Some(Err(why)) => why.tables,
                None => vec![],
            };
            // What was logged before speaks of another table now.
            tables.iter().for_each(|table| drop(self.maps.remove(table)));
            return;
        }
        if event.event_type() != EventType::TABLE_MAP {
            return;
        }
        // A map that cannot be read is no map; who wants its rows is told.
        let Ok(map) = TableMapEvent::parse(event.body(), table_id_bytes) else { return };
        let name = TableName::new(map.database, map.table);
        if !(self.selects)(&name) {
            return;
        }
        let body = event.body();
        let stamp = Stamp::of(log, event);
        let rest = |body: &[u8]| body.get(table_id_bytes..).map(<[u8]>::to_vec);
        match self.maps.get_mut(&name) {
            Some(last) if rest(&last.body) == rest(body) => last.stamp = stamp,
            _ => {
                let body = body.to_vec();
                self.maps.insert(name, LastMap { stamp, family, table_id_bytes, body });
            }
        }
    }

    fn finish(self) -> Known {
        let names: BTreeSet<TableName> = self
            .history
            .current()
            .tables()
            .map(|(name, _)| name.clone())
            .filter(|name| (self.selects)(name))
            .chain(self.maps.keys().cloned())
            .collect();
        let tables = names.into_iter().map(|name| {
            let knowledge = match self.maps.get(&name) {
                Some(map) => self.of_map(&name, map),
                None => self.of_statements(&name),
            };
            KnownTable { name, knowledge }
        });
        Known { tables: tables.collect(), lost: self.lost }
    }

    fn of_statements(&self, name: &TableName) -> Knowledge {
        match self.history.current().table(name) {
            Some(TableState::Known { definition, source }) => {
                Knowledge::Defined { definition: definition.clone(), source: *source }
            }
            Some(TableState::Unknown(why)) => Knowledge::Nothing(why.to_string()),
            // No name of a dropped table comes here.
            Some(TableState::Dropped) | None => {
                Knowledge::Nothing(ResolveError::NoDefinition { table: name.clone() }.to_string())
            }
        }
    }

    fn of_map(&self, name: &TableName, last: &LastMap) -> Knowledge {
        let nothing = |why: &dyn std::fmt::Display| Knowledge::Nothing(why.to_string());
        let map = match TableMapEvent::parse(&last.body, last.table_id_bytes) {
            Ok(map) => map,
            Err(fault) => return nothing(&fault),
        };
        let resolved = match resolve(&map, last.family, last.stamp, &self.history) {
            Ok(resolved) => resolved,
            Err(why) => return nothing(&why),
        };
        if let Some(definition) = resolved.definition {
            let source = match self.history.table_at(name, last.stamp) {
                Some(TableState::Known { definition: held, source }) if *held == definition => {
                    *source
                }
                _ => Source::Dump,
            };
            return Knowledge::Defined { definition, source };
        }
        let columns = match map.columns(last.family) {
            Ok(columns) => columns,
            Err(fault) => return nothing(&fault),
        };
        match from_map::definition(name.clone(), &columns) {
            Ok(definition) => Knowledge::Logged(definition),
            Err(why) => Knowledge::Nothing(why),
        }
    }
}
