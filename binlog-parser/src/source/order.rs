//! Puts logs in order and says what is missing, double or foreign.
//!
//! Names give the order as long as their numbers and the logs' own content agree; archives rename
//! files, so content decides where they do not: the transactions that came before (PREVIOUS_GTIDS,
//! GTID_LIST), then the time at which the log was begun.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::event::gtid_list::GtidListEvent;
use crate::event::previous_gtids::PreviousGtidsEvent;
use crate::event::rotate::RotateEvent;
use crate::gtid::AnyGtidSet;
use crate::header::{EventHeader, EventType, Family, HEADER_BYTES};
use crate::scan::Scanned;
use crate::source::chain::Extent;
use crate::source::log::Log;

/// Something that keeps logs from being one unbroken set of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Logs between two others are missing.
    Missing {
        /// The last log before the gap.
        after: Arc<str>,
        /// The first log behind it.
        before: Arc<str>,
        /// Name of the first log that is missing, as far as it is known.
        first: Option<String>,
        /// Name of the last log that is missing, as far as it is known.
        last: Option<String>,
        /// GTIDs that came before the log behind the gap, by its own word, and are not in those
        /// before it.
        gtids: AnyGtidSet,
    },
    /// Two logs follow each other by their names, and transactions between them are missing.
    MissingGtids {
        /// The log before.
        after: Arc<str>,
        /// The log behind, which says that they came before it.
        before: Arc<str>,
        /// The transactions.
        gtids: AnyGtidSet,
    },
    /// A log does not know the log before it.
    NotAfter {
        /// The log.
        log: Arc<str>,
        /// The log before it.
        after: Arc<str>,
        /// GTIDs in that, which did not come before this log by its own word.
        gtids: AnyGtidSet,
    },
    /// A log has transactions that are there already.
    Repeated {
        /// The log.
        log: Arc<str>,
        /// Their GTIDs.
        gtids: AnyGtidSet,
    },
    /// A log is there twice; the second is left out.
    Duplicate {
        /// The log that is read.
        kept: PathBuf,
        /// The file that is not.
        left_out: PathBuf,
        /// Whether what is left out is an earlier, shorter copy.
        shorter: bool,
    },
    /// Two different logs have one name, so that an address would mean both.
    SameName {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A log of another server.
    OtherServer {
        /// The log.
        log: Arc<str>,
        /// Server of the first log of the set: its family and server_id.
        needed: (Family, u32),
        /// Server of this log.
        had: (Family, u32),
    },
}

impl Problem {
    /// A short name for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Problem::Missing { .. } => "missing_log",
            Problem::MissingGtids { .. } => "missing_gtids",
            Problem::NotAfter { .. } => "wrong_order",
            Problem::Repeated { .. } => "repeated_gtids",
            Problem::Duplicate { .. } => "duplicate_log",
            Problem::SameName { .. } => "same_name",
            Problem::OtherServer { .. } => "other_server",
        }
    }

    /// The GTIDs that it is about.
    #[must_use]
    pub fn gtids(&self) -> Option<&AnyGtidSet> {
        match self {
            Problem::Missing { gtids, .. }
            | Problem::MissingGtids { gtids, .. }
            | Problem::NotAfter { gtids, .. }
            | Problem::Repeated { gtids, .. } => Some(gtids),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { after, before, first, last, gtids } => {
                write!(f, "a log is missing between {after} and {before}")?;
                match (first, last) {
                    (Some(first), Some(last)) if first != last => {
                        write!(f, ": {first} to {last}")?;
                    }
                    (Some(one), _) | (None, Some(one)) => write!(f, ": {one}")?,
                    (None, None) => {}
                }
                if gtids.is_empty() { Ok(()) } else { write!(f, "; GTIDs {gtids:#}") }
            }
            Problem::MissingGtids { after, before, gtids } => {
                write!(
                    f,
                    "transactions are missing in {after} or behind it, for {before} knows them: "
                )?;
                write!(f, "GTIDs {gtids:#}")
            }
            Problem::NotAfter { log, after, gtids } => {
                write!(f, "{log} does not follow {after}: it does not know GTIDs {gtids:#}")
            }
            Problem::Repeated { log, gtids } => {
                write!(f, "{log} has transactions that are there already: GTIDs {gtids:#}")
            }
            Problem::Duplicate { kept, left_out, shorter } => {
                let kind = if *shorter { "an earlier copy of" } else { "the same log as" };
                write!(f, "{} is {kind} {}", left_out.display(), kept.display())
            }
            Problem::SameName { first, second } => {
                let (first, second) = (first.display(), second.display());
                write!(f, "two different logs have one name: {first} and {second}")
            }
            Problem::OtherServer { log, needed, had } => {
                let (family, id) = (needed.0.name(), needed.1);
                write!(f, "{log} is of another server: needed {family} with server_id {id}, ")?;
                write!(f, "had {} with server_id {}", had.0.name(), had.1)
            }
        }
    }
}

/// What the order is made from.
#[derive(Debug)]
struct Place {
    log: Log,
    /// Name without number, and number.
    name: Option<(String, u64)>,
    /// Its first bytes, without its flags.
    start: [u8; START_BYTES],
    /// How many transactions the log says came before it; 0 if it does not say.
    before: u64,
    next: Option<String>,
}

impl Place {
    fn new(log: Log) -> Self {
        let name = split_name(log.name());
        let (before, next) = (transactions_before(&log), next_log(&log));
        let start = start_of(&log);
        Place { log, name, start, before, next }
    }

    fn by_content(&self, other: &Place) -> Ordering {
        let key = |place: &Place| (place.before, place.log.header().timestamp);
        key(self).cmp(&key(other)).then_with(|| self.by_name(other))
    }

    fn by_name(&self, other: &Place) -> Ordering {
        self.name.cmp(&other.name).then_with(|| self.log.name().cmp(other.log.name()))
    }

    fn server(&self) -> (Family, u32) {
        (self.log.format().family, self.log.header().server_id)
    }
}

/// Orders `logs`, leaves duplicates out, and names what is wrong.
pub(super) fn arrange(logs: Vec<Log>) -> (Vec<Log>, Vec<Problem>) {
    let mut places: Vec<Place> = logs.into_par_iter().map(Place::new).collect();
    let mut problems = leave_out_duplicates(&mut places);
    sort(&mut places);
    problems.extend(same_names(&places));
    problems.extend(other_servers(&places));
    problems.extend(places.windows(2).filter_map(|pair| gap(&pair[0], &pair[1])));
    (places.into_iter().map(|place| place.log).collect(), problems)
}

fn sort(places: &mut [Place]) {
    let base = |place: &Place| place.name.as_ref().map(|(base, _)| base.clone());
    let one_base = places.iter().all(|place| base(place).is_some())
        && places.windows(2).all(|pair| base(&pair[0]) == base(&pair[1]));
    if one_base {
        places.sort_by(Place::by_name);
        if places.windows(2).all(|pair| pair[0].before <= pair[1].before) {
            return;
        }
    }
    places.sort_by(Place::by_content);
}

/// Removes logs whose bytes are those of another, or the start of another.
fn leave_out_duplicates(places: &mut Vec<Place>) -> Vec<Problem> {
    // Most logs begin as no other does, in another second: nothing more of them is looked at.
    let mut starts: HashMap<[u8; START_BYTES], usize> = HashMap::new();
    places.iter().for_each(|place| *starts.entry(place.start).or_default() += 1);
    let alone = |place: &Place| starts.get(&place.start).is_some_and(|alike| *alike == 1);
    let (mut kept, mut alike): (Vec<_>, Vec<_>) = places.drain(..).partition(alone);
    // In the order of their bytes, those that begin with all of a log stand next behind it; so each
    // meets what is kept of them, and no other. Of equal ones the first by name is kept.
    alike.sort_by(|a, b| content(&a.log).cmp(&content(&b.log)).then_with(|| b.by_name(a)));
    let mut problems = vec![];
    for place in alike.into_iter().rev() {
        let (start, rest) = content(&place.log);
        let begins_so = |other: &&Place| {
            let other = content(&other.log);
            other.0 == start && other.1.starts_with(rest)
        };
        let mut others = kept.iter().rev().take_while(begins_so);
        match others.find(|other| is_copy(&place.log, &other.log)) {
            Some(other) => problems.push(Problem::Duplicate {
                kept: other.log.path().to_owned(),
                left_out: place.log.path().to_owned(),
                shorter: place.log.len() < other.log.len(),
            }),
            None => kept.push(place),
        }
    }
    *places = kept;
    problems
}

/// Bytes at the start of a log that are held against those of others; none is shorter, for it holds
/// its format description.
const START_BYTES: usize = 60;

/// The first bytes of a log, without its flags.
fn start_of(log: &Log) -> [u8; START_BYTES] {
    let (start, rest) = content(log);
    let mut first = [0; START_BYTES];
    let bytes = start.iter().chain(rest);
    first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    first
}

/// The bytes of a log before its flags and behind them: IN_USE is cleared when a log is closed.
fn content(log: &Log) -> (&[u8], &[u8]) {
    /// Where the flags stand that tell it.
    const FLAGS: usize = 4 + 17;
    let bytes = log.bytes();
    let (start, rest) = bytes.split_at(FLAGS.min(bytes.len()));
    (start, rest.get(1..).unwrap_or_default())
}

/// Whether `log`, of which the bytes are those of `other` or of its start, is a copy of that: logs
/// begun in the same second with nothing in them yet are told apart by their names.
fn is_copy(log: &Log, other: &Log) -> bool {
    let holds_something = || {
        log.scan().any(|scanned| {
            matches!(scanned, Scanned::Event(event) if event.event_type().is_gtid()
            || event.event_type() == EventType::QUERY)
        })
    };
    log.name() == other.name() || holds_something()
}

fn same_names(places: &[Place]) -> Vec<Problem> {
    let mut problems = vec![];
    let mut first_of: HashMap<&str, &Place> = HashMap::new();
    for place in places {
        let twin = *first_of.entry(place.log.name()).or_insert(place);
        if !std::ptr::eq(twin, place) {
            let (first, second) = (twin.log.path().to_owned(), place.log.path().to_owned());
            problems.push(Problem::SameName { first, second });
        }
    }
    problems
}

fn other_servers(places: &[Place]) -> Vec<Problem> {
    let Some(needed) = places.first().map(Place::server) else { return vec![] };
    let foreign = places.iter().filter(|place| place.server() != needed);
    foreign
        .map(|place| Problem::OtherServer {
            log: Arc::clone(place.log.name()),
            needed,
            had: place.server(),
        })
        .collect()
}

/// The gap between two logs that follow each other here.
fn gap(a: &Place, b: &Place) -> Option<Problem> {
    // The logs are read for it, so only where one is missing.
    let gtids = || Extent::of(&a.log).missing(&Extent::of(&b.log));
    let (after, before) = (Arc::clone(a.log.name()), Arc::clone(b.log.name()));
    let missing = |first, last| {
        let (after, before) = (Arc::clone(&after), Arc::clone(&before));
        Problem::Missing { after, before, first, last, gtids: gtids() }
    };
    // A renamed file tells nothing of gaps by its name.
    let by_content = || {
        let gtids = gtids();
        let (after, before) = (Arc::clone(&after), Arc::clone(&before));
        (!gtids.is_empty()).then_some(Problem::MissingGtids { after, before, gtids })
    };
    let Some((base, number)) = b.name.as_ref() else { return by_content() };
    let previous = |number: u64| number.checked_sub(1).map(|n| join_name(base, n, b.log.name()));
    // What the log itself says of its successor; where it was not closed, what its name says.
    let next = match (&a.next, &a.name) {
        (Some(next), _) => split_name(next),
        (None, Some((base, number))) => Some((base.clone(), number + 1)),
        (None, None) => None,
    };
    let Some(next) = next.filter(|(name, _)| name == base) else { return by_content() };
    if next.1 == *number {
        return None;
    }
    if next.1 > *number {
        return Some(missing(None, None));
    }
    Some(missing(Some(join_name(base, next.1, b.log.name())), previous(*number)))
}

/// Splits `binlog.000012` into `binlog` and 12.
fn split_name(name: &str) -> Option<(String, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    let all_digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((base.to_owned(), number.parse().ok().filter(|_| all_digits)?))
}

/// Joins what [`split_name`] splits, with as many digits as `model` has.
fn join_name(base: &str, number: u64, model: &str) -> String {
    let digits = model.len() - model.rfind('.').map_or(model.len(), |dot| dot + 1);
    format!("{base}.{number:0digits$}")
}

/// How many transactions came before the log, by the event that says so near its start.
fn transactions_before(log: &Log) -> u64 {
    // The event follows the format description, in relay logs and encrypted logs one later.
    for scanned in log.scan().take(4) {
        let Scanned::Event(event) = scanned else { break };
        match event.event_type() {
            EventType::PREVIOUS_GTIDS => {
                let set = PreviousGtidsEvent::parse(event.body(), &event.header);
                return set.map_or(0, |event| event.gtids.count());
            }
            // Of a relay log it tells only where the source's log began, and not every one has it.
            EventType::GTID_LIST if log.is_relay_log() => return 0,
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(event.body(), &event.header);
                return list.map_or(0, |list| {
                    list.gtids.iter().fold(0, |sum: u64, gtid| sum.saturating_add(gtid.seq))
                });
            }
            _ => {}
        }
    }
    0
}

/// Longest name that a ROTATE event carries, in bytes (`FN_REFLEN`).
const NAME_BYTES: usize = 512;

/// The name of the next log, from the ROTATE event at the very end, which is found without walking
/// the log: its length leads exactly to the end.
fn next_log(log: &Log) -> Option<String> {
    let bytes = log.bytes();
    let checksum = log.format().checksum.bytes();
    let shortest = HEADER_BYTES + 8 + 1 + checksum;
    for length in shortest..=(shortest + NAME_BYTES).min(bytes.len()) {
        let event = &bytes[bytes.len() - length..];
        let Ok(header) = EventHeader::parse(event) else { continue };
        if header.event_type != EventType::ROTATE || header.event_length as usize != length {
            continue;
        }
        let offset = (bytes.len() - length) as u64;
        if let Some(Scanned::Event(event)) = log.scan_from(offset).next() {
            let rotate = RotateEvent::parse(event.body()).ok()?;
            return String::from_utf8(rotate.next_log.to_vec()).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::log_set::LogSet;
    use crate::testing::LogBuilder;
    use std::path::Path;

    /// A log with `before` transactions of one source before it, which ends by naming `next`.
    fn log(before: u64, next: Option<&str>) -> LogBuilder {
        let mut previous = 1u64.to_le_bytes().to_vec(); // sources
        previous.extend([7; 16]); // UUID
        previous.extend(1u64.to_le_bytes()); // intervals
        previous.extend(1u64.to_le_bytes()); // start
        previous.extend((before + 1).to_le_bytes()); // end, exclusive
        let log = LogBuilder::new("9.7.1")
            .event(EventType::PREVIOUS_GTIDS, &previous)
            .event(EventType::GTID, &[0; 25])
            .query(&format!("CREATE TABLE t{before} (a INT)"));
        match next {
            Some(next) => {
                log.event(EventType::ROTATE, &[&[4, 0, 0, 0, 0, 0, 0, 0], next.as_bytes()].concat())
            }
            None => log,
        }
    }

    fn write(folder: &Path, name: &str, log: &LogBuilder) {
        std::fs::write(folder.join(name), log.build()).unwrap();
    }

    fn names(set: &LogSet) -> Vec<&str> {
        set.logs().iter().map(|log| &**log.name()).collect()
    }

    fn problems(set: &LogSet) -> Vec<String> {
        set.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000010", &log(20, None));
        write(folder.path(), "binlog.000009", &log(10, Some("binlog.000010")));
        std::fs::write(folder.path().join("binlog.index"), "./binlog.000009\n./binlog.000010\n")
            .unwrap();
        std::fs::write(folder.path().join("binlog.000009.idx"), b"\xfe\xfe\x0d\x01").unwrap();
        for input in [folder.path().to_owned(), folder.path().join("binlog.index")] {
            let set = LogSet::open(&[input]).unwrap();
            assert_eq!(names(&set), ["binlog.000009", "binlog.000010"]);
            assert!(problems(&set).is_empty());
        }
    }

    #[test]
    fn renamed_logs_are_read_in_the_order_of_their_content() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.log", &log(20, Some("binlog.000003")));
        write(folder.path(), "b.log", &log(10, Some("binlog.000002")));
        write(folder.path(), "binlog.000001", &log(30, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(names(&set), ["b.log", "a.log", "binlog.000001"]);
    }

    #[test]
    fn a_missing_log_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000001", &log(0, Some("binlog.000002")));
        write(folder.path(), "binlog.000004", &log(30, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(
            problems(&set),
            [
                "a log is missing between binlog.000001 and binlog.000004: binlog.000002 to binlog.000003"
            ]
        );
    }

    #[test]
    fn what_a_missing_log_held_is_named() {
        let gtid = |log: LogBuilder, number: u8| {
            let body = [&[0][..], &[7; 16], &[number, 0, 0, 0, 0, 0, 0, 0]].concat();
            log.event(EventType::GTID, &body).query("DO 1")
        };
        let folder = tempfile::tempdir().unwrap();
        let uuid = "07070707-0707-0707-0707-070707070707";
        write(folder.path(), "binlog.000001", &gtid(log(3, None), 4));
        write(folder.path(), "binlog.000003", &gtid(log(6, None), 7));
        let set = LogSet::open(&[folder.path()]).unwrap();
        let needed = format!(
            "a log is missing between binlog.000001 and binlog.000003: binlog.000002; GTIDs {uuid}:5-6"
        );
        assert_eq!(problems(&set), [needed]);

        // Files whose names tell nothing.
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.log", &gtid(log(3, None), 4));
        write(folder.path(), "b.log", &gtid(log(6, None), 7));
        let set = LogSet::open(&[folder.path()]).unwrap();
        let needed = format!(
            "transactions are missing in a.log or behind it, for b.log knows them: GTIDs {uuid}:5-6"
        );
        assert_eq!(problems(&set), [needed]);
    }

    #[test]
    fn a_crashed_log_has_a_gap_behind_it_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "binlog.000001", &log(0, None));
        write(folder.path(), "binlog.000003", &log(20, None));
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(
            problems(&set),
            ["a log is missing between binlog.000001 and binlog.000003: binlog.000002"]
        );
    }

    #[test]
    fn copies_are_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let whole = log(10, Some("binlog.000002"));
        write(folder.path(), "binlog.000001", &whole);
        write(folder.path(), "copy.000001", &whole);
        let early = whole.build();
        std::fs::write(folder.path().join("early.000001"), &early[..early.len() - 44]).unwrap();
        let set = LogSet::open(&[folder.path()]).unwrap();
        assert_eq!(names(&set), ["binlog.000001"]);
        let all = problems(&set).join("\n");
        assert!(all.contains("copy.000001 is the same log as"), "{all}");
        assert!(all.contains("early.000001 is an earlier copy of"), "{all}");
    }

    #[test]
    fn one_name_for_two_logs_and_a_foreign_server_are_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        write(folder.path(), "binlog.000001", &log(10, None));
        write(folder.path(), "b/binlog.000001", &log(20, None));
        write(folder.path(), "binlog.000002", &LogBuilder::new("11.8.6-MariaDB"));
        let set = LogSet::open(&[folder.path().to_owned(), folder.path().join("b")]).unwrap();
        let all = problems(&set).join("\n");
        assert!(all.contains("two different logs have one name"), "{all}");
        assert!(all.contains("is of another server: needed MariaDB"), "{all}");
    }

    #[test]
    fn a_folder_without_logs_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = LogSet::open(&[folder.path()]).unwrap_err().to_string();
        assert!(error.ends_with("folder: needed a binary log in it, had none"), "{error}");
    }
}
