//! Decodes the GTID events of real logs of many versions, and checks them against what the logs say
//! elsewhere: each transaction's length against the events after it, and each event's own order.
//!
//! The logs are other projects' test data and are not kept here. Where they are not beside the
//! workspace, this test says so and checks nothing; `BINLOG_CORPUS` names another folder.

use std::path::{Path, PathBuf};

use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::gtid::{AnyGtidSet, TransactionGtid};
use binlog_parser::header::{EventType, flags};
use binlog_parser::scan::{RawEvent, Scanned};
use binlog_parser::source::log::Log;

fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus");
    let folder = std::env::var_os("BINLOG_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    folder.join("files").is_dir().then_some(folder)
}

/// What was seen in one log.
#[derive(Default)]
struct Seen {
    /// Events by type: 33 with 34 and 42, 35, 162, 163.
    counts: [usize; 4],
    /// Transaction lengths that were checked.
    lengths: usize,
    gtids: AnyGtidSet,
    /// Stream position where the transaction whose length is known must end.
    end: Option<u64>,
}

impl Seen {
    fn take(&mut self, event: &RawEvent<'_>) -> Result<(), String> {
        let (body, header) = (event.body(), &event.header());
        if let Some(end) = self.end.take_if(|end| event.offset >= *end)
            && end != event.offset
        {
            return Err(format!("the transaction before should end at {end}"));
        }
        match header.event_type {
            EventType::GTID | EventType::ANONYMOUS_GTID | EventType::GTID_TAGGED => {
                let gtid = GtidEvent::parse(body, header).map_err(|f| f.to_string())?;
                self.counts[0] += 1;
                self.gtids.insert(&gtid.gtid);
                let anonymous = header.event_type == EventType::ANONYMOUS_GTID;
                if (gtid.gtid == TransactionGtid::Anonymous) != anonymous {
                    return Err(format!("named {}", gtid.gtid));
                }
                if gtid.last_committed > gtid.sequence_number {
                    return Err(format!("clocks {gtid:?}"));
                }
                if let Some(version) = gtid.original_server_version
                    && !(80_000..100_000).contains(&version)
                {
                    return Err(format!("version {version}"));
                }
                self.end = gtid.transaction_length.map(|length| event.offset + length);
                self.lengths += usize::from(self.end.is_some());
            }
            EventType::PREVIOUS_GTIDS => {
                let previous =
                    PreviousGtidsEvent::parse(body, header).map_err(|f| f.to_string())?;
                self.counts[1] += 1;
                let text = previous.gtids.to_string();
                if text.parse() != Ok(previous.gtids.clone()) {
                    return Err(format!("does not read back: {text}"));
                }
                self.gtids.mysql.add_all(&previous.gtids);
            }
            EventType::MARIADB_GTID => {
                let gtid = MariadbGtidEvent::parse(body, header).map_err(|f| f.to_string())?;
                self.counts[2] += 1;
                self.gtids.mariadb.insert(&gtid.gtid);
            }
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(body, header).map_err(|f| f.to_string())?;
                self.counts[3] += 1;
                if list.state().iter().count() != list.gtids.len() {
                    return Err(format!("list {:?}, state {}", list.gtids, list.state()));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// How often the catalogue saw a type, by its number.
fn catalogued(types: &str, numbers: &[&str]) -> usize {
    types
        .split(' ')
        .filter(|entry| entry.split_once(':').is_some_and(|(n, _)| numbers.contains(&n)))
        .filter_map(|entry| entry.rsplit_once('x')?.1.parse::<usize>().ok())
        .sum()
}

fn check(path: &Path, types: &str) -> Result<Seen, String> {
    let log = Log::open(path).map_err(|e| e.to_string())?;
    let mut seen = Seen::default();
    // Positions and order of a relay log are another server's.
    let relay = log.is_relay_log();
    for scanned in log.scan() {
        let Scanned::Event(event) = scanned else { continue };
        if relay || event.header().has(flags::ARTIFICIAL) {
            seen.end = None;
        }
        seen.take(&event).map_err(|why| format!("{}: {why}", log.location(event.offset)))?;
    }
    let expected = [
        catalogued(types, &["33", "34", "42"]),
        catalogued(types, &["35"]),
        catalogued(types, &["162"]),
        catalogued(types, &["163"]),
    ];
    if seen.counts != expected {
        return Err(format!("needed {expected:?} GTID events, had {:?}", seen.counts));
    }
    Ok(seen)
}

#[test]
fn the_gtids_of_real_logs_read() {
    let Some(folder) = corpus() else {
        eprintln!("SKIPPED: no corpus of real logs beside the workspace, nothing was checked");
        return;
    };
    let catalogue = std::fs::read_to_string(folder.join("CATALOG.tsv")).unwrap();
    let mut lines = catalogue.lines();
    let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name| columns.iter().position(|column| *column == name).unwrap();
    let (file, types, chain) = (column("file"), column("event_types"), column("chain"));
    let (mut logs, mut lengths, mut failures) = (0, 0, Vec::new());
    for row in lines.map(|line| line.split('\t').collect::<Vec<_>>()) {
        if row[chain] != "clean" || !row[types].contains("GTID") {
            continue;
        }
        match check(&folder.join(row[file]), row[types]) {
            Ok(seen) => {
                logs += 1;
                lengths += seen.lengths;
            }
            Err(why) => failures.push(format!("{}: {why}", row[file])),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(logs >= 90 && lengths >= 100, "checked {logs} logs and {lengths} lengths only");
    eprintln!("checked {logs} logs and {lengths} lengths");
}
