//! Previous_gtids (35): what had been executed when a MySQL log began.

use crate::error::Fault;
use crate::gtid::{GNO_MAX, GtidSet, Tag, Tsid, Uuid};
use crate::header::EventHeader;
use crate::wire::Reader;

use super::gtid::read_tag;

/// Bytes of an interval: first number and the number after the last.
const INTERVAL_BYTES: u64 = 16;

/// Every GTID of the logs before this one, whether they still exist or not
/// (`Previous_gtids_event` in `control_events.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousGtidsEvent {
    /// The set.
    pub gtids: GtidSet,
}

impl PreviousGtidsEvent {
    /// Reads the body of a Previous_gtids event in either encoding of `Gtid_set::encode`: with a
    /// tag behind every UUID, or, where no GTID has a tag, without. Bytes behind the set are
    /// ignored.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, an interval is empty or out of order, or the encoding is
    /// unknown.
    pub fn parse(body: &[u8], _header: &EventHeader) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let count = reader.u64("number of sources")?;
        let (tagged, sources) = match count >> 56 {
            0 => (false, count),
            1 => (true, count << 8 >> 16),
            format => return Err(Fault::value("GTID set encoding", "0 or 1", format)),
        };
        let mut gtids = GtidSet::new();
        // Each round reads at least 24 bytes or fails, so a false count ends soon.
        for _ in 0..sources {
            let uuid = Uuid(reader.array("UUID")?);
            let tag: Option<Tag> = if tagged { read_tag(&mut reader)? } else { None };
            read_intervals(&mut reader, Tsid { uuid, tag }, &mut gtids)?;
        }
        Ok(PreviousGtidsEvent { gtids })
    }
}

/// Reads the intervals of one source.
fn read_intervals(reader: &mut Reader<'_>, source: Tsid, gtids: &mut GtidSet) -> Result<(), Fault> {
    let count = reader.u64("number of intervals")?;
    let needed = count.saturating_mul(INTERVAL_BYTES);
    let mut intervals = Reader::new(reader.take_u64(needed, "intervals")?);
    let mut least = 1;
    while !intervals.is_empty() {
        let start = intervals.u64("start of an interval")?;
        let end = intervals.u64("end of an interval")?;
        if start < least || end <= start || end > GNO_MAX + 1 {
            return Err(Fault::value(
                "GTID interval",
                format!("a start from {least} and an end from start+1 to 2^63-1"),
                format!("start {start}, end {end}"),
            ));
        }
        gtids.add_interval(source, start..=end - 1);
        // The next one may not even touch this one: the server would have joined them.
        least = end + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;
    use crate::header::EventType;
    use proptest::prelude::*;

    fn parse(body: &[u8]) -> Result<GtidSet, Fault> {
        PreviousGtidsEvent::parse(body, &test_header(EventType::PREVIOUS_GTIDS))
            .map(|event| event.gtids)
    }

    #[rustfmt::skip]
    const UNTAGGED: &[u8] = &[
        1, 0, 0, 0, 0, 0, 0, 0,                         // one source, encoding 0
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, // UUID
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        2, 0, 0, 0, 0, 0, 0, 0,                         // two intervals
        1, 0, 0, 0, 0, 0, 0, 0,                         // from 1
        6, 0, 0, 0, 0, 0, 0, 0,                         // to before 6
        8, 0, 0, 0, 0, 0, 0, 0,                         // from 8
        9, 0, 0, 0, 0, 0, 0, 0,                         // to before 9
    ];

    #[rustfmt::skip]
    const TAGGED: &[u8] = &[
        1, 2, 0, 0, 0, 0, 0, 1,                         // encoding 1, two sources, encoding 1
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, // UUID
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        0,                                              // no tag
        1, 0, 0, 0, 0, 0, 0, 0,                         // one interval
        1, 0, 0, 0, 0, 0, 0, 0,                         // from 1
        6, 0, 0, 0, 0, 0, 0, 0,                         // to before 6
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, // UUID
        0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        3 << 1, b'd', b'a', b'y',                       // tag
        1, 0, 0, 0, 0, 0, 0, 0,                         // one interval
        2, 0, 0, 0, 0, 0, 0, 0,                         // from 2
        4, 0, 0, 0, 0, 0, 0, 0,                         // to before 4
    ];

    #[test]
    fn both_encodings_read() {
        let uuid = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
        assert_eq!(parse(UNTAGGED).unwrap().to_string(), format!("{uuid}:1-5:8"));
        assert_eq!(parse(TAGGED).unwrap().to_string(), format!("{uuid}:1-5:day:2-3"));
        assert!(parse(&[0; 8]).unwrap().is_empty());
        let longer = [UNTAGGED, &[1, 2, 3]].concat();
        assert_eq!(parse(&longer), parse(UNTAGGED));
    }

    #[test]
    fn a_set_cut_anywhere_is_a_fault() {
        for body in [UNTAGGED, TAGGED] {
            for end in 0..body.len() {
                assert!(parse(&body[..end]).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn false_claims_are_named() {
        let mut body = UNTAGGED.to_vec();
        body[48] = 6;
        assert_eq!(
            parse(&body).unwrap_err().to_string(),
            "GTID interval: needed a start from 7 and an end from start+1 to 2^63-1, had start 6, end 9"
        );
        body = UNTAGGED.to_vec();
        body[31] = 0xFF;
        let fault = parse(&body).unwrap_err().to_string();
        assert_eq!(fault, "intervals: needed 18446744073709551615 bytes, had 32");
        body = UNTAGGED.to_vec();
        body[7] = 2;
        assert_eq!(
            parse(&body).unwrap_err().to_string(),
            "GTID set encoding: needed 0 or 1, had 2"
        );
        body[6] = 0xFF;
        body[7] = 0;
        assert!(parse(&body).unwrap_err().to_string().starts_with("UUID: needed 16 bytes"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = parse(&body);
        }

        #[test]
        fn no_changed_byte_panics(at in 0..TAGGED.len(), byte: u8) {
            let mut body = TAGGED.to_vec();
            body[at] = byte;
            let _ = parse(&body);
        }
    }
}
