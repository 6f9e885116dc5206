//! Rows that were changed, counted by table.

use std::collections::{BTreeMap, HashMap};

use binlog_parser::Fault;
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;
use binlog_parser::transaction::counting::{Counter, Tally};

use crate::text::utf8;

/// Rows changed in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
}

impl RowCounts {
    /// Adds others.
    pub fn add(&mut self, other: RowCounts) {
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
    }
}

/// Rows changed, by database and table.
pub type TableCounts = BTreeMap<(String, String), RowCounts>;

/// A database and a table.
type Name = (Vec<u8>, Vec<u8>);

/// Counts the rows of a piece of a log.
#[derive(Debug, Default)]
pub struct RowCounter {
    counter: Counter,
    tallies: Vec<Tally>,
    /// The tables, by their numbers; none of one that is only mapped.
    tables: Vec<(Name, Option<RowCounts>)>,
    numbers: HashMap<Name, usize>,
}

impl RowCounter {
    /// Another transaction begins.
    pub fn enter(&mut self) {
        self.counter.enter();
    }

    /// Counts what an event of the transaction says of rows. Those of which the table map is lost belong
    /// to no table.
    ///
    /// # Errors
    /// What of it cannot be read.
    pub fn event(&mut self, event: &RawEvent<'_>, table_id_bytes: usize) -> Result<(), Fault> {
        let event_type = event.event_type();
        if !event_type.is_rows() && event_type != EventType::TABLE_MAP {
            return Ok(());
        }
        if event_type.is_rows() && !self.counter.has_map(event.body(), table_id_bytes) {
            return RowsEvent::parse(event.body(), event_type, table_id_bytes).map(drop);
        }
        let (tables, numbers) = (&mut self.tables, &mut self.numbers);
        let mut number = |database: &[u8], table: &[u8]| {
            let name = (database.to_vec(), table.to_vec());
            *numbers.entry(name).or_insert_with_key(|name| {
                tables.push((name.clone(), None));
                tables.len() - 1
            })
        };
        let events = std::slice::from_ref(event);
        let counted = self.counter.count(events, table_id_bytes, &mut number, &mut self.tallies);
        counted.map_err(|fault| fault.0)?;
        for Tally { table, written, updated, deleted } in self.tallies.drain(..) {
            if let Some((_, counts)) = self.tables.get_mut(table) {
                let more = RowCounts { inserts: written, updates: updated, deletes: deleted };
                counts.get_or_insert_default().add(more);
            }
        }
        Ok(())
    }

    /// What was counted, of the tables of which rows are logged.
    pub fn add_to(self, counts: &mut TableCounts) {
        let name = |name: &[u8]| utf8(name).text.into_owned();
        for ((database, table), rows) in self.tables {
            if let Some(rows) = rows {
                counts.entry((name(&database), name(&table))).or_default().add(rows);
            }
        }
    }
}
