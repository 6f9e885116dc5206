//! The filters as they apply to single events.

use std::ops::Range;

use binlog_parser::gtid::{AnyGtidSet, TransactionGtid};
use binlog_parser::parallel;
use binlog_parser::source::log_set::LogSet;
use replay::select::Filter;

use crate::exit::{Failure, Outcome};

/// A place in a set: which log, and the stream position in it.
pub type Place = (usize, u64);

/// The filters for single events: positions cut between any two events of any two logs.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// All but the positions.
    pub filter: Filter,
    /// First place that is meant.
    pub start: Option<Place>,
    /// First place after it that is not.
    pub stop: Option<Place>,
}

/// What of an event the filters look at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Where it is.
    pub place: Place,
    /// Its time in seconds since 1970.
    pub time: u32,
    /// Server that wrote it first.
    pub server_id: u32,
    /// GTID of its transaction.
    pub gtid: Option<&'a TransactionGtid>,
    /// Its database, or the default database of its statement.
    pub database: Option<&'a [u8]>,
    /// Its table.
    pub table: Option<&'a [u8]>,
}

impl EventFilter {
    /// Whether the end lies after the start.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self) -> Outcome<()> {
        let backward = |what: &str| {
            Err(Failure::unusable(format!("--stop-{what} is not after --start-{what}")))
        };
        let Filter { start_time, stop_time, .. } = self.filter;
        match (start_time, stop_time, self.start, self.stop) {
            (Some(start), Some(stop), ..) if start >= stop => backward("datetime"),
            (_, _, Some(start), Some(stop)) if start >= stop => backward("position"),
            _ => Ok(()),
        }
    }

    /// Whether a log can hold anything that is meant.
    #[must_use]
    pub fn takes_log(&self, index: usize) -> bool {
        self.start.is_none_or(|(first, _)| index >= first)
            && self.stop.is_none_or(|(last, _)| index <= last)
    }

    /// The ranges of log number `log` of `set` outside of which no event is meant; all of it without an
    /// index.
    #[must_use]
    pub fn ranges(&self, set: &LogSet, log: usize) -> Vec<Range<u64>> {
        let Some(indexed) = set.indexed(log) else {
            return vec![parallel::whole(&set.logs()[log])];
        };
        let here = |place: Option<Place>| place.filter(|at| at.0 == log).map(|at| at.1);
        let [since, until] = self.filter.seconds();
        let ranges = indexed.of_events(since, until).into_iter();
        let ranges = ranges.map(|range| indexed.within(range, here(self.start), here(self.stop)));
        ranges.filter(|range| !range.is_empty()).collect()
    }

    /// Whether everything from `place` on is past the end.
    #[must_use]
    pub fn ends_before(&self, place: Place) -> bool {
        self.stop.is_some_and(|stop| place >= stop)
    }

    /// Whether an event is meant.
    #[must_use]
    pub fn takes(&self, event: &Subject<'_>) -> bool {
        let servers = &self.filter.server_ids;
        self.start.is_none_or(|start| event.place >= start)
            && !self.ends_before(event.place)
            && self.filter.in_time(event.time)
            && (servers.is_empty() || servers.contains(&event.server_id))
            && self.takes_gtid(event.gtid)
            && self.takes_table(event.database, event.table)
    }

    fn takes_gtid(&self, gtid: Option<&TransactionGtid>) -> bool {
        let within = |set: &AnyGtidSet| gtid.is_some_and(|gtid| set.contains(gtid));
        self.filter.include_gtids.as_ref().is_none_or(within)
            && !self.filter.exclude_gtids.as_ref().is_some_and(within)
    }

    fn takes_table(&self, database: Option<&[u8]>, table: Option<&[u8]>) -> bool {
        match (database, table) {
            _ if !self.filter.by_table() => true,
            (Some(database), Some(table)) => self.filter.selects_table(database, table),
            (Some(database), None) => {
                self.filter.tables.is_empty() && self.filter.selects_database(database)
            }
            (None, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use replay::select::TableName;

    const EVENT: Subject<'static> = Subject {
        place: (1, 500),
        time: 1000,
        server_id: 7,
        gtid: None,
        database: Some(b"shop"),
        table: Some(b"users"),
    };

    fn users(database: &[u8]) -> TableName {
        TableName { database: Some(database.to_vec()), table: b"users".to_vec() }
    }

    #[test]
    fn each_filter_leaves_out_what_it_says() {
        let takes = |change: fn(&mut EventFilter)| {
            let mut filter = EventFilter::default();
            change(&mut filter);
            filter.takes(&EVENT)
        };
        assert!(takes(|_| {}));
        assert!(takes(|f| f.start = Some((1, 500))) && !takes(|f| f.start = Some((1, 501))));
        assert!(takes(|f| f.stop = Some((2, 4))) && !takes(|f| f.stop = Some((1, 500))));
        assert!(!takes(|f| f.filter.start_time = Some(1_001_000_000)));
        assert!(takes(|f| f.filter.stop_time = Some(1_000_000_001)));
        assert!(!takes(|f| f.filter.stop_time = Some(1_000_000_000)));
        assert!(takes(|f| f.filter.server_ids = vec![7]));
        assert!(!takes(|f| f.filter.server_ids = vec![8]));
        assert!(takes(|f| f.filter.databases = vec![b"x".into(), b"shop".into()]));
        assert!(!takes(|f| f.filter.databases = vec![b"x".into()]));
        assert!(takes(|f| f.filter.tables = vec![users(b"shop")]));
        assert!(!takes(|f| f.filter.tables = vec![users(b"other")]));
        assert!(!takes(|f| f.filter.include_gtids = "0-1-5".parse().ok()));
        assert!(takes(|f| f.filter.exclude_gtids = "0-1-5".parse().ok()));
    }

    #[test]
    fn a_filter_that_ends_before_it_starts_is_refused() {
        let filter =
            EventFilter { start: Some((1, 4)), stop: Some((0, 9)), ..EventFilter::default() };
        assert!(filter.check().unwrap_err().error.to_string().contains("--stop-position"));
    }
}
