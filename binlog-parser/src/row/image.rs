//! One row as it was before or after a change: a slice, and where its values are.

use super::columns::Columns;
use super::field::in_column;
use super::value::Value;
use crate::error::Fault;
use crate::wire::Bitmap;

/// The image of a row: a null bitmap with a bit for each column that is present, then the values
/// that are not NULL.
///
/// ```text
/// columns present  1 1 0 1          of the rows event
/// image            nulls | value of column 1 | value of column 4      (column 2 is NULL)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowImage<'a> {
    present: Bitmap<'a>,
    bytes: &'a [u8],
}

impl<'a> RowImage<'a> {
    /// The image in `bytes`, of the columns in `present`. The bytes must end where the image ends.
    #[must_use]
    pub fn new(present: Bitmap<'a>, bytes: &'a [u8]) -> Self {
        RowImage { present, bytes }
    }

    /// Which columns are in the image.
    #[must_use]
    pub fn present(&self) -> Bitmap<'a> {
        self.present
    }

    /// The whole image, null bitmap first, as it stands in the event.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The cells of the columns that are present, in the order of the table.
    #[must_use]
    pub fn cells<'c>(&self, columns: &'c Columns) -> Cells<'a, 'c> {
        let in_image = self.present.count_ones();
        let (nulls, rest) =
            self.bytes.split_at_checked(in_image.div_ceil(8)).unwrap_or((self.bytes, &[]));
        Cells {
            columns,
            present: self.present,
            nulls: Bitmap::new(nulls, in_image),
            rest,
            ordinal: 0,
            index: 0,
        }
    }
}

/// One column of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Which column, counted from 0.
    pub ordinal: usize,
    /// The value's bytes without the length before them; `None` is NULL.
    pub bytes: Option<&'a [u8]>,
}

impl<'a> Cell<'a> {
    /// The value, decoded by its column.
    ///
    /// # Errors
    /// A [`Fault`] that names the column if there is none of this ordinal, or its value is
    /// malformed or of a type that is not read.
    pub fn value<'v>(&self, columns: &'v Columns) -> Result<Value<'v>, Fault>
    where
        'a: 'v,
    {
        let Some(column) = columns.get(self.ordinal) else {
            let needed = format!("one of {} columns", columns.len());
            return Err(Fault::value("column", needed, self.ordinal + 1));
        };
        Value::decode(column, self.bytes).map_err(|fault| in_column(fault, self.ordinal))
    }
}

/// Iterator over the cells of an image.
#[derive(Debug, Clone)]
pub struct Cells<'a, 'c> {
    columns: &'c Columns,
    present: Bitmap<'a>,
    nulls: Bitmap<'a>,
    rest: &'a [u8],
    ordinal: usize,
    index: usize,
}

impl<'a> Iterator for Cells<'a, '_> {
    type Item = Result<Cell<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let ordinal = self.ordinal;
            let field = self.columns.layout().field(ordinal)?;
            self.ordinal += 1;
            if !self.present.get(ordinal) {
                continue;
            }
            let null = self.nulls.get(self.index);
            self.index += 1;
            if null {
                return Some(Ok(Cell { ordinal, bytes: None }));
            }
            return Some(match field.split(self.rest) {
                Ok((bytes, rest)) => {
                    self.rest = rest;
                    Ok(Cell { ordinal, bytes: Some(bytes) })
                }
                Err(fault) => {
                    self.ordinal = usize::MAX;
                    Err(in_column(fault, ordinal))
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::ColumnType as T;
    use super::super::columns::Column;
    use super::*;

    fn columns() -> Columns {
        let types = [T::Tiny, T::Varchar { max_bytes: 9 }, T::Long, T::Short];
        Columns::new(types.into_iter().map(Column::new).collect())
    }

    #[test]
    fn cells_skip_what_is_absent_and_know_null() {
        #[rustfmt::skip]
        let bytes = [
            0b010,               // null bitmap: the second present column is NULL
            0x05,                // column 1
            0x34, 0x12,          // column 4
        ];
        let image = RowImage::new(Bitmap::new(&[0b1011], 4), &bytes);
        let cells: Result<Vec<_>, _> = image.cells(&columns()).collect();
        assert_eq!(
            cells.unwrap(),
            [
                Cell { ordinal: 0, bytes: Some(&[5][..]) },
                Cell { ordinal: 1, bytes: None },
                Cell { ordinal: 3, bytes: Some(&[0x34, 0x12][..]) },
            ]
        );
    }

    #[test]
    fn an_image_of_other_columns_ends_in_one_fault() {
        let image = RowImage::new(Bitmap::new(&[0b1111], 4), &[0, 5, 9, b'x']);
        let columns = columns();
        let mut cells = image.cells(&columns);
        assert!(cells.next().unwrap().is_ok());
        assert_eq!(
            cells.next().unwrap().unwrap_err().to_string(),
            "value of column 2: needed 9 bytes, had 1"
        );
        assert_eq!(cells.next(), None);
    }
}
