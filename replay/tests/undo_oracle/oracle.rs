//! What an undo should do, computed from the rows alone.
//!
//! Which changes are undone follows from pairs of changes ([`Change::touches`]). What is there
//! afterwards is told by playing the traffic once more in memory, without them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use replay::undo::Conflicts;

use crate::history::History;
use crate::tables::{Change, State, TABLES};

/// A change by the numbers of its transaction, its statement and itself.
pub type At = (usize, usize, usize);

/// What an undo should do.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Changes that are undone.
    pub undone: BTreeSet<At>,
    /// Changes that were asked for, and stay.
    pub spared: BTreeSet<At>,
    /// Later changes that touch what is undone.
    pub hits: BTreeSet<At>,
    /// Later transactions that are undone, or some of their rows.
    pub dependent: BTreeSet<usize>,
    /// The rows afterwards.
    pub state: State,
}

/// Knows what happened.
pub struct Oracle<'h> {
    history: &'h History,
    /// All changes in their order.
    all: BTreeMap<At, &'h Change>,
}

impl<'h> Oracle<'h> {
    pub fn new(history: &'h History) -> Oracle<'h> {
        let mut all = BTreeMap::new();
        for (transaction, played) in history.transactions.iter().enumerate() {
            for (statement, changes) in played.statements.iter().enumerate() {
                for (number, change) in changes.iter().enumerate() {
                    all.insert((transaction, statement, number), change);
                }
            }
        }
        Oracle { history, all }
    }

    pub fn change(&self, at: At) -> &'h Change {
        self.all[&at]
    }

    /// Whether the change at `at` touches one of `undone` that was before it.
    fn touches(&self, at: At, undone: &BTreeSet<At>) -> bool {
        undone.range(..at).any(|earlier| self.all[&at].touches(self.all[earlier]))
    }

    fn changes_of(&self, transactions: &[usize]) -> BTreeSet<At> {
        self.all.keys().filter(|at| transactions.contains(&at.0)).copied().collect()
    }

    /// The undo of some transactions and nothing else; its state is that without them, if nothing
    /// later touches them.
    pub fn of(&self, targets: &[usize]) -> Result<Expected> {
        let undone = self.changes_of(targets);
        let later = self.all.keys().filter(|at| !targets.contains(&at.0));
        let hits: BTreeSet<At> = later.filter(|at| self.touches(**at, &undone)).copied().collect();
        let state = match hits.is_empty() {
            true => self.without(&undone)?,
            false => vec![],
        };
        Ok(Expected { undone, spared: BTreeSet::new(), hits, dependent: BTreeSet::new(), state })
    }

    /// The undo of some transactions in a mode that resolves conflicts.
    pub fn with(&self, targets: &[usize], mode: Conflicts) -> Result<Expected> {
        let mut expected = self.of(targets)?;
        match mode {
            Conflicts::Refuse => return Ok(expected),
            Conflicts::NonconflictOnly => self.spare(&mut expected),
            Conflicts::Cascade => self.cascade(targets, &mut expected),
            Conflicts::Force => self.force(targets, &mut expected),
        }
        expected.state = self.without(&expected.undone)?;
        Ok(expected)
    }

    /// A change stays if a later one touches it that stays.
    fn spare(&self, expected: &mut Expected) {
        for at in expected.undone.clone().into_iter().rev() {
            let mut later = self.all.range(at..).skip(1);
            if later.any(|(other, change)| {
                !expected.undone.contains(other) && change.touches(self.all[&at])
            }) {
                expected.undone.remove(&at);
                expected.spared.insert(at);
            }
        }
    }

    /// Whole transactions are undone that touch what is undone.
    fn cascade(&self, targets: &[usize], expected: &mut Expected) {
        expected.hits.clear();
        for transaction in 0..self.history.transactions.len() {
            if targets.contains(&transaction) {
                continue;
            }
            let own = self.changes_of(&[transaction]);
            let before: BTreeSet<At> =
                expected.undone.range(..(transaction, 0, 0)).copied().collect();
            let hits: BTreeSet<At> =
                own.iter().filter(|at| self.touches(**at, &before)).copied().collect();
            if !hits.is_empty() {
                expected.hits.extend(hits);
                expected.undone.extend(own);
                expected.dependent.insert(transaction);
            }
        }
    }

    /// Changes are undone that touch what is undone.
    fn force(&self, targets: &[usize], expected: &mut Expected) {
        expected.hits.clear();
        for at in self.all.keys() {
            if !targets.contains(&at.0) && self.touches(*at, &expected.undone) {
                expected.hits.insert(*at);
                expected.undone.insert(*at);
                expected.dependent.insert(at.0);
            }
        }
    }

    /// The rows at the end, had `undone` never happened.
    ///
    /// # Errors
    /// Where what happened could not have happened without them: then `undone` is no undo.
    fn without(&self, undone: &BTreeSet<At>) -> Result<State> {
        let mut state: State = vec![Default::default(); TABLES.len()];
        for (transaction, played) in self.history.transactions.iter().enumerate() {
            for (statement, changes) in played.statements.iter().enumerate() {
                let at = |number| (transaction, statement, number);
                let kept = changes.iter().enumerate().filter(|(n, _)| !undone.contains(&at(*n)));
                let kept: Vec<&Change> = kept.map(|(_, change)| change).collect();
                for change in &kept {
                    let had = state[change.table].remove(&change.rid);
                    ensure!(had == change.before, "{change:?} would have met {had:?}");
                }
                for change in &kept {
                    if let Some(after) = &change.after {
                        state[change.table].insert(change.rid, after.clone());
                    }
                }
                if !kept.is_empty() {
                    consistent(&state)?;
                }
            }
        }
        Ok(state)
    }
}

/// Whether every key is there once and every parent.
fn consistent(state: &State) -> Result<()> {
    let parents = TABLES.iter().position(|table| table.name == "parent").unwrap_or_default();
    for (table, rows) in TABLES.iter().zip(state) {
        let mut keys = BTreeSet::new();
        let mut values = BTreeSet::new();
        for row in rows.values() {
            ensure!(keys.insert(table.key_of(row)), "{} would have had {row:?} twice", table.name);
            if let Some(column) = table.unique
                && row[column] != "NULL"
            {
                ensure!(values.insert(&row[column]), "{}: {row:?} twice", table.name);
            }
            if let Some(column) = table.parent
                && row[column] != "NULL"
            {
                let parent = state[parents].values().any(|parent| parent[0] == row[column]);
                ensure!(parent, "{}: {row:?} would have had no parent", table.name);
            }
        }
    }
    Ok(())
}
