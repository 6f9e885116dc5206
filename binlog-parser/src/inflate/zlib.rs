//! MariaDB's compressed events: a statement's text, or the rows of an event, by zlib
//! (`query_event_uncompress` and `row_log_event_uncompress` in `sql/log_event.cc`).
//!
//! ```text
//! Write_rows_compressed_v1  header | table id, flags, width, columns | 82 03 E8 | zlib | checksum
//! Write_rows_v1             header | table id, flags, width, columns | 1000 bytes      | checksum
//! ```

use flate2::{Decompress, FlushDecompress, Status};

use super::room::Room;
use crate::error::Fault;
use crate::event::query::QueryEvent;
use crate::event::rows::RowsEvent;
use crate::header::EventType;
use crate::limits;
use crate::scan::RawEvent;
use crate::wire::Reader;

/// Bytes of a table id: six since long before MariaDB compressed anything.
const TABLE_ID_BYTES: usize = 6;

/// A decoder that is used again.
#[derive(Debug)]
pub(super) struct Zlib(Decompress);

impl Default for Zlib {
    fn default() -> Self {
        Zlib(Decompress::new(true))
    }
}

impl Zlib {
    /// Writes the event that `event` would be if its server did not compress into `room`: of the
    /// plain type, with its length and checksum.
    ///
    /// # Errors
    /// A [`Fault`] if the event is damaged, or would be longer than any event.
    pub fn event(&mut self, event: &RawEvent<'_>, room: &mut Room) -> Result<(), Fault> {
        let (plain_type, head_bytes) = plain_form(event)?;
        let body = event.body();
        let (head, packed) = body.split_at(head_bytes.min(body.len()));
        let (length, packed) = claim(packed)?;
        let header_bytes = event.header_bytes();
        let total = (header_bytes + head.len() + event.checksum_bytes()) as u64 + length;
        if total > u64::from(limits::EVENT_BYTES) {
            return Err(Fault::limit("uncompressed event", limits::EVENT_BYTES.into(), total));
        }
        room.limit("uncompressed transaction", limits::UNPACKED_BYTES);
        let mut header = event.bytes().get(..header_bytes).unwrap_or_default().to_vec();
        if let Some(code) = header.get_mut(4) {
            *code = plain_type.0;
        }
        if let Some(field) = header.get_mut(9..13) {
            field.copy_from_slice(&(total as u32).to_le_bytes());
        }
        room.push(&header)?;
        room.push(head)?;
        let mut crc = crc32fast::Hasher::new();
        crc.update(&header);
        crc.update(head);
        self.inflate(packed, length, room, &mut crc)?;
        if event.checksum_bytes() > 0 {
            room.push(&crc.finalize().to_le_bytes())?;
        }
        Ok(())
    }

    fn inflate(
        &mut self,
        packed: &[u8],
        length: u64,
        room: &mut Room,
        crc: &mut crc32fast::Hasher,
    ) -> Result<(), Fault> {
        let Zlib(decoder) = self;
        decoder.reset(true);
        let wrong = |had: &dyn std::fmt::Display| {
            Fault::value("zlib stream", format!("{length} bytes, as the event claims"), had)
        };
        loop {
            let rest = packed.get(decoder.total_in() as usize..).unwrap_or_default();
            let memory = room.spare(length - decoder.total_out())?;
            let (at, before) = (memory.len(), (decoder.total_in(), decoder.total_out()));
            let status = decoder.decompress_vec(rest, memory, FlushDecompress::None);
            crc.update(memory.get(at..).unwrap_or_default());
            let status = status.map_err(|error| wrong(&error))?;
            let had = decoder.total_out();
            if had > length {
                return Err(wrong(&"more"));
            }
            match status {
                Status::StreamEnd if had == length => return Ok(()),
                Status::StreamEnd => return Err(wrong(&had)),
                // There was room to write to, so what lacks is input.
                _ if (decoder.total_in(), had) == before => return Err(wrong(&had)),
                _ => {}
            }
        }
    }
}

/// The type that an event has plain, and how many bytes of its body are plain already: what its
/// reader takes for the text or the rows is what is compressed.
fn plain_form(event: &RawEvent<'_>) -> Result<(EventType, usize), Fault> {
    let (plain, body) = (event.event_type().plain(), event.body());
    let packed = match plain {
        EventType::QUERY => QueryEvent::parse(body)?.text,
        _ => RowsEvent::parse(body, plain, TABLE_ID_BYTES)?.rows,
    };
    Ok((plain, body.len() - packed.len()))
}

/// Reads the head of what is compressed: how many bytes it claims to have plain, and its stream.
fn claim(packed: &[u8]) -> Result<(u64, &[u8]), Fault> {
    const WHAT: &str = "compression of the event";
    let mut reader = Reader::new(packed);
    let head = reader.u8(WHAT)?;
    // The highest bit is set always; three bits name the algorithm, of which 0 is zlib.
    if head & 0xF0 != 0x80 {
        return Err(Fault::value(WHAT, "0x80 (zlib)", format!("{:#x}", head & 0xF0)));
    }
    let count = usize::from(head & 7);
    if !(1..=4).contains(&count) {
        return Err(Fault::value("length of the event's length", "1 to 4", count));
    }
    let length = reader.take(count, "length of the uncompressed event")?;
    let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    Ok((length, reader.take_rest()))
}
