//! The undo as BINLOG statements: inverted rows events, applied by the server as a replica applies
//! them. No column names are needed, no value is turned into text, no trigger fires.
//!
//! ```text
//! BINLOG 'format description'
//! START TRANSACTION
//! BINLOG 'a run of inverted events'
//! BINLOG …
//! COMMIT
//! ```

use std::io::Write;

use binlog_parser::header::Family;
use binlog_parser::source::log_set::LogSet;

use super::backward;
use super::batches::{Batches, Sink};
use super::index::Index;
use super::invert::{Encoder, format_description};
use super::request::Request;
use super::{SANDBOX, header_comment};
use crate::error::Result;
use crate::stream::packet::{DELIMITER, Packets};

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
    let Some(entry) = index.entries.last() else { return Ok(0) };
    let format = &index.formats[entry.format as usize];
    let description = format_description(&format.event(set)?, &format.description);
    let family = format.description.family;
    let mut packets = Packets::new(out);
    preamble(&mut packets, family, &description)?;
    let encoder = Encoder::new(&format.description);
    let mut batches = Batches::new(encoder, &request.filter, request.packet_bytes, packets);
    backward::walk(set, index, |visited| batches.statement(&visited))?;
    batches.flush()?;
    end(batches.sink, family)
}

impl Sink for Packets<'_> {
    fn take(&mut self, events: &mut Vec<u8>) -> Result<()> {
        self.events(events)?;
        Ok(self.end()?)
    }
}

fn preamble(packets: &mut Packets<'_>, family: Family, description: &[u8]) -> Result<()> {
    packets.line(SANDBOX)?;
    for line in header_comment() {
        packets.line(line.as_bytes())?;
    }
    // Behind a comment the clients take DELIMITER for a part of a statement, so one comes first.
    packets.line(b"SET @@SESSION.COMPLETION_TYPE=0;")?;
    packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
    // Else the server's log gets the text of the whole BINLOG once for every statement in it.
    let without_text = match family {
        Family::Mysql => "SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
        Family::Mariadb => "SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
    };
    words(packets, without_text)?;
    if family == Family::Mysql {
        words(packets, "SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
    }
    packets.events(description)?;
    if family == Family::Mysql {
        // A session that has seen a format description takes a missing GTID for "anonymous".
        words(packets, "SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
    }
    words(packets, "START TRANSACTION")
}

fn end(mut packets: Packets<'_>, family: Family) -> Result<u64> {
    words(&mut packets, "COMMIT")?;
    if family == Family::Mysql {
        packets.end()?;
        words(&mut packets, "SET @@SESSION.PSEUDO_SLAVE_MODE=0")?;
    }
    packets.end()?;
    packets.line(b"DELIMITER ;")?;
    packets.flush()?;
    Ok(packets.largest())
}

/// A statement of our own words.
fn words(packets: &mut Packets<'_>, words: &str) -> Result<()> {
    Ok(packets.statement(|out| out.extend_from_slice(words.as_bytes()))?)
}
