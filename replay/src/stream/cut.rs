//! How far the stream goes into a transaction: where `--stop-before` or `--stop-after` names an
//! event inside of one, the cut falls between two of its statements.
//!
//! ```text
//! Gtid Begin | Rows | Rows | Query | End        --stop-before an event of the second Rows:
//! '----------------'                            this part, or with --partial drop nothing
//! ```

use std::cmp::Ordering;

use binlog_parser::address::EventAddress;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::header::EventType;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, StatementKind, Transaction};

use super::Options;
use super::named::NAMED;
use crate::error::{Error, Result};
use crate::select::Target;

/// What becomes of the statements before a cut inside their transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Partial {
    /// They are left out, as the rest of their transaction is.
    #[default]
    Drop,
    /// They are replayed and committed, under the transaction's own GTID.
    Commit,
}

/// The statements before a cut inside their transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Their transaction.
    pub transaction: EventAddress,
    /// Where they start; at most a few.
    pub statements: Vec<EventAddress>,
    /// How many they are.
    pub count: u64,
    /// What became of them.
    pub partial: Partial,
}

/// How far the stream goes into a transaction.
pub(crate) enum Reach<'a> {
    /// To its end, and perhaps on.
    Whole,
    /// Not at all: the stream ends before.
    Behind,
    /// Up to a statement inside; the stream ends there.
    Part(Part<'a>),
}

/// The part of a transaction before a cut.
pub(crate) struct Part<'a> {
    /// Its events, without an end.
    pub transaction: Transaction<'a>,
    /// What the manifest says of it.
    pub cut: Cut,
    /// How the whole transaction ends.
    ending: Ending,
}

impl Options {
    /// How far the stream goes into a transaction of log number `number`; one that is compressed
    /// must have been opened.
    pub(crate) fn reach<'a>(
        &self,
        log: &Log,
        number: usize,
        transaction: &Transaction<'a>,
        id_bytes: usize,
    ) -> Reach<'a> {
        let here = (number, transaction.start());
        let compare = |target: &Target| here.cmp(&(target.log, target.start));
        if let Some(target) = &self.stop_before {
            match compare(target) {
                Ordering::Less => {}
                Ordering::Equal if target.is_inside() => {
                    let before = transaction.events.iter();
                    let before = before.take_while(|event| event.place() < target.place()).count();
                    return self.part(log, transaction, id_bytes, Bound::Before(before));
                }
                _ => return Reach::Behind,
            }
        }
        if let Some(target) = &self.stop_after {
            match compare(target) {
                Ordering::Less => {}
                Ordering::Equal if target.is_inside() => {
                    let through = transaction.events.iter();
                    let through =
                        through.take_while(|event| event.place() <= target.place()).count();
                    return self.part(log, transaction, id_bytes, Bound::Through(through));
                }
                Ordering::Equal => {}
                Ordering::Greater => return Reach::Behind,
            }
        }
        Reach::Whole
    }

    fn part<'a>(
        &self,
        log: &Log,
        transaction: &Transaction<'a>,
        id_bytes: usize,
        bound: Bound,
    ) -> Reach<'a> {
        let (mut events, mut at, mut rest) = (0, 0, false);
        let mut statements = vec![];
        for statement in transaction.statements(id_bytes) {
            let data = matches!(statement.kind, StatementKind::Query | StatementKind::Rows { .. });
            if bound.takes(at, statement.events.len()) && !rest {
                events = at + statement.events.len();
                if data {
                    statements.push(statement.address(log));
                }
            } else {
                rest |= data;
            }
            at += statement.events.len();
        }
        match (rest, statements.len() as u64) {
            // Nothing but the end is behind the cut, and a whole transaction ends by itself.
            (false, 1..) if matches!(bound, Bound::Through(_)) => return Reach::Whole,
            (_, 0) => return Reach::Behind,
            _ => {}
        }
        let count = statements.len() as u64;
        statements.truncate(NAMED);
        let start = EventAddress::new(log.name(), transaction.start());
        let part = transaction.events.get(..events).unwrap_or_default().to_vec();
        Reach::Part(Part {
            transaction: Transaction { events: part, ending: Ending::Commit },
            cut: Cut { transaction: start, statements, count, partial: self.partial },
            ending: transaction.ending,
        })
    }
}

impl Part<'_> {
    /// Refuses to commit what its server did not.
    pub fn check(&self) -> Result<()> {
        let is_xa = |text: &[u8]| text.starts_with(b"XA ");
        let xa = self.transaction.events.iter().any(|event| {
            event.event_type() == EventType::QUERY
                && event.query().is_ok_and(|QueryEvent { text, .. }| is_xa(text))
        });
        let why = match self.ending {
            Ending::Open => "its log ends before it does, so it never committed",
            Ending::Rollback => "it was rolled back",
            Ending::Headless => "its beginning is lost",
            _ if xa || self.ending == Ending::XaPrepare => "it is an XA transaction",
            _ => return Ok(()),
        };
        let at = &self.cut.transaction;
        Err(Error::refused(
            format!("--partial commit: {at}: {why}"),
            "--partial drop leaves all of the transaction out",
        ))
    }
}

/// A cut among the events of a transaction.
#[derive(Clone, Copy)]
enum Bound {
    /// Behind the last statement that ends within so many events.
    Before(usize),
    /// Behind the statement that the last of so many events is in.
    Through(usize),
}

impl Bound {
    /// Whether a statement of `count` events, the first of number `start`, lies before the cut.
    fn takes(self, start: usize, count: usize) -> bool {
        match self {
            Bound::Before(events) => start + count <= events,
            Bound::Through(events) => start < events,
        }
    }
}
