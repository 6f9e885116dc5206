//! Logs made by hand, for tests of relay logs. The server had just started; checksums are on.

use binlog_parser::header::EventType;
use binlog_parser::source::log::{Log, MAGIC};

use crate::seal::seal;

#[derive(Debug, Clone)]
pub(super) struct LogBuilder {
    bytes: Vec<u8>,
    server_id: u32,
}

impl LogBuilder {
    pub fn mysql() -> Self {
        LogBuilder::new("9.7.4")
    }

    pub fn mariadb() -> Self {
        LogBuilder::new("11.8.6-MariaDB")
    }

    fn new(version: &str) -> Self {
        let mut body = 4u16.to_le_bytes().to_vec(); // binlog version
        let mut name = version.as_bytes().to_vec();
        name.resize(50, 0);
        body.extend(name); // server version
        body.extend(1u32.to_le_bytes()); // created
        body.push(19); // common header length
        body.extend([56, 13, 0, 8]); // post-header table, cut short
        body.push(1); // checksum algorithm: CRC32
        let log = LogBuilder { bytes: MAGIC.to_vec(), server_id: 1 };
        log.event(EventType::FORMAT_DESCRIPTION, &body)
    }

    /// Sets the server of the events to come.
    pub fn server(mut self, server_id: u32) -> Self {
        self.server_id = server_id;
        self
    }

    pub fn event(mut self, event_type: EventType, body: &[u8]) -> Self {
        let start = self.bytes.len();
        self.bytes.extend(1u32.to_le_bytes()); // timestamp
        self.bytes.push(event_type.0);
        self.bytes.extend(self.server_id.to_le_bytes());
        self.bytes.extend([0; 4]); // length
        let end = start + 19 + body.len() + 4;
        self.bytes.extend((end as u32).to_le_bytes());
        self.bytes.extend([0; 2]); // flags
        self.bytes.extend(body);
        seal(&mut self.bytes, start, 4);
        self
    }

    pub fn query(self, text: &str) -> Self {
        let body = [&[0; 14], text.as_bytes()].concat();
        self.event(EventType::QUERY, &body)
    }

    /// A GTID event of number `gno`, with clocks and times.
    pub fn gtid(self, gno: u8) -> Self {
        let mut body = vec![1]; // flags
        body.extend([0xAA; 16]); // UUID
        body.extend(u64::from(gno).to_le_bytes());
        body.push(2); // logical clocks follow
        body.extend(u64::from(gno - 1).to_le_bytes()); // last_committed
        body.extend(u64::from(gno).to_le_bytes()); // sequence_number
        body.extend([gno, 0, 0, 0, 0, 0, 0]); // immediate_commit_timestamp
        body.push(100); // transaction_length
        body.extend(90_704u32.to_le_bytes()); // immediate_server_version
        self.event(EventType::GTID, &body)
    }

    /// A tagged GTID event of number `gno`, with clocks and times. Small varints are doubled, small
    /// signed ones fourfold.
    pub fn tagged_gtid(self, gno: u8) -> Self {
        let mut fields = vec![0]; // last non-ignorable field: none
        fields.extend([0, 2]); // flags
        fields.push(1 << 1); // UUID
        fields.extend([2; 16]);
        fields.extend([2 << 1, gno << 2]); // GNO
        fields.extend([3 << 1, 1 << 1, b'a']); // tag
        fields.extend([4 << 1, (gno - 1) << 2]); // last_committed
        fields.extend([5 << 1, gno << 2]); // sequence_number
        fields.extend([6 << 1, gno << 1]); // immediate_commit_timestamp
        fields.extend([9 << 1, 99 << 1]); // immediate_server_version
        let size = fields.len() as u8 + 2;
        let body = [&[1 << 1, size << 1], &fields[..]].concat(); // version, size
        self.event(EventType::GTID_TAGGED, &body)
    }

    pub fn log(&self) -> Log {
        Log::from_reader(&self.bytes[..]).unwrap()
    }
}
