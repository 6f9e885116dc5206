//! What is gathered of a piece of a log, on any thread, with numbers of its own for names.

use std::collections::HashMap;
use std::hash::Hash;

use super::content::{Change, Content, ROWS_IN_CONTENT, Texts, kind_code};
use super::facts::{Facts, Source};
use super::record::{Name, Record};
use crate::error::Fault;
use crate::event::format_description::FormatDescription;
use crate::event::rows::{DUMMY_TABLE_ID, RowsEvent};
use crate::event::table_map::TableMapEvent;
use crate::event::text;
use crate::gtid::TransactionGtid;
use crate::header::EventType;
use crate::inflate::Inflated;
use crate::row::RowLayout;
use crate::scan::RawEvent;
use crate::source::log::Log;
use crate::transaction::{Ending, Step, Transaction, Unit, Units, step};

/// A database and a table.
pub type TableName = (Vec<u8>, Vec<u8>);

/// Things and their numbers, in the order in which they first come.
#[derive(Debug, Clone)]
pub(super) struct Numbered<T> {
    pub all: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { all: vec![], numbers: HashMap::new() }
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
    pub records: Vec<Record>,
    pub tables: Numbered<TableName>,
    pub sources: Numbered<Source>,
    pub contents: Numbered<Content>,
    pub facts: Facts,
}

/// A table as a table map shows it.
struct Table {
    number: u32,
    layout: RowLayout,
}

/// What a walk over a piece keeps.
struct Walk<'a> {
    piece: Piece,
    log: &'a Log,
    /// Events by the code of their type.
    events: [u64; 256],
    inflated: Inflated,
    /// Tables by the bytes of their maps behind the table id.
    maps: Vec<Table>,
    known: HashMap<Vec<u8>, usize>,
    /// The maps of the transaction under way: a table id, and a place in `maps`.
    open: Vec<(u64, usize)>,
    content: Content,
    /// GTIDs that follow each other and are not among the facts yet.
    run: Option<(Source, u64, u64)>,
}

impl Piece {
    /// Gathers what `units` give.
    pub fn of(log: &Log, units: &mut Units<'_>) -> Self {
        let mut walk = Walk {
            piece: Piece::default(),
            log,
            events: [0; 256],
            inflated: Inflated::default(),
            maps: vec![],
            known: HashMap::new(),
            open: vec![],
            content: Content::default(),
            run: None,
        };
        while let Some(unit) = units.next() {
            match unit {
                Unit::Control(event) => walk.event(&event),
                Unit::Damage(damage) => {
                    let lost = (damage.range, damage.reason.name().to_owned());
                    walk.piece.facts.damage.push(lost);
                }
                Unit::Transaction(transaction) => walk.transaction(transaction, units.format()),
            }
        }
        walk.end_run();
        let counted = (0..=u8::MAX).zip(walk.events).filter(|(_, count)| *count > 0);
        walk.piece.facts.events = counted.collect();
        walk.piece
    }
}

impl Walk<'_> {
    fn event(&mut self, event: &RawEvent<'_>) {
        let facts = &mut self.piece.facts;
        self.events[usize::from(event.event_type().0)] += 1;
        let time = event.header.timestamp;
        if time != 0 {
            let (first, last) = facts.time.unwrap_or((time, time));
            facts.time = Some((first.min(time), last.max(time)));
        }
    }

    fn transaction(&mut self, transaction: Transaction<'_>, format: &FormatDescription) {
        transaction.events.iter().for_each(|event| self.event(event));
        let ending = transaction.ending;
        self.piece.facts.transactions += 1;
        self.piece.facts.broken += u64::from(matches!(ending, Ending::Open | Ending::Headless));
        let record = Record {
            start: transaction.start(),
            end: transaction.end(),
            started: transaction.started(),
            time: transaction.timestamp(),
            ending,
            server_id: transaction.events.first().map_or(0, |event| event.header.server_id),
            name: self.name(&transaction),
            content: None,
            counts: vec![],
        };
        self.content.compressed = transaction.is_compressed();
        self.content.changes.clear();
        (self.content.texts, self.content.rows_texts) = Default::default();
        self.open.clear();
        self.look_into(transaction, format);
        self.push(record);
    }

    fn name(&mut self, transaction: &Transaction<'_>) -> Name {
        let Some(event) = transaction.gtid_event() else { return Name::Unnamed };
        let gtid = match Transaction::gtid_of(event) {
            Ok(gtid) => gtid,
            Err(_) => {
                self.piece.facts.faults += 1;
                return Name::Unnamed;
            }
        };
        let (source, number) = match gtid {
            TransactionGtid::Anonymous => return Name::Anonymous,
            TransactionGtid::Mysql(gtid) => {
                if event.header.server_id == self.log.header().server_id {
                    self.piece.facts.server_uuid.get_or_insert(gtid.uuid);
                }
                (Source::Mysql(gtid.tsid()), gtid.gno)
            }
            TransactionGtid::Mariadb(gtid) => (Source::Mariadb(gtid.source()), gtid.seq),
        };
        if transaction.ending != Ending::Open {
            match &mut self.run {
                Some((known, _, last))
                    if *known == source && last.checked_add(1) == Some(number) =>
                {
                    *last = number;
                }
                _ => {
                    self.end_run();
                    self.run = Some((source, number, number));
                }
            }
        }
        Name::Gtid { source: self.piece.sources.number(&source), number }
    }

    fn end_run(&mut self) {
        if let Some((source, first, last)) = self.run.take() {
            self.piece.facts.add_gtids(source, first..=last);
        }
    }

    /// Gathers what a transaction does into `content`.
    fn look_into(&mut self, transaction: Transaction<'_>, format: &FormatDescription) {
        // The events borrow what is inflated, not the rest of the walk.
        let mut inflated = std::mem::take(&mut self.inflated);
        let (start, end) = (transaction.start(), transaction.end());
        let plain = transaction.plain(&mut inflated, format);
        if plain.damage.is_some() {
            self.piece.facts.damage.push((start..end, "bad_compression".to_owned()));
        }
        for event in &plain.transaction.events {
            if self.look_at(event, format.table_id_bytes()).is_err() {
                self.piece.facts.faults += 1;
            }
        }
        drop(plain);
        self.inflated = inflated;
    }

    fn look_at(&mut self, event: &RawEvent<'_>, id_bytes: usize) -> Result<(), Fault> {
        let content = &mut self.content;
        match event.event_type() {
            EventType::TABLE_MAP => self.map(event, id_bytes)?,
            event_type if event_type.is_rows() => self.rows(event, id_bytes)?,
            EventType::QUERY => {
                let query = event.query()?;
                match step(query.text) {
                    Step::Statement => content.texts.add(Texts::of(query.text)),
                    Step::XaDecision => content.texts.add(Texts::of(b"XA")),
                    _ => {}
                }
            }
            EventType::ROWS_QUERY => {
                content.rows_texts.add(Texts::of(text::rows_query(event.body())?));
            }
            EventType::ANNOTATE_ROWS => content.rows_texts.add(Texts::of(event.body())),
            EventType::XID | EventType::XA_PREPARE => {}
            event_type if event_type.is_gtid() => {}
            // Context of statements, files, incidents: whoever wants more reads the log.
            _ => content.texts.add(Texts::OTHER),
        }
        Ok(())
    }

    fn map(&mut self, event: &RawEvent<'_>, id_bytes: usize) -> Result<(), Fault> {
        let (id, rest) = match event.body().split_at_checked(id_bytes) {
            Some((id, rest)) => (crate::wire::le_uint(id).unwrap_or(0), rest),
            None => {
                return Err(Fault::short("table id", id_bytes as u64, event.body().len() as u64));
            }
        };
        let place = match self.known.get(rest) {
            Some(place) => *place,
            None => {
                let map = TableMapEvent::parse(event.body(), id_bytes)?;
                let name = (map.database.to_vec(), map.table.to_vec());
                let table =
                    Table { number: self.piece.tables.number(&name), layout: map.layout()? };
                self.maps.push(table);
                self.known.insert(rest.to_vec(), self.maps.len() - 1);
                self.maps.len() - 1
            }
        };
        match self.open.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = place,
            None => self.open.push((id, place)),
        }
        Ok(())
    }

    fn rows(&mut self, event: &RawEvent<'_>, id_bytes: usize) -> Result<(), Fault> {
        let rows = RowsEvent::parse(event.body(), event.event_type(), id_bytes)?;
        let open = self.open.iter().find(|(id, _)| *id == rows.table_id);
        let Some(table) = open.and_then(|(_, place)| self.maps.get(*place)) else {
            if rows.table_id == DUMMY_TABLE_ID {
                return Ok(());
            }
            return Err(Fault::value("table id", "one of a table map", rows.table_id));
        };
        let count = rows.count(&table.layout)?;
        let number = table.number as usize;
        let sums = &mut self.piece.facts.rows;
        if sums.len() <= number {
            sums.resize(number + 1, [0; 3]);
        }
        if let Some(sum) = sums.get_mut(number) {
            sum[kind_code(rows.kind)] += count;
        }
        let change = Change { table: table.number, kind: rows.kind, rows: count };
        let same = |known: &&mut Change| (known.table, known.kind) == (change.table, change.kind);
        match self.content.changes.iter_mut().find(same) {
            Some(known) => known.rows += count,
            None => self.content.changes.push(change),
        }
        Ok(())
    }

    /// Adds a record of what was gathered.
    fn push(&mut self, mut record: Record) {
        for change in &mut self.content.changes {
            if change.rows > ROWS_IN_CONTENT || change.rows == 0 {
                record.counts.push(std::mem::take(&mut change.rows));
            }
        }
        record.content = Some(self.piece.contents.number(&self.content));
        self.piece.records.push(record);
    }
}
