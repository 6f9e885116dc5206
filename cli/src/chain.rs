//! How the logs of a set follow each other, by the GTIDs that were seen in them.

use std::sync::Arc;

use binlog_parser::gtid::AnyGtidSet;
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::order::Problem;

/// How a log stands to those before it.
#[derive(Debug, Default)]
pub struct Link {
    /// What is missing between the log before and this one.
    pub gap: Option<Gap>,
    /// GTIDs of this log that more than one transaction has, here or in a log before.
    pub repeated: AnyGtidSet,
}

/// What is missing between two logs.
#[derive(Debug)]
pub struct Gap {
    /// Name of the log before.
    pub after: Arc<str>,
    /// First log that is missing, as far as it is known by name.
    pub first: Option<String>,
    /// Last log that is missing.
    pub last: Option<String>,
    /// GTIDs that are in neither log.
    pub gtids: AnyGtidSet,
}

/// Follows the logs of a set in order.
#[derive(Debug)]
pub struct Chain<'a> {
    set: &'a LogSet,
    /// The log before, and what it holds.
    before: Option<(&'a Log, Extent)>,
    /// GTIDs of all logs before.
    seen: AnyGtidSet,
    /// What is wrong with the set and was not known when it was opened.
    pub problems: Vec<Problem>,
}

impl<'a> Chain<'a> {
    /// Begins with the first log of `set`.
    #[must_use]
    pub fn new(set: &'a LogSet) -> Self {
        Chain { set, before: None, seen: AnyGtidSet::default(), problems: vec![] }
    }

    /// How the next log, which holds `extent`, stands to those before it.
    pub fn next(&mut self, log: &'a Log, extent: &Extent) -> Link {
        let mut link = Link { gap: self.known_gap(log), repeated: extent.repeated().clone() };
        link.repeated.add_all(&self.seen.intersect(extent.seen()));
        if !link.repeated.is_empty() {
            let (log, gtids) = (Arc::clone(log.name()), link.repeated.clone());
            self.problems.push(Problem::Repeated { log, gtids });
        }
        if let Some((before, held)) = &self.before {
            let (after, name) = (before.name(), log.name());
            let gtids = held.missing(extent);
            if !gtids.is_empty() && link.gap.is_none() {
                let (after, before) = (Arc::clone(after), Arc::clone(name));
                let gap = Gap { after, first: None, last: None, gtids };
                let (after, gtids) = (Arc::clone(&gap.after), gap.gtids.clone());
                self.problems.push(Problem::MissingGtids { after, before, gtids });
                link.gap = Some(gap);
            }
            let gtids = held.unknown_to(extent);
            if !gtids.is_empty() {
                let (after, log) = (Arc::clone(after), Arc::clone(name));
                self.problems.push(Problem::NotAfter { log, after, gtids });
            }
        }
        self.seen.add_all(extent.seen());
        self.before = Some((log, extent.clone()));
        link
    }

    /// The gap before `log` that was known when the set was opened.
    fn known_gap(&self, log: &Log) -> Option<Gap> {
        self.set.problems().iter().find_map(|problem| match problem {
            Problem::Missing { after, before, first, last, gtids } if before == log.name() => {
                Some(Gap {
                    after: Arc::clone(after),
                    first: first.clone(),
                    last: last.clone(),
                    gtids: gtids.clone(),
                })
            }
            _ => None,
        })
    }
}
