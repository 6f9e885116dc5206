//! One image of a row, its cells found and not decoded.

use binlog_parser::Fault;
use binlog_parser::row::{Columns, RowImage, Value};

use super::memory::emptied;

/// The cells of an image, by column. Made once for the rows of an event, and filled by one after
/// another.
#[derive(Debug)]
pub(super) struct Row<'a> {
    columns: &'a Columns,
    cells: Vec<Cell<'a>>,
}

/// Takes the values of an image that lacks no column; whether there is room for them.
#[inline]
fn take_into<'a>(cells: &mut [Cell<'a>]) -> impl FnMut(usize, Option<&'a [u8]>) -> bool {
    |ordinal, bytes| match cells.get_mut(ordinal) {
        Some(cell) => {
            *cell = Cell::Present(bytes);
            true
        }
        None => false,
    }
}

/// Memory for the cells of a row.
#[derive(Debug, Default)]
pub(super) struct Cells(Vec<Cell<'static>>);

/// What an image has of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell<'a> {
    /// The image lacks the column.
    Absent,
    /// The bytes of its value, if it is not NULL.
    Present(Option<&'a [u8]>),
}

impl<'a> Row<'a> {
    /// A row of a table that is read by `columns`, without any cells, for which there is memory.
    pub fn new(columns: &'a Columns, memory: &mut Cells) -> Self {
        let mut cells = std::mem::take(&mut memory.0);
        cells.resize(columns.len(), Cell::Absent);
        Row { columns, cells }
    }

    /// The memory of its cells.
    pub fn into_memory(self) -> Cells {
        Cells(emptied(self.cells))
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Finds the cells of `image`, in the place of those of another.
    ///
    /// # Errors
    /// A [`Fault`] if the image does not fit the columns.
    pub fn fill(&mut self, image: RowImage<'a>) -> Result<(), Fault> {
        if self.fill_whole(image) {
            return Ok(());
        }
        self.cells.fill(Cell::Absent);
        for cell in image.cells(self.columns) {
            let cell = cell?;
            if let Some(slot) = self.cells.get_mut(cell.ordinal) {
                *slot = Cell::Present(cell.bytes);
            }
        }
        Ok(())
    }

    /// As [`Row::fill`], if the image lacks no column and nothing is wrong with it; whether it is so.
    fn fill_whole(&mut self, image: RowImage<'a>) -> bool {
        image.look_at_whole(self.columns.layout(), take_into(&mut self.cells))
    }

    /// As [`Row::fill`], by the image that `images` begin with, which lacks no column: what is behind it.
    /// None where something is wrong with it, or where that cannot be told without more care.
    pub fn fill_first(&mut self, images: &'a [u8]) -> Option<&'a [u8]> {
        self.columns.layout().look_at_first(images, take_into(&mut self.cells))
    }

    /// The bytes of a column's value; none of one that is absent or NULL.
    pub fn bytes(&self, ordinal: usize) -> Option<&'a [u8]> {
        match self.cells.get(ordinal) {
            Some(Cell::Present(bytes)) => *bytes,
            _ => None,
        }
    }

    /// The value of a column, if the image has it.
    ///
    /// # Errors
    /// A [`Fault`] if it is none of its type.
    pub fn value(&self, ordinal: usize) -> Result<Option<Value<'a>>, Fault> {
        match (self.cells.get(ordinal), self.columns.get(ordinal)) {
            (Some(Cell::Present(bytes)), Some(column)) => Value::decode(column, *bytes).map(Some),
            _ => Ok(None),
        }
    }

    /// Hands the value of a column to `take`, if the image has it, where it was made: to move it would
    /// take longer than to make it.
    ///
    /// # Errors
    /// A [`Fault`] if it is none of its type, or what `take` says.
    #[inline]
    pub fn look_at<E: From<Fault>>(
        &self,
        ordinal: usize,
        take: impl FnOnce(&Value<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        match (self.cells.get(ordinal), self.columns.get(ordinal)) {
            (Some(Cell::Present(bytes)), Some(column)) => match &Value::decode(column, *bytes) {
                Ok(value) => take(value),
                Err(fault) => Err(fault.clone().into()),
            },
            _ => Ok(()),
        }
    }

    /// Whether the image has a column.
    pub fn has(&self, ordinal: usize) -> bool {
        matches!(self.cells.get(ordinal), Some(Cell::Present(_)))
    }

    /// Whether two rows have the same in a column, byte by byte or in what the bytes mean.
    ///
    /// # Errors
    /// A [`Fault`] if a value is none of its type.
    pub fn same(&self, other: &Row<'_>, ordinal: usize) -> Result<bool, Fault> {
        if self.cells.get(ordinal) == other.cells.get(ordinal) {
            return Ok(true);
        }
        // Of floats, the bytes count: 0 and -0 are equal numbers.
        if self.columns.get(ordinal).is_some_and(|column| column.column_type.tells_by_bytes()) {
            return Ok(false);
        }
        Ok(self.value(ordinal)? == other.value(ordinal)?)
    }
}
