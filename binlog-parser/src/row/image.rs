//! One row as it was before or after a change: a slice, and where its values are.

use super::columns::Columns;
use super::field::in_column;
use super::json::Json;
use super::json_diff::JsonDiffs;
use super::layout::RowLayout;
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
    /// Which of the table's JSON columns hold differences and no document.
    partial: Option<Bitmap<'a>>,
    bytes: &'a [u8],
}

impl<'a> RowImage<'a> {
    /// The image in `bytes`, of the columns in `present`. The bytes must end where the image ends.
    #[must_use]
    pub fn new(present: Bitmap<'a>, bytes: &'a [u8]) -> Self {
        RowImage { present, partial: None, bytes }
    }

    /// The same image, in which JSON columns hold differences to the document before: `partial` has
    /// a bit for each JSON column of the table, in the image or not.
    #[must_use]
    pub fn with_partial(self, partial: Option<Bitmap<'a>>) -> Self {
        RowImage { partial, ..self }
    }

    /// Whether JSON columns may hold differences.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.partial.is_some_and(|partial| !partial.none())
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

    /// Hands every value to `look` with the ordinal of its column, NULL as none, if the image lacks no
    /// column of the layout and has no differences; whether it did, and `look` was content with all. What
    /// is wrong, if something is, the cells tell.
    #[inline]
    pub fn look_at_whole(
        &self,
        layout: &RowLayout,
        look: impl FnMut(usize, Option<&'a [u8]>) -> bool,
    ) -> bool {
        let whole = self.present.len() == layout.width() && self.present.all();
        whole && !self.is_partial() && layout.look_at_first(self.bytes, look) == Some(&[])
    }

    /// Appends this image with every document whole, `before` being the image that its differences
    /// are to.
    pub(crate) fn write_whole(
        &self,
        before: &RowImage<'a>,
        layout: &RowLayout,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let nulls = self.present.count_ones().div_ceil(8);
        out.extend_from_slice(self.bytes.get(..nulls).unwrap_or_default());
        let mut before = before.cells_by(layout);
        let mut rest = self.bytes.get(nulls..).unwrap_or_default();
        for cell in self.cells_by(layout) {
            let cell = cell?;
            let Some(bytes) = cell.bytes else { continue };
            // Every cell with a value stands in the layout.
            let Some(field) = layout.field(cell.ordinal) else { continue };
            let (_, tail) = field.split(rest)?;
            let raw = rest.get(..rest.len() - tail.len()).unwrap_or_default();
            rest = tail;
            if !cell.partial {
                out.extend_from_slice(raw);
                continue;
            }
            let json = document(&mut before, cell.ordinal)?;
            let whole = JsonDiffs { bytes }
                .apply(Json { bytes: json })
                .map_err(|fault| in_column(fault, cell.ordinal))?;
            field.write_length(whole.len(), out)?;
            out.extend_from_slice(&whole);
        }
        Ok(())
    }

    /// Appends an image of the columns in `present` with these values: `values` has one for each
    /// column of the layout, and `None` for NULL. What is not present is not looked at.
    ///
    /// # Errors
    /// A [`Fault`] that names the column whose value is not as long as its type has it.
    pub fn write(
        present: Bitmap<'_>,
        layout: &RowLayout,
        values: &[Option<&[u8]>],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let start = out.len();
        out.resize(start + present.count_ones().div_ceil(8), 0);
        let columns = (0..layout.width()).filter(|ordinal| present.get(*ordinal));
        for (index, ordinal) in columns.enumerate() {
            match (values.get(ordinal).copied().flatten(), layout.field(ordinal)) {
                (Some(value), Some(field)) => {
                    field.write(value, out).map_err(|fault| in_column(fault, ordinal))?;
                }
                _ => {
                    if let Some(nulls) = out.get_mut(start + index / 8) {
                        *nulls |= 1 << (index % 8);
                    }
                }
            }
        }
        Ok(())
    }

    /// The cells of the columns that are present, in the order of the table.
    #[must_use]
    pub fn cells<'l>(&self, columns: &'l Columns) -> Cells<'a, 'l> {
        self.cells_by(columns.layout())
    }

    /// As [`RowImage::cells`], where only the layout of the table is at hand.
    #[must_use]
    pub fn cells_by<'l>(&self, layout: &'l RowLayout) -> Cells<'a, 'l> {
        let in_image = self.present.count_ones();
        let (nulls, rest) =
            self.bytes.split_at_checked(in_image.div_ceil(8)).unwrap_or((self.bytes, &[]));
        Cells {
            layout,
            present: self.present,
            partial: self.partial,
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
    /// Whether the bytes are differences to the JSON document before, and no document.
    pub partial: bool,
}

impl<'a> Cell<'a> {
    /// The value, decoded by its column.
    ///
    /// # Errors
    /// A [`Fault`] that names the column if there is none of this ordinal, or its value is
    /// malformed or of a type that is not read.
    #[inline]
    pub fn value<'v>(&self, columns: &'v Columns) -> Result<Value<'v>, Fault>
    where
        'a: 'v,
    {
        let Some(column) = columns.get(self.ordinal) else {
            let needed = format!("one of {} columns", columns.len());
            return Err(Fault::value("column", needed, self.ordinal + 1));
        };
        if let (true, Some(bytes)) = (self.partial, self.bytes) {
            return Ok(Value::JsonDiffs(JsonDiffs { bytes }));
        }
        Value::decode(column, self.bytes).map_err(|fault| in_column(fault, self.ordinal))
    }
}

/// Iterator over the cells of an image.
#[derive(Debug, Clone)]
pub struct Cells<'a, 'l> {
    layout: &'l RowLayout,
    present: Bitmap<'a>,
    partial: Option<Bitmap<'a>>,
    nulls: Bitmap<'a>,
    rest: &'a [u8],
    ordinal: usize,
    index: usize,
}

impl<'a> Iterator for Cells<'a, '_> {
    type Item = Result<Cell<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let ordinal = self.ordinal;
            let field = self.layout.field(ordinal)?;
            self.ordinal += 1;
            if !self.present.get(ordinal) {
                continue;
            }
            let null = self.nulls.get(self.index);
            self.index += 1;
            if null {
                return Some(Ok(Cell { ordinal, bytes: None, partial: false }));
            }
            let partial = self.partial.is_some_and(|partial| {
                self.layout.json_index(ordinal).is_some_and(|index| partial.get(index))
            });
            return Some(match field.split(self.rest) {
                Ok((bytes, rest)) => {
                    self.rest = rest;
                    Ok(Cell { ordinal, bytes: Some(bytes), partial })
                }
                Err(fault) => {
                    self.ordinal = usize::MAX;
                    Err(in_column(fault, ordinal))
                }
            });
        }
    }
}

/// The document of column `ordinal` among the cells of a before-image, read forward.
fn document<'a>(cells: &mut Cells<'a, '_>, ordinal: usize) -> Result<&'a [u8], Fault> {
    for cell in cells {
        let cell = cell?;
        match cell.bytes {
            _ if cell.ordinal < ordinal => {}
            Some(bytes) if cell.ordinal == ordinal => return Ok(bytes),
            _ => break,
        }
    }
    let why =
        "the before-image lacks the JSON document that it changes (binlog_row_image is not FULL)";
    Err(in_column(Fault::unsupported("partial update", why), ordinal))
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
                Cell { ordinal: 0, bytes: Some(&[5][..]), partial: false },
                Cell { ordinal: 1, bytes: None, partial: false },
                Cell { ordinal: 3, bytes: Some(&[0x34, 0x12][..]), partial: false },
            ]
        );
    }

    #[test]
    fn a_whole_image_hands_its_values_over() {
        let columns = columns();
        let bytes = [0b0100, 5, 1, b'x', 0x34, 0x12]; // column 3 is NULL
        let image = RowImage::new(Bitmap::new(&[0b1111], 4), &bytes);
        let mut seen = vec![];
        let all = |ordinal, value| {
            seen.push((ordinal, value));
            true
        };
        assert!(image.look_at_whole(columns.layout(), all));
        let cells: Vec<_> = image.cells(&columns).map(Result::unwrap).collect();
        assert_eq!(seen, cells.iter().map(|cell| (cell.ordinal, cell.bytes)).collect::<Vec<_>>());

        let is_whole =
            |image: RowImage<'_>| image.look_at_whole(columns.layout(), |_, value| value.is_some());
        assert!(!is_whole(image), "NULL is not what was looked for");
        let without_null = [0, 5, 1, b'x', 1, 2, 3, 4, 0x34, 0x12];
        assert!(is_whole(RowImage::new(Bitmap::new(&[0b1111], 4), &without_null)));
        assert!(!is_whole(RowImage::new(Bitmap::new(&[0b1111], 4), &without_null[..9])));
        assert!(!is_whole(RowImage::new(Bitmap::new(&[0b0111], 4), &without_null[..8])));
    }

    #[test]
    fn an_image_is_written_as_it_is_read() {
        let columns = columns();
        let present = Bitmap::new(&[0b1011], 4);
        let values = [Some(&[5][..]), None, Some(&[1, 2, 3, 4]), Some(&[0x34, 0x12])];
        let mut bytes = vec![];
        RowImage::write(present, columns.layout(), &values, &mut bytes).unwrap();
        assert_eq!(bytes, [0b010, 0x05, 0x34, 0x12]);
        let cells: Vec<_> =
            RowImage::new(present, &bytes).cells(&columns).map(Result::unwrap).collect();
        assert_eq!((cells[0].bytes, cells[1].bytes), (values[0], None));

        let mut write = |values: &[Option<&[u8]>]| {
            let all = Bitmap::new(&[0b0111], 4);
            RowImage::write(all, columns.layout(), values, &mut bytes).unwrap_err().to_string()
        };
        assert_eq!(write(&[Some(b"12")]), "value of column 1: needed 1 bytes, had 2");
        assert_eq!(
            write(&[Some(b"1"), Some(&[b'x'; 256])]),
            "length of a value of column 2: needed at most 255, had 256"
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
