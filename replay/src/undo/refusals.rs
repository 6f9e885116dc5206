//! What stands against an undo, gathered, so that a person sees all of it at once.

use binlog_parser::error::Location;

use crate::error::Error;

/// How many reasons are spelled out; of the others only the number is told.
const SHOWN: usize = 20;

/// The way out where there are no rows to reverse.
pub(super) const WAY_OUT: &str = "restore a backup and run `binlog replay --skip ADDR` on the logs \
    since then; or leave the statement out with --table";

/// Reasons not to write anything.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    reasons: Vec<String>,
    more: usize,
    hint: Option<&'static str>,
}

impl Refusals {
    /// Adds a reason, which is at `place`. Of several ways out the first is told.
    pub fn add(&mut self, place: Location, why: impl AsRef<str>, hint: &'static str) {
        self.hint.get_or_insert(hint);
        if self.reasons.len() == SHOWN {
            self.more += 1;
            return;
        }
        self.reasons.push(format!("{place}: {}", why.as_ref()));
    }

    /// Adds a reason that names its places itself.
    pub fn add_sentence(&mut self, why: impl Into<String>, hint: &'static str) {
        self.hint.get_or_insert(hint);
        self.reasons.push(why.into());
    }

    /// Adds the reasons of others.
    pub fn append(&mut self, mut others: Refusals) {
        self.hint = self.hint.or(others.hint);
        let room = SHOWN.saturating_sub(self.reasons.len()).min(others.reasons.len());
        self.more += others.more + others.reasons.len() - room;
        self.reasons.extend(others.reasons.drain(..room));
    }

    /// Whether there is no reason.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The refusal, if there is any reason.
    pub fn into_error(self) -> Option<Error> {
        let hint = self.hint?;
        let mut what = String::from("cannot be undone:");
        for reason in &self.reasons {
            what.push_str("\n  ");
            what.push_str(reason);
        }
        if self.more > 0 {
            what.push_str(&format!("\n  and {} more", self.more));
        }
        Some(Error::refused(what, hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_reasons_the_first_are_told_and_the_others_counted() {
        let reasons = |count: usize, what: &str| {
            let mut refusals = Refusals::default();
            for number in 0..count {
                refusals.add(Location::default(), format!("{what} {number}"), "a way out");
            }
            refusals
        };
        let mut all = reasons(SHOWN - 1, "first");
        all.append(reasons(SHOWN + 5, "second"));
        all.append(Refusals::default());
        let Some(Error::Refused { what, hint }) = all.into_error() else { panic!() };
        assert!(what.contains("second 0") && !what.contains("second 1"), "{what}");
        assert!(what.ends_with(&format!("and {} more", SHOWN + 4)), "{what}");
        assert_eq!(hint, "a way out");
    }
}
