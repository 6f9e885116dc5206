use std::io::Write;
use std::ops::ControlFlow;

use super::*;
use crate::header::EventType;
use crate::parallel::{self, Piece};
use crate::scan::{DamageReason, Scanned};
use crate::source::decrypt::Keys;
use crate::source::log::Log;
use crate::source::log_set::LogSet;
use crate::testing::LogBuilder;
use crate::transaction::{Unit, Units};

const KINDS: [(Kind, &str); 5] = [
    (Kind::Gzip, ".gz"),
    (Kind::Zstd, ".zst"),
    (Kind::Xz, ".xz"),
    (Kind::Bzip2, ".bz2"),
    (Kind::Lz4, ".lz4"),
];

fn pack(kind: Kind, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    match kind {
        Kind::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, Default::default());
            encoder.write_all(plain).and_then(|()| encoder.try_finish()).unwrap();
        }
        Kind::Zstd => {
            let mut encoder = zstd::Encoder::new(&mut out, 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(plain).and_then(|()| encoder.do_finish()).unwrap();
        }
        Kind::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(&mut out, 6);
            encoder.write_all(plain).and_then(|()| encoder.try_finish()).unwrap();
        }
        Kind::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut out, Default::default());
            encoder.write_all(plain).and_then(|()| encoder.try_finish()).unwrap();
        }
        Kind::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut out);
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap();
        }
    }
    out
}

fn plain() -> Vec<u8> {
    let log = LogBuilder::new("9.7.1");
    (0..20).fold(log, |log, n| log.query(&format!("CREATE TABLE t{n} (a INT)"))).build()
}

/// The damage of a log by reason and range, and that all bytes are accounted for.
fn damage(log: &Log) -> Vec<(&'static str, std::ops::Range<u64>)> {
    let mut end = 4;
    let mut damages = vec![];
    for scanned in log.scan() {
        end = match scanned {
            Scanned::Event(event) => event.end(),
            Scanned::Damage(damage) => {
                damages.push((damage.reason.name(), damage.range.clone()));
                damage.range.end
            }
        };
    }
    assert_eq!(end, log.len());
    damages
}

#[test]
fn every_kind_is_read_as_the_plain_log_and_known_by_content() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, suffix) in KINDS {
        let packed = pack(kind, &plain());
        for name in [format!("binlog.000001{suffix}"), "binlog.000001".to_owned()] {
            let path = folder.path().join(name);
            std::fs::write(&path, &packed).unwrap();
            let log = Log::open(&path).unwrap();
            assert_eq!((log.bytes(), &**log.name()), (&plain()[..], "binlog.000001"), "{kind:?}");
            assert_eq!(damage(&log), []);
        }
        let log = Log::from_reader(&packed[..]).unwrap();
        assert_eq!((log.bytes(), &**log.name()), (&plain()[..], "stdin"), "{kind:?}");
    }
}

#[test]
fn frames_one_after_another_are_one_log() {
    let plain = plain();
    for (kind, _) in KINDS {
        let parts = plain.chunks(300).map(|part| pack(kind, part));
        let mut packed = parts.collect::<Vec<_>>().concat();
        assert_eq!(Log::from_reader(&packed[..]).unwrap().bytes(), plain, "{kind:?}");
        // An empty frame, and what fills a block of a tape.
        packed.extend(pack(kind, b""));
        packed.extend([0; 1000]);
        let log = Log::from_reader(&packed[..]).unwrap();
        assert_eq!((log.bytes(), log.archive_damage()), (&plain[..], None), "{kind:?}");
    }
}

#[test]
fn skippable_frames_are_skipped() {
    let skippable = b"\x50\x2a\x4d\x18\x05\0\0\0notes";
    for kind in [Kind::Zstd, Kind::Lz4] {
        let (a, b) = (pack(kind, &plain()[..200]), pack(kind, &plain()[200..]));
        let packed = [skippable, &a[..], skippable, &b, skippable].concat();
        let log = Log::from_reader(&packed[..]).unwrap();
        assert_eq!((log.bytes(), log.archive_damage()), (&plain()[..], None), "{kind:?}");
    }
}

#[test]
fn an_archive_that_breaks_off_anywhere_is_damage_behind_what_it_held() {
    let plain = plain();
    for (kind, _) in KINDS {
        // Two frames, so that something can be read of each kind.
        let first = pack(kind, &plain[..400]);
        let packed = [&first[..], &pack(kind, &plain[400..])].concat();
        for length in 0..packed.len() {
            match Log::from_reader(&packed[..length]) {
                Err(_) => assert!(length < first.len(), "{kind:?}: {length}"),
                Ok(log) => {
                    assert!(plain.starts_with(log.bytes()));
                    // Where one frame ends, a shorter archive is as good as a whole one.
                    let reason =
                        if length == first.len() { "torn_tail" } else { "damaged_archive" };
                    let damage = damage(&log);
                    assert_eq!(damage.len(), 1, "{kind:?}: {length}: {damage:?}");
                    assert_eq!((damage[0].0, damage[0].1.end), (reason, log.len()));
                }
            }
        }
    }
}

#[test]
fn the_error_of_an_archive_without_a_log_in_it_says_why() {
    for (kind, _) in KINDS {
        let name = kind.name();
        let packed = pack(kind, &plain());
        let why = Log::from_reader(&packed[..12]).unwrap_err().to_string();
        assert!(why.starts_with(&format!("-: {name} archive: log: needed its first ")), "{why}");
        let short = [pack(kind, &plain()[..20]), packed[..12].to_vec()].concat();
        let why = Log::from_reader(&short[..]).unwrap_err().to_string();
        assert!(why.contains("archive: log: needed its format description, had"), "{why}");
        let why = Log::from_reader(&pack(kind, b"-- MySQL dump")[..]).unwrap_err().to_string();
        assert!(why.contains(&format!("{name} archive: first bytes: needed fe 62")), "{why}");
        assert!(why.ends_with("had 2d 2d 20 4d"), "{why}");
        let why = Log::from_reader(&pack(kind, &packed)[..]).unwrap_err().to_string();
        assert!(why.ends_with(&format!("{name} once more; unpack it: {name} -dc")), "{why}");
        let why = Log::from_reader(&pack(kind, b"\xfdbin\x01")[..]).unwrap_err().to_string();
        assert!(why.contains("encrypted log: needed 512 bytes, had 5"), "{why}");
    }
}

#[test]
fn a_flipped_byte_is_survived_and_told() {
    let plain = plain();
    for (kind, _) in KINDS {
        let packed = pack(kind, &plain);
        for at in 0..packed.len() {
            let mut flipped = packed.clone();
            flipped[at] ^= 0x10;
            // What a header says of names and times, and the like, is not checked by all kinds.
            let Ok(log) = Log::from_reader(&flipped[..]) else { continue };
            assert!(log.bytes() == plain || !damage(&log).is_empty(), "{kind:?}: byte {at}");
        }
    }
}

#[test]
fn what_follows_an_archive_and_is_none_is_damage() {
    for (kind, _) in KINDS {
        let packed = [&pack(kind, &plain())[..], b"and more"].concat();
        let log = Log::from_reader(&packed[..]).unwrap();
        let end = plain().len() as u64;
        assert_eq!(damage(&log), [("damaged_archive", end..end)], "{kind:?}");
        let why = log.archive_damage().unwrap().to_string();
        let at = packed.len() - 8;
        assert!(
            why.ends_with(&format!("what follows at byte {at} of it is another thing")),
            "{why}"
        );
    }
}

#[test]
fn an_event_that_was_torn_before_it_was_packed_stays_torn() {
    let plain = plain();
    let log = Log::from_reader(&pack(Kind::Gzip, &plain[..plain.len() - 1])[..]).unwrap();
    let Some(Scanned::Damage(damage)) = log.scan().last() else { panic!("no damage") };
    assert!(matches!(damage.reason, DamageReason::Torn { .. }));
}

#[test]
fn a_bomb_ends_in_an_error_that_names_the_limit() {
    for kind in [Kind::Zstd, Kind::Xz, Kind::Bzip2] {
        let zeros = pack(kind, &vec![0; 8 << 20]);
        let packed = [pack(kind, &plain()), zeros.repeat(1 << 7)].concat();
        assert!(packed.len() < 1 << 18);
        let why = Log::from_reader(&packed[..]).unwrap_err().to_string();
        assert!(why.contains("(1000 for each, and 67108864): needed at most "), "{why}");
    }
}

#[test]
fn a_folder_and_an_index_find_packed_logs() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let log = |next: &str| {
        let rotate = [&[4, 0, 0, 0, 0, 0, 0, 0], next.as_bytes()].concat();
        LogBuilder::new("9.7.1").query(next).event(EventType::ROTATE, &rotate).build()
    };
    write("binlog.000001.gz", &pack(Kind::Gzip, &log("binlog.000002")));
    write("binlog.000002.zst", &pack(Kind::Zstd, &log("binlog.000003")));
    write("binlog.000003", &log("binlog.000004"));
    write("dump.sql.gz", &pack(Kind::Gzip, b"-- MySQL dump"));
    write("dump.sql.xz", &pack(Kind::Xz, b"-- MySQL dump")[..15]);
    write("binlog.index", b"/gone/binlog.000001\n./binlog.000002\nbinlog.000003\n");
    for input in [folder.path().to_owned(), folder.path().join("binlog.index")] {
        let set = LogSet::open(&[input]).unwrap();
        let names: Vec<_> = set.logs().iter().map(|log| &**log.name()).collect();
        assert_eq!(names, ["binlog.000001", "binlog.000002", "binlog.000003"]);
        assert_eq!(set.problems(), []);
    }
    // A log of which nothing is left is named, not left out.
    write("binlog.000004.gz", &pack(Kind::Gzip, b"")[..5]);
    let why = LogSet::open(&[folder.path()]).unwrap_err().to_string();
    assert!(why.contains("binlog.000004.gz: gzip archive: log: needed its first bytes"), "{why}");
}

#[test]
fn a_log_and_its_archive_are_one_log() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("binlog.000001"), plain()).unwrap();
    std::fs::write(folder.path().join("binlog.000001.gz"), pack(Kind::Gzip, &plain())).unwrap();
    let set = LogSet::open(&[folder.path()]).unwrap();
    let problem = set.problems().iter().map(ToString::to_string).collect::<String>();
    assert_eq!(set.logs().len(), 1);
    assert!(problem.contains("is the same log as"), "{problem}");
}

#[test]
fn pieces_of_a_damaged_archive_give_what_one_walk_gives() {
    let transaction = |log: LogBuilder| {
        log.event(EventType::GTID, &[0; 25]).query("BEGIN").event(EventType::XID, &[0; 8])
    };
    let plain = (0..50).fold(LogBuilder::new("9.7.1"), |log, _| transaction(log)).build();
    let whole = pack(Kind::Lz4, &plain);
    let count =
        |units: &mut Units<'_>| units.filter(|unit| matches!(unit, Unit::Damage(_))).count();
    let cut = [pack(Kind::Lz4, &plain[..plain.len() - 9]), whole[..20].to_vec()].concat();
    for packed in [[&whole[..], b"junk"].concat(), cut] {
        let log = Log::from_reader(&packed[..]).unwrap();
        for bytes in [10, 100, 1000, parallel::PIECE_BYTES] {
            let mut damages = 0;
            parallel::stream(
                &log,
                parallel::whole(&log),
                bytes,
                |units| Some(count(units)),
                |piece| {
                    damages += match piece {
                        Piece::Made { made, .. } => made,
                        Piece::Large(units) => count(units),
                    };
                    ControlFlow::Continue(())
                },
            );
            assert_eq!(damages, 1, "{bytes}");
        }
    }
}

#[test]
fn a_file_of_any_kind_reads_as_its_plain_bytes() {
    let plain: Vec<u8> = (0..200_000u32).flat_map(|n| (n % 997).to_le_bytes()).collect();
    let read = |packed: Vec<u8>| {
        let mut bytes = vec![];
        plain_reader(std::io::Cursor::new(packed)).unwrap().read_to_end(&mut bytes).map(|_| bytes)
    };
    for (kind, _) in KINDS {
        let packed = pack(kind, &plain);
        assert!(read(packed.clone()).unwrap() == plain, "{kind:?}");
        assert!(
            read(packed[..packed.len() / 2].to_vec()).is_err() || kind == Kind::Lz4,
            "{kind:?}"
        );
    }
    assert!(read(plain.clone()).unwrap() == plain);
}

/// A pipe through which bytes come in pieces of these lengths, and then one at a time.
struct Pipe {
    bytes: std::io::Cursor<Vec<u8>>,
    lengths: Vec<usize>,
    /// Told when the pipe is closed.
    _closed: std::sync::mpsc::Sender<()>,
}

impl Pipe {
    fn new(bytes: Vec<u8>, lengths: &[usize]) -> (Pipe, std::sync::mpsc::Receiver<()>) {
        let (sender, closed) = std::sync::mpsc::channel();
        let lengths = lengths.iter().rev().copied().collect();
        (Pipe { bytes: std::io::Cursor::new(bytes), lengths, _closed: sender }, closed)
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.lengths.pop().unwrap_or(1).min(out.len());
        self.bytes.read(&mut out[..most])
    }
}

/// A log of some MiB, with events that are longer than what is handed over at a time.
fn long() -> Vec<u8> {
    let mut log = LogBuilder::new("9.7.1");
    for n in 0..4000usize {
        let text = format!("INSERT INTO t VALUES ('{}')", "x".repeat(n * 7919 % 1500));
        log = log.event(EventType::GTID, &[0; 25]).query("BEGIN").query(&text);
        if n % 1000 == 7 {
            log = log.event(EventType::ROWS_QUERY, &vec![b'y'; 700_000]);
        }
        log = log.event(EventType::XID, &[0; 8]);
    }
    log.event(EventType::ROTATE, b"\x04\0\0\0\0\0\0\0binlog.000002").build()
}

/// What a walk of units gives, and what it is told in pieces.
fn walked(log: &Log) -> (Vec<String>, Vec<String>) {
    let one = Units::new(log.scan()).map(|unit| format!("{unit:?}")).collect();
    let mut pieces = vec![];
    let mut end = 4;
    let work = |units: &mut Units<'_>| units.map(|unit| format!("{unit:?}")).collect::<Vec<_>>();
    parallel::units(log, work, |range, made| {
        assert_eq!(range.start, end);
        end = range.end;
        pieces.extend(made);
        ControlFlow::Continue(())
    });
    assert_eq!(end, log.len());
    (one, pieces)
}

fn early(bytes: Vec<u8>) -> Log {
    let (pipe, _) = Pipe::new(bytes, &[usize::MAX; 1 << 16]);
    Log::from_reader_early(pipe, &Keys::none()).unwrap()
}

#[test]
fn a_log_is_walked_while_it_is_unpacked_as_one_that_is_there() {
    let plain = long();
    let needed = walked(&Log::from_reader(&plain[..]).unwrap());
    assert_eq!(needed.0.len(), 4002);
    for packed in [plain.clone(), pack(Kind::Gzip, &plain), pack(Kind::Zstd, &plain)] {
        // The pieces first, for they are made while the log comes.
        let log = early(packed.clone());
        let work = |units: &mut Units<'_>| units.map(|unit| format!("{unit:?}")).collect();
        let (mut pieces, mut ranges) = (vec![], vec![]);
        parallel::units(&log, work, |range, made: Vec<String>| {
            ranges.push(range);
            pieces.extend(made);
            ControlFlow::Continue(())
        });
        assert!(pieces == needed.0);
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(ranges.last().unwrap().end, log.len());
        log.whole().unwrap();
        assert!(walked(&early(packed)) == needed);
    }
}

#[test]
fn a_pipe_that_drips_is_read_as_it_comes() {
    let plain = plain();
    let needed = walked(&Log::from_reader(&plain[..]).unwrap());
    for kind in [None, Some(Kind::Gzip), Some(Kind::Zstd), Some(Kind::Lz4)] {
        let packed = kind.map_or(plain.clone(), |kind| pack(kind, &plain));
        let (pipe, closed) = Pipe::new(packed, &[3, 1, 200, 1]);
        let log = Log::from_reader_early(pipe, &Keys::none()).unwrap();
        assert!(walked(&log) == needed, "{kind:?}");
        assert!(closed.recv().is_err());
    }
}

#[test]
fn what_goes_wrong_late_is_what_goes_wrong_at_once() {
    let plain = long();
    let zeros = pack(Kind::Zstd, &vec![0; 8 << 20]);
    for (name, packed) in [
        ("cut", pack(Kind::Gzip, &plain[..plain.len() - 100])),
        ("broken off", {
            let packed = pack(Kind::Zstd, &plain);
            packed[..packed.len() - 20].to_vec()
        }),
        ("flipped", {
            let mut packed = pack(Kind::Bzip2, &plain);
            let at = packed.len() - 40;
            packed[at] ^= 0x10;
            packed
        }),
        ("followed", [pack(Kind::Lz4, &plain), b"more".to_vec()].concat()),
        ("bomb", [pack(Kind::Zstd, &self::plain()), zeros.repeat(16)].concat()),
    ] {
        let log = early(packed.clone());
        match Log::from_reader(&packed[..]) {
            Ok(late) => {
                assert!(name != "bomb");
                assert!(walked(&log) == walked(&late), "{name}");
                assert_eq!(log.archive_damage(), late.archive_damage(), "{name}");
                log.whole().unwrap();
            }
            Err(error) => {
                assert_eq!(name, "bomb");
                // A walk that nobody asks for its error ends in damage all the same.
                let Some(Scanned::Damage(damage)) = log.scan().last() else { panic!("{name}") };
                let reason = damage.reason.to_string();
                assert!(reason.ends_with(&error.to_string()), "{reason}");
                for _ in 0..2 {
                    assert_eq!(log.whole().unwrap_err().to_string(), error.to_string());
                }
            }
        }
    }
}

#[test]
fn what_is_no_log_is_refused_before_it_ends() {
    // The pipe never ends: its thread waits until the other end is gone.
    struct Endless(std::sync::mpsc::Receiver<()>, Vec<u8>);
    impl Read for Endless {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.len().min(out.len());
            out[..count].copy_from_slice(&self.1[..count]);
            self.1.drain(..count);
            if count == 0 {
                let _ = self.0.recv();
            }
            Ok(count)
        }
    }
    let (open, waits) = std::sync::mpsc::channel();
    let text = "-- MySQL dump\n".repeat(1000).into_bytes();
    let error = Log::from_reader_early(Endless(waits, text), &Keys::none()).unwrap_err();
    assert!(error.to_string().ends_with("had 2d 2d 20 4d"), "{error}");
    drop(open);
}

#[test]
fn unpacking_ends_when_nobody_reads() {
    let packed = pack(Kind::Gzip, &long()).repeat(50);
    let (pipe, closed) = Pipe::new(packed, &[4096; 10_000]);
    let log = Log::from_reader_early(pipe, &Keys::none()).unwrap();
    assert!(log.scan().take(5).count() == 5);
    drop(log);
    // The thread lets go of its input.
    assert!(closed.recv().is_err());
}

#[test]
fn several_archives_are_opened_in_order_and_the_first_that_fails_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |n: usize, bytes: &[u8]| {
        std::fs::write(folder.path().join(format!("binlog.{n:06}.gz")), bytes).unwrap();
    };
    for n in 1..=9 {
        let rotate =
            [&[4, 0, 0, 0, 0, 0, 0, 0], format!("binlog.{:06}", n + 1).as_bytes()].concat();
        let log = LogBuilder::new("9.7.1").query(&format!("CREATE TABLE t{n} (a INT)"));
        write(n, &pack(Kind::Gzip, &log.event(EventType::ROTATE, &rotate).build()));
    }
    let set = LogSet::open(&[folder.path()]).unwrap();
    assert_eq!((set.logs().len(), set.problems()), (9, &[][..]));
    assert!(set.logs().windows(2).all(|pair| pair[0].name() < pair[1].name()));
    let paths: Vec<_> = (1..=9).map(|n| folder.path().join(format!("binlog.{n:06}.gz"))).collect();
    for n in [4, 8] {
        write(n, &pack(Kind::Gzip, b"-- MySQL dump"));
        let why = LogSet::open(&paths).unwrap_err().to_string();
        assert!(why.contains("binlog.000004.gz: gzip archive: first bytes"), "{why}");
    }
}
