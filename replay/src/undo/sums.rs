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
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::row::{Column, RowImage, Value};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, Statement, StatementKind, Transaction, Unit, Units};
use binlog_parser::wire::Bitmap;

use super::maps::{KnownMaps, Map, Said};
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
    /// What the map says.
    pub said: Arc<Said>,
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
    is_sequence: bool,
    /// Columns whose values are looked at, with their ordinals: for SQL has to be sure of them.
    looked_at: Vec<Option<Column>>,
}

/// Sums up what is left of a piece of log number `number`; nothing if it has to be walked.
pub(super) fn sum(
    request: &Request,
    (number, log): (usize, &Log),
    units: &mut Units<'_>,
    memory: &mut Memory,
) -> Option<Sums> {
    let Memory { known, by_map, maps, inflated } = memory;
    by_map.clear();
    let mut piece = Piece { request, number, log, sums: Sums::default(), known, by_map, maps };
    loop {
        if let Some((transaction, format)) = units.glance() {
            piece.transaction(transaction, format)?;
            continue;
        }
        let Some(unit) = units.next() else { break };
        match unit {
            Unit::Transaction(transaction) => {
                let plain = transaction.plain(inflated, units.format());
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

/// What the next piece can use again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: KnownMaps,
    /// See [`Piece`].
    by_map: HashMap<usize, usize, QuickHash>,
    /// See [`Piece`].
    maps: Vec<(u64, usize)>,
    inflated: Inflated,
}

struct Piece<'p> {
    request: &'p Request,
    number: usize,
    log: &'p Log,
    sums: Sums,
    known: &'p mut KnownMaps,
    /// Which of the sums a map belongs to, by the address of what it says: the sum holds it.
    by_map: &'p mut HashMap<usize, usize, QuickHash>,
    /// Table ids of the statement's maps, and their sums.
    maps: &'p mut Vec<(u64, usize)>,
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
        let known = self.known.known(event, TABLE_ID_BYTES);
        let known = known.and_then(|(id, said)| Some((id, *self.by_map.get(&address(said))?)));
        if let Some(known) = known {
            self.maps.push(known);
            return Some(());
        }
        let Map { table_id, said, .. } = self.known.map(event, TABLE_ID_BYTES).ok()?;
        let tables = &mut self.sums.tables;
        let at = match self.by_map.get(&address(&said)) {
            Some(at) => *at,
            None if tables.len() >= MOST_TABLES => return None,
            None => {
                let looked_at = match self.request.format {
                    Format::Sql => looked_at(&said)?,
                    Format::Base64 | Format::Binlog => vec![],
                };
                self.by_map.insert(address(&said), tables.len());
                tables.push(TableSum {
                    is_sequence: said.is_sequence(format.family),
                    said,
                    stamp: Stamp::of(self.number, event),
                    place: Location { event_type: None, ..event.location(self.log) },
                    rows: RowCounts::default(),
                    values: 0,
                    updated: None,
                    deleted: None,
                    looked_at,
                });
                tables.len() - 1
            }
        };
        self.maps.push((table_id, at));
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

/// Where something is held.
fn address<T>(held: &Arc<T>) -> usize {
    Arc::as_ptr(held).addr()
}

impl TableSum {
    /// Counts rows, and looks whether their values are some.
    fn look_at(&self, rows: &RowsEvent<'_>) -> Option<u64> {
        if self.looked_at.is_empty() {
            return rows.count(&self.said.layout).ok();
        }
        if rows.has_full_images() && rows.width == self.said.layout.width() {
            let images = usize::from(rows.before_columns.is_some())
                + usize::from(rows.after_columns.is_some());
            let fits = |ordinal, bytes| self.fits(ordinal, bytes);
            let count = self.said.layout.look_at_whole(images, rows.rows, fits);
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
        for lengths in rows.image_lengths(&self.said.layout) {
            let (before, after) = lengths.ok()?;
            look(rows.before_columns, before)?;
            look(rows.after_columns, after)?;
            count += 1;
        }
        Some(count)
    }

    fn look_at_image(&self, image: RowImage<'_>) -> Option<()> {
        for cell in image.cells_by(&self.said.layout) {
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
}

/// The columns whose bytes may be no value of their type, by ordinal; nothing if there are none.
fn looked_at(said: &Said) -> Option<Vec<Option<Column>>> {
    let types = said.column_types().ok()?;
    if !types.iter().any(|column_type| is_told_by_bytes(*column_type)) {
        return Some(vec![]);
    }
    let columns = types
        .into_iter()
        .map(|column_type| is_told_by_bytes(column_type).then(|| Column::new(column_type)));
    Some(columns.collect())
}
