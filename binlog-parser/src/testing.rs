//! Logs made by hand, for tests.

use crate::event::format_description::tests as format;
use crate::header::{EventType, HEADER_BYTES};
use crate::source::log::{Log, MAGIC};

/// Builds a log event by event, with the lengths, positions and checksums that belong there.
#[derive(Debug, Clone)]
pub(crate) struct LogBuilder {
    bytes: Vec<u8>,
    checksums: bool,
}

impl LogBuilder {
    /// A log of a server of `version`, so far with its format description alone.
    pub(crate) fn new(version: &str) -> Self {
        // Servers before 5.6.1 know no checksums.
        let checksums = !version.starts_with("5.5");
        let mut log = LogBuilder { bytes: MAGIC.to_vec(), checksums: true };
        let mut event = format::event(version, 1);
        if checksums {
            event.truncate(event.len() - 4);
        } else {
            log.checksums = false;
        }
        log.push(event);
        log.checksums = checksums;
        log
    }

    /// Appends a payload, packed by zstd, of events as [`inner`] makes them.
    pub(crate) fn payload(self, events: &[Vec<u8>]) -> Self {
        let packed = zstd::bulk::compress(&events.concat(), 3).unwrap();
        self.event(EventType::TRANSACTION_PAYLOAD, &payload(0, None, &packed))
    }

    fn push(&mut self, mut event: Vec<u8>) {
        if self.checksums {
            event.extend([0; 4]);
        }
        let length = event.len();
        event[9..13].copy_from_slice(&(length as u32).to_le_bytes());
        event[13..17].copy_from_slice(&((self.bytes.len() + length) as u32).to_le_bytes());
        if self.checksums {
            let crc = crc32fast::hash(&event[..length - 4]);
            event[length - 4..].copy_from_slice(&crc.to_le_bytes());
        }
        self.bytes.extend(event);
    }

    /// Appends an event of `body`.
    pub(crate) fn event(mut self, event_type: EventType, body: &[u8]) -> Self {
        let mut event = vec![0; HEADER_BYTES];
        event[0] = 1; // timestamp
        event[4] = event_type.0;
        event[5] = 1; // server_id
        event.extend(body);
        self.push(event);
        self
    }

    /// Appends a Query event without database and status variables.
    pub(crate) fn query(self, text: &str) -> Self {
        let mut body = vec![0; 14]; // thread, time, lengths, error code, database's NUL
        body.extend(text.as_bytes());
        self.event(EventType::QUERY, &body)
    }

    /// Appends a Table_map event of table `id`, of nothing but the id and flags.
    pub(crate) fn table_map(self, id: u8) -> Self {
        self.event(EventType::TABLE_MAP, &[id, 0, 0, 0, 0, 0, 1, 0])
    }

    /// Appends a rows event of table `id`, of nothing but the id and `flags`.
    pub(crate) fn rows(self, event_type: EventType, id: u8, flags: u8) -> Self {
        self.event(event_type, &[id, 0, 0, 0, 0, 0, flags, 0])
    }

    /// Appends bytes that are no event.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// The log so far.
    pub(crate) fn build(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// Opens the log so far.
    pub(crate) fn open(&self) -> Log {
        Log::from_reader(&self.bytes[..]).unwrap()
    }
}

/// The body of a payload event.
pub(crate) fn payload(compression: u8, claim: Option<u64>, packed: &[u8]) -> Vec<u8> {
    let lenenc = |value: u64| [&[0xFE][..], &value.to_le_bytes()].concat();
    let mut body = vec![2, 3, 0xFC, compression, 0]; // compression
    if let Some(claim) = claim {
        body.extend([3, 9]); // uncompressed size
        body.extend(lenenc(claim));
    }
    body.extend([1, 9]); // payload size
    body.extend(lenenc(packed.len() as u64));
    body.push(0); // end
    body.extend(packed);
    body
}

/// An event as payloads hold it: without position and checksum.
pub(crate) fn inner(event_type: EventType, body: &[u8]) -> Vec<u8> {
    let mut event = vec![1, 0, 0, 0]; // timestamp
    event.push(event_type.0);
    event.extend([1, 0, 0, 0]); // server_id
    event.extend(((HEADER_BYTES + body.len()) as u32).to_le_bytes());
    event.extend([0; 6]); // log_pos, flags
    event.extend(body);
    event
}

/// A Query event as payloads hold it.
pub(crate) fn inner_query(text: &str) -> Vec<u8> {
    inner(EventType::QUERY, &[&[0; 14], text.as_bytes()].concat())
}

/// What MariaDB makes of `bytes` when it compresses them.
pub(crate) fn mariadb_compressed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = vec![0x84]; // zlib, four bytes of length
    packed.extend((bytes.len() as u32).to_be_bytes());
    let mut encoder = flate2::write::ZlibEncoder::new(packed, flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
