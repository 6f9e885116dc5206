//! Logs made by hand, for tests of the search. Tables have one INT column; checksums are off.

use binlog_parser::header::{EventType, HEADER_BYTES};
use binlog_parser::source::log::{Log, MAGIC};
use binlog_parser::source::log_set::LogSet;

#[derive(Debug, Clone)]
pub(super) struct LogBuilder {
    pub(super) bytes: Vec<u8>,
    time: u32,
}

impl LogBuilder {
    pub(super) fn new(version: &str) -> Self {
        let mut body = 4u16.to_le_bytes().to_vec(); // binlog version
        let mut name = version.as_bytes().to_vec();
        name.resize(50, 0);
        body.extend(name); // server version
        body.extend(0u32.to_le_bytes()); // created
        body.push(19); // common header length
        body.extend([56, 13, 0, 8]); // post-header table, cut short
        body.push(0); // checksum algorithm: none
        body.extend([0; 4]); // checksum
        let log = LogBuilder { bytes: MAGIC.to_vec(), time: 1_000_000 };
        log.event(EventType::FORMAT_DESCRIPTION, &body)
    }

    /// Events as payloads hold them, none so far.
    pub(super) fn inner() -> Self {
        LogBuilder { bytes: vec![], time: 2_000_000 }
    }

    /// A payload of these events, packed with nothing.
    pub(super) fn payload(self, events: &[u8]) -> Self {
        let mut body = vec![2, 3, 0xFC, 255, 0]; // compression: none
        body.extend([1, 9, 0xFE]); // payload size
        body.extend((events.len() as u64).to_le_bytes());
        body.push(0); // end
        body.extend(events);
        self.event(EventType::TRANSACTION_PAYLOAD, &body)
    }

    pub(super) fn event(mut self, event_type: EventType, body: &[u8]) -> Self {
        let length = (HEADER_BYTES + body.len()) as u32;
        self.time += 1;
        self.bytes.extend(self.time.to_le_bytes());
        self.bytes.push(event_type.0);
        self.bytes.extend(1u32.to_le_bytes()); // server_id
        self.bytes.extend(length.to_le_bytes());
        let end = self.bytes.len() as u32 + 6 + body.len() as u32;
        self.bytes.extend(end.to_le_bytes());
        self.bytes.extend([0; 2]); // flags
        self.bytes.extend(body);
        self
    }

    /// A statement of session 7 in database `shop`.
    pub(super) fn query(self, text: &str) -> Self {
        let mut body = 7u32.to_le_bytes().to_vec(); // thread id
        body.extend(0u32.to_le_bytes()); // execution time
        body.push(4); // length of database name
        body.extend([0; 2]); // error code
        body.extend([0; 2]); // length of status variables
        body.extend(b"shop\0");
        body.extend(text.as_bytes());
        self.event(EventType::QUERY, &body)
    }

    pub(super) fn rows_query(self, text: &str) -> Self {
        self.event(EventType::ROWS_QUERY, &[&[0], text.as_bytes()].concat())
    }

    pub(super) fn table_map(self, id: u8, table: &str) -> Self {
        let mut body = vec![id, 0, 0, 0, 0, 0, 1, 0]; // table id, flags
        body.push(4);
        body.extend(b"shop\0");
        body.push(table.len() as u8);
        body.extend(table.as_bytes());
        body.push(0);
        body.extend([1, 3, 0, 0]); // one column, INT, no metadata, not NULL
        self.event(EventType::TABLE_MAP, &body)
    }

    /// A version 2 rows event of `count` rows.
    pub(super) fn rows(self, event_type: EventType, id: u8, count: u64, end: bool) -> Self {
        let mut body = vec![id, 0, 0, 0, 0, 0, u8::from(end), 0, 2, 0, 1, 1];
        let images = if event_type == EventType::UPDATE_ROWS {
            body.push(1); // columns after
            2
        } else {
            1
        };
        for row in 0..count * images {
            body.push(0); // nothing is NULL
            body.extend((row as u32).to_le_bytes());
        }
        self.event(event_type, &body)
    }

    /// A transaction of one statement on one table.
    pub(super) fn change(self, event_type: EventType, table: &str, count: u64) -> Self {
        let id = table.len() as u8;
        self.query("BEGIN")
            .table_map(id, table)
            .rows(event_type, id, count, true)
            .event(EventType::XID, &[0; 8])
    }

    /// As [`LogBuilder::change`], with the statement's text.
    pub(super) fn told(self, text: &str, event_type: EventType, table: &str, count: u64) -> Self {
        let id = table.len() as u8;
        self.query("BEGIN")
            .rows_query(text)
            .table_map(id, table)
            .rows(event_type, id, count, true)
            .event(EventType::XID, &[0; 8])
    }

    pub(super) fn set(&self) -> LogSet {
        LogSet::of(vec![Log::from_reader(&self.bytes[..]).unwrap()])
    }
}
