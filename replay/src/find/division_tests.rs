//! However a log is divided, and with any number of threads, the search gives the same.

use std::path::Path;

use binlog_parser::header::EventType;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Units;
use proptest::prelude::*;

use super::notes;
use super::search::Search;
use super::summarise::Course;
use super::testing::LogBuilder;
use super::{Options, find};
use crate::select::Filter;

/// What a search gives that sums up about `run_bytes` at a time, on this thread alone.
fn in_runs(set: &LogSet, options: &Options, run_bytes: u64) -> String {
    let mut search = Search::new(set, options).unwrap();
    search.run_bytes = run_bytes;
    for (index, log) in set.logs().iter().enumerate() {
        let course = Course { set, options, index, log };
        search.in_turn(course, &mut Units::new(log.scan()), &mut |_| {});
    }
    format!("{:#?}", search.finish(set))
}

/// The same in pieces, on so many threads.
fn in_pieces(set: &LogSet, options: &Options, piece_bytes: u64, threads: usize) -> String {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut search = Search::new(set, options).unwrap();
        search.run_bytes = piece_bytes;
        for (index, log) in set.logs().iter().enumerate() {
            search.log(index, log, &mut |_| {});
        }
        format!("{:#?}", search.finish(set))
    })
}

/// A transaction of what these numbers ask for.
fn transaction(log: LogBuilder, (what, table, rows): (u8, u8, u64)) -> LogBuilder {
    let table = ["a", "bb", "ccc"][usize::from(table % 3)];
    let log = log.event(EventType::ANONYMOUS_GTID, &[0; 25]);
    let change = |event_type| (event_type, table, rows);
    let (event_type, table, rows) = match what {
        0..=3 => change(EventType::WRITE_ROWS),
        4..=6 => change(EventType::UPDATE_ROWS),
        7..=9 => change(EventType::DELETE_ROWS),
        10 => return log.query(&format!("CREATE TABLE {table} (id INT)")),
        11 => return log.query(&format!("TRUNCATE TABLE {table}")),
        12 => return log.query(&format!("DROP TABLE IF EXISTS {table}")),
        13 => return log.query(&format!("DELETE FROM {table}")),
        14 => {
            let text = format!("DELETE FROM {table}");
            return log.told(&text, EventType::DELETE_ROWS, table, rows);
        }
        15 => {
            // Several statements, the last of which lacks its table map.
            return log
                .query("BEGIN")
                .table_map(1, "a")
                .rows(EventType::UPDATE_ROWS, 1, rows, true)
                .table_map(2, "bb")
                .rows(EventType::DELETE_ROWS, 2, 1, true)
                .table_map(1, "a")
                .table_map(2, "bb")
                .rows(EventType::DELETE_ROWS, 1, rows, false)
                .rows(EventType::WRITE_ROWS, 2, rows, true)
                .rows(EventType::DELETE_ROWS, 9, rows, true)
                .event(EventType::XID, &[0; 8]);
        }
        16 => return log.query("BEGIN").query("UPDATE a SET id = 1").query("ROLLBACK"),
        19 => return log.query("DROP DATABASE shop"),
        20 => return log.query(&format!("CREATE TABLE IF NOT EXISTS {table} (id INT)")),
        17 => {
            let inner = LogBuilder::inner().change(EventType::DELETE_ROWS, table, rows);
            return log.payload(&inner.bytes);
        }
        _ => {
            let log = log.query("BEGIN").table_map(table.len() as u8, table);
            let log = log.rows(EventType::DELETE_ROWS, table.len() as u8, rows, true);
            return log.query("ROLLBACK");
        }
    };
    log.change(event_type, table, rows)
}

/// Writes the index of a log.
fn index(set: &LogSet, number: usize, path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    super::index(set, number, None, &mut file, |_| {}).unwrap();
}

/// The same by an index that was built when the log had `indexed` bytes, and whether that says anything;
/// the parts that had to be read are those of which nothing is noted.
fn by_index(bytes: &[u8], indexed: usize, options: &Options) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binlog.000001");
    let open = || LogSet::of(vec![Log::open(&path).unwrap()]);
    std::fs::write(&path, &bytes[..indexed]).unwrap();
    index(&open(), 0, &folder.path().join("binlog.000001.bidx"));
    std::fs::write(&path, bytes).unwrap();
    let set = open();
    (format!("{:#?}", find(&set, options, &mut |_| {})), set.indexed(0).is_some())
}

/// Writes logs into a folder, and opens them.
fn written(folder: &Path, logs: &[LogBuilder]) -> LogSet {
    let write = |(number, log): (usize, &LogBuilder)| {
        let path = folder.join(format!("binlog.{number:06}"));
        std::fs::write(&path, &log.bytes).unwrap();
        Log::open(&path).unwrap()
    };
    LogSet::of((1..).zip(logs).map(write).collect())
}

/// Indexes logs, and opens them again.
fn indexed(set: &LogSet) -> LogSet {
    for (number, log) in set.logs().iter().enumerate() {
        let path = binlog_parser::index::path(log, None).unwrap();
        index(set, number, &path);
    }
    LogSet::of(set.logs().iter().map(|log| Log::open(log.path()).unwrap()).collect())
}

/// How many rows a statement has: those of a small table, few, and many. An index calls an event
/// without rows a fault, and then says nothing of the log.
fn rows() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1u64..4, 1 => 8u64..12, 1 => 90u64..120]
}

#[test]
fn a_digest_keeps_what_may_be_a_candidate_alone() {
    let write = |log: LogBuilder, table, rows| log.change(EventType::WRITE_ROWS, table, rows);
    let mut log = write(LogBuilder::new("9.7.1"), "a", 20);
    for _ in 0..50 {
        log = log.change(EventType::DELETE_ROWS, "a", 2).change(EventType::UPDATE_ROWS, "bb", 3);
        log = write(log, "a", 2);
    }
    log = log.query("TRUNCATE TABLE a").change(EventType::DELETE_ROWS, "ccc", 100);
    let folder = tempfile::tempdir().unwrap();
    let set = indexed(&written(folder.path(), &[log]));
    let options = Options::default();
    let indexed = set.indexed(0).unwrap();
    let course = Course { set: &set, options: &options, index: 0, log: &set.logs()[0] };
    let steps = notes::digest(course, &indexed).unwrap().summary.steps;
    // What was in the tables, the TRUNCATE, and the DELETE.
    assert_eq!(steps.len(), 4, "{steps:#?}");
}

#[test]
fn a_digest_tells_what_hangs_on_the_logs_before() {
    use EventType as E;
    let made = || LogBuilder::new("9.7.1").query("CREATE TABLE a (id INT)");
    let next = || LogBuilder::new("9.7.1");
    for (before, log) in [
        (made().change(E::WRITE_ROWS, "a", 3), next().change(E::UPDATE_ROWS, "a", 3)),
        (
            made().change(E::WRITE_ROWS, "a", 3),
            next().change(E::DELETE_ROWS, "a", 1).change(E::UPDATE_ROWS, "a", 2),
        ),
        (
            made(),
            next().change(E::WRITE_ROWS, "a", 20).change(E::DELETE_ROWS, "a", 12).change(
                E::DELETE_ROWS,
                "a",
                8,
            ),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let set = written(folder.path(), &[before, log]);
        let options = Options::default();
        let read = find(&set, &options, &mut |_| {});
        assert_eq!(read.findings.len(), 1);
        let found = find(&indexed(&set), &options, &mut |_| {});
        assert_eq!(format!("{found:#?}"), format!("{read:#?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// What is known of a table goes from log to log; it is known only where all changes are counted.
    #[test]
    fn a_digest_does_not_show(
        logs in proptest::collection::vec(
            proptest::collection::vec(
                (prop_oneof![40 => 0u8..10, 8 => 10u8..13, 1 => 14u8..15, 1 => 19u8..21],
                    0u8..2, prop_oneof![9 => 1u64..4, 1 => rows()]),
                1..16),
            1..4),
        start in proptest::option::weighted(0.2, 0u32..60),
        min_rows in prop_oneof![Just(100u64), Just(10), Just(2)],
    ) {
        let logs = logs.into_iter().map(|steps| {
            steps.into_iter().fold(LogBuilder::new("9.7.1"), transaction)
        });
        let logs: Vec<_> = logs.collect();
        let start_time = start.map(|start| (1_000_000 + i64::from(start)) * 1_000_000);
        let filter = Filter { start_time, ..Filter::default() };
        let options = Options { min_rows, filter, ..Options::default() };
        let folder = tempfile::tempdir().unwrap();
        let set = written(folder.path(), &logs);
        let read = format!("{:#?}", find(&set, &options, &mut |_| {}));
        let set = indexed(&set);
        for number in 0..logs.len() {
            prop_assert!(set.indexed(number).is_some_and(|indexed| indexed.is_whole()));
        }
        prop_assert_eq!(format!("{:#?}", find(&set, &options, &mut |_| {})), read);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Transactions stand so far apart that the log has many parts, and times divide them.
    #[test]
    fn an_index_does_not_show(
        steps in proptest::collection::vec(
            (prop_oneof![7 => 0u8..14, 1 => 19u8..21], 0u8..3, rows()), 1..40),
        broken in proptest::option::weighted(0.2, 15u8..19),
        indexed in any::<prop::sample::Index>(),
        start in proptest::option::of(0u32..200),
        stop in proptest::option::of(0u32..200),
        min_rows in prop_oneof![3 => Just(100u64), 1 => 0u64..5],
    ) {
        let mut log = LogBuilder::new("9.7.1");
        let mut ends = vec![log.bytes.len()];
        let sound = broken.is_none();
        for step in steps.into_iter().chain(broken.map(|what| (what, 1, 3))) {
            let padding = vec![b'x'; 150_000];
            log = log.event(EventType::ANONYMOUS_GTID, &[0; 25]).query("BEGIN");
            log = log.event(EventType::IGNORABLE, &padding).event(EventType::XID, &[0; 8]);
            log = transaction(log, step);
            ends.push(log.bytes.len());
        }
        let time = |seconds: Option<u32>| {
            seconds.map(|seconds| (1_000_000 + i64::from(seconds)) * 1_000_000)
        };
        let (start_time, stop_time) = (time(start), time(stop));
        let filter = Filter { start_time, stop_time, ..Filter::default() };
        let options = Options { min_rows, filter, ..Options::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("binlog.000001");
        std::fs::write(&path, &log.bytes).unwrap();
        let set = LogSet::of(vec![Log::open(&path).unwrap()]);
        let read = format!("{:#?}", find(&set, &options, &mut |_| {}));
        for indexed in [ends[indexed.index(ends.len())], log.bytes.len()] {
            let (found, used) = by_index(&log.bytes, indexed, &options);
            prop_assert_eq!(&found, &read);
            prop_assert!(used || !sound || indexed < log.bytes.len());
        }
    }

    #[test]
    fn divisions_and_threads_do_not_show(
        steps in proptest::collection::vec(
            (0u8..21, 0u8..3, prop_oneof![1 => Just(0), 4 => rows()]), 1..60),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..3),
        min_rows in prop_oneof![Just(100u64), 0u64..5],
    ) {
        let log = LogBuilder::new("9.7.1");
        let head = log.bytes.len();
        let mut bytes = steps.into_iter().fold(log, transaction).bytes;
        for (at, bits) in flips {
            let at = head + at.index(bytes.len() - head);
            bytes[at] ^= bits;
        }
        let set = LogSet::of(vec![Log::from_reader(&bytes[..]).unwrap()]);
        let options = Options { min_rows, ..Options::default() };
        let whole = in_runs(&set, &options, u64::MAX);
        for bytes in [1, 300, 2000] {
            prop_assert_eq!(&in_runs(&set, &options, bytes), &whole);
            for threads in [1, 3] {
                prop_assert_eq!(&in_pieces(&set, &options, bytes, threads), &whole);
            }
        }
        prop_assert_eq!(&format!("{:#?}", find(&set, &options, &mut |_| {})), &whole);
    }
}
