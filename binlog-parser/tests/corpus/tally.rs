//! What is counted in a log: by this crate, and by whoever wrote the catalogue.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use binlog_parser::header::EventType;
use binlog_parser::scan::{Damage, DamageReason, Scan, Scanned};
use binlog_parser::source::log::Log;

use crate::bodies::Bodies;

/// Counts of one log or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events by type, those with a wrong checksum too.
    pub types: BTreeMap<u8, usize>,
    /// Events whose checksum is right; format descriptions are not counted.
    pub good: usize,
    /// Events whose checksum is wrong.
    pub bad: usize,
    /// Rows of which every value was decoded.
    pub rows: usize,
    /// What could not be read, in words, in the order of the log.
    pub findings: Vec<String>,
}

impl Tally {
    /// What the catalogue's columns `event_types` ("2:QUERYx3 15:FDEx1") and `crc` ("13ok/0bad")
    /// say.
    pub fn of_catalogue(types: &str, crc: &str) -> Tally {
        let entry = |entry: &str| {
            let (number, rest) = entry.split_once(':').unwrap();
            let (_, count) = rest.rsplit_once('x').unwrap();
            (number.parse().unwrap(), count.parse().unwrap())
        };
        let (good, bad) = crc.split_once('/').unwrap();
        Tally {
            types: types.split_whitespace().map(entry).collect(),
            good: good.strip_suffix("ok").unwrap().parse().unwrap(),
            bad: bad.strip_suffix("bad").unwrap().parse().unwrap(),
            ..Tally::default()
        }
    }

    /// Walks the log at `path` and reads all of it.
    pub fn of_log(path: &Path) -> Tally {
        let mut tally = Tally::default();
        match Log::open(path) {
            Ok(log) => tally.walk(&log),
            Err(error) => {
                // The error names the path, which is another everywhere.
                let error = error.to_string().replace(&path.display().to_string(), "FILE");
                tally.findings.push(format!("refused: {error}"));
            }
        }
        tally
    }

    fn walk(&mut self, log: &Log) {
        let mut scan = log.scan();
        let mut bodies = Bodies::default();
        while let Some(scanned) = scan.next() {
            match scanned {
                Scanned::Event(event) => {
                    *self.types.entry(event.event_type().0).or_default() += 1;
                    self.good += usize::from(event.checksum_bytes() != 0);
                    match bodies.read(&event, scan.format()) {
                        Ok(rows) => self.rows += rows,
                        Err(fault) => {
                            let (at, name) = (event.offset, event.event_type().name());
                            self.findings.push(format!("{at} ({name}): {fault}"));
                        }
                    }
                }
                Scanned::Damage(damage) => self.damage(log, &scan, &damage),
            }
        }
    }

    /// An event whose checksum alone is wrong is counted among its type; other damage is told.
    fn damage(&mut self, log: &Log, scan: &Scan<'_>, damage: &Damage) {
        let Damage { range, reason } = damage;
        self.findings.push(format!("{}..{}: {reason}", range.start, range.end));
        if let DamageReason::Checksum { .. } = reason {
            let event = log.scan_from(range.start).with_format(scan.format().clone()).trusting();
            for event in event.until(range.end).events() {
                *self.types.entry(event.event_type().0).or_default() += 1;
                self.bad += 1;
            }
        }
    }

    /// Where `seen` counts otherwise than this.
    pub fn differences(&self, seen: &Tally) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, catalogue: usize, here: usize| {
            if catalogue != here {
                differences.push(format!("{what}: the catalogue has {catalogue}, here {here}"));
            }
        };
        let mut numbers: Vec<u8> = self.types.keys().chain(seen.types.keys()).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            let count = |tally: &Tally| tally.types.get(&number).copied().unwrap_or(0);
            let what = format!("events of type {number} ({})", EventType(number).name());
            compare(&what, count(self), count(seen));
        }
        compare("good checksums", self.good, seen.good);
        compare("bad checksums", self.bad, seen.bad);
        differences
    }

    /// Adds the counts of another log.
    pub fn add(&mut self, other: &Tally) {
        for (number, count) in &other.types {
            *self.types.entry(*number).or_default() += count;
        }
        self.good += other.good;
        self.bad += other.bad;
        self.rows += other.rows;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: usize = self.types.values().sum();
        let (types, good, bad, rows) = (self.types.len(), self.good, self.bad, self.rows);
        write!(f, "{events} events of {types} types, {rows} rows, checksums {good} good {bad} bad")
    }
}
