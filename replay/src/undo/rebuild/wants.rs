//! Values that are still missing: which rows want them, and by which key the row that they stand in
//! is found, farther back in the logs.
//!
//! ```text
//! key        column   wants                                    the walk goes backward, so
//! (t, id 7)  b        event 3 row 0, event 9 row 4             a row has the key that it had there
//!            doc      event 9 row 4, with 2 differences
//! ```
//! What stays the same between two events is looked for once: the rows of both wait together.

use std::collections::HashMap;

use super::rebuilt::changed;

/// A row of an event whose before-image lacks values.
#[derive(Debug)]
struct Want {
    /// Number of the event, and of the row in it.
    event: u32,
    row: u32,
    /// How many values are missing.
    missing: u16,
    /// Those that were found.
    found: Vec<(u16, Option<Box<[u8]>>)>,
}

/// A value of a row that is still missing.
#[derive(Debug)]
pub(super) struct Column {
    /// Which column.
    pub ordinal: usize,
    /// Who wants it, and how many of the differences stand behind (in the logs: after) that row.
    waiting: Vec<(u32, u32)>,
    /// Differences of JSON that turn the value into those wanted, the newest first.
    pub diffs: Vec<Box<[u8]>>,
}

/// A row, as it was at the place that the walk has reached.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    /// Its values that are missing.
    pub columns: Vec<Column>,
}

/// A value that will not be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Failure {
    /// Number of the event, and of the row in it.
    pub event: u32,
    pub row: u32,
    /// Which column.
    pub ordinal: u16,
    /// Whether the row held it ever since the first change that is undone, or longer.
    pub held: bool,
    /// Why, as [`Wants::reason`] counts.
    pub reason: u32,
}

/// A row whose values are all found: number of its event, of the row in it, and the values.
pub(super) type Found = (u32, u32, Vec<(u16, Option<Box<[u8]>>)>);

/// A key's values, each with its length before it.
pub(super) type KeyBytes = Box<[u8]>;

/// Everything that is still missing, by table and key.
#[derive(Debug, Default)]
pub(super) struct Wants {
    wants: Vec<Want>,
    tables: Vec<HashMap<KeyBytes, Tracked>>,
    reasons: Vec<String>,
    failures: Vec<Failure>,
    found: Vec<Found>,
    /// Whether the walk stands before the first change that is undone.
    pub before_first: bool,
}

impl Wants {
    /// Wants in so many tables.
    pub fn of(tables: usize) -> Self {
        Wants { tables: (0..tables).map(|_| HashMap::new()).collect(), ..Wants::default() }
    }

    /// Whether nothing is missing in a table any more.
    pub fn is_idle(&self, table: usize) -> bool {
        self.tables.get(table).is_none_or(HashMap::is_empty)
    }

    /// Whether nothing is missing any more.
    pub fn are_idle(&self) -> bool {
        self.tables.iter().all(HashMap::is_empty)
    }

    /// Takes a row out, to look at it and put it back.
    pub fn take(&mut self, table: usize, key: &[u8]) -> Option<Tracked> {
        self.tables.get_mut(table)?.remove(key)
    }

    /// Puts a row back, by the key that it had before. Two rows of one key cannot be: then
    /// `reason` ends both.
    pub fn put(&mut self, table: usize, key: KeyBytes, tracked: Tracked, reason: &str) {
        if tracked.columns.is_empty() {
            return;
        }
        let Some(rows) = self.tables.get_mut(table) else { return };
        match rows.remove(&key) {
            None => {
                rows.insert(key, tracked);
            }
            Some(other) => {
                let reason = self.reason(reason);
                self.fail(other, reason);
                self.fail(tracked, reason);
            }
        }
    }

    /// Has a row of an event wait for columns of `tracked`, the row that it is of.
    pub fn want(&mut self, tracked: &mut Tracked, event: u32, row: u32, missing: &[usize]) {
        let want = self.wants.len() as u32;
        self.wants.push(Want { event, row, missing: missing.len() as u16, found: vec![] });
        for ordinal in missing {
            let at = tracked.columns.iter().position(|column| column.ordinal == *ordinal);
            let at = at.unwrap_or_else(|| {
                let column = Column { ordinal: *ordinal, waiting: vec![], diffs: vec![] };
                tracked.columns.push(column);
                tracked.columns.len() - 1
            });
            let Some(column) = tracked.columns.get_mut(at) else { continue };
            column.waiting.push((want, column.diffs.len() as u32));
        }
    }

    /// Gives everybody who waits for a column the value that was found, differences applied.
    pub fn settle(&mut self, mut column: Column, value: Option<&[u8]>) {
        let ordinal = column.ordinal;
        let mut document: Option<Vec<u8>> = value.map(<[u8]>::to_vec);
        loop {
            let depth = column.diffs.len() as u32;
            while let Some((want, _)) = column.waiting.pop_if(|(_, at)| *at >= depth) {
                self.give(want, ordinal, document.as_deref());
            }
            let Some(diffs) = column.diffs.pop() else { break };
            match changed(document.as_deref(), &diffs) {
                Ok(after) => document = Some(after),
                Err(fault) => {
                    let reason = self.reason(&format!("its JSON differences do not fit: {fault}"));
                    return self.fail(Tracked { columns: vec![column] }, reason);
                }
            }
        }
    }

    fn give(&mut self, want: u32, ordinal: usize, value: Option<&[u8]>) {
        let Some(want) = self.wants.get_mut(want as usize) else { return };
        want.found.push((ordinal as u16, value.map(Into::into)));
        want.missing = want.missing.saturating_sub(1);
        if want.missing == 0 {
            self.found.push((want.event, want.row, std::mem::take(&mut want.found)));
        }
    }

    /// The rows that were completed since the last call.
    pub fn completed(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    /// What was found of rows that are not complete.
    pub fn unfinished(&mut self) -> Vec<Found> {
        let begun = self.wants.iter_mut().filter(|want| want.missing > 0);
        begun.map(|want| (want.event, want.row, std::mem::take(&mut want.found))).collect()
    }

    /// A reason by its number.
    pub fn reason(&mut self, reason: &str) -> u32 {
        // Reasons come in runs, for they name places.
        if self.reasons.last().is_none_or(|last| last != reason) {
            self.reasons.push(reason.to_owned());
        }
        self.reasons.len() as u32 - 1
    }

    /// Gives up what is missing of a row.
    pub fn fail(&mut self, tracked: Tracked, reason: u32) {
        for column in tracked.columns {
            let ordinal = column.ordinal as u16;
            for (want, _) in column.waiting {
                let Some(want) = self.wants.get(want as usize) else { continue };
                let (event, row) = (want.event, want.row);
                let held = self.before_first;
                self.failures.push(Failure { event, row, ordinal, held, reason });
            }
        }
    }

    /// Gives up everything that is missing in a table.
    pub fn fail_table(&mut self, table: usize, reason: &str) {
        if self.is_idle(table) {
            return;
        }
        let reason = self.reason(reason);
        let rows = self.tables.get_mut(table).map(std::mem::take).unwrap_or_default();
        for tracked in rows.into_values() {
            self.fail(tracked, reason);
        }
    }

    /// Gives up these columns of all rows of a table.
    pub fn fail_columns(&mut self, table: usize, columns: &[usize], reason: &str) {
        if self.is_idle(table) {
            return;
        }
        let reason = self.reason(reason);
        let rows = self.tables.get_mut(table).map(std::mem::take).unwrap_or_default();
        let mut kept = HashMap::with_capacity(rows.len());
        for (key, tracked) in rows {
            let (gone, stay): (Vec<_>, Vec<_>) =
                tracked.columns.into_iter().partition(|column| columns.contains(&column.ordinal));
            self.fail(Tracked { columns: gone }, reason);
            if !stay.is_empty() {
                kept.insert(key, Tracked { columns: stay });
            }
        }
        if let Some(rows) = self.tables.get_mut(table) {
            *rows = kept;
        }
    }

    /// Gives up everything.
    pub fn fail_all(&mut self, reason: &str) {
        for table in 0..self.tables.len() {
            self.fail_table(table, reason);
        }
    }

    /// The keys of the rows that are still looked for in a table.
    #[cfg(test)]
    pub fn keys(&self, table: usize) -> impl Iterator<Item = &KeyBytes> {
        self.tables.get(table).into_iter().flatten().map(|(key, _)| key)
    }

    /// What was given up, in the order of events and rows, and why.
    pub fn failures(mut self) -> (Vec<Failure>, Vec<String>) {
        self.failures.sort_unstable();
        (self.failures, self.reasons)
    }
}

/// The bytes of a key, from the values of its columns; `None` if one is not known or NULL.
pub(super) fn key_bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Option<KeyBytes> {
    let mut bytes = vec![];
    for value in values {
        let value = value?;
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        bytes.extend_from_slice(value);
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &[u8]) -> KeyBytes {
        key_bytes([Some(bytes)].into_iter()).unwrap()
    }

    #[test]
    fn rows_that_wait_for_the_same_value_get_it_together() {
        let mut wants = Wants::of(1);
        let mut row = Tracked::default();
        wants.want(&mut row, 9, 4, &[1, 2]);
        wants.want(&mut row, 3, 0, &[2]);
        wants.put(0, key(b"7"), row, "");
        let mut row = wants.take(0, &key(b"7")).unwrap();
        assert!(wants.take(0, &key(b"7")).is_none());
        let second = row.columns.pop().unwrap();
        wants.settle(second, Some(b"b"));
        assert_eq!(wants.completed(), [(3, 0, vec![(2, Some(b"b"[..].into()))])]);
        wants.settle(row.columns.pop().unwrap(), None);
        let found = vec![(2, Some(b"b"[..].into())), (1, None)];
        assert_eq!(wants.completed(), [(9, 4, found)]);
        assert!(wants.is_idle(0));
    }

    #[test]
    fn differences_apply_to_the_rows_behind_them_alone() {
        // An update under PARTIAL_JSON: replace $.a = 2, values as in the server's binary form.
        let diffs: &[u8] = &[0, 3, b'$', b'.', b'a', 3, 5, 2, 0];
        // {"a": 1}
        let document: &[u8] = &[0, 1, 0, 12, 0, 11, 0, 1, 0, 5, 1, 0, b'a'];
        let mut wants = Wants::of(1);
        let mut row = Tracked::default();
        wants.want(&mut row, 1, 0, &[0]);
        row.columns[0].diffs.push(diffs.into());
        wants.want(&mut row, 0, 0, &[0]);
        wants.settle(row.columns.pop().unwrap(), Some(document));
        let found = wants.completed();
        assert_eq!(found[0], (0, 0, vec![(0, Some(document.into()))]));
        let after = found[1].2[0].1.clone().unwrap();
        assert_eq!((found[1].0, after.ends_with(&[5, 2, 0, b'a'])), (1, true), "{after:?}");

        let mut row = Tracked::default();
        wants.want(&mut row, 1, 0, &[0]);
        row.columns[0].diffs.push(diffs.into());
        wants.settle(row.columns.pop().unwrap(), None);
        let (failures, reasons) = wants.failures();
        assert_eq!((failures[0].event, failures[0].ordinal), (1, 0));
        assert!(reasons[0].contains("do not fit"), "{reasons:?}");
    }

    #[test]
    fn two_rows_of_one_key_are_given_up() {
        let mut wants = Wants::of(1);
        for event in 0..2 {
            let mut row = Tracked::default();
            wants.want(&mut row, event, 0, &[1]);
            wants.put(0, key(b"7"), row, "two rows have one key");
        }
        assert!(wants.is_idle(0));
        let (failures, reasons) = wants.failures();
        assert_eq!(failures.iter().map(|f| f.event).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(reasons, ["two rows have one key"]);
    }

    #[test]
    fn some_columns_are_given_up_and_others_are_looked_for() {
        let mut wants = Wants::of(2);
        for (table, event) in [(0, 0), (1, 1)] {
            let mut row = Tracked::default();
            wants.want(&mut row, event, 0, &[1, 2]);
            wants.put(table, key(b"7"), row, "");
        }
        wants.fail_columns(0, &[2], "a foreign key");
        wants.fail_table(1, "dropped");
        assert!(!wants.is_idle(0) && wants.is_idle(1));
        assert_eq!(wants.keys(0).count(), 1);
        let (failures, _) = wants.failures();
        let ended: Vec<_> = failures.iter().map(|f| (f.event, f.ordinal)).collect();
        assert_eq!(ended, [(0, 2), (1, 1), (1, 2)]);
    }
}
