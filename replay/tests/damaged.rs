//! Every truncation and every flipped byte of the logs of the shop: errors and damage by name,
//! never a panic.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use binlog_parser::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::rotate::RotateEvent;
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::event::text;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::Columns;
use binlog_parser::scan::{RawEvent, Scan, Scanned};
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use replay::stream::{self, Options, PACKET_BYTES};

/// The logs of the shop on a product.
fn logs(product: &str) -> Vec<PathBuf> {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop").join(product);
    let set = LogSet::open(&[shop]).unwrap();
    set.logs().iter().map(|log| log.path().to_owned()).collect()
}

/// Decodes all that an event holds, down to the last value.
fn decode(
    event: &RawEvent<'_>,
    format: &FormatDescription,
    tables: &mut Vec<(u64, Columns)>,
) -> Result<(), Fault> {
    let (body, header) = (event.body(), &event.header());
    let id_bytes = format.table_id_bytes();
    match event.event_type() {
        EventType::QUERY => {
            QueryEvent::parse(body)?.status_vars()?;
        }
        EventType::ROTATE => drop(RotateEvent::parse(body)?),
        EventType::XA_PREPARE => drop(XaPrepareEvent::parse(body)?),
        EventType::GTID | EventType::ANONYMOUS_GTID | EventType::GTID_TAGGED => {
            GtidEvent::parse(body, header)?;
        }
        EventType::PREVIOUS_GTIDS => drop(PreviousGtidsEvent::parse(body, header)?),
        EventType::MARIADB_GTID => drop(MariadbGtidEvent::parse(body, header)?),
        EventType::GTID_LIST => drop(GtidListEvent::parse(body, header)?),
        EventType::ROWS_QUERY => drop(text::rows_query(body)?),
        EventType::BINLOG_CHECKPOINT => drop(text::binlog_checkpoint(body)?),
        EventType::TABLE_MAP => {
            let map = TableMapEvent::parse(body, id_bytes)?;
            tables.push((map.table_id, map.columns(format.family)?));
        }
        event_type if event_type.is_rows() => {
            let rows = RowsEvent::parse(body, event_type, id_bytes)?;
            let Some((_, columns)) = tables.iter().rev().find(|(id, _)| *id == rows.table_id)
            else {
                return Ok(());
            };
            for change in rows.changes(columns.layout()) {
                let change = change?;
                for image in [change.before, change.after].into_iter().flatten() {
                    for cell in image.cells(columns) {
                        std::hint::black_box(cell?.value(columns)?.to_string());
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Walks to the end, decodes every event, and counts the bytes that the walk accounts for.
fn walk(mut scan: Scan<'_>) -> (u64, usize) {
    let (mut tables, mut bytes, mut faults) = (vec![], 0, 0);
    while let Some(scanned) = scan.next() {
        match scanned {
            Scanned::Event(event) => {
                bytes += event.end() - event.offset;
                faults += usize::from(decode(&event, scan.format(), &mut tables).is_err());
            }
            Scanned::Damage(damage) => {
                bytes += damage.range.end - damage.range.start;
                faults += 1;
            }
        }
    }
    (bytes, faults)
}

/// Offsets of all events of a log.
fn offsets(path: &Path) -> Vec<u64> {
    Log::open(path).unwrap().scan().events().map(|event| event.offset).collect()
}

/// Cuts a log at every offset; what lies before the torn event is what it was.
fn every_truncation_is_survived(product: &str) {
    for path in logs(product) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("cut.000001");
        fs::copy(&path, &copy).unwrap();
        let file = OpenOptions::new().write(true).open(&copy).unwrap();
        let offsets = offsets(&path);
        for cut in (0..fs::metadata(&path).unwrap().len()).rev() {
            file.set_len(cut).unwrap();
            let Ok(log) = Log::open(&copy) else {
                assert!(cut < 300, "a log cut at {cut} has its format description");
                continue;
            };
            let last = offsets.partition_point(|offset| *offset < cut).saturating_sub(2);
            let start = offsets[last].max(FIRST_EVENT);
            let (bytes, faults) = walk(log.scan_from(start));
            assert_eq!(start + bytes, cut, "{}: every byte is accounted for", path.display());
            if offsets.binary_search(&cut).is_err() {
                assert!(faults > 0, "{}: a cut at {cut} is damage", path.display());
            }
        }
    }
}

#[test]
fn every_truncation_of_the_logs_of_mysql_9_7_is_survived() {
    every_truncation_is_survived("mysql-9.7");
}

#[test]
fn every_truncation_of_the_logs_of_mariadb_10_11_is_survived() {
    every_truncation_is_survived("mariadb-10.11");
}

#[test]
fn every_truncation_of_the_logs_of_mariadb_11_8_is_survived() {
    every_truncation_is_survived("mariadb-11.8");
}

/// The smallest log: each of its bytes is flipped in turn.
fn smallest() -> PathBuf {
    let products = ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"];
    let logs = products.into_iter().flat_map(logs);
    logs.min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

#[test]
fn every_flipped_byte_of_the_smallest_log_is_noticed() {
    let path = smallest();
    let whole = fs::read(&path).unwrap();
    let good = walk(Log::open(&path).unwrap().scan());
    assert_eq!(good.1, 0, "the log itself is whole");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        let Ok(log) = Log::from_reader(&bytes[..]) else { continue };
        let (read, faults) = walk(log.scan());
        assert_eq!(FIRST_EVENT + read, whole.len() as u64, "byte {at}");
        assert!(faults > 0, "{}: flipped byte {at} went unnoticed", path.display());
        // Without checksums the decoders themselves see the flipped byte.
        walk(log.scan().trusting());
    }
}

#[test]
fn a_replay_of_any_flipped_byte_is_refused_or_ends_before_it() {
    let path = smallest();
    let whole = fs::read(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join(path.file_name().unwrap());
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xFF;
        fs::write(&copy, &bytes).unwrap();
        let Ok(set) = LogSet::open(&[&copy]) else { continue };
        let options = Options { packet_bytes: PACKET_BYTES, ..Options::default() };
        let mut out = vec![];
        if let Ok(manifest) = stream::replay(&set, &options, &mut out, &mut |_| {}) {
            let (address, _) = manifest.damage.expect("the damage is told");
            assert!(manifest.last.is_none_or(|last| last.position < address.position), "byte {at}");
        }
    }
}
