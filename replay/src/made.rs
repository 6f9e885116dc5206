//! Events that stand in no log of the source: those of the frame of logs that we write, and those
//! that a source makes up for its replicas.

use std::ops::RangeInclusive;

use binlog_parser::gtid::{GtidSet, Tsid};
use binlog_parser::header::{EventType, HEADER_BYTES, flags};
use binlog_parser::source::log::FIRST_EVENT;

use crate::seal::seal;

/// The id of the server that our events are of: the greatest, which nobody gives a server.
pub(crate) const OURS: u32 = u32::MAX;

/// How events end and begin where they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes of the header of all events but Format_desc and Rotate.
    pub header_bytes: usize,
    /// Bytes of checksum.
    pub checksum_bytes: usize,
}

/// What is in a header besides lengths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub timestamp: u32,
    pub event_type: EventType,
    pub server_id: u32,
    pub log_pos: u32,
    pub flags: u16,
}

impl Header {
    /// Of an event that a server makes up, so that no position comes of it.
    pub fn of(event_type: EventType, flags: u16) -> Self {
        Header { timestamp: 0, event_type, server_id: OURS, log_pos: 0, flags }
    }
}

impl Frame {
    /// Appends an event whose body is put together of `body`.
    pub fn push(self, out: &mut Vec<u8>, header: Header, body: &[&[u8]]) {
        let start = out.len();
        out.extend(header.timestamp.to_le_bytes());
        out.push(header.event_type.0);
        out.extend(header.server_id.to_le_bytes());
        out.extend([0; 4]); // length
        out.extend(header.log_pos.to_le_bytes());
        out.extend(header.flags.to_le_bytes());
        if header.event_type != EventType::ROTATE {
            out.resize(start + self.header_bytes.max(HEADER_BYTES), 0);
        }
        body.iter().for_each(|part| out.extend(*part));
        seal(out, start, self.checksum_bytes);
    }

    /// Appends the Rotate event that tells which of the source's logs comes next.
    pub fn rotate_of_source(self, out: &mut Vec<u8>, log: &str, position: u64) {
        let header = Header::of(EventType::ROTATE, flags::ARTIFICIAL);
        self.push(out, header, &[&position.to_le_bytes(), log.as_bytes()]);
    }

    /// Appends the Rotate event at the end of a relay log.
    pub fn rotate_of_relay_log(self, out: &mut Vec<u8>, next: &str) {
        let header = Header::of(EventType::ROTATE, flags::RELAY_LOG);
        self.push(out, header, &[&FIRST_EVENT.to_le_bytes(), next.as_bytes()]);
    }

    /// Appends the Previous_gtids event that MySQL's relay logs begin with: what the relay logs
    /// before this one hold.
    pub fn previous_gtids(self, out: &mut Vec<u8>, gtids: &GtidSet) {
        let header = Header::of(EventType::PREVIOUS_GTIDS, flags::RELAY_LOG);
        self.push(out, header, &[&encoded(gtids)]);
    }

    /// Appends a Query event of MySQL without database and session.
    pub fn query(self, out: &mut Vec<u8>, header: Header, text: &str) {
        // Thread, execution time, length of database, error code, length of status variables, and the
        // database's NUL.
        let body = [0; 4 + 4 + 1 + 2 + 2 + 1];
        self.push(out, header, &[&body, text.as_bytes()]);
    }
}

/// Writes `bytes` at `offset`, if there is room.
pub(crate) fn field(event: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(field) = event.get_mut(offset..offset + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

/// A set as `Gtid_set::encode` has it: tags stand there only if there are any.
fn encoded(gtids: &GtidSet) -> Vec<u8> {
    let tagged = gtids.sources().any(|(source, _)| source.tag.is_some());
    let count = gtids.sources().count() as u64;
    let head = if tagged { 1 << 56 | count << 8 | 1 } else { count };
    let mut out = head.to_le_bytes().to_vec();
    for (source, intervals) in gtids.sources() {
        push_source(&mut out, &source, tagged);
        let intervals: Vec<RangeInclusive<u64>> = intervals.iter().collect();
        out.extend((intervals.len() as u64).to_le_bytes());
        for interval in intervals {
            out.extend(interval.start().to_le_bytes());
            out.extend((interval.end() + 1).to_le_bytes());
        }
    }
    out
}

fn push_source(out: &mut Vec<u8>, source: &Tsid, tagged: bool) {
    out.extend(source.uuid.0);
    if tagged {
        let tag = source.tag.as_ref().map(ToString::to_string).unwrap_or_default();
        // At most 32 bytes: a varint of one byte has its number above one bit.
        out.push((tag.len() as u8) << 1);
        out.extend(tag.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
    use binlog_parser::event::query::QueryEvent;
    use binlog_parser::event::rotate::RotateEvent;
    use binlog_parser::gtid::Gtid;
    use binlog_parser::header::EventHeader;

    const FRAME: Frame = Frame { header_bytes: 19, checksum_bytes: 4 };

    fn body(event: &[u8]) -> &[u8] {
        let header = EventHeader::parse(event).unwrap();
        assert_eq!(header.event_length as usize, event.len());
        let (checked, crc) = event.split_last_chunk::<4>().unwrap();
        assert_eq!(crc32fast::hash(checked).to_le_bytes(), *crc);
        &checked[19..]
    }

    #[test]
    fn previous_gtids_read_back_with_and_without_tags() {
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let gtid = |rest: &str| format!("{uuid}:{rest}").parse::<Gtid>().unwrap();
        for names in [vec![], vec!["1", "2", "4"], vec!["1", "day:7", "day:8"]] {
            let set: GtidSet = names.into_iter().map(gtid).collect();
            let mut event = vec![];
            FRAME.previous_gtids(&mut event, &set);
            let header = EventHeader::parse(&event).unwrap();
            let read = PreviousGtidsEvent::parse(body(&event), &header).unwrap();
            assert_eq!(read.gtids, set);
        }
    }

    #[test]
    fn a_rotate_is_of_nobodys_server_and_gives_no_position() {
        let mut event = vec![];
        FRAME.rotate_of_source(&mut event, "binlog.000007", 4711);
        let header = EventHeader::parse(&event).unwrap();
        assert!(header.has(flags::ARTIFICIAL));
        assert_eq!((header.server_id, header.log_pos), (u32::MAX, 0));
        let rotate = RotateEvent::parse(body(&event)).unwrap();
        assert_eq!((rotate.position, rotate.next_log), (4711, &b"binlog.000007"[..]));
    }

    #[test]
    fn a_query_has_nothing_but_its_text() {
        let mut event = vec![];
        let header = Header::of(EventType::QUERY, flags::SUPPRESS_USE);
        FRAME.query(&mut event, header, "BEGIN");
        let query = QueryEvent::parse(body(&event)).unwrap();
        assert_eq!((query.text, query.database, query.error_code), (&b"BEGIN"[..], &b""[..], 0));
    }
}
