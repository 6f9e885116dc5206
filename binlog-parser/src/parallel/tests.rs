//! Pieces of a log against one walk of it.

use super::*;
use crate::header::EventType;
use crate::scan::Scanned;
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

/// Bytes of files that are in the memory of this process.
#[cfg(target_os = "linux")]
fn mapped_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
fn small_pieces_let_go_of_their_pages_as_well() {
    let log = (0..500).fold(LogBuilder::new("9.7.1"), |log, _| transaction(log, 4000));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), log.build()).unwrap();
    let log = Log::open(file.path()).unwrap();
    assert!(log.len() > 50 << 20);
    let before = mapped_bytes();
    let work = |scan: &mut Scan<'_>| Some(scan.count());
    let mut count = 0;
    events(&log, whole(&log), 256 << 10, work, |made, _| {
        count += made.unwrap();
        ControlFlow::Continue(())
    });
    assert!(count > 500 * 4000, "{count}");
    let held = mapped_bytes().saturating_sub(before);
    assert!(held < 20 << 20, "{held} bytes");
}

/// Gives what is asked for up to a point, and the rest when it is told to.
struct Held {
    bytes: std::io::Cursor<Vec<u8>>,
    at: u64,
    go_on: std::sync::mpsc::Receiver<()>,
}

impl std::io::Read for Held {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let before = usize::try_from(self.at.saturating_sub(self.bytes.position())).unwrap();
        if before == 0 {
            // Until the other end is gone.
            let _ = self.go_on.recv();
        }
        let count = if before == 0 { out.len() } else { before.min(out.len()) };
        self.bytes.read(&mut out[..count])
    }
}

#[test]
fn a_log_that_comes_is_walked_as_it_does_and_its_rest_on_all_threads() {
    let bytes = (0..30).fold(LogBuilder::new("9.7.1"), |log, _| transaction(log, 2000)).build();
    let whole = Log::from_reader(&bytes[..]).unwrap();
    let (go, go_on) = std::sync::mpsc::channel::<()>();
    let held = Held { at: bytes.len() as u64 / 2, bytes: std::io::Cursor::new(bytes), go_on };
    let log = Log::from_reader_early(held, &crate::source::decrypt::Keys::none()).unwrap();
    let (mut all, mut go) = (vec![], Some(go));
    let rest = as_it_comes(&log, 100_000, |units| {
        all.extend(units.map(|unit| format!("{unit:?}")));
        drop(go.take());
        log.whole().unwrap();
        ControlFlow::Continue(())
    });
    let rest = rest.unwrap();
    assert!(rest.start > FIRST_EVENT && rest.end == log.len(), "{rest:?}");
    units_in(
        &log,
        rest,
        |units| shown(units),
        |_, made: Vec<String>| {
            all.extend(made);
            ControlFlow::Continue(())
        },
    );
    assert_eq!(all, in_one(&whole));
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
fn event_offsets<'a>(log: &'a Log, bytes: u64, keep: impl Fn(&[u64]) -> bool + Sync) -> Vec<u64> {
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
    let count =
        |units: &mut Units<'_>| units.filter(|unit| matches!(unit, Unit::Transaction(_))).count();
    let mut transactions = 0;
    units(&log, count, |_, made| {
        transactions += made;
        ControlFlow::Continue(())
    });
    assert_eq!(transactions, 100);
}
