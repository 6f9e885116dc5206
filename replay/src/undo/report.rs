//! What an undo does, and what it does not.

use std::collections::{BTreeMap, BTreeSet};

use binlog_parser::address::EventAddress;
use binlog_parser::event::rows::RowsKind;

use super::conflicts::Conflict;
use crate::schema::TableName;

/// How many rows of a table an undo touches, by what it does to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Rows that were deleted and come back.
    pub inserted: u64,
    /// Rows that get their old values.
    pub updated: u64,
    /// Rows that were inserted and go.
    pub deleted: u64,
}

impl RowCounts {
    /// Counts rows of an event that the undo inverts.
    pub(super) fn add(&mut self, undone: RowsKind, rows: u64) {
        match undone {
            RowsKind::Write => self.deleted += rows,
            RowsKind::Update => self.updated += rows,
            RowsKind::Delete => self.inserted += rows,
        }
    }

    /// Adds the rows of `other`.
    pub(super) fn join(&mut self, other: RowCounts) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }

    /// Takes rows out again that are not undone after all.
    pub(super) fn take(&mut self, undone: RowsKind) {
        match undone {
            RowsKind::Write => self.deleted -= 1,
            RowsKind::Update => self.updated -= 1,
            RowsKind::Delete => self.inserted -= 1,
        }
    }

    /// All rows together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.inserted + self.updated + self.deleted
    }
}

/// What an undo does, and what it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Transactions that are undone.
    pub transactions: u64,
    /// Statements in them of which rows are undone.
    pub statements: u64,
    /// Rows that are undone, by table.
    pub tables: BTreeMap<TableName, RowCounts>,
    /// Rows in the range that the filters leave as they are, by table.
    pub left_out: BTreeMap<TableName, u64>,
    /// Rows that are not undone because later changes touch them, by table.
    pub spared: BTreeMap<TableName, RowCounts>,
    /// Later changes that touch what the undo touches; of very many only the first.
    pub conflicts: Vec<Conflict>,
    /// How many conflicts there are.
    pub conflict_count: u64,
    /// Transactions that are undone because they depend on what was asked for; of very many only
    /// the first.
    pub dependent: Vec<EventAddress>,
    /// How many of them there are.
    pub dependent_count: u64,
    /// Transactions in the range that the filters leave as they are.
    pub transactions_left_out: u64,
    /// What is damaged and could not be judged, because that was accepted: each a sentence.
    pub lost: Vec<String>,
    /// What the reader must know: each a sentence.
    pub warnings: Vec<String>,
    /// Bytes of the largest statement written: `max_allowed_packet` of client and server must not
    /// be below. 0 until something was written.
    pub largest_packet: u64,
    /// Tables that are known to have triggers.
    pub(super) triggers: BTreeSet<TableName>,
}

impl Report {
    /// All rows that are undone.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().map(RowCounts::total).sum()
    }

    /// Tables of the undo that are known to have triggers.
    pub fn tables_with_triggers(&self) -> impl Iterator<Item = &TableName> {
        self.triggers.iter()
    }

    /// Moves a row from those that are undone to those that are spared.
    pub(super) fn spare(&mut self, table: &TableName, undone: RowsKind) {
        if let Some(counts) = self.tables.get_mut(table) {
            counts.take(undone);
        }
        self.spared.entry(table.clone()).or_default().add(undone, 1);
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}
