//! Gtid_list (163): how far each source had come when a MariaDB log began.

use crate::error::Fault;
use crate::gtid::{MariadbBinlogState, MariadbGtid};
use crate::header::EventHeader;
use crate::wire::Reader;

/// Bytes of a GTID in the list.
const ELEMENT_BYTES: u64 = 16;

/// Low bits of the count; the others are flags.
const COUNT_MASK: u32 = (1 << 28) - 1;

/// Bits of [`GtidListEvent::flags`] (`FLAG_*` of `Gtid_list_log_event` in MariaDB's `log_event.h`).
pub mod flags {
    /// The replica has reached the position of START SLAVE UNTIL; made up, never in a log.
    pub const UNTIL_REACHED: u32 = 1 << 28;
    /// The replica shall ignore domains of the list; made up, never in a log.
    pub const IGN_GTIDS: u32 = 1 << 29;
}

/// `@@gtid_binlog_state` at the start of a log: the last GTID of each domain and server (MariaDB's
/// `Gtid_list_log_event`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtidListEvent {
    /// See [`flags`].
    pub flags: u32,
    /// The GTIDs in the order of the list: domains in any order, each in one run, in which the last
    /// one written is last.
    pub gtids: Vec<MariadbGtid>,
}

impl GtidListEvent {
    /// Reads the body of a Gtid_list event. Bytes behind the list are ignored.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &[u8], _header: &EventHeader) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let count = reader.u32("number of GTIDs")?;
        let needed = u64::from(count & COUNT_MASK) * ELEMENT_BYTES;
        let mut list = Reader::new(reader.take_u64(needed, "GTIDs")?);
        let mut gtids = Vec::with_capacity(list.remaining() / ELEMENT_BYTES as usize);
        while !list.is_empty() {
            let domain = list.u32("domain id")?;
            let server = list.u32("server id")?;
            let seq = list.u64("sequence number")?;
            gtids.push(MariadbGtid { domain, server, seq });
        }
        Ok(GtidListEvent { flags: count & !COUNT_MASK, gtids })
    }

    /// The state that the list tells, to go on from with the log's GTIDs.
    #[must_use]
    pub fn state(&self) -> MariadbBinlogState {
        self.gtids.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;
    use crate::header::EventType;
    use proptest::prelude::*;

    fn parse(body: &[u8]) -> Result<GtidListEvent, Fault> {
        GtidListEvent::parse(body, &test_header(EventType::GTID_LIST))
    }

    #[test]
    fn a_list_reads_and_gives_its_state() {
        #[rustfmt::skip]
        let body = [
            2, 0, 0, 0x20,              // two GTIDs, and a flag
            0, 0, 0, 0,                 // domain id
            1, 0, 0, 0,                 // server id
            9, 0, 0, 0, 0, 0, 0, 0,     // sequence number
            0, 0, 0, 0,                 // domain id
            0, 0, 0, 0x80,              // server id
            7, 0, 0, 0, 0, 0, 0, 0x80,  // sequence number
        ];
        let event = parse(&body).unwrap();
        assert_eq!(event.flags, flags::IGN_GTIDS);
        assert_eq!(event.state().to_string(), "0-1-9,0-2147483648-9223372036854775815");
        assert_eq!(parse(&body[..35]).unwrap_err().to_string(), "GTIDs: needed 32 bytes, had 31");
        assert_eq!(parse(&[0, 0, 0, 0]).unwrap().gtids, []);
    }

    #[test]
    fn a_false_count_is_not_believed() {
        assert_eq!(
            parse(&[0xFF; 20]).unwrap_err().to_string(),
            "GTIDs: needed 4294967280 bytes, had 16"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = parse(&body);
        }
    }
}
