//! What is gathered of a piece of a log, on any thread, with numbers of its own for names.

mod look;

use std::collections::HashMap;
use std::hash::Hash;

use super::block::{Blocks, PackedBlock};
use super::content::{Change, Content, KINDS, ROWS_IN_CONTENT, TableName, Texts, kind_code};
use super::facts::{Facts, Source};
use super::notes::{Counted, Noted, Notes, Whole};
use super::part::NEVER;
use super::record::{Name, Record};
use crate::event::format_description::FormatDescription;
use crate::event::gtid_list::GtidListEvent;
use crate::event::previous_gtids::PreviousGtidsEvent;
use crate::event::rotate::RotateEvent;
use crate::event::text;
use crate::gtid::TransactionGtid;
use crate::header::EventType;
use crate::inflate::Inflated;
use crate::parallel::PIECE_BYTES;
use crate::quick_hash::QuickHash;
use crate::scan::RawEvent;
use crate::source::chain::Extending;
use crate::source::log::Log;
use crate::transaction::counting::{CountFault, Counter, Tally, count_events};
use crate::transaction::{
    Ending, Opening, Statement, StatementKind, Step, Transaction, Unit, Units, step,
};
use look::Singles;

/// Things and their numbers, in the order in which they first come.
#[derive(Debug, Clone)]
pub(super) struct Numbered<T> {
    pub all: Vec<T>,
    numbers: HashMap<T, u32, QuickHash>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { all: vec![], numbers: HashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    pub fn of(all: Vec<T>) -> Self {
        let numbers = all.iter().cloned().zip(0..).collect();
        Numbered { all, numbers }
    }

    /// The number of `thing`, if it has one.
    pub fn known(&self, thing: &T) -> Option<u32> {
        self.numbers.get(thing).copied()
    }

    /// The number of `thing`, which may be new.
    pub fn number(&mut self, thing: &T) -> u32 {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(thing.clone());
        self.numbers.insert(thing.clone(), number);
        number
    }
}

/// What is gathered of a piece.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub blocks: Vec<PackedBlock>,
    pub tables: Numbered<TableName>,
    pub sources: Numbered<Source>,
    pub contents: Numbered<Content>,
    pub facts: Facts,
    /// Its parts: one, but of a large piece.
    pub parts: Vec<PartOfPiece>,
}

/// A part that ends where the next begins.
#[derive(Debug)]
pub(super) struct PartOfPiece {
    pub start: u64,
    /// Earliest and latest time of an event of a transaction, and of another.
    pub times: [(u32, u32); 2],
    pub noted: Option<Noted>,
}

/// What a walk over a piece keeps.
struct Walk<'a, N> {
    /// But for its blocks.
    piece: Piece,
    blocks: Blocks,
    log: &'a Log,
    notes: N,
    /// The part under way: where it began, and its times.
    part: (u64, [(u32, u32); 2]),
    /// Events by the code of their type.
    events: [u64; 256],
    /// The memory for compressed transactions, once there is one.
    inflated: Option<Box<Inflated>>,
    counter: Counter,
    tallies: Vec<Tally>,
    content: Content,
    /// Of contents of one change, by table.
    singles: Vec<Singles>,
    gtids: Extending,
    /// Number of the source of the last GTID.
    source: u32,
}

impl Piece {
    /// Gathers what `units` give, with `notes` of it.
    pub fn of(log: &Log, units: &mut Units<'_>, notes: impl Notes) -> Self {
        let mut walk = Walk {
            piece: Piece::default(),
            blocks: Blocks::default(),
            log,
            notes,
            part: (units.offset(), [NEVER; 2]),
            events: [0; 256],
            inflated: None,
            counter: Counter::default(),
            tallies: vec![],
            content: Content::default(),
            singles: vec![],
            gtids: Extending::default(),
            source: 0,
        };
        let mut statements = vec![];
        loop {
            if let Some(look) = units.look_at_statements(&mut statements)
                && walk.look(&look, &statements)
            {
                units.pass(&look);
            } else if let Some((transaction, format)) = units.glance() {
                walk.transaction(transaction, format);
            } else if let Some(unit) = units.next() {
                walk.unit(unit, units.format());
            } else {
                break;
            }
        }
        walk.end_part(units.offset());
        walk.piece.blocks = walk.blocks.finish();
        walk.piece.facts.extent = walk.gtids.finish();
        let counted = (0..=u8::MAX).zip(walk.events).filter(|(_, count)| *count > 0);
        walk.piece.facts.events = counted.collect();
        walk.piece
    }
}

/// Times that reach to one more.
fn reach((first, last): (u32, u32), time: u32) -> (u32, u32) {
    (first.min(time), last.max(time))
}

impl<N: Notes> Walk<'_, N> {
    fn unit(&mut self, unit: Unit<'_>, format: &FormatDescription) {
        match unit {
            Unit::Control(event) => self.control(&event),
            Unit::Damage(damage) => {
                let lost = (damage.range, damage.reason.name().to_owned());
                self.piece.facts.damage.push(lost);
            }
            Unit::Transaction(transaction) if transaction.is_compressed() => {
                self.compressed(transaction, format);
            }
            Unit::Transaction(transaction) => self.transaction(&transaction, format),
        }
    }

    /// Counts events; the earliest and the latest time that stands in them.
    fn count(&mut self, events: &[RawEvent<'_>]) -> (u32, u32) {
        count_events(events, &mut self.events, &mut self.piece.facts.time)
    }

    /// Takes the times of events of a transaction into the part.
    fn times(&mut self, events: &[RawEvent<'_>]) {
        let [times, _] = &mut self.part.1;
        *times = events.iter().map(|event| event.header().timestamp).fold(*times, reach);
    }

    /// Ends a part where the next begins.
    fn end_part(&mut self, next: u64) {
        let (start, times) = std::mem::replace(&mut self.part, (next, [NEVER; 2]));
        let noted = self.notes.take();
        self.piece.parts.push(PartOfPiece { start, times, noted });
    }

    fn control(&mut self, event: &RawEvent<'_>) {
        self.count(std::slice::from_ref(event));
        let [_, frame] = &mut self.part.1;
        *frame = reach(*frame, event.header().timestamp);
        let facts = &mut self.piece.facts;
        facts.closed_by = None;
        let (body, header) = (event.body(), &event.header());
        let read = match event.event_type() {
            EventType::PREVIOUS_GTIDS => PreviousGtidsEvent::parse(body, header).map(drop),
            EventType::GTID_LIST => GtidListEvent::parse(body, header).map(drop),
            EventType::ROTATE => {
                facts.closed_by = Some(event.event_type().0);
                let rotate = RotateEvent::parse(body);
                rotate.map(|rotate| facts.next_log = Some(rotate.next_log.to_vec()))
            }
            EventType::STOP => {
                facts.closed_by = Some(event.event_type().0);
                Ok(())
            }
            _ => Ok(()),
        };
        facts.faults += u64::from(read.is_err());
    }

    /// Gathers a transaction of which nothing is compressed.
    fn transaction(&mut self, transaction: &Transaction<'_>, format: &FormatDescription) {
        let (whole, record) = self.enter(transaction);
        self.content.compressed = false;
        self.plain(whole, transaction, format);
        self.leave(record);
    }

    fn compressed(&mut self, transaction: Transaction<'_>, format: &FormatDescription) {
        let (whole, record) = self.enter(&transaction);
        self.content.compressed = true;
        // The events borrow what is inflated, not the rest of the walk.
        let mut inflated = self.inflated.take().unwrap_or_default();
        let plain = transaction.plain(&mut inflated, format);
        if plain.damage.is_some() {
            let lost = (whole.range.0..whole.range.1, "bad_compression".to_owned());
            self.piece.facts.damage.push(lost);
        }
        self.times(&plain.transaction.events);
        self.plain(whole, &plain.transaction, format);
        drop(plain);
        self.inflated = Some(inflated);
        self.leave(record);
    }

    /// Gathers what a transaction is as it stands in the log: all of its record but what it does.
    fn enter(&mut self, transaction: &Transaction<'_>) -> (Whole, Record) {
        let whole = Whole::of(transaction);
        self.arrive(whole);
        let times = self.count(&transaction.events);
        self.reach(times);
        let name = self.name(transaction);
        let record = Record {
            start: whole.range.0,
            end: whole.range.1,
            started: transaction.started(),
            time: transaction.timestamp(),
            ending: whole.ending,
            server_id: transaction.events.first().map_or(0, |event| event.header().server_id),
            name,
            content: None,
            counts: vec![],
        };
        self.content.clear();
        (whole, record)
    }

    /// Comes to the next transaction.
    fn arrive(&mut self, Whole { range: (start, _), ending }: Whole) {
        if start / PIECE_BYTES > self.part.0 / PIECE_BYTES && !self.blocks.is_empty() {
            self.end_part(start);
        }
        self.piece.facts.closed_by = None;
        if let Some(count) = self.piece.facts.endings.get_mut(ending.number()) {
            *count += 1;
        }
    }

    /// Takes the earliest and the latest time of a transaction into the part.
    fn reach(&mut self, (first, last): (u32, u32)) {
        let [times, _] = &mut self.part.1;
        *times = reach(reach(*times, first), last);
    }

    /// Takes what the transaction does into its record, which is whole then.
    fn leave(&mut self, record: Record) {
        let counts = self.counts();
        let content = Some(self.piece.contents.number(&self.content));
        self.blocks.push(&Record { content, counts, ..record });
    }

    /// Reads the name of a transaction, and when it was committed.
    fn name(&mut self, transaction: &Transaction<'_>) -> Name {
        let event = transaction.gtid_event();
        // Looked at where it is read: each transaction has one.
        let read = event.map(Opening::read);
        let timestamp = || transaction.timestamp();
        if let (Some(event), Some(Ok(opening))) = (event, &read) {
            return self.named(event, opening, transaction.ending, timestamp);
        }
        self.piece.facts.faults += u64::from(read.is_some());
        self.piece.facts.clock.transaction(transaction.start(), timestamp, None);
        Name::Unnamed
    }

    /// Takes in the name of a transaction that `event` opens, and when it was committed.
    #[inline]
    fn named(
        &mut self,
        event: &RawEvent<'_>,
        Opening { gtid, committed }: &Opening,
        ending: Ending,
        timestamp: impl FnOnce() -> u32,
    ) -> Name {
        self.piece.facts.clock.transaction(event.offset, timestamp, *committed);
        let taken = ending != Ending::Open;
        if let TransactionGtid::Mysql(gtid) = gtid
            && self.piece.facts.server_uuid.is_none()
            && taken
            && event.header().server_id == self.log.header().server_id
        {
            self.piece.facts.server_uuid = Some(gtid.uuid);
        }
        let follows = taken && self.gtids.transaction(gtid);
        let (number, source) = match gtid {
            TransactionGtid::Anonymous => return Name::Anonymous,
            TransactionGtid::Mysql(gtid) if follows => (gtid.gno, self.source),
            TransactionGtid::Mariadb(gtid) if follows => (gtid.seq, self.source),
            TransactionGtid::Mysql(gtid) => {
                (gtid.gno, self.piece.sources.number(&Source::Mysql(gtid.tsid())))
            }
            TransactionGtid::Mariadb(gtid) => {
                (gtid.seq, self.piece.sources.number(&Source::Mariadb(gtid.source())))
            }
        };
        if taken {
            self.source = source;
        }
        Name::Gtid { source, number }
    }

    /// Gathers what a transaction does into `content`.
    fn plain(&mut self, whole: Whole, plain: &Transaction<'_>, format: &FormatDescription) {
        self.counter.enter();
        self.notes.enter(whole, plain, format);
        let id_bytes = format.table_id_bytes();
        let mut tallies = std::mem::take(&mut self.tallies);
        for (number, statement) in plain.work(id_bytes) {
            let counted = if let StatementKind::Rows { .. } = statement.kind {
                let fault = self.rows(&statement, id_bytes, &mut tallies);
                Some(Counted { tallies: &mut tallies, tables: &self.piece.tables.all, fault })
            } else {
                statement.events.iter().for_each(|event| self.look_at(event));
                None
            };
            self.notes.statement(plain, number, &statement, counted, format);
        }
        self.tallies = tallies;
    }

    fn look_at(&mut self, event: &RawEvent<'_>) {
        let content = &mut self.content;
        let read = match event.event_type() {
            EventType::QUERY => event.query().map(|query| match step(query.text) {
                Step::Statement => content.texts.add(Texts::of(query.text)),
                Step::XaDecision => content.texts.add(Texts::of(b"XA")),
                _ => {}
            }),
            EventType::ROWS_QUERY => {
                text::rows_query(event.body()).map(|text| content.rows_texts.add(Texts::of(text)))
            }
            EventType::ANNOTATE_ROWS => {
                content.rows_texts.add(Texts::of(event.body()));
                Ok(())
            }
            EventType::XID | EventType::XA_PREPARE => Ok(()),
            // Context of statements, files, incidents: whoever wants more reads the log.
            _ => {
                content.texts.add(Texts::OTHER);
                Ok(())
            }
        };
        self.piece.facts.faults += u64::from(read.is_err());
    }

    /// Counts a statement of rows; tells what of it cannot be read.
    fn rows<'s>(
        &mut self,
        statement: &Statement<'s, 's>,
        id_bytes: usize,
        tallies: &mut Vec<Tally>,
    ) -> Option<CountFault<'s>> {
        let of_rows = |event: &&RawEvent<'_>| {
            event.event_type() == EventType::TABLE_MAP || event.event_type().is_rows()
        };
        let before = statement.events.iter().take_while(|event| !of_rows(event));
        before.for_each(|event| self.look_at(event));
        let tables = &mut self.piece.tables;
        let mut name = |database: &[u8], table: &[u8]| {
            tables.number(&(database.to_vec(), table.to_vec())) as usize
        };
        let counted = self.counter.count(statement.events, id_bytes, &mut name, tallies);
        self.piece.facts.faults += u64::from(counted.is_err());
        for tally in tallies.iter() {
            self.change(tally);
        }
        counted.err()
    }

    fn change(&mut self, tally: &Tally) {
        let sums = &mut self.piece.facts.rows;
        if sums.len() <= tally.table {
            sums.resize(tally.table + 1, [0; 3]);
        }
        // A table that is named and of which no row is changed is not told from one that is only
        // mapped; no server logs that.
        let none = KINDS.iter().all(|kind| tally.of(*kind) == 0);
        self.piece.facts.faults += u64::from(none);
        for kind in KINDS {
            let rows = tally.of(kind);
            if rows == 0 {
                continue;
            }
            if let Some(sum) = sums.get_mut(tally.table) {
                sum[kind_code(kind)] += rows;
            }
            let change = Change { table: tally.table as u32, kind, rows };
            let same =
                |known: &&mut Change| (known.table, known.kind) == (change.table, change.kind);
            match self.content.changes.iter_mut().find(same) {
                Some(known) => known.rows += rows,
                None => self.content.changes.push(change),
            }
        }
    }

    /// Takes the numbers of rows out of the content that its record is to have.
    fn counts(&mut self) -> Vec<u64> {
        let mut counts = vec![];
        for change in &mut self.content.changes {
            if change.rows > ROWS_IN_CONTENT || change.rows == 0 {
                counts.push(std::mem::take(&mut change.rows));
            }
        }
        counts
    }
}
