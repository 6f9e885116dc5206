//! Rows events: the rows that a statement wrote, updated or deleted.

use std::borrow::Cow;

pub use super::row_changes::{ImageLengths, RowChange, RowIter};
use super::table_map::column_count;
use crate::error::Fault;
use crate::header::EventType;
use crate::limits;
use crate::row::RowLayout;
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
    /// Whether after-images may hold JSON columns as differences to the before-images
    /// (PARTIAL_UPDATE_ROWS, under `binlog_row_value_options = PARTIAL_JSON`).
    pub partial: bool,
    /// The images of all rows, one after another.
    pub rows: &'a [u8],
}

impl<'a> RowsEvent<'a> {
    /// Reads the body of a rows event: what stands between its header and its checksum.
    /// `table_id_bytes` is 6, or 4 for logs of servers before 5.1.4.
    ///
    /// # Errors
    /// A [`Fault`] if the body is short, claims more columns than a table can have, or is of a
    /// type that is not read (compressed rows, and those of servers before 5.1.16).
    #[inline]
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
        let partial = event_type == EventType::PARTIAL_UPDATE_ROWS;
        Ok(RowsEvent {
            kind,
            table_id,
            flags,
            extra,
            width,
            before_columns,
            after_columns,
            partial,
            rows,
        })
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
    #[inline]
    pub fn changes<'l>(&self, layout: &'l RowLayout) -> RowIter<'a, 'l> {
        RowIter::new(self, layout)
    }

    /// The bytes of the images of each change, before and after, by the layout of the event's table
    /// map; 0 of an image that there is none of. Only for events without differences
    /// ([`RowsEvent::partial`]); what fails ends the iteration.
    #[must_use]
    #[inline]
    pub fn image_lengths<'l>(&self, layout: &'l RowLayout) -> ImageLengths<'a, 'l> {
        ImageLengths::new(self, layout)
    }

    /// The same event with other rows, which hold no differences.
    #[must_use]
    pub fn with_rows<'b>(&self, rows: &'b [u8]) -> RowsEvent<'b>
    where
        'a: 'b,
    {
        RowsEvent { rows, partial: false, ..*self }
    }

    /// The same event with other rows, in which the images hold these columns and no differences.
    /// What the event has no image of, it gets none of.
    #[must_use]
    pub fn with_images<'b>(
        &self,
        rows: &'b [u8],
        before_columns: Bitmap<'b>,
        after_columns: Bitmap<'b>,
    ) -> RowsEvent<'b>
    where
        'a: 'b,
    {
        RowsEvent {
            before_columns: self.before_columns.map(|_| before_columns),
            after_columns: self.after_columns.map(|_| after_columns),
            ..self.with_rows(rows)
        }
    }

    /// The rows with every JSON document whole, its differences applied: what the same update would
    /// have logged without PARTIAL_JSON. For [`RowsEvent::with_rows`].
    ///
    /// # Errors
    /// A [`Fault`] as [`RowChange::whole_after`], or if the rows do not fit the layout.
    pub fn whole_rows(&self, layout: &RowLayout) -> Result<Cow<'a, [u8]>, Fault> {
        if !self.partial {
            return Ok(Cow::Borrowed(self.rows));
        }
        let (mut rows, mut scratch) = (Vec::new(), Vec::new());
        for change in self.changes(layout) {
            let change = change?;
            if let Some(before) = change.before {
                rows.extend_from_slice(before.bytes());
            }
            if let Some(after) = change.whole_after(layout, &mut scratch)? {
                rows.extend_from_slice(after.bytes());
            }
            if rows.len() as u64 > limits::WHOLE_ROWS_BYTES {
                let limit = limits::WHOLE_ROWS_BYTES;
                return Err(Fault::limit("rows with whole JSON", limit, rows.len() as u64));
            }
        }
        Ok(Cow::Owned(rows))
    }

    /// How many rows are changed.
    ///
    /// # Errors
    /// A [`Fault`] if the rows do not fit the layout.
    #[inline]
    pub fn count(&self, layout: &RowLayout) -> Result<u64, Fault> {
        self.changes(layout).count_all()
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
        EventType::PARTIAL_UPDATE_ROWS => (RowsKind::Update, true),
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
#[inline(always)]
fn extra_row_info<'a>(reader: &mut Reader<'a>, kind: RowsKind) -> Result<ExtraRowInfo<'a>, Fault> {
    let length = usize::from(reader.u16("length of extra row info")?);
    match length.checked_sub(LENGTH_BYTES) {
        // Of nearly all rows nothing more is told.
        Some(0) => Ok(ExtraRowInfo::default()),
        Some(length) => chunks_of(reader.take(length, "extra row info")?, kind),
        None => Err(Fault::value("length of extra row info", "at least 2", length)),
    }
}

/// Bytes of a length in extra row info, which the length counts.
const LENGTH_BYTES: usize = 2;

#[inline(never)]
fn chunks_of(bytes: &[u8], kind: RowsKind) -> Result<ExtraRowInfo<'_>, Fault> {
    const NDB: u8 = 0;
    const PARTITION: u8 = 1;
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
        assert!(fault(166).contains("inflated first"), "{}", fault(166));
        assert_eq!(fault(2), "event type: needed a rows event, had Query");
    }

    #[rustfmt::skip]
    const PARTIAL: &[u8] = &[
        7, 0, 0, 0, 0, 0,         // table id
        0x01, 0,                  // flags: end of statement
        2, 0,                     // length of extra row info
        4,                        // width: TINY, JSON, JSON, JSON
        0b1111, 0b1111,           // columns before and after
        0b1000, 1,                // row 1 before: 1
        3, 0, 0, 0, 5, 7, 0,      //   7
        2, 0, 0, 0, 4, 0,         //   null; the last is NULL
        1, 0b001,                 // row 1 after: options; the first JSON holds differences
        0, 2,                     //   2
        0, 0, 0, 0,               //   none, so it stays 7
        2, 0, 0, 0, 4, 1,         //   true
        2, 0, 0, 0, 4, 2,         //   false
        0b1100, 3,                // row 2 before: 3
        8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 9, 0, // [9]
        0,                        // row 2 after: no options
        0b1110, 4,                //   4 and no documents
        0b1100, 5,                // row 3 before: 5
        8, 0, 0, 0, 2, 1, 0, 7, 0, 5, 9, 0, // [9]
        1, 0b101,                 // row 3 after: the third JSON is NULL
        0b1100, 5,
        10, 0, 0, 0, 1, 4, b'$', b'[', b'1', b']', 3, 5, 8, 0, // insert $[1] = 8
    ];

    fn json_columns() -> Columns {
        let json = T::Json { length_bytes: 4 };
        Columns::new([T::Tiny, json, json, json].map(Column::new).into())
    }

    #[test]
    fn a_partial_update_becomes_whole() {
        let event = RowsEvent::parse(PARTIAL, EventType::PARTIAL_UPDATE_ROWS, 6).unwrap();
        assert!(event.partial && event.kind == RowsKind::Update && event.ends_statement());
        let columns = json_columns();
        assert_eq!(event.count(columns.layout()), Ok(3));
        let text = |event: RowsEvent<'_>| -> Vec<String> {
            let row = |change: RowChange<'_>| {
                let cells = change.after.unwrap().cells(&columns);
                let values: Vec<_> =
                    cells.map(|cell| cell.unwrap().value(&columns).unwrap().to_text()).collect();
                values.join(" | ")
            };
            event.changes(columns.layout()).map(|change| row(change.unwrap())).collect()
        };
        assert_eq!(
            text(event),
            [
                "2 | unchanged | true | false",
                "4 | NULL | NULL | NULL",
                "5 | insert $[1] = 8 | NULL | NULL"
            ]
        );
        let rows = event.whole_rows(columns.layout()).unwrap();
        let whole = event.with_rows(&rows);
        assert_eq!(
            text(whole),
            ["2 | 7 | true | false", "4 | NULL | NULL | NULL", "5 | [9, 8] | NULL | NULL"]
        );
        assert_eq!(whole.whole_rows(columns.layout()).unwrap(), whole.rows);
    }

    #[test]
    fn differences_to_a_document_that_was_not_logged_are_refused() {
        let mut body = PARTIAL.to_vec();
        body[11] = 0b1101; // the before-image lacks the first document
        body.drain(13 + 2..13 + 2 + 7);
        body[13] = 0b100;
        let event = RowsEvent::parse(&body, EventType::PARTIAL_UPDATE_ROWS, 6).unwrap();
        let columns = json_columns();
        let change = event.changes(columns.layout()).next().unwrap().unwrap();
        let mut scratch = vec![];
        let fault = change.whole_after(columns.layout(), &mut scratch).unwrap_err().to_string();
        assert!(fault.starts_with("partial update of column 2: not supported"), "{fault}");
    }

    #[test]
    fn any_cut_of_a_partial_update_is_whole_rows_or_a_fault() {
        let columns = json_columns();
        let mut sound = 0;
        for end in 13..=PARTIAL.len() {
            let event =
                RowsEvent::parse(&PARTIAL[..end], EventType::PARTIAL_UPDATE_ROWS, 6).unwrap();
            sound += usize::from(event.whole_rows(columns.layout()).is_ok());
        }
        assert_eq!(sound, 4, "no row, one, two and three");
    }
}
