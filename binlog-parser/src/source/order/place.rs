//! What the order of logs is made from: what each says of itself and of its neighbours.

use std::cmp::Ordering;

use crate::event::gtid_list::GtidListEvent;
use crate::event::previous_gtids::PreviousGtidsEvent;
use crate::event::rotate::RotateEvent;
use crate::header::{EventHeader, EventType, Family, HEADER_BYTES};
use crate::scan::{Scan, Scanned};
use crate::source::log::{FIRST_EVENT, Log};

/// What the order is made from.
#[derive(Debug)]
pub(super) struct Place {
    pub log: Log,
    /// Name without number, and number.
    pub name: Option<(String, u64)>,
    /// Its first bytes, without its flags.
    pub start: [u8; START_BYTES],
    /// How many transactions the log says came before it; 0 if it does not say.
    pub before: u64,
    pub next: Option<String>,
}

impl Place {
    pub fn new(log: Log) -> Self {
        let name = split_name(log.name());
        let (before, next) = (transactions_before(&log), next_log(&log));
        let start = start_of(&log);
        Place { log, name, start, before, next }
    }

    pub fn by_content(&self, other: &Place) -> Ordering {
        let key = |place: &Place| (place.before, place.log.header().timestamp);
        key(self).cmp(&key(other)).then_with(|| self.by_name(other))
    }

    pub fn by_name(&self, other: &Place) -> Ordering {
        self.name.cmp(&other.name).then_with(|| self.log.name().cmp(other.log.name()))
    }

    pub fn server(&self) -> (Family, u32) {
        (self.log.format().family, self.log.header().server_id)
    }
}

/// Bytes at the start of a log that are held against those of others; none is shorter, for it holds
/// its format description.
pub(super) const START_BYTES: usize = 60;

/// The first bytes of a log, without its flags.
fn start_of(log: &Log) -> [u8; START_BYTES] {
    let [head, _] = log.ends();
    let (start, rest) = without_flags(head);
    let mut first = [0; START_BYTES];
    let bytes = start.iter().chain(rest);
    first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    first
}

/// The bytes of a log before its flags and behind them: IN_USE is cleared when a log is closed.
pub(super) fn content(log: &Log) -> (&[u8], &[u8]) {
    without_flags(log.bytes())
}

fn without_flags(bytes: &[u8]) -> (&[u8], &[u8]) {
    /// Where the flags stand that tell it.
    const FLAGS: usize = 4 + 17;
    let (start, rest) = bytes.split_at(FLAGS.min(bytes.len()));
    (start, rest.get(1..).unwrap_or_default())
}

/// Splits `binlog.000012` into `binlog` and 12.
pub(super) fn split_name(name: &str) -> Option<(String, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    let all_digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((base.to_owned(), number.parse().ok().filter(|_| all_digits)?))
}

/// Joins what [`split_name`] splits, with as many digits as `model` has.
pub(super) fn join_name(base: &str, number: u64, model: &str) -> String {
    let digits = model.len() - model.rfind('.').map_or(model.len(), |dot| dot + 1);
    format!("{base}.{number:0digits$}")
}

/// How many transactions came before the log, by the event that says so near its start.
fn transactions_before(log: &Log) -> u64 {
    let [head, _] = log.ends();
    let near = before_by(Scan::over(log, head, FIRST_EVENT));
    near.or_else(|| before_by(log.scan())).unwrap_or(0)
}

/// What the event says that is among the first of `scan`, if it is.
fn before_by(scan: Scan<'_>) -> Option<u64> {
    let relay_log = scan.is_relay_log();
    // The event follows the format description, in relay logs and encrypted logs one later.
    for scanned in scan.take(4) {
        let Scanned::Event(event) = scanned else { break };
        match event.event_type() {
            EventType::PREVIOUS_GTIDS => {
                let set = PreviousGtidsEvent::parse(event.body(), &event.header());
                return Some(set.map_or(0, |event| event.gtids.count()));
            }
            // Of a relay log it tells only where the source's log began, and not every one has it.
            EventType::GTID_LIST if relay_log => return Some(0),
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(event.body(), &event.header());
                return Some(list.map_or(0, |list| {
                    list.gtids.iter().fold(0, |sum: u64, gtid| sum.saturating_add(gtid.seq))
                }));
            }
            _ => {}
        }
    }
    None
}

/// Longest name that a ROTATE event carries, in bytes (`FN_REFLEN`).
const NAME_BYTES: usize = 512;

/// The name of the next log, from the ROTATE event at the very end, which is found without walking
/// the log: its length leads exactly to the end.
fn next_log(log: &Log) -> Option<String> {
    let [_, tail] = log.ends();
    let checksum = log.format().checksum.bytes();
    let shortest = HEADER_BYTES + 8 + 1 + checksum;
    for length in shortest..=(shortest + NAME_BYTES).min(tail.len()) {
        let event = &tail[tail.len() - length..];
        let Ok(header) = EventHeader::parse(event) else { continue };
        if header.event_type != EventType::ROTATE || header.event_length as usize != length {
            continue;
        }
        if let Some(Scanned::Event(event)) = Scan::over(log, event, 0).next() {
            let rotate = RotateEvent::parse(event.body()).ok()?;
            return String::from_utf8(rotate.next_log.to_vec()).ok();
        }
    }
    None
}
