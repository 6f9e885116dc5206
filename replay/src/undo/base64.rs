//! The undo as BINLOG statements: inverted rows events, applied by the server as a replica applies
//! them. No column names are needed, no value is turned into text, no trigger fires.
//!
//! ```text
//! BINLOG 'format description'
//! START TRANSACTION
//! checks that all rows are as the logs left them
//! BINLOG 'maps, inverted rows*  maps, inverted rows, inverted rows*  …'      * STMT_END
//! BINLOG …
//! COMMIT
//! ```
//! Statements share a BINLOG up to the size of a packet. One that is larger is cut between rows:
//! STMT_END is set at the cut, and the maps are sent again behind it.

use std::io::Write;

use binlog_parser::error::Fault;
use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::Scanned;
use binlog_parser::source::log_set::LogSet;

use super::backward::{self, Visited};
use super::guards;
use super::index::Index;
use super::invert::{Encoder, format_description};
use super::request::Request;
use super::rows_statement::{RowsStatement, Spans, at};
use super::script::Script;
use super::tables::Tables;
use crate::error::{Error, Result};
use crate::select::Filter;
use crate::stream::packet::encoded_len;

/// Writes the undo of what `index` holds, and returns the size of the largest packet, and how many
/// rows could not be checked.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    out: &mut dyn Write,
) -> Result<(u64, u64)> {
    // The newest description serves all events: what differs between versions is rewritten.
    let Some(format) = index.entries.last().map(|entry| &index.formats[entry.format as usize])
    else {
        return Ok((0, 0));
    };
    let log = &set.logs()[format.log];
    let description = match log.scan_from(format.offset).next() {
        Some(Scanned::Event(event)) if event.event_type() == EventType::FORMAT_DESCRIPTION => {
            format_description(&event, &format.description)
        }
        _ => {
            let fault = Fault::unsupported("format description", "it cannot be read any more");
            return Err(Error::at(fault, log.location(format.offset)));
        }
    };
    let family = format.description.family;
    let mut script = Script::new(out, request);
    script.begin()?;
    // Else the server's log gets the text of a whole BINLOG once for every statement in it.
    script.words(match family {
        Family::Mysql => "SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
        Family::Mariadb => "SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
    })?;
    if family == Family::Mysql {
        script.words("SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
    }
    script.packets.events(&description)?;
    script.packets.end()?;
    if family == Family::Mysql {
        // A session that has seen a format description takes a missing GTID for "anonymous".
        script.words("SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
    }
    script.begin_transaction()?;
    let unchecked = match request.checks {
        true => guards::write(set, index, tables, request, &mut script)?,
        false => 0,
    };
    script.packets.end()?;
    let mut writer = Writer {
        script,
        encoder: Encoder::new(&format.description),
        filter: &request.filter,
        packet_bytes: request.packet_bytes,
        events: vec![],
        last_rows: None,
        maps: vec![],
        spans: Spans::default(),
    };
    backward::walk(set, index, |visited| writer.statement(&visited))?;
    writer.flush()?;
    if family == Family::Mysql {
        writer.script.after_commit("SET @@SESSION.PSEUDO_SLAVE_MODE=0");
    }
    Ok((writer.script.end()?, unchecked))
}

struct Writer<'w, 'r> {
    script: Script<'w>,
    encoder: Encoder,
    filter: &'r Filter,
    packet_bytes: usize,
    /// Events of the BINLOG that is being built.
    events: Vec<u8>,
    /// Where in `events` the statement's last rows event starts, if it has any.
    last_rows: Option<usize>,
    /// Table maps of the statement, encoded.
    maps: Vec<u8>,
    spans: Spans,
}

impl Writer<'_, '_> {
    fn statement(&mut self, visited: &Visited<'_, '_, '_>) -> Result<()> {
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
    fn rows(&mut self, rows: &super::rows_statement::Rows<'_, '_>) -> Result<()> {
        let overhead = self.encoder.overhead(rows);
        let mut end = self.spans.len();
        while end > 0 {
            if self.script.is_full() {
                self.next_batch()?;
            }
            let first = end - self.script.room(end);
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
            if self.script.take(end - start) {
                self.last_rows = Some(self.events.len());
                self.encoder.rows(&mut self.events, rows, &self.spans, start..end);
            }
            end = start;
        }
        Ok(())
    }

    /// Takes the statement's maps back where no rows followed them.
    fn drop_maps(&mut self) {
        if !self.maps.is_empty() && self.events.ends_with(&self.maps) {
            self.events.truncate(self.events.len() - self.maps.len());
        }
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

    /// Goes on with the statement in another transaction.
    fn next_batch(&mut self) -> Result<()> {
        self.end_statement();
        self.drop_maps();
        self.flush()?;
        self.script.next_batch()?;
        self.events.extend_from_slice(&self.maps);
        Ok(())
    }

    /// Goes on with the statement in another packet.
    fn cut(&mut self) -> Result<()> {
        self.end_statement();
        self.flush()?;
        self.events.extend_from_slice(&self.maps);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.events.is_empty() {
            self.script.packets.events(&self.events)?;
            self.script.packets.end()?;
            self.events.clear();
        }
        Ok(())
    }
}
