//! The parts of a log: from the start of each, which is a transaction's but for the first, a walk may
//! go on with nothing known of what came before. Together they are the log, from its first event to
//! its end; their fixed entries are read where they are mapped.

use std::ops::Range;

use super::file::le;
use crate::error::Fault;
use crate::source::log::FIRST_EVENT;

/// A part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Stream position of its first event.
    pub start: u64,
    /// Stream position behind its last event.
    pub end: u64,
    /// Earliest time of an event of its transactions, of those in compressed ones too; seconds since
    /// 1970 UTC, and 0 if one of them has none.
    pub first_time: u32,
    /// Latest time of an event of its transactions; before the earliest if it has none.
    pub last_time: u32,
    /// The same of its other events: the log's own frame has times of its own, which may be far from
    /// those of transactions that came from another server.
    pub(super) frame_times: (u32, u32),
    /// Where its notes stand among all notes, in bytes.
    pub(super) offset: u64,
    /// Bytes of its notes; 0 if there are none.
    pub(super) length: u32,
    /// Checksum of its notes.
    pub(super) crc: u32,
}

const PART_BYTES: usize = 48;

impl Part {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        [self.start, self.end, self.offset].iter().for_each(|long| out.extend(long.to_le_bytes()));
        let Part { first_time, last_time, length, crc, .. } = *self;
        let (first_frame, last_frame) = self.frame_times;
        for short in [first_time, last_time, length, crc, first_frame, last_frame] {
            out.extend(short.to_le_bytes());
        }
    }

    fn read(entry: &[u8]) -> Option<Self> {
        let long = |at| le(entry, at, 8);
        let short = |at| le(entry, at, 4).map(|value| value as u32);
        Some(Part {
            start: long(0)?,
            end: long(8)?,
            offset: long(16)?,
            first_time: short(24)?,
            last_time: short(28)?,
            length: short(32)?,
            crc: short(36)?,
            frame_times: (short(40)?, short(44)?),
        })
    }
}

/// The times of no event.
pub(super) const NEVER: (u32, u32) = (u32::MAX, 0);

/// Whether a time from the first to the last can lie at `since` or behind and before `until`; all
/// parts do where neither is given.
fn meets((first, last): (u32, u32), since: Option<u32>, until: Option<u32>) -> bool {
    since.is_none_or(|since| last >= since) && until.is_none_or(|until| first < until)
}

/// The parts of a log, or those at its start, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    pub(super) fn new(section: &'a [u8]) -> Self {
        Parts(section)
    }

    /// The first `count` of them.
    pub(super) fn first(self, count: usize) -> Self {
        Parts(self.0.get(..count.saturating_mul(PART_BYTES)).unwrap_or(self.0))
    }

    /// How many parts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / PART_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Part number `number`.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Part> {
        let at = number.checked_mul(PART_BYTES)?;
        Part::read(self.0.get(at..at.checked_add(PART_BYTES)?)?)
    }

    /// All of them as one, without notes.
    #[must_use]
    pub fn as_one(&self) -> Part {
        let nothing = Part {
            start: FIRST_EVENT,
            end: FIRST_EVENT,
            first_time: NEVER.0,
            last_time: NEVER.1,
            frame_times: NEVER,
            offset: 0,
            length: 0,
            crc: 0,
        };
        self.iter().fold(nothing, |one, part| Part {
            end: part.end,
            first_time: one.first_time.min(part.first_time),
            last_time: one.last_time.max(part.last_time),
            frame_times: (
                one.frame_times.0.min(part.frame_times.0),
                one.frame_times.1.max(part.frame_times.1),
            ),
            ..one
        })
    }

    /// All parts.
    pub fn iter(&self) -> impl Iterator<Item = Part> + use<'a> {
        let parts = *self;
        (0..self.len()).map_while(move |number| parts.get(number))
    }

    /// The ranges of the log outside of which no event of a transaction has a time of `since` or later
    /// and before `until`, in seconds since 1970 UTC.
    pub(super) fn of_transactions(
        &self,
        since: Option<u32>,
        until: Option<u32>,
    ) -> Vec<Range<u64>> {
        self.ranges(|part| meets((part.first_time, part.last_time), since, until))
    }

    /// The same of all events.
    pub(super) fn of_events(&self, since: Option<u32>, until: Option<u32>) -> Vec<Range<u64>> {
        self.ranges(|part| {
            meets((part.first_time, part.last_time), since, until)
                || meets(part.frame_times, since, until)
        })
    }

    /// The ranges of the parts that are `held`.
    fn ranges(&self, held: impl Fn(&Part) -> bool) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = vec![];
        for part in self.iter().filter(held) {
            match ranges.last_mut() {
                Some(range) if range.end == part.start => range.end = part.end,
                _ => ranges.push(part.start..part.end),
            }
        }
        ranges
    }

    /// The part that has the byte at `position`, or the first behind it.
    #[must_use]
    pub fn at(&self, position: u64) -> Option<Part> {
        self.get(self.first_that(|part| part.end > position))
    }

    /// The first part that starts at `position` or behind.
    #[must_use]
    pub fn from(&self, position: u64) -> Option<Part> {
        self.get(self.first_that(|part| part.start >= position))
    }

    /// The first part of which `holds` holds, which once it holds holds to the end.
    fn first_that(&self, holds: impl Fn(&Part) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(part) if !holds(&part) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// Checks every entry against the others, the log and the notes.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn check(&self, log_bytes: u64, notes: u64) -> Result<(), Fault> {
        let wrong = |needed: &'static str, number: usize| {
            Fault::value("parts of the index", needed, format!("another in part {number}"))
        };
        if !self.0.len().is_multiple_of(PART_BYTES) {
            return Err(Fault::value("parts of the index", "whole entries", self.0.len()));
        }
        let (mut end, mut offset) = (FIRST_EVENT, 0u64);
        for (number, part) in self.iter().enumerate() {
            // A log may end with its format description's start: then its only part is empty.
            let bounds = part.start == end && part.end >= end && part.end <= log_bytes;
            if !bounds || number > 0 && part.start == part.end {
                return Err(wrong("a range of the log right behind the one before", number));
            }
            if part.offset != offset {
                return Err(wrong("notes behind those before", number));
            }
            offset = offset.saturating_add(u64::from(part.length));
            end = part.end;
        }
        if end != log_bytes {
            return Err(Fault::value("parts of the index", format!("an end at {log_bytes}"), end));
        }
        match offset == notes {
            true => Ok(()),
            false => Err(Fault::value("notes of the index", format!("{offset} bytes"), notes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_although_times_go_back() {
        let times = [(10, 20), (15, 40), (30, 35), (50, 60)];
        let mut parts = vec![];
        for (number, (first_time, last_time)) in times.into_iter().enumerate() {
            let start = FIRST_EVENT + 100 * number as u64;
            let (offset, length, crc) = (30 * number as u64, 30, 0);
            let end = start + 100;
            parts.push(Part {
                start,
                end,
                first_time,
                last_time,
                offset,
                length,
                crc,
                frame_times: if number == 0 { (99, 99) } else { NEVER },
            });
        }
        let mut section = vec![];
        parts.iter().for_each(|part| part.put(&mut section));
        let parts = Parts::new(&section);
        parts.check(404, 120).unwrap();
        assert!(parts.check(405, 120).is_err() && parts.check(404, 121).is_err());
        let since = |time| parts.of_transactions(Some(time), None);
        let one = |range: Range<u64>| vec![range];
        let all = one(4..404);
        assert_eq!([0, 20].map(since), [all.clone(), all.clone()]);
        assert_eq!(since(21), one(104..404));
        assert_eq!(since(36), [104..204, 304..404]);
        assert_eq!(since(61), []);
        let until = |time| parts.of_transactions(None, Some(time));
        assert_eq!(until(10), []);
        assert_eq!([11, 16, 31].map(until), [4..104, 4..204, 4..304].map(one));
        assert_eq!(parts.of_transactions(Some(41), Some(50)), []);
        assert_eq!(parts.of_transactions(None, None), all);
        assert_eq!(parts.of_events(Some(41), None), [4..104, 304..404]);
        assert_eq!(parts.of_events(Some(18), Some(99)), all);
        assert_eq!(parts.first(2).of_transactions(Some(21), None), one(104..204));
        let all = parts.as_one();
        assert_eq!((all.start, all.end), (4, 404));
        assert_eq!((all.first_time, all.last_time, all.frame_times), (10, 60, (99, 99)));
    }
}
