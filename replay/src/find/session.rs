//! The session that a statement ran in, as far as its transaction tells.

use binlog_parser::Fault;
use binlog_parser::event::mariadb_gtid::{MariadbGtidEvent, flags_extra};
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;
use binlog_parser::transaction::Transaction;

use crate::sql::Dialect;

/// The session that a statement ran in, as far as its transaction tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) thread_id: Option<u32>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) sql_mode: u64,
    pub(super) client_collation: Option<u16>,
    pub(super) microseconds: Option<u32>,
}

impl Session {
    pub(super) fn of(query: &QueryEvent<'_>, vars: &StatusVars<'_>) -> Self {
        Session {
            thread_id: Some(query.thread_id),
            user: vars.invoker.map(|(user, host)| [user, b"@", host].concat()),
            sql_mode: vars.sql_mode.unwrap_or(0),
            client_collation: vars.charset.map(|charset| charset.client),
            microseconds: vars.microseconds,
        }
    }

    pub(super) fn dialect(&self, server: &Dialect) -> Dialect {
        let dialect = server.with_sql_mode(self.sql_mode);
        match self.client_collation {
            Some(collation) => dialect.with_client_collation(collation),
            None => dialect,
        }
    }
}

/// The session of a transaction's rows: that of its first Query event, which is MySQL's BEGIN; of
/// MariaDB's, the GTID event may name the connection.
pub(super) fn session_of(transaction: &Transaction<'_>) -> Session {
    let mut queries =
        transaction.events.iter().filter(|event| event.event_type() == EventType::QUERY);
    let read = |event: &RawEvent<'_>| -> Result<Session, Fault> {
        let query = event.query()?;
        Ok(Session::of(&query, &query.status_vars()?))
    };
    let first = queries.next().and_then(|event| read(event).ok());
    let mut session = first.unwrap_or_default();
    session.microseconds = None;
    if session.thread_id.is_none() {
        session.thread_id = mariadb_gtid(transaction).and_then(|gtid| gtid.thread_id);
    }
    session
}

fn mariadb_gtid<'a>(transaction: &Transaction<'a>) -> Option<MariadbGtidEvent<'a>> {
    let event = transaction.gtid_event()?;
    if event.event_type() != EventType::MARIADB_GTID {
        return None;
    }
    MariadbGtidEvent::parse(event.body(), &event.header()).ok()
}

/// Whether an ALTER TABLE of MariaDB is only announced, or taken back
/// (`binlog_alter_two_phase`); the half that commits it has the text again.
pub(super) fn is_half_of_alter(transaction: &Transaction<'_>) -> bool {
    const HALVES: u8 = flags_extra::START_ALTER | flags_extra::ROLLBACK_ALTER;
    mariadb_gtid(transaction).is_some_and(|gtid| gtid.flags_extra & HALVES != 0)
}
