//! Sets of GTIDs.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use super::{Gtid, Intervals, MariadbGtid, MariadbSource, Tsid};

/// A name made of a source and a number that the source counts.
pub trait Numbered: Copy {
    /// Who counts.
    type Source: Ord + Copy + fmt::Debug + fmt::Display;

    /// Who counted this one.
    fn source(&self) -> Self::Source;

    /// The number it got.
    fn number(&self) -> u64;

    /// The name that `source` gives to `number`.
    fn named(source: Self::Source, number: u64) -> Self;
}

impl Numbered for Gtid {
    type Source = Tsid;

    fn source(&self) -> Tsid {
        self.tsid()
    }

    fn number(&self) -> u64 {
        self.gno
    }

    fn named(source: Tsid, gno: u64) -> Self {
        Gtid { uuid: source.uuid, tag: source.tag, gno }
    }
}

impl Numbered for MariadbGtid {
    type Source = MariadbSource;

    fn source(&self) -> MariadbSource {
        MariadbGtid::source(self)
    }

    fn number(&self) -> u64 {
        self.seq
    }

    fn named(source: MariadbSource, seq: u64) -> Self {
        MariadbGtid { domain: source.domain, server: source.server, seq }
    }
}

/// A set of transactions of MySQL, as `@@gtid_executed` and Previous_gtids events hold it
/// (`Gtid_set` in `rpl_gtid.h`).
pub type GtidSet = NumberedSet<Gtid>;

/// A set of transactions of MariaDB by domain and server. The server itself has no such thing: it
/// keeps positions only.
pub type MariadbGtidSet = NumberedSet<MariadbGtid>;

/// A set of GTIDs of either family: [`Intervals`] of numbers by source.
///
/// Adding the next GTID of a log takes constant time, whatever the size of the set.
#[derive(Clone, PartialEq, Eq)]
pub struct NumberedSet<G: Numbered> {
    /// No entry is empty.
    sources: BTreeMap<G::Source, Intervals>,
}

impl<G: Numbered> NumberedSet<G> {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        NumberedSet { sources: BTreeMap::new() }
    }

    /// Whether there is nothing in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// How many GTIDs are in the set; `u64::MAX` if there are more.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sources.values().fold(0, |sum, set| sum.saturating_add(set.count()))
    }

    /// Whether `gtid` is in the set.
    #[must_use]
    pub fn contains(&self, gtid: &G) -> bool {
        self.sources.get(&gtid.source()).is_some_and(|set| set.contains(gtid.number()))
    }

    /// Adds one GTID; whether it was not there before.
    pub fn insert(&mut self, gtid: &G) -> bool {
        let (source, number) = (gtid.source(), gtid.number());
        // Most sets are of one source.
        match self.sources.last_entry() {
            Some(mut last) if *last.key() == source => last.get_mut().insert(number),
            _ => self.sources.entry(source).or_default().insert(number),
        }
    }

    /// Adds the numbers of `range` (both ends belong to it) of one source.
    pub fn add_interval(&mut self, source: G::Source, range: RangeInclusive<u64>) {
        if !range.is_empty() {
            self.sources.entry(source).or_default().add(range);
        }
    }

    /// Adds every GTID of `other`.
    pub fn add_all(&mut self, other: &Self) {
        for (source, set) in &other.sources {
            self.sources.entry(*source).or_default().add_all(set);
        }
    }

    /// Removes every GTID of `other`.
    pub fn remove_all(&mut self, other: &Self) {
        for (source, set) in &other.sources {
            if let Some(mine) = self.sources.get_mut(source) {
                mine.remove_all(set);
                if mine.is_empty() {
                    self.sources.remove(source);
                }
            }
        }
    }

    /// What is in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.add_all(other);
        union
    }

    /// What is in this set and not in `other`: `GTID_SUBTRACT(self, other)`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        difference.remove_all(other);
        difference
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let both = self.sources.iter().filter_map(|(source, mine)| {
            let both = mine.intersect(other.sources.get(source)?);
            (!both.is_empty()).then_some((*source, both))
        });
        NumberedSet { sources: both.collect() }
    }

    /// Whether everything is in `other` too: `GTID_SUBSET(self, other)`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.sources.iter().all(|(source, mine)| {
            other.sources.get(source).is_some_and(|theirs| mine.is_subset(theirs))
        })
    }

    /// The sources and the numbers of each, in the order in which the server prints them.
    pub fn sources(&self) -> impl Iterator<Item = (G::Source, &Intervals)> {
        self.sources.iter().map(|(source, set)| (*source, set))
    }

    /// Every interval with its source, in the order in which the server prints them.
    pub fn intervals(&self) -> impl Iterator<Item = (G::Source, RangeInclusive<u64>)> {
        self.sources().flat_map(|(source, set)| set.iter().map(move |range| (source, range)))
    }

    /// Every GTID, one by one. A set may hold 2^63 of them.
    pub fn iter(&self) -> impl Iterator<Item = G> {
        self.intervals()
            .flat_map(|(source, range)| range.map(move |number| G::named(source, number)))
    }
}

impl<G: Numbered> Default for NumberedSet<G> {
    fn default() -> Self {
        NumberedSet::new()
    }
}

impl<G: Numbered> fmt::Debug for NumberedSet<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.sources).finish()
    }
}

impl<G: Numbered> Extend<G> for NumberedSet<G> {
    fn extend<T: IntoIterator<Item = G>>(&mut self, gtids: T) {
        for gtid in gtids {
            self.insert(&gtid);
        }
    }
}

impl<G: Numbered> FromIterator<G> for NumberedSet<G> {
    fn from_iter<T: IntoIterator<Item = G>>(gtids: T) -> Self {
        let mut set = NumberedSet::new();
        set.extend(gtids);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn gtids() -> impl Strategy<Value = Vec<MariadbGtid>> {
        let gtid = (0..2u32, 1..3u32, 0..20u64).prop_map(|(domain, server, seq)| MariadbGtid {
            domain,
            server,
            seq,
        });
        proptest::collection::vec(gtid, 0..60)
    }

    fn plain(set: &MariadbGtidSet) -> BTreeSet<MariadbGtid> {
        set.iter().collect()
    }

    proptest! {
        #[test]
        fn the_algebra_agrees_with_a_plain_set(a in gtids(), b in gtids()) {
            let (plain_a, plain_b) = (BTreeSet::from_iter(a.clone()), BTreeSet::from_iter(b.clone()));
            let (a, b) = (MariadbGtidSet::from_iter(a), MariadbGtidSet::from_iter(b));
            prop_assert_eq!(&plain(&a), &plain_a);
            prop_assert_eq!(a.count(), plain_a.len() as u64);
            prop_assert_eq!(plain(&a.union(&b)), &plain_a | &plain_b);
            prop_assert_eq!(plain(&a.subtract(&b)), &plain_a - &plain_b);
            prop_assert_eq!(plain(&a.intersect(&b)), &plain_a & &plain_b);
            prop_assert_eq!(a.is_subset(&b), plain_a.is_subset(&plain_b));
            prop_assert!(plain_b.iter().all(|gtid| a.contains(gtid) == plain_a.contains(gtid)));
            let mut grown = a.clone();
            for gtid in &plain_b {
                prop_assert_eq!(grown.insert(gtid), !plain_a.contains(gtid));
            }
            prop_assert_eq!(grown, a.union(&b));
            prop_assert_eq!(a.subtract(&a), MariadbGtidSet::new());
            prop_assert_eq!(a.subtract(&b).union(&a.intersect(&b)), a);
        }
    }
}
