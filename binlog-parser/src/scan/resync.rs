//! What becomes of a walk where an event cannot be read: the damage by name, and where it goes on.

use std::ops::{Range, RangeInclusive};

use crate::damage::{ArchiveDamage, Damage, DamageReason};
use crate::event::format_description::ChecksumAlgorithm;
use crate::header::{EventHeader, Family, HEADER_BYTES};
use crate::limits;

use super::Scan;

/// Where in a header the length of its event stands, and behind it log_pos.
const LENGTH_AT: usize = 9;

/// Bytes of an event without log_pos that is believed where a walk is to go on: of what looks like one
/// at first sight, the checksum is computed.
const UNPLACED_BYTES: RangeInclusive<u32> = HEADER_BYTES as u32..=64 << 10;

impl Scan<'_> {
    /// Moves to the first event, at or behind where the walk is, that can be believed well enough to
    /// walk from there; none before the end of the walk.
    pub(crate) fn synchronised(mut self) -> Option<Self> {
        self.reach(usize::MAX);
        let stop = self.stop.min(self.quick.bytes.len());
        let unplaced = self.format.family == Family::Mariadb;
        let mut at = self.quick.offset;
        loop {
            at = self.next_framed(at..stop, unplaced)?;
            if self.is_plausible(at, true) || unplaced && self.is_within(at) {
                break;
            }
            at += 1;
        }
        self.quick.offset = at;
        self.released = at;
        Some(self)
    }

    /// The first offset in `range` at which what would be a header says that its event ends where
    /// log_pos is, or, where that is asked for, has none.
    fn next_framed(&self, range: Range<usize>, unplaced: bool) -> Option<usize> {
        // Those of relay logs are of their source, and those of old logs where the event starts.
        if self.relay_log || self.format.binlog_version < 4 {
            return (!range.is_empty()).then_some(range.start);
        }
        let from = self.quick.bytes.get(range.start.checked_add(LENGTH_AT)?..)?;
        let mut pairs = from.windows(8).zip(range).map(|(pair, at)| {
            let pair = pair.first_chunk().map_or(0, |pair| u64::from_le_bytes(*pair));
            (pair as u32, (pair >> 32) as u32, at)
        });
        pairs.find_map(|(length, log_pos, at)| {
            let placed = log_pos.wrapping_sub(length) == at as u32;
            let framed = placed || unplaced && log_pos == 0 && UNPLACED_BYTES.contains(&length);
            framed.then_some(at)
        })
    }

    /// Whether there is an event at `offset` as MariaDB writes them inside of transactions, without
    /// log_pos: another of its server follows.
    fn is_within(&self, offset: usize) -> bool {
        let header = |at| self.header(self.quick.bytes.get(at..)?);
        let Some(first) = header(offset) else { return false };
        let follows = |header: EventHeader| {
            header.server_id == first.server_id && header.event_type.is_known()
        };
        first.log_pos == 0
            && first.event_type.is_known()
            && UNPLACED_BYTES.contains(&first.event_length)
            && header(offset + first.event_length as usize).is_some_and(follows)
            && self.format.checksum == ChecksumAlgorithm::Crc32
            && self.frame(offset).is_ok()
    }

    /// Names the damage where the walk is, and moves to the next event that can be read.
    pub(super) fn damage(&mut self, mut reason: DamageReason) -> Damage {
        self.reach(usize::MAX);
        match self.change() {
            Some(change) if self.quick.offset == self.quick.bytes.len() => return change,
            Some(change) => reason = change.reason,
            None => {}
        }
        let start = self.quick.offset;
        let rest = self.quick.bytes.get(start..).unwrap_or_default();
        let (reason, next) = if rest.iter().all(|byte| *byte == 0) {
            (DamageReason::ZeroTail, self.quick.bytes.len())
        } else {
            (reason, self.resynchronise(start).unwrap_or(self.quick.bytes.len()))
        };
        self.quick.offset = next;
        let torn = matches!(reason, DamageReason::Torn { .. }) && next == self.quick.bytes.len();
        match self.archive_damage.take_if(|_| torn) {
            // The event is torn because the archive is.
            Some(damage) => self.archive_end(start, damage),
            None => Damage { range: start as u64..next as u64, reason },
        }
    }

    pub(super) fn archive_end(&self, start: usize, damage: &ArchiveDamage) -> Damage {
        let range = start as u64..self.quick.bytes.len() as u64;
        Damage { range, reason: DamageReason::Archive(damage.clone()) }
    }

    /// The first offset after `start` at which an event can be believed: its log_pos is its own
    /// end, its type is known, and its checksum, or else the header after it, is right. MariaDB
    /// leaves log_pos out inside of transactions; such an event is believed where the length of the
    /// damaged one leads.
    fn resynchronise(&self, start: usize) -> Option<usize> {
        let limit = self.quick.bytes.len().min(start.saturating_add(limits::RESYNC_BYTES as usize));
        let next = self.chained(start).filter(|next| *next < limit);
        let (mut at, stop) = (start + 1, next.unwrap_or(limit));
        while let Some(framed) = self.next_framed(at..stop, false) {
            if self.is_plausible(framed, true) {
                return Some(framed);
            }
            at = framed + 1;
        }
        next
    }

    /// Where the event behind the damaged one at `start` begins by the length of that, if there is
    /// an event.
    fn chained(&self, start: usize) -> Option<usize> {
        let length = self.header(self.quick.bytes.get(start..)?)?.event_length as usize;
        let next = start.checked_add(length).filter(|_| length >= HEADER_BYTES)?;
        let header = self.header(self.quick.bytes.get(next..)?)?;
        let believed = header.log_pos == 0 && header.event_type.is_known() && {
            self.frame(next).is_ok() && self.is_followed(next + header.event_length as usize, true)
        };
        (believed || self.is_plausible(next, true)).then_some(next)
    }

    pub(super) fn is_plausible(&self, offset: usize, look_behind: bool) -> bool {
        let rest = self.quick.bytes.get(offset..).unwrap_or_default();
        let Some(header) = self.header(rest) else { return false };
        let end = offset as u64 + u64::from(header.event_length);
        // A relay log keeps the positions of its source; there the writer's id has to match.
        let placed = if self.relay_log {
            header.server_id == self.quick.server_id
        } else {
            header.log_pos == end as u32
        };
        placed
            && header.event_type.is_known()
            && self.frame(offset).is_ok()
            && self.is_followed(end as usize, look_behind)
    }

    /// Whether what ends at `end` can be believed for what follows, if its checksum does not tell.
    fn is_followed(&self, end: usize, look_behind: bool) -> bool {
        self.format.checksum == ChecksumAlgorithm::Crc32
            || !look_behind
            || end == self.quick.bytes.len()
            || self.is_plausible(end, false)
    }
}
