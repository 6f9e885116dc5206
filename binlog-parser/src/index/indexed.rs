//! What an index says of a log as it is now: of all of it, or of what is before that which came since,
//! or before what could not be read. Behind that the log itself is read.

use std::ops::Range;

use super::Index;
use super::build::CONTENTS;
use super::content::{TableName, Texts};
use super::facts::Facts;
use super::identity::Kinship;
use super::notes::Noted;
use super::part::{Part, Parts};
use crate::parallel;
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::{Unit, Units};

/// The start of a log, known by its index.
#[derive(Debug, Clone, Copy)]
pub struct Indexed<'a> {
    log: &'a Log,
    index: &'a Index,
    /// Stream position behind what is known.
    end: u64,
    facts: &'a Facts,
    parts: Parts<'a>,
}

impl<'a> Indexed<'a> {
    /// What `index` says of `log`, to which it stands so; none if it says nothing.
    pub(crate) fn of(log: &'a Log, index: &'a Index, kinship: Kinship) -> Option<Self> {
        if kinship == Kinship::Same && index.is_sound() {
            let (end, facts, parts) = (log.len(), index.facts(), index.parts());
            return Some(Indexed { log, index, end, facts, parts });
        }
        let resume = index.resume().filter(|_| kinship != Kinship::Other)?;
        let parts = index.parts().first(resume.parts as usize);
        let (end, facts) = (resume.offset, &resume.facts);
        let known = Indexed { log, index, end, facts, parts };
        (facts.is_sound() && facts.is_uniform() && known.stands(end)).then_some(known)
    }

    /// Stream position behind what is known, where a walk may begin.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Whether all of the log is known.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.end == self.log.len()
    }

    /// What it holds.
    #[must_use]
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Databases and tables, by their numbers.
    #[must_use]
    pub fn tables(&self) -> &'a [TableName] {
        self.index.tables()
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> Parts<'a> {
        self.parts
    }

    /// What was noted of a part in this version; none if nothing was, or it is not what was written.
    #[must_use]
    pub fn notes(&self, part: &Part, version: u32) -> Option<Noted> {
        if self.index.notes_version() != version {
            return None;
        }
        self.index.notes(part).ok().flatten()
    }

    /// What was noted of all its parts together, in this version; none if nothing was, if not all of the
    /// log is known, or if it is not what was written.
    #[must_use]
    pub fn digest(&self, version: u32) -> Option<Noted> {
        if self.index.notes_version() != version || !self.is_whole() {
            return None;
        }
        self.index.digest().ok().flatten()
    }

    /// Where the transactions stand that have a statement as text that begins with one of `words`,
    /// of those that are known; none if the index does not tell.
    #[must_use]
    pub fn with_texts(&self, words: Texts) -> Option<Vec<Range<u64>>> {
        // Where there was no more room, transactions say nothing of their texts.
        let contents = self.index.contents().ok().filter(|all| all.len() < CONTENTS)?;
        let has: Vec<bool> = contents.iter().map(|of| of.texts.0 & words.0 != 0).collect();
        let mut found = vec![];
        if !has.contains(&true) {
            return Some(found);
        }
        for block in self.index.blocks_with_texts(words) {
            let records = self.index.records(block).ok()?;
            let records = records.into_iter().take_while(|record| record.end <= self.end);
            let wanted = records.filter(|record| {
                record.content.is_some_and(|of| has.get(of as usize).is_none_or(|has| *has))
            });
            found.extend(wanted.map(|record| record.start..record.end));
        }
        Some(found)
    }

    /// The ranges of the log outside of which no event of a transaction has a time of `since` or later
    /// and before `until`, in seconds since 1970 UTC. A walk of each may begin with nothing known.
    #[must_use]
    pub fn of_transactions(&self, since: Option<u32>, until: Option<u32>) -> Vec<Range<u64>> {
        self.with_unknown(self.parts.of_transactions(since, until))
    }

    /// The same of all events, whether they are of a transaction or not.
    #[must_use]
    pub fn of_events(&self, since: Option<u32>, until: Option<u32>) -> Vec<Range<u64>> {
        self.with_unknown(self.parts.of_events(since, until))
    }

    /// These ranges, and what is not known, which may be of any time; all of the log where it does
    /// not bear them out.
    fn with_unknown(&self, mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
        if !self.is_whole() {
            match ranges.last_mut() {
                Some(last) if last.end == self.end => last.end = self.log.len(),
                _ => ranges.push(self.end..self.log.len()),
            }
        }
        match ranges.iter().all(|range| self.stands(range.start)) {
            true => ranges,
            false => vec![parallel::whole(self.log)],
        }
    }

    /// The part of a range of the log that no transaction reaches out of which begins at `from` or
    /// behind, and ends at `to` or before.
    #[must_use]
    pub fn within(&self, range: Range<u64>, from: Option<u64>, to: Option<u64>) -> Range<u64> {
        let Range { mut start, mut end } = range;
        let part = from.and_then(|from| self.parts.at(from));
        if let Some(part) = part.filter(|part| part.start > start && self.stands(part.start)) {
            start = part.start;
        }
        if let Some(part) = to.and_then(|to| self.parts.from(to)) {
            end = end.min(part.start);
        }
        start.min(end)..end
    }

    /// Whether the log bears out that a walk may begin at `start`.
    fn stands(&self, start: u64) -> bool {
        let first = || Units::new(self.log.scan_from(start)).next();
        start == FIRST_EVENT
            || matches!(first(), Some(Unit::Transaction(first)) if first.start() == start)
    }
}
