//! Inverted statements as runs of events, each of about the size that a packet may have.
//!
//! ```text
//! maps, inverted rows*  maps, inverted rows, inverted rows*  …      * STMT_END
//! ```
//! Statements share a run. One that is larger is cut between rows: STMT_END is set at the cut, and
//! the maps stand again behind it. The server applies rows one by one, so it makes no difference.

use super::backward::Visited;
use super::invert::Encoder;
use super::rows_statement::{Rows, RowsStatement, Spans, at};
use crate::error::Result;
use crate::select::Filter;
use crate::stream::packet::encoded_len;

/// Takes statements, newest first, and gives away runs of their inverse.
pub(super) struct Runs<'r, S> {
    encoder: Encoder,
    filter: &'r Filter,
    packet_bytes: usize,
    /// Where the runs go.
    pub sink: S,
    /// Events of the run that is being built.
    events: Vec<u8>,
    /// Where in `events` the statement's last rows event starts, if it has any.
    last_rows: Option<usize>,
    /// Table maps of the statement, encoded.
    maps: Vec<u8>,
    spans: Spans,
}

/// Takes runs of whole events, the statements in them whole or cut as above.
pub(super) trait Sink {
    /// Takes a run.
    fn take(&mut self, events: &mut Vec<u8>) -> Result<()>;

    /// How many of `rows` rows the transaction still takes; at least one.
    fn room(&self, rows: usize) -> usize {
        rows
    }

    /// Whether another transaction has to begin before the next row.
    fn is_full(&self) -> bool {
        false
    }

    /// Counts rows, and tells whether they are to be written.
    fn count(&mut self, _rows: usize) -> bool {
        true
    }

    /// Begins another transaction.
    fn next_transaction(&mut self) -> Result<()> {
        Ok(())
    }
}

impl<'r, S: Sink> Runs<'r, S> {
    /// For runs that have at most `packet_bytes` bytes in base64, unless a single row has more.
    pub fn new(encoder: Encoder, filter: &'r Filter, packet_bytes: usize, sink: S) -> Self {
        Runs {
            encoder,
            filter,
            packet_bytes,
            sink,
            events: vec![],
            last_rows: None,
            maps: vec![],
            spans: Spans::default(),
        }
    }

    /// Adds the inverse of a statement.
    ///
    /// # Errors
    /// Rows that do not fit their table map, or what the sink says.
    pub fn statement(&mut self, visited: &Visited<'_, '_, '_>) -> Result<()> {
        let statement = &visited.statement;
        let undone: Vec<_> = statement
            .rows
            .iter()
            .filter(|rows| {
                let map = statement.map_of(rows);
                self.filter.selects_table(map.map.database, map.map.table)
                    && !map.is_sequence(visited.format.family)
            })
            .collect();
        if undone.is_empty() {
            return Ok(());
        }
        self.take_maps(statement);
        if self.is_full(self.maps.len()) {
            self.flush()?;
        }
        self.events.extend_from_slice(&self.maps);
        for rows in undone.into_iter().rev() {
            let layout = &statement.map_of(rows).layout;
            self.spans
                .measure(rows, layout, visited.picked)
                .map_err(|fault| at(fault, visited.log, rows.event))?;
            self.rows(rows)?;
        }
        self.end_statement();
        self.drop_maps();
        Ok(())
    }

    /// Takes the statement's maps back where no rows followed them.
    fn drop_maps(&mut self) {
        if !self.maps.is_empty() && self.events.ends_with(&self.maps) {
            self.events.truncate(self.events.len() - self.maps.len());
        }
    }

    /// Goes on with the statement in another transaction.
    fn next_transaction(&mut self) -> Result<()> {
        self.end_statement();
        self.drop_maps();
        self.flush()?;
        self.sink.next_transaction()?;
        self.events.extend_from_slice(&self.maps);
        Ok(())
    }

    /// The maps of the tables that are meant. Maps without rows stay as well: the server opens the
    /// tables that foreign keys lead to by them.
    fn take_maps(&mut self, statement: &RowsStatement<'_, '_>) {
        self.maps.clear();
        for map in &statement.maps {
            if self.filter.selects_table(map.map.database, map.map.table) {
                self.encoder.map(&mut self.maps, map.event);
            }
        }
    }

    /// Writes the rows that are measured, last row first, as many events as the packets want.
    fn rows(&mut self, rows: &Rows<'_, '_>) -> Result<()> {
        let overhead = self.encoder.overhead(rows);
        let mut end = self.spans.len();
        while end > 0 {
            if self.sink.is_full() {
                self.next_transaction()?;
            }
            let first = end - self.sink.room(end);
            let mut bytes = overhead;
            let mut start = end;
            while let Some(span) = start.checked_sub(1).and_then(|row| self.spans.get(row)) {
                let row = span.bytes();
                if start < end && (start == first || self.is_full(bytes + row)) {
                    break;
                }
                bytes += row;
                start -= 1;
            }
            if self.is_full(bytes) && self.last_rows.is_some() {
                // The statement goes on in another packet, and this event may have more room there.
                self.cut()?;
                continue;
            }
            if self.sink.count(end - start) {
                self.last_rows = Some(self.events.len());
                self.encoder.rows(&mut self.events, rows, &self.spans, start..end);
            }
            end = start;
        }
        Ok(())
    }

    /// Whether so many bytes more would make the packet larger than it should be.
    fn is_full(&self, more: usize) -> bool {
        encoded_len(self.events.len() + more) > self.packet_bytes
    }

    fn end_statement(&mut self) {
        if let Some(start) = self.last_rows.take() {
            self.encoder.end_statement(&mut self.events, start);
        }
    }

    /// Goes on with the statement in another run.
    fn cut(&mut self) -> Result<()> {
        self.end_statement();
        self.flush()?;
        self.events.extend_from_slice(&self.maps);
        Ok(())
    }

    /// Gives away what is gathered.
    ///
    /// # Errors
    /// What the sink says.
    pub fn flush(&mut self) -> Result<()> {
        if !self.events.is_empty() {
            self.sink.take(&mut self.events)?;
            self.events.clear();
        }
        Ok(())
    }
}
