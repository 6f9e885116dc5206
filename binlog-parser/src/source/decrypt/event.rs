//! One event of a MariaDB-encrypted log.
//!
//! ```text
//! plain       timestamp 4 | type, server_id 5 | length 4    | rest
//! moved                     type, server_id 5 | timestamp 4 | rest      this is encrypted …
//! in the log  first 4     | next 5            | length 4    | rest      … and stands like this,
//!                                     its bytes 5 to 9 in front, the length in their place
//! ```

use std::io;
use std::ops::Range;

use super::CHUNK_BYTES;
use super::aes::{Aes, BLOCK_BYTES, Mode};
use crate::event::format_description::{ChecksumAlgorithm, FormatDescription};
use crate::header::{EventHeader, EventType, HEADER_BYTES};
use crate::limits;

/// Where the length stands in an event, and for what is encrypted, the timestamp.
const LENGTH: Range<usize> = 9..13;

/// Bytes of the first piece that is decrypted: enough for the header, and whole blocks behind the
/// first four bytes, which are not part of the encrypted text.
const FIRST_BYTES: usize = 4 + 2 * BLOCK_BYTES;

/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;

/// The events of an encrypted log.
pub(super) struct EncryptedEvents<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) nonce: [u8; 12],
    pub(super) aes: &'a Aes,
    /// How events are checked from here on.
    pub(super) checksum: ChecksumAlgorithm,
    /// A relay log has the positions of another server's log.
    pub(super) relay_log: bool,
}

/// Whether what came out is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is: its checksum is right, or where there are none, its end position.
    Proven,
    /// Nothing tells: an event of a relay log without checksums.
    Unproven,
    /// It is not.
    Wrong,
}

impl EncryptedEvents<'_> {
    /// Length of the event at `at`, in bytes, if one of this length can stand there.
    pub(super) fn length(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        let length = u32::from_le_bytes(*rest.get(LENGTH)?.first_chunk()?);
        let least = HEADER_BYTES + self.checksum.bytes();
        let possible = length as usize >= least && length <= limits::EVENT_BYTES;
        (possible && length as usize <= rest.len()).then_some(length as usize)
    }

    /// Decrypts the event of `length` bytes at `at`, and hands it over in pieces.
    ///
    /// # Errors
    /// Whatever `take` fails with.
    pub(super) fn decrypt(
        &self,
        at: usize,
        length: usize,
        mode: Mode,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Verdict> {
        let mut crc = Checksum::new(length);
        let header = self.pieces(at, length, mode, |piece, _| {
            crc.update(piece);
            take(piece)
        })?;
        Ok(self.verdict(at, header, &crc))
    }

    /// What the event at `at` is, if it can be one at all. A wrong header ends the look at once.
    pub(super) fn probe(&self, at: usize, mode: Mode) -> Option<Verdict> {
        let length = self.length(at)?;
        let mut crc = Checksum::new(length);
        let header = self.pieces(at, length, mode, |piece, header| {
            crc.update(piece);
            let plausible = self.relay_log || ends_here(header, at);
            if plausible && header.event_type.is_known() { Ok(()) } else { Err(()) }
        });
        Some(header.map_or(Verdict::Wrong, |header| self.verdict(at, header, &crc)))
    }

    /// The first offset in `range` at which an event is proven.
    pub(super) fn next_proven(&self, range: Range<usize>, mode: Mode) -> Option<usize> {
        let stop = range.end.min(self.bytes.len());
        (range.start..stop).find(|at| self.probe(*at, mode) == Some(Verdict::Proven))
    }

    /// Takes in what a format description says of the events behind it: relay logs have several.
    pub(super) fn follow(&mut self, at: usize, length: usize, mode: Mode) {
        if length > CHUNK_BYTES {
            return;
        }
        let mut event = Vec::new();
        let header = self.pieces(at, length, mode, |piece, header| {
            event.extend(piece);
            if header.event_type == EventType::FORMAT_DESCRIPTION { Ok(()) } else { Err(()) }
        });
        if header.is_ok()
            && let Ok(format) = FormatDescription::parse(&event)
        {
            self.checksum = format.checksum;
        }
    }

    /// Hands the plain event over in pieces, the first of which has the whole header.
    fn pieces<E>(
        &self,
        at: usize,
        length: usize,
        mode: Mode,
        mut take: impl FnMut(&[u8], &EventHeader) -> Result<(), E>,
    ) -> Result<EventHeader, E> {
        let event = self.bytes.get(at..).unwrap_or_default();
        let event = &event[..length.min(event.len())];
        let (first, rest) = event.split_at(FIRST_BYTES.min(event.len()));
        let mut stream = self.aes.stream(mode, self.iv(at));
        let mut buffer = first.to_vec();
        buffer.copy_within(..4, LENGTH.start);
        stream.decrypt(&mut buffer[4..]);
        buffer.copy_within(LENGTH, 0);
        buffer[LENGTH].copy_from_slice(&first[LENGTH]);
        let header = header(&buffer);
        take(&buffer, &header)?;
        for piece in rest.chunks(CHUNK_BYTES) {
            buffer.clear();
            buffer.extend(piece);
            stream.decrypt(&mut buffer);
            take(&buffer, &header)?;
        }
        Ok(header)
    }

    /// The event's own initialisation vector: the nonce and its position, modulo 2^32.
    fn iv(&self, at: usize) -> [u8; BLOCK_BYTES] {
        let mut iv = [0; BLOCK_BYTES];
        iv[..12].copy_from_slice(&self.nonce);
        iv[12..].copy_from_slice(&(at as u32).to_le_bytes());
        iv
    }

    fn verdict(&self, at: usize, header: EventHeader, crc: &Checksum) -> Verdict {
        // A format description has a checksum even where the other events have none.
        let has_checksum = header.event_type == EventType::FORMAT_DESCRIPTION
            || self.checksum == ChecksumAlgorithm::Crc32;
        let known = header.event_type.is_known();
        match (has_checksum, self.relay_log) {
            (true, _) if crc.is_right() => Verdict::Proven,
            (false, true) if known => Verdict::Unproven,
            (false, false) if known && ends_here(&header, at) => Verdict::Proven,
            _ => Verdict::Wrong,
        }
    }
}

/// The header in front of an event; of no type, and so of no event, if that is too short.
fn header(event: &[u8]) -> EventHeader {
    EventHeader::parse(event).unwrap_or(EventHeader {
        timestamp: 0,
        event_type: EventType(0),
        server_id: 0,
        event_length: 0,
        log_pos: 0,
        flags: 0,
    })
}

/// Whether the header says that its event, which stands at `at`, ends where it does.
fn ends_here(header: &EventHeader, at: usize) -> bool {
    header.log_pos == (at as u32).wrapping_add(header.event_length)
}

/// The CRC-32 of all but the last four bytes of an event, and those.
struct Checksum {
    /// Bytes before the stored checksum that are still to come.
    left: usize,
    crc: crc32fast::Hasher,
    stored: Vec<u8>,
}

impl Checksum {
    fn new(length: usize) -> Self {
        let left = length.saturating_sub(CHECKSUM_BYTES);
        Checksum { left, crc: crc32fast::Hasher::new(), stored: Vec::with_capacity(CHECKSUM_BYTES) }
    }

    fn update(&mut self, piece: &[u8]) {
        let (checked, stored) = piece.split_at(self.left.min(piece.len()));
        self.crc.update(checked);
        self.left -= checked.len();
        self.stored.extend(stored);
    }

    fn is_right(&self) -> bool {
        self.stored == self.crc.clone().finalize().to_le_bytes()
    }
}
