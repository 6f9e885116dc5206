//! Which later transactions touch the rows of those that `--skip` leaves out: on other data than at
//! their source, they fail or do something else.
//!
//! Rows are compared by their key where the table map or a definition in the logs tells it, and
//! else as whole images, byte by byte: keys of text that only a collation takes for equal are not
//! seen. Of the skipped rows no more than a hash is kept, of a limited number of them; beyond that
//! every later change of their tables counts.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::{RowImage, RowLayout};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{StatementKind, Step, Transaction, Unit, Units, step};

use super::Options;
use super::cut::Reach;
use super::named::NAMED;
use crate::error::Result;
use crate::schema::{SchemaHistory, Stamp, StatementContext, TableName, resolve};
use crate::select::Selected;
use crate::sql::Dialect;
use crate::undo::maps::Map;
use crate::undo::rows_statement::RowsStatement;
use crate::undo::text_tables::text_tables;

/// Hashes that are kept; with their map, some 100 MiB.
const KEYS: usize = 4 << 20;

/// A later transaction that depends on a skipped one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The skipped transaction.
    pub skipped: EventAddress,
    /// The later one.
    pub later: EventAddress,
    /// The table that both write.
    pub table: TableName,
    /// Whether the same rows are known to be meant, and not just the table.
    pub rows: bool,
}

/// The later transactions that depend on skipped ones.
#[derive(Debug, Clone, Default)]
pub struct Overlaps {
    /// At most a few.
    pub named: Vec<Overlap>,
    /// How many there are.
    pub count: u64,
}

/// Looks for them in everything that is replayed behind the first skipped transaction.
pub(super) fn find(set: &LogSet, options: &Options) -> Result<Overlaps> {
    let mut walk = Walk { limit: KEYS, ..Walk::default() };
    if options.skip.is_empty() {
        return Ok(walk.overlaps);
    }
    let mut inflated = Inflated::default();
    for (number, log) in set.logs().iter().enumerate() {
        let mut units = Units::new(log.scan());
        while let Some(unit) = units.next() {
            let Unit::Transaction(transaction) = unit else { continue };
            let format = units.format();
            let id_bytes = format.table_id_bytes();
            let skipped = options.skip.iter().any(|target| target.is(number, &transaction));
            let selected = options.filter.selects(set, number, &transaction)? == Selected::Yes;
            let at = EventAddress::new(log.name(), transaction.start());
            let plain = transaction.plain(&mut inflated, format).transaction;
            if !matches!(options.reach(log, number, &plain, id_bytes), Reach::Whole) {
                return Ok(walk.overlaps);
            }
            if selected && skipped {
                walk.skipped.push(at);
                walk.take(number, log, format, &plain, None);
            } else if selected && !walk.skipped.is_empty() {
                walk.take(number, log, format, &plain, Some(&at));
            }
            walk.define(number, format, &plain);
        }
    }
    Ok(walk.overlaps)
}

/// What is known of the skipped transactions so far.
#[derive(Default)]
struct Walk {
    history: SchemaHistory,
    skipped: Vec<EventAddress>,
    /// Hash of a table and a row: number of the skipped transaction.
    rows: HashMap<u64, u32>,
    /// How many hashes are kept.
    limit: usize,
    /// Tables whose rows stand in `rows`.
    tables: HashMap<TableName, u32>,
    /// Tables of which every row counts.
    whole: HashMap<TableName, u32>,
    overlaps: Overlaps,
}

impl Walk {
    /// Takes in a skipped transaction, or holds a later one against them.
    fn take(
        &mut self,
        number: usize,
        log: &Log,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
        later: Option<&EventAddress>,
    ) {
        let mut said = HashSet::new();
        for statement in transaction.statements(format.table_id_bytes()) {
            match statement.kind {
                StatementKind::Rows { .. } => {
                    // What cannot be read is told where it is replayed.
                    let Ok(read) = RowsStatement::read(&statement, log, format) else { continue };
                    for rows in &read.rows {
                        let map = read.map_of(rows);
                        let key = self.key(number, format, map);
                        let changes = rows.images();
                        for change in changes.changes(map.layout()).map_while(|c| c.ok()) {
                            for image in [change.before, change.after].into_iter().flatten() {
                                let row = row(&image, map.layout(), key.as_deref());
                                self.row(map.name().clone(), row, later, &mut said);
                            }
                        }
                    }
                }
                StatementKind::Query => {
                    for table in text_tables(&statement, format) {
                        self.table(table, later, &mut said);
                    }
                }
                _ => {}
            }
        }
    }

    /// Columns that tell the rows of a table apart.
    fn key(&self, log: usize, format: &FormatDescription, map: &Map<'_, '_>) -> Option<Vec<usize>> {
        let (offset, inner) = map.event.place();
        let stamp = Stamp { log, offset, inner: inner.unwrap_or(0) };
        let table = resolve(&map.said.map().ok()?, format.family, stamp, &self.history).ok()?;
        table.key.map(|key| key.columns)
    }

    fn row(
        &mut self,
        table: TableName,
        row: Option<Vec<u8>>,
        later: Option<&EventAddress>,
        said: &mut HashSet<(u32, TableName)>,
    ) {
        let hash = row.map(|row| {
            let mut hasher = DefaultHasher::new();
            (&table.database, &table.table, row).hash(&mut hasher);
            hasher.finish()
        });
        let Some(later) = later else {
            let skipped = self.skipped.len() as u32 - 1;
            match hash {
                Some(hash) if self.rows.len() < self.limit => {
                    self.rows.insert(hash, skipped);
                    self.tables.insert(table, skipped);
                }
                _ => drop(self.whole.insert(table, skipped)),
            }
            return;
        };
        let same = hash.and_then(|hash| self.rows.get(&hash)).copied();
        if let Some(skipped) = same.or_else(|| self.whole.get(&table).copied()) {
            self.say(skipped, later, table, same.is_some(), said);
        }
    }

    /// A statement of text on a table: nobody knows on which of its rows.
    fn table(
        &mut self,
        table: TableName,
        later: Option<&EventAddress>,
        said: &mut HashSet<(u32, TableName)>,
    ) {
        match later {
            None => drop(self.whole.insert(table, self.skipped.len() as u32 - 1)),
            Some(later) => {
                let known = self.whole.get(&table).or_else(|| self.tables.get(&table)).copied();
                if let Some(skipped) = known {
                    self.say(skipped, later, table, false, said);
                }
            }
        }
    }

    /// Names an overlap, once a transaction and table.
    fn say(
        &mut self,
        skipped: u32,
        later: &EventAddress,
        table: TableName,
        rows: bool,
        said: &mut HashSet<(u32, TableName)>,
    ) {
        if !said.insert((skipped, table.clone())) {
            return;
        }
        self.overlaps.count += 1;
        if let Some(skipped) = self.skipped.get(skipped as usize)
            && self.overlaps.named.len() < NAMED
        {
            let (skipped, later) = (skipped.clone(), later.clone());
            self.overlaps.named.push(Overlap { skipped, later, table, rows });
        }
    }

    /// Takes in the definitions that a transaction makes.
    fn define(&mut self, log: usize, format: &FormatDescription, transaction: &Transaction<'_>) {
        for event in &transaction.events {
            if event.event_type() != EventType::QUERY {
                continue;
            }
            let Ok(query) = event.query() else { continue };
            if step(query.text) == Step::Statement {
                let server = Dialect::from_server_version(format.server_version.as_bytes());
                let context = StatementContext::of_query(&server, &query);
                let (offset, inner) = event.place();
                let stamp = Stamp { log, offset, inner: inner.unwrap_or(0) };
                // What is not understood makes its tables unknown: then whole images count.
                let _ = self.history.apply(stamp, query.text, &context);
            }
        }
    }
}

/// What tells a row from others: its key, or all of it; none if the image lacks some of the key.
fn row(image: &RowImage<'_>, layout: &RowLayout, key: Option<&[usize]>) -> Option<Vec<u8>> {
    let Some(key) = key else { return Some(image.bytes().to_vec()) };
    let cells: Vec<_> = image.cells_by(layout).map_while(|cell| cell.ok()).collect();
    let mut row = vec![];
    for ordinal in key {
        let cell = cells.iter().find(|cell| cell.ordinal == *ordinal)?;
        let bytes = cell.bytes?;
        row.extend((bytes.len() as u64).to_le_bytes());
        row.extend(bytes);
    }
    Some(row)
}
