//! The rows of a rows event, one after another.

use super::rows::RowsEvent;
use crate::error::Fault;
use crate::row::{RowImage, RowLayout};
use crate::wire::{Bitmap, Reader};

/// One row, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// The row before an update or a delete.
    pub before: Option<RowImage<'a>>,
    /// The row after a write or an update.
    pub after: Option<RowImage<'a>>,
}

impl<'a> RowChange<'a> {
    /// The after-image with every JSON document whole: where it holds differences, they are applied
    /// to the before-image, and the result stands in `scratch`.
    ///
    /// # Errors
    /// A [`Fault`] if the before-image lacks a document of which the after-image has differences
    /// (`binlog_row_image` is not FULL), or they do not fit each other.
    pub fn whole_after<'s>(
        &self,
        layout: &RowLayout,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Option<RowImage<'s>>, Fault>
    where
        'a: 's,
    {
        match (self.before, self.after) {
            (Some(before), Some(after)) if after.is_partial() => {
                scratch.clear();
                after.write_whole(&before, layout, scratch)?;
                Ok(Some(RowImage::new(after.present(), scratch)))
            }
            (_, after) => Ok(after.map(|image| image.with_partial(None))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    More,
    Done,
}

/// Iterator over the changes of a rows event.
#[derive(Debug, Clone)]
pub struct RowIter<'a, 'l> {
    layout: &'l RowLayout,
    /// Columns present, and whether these are all.
    before: Option<(Bitmap<'a>, bool)>,
    after: Option<(Bitmap<'a>, bool)>,
    width: usize,
    partial: bool,
    rest: &'a [u8],
    state: State,
}

impl<'a, 'l> RowIter<'a, 'l> {
    pub(super) fn new(event: &RowsEvent<'a>, layout: &'l RowLayout) -> Self {
        let image = |columns: Option<Bitmap<'a>>| columns.map(|present| (present, present.all()));
        RowIter {
            layout,
            before: image(event.before_columns),
            after: image(event.after_columns),
            width: event.width,
            partial: event.partial,
            rest: event.rows,
            state: if event.is_dummy() { State::Done } else { State::First },
        }
    }

    /// How many changes there are.
    ///
    /// # Errors
    /// The first that fails.
    pub(super) fn count_all(mut self) -> Result<u64, Fault> {
        if self.partial {
            return self.try_fold(0, |count, change| change.map(|_| count + 1));
        }
        if self.state == State::Done {
            return Ok(0);
        }
        self.check_width()?;
        if self.rest.is_empty() {
            return Ok(u64::from(self.columnless()));
        }
        let mut count = 0;
        // Images need not be taken apart from each other to be counted.
        while !self.rest.is_empty() {
            let had = self.rest.len();
            if let Some(columns) = self.before {
                self.image_bytes(columns)?;
            }
            if let Some(columns) = self.after {
                self.image_bytes(columns)?;
            }
            self.check_advance(had)?;
            count += 1;
        }
        Ok(count)
    }

    fn image(&mut self, columns: (Bitmap<'a>, bool)) -> Result<RowImage<'a>, Fault> {
        self.image_bytes(columns).map(|bytes| RowImage::new(columns.0, bytes))
    }

    #[inline(always)]
    fn image_bytes(&mut self, (present, all): (Bitmap<'a>, bool)) -> Result<&'a [u8], Fault> {
        let length = self.layout.image_length(present, all, self.rest)?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Fault::short("row image", length as u64, self.rest.len() as u64))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Refuses a row that takes no bytes, where there `had` been some: there would be no end.
    fn check_advance(&self, had: usize) -> Result<(), Fault> {
        if self.rest.len() == had && had > 0 {
            return Err(Fault::value("row", "at least one column", "none"));
        }
        Ok(())
    }

    fn change(&mut self) -> Result<RowChange<'a>, Fault> {
        let had = self.rest.len();
        let before = self.before.map(|columns| self.image(columns)).transpose()?;
        let partial = if self.partial { self.partial_columns()? } else { None };
        let after = self.after.map(|columns| self.image(columns)).transpose()?;
        let after = after.map(|image| image.with_partial(partial));
        self.check_advance(had)?;
        Ok(RowChange { before, after })
    }

    /// What stands before each after-image of a partial update: options, and under the only one
    /// that there is, a bit for each JSON column of the table (`Rows_log_event::pack_row` and
    /// `unpack_row` in `rpl_record.cc`).
    fn partial_columns(&mut self) -> Result<Option<Bitmap<'a>>, Fault> {
        const PARTIAL_JSON_UPDATES: u64 = 1;
        let mut reader = Reader::new(self.rest);
        let partial = match reader.lenenc("value options of a row")? {
            0 => None,
            PARTIAL_JSON_UPDATES => {
                Some(reader.bitmap(self.layout.json_columns(), "partial columns of a row")?)
            }
            other => return Err(Fault::value("value options of a row", "0 or 1", other)),
        };
        self.rest = reader.rest();
        Ok(partial)
    }

    fn check_width(&self) -> Result<(), Fault> {
        let width = self.layout.width();
        if self.width == width {
            return Ok(());
        }
        let needed = format!("{width} columns, as the table map has");
        Err(Fault::value("width of the rows", needed, self.width))
    }

    /// Whether there is another change to be read; none behind the last.
    #[inline]
    fn more(&mut self) -> Option<Result<(), Fault>> {
        match self.state {
            State::Done => None,
            State::More if self.rest.is_empty() => None,
            State::More => Some(Ok(())),
            State::First => {
                self.state = State::More;
                if let Err(fault) = self.check_width() {
                    return Some(Err(fault));
                }
                (!self.rest.is_empty() || self.columnless()).then_some(Ok(()))
            }
        }
    }

    /// Whether the rows hold no column at all. Such an event stands for one row: the servers read
    /// a row before they look whether any bytes are left.
    fn columnless(&self) -> bool {
        let none =
            |columns: Option<(Bitmap<'_>, bool)>| columns.is_none_or(|(bits, _)| bits.none());
        none(self.before) && none(self.after)
    }
}

impl<'a> Iterator for RowIter<'a, '_> {
    type Item = Result<RowChange<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let change = match self.more()? {
            Ok(()) => self.change(),
            Err(fault) => Err(fault),
        };
        if change.is_err() {
            self.state = State::Done;
        }
        Some(change)
    }
}

/// Iterator over the bytes that the images of each change have: before and after. Of what the
/// iterator over changes makes, those who look at bytes need no more.
#[derive(Debug, Clone)]
pub struct ImageLengths<'a, 'l>(RowIter<'a, 'l>);

impl<'a, 'l> ImageLengths<'a, 'l> {
    /// Of an event without differences.
    pub(super) fn new(event: &RowsEvent<'a>, layout: &'l RowLayout) -> Self {
        ImageLengths(RowIter::new(event, layout))
    }

    fn measure(&mut self) -> Result<(usize, usize), Fault> {
        let rows = &mut self.0;
        if rows.partial {
            let needed = "rows without differences";
            return Err(Fault::value("rows event", needed, "some with differences"));
        }
        let had = rows.rest.len();
        let before =
            rows.before.map_or(Ok(0), |columns| rows.image_bytes(columns).map(<[u8]>::len))?;
        let after =
            rows.after.map_or(Ok(0), |columns| rows.image_bytes(columns).map(<[u8]>::len))?;
        rows.check_advance(had)?;
        Ok((before, after))
    }
}

impl Iterator for ImageLengths<'_, '_> {
    type Item = Result<(usize, usize), Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let lengths = match self.0.more()? {
            Ok(()) => self.measure(),
            Err(fault) => Err(fault),
        };
        if lengths.is_err() {
            self.0.state = State::Done;
        }
        Some(lengths)
    }
}
