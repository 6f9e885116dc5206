//! What was rebuilt: for each row the values that its before-image lacks, in memory or, when they
//! are many, in a private file.

use std::collections::HashMap;

use binlog_parser::error::Fault;
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::inflate::Room;
use binlog_parser::limits;
use binlog_parser::row::json::Json;
use binlog_parser::row::json_diff::JsonDiffs;
use binlog_parser::row::{RowImage, RowLayout};
use binlog_parser::wire::Bitmap;

use crate::undo::rows_statement::{RowsStatement, WholeRows};

/// Where a rows event stands: number of its log, and [`binlog_parser::scan::RawEvent::place`].
pub(super) type Place = (usize, (u64, Option<u64>));

/// A row of which nothing was stored yet.
const NOTHING: u64 = u64::MAX;

/// How the whole images of an event are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Images {
    /// Columns of the before-images, and of the after-images.
    pub before: Vec<u8>,
    pub after: Vec<u8>,
    /// Columns that are stored for each row, for the event lacks them.
    pub filled: Vec<u8>,
    /// Where each row's stored values start. Empty if none are needed.
    pub rows: Vec<u64>,
}

impl Images {
    /// Images of an event with so many rows, of which the columns in `filled` are to be stored.
    pub fn new(before: Vec<u8>, after: Vec<u8>, filled: Vec<u8>, rows: usize) -> Self {
        let rows = if filled.iter().all(|byte| *byte == 0) { vec![] } else { vec![NOTHING; rows] };
        Images { before, after, filled, rows }
    }

    /// Numbers of the rows of which nothing is stored although something is needed.
    pub fn lacking(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, start)| **start == NOTHING).map(|(row, _)| row)
    }
}

/// Whole images of rows whose events lack columns.
#[derive(Debug, Default)]
pub(in crate::undo) struct Rebuilt {
    events: HashMap<Place, Images>,
    room: Room,
}

impl Rebuilt {
    /// Takes in an event.
    pub(super) fn insert(&mut self, place: Place, images: Images) {
        self.events.insert(place, images);
    }

    /// Whether no event was rebuilt.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Stores values, one for each column of the layout, and says where.
    pub(super) fn store(
        &mut self,
        columns: &[u8],
        layout: &RowLayout,
        values: &[Option<&[u8]>],
    ) -> Result<u64, Fault> {
        let start = self.room.len();
        let mut image = vec![];
        RowImage::write(Bitmap::new(columns, layout.width()), layout, values, &mut image)?;
        self.room.push(&image)?;
        Ok(start)
    }

    /// How the images of an event are made.
    pub(super) fn images(&self, place: Place) -> Option<&Images> {
        self.events.get(&place)
    }

    /// What was stored for a row of an event with `images`.
    pub(super) fn stored<'r>(
        &'r self,
        images: &'r Images,
        row: usize,
        layout: &RowLayout,
    ) -> Option<RowImage<'r>> {
        let start = usize::try_from(*images.rows.get(row)?).ok()?;
        let bytes = self.room.settled().get(start..)?;
        Some(RowImage::new(Bitmap::new(&images.filled, layout.width()), bytes))
    }

    /// Makes all that was stored readable.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        self.room.bytes().map(|_| ())
    }

    /// Gives the events of a statement in log number `log` their whole images.
    ///
    /// # Errors
    /// A [`Fault`] if images do not fit each other, with the number of the event among the
    /// statement's.
    pub fn complete(
        &self,
        log: usize,
        statement: &mut RowsStatement<'_, '_>,
    ) -> Result<(), (usize, Fault)> {
        if self.events.is_empty() {
            return Ok(());
        }
        for at in 0..statement.rows.len() {
            let rows = &statement.rows[at];
            let Some(images) = self.events.get(&(log, rows.event.place())) else { continue };
            let layout = statement.map_of(rows).layout();
            let whole = self.whole(images, &rows.rows, layout).map_err(|fault| (at, fault))?;
            let columns = Some((images.before.clone(), images.after.clone()));
            statement.rows[at].whole = Some(WholeRows { rows: whole, columns });
        }
        Ok(())
    }

    /// The rows of `event` with whole images.
    fn whole(
        &self,
        images: &Images,
        event: &RowsEvent<'_>,
        layout: &RowLayout,
    ) -> Result<Vec<u8>, Fault> {
        let columns = |bytes| Bitmap::new(bytes, layout.width());
        let mut out = vec![];
        for (row, change) in event.changes(layout).enumerate() {
            let change = change?;
            let mut values: Vec<Option<&[u8]>> = vec![None; layout.width()];
            if images.rows.get(row).is_some() {
                let stored = self.stored(images, row, layout);
                let stored =
                    stored.ok_or_else(|| Fault::unsupported("row", "it is not rebuilt"))?;
                take(&mut values, stored, layout)?;
            }
            if let Some(before) = change.before {
                take(&mut values, before, layout)?;
                RowImage::write(columns(&images.before), layout, &values, &mut out)?;
            }
            if let Some(after) = change.after {
                let documents = documents(&values, after, layout)?;
                take(&mut values, after, layout)?;
                for (ordinal, document) in &documents {
                    if let Some(value) = values.get_mut(*ordinal) {
                        *value = Some(document);
                    }
                }
                RowImage::write(columns(&images.after), layout, &values, &mut out)?;
            }
            if out.len() as u64 > limits::WHOLE_ROWS_BYTES {
                let limit = limits::WHOLE_ROWS_BYTES;
                return Err(Fault::limit("rows with whole images", limit, out.len() as u64));
            }
        }
        Ok(out)
    }
}

/// Puts what an image holds into `values`; its differences stand there as they are.
fn take<'a>(
    values: &mut [Option<&'a [u8]>],
    image: RowImage<'a>,
    layout: &RowLayout,
) -> Result<(), Fault> {
    for cell in image.cells_by(layout) {
        let cell = cell?;
        if let Some(value) = values.get_mut(cell.ordinal) {
            *value = cell.bytes;
        }
    }
    Ok(())
}

/// The JSON documents of an after-image that holds differences to those in `before`.
fn documents(
    before: &[Option<&[u8]>],
    after: RowImage<'_>,
    layout: &RowLayout,
) -> Result<Vec<(usize, Vec<u8>)>, Fault> {
    let mut documents = vec![];
    if !after.is_partial() {
        return Ok(documents);
    }
    for cell in after.cells_by(layout) {
        let cell = cell?;
        if let (true, Some(diffs)) = (cell.partial, cell.bytes) {
            let document = before.get(cell.ordinal).copied().flatten();
            documents.push((cell.ordinal, changed(document, diffs)?));
        }
    }
    Ok(documents)
}

/// The document that differences make of the one before.
pub(super) fn changed(before: Option<&[u8]>, diffs: &[u8]) -> Result<Vec<u8>, Fault> {
    let before =
        before.ok_or_else(|| Fault::unsupported("JSON differences", "NULL is before them"))?;
    let document = JsonDiffs { bytes: diffs }.apply(Json { bytes: before })?;
    Ok(document.into_owned())
}
