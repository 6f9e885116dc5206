//! What became of XA transactions: the decision stands in a transaction of its own, perhaps logs
//! later.

use std::collections::HashMap;

use binlog_parser::address::EventAddress;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Unit, Units};

/// How an XA transaction ended, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Commit(EventAddress),
    Rollback(EventAddress),
}

/// A prepared transaction: where in the set, and its name as the servers write it.
pub(super) type Prepared = (usize, u64, String);

/// Finds the first decision about each of these transactions behind its place. The logs are read
/// again for it, from the first of them on.
pub(super) fn decisions(set: &LogSet, prepared: &[Prepared]) -> HashMap<Prepared, Decision> {
    let mut found = HashMap::new();
    let Some(first) = prepared.iter().map(|(log, ..)| *log).min() else { return found };
    let mut waiting: HashMap<&str, Vec<&Prepared>> = HashMap::new();
    for one in prepared {
        waiting.entry(&one.2).or_default().push(one);
    }
    for (index, log) in set.logs().iter().enumerate().skip(first) {
        let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
        while let Some(unit) = units.next() {
            let Unit::Transaction(transaction) = unit else { continue };
            if transaction.ending != Ending::Statement {
                continue;
            }
            let transaction = transaction.plain(&mut inflated, units.format()).transaction;
            let Some(event) = transaction.events.last() else { continue };
            if event.event_type() != EventType::QUERY {
                continue;
            }
            let text = event.query().map_or(&b""[..], |query| query.text);
            let Some((commit, xid)) = decision(text) else { continue };
            let Some(same) = waiting.get_mut(xid) else { continue };
            let at = EventAddress::new(log.name(), transaction.start());
            let decided = if commit { Decision::Commit(at) } else { Decision::Rollback(at) };
            let here = (index, event.offset);
            same.retain(|one| {
                let before = (one.0, one.1) < here;
                if before {
                    found.insert((*one).clone(), decided.clone());
                }
                !before
            });
        }
    }
    found
}

/// Whether a text commits or rolls back a prepared transaction, and which.
fn decision(text: &[u8]) -> Option<(bool, &str)> {
    let text = std::str::from_utf8(text).ok()?;
    let (commit, rest) = match text.strip_prefix("XA COMMIT ") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("XA ROLLBACK ")?),
    };
    Some((commit, rest.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_known_by_their_text() {
        assert_eq!(decision(b"XA COMMIT X'61',X'',1"), Some((true, "X'61',X'',1")));
        assert_eq!(decision(b"XA ROLLBACK X'61',X'',1"), Some((false, "X'61',X'',1")));
        assert_eq!(decision(b"XA END X'61',X'',1"), None);
    }
}
