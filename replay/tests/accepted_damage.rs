//! Damage that is accepted: what it hits is left out as whole transactions and named, and the rest
//! of the stream is what it is without damage.

use std::path::Path;

use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Transaction, Unit, Units};
use replay::Error;
use replay::select::Target;
use replay::stream::{self, Lost, Manifest, Options, PACKET_BYTES};
use replay::undo::{self, Conflicts, Format, Request, Scope};

/// Bytes of the largest log of the shop on a product.
fn log_of(product: &str) -> Vec<u8> {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop").join(product);
    let set = LogSet::open(&[shop]).unwrap();
    let largest = set.logs().iter().max_by_key(|log| log.len()).unwrap();
    largest.bytes().to_vec()
}

fn set_of(bytes: &[u8]) -> LogSet {
    LogSet::of(vec![Log::from_reader(bytes).unwrap()])
}

fn replayed(set: &LogSet, accept_damage: bool) -> Manifest {
    let options = Options { accept_damage, packet_bytes: PACKET_BYTES, ..Options::default() };
    stream::replay(set, &options, &mut vec![], &mut |_| {}).unwrap()
}

/// Transactions with rows.
fn transactions(log: &Log) -> Vec<Transaction<'_>> {
    let rows = |event: &RawEvent<'_>| event.event_type().is_rows();
    Units::new(log.scan())
        .filter_map(|unit| match unit {
            Unit::Transaction(transaction) => Some(transaction),
            _ => None,
        })
        .filter(|transaction| transaction.events.iter().any(rows))
        .collect()
}

#[test]
fn an_event_that_is_lost_costs_its_transaction_and_no_other() {
    for product in ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"] {
        let whole = log_of(product);
        let set = set_of(&whole);
        let all = replayed(&set, false);
        let log = &set.logs()[0];
        let transactions = transactions(log);
        let hit = &transactions[transactions.len() / 2];
        for event in &hit.events {
            let mut bytes = whole.clone();
            bytes[event.end() as usize - 1] ^= 1;
            let damaged = set_of(&bytes);

            let stopped = replayed(&damaged, false);
            let (at, damage) = stopped.damage.expect("the stream ends at the damage");
            assert_eq!((at.position, damage.range), (event.offset, event.offset..event.end()));
            assert!(stopped.last.is_some_and(|last| last.position < hit.start()), "{product}");

            let manifest = replayed(&damaged, true);
            assert!(manifest.damage.is_none());
            assert_eq!(manifest.transactions, all.transactions - 1, "{product}: {at}");
            assert_eq!(
                manifest.last.as_ref().unwrap().position,
                all.last.as_ref().unwrap().position
            );
            let gtid = hit.gtid().unwrap();
            assert!(!manifest.gtids.contains(&gtid) && all.gtids.contains(&gtid));
            assert_eq!(manifest.gtids.count(), all.gtids.count() - 1);
            let lost: Vec<_> = manifest.lost.iter().map(ToString::to_string).collect();
            let cut =
                format!("stdin:{}: the transaction that begins here, GTID {gtid}", hit.start());
            assert_eq!(lost.iter().any(|lost| lost.starts_with(&cut)), event.offset != hit.start());
            let range = format!("stdin:{}: {} bytes lost: ", event.offset, event.bytes().len());
            assert!(lost.iter().any(|lost| lost.starts_with(&range)), "{lost:?}");
            let rest = manifest.lost.iter().any(|lost| matches!(lost, Lost::Beginning(..)));
            assert_eq!(rest, event.end() != hit.end(), "{lost:?}");
        }
    }
}

#[test]
fn an_undo_says_what_it_cannot_judge() {
    for product in ["mysql-9.7", "mariadb-11.8"] {
        let mut bytes = log_of(product);
        let whole = set_of(&bytes);
        let transactions = transactions(&whole.logs()[0]);
        let [first, .., last] = &transactions[..] else { panic!("too few transactions") };
        let map = last.events.iter().find(|event| event.event_type() == EventType::TABLE_MAP);
        let lost = map.unwrap().offset;
        bytes[map.unwrap().end() as usize - 1] ^= 1;
        let damaged = set_of(&bytes);
        let target = |t: &Transaction<'_>| Target {
            log: 0,
            start: t.start(),
            end: t.end(),
            event: t.start(),
            inner: None,
        };
        let request = |accept_damage| Request {
            accept_damage,
            // Other changes of the same rows are not what this is about.
            conflicts: Conflicts::Force,
            ..Request::new(Scope::Only(vec![target(first)]), Format::Base64)
        };
        let Err(Error::Refused { what, hint }) = undo::plan(&damaged, &request(false)) else {
            panic!("{product}: damage behind the undone is not refused");
        };
        assert!(what.contains(&format!("stdin:{lost}: damaged to ")), "{what}");
        assert!(hint.contains("--accept-damage"), "{hint}");

        let request = request(true);
        let plan = undo::plan(&damaged, &request).unwrap();
        let told = plan.report().lost.join("\n");
        assert!(told.contains(&format!("stdin:{lost}: damaged to ")), "{told}");
        assert!(told.contains("is not known"), "{told}");
        assert!(told.contains("lacks its beginning"), "{told}");
        let mut out = vec![];
        plan.write(&mut out).unwrap();
        assert!(!out.is_empty());
    }
}
