//! Small logs written byte by byte, and the program to run on them.

use std::path::PathBuf;

use assert_cmd::Command;

/// Seconds since 1970 of the first event: 2026-01-02 03:04:05 UTC.
pub const START: u32 = 1_767_323_045;

/// The program, with a clean environment where its output depends on one.
pub fn binlog() -> Command {
    let mut command = Command::cargo_bin("binlog").expect("the program is built");
    command.env("TZ", "UTC").env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

/// A log of MySQL 8.4 under construction.
pub struct LogBuilder {
    bytes: Vec<u8>,
    time: u32,
}

impl LogBuilder {
    /// A log with its format description alone.
    pub fn new() -> Self {
        let mut log = LogBuilder { bytes: b"\xfebin".to_vec(), time: START };
        let mut body = 4u16.to_le_bytes().to_vec(); // binlog version
        let mut version = b"8.4.0".to_vec();
        version.resize(50, 0);
        body.extend(version);
        body.extend([0; 4]); // created
        body.push(19); // common header length
        let mut post_headers = vec![0; 42];
        post_headers[1] = 13; // Query
        post_headers[3] = 8; // Rotate
        post_headers[14] = 98; // Format_desc
        post_headers[18] = 8; // Table_map
        post_headers[29..32].fill(10); // rows, version 2
        body.extend(post_headers);
        body.push(1); // checksum algorithm: CRC32
        log.push(15, &body);
        log
    }

    fn push(&mut self, type_code: u8, body: &[u8]) {
        let length = 19 + body.len() + 4;
        let end = self.bytes.len() + length;
        let mut event = self.time.to_le_bytes().to_vec();
        event.push(type_code);
        event.extend(7u32.to_le_bytes()); // server_id
        event.extend((length as u32).to_le_bytes());
        event.extend((end as u32).to_le_bytes());
        event.extend([0, 0]); // flags
        event.extend(body);
        event.extend(crc32fast::hash(&event).to_le_bytes());
        self.bytes.extend(event);
        self.time += 1;
    }

    /// Appends a payload, packed with nothing, of the events of `inner` behind its format
    /// description, and with `cut` bytes missing at their end.
    pub fn payload(self, inner: LogBuilder, cut: usize) -> Self {
        let (mut events, mut rest) = (vec![], &inner.bytes[4..]);
        while let Some(length) = rest.get(9..13) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
            let (event, behind) = rest.split_at(length as usize);
            if event[4] != 15 {
                let mut event = event[..event.len() - 4].to_vec(); // no checksum
                event[9..13].copy_from_slice(&(length - 4).to_le_bytes());
                event[13..17].fill(0); // log_pos
                events.extend(event);
            }
            rest = behind;
        }
        events.truncate(events.len() - cut);
        let mut body = vec![2, 3, 0xFC, 255, 0]; // compression: none
        body.extend([1, 9, 0xFE]); // payload size
        body.extend((events.len() as u64).to_le_bytes());
        body.push(0); // end
        body.extend(events);
        self.event(40, &body)
    }

    /// Appends an event, a second after the one before.
    pub fn event(mut self, type_code: u8, body: &[u8]) -> Self {
        self.push(type_code, body);
        self
    }

    /// Begins with the GTIDs 1 to `last` before it.
    pub fn previous(self, last: u64) -> Self {
        let mut body = 1u64.to_le_bytes().to_vec(); // sources
        body.extend([0xAB; 16]); // UUID
        body.extend(1u64.to_le_bytes()); // intervals
        body.extend(1u64.to_le_bytes()); // start
        body.extend((last + 1).to_le_bytes()); // end, exclusive
        self.event(35, &body)
    }

    /// Names the next transaction.
    pub fn gtid(self, number: u64) -> Self {
        let mut body = vec![0]; // flags
        body.extend([0xAB; 16]); // UUID
        body.extend(number.to_le_bytes());
        self.event(33, &body)
    }

    /// Says that the log is not closed.
    pub fn in_use(mut self) -> Self {
        // The checksum of a format description does not count the flag.
        self.bytes[4 + 17] |= 1;
        self
    }

    /// Sets the clock back, or forward, by seconds.
    pub fn later(mut self, seconds: i32) -> Self {
        self.time = self.time.wrapping_add_signed(seconds);
        self
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a Query in database `shop`.
    pub fn query(self, text: &str) -> Self {
        let mut body = 5u32.to_le_bytes().to_vec(); // thread id
        body.extend([0; 4]); // execution time
        body.push(4); // length of database
        body.extend([0, 0]); // error code
        body.extend([0, 0]); // length of status variables
        body.extend(b"shop\0");
        body.extend(text.as_bytes());
        self.event(2, &body)
    }

    /// Appends a transaction that deletes the rows with these ids from `shop.users`.
    pub fn delete(self, ids: &[u32]) -> Self {
        self.query("BEGIN").delete_rows(ids).event(16, &[1, 0, 0, 0, 0, 0, 0, 0])
    }

    /// As [`LogBuilder::delete`], with the statement's text in a Rows_query event.
    pub fn delete_by(self, text: &str, ids: &[u32]) -> Self {
        let mut body = vec![text.len() as u8];
        body.extend(text.as_bytes());
        let xid = [2, 0, 0, 0, 0, 0, 0, 0];
        self.query("BEGIN").event(29, &body).delete_rows(ids).event(16, &xid)
    }

    fn delete_rows(self, ids: &[u32]) -> Self {
        let mut map = vec![9, 0, 0, 0, 0, 0, 1, 0]; // table id, flags
        map.extend(b"\x04shop\0\x05users\0");
        map.extend([1, 3, 0, 0]); // one column, INT, no metadata, not nullable
        let mut rows = vec![9, 0, 0, 0, 0, 0, 1, 0, 2, 0]; // table id, STMT_END, no extra info
        rows.extend([1, 0xFF]); // one column, present
        for id in ids {
            rows.push(0xFE); // not NULL
            rows.extend(id.to_le_bytes());
        }
        self.event(19, &map).event(32, &rows)
    }

    /// Appends a Rotate to `next`.
    pub fn rotate(self, next: &str) -> Self {
        let mut body = 4u64.to_le_bytes().to_vec();
        body.extend(next.as_bytes());
        self.event(4, &body)
    }

    /// The log.
    pub fn build(self) -> Vec<u8> {
        self.bytes
    }
}

/// A folder of logs, gone when dropped.
pub struct Logs {
    folder: tempfile::TempDir,
}

impl Logs {
    /// Writes logs by name.
    pub fn new<const N: usize>(logs: [(&str, LogBuilder); N]) -> Self {
        let logs = logs.map(|(name, log)| (name, log.build()));
        Logs::of_bytes(&logs)
    }

    /// Writes files by name.
    pub fn of_bytes(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).expect("a file in it");
        }
        Logs { folder }
    }

    /// Path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// One log: a table, an odd statement, a DELETE.
pub fn one_log() -> LogBuilder {
    LogBuilder::new()
        .query("CREATE TABLE users (id INT NOT NULL)")
        .query("INSERT INTO notes VALUES ('a\nb\x1b[31m\u{202e}')")
        .delete(&[1, 2, 3])
        .rotate("binlog.000002")
}
