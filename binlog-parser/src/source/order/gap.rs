//! What is missing between two logs that follow each other.

use std::sync::Arc;

use super::place::{Place, join_name, split_name};
use super::problem::Problem;
use crate::source::chain::Extent;

/// The gap between two logs that follow each other here.
pub(super) fn gap(a: &Place, b: &Place) -> Option<Problem> {
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
