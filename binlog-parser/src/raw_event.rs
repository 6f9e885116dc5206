//! One event as the walk over a log hands it out.

use crate::address::EventAddress;
use crate::error::{Fault, Location};
use crate::event::query::QueryEvent;
use crate::header::{EventHeader, EventType, HEADER_BYTES};
use crate::source::log::Log;

/// One event as it stands in the log, its frame checked and its body not looked at.
#[derive(Debug, Clone, Copy)]
pub struct RawEvent<'a> {
    /// Stream position of the first byte; of an event in a payload, that of the payload event.
    pub offset: u64,
    /// At least a header.
    pub(crate) bytes: &'a [u8],
    /// Bytes that the event takes up in the log; the payload, if it is in one.
    pub(crate) logged_bytes: u32,
    pub(crate) origin: Origin,
    pub(crate) header_bytes: u8,
    pub(crate) checksum_bytes: u8,
    pub(crate) binlog_version: u16,
}

/// The frame of an event that was found right: what an event is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) offset: usize,
    pub(crate) head: &'a [u8; HEADER_BYTES],
    pub(crate) bytes: &'a [u8],
    pub(crate) binlog_version: u16,
}

impl<'a> Frame<'a> {
    /// The event's type.
    #[inline]
    pub(crate) fn event_type(&self) -> EventType {
        EventHeader::read(self.head).event_type
    }

    /// The event, which has so many bytes of header and of checksum.
    #[inline(always)]
    pub(crate) fn event(&self, header_bytes: u8, checksum_bytes: u8) -> RawEvent<'a> {
        RawEvent {
            offset: self.offset as u64,
            bytes: self.bytes,
            logged_bytes: self.bytes.len() as u32,
            origin: Origin::Log,
            header_bytes,
            checksum_bytes,
            binlog_version: self.binlog_version,
        }
    }
}

/// Where the bytes of an event are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// They are the log's.
    Log,
    /// They are those of a compressed event, inflated.
    Inflated,
    /// They stand at this byte of an inflated payload.
    Payload(u32),
}

impl<'a> RawEvent<'a> {
    /// The event that stands at byte `inner` of what the payload `outer` holds. Such events have no
    /// checksums.
    pub(crate) fn inside(outer: &RawEvent<'_>, inner: u32, bytes: &'a [u8]) -> Self {
        let origin = Origin::Payload(inner);
        RawEvent { bytes, origin, checksum_bytes: 0, ..outer.elsewhere() }
    }

    /// The compressed event `outer` with `bytes`, which are all of it inflated.
    pub(crate) fn inflated(outer: &RawEvent<'_>, bytes: &'a [u8]) -> Self {
        RawEvent { bytes, origin: Origin::Inflated, ..outer.elsewhere() }
    }

    /// The event with no bytes of the log.
    fn elsewhere<'b>(&self) -> RawEvent<'b> {
        RawEvent { bytes: &[], ..*self }
    }

    /// The common header. It is read where it stands, each time: of most events little of it is asked
    /// for. Its length is what was framed, whatever stands in the log by now.
    #[must_use]
    #[inline]
    pub fn header(&self) -> EventHeader {
        let head = self.bytes.first_chunk().unwrap_or(&[0; HEADER_BYTES]);
        let event_length = self.bytes.len() as u32;
        EventHeader { event_length, ..EventHeader::read(head) }.of_version(self.binlog_version)
    }

    /// The whole event: header, body and checksum; inflated, if it was compressed.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Position in the plain text of the compressed transaction whose payload event starts at
    /// [`RawEvent::offset`]; none for events that stand in the log themselves.
    #[must_use]
    pub fn inner(&self) -> Option<u64> {
        match self.origin {
            Origin::Payload(inner) => Some(u64::from(inner)),
            Origin::Log | Origin::Inflated => None,
        }
    }

    /// Where the event stands among those of its log: its offset, and its position in the payload.
    #[must_use]
    pub fn place(&self) -> (u64, Option<u64>) {
        (self.offset, self.inner())
    }

    /// Whether [`RawEvent::bytes`] are those of the log from [`RawEvent::offset`] on.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        self.origin == Origin::Log
    }

    /// The event's address in `log`, with its type.
    #[must_use]
    pub fn location(&self, log: &Log) -> Location {
        let location = log.location(self.offset).of(self.event_type().name());
        Location { inner: self.inner(), ..location }
    }

    /// The event's address in `log`.
    #[must_use]
    pub fn address(&self, log: &Log) -> EventAddress {
        EventAddress { inner: self.inner(), ..EventAddress::new(log.name(), self.offset) }
    }

    /// Bytes of the common header.
    pub(crate) fn header_bytes(&self) -> usize {
        usize::from(self.header_bytes)
    }

    /// What lies between header and checksum.
    #[must_use]
    #[inline]
    pub fn body(&self) -> &'a [u8] {
        let end = self.bytes.len() - usize::from(self.checksum_bytes);
        self.bytes.get(usize::from(self.header_bytes)..end).unwrap_or_default()
    }

    /// The body of a QUERY event, by the layout of the log's version.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn query(&self) -> Result<QueryEvent<'a>, Fault> {
        match self.binlog_version {
            3 => QueryEvent::parse_v3(self.body()),
            _ => QueryEvent::parse(self.body()),
        }
    }

    /// The text of a QUERY event; none if bytes are missing, as [`RawEvent::query`] would say.
    #[must_use]
    #[inline]
    pub(crate) fn query_text(&self) -> Option<&'a [u8]> {
        match self.binlog_version {
            3 => self.query().ok().map(|query| query.text),
            _ => QueryEvent::text_of(self.body()),
        }
    }

    /// Bytes of checksum at the end: 4 or 0.
    #[must_use]
    pub fn checksum_bytes(&self) -> usize {
        usize::from(self.checksum_bytes)
    }

    /// Stream position of the byte after the event; of an event in a payload, after the payload.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.logged_bytes)
    }

    /// The event's type.
    #[must_use]
    pub fn event_type(&self) -> EventType {
        self.header().event_type
    }
}
