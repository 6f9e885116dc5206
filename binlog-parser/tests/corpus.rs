//! Reads every log of a catalogue of real ones, of many servers and ages, whole and damaged, and
//! holds what is read against what the catalogue says: events by type, checksums good and bad,
//! where a log breaks; and decodes every row and the body of every event. Whatever is not read is in
//! [`exceptions::EXCEPTIONS`], file by file, with the reason.
//!
//! The logs are other projects' test data and are not kept here. Where they are not beside the
//! workspace, this test says so and checks nothing; `BINLOG_CORPUS` names another folder.

#[path = "corpus/bodies.rs"]
mod bodies;
#[path = "corpus/damaged.rs"]
mod damaged;
#[path = "corpus/exceptions.rs"]
mod exceptions;
#[path = "corpus/tally.rs"]
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;

use tally::Tally;

fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus");
    let folder = std::env::var_os("BINLOG_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    folder.join("files").is_dir().then_some(folder)
}

/// A row of the catalogue, as far as it is compared.
struct Entry {
    /// Path below the folder of all logs.
    file: String,
    tally: Tally,
}

fn read_catalogue(text: &str) -> Vec<Entry> {
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name| columns.iter().position(|column| *column == name).unwrap();
    let [file, types, crc] = ["file", "event_types", "crc"].map(column);
    let entry = |line: &str| {
        let row: Vec<&str> = line.split('\t').collect();
        Entry {
            file: row[file].strip_prefix("files/").unwrap().to_owned(),
            tally: Tally::of_catalogue(row[types], row[crc]),
        }
    };
    lines.map(entry).collect()
}

#[test]
fn every_log_of_the_corpus_is_read_or_says_why_not() {
    let Some(folder) = corpus() else {
        eprintln!("SKIPPED: no corpus of real logs beside the workspace, nothing was checked");
        return;
    };
    let catalogue = std::fs::read_to_string(folder.join("CATALOG.tsv")).unwrap();
    let entries = read_catalogue(&catalogue);
    let mut exceptions: BTreeMap<_, _> = exceptions::EXCEPTIONS.iter().copied().collect();
    let (mut all, mut failures) = (Tally::default(), Vec::new());
    for Entry { file, tally: expected } in &entries {
        let seen = Tally::of_log(&folder.join("files").join(file));
        let mut findings = seen.findings.clone();
        findings.extend(expected.differences(&seen));
        let excepted = exceptions.remove(file.as_str()).unwrap_or_default();
        if findings != excepted {
            failures.push(format!("{file}\n  expected {excepted:#?}\n  found {findings:#?}"));
        }
        all.add(&seen);
    }
    assert!(failures.is_empty(), "{} logs:\n{}", failures.len(), failures.join("\n"));
    assert!(exceptions.is_empty(), "exceptions for logs that are not there: {exceptions:?}");
    assert!(entries.len() >= 130 && all.rows > 1000, "{} logs, {} rows", entries.len(), all.rows);
    eprintln!("{} logs: {all}", entries.len());
}
