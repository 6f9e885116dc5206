//! What the rows events of the logs tell of each table: how many rows it must have had, and how
//! large its statements usually are. Rows are counted, never kept.

use std::collections::HashMap;

use binlog_parser::event::rows::RowsKind;

use super::flow::Flow;

/// How often a table may lose its last rows before that is taken for its nature, as a queue's.
pub(super) const EMPTIED_OFTEN: u64 = 3;

/// Number of a table in [`Tables`].
pub(super) type TableIndex = usize;

/// How many statements were how large: one counter for each power of two.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sizes([u32; 32]);

impl Sizes {
    fn class(rows: u64) -> usize {
        (rows.max(1).ilog2() as usize).min(31)
    }

    pub(super) fn add(&mut self, rows: u64) {
        let count = &mut self.0[Self::class(rows)];
        *count = count.saturating_add(1);
    }

    /// The counters, by the power of two.
    pub(super) fn counters(&mut self) -> &mut [u32; 32] {
        &mut self.0
    }

    /// Those that are not 0, by the power of two.
    pub(super) fn counted(&self) -> impl Iterator<Item = (usize, u32)> + use<'_> {
        self.0.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// How many statements there were.
    pub(super) fn statements(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// Adds those of another count.
    pub(super) fn join(&mut self, others: &Sizes) {
        for (mine, other) in self.0.iter_mut().zip(others.0) {
            *mine = mine.saturating_add(other);
        }
    }

    /// How many others come near a statement of so many rows: more than about an eighth.
    pub(super) fn others_like(&self, rows: u64) -> u64 {
        let from = Self::class(rows).saturating_sub(2);
        let near: u64 = self.0[from..].iter().map(|count| u64::from(*count)).sum();
        near.saturating_sub(1)
    }
}

/// What happened to a table from one place in the logs to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Stretch {
    /// Rows written, less rows deleted.
    net: i64,
    /// Rows that must have been there at its start for its updates and deletes to find.
    need: u64,
    /// Whether rows were updated or deleted at all.
    touched: bool,
    /// Whether the table was emptied, dropped or made anew at its start.
    fresh: bool,
}

/// What is known of one table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) database: Vec<u8>,
    pub(super) name: Vec<u8>,
    /// Whether anything in the logs so far concerned it.
    pub(super) seen: bool,
    /// The session that made it, and when in seconds since 1970.
    pub(super) made: Option<(u32, u32)>,
    pub(super) deletes: Sizes,
    pub(super) updates: Sizes,
    /// How many statements took its last rows.
    pub(super) emptied: u64,
    /// At least so many rows are in it.
    floor: u64,
    /// Whether the floor is the number itself: the table was seen empty, and all since is logged.
    exact: bool,
    stretches: Vec<Stretch>,
}

/// How a statement's rows compare to what the table had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Rows that were in the table before, at least.
    pub(super) floor: u64,
    /// Whether it was exactly as many.
    pub(super) exact: bool,
    /// Where the logs go on behind the statement.
    after: usize,
}

impl Share {
    /// Whether these many rows may have been all there were, as far as can be told from before.
    pub(super) fn may_be_all(&self, rows: u64) -> bool {
        rows >= self.floor
    }

    /// Whether these many rows were all there were.
    pub(super) fn is_all(&self, rows: u64) -> bool {
        self.exact && rows == self.floor
    }
}

impl Table {
    /// Whether it is one of the server's own, whose rows follow from other statements.
    pub(super) fn is_system(&self) -> bool {
        is_system(&self.database)
    }

    /// Rows that are in it at least, and whether that is the exact number.
    pub(super) fn rows(&self) -> (u64, bool) {
        (self.floor, self.exact)
    }

    /// A statement wrote, updated or deleted rows.
    pub(super) fn count(&mut self, kind: RowsKind, rows: u64) {
        self.seen = true;
        if kind != RowsKind::Write && rows > self.floor {
            self.exact = false;
        }
        let signed = i64::try_from(rows).unwrap_or(i64::MAX);
        let stretch = self.stretch();
        match kind {
            RowsKind::Write => stretch.net = stretch.net.saturating_add(signed),
            RowsKind::Update | RowsKind::Delete => {
                stretch.touched = true;
                let missing = signed.saturating_sub(stretch.net);
                stretch.need = stretch.need.max(u64::try_from(missing).unwrap_or(0));
                if kind == RowsKind::Delete {
                    stretch.net = stretch.net.saturating_sub(signed);
                }
            }
        }
        self.floor = match kind {
            RowsKind::Write => self.floor.saturating_add(rows),
            RowsKind::Update => self.floor.max(rows),
            RowsKind::Delete => self.floor.saturating_sub(rows),
        };
    }

    /// Statements changed rows, of which only the sum is told: what [`Table::count`] makes of one
    /// after another.
    pub(super) fn flow(&mut self, flow: &Flow) {
        self.seen = true;
        let floor = i64::try_from(self.floor).unwrap_or(i64::MAX);
        if flow.exact_from.is_some_and(|rows| rows > floor) {
            self.exact = false;
        }
        let stretch = self.stretch();
        if let Some(need) = flow.need {
            stretch.touched = true;
            let missing = need.saturating_sub(stretch.net);
            stretch.need = stretch.need.max(u64::try_from(missing).unwrap_or(0));
        }
        stretch.net = stretch.net.saturating_add(flow.net);
        self.floor = flow.behind(self.floor);
    }

    fn stretch(&mut self) -> &mut Stretch {
        if self.stretches.is_empty() {
            self.stretches.push(Stretch::default());
        }
        let last = self.stretches.len() - 1;
        &mut self.stretches[last]
    }

    /// Remembers this place, before a statement is counted; what follows the statement is counted
    /// apart once [`Table::behind`] is called.
    pub(super) fn share(&mut self) -> Share {
        self.stretch();
        Share { floor: self.floor, exact: self.exact, after: self.stretches.len() }
    }

    /// The statement of the last [`Table::share`] has been counted.
    pub(super) fn behind(&mut self) {
        self.stretches.push(Stretch::default());
    }

    /// No row is in it from here on: it was truncated, dropped or made anew.
    pub(super) fn empty(&mut self) {
        self.seen = true;
        (self.floor, self.exact) = (0, true);
        let fresh = Stretch { fresh: true, ..Stretch::default() };
        if self.stretches.last() != Some(&fresh) {
            self.stretches.push(fresh);
        }
    }

    /// It is another table from here on, of which nothing is known.
    pub(super) fn forget(&mut self) {
        self.empty();
        self.exact = false;
    }

    /// Whether what came behind the statement shows that the table was empty: rows were updated or
    /// deleted, and each of them can have been written since. `None` if nothing was touched.
    pub(super) fn was_empty_after(&self, share: Share) -> Option<bool> {
        let (mut net, mut need, mut touched) = (0i64, 0u64, false);
        for stretch in self.stretches.get(share.after..).unwrap_or_default() {
            if stretch.fresh {
                break;
            }
            let here = i64::try_from(stretch.need).unwrap_or(i64::MAX).saturating_sub(net);
            need = need.max(u64::try_from(here).unwrap_or(0));
            net = net.saturating_add(stretch.net);
            touched |= stretch.touched;
        }
        touched.then_some(need == 0)
    }
}

/// All tables by name.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tables: Vec<Table>,
    by_name: HashMap<Vec<u8>, TableIndex>,
    key: Vec<u8>,
    distrusted: bool,
}

/// Whether a database is one of the server's own.
pub(super) fn is_system(database: &[u8]) -> bool {
    matches!(database, b"mysql" | b"sys" | b"performance_schema" | b"information_schema")
}

/// Writes the key of a table; no name of a table or database holds a NUL.
pub(super) fn write_key(key: &mut Vec<u8>, database: &[u8], table: &[u8]) {
    key.clear();
    key.extend_from_slice(database);
    key.push(0);
    key.extend_from_slice(table);
}

impl Tables {
    /// The table's number; a new one the first time.
    pub(super) fn index(&mut self, database: &[u8], table: &[u8]) -> TableIndex {
        write_key(&mut self.key, database, table);
        if let Some(index) = self.by_name.get(&self.key) {
            return *index;
        }
        let index = self.tables.len();
        self.by_name.insert(self.key.clone(), index);
        let (database, name) = (database.to_vec(), table.to_vec());
        self.tables.push(Table { database, name, ..Table::default() });
        index
    }

    /// The table's number, if anything concerned it before.
    pub(super) fn find(&self, database: &[u8], table: &[u8]) -> Option<TableIndex> {
        let mut key = vec![];
        write_key(&mut key, database, table);
        self.by_name.get(&key).copied()
    }

    pub(super) fn get(&self, index: TableIndex) -> &Table {
        &self.tables[index]
    }

    pub(super) fn get_mut(&mut self, index: TableIndex) -> &mut Table {
        &mut self.tables[index]
    }

    /// Rows were changed by what is not counted: statements as text, events that are not read.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// Whether all changes are counted, so that an exact number is one.
    pub(super) fn are_trusted(&self) -> bool {
        !self.distrusted
    }

    /// A part of the logs is missing here.
    pub(super) fn forget_all(&mut self) {
        for table in &mut self.tables {
            let seen = table.seen;
            table.forget();
            table.seen = seen;
        }
    }

    /// The tables of a database that something concerned before.
    pub(super) fn of_database(&self, database: &[u8]) -> Vec<TableIndex> {
        let numbered = self.tables.iter().enumerate();
        let known = numbered.filter(|(_, table)| table.seen && table.database == database);
        known.map(|(index, _)| index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RowsKind::{Delete, Update, Write};
    use proptest::prelude::*;

    fn delete_as_candidate(table: &mut Table, rows: u64) -> Share {
        let share = table.share();
        table.count(Delete, rows);
        table.behind();
        share
    }

    #[test]
    fn a_table_made_in_the_logs_is_known_exactly() {
        let mut table = Table::default();
        table.empty();
        table.count(Write, 40);
        table.count(Delete, 1);
        let share = delete_as_candidate(&mut table, 39);
        assert!(share.is_all(39) && !share.is_all(38));
        assert_eq!(table.rows(), (0, true));
    }

    #[test]
    fn rows_that_nobody_logged_make_it_inexact() {
        let mut table = Table::default();
        table.empty();
        table.count(Write, 3);
        table.count(Update, 5);
        assert_eq!(table.rows(), (5, false));
    }

    #[test]
    fn later_traffic_on_old_rows_shows_that_some_were_left() {
        let mut table = Table::default();
        table.count(Update, 2);
        let share = delete_as_candidate(&mut table, 500);
        assert_eq!(table.was_empty_after(share), None);
        table.count(Write, 2);
        table.count(Update, 2);
        assert_eq!(table.was_empty_after(share), Some(true));
        let second = delete_as_candidate(&mut table, 2);
        table.count(Update, 1);
        assert_eq!(table.was_empty_after(second), Some(false));
        assert_eq!(table.was_empty_after(share), Some(false));
    }

    #[test]
    fn what_follows_a_truncate_says_nothing() {
        let mut table = Table::default();
        let share = delete_as_candidate(&mut table, 500);
        table.empty();
        table.count(Delete, 7);
        assert_eq!(table.was_empty_after(share), None);
    }

    #[test]
    fn sizes_know_what_is_usual() {
        let mut sizes = Sizes::default();
        for rows in [1, 1, 2, 5000] {
            sizes.add(rows);
        }
        assert_eq!((sizes.statements(), sizes.others_like(5000), sizes.others_like(1)), (4, 0, 3));
        sizes.add(1000);
        assert_eq!(sizes.others_like(1000), 1);
    }

    proptest! {
        /// A table whose true number of rows is simulated from `start` on.
        #[test]
        fn the_floor_is_never_above_the_truth(
            start in 0u64..50,
            made in any::<bool>(),
            steps in proptest::collection::vec((0u8..3, 1u64..20), 0..40),
        ) {
            let mut table = Table::default();
            let mut truth = start;
            if made {
                table.empty();
                truth = 0;
            }
            let mut shares = vec![];
            for (kind, rows) in steps {
                let rows = if kind == 0 { rows } else { rows.min(truth) };
                if rows == 0 {
                    continue;
                }
                match kind {
                    0 => { table.count(Write, rows); truth += rows; }
                    1 => table.count(Update, rows),
                    _ => {
                        let share = delete_as_candidate(&mut table, rows);
                        prop_assert!(share.floor <= truth);
                        if share.is_all(rows) { prop_assert_eq!(rows, truth); }
                        truth -= rows;
                        shares.push((share, truth));
                    }
                }
                prop_assert!(table.rows().0 <= truth);
                if table.rows().1 { prop_assert_eq!(table.rows().0, truth); }
            }
            for (share, left) in shares {
                if left == 0 { prop_assert_ne!(table.was_empty_after(share), Some(false)); }
            }
        }
    }
}
