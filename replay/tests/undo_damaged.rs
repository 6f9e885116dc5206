//! Undoing logs whose events say anything at all: errors by name, never a panic.

use std::path::Path;

use binlog_parser::header::{EventType, HEADER_BYTES};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};
use replay::select::Target;
use replay::undo::{Format, Request, Scope, plan};

/// Bytes of the log of the shop in which the disaster stands.
fn logs(product: &str) -> Vec<Vec<u8>> {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop").join(product);
    let set = LogSet::open(&[shop]).unwrap();
    set.logs().iter().map(|log| log.bytes().to_vec()).collect()
}

/// Undoes everything in a log, in both formats; tells how many of them it could.
fn undo(bytes: &[u8]) -> usize {
    let Ok(log) = Log::from_reader(bytes) else { return 0 };
    let set = LogSet::of(vec![log]);
    let target = Target { log: 0, start: 0, end: 0, event: 0, inner: None };
    [Format::Base64, Format::Sql]
        .into_iter()
        .filter(|format| {
            let request = Request::new(Scope::BackTo(target.clone()), *format);
            plan(&set, &request).is_ok_and(|plan| plan.write(&mut std::io::sink()).is_ok())
        })
        .count()
}

/// A log of one transaction of `log`, behind its format description.
fn excerpt(log: &Log, start: u64, end: u64) -> Vec<u8> {
    let first = log.scan().events().next().unwrap();
    let mut bytes = log.bytes()[..first.end() as usize].to_vec();
    bytes.extend(&log.bytes()[start as usize..end as usize]);
    bytes
}

#[test]
fn every_flipped_byte_of_a_transaction_with_its_checksum_made_right() {
    for product in ["mysql-9.7", "mariadb-11.8"] {
        let mut tried = 0;
        for bytes in logs(product) {
            let log = Log::from_reader(&bytes[..]).unwrap();
            let transactions = Units::new(log.scan()).filter_map(|unit| match unit {
                Unit::Transaction(transaction) => Some(transaction),
                _ => None,
            });
            // One of each size is enough: they are alike.
            let mut sizes = std::collections::BTreeSet::new();
            for transaction in transactions {
                let rows = transaction.events.iter().any(|event| event.event_type().is_rows());
                let size = transaction.end() - transaction.start();
                if !rows || size > 1500 || !sizes.insert(transaction.events.len()) {
                    continue;
                }
                let whole = excerpt(&log, transaction.start(), transaction.end());
                let shift = transaction.start() as usize
                    - (whole.len() - (transaction.end() - transaction.start()) as usize);
                for event in &transaction.events {
                    if event.event_type() == EventType::XID {
                        continue;
                    }
                    let start = event.offset as usize - shift;
                    let crc = start + event.bytes().len() - 4;
                    for at in start + HEADER_BYTES..crc {
                        let mut flipped = whole.clone();
                        flipped[at] ^= 0xFF;
                        let sum = crc32fast::hash(&flipped[start..crc]).to_le_bytes();
                        flipped[crc..crc + 4].copy_from_slice(&sum);
                        undo(&flipped);
                        tried += 1;
                    }
                }
                assert!(undo(&whole) >= 1, "{product}: {}", transaction.start());
            }
        }
        assert!(tried > 500, "{product}: {tried}");
    }
}

#[test]
fn a_log_that_is_cut_anywhere_undoes_its_whole_transactions_or_says_why_not() {
    for product in ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"] {
        let bytes = logs(product).into_iter().min_by_key(Vec::len).unwrap();
        for end in (0..bytes.len()).step_by(bytes.len() / 200 + 1) {
            undo(&bytes[..end]);
        }
    }
}
