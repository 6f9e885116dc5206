//! A statement of rows, taken apart: its table maps, and which of them each rows event speaks of.

use std::borrow::Cow;
use std::ops::Range;

use binlog_parser::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{DUMMY_TABLE_ID, RowsEvent, RowsKind, flags};
use binlog_parser::header::EventType;
use binlog_parser::row::RowLayout;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::Statement;
use binlog_parser::wire::Bitmap;

use super::maps::{KnownMaps, Map};
use super::memory::emptied;
use super::picked::Picked;
use crate::error::{Error, Result};

/// A rows event of a statement.
#[derive(Debug)]
pub(crate) struct Rows<'t, 'a> {
    /// The event.
    pub event: &'t RawEvent<'a>,
    /// What it says.
    pub rows: RowsEvent<'a>,
    /// Which of the statement's maps it speaks of.
    pub map: usize,
    /// The rows with whole images, where the event's lack something.
    pub(super) whole: Option<WholeRows>,
}

/// The rows of an event, every image whole.
#[derive(Debug)]
pub(crate) struct WholeRows {
    /// The images, one after another.
    pub rows: Vec<u8>,
    /// Columns of the before-images and of the after-images, where they are others than in the event.
    pub columns: Option<(Vec<u8>, Vec<u8>)>,
}

impl Rows<'_, '_> {
    /// Keeps a server from following foreign keys, where the log has all that its own followed:
    /// maps of the tables that they lead to, and rows of what was changed there. A REPLACE of a
    /// parent keeps its children (MySQL 9.6), and so does its inverse.
    fn keep_children(&mut self) {
        if self.rows.flags & flags::USE_SQL_FOREIGN_KEY != 0 {
            self.rows.flags |= flags::NO_FOREIGN_KEY_CHECKS;
        }
    }

    /// What the event says, every image in it whole.
    pub fn images(&self) -> RowsEvent<'_> {
        match &self.whole {
            Some(WholeRows { rows, columns: Some((before, after)) }) => {
                let columns = |bytes| Bitmap::new(bytes, self.rows.width);
                self.rows.with_images(rows, columns(before), columns(after))
            }
            Some(WholeRows { rows, columns: None }) => self.rows.with_rows(rows),
            None => self.rows,
        }
    }
}

/// A statement of rows.
#[derive(Debug)]
pub(crate) struct RowsStatement<'t, 'a> {
    /// Its table maps in the order of the log.
    pub maps: Vec<Map<'t, 'a>>,
    /// Its rows events in the order of the log; those without rows are left out.
    pub rows: Vec<Rows<'t, 'a>>,
    /// Its text, where the server logged it beside the rows; not decoded, perhaps cut.
    pub text: Option<&'a [u8]>,
}

/// Memory for what a statement consists of.
#[derive(Debug, Default)]
pub(crate) struct RowsMemory {
    maps: Vec<Map<'static, 'static>>,
    rows: Vec<Rows<'static, 'static>>,
}

impl<'t, 'a> RowsStatement<'t, 'a> {
    /// Takes `statement` apart.
    ///
    /// # Errors
    /// An event that cannot be read, or rows without a table map.
    pub fn read(
        statement: &Statement<'t, 'a>,
        log: &Log,
        format: &FormatDescription,
    ) -> Result<Self> {
        let (known, memory) = (&mut KnownMaps::default(), &mut RowsMemory::default());
        Self::read_with(known, memory, statement.events, log, format)
    }

    /// As [`RowsStatement::read`] with the events of a statement, the table maps that were read
    /// before, and the memory of another.
    ///
    /// # Errors
    /// As there.
    pub fn read_with(
        known: &mut KnownMaps,
        memory: &mut RowsMemory,
        events: &'t [RawEvent<'a>],
        log: &Log,
        format: &FormatDescription,
    ) -> Result<Self> {
        let table_id_bytes = format.table_id_bytes();
        let RowsMemory { maps, rows } = std::mem::take(memory);
        let mut read = RowsStatement { maps, rows, text: None };
        for event in events {
            let done = match event.event_type() {
                EventType::TABLE_MAP => {
                    known.map(event, table_id_bytes).map(|map| read.maps.push(map))
                }
                EventType::ANNOTATE_ROWS => {
                    read.text = Some(event.body());
                    Ok(())
                }
                event_type if event_type.is_rows() => read.add_rows(event, table_id_bytes),
                _ => Ok(()),
            };
            done.map_err(|fault| at(fault, log, event))?;
        }
        if read.maps.len() > 1 {
            read.rows.iter_mut().for_each(|rows| rows.keep_children());
        }
        Ok(read)
    }

    fn add_rows(&mut self, event: &'t RawEvent<'a>, table_id_bytes: usize) -> Result<(), Fault> {
        let rows = RowsEvent::parse(event.body(), event.event_type(), table_id_bytes)?;
        if rows.table_id == DUMMY_TABLE_ID {
            return Ok(());
        }
        let map = self.maps.iter().rposition(|map| map.table_id == rows.table_id);
        let Some(map) = map else {
            return Err(Fault::value("table id", "one of a table map before it", rows.table_id));
        };
        // Differences apply to whole images alone; others are rebuilt from earlier events.
        let whole = (rows.partial && rows.has_full_images())
            .then(|| rows.whole_rows(self.maps[map].layout()).map(Cow::into_owned))
            .transpose()?
            .map(|rows| WholeRows { rows, columns: None });
        self.rows.push(Rows { event, rows, map, whole });
        Ok(())
    }

    /// The memory of what it consists of.
    pub fn into_memory(self) -> RowsMemory {
        RowsMemory { maps: emptied(self.maps), rows: emptied(self.rows) }
    }

    /// The map of a rows event of this statement.
    pub fn map_of(&self, rows: &Rows<'t, 'a>) -> &Map<'t, 'a> {
        &self.maps[rows.map]
    }
}

/// A fault in an event of `log`, at its place.
pub(super) fn at(fault: Fault, log: &Log, event: &RawEvent<'_>) -> Error {
    Error::at(fault, event.location(log))
}

/// Where the images of each row of an event end, so that the rows can be read backward.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    rows: Vec<Span>,
}

/// One row of [`Spans`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// First byte of the before-image. An event has at most 2^30 bytes.
    start: u32,
    /// First byte of the after-image.
    middle: u32,
    /// Byte after the row.
    end: u32,
}

impl Span {
    /// The bytes of the before-image among those of all rows.
    pub fn before(self) -> Range<usize> {
        self.start as usize..self.middle as usize
    }

    /// The bytes of the after-image among those of all rows.
    pub fn after(self) -> Range<usize> {
        self.middle as usize..self.end as usize
    }

    /// Bytes of the row.
    pub fn bytes(self) -> usize {
        (self.end - self.start) as usize
    }
}

impl Spans {
    /// Measures the rows of `rows`, whose table map has `layout`; of these, those that `picked`
    /// takes.
    ///
    /// # Errors
    /// A [`Fault`] if the rows do not fit the layout.
    pub fn measure(
        &mut self,
        rows: &Rows<'_, '_>,
        layout: &RowLayout,
        picked: Option<&Picked>,
    ) -> Result<(), Fault> {
        self.rows.clear();
        let mut at = 0;
        for (row, lengths) in rows.images().image_lengths(layout).enumerate() {
            let (before, after) = lengths?;
            let middle = at + before as u32;
            let end = middle + after as u32;
            if picked.is_none_or(|picked| picked.takes(rows.event, row)) {
                self.rows.push(Span { start: at, middle, end });
            }
            at = end;
        }
        Ok(())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Row number `index` of those that were measured.
    pub fn get(&self, index: usize) -> Option<Span> {
        self.rows.get(index).copied()
    }
}

/// What undoing an event of this kind does.
pub(super) fn inverse(kind: RowsKind) -> RowsKind {
    match kind {
        RowsKind::Write => RowsKind::Delete,
        RowsKind::Update => RowsKind::Update,
        RowsKind::Delete => RowsKind::Write,
    }
}
