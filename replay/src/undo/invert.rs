//! Rows events turned round, byte by byte.
//!
//! ```text
//! Delete_rows  columns before | row 1 | row 2 | row 3         UPDATE  before 1, after 1, before 2 …
//! Write_rows   columns after  | row 3 | row 2 | row 1         inverse … after 2, before 2, after 1 …
//! ```
//!
//! Everything else of an event stays as the server wrote it: time, server, flags, and `log_pos`,
//! which so names the event that is undone.

use std::ops::Range;

use binlog_parser::event::format_description::{ChecksumAlgorithm, FormatDescription};
use binlog_parser::event::rows::{ExtraRowInfo, RowsKind, flags};
use binlog_parser::header::{EventHeader, EventType, Family, HEADER_BYTES};
use binlog_parser::scan::RawEvent;

use super::rows_statement::{Rows, Spans, inverse};
use crate::seal::seal;

/// Bytes of a table id in what is written.
const TABLE_ID_BYTES: usize = 6;

/// Writes events for a reader that was told one format description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoder {
    checksum: ChecksumAlgorithm,
    /// Rows events of version 1 become version 2: MySQL 8.4 takes no others any more.
    version2: bool,
}

impl Encoder {
    /// For readers of `format`.
    pub fn new(format: &FormatDescription) -> Self {
        let version2 = format.family == Family::Mysql
            && format.post_header_length(EventType::WRITE_ROWS).is_some_and(|length| length >= 10);
        Encoder { checksum: format.checksum, version2 }
    }

    /// Appends a table map, with its length and checksum made right for the reader.
    pub fn map(self, out: &mut Vec<u8>, event: &RawEvent<'_>) {
        let start = begin(out, &event.header(), event.event_type());
        out.extend_from_slice(event.body());
        self.seal(out, start);
    }

    /// Appends the inverse of the rows of `rows` whose numbers are in `range`, last row first, as
    /// an event that does not end its statement.
    pub fn rows(self, out: &mut Vec<u8>, rows: &Rows<'_, '_>, spans: &Spans, range: Range<usize>) {
        let (header, event) = (&rows.event.header(), rows.images());
        let version2 = self.version2 || is_version2(header.event_type);
        let start = begin(out, header, event_type(inverse(event.kind), version2));
        out.extend_from_slice(&event.table_id.to_le_bytes()[..TABLE_ID_BYTES]);
        out.extend_from_slice(&(event.flags & !flags::STMT_END).to_le_bytes());
        if version2 {
            extra_row_info(out, &event.extra);
        }
        lenenc(out, event.width as u64);
        // What was there before will be there after.
        for columns in [event.after_columns, event.before_columns].into_iter().flatten() {
            out.extend_from_slice(columns.bytes());
        }
        for span in range.rev().filter_map(|index| spans.get(index)) {
            out.extend_from_slice(event.rows.get(span.after()).unwrap_or_default());
            out.extend_from_slice(event.rows.get(span.before()).unwrap_or_default());
        }
        self.seal(out, start);
    }

    /// Sets STMT_END in the rows event that starts at `start` of `out` and ends where `out` ends.
    pub fn end_statement(self, out: &mut Vec<u8>, start: usize) {
        out.truncate(out.len() - self.checksum.bytes());
        if let Some(byte) = out.get_mut(start + HEADER_BYTES + TABLE_ID_BYTES) {
            *byte |= flags::STMT_END as u8;
        }
        self.seal(out, start);
    }

    /// Bytes of an event of the inverse beside its rows.
    pub fn overhead(self, rows: &Rows<'_, '_>) -> usize {
        rows.event.bytes().len() - rows.rows.rows.len() + 2 + self.checksum.bytes()
    }

    fn seal(self, out: &mut Vec<u8>, start: usize) {
        seal(out, start, self.checksum.bytes());
    }
}

/// A format description as the undo sends it: of a log that is closed and did not begin with its
/// server, so that no server takes it for a crash, and with the header length that is written.
pub(super) fn format_description(event: &RawEvent<'_>, format: &FormatDescription) -> Vec<u8> {
    const CREATED: Range<usize> = HEADER_BYTES + 52..HEADER_BYTES + 56;
    const HEADER_LENGTH: usize = HEADER_BYTES + 56;
    const IN_USE: u8 = 1;
    // It ends in a checksum whenever the server knows of checksums.
    let checksum_bytes = if format.checksum == ChecksumAlgorithm::Undefined { 0 } else { 4 };
    let mut bytes = event.bytes().to_vec();
    bytes.truncate(bytes.len().saturating_sub(checksum_bytes));
    if let Some(created) = bytes.get_mut(CREATED) {
        created.fill(0);
    }
    if let Some(length) = bytes.get_mut(HEADER_LENGTH) {
        *length = HEADER_BYTES as u8;
    }
    if let Some(flags) = bytes.get_mut(HEADER_BYTES - 2) {
        *flags &= !IN_USE;
    }
    seal(&mut bytes, 0, checksum_bytes);
    bytes
}

/// Appends a header whose length is not known yet.
fn begin(out: &mut Vec<u8>, header: &EventHeader, event_type: EventType) -> usize {
    let start = out.len();
    out.extend_from_slice(&header.timestamp.to_le_bytes());
    out.push(event_type.0);
    out.extend_from_slice(&header.server_id.to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes()); // length
    out.extend_from_slice(&header.log_pos.to_le_bytes());
    out.extend_from_slice(&header.flags.to_le_bytes());
    start
}

fn is_version2(event_type: EventType) -> bool {
    event_type.0 >= EventType::WRITE_ROWS.0
}

fn event_type(kind: RowsKind, version2: bool) -> EventType {
    match (kind, version2) {
        (RowsKind::Write, true) => EventType::WRITE_ROWS,
        (RowsKind::Update, true) => EventType::UPDATE_ROWS,
        (RowsKind::Delete, true) => EventType::DELETE_ROWS,
        (RowsKind::Write, false) => EventType::WRITE_ROWS_V1,
        (RowsKind::Update, false) => EventType::UPDATE_ROWS_V1,
        (RowsKind::Delete, false) => EventType::DELETE_ROWS_V1,
    }
}

/// Appends the chunks of version 2. An update that moved rows to another partition moves them back.
fn extra_row_info(out: &mut Vec<u8>, extra: &ExtraRowInfo<'_>) {
    const LENGTH_BYTES: usize = 2;
    const PARTITION: u8 = 1;
    let length = extra.bytes.len() + LENGTH_BYTES;
    out.extend_from_slice(&(length as u16).to_le_bytes());
    let start = out.len();
    out.extend_from_slice(extra.bytes);
    let (Some(target), Some(source)) = (extra.partition_id, extra.source_partition_id) else {
        return;
    };
    // NDB's chunk, if any: type, a length that counts itself and the format, format, data.
    let ndb = extra.ndb.map_or(0, |(_, data)| data.len() + 3);
    let chunk = if extra.bytes.first() == Some(&PARTITION) { 0 } else { ndb };
    if let Some(ids) = out.get_mut(start + chunk + 1..start + chunk + 5) {
        ids[..2].copy_from_slice(&source.to_le_bytes());
        ids[2..].copy_from_slice(&target.to_le_bytes());
    }
}

/// Appends a length-encoded integer (the manual's "Protocol::LengthEncodedInteger").
fn lenenc(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    match value {
        0..=250 => out.push(bytes[0]),
        251..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::source::log::{Log, MAGIC};
    use binlog_parser::transaction::{Transaction, Unit, Units};
    use proptest::prelude::*;

    use crate::undo::rows_statement::RowsStatement;

    /// A log of a server of `version` with these events; each is a type and a body.
    fn log(version: &str, events: &[(EventType, Vec<u8>)]) -> Log {
        let mut bytes = MAGIC.to_vec();
        let mut description = vec![];
        description.extend(4u16.to_le_bytes()); // binlog version
        let mut name = version.as_bytes().to_vec();
        name.resize(50, 0);
        description.extend(name); // server version
        description.extend(7u32.to_le_bytes()); // created
        description.push(HEADER_BYTES as u8); // header length
        let mut lengths = [0; 42];
        lengths[usize::from(EventType::TABLE_MAP.0) - 1] = 8;
        lengths[usize::from(EventType::WRITE_ROWS.0) - 1] = 10;
        description.extend(lengths); // post-header lengths
        description.push(1); // CRC-32
        for (event_type, body) in
            [(EventType::FORMAT_DESCRIPTION, description)].iter().chain(events)
        {
            let start = bytes.len();
            let length = HEADER_BYTES + body.len() + 4;
            let header = EventHeader {
                timestamp: 1,
                event_type: *event_type,
                server_id: 9,
                event_length: 0,
                log_pos: (start + length) as u32,
                flags: 0,
            };
            begin(&mut bytes, &header, *event_type);
            bytes.extend_from_slice(body);
            seal(&mut bytes, start, 4);
        }
        Log::from_reader(&bytes[..]).unwrap()
    }

    /// The only transaction of a log.
    fn transaction(log: &Log) -> Transaction<'_> {
        Units::new(log.scan())
            .find_map(|unit| match unit {
                Unit::Transaction(transaction) => Some(transaction),
                _ => None,
            })
            .unwrap()
    }

    /// Inverts the rows event of `log`, which is its last.
    fn inverted(log: &Log) -> (EventType, Vec<u8>) {
        let transaction = transaction(log);
        let statement = transaction.statements(TABLE_ID_BYTES).next().unwrap();
        let read = RowsStatement::read(&statement, log, log.format()).unwrap();
        let rows = &read.rows[0];
        let mut spans = Spans::default();
        spans.measure(rows, read.map_of(rows).layout(), None).unwrap();
        let encoder = Encoder::new(log.format());
        let mut out = vec![];
        encoder.rows(&mut out, rows, &spans, 0..spans.len());
        encoder.end_statement(&mut out, 0);
        let header = EventHeader::parse(&out).unwrap();
        assert_eq!(header.event_length as usize, out.len());
        let (checked, crc) = out.split_at(out.len() - 4);
        assert_eq!(crc, crc32fast::hash(checked).to_le_bytes());
        (header.event_type, checked[HEADER_BYTES..].to_vec())
    }

    /// Table `s`.`t` with a TINYINT and a VARCHAR(9).
    #[rustfmt::skip]
    const MAP: &[u8] = &[
        7, 0, 0, 0, 0, 0,        // table id
        1, 0,                    // flags
        1, b's', 0, 1, b't', 0,  // names
        2, 1, 15,                // columns: TINY, VARCHAR
        2, 9, 0,                 // metadata: nine bytes
        0b11,                    // both may be NULL
    ];

    fn head(extra: &[u8]) -> Vec<u8> {
        let mut body = vec![7, 0, 0, 0, 0, 0, 1 | 2, 0]; // table id; STMT_END, no foreign keys
        body.extend(extra);
        body.push(2); // width
        body
    }

    #[test]
    fn a_delete_becomes_an_insert_of_its_rows_from_the_last_to_the_first() {
        let mut body = head(&[2, 0]);
        body.push(0b11);
        body.extend([0, 5, 1, b'a']); // 5, 'a'
        body.extend([2, 6]); // 6, NULL
        let log =
            log("9.7.0", &[(EventType::TABLE_MAP, MAP.into()), (EventType::DELETE_ROWS, body)]);
        let mut expected = head(&[2, 0]);
        expected.push(0b11);
        expected.extend([2, 6]);
        expected.extend([0, 5, 1, b'a']);
        assert_eq!(inverted(&log), (EventType::WRITE_ROWS, expected));
    }

    #[test]
    fn an_update_moves_back_to_its_partition() {
        let mut body = head(&[7, 0, 1, 5, 0, 4, 0]); // to partition 5, from 4
        body.extend([0b01, 0b11]);
        body.extend([0, 1]); // before: 1
        body.extend([0, 2, 1, b'x']); // after: 2, 'x'
        let log =
            log("9.7.0", &[(EventType::TABLE_MAP, MAP.into()), (EventType::UPDATE_ROWS, body)]);
        let mut expected = head(&[7, 0, 1, 4, 0, 5, 0]);
        expected.extend([0b11, 0b01]);
        expected.extend([0, 2, 1, b'x']);
        expected.extend([0, 1]);
        assert_eq!(inverted(&log), (EventType::UPDATE_ROWS, expected));
    }

    #[test]
    fn rows_of_version_1_become_version_2_for_mysql_and_stay_for_mariadb() {
        let events = || {
            let mut body = head(&[]);
            body.extend([0b11, 0, 5, 1, b'a']);
            [(EventType::TABLE_MAP, MAP.into()), (EventType::WRITE_ROWS_V1, body)]
        };
        assert_eq!(inverted(&log("9.7.0", &events())).0, EventType::DELETE_ROWS);
        assert_eq!(inverted(&log("11.8.6-MariaDB", &events())).0, EventType::DELETE_ROWS_V1);
    }

    #[test]
    fn the_format_description_is_of_a_closed_log() {
        let log = log("9.7.0", &[]);
        let event = log.scan().events().next().unwrap();
        let bytes = format_description(&event, log.format());
        let format = FormatDescription::parse(&bytes).unwrap();
        assert_eq!((format.created, log.format().created), (0, 7));
        assert!(format.same_layout(log.format()));
        let (checked, crc) = bytes.split_at(bytes.len() - 4);
        assert_eq!(crc, crc32fast::hash(checked).to_le_bytes());
    }

    /// An image of both columns.
    fn image() -> impl Strategy<Value = Vec<u8>> {
        let text = proptest::collection::vec(any::<u8>(), 0..9);
        (proptest::option::of(any::<u8>()), proptest::option::of(text)).prop_map(|(tiny, text)| {
            let mut image = vec![u8::from(tiny.is_none()) | u8::from(text.is_none()) << 1];
            image.extend(tiny);
            if let Some(text) = text {
                image.push(text.len() as u8);
                image.extend(text);
            }
            image
        })
    }

    proptest! {
        #[test]
        fn inverting_twice_gives_the_event_back(
            kind in 0u8..3,
            mariadb: bool,
            images in proptest::collection::vec((image(), image()), 1..20),
        ) {
            let (first, version, extra) = match mariadb {
                true => (EventType::WRITE_ROWS_V1.0, "10.11.2-MariaDB", &[][..]),
                false => (EventType::WRITE_ROWS.0, "8.4.0", &[2, 0][..]),
            };
            let event_type = EventType(first + kind);
            let update = kind == 1;
            let mut body = head(extra);
            body.extend(if update { &[0b11, 0b11][..] } else { &[0b11] });
            for (before, after) in &images {
                body.extend(before);
                body.extend(if update { &after[..] } else { &[] });
            }
            let original = (event_type, body);
            let map = (EventType::TABLE_MAP, MAP.to_vec());
            let inverse = inverted(&log(version, &[map.clone(), original.clone()]));
            prop_assert_eq!(inverse.0.0, first + 2 - kind);
            prop_assert_eq!(inverted(&log(version, &[map, inverse])), original);
        }
    }
}
