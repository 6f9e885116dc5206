//! The inner loops of the parser, over a log of the shop: a real server's, small, and in memory.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;

use binlog_parser::digits::{write_hex, write_unsigned};
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::gtid::{Gtid, GtidSet, Tsid, Uuid};
use binlog_parser::header::EventType;
use binlog_parser::parallel;
use binlog_parser::row::Columns;
use binlog_parser::row::decimal::Decimal;
use binlog_parser::row::float::write_double;
use binlog_parser::row::temporal::Datetime;
use binlog_parser::scan::{Scan, Scanned};
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Unit, Units};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The second log of the shop: a day of traffic, no schema.
fn shop() -> Log {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7/binlog.000002");
    Log::open(&path).expect("a log of the shop")
}

/// Walks to the end; how many events there were.
fn walk(scan: Scan<'_>) -> usize {
    let events = scan.filter(|scanned| matches!(scanned, Scanned::Event(_))).count();
    assert!(events > 100);
    events
}

fn walks(c: &mut Criterion) {
    let log = shop();
    let mut group = c.benchmark_group("walk");
    group.throughput(Throughput::Bytes(log.len()));
    group.bench_function("headers", |b| b.iter(|| walk(log.scan().trusting())));
    group.bench_function("headers and checksums", |b| b.iter(|| walk(log.scan())));
    group.bench_function("transactions", |b| {
        b.iter(|| {
            let units = Units::new(log.scan());
            let count = units.filter(|unit| matches!(unit, Unit::Transaction(_))).count();
            assert!(count > 10);
            count
        });
    });
    group.bench_function("transactions in pieces", |b| {
        b.iter(|| {
            let mut count = 0;
            parallel::units(
                &log,
                |units| units.count(),
                |_, units| {
                    count += units;
                    ControlFlow::Continue(())
                },
            );
            assert!(count > 10);
            count
        });
    });
    group.finish();
}

fn checksums(c: &mut Criterion) {
    let mut group = c.benchmark_group("crc32");
    for bytes in [40, 200, 8 << 10, 1 << 20] {
        let block = vec![0x5A; bytes];
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{bytes} bytes"), |b| {
            b.iter(|| crc32fast::hash(black_box(&block)));
        });
    }
    group.finish();
}

/// Table maps and rows of a log, with what each row is read by.
fn rows(log: &Log) -> Vec<(RowsEvent<'_>, Columns)> {
    let id_bytes = log.format().table_id_bytes();
    let (mut rows, mut maps): (Vec<_>, Vec<(u64, Columns)>) = (vec![], vec![]);
    for event in log.scan().events() {
        match event.event_type() {
            EventType::TABLE_MAP => {
                let map = TableMapEvent::parse(event.body(), id_bytes).expect("a table map");
                maps.push((map.table_id, map.columns(log.format().family).expect("columns")));
            }
            event_type if event_type.is_rows() => {
                let event = RowsEvent::parse(event.body(), event_type, id_bytes).expect("rows");
                let map = maps.iter().rev().find(|(id, _)| *id == event.table_id);
                rows.push((event, map.expect("its table map").1.clone()));
            }
            _ => {}
        }
    }
    assert!(rows.len() > 100);
    rows
}

fn row_walks(c: &mut Criterion) {
    let log = shop();
    let rows = rows(&log);
    let mut group = c.benchmark_group("rows");
    group.throughput(Throughput::Bytes(log.len()));
    group.bench_function("count", |b| {
        b.iter(|| {
            let counts = rows.iter().map(|(rows, columns)| rows.count(columns.layout()));
            counts.map(|count| count.expect("a count")).sum::<u64>()
        });
    });
    group.bench_function("decode to text", |b| {
        b.iter(|| {
            let (mut bytes, mut out) = (0, vec![]);
            for (rows, columns) in &rows {
                for change in rows.changes(columns.layout()) {
                    let change = change.expect("a row");
                    for image in [change.before, change.after].into_iter().flatten() {
                        for cell in image.cells(columns) {
                            let value = cell.expect("a cell").value(columns).expect("a value");
                            out.clear();
                            value.write_text(&mut out).expect("a text");
                            bytes += out.len();
                        }
                    }
                }
            }
            assert!(bytes > 1000);
            bytes
        });
    });
    group.finish();
}

/// Digits as rows have them: most values are numbers and times.
fn digits(c: &mut Criterion) {
    let mut group = c.benchmark_group("digits");
    let decimal = Decimal::encode("1234567890.1234", 14, 4).expect("a decimal");
    let decimal = Decimal::decode(&decimal, 14, 4).expect("a decimal");
    let datetime = Datetime::decode(&[0x99, 0xB8, 0x42, 0x30, 0xC5, 0x01, 0xE2, 0x40], 6);
    let datetime = datetime.expect("a time");
    let mut out = Vec::with_capacity(64);
    let mut bench = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                write(&mut out);
                assert!(out.len() > 3);
            });
        });
    };
    bench("integer", &|out| write_unsigned(black_box(1_234_567), out));
    bench("decimal", &|out| black_box(decimal).write_text(out));
    bench("datetime", &|out| black_box(datetime).write_text(out));
    bench("double", &|out| write_double(black_box(1234.5678), out));
    bench("hexadecimal", &|out| write_hex(black_box(&[0xA5; 16]), out));
    group.finish();
}

/// Sets as servers have them: many sources, each with holes.
fn gtid_sets(c: &mut Criterion) {
    let set = |step: u64| {
        let mut set = GtidSet::new();
        for source in 0..20u8 {
            for interval in 0..100 {
                let first = interval * 100 + 1;
                set.add_interval(
                    Tsid { uuid: Uuid([source; 16]), tag: None },
                    first..=first + step,
                );
            }
        }
        set
    };
    let (wide, narrow) = (set(90), set(40));
    let text = wide.to_string();
    let inside = Gtid { uuid: Uuid([7; 16]), tag: None, gno: 5050 };
    let mut group = c.benchmark_group("gtid set");
    group.bench_function("contains", |b| b.iter(|| assert!(wide.contains(black_box(&inside)))));
    group.bench_function("union", |b| b.iter(|| black_box(&wide).union(black_box(&narrow))));
    group.bench_function("subtract", |b| {
        b.iter(|| assert!(!black_box(&wide).subtract(black_box(&narrow)).is_empty()));
    });
    group.bench_function("intersect", |b| b.iter(|| wide.intersect(black_box(&narrow)).count()));
    group.bench_function("parse", |b| {
        b.iter(|| black_box(&text).parse::<GtidSet>().expect("a set"));
    });
    group.bench_function("print", |b| b.iter(|| black_box(&wide).to_string().len()));
    group.finish();
}

criterion_group!(benches, walks, checksums, row_walks, digits, gtid_sets);
criterion_main!(benches);
