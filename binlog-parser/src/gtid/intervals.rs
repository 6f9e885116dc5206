//! A set of numbers as its intervals.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A set of transaction numbers, kept as intervals that neither overlap nor touch.
///
/// A log adds its numbers in order, or nearly so, and then an addition takes constant time, for the
/// last interval grows. In any other order it takes the logarithm of the number of intervals, so no
/// log can make it slow. Both ends of an interval belong to it: a sequence number of MariaDB may be
/// 2^64 - 1, which has no successor to end at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intervals {
    /// First number to last number.
    map: BTreeMap<u64, u64>,
}

impl Intervals {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Intervals::default()
    }

    /// Whether there is no number in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// How many numbers are in the set; `u64::MAX` if there are more.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.map
            .iter()
            .fold(0, |sum: u64, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    /// The greatest number.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.map.last_key_value().map(|(_, &last)| last)
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.map.iter().map(|(&first, &last)| first..=last)
    }

    /// Whether `number` is in the set.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        self.covers(number, number)
    }

    /// Whether everything from `first` to `last` is in the set.
    fn covers(&self, first: u64, last: u64) -> bool {
        self.map.range(..=first).next_back().is_some_and(|(_, &end)| end >= last)
    }

    /// Adds every number of `range`; an empty range adds nothing.
    pub fn add(&mut self, range: RangeInclusive<u64>) {
        let (mut first, mut last) = range.into_inner();
        if first > last {
            return;
        }
        if let Some(mut end) = self.map.last_entry()
            && *end.key() <= first
            && first <= end.get().saturating_add(1)
        {
            last = last.max(*end.get());
            end.insert(last);
            return;
        }
        if let Some((&before, &end)) = self.map.range(..=first).next_back()
            && end >= first.saturating_sub(1)
        {
            first = before;
        }
        while let Some((&next, &end)) = self.map.range(first..).next()
            && next <= last.saturating_add(1)
        {
            self.map.remove(&next);
            last = last.max(end);
        }
        self.map.insert(first, last);
    }

    /// Adds `number`; whether it was not there before.
    pub fn insert(&mut self, number: u64) -> bool {
        if let Some(mut end) = self.map.last_entry()
            && end.get().checked_add(1) == Some(number)
        {
            end.insert(number);
            return true;
        }
        let new = !self.contains(number);
        if new {
            self.add(number..=number);
        }
        new
    }

    /// Removes every number of `range`; an empty range removes nothing.
    pub fn remove(&mut self, range: RangeInclusive<u64>) {
        let (first, last) = range.into_inner();
        if first > last {
            return;
        }
        while let Some((&start, &end)) = self.map.range(..=last).next_back()
            && end >= first
        {
            self.map.remove(&start);
            // What sticks out on either side stays; both sums are in range, for something is there.
            if end > last {
                self.map.insert(last + 1, end);
            }
            if start < first {
                self.map.insert(start, first - 1);
            }
        }
    }

    /// Adds the numbers of `other`.
    pub fn add_all(&mut self, other: &Intervals) {
        other.iter().for_each(|range| self.add(range));
    }

    /// Removes the numbers of `other`.
    pub fn remove_all(&mut self, other: &Intervals) {
        other.iter().for_each(|range| self.remove(range));
    }

    /// The numbers that are in both sets.
    #[must_use]
    pub fn intersect(&self, other: &Intervals) -> Intervals {
        let mut both = Intervals::new();
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            both.add(*a.start().max(b.start())..=*a.end().min(b.end()));
            // The interval that ends first can meet nothing more.
            if a.end() < b.end() {
                left.next().is_some()
            } else {
                right.next().is_some()
            };
        }
        both
    }

    /// Whether every number is in `other` too.
    #[must_use]
    pub fn is_subset(&self, other: &Intervals) -> bool {
        self.map.iter().all(|(&first, &last)| other.covers(first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn intervals(set: &Intervals) -> Vec<RangeInclusive<u64>> {
        set.iter().collect()
    }

    #[test]
    fn numbers_in_order_make_one_interval() {
        let mut set = Intervals::new();
        (1..=100_000).for_each(|number| set.add(number..=number));
        assert_eq!(intervals(&set), [1..=100_000]);
        assert_eq!((set.count(), set.last()), (100_000, Some(100_000)));
    }

    #[test]
    fn both_ends_of_the_numbers_can_be_held() {
        let mut set = Intervals::new();
        set.add(u64::MAX..=u64::MAX);
        set.add(0..=0);
        assert_eq!(intervals(&set), [0..=0, u64::MAX..=u64::MAX]);
        set.add(1..=u64::MAX - 1);
        assert_eq!(intervals(&set), [0..=u64::MAX]);
        assert_eq!(set.count(), u64::MAX, "saturated");
        set.remove(0..=0);
        set.remove(u64::MAX..=u64::MAX);
        assert_eq!(intervals(&set), [1..=u64::MAX - 1]);
        set.remove(0..=u64::MAX);
        assert!(set.is_empty());
    }

    /// What is done to a set, small enough that intervals meet often.
    fn steps() -> impl Strategy<Value = Vec<(bool, u64, u64)>> {
        proptest::collection::vec((proptest::bool::weighted(0.7), 0..60u64, 0..9u64), 0..40)
    }

    /// Does the steps to a set and to its oracle.
    fn done(steps: &[(bool, u64, u64)]) -> (Intervals, BTreeSet<u64>) {
        let (mut set, mut oracle) = (Intervals::new(), BTreeSet::new());
        for &(add, first, length) in steps {
            // Length 0 gives an empty range, `first..=first - 1`, except at 0.
            let range = first..=(first + length).saturating_sub(1);
            if add {
                oracle.extend(range.clone());
                set.add(range);
            } else {
                oracle.retain(|number| !range.contains(number));
                set.remove(range);
            }
        }
        (set, oracle)
    }

    /// The set holds what its oracle holds, in the fewest intervals.
    fn check(set: &Intervals, oracle: &BTreeSet<u64>) -> Result<(), TestCaseError> {
        let numbers: Vec<u64> = set.iter().flatten().collect();
        prop_assert_eq!(&numbers, &oracle.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(set.count(), oracle.len() as u64);
        let ranges = intervals(set);
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        prop_assert!((0..70).all(|number| set.contains(number) == oracle.contains(&number)));
        Ok(())
    }

    proptest! {
        #[test]
        fn adding_and_removing_agree_with_a_plain_set(steps in steps()) {
            let (set, oracle) = done(&steps);
            check(&set, &oracle)?;
        }

        #[test]
        fn the_algebra_agrees_with_a_plain_set(a in steps(), b in steps()) {
            let ((a, plain_a), (b, plain_b)) = (done(&a), done(&b));
            let mut union = a.clone();
            union.add_all(&b);
            check(&union, &(&plain_a | &plain_b))?;
            let mut difference = a.clone();
            difference.remove_all(&b);
            check(&difference, &(&plain_a - &plain_b))?;
            let both = a.intersect(&b);
            check(&both, &(&plain_a & &plain_b))?;
            prop_assert_eq!(a.is_subset(&b), plain_a.is_subset(&plain_b));
            prop_assert!(both.is_subset(&a) && both.is_subset(&b) && a.is_subset(&union));
            prop_assert_eq!(difference == a, both.is_empty());
        }
    }
}
