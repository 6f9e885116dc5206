//! Which transactions a log holds and which came before it, by GTID: whether one log follows another,
//! and what is missing between them.

use crate::event::gtid_list::GtidListEvent;
use crate::event::previous_gtids::PreviousGtidsEvent;
use crate::gtid::{AnyGtid, AnyGtidSet, GtidSet, MariadbBinlogState, TransactionGtid};
use crate::header::EventType;
use crate::scan::{RawEvent, Scanned};
use crate::source::log::Log;
use crate::transaction::Transaction;

/// The transactions before a log, and those in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// What the log says came before it; `None` if it does not say.
    before: Option<Before>,
    /// The GTIDs in it.
    seen: AnyGtidSet,
    /// GTIDs that stand in it more than once.
    repeated: AnyGtidSet,
    /// Of MariaDB's GTIDs the last of each source.
    last: MariadbBinlogState,
}

/// Among how many events at the start of a log that one is which tells what came before it.
const FIRST_EVENTS: usize = 6;

fn event(scanned: Scanned<'_>) -> Option<RawEvent<'_>> {
    match scanned {
        Scanned::Event(event) => Some(event),
        Scanned::Damage(_) => None,
    }
}

/// What a log says came before it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Before {
    /// Every GTID (PREVIOUS_GTIDS).
    Mysql(GtidSet),
    /// The last GTID of each source (GTID_LIST).
    Mariadb(MariadbBinlogState),
}

impl Extent {
    /// Walks a log; what cannot be read is not counted.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        let mut extent = Extent::default();
        log.scan().filter_map(event).for_each(|event| extent.event(&event));
        extent
    }

    /// What a log says came before it, by its first events; of what is in it, nothing.
    #[must_use]
    pub fn before(log: &Log) -> Self {
        let mut extent = Extent::default();
        // The event follows the format description; in encrypted logs one later, in relay logs more.
        for event in log.scan().take(FIRST_EVENTS).filter_map(event) {
            if event.event_type().is_gtid() {
                break;
            }
            extent.event(&event);
        }
        extent
    }

    /// Takes in the next event of the log.
    pub fn event(&mut self, event: &RawEvent<'_>) {
        let (body, header) = (event.body(), &event.header());
        match event.event_type() {
            // Behind the first transaction of a relay log it tells of another log of the source.
            EventType::PREVIOUS_GTIDS | EventType::GTID_LIST if !self.seen.is_empty() => {}
            EventType::PREVIOUS_GTIDS => {
                let previous = PreviousGtidsEvent::parse(body, header);
                self.before = previous.ok().map(|event| Before::Mysql(event.gtids));
            }
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(body, header);
                self.before = list.ok().map(|list| Before::Mariadb(list.state()));
            }
            event_type if event_type.is_gtid() => {
                let gtid = Transaction::gtid_of(event);
                gtid.into_iter().for_each(|gtid| self.transaction(&gtid));
            }
            _ => {}
        }
    }

    /// Takes in the next transaction of the log.
    pub fn transaction(&mut self, gtid: &TransactionGtid) {
        if !self.seen.insert(gtid) {
            self.repeated.insert(gtid);
        }
        if let TransactionGtid::Mariadb(gtid) = gtid {
            self.last.advance(*gtid);
        }
    }

    /// Takes in transactions of one source that follow each other: from number `first` to `last`.
    fn run(&mut self, first: u64, last: &TransactionGtid) {
        let mut gtids = AnyGtidSet::default();
        match last {
            TransactionGtid::Anonymous => {}
            TransactionGtid::Mysql(gtid) => {
                gtids.mysql.add_interval(gtid.tsid(), first..=gtid.gno);
            }
            TransactionGtid::Mariadb(gtid) => {
                gtids.mariadb.add_interval(gtid.source(), first..=gtid.seq);
                self.last.advance(*gtid);
            }
        }
        self.repeated.add_all(&self.seen.intersect(&gtids));
        self.seen.add_all(&gtids);
    }

    /// What is in a log, of which nothing is said that came before it.
    pub(crate) fn within(seen: AnyGtidSet, repeated: AnyGtidSet, last: MariadbBinlogState) -> Self {
        Extent { before: None, seen, repeated, last }
    }

    /// Of MariaDB's GTIDs in the log the last of each source, a domain's last one last.
    pub(crate) fn last(&self) -> &MariadbBinlogState {
        &self.last
    }

    /// Takes in what comes next in the same log.
    pub fn join(&mut self, next: Extent) {
        self.before = self.before.take().or(next.before);
        self.repeated.add_all(&next.repeated);
        self.repeated.add_all(&self.seen.intersect(&next.seen));
        self.seen.add_all(&next.seen);
        next.last.iter().for_each(|gtid| self.last.advance(gtid));
    }

    /// Whether this GTID came before the log by the log's own word.
    #[must_use]
    pub fn is_behind(&self, gtid: &AnyGtid) -> bool {
        match (&self.before, gtid) {
            (Some(Before::Mysql(before)), AnyGtid::Mysql(gtid)) => before.contains(gtid),
            (Some(Before::Mariadb(before)), AnyGtid::Mariadb(gtid)) => {
                before.last(gtid.source()).is_some_and(|last| last >= gtid.seq)
            }
            _ => false,
        }
    }

    /// The GTIDs in the log.
    #[must_use]
    pub fn seen(&self) -> &AnyGtidSet {
        &self.seen
    }

    /// GTIDs that stand in the log more than once.
    #[must_use]
    pub fn repeated(&self) -> &AnyGtidSet {
        &self.repeated
    }

    /// GTIDs that came before `next` by its own word, and are neither in this log nor before it:
    /// what was lost in it, or between the two. Empty where a log does not say what came before.
    ///
    /// MariaDB numbers the transactions of a domain, whoever writes them, and may leave numbers out;
    /// there the interval is the widest that can be missing.
    #[must_use]
    pub fn missing(&self, next: &Extent) -> AnyGtidSet {
        let mut missing = AnyGtidSet::default();
        match (&self.before, &next.before) {
            (Some(Before::Mysql(before)), Some(Before::Mysql(until))) => {
                missing.mysql = until.subtract(&before.union(&self.seen.mysql));
            }
            (Some(Before::Mariadb(before)), Some(Before::Mariadb(until))) => {
                let mut state = before.clone();
                self.last.iter().for_each(|gtid| state.advance(gtid));
                for gtid in until.iter() {
                    let known = state.last(gtid.source()).unwrap_or(0);
                    let domain = state.position().last(gtid.domain).map_or(0, |last| last.seq);
                    if known < gtid.seq {
                        let first = if domain < gtid.seq { known.max(domain) } else { known } + 1;
                        missing.mariadb.add_interval(gtid.source(), first..=gtid.seq);
                    }
                }
            }
            _ => {}
        }
        missing
    }

    /// GTIDs in this log that `next` does not know to have come before it: it belongs elsewhere in
    /// the order, or to another history. Empty where `next` does not say what came before.
    #[must_use]
    pub fn unknown_to(&self, next: &Extent) -> AnyGtidSet {
        let mut unknown = AnyGtidSet::default();
        match &next.before {
            Some(Before::Mysql(until)) => unknown.mysql = self.seen.mysql.subtract(until),
            Some(Before::Mariadb(until)) => {
                for gtid in self.last.iter() {
                    if until.last(gtid.source()).is_none_or(|last| last < gtid.seq) {
                        unknown.mariadb.insert(&gtid);
                    }
                }
            }
            None => {}
        }
        unknown
    }
}

/// Makes an [`Extent`] of what comes one after another. Transactions of which each has the number behind
/// that of the one before, as nearly all have, are taken in at once.
#[derive(Debug, Clone, Default)]
pub struct Extending {
    extent: Extent,
    /// Such transactions, not taken in yet: the number of the first, and the last.
    run: Option<(u64, TransactionGtid)>,
}

impl Extending {
    /// As [`Extent::event`].
    pub fn event(&mut self, event: &RawEvent<'_>) {
        self.end_run();
        self.extent.event(event);
    }

    /// Takes in the next transaction; whether its name is that behind the one before.
    #[inline]
    pub fn transaction(&mut self, gtid: &TransactionGtid) -> bool {
        if let Some((_, last)) = &mut self.run
            && advance(last, gtid)
        {
            return true;
        }
        self.end_run();
        self.run = match gtid {
            TransactionGtid::Anonymous => None,
            TransactionGtid::Mysql(name) => Some((name.gno, *gtid)),
            TransactionGtid::Mariadb(name) => Some((name.seq, *gtid)),
        };
        false
    }

    fn end_run(&mut self) {
        if let Some((first, last)) = self.run.take() {
            self.extent.run(first, &last);
        }
    }

    /// What all of it is.
    #[must_use]
    pub fn finish(mut self) -> Extent {
        self.end_run();
        self.extent
    }
}

/// Makes of `last` the GTID `next`, if that has the next number of the same source; whether it has.
#[inline]
fn advance(last: &mut TransactionGtid, next: &TransactionGtid) -> bool {
    let (number, next_number, same) = match (last, next) {
        (TransactionGtid::Mysql(last), TransactionGtid::Mysql(next)) => {
            let same = last.uuid == next.uuid && last.tag == next.tag;
            (&mut last.gno, next.gno, same)
        }
        (TransactionGtid::Mariadb(last), TransactionGtid::Mariadb(next)) => {
            let same = last.domain == next.domain && last.server == next.server;
            (&mut last.seq, next.seq, same)
        }
        _ => return false,
    };
    let follows = same && number.checked_add(1) == Some(next_number);
    if follows {
        *number = next_number;
    }
    follows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gtid::{Gtid, MariadbGtid, Uuid};
    use crate::testing::LogBuilder;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_taken_in_as_each_by_itself(
            names in proptest::collection::vec((0u8..5, 1u64..9, 1u64..4), 0..12),
        ) {
            let named = |kind, number| match kind {
                0 => TransactionGtid::Anonymous,
                1 | 2 => {
                    TransactionGtid::Mysql(Gtid { uuid: Uuid([kind; 16]), tag: None, gno: number })
                }
                _ => {
                    let server = u32::from(kind);
                    TransactionGtid::Mariadb(MariadbGtid { domain: 0, server, seq: number })
                }
            };
            let (mut each, mut extending) = (Extent::default(), Extending::default());
            let mut before = None;
            for (kind, first, count) in names {
                for number in first..first + count {
                    let gtid = named(kind, number);
                    each.transaction(&gtid);
                    let follows = kind != 0 && before == Some((kind, number - 1));
                    prop_assert_eq!(extending.transaction(&gtid), follows);
                    before = Some((kind, number));
                }
            }
            prop_assert_eq!(extending.finish(), each);
        }
    }

    const UUID: &str = "07070707-0707-0707-0707-070707070707";

    /// A log with the transactions 1 to `before` before it, and `numbers` in it.
    fn mysql(before: u64, numbers: &[u64]) -> Extent {
        let mut previous = 1u64.to_le_bytes().to_vec(); // sources
        previous.extend([7; 16]); // UUID
        previous.extend(1u64.to_le_bytes()); // intervals
        previous.extend(1u64.to_le_bytes()); // start
        previous.extend((before + 1).to_le_bytes()); // end, exclusive
        let log = LogBuilder::new("9.7.1").event(EventType::PREVIOUS_GTIDS, &previous);
        let gtid = |log: LogBuilder, number: &u64| {
            let mut body = vec![0]; // flags
            body.extend([7; 16]); // UUID
            body.extend(number.to_le_bytes());
            log.event(EventType::GTID, &body).query("DO 1")
        };
        Extent::of(&numbers.iter().fold(log, gtid).open())
    }

    /// A log with the last of domain 0 and server 1 before it, and `numbers` in it.
    fn mariadb(before: u64, numbers: &[u64]) -> Extent {
        let list = [&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0][..], &before.to_le_bytes()].concat();
        let log = LogBuilder::new("11.8.6-MariaDB").event(EventType::GTID_LIST, &list);
        let gtid = |log: LogBuilder, number: &u64| {
            let body = [&number.to_le_bytes()[..], &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
            log.event(EventType::MARIADB_GTID, &body).query("DO 1")
        };
        Extent::of(&numbers.iter().fold(log, gtid).open())
    }

    fn text(set: &AnyGtidSet) -> String {
        format!("{set:#}")
    }

    #[test]
    fn logs_that_follow_each_other_lack_nothing() {
        for (a, b) in [
            (mysql(10, &[11, 12]), mysql(12, &[])),
            (mariadb(10, &[11, 12]), mariadb(12, &[])),
            (Extent::default(), mysql(12, &[])),
        ] {
            assert!(a.missing(&b).is_empty() && a.unknown_to(&b).is_empty());
        }
    }

    #[test]
    fn what_is_missing_between_two_logs_is_named() {
        let missing = mysql(10, &[11, 13]).missing(&mysql(15, &[]));
        assert_eq!(text(&missing), format!("{UUID}:12:14-15"));
        let missing = mariadb(10, &[11, 12]).missing(&mariadb(15, &[]));
        assert_eq!(text(&missing), "0-1-13-15");
    }

    #[test]
    fn what_a_later_log_does_not_know_is_named() {
        let unknown = mysql(10, &[11, 12]).unknown_to(&mysql(11, &[]));
        assert_eq!(text(&unknown), format!("{UUID}:12"));
        let unknown = mariadb(10, &[11, 12]).unknown_to(&mariadb(11, &[]));
        assert_eq!(text(&unknown), "0-1-12");
    }

    #[test]
    fn what_is_there_twice_is_named_in_one_piece_or_two() {
        let mut extent = mysql(10, &[11, 11, 12]);
        assert_eq!(text(extent.repeated()), format!("{UUID}:11"));
        extent.join(mysql(10, &[12]));
        assert_eq!(text(extent.repeated()), format!("{UUID}:11-12"));
    }
}
