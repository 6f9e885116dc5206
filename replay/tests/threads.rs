//! The stream is the same with any number of threads, and holds the same however a log is divided;
//! and so does a search find the same.

use std::path::{Path, PathBuf};

use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Unit, Units};
use replay::find::{self, find};
use replay::select::Target;
use replay::stream::{self, Manifest, Options, PACKET_BYTES, PIECE_BYTES};
use replay::undo::{self, Format, Scope};

fn products() -> Vec<PathBuf> {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop");
    let entries = std::fs::read_dir(shop).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

fn replay(set: &LogSet, piece_bytes: u64, threads: usize) -> (Vec<u8>, Manifest) {
    let options = Options { packet_bytes: PACKET_BYTES, piece_bytes, ..Options::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut out = vec![];
        let manifest = stream::replay(set, &options, &mut out, &mut |_| {}).unwrap();
        (out, manifest)
    })
}

/// The lines of a stream that hold events.
fn events(stream: &[u8]) -> Vec<&[u8]> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let lines = stream.split(|byte| *byte == b'\n');
    lines.filter(|line| line.len() > 40 && line.iter().all(is_base64)).collect()
}

#[test]
fn threads_and_pieces_do_not_show() {
    for product in products() {
        let set = LogSet::open(&[&product]).unwrap();
        let (whole, manifest) = replay(&set, PIECE_BYTES, 1);
        assert!(manifest.transactions > 100 && events(&whole).len() > 100, "{product:?}");
        // The smallest are shorter than any transaction, so that all of them are large.
        for piece_bytes in [50, 1_000, 10_000, PIECE_BYTES] {
            let (one, of_one) = replay(&set, piece_bytes, 1);
            let (four, of_four) = replay(&set, piece_bytes, 4);
            assert!(one == four, "{product:?}: pieces of {piece_bytes} bytes");
            assert_eq!(format!("{of_one:?}"), format!("{of_four:?}"));
            assert!(events(&one) == events(&whole), "{product:?}: pieces of {piece_bytes} bytes");
            assert_eq!(of_one.gtids, manifest.gtids);
            let held = |m: &Manifest| (m.transactions, m.statements, m.bytes, m.prepared.clone());
            assert_eq!(held(&of_one), held(&manifest));
            assert_eq!((&of_one.first, &of_one.last), (&manifest.first, &manifest.last));
        }
    }
}

#[test]
fn damage_ends_the_stream_at_one_place() {
    for product in products() {
        let set = LogSet::open(&[&product]).unwrap();
        let longest = set.logs().iter().max_by_key(|log| log.len()).unwrap();
        let mut bytes = longest.bytes().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let set = LogSet::of(vec![Log::from_reader(&bytes[..]).unwrap()]);
        let (whole, manifest) = replay(&set, PIECE_BYTES, 2);
        let (_, damage) = manifest.damage.clone().unwrap();
        assert!(damage.range.contains(&(middle as u64)));
        assert!(manifest.transactions > 10);
        for piece_bytes in [50, 1_000, 10_000] {
            let (stream, of_pieces) = replay(&set, piece_bytes, 2);
            assert!(events(&stream) == events(&whole), "pieces of {piece_bytes} bytes");
            assert_eq!(of_pieces.damage, manifest.damage);
            assert_eq!(of_pieces.transactions, manifest.transactions);
        }
    }
}

/// An undo of everything behind the last DDL, and what it reports.
fn undo(set: &LogSet, format: Format, piece_bytes: u64, threads: usize) -> (Vec<u8>, String) {
    let transactions = set.logs().iter().enumerate().flat_map(|(log, bytes)| {
        Units::new(bytes.scan()).filter_map(move |unit| match unit {
            Unit::Transaction(transaction) => Some((log, transaction)),
            _ => None,
        })
    });
    let transactions: Vec<_> = transactions.collect();
    let text =
        transactions.iter().rposition(|(_, transaction)| transaction.ending == Ending::Statement);
    let (log, first) = &transactions[text.unwrap() + 1];
    assert!(transactions.len() - text.unwrap() > 100);
    let (log, start, end) = (*log, first.start(), first.end());
    let scope = Scope::BackTo(Target { log, start, end, event: start, inner: None });
    let request =
        undo::Request { piece_bytes, accept_cascades: true, ..undo::Request::new(scope, format) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut out = vec![];
        let plan = undo::plan(set, &request).unwrap();
        let planned = format!("{:?}", plan.report());
        plan.write(&mut out).unwrap();
        (out, planned)
    })
}

/// The statements of a script without what depends on its division: ends of packets, and what sets
/// the session back between stretches.
fn statements(script: &[u8]) -> Vec<&[u8]> {
    let lines = script.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b"/*!*/;").or(line.strip_suffix(b";")).unwrap_or(line))
        .filter(|line| !line.is_empty() && !line.starts_with(b"SET @@SESSION.foreign_key_checks="))
        .collect()
}

#[test]
fn an_undo_is_the_same_however_it_is_divided() {
    for product in products() {
        let set = LogSet::open(&[&product]).unwrap();
        for format in [Format::Sql, Format::Base64, Format::Binlog] {
            // Of pieces as small as the first, none is summed up.
            let (whole, planned) = undo(&set, format, 10, 1);
            for piece_bytes in [2_000, 20_000, PIECE_BYTES] {
                let (one, report) = undo(&set, format, piece_bytes, 1);
                assert_eq!(report, planned, "{product:?}: pieces of {piece_bytes} bytes");
                let (four, _) = undo(&set, format, piece_bytes, 4);
                assert!(one == four, "{product:?}: pieces of {piece_bytes} bytes");
                if format == Format::Sql {
                    assert!(statements(&one) == statements(&whole), "{product:?}: {piece_bytes}");
                }
            }
        }
    }
}

#[test]
fn a_search_finds_the_same_on_any_number_of_threads() {
    for product in products() {
        let set = LogSet::open(&[&product]).unwrap();
        let options = find::Options { min_rows: 3, ..find::Options::default() };
        let search = |set: &LogSet, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| find(set, &options, &mut |_| {}))
        };
        let one = search(&set, 1);
        assert!(one.transactions > 100 && one.findings.len() > 3, "{product:?}");
        assert!(one.is_complete());
        for threads in [2, 5] {
            assert_eq!(format!("{:?}", search(&set, threads)), format!("{one:?}"), "{product:?}");
        }
        // Logs that are read while they come.
        for log in set.logs() {
            let open = || Log::from_reader(log.bytes()).unwrap();
            let bytes = std::io::Cursor::new(log.bytes().to_vec());
            let growing = Log::from_reader_early(bytes, &Keys::none()).unwrap();
            let (late, early) = (LogSet::of(vec![open()]), LogSet::of(vec![growing]));
            assert_eq!(format!("{:?}", search(&early, 2)), format!("{:?}", search(&late, 2)));
        }
    }
}
