//! The undo as BINLOG statements: inverted rows events, applied by the server as a replica applies
//! them. No column names are needed, no value is turned into text, no trigger fires.
//!
//! ```text
//! BINLOG 'format description'
//! START TRANSACTION
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
use super::index::Index;
use super::invert::{Encoder, format_description};
use super::request::Request;
use super::rows_statement::{RowsStatement, Spans, at};
use super::{SANDBOX, header_comment};
use crate::error::{Error, Result};
use crate::select::Filter;
use crate::stream::packet::{DELIMITER, Packets, encoded_len};

/// Writes the undo of what `index` holds, and returns the size of the largest packet.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    request: &Request,
    out: &mut dyn Write,
) -> Result<u64> {
    // The newest description serves all events: what differs between versions is rewritten.
    let Some(format) = index.entries.last().map(|entry| &index.formats[entry.format as usize])
    else {
        return Ok(0);
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
    let mut writer = Writer {
        packets: Packets::new(out),
        encoder: Encoder::new(&format.description),
        filter: &request.filter,
        packet_bytes: request.packet_bytes,
        events: vec![],
        last_rows: None,
        maps: vec![],
        spans: Spans::default(),
    };
    writer.preamble(format.description.family, &description)?;
    backward::walk(set, index, |visited| writer.statement(&visited))?;
    writer.end(format.description.family)
}

struct Writer<'w, 'r> {
    packets: Packets<'w>,
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
    fn preamble(&mut self, family: Family, description: &[u8]) -> Result<()> {
        self.packets.line(SANDBOX)?;
        for line in header_comment() {
            self.packets.line(line.as_bytes())?;
        }
        // Behind a comment the clients take DELIMITER for a part of a statement, so one comes first.
        self.packets.line(b"SET @@SESSION.COMPLETION_TYPE=0;")?;
        self.packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
        // Else the server's log gets the text of the whole BINLOG once for every statement in it.
        self.words(match family {
            Family::Mysql => "SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
            Family::Mariadb => "SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
        })?;
        if family == Family::Mysql {
            self.words("SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
        }
        self.packets.events(description)?;
        if family == Family::Mysql {
            // A session that has seen a format description takes a missing GTID for "anonymous".
            self.words("SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
        }
        self.words("START TRANSACTION")
    }

    fn end(mut self, family: Family) -> Result<u64> {
        self.flush()?;
        self.words("COMMIT")?;
        if family == Family::Mysql {
            self.packets.end()?;
            self.words("SET @@SESSION.PSEUDO_SLAVE_MODE=0")?;
        }
        self.packets.end()?;
        self.packets.line(b"DELIMITER ;")?;
        self.packets.flush()?;
        Ok(self.packets.largest())
    }

    /// A statement of our own words.
    fn words(&mut self, words: &str) -> Result<()> {
        Ok(self.packets.statement(|out| out.extend_from_slice(words.as_bytes()))?)
    }

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
        let start = self.events.len();
        self.events.extend_from_slice(&self.maps);
        for rows in undone.into_iter().rev() {
            let layout = &statement.map_of(rows).layout;
            self.spans
                .measure(rows, layout, visited.picked)
                .map_err(|fault| at(fault, visited.log, rows.event))?;
            self.rows(rows)?;
        }
        if self.events.len() == start + self.maps.len() {
            // None of its rows is picked.
            self.events.truncate(start);
        }
        self.end_statement();
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
            let mut bytes = overhead;
            let mut start = end;
            while let Some(span) = start.checked_sub(1).and_then(|row| self.spans.get(row)) {
                let row = span.bytes();
                if start < end && self.is_full(bytes + row) {
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
            self.last_rows = Some(self.events.len());
            self.encoder.rows(&mut self.events, rows, &self.spans, start..end);
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

    /// Goes on with the statement in another packet.
    fn cut(&mut self) -> Result<()> {
        self.end_statement();
        self.flush()?;
        self.events.extend_from_slice(&self.maps);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.events.is_empty() {
            self.packets.events(&self.events)?;
            self.packets.end()?;
            self.events.clear();
        }
        Ok(())
    }
}
