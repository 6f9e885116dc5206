//! Transactions and statements: what commits together, and the events of one SQL statement.
//!
//! ```text
//! Gtid  Query(BEGIN)  Rows_query Table_map Write_rows*  Table_map Delete_rows*  Xid
//! '---'  '--------'   '------------------------------'  '-------------------'   '-'
//!  Gtid    Begin                  Rows                          Rows             End   statements
//! '----------------------------------------------------------------------------------' transaction
//! ```
//! `*` carries STMT_END, which ends a statement of rows.
//!
//! Servers may compress transactions, or events of them; [`Transaction::plain`] takes that back.

pub mod clock;
pub mod counting;
mod plain;
mod progress;
mod statement;
mod units;

use crate::error::Fault;
use crate::event::gtid::GtidEvent;
use crate::event::mariadb_gtid::MariadbGtidEvent;
use crate::gtid::TransactionGtid;
use crate::header::EventType;
use crate::scan::RawEvent;

pub use plain::{InnerDamage, Plain};
pub use statement::{Statement, StatementKind, Statements, Step, Work, step};
pub use units::{Look, ShortStatement, Unit, Units};

/// What commits together, its GTID event first where there is one.
#[derive(Debug, Clone)]
pub struct Transaction<'a> {
    /// All its events, in the order of the log; never empty.
    pub events: Vec<RawEvent<'a>>,
    /// How it ends.
    pub ending: Ending,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// An Xid event: committed by a transactional engine.
    Xid,
    /// `COMMIT` as text.
    Commit,
    /// `ROLLBACK` as text: its effects on transactional tables are gone, on others they stay.
    Rollback,
    /// An XA_PREPARE event; the decision follows in a transaction of its own.
    XaPrepare,
    /// A single statement that commits by itself: DDL, XA COMMIT, XA ROLLBACK.
    Statement,
    /// An event that holds the whole transaction, or stands for it: a payload, which
    /// [`Transaction::plain`] opens, or an incident.
    Whole,
    /// The log, or what can be read of it, ends before the transaction does.
    Open,
    /// Its beginning is lost, in damage before it or in an earlier relay log: what is left of one
    /// transaction or of several. Nothing tells what belongs together, or whether it committed.
    Headless,
}

impl Ending {
    /// All of them, those of whole transactions first. Indexes number them in this order.
    pub const ALL: [Ending; 8] = [
        Ending::Xid,
        Ending::Commit,
        Ending::Rollback,
        Ending::XaPrepare,
        Ending::Statement,
        Ending::Whole,
        Ending::Open,
        Ending::Headless,
    ];

    /// Its number in [`Ending::ALL`].
    #[must_use]
    pub fn number(self) -> usize {
        self as usize
    }

    /// Whether the transaction has its beginning and its end.
    #[must_use]
    pub fn is_whole(self) -> bool {
        !matches!(self, Ending::Open | Ending::Headless)
    }
}

/// What the event that opens a transaction says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// Its name.
    pub gtid: TransactionGtid,
    /// When the server that wrote the log committed it, in microseconds since 1970 UTC, where it says
    /// so: MySQL's do from 8.0.1 on.
    pub committed: Option<u64>,
}

impl Opening {
    /// Reads a GTID event of either family.
    ///
    /// # Errors
    /// A [`Fault`] if it cannot be read.
    pub fn read(event: &RawEvent<'_>) -> Result<Self, Fault> {
        if event.event_type() == EventType::MARIADB_GTID {
            let event = MariadbGtidEvent::parse(event.body(), &event.header())?;
            return Ok(Opening { gtid: TransactionGtid::Mariadb(event.gtid), committed: None });
        }
        let (gtid, time) = GtidEvent::name(event.body(), &event.header())?;
        Ok(Opening { gtid, committed: time.filter(|time| *time != 0) })
    }
}

impl<'a> Transaction<'a> {
    /// What `event` alone is of its transaction, for [`Transaction::plain`] to open it.
    #[must_use]
    pub fn part(event: RawEvent<'a>) -> Self {
        Transaction { events: vec![event], ending: Ending::Open }
    }

    /// Stream position of the first byte.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.events.first().map_or(0, |event| event.offset)
    }

    /// Stream position of the byte after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.events.last().map_or(0, RawEvent::end)
    }

    /// Whether the event of this place, as [`RawEvent::place`] tells it, is one of this
    /// transaction's.
    #[must_use]
    pub fn holds(&self, place: (u64, Option<u64>)) -> bool {
        self.events.binary_search_by_key(&place, RawEvent::place).is_ok()
    }

    /// The event that names the transaction, if the server wrote one.
    #[must_use]
    pub fn gtid_event(&self) -> Option<&RawEvent<'a>> {
        self.events.first().filter(|event| event.event_type().is_gtid())
    }

    /// The transaction's name; anonymous where the server wrote none.
    ///
    /// # Errors
    /// A [`Fault`] if the GTID event cannot be read.
    pub fn gtid(&self) -> Result<TransactionGtid, Fault> {
        self.gtid_event().map_or(Ok(TransactionGtid::Anonymous), Transaction::gtid_of)
    }

    /// The name that a GTID event gives to its transaction.
    ///
    /// # Errors
    /// A [`Fault`] if the event cannot be read.
    pub fn gtid_of(event: &RawEvent<'_>) -> Result<TransactionGtid, Fault> {
        Opening::read(event).map(|opening| opening.gtid)
    }

    /// When the transaction committed, as its last event's header tells: the start of the last
    /// statement, in seconds since 1970 UTC. 0 if no event has a time.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        let mut times = self.events.iter().rev().map(|event| event.header().timestamp);
        times.find(|time| *time != 0).unwrap_or(0)
    }

    /// When the transaction's first statement started, in seconds since 1970 UTC.
    #[must_use]
    pub fn started(&self) -> u32 {
        let mut times = self.events.iter().map(|event| event.header().timestamp);
        times.find(|time| *time != 0).unwrap_or(0)
    }

    /// The event that starts at stream position `offset`, if it is one of this transaction's; the
    /// first of those in a payload there.
    #[must_use]
    pub fn event_at(&self, offset: u64) -> Option<usize> {
        let at = self.events.partition_point(|event| event.offset < offset);
        self.events.get(at).filter(|event| event.offset == offset).map(|_| at)
    }

    /// The statements, first to last. Every event is in exactly one of them.
    pub fn statements<'t>(&'t self, table_id_bytes: usize) -> Statements<'t, 'a> {
        Statements::new(&self.events, table_id_bytes)
    }

    /// The statements that do something, each with its number among all: without those that only name
    /// the transaction, begin it or end it.
    #[inline]
    pub fn work<'t>(&'t self, table_id_bytes: usize) -> Work<'t, 'a> {
        Work::new(&self.events, table_id_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_numbered_as_they_are_listed() {
        for (number, ending) in Ending::ALL.into_iter().enumerate() {
            assert_eq!(ending.number(), number);
        }
    }
}
