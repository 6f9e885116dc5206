//! Suspicious statements until all the logs have been seen. How many are kept is bounded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use binlog_parser::event::rows::RowsKind;
use binlog_parser::transaction::Ending;

use super::classify_kind::{FindingKind, Severity};
use super::finding::{Evidence, Finding};
use super::traffic::{Share, TableIndex};

/// How many candidates of one kind on one table are kept: those of the most rows.
const KEPT: usize = 250;

/// How many different statements are told apart in a group.
const SHAPES: usize = 4096;

/// What a candidate rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Basis {
    /// Its text.
    Text {
        /// Whether rows are lost rather than changed.
        lost: bool,
        /// Rows that were in the tables, at least.
        known: u64,
        /// What the logs before it tell.
        evidence: Vec<Evidence>,
        /// The worst that it can be for that.
        worst: Option<Severity>,
    },
    /// The number of its rows.
    Mass(Mass),
}

/// A statement that changed many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mass {
    pub(super) table: TableIndex,
    pub(super) kind: RowsKind,
    pub(super) rows: u64,
    pub(super) share: Share,
}

/// A suspicious statement.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) finding: Finding,
    pub(super) basis: Basis,
    /// Equal for statements that differ in literals at most; `None` without a text.
    pub(super) shape: Option<u64>,
    pub(super) ending: Ending,
    /// The XA transaction that it was prepared in.
    pub(super) xid: Option<String>,
}

impl Candidate {
    pub(super) fn new(
        finding: Finding,
        basis: Basis,
        text: &[u8],
        ending: Ending,
        xid: Option<String>,
    ) -> Self {
        let shape = (!text.is_empty()).then(|| shape(text));
        Candidate { finding, basis, shape, ending, xid }
    }

    /// Rows by which it is measured against others.
    pub(super) fn rows(&self) -> u64 {
        match self.basis {
            Basis::Text { known, .. } => self.finding.rows.unwrap_or(known),
            Basis::Mass(mass) => mass.rows,
        }
    }
}

/// A number that is the same for statements which differ in numbers, strings, case and spaces only.
fn shape(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match quote {
            Some(_) if byte == b'\\' => drop(bytes.next()),
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
            None if byte.is_ascii_digit() || byte.is_ascii_whitespace() => {}
            None => byte.to_ascii_lowercase().hash(&mut hasher),
        }
    }
    hasher.finish()
}

type GroupKey = (FindingKind, Option<Vec<u8>>, Option<Vec<u8>>);

/// The candidates of one kind on one table.
#[derive(Debug, Default)]
struct Group {
    kept: Vec<Candidate>,
    shapes: HashMap<u64, u64>,
    left_out: u64,
}

/// All candidates.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    groups: HashMap<GroupKey, Group>,
}

impl Candidates {
    pub(super) fn add(&mut self, candidate: Candidate) {
        let finding = &candidate.finding;
        let key = (finding.kind, finding.database.clone(), finding.table.clone());
        let group = self.groups.entry(key).or_default();
        if let Some(shape) = candidate.shape
            && (group.shapes.len() < SHAPES || group.shapes.contains_key(&shape))
        {
            *group.shapes.entry(shape).or_default() += 1;
        }
        group.kept.push(candidate);
        if group.kept.len() >= 2 * KEPT {
            group.prune();
        }
    }

    /// All that are kept, each with how often its statement ran; and how many are not.
    pub(super) fn finish(self) -> (Vec<(Candidate, u64)>, u64) {
        let (mut all, mut left_out) = (vec![], 0);
        for mut group in self.groups.into_values() {
            group.prune();
            left_out += group.left_out;
            let times = |shape: Option<u64>| {
                shape.and_then(|shape| group.shapes.get(&shape)).map_or(1, |times| *times)
            };
            all.extend(group.kept.into_iter().map(|candidate| {
                let times = times(candidate.shape);
                (candidate, times)
            }));
        }
        (all, left_out)
    }
}

impl Group {
    /// Keeps those of the most rows, of equals the first.
    fn prune(&mut self) {
        if self.kept.len() > KEPT {
            self.kept.sort_by_key(|candidate| std::cmp::Reverse(candidate.rows()));
            self.left_out += (self.kept.len() - KEPT) as u64;
            self.kept.truncate(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_differ_in_literals_have_one_shape() {
        let base = shape(b"UPDATE t SET a = 1, b = 'x\\'y'");
        assert_eq!(shape(b"update  t set a=27, b='z'"), base);
        assert_ne!(shape(b"UPDATE u SET a = 1, b = 'x'"), base);
        assert_ne!(shape(b"UPDATE t SET a = 1"), base);
    }
}
