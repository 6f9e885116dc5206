//! Counts events by type, and the rows of a statement by table, without decoding one.

use std::collections::HashMap;

use crate::error::Fault;
use crate::event::rows::{RowsEvent, RowsKind};
use crate::event::table_map::TableMapEvent;
use crate::header::EventType;
use crate::quick_hash::QuickHash;
use crate::row::RowLayout;
use crate::scan::RawEvent;
use crate::transaction::{Look, ShortStatement};
use crate::wire::{Bitmap, le_uint};

/// Counts `events` by the code of their type, and widens `time`, the earliest and the latest that an
/// event has, in seconds since 1970 UTC; artificial events have none. Returns the earliest timestamp as
/// it stands in these events, which is 0 if one of them is artificial, and the latest.
pub fn count_events(
    events: &[RawEvent<'_>],
    by_type: &mut [u64; 256],
    time: &mut Option<(u32, u32)>,
) -> (u32, u32) {
    let (mut first, mut last) = (u32::MAX, 0);
    let mut artificial = false;
    for event in events {
        by_type[usize::from(event.event_type().0)] += 1;
        let at = event.header().timestamp;
        artificial |= at == 0;
        // 0 becomes the greatest.
        first = first.min(at.wrapping_sub(1));
        last = last.max(at);
    }
    let lowest = first.wrapping_add(1);
    if last != 0 {
        let (known_first, known_last) = time.unwrap_or((u32::MAX, 0));
        *time = Some((known_first.min(lowest), known_last.max(last)));
    }
    (if artificial { 0 } else { lowest }, last)
}

/// As [`count_events`], of a transaction that was looked at, which has events of these types between
/// those that begin it and the one that ends it. Returns how many events it has.
pub fn count_look(
    look: &Look<'_>,
    types: impl Iterator<Item = EventType>,
    by_type: &mut [u64; 256],
    time: &mut Option<(u32, u32)>,
) -> u64 {
    let begin = u64::from(look.first > 1);
    by_type[usize::from(look.gtid.event_type().0)] += 1;
    by_type[usize::from(EventType::QUERY.0)] += begin;
    by_type[usize::from(EventType::XID.0)] += 1;
    let mut count = 2 + begin;
    for event_type in types {
        by_type[usize::from(event_type.0)] += 1;
        count += 1;
    }
    let (first, last) = time.unwrap_or(look.times);
    *time = Some((first.min(look.times.0), last.max(look.times.1)));
    count
}

/// How many table maps are remembered; a server with more open tables has them read again.
const MAPS_KEPT: usize = 4096;

/// What a statement did to one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Number of the table, as the caller counts tables.
    pub table: usize,
    /// Rows written.
    pub written: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
}

impl Tally {
    /// Of a statement that did one thing to its rows.
    fn of_kind(table: usize, kind: RowsKind, rows: u64) -> Self {
        let mut tally = Tally { table, written: 0, updated: 0, deleted: 0 };
        tally.add(kind, rows);
        tally
    }

    #[inline]
    fn add(&mut self, kind: RowsKind, rows: u64) {
        match kind {
            RowsKind::Write => self.written += rows,
            RowsKind::Update => self.updated += rows,
            RowsKind::Delete => self.deleted += rows,
        }
    }

    /// Rows that are gone: REPLACE deletes and writes anew.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.deleted.saturating_sub(self.written)
    }

    /// Rows of one kind.
    #[must_use]
    pub fn of(&self, kind: RowsKind) -> u64 {
        match kind {
            RowsKind::Write => self.written,
            RowsKind::Update => self.updated,
            RowsKind::Delete => self.deleted,
        }
    }
}

/// A table map that was read, for the next one of the same bytes.
#[derive(Debug)]
struct Mapped {
    id: u64,
    body: Box<[u8]>,
    table: usize,
    layout: RowLayout,
    /// How the last rows events of whole rows began, of each type in its place.
    beginnings: [Option<Beginning>; BEGINNINGS],
    /// The last transaction that it stood in; 0 once another map of its id could not be read.
    transaction: u64,
}

/// Places of beginnings: enough for the three types of rows of one version to have one each.
const BEGINNINGS: usize = 4;

impl Mapped {
    /// What an event did to how many rows, if it begins as the one before of its type did: most do.
    #[inline]
    fn count_usual(&self, event_type: EventType, body: &[u8]) -> Option<(RowsKind, u64)> {
        let beginning = self.beginnings[place(event_type)].as_ref()?;
        let rows = beginning.rows(event_type, body)?;
        Some((beginning.kind, self.layout.count_whole(beginning.images(), rows)?))
    }
}

/// The place of the beginnings of a type.
fn place(event_type: EventType) -> usize {
    usize::from(event_type.0) % BEGINNINGS
}

/// What stands before the rows of an event that lack no column, for the next one that begins so. The
/// number of the table is a part of it.
#[derive(Debug)]
struct Beginning {
    event_type: EventType,
    bytes: Box<[u8]>,
    kind: RowsKind,
}

impl Beginning {
    /// Of an event that has this body; none if its rows need more care.
    fn of(rows: &RowsEvent<'_>, event_type: EventType, body: &[u8]) -> Option<Self> {
        let whole = |columns: Option<Bitmap<'_>>| columns.is_none_or(|columns| columns.all());
        let is_whole = whole(rows.before_columns) && whole(rows.after_columns) && !rows.partial;
        let bytes = body.get(..body.len() - rows.rows.len()).filter(|_| is_whole)?;
        Some(Beginning { event_type, bytes: bytes.into(), kind: rows.kind })
    }

    /// The rows behind it, of an event that begins so.
    #[inline]
    fn rows<'a>(&self, event_type: EventType, body: &'a [u8]) -> Option<&'a [u8]> {
        body.strip_prefix(&*self.bytes).filter(|_| self.event_type == event_type)
    }

    /// Images of each row.
    fn images(&self) -> usize {
        if self.kind == RowsKind::Update { 2 } else { 1 }
    }
}

/// Gives the table of a database, and its own name, its number.
pub type Names<'n> = &'n mut dyn FnMut(&[u8], &[u8]) -> usize;

/// Why rows could not be counted, and in which event; boxed, for nearly all statements have none, and
/// each is asked.
pub type CountFault<'e> = Box<(Fault, &'e RawEvent<'e>)>;

/// Counts statement by statement. Table maps come again with every statement, nearly always the
/// same; their columns are worked out once.
#[derive(Debug, Default)]
pub struct Counter {
    maps: Vec<Mapped>,
    by_id: HashMap<u64, usize, QuickHash>,
    /// The map that was asked for last, which is nearly always the next as well.
    last: usize,
    /// Counts transactions: a table id means nothing beyond its own.
    transaction: u64,
}

impl Counter {
    /// Another transaction begins.
    pub fn enter(&mut self) {
        self.transaction += 1;
    }

    /// Whether the table map of rows with this body stood in the transaction.
    #[must_use]
    pub fn has_map(&mut self, body: &[u8], table_id_bytes: usize) -> bool {
        let at = self.find(table_id(body, table_id_bytes));
        let mapped = at.and_then(|at| self.maps.get(at));
        mapped.is_some_and(|map| map.transaction == self.transaction)
    }

    /// Counts the rows of short statements into `tallies`, one for each, which is emptied first; whether
    /// all of them could be counted by how others began. If not, they are to be counted as any.
    #[must_use]
    pub fn count_short(
        &mut self,
        statements: &[ShortStatement<'_>],
        table_id_bytes: usize,
        tallies: &mut Vec<Tally>,
    ) -> bool {
        tallies.clear();
        for statement in statements {
            let Some(mapped) = self.known(statement.map, table_id_bytes) else { return false };
            let counted = mapped.count_usual(statement.event_type, statement.rows);
            let Some((kind, count)) = counted else {
                return false;
            };
            tallies.push(Tally::of_kind(mapped.table, kind, count));
        }
        true
    }

    /// The map that has this body, which nearly always is the one before once more.
    #[inline]
    fn known(&mut self, body: &[u8], table_id_bytes: usize) -> Option<&mut Mapped> {
        let same = |map: &Mapped| *map.body == *body;
        if !self.maps.get(self.last).is_some_and(same) {
            self.find(table_id(body, table_id_bytes)).filter(|at| same(&self.maps[*at]))?;
        }
        self.maps.get_mut(self.last)
    }

    /// Counts the rows of a statement's `events` into `tallies`, one for each table, which is
    /// emptied first.
    ///
    /// # Errors
    /// The first event that cannot be read; what was counted before it stays.
    pub fn count<'e>(
        &mut self,
        events: &'e [RawEvent<'e>],
        table_id_bytes: usize,
        names: Names<'_>,
        tallies: &mut Vec<Tally>,
    ) -> Result<(), CountFault<'e>> {
        tallies.clear();
        if self.maps.len() > MAPS_KEPT {
            self.maps.clear();
            self.by_id.clear();
        }
        for event in events {
            let event_type = event.event_type();
            let counted = if event_type == EventType::TABLE_MAP {
                self.map(event.body(), table_id_bytes, names)
            } else if event_type.is_rows() {
                self.rows(event, table_id_bytes, tallies)
            } else {
                continue;
            };
            counted.map_err(|fault| Box::new((fault, event)))?;
        }
        Ok(())
    }

    fn map(&mut self, body: &[u8], table_id_bytes: usize, names: Names<'_>) -> Result<(), Fault> {
        let transaction = self.transaction;
        if let Some(known) = self.known(body, table_id_bytes) {
            known.transaction = transaction;
            return Ok(());
        }
        let id = table_id(body, table_id_bytes);
        let known = self.find(id);
        if let Some(known) = known.and_then(|at| self.maps.get_mut(at)) {
            // Rows must not be read by what this id stood for before, should this map be broken.
            known.transaction = 0;
        }
        let map = TableMapEvent::parse(body, table_id_bytes)?;
        let layout = map.layout()?;
        let table = names(map.database, map.table);
        let beginnings = Default::default();
        let mapped = Mapped { id, body: body.into(), table, layout, beginnings, transaction };
        match known.and_then(|at| self.maps.get_mut(at)) {
            Some(known) => *known = mapped,
            None => {
                self.last = self.maps.len();
                self.by_id.insert(id, self.last);
                self.maps.push(mapped);
            }
        }
        Ok(())
    }

    /// Where the map of a table id is.
    fn find(&mut self, id: u64) -> Option<usize> {
        if self.maps.get(self.last).is_none_or(|map| map.id != id) {
            self.last = *self.by_id.get(&id)?;
        }
        Some(self.last)
    }

    /// The map at this place, if it stood in the transaction.
    #[inline]
    fn mapped(&mut self, at: usize) -> Option<&mut Mapped> {
        self.maps.get_mut(at).filter(|map| map.transaction == self.transaction)
    }

    fn rows(
        &mut self,
        event: &RawEvent<'_>,
        table_id_bytes: usize,
        tallies: &mut Vec<Tally>,
    ) -> Result<(), Fault> {
        let (body, event_type) = (event.body(), event.event_type());
        if let Some(mapped) = self.mapped(self.last)
            && let Some((kind, count)) = mapped.count_usual(event_type, body)
        {
            tally(tallies, mapped.table, kind, count);
            return Ok(());
        }
        let rows = RowsEvent::parse(body, event_type, table_id_bytes)?;
        if rows.is_dummy() {
            return Ok(());
        }
        let at = self.find(rows.table_id);
        let Some(mapped) = at.and_then(|at| self.mapped(at)) else {
            return Err(Fault::value("rows event", "a table map before it", "none"));
        };
        let count = rows.count(&mapped.layout)?;
        mapped.beginnings[place(event_type)] = Beginning::of(&rows, event_type, body);
        tally(tallies, mapped.table, rows.kind, count);
        Ok(())
    }
}

/// Adds rows to the tally of their table.
#[inline]
fn tally(tallies: &mut Vec<Tally>, table: usize, kind: RowsKind, count: u64) {
    match tallies.iter_mut().find(|tally| tally.table == table) {
        Some(tally) => tally.add(kind, count),
        None => tallies.push(Tally::of_kind(table, kind, count)),
    }
}

/// The number at the start of a table map; 0 if there is none, which its reader will find out.
fn table_id(body: &[u8], bytes: usize) -> u64 {
    body.get(..bytes).and_then(le_uint).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ColumnType;
    use crate::scan::Scanned;
    use crate::testing::LogBuilder;

    #[rustfmt::skip]
    const MAP: &[u8] = &[
        7, 0, 0, 0, 0, 0, 1, 0,       // table id, flags
        1, b'd', 0, 1, b't', 0,       // database, table
        2, 1, 15, 2, 9, 0, 0b11,      // TINYINT, VARCHAR of 9 bytes; both may be NULL
    ];

    /// The body of a rows event of the table, with bitmaps of columns, and rows.
    fn body(flags: u8, columns: &[u8], rows: &[u8]) -> Vec<u8> {
        [&[7, 0, 0, 0, 0, 0, flags, 0, 2, 0, 2], columns, rows].concat()
    }

    #[test]
    fn rows_that_begin_alike_are_counted_as_each_by_itself() {
        let (insert, update, delete) =
            (EventType::WRITE_ROWS, EventType::UPDATE_ROWS, EventType::DELETE_ROWS);
        let (row, null) = ([0, 1, 1, b'x'], [2, 1]);
        let events = [
            (insert, body(1, &[3], &row), Ok(1)),
            (insert, body(1, &[3], &[&row[..], &null, &row].concat()), Ok(3)),
            (insert, body(0, &[3], &[row, row].concat()), Ok(2)),
            (insert, body(0, &[1], &[0, 1, 0, 2]), Ok(2)),
            (delete, body(0, &[3], &row), Ok(1)),
            (update, body(0, &[3, 3], &[&row[..], &null].concat()), Ok(1)),
            (update, body(0, &[3, 3], &[row, row, row, row].concat()), Ok(2)),
            (update, body(0, &[3, 3], &[row, row, row].concat()), Err(())),
            (update, body(0, &[1, 3], &[&[0, 1][..], &row].concat()), Ok(1)),
            (update, body(0, &[3, 3], &[row, row].concat()), Ok(1)),
            (update, body(0, &[3, 3], &row[..3]), Err(())),
        ];
        let log = LogBuilder::new("9.7.1").event(EventType::TABLE_MAP, MAP);
        let log = events.iter().fold(log, |log, (of, body, _)| log.event(*of, body)).open();
        let scanned = log.scan().filter_map(|scanned| match scanned {
            Scanned::Event(event) => Some(event),
            Scanned::Damage(_) => None,
        });
        let logged: Vec<_> = scanned.skip(1).collect();
        let layout = RowLayout::new([ColumnType::Tiny, ColumnType::Varchar { max_bytes: 9 }]);
        let (mut counter, mut tallies) = (Counter::default(), vec![]);
        counter.enter();
        let mut name = |_: &[u8], _: &[u8]| 0;
        counter.count(&logged[..1], 6, &mut name, &mut tallies).unwrap();
        let mut at_a_look = 0;
        for ((event_type, body, needed), event) in events.iter().zip(&logged[1..]) {
            let one = std::slice::from_ref(event);
            let counted = counter.count(one, 6, &mut name, &mut tallies);
            let counted = counted.map(|()| {
                let Tally { written, updated, deleted, .. } = tallies[0];
                written + updated + deleted
            });
            let alone = RowsEvent::parse(body, *event_type, 6).unwrap().count(&layout);
            assert_eq!(counted.map_err(|fault| fault.0), alone);
            // The next that begins so is counted at a look, unless its rows need more care.
            let short = ShortStatement { map: MAP, event_type: *event_type, rows: body };
            let mut short_tallies = vec![];
            if counter.count_short(&[short, short], 6, &mut short_tallies) {
                assert_eq!(short_tallies, [tallies[0]; 2]);
                at_a_look += 1;
            }
            assert_eq!(alone.map_err(drop), *needed);
        }
        assert_eq!(at_a_look, 7);
        counter.enter();
        let rest = counter.count(&logged[1..2], 6, &mut name, &mut tallies);
        let fault = rest.map_err(|fault| fault.0.to_string());
        assert_eq!(fault, Err("rows event: needed a table map before it, had none".into()));
    }
}
