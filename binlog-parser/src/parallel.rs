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
//! Logs without GTID events, which servers before 5.7 wrote, and relay logs are one piece.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvError, TryRecvError, sync_channel};

use crate::scan::{Scan, Scanned};
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::Units;

/// Distance of the offsets behind which pieces start, in bytes: little enough for what is made of a
/// few pieces to be held in memory, and enough for a thread to be worth waking.
pub const PIECE_BYTES: u64 = 2 << 20;

/// How many pieces a thread may be ahead of the one that is handed over.
const AHEAD: usize = 2;

/// Divides a log into transactions, on all threads of rayon's pool.
///
/// `work` gets the units of a piece, with a fresh state of whatever it needs, and makes something of
/// them; `take` gets the range of each piece and what was made of it, in the order of the log, until
/// it breaks. What `work` leaves of its units is walked as well, and thrown away.
///
/// The units of all pieces together are those of one walk of the log, save that `work` may be run
/// again for a piece whose guessed bounds proved wrong; what it made before is dropped.
pub fn units<'a, T: Send>(
    log: &'a Log,
    work: impl Fn(&mut Units<'a>) -> T + Sync,
    take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    let walk = |scan: Scan<'a>| {
        let mut units = Units::new(scan);
        let made = work(&mut units);
        units.by_ref().for_each(drop);
        (units.into_scan(), made)
    };
    Pieces::new(log, PIECE_BYTES).run(walk, take);
}

/// As [`units`], with the events of each piece as they come, their checksums not verified.
pub fn headers<'a, T: Send>(
    log: &'a Log,
    work: impl Fn(&mut Scan<'a>) -> T + Sync,
    take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
) {
    let walk = |scan: Scan<'a>| {
        let mut scan = scan.trusting();
        let made = work(&mut scan);
        scan.by_ref().for_each(drop);
        (scan, made)
    };
    Pieces::new(log, PIECE_BYTES).run(walk, take);
}

/// The guessed starts of a log's pieces, each looked for when it is first asked for.
struct Pieces<'a> {
    log: &'a Log,
    piece_bytes: u64,
    starts: Vec<OnceLock<Option<u64>>>,
}

/// A piece that was walked.
struct Walked<'a, T> {
    start: u64,
    stop: u64,
    /// The walk where it ended.
    scan: Scan<'a>,
    made: T,
}

impl<'a> Pieces<'a> {
    fn new(log: &'a Log, piece_bytes: u64) -> Self {
        let count = if log.is_relay_log() { 1 } else { log.len().div_ceil(piece_bytes).max(1) };
        Pieces { log, piece_bytes, starts: (0..count).map(|_| OnceLock::new()).collect() }
    }

    /// Where piece `index` starts, if a transaction does between its offset and the next.
    fn start(&self, index: usize) -> Option<u64> {
        *self.starts.get(index)?.get_or_init(|| match index as u64 * self.piece_bytes {
            0 => Some(FIRST_EVENT),
            offset => first_transaction(self.log, offset..offset + self.piece_bytes),
        })
    }

    /// The first start at or behind `offset`, from piece `index` on; the log's end if there is none.
    fn next_start(&self, index: usize, offset: u64) -> u64 {
        let later = (index..self.starts.len()).filter_map(|index| self.start(index));
        later.into_iter().find(|start| *start >= offset).unwrap_or(self.log.len())
    }

    fn run<T: Send>(
        &self,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T) + Sync,
        mut take: impl FnMut(Range<u64>, T) -> ControlFlow<()>,
    ) {
        let ended = AtomicBool::new(false);
        let guess = |index: usize| {
            let start = self.start(index).filter(|_| !ended.load(Ordering::Relaxed))?;
            let stop = self.next_start(index + 1, 0);
            let (scan, made) = walk(self.log.scan_from(start).until(stop));
            Some(Walked { start, stop, scan, made })
        };
        rayon::in_place_scope(|scope| {
            let most = rayon::current_num_threads() * AHEAD;
            let mut running: VecDeque<Receiver<Option<Walked<'a, T>>>> = VecDeque::new();
            let mut indices = 0..self.starts.len();
            // The walk so far: what was guessed about a piece has to agree with it.
            let mut so_far = self.log.scan();
            loop {
                for index in indices.by_ref().take(most - running.len()) {
                    let (sender, receiver) = sync_channel(1);
                    let guess = &guess;
                    // Nobody listens any more where `take` has broken off.
                    scope.spawn(move |_| drop(sender.send(guess(index))));
                    running.push_back(receiver);
                }
                // A sender that is gone without a word has panicked, which the scope passes on.
                let Some(Ok(walked)) = running.pop_front().map(|receiver| receive(&receiver))
                else {
                    break;
                };
                let Some(walked) = walked.filter(|piece| piece.start >= so_far.offset()) else {
                    continue;
                };
                let start = so_far.offset();
                let made = self.proven(walked, &mut so_far, &walk);
                if take(start..so_far.offset(), made).is_break() {
                    ended.store(true, Ordering::Relaxed);
                    break;
                }
            }
        });
    }

    /// What was made of a piece if its guessed bounds prove right; else what is made of it from
    /// where the walk really is up to a start where it really arrives. `so_far` moves there.
    fn proven<T>(
        &self,
        guessed: Walked<'a, T>,
        so_far: &mut Scan<'a>,
        walk: impl Fn(Scan<'a>) -> (Scan<'a>, T),
    ) -> T {
        let Walked { start, mut stop, mut scan, mut made } = guessed;
        if start != so_far.offset() || self.log.format() != so_far.format() {
            (scan, made) = walk(so_far.clone().until(stop));
        }
        while scan.offset() != stop {
            stop = self.next_start(0, scan.offset());
            (scan, made) = walk(so_far.clone().until(stop));
        }
        *so_far = scan;
        made
    }
}

/// Waits for a piece; a thread of the pool itself works meanwhile, for it may be the only one.
fn receive<T>(receiver: &Receiver<T>) -> Result<T, RecvError> {
    while rayon::current_thread_index().is_some() {
        match receiver.try_recv() {
            Ok(made) => return Ok(made),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => drop(rayon::yield_now()),
        }
    }
    receiver.recv()
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

    /// What a walk in pieces of `bytes` gives, and how many pieces there were.
    fn in_pieces(log: &Log, bytes: u64) -> (Vec<String>, usize) {
        let (mut all, mut pieces, mut end) = (vec![], 0, FIRST_EVENT);
        let walk = |scan| {
            let mut units = Units::new(scan);
            let made: Vec<_> = units.by_ref().map(|unit| format!("{unit:?}")).collect();
            (units.into_scan(), made)
        };
        Pieces::new(log, bytes).run(walk, |range, made| {
            assert_eq!(range.start, end);
            (pieces, end) = (pieces + 1, range.end);
            all.extend(made);
            ControlFlow::Continue(())
        });
        assert_eq!(end, log.len());
        (all, pieces)
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
        }
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
                Pieces::new(&log, bytes).start(2).is_some_and(|start| start < inner.len() as u64)
            );
            let (units, pieces) = in_pieces(&log, bytes);
            assert_eq!(units, in_one(&log));
            assert!(pieces > 1);
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
        fn walk(mut scan: Scan<'_>) -> (Scan<'_>, ()) {
            scan.by_ref().for_each(drop);
            (scan, ())
        }
        Pieces::new(&log, 500).run(walk, |_, ()| {
            taken += 1;
            if taken == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
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
        headers(&log, work, |_, made| {
            offsets.extend(made);
            ControlFlow::Continue(())
        });
        let all: Vec<u64> = log.scan().events().map(|event| event.offset).collect();
        assert_eq!(offsets, all);
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
            let (units, _) = in_pieces(&log, bytes);
            prop_assert_eq!(units, in_one(&log));
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
