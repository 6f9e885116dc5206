//! The bytes of a log: all of them mapped, or those that are unpacked already.

use std::ops::Range;

use crate::error::Result;
use crate::header::{EventHeader, HEADER_BYTES};
use crate::source::ends::{self, Ends};
use crate::source::growing::Growing;
use crate::source::magic::MAGIC;
use crate::source::mmap::{Change, MappedFile};
use crate::source::unpacked::Unpacked;

/// The bytes of a log.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// All of them, both ends of them, and what they were unpacked from.
    Mapped(MappedFile, Ends, Option<Unpacked>),
    /// Those of a log that is being unpacked.
    Growing(Growing),
}

impl Bytes {
    /// What can be read of the first two events: they tell how to read the log, and whether it is
    /// encrypted.
    pub fn head(&self) -> &[u8] {
        let at_least = |count| match self {
            Bytes::Mapped(map, ends, _) => match ends.of_all(map) {
                [head, _] if head.len() < count => map,
                [head, _] => head,
            },
            Bytes::Growing(growing) => growing.at_least(count).0,
        };
        let mut end = MAGIC.len();
        for _ in 0..2 {
            let head = at_least(end + HEADER_BYTES);
            let Ok(header) = EventHeader::parse(head.get(end..).unwrap_or_default()) else {
                return head;
            };
            end = end.saturating_add(header.event_length as usize);
        }
        at_least(end)
    }

    /// The first and the last of all of them, at most [`END_BYTES`](ends::END_BYTES) each, when they are there.
    pub fn ends(&self) -> [&[u8]; 2] {
        match self {
            Bytes::Mapped(map, ends, _) => ends.of_all(map),
            Bytes::Growing(growing) => ends::ends(growing.all()),
        }
    }

    /// All of them, when they are there.
    pub fn all(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map, ..) => map,
            Bytes::Growing(growing) => growing.all(),
        }
    }

    /// What they were unpacked from, when all are there.
    pub fn unpacked(&self) -> Option<&Unpacked> {
        match self {
            Bytes::Mapped(_, _, unpacked) => unpacked.as_ref(),
            Bytes::Growing(growing) => growing.unpacked(),
        }
    }

    /// What has happened to the file, or the temporary one, since it was mapped.
    pub fn change(&self) -> Option<Change> {
        match self {
            Bytes::Mapped(map, ..) => map.change(),
            Bytes::Growing(growing) => growing.change(),
        }
    }

    /// Lets go of the pages of `range`, which come again where they are read again.
    pub fn release(&self, range: Range<usize>) {
        match self {
            Bytes::Mapped(map, ..) => map.release(range),
            Bytes::Growing(growing) => growing.release(range),
        }
    }

    /// Waits for all bytes.
    ///
    /// # Errors
    /// Why they could not be had.
    pub fn whole(&self) -> Result<()> {
        match self {
            Bytes::Mapped(..) => Ok(()),
            Bytes::Growing(growing) => growing.whole(),
        }
    }

    /// The bytes as far as they are there, and more of them as they come; none behind the end.
    pub fn so_far(&self) -> (&[u8], Option<&Growing>) {
        match self {
            Bytes::Mapped(map, ..) => (map, None),
            Bytes::Growing(growing) => match growing.at_least(0) {
                (bytes, Some(_)) => (bytes, None),
                (bytes, None) => (bytes, Some(growing)),
            },
        }
    }
}
