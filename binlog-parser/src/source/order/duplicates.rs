//! Logs that are copies of others, whole or of their start.

use std::collections::HashMap;

use super::place::{Place, START_BYTES, content};
use super::problem::Problem;
use crate::header::EventType;
use crate::scan::Scanned;
use crate::source::log::Log;

/// Removes logs whose bytes are those of another, or the start of another.
pub(super) fn leave_out_duplicates(places: &mut Vec<Place>) -> Vec<Problem> {
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
