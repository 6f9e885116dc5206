//! What a row is, as far as its changes so far tell.

use binlog_parser::Fault;
use binlog_parser::row::{Columns, RowImage, Value};

/// What is known of a row at a moment.
#[derive(Debug, Clone, Default)]
pub enum State {
    /// Nothing in the logs tells.
    #[default]
    Unknown,
    /// There was none with this key.
    Absent,
    /// It was there.
    Present(KnownRow),
}

/// The values of a row.
#[derive(Debug, Clone)]
pub struct KnownRow {
    /// Columns of its table.
    pub columns: Columns,
    cells: Vec<Cell>,
}

/// What is known of a value; bytes as an image has them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Unknown,
    Null,
    Bytes(Vec<u8>),
}

impl KnownRow {
    /// A row of which nothing but an image is known.
    fn of(image: &RowImage<'_>, columns: &Columns) -> Result<Self, Fault> {
        let cells = vec![Cell::Unknown; columns.len()];
        let mut row = KnownRow { columns: columns.clone(), cells };
        row.take(image)?;
        Ok(row)
    }

    /// Takes over what an image has.
    fn take(&mut self, image: &RowImage<'_>) -> Result<(), Fault> {
        for cell in image.cells(&self.columns) {
            let cell = cell?;
            if let Some(known) = self.cells.get_mut(cell.ordinal) {
                *known = match cell.bytes {
                    // Differences to a document that is not known.
                    Some(_) if cell.partial => Cell::Unknown,
                    Some(bytes) => Cell::Bytes(bytes.to_vec()),
                    None => Cell::Null,
                };
            }
        }
        Ok(())
    }

    /// The value of a column; `None` if it is not known.
    ///
    /// # Errors
    /// A [`Fault`] if it is malformed.
    pub fn value(&self, ordinal: usize) -> Result<Option<Value<'_>>, Fault> {
        let (Some(column), Some(cell)) = (self.columns.get(ordinal), self.cells.get(ordinal))
        else {
            return Ok(None);
        };
        Ok(match cell {
            Cell::Unknown => None,
            Cell::Null => Some(Value::decode(column, None)?),
            Cell::Bytes(bytes) => Some(Value::decode(column, Some(bytes))?),
        })
    }
}

impl State {
    /// What the row is after a change that began with `before`.
    pub(super) fn change(
        &mut self,
        before: Option<&RowImage<'_>>,
        after: Option<&RowImage<'_>>,
        columns: &Columns,
    ) -> Result<(), Fault> {
        let Some(after) = after else {
            *self = State::Absent;
            return Ok(());
        };
        // Columns that an image lacks are those of before (binlog_row_image=MINIMAL).
        let mut row = match (std::mem::take(self), before) {
            (State::Present(row), Some(_)) if row.columns == *columns => row,
            (_, Some(before)) => KnownRow::of(before, columns)?,
            (_, None) => KnownRow::of(after, columns)?,
        };
        if let Some(before) = before {
            row.take(before)?;
        }
        row.take(after)?;
        *self = State::Present(row);
        Ok(())
    }

    /// What the row was before a change, if nothing was known of it.
    pub(super) fn look_back(
        &mut self,
        before: Option<&RowImage<'_>>,
        columns: &Columns,
    ) -> Result<(), Fault> {
        *self = match before {
            Some(before) => State::Present(KnownRow::of(before, columns)?),
            None => State::Absent,
        };
        Ok(())
    }
}
