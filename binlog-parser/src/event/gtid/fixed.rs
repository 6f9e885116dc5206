//! The layout of GTID (33) and ANONYMOUS_GTID (34) events, where each block may be the last.

use crate::error::Fault;
use crate::gtid::{TransactionGtid, Uuid};
use crate::wire::Reader;

use super::fields::{GtidEvent, check_number, named};

/// What stands before the logical clocks since 5.7.5 (`LOGICAL_TIMESTAMP_TYPECODE`).
const LOGICAL_TIMESTAMP_TYPECODE: u8 = 2;

/// Bit of the immediate commit timestamp that says that the original one follows.
const HAS_ORIGINAL_TIMESTAMP: u64 = 1 << 55;

/// Bit of the immediate server version that says that the original one follows.
const HAS_ORIGINAL_VERSION: u32 = 1 << 31;

/// Reads the layout of types 33 and 34, where each block may be the last.
pub(super) fn parse_fixed(body: &[u8], anonymous: bool) -> Result<GtidEvent, Fault> {
    let (event, uuid, gno) = read_parts(body, anonymous)?;
    Ok(GtidEvent { gtid: named(anonymous, uuid, None, gno), ..event })
}

/// The event without its name, and the name in parts: those who want no more than a name make it where
/// it is to stay.
#[inline(always)]
pub(super) fn read_parts(body: &[u8], anonymous: bool) -> Result<(GtidEvent, Uuid, u64), Fault> {
    let mut reader = Reader::new(body);
    let flags = reader.u8("GTID flags")?;
    let uuid = Uuid(reader.array("UUID")?);
    let gno = reader.u64("GNO")?;
    check_number(anonymous, gno)?;
    let mut event = GtidEvent::new(flags, TransactionGtid::Anonymous);
    if reader.is_empty() || reader.u8("type of the logical clocks")? != LOGICAL_TIMESTAMP_TYPECODE {
        // 5.6 has no clocks, and milestones of 5.7 had others, which servers ignore too.
        return Ok((event, uuid, gno));
    }
    event.last_committed = reader.u64("last_committed")? as i64;
    event.sequence_number = reader.u64("sequence_number")? as i64;
    if reader.is_empty() {
        return Ok((event, uuid, gno));
    }
    let time = reader.u56("immediate_commit_timestamp")?;
    event.immediate_commit_timestamp = Some(time & !HAS_ORIGINAL_TIMESTAMP);
    event.original_commit_timestamp = event.immediate_commit_timestamp;
    if time & HAS_ORIGINAL_TIMESTAMP != 0 {
        event.original_commit_timestamp = Some(reader.u56("original_commit_timestamp")?);
    }
    if reader.is_empty() {
        return Ok((event, uuid, gno));
    }
    event.transaction_length = Some(reader.lenenc("transaction_length")?);
    if reader.is_empty() {
        return Ok((event, uuid, gno));
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
    Ok((event, uuid, gno))
}

/// The name and the time of commit in an event of a transaction that has a name and was committed where
/// the log was written, which is all that most say; none if it has to be read with more care.
#[inline]
pub(super) fn read_usual(body: &[u8]) -> Option<(Uuid, u64, u64)> {
    const TIME_AT: usize = 42;
    const VERSION_BYTES: usize = 4;
    const TICKET_BYTES: usize = 8;
    let (head, rest) = body.split_first_chunk::<TIME_AT>()?;
    let [_, name @ ..] = head;
    let (uuid, rest_of_head) = name.split_first_chunk::<16>()?;
    let (gno, clocks) = rest_of_head.split_first_chunk::<8>()?;
    let gno = u64::from_le_bytes(*gno);
    if clocks[0] != LOGICAL_TIMESTAMP_TYPECODE || check_number(false, gno).is_err() {
        return None;
    }
    let (time, rest) = rest.split_first_chunk::<7>()?;
    let [a, b, c, d, e, f, g] = *time;
    let time = u64::from_le_bytes([a, b, c, d, e, f, g, 0]);
    let rest = match rest {
        [0..=250, rest @ ..] | [0xFC, _, _, rest @ ..] => rest,
        _ => return None,
    };
    let (version, rest) = rest.split_first_chunk::<VERSION_BYTES>()?;
    let has_original = time & HAS_ORIGINAL_TIMESTAMP != 0
        || u32::from_le_bytes(*version) & HAS_ORIGINAL_VERSION != 0;
    let whole = rest.is_empty() || rest.len() >= TICKET_BYTES;
    (!has_original && whole).then_some((Uuid(*uuid), gno, time))
}

#[cfg(test)]
mod tests {
    use super::super::GtidEvent;
    use crate::event::test_header;
    use crate::gtid::TransactionGtid;
    use crate::header::EventType;
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
    fn the_usual_event_is_read_at_once_where_it_may_end() {
        let usual = [&FIXED[..48], &[0], &FIXED[56..59], &[1, 2, 3, 0], &[0; 8]].concat();
        for end in 0..=usual.len() {
            let read = super::read_usual(&usual[..end]);
            assert_eq!(read.is_some(), [56, 64].contains(&end), "{end}");
        }
        let (uuid, gno, time) = super::read_usual(&usual).unwrap();
        assert_eq!((uuid.0[0], gno, time), (0x3E, 23, 7));
        assert_eq!(super::read_usual(FIXED), None, "it came from another server");
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
        fn what_is_usual_is_read_as_with_care(
            length in 0usize..90,
            changed in proptest::collection::vec((0usize..90, any::<u8>()), 0..3),
        ) {
            let mut body = [&FIXED[..48], &[0], &FIXED[56..59], &[1, 2, 3, 0], &FIXED[67..], &[0; 9]].concat();
            for (at, byte) in changed {
                body.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            body.truncate(length);
            if let Some((uuid, gno, time)) = super::read_usual(&body) {
                let event = GtidEvent::parse(&body, &test_header(EventType::GTID)).unwrap();
                let gtid = crate::gtid::Gtid { uuid, tag: None, gno };
                prop_assert_eq!(event.gtid, TransactionGtid::Mysql(gtid));
                prop_assert_eq!(event.immediate_commit_timestamp, Some(time));
            }
        }

        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = GtidEvent::parse(&body, &test_header(EventType::GTID));
        }
    }
}
