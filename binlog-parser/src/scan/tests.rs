//! Walks over whole, torn and damaged logs.

use super::checksum::FLAGS_OFFSET;
use super::*;
use crate::header::flags;
use crate::testing::{LogBuilder, inner};

/// A log of one format description and three Xid events.
fn three_xids() -> Vec<u8> {
    let xid = |log: LogBuilder, xid: u64| log.event(EventType::XID, &xid.to_le_bytes());
    (1..=3).fold(LogBuilder::new("9.7.1"), xid).build()
}

fn walk(bytes: &[u8]) -> (Vec<u64>, Vec<Damage>) {
    let log = Log::from_reader(bytes).unwrap();
    let (mut events, mut damages) = (vec![], vec![]);
    for scanned in log.scan() {
        match scanned {
            Scanned::Event(event) => events.push(event.offset),
            Scanned::Damage(damage) => damages.push(damage),
        }
    }
    (events, damages)
}

/// Offsets of the three Xid events, and the end.
fn offsets(log: &[u8]) -> [usize; 4] {
    let xid = HEADER_BYTES + 8 + 4;
    let end = log.len();
    [end - 3 * xid, end - 2 * xid, end - xid, end]
}

#[test]
fn a_whole_log_has_events_and_no_damage() {
    let log = three_xids();
    let [first, second, third, _] = offsets(&log).map(|offset| offset as u64);
    assert_eq!(walk(&log), (vec![4, first, second, third], vec![]));
}

#[test]
fn a_flipped_bit_costs_one_event_and_is_named() {
    let mut log = three_xids();
    let [first, second, third, _] = offsets(&log);
    log[second + HEADER_BYTES] ^= 0x10;
    let (events, damages) = walk(&log);
    assert_eq!(events, [4, first as u64, third as u64]);
    assert_eq!(damages[0].range, second as u64..third as u64);
    assert_eq!(damages[0].reason.name(), "bad_checksum");
}

#[test]
fn a_lying_length_is_survived() {
    for lie in [0u32, 18, 30, u32::MAX] {
        let mut log = three_xids();
        let [_, second, third, _] = offsets(&log);
        log[second + 9..second + 13].copy_from_slice(&lie.to_le_bytes());
        let (events, damages) = walk(&log);
        assert_eq!((events.len(), damages.len()), (3, 1), "{lie}");
        assert_eq!(damages[0].range, second as u64..third as u64, "{lie}");
    }
}

#[test]
fn a_torn_tail_says_what_is_missing() {
    let log = three_xids();
    let [.., third, end] = offsets(&log);
    let (events, damages) = walk(&log[..end - 1]);
    assert_eq!(events.len(), 3);
    assert_eq!(
        damages[0].reason,
        DamageReason::Torn {
            needed: (end - third) as u64,
            had: (end - third) as u64 - 1,
            in_use: false
        }
    );
}

#[test]
fn a_zero_tail_is_one_report() {
    let mut log = three_xids();
    let end = log.len() as u64;
    log.extend([0; 5000]);
    let (events, damages) = walk(&log);
    assert_eq!(events.len(), 4);
    let zeros = Damage { range: end..end + 5000, reason: DamageReason::ZeroTail };
    assert_eq!(damages, [zeros]);
}

#[test]
fn a_log_in_use_keeps_the_checksum_of_a_closed_one() {
    let mut log = three_xids();
    log[4 + FLAGS_OFFSET] |= flags::BINLOG_IN_USE as u8;
    assert_eq!(walk(&log).1, []);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_survived() {
    let log = three_xids();
    for length in 0..log.len() {
        if let Ok(cut) = Log::from_reader(&log[..length]) {
            let read: u64 = cut
                .scan()
                .map(|scanned| match scanned {
                    Scanned::Event(event) => event.end() - event.offset,
                    Scanned::Damage(damage) => damage.range.end - damage.range.start,
                })
                .sum();
            assert_eq!(read + 4, length as u64, "every byte is an event's or a damage's");
        }
    }
    for at in 0..log.len() {
        let mut flipped = log.clone();
        flipped[at] ^= 0xFF;
        if let Ok(log) = Log::from_reader(&flipped[..]) {
            assert!(log.scan().any(|s| matches!(s, Scanned::Damage(_))), "byte {at}");
        }
    }
}

#[test]
fn a_file_that_is_cut_while_it_is_read_ends_in_damage_that_says_so() {
    let bytes = (0..100_000u64)
        .fold(LogBuilder::new("5.5.62-log"), |log, n| log.event(EventType::XID, &n.to_le_bytes()))
        .build();
    for read in [0, 10, 99_990] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let log = Log::open(file.path()).unwrap();
        let mut scan = log.scan();
        assert_eq!(scan.by_ref().take(read).filter(is_damage).count(), 0);
        file.as_file().set_len(2_000_000).unwrap();
        let damages: Vec<_> = scan.filter(is_damage).collect();
        let [Scanned::Damage(damage)] = &damages[..] else { panic!("{damages:?}") };
        let (needed, had) = (bytes.len() as u64, 2_000_000);
        assert_eq!(damage.reason, DamageReason::Cut { needed, had });
        assert_eq!(damage.range.end, needed);
    }
}

fn is_damage(scanned: &Scanned<'_>) -> bool {
    matches!(scanned, Scanned::Damage(_))
}

#[test]
fn headers_may_be_longer_than_nineteen_bytes() {
    for length in [23u8, 27, 31] {
        let longer = usize::from(length) - HEADER_BYTES;
        let body = [&vec![0xEE; longer][..], &7u64.to_le_bytes()].concat();
        let mut log = LogBuilder::new("5.5.62-log").event(EventType::XID, &body).build();
        log[4 + 75] = length; // common header length
        let log = Log::from_reader(&log[..]).unwrap();
        let events: Vec<_> = log.scan().events().collect();
        assert_eq!(events[1].body(), 7u64.to_le_bytes(), "{length}");
    }
}

#[test]
fn positions_of_version_3_are_those_of_starts() {
    let mut log = crate::source::log::MAGIC.to_vec();
    for (event_type, body) in [(1, vec![0; 56]), (2, b"\0\0\0\0\0\0\0\0\x01\0\0d\0BEGIN".to_vec())]
    {
        let start = log.len() as u32;
        log.extend([1, 0, 0, 0, event_type, 1, 0, 0, 0]); // timestamp, type, server_id
        log.extend((19 + body.len() as u32).to_le_bytes()); // event length
        log.extend(start.to_le_bytes()); // log_pos
        log.extend([0, 0]); // flags
        log.extend(body);
    }
    log[23] = 3; // binlog version
    log[25..31].copy_from_slice(b"4.0.30"); // server version
    let log = Log::from_reader(&log[..]).unwrap();
    let events: Vec<_> = log.scan().events().collect();
    assert_eq!(u64::from(events[1].header().log_pos), log.len());
    let query = events[1].query().unwrap();
    assert_eq!((query.database, query.text), (&b"d"[..], &b"BEGIN"[..]));
}

/// How many bytes of the map that `log` is read from are in memory, as the system tells.
#[cfg(target_os = "linux")]
fn resident(log: &Log) -> usize {
    let address = log.bytes().as_ptr() as usize;
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines().skip_while(|line| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let bound = |bound| usize::from_str_radix(bound, 16);
        !range.is_some_and(|(start, end)| match (bound(start), bound(end)) {
            (Ok(start), Ok(end)) => (start..end).contains(&address),
            _ => false,
        })
    });
    let kib = lines.find_map(|line| line.strip_prefix("Rss:")?.strip_suffix(" kB")).unwrap();
    kib.trim().parse::<usize>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[test]
fn pages_that_were_walked_over_are_let_go_and_come_again() {
    let body = |number: u8| vec![number; 100_000];
    let built = (0..200).fold(LogBuilder::new("9.7.1"), |log, number| {
        log.event(EventType::IGNORABLE, &body(number))
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &built.build()).unwrap();
    for log in [Log::open(file.path()).unwrap(), built.open()] {
        let events: Vec<_> = log.scan().events().collect();
        let had = resident(&log);
        assert!(had < 4 << 20, "{had} of {} bytes", log.len());
        for (number, event) in (0..200).zip(&events[1..]) {
            assert_eq!(event.body(), body(number));
        }
        assert!(resident(&log) > 16 << 20, "they were read");
    }
}

/// An event as MariaDB writes it inside of a transaction: without log_pos.
fn unplaced(event_type: EventType, body: &[u8]) -> Vec<u8> {
    let mut event = inner(event_type, &[body, &[0; 4]].concat());
    let checked = event.len() - 4;
    let crc = crc32fast::hash(&event[..checked]).to_le_bytes();
    event[checked..].copy_from_slice(&crc);
    event
}

#[test]
fn a_walk_may_begin_inside_of_a_transaction_of_mariadb() {
    let text = unplaced(EventType::ANNOTATE_ROWS, &b"(1,'one'),".repeat(10_000));
    // Rows that look like events, one after another, but for their checksums.
    let like_events = inner(EventType::XID, &[0; 8]).repeat(20);
    let rows = unplaced(EventType::WRITE_ROWS_V1, &like_events);
    let head = LogBuilder::new("11.8.6-MariaDB").event(EventType::MARIADB_GTID, &[0; 19]);
    let start = head.build().len();
    let mut ends = vec![start];
    for event in [&text, &rows, &rows, &rows] {
        ends.push(ends[ends.len() - 1] + event.len());
    }
    let log = head.bytes(&text).bytes(&rows).bytes(&rows).bytes(&rows);
    let log = log.event(EventType::XID, &[0; 8]).open();
    let first_from = |offset: usize| log.scan_from(offset as u64).synchronised().unwrap().offset();
    for (start, end) in ends.iter().zip(&ends[1..]) {
        for offset in (start + 1..*end).step_by(7).chain([*end]) {
            assert_eq!(first_from(offset), *end as u64, "from {offset}");
        }
    }
    assert!(log.scan_from(ends[4] as u64 + 1).synchronised().is_none());
}
