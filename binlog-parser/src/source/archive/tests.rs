use std::io::Write;
use std::ops::ControlFlow;

use super::*;
use crate::header::EventType;
use crate::parallel::{self, Piece};
use crate::scan::{DamageReason, Scanned};
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
