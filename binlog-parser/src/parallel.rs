//! Walks one log in pieces, several at a time, as if it was walked from start to end.
//!
//! ```text
//! log      | Gtid … Xid | Gtid … Xid | Gtid … Xid | Gtid … Xid | Rotate |
//! pieces   '------------------------'^'------------------------'^'------'
//!                         the first transaction behind a round offset
//! ```
//!
//! Where a piece starts is a guess: an event that has its own position in it, a good checksum and a
//! GTID, which opens a transaction. The walk of the piece before proves it, by ending exactly there
//! and in the same format; if it does not, it goes on to the next start where it does. So pieces
//! depend on the log alone, never on the number of threads, and what is damaged, or made to look
//! like an event inside of another, gives what one walk gives.
//!
//! A log that is still being unpacked is walked on one thread as it comes, in pieces all the same, and
//! from where that is when all of it is there, on all threads.
//!
//! Logs without GTID events, which servers before 5.7 wrote, and relay logs are one piece.

mod order;
mod pieces;

use std::ops::{ControlFlow, Range};

use crate::scan::Scan;
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::Units;

pub use order::in_order;
pub use pieces::Piece;
use pieces::{Pieces, Turn, walk_units};

/// Distance of the offsets behind which pieces start, in bytes: little enough for what is made of
/// some pieces to be held in memory, and enough for a thread to be worth waking.
pub const PIECE_BYTES: u64 = 1 << 20;

/// A piece of so many times its usual size is large: a big transaction is in it, or the log has but
/// one piece.
const LARGE: u64 = 4;

/// A piece of more bytes is not even walked ahead for what is small: it is the log of a server
/// without GTIDs, or holds one transaction that is as large as a log.
pub const HUGE: u64 = 256 << 20;

/// Divides a log into transactions, on all threads of rayon's pool. What is made of a piece has to
/// be small, whatever the size of the piece.
///
/// `work` gets the units of a piece, and makes something of them, with nothing known of the pieces
/// before; `take` gets the range of each piece and what was made of it, in the order of the log,
/// until it breaks. What `work` leaves of its units is walked as well, and thrown away.
///
/// The units of all pieces together are those of one walk of the log. Each piece but the first
/// begins with a transaction. `work` may be run again for a piece whose guessed bounds prove wrong;
/// what it made before is dropped.
pub fn units<'a, T: Send>(
    log: &'a Log,
    work: impl Fn(&mut Units<'a>) -> T + Sync,
    mut take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    let rest = as_it_comes(log, PIECE_BYTES, |units| {
        let start = units.offset();
        let made = work(units);
        units.by_ref().for_each(drop);
        take(start..units.offset(), made)
    });
    if let Some(rest) = rest {
        units_in(log, rest, work, take);
    }
}

/// Walks a log while it is unpacked: piece by piece on this thread, which is as fast as it comes.
/// `turn` gets the units of each piece; what it leaves of them is thrown away.
///
/// Returns, as soon as all of the log is there, the range that is left of it, which begins where a
/// transaction does; none where the walk came to its end, or was broken off. Of a log that was there
/// from the start, all is left.
pub fn as_it_comes<'a>(
    log: &'a Log,
    piece_bytes: u64,
    mut turn: impl FnMut(&mut Units<'a>) -> ControlFlow<()>,
) -> Option<Range<u64>> {
    if log.known_len().is_some() {
        return Some(whole(log));
    }
    let mut units = Units::new(log.scan());
    loop {
        let next = (units.offset() / piece_bytes).saturating_add(1);
        units.rest_at(next.saturating_mul(piece_bytes));
        let broken = turn(&mut units).is_break();
        units.by_ref().for_each(drop);
        if broken || !units.rests() {
            return None;
        }
        let divides = !log.is_relay_log() && units.format() == log.format();
        if divides && log.known_len().is_some() {
            return Some(units.offset()..log.len());
        }
    }
}

/// The range of all events of `log`. Waits for all of it.
#[must_use]
pub fn whole(log: &Log) -> Range<u64> {
    FIRST_EVENT..log.len()
}

/// As [`units`], within a range of the log that begins and ends where transactions begin, or at its
/// first event and its end.
pub fn units_in<'a, T: Send>(
    log: &'a Log,
    range: Range<u64>,
    work: impl Fn(&mut Units<'a>) -> T + Sync,
    mut take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    let walk = |scan| walk_units(scan, &work);
    Pieces::within(log, range, PIECE_BYTES).run(walk, |turn| turn.made_by(walk, &mut take));
}

/// As [`units_in`], with the events of each piece as they come, their checksums not verified.
pub fn headers<'a, T: Send>(
    log: &'a Log,
    range: Range<u64>,
    work: impl Fn(&mut Scan<'a>) -> T + Sync,
    mut take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    let walk = |scan: Scan<'a>| {
        let mut scan = scan.trusting();
        let made = work(&mut scan);
        scan.by_ref().for_each(drop);
        (scan, made)
    };
    Pieces::within(log, range, PIECE_BYTES).run(walk, |turn| turn.made_by(walk, &mut take));
}

/// As [`units_in`], where what is made of a piece is about as large as the piece: a large one is not
/// worked on ahead of its turn, and neither is one of which `work` says so by making none.
/// `piece_bytes` is [`PIECE_BYTES`] but for tests.
pub fn stream<'a, T: Send>(
    log: &'a Log,
    range: Range<u64>,
    piece_bytes: u64,
    work: impl Fn(&mut Units<'a>) -> Option<T> + Sync,
    take: impl FnMut(Piece<'_, 'a, T>) -> ControlFlow<()>,
) {
    let mut pieces = Pieces::within(log, range, piece_bytes);
    pieces.large = piece_bytes.saturating_mul(LARGE);
    pieces.stream(work, take);
}

/// As [`stream`], with the events of each piece as they come.
///
/// `take` gets with what was made of a piece, if anything was, the events of the piece: for those of
/// which none was made, and for those where it turns out that they have to be made once more. `work`
/// has to make none where it would be too much to be held: however small the pieces are, it gets those
/// of some MiB.
pub fn events<'a, T: Send>(
    log: &'a Log,
    range: Range<u64>,
    piece_bytes: u64,
    work: impl Fn(&mut Scan<'a>) -> Option<T> + Sync,
    mut take: impl FnMut(Option<T>, &mut Scan<'a>) -> ControlFlow<()>,
) {
    let walk = |mut scan: Scan<'a>| {
        let made = work(&mut scan);
        scan.by_ref().for_each(drop);
        (scan, made)
    };
    let mut pieces = Pieces::within(log, range, piece_bytes);
    pieces.large = piece_bytes.max(PIECE_BYTES).saturating_mul(LARGE);
    pieces.run(walk, |turn| match turn {
        Turn::Made(range, made, scan) => take(made, &mut scan.until_exactly(range.end)),
        Turn::Large(scan) => {
            take(None, scan)?;
            scan.by_ref().for_each(drop);
            ControlFlow::Continue(())
        }
    });
}

/// As [`stream`], where what is made of a piece is small as a rule: pieces up to [`HUGE`] bytes are
/// worked on ahead, and those of which `work` makes none are walked in their turn. As there, a log
/// that is still being unpacked is waited for.
pub fn small<'a, T: Send>(
    log: &'a Log,
    range: Range<u64>,
    piece_bytes: u64,
    work: impl Fn(&mut Units<'a>) -> Option<T> + Sync,
    take: impl FnMut(Piece<'_, 'a, T>) -> ControlFlow<()>,
) {
    let mut pieces = Pieces::within(log, range, piece_bytes);
    pieces.large = HUGE;
    pieces.stream(work, take);
}

#[cfg(test)]
mod tests;
