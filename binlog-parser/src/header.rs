//! The common header of every event, and the types and flags it names.

use crate::error::Fault;

/// Length of the common header of binlog version 4, in bytes.
pub const HEADER_BYTES: usize = 19;

/// The 19 bytes before every event (the manual's "Binlog Event header"; `binlog_event.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHeader {
    /// Start of the statement, in seconds since 1970 UTC; 0 for artificial events.
    pub timestamp: u32,
    /// What the body is.
    pub event_type: EventType,
    /// Server that wrote the event first.
    pub server_id: u32,
    /// Bytes of header, body and checksum together.
    pub event_length: u32,
    /// Position after the event in the log that it was first written to, modulo 2^32; 0 if unknown.
    pub log_pos: u32,
    /// See [`flags`].
    pub flags: u16,
}

impl EventHeader {
    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// A [`Fault`] if fewer than 19 bytes are left.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        match bytes.first_chunk::<HEADER_BYTES>() {
            Some(header) => Ok(EventHeader::read(header)),
            None => Err(Fault::short("event header", HEADER_BYTES as u64, bytes.len() as u64)),
        }
    }

    /// Reads a header that is all there, at once: every walk reads every header, and nothing else of
    /// most events.
    #[inline]
    pub(crate) fn read(header: &[u8; HEADER_BYTES]) -> Self {
        let [t0, t1, t2, t3, code, s0, s1, s2, s3, l0, l1, l2, l3, p0, p1, p2, p3, f0, f1] =
            *header;
        EventHeader {
            timestamp: u32::from_le_bytes([t0, t1, t2, t3]),
            event_type: EventType(code),
            server_id: u32::from_le_bytes([s0, s1, s2, s3]),
            event_length: u32::from_le_bytes([l0, l1, l2, l3]),
            log_pos: u32::from_le_bytes([p0, p1, p2, p3]),
            flags: u16::from_le_bytes([f0, f1]),
        }
    }

    /// The header as an event of a log of this version has it: version 3 has an event's start for its
    /// log_pos, which is moved to its end, as the servers' readers do.
    #[inline]
    pub(crate) fn of_version(mut self, binlog_version: u16) -> Self {
        if binlog_version == 3 && self.log_pos != 0 {
            self.log_pos = self.log_pos.wrapping_add(self.event_length);
        }
        self
    }

    /// Whether every bit of `mask` is set in the flags.
    #[must_use]
    pub fn has(&self, mask: u16) -> bool {
        self.flags & mask == mask
    }
}

/// Whose server wrote a log. The two families share the frame and part ways inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// MySQL and what is built from it: Percona Server, Aurora, RDS.
    Mysql,
    /// MariaDB.
    Mariadb,
}

impl Family {
    /// The family by a server's version string (`mariadb` in any case, as the servers' readers
    /// have it, or `-maria-` of the first releases).
    #[must_use]
    pub fn of_version(server_version: &str) -> Self {
        let version = server_version.to_ascii_lowercase();
        if version.contains("mariadb") || version.contains("-maria-") {
            Family::Mariadb
        } else {
            Family::Mysql
        }
    }

    /// The family's name, as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Family::Mysql => "MySQL",
            Family::Mariadb => "MariaDB",
        }
    }
}

/// Bits of [`EventHeader::flags`] (`log_event.h` of both servers).
pub mod flags {
    /// The log is being written, or its server died (format description only).
    pub const BINLOG_IN_USE: u16 = 0x1;
    /// Depends on the thread that wrote it (temporary tables).
    pub const THREAD_SPECIFIC: u16 = 0x4;
    /// The statement does not depend on the default database.
    pub const SUPPRESS_USE: u16 = 0x8;
    /// Made up by a server for a replica; stands in no log of the source.
    pub const ARTIFICIAL: u16 = 0x20;
    /// Written by a replica about itself.
    pub const RELAY_LOG: u16 = 0x40;
    /// A reader that does not know the type may skip the event.
    pub const IGNORABLE: u16 = 0x80;
    /// MySQL: filters do not apply.
    pub const NO_FILTER: u16 = 0x100;
    /// MySQL: must not be applied in parallel with others.
    pub const MTS_ISOLATE: u16 = 0x200;
    /// MariaDB: apply even if the server id is one's own.
    pub const ACCEPT_OWN: u16 = 0x4000;
    /// MariaDB: replicas were asked to skip it.
    pub const SKIP_REPLICATION: u16 = 0x8000;
}

/// The kind of an event: its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(pub u8);

macro_rules! event_types {
    ($($name:ident = $code:literal, $label:literal;)*) => {
        #[allow(missing_docs)] // the names are the documentation: they are the servers' own
        impl EventType {
            $(pub const $name: EventType = EventType($code);)*

            /// The name that SHOW BINLOG EVENTS prints; "Unknown" for a number nobody has used.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self.0 {
                    $($code => $label,)*
                    _ => "Unknown",
                }
            }

            /// Whether some version of MySQL or MariaDB writes events of this number.
            #[must_use]
            pub fn is_known(self) -> bool {
                matches!(self.0, $($code)|*)
            }
        }
    };
}

event_types! {
    START_V3 = 1, "Start_v3";
    QUERY = 2, "Query";
    STOP = 3, "Stop";
    ROTATE = 4, "Rotate";
    INTVAR = 5, "Intvar";
    LOAD = 6, "Load";
    SLAVE = 7, "Slave";
    CREATE_FILE = 8, "Create_file";
    APPEND_BLOCK = 9, "Append_block";
    EXEC_LOAD = 10, "Exec_load";
    DELETE_FILE = 11, "Delete_file";
    NEW_LOAD = 12, "New_load";
    RAND = 13, "RAND";
    USER_VAR = 14, "User var";
    FORMAT_DESCRIPTION = 15, "Format_desc";
    XID = 16, "Xid";
    BEGIN_LOAD_QUERY = 17, "Begin_load_query";
    EXECUTE_LOAD_QUERY = 18, "Execute_load_query";
    TABLE_MAP = 19, "Table_map";
    WRITE_ROWS_V0 = 20, "Write_rows_event_old";
    UPDATE_ROWS_V0 = 21, "Update_rows_event_old";
    DELETE_ROWS_V0 = 22, "Delete_rows_event_old";
    WRITE_ROWS_V1 = 23, "Write_rows_v1";
    UPDATE_ROWS_V1 = 24, "Update_rows_v1";
    DELETE_ROWS_V1 = 25, "Delete_rows_v1";
    INCIDENT = 26, "Incident";
    HEARTBEAT = 27, "Heartbeat";
    IGNORABLE = 28, "Ignorable";
    ROWS_QUERY = 29, "Rows_query";
    WRITE_ROWS = 30, "Write_rows";
    UPDATE_ROWS = 31, "Update_rows";
    DELETE_ROWS = 32, "Delete_rows";
    GTID = 33, "Gtid";
    ANONYMOUS_GTID = 34, "Anonymous_Gtid";
    PREVIOUS_GTIDS = 35, "Previous_gtids";
    TRANSACTION_CONTEXT = 36, "Transaction_context";
    VIEW_CHANGE = 37, "View_change";
    XA_PREPARE = 38, "XA_prepare";
    PARTIAL_UPDATE_ROWS = 39, "Update_rows_partial";
    TRANSACTION_PAYLOAD = 40, "Transaction_payload";
    HEARTBEAT_V2 = 41, "Heartbeat";
    GTID_TAGGED = 42, "Gtid_tagged_log_event";
    LARGE_TRANSACTION_HEADER = 43, "Large_transaction_header";
    ANNOTATE_ROWS = 160, "Annotate_rows";
    BINLOG_CHECKPOINT = 161, "Binlog_checkpoint";
    MARIADB_GTID = 162, "Gtid";
    GTID_LIST = 163, "Gtid_list";
    START_ENCRYPTION = 164, "Start_encryption";
    QUERY_COMPRESSED = 165, "Query_compressed";
    WRITE_ROWS_COMPRESSED_V1 = 166, "Write_rows_compressed_v1";
    UPDATE_ROWS_COMPRESSED_V1 = 167, "Update_rows_compressed_v1";
    DELETE_ROWS_COMPRESSED_V1 = 168, "Delete_rows_compressed_v1";
    WRITE_ROWS_COMPRESSED = 169, "Write_rows_compressed";
    UPDATE_ROWS_COMPRESSED = 170, "Update_rows_compressed";
    DELETE_ROWS_COMPRESSED = 171, "Delete_rows_compressed";
    PARTIAL_ROW_DATA = 172, "Partial_row_data";
}

impl EventType {
    /// Whether this is a rows event that the row room reads: V1 or V2, write, update or delete, or
    /// a partial update.
    #[must_use]
    pub const fn is_rows(self) -> bool {
        matches!(self.0, 23..=25 | 30..=32 | 39)
    }

    /// Whether this event has to be inflated first: a payload of MySQL, or a compressed event of
    /// MariaDB.
    #[must_use]
    pub fn is_compressed(self) -> bool {
        matches!(self.0, 40 | 165..=171)
    }

    /// The type that a compressed event of MariaDB has when it is inflated; of all others, their
    /// own.
    #[must_use]
    pub fn plain(self) -> EventType {
        match self {
            Self::QUERY_COMPRESSED => Self::QUERY,
            Self::WRITE_ROWS_COMPRESSED_V1 => Self::WRITE_ROWS_V1,
            Self::UPDATE_ROWS_COMPRESSED_V1 => Self::UPDATE_ROWS_V1,
            Self::DELETE_ROWS_COMPRESSED_V1 => Self::DELETE_ROWS_V1,
            Self::WRITE_ROWS_COMPRESSED => Self::WRITE_ROWS,
            Self::UPDATE_ROWS_COMPRESSED => Self::UPDATE_ROWS,
            Self::DELETE_ROWS_COMPRESSED => Self::DELETE_ROWS,
            other => other,
        }
    }

    /// Whether this event opens a transaction by naming its GTID (or that it has none).
    #[must_use]
    pub const fn is_gtid(self) -> bool {
        matches!(self, Self::GTID | Self::ANONYMOUS_GTID | Self::GTID_TAGGED | Self::MARIADB_GTID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_in_wire_order() {
        #[rustfmt::skip]
        let bytes = [
            0x10, 0x20, 0x30, 0x40, // timestamp
            0x0F,                   // type: format description
            0x01, 0x00, 0x00, 0x00, // server_id
            0x7B, 0x00, 0x00, 0x00, // event length
            0x7F, 0x00, 0x00, 0x00, // log_pos
            0x01, 0x00,             // flags: in use
        ];
        let header = EventHeader::parse(&bytes).unwrap();
        assert_eq!(header.timestamp, 0x4030_2010);
        assert_eq!(header.event_type, EventType::FORMAT_DESCRIPTION);
        assert_eq!((header.server_id, header.event_length, header.log_pos), (1, 123, 127));
        assert!(header.has(flags::BINLOG_IN_USE) && !header.has(flags::IGNORABLE));
        assert_eq!(
            EventHeader::parse(&bytes[..18]).unwrap_err().to_string(),
            "event header: needed 19 bytes, had 18"
        );
    }
}
