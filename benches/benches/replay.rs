//! The inner loops of replay and find: base64, the lexer, the judgement of a statement, and a whole
//! stream of a day of the shop.

use std::hint::black_box;
use std::path::Path;

use binlog_parser::source::log_set::LogSet;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use replay::find::classify::classify;
use replay::sql::{Dialect, Lexer};
use replay::stream::{self, Options, PACKET_BYTES};

const STATEMENTS: [(&str, &str); 4] = [
    (
        "insert",
        "INSERT INTO visits (id, page, agent) VALUES (17, '/shop/item', 'Browser/5.0 (X11)')",
    ),
    ("update", "UPDATE visits SET seconds = seconds + 1.5, page = CONCAT(page, '#') WHERE id = 17"),
    ("delete without where", "DELETE /* all of them */ FROM `shop`.`visits` ORDER BY id"),
    ("always true", "DELETE FROM visits WHERE 1 = 1 OR page LIKE '%it''s%' AND NOT (id < 0)"),
];

fn dialect() -> Dialect {
    Dialect::from_server_version(b"9.7.1")
}

fn statements(c: &mut Criterion) {
    let mut group = c.benchmark_group("statement");
    for (name, text) in STATEMENTS {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("lex {name}"), |b| {
            b.iter(|| Lexer::new(black_box(text.as_bytes()), &dialect()).count());
        });
        group.bench_function(format!("classify {name}"), |b| {
            b.iter(|| classify(black_box(text.as_bytes()), &dialect(), b"shop"));
        });
    }
    group.finish();
}

fn base64(c: &mut Criterion) {
    let mut group = c.benchmark_group("base64");
    for bytes in [200, 8 << 10, 1 << 20] {
        let block = vec![0x5A; bytes];
        let mut out = Vec::with_capacity(stream::encoded_len(bytes));
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{bytes} bytes"), |b| {
            b.iter(|| {
                out.clear();
                stream::encode(&mut out, black_box(&block));
                out.len()
            });
        });
    }
    group.finish();
}

fn streams(c: &mut Criterion) {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7");
    let set = LogSet::open(&[shop]).expect("the logs of the shop");
    let mut group = c.benchmark_group("stream");
    group.throughput(Throughput::Bytes(set.total_bytes()));
    let options = Options { packet_bytes: PACKET_BYTES, ..Options::default() };
    let mut out = Vec::new();
    group.bench_function("a day of the shop", |b| {
        b.iter(|| {
            out.clear();
            let manifest = stream::replay(&set, &options, &mut out, &mut |_| {}).expect("a stream");
            assert!(manifest.transactions > 100 && out.len() as u64 > set.total_bytes() / 2);
        });
    });
    group.finish();
}

criterion_group!(benches, statements, base64, streams);
criterion_main!(benches);
