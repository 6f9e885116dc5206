//! Where values and rows end, without decoding one.

use super::column::ColumnType;
use super::field::{Field, in_column};
use super::temporal_old::{self, OLD_TEMPORAL_HINT};
use crate::error::Fault;
use crate::wire::{Bitmap, le_uint};

/// How long each value of a row is. Made once a table map, used for every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowLayout {
    fields: Vec<Field>,
    /// The same for a row that lacks nothing, neighbours of fixed length in one.
    merged: Vec<Field>,
    /// Type and nullability of each column, if one is of an old temporal type: then the lengths
    /// are a guess that the values must bear out. Else empty.
    doubtful: Vec<(ColumnType, bool)>,
    /// Which columns are of MySQL's JSON, in order.
    json: Vec<usize>,
}

impl RowLayout {
    /// The layout of a row of columns of these types, all of which may be NULL.
    #[must_use]
    pub fn new(types: impl IntoIterator<Item = ColumnType>) -> Self {
        RowLayout::of(types.into_iter().map(|column_type| (column_type, true)))
    }

    /// The layout of a row of columns of these types, each with whether it may be NULL.
    #[must_use]
    pub fn of(columns: impl IntoIterator<Item = (ColumnType, bool)>) -> Self {
        let mut doubtful: Vec<_> = columns.into_iter().collect();
        let mut fields = Vec::with_capacity(doubtful.len());
        let mut merged = Vec::new();
        for (column_type, _) in &doubtful {
            let field = column_type.field();
            fields.push(field);
            match (merged.last_mut(), field) {
                (Some(Field::Fixed(sum)), Field::Fixed(bytes)) => *sum += bytes,
                _ => merged.push(field),
            }
        }
        let json = doubtful.iter().enumerate();
        let json =
            json.filter(|(_, (column_type, _))| matches!(column_type, ColumnType::Json { .. }));
        let json = json.map(|(ordinal, _)| ordinal).collect();
        if !doubtful.iter().any(|(column_type, _)| column_type.is_old_temporal()) {
            doubtful = Vec::new();
        }
        RowLayout { fields, merged, doubtful, json }
    }

    /// How many columns there are.
    #[must_use]
    pub fn width(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn field(&self, ordinal: usize) -> Option<Field> {
        self.fields.get(ordinal).copied()
    }

    /// How many columns are of MySQL's JSON. Partial updates have a bit for each.
    #[must_use]
    pub fn json_columns(&self) -> usize {
        self.json.len()
    }

    /// The place of a column among those of JSON.
    pub(super) fn json_index(&self, ordinal: usize) -> Option<usize> {
        self.json.binary_search(&ordinal).ok()
    }

    /// How long the image at the start of `rest` is, in bytes, if the columns of `present` are in
    /// it. `present` has a bit for each column of the layout; `all` tells that all of them are one.
    ///
    /// # Errors
    /// A [`Fault`] that names the column whose value runs over the end.
    #[inline]
    pub fn image_length(
        &self,
        present: Bitmap<'_>,
        all: bool,
        rest: &[u8],
    ) -> Result<usize, Fault> {
        let in_image = if all { self.fields.len() } else { present.count_ones() };
        let nulls = in_image.div_ceil(8);
        let Some((nulls, values)) = rest.split_at_checked(nulls) else {
            return Err(Fault::short("null bitmap", nulls as u64, rest.len() as u64));
        };
        let nulls = Bitmap::new(nulls, in_image);
        let end = if all && nulls.none() {
            skip(&self.merged, values)
        } else {
            self.skip_present(present, all, nulls, values)
        };
        match end {
            Some(_) if !self.doubtful.is_empty() && !self.is_plausible(present, nulls, values) => {
                Err(Fault::unsupported("row image", OLD_TEMPORAL_HINT))
            }
            Some(tail) => Ok(rest.len() - tail.len()),
            None => Err(self.blame(present, nulls, values)),
        }
    }

    /// How many rows `rest` holds, of `images` images each that lack no column; none where that cannot be
    /// told without more care.
    #[inline]
    pub(crate) fn count_whole(&self, images: usize, mut rest: &[u8]) -> Option<u64> {
        if self.fields.is_empty() || !self.doubtful.is_empty() || rest.is_empty() {
            return None;
        }
        let null_bytes = self.fields.len().div_ceil(8);
        // Bits of the last of these bytes that are of columns: MariaDB fills the others with ones.
        let last_bits = u8::MAX >> (8 * null_bytes - self.fields.len());
        let mut count = 0;
        while !rest.is_empty() {
            for _ in 0..images {
                let (nulls, values) = rest.split_at_checked(null_bytes)?;
                let (last, before) = nulls.split_last()?;
                rest = if last & last_bits == 0 && before.iter().all(|byte| *byte == 0) {
                    skip(&self.merged, values)?
                } else {
                    let nulls = Bitmap::new(nulls, self.fields.len());
                    self.skip_present(nulls, true, nulls, values)?
                };
            }
            count += 1;
        }
        Some(count)
    }

    /// How many rows `rest` holds, of `images` images each that lack no column, and of which `look` is
    /// content with every value, given with the ordinal of its column; NULL is none. None where it is
    /// not, or where that cannot be told without more care.
    #[inline]
    pub fn look_at_whole<'a>(
        &self,
        images: usize,
        mut rest: &'a [u8],
        mut look: impl FnMut(usize, Option<&'a [u8]>) -> bool,
    ) -> Option<u64> {
        if rest.is_empty() {
            return None;
        }
        let mut count = 0;
        while !rest.is_empty() {
            for _ in 0..images {
                rest = self.look_at_first(rest, &mut look)?;
            }
            count += 1;
        }
        Some(count)
    }

    /// As [`RowLayout::look_at_whole`], at the first image alone; what is behind it.
    #[inline]
    pub fn look_at_first<'a>(
        &self,
        rest: &'a [u8],
        mut look: impl FnMut(usize, Option<&'a [u8]>) -> bool,
    ) -> Option<&'a [u8]> {
        if self.fields.is_empty() || !self.doubtful.is_empty() {
            return None;
        }
        let (nulls, mut rest) = rest.split_at_checked(self.fields.len().div_ceil(8))?;
        let nulls = Bitmap::new(nulls, self.fields.len());
        for (word, fields) in self.fields.chunks(64).enumerate() {
            let nulls = nulls.word(word);
            for (bit, field) in fields.iter().enumerate() {
                let mut value = None;
                if nulls >> bit & 1 == 0 {
                    let (bytes, tail) = take_one(*field, rest)?;
                    (value, rest) = (Some(bytes), tail);
                }
                if !look(64 * word + bit, value) {
                    return None;
                }
            }
        }
        Some(rest)
    }

    /// Whether an image with old temporal types makes sense: the padding of its null bitmap is of
    /// one kind, nothing is NULL that may not be, and dates and times are such. If MariaDB wrote
    /// them longer than the types say, then rows are cut at the wrong places, and one of these
    /// fails soon.
    fn is_plausible(&self, present: Bitmap<'_>, nulls: Bitmap<'_>, mut values: &[u8]) -> bool {
        let unused = nulls.bytes().len() * 8 - nulls.len();
        let padding = nulls.bytes().last().map_or(0, |last| u32::from(*last) << unused >> 8);
        if padding != 0 && padding != (1 << unused) - 1 {
            return false;
        }
        let mut index = 0;
        for (ordinal, (column_type, nullable)) in self.doubtful.iter().enumerate() {
            if !present.get(ordinal) {
                continue;
            }
            let null = nulls.get(index);
            index += 1;
            if null && !nullable {
                return false;
            }
            if null {
                continue;
            }
            let Ok((value, tail)) = column_type.field().split(values) else {
                return false;
            };
            values = tail;
            let sound = match column_type {
                ColumnType::DatetimeOld => temporal_old::datetime(value).is_ok(),
                ColumnType::TimeOld => temporal_old::time(value).is_ok(),
                _ => true,
            };
            if !sound {
                return false;
            }
        }
        true
    }

    #[inline]
    fn skip_present<'a>(
        &self,
        present: Bitmap<'_>,
        all: bool,
        nulls: Bitmap<'_>,
        mut values: &'a [u8],
    ) -> Option<&'a [u8]> {
        let mut index = 0;
        for (ordinal, field) in self.fields.iter().enumerate() {
            if !all && !present.get(ordinal) {
                continue;
            }
            if !nulls.get(index) {
                values = skip_one(*field, values)?;
            }
            index += 1;
        }
        Some(values)
    }

    /// Finds the column that does not fit. Only on the way to an error.
    #[cold]
    fn blame(&self, present: Bitmap<'_>, nulls: Bitmap<'_>, mut values: &[u8]) -> Fault {
        let mut index = 0;
        for (ordinal, field) in self.fields.iter().enumerate() {
            if !present.get(ordinal) {
                continue;
            }
            if !nulls.get(index) {
                match field.split(values) {
                    Ok((_, tail)) => values = tail,
                    Err(fault) => return self.explain(in_column(fault, ordinal)),
                }
            }
            index += 1;
        }
        self.explain(Fault::short("row image", 1, 0))
    }

    /// Gives the likely cause where the rows of a table with temporal types of the old numbers do
    /// not fit: MariaDB may have written them longer, and no metadata says so (`Field_timef::
    /// pack_length` against `Field_time_hires` in its `field.cc`).
    #[must_use]
    pub fn explain(&self, fault: Fault) -> Fault {
        if self.doubtful.is_empty() {
            return fault;
        }
        Fault::unsupported(fault.what, OLD_TEMPORAL_HINT)
    }
}

#[inline]
fn skip<'a>(fields: &[Field], mut rest: &'a [u8]) -> Option<&'a [u8]> {
    for field in fields {
        rest = skip_one(*field, rest)?;
    }
    Some(rest)
}

#[inline]
fn skip_one(field: Field, rest: &[u8]) -> Option<&[u8]> {
    take_one(field, rest).map(|(_, tail)| tail)
}

/// As [`Field::split`], where nobody asks what is wrong.
#[inline]
fn take_one(field: Field, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    match field {
        Field::Fixed(bytes) => rest.split_at_checked(bytes as usize),
        Field::Prefixed(1) => {
            let (&length, tail) = rest.split_first()?;
            tail.split_at_checked(usize::from(length))
        }
        Field::Prefixed(2) => {
            let (length, tail) = rest.split_first_chunk()?;
            tail.split_at_checked(usize::from(u16::from_le_bytes(*length)))
        }
        Field::Prefixed(bytes) => {
            let (length, tail) = rest.split_at_checked(bytes.into())?;
            tail.split_at_checked(usize::try_from(le_uint(length)?).ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::ColumnType as T;
    use super::*;

    #[test]
    fn neighbours_of_fixed_length_are_one_step() {
        let layout =
            RowLayout::new([T::Long, T::Longlong, T::Varchar { max_bytes: 300 }, T::Tiny, T::Date]);
        assert_eq!(layout.merged, [Field::Fixed(12), Field::Prefixed(2), Field::Fixed(4)]);
    }

    #[test]
    fn an_image_ends_after_its_last_value() {
        let layout = RowLayout::new([T::Long, T::Varchar { max_bytes: 20 }, T::Tiny]);
        #[rustfmt::skip]
        let rest = [
            0b1111_1010,            // null bitmap: column 2 is NULL; MariaDB pads with ones
            0x01, 0x00, 0x00, 0x00, // column 1
            0x07,                   // column 3
            0xAA,                   // the next row
        ];
        let present = Bitmap::new(&[0b111], 3);
        assert_eq!(layout.image_length(present, true, &rest), Ok(6));
        assert_eq!(layout.image_length(present, false, &rest), Ok(6));

        let first_and_last = Bitmap::new(&[0b101], 3);
        assert_eq!(layout.image_length(first_and_last, false, &[0, 1, 0, 0, 0, 7]), Ok(6));
        assert_eq!(
            layout.image_length(present, true, &[0, 1, 0, 0, 0, 5, b'a']).unwrap_err().to_string(),
            "value of column 2: needed 5 bytes, had 1"
        );
    }

    #[test]
    fn every_value_of_whole_rows_is_looked_at() {
        let layout = RowLayout::new([T::Long, T::Varchar { max_bytes: 20 }, T::Tiny]);
        #[rustfmt::skip]
        let rows = [
            0b1111_1010, 1, 0, 0, 0, 7,          // column 2 is NULL; MariaDB pads with ones
            0b000, 2, 0, 0, 0, 2, b'a', b'b', 8,
        ];
        let mut seen = vec![];
        let count = layout.look_at_whole(1, &rows, |ordinal, value| {
            seen.push((ordinal, value));
            true
        });
        assert_eq!(count, Some(2));
        let (first, second) = ([1, 0, 0, 0], [2, 0, 0, 0]);
        let expected = [
            (0, Some(&first[..])),
            (1, None),
            (2, Some(&[7])),
            (0, Some(&second)),
            (1, Some(b"ab")),
            (2, Some(&[8])),
        ];
        assert_eq!(seen, expected);
        assert_eq!(layout.look_at_whole(2, &rows, |_, _| true), Some(1), "two images a row");
        assert_eq!(layout.look_at_whole(1, &rows, |ordinal, _| ordinal != 1), None);
        for length in (1..rows.len()).filter(|length| *length != 6) {
            assert_eq!(layout.look_at_whole(1, &rows[..length], |_, _| true), None, "{length}");
        }
        // Of 70 columns the 66th is NULL; padding is none of them.
        let wide = RowLayout::new([T::Tiny; 70]);
        let values: Vec<_> = (0..70).filter(|ordinal| *ordinal != 65).collect();
        let row = [&[0; 8][..], &[0b1100_0010], &values].concat();
        let fits = |ordinal, value: Option<&[u8]>| match value {
            Some(value) => value == [ordinal as u8],
            None => ordinal == 65,
        };
        assert_eq!(wide.look_at_whole(1, &row, fits), Some(1));
    }

    #[test]
    fn rows_of_old_temporals_must_make_sense_to_the_last_bit() {
        let layout = RowLayout::of([(T::Long, false), (T::TimestampOld, false)]);
        let present = Bitmap::new(&[0b11], 2);
        let walk = |mut rest: &[u8]| {
            while !rest.is_empty() {
                let length = layout.image_length(present, true, rest)?;
                rest = &rest[length..];
            }
            Ok::<_, Fault>(())
        };
        // Null bitmap with MariaDB's padding, 7, a moment; then two bytes of a fraction.
        let row = [0xFC, 7, 0, 0, 0, 0x5E, 0x0D, 0x5C, 0xE5, 0x1A, 0x7C];
        assert_eq!(walk(&row[..9].repeat(11)), Ok(()));
        let fault = walk(&row.repeat(9)).unwrap_err();
        assert!(fault.to_string().contains("mysql56_temporal_format"), "{fault}");
        assert!(walk(&[0xFE, 7, 0, 0, 0]).is_err(), "7 is not NULL");
    }

    #[test]
    fn rows_of_old_temporals_that_do_not_fit_name_the_way_out() {
        let layout = RowLayout::new([T::DatetimeOld]);
        let fault = layout.image_length(Bitmap::new(&[1], 1), true, &[0, 1, 2, 3]).unwrap_err();
        assert!(fault.to_string().contains("--schema"), "{fault}");
    }
}
