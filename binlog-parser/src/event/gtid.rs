//! Gtid (33, and 42 with a tag) and Anonymous_Gtid (34): MySQL opens a transaction.

use crate::error::Fault;
use crate::gtid::{GNO_MAX, Gtid, Tag, TransactionGtid, Uuid};
use crate::header::{EventHeader, EventType};
use crate::wire::Reader;

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
    fn new(flags: u8, gtid: TransactionGtid) -> Self {
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

/// How many fields of a tagged event are known.
const FIELDS: u64 = 12;

/// Reads the layout of type 42, a message of the serialization framework
/// (`libs/mysql/serialization/readme.md`): fields by number, ascending, some left out.
fn parse_tagged(body: &[u8]) -> Result<GtidEvent, Fault> {
    let mut reader = Reader::new(body_of_message(body)?);
    let last_non_ignorable = reader.varint("last non-ignorable field")?;
    if last_non_ignorable > FIELDS {
        return Err(Fault::unsupported(
            "GTID event",
            format!("field {} must not be ignored, and is not known", last_non_ignorable - 1),
        ));
    }
    let mut event = GtidEvent::new(0, TransactionGtid::Anonymous);
    let (mut uuid, mut gno, mut tag) = (None, None, None);
    let mut next = 0;
    while !reader.is_empty() {
        let field = reader.varint("field number")?;
        if field < next {
            return Err(Fault::value("field number", format!("at least {next}"), field));
        }
        next = field + 1;
        match field {
            0 => event.flags = small(reader.varint("GTID flags")?, "GTID flags")?,
            1 => uuid = Some(read_uuid(&mut reader)?),
            2 => gno = Some(reader.varint_signed("GNO")? as u64),
            3 => tag = read_tag(&mut reader)?,
            4 => event.last_committed = reader.varint_signed("last_committed")?,
            5 => event.sequence_number = reader.varint_signed("sequence_number")?,
            6 => {
                event.immediate_commit_timestamp =
                    Some(reader.varint("immediate_commit_timestamp")?);
            }
            7 => {
                event.original_commit_timestamp = Some(reader.varint("original_commit_timestamp")?);
            }
            8 => event.transaction_length = Some(reader.varint("transaction_length")?),
            9 => event.immediate_server_version = Some(read_version(&mut reader)?),
            10 => event.original_server_version = Some(read_version(&mut reader)?),
            11 => event.commit_group_ticket = Some(reader.varint("commit_group_ticket")?),
            // Fields carry no length, so nothing behind an unknown one can be found.
            _ => break,
        }
    }
    let uuid = uuid.ok_or_else(|| Fault::value("GTID event", "a UUID", "none"))?;
    event.gtid = named(false, uuid, tag, gno.unwrap_or(0))?;
    // The original of what began here is left out.
    event.original_commit_timestamp =
        event.original_commit_timestamp.or(event.immediate_commit_timestamp);
    event.original_server_version =
        event.original_server_version.or(event.immediate_server_version);
    Ok(event)
}

/// What lies behind the version and size of a message, to its end.
fn body_of_message(message: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(message);
    let version = reader.varint("serialization format version")?;
    if version != 1 {
        return Err(Fault::value("serialization format version", "1", version));
    }
    let size = reader.varint("message size")?;
    let had = message.len() as u64;
    // The encoder sizes the size field before it knows the size, so it may be wrong by one.
    if size > had + 1 {
        return Err(Fault::short("GTID event", size, had));
    }
    let beyond = if size + 1 < had { (had - size) as usize } else { 0 };
    let rest = reader.rest();
    rest.get(..rest.len().saturating_sub(beyond))
        .ok_or_else(|| Fault::short("GTID event", size, had))
}

/// A UUID of which each byte is a number of its own.
fn read_uuid(reader: &mut Reader<'_>) -> Result<Uuid, Fault> {
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = small(reader.varint("UUID")?, "byte of a UUID")?;
    }
    Ok(Uuid(bytes))
}

/// A tag behind its length; none if it is empty. Previous_gtids has the same form.
pub(super) fn read_tag(reader: &mut Reader<'_>) -> Result<Option<Tag>, Fault> {
    let length = reader.varint("length of the tag")?;
    let text = reader.take_u64(length, "tag")?;
    if text.is_empty() { Ok(None) } else { Tag::new(text).map(Some) }
}

fn read_version(reader: &mut Reader<'_>) -> Result<u32, Fault> {
    small(reader.varint("server version")?, "server version")
}

/// A number that fits into fewer bytes than the wire gives it.
fn small<T: TryFrom<u64>>(number: u64, what: &'static str) -> Result<T, Fault> {
    T::try_from(number)
        .map_err(|_| Fault::value(what, format!("a number of {} bytes", size_of::<T>()), number))
}

/// The sixteen bytes of a slice that has as many.
pub(super) fn array(slice: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(slice).for_each(|(byte, from)| *byte = *from);
    bytes
}

/// What a UUID, a tag and a number name; the servers check the number in the same way.
fn named(
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

    /// Fields of a tagged event; sizes below 128 are one byte, twice the value.
    #[rustfmt::skip]
    const FIELDS_1: &[u8] = &[
        0 << 1, 1 << 1,                     // flags
        1 << 1,                             // UUID: bytes of 128 and more take two
        0x3E << 1, 0x11 << 1, 0xE9, 0x03, 0x47 << 1, 0x71 << 1, 0x29, 0x03, 0x11 << 1, 0x85, 0x03,
        0x79, 0x02, 0x33 << 1, 0x21, 0x03, 0x0A << 1, 0xA5, 0x02, 0x42 << 1, 0x55, 0x02, 0x62 << 1,
        2 << 1, 23 << 2,                    // GNO, signed
        3 << 1, 5 << 1, b'n', b'i', b'g', b'h', b't', // tag
        4 << 1, 4 << 2,                     // last_committed, signed
        5 << 1, 5 << 2,                     // sequence_number, signed
        6 << 1, 7 << 1,                     // immediate timestamp
        8 << 1, 120 << 1,                   // transaction length
        9 << 1, 0xB3, 0xD0, 0x09,           // immediate version
    ];

    /// A message around the fields.
    fn message(fields: &[u8], last_non_ignorable: u8, size_error: i8) -> Vec<u8> {
        let size = (fields.len() as i8 + 3 + size_error) as u8;
        [&[1 << 1, size << 1, last_non_ignorable << 1], fields].concat()
    }

    #[test]
    fn a_tagged_event_reads_by_field() {
        let header = test_header(EventType::GTID_TAGGED);
        // Off by one either way is what the server's own encoder does.
        for size_error in [-1, 0, 1] {
            let event = GtidEvent::parse(&message(FIELDS_1, 0, size_error), &header).unwrap();
            assert_eq!(event.gtid.to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562:night:23");
            assert_eq!((event.last_committed, event.sequence_number), (4, 5));
            assert_eq!(event.original_commit_timestamp, Some(7), "as the immediate one");
            assert_eq!(event.transaction_length, Some(120));
            assert_eq!(event.original_server_version, Some(80406), "as the immediate one");
            assert_eq!(event.commit_group_ticket, None);
        }
        let fault = GtidEvent::parse(&message(FIELDS_1, 0, 2), &header).unwrap_err();
        assert_eq!(fault.to_string(), "GTID event: needed 52 bytes, had 50");
    }

    #[test]
    fn an_unknown_field_is_skipped_only_if_it_may_be() {
        let header = test_header(EventType::GTID_TAGGED);
        let fields = [FIELDS_1, &[12 << 1, 0xFF, 0xFF]].concat();
        assert!(GtidEvent::parse(&message(&fields, 12, 0), &header).is_ok());
        let fault = GtidEvent::parse(&message(&fields, 13, 0), &header).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "GTID event: not supported: field 12 must not be ignored, and is not known"
        );
        let twice = [FIELDS_1, &[9 << 1, 0]].concat();
        let fault = GtidEvent::parse(&message(&twice, 0, 0), &header).unwrap_err();
        assert_eq!(fault.to_string(), "field number: needed at least 10, had 9");
        let fault = GtidEvent::parse(&message(&FIELDS_1[..2], 0, 0), &header).unwrap_err();
        assert_eq!(fault.to_string(), "GTID event: needed a UUID, had none");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>, tagged: bool) {
            let kind = if tagged { EventType::GTID_TAGGED } else { EventType::GTID };
            let _ = GtidEvent::parse(&body, &test_header(kind));
        }

        #[test]
        fn no_changed_byte_panics(at in 0..FIELDS_1.len(), byte: u8, cut in 0..60usize) {
            let mut body = message(FIELDS_1, 0, 0);
            body[at] = byte;
            body.truncate(cut);
            let _ = GtidEvent::parse(&body, &test_header(EventType::GTID_TAGGED));
        }
    }
}
