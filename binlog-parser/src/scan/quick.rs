//! The walk over events of which nothing is to be decided but what they are, as over nearly all. What
//! it needs stands in it, so that a loop may have it in registers.

use super::checksum::is_right;
use super::{Frame, RawEvent};
use crate::event::format_description::FormatDescription;
use crate::header::{EventHeader, EventType, HEADER_BYTES};
use crate::limits;
use crate::source::mmap::ask_for;

/// How far ahead of a checksum the bytes are asked for: a page.
const ASKED_AHEAD: usize = 4 << 10;

/// Stands before an event. What is none in this sight is to be looked at with care: it may have a rule
/// of its own, be damage, or not be there yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quick<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) offset: usize,
    /// No event that starts here or behind is read.
    pub(super) until: usize,
    /// Of the last event that was passed.
    pub(super) server_id: u32,
    pub(super) header_bytes: u8,
    pub(super) checksum_bytes: u8,
    pub(super) binlog_version: u8,
    pub(super) table_id_bytes: u8,
}

impl<'a> Quick<'a> {
    /// Stands at the start of `bytes`, where events are read by `format`; it goes nowhere yet.
    pub(super) fn new(bytes: &'a [u8], server_id: u32, format: &FormatDescription) -> Self {
        Quick {
            bytes,
            offset: 0,
            until: 0,
            server_id,
            header_bytes: format.common_header_length,
            checksum_bytes: format.checksum.bytes() as u8,
            // A description has 3 or 4, or is refused.
            binlog_version: format.binlog_version as u8,
            table_id_bytes: format.table_id_bytes() as u8,
        }
    }

    /// The next event. Its checksum was compared by [`Quick::checked`], or is not to be.
    #[inline(always)]
    pub(crate) fn frame(&self) -> Option<Frame<'a>> {
        self.any_frame().filter(|frame| !rules_itself(frame.event_type()))
    }

    /// As [`Quick::frame`], but the event may be one that has a rule of its own: for those who go on over
    /// some types alone, and none of these.
    #[inline(always)]
    pub(crate) fn any_frame(&self) -> Option<Frame<'a>> {
        if self.offset >= self.until {
            return None;
        }
        let rest = self.bytes.get(self.offset..)?;
        let head: &[u8; HEADER_BYTES] = rest.first_chunk()?;
        let length = EventHeader::read(head).event_length;
        let least = u32::from(self.header_bytes) + u32::from(self.checksum_bytes);
        if length < least || length > limits::EVENT_BYTES {
            return None;
        }
        let bytes = rest.get(..length as usize)?;
        Some(Frame { offset: self.offset, head, bytes, binlog_version: self.binlog_version.into() })
    }

    /// Moves behind the next event, which is `frame`.
    #[inline(always)]
    pub(crate) fn pass(&mut self, frame: &Frame<'a>) {
        self.offset += frame.bytes.len();
        self.server_id = EventHeader::read(frame.head).server_id;
    }

    /// The event in `frame`.
    #[inline(always)]
    pub(crate) fn event(&self, frame: &Frame<'a>) -> RawEvent<'a> {
        frame.event(self.header_bytes, self.checksum_bytes)
    }

    /// Bytes of the table ids in the events.
    #[inline(always)]
    pub(crate) fn table_id_bytes(&self) -> usize {
        usize::from(self.table_id_bytes)
    }

    /// Stream position of the next event.
    pub(crate) fn offset(&self) -> u64 {
        self.offset as u64
    }

    /// How far the checksums of the events ahead are right; `crc` is one of nothing. To compare those
    /// of many events in a row is faster than to compare each where it is used: the processor works on
    /// several at once.
    pub(super) fn checked(mut self, crc: &crc32fast::Hasher) -> usize {
        while let Some(frame) = self.frame()
            && is_right(frame.bytes, crc)
        {
            self.offset += frame.bytes.len();
            ask_for(self.bytes, self.offset + ASKED_AHEAD);
        }
        self.offset
    }
}

/// Whether an event of this type says what holds for those behind it, or has a header of its own.
#[inline]
fn rules_itself(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::FORMAT_DESCRIPTION | EventType::ROTATE | EventType::START_ENCRYPTION
    )
}
