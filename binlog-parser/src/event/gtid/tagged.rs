//! The layout of a tagged Gtid event (42), a message of the serialization framework.

use crate::error::Fault;
use crate::gtid::{Tag, TransactionGtid, Uuid};
use crate::wire::Reader;

use super::fields::{GtidEvent, check_number, named};

/// How many fields of a tagged event are known.
const FIELDS: u64 = 12;

/// Reads the layout of type 42, a message of the serialization framework
/// (`libs/mysql/serialization/readme.md`): fields by number, ascending, some left out.
pub(super) fn parse_tagged(body: &[u8]) -> Result<GtidEvent, Fault> {
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
    let gno = gno.unwrap_or(0);
    check_number(false, gno)?;
    event.gtid = named(false, uuid, tag, gno);
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
pub(in crate::event) fn read_tag(reader: &mut Reader<'_>) -> Result<Option<Tag>, Fault> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;
    use crate::header::EventType;
    use proptest::prelude::*;

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
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = GtidEvent::parse(&body, &test_header(EventType::GTID_TAGGED));
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
