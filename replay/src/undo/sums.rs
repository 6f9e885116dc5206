//! Pieces of a log of which all is undone, summed up on other threads ahead of their turn.
//!
//! What a statement of text does, whether an XA transaction took effect, what a damaged range means:
//! all that depends on what came before. Most pieces have nothing of it, and hold committed
//! transactions of whole rows alone. Of these a few numbers a table tell everything that the walk
//! over them would find out; any other piece is walked when it is its turn.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use binlog_parser::error::Location;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::rows::{DUMMY_TABLE_ID, RowsEvent, RowsKind, flags};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::row::{Column, RowImage, RowLayout, Value};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, Statement, StatementKind, Transaction, Unit, Units};
use binlog_parser::wire::Bitmap;

use super::maps::{Layouts, Map, is_sequence, without_id};
use super::report::RowCounts;
use super::request::{Format, Request};
use super::table_sql::is_told_by_bytes;
use super::unreadable::unreadable;
use crate::schema::Stamp;

/// What the transactions of a piece come to.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// From the start of the first transaction that is undone to the end of the last.
    pub undone: Range<u64>,
    /// The tables of their rows.
    pub tables: Vec<TableSum>,
    /// Transactions of which rows are undone.
    pub transactions: u64,
    /// Transactions that have no such rows.
    pub empty: u64,
    /// Statements of which rows are undone.
    pub statements: u64,
    /// Whether a transaction ended in a COMMIT of text, as those of engines do that cannot roll back.
    pub commits_as_text: bool,
}

/// The rows of a table, as one table map describes it.
#[derive(Debug)]
pub(super) struct TableSum {
    /// Body of the map.
    pub map: Vec<u8>,
    /// Where it stood first.
    pub stamp: Stamp,
    /// The same, for people.
    pub place: Location,
    /// How many rows of it are undone.
    pub rows: RowCounts,
    /// Rows of a sequence, which are not undone.
    pub values: u64,
    /// The first event of updates whose consequences in other tables the log does not tell.
    pub updated: Option<Location>,
    /// The same of deletes.
    pub deleted: Option<Location>,
    layout: Arc<RowLayout>,
    is_sequence: bool,
    /// Columns whose values are looked at, with their ordinals: for SQL has to be sure of them.
    looked_at: Vec<Option<Column>>,
}

/// Sums up what is left of a piece of log number `number`; nothing if it has to be walked.
pub(super) fn sum(
    request: &Request,
    (number, log): (usize, &Log),
    units: &mut Units<'_>,
) -> Option<Sums> {
    let (sums, layouts) = (Sums::default(), Layouts::default());
    let mut piece =
        Piece { request, number, log, sums, layouts, by_layout: HashMap::default(), maps: vec![] };
    let mut inflated = Inflated::default();
    loop {
        if let Some((transaction, format)) = units.glance() {
            piece.transaction(transaction, format)?;
            continue;
        }
        let Some(unit) = units.next() else { break };
        match unit {
            Unit::Transaction(transaction) => {
                let plain = transaction.plain(&mut inflated, units.format());
                if plain.damage.is_some() {
                    return None;
                }
                piece.transaction(&plain.transaction, units.format())?;
            }
            Unit::Control(event) => {
                let frames = event.event_type() == EventType::FORMAT_DESCRIPTION;
                if frames || unreadable(&event).is_some() {
                    return None;
                }
            }
            Unit::Damage(_) => return None,
        }
    }
    Some(piece.sums)
}

/// Bytes of a table id in the logs of all servers since 5.1.4.
const TABLE_ID_BYTES: usize = 6;

/// A piece whose tables are more has to be walked.
const MOST_TABLES: usize = 4_096;

struct Piece<'p> {
    request: &'p Request,
    number: usize,
    log: &'p Log,
    sums: Sums,
    layouts: Layouts,
    /// Which of the sums a map belongs to, by the address of its layout: the sum holds it.
    by_layout: HashMap<*const RowLayout, usize, QuickHash>,
    /// Table ids of the statement's maps, and their sums.
    maps: Vec<(u64, usize)>,
}

impl Piece<'_> {
    fn transaction(
        &mut self,
        transaction: &Transaction<'_>,
        format: &FormatDescription,
    ) -> Option<()> {
        let committed = matches!(transaction.ending, Ending::Xid | Ending::Commit);
        if !committed || format.table_id_bytes() != TABLE_ID_BYTES {
            return None;
        }
        let undone = self.request.scope.contains(self.number, transaction.start());
        let before = self.sums.statements;
        for statement in transaction.statements(TABLE_ID_BYTES) {
            match statement.kind {
                StatementKind::Gtid | StatementKind::Begin | StatementKind::End => {}
                StatementKind::Rows { whole: true } if undone => {
                    let concerned = self.rows(&statement, format)?;
                    self.sums.statements += u64::from(concerned);
                }
                StatementKind::Rows { whole: true } => {}
                StatementKind::Rows { whole: false }
                | StatementKind::Query
                | StatementKind::Other => return None,
            }
        }
        if !undone {
            return Some(());
        }
        let sums = &mut self.sums;
        let concerned = sums.statements > before;
        sums.transactions += u64::from(concerned);
        sums.empty += u64::from(!concerned);
        sums.commits_as_text |= concerned && transaction.ending == Ending::Commit;
        if sums.undone.is_empty() {
            sums.undone.start = transaction.start();
        }
        sums.undone.end = transaction.end();
        Some(())
    }

    /// Adds a statement of rows; whether any of them is undone.
    fn rows(&mut self, statement: &Statement<'_, '_>, format: &FormatDescription) -> Option<bool> {
        self.maps.clear();
        let mut concerned = false;
        for event in statement.events {
            match event.event_type() {
                EventType::TABLE_MAP => self.map(event, format)?,
                event_type if event_type.is_rows() => concerned |= self.event(event)?,
                _ => {}
            }
        }
        Some(concerned)
    }

    fn map(&mut self, event: &RawEvent<'_>, format: &FormatDescription) -> Option<()> {
        let known = self.layouts.known(event, TABLE_ID_BYTES);
        let known =
            known.and_then(|(id, layout)| Some((id, *self.by_layout.get(&Arc::as_ptr(layout))?)));
        if let Some(known) = known {
            self.maps.push(known);
            return Some(());
        }
        let Map { map, layout, .. } = self.layouts.map(event, TABLE_ID_BYTES).ok()?;
        let tables = &mut self.sums.tables;
        let at = match self.by_layout.get(&Arc::as_ptr(&layout)) {
            Some(at) => *at,
            None if tables.len() >= MOST_TABLES => return None,
            None => {
                let looked_at = match self.request.format {
                    Format::Sql => looked_at(&map)?,
                    Format::Base64 | Format::Binlog => vec![],
                };
                self.by_layout.insert(Arc::as_ptr(&layout), tables.len());
                tables.push(TableSum {
                    map: event.body().to_vec(),
                    stamp: Stamp::of(self.number, event),
                    place: Location { event_type: None, ..event.location(self.log) },
                    rows: RowCounts::default(),
                    values: 0,
                    updated: None,
                    deleted: None,
                    layout,
                    is_sequence: is_sequence(&map, format.family),
                    looked_at,
                });
                tables.len() - 1
            }
        };
        self.maps.push((map.table_id, at));
        Some(())
    }

    /// Adds a rows event; whether any of its rows is undone.
    fn event(&mut self, event: &RawEvent<'_>) -> Option<bool> {
        let rows = RowsEvent::parse(event.body(), event.event_type(), TABLE_ID_BYTES).ok()?;
        if rows.table_id == DUMMY_TABLE_ID {
            return Some(false);
        }
        if rows.partial || !rows.has_full_images() {
            return None;
        }
        let (_, at) = self.maps.iter().rev().find(|(id, _)| *id == rows.table_id)?;
        let table = self.sums.tables.get_mut(*at)?;
        let count = table.look_at(&rows)?;
        if table.is_sequence {
            table.values += count;
            return Some(false);
        }
        table.rows.add(rows.kind, count);
        let followed =
            rows.flags & (flags::USE_SQL_FOREIGN_KEY | flags::NO_FOREIGN_KEY_CHECKS) == 0;
        let first = match rows.kind {
            RowsKind::Update if followed => &mut table.updated,
            RowsKind::Delete if followed => &mut table.deleted,
            _ => return Some(true),
        };
        if first.is_none() {
            *first = Some(event.location(self.log));
        }
        Some(true)
    }
}

impl TableSum {
    /// Counts rows, and looks whether their values are some.
    fn look_at(&self, rows: &RowsEvent<'_>) -> Option<u64> {
        if self.looked_at.is_empty() {
            return rows.count(&self.layout).ok();
        }
        if rows.has_full_images() && rows.width == self.layout.width() {
            let images = usize::from(rows.before_columns.is_some())
                + usize::from(rows.after_columns.is_some());
            let fits = |ordinal, bytes| self.fits(ordinal, bytes);
            let count = self.layout.look_at_whole(images, rows.rows, fits);
            if count.is_some() {
                return count;
            }
        }
        let (mut count, mut rest) = (0, rows.rows);
        let mut look = |columns: Option<Bitmap<'_>>, length| {
            let (image, behind) = rest.split_at_checked(length)?;
            rest = behind;
            columns.map_or(Some(()), |present| self.look_at_image(RowImage::new(present, image)))
        };
        for lengths in rows.image_lengths(&self.layout) {
            let (before, after) = lengths.ok()?;
            look(rows.before_columns, before)?;
            look(rows.after_columns, after)?;
            count += 1;
        }
        Some(count)
    }

    fn look_at_image(&self, image: RowImage<'_>) -> Option<()> {
        for cell in image.cells_by(&self.layout) {
            let cell = cell.ok()?;
            if !self.fits(cell.ordinal, cell.bytes) {
                return None;
            }
        }
        Some(())
    }

    /// Whether these bytes are a value of a column, if that is looked at.
    #[inline]
    fn fits(&self, ordinal: usize, bytes: Option<&[u8]>) -> bool {
        match self.looked_at.get(ordinal) {
            // The value itself is left where it is made.
            Some(Some(column)) => Value::decode(column, bytes).is_ok(),
            _ => true,
        }
    }

    /// The map, read again.
    pub fn map(&self) -> Option<TableMapEvent<'_>> {
        TableMapEvent::parse(&self.map, TABLE_ID_BYTES).ok()
    }

    /// What the map says beside its table id.
    pub fn says(&self) -> &[u8] {
        without_id(&self.map, TABLE_ID_BYTES)
    }
}

/// The columns whose bytes may be no value of their type, by ordinal; nothing if there are none.
fn looked_at(map: &TableMapEvent<'_>) -> Option<Vec<Option<Column>>> {
    let types = map.column_types().ok()?;
    if !types.iter().any(|column_type| is_told_by_bytes(*column_type)) {
        return Some(vec![]);
    }
    let columns = types
        .into_iter()
        .map(|column_type| is_told_by_bytes(column_type).then(|| Column::new(column_type)));
    Some(columns.collect())
}
