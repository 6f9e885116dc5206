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
//! A log that is still being unpacked is walked on one thread as it comes, in pieces all the same.
//!
//! Logs without GTID events, which servers before 5.7 wrote, and relay logs are one piece.

mod order;

use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;

use crate::scan::{Scan, Scanned};
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::Units;

pub use order::in_order;

/// Distance of the offsets behind which pieces start, in bytes: little enough for what is made of
/// some pieces to be held in memory, and enough for a thread to be worth waking.
pub const PIECE_BYTES: u64 = 1 << 20;

/// A piece of so many times its usual size is large: a big transaction is in it, or the log has but
/// one piece.
const LARGE: u64 = 4;

/// A piece of more bytes is not even walked ahead for what is small: it is the log of a server
/// without GTIDs, or holds one transaction that is as large as a log.
pub const HUGE: u64 = 256 << 20;

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
    take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    if log.known_len().is_none() {
        return in_turn(Units::new(log.scan()), PIECE_BYTES, work, take);
    }
    units_in(log, whole(log), work, take);
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

/// As [`units`], for a log that is still being unpacked: on this thread, which is as fast as the log
/// comes.
fn in_turn<'a, T>(
    mut units: Units<'a>,
    piece_bytes: u64,
    work: impl Fn(&mut Units<'a>) -> T,
    mut take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    loop {
        let start = units.offset();
        units.rest_at((start / piece_bytes).saturating_add(1).saturating_mul(piece_bytes));
        let made = work(&mut units);
        units.by_ref().for_each(drop);
        if take(start..units.offset(), made).is_break() || !units.rests() {
            break;
        }
    }
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
/// which none was made, and for those where it turns out that they have to be made once more.
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
    pieces.large = piece_bytes.saturating_mul(LARGE);
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

fn walk_units<'a, T>(scan: Scan<'a>, work: impl Fn(&mut Units<'a>) -> T) -> (Scan<'a>, T) {
    let mut units = Units::new(scan);
    let made = work(&mut units);
    units.by_ref().for_each(drop);
    (units.into_scan(), made)
}

/// The guessed starts of the pieces of a log, or of a range of it, each looked for when it is first
/// asked for.
struct Pieces<'a> {
    log: &'a Log,
    range: Range<u64>,
    /// Round offset of the first piece, which starts at the range's start.
    first: u64,
    piece_bytes: u64,
    /// Pieces of more bytes are not walked ahead.
    large: u64,
    starts: Vec<OnceLock<Option<u64>>>,
}

/// A piece as it was guessed, and what came of its walk, unless it is large.
struct Guessed<'a, T> {
    start: u64,
    stop: u64,
    walked: Option<(Scan<'a>, T)>,
}

/// A piece whose bounds are right.
enum Turn<'s, 'a, T> {
    /// Its range, what was made of it, and the walk that starts there.
    Made(Range<u64>, T, Scan<'a>),
    /// Where the walk is; it is to be moved to the end of the piece.
    Large(&'s mut Scan<'a>),
}

impl<'a, T> Turn<'_, 'a, T> {
    /// Takes what was made of the piece, now if it was not made yet.
    fn made_by(
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
    fn within(log: &'a Log, range: Range<u64>, piece_bytes: u64) -> Self {
        let piece_bytes = piece_bytes.max(1);
        let first = range.start / piece_bytes * piece_bytes;
        let bytes = range.end.saturating_sub(first);
        let count = if log.is_relay_log() { 1 } else { bytes.div_ceil(piece_bytes).max(1) };
        let starts = (0..count).map(|_| OnceLock::new()).collect();
        Pieces { log, range, first, piece_bytes, large: u64::MAX, starts }
    }

    /// See the function [`stream`].
    fn stream<T: Send>(
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
    fn start(&self, index: usize) -> Option<u64> {
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

    fn run<T: Send>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::EventType;
    use crate::testing::LogBuilder;
    use crate::transaction::Unit;
    use proptest::prelude::*;

    /// What one walk gives.
    fn in_one(log: &Log) -> Vec<String> {
        Units::new(log.scan()).map(|unit| format!("{unit:?}")).collect()
    }

    fn shown(units: &mut Units<'_>) -> Vec<String> {
        units.map(|unit| format!("{unit:?}")).collect()
    }

    /// What a walk in pieces of `bytes` gives, and how many pieces there were.
    fn in_pieces(log: &Log, bytes: u64) -> (Vec<String>, usize) {
        let (mut all, mut pieces, mut end) = (vec![], 0, FIRST_EVENT);
        let walk = |scan| walk_units(scan, shown);
        Pieces::within(log, whole(log), bytes).run(walk, |turn| {
            turn.made_by(walk, &mut |range: Range<u64>, made| {
                assert_eq!(range.start, end);
                (pieces, end) = (pieces + 1, range.end);
                all.extend(made);
                ControlFlow::Continue(())
            })
        });
        assert_eq!(end, log.len());
        (all, pieces)
    }

    /// The same as a stream, and how many pieces were large.
    fn streamed(log: &Log, bytes: u64) -> (Vec<String>, usize) {
        streamed_if(log, bytes, |_| true)
    }

    /// The same, where pieces are made ahead only if `fits` says so of what is made of them.
    fn streamed_if(
        log: &Log,
        bytes: u64,
        fits: impl Fn(&[String]) -> bool + Sync,
    ) -> (Vec<String>, usize) {
        let (mut all, mut large) = (vec![], 0);
        let work = |units: &mut Units<'_>| Some(shown(units)).filter(|all| fits(all));
        stream(log, whole(log), bytes, work, |piece| {
            match piece {
                Piece::Made { made, .. } => all.extend(made),
                Piece::Large(units) => {
                    large += 1;
                    all.extend(shown(units));
                }
            }
            ControlFlow::Continue(())
        });
        (all, large)
    }

    fn transaction(log: LogBuilder, rows: usize) -> LogBuilder {
        let log = log.event(EventType::GTID, &[0; 25]).query("BEGIN").table_map(7);
        let log = (0..rows).fold(log, |log, _| log.rows(EventType::WRITE_ROWS, 7, 0));
        log.rows(EventType::WRITE_ROWS, 7, 1).event(EventType::XID, &[0; 8])
    }

    fn hundred() -> LogBuilder {
        let log = LogBuilder::new("9.7.1").event(EventType::PREVIOUS_GTIDS, &[0; 8]);
        let log = (0..100).fold(log, |log, number| transaction(log, number % 5));
        log.event(EventType::ROTATE, b"\x04\0\0\0\0\0\0\0binlog.000002")
    }

    #[test]
    fn pieces_give_what_one_walk_gives() {
        let log = hundred().open();
        for bytes in [200, 1000, 5000, 1 << 20] {
            let (units, pieces) = in_pieces(&log, bytes);
            assert_eq!(units, in_one(&log));
            assert_eq!(pieces > 1, log.len() > bytes, "{bytes}");
            assert_eq!(streamed(&log, bytes), (in_one(&log), 0));
        }
        // Pieces shorter than the transactions in them.
        let (units, large) = streamed(&log, 20);
        assert_eq!(units, in_one(&log));
        assert!(large > 50, "{large}");
    }

    #[test]
    fn what_is_not_made_ahead_is_walked_when_it_is_its_turn() {
        let log = hundred().open();
        let (units, large) = streamed_if(&log, 1000, |made| made.len() % 2 == 0);
        assert_eq!(units, in_one(&log));
        assert!(large > 1, "{large}");
        let pieces = in_pieces(&log, 1000).1;
        assert_eq!(streamed_if(&log, 1000, |_| false), (in_one(&log), pieces));
    }

    #[test]
    fn a_log_inside_of_an_event_is_no_piece() {
        // An event that holds, as a value, transactions at the very places where they would stand.
        let log = LogBuilder::new("9.7.1").event(EventType::GTID, &[0; 25]).query("BEGIN");
        let at = log.build().len() + crate::header::HEADER_BYTES;
        let padded = LogBuilder::new("9.7.1");
        let padding = at - padded.build().len() - crate::header::HEADER_BYTES - 4;
        let padded = padded.event(EventType::IGNORABLE, &vec![0; padding]);
        assert_eq!(padded.build().len(), at);
        let inner = (0..20).fold(padded, |log, _| transaction(log, 1)).build();
        let log = log.event(EventType::ROWS_QUERY, &inner[at..]).table_map(7);
        let log = log.rows(EventType::WRITE_ROWS, 7, 1).event(EventType::XID, &[0; 8]);
        let log = (0..20).fold(log, |log, _| transaction(log, 1)).open();
        for bytes in [200, 700] {
            assert!(
                Pieces::within(&log, whole(&log), bytes)
                    .start(2)
                    .is_some_and(|start| start < inner.len() as u64)
            );
            let (units, pieces) = in_pieces(&log, bytes);
            assert_eq!(units, in_one(&log));
            assert!(pieces > 1);
            assert_eq!(streamed(&log, bytes).0, in_one(&log));
        }
        let (units, large) = streamed(&log, 30);
        assert_eq!(units, in_one(&log));
        assert!(large > 0);
    }

    #[test]
    fn a_range_gives_what_the_whole_walk_gives_there() {
        let log = hundred().open();
        let all: Vec<_> = Units::new(log.scan()).collect();
        let starts: Vec<u64> = all
            .iter()
            .filter_map(|unit| match unit {
                Unit::Transaction(transaction) => Some(transaction.start()),
                _ => None,
            })
            .collect();
        for (from, to) in [(0, 1), (7, 60), (50, 99), (99, 100), (3, 3)] {
            let end = starts.get(to).copied().unwrap_or(log.len());
            let range = starts[from]..end;
            let expected: Vec<_> = all
                .iter()
                .filter(|unit| {
                    let start = match unit {
                        Unit::Transaction(transaction) => transaction.start(),
                        Unit::Control(event) => event.offset,
                        Unit::Damage(damage) => damage.range.start,
                    };
                    range.contains(&start)
                })
                .map(|unit| format!("{unit:?}"))
                .collect();
            for bytes in [150, 1000, 1 << 20] {
                let mut units = vec![];
                stream(
                    &log,
                    range.clone(),
                    bytes,
                    |units| Some(shown(units)),
                    |piece| {
                        match piece {
                            Piece::Made { made, .. } => units.extend(made),
                            Piece::Large(large) => units.extend(shown(large)),
                        }
                        ControlFlow::Continue(())
                    },
                );
                assert_eq!(units, expected, "{from} to {to} in pieces of {bytes}");
            }
        }
    }

    #[test]
    fn logs_without_gtids_and_relay_logs_are_one_piece() {
        let log = LogBuilder::new("5.5.62-log");
        let log = (0..50).fold(log, |log, _| log.query("BEGIN").query("DO 1").query("COMMIT"));
        let log = log.open();
        assert_eq!(in_pieces(&log, 300), (in_one(&log), 1));
    }

    #[test]
    fn a_walk_ends_where_its_taker_breaks_off() {
        let log = hundred().open();
        let mut taken = 0;
        stream(
            &log,
            whole(&log),
            500,
            |units| {
                units.for_each(drop);
                Some(())
            },
            |_| {
                taken += 1;
                if taken == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(taken, 3);
    }

    #[test]
    fn one_thread_is_enough() {
        let log = hundred().open();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let inside = pool.install(|| in_pieces(&log, 500));
        assert_eq!(inside, in_pieces(&log, 500));
    }

    #[test]
    fn headers_come_in_order_and_once() {
        let log = hundred().open();
        let mut offsets = vec![];
        let work = |scan: &mut Scan<'_>| -> Vec<u64> {
            let events = scan.filter_map(|scanned| match scanned {
                Scanned::Event(event) => Some(event.offset),
                Scanned::Damage(_) => None,
            });
            events.collect()
        };
        headers(&log, whole(&log), work, |_, made| {
            offsets.extend(made);
            ControlFlow::Continue(())
        });
        let all: Vec<u64> = log.scan().events().map(|event| event.offset).collect();
        assert_eq!(offsets, all);
    }

    /// Offsets of events, those of pieces of which `keep` says so made ahead.
    fn event_offsets<'a>(
        log: &'a Log,
        bytes: u64,
        keep: impl Fn(&[u64]) -> bool + Sync,
    ) -> Vec<u64> {
        let offset = |scanned| match scanned {
            Scanned::Event(event) => event.offset,
            Scanned::Damage(damage) => damage.range.start,
        };
        let work = |scan: &mut Scan<'a>| {
            Some(scan.by_ref().map(offset).collect::<Vec<_>>()).filter(|made| keep(made))
        };
        let mut all = vec![];
        events(log, whole(log), bytes, work, |made, scan| {
            all.extend(made.unwrap_or_else(|| scan.map(offset).collect()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn events_come_in_order_whether_made_ahead_or_in_turn() {
        let log = hundred().open();
        let all: Vec<u64> = log.scan().events().map(|event| event.offset).collect();
        for bytes in [20, 1000, 1 << 20] {
            for odd in [0, 1, 2] {
                assert_eq!(event_offsets(&log, bytes, |made| made.len() % 2 != odd), all);
            }
        }
    }

    proptest! {
        #[test]
        fn damage_is_found_as_one_walk_finds_it(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..6),
            zeros in prop::option::of((any::<prop::sample::Index>(), 1..2000usize)),
            cut in prop::option::of(any::<prop::sample::Index>()),
            bytes in 100u64..4000,
        ) {
            let mut log = hundred().build();
            // Behind the format description, without which there is no log.
            let body = log.len() - 200;
            for (at, bits) in flips {
                log[200 + at.index(body)] ^= bits;
            }
            if let Some((at, count)) = zeros {
                let at = 200 + at.index(body);
                let end = (at + count).min(log.len());
                log[at..end].fill(0);
            }
            if let Some(cut) = cut {
                log.truncate(200 + cut.index(body));
            }
            let log = Log::from_reader(&log[..]).unwrap();
            prop_assert_eq!(in_pieces(&log, bytes).0, in_one(&log));
            prop_assert_eq!(streamed(&log, bytes).0, in_one(&log));
            prop_assert_eq!(streamed(&log, bytes / 20).0, in_one(&log));
            let all = event_offsets(&log, u64::MAX, |_| true);
            prop_assert_eq!(event_offsets(&log, bytes, |made| made.len() % 2 == 0), all);
        }
    }

    #[test]
    fn units_hand_over_what_work_makes_of_them() {
        let log = hundred().open();
        let count = |units: &mut Units<'_>| {
            units.filter(|unit| matches!(unit, Unit::Transaction(_))).count()
        };
        let mut transactions = 0;
        units(&log, count, |_, made| {
            transactions += made;
            ControlFlow::Continue(())
        });
        assert_eq!(transactions, 100);
    }
}
