//! The header walk: every event of a log with its checksum verified, and every damaged range by
//! name. Nothing is skipped in silence, and the walk ends only at the end of the file.
//!
//! ```text
//! log bytes   fe 62 69 6e | event | event | ###### | event | eve
//! Scan yields               Event   Event   Damage   Event   Damage
//!                                           (resynchronised) (torn)
//! ```

mod checksum;
mod quick;
mod resync;

use crate::event::format_description::{ChecksumAlgorithm, FormatDescription};
use crate::header::{EventHeader, EventType, HEADER_BYTES};
use crate::limits;
use crate::source::growing::Growing;
use crate::source::log::{FIRST_EVENT, Log};

pub use crate::damage::{ArchiveDamage, Damage, DamageReason};
pub(crate) use crate::raw_event::Frame;
pub use crate::raw_event::RawEvent;
use checksum::{verified_format, verify_checksum};
pub(crate) use quick::Quick;

/// What the walk yields.
#[derive(Debug, Clone)]
pub enum Scanned<'a> {
    /// An event whose frame and checksum are right.
    Event(RawEvent<'a>),
    /// A range that is lost.
    Damage(Damage),
}

impl Log {
    /// Walks the log from its first event.
    #[must_use]
    pub fn scan(&self) -> Scan<'_> {
        Scan::new(self, FIRST_EVENT)
    }

    /// Walks the log from the event that starts at `offset`.
    #[must_use]
    pub fn scan_from(&self, offset: u64) -> Scan<'_> {
        Scan::new(self, offset)
    }
}

/// An iterator over the events of one log.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Where the walk is, in the log as far as it was there when more than that was needed.
    quick: Quick<'a>,
    /// Where more comes from, as long as that is not known to be all.
    growing: Option<&'a Growing>,
    /// No event that starts here or behind is read.
    stop: usize,
    /// Whether `stop` only holds if an event starts there.
    exact: bool,
    format: FormatDescription,
    in_use: bool,
    relay_log: bool,
    /// Whether the events behind a START_ENCRYPTION are plain already.
    decrypted: bool,
    encrypted: bool,
    verify: bool,
    /// A checksum of nothing: what the processor can do for one is found out once.
    crc: crc32fast::Hasher,
    /// What is still to be said of the archive, at the end of the log.
    archive_damage: Option<&'a ArchiveDamage>,
    log: &'a Log,
    /// Where the file is asked again whether it is still what it was; none once it is not.
    ask_at: Option<usize>,
    /// Up to where the pages that were walked over have been let go.
    released: usize,
    /// Whether any were.
    lets_go: bool,
    /// How far ahead checksums are compared next.
    ahead: usize,
}

/// How often a walk asks whether its file is still what it was, in bytes.
const ASK_BYTES: usize = 1 << 20;

/// Bytes over which checksums are compared ahead of a walk, at first and at most.
const AHEAD_BYTES: (usize, usize) = (1 << 10, 16 << 10);

/// A walk over fewer bytes does not let go of them: less than the smallest piece that logs are divided
/// into.
const LET_GO_BYTES: usize = 64 << 10;

impl<'a> Scan<'a> {
    /// Walks `log` from the event at `offset`.
    #[must_use]
    pub fn new(log: &'a Log, offset: u64) -> Self {
        Scan::of(log, log.so_far(), offset)
    }

    /// Walks `bytes` of `log` from `offset` in them, as if the log had no others: to look at one end of
    /// it alone.
    pub(crate) fn over(log: &'a Log, bytes: &'a [u8], offset: u64) -> Self {
        Scan::of(log, (bytes, None), offset)
    }

    fn of(log: &'a Log, so_far: (&'a [u8], Option<&'a Growing>), offset: u64) -> Self {
        let (bytes, growing) = so_far;
        let quick = Quick::new(bytes, log.header().server_id, log.format());
        let mut scan = Scan {
            quick,
            growing,
            stop: usize::MAX,
            exact: false,
            format: log.format().clone(),
            in_use: log.in_use(),
            relay_log: log.is_relay_log(),
            decrypted: log.encryption().is_some(),
            encrypted: false,
            verify: true,
            crc: crc32fast::Hasher::new(),
            archive_damage: if growing.is_none() { log.archive_damage() } else { None },
            log,
            ask_at: None,
            released: 0,
            lets_go: false,
            ahead: AHEAD_BYTES.0,
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        scan.ask_at = Some(offset.saturating_add(ASK_BYTES));
        scan.reach(offset);
        scan.quick.offset = offset.min(scan.quick.bytes.len());
        scan.released = scan.quick.offset;
        scan
    }

    /// Waits until so many bytes of the log are there, or all; whether there are more than before.
    fn reach(&mut self, count: usize) -> bool {
        let Some(growing) = self.growing else { return false };
        let before = self.quick.bytes.len();
        let (bytes, end) = growing.at_least(count);
        self.quick.bytes = bytes;
        if let Some(end) = end {
            self.growing = None;
            self.archive_damage = end.unpacked.damage.as_ref();
        }
        bytes.len() > before
    }

    /// Leaves checksums unverified, for a first look over headers. Whatever is decided by it has to
    /// be read again with care.
    #[must_use]
    pub fn trusting(mut self) -> Self {
        self.verify = false;
        self
    }

    /// The events alone, for where damage has been or will be dealt with.
    pub fn events(self) -> impl Iterator<Item = RawEvent<'a>> {
        self.filter_map(|scanned| match scanned {
            Scanned::Event(event) => Some(event),
            Scanned::Damage(_) => None,
        })
    }

    /// Ends the walk before the first event that starts at or after `offset`.
    #[must_use]
    pub fn until(mut self, offset: u64) -> Self {
        self.stop = usize::try_from(offset).unwrap_or(usize::MAX);
        self.exact = false;
        self.quick.until = 0;
        self
    }

    /// Ends the walk before the event that starts at `offset`, or where the walk does not come by
    /// there, at the end of the log.
    pub(crate) fn until_exactly(self, offset: u64) -> Self {
        Scan { exact: true, ..self.until(offset) }
    }

    /// Reads events by `format` from here on: for a walk that starts behind a format description
    /// that is not the log's first, as relay logs have them.
    #[must_use]
    pub fn with_format(mut self, format: FormatDescription) -> Self {
        self.enter(format);
        self
    }

    fn enter(&mut self, format: FormatDescription) {
        let Quick { bytes, offset, server_id, .. } = self.quick;
        self.quick = Quick { offset, ..Quick::new(bytes, server_id, &format) };
        self.format = format;
    }

    /// The format description that holds at this point of the walk.
    #[must_use]
    pub fn format(&self) -> &FormatDescription {
        &self.format
    }

    /// Whether the walk is of a relay log.
    #[must_use]
    pub fn is_relay_log(&self) -> bool {
        self.relay_log
    }

    /// Stream position of the next event.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.quick.offset as u64
    }

    /// The type that the next event claims to have; none at the end of the walk. Nothing of it is
    /// checked.
    #[must_use]
    pub fn peek(&self) -> Option<EventType> {
        let bytes = match self.growing {
            Some(growing) => growing.at_least(self.quick.offset + HEADER_BYTES).0,
            None => self.quick.bytes,
        };
        let rest = bytes.get(self.quick.offset..self.stop.min(bytes.len()))?;
        self.header(rest).map(|header| header.event_type)
    }

    /// Whether the next event can be read and names a transaction.
    pub(crate) fn opens_transaction(&self) -> bool {
        let claims = self.peek().is_some_and(EventType::is_gtid);
        let next = || self.clone().next();
        claims && matches!(next(), Some(Scanned::Event(event)) if event.event_type().is_gtid())
    }

    /// Frames the event at `offset`: header, length, checksum.
    #[inline]
    fn frame(&self, offset: usize) -> Result<Frame<'a>, DamageReason> {
        let rest = self.quick.bytes.get(offset..).unwrap_or_default();
        let had = rest.len() as u64;
        let torn = |needed| DamageReason::Torn { needed, had, in_use: self.in_use };
        let Some(head) = rest.first_chunk() else {
            return Err(torn(HEADER_BYTES as u64));
        };
        let EventHeader { event_length: length, event_type, .. } = EventHeader::read(head);
        let least = self.header_bytes(event_type) + self.checksum_bytes(event_type);
        if (length as usize) < least || length > limits::EVENT_BYTES {
            return Err(DamageReason::Length { had: length });
        }
        let Some(bytes) = rest.get(..length as usize) else {
            return Err(torn(u64::from(length)));
        };
        if self.verify && event_type != EventType::FORMAT_DESCRIPTION {
            verify_checksum(bytes, self.format.checksum, &self.crc)?;
        }
        Ok(Frame { offset, head, bytes, binlog_version: self.format.binlog_version })
    }

    /// The event in `frame`.
    #[inline]
    pub(crate) fn event(&self, frame: Frame<'a>) -> RawEvent<'a> {
        let event_type = frame.event_type();
        let (header, checksum) = (self.header_bytes(event_type), self.checksum_bytes(event_type));
        frame.event(header as u8, checksum as u8)
    }

    /// The header at the start of `rest`.
    fn header(&self, rest: &[u8]) -> Option<EventHeader> {
        let header = rest.first_chunk().map(EventHeader::read);
        header.map(|header| header.of_version(self.format.binlog_version))
    }

    /// A format description says of itself how it is checked, and may end in four bytes that mean
    /// nothing; its own reader sorts that out.
    fn checksum_bytes(&self, event_type: EventType) -> usize {
        if event_type == EventType::FORMAT_DESCRIPTION { 0 } else { self.format.checksum.bytes() }
    }

    fn header_bytes(&self, event_type: EventType) -> usize {
        match event_type {
            EventType::FORMAT_DESCRIPTION | EventType::ROTATE => HEADER_BYTES,
            _ => usize::from(self.format.common_header_length),
        }
    }

    /// Takes in what an event says about the events after it.
    #[inline]
    fn follow(&mut self, frame: &Frame<'a>) -> Result<(), DamageReason> {
        match frame.event_type() {
            EventType::FORMAT_DESCRIPTION => self.enter(verified_format(frame.bytes)?),
            EventType::START_ENCRYPTION => self.encrypted = !self.decrypted,
            _ => {}
        }
        Ok(())
    }

    /// What has happened to the file, if it is not what it was. It is told once. Behind a cut there
    /// is nothing more to read.
    fn change(&mut self) -> Option<Damage> {
        self.ask_at?;
        let reason = self.log.change()?;
        self.ask_at = None;
        let start = self.quick.offset as u64;
        if let DamageReason::Cut { .. } = reason {
            self.quick.offset = self.quick.bytes.len();
        }
        Some(Damage { range: start..self.quick.offset as u64, reason })
    }

    /// Moves behind the next event; the event is made of its frame by [`Scan::event`], there where it
    /// is to stay: to copy an event whose parts were just stored would take longer than to frame it.
    #[inline(always)]
    pub(crate) fn step(&mut self) -> Option<Result<Frame<'a>, Damage>> {
        match self.quick.frame() {
            Some(frame) => {
                self.quick.pass(&frame);
                Some(Ok(frame))
            }
            None => self.step_with_care(),
        }
    }

    /// Where the walk is, to go on over the events where nothing else is to be decided;
    /// [`Scan::pass`] takes it back.
    #[inline(always)]
    pub(crate) fn quick(&self) -> Quick<'a> {
        self.quick
    }

    /// Moves to where `quick` has come.
    #[inline(always)]
    pub(crate) fn pass(&mut self, quick: Quick<'a>) {
        self.quick = quick;
    }

    /// Finds out up to where [`Scan::quick`] may go: a little farther each time, for a walk may be over
    /// a single event, up to what stays in the nearest memory.
    fn go_quickly(&mut self) {
        let stop = self.stop.min(self.quick.bytes.len()).min(self.ask_at.unwrap_or(usize::MAX));
        self.quick.until = if self.encrypted { 0 } else { stop };
        if self.verify && self.format.checksum == ChecksumAlgorithm::Crc32 {
            self.quick.until = stop.min(self.quick.offset.saturating_add(self.ahead));
            self.quick.until = self.quick.checked(&self.crc).min(stop);
            self.ahead = (2 * self.ahead).min(AHEAD_BYTES.1);
        }
    }

    #[inline(never)]
    fn step_with_care(&mut self) -> Option<Result<Frame<'a>, Damage>> {
        if self.quick.offset >= self.quick.bytes.len() {
            self.reach(self.quick.offset + 1);
        }
        let stop = self.stop.min(self.quick.bytes.len());
        if self.ask_at.is_some_and(|at| self.quick.offset >= at || self.quick.offset >= stop) {
            if let Some(change) = self.change() {
                return Some(Err(change));
            }
            self.ask_at = Some(self.quick.offset.saturating_add(ASK_BYTES));
            self.release();
        }
        if self.quick.offset >= stop {
            if self.quick.offset >= self.quick.bytes.len() {
                let damage = self.archive_damage.take()?;
                return Some(Err(self.archive_end(self.quick.offset, damage)));
            }
            if !self.exact || self.quick.offset == self.stop {
                return None;
            }
            self.stop = usize::MAX;
        }
        if self.encrypted {
            return Some(Err(self.encrypted_rest()));
        }
        let frame = loop {
            match self.frame(self.quick.offset) {
                Ok(frame) => break frame,
                Err(DamageReason::Torn { needed, .. })
                    if self.reach(self.quick.offset.saturating_add(needed as usize)) => {}
                Err(reason) => return Some(Err(self.damage(reason))),
            }
        };
        if let Err(reason) = self.follow(&frame) {
            return Some(Err(self.damage(reason)));
        }
        self.quick.offset += frame.bytes.len();
        self.quick.server_id = EventHeader::read(frame.head).server_id;
        self.go_quickly();
        Some(Ok(frame))
    }

    /// Lets go of the pages that were walked over. Those of a short walk stay: they are few, and what
    /// was looked up is read next.
    fn release(&mut self) {
        self.lets_go |= self.quick.offset.saturating_sub(self.released) >= LET_GO_BYTES;
        if self.lets_go {
            self.log.release(self.released as u64..self.quick.offset as u64);
            self.released = self.quick.offset;
        }
    }

    /// What follows a START_ENCRYPTION event.
    fn encrypted_rest(&mut self) -> Damage {
        self.reach(usize::MAX);
        let range = self.quick.offset as u64..self.quick.bytes.len() as u64;
        self.quick.offset = self.quick.bytes.len();
        Damage { range, reason: DamageReason::Encrypted }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Scanned<'a>;

    fn next(&mut self) -> Option<Scanned<'a>> {
        Some(match self.step()? {
            Ok(frame) => Scanned::Event(self.event(frame)),
            Err(damage) => Scanned::Damage(damage),
        })
    }
}

#[cfg(test)]
mod tests;
