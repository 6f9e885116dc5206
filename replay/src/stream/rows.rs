//! The events of a statement of rows: which of them go into the stream, in which form, and how many
//! fit into one packet.

use std::borrow::Cow;

use binlog_parser::Fault;
use binlog_parser::event::rows::flags;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;

use super::Options;
use super::edit::{row_flags, with_checksum, with_database, with_row_flags};

/// Events that one BINLOG takes together, as runs of bytes.
pub(super) type Batch<'a> = Vec<Cow<'a, [u8]>>;

/// The maps and rows of a statement that are selected.
pub(super) struct RowsStatement<'e, 'a> {
    maps: Vec<&'e RawEvent<'a>>,
    rows: Vec<&'e RawEvent<'a>>,
    table_id_bytes: usize,
    /// Bytes of the checksum that the server expects of every event. Those of payloads have none.
    checksum_bytes: usize,
}

impl<'e, 'a> RowsStatement<'e, 'a> {
    /// Selects among the events of a statement.
    ///
    /// # Errors
    /// A table map or rows event that cannot be read.
    pub fn new(
        events: &'e [RawEvent<'a>],
        options: &Options,
        checksum_bytes: usize,
        table_id_bytes: usize,
    ) -> Result<Self, Fault> {
        let is_map = |event: &&RawEvent<'_>| event.event_type() == EventType::TABLE_MAP;
        let is_rows = |event: &&RawEvent<'_>| event.event_type().is_rows();
        let mut statement = RowsStatement {
            maps: events.iter().filter(is_map).collect(),
            rows: events.iter().filter(is_rows).collect(),
            table_id_bytes,
            checksum_bytes,
        };
        if options.filter.by_table() {
            statement.filter(options)?;
        }
        Ok(statement)
    }

    fn filter(&mut self, options: &Options) -> Result<(), Fault> {
        let mut kept = vec![];
        for map in &self.maps {
            let map = TableMapEvent::parse(map.body(), self.table_id_bytes)?;
            if options.filter.selects_table(map.database, map.table) {
                kept.push(map.table_id);
            }
        }
        if kept.len() == self.maps.len() {
            return Ok(());
        }
        let bytes = self.table_id_bytes;
        // Maps and rows both begin with the table's id.
        let id =
            |event: &RawEvent<'_>| event.body().get(..bytes).and_then(binlog_parser::wire::le_uint);
        self.maps.retain(|map| id(map).is_some_and(|id| kept.contains(&id)));
        self.rows.retain(|rows| id(rows).is_some_and(|id| kept.contains(&id)));
        Ok(())
    }

    /// Whether nothing of the statement is selected.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all events.
    pub fn bytes(&self) -> usize {
        self.maps.iter().chain(&self.rows).map(|event| self.length(event)).sum()
    }

    /// Bytes of an event with the checksum that the server expects.
    fn length(&self, event: &RawEvent<'_>) -> usize {
        event.bytes().len() - event.checksum_bytes() + self.checksum_bytes
    }

    /// The whole statement as one batch.
    ///
    /// # Errors
    /// A table map that cannot be read.
    pub fn whole(&self, options: &Options) -> Result<Batch<'a>, Fault> {
        self.batch(&self.rows, options)
    }

    /// The events as they stand in `log`, if they are to be replayed as they stand, maps first and
    /// one behind the other: nearly every statement.
    pub fn as_it_stands(
        events: &[RawEvent<'a>],
        log: &'a [u8],
        options: &Options,
        table_id_bytes: usize,
    ) -> Option<&'a [u8]> {
        if options.filter.by_table() || !options.rewrite_db.is_empty() {
            return None;
        }
        let is_map = |event: &RawEvent<'_>| event.event_type() == EventType::TABLE_MAP;
        let first = events.iter().position(is_map)?;
        let events = events.get(first..)?;
        let rows = events.iter().position(|event| !is_map(event))?;
        let all_rows = events.get(rows..)?.iter().all(|event| event.event_type().is_rows());
        let related = rows > 1 && events[rows..].iter().any(|rows| follows(rows, table_id_bytes));
        let logged = events.iter().all(RawEvent::is_logged);
        let adjoining = events.windows(2).all(|pair| pair[0].end() == pair[1].offset);
        if !all_rows || !logged || !adjoining || related {
            return None;
        }
        log.get(events.first()?.offset as usize..events.last()?.end() as usize)
    }

    /// The statement in batches of at most `limit` bytes, or of one rows event. Each has all the
    /// maps, and ends in a rows event with STMT_END: the server applies rows one by one, so it does
    /// not matter to the data where a statement is divided.
    ///
    /// # Errors
    /// A table map that cannot be read.
    pub fn batches(&self, limit: usize, options: &Options) -> Result<Vec<Batch<'a>>, Fault> {
        let maps: usize = self.maps.iter().map(|map| self.length(map)).sum();
        let mut batches = vec![];
        let (mut start, mut bytes) = (0, maps);
        for (index, rows) in self.rows.iter().enumerate() {
            let length = self.length(rows);
            if index > start && bytes + length > limit {
                batches.push(self.batch(&self.rows[start..index], options)?);
                (start, bytes) = (index, maps);
            }
            bytes += length;
        }
        batches.push(self.batch(&self.rows[start..], options)?);
        Ok(batches)
    }

    fn batch(&self, rows: &[&RawEvent<'a>], options: &Options) -> Result<Batch<'a>, Fault> {
        let mut batch = Batch::with_capacity(self.maps.len() + rows.len());
        for map in &self.maps {
            add(&mut batch, self.rewritten(map, options)?);
        }
        if let Some((last, before)) = rows.split_last() {
            for rows in before {
                add(&mut batch, self.flagged(rows, 0));
            }
            add(&mut batch, self.flagged(last, flags::STMT_END));
        }
        Ok(batch)
    }

    /// A rows event with these flags, and kept from following foreign keys where the log has all
    /// that the server did for them: REPLACE deletes a parent without its children there.
    fn flagged(&self, rows: &RawEvent<'a>, more: u16) -> Cow<'a, [u8]> {
        let stop = self.maps.len() > 1 && follows(rows, self.table_id_bytes);
        let stop = if stop { flags::NO_FOREIGN_KEY_CHECKS } else { 0 };
        with_row_flags(rows, self.table_id_bytes, self.checksum_bytes, more | stop)
    }

    fn rewritten(&self, map: &RawEvent<'a>, options: &Options) -> Result<Cow<'a, [u8]>, Fault> {
        if options.rewrite_db.is_empty() {
            return Ok(with_checksum(map, self.checksum_bytes));
        }
        let old = TableMapEvent::parse(map.body(), self.table_id_bytes)?.database;
        let new = options.rewritten(old);
        if new == old {
            return Ok(with_checksum(map, self.checksum_bytes));
        }
        with_database(map, self.table_id_bytes, self.checksum_bytes, new).map(Cow::Owned)
    }
}

/// Adds an event to a batch. One that is a copy already goes on with the copies before it, so that
/// they are one run.
fn add<'a>(batch: &mut Batch<'a>, event: Cow<'a, [u8]>) {
    match batch.last_mut() {
        Some(Cow::Owned(run)) => run.extend_from_slice(&event),
        _ => batch.push(event),
    }
}

/// Whether a server that applies a rows event follows foreign keys to rows that the log has events
/// of, where there are any.
fn follows(rows: &RawEvent<'_>, table_id_bytes: usize) -> bool {
    let had = row_flags(rows, table_id_bytes);
    had & flags::USE_SQL_FOREIGN_KEY != 0 && had & flags::NO_FOREIGN_KEY_CHECKS == 0
}
