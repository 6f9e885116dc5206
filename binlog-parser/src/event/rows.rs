//! Rows events: the rows that a statement wrote, updated or deleted.

use super::table_map::column_count;
use crate::error::Fault;
use crate::header::EventType;
use crate::row::{RowImage, RowLayout};
use crate::wire::{Bitmap, Reader};

/// Bits of [`RowsEvent::flags`] (`Rows_event` in `rows_event.h`; MariaDB's `log_event.h`).
pub mod flags {
    /// Last rows event of its statement.
    pub const STMT_END: u16 = 0x1;
    /// Foreign keys were not checked (`foreign_key_checks=0`).
    pub const NO_FOREIGN_KEY_CHECKS: u16 = 0x2;
    /// Unique keys were not checked (`unique_checks=0`).
    pub const RELAXED_UNIQUE_CHECKS: u16 = 0x4;
    /// The images hold every column.
    pub const COMPLETE_ROWS: u16 = 0x8;
    /// MySQL 9.6: cascades of foreign keys are logged as rows of their own.
    pub const USE_SQL_FOREIGN_KEY: u16 = 0x10;
    /// MariaDB: CHECK constraints were not checked.
    pub const NO_CHECK_CONSTRAINT_CHECKS: u16 = 0x80;
}

/// Table id of an event that holds no rows and only ends a statement (`Rows_log_event::
/// do_apply_event` of both servers).
pub const DUMMY_TABLE_ID: u64 = 0x00FF_FFFF;

/// What a rows event does to its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowsKind {
    /// Inserts the after-images.
    Write,
    /// Turns the before-images into the after-images.
    Update,
    /// Deletes the before-images.
    Delete,
}

/// What version 2 of the rows events says beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExtraRowInfo<'a> {
    /// All of it, as it stands on the wire, without the two bytes of length.
    pub bytes: &'a [u8],
    /// NDB: format and data.
    pub ndb: Option<(u8, &'a [u8])>,
    /// Partition of the rows after the change.
    pub partition_id: Option<u16>,
    /// Partition of the rows before an update.
    pub source_partition_id: Option<u16>,
}

/// One rows event. Rows and values are slices of the body until somebody wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsEvent<'a> {
    /// What is done to the rows.
    pub kind: RowsKind,
    /// Number of the table, which a Table_map event of the same statement names.
    pub table_id: u64,
    /// See [`flags`].
    pub flags: u16,
    /// What version 2 adds.
    pub extra: ExtraRowInfo<'a>,
    /// Number of columns of the table.
    pub width: usize,
    /// Columns present in the before-images; `None` for a write.
    pub before_columns: Option<Bitmap<'a>>,
    /// Columns present in the after-images; `None` for a delete.
    pub after_columns: Option<Bitmap<'a>>,
    /// The images of all rows, one after another.
    pub rows: &'a [u8],
}

impl<'a> RowsEvent<'a> {
    /// Reads the body of a rows event: what stands between its header and its checksum.
    /// `table_id_bytes` is 6, or 4 for logs of servers before 5.1.4.
    ///
    /// # Errors
    /// A [`Fault`] if the body is short, claims more columns than a table can have, or is of a
    /// type that is not read (compressed or partial rows).
    pub fn parse(
        body: &'a [u8],
        event_type: EventType,
        table_id_bytes: usize,
    ) -> Result<Self, Fault> {
        let (kind, version2) = kind_of(event_type)?;
        let mut reader = Reader::new(body);
        let table_id = reader.uint(table_id_bytes, "table id")?;
        let flags = reader.u16("flags")?;
        let extra = if version2 { extra_row_info(&mut reader, kind)? } else { Default::default() };
        let width = column_count(&mut reader, "width")?;
        let before_columns = match kind {
            RowsKind::Write => None,
            _ => Some(reader.bitmap(width, "columns of the before-image")?),
        };
        let after_columns = match kind {
            RowsKind::Delete => None,
            _ => Some(reader.bitmap(width, "columns of the after-image")?),
        };
        let rows = reader.take_rest();
        Ok(RowsEvent { kind, table_id, flags, extra, width, before_columns, after_columns, rows })
    }

    /// Whether this is the last rows event of its statement.
    #[must_use]
    pub fn ends_statement(&self) -> bool {
        self.flags & flags::STMT_END != 0
    }

    /// Whether the event holds no rows and only ends a statement.
    #[must_use]
    pub fn is_dummy(&self) -> bool {
        self.table_id == DUMMY_TABLE_ID && self.rows.is_empty()
    }

    /// Whether every image holds every column.
    #[must_use]
    pub fn has_full_images(&self) -> bool {
        self.before_columns.is_none_or(|columns| columns.all())
            && self.after_columns.is_none_or(|columns| columns.all())
    }

    /// The changes of rows, one after another, by the layout of the event's table map. Nothing is
    /// decoded and nothing allocated; what fails ends the iteration.
    #[must_use]
    pub fn changes<'l>(&self, layout: &'l RowLayout) -> RowIter<'a, 'l> {
        let image = |columns: Option<Bitmap<'a>>| columns.map(|present| (present, present.all()));
        RowIter {
            layout,
            before: image(self.before_columns),
            after: image(self.after_columns),
            width: self.width,
            rest: self.rows,
            state: if self.is_dummy() { State::Done } else { State::First },
        }
    }

    /// How many rows are changed.
    ///
    /// # Errors
    /// A [`Fault`] if the rows do not fit the layout.
    pub fn count(&self, layout: &RowLayout) -> Result<u64, Fault> {
        let mut count = 0;
        for change in self.changes(layout) {
            change?;
            count += 1;
        }
        Ok(count)
    }
}

fn kind_of(event_type: EventType) -> Result<(RowsKind, bool), Fault> {
    Ok(match event_type {
        EventType::WRITE_ROWS_V1 => (RowsKind::Write, false),
        EventType::UPDATE_ROWS_V1 => (RowsKind::Update, false),
        EventType::DELETE_ROWS_V1 => (RowsKind::Delete, false),
        EventType::WRITE_ROWS => (RowsKind::Write, true),
        EventType::UPDATE_ROWS => (RowsKind::Update, true),
        EventType::DELETE_ROWS => (RowsKind::Delete, true),
        EventType::PARTIAL_UPDATE_ROWS => {
            return Err(Fault::unsupported("rows", "partial JSON updates are not read"));
        }
        EventType(166..=171) => {
            return Err(Fault::unsupported(
                "rows",
                "MariaDB's compressed rows must be inflated first",
            ));
        }
        EventType(20..=22) => {
            return Err(Fault::unsupported("rows", "rows of servers before 5.1.16 are not read"));
        }
        other => return Err(Fault::value("event type", "a rows event", other.name())),
    })
}

/// The chunks of version 2 (`Rows_event::Rows_event` in `rows_event.cpp`). After a chunk of unknown
/// type nothing is read, for chunks carry no length.
fn extra_row_info<'a>(reader: &mut Reader<'a>, kind: RowsKind) -> Result<ExtraRowInfo<'a>, Fault> {
    const LENGTH_BYTES: usize = 2;
    const NDB: u8 = 0;
    const PARTITION: u8 = 1;
    let length = usize::from(reader.u16("length of extra row info")?);
    let Some(length) = length.checked_sub(LENGTH_BYTES) else {
        return Err(Fault::value("length of extra row info", "at least 2", length));
    };
    let bytes = reader.take(length, "extra row info")?;
    let mut extra = ExtraRowInfo { bytes, ..Default::default() };
    let mut chunks = Reader::new(bytes);
    while !chunks.is_empty() {
        match chunks.u8("type of extra row info")? {
            NDB => {
                let length = chunks.u8("length of NDB info")?;
                let format = chunks.u8("format of NDB info")?;
                let Some(length) = usize::from(length).checked_sub(LENGTH_BYTES) else {
                    return Err(Fault::value("length of NDB info", "at least 2", length));
                };
                extra.ndb = Some((format, chunks.take(length, "NDB info")?));
            }
            PARTITION => {
                extra.partition_id = Some(chunks.u16("partition id")?);
                if kind == RowsKind::Update {
                    extra.source_partition_id = Some(chunks.u16("source partition id")?);
                }
            }
            _ => break,
        }
    }
    Ok(extra)
}

/// One row, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// The row before an update or a delete.
    pub before: Option<RowImage<'a>>,
    /// The row after a write or an update.
    pub after: Option<RowImage<'a>>,
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
    rest: &'a [u8],
    state: State,
}

impl<'a> RowIter<'a, '_> {
    fn image(&mut self, columns: (Bitmap<'a>, bool)) -> Result<RowImage<'a>, Fault> {
        let (present, all) = columns;
        let length = self.layout.image_length(present, all, self.rest)?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| Fault::short("row image", length as u64, self.rest.len() as u64))?;
        self.rest = rest;
        Ok(RowImage::new(present, bytes))
    }

    fn change(&mut self) -> Result<RowChange<'a>, Fault> {
        let had = self.rest.len();
        let before = self.before.map(|columns| self.image(columns)).transpose()?;
        let after = self.after.map(|columns| self.image(columns)).transpose()?;
        if self.rest.len() == had && had > 0 {
            return Err(Fault::value("row", "at least one column", "none"));
        }
        Ok(RowChange { before, after })
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
        match self.state {
            State::Done => return None,
            State::More if self.rest.is_empty() => return None,
            State::More => {}
            State::First => {
                self.state = State::More;
                if self.width != self.layout.width() {
                    self.state = State::Done;
                    let needed = format!("{} columns, as the table map has", self.layout.width());
                    return Some(Err(Fault::value("width of the rows", needed, self.width)));
                }
                if self.rest.is_empty() && !self.columnless() {
                    return None;
                }
            }
        }
        let change = self.change();
        if change.is_err() {
            self.state = State::Done;
        }
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Column, ColumnType as T, Columns};

    fn columns() -> Columns {
        Columns::new([T::Tiny, T::Varchar { max_bytes: 9 }].map(Column::new).into())
    }

    #[rustfmt::skip]
    const UPDATE: &[u8] = &[
        0x6C, 0, 0, 0, 0, 0,   // table id
        0x01, 0,               // flags: end of statement
        7, 0,                  // length of extra row info
        1, 5, 0, 4, 0,         // partition 5, from partition 4
        2,                     // width
        0b01, 0b11,            // columns before: the first; after: both
        0, 1,                  // row 1 before: 1
        0, 2, 1, b'x',         //       after:  2, 'x'
        1,                     // row 2 before: NULL
        2, 3,                  //       after:  3, NULL
    ];

    #[test]
    fn an_update_pairs_its_images() {
        let event = RowsEvent::parse(UPDATE, EventType::UPDATE_ROWS, 6).unwrap();
        assert_eq!((event.kind, event.table_id, event.width), (RowsKind::Update, 0x6C, 2));
        assert!(event.ends_statement() && !event.has_full_images() && !event.is_dummy());
        assert_eq!((event.extra.partition_id, event.extra.source_partition_id), (Some(5), Some(4)));

        let columns = columns();
        let changes: Vec<_> = event.changes(columns.layout()).map(Result::unwrap).collect();
        let bytes: Vec<_> =
            changes.iter().map(|c| (c.before.unwrap().bytes(), c.after.unwrap().bytes())).collect();
        assert_eq!(bytes, [(&[0, 1][..], &[0, 2, 1, b'x'][..]), (&[1][..], &[2, 3][..])],);
        assert_eq!(event.count(columns.layout()), Ok(2));
        let cells: Vec<_> = changes[1].after.unwrap().cells(&columns).map(Result::unwrap).collect();
        assert_eq!(cells[0].bytes, Some(&[3][..]));
        assert_eq!(cells[1].bytes, None);
    }

    #[test]
    fn rows_must_end_with_the_body() {
        let columns = columns();
        for end in 18..UPDATE.len() {
            let event = RowsEvent::parse(&UPDATE[..end], EventType::UPDATE_ROWS, 6).unwrap();
            let whole = end == 18 || end == 24;
            assert_eq!(event.count(columns.layout()).is_ok(), whole, "cut at {end}");
        }
        for end in 0..18 {
            assert!(RowsEvent::parse(&UPDATE[..end], EventType::UPDATE_ROWS, 6).is_err());
        }
    }

    #[test]
    fn a_layout_of_another_width_is_refused() {
        let event = RowsEvent::parse(UPDATE, EventType::UPDATE_ROWS, 6).unwrap();
        assert_eq!(
            event.count(&RowLayout::new([T::Tiny])).unwrap_err().to_string(),
            "width of the rows: needed 1 columns, as the table map has, had 2"
        );
    }

    #[test]
    fn version_1_has_no_extra_info() {
        #[rustfmt::skip]
        let body = [
            1, 0, 0, 0, 0, 0, 0, 0, // table id, flags
            2, 0b11,                // width, columns
            0b1111_1110, 9,         // MariaDB's padding; column 2 is NULL
        ];
        let event = RowsEvent::parse(&body, EventType::WRITE_ROWS_V1, 6).unwrap();
        assert_eq!(event.count(columns().layout()), Ok(1));
        assert!(event.before_columns.is_none() && event.has_full_images());
    }

    #[test]
    fn a_row_without_columns_is_one_row_and_never_more() {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0, 2, 0b00];
        let layout = columns().layout().clone();
        let count = |body: &[u8]| {
            RowsEvent::parse(body, EventType::WRITE_ROWS_V1, 6).unwrap().count(&layout)
        };
        assert_eq!(count(&body), Ok(1));
        body.push(0);
        assert_eq!(
            count(&body).unwrap_err().to_string(),
            "row: needed at least one column, had none"
        );
    }

    #[test]
    fn a_dummy_event_holds_no_rows() {
        let body = [0xFF, 0xFF, 0xFF, 0, 0, 0, 1, 0, 1, 0xFF];
        let event = RowsEvent::parse(&body, EventType::WRITE_ROWS_V1, 6).unwrap();
        assert!(event.is_dummy());
        assert_eq!(event.count(columns().layout()), Ok(0));
    }

    #[test]
    fn what_is_not_read_is_named() {
        let fault = |code| RowsEvent::parse(UPDATE, EventType(code), 6).unwrap_err().to_string();
        assert!(fault(39).contains("partial JSON"), "{}", fault(39));
        assert!(fault(166).contains("inflated first"), "{}", fault(166));
        assert_eq!(fault(2), "event type: needed a rows event, had Query");
    }
}
