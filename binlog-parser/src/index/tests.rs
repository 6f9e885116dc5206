//! An index says what a walk says, or nothing.

use proptest::prelude::*;

use super::file::assemble;
use super::*;
use crate::event::format_description::FormatDescription;
use crate::header::EventType;
use crate::source::decrypt::Keys;
use crate::source::expand::expand;
use crate::source::log::FIRST_EVENT;
use crate::testing::LogBuilder;
use crate::transaction::{Statement, Transaction, Unit, Units};

const SERVERS: [&str; 3] = ["mysql-9.7", "mariadb-10.11", "mariadb-11.8"];

/// The small real logs.
fn shop() -> Vec<Log> {
    let mut logs = vec![];
    for server in SERVERS {
        let folder = format!("{}/../testdata/shop/{server}", env!("CARGO_MANIFEST_DIR"));
        for named in expand(Path::new(&folder), &Keys::none()).unwrap() {
            logs.push(Log::open(named.path()).unwrap());
        }
    }
    assert!(logs.len() >= 12);
    logs
}

/// An index that was built, and the position from which its log was read.
struct Built {
    bytes: Vec<u8>,
    from: u64,
}

fn built<N: Notes>(
    log: &Log,
    before: Option<&Index>,
    notes: impl Fn(&FormatDescription) -> N + Sync,
) -> Built {
    let mut bytes = vec![];
    let from = build(log, before, notes, &mut bytes, |_| {}).unwrap();
    Built { bytes, from }
}

fn indexed(log: &Log) -> Index {
    Index::read(built(log, None, |_| ()).bytes).unwrap()
}

/// Notes a letter for each statement of rows, and its tables.
#[derive(Default)]
struct Letters(Noted);

impl Notes for Letters {
    const VERSION: u32 = 7;
    type Digest = Noted;

    fn enter(&mut self, _: Whole, _: &Transaction<'_>, _: &FormatDescription) {
        self.0.bytes.push(b'(');
    }

    fn statement(
        &mut self,
        _: &Transaction<'_>,
        _: usize,
        _: &Statement<'_, '_>,
        rows: Option<Counted<'_, '_>>,
        _: &FormatDescription,
    ) {
        let Some(rows) = rows else { return };
        self.0.bytes.push(b'r');
        self.0.tables.extend(rows.tallies.iter().map(|tally| tally.table as u32));
    }

    fn short(&mut self, _: Whole, short: Short<'_>) {
        self.0.bytes.push(b'(');
        for tally in short.tallies {
            self.0.bytes.push(b'r');
            self.0.tables.push(tally.table as u32);
        }
    }

    fn take(&mut self) -> Option<Noted> {
        Some(std::mem::take(&mut self.0))
    }

    fn digest(all: &mut Noted, _: &Log, _: &[TableName], _: &Part, noted: &Noted) -> Option<()> {
        all.tables.extend(&noted.tables);
        all.bytes.extend(&noted.bytes);
        Some(())
    }

    fn digested(all: Noted) -> Option<Noted> {
        Some(all)
    }
}

fn transactions(log: &Log) -> Vec<Transaction<'_>> {
    let units = Units::new(log.scan());
    let transactions = units.filter_map(|unit| match unit {
        Unit::Transaction(transaction) => Some(transaction),
        _ => None,
    });
    transactions.collect()
}

fn records(index: &Index) -> Vec<Record> {
    (0..index.directory().len()).flat_map(|number| index.records(number).unwrap()).collect()
}

/// A log of `count` transactions of MySQL, of some 1,200 bytes each.
fn long(count: u64) -> LogBuilder {
    let mut log = LogBuilder::new("9.7.1");
    for number in 1..=count {
        let gtid = [&[0; 17][..], &number.to_le_bytes()].concat(); // flags, UUID, GNO
        log = log
            .event(EventType::GTID, &gtid)
            .query("BEGIN")
            .query(&format!("INSERT INTO t VALUES ('{}')", "x".repeat(1000)))
            .event(EventType::XID, &[0; 8]);
    }
    log
}

#[test]
fn records_are_the_transactions_of_a_walk() {
    for log in shop() {
        let index = indexed(&log);
        assert!(index.is_sound(), "{}", log.name());
        let (records, walked) = (records(&index), transactions(&log));
        assert_eq!(records.len(), walked.len());
        for (record, transaction) in records.iter().zip(&walked) {
            let Record { start, end, started, time, ending, server_id, .. } = *record;
            let walked_times = (transaction.started(), transaction.timestamp());
            assert_eq!((start, end), (transaction.start(), transaction.end()));
            assert_eq!(
                (started, time, ending),
                (walked_times.0, walked_times.1, transaction.ending)
            );
            assert_eq!(server_id, transaction.events[0].header().server_id);
            let gtid = transaction.gtid().unwrap();
            assert_eq!(index.gtid(record), Some(gtid));
            for position in [start, start + 1, end - 1] {
                assert_eq!(index.at(position).unwrap().as_ref(), Some(record));
            }
            let named = gtid.gtid().map(|gtid| index.named(&gtid).unwrap().unwrap());
            assert_eq!(named.as_ref(), Some(record));
        }
        assert_eq!(index.at(FIRST_EVENT).unwrap(), None);
        assert_eq!(index.at(log.len()).unwrap(), None);
    }
}

#[test]
fn rows_of_records_are_those_of_the_log_and_stand_in_their_tables_blocks() {
    for log in shop() {
        let index = indexed(&log);
        let contents = index.contents().unwrap();
        let mut sums = vec![[0; 3]; index.tables().len()];
        for number in 0..index.directory().len() {
            for record in index.records(number).unwrap() {
                let mut counts = record.counts.iter();
                for change in &contents[record.content.unwrap() as usize].changes {
                    let rows = match change.rows {
                        0 => *counts.next().unwrap(),
                        rows => rows,
                    };
                    sums[change.table as usize][content::kind_code(change.kind)] += rows;
                    assert!(index.postings()[change.table as usize].contains(&(number as u32)));
                }
                assert!(counts.next().is_none());
            }
        }
        let mut rows = index.facts().rows.clone();
        rows.resize(sums.len(), [0; 3]);
        assert_eq!(sums, rows);
        assert!(rows.iter().flatten().sum::<u64>() > 0, "{}", log.name());
    }
}

#[test]
fn the_facts_are_those_of_a_walk() {
    for log in shop() {
        let facts = indexed(&log).facts().clone();
        let extent = crate::source::chain::Extent::of(&log);
        assert_eq!(facts.extent.seen(), extent.seen());
        assert_eq!(facts.extent.repeated(), extent.repeated());
        let events: Vec<_> = log.scan().events().collect();
        assert_eq!(facts.events.values().sum::<u64>(), events.len() as u64);
        let times =
            || events.iter().map(|event| event.header().timestamp).filter(|time| *time != 0);
        assert_eq!(facts.time, times().min().zip(times().max()));
    }
}

/// The parts of an index, and what a walk of each tells.
#[test]
fn parts_are_the_log_and_know_the_times_and_notes_of_theirs() {
    let long = long(4000).open();
    for log in shop().iter().chain([&long]) {
        let built = built(log, None, |_| Letters::default());
        let index = Index::read(built.bytes).unwrap();
        let (mut end, mut all) = (FIRST_EVENT, vec![]);
        for part in index.parts().iter() {
            assert_eq!(part.start, end);
            end = part.end;
            let within = |time: u32, (first, last): (u32, u32)| (first..=last).contains(&time);
            for unit in Units::new(log.scan_from(part.start).until(part.end)) {
                match unit {
                    Unit::Transaction(transaction) => {
                        let times = (part.first_time, part.last_time);
                        let mut events = transaction.events.iter();
                        assert!(events.all(|event| within(event.header().timestamp, times)));
                    }
                    Unit::Control(event) => {
                        assert!(within(event.header().timestamp, part.frame_times));
                    }
                    Unit::Damage(damage) => panic!("{damage:?}"),
                }
            }
            let noted = index.notes(&part).unwrap().unwrap();
            let units = Units::new(log.scan_from(part.start).until(part.end));
            let walked = units.filter(|unit| matches!(unit, Unit::Transaction(_))).count();
            let entered = noted.bytes.iter().filter(|byte| **byte == b'(').count();
            assert_eq!(entered, walked);
            all.extend(noted.bytes);
        }
        assert_eq!(end, log.len());
        assert_eq!(index.digest().unwrap().unwrap().bytes, all);
    }
    assert!(indexed(&long).parts().len() > 3);
}

#[test]
fn small_transactions_take_a_hundredth_of_their_log() {
    let log = long(5000).open();
    let index = indexed(&log);
    assert_eq!(index.facts().transactions(), 5000);
    assert!(index.len() < 5000 * 11, "{} bytes", index.len());
}

#[test]
fn an_index_that_is_carried_on_is_the_one_that_is_built_anew() {
    let whole = long(4000).build();
    let log = Log::from_reader(&whole[..]).unwrap();
    let anew = built(&log, None, |_| ());
    assert_eq!(anew.from, FIRST_EVENT);
    for cut in [1_000, 1_100_000, 1_500_001, 2_000_000, 3_333_333, whole.len() - 1] {
        let short = Log::from_reader(&whole[..cut]).unwrap();
        let before = indexed(&short);
        let carried = built(&log, Some(&before), |_| ());
        assert_eq!(carried.from > FIRST_EVENT, cut > 1 << 20, "cut at {cut}");
        assert!(carried.bytes == anew.bytes, "cut at {cut}");
    }
}

#[test]
fn an_index_with_other_notes_is_not_carried_on() {
    let log = long(2000).open();
    let other = indexed(&long(1900).open());
    let built = built(&log, Some(&other), |_| Letters::default());
    assert_eq!(built.from, FIRST_EVENT);
}

#[test]
fn an_index_of_another_log_is_not_carried_on() {
    let log = long(2000).open();
    let other = indexed(&long(1900).query("DO 1").open());
    let built = built(&log, Some(&other), |_| ());
    assert_eq!(built.from, FIRST_EVENT);
}

#[test]
fn damage_is_recorded_and_makes_the_index_unsound() {
    let mut bytes = long(3).build();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    let index = indexed(&Log::from_reader(&bytes[..]).unwrap());
    assert!(!index.is_sound());
    assert_eq!(index.facts().damage.len(), 1);
    assert_eq!(index.facts().damage[0].1, "bad_checksum");
    let cut = &long(3).build()[..half];
    assert!(!indexed(&Log::from_reader(cut).unwrap()).is_sound());
}

#[test]
fn an_index_is_opened_for_its_own_log_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("binlog.bidx");
    let log = long(3).open();
    assert!(matches!(Index::open(&path, &log), Err(Unfit::Missing)));
    std::fs::write(&path, built(&log, None, |_| ()).bytes).unwrap();
    assert!(Index::open(&path, &log).is_ok());
    assert!(is_index(&path).unwrap());
    let grown = long(4).open();
    assert!(matches!(Index::open(&path, &grown), Err(Unfit::Grown { .. })));
    let other = long(2).query("DO 1").open();
    assert!(matches!(Index::open(&path, &other), Err(Unfit::Foreign)));
    std::fs::write(&path, b"no index").unwrap();
    assert!(matches!(Index::open(&path, &log), Err(Unfit::Broken(_))));
    assert!(!is_index(&path).unwrap());
}

/// Asks an index everything, and gives what it says.
fn everything(bytes: Vec<u8>) -> Result<String, Unfit> {
    let index = Index::read(bytes)?;
    let mut said = format!("{:?} {:?} {:?}", index.facts(), index.tables(), index.sources());
    said += &format!("{:?} {:?}", index.postings(), index.contents()?);
    let blocks: Vec<_> = index.directory().iter().collect();
    said += &format!("{blocks:?}");
    for number in 0..blocks.len() {
        for record in index.records(number)? {
            let gtid = index.gtid(&record).and_then(|gtid| gtid.gtid());
            let named = gtid.map(|gtid| index.named(&gtid)).transpose()?;
            said += &format!("{record:?} {gtid:?} {named:?} {:?}", index.at(record.end)?);
        }
    }
    for part in index.parts().iter() {
        said += &format!("{part:?} {:?}", index.notes(&part)?);
    }
    said += &format!("{:?}", index.digest()?);
    for time in [0, 1, u32::MAX] {
        said += &format!("{:?}", index.parts().of_transactions(Some(time), Some(time)));
    }
    Ok(said)
}

/// The sections of a small index, and all of it.
fn small() -> ([Vec<u8>; 9], Vec<u8>) {
    let folder = format!("{}/../testdata/shop/mysql-9.7", env!("CARGO_MANIFEST_DIR"));
    let log = Log::open(&Path::new(&folder).join("binlog.000004")).unwrap();
    let bytes = built(&log, None, |_| Letters::default()).bytes;
    let frame = Frame::read(&bytes).unwrap();
    (Section::ALL.map(|section| frame.of(&bytes, section).to_vec()), bytes)
}

#[test]
fn no_changed_bit_is_believed() {
    let (_, bytes) = small();
    everything(bytes.clone()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(everything(changed).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(everything(bytes[..length].to_vec()).is_err(), "{length} bytes");
    }
}

/// Takes so many bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken > 0 { Ok(taken) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_ends_the_building() {
    let log = long(2000).open();
    let bytes = built(&log, None, |_| ()).bytes.len();
    let build = |room| build(&log, None, |_| (), &mut Full(room), |_| {});
    for room in [0, 11, 5_000, bytes / 2, bytes - 1] {
        let error = build(room).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "room for {room} bytes");
    }
    build(bytes).unwrap();
}

proptest! {
    /// Who writes wrong things with right checksums may mislead, but brings nothing down.
    #[test]
    fn sections_of_any_content_are_read_or_refused(
        section in 0usize..9,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let (mut sections, _) = small();
        for (at, byte) in changes {
            let length = sections[section].len();
            sections[section][at.index(length)] = byte;
        }
        if cut {
            let length = length.index(sections[section].len());
            sections[section].truncate(length);
        }
        let _ = everything(assemble(sections.each_ref().map(|section| &section[..])));
    }

    /// Records with right checksums, of any bytes.
    #[test]
    fn blocks_of_any_content_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (mut sections, _) = small();
        for (at, byte) in changes {
            let length = sections[Section::Blocks as usize].len();
            sections[Section::Blocks as usize][at.index(length)] = byte;
        }
        let crc = crc32fast::hash(&sections[Section::Blocks as usize]).to_le_bytes();
        sections[Section::Directory as usize][28..32].copy_from_slice(&crc);
        let _ = everything(assemble(sections.each_ref().map(|section| &section[..])));
    }
}
