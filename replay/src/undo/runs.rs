//! Inverted statements as runs of events, each of about the size that a packet may have.
//!
//! ```text
//! maps, inverted rows*  maps, inverted rows, inverted rows*  …      * STMT_END
//! ```
//! Statements share a run. One that is larger is cut between rows: STMT_END is set at the cut, and
//! the maps stand again behind it. The server applies rows one by one, so it makes no difference.

use std::ops::{ControlFlow, Range};

use binlog_parser::source::log_set::LogSet;

use super::backward::{self, Memory, Visited};
use super::index::Index;
use super::invert::Encoder;
use super::request::Request;
use super::rows_statement::{Rows, RowsStatement, Spans, at};
use crate::error::Result;
use crate::select::Filter;
use crate::stream::packet::{MOST_GATHERED_BYTES, encoded_len};

/// Takes statements, newest first, and gives away runs of their inverse.
struct Runs<'r, S> {
    encoder: Encoder,
    filter: &'r Filter,
    packet_bytes: usize,
    /// Where the runs go.
    sink: S,
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
    fn take(&mut self, events: &mut [u8]) -> Result<()>;

    /// Whether it holds more than it may.
    fn is_overfull(&self) -> bool {
        false
    }

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

/// Writes the undo of what `index` holds to `sink`, in stretches that are made on all threads.
///
/// # Errors
/// Rows that do not fit their table map, an event that cannot be read any more, or what the sink
/// says.
pub(super) fn write<'s, S: Sink>(
    set: &'s LogSet,
    index: &Index,
    request: &Request,
    encoder: Encoder,
    sink: S,
) -> Result<S> {
    let mut runs = Runs::new(encoder, request, sink);
    if request.batch.is_some() {
        // Where a batch ends depends on all rows before.
        let all = 0..index.entries.len();
        runs.entries(set, index, all, &mut Memory::default()).map(drop)?;
        return Ok(runs.sink);
    }
    let make = |entries, memory: &mut Memory<'s>| {
        let mut ahead = Runs::new(encoder, request, Ahead::default());
        let whole = ahead.entries(set, index, entries, memory)?.is_continue();
        Ok(whole.then_some(ahead.sink))
    };
    backward::ahead(index, Memory::default, make, |entries, made| match made {
        Some(Ahead { mut events, ends }) => {
            let mut start = 0;
            for end in ends {
                runs.sink.take(events.get_mut(start..end).unwrap_or_default())?;
                start = end;
            }
            Ok(())
        }
        // Now that it is its turn, it goes to the sink as it comes.
        None => runs.entries(set, index, entries, &mut Memory::default()).map(drop),
    })?;
    Ok(runs.sink)
}

/// Runs that are made ahead of their turn.
#[derive(Debug, Default)]
struct Ahead {
    events: Vec<u8>,
    /// Where each run ends.
    ends: Vec<usize>,
}

impl Sink for Ahead {
    fn take(&mut self, events: &mut [u8]) -> Result<()> {
        self.events.extend_from_slice(events);
        self.ends.push(self.events.len());
        Ok(())
    }

    fn is_overfull(&self) -> bool {
        self.events.len() > MOST_GATHERED_BYTES
    }
}

impl<'r, S: Sink> Runs<'r, S> {
    /// For runs that have at most as many bytes in base64 as a packet may, unless a single row has
    /// more.
    fn new(encoder: Encoder, request: &'r Request, sink: S) -> Self {
        Runs {
            encoder,
            filter: &request.filter,
            packet_bytes: request.packet_bytes,
            sink,
            events: vec![],
            last_rows: None,
            maps: vec![],
            spans: Spans::default(),
        }
    }

    /// Gives away the inverse of some entries; breaks where the sink holds too much.
    fn entries<'s>(
        &mut self,
        set: &'s LogSet,
        index: &Index,
        entries: Range<usize>,
        memory: &mut Memory<'s>,
    ) -> Result<ControlFlow<()>> {
        let all =
            backward::statements(set, index, entries, memory, |visited| self.statement(&visited))?;
        self.flush()?;
        Ok(all)
    }

    /// Adds the inverse of a statement.
    fn statement(&mut self, visited: &Visited<'_, '_, '_>) -> Result<ControlFlow<()>> {
        let statement = visited.statement;
        let mut undone = visited.undone(self.filter).peekable();
        if undone.peek().is_none() {
            return Ok(ControlFlow::Continue(()));
        }
        self.take_maps(statement);
        if self.is_full(self.maps.len()) {
            self.flush()?;
        }
        self.events.extend_from_slice(&self.maps);
        for rows in undone {
            let layout = statement.map_of(rows).layout();
            self.spans
                .measure(rows, layout, visited.picked)
                .map_err(|fault| at(fault, visited.log, rows.event))?;
            if self.rows(rows)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.end_statement();
        self.drop_maps();
        Ok(ControlFlow::Continue(()))
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
            let name = map.name();
            if self.filter.selects_table(&name.database, &name.table) {
                self.encoder.map(&mut self.maps, map.event);
            }
        }
    }

    /// Writes the rows that are measured, last row first, as many events as the packets want.
    fn rows(&mut self, rows: &Rows<'_, '_>) -> Result<ControlFlow<()>> {
        let overhead = self.encoder.overhead(rows);
        let mut end = self.spans.len();
        while end > 0 {
            if self.sink.is_overfull() {
                return Ok(ControlFlow::Break(()));
            }
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
        Ok(ControlFlow::Continue(()))
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
    fn flush(&mut self) -> Result<()> {
        if !self.events.is_empty() {
            self.sink.take(&mut self.events)?;
            self.events.clear();
        }
        Ok(())
    }
}
