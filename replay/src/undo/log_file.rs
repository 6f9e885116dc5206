//! The undo as a binary log of its own, for whatever reads one: the servers' and our own programs,
//! and the applier of a replica, which takes it in the place of a relay log.
//!
//! ```text
//! MySQL    Format_desc  Previous_gtids  Anonymous_Gtid  BEGIN  maps, rows*  maps, rows, rows*  …  Xid
//! MariaDB  Format_desc  Gtid_list                       BEGIN  …                       * STMT_END
//! ```
//! All of it is one transaction, which has no GTID: whoever applies it gives it one, for a name made
//! up here could be one that the server has seen, and would then be passed over without a word.
//! MariaDB's servers take a transaction that begins with BEGIN as one of a server before 10.0.
//!
//! An applier passes over events of its own server's id, so MySQL's bear the greatest id, and
//! MariaDB's the flag that has the applier take them, as the relay logs of a replay do.

use std::io::Write;

use binlog_parser::event::format_description::{ChecksumAlgorithm, FormatDescription};
use binlog_parser::header::{EventHeader, EventType, Family, HEADER_BYTES, flags};
use binlog_parser::source::log::{FIRST_EVENT, MAGIC};
use binlog_parser::source::log_set::LogSet;

use super::index::{Index, Run};
use super::invert::{Encoder, format_description};
use super::request::Request;
use super::runs::{self, Sink};
use crate::error::Result;
use crate::made::{Frame, Header, OURS, field};
use crate::seal::reseal;
use crate::stream::packet::encoded_len;

/// Number of the transaction in the two-phase commit: servers read it in their own logs alone.
const XID: u64 = 1;

/// Writes the undo of what `index` holds, and returns the size of the largest BINLOG statement that
/// is made of it.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    request: &Request,
    out: &mut dyn Write,
) -> Result<u64> {
    let newest = index.entries.last();
    let number = newest.map_or(0, |entry| entry.format as usize);
    let Some(format) = index.formats.get(number) else { return Ok(0) };
    let mut description = format_description(&format.event(set)?, &format.description);
    let layout = checked(&mut description, &format.description);
    let newest = match index.entries.len().checked_sub(1) {
        Some(newest) => {
            let mut run = Run::default();
            index.read(set, newest, &mut run)?;
            run.pop(vec![]).and_then(|(newest, _)| Some(newest.events.first()?.header()))
        }
        None => None,
    };
    let mut file = File {
        out,
        position: FIRST_EVENT,
        family: layout.family,
        frame: Frame { header_bytes: HEADER_BYTES, checksum_bytes: layout.checksum.bytes() },
        timestamp: newest.map_or(0, |header| header.timestamp),
        server_id: newest.map_or(OURS, |header| header.server_id),
        largest: 0,
    };
    file.out.write_all(&MAGIC)?;
    file.place(&mut description, 0)?;
    file.begin(&layout)?;
    let encoder = Encoder::new(&layout);
    runs::write(set, index, request, encoder, file)?.end()
}

/// Has events end in checksums, if the server of the logs knows of them; returns what then holds.
fn checked(description: &mut [u8], format: &FormatDescription) -> FormatDescription {
    let mut layout = format.clone();
    if layout.checksum == ChecksumAlgorithm::Off {
        layout.checksum = ChecksumAlgorithm::Crc32;
        // The algorithm stands before the event's own checksum.
        if let Some(algorithm) = description.len().checked_sub(5) {
            field(description, algorithm, &[1]);
        }
    }
    layout
}

struct File<'w> {
    out: &'w mut dyn Write,
    /// Where the next event starts.
    position: u64,
    family: Family,
    frame: Frame,
    /// Time of what is no inverse of any event: that of the newest transaction.
    timestamp: u32,
    server_id: u32,
    largest: u64,
}

impl Sink for File<'_> {
    fn take(&mut self, events: &mut [u8]) -> Result<()> {
        self.largest = self.largest.max(encoded_len(events.len()) as u64);
        self.place(events, 0)
    }
}

impl File<'_> {
    /// What stands before the rows.
    fn begin(&mut self, layout: &FormatDescription) -> Result<()> {
        let knows = |event_type| layout.post_header_length(event_type).is_some();
        match self.family {
            Family::Mysql if knows(EventType::ANONYMOUS_GTID) => {
                self.made(EventType::PREVIOUS_GTIDS, 0, &[0; 8])?; // no sources
                self.made(EventType::ANONYMOUS_GTID, 0, &anonymous())?;
            }
            Family::Mariadb if knows(EventType::GTID_LIST) => {
                self.made(EventType::GTID_LIST, 0, &[0; 4])?; // no domains
            }
            _ => {}
        }
        let mut query = vec![];
        let header = Header { flags: flags::SUPPRESS_USE, ..self.header(EventType::QUERY) };
        self.frame.query(&mut query, header, "BEGIN");
        self.place(&mut query, flags::SUPPRESS_USE)
    }

    /// What stands behind the rows.
    fn end(mut self) -> Result<u64> {
        self.made(EventType::XID, 0, &XID.to_le_bytes())?;
        self.out.flush()?;
        Ok(self.largest)
    }

    fn header(&self, event_type: EventType) -> Header {
        let (timestamp, server_id) = (self.timestamp, self.server_id);
        Header { timestamp, server_id, ..Header::of(event_type, 0) }
    }

    fn made(&mut self, event_type: EventType, flags: u16, body: &[u8]) -> Result<()> {
        let mut event = vec![];
        self.frame.push(&mut event, self.header(event_type), &[body]);
        self.place(&mut event, flags)
    }

    /// Writes whole events, each with the position, the flags and the server that it has here. The
    /// flags of an event that is inverted tell of its way to the log that it stood in.
    fn place(&mut self, events: &mut [u8], own: u16) -> Result<()> {
        let mut rest = &mut *events;
        while let Ok(header) = EventHeader::parse(rest)
            && let Some((event, behind)) = rest.split_at_mut_checked(header.event_length as usize)
        {
            self.position += u64::from(header.event_length);
            // Servers let positions begin anew at 4 GiB as well.
            field(event, 13, &(self.position as u32).to_le_bytes());
            let taken = match self.family {
                Family::Mariadb if header.event_type != EventType::FORMAT_DESCRIPTION => {
                    flags::ACCEPT_OWN
                }
                _ => 0,
            };
            field(event, 17, &(own | taken).to_le_bytes());
            if self.family == Family::Mysql {
                field(event, 5, &OURS.to_le_bytes());
            }
            if self.frame.checksum_bytes > 0 {
                reseal(event);
            }
            rest = behind;
        }
        Ok(self.out.write_all(events)?)
    }
}

/// Body of an Anonymous_Gtid event with its logical clocks, as MySQL 5.7 writes it: the length of
/// the transaction and the time of its commit, which newer ones add, are not known here.
fn anonymous() -> Vec<u8> {
    let mut body = vec![0; 1 + 16 + 8]; // flags: rows alone; UUID; GNO
    body.push(2); // the clocks follow
    body.extend(0u64.to_le_bytes()); // last_committed
    body.extend(1u64.to_le_bytes()); // sequence_number
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::event::gtid::GtidEvent;

    #[test]
    fn positions_begin_anew_at_4_gib_and_every_event_is_sealed() {
        let mut out = vec![];
        let frame = Frame { header_bytes: HEADER_BYTES, checksum_bytes: 4 };
        let mut file = File {
            out: &mut out,
            position: (1 << 32) - 20,
            family: Family::Mariadb,
            frame,
            timestamp: 7,
            server_id: 9,
            largest: 0,
        };
        file.made(EventType::XID, 0, &[0; 8]).unwrap();
        assert_eq!(file.position, (1 << 32) + 11);
        let header = EventHeader::parse(&out).unwrap();
        assert_eq!((header.log_pos, header.timestamp, header.server_id), (11, 7, 9));
        assert!(header.has(flags::ACCEPT_OWN));
        let (checked, crc) = out.split_last_chunk::<4>().unwrap();
        assert_eq!(crc32fast::hash(checked).to_le_bytes(), *crc);
    }

    #[test]
    fn the_transaction_has_clocks_and_no_gtid() {
        let header = EventHeader {
            timestamp: 0,
            event_type: EventType::ANONYMOUS_GTID,
            server_id: 0,
            event_length: 0,
            log_pos: 0,
            flags: 0,
        };
        let gtid = GtidEvent::parse(&anonymous(), &header).unwrap();
        assert_eq!((gtid.last_committed, gtid.sequence_number), (0, 1));
        assert_eq!(gtid.transaction_length.unwrap_or(0), 0);
    }
}
