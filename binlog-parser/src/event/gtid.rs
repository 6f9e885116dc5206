//! Gtid (33, and 42 with a tag) and Anonymous_Gtid (34): MySQL opens a transaction.

use crate::error::Fault;
use crate::gtid::{GNO_MAX, Gtid, Tag, TransactionGtid, Uuid};
use crate::header::{EventHeader, EventType};
use crate::wire::Reader;

use super::gtid_tagged::parse_tagged;

/// Flag: the transaction may hold statements instead of rows.
const FLAG_MAY_HAVE_SBR: u8 = 1;

/// What stands before the logical clocks since 5.7.5 (`LOGICAL_TIMESTAMP_TYPECODE`).
const LOGICAL_TIMESTAMP_TYPECODE: u8 = 2;

/// Bit of the immediate commit timestamp that says that the original one follows.
const HAS_ORIGINAL_TIMESTAMP: u64 = 1 << 55;

/// Bit of the immediate server version that says that the original one follows.
const HAS_ORIGINAL_VERSION: u32 = 1 << 31;

/// Name and clocks of a transaction (`Gtid_event` in `control_events.h`). Events of old servers end
/// early; what they do not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidEvent {
    /// Bit 0: see [`GtidEvent::may_have_sbr`].
    pub flags: u8,
    /// The transaction's GTID, or that it has none.
    pub gtid: TransactionGtid,
    /// `sequence_number` of the newest transaction that had committed when this one began to
    /// prepare; 0 for none.
    pub last_committed: i64,
    /// Number of the transaction within its log, from 1; 0 if unknown.
    pub sequence_number: i64,
    /// Time of commit on the server that wrote the log, in microseconds since 1970 UTC.
    pub immediate_commit_timestamp: Option<u64>,
    /// Time of commit on the server where the transaction came from, in microseconds since 1970
    /// UTC.
    pub original_commit_timestamp: Option<u64>,
    /// Bytes of the whole transaction in this log, this event and all checksums included.
    pub transaction_length: Option<u64>,
    /// Version of the server that wrote the log, as 80406 for 8.4.6; 999999 if it did not know.
    pub immediate_server_version: Option<u32>,
    /// Version of the server where the transaction came from, in the same form.
    pub original_server_version: Option<u32>,
    /// Ticket of the group that committed together.
    pub commit_group_ticket: Option<u64>,
}

impl GtidEvent {
    /// Reads the body of a Gtid, Anonymous_Gtid or tagged Gtid event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, a number is out of its range, or a tagged event has a field
    /// that must not be ignored and is not known.
    pub fn parse(body: &[u8], header: &EventHeader) -> Result<Self, Fault> {
        if header.event_type == EventType::GTID_TAGGED {
            return parse_tagged(body);
        }
        parse_fixed(body, header.event_type == EventType::ANONYMOUS_GTID)
    }

    /// Whether the transaction may hold statements; if not, it is rows only (`rbr_only=yes` of
    /// mysqlbinlog).
    #[must_use]
    pub fn may_have_sbr(&self) -> bool {
        self.flags & FLAG_MAY_HAVE_SBR != 0
    }

    /// An event that says no more than this.
    pub(super) fn new(flags: u8, gtid: TransactionGtid) -> Self {
        GtidEvent {
            flags,
            gtid,
            last_committed: 0,
            sequence_number: 0,
            immediate_commit_timestamp: None,
            original_commit_timestamp: None,
            transaction_length: None,
            immediate_server_version: None,
            original_server_version: None,
            commit_group_ticket: None,
        }
    }
}

/// Reads the layout of types 33 and 34, where each block may be the last.
fn parse_fixed(body: &[u8], anonymous: bool) -> Result<GtidEvent, Fault> {
    let mut reader = Reader::new(body);
    let flags = reader.u8("GTID flags")?;
    let uuid = Uuid(array(reader.take(16, "UUID")?));
    let gno = reader.u64("GNO")?;
    let mut event = GtidEvent::new(flags, named(anonymous, uuid, None, gno)?);
    if reader.is_empty() || reader.u8("type of the logical clocks")? != LOGICAL_TIMESTAMP_TYPECODE {
        // 5.6 has no clocks, and milestones of 5.7 had others, which servers ignore too.
        return Ok(event);
    }
    event.last_committed = reader.u64("last_committed")? as i64;
    event.sequence_number = reader.u64("sequence_number")? as i64;
    if reader.is_empty() {
        return Ok(event);
    }
    let time = reader.u56("immediate_commit_timestamp")?;
    event.immediate_commit_timestamp = Some(time & !HAS_ORIGINAL_TIMESTAMP);
    event.original_commit_timestamp = event.immediate_commit_timestamp;
    if time & HAS_ORIGINAL_TIMESTAMP != 0 {
        event.original_commit_timestamp = Some(reader.u56("original_commit_timestamp")?);
    }
    if reader.is_empty() {
        return Ok(event);
    }
    event.transaction_length = Some(reader.lenenc("transaction_length")?);
    if reader.is_empty() {
        return Ok(event);
    }
    let version = reader.u32("immediate_server_version")?;
    event.immediate_server_version = Some(version & !HAS_ORIGINAL_VERSION);
    event.original_server_version = event.immediate_server_version;
    if version & HAS_ORIGINAL_VERSION != 0 {
        event.original_server_version = Some(reader.u32("original_server_version")?);
    }
    if !reader.is_empty() {
        event.commit_group_ticket = Some(reader.u64("commit_group_ticket")?);
    }
    Ok(event)
}

/// The sixteen bytes of a slice that has as many.
pub(super) fn array(slice: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(slice).for_each(|(byte, from)| *byte = *from);
    bytes
}

/// What a UUID, a tag and a number name; the servers check the number in the same way.
pub(super) fn named(
    anonymous: bool,
    uuid: Uuid,
    tag: Option<Tag>,
    gno: u64,
) -> Result<TransactionGtid, Fault> {
    match (anonymous, gno) {
        (true, 0) => Ok(TransactionGtid::Anonymous),
        (true, _) => Err(Fault::value("GNO of an anonymous transaction", "0", gno)),
        (false, 1..=GNO_MAX) => Ok(TransactionGtid::Mysql(Gtid { uuid, tag, gno })),
        (false, _) => Err(Fault::value("GNO", "a number from 1 to 2^63-2", gno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;
    use proptest::prelude::*;

    #[rustfmt::skip]
    const FIXED: &[u8] = &[
        1,                                              // flags: may have statements
        0x3E, 0x11, 0xFA, 0x47, 0x71, 0xCA, 0x11, 0xE1, // UUID
        0x9E, 0x33, 0xC8, 0x0A, 0xA9, 0x42, 0x95, 0x62,
        23, 0, 0, 0, 0, 0, 0, 0,                        // GNO
        2,                                              // logical clocks follow
        4, 0, 0, 0, 0, 0, 0, 0,                         // last_committed
        5, 0, 0, 0, 0, 0, 0, 0,                         // sequence_number
        7, 0, 0, 0, 0, 0, 0x80,                         // immediate timestamp, original follows
        6, 0, 0, 0, 0, 0, 0,                            // original timestamp
        0xFC, 0x2C, 0x01,                               // transaction length 300
        0x16, 0x3A, 0x01, 0x80,                         // immediate version, original follows
        0x1B, 0x36, 0x01, 0x00,                         // original version
        9, 0, 0, 0, 0, 0, 0, 0,                         // commit group ticket
    ];

    #[test]
    fn a_full_event_reads_in_wire_order() {
        let event = GtidEvent::parse(FIXED, &test_header(EventType::GTID)).unwrap();
        assert_eq!(event.gtid.to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562:23");
        assert_eq!((event.last_committed, event.sequence_number), (4, 5));
        assert_eq!(event.immediate_commit_timestamp, Some(7));
        assert_eq!(event.original_commit_timestamp, Some(6));
        assert_eq!(event.transaction_length, Some(300));
        assert_eq!(event.immediate_server_version, Some(80406));
        assert_eq!(event.original_server_version, Some(79387));
        assert_eq!(event.commit_group_ticket, Some(9));
        assert!(event.may_have_sbr());
    }

    #[test]
    fn an_event_may_end_after_each_block_and_nowhere_else() {
        let header = test_header(EventType::GTID);
        let ends = [25, 42, 56, 59, 67, 75];
        for end in 0..=FIXED.len() {
            let event = GtidEvent::parse(&FIXED[..end], &header);
            assert_eq!(event.is_ok(), ends.contains(&end), "{end}: {event:?}");
        }
        let event = GtidEvent::parse(&FIXED[..42], &header).unwrap();
        assert_eq!((event.original_commit_timestamp, event.transaction_length), (None, None));
        let mut old = FIXED[..30].to_vec();
        old[25] = 1;
        assert_eq!(GtidEvent::parse(&old, &header).unwrap().sequence_number, 0);
    }

    #[test]
    fn the_number_is_checked_as_the_server_does() {
        let mut body = FIXED.to_vec();
        let anonymous = test_header(EventType::ANONYMOUS_GTID);
        let fault = GtidEvent::parse(&body, &anonymous).unwrap_err();
        assert_eq!(fault.to_string(), "GNO of an anonymous transaction: needed 0, had 23");
        body[17] = 0;
        let event = GtidEvent::parse(&body, &anonymous).unwrap();
        assert_eq!(event.gtid, TransactionGtid::Anonymous);
        let fault = GtidEvent::parse(&body, &test_header(EventType::GTID)).unwrap_err();
        assert_eq!(fault.to_string(), "GNO: needed a number from 1 to 2^63-2, had 0");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = GtidEvent::parse(&body, &test_header(EventType::GTID));
        }
    }
}
