//! Where the clock of commits goes back.

/// How many steps are named; the others are counted.
const NAMED: usize = 20;

/// Microseconds that commits of one server may be out of order in its log without its clock going
/// back: those of a group are stamped before their order is made.
const COMMITS_APART: u64 = 1_000_000;

/// The same where only the times are known at which statements began: a statement may run long.
const STATEMENTS_APART: u64 = 60_000_000;

/// Follows the times of transactions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clock {
    first: Option<Moment>,
    last: Option<Moment>,
    /// The first steps back: the moments before and behind each.
    steps: Vec<[Moment; 2]>,
    /// How many steps back there are.
    pub count: u64,
}

/// A transaction and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Stream position of the transaction.
    pub start: u64,
    /// Microseconds since 1970 UTC.
    pub time: u64,
    /// Whether it is the time of the commit, or else of the last statement's start.
    pub commit: bool,
}

impl Clock {
    /// Takes in the transaction that starts next, at stream position `start`, with its
    /// [`timestamp`](super::Transaction::timestamp), and with when its server committed it, in
    /// microseconds since 1970 UTC, where the event that opens it tells.
    pub fn transaction(&mut self, start: u64, timestamp: impl FnOnce() -> u32, at: Option<u64>) {
        let (time, commit) = match at {
            Some(time) => (time, true),
            None => (u64::from(timestamp()) * 1_000_000, false),
        };
        if time != 0 {
            let moment = Moment { start, time, commit };
            self.first.get_or_insert(moment);
            self.step(moment);
            self.last = Some(moment);
        }
    }

    /// Takes in what comes next.
    pub fn join(&mut self, next: Clock) {
        if let Some(first) = next.first {
            self.step(first);
        }
        self.first = self.first.or(next.first);
        self.last = next.last.or(self.last);
        self.count = self.count.saturating_add(next.count);
        self.steps.extend(next.steps);
        self.steps.truncate(NAMED);
    }

    /// Compares a moment with the one before it.
    fn step(&mut self, moment: Moment) {
        let Some(last) = self.last.filter(|last| last.is_after(moment)) else { return };
        self.count += 1;
        if self.steps.len() < NAMED {
            self.steps.push([last, moment]);
        }
    }

    /// The moments before and behind each of the first steps back.
    #[must_use]
    pub fn steps(&self) -> &[[Moment; 2]] {
        &self.steps
    }

    /// The first moment, and the last.
    pub(crate) fn ends(&self) -> Option<[Moment; 2]> {
        self.first.zip(self.last).map(|(first, last)| [first, last])
    }

    /// The clock that has these ends and steps.
    pub(crate) fn of(ends: Option<[Moment; 2]>, steps: Vec<[Moment; 2]>, count: u64) -> Self {
        let [first, last] = ends.map_or([None, None], |ends| ends.map(Some));
        Clock { first, last, steps, count }
    }
}

impl Moment {
    /// Whether this is so much later than what follows that it must have been another clock.
    fn is_after(self, next: Moment) -> bool {
        let commit = self.commit && next.commit;
        let apart = if commit { COMMITS_APART } else { STATEMENTS_APART };
        self.time.saturating_sub(next.time) > apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(moments: &[(u64, bool)]) -> Vec<(u64, u64)> {
        let mut clock = Clock::default();
        for (seconds, commit) in moments {
            let moment = Some(Moment { start: 4, time: seconds * 1_000_000, commit: *commit });
            clock.join(Clock { first: moment, last: moment, ..Clock::default() });
        }
        assert_eq!(clock.count, clock.steps.len() as u64);
        clock.steps.iter().map(|[a, b]| (a.time / 1_000_000, b.time / 1_000_000)).collect()
    }

    #[test]
    fn a_clock_of_commits_is_exact_and_one_of_statements_is_not() {
        assert_eq!(steps(&[(100, true), (99, true), (101, true)]), []);
        assert_eq!(steps(&[(100, true), (90, true)]), [(100, 90)]);
        assert_eq!(steps(&[(100, false), (90, false), (95, true)]), []);
        let back = steps(&[(1000, false), (100, false), (200, false)]);
        assert_eq!(back, [(1000, 100)]);
    }
}
