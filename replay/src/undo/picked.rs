//! Which rows of a transaction are undone, where it is not all of them.

use binlog_parser::scan::RawEvent;

/// A row: place of its event as [`RawEvent::place`] tells it, and its number in the event.
type RowPlace = (u64, Option<u64>, u32);

/// Rows of one transaction that are undone, or that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picked {
    /// Whether nothing but these rows is undone; else everything but them.
    only: bool,
    /// In the order of the log.
    rows: Vec<RowPlace>,
}

impl Picked {
    /// Nothing but the rows that are added.
    pub fn only() -> Self {
        Picked { only: true, rows: vec![] }
    }

    /// Everything but the rows that are added.
    pub fn all_but() -> Self {
        Picked { only: false, rows: vec![] }
    }

    /// Adds row number `row` of an event; rows may come in any order.
    pub fn add(&mut self, event: &RawEvent<'_>, row: usize) {
        let (offset, inner) = event.place();
        self.rows.push((offset, inner, row as u32));
    }

    /// To be called when all rows are added, before any is asked for.
    pub fn settle(&mut self) {
        self.rows.sort_unstable();
        self.rows.shrink_to_fit();
    }

    /// Whether no row was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows were added.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether row number `row` of an event is undone.
    pub fn takes(&self, event: &RawEvent<'_>, row: usize) -> bool {
        let (offset, inner) = event.place();
        self.rows.binary_search(&(offset, inner, row as u32)).is_ok() == self.only
    }
}
