//! The statements of a transaction, one after another.

use std::borrow::Cow;

use binlog_parser::Fault;
use binlog_parser::error::Location;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Statement, StatementKind, Step, step};

use super::gtid::{Begins, PendingGtid};
use super::packet::encoded_len;
use super::rows::RowsStatement;
use super::text;
use super::writer::Writer;
use crate::error::{Error, Result};

impl Writer<'_, '_> {
    pub fn statement(
        &mut self,
        log: &Log,
        statement: &Statement<'_, '_>,
        id_bytes: usize,
    ) -> Result<(), StatementError> {
        let Some(event) = statement.last() else { return Ok(()) };
        match statement.kind {
            StatementKind::Gtid => self.begin_group(event),
            StatementKind::Begin => {
                let query = parse(event, |_| event.query())?;
                let vars = parse(event, |_| query.status_vars())?;
                let micros = vars.microseconds.unwrap_or(0);
                self.open(Some(&vars), Some((event.header().timestamp, micros)))?;
                self.begin(event, query.text)
            }
            StatementKind::Rows { .. } => self.rows(log, statement, id_bytes),
            StatementKind::Query => self.query(log, statement),
            StatementKind::End => self.end(event),
            // The check has let through only what has no effect on data.
            StatementKind::Other => Ok(()),
        }
    }

    /// `BEGIN`, or `XA START` in the server's own words.
    fn begin(&mut self, event: &RawEvent<'_>, text: &[u8]) -> Result<(), StatementError> {
        if text::is_plain(text) {
            return Ok(self.words(text)?);
        }
        if text.starts_with(b"XA") {
            // The check has refused it; this is for what changed since.
            let fault = Fault::unsupported("XA START", "not as servers log it");
            return Err(StatementError::Fault(fault, Place::of(event)));
        }
        // Under MariaDB's sql_mode ORACLE, BEGIN opens a block.
        Ok(self.words(match self.session.family() {
            Family::Mysql => b"BEGIN",
            Family::Mariadb => b"START TRANSACTION",
        })?)
    }

    /// MariaDB's GTID event begins the transaction itself, unless it stands alone.
    pub fn begin_group(&mut self, event: &RawEvent<'_>) -> Result<(), StatementError> {
        self.group = self.gtid.as_ref().and_then(PendingGtid::again);
        let Some(PendingGtid::Mariadb { begins, .. }) = &mut self.gtid else { return Ok(()) };
        let Some(begins) = begins.take() else {
            self.group = None;
            return Ok(());
        };
        self.open(None, Some((event.header().timestamp, 0)))?;
        match begins {
            Begins::Xa(xid) => self.words(format!("XA START {xid}").as_bytes())?,
            Begins::Transaction => self.words(b"START TRANSACTION")?,
        }
        Ok(())
    }

    fn rows(
        &mut self,
        log: &Log,
        statement: &Statement<'_, '_>,
        id_bytes: usize,
    ) -> Result<(), StatementError> {
        let place = statement.events.first().map(Place::of).unwrap_or_default();
        let fault = |fault| StatementError::Fault(fault, place);
        let limit = self.options.usual();
        let run =
            RowsStatement::as_it_stands(statement.events, log.bytes(), self.options, id_bytes);
        if let Some(run) = run.filter(|run| encoded_len(run.len()) <= limit) {
            self.begin_rows()?;
            return Ok(self.binlog(&[Cow::Borrowed(run)], limit)?);
        }
        let rows =
            RowsStatement::new(statement.events, self.options, self.checksum_bytes(), id_bytes)
                .map_err(fault)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.begin_rows()?;
        if encoded_len(rows.bytes()) <= limit {
            let batch = rows.whole(self.options).map_err(fault)?;
            return Ok(self.binlog(&batch, limit)?);
        }
        for batch in rows.batches(limit / 4 * 3, self.options).map_err(fault)? {
            self.binlog(&batch, limit)?;
        }
        Ok(())
    }

    fn begin_rows(&mut self) -> Result<()> {
        self.manifest.statements += 1;
        if self.gtid.is_some() {
            // Rows without a BEGIN before them: logs of servers before 5.5.
            self.open(None, None)?;
        }
        Ok(())
    }

    /// Adds events to the packet's BINLOG, or to a new one if they would make it too large.
    fn binlog(&mut self, batch: &[Cow<'_, [u8]>], limit: usize) -> Result<()> {
        let bytes: usize = batch.iter().map(|run| encoded_len(run.len())).sum();
        if self.packets.pending_bytes() + bytes > limit {
            self.packets.end()?;
        }
        if self.options.needs_halves(bytes) {
            return Ok(self.packets.halves(batch)?);
        }
        for run in batch {
            self.packets.events(run)?;
        }
        Ok(())
    }

    fn end(&mut self, event: &RawEvent<'_>) -> Result<(), StatementError> {
        match event.event_type() {
            EventType::XA_PREPARE => {
                let prepare = parse(event, XaPrepareEvent::parse)?;
                let xid = prepare.xid.to_string();
                if prepare.one_phase {
                    self.words(format!("XA COMMIT {xid} ONE PHASE").as_bytes())?;
                } else {
                    self.words(format!("XA PREPARE {xid}").as_bytes())?;
                    self.session.forget_thread();
                    self.manifest.prepared.push(xid);
                }
            }
            EventType::QUERY => {
                let query = parse(event, |_| event.query())?;
                if step(query.text) == Step::Rollback {
                    self.words(b"ROLLBACK")?;
                } else {
                    self.commit_pending = true;
                }
            }
            _ => self.commit_pending = true,
        }
        Ok(())
    }
}

/// A failure inside a statement, whose place the caller knows.
pub(super) enum StatementError {
    Fault(Fault, Place),
    Other(Error),
}

/// Where an event stands, and its type.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    offset: u64,
    inner: Option<u64>,
    kind: &'static str,
}

impl Place {
    pub fn of(event: &RawEvent<'_>) -> Self {
        let (offset, inner) = event.place();
        Place { offset, inner, kind: event.event_type().name() }
    }
}

impl<E: Into<Error>> From<E> for StatementError {
    fn from(error: E) -> Self {
        StatementError::Other(error.into())
    }
}

impl StatementError {
    /// The failure with its place in `log`.
    pub fn at(self, log: &Log) -> Error {
        match self {
            StatementError::Fault(fault, Place { offset, inner, kind }) => {
                Error::at(fault, Location { inner, ..log.location(offset).of(kind) })
            }
            StatementError::Other(error) => error,
        }
    }
}

/// Reads an event's body; a fault gets its place.
pub(super) fn parse<'a, T>(
    event: &RawEvent<'a>,
    read: impl FnOnce(&'a [u8]) -> Result<T, Fault>,
) -> Result<T, StatementError> {
    read(event.body()).map_err(|fault| StatementError::Fault(fault, Place::of(event)))
}
