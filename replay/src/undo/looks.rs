//! Rows that an undo has to find as the logs left them, each with the condition that a check has of it:
//! made on any thread, before it is known whether a later change of the row is undone as well.

use std::ops::Range;
use std::sync::Arc;

use binlog_parser::row::RowImage;

use super::conflicts::{Print, PrintSet, RowAt};
use super::row::Cells;
use super::table_sql::TableSql;
use crate::sql::literal::NoLiteral;

/// Rows in the order in which they are met.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub rows: Vec<Look>,
    /// The tables of them.
    pub tables: Vec<Arc<TableSql>>,
    /// Their conditions.
    text: Vec<u8>,
    /// The fingerprints of those so far.
    met: PrintSet,
    /// Memory for a row.
    cells: Cells,
}

/// A row that is met.
#[derive(Debug)]
pub(super) enum Look {
    /// One of a table whose columns have no names.
    Nameless,
    /// One of a table without a key.
    Keyless,
    Row(LookAt),
}

/// What is asked of a row.
#[derive(Debug)]
pub(super) struct LookAt {
    /// The place of its table in the list.
    pub table: usize,
    pub event: Event,
    /// The fingerprints of the row, as it was and as it is.
    pub prints: [Print; 2],
    /// Whether it has to be there, or else its key must not be taken.
    pub there: bool,
    /// Its condition in the text, unless a value of it has no literal.
    condition: Option<Range<usize>>,
}

/// The event that changed a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    /// Number of its log.
    pub log: usize,
    /// Its position, and that in its compressed transaction.
    pub place: (u64, Option<u64>),
}

/// About how many bytes all rows may have, and what each has beside its condition.
const MOST_BYTES: usize = 16 << 20;
const ROW_BYTES: usize = size_of::<Look>() + 4 * size_of::<Print>();

impl Looks {
    /// Whether there is room for more.
    pub fn has_room(&self) -> bool {
        self.text.len() + self.rows.len() * ROW_BYTES < MOST_BYTES
    }

    /// Drops all rows; the memory is used again.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.tables.clear();
        self.text.clear();
        self.met.clear();
    }

    /// The condition on a row, if all of its values have literals.
    pub fn condition(&self, row: &LookAt) -> Option<&[u8]> {
        self.text.get(row.condition.clone()?)
    }

    /// Adds a row of log number `log`.
    pub fn add(&mut self, row: &RowAt<'_, '_>, log: usize) {
        let (there, image) = match (row.change.before, row.change.after) {
            (_, Some(after)) => (true, after),
            (Some(before), None) => (false, before),
            (None, None) => return self.rows.push(Look::Keyless),
        };
        let Some(table) = row.table else { return self.rows.push(Look::Nameless) };
        let prints = row.touch.row_prints();
        let (Some(first), Some(last)) = (prints.first(), prints.last()) else {
            return self.rows.push(Look::Keyless);
        };
        if table.resolved.key.is_none() {
            return self.rows.push(Look::Keyless);
        }
        let (prints, event) = ([*first, *last], Event { log, place: row.event.place() });
        let known = self.tables.iter().position(|known| Arc::ptr_eq(known, table));
        let table_at = known.unwrap_or_else(|| {
            self.tables.push(Arc::clone(table));
            self.tables.len() - 1
        });
        // Of one that was met here before nobody asks for the condition.
        let start = self.text.len();
        let met = !self.met.insert(prints[1]);
        if prints[0] != prints[1] {
            self.met.insert(prints[0]);
        }
        let written = met || self.push(table, there, image).is_ok();
        if !written {
            self.text.truncate(start);
        }
        let condition = written.then_some(start..self.text.len());
        self.rows.push(Look::Row(LookAt { table: table_at, event, prints, there, condition }));
    }

    /// Appends the condition on a row.
    fn push(
        &mut self,
        table: &TableSql,
        there: bool,
        image: RowImage<'_>,
    ) -> Result<(), NoLiteral> {
        let mut row = table.row(&mut self.cells);
        row.fill(image)?;
        match there {
            true => table.push_row_condition(&mut self.text, &row)?,
            false => table.push_key(&mut self.text, &row)?,
        }
        self.cells = row.into_memory();
        Ok(())
    }
}
