//! The pieces of a log: where they start is guessed, walked ahead, and proven in its turn.

use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use super::order::in_order;
use crate::scan::{Scan, Scanned};
use crate::source::log::Log;
use crate::transaction::Units;

/// A piece when it is its turn.
#[derive(Debug)]
pub enum Piece<'p, 'a, T> {
    /// What was made of it ahead of its turn.
    Made {
        /// Stream position behind the piece.
        end: u64,
        /// What was made of it.
        made: T,
    },
    /// A piece so large that what is made of it might not fit into memory: to be walked now.
    Large(&'p mut Units<'a>),
}

pub(super) fn walk_units<'a, T>(
    scan: Scan<'a>,
    work: impl Fn(&mut Units<'a>) -> T,
) -> (Scan<'a>, T) {
    let mut units = Units::new(scan);
    let made = work(&mut units);
    units.by_ref().for_each(drop);
    (units.into_scan(), made)
}

/// The guessed starts of the pieces of a log, or of a range of it, each looked for when it is first
/// asked for.
pub(super) struct Pieces<'a> {
    log: &'a Log,
    range: Range<u64>,
    /// Round offset of the first piece, which starts at the range's start.
    first: u64,
    piece_bytes: u64,
    /// Pieces of more bytes are not walked ahead.
    pub(super) large: u64,
    starts: Vec<OnceLock<Option<u64>>>,
}

/// A piece as it was guessed, and what came of its walk, unless it is large.
struct Guessed<'a, T> {
    start: u64,
    stop: u64,
    walked: Option<(Scan<'a>, T)>,
}

/// A piece whose bounds are right.
pub(super) enum Turn<'s, 'a, T> {
    /// Its range, what was made of it, and the walk that starts there.
    Made(Range<u64>, T, Scan<'a>),
    /// Where the walk is; it is to be moved to the end of the piece.
    Large(&'s mut Scan<'a>),
}

impl<'a, T> Turn<'_, 'a, T> {
    /// Takes what was made of the piece, now if it was not made yet.
    pub(super) fn made_by(
        self,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T),
        take: &mut impl FnMut(Range<u64>, T) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Turn::Made(range, made, _) => take(range, made),
            Turn::Large(scan) => {
                let start = scan.offset();
                let (walked, made) = walk(scan.clone());
                *scan = walked;
                take(start..scan.offset(), made)
            }
        }
    }
}

impl<'a> Pieces<'a> {
    pub(super) fn within(log: &'a Log, range: Range<u64>, piece_bytes: u64) -> Self {
        let piece_bytes = piece_bytes.max(1);
        let first = range.start / piece_bytes * piece_bytes;
        let bytes = range.end.saturating_sub(first);
        let count = if log.is_relay_log() { 1 } else { bytes.div_ceil(piece_bytes).max(1) };
        let starts = (0..count).map(|_| OnceLock::new()).collect();
        Pieces { log, range, first, piece_bytes, large: u64::MAX, starts }
    }

    /// See the function [`stream`].
    pub(super) fn stream<T: Send>(
        &self,
        work: impl Fn(&mut Units<'a>) -> Option<T> + Sync,
        mut take: impl FnMut(Piece<'_, 'a, T>) -> ControlFlow<()>,
    ) {
        let walk = |scan| walk_units(scan, &work);
        self.run(walk, |turn| match turn {
            Turn::Made(range, Some(made), _) => take(Piece::Made { end: range.end, made }),
            Turn::Made(range, None, scan) => {
                let mut units = Units::new(scan.until_exactly(range.end));
                take(Piece::Large(&mut units))
            }
            Turn::Large(scan) => {
                let mut units = Units::new(scan.clone());
                take(Piece::Large(&mut units))?;
                units.by_ref().for_each(drop);
                *scan = units.into_scan();
                ControlFlow::Continue(())
            }
        });
    }

    /// Where piece `index` starts, if a transaction does between its offset and the next.
    pub(super) fn start(&self, index: usize) -> Option<u64> {
        *self.starts.get(index)?.get_or_init(|| match index {
            0 => Some(self.range.start),
            _ => {
                let offset = self.first + index as u64 * self.piece_bytes;
                let start = first_transaction(self.log, offset..offset + self.piece_bytes);
                start.filter(|start| *start < self.range.end)
            }
        })
    }

    /// The first start at or behind `offset`, of piece `index` or a later one; the range's end if
    /// there is none.
    fn next_start(&self, index: usize, offset: u64) -> u64 {
        let mut starts = (index..self.starts.len()).filter_map(|index| self.start(index));
        starts.find(|start| *start >= offset).unwrap_or(self.range.end)
    }

    fn guess<T>(
        &self,
        index: usize,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T),
    ) -> Option<Guessed<'a, T>> {
        let start = self.start(index)?;
        let stop = self.next_start(index + 1, 0);
        let small = stop.saturating_sub(start) <= self.large;
        let walked = small.then(|| walk(self.log.scan_from(start).until(stop)));
        Some(Guessed { start, stop, walked })
    }

    pub(super) fn run<T: Send>(
        &self,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T) + Sync,
        mut take: impl FnMut(Turn<'_, 'a, T>) -> ControlFlow<()>,
    ) {
        // The walk so far: what was guessed about a piece has to agree with it.
        let mut so_far = self.log.scan_from(self.range.start);
        let guess = |index| self.guess(index, &walk);
        in_order(0..self.starts.len(), guess, |guessed| {
            match guessed.filter(|piece| piece.start >= so_far.offset()) {
                Some(guessed) => self.prove(guessed, &mut so_far, &walk, &mut take),
                None => ControlFlow::Continue(()),
            }
        });
    }

    /// Hands a piece over if its guessed bounds prove right; else what comes of a walk from where
    /// `so_far` really is up to a start where it really arrives. `so_far` moves there.
    fn prove<T>(
        &self,
        guessed: Guessed<'a, T>,
        so_far: &mut Scan<'a>,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T),
        take: &mut impl FnMut(Turn<'_, 'a, T>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Guessed { start, mut stop, walked } = guessed;
        let agrees = start == so_far.offset() && self.log.format() == so_far.format();
        let mut walked = walked.filter(|_| agrees);
        loop {
            if let Some((scan, made)) = walked {
                if scan.offset() == stop {
                    let range = so_far.offset()..stop;
                    let begin = std::mem::replace(so_far, scan);
                    return take(Turn::Made(range, made, begin));
                }
                stop = self.next_start(0, scan.offset());
            }
            if stop.saturating_sub(so_far.offset()) > self.large {
                *so_far = so_far.clone().until_exactly(stop);
                return take(Turn::Large(so_far));
            }
            walked = Some(walk(so_far.clone().until(stop)));
        }
    }
}

/// The first event in `range` of `log` that can be believed to open a transaction.
fn first_transaction(log: &Log, range: Range<u64>) -> Option<u64> {
    let mut scan = log.scan_from(range.start).until(range.end).synchronised()?.trusting();
    let opening = scan.find_map(|scanned| match scanned {
        Scanned::Event(event) if !event.event_type().is_gtid() => None,
        Scanned::Event(event) => Some(Some(event.offset)),
        Scanned::Damage(_) => Some(None),
    })??;
    let checked = log.scan_from(opening).next();
    matches!(checked, Some(Scanned::Event(_))).then_some(opening)
}
