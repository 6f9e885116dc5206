//! How far a transaction is, event by event: what is open, and what ends it.

use super::Ending;
use super::statement::{BEGIN, Step, ends_load, step};
use crate::event::mariadb_gtid;
use crate::header::{EventType, Family};
use crate::scan::RawEvent;

/// What the events seen so far call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Progress {
    /// No transaction is open.
    #[default]
    Idle,
    /// One was announced; a single statement may be all of it.
    Announced,
    /// One was begun; only its end ends it.
    Begun,
}

impl Progress {
    /// What the GTID event that opens a transaction calls for.
    pub fn announced(event: &RawEvent<'_>, family: Family) -> Self {
        if opens_group(event, family) { Progress::Begun } else { Progress::Announced }
    }

    /// Moves on by an event of an open transaction; tells how it ends the transaction, if it does.
    pub fn advance(&mut self, event: &RawEvent<'_>) -> Option<Ending> {
        match event.event_type() {
            EventType::QUERY => return self.advance_by_query(event),
            EventType::XID => return Some(Ending::Xid),
            EventType::XA_PREPARE => return Some(Ending::XaPrepare),
            EventType::TRANSACTION_PAYLOAD | EventType::INCIDENT => return Some(Ending::Whole),
            // What ends a transaction that was begun is too short to be compressed.
            EventType::EXECUTE_LOAD_QUERY | EventType::QUERY_COMPRESSED
                if *self != Progress::Begun =>
            {
                return Some(Ending::Statement);
            }
            event_type if ends_load(event_type) && *self != Progress::Begun => {
                return Some(Ending::Statement);
            }
            event_type => self.advance_by_rows(event_type),
        }
        None
    }

    /// Moves on by an event that ends nothing.
    #[inline]
    pub fn advance_by_rows(&mut self, event_type: EventType) {
        match event_type {
            EventType::TABLE_MAP => *self = Progress::Begun,
            _ if *self == Progress::Idle => *self = Progress::Announced,
            _ => {}
        }
    }

    fn advance_by_query(&mut self, event: &RawEvent<'_>) -> Option<Ending> {
        let text = event.query_text().unwrap_or_default();
        // Every transaction of rows has one.
        if text == BEGIN {
            *self = Progress::Begun;
            return None;
        }
        match step(text) {
            Step::Begin => *self = Progress::Begun,
            Step::Commit => return Some(Ending::Commit),
            Step::Rollback => return Some(Ending::Rollback),
            Step::XaDecision => return Some(Ending::Statement),
            Step::Inside => {}
            Step::Statement if *self == Progress::Begun => {}
            // CREATE TABLE … SELECT of MySQL 8.0.21 and later opens its transaction itself.
            Step::Statement if text.ends_with(b"START TRANSACTION") => *self = Progress::Begun,
            Step::Statement => return Some(Ending::Statement),
        }
        None
    }
}

/// Whether a GTID event itself begins the transaction, as MariaDB's does where there is no BEGIN.
fn opens_group(event: &RawEvent<'_>, family: Family) -> bool {
    family == Family::Mariadb
        && event.event_type() == EventType::MARIADB_GTID
        && event.body().get(12).is_some_and(|flags2| flags2 & mariadb_gtid::flags::STANDALONE == 0)
}
