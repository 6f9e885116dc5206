//! What an undo should do, computed from the rows alone.
//!
//! Which changes are undone follows from pairs of changes ([`Change::touches`]). What is there
//! afterwards is told by playing the traffic once more in memory, without them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use replay::undo::Conflicts;

use crate::history::History;
use crate::tables::{Change, PARENT, State, TABLES};

/// A change by the numbers of its transaction, its statement and itself.
pub type At = (usize, usize, usize);

/// What an undo should do.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Changes that are undone.
    pub undone: BTreeSet<At>,
    /// Changes that were asked for, and stay.
    pub spared: BTreeSet<At>,
    /// Later changes that touch what is undone.
    pub hits: BTreeSet<At>,
    /// Later transactions that are undone, or some of their rows.
    pub dependent: BTreeSet<usize>,
    /// Changes that should be undone as well, and are of tables that are left out.
    pub left_out: BTreeSet<At>,
    /// The rows afterwards.
    pub state: State,
}

/// Knows what happened.
pub struct Oracle<'h> {
    history: &'h History,
    /// The tables of which rows are undone; all if empty.
    tables: &'h [usize],
    /// All changes in their order.
    all: BTreeMap<At, &'h Change>,
}

impl<'h> Oracle<'h> {
    pub fn new(history: &'h History, tables: &'h [usize]) -> Oracle<'h> {
        let mut all = BTreeMap::new();
        for (transaction, played) in history.transactions.iter().enumerate() {
            for (statement, changes) in played.statements.iter().enumerate() {
                for (number, change) in changes.iter().enumerate() {
                    all.insert((transaction, statement, number), change);
                }
            }
        }
        Oracle { history, tables, all }
    }

    pub fn change(&self, at: At) -> &'h Change {
        self.all[&at]
    }

    /// Whether the change at `at` touches one of `undone` that was before it.
    fn touches(&self, at: At, undone: &BTreeSet<At>) -> bool {
        undone.range(..at).any(|earlier| self.all[&at].touches(self.all[earlier]))
    }

    /// Whether the change at `at` is of a table of which rows are undone.
    fn selected(&self, at: At) -> bool {
        self.tables.is_empty() || self.tables.contains(&self.all[&at].table)
    }

    /// The changes of transactions that are undone with them.
    fn changes_of(&self, transactions: &[usize]) -> BTreeSet<At> {
        let theirs = self.all.keys().filter(|at| transactions.contains(&at.0));
        theirs.filter(|at| self.selected(**at)).copied().collect()
    }

    /// The undo of some transactions and nothing else; its state is that without them, if nothing
    /// later touches them.
    pub fn of(&self, targets: &[usize]) -> Result<Expected> {
        let undone = self.changes_of(targets);
        let later = self.all.keys().filter(|at| !undone.contains(at));
        let hits: BTreeSet<At> = later.filter(|at| self.touches(**at, &undone)).copied().collect();
        let state = match hits.is_empty() {
            true => self.without(&undone)?,
            false => vec![],
        };
        Ok(Expected { undone, hits, state, ..Expected::default() })
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
        if expected.left_out.is_empty() {
            expected.state = self.without(&expected.undone)?;
        }
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
        expected.undone.clear();
        for transaction in 0..self.history.transactions.len() {
            let own = (transaction, 0, 0)..(transaction + 1, 0, 0);
            let own: Vec<At> = self.all.range(own).map(|(at, _)| *at).collect();
            let depends = own.iter().any(|at| self.touches(*at, &expected.undone));
            if !depends && !targets.contains(&transaction) {
                continue;
            }
            if !targets.contains(&transaction) {
                let hits = own.iter().filter(|at| self.touches(**at, &expected.undone));
                let hits: Vec<At> = hits.copied().collect();
                expected.hits.extend(hits);
                expected.dependent.insert(transaction);
            }
            for at in own {
                if self.selected(at) {
                    expected.undone.insert(at);
                } else if self.touches(at, &expected.undone) {
                    expected.hits.insert(at);
                    expected.left_out.insert(at);
                }
            }
        }
    }

    /// Changes are undone that touch what is undone.
    fn force(&self, targets: &[usize], expected: &mut Expected) {
        expected.hits.clear();
        let asked = self.changes_of(targets);
        for at in self.all.keys() {
            if asked.contains(at) || !self.touches(*at, &expected.undone) {
                continue;
            }
            expected.hits.insert(*at);
            if self.selected(*at) {
                expected.undone.insert(*at);
                expected.dependent.insert(at.0);
            } else {
                expected.left_out.insert(*at);
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
                let parent = state[PARENT].values().any(|parent| parent[0] == row[column]);
                ensure!(parent, "{}: {row:?} would have had no parent", table.name);
            }
        }
    }
    Ok(())
}
