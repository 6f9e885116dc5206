//! Writes transactions one after another.
//!
//! A transaction's COMMIT is kept back and goes into the packet of the next one, so that most
//! transactions cost a single packet (see [`super::packet`]).

use std::borrow::Cow;
use std::io::Write;

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::{EventHeader, EventType, Family};
use binlog_parser::scan::{DamageReason, RawEvent};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{
    Ending, Statement, StatementKind, Step, Transaction, Unit, Units, step,
};

use super::Options;
use super::manifest::Manifest;
use super::packet::{DELIMITER, Packets, encoded_len};
use super::rows::{Batch, RowsStatement};
use super::session::{Assignments, Session};
use super::text::{self, TextStatement};
use crate::error::{Error, Result};
use crate::select::{Selected, gtid_of};

/// How many straddling transactions the manifest names.
const STRADDLING_NAMED: usize = 20;

/// Writes what `options` select of `set`.
pub(super) fn write(
    set: &LogSet,
    options: &Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest> {
    let Some(first) = set.logs().first() else { return Ok(Manifest::default()) };
    let mut writer = Writer {
        set,
        options,
        packets: Packets::new(out),
        session: Session::new(first.format()),
        manifest: Manifest::default(),
        format: None,
        family: first.format().family,
        commit_pending: false,
        gtid: None,
        timestamp: None,
        source: None,
        charset: text::ClientCharsetState::default(),
    };
    writer.preamble()?;
    let mut done = 0;
    'logs: for (index, log) in set.logs().iter().enumerate() {
        let mut units = Units::new(log.scan());
        while let Some(unit) = units.next() {
            if !writer.unit(index, log, units.format(), unit)? {
                break 'logs;
            }
            progress(done + units.offset());
        }
        done += log.len();
    }
    writer.finish()
}

/// A GTID event that waits for the statement which opens its transaction.
enum PendingGtid<'a> {
    Mysql(GtidEvent),
    Mariadb(MariadbGtidEvent<'a>, EventHeader),
}

struct Writer<'w, 'a> {
    set: &'a LogSet,
    options: &'a Options,
    packets: Packets<'w>,
    session: Session,
    manifest: Manifest,
    /// The format description that the server was given last.
    format: Option<FormatDescription>,
    family: Family,
    /// Whether a transaction is open at the server, complete but for its COMMIT.
    commit_pending: bool,
    gtid: Option<PendingGtid<'a>>,
    timestamp: Option<(u32, u32)>,
    /// MariaDB's domain and server of the last GTID.
    source: Option<(u32, u32)>,
    charset: text::ClientCharsetState,
}

impl<'a> Writer<'_, 'a> {
    fn preamble(&mut self) -> Result<()> {
        self.packets.line(b"/*M!999999\\- enable the sandbox mode */")?;
        // A client that keeps comments knows its own commands only behind a whole statement.
        // Prepared XA transactions keep their locks; without gap locks they block nothing else.
        self.packets.line(b"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;")?;
        self.packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
        if let Some(charset) = &self.options.set_charset {
            self.words(format!("SET NAMES {charset}").as_bytes())?;
        }
        self.words(b"SET @@SESSION.COMPLETION_TYPE=0,@@SESSION.AUTOCOMMIT=1")?;
        // Marks the session as one that applies a log: XA PREPARE lets go of its transaction.
        self.words(b"SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
        if self.options.disable_log_bin {
            self.words(b"SET @@SESSION.SQL_LOG_BIN=0")?;
        }
        if self.options.idempotent {
            self.words(b"SET @@SESSION.RBR_EXEC_MODE=IDEMPOTENT")?;
        }
        Ok(self.packets.end()?)
    }

    /// A statement of our own words.
    fn words(&mut self, words: &[u8]) -> Result<()> {
        Ok(self.packets.statement(|out| out.extend(words))?)
    }

    /// Takes the next unit; false if the stream ends here.
    fn unit(
        &mut self,
        index: usize,
        log: &'a Log,
        format: &FormatDescription,
        unit: Unit<'a>,
    ) -> Result<bool> {
        let transaction = match unit {
            Unit::Transaction(transaction) => transaction,
            Unit::Control(event) => return Ok(!self.options.ends_before(index, event.offset)),
            Unit::Damage(damage) => {
                let address = EventAddress::new(log.name(), damage.range.start);
                let mut alive = false;
                if let DamageReason::Torn { in_use: true, .. } = damage.reason {
                    // The end of a log that is being written, or of a server that died: what its
                    // own recovery would cut off as well.
                    alive = true;
                }
                self.manifest.damage = Some((address, damage));
                return Ok(alive);
            }
        };
        if self.options.ends_before(index, transaction.start()) {
            let target = self.options.stop_before.as_ref();
            if target.is_some_and(|target| target.is_inside() && target.is(index, &transaction)) {
                self.manifest.cut_inside = Some(address(log, &transaction));
            }
            return Ok(false);
        }
        self.transaction(index, log, format, &transaction)?;
        Ok(true)
    }

    fn transaction(
        &mut self,
        index: usize,
        log: &'a Log,
        format: &FormatDescription,
        transaction: &Transaction<'a>,
    ) -> Result<()> {
        let filter = &self.options.filter;
        if filter.straddles(transaction) && self.manifest.straddling.len() < STRADDLING_NAMED {
            self.manifest.straddling.push(address(log, transaction));
        }
        if filter.selects(self.set, index, transaction)? != Selected::Yes {
            return Ok(());
        }
        if transaction.ending == Ending::Open {
            self.manifest.unfinished = Some(address(log, transaction));
            return Ok(());
        }
        self.describe(format, log)?;
        self.name(log, transaction)?;
        if self.options.skip.iter().any(|target| target.is(index, transaction)) {
            self.manifest.skipped.push(address(log, transaction));
            return self.consume_gtid();
        }
        let statements = self.manifest.statements;
        let id_bytes = format.table_id_bytes();
        for statement in transaction.statements(id_bytes) {
            self.statement(log, &statement, id_bytes).map_err(|error| match error {
                StatementError::Fault(fault, offset, kind) => {
                    Error::at(fault, log.location(offset).of(kind))
                }
                StatementError::Other(error) => error,
            })?;
        }
        self.consume_gtid()?;
        self.manifest.bytes += transaction.end() - transaction.start();
        if self.manifest.statements > statements || !filter.by_table() {
            let address = address(log, transaction);
            self.manifest.first.get_or_insert_with(|| address.clone());
            self.manifest.last = Some(address);
            self.manifest.transactions += 1;
        }
        Ok(())
    }

    /// Gives the server the description of the events to come, where it is another than before.
    fn describe(&mut self, format: &FormatDescription, log: &'a Log) -> Result<()> {
        if self.format.as_ref().is_some_and(|known| known.same_layout(format)) {
            return Ok(());
        }
        self.format = Some(format.clone());
        self.commit()?;
        let Some(event) = log.scan().events().find(|event| {
            event.event_type() == EventType::FORMAT_DESCRIPTION
                && FormatDescription::parse(event.bytes()).is_ok_and(|f| f.same_layout(format))
        }) else {
            return Ok(());
        };
        self.packets.end()?;
        self.packets.events(event.bytes())?;
        self.packets.end()?;
        if self.family == Family::Mysql && self.options.skip_gtids {
            // A session that has seen a format description takes a missing GTID for "anonymous".
            self.words(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
        }
        Ok(())
    }

    /// Reads the transaction's GTID, to be set with what opens it.
    fn name(&mut self, log: &'a Log, transaction: &Transaction<'a>) -> Result<()> {
        self.manifest.gtids.add(&gtid_of(log, transaction)?);
        let Some(event) = transaction.gtid_event() else { return Ok(()) };
        let place = || log.location(event.offset).of("Gtid");
        self.gtid = Some(if event.event_type() == EventType::MARIADB_GTID {
            let gtid = MariadbGtidEvent::parse(event.body(), &event.header)
                .map_err(|fault| Error::at(fault, place()))?;
            PendingGtid::Mariadb(gtid, event.header)
        } else {
            let gtid = GtidEvent::parse(event.body(), &event.header)
                .map_err(|fault| Error::at(fault, place()))?;
            PendingGtid::Mysql(gtid)
        });
        Ok(())
    }

    /// Consumes the GTID of a transaction of which nothing goes into the stream, as the server
    /// does for what a replica filters out. MariaDB's numbers may have gaps, so there it is let go.
    fn consume_gtid(&mut self) -> Result<()> {
        match self.gtid {
            Some(PendingGtid::Mysql(GtidEvent { gtid: TransactionGtid::Mysql(_), .. }))
                if !self.options.skip_gtids =>
            {
                self.open(None, None)?;
                self.words(b"BEGIN")?;
                self.commit_pending = true;
            }
            _ => self.gtid = None,
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        if std::mem::take(&mut self.commit_pending) {
            self.words(b"COMMIT")?;
        }
        Ok(())
    }

    /// What stands before a transaction or a statement: the COMMIT of the one before, the session,
    /// and the GTID.
    fn open(&mut self, vars: Option<&StatusVars<'_>>, time: Option<(u32, u32)>) -> Result<()> {
        self.commit()?;
        let mut set = vec![];
        let mut assignments = Assignments::new(&mut set);
        if let Some(vars) = vars {
            self.session.enter(&mut assignments, vars);
        }
        if time.is_some() && time != self.timestamp {
            self.timestamp = time;
            let (seconds, micros) = time.unwrap_or_default();
            assignments.with("TIMESTAMP", |out| push_time(out, seconds, micros));
        }
        let gtid = self.gtid.take();
        match gtid {
            Some(_) if self.options.skip_gtids => {}
            Some(PendingGtid::Mysql(gtid)) => set_mysql_gtid(&mut assignments, &gtid),
            Some(PendingGtid::Mariadb(gtid, header)) => {
                set_mariadb_gtid(&mut assignments, &gtid, &header, &mut self.source);
            }
            None => {}
        }
        if set.is_empty() { Ok(()) } else { self.words(&set) }
    }

    fn statement(
        &mut self,
        log: &'a Log,
        statement: &Statement<'_, 'a>,
        id_bytes: usize,
    ) -> Result<(), StatementError> {
        let Some(event) = statement.last() else { return Ok(()) };
        match statement.kind {
            StatementKind::Gtid => self.begin_group(event),
            StatementKind::Begin => {
                let query = parse(event, QueryEvent::parse)?;
                let vars = parse(event, |_| query.status_vars())?;
                let micros = vars.microseconds.unwrap_or(0);
                self.open(Some(&vars), Some((event.header.timestamp, micros)))?;
                Ok(self.words(query.text)?)
            }
            StatementKind::Rows { .. } => self.rows(log, statement, id_bytes),
            StatementKind::Query => self.query(event),
            StatementKind::End => self.end(event),
            // The check has let through only what has no effect on data.
            StatementKind::Other => Ok(()),
        }
    }

    /// MariaDB's GTID event begins the transaction itself, unless it stands alone.
    fn begin_group(&mut self, event: &RawEvent<'a>) -> Result<(), StatementError> {
        let Some(PendingGtid::Mariadb(gtid, _)) = &self.gtid else { return Ok(()) };
        if gtid.is_standalone() || gtid.is_completed_xa() {
            return Ok(());
        }
        let xid = gtid.xid.filter(|_| gtid.is_prepared_xa());
        self.open(None, Some((event.header.timestamp, 0)))?;
        match xid {
            Some(xid) => self.words(format!("XA START {xid}").as_bytes())?,
            None => self.words(b"START TRANSACTION")?,
        }
        Ok(())
    }

    fn rows(
        &mut self,
        log: &'a Log,
        statement: &Statement<'_, 'a>,
        id_bytes: usize,
    ) -> Result<(), StatementError> {
        let first = |event: &RawEvent<'_>| (event.offset, event.event_type().name());
        let (offset, kind) = statement.events.first().map(first).unwrap_or_default();
        let fault = |fault| StatementError::Fault(fault, offset, kind);
        let rows = RowsStatement::new(statement.events, self.options, id_bytes).map_err(fault)?;
        if rows.is_empty() {
            return Ok(());
        }
        self.manifest.statements += 1;
        if self.gtid.is_some() {
            // Rows without a BEGIN before them: logs of servers before 5.5.
            self.open(None, None)?;
        }
        let limit = self.options.packet_bytes;
        if encoded_len(rows.bytes()) <= limit {
            let batch = rows.whole(log.bytes(), self.options).map_err(fault)?;
            return Ok(self.binlog(&batch, limit)?);
        }
        for batch in rows.batches(limit / 4 * 3, self.options).map_err(fault)? {
            self.binlog(&batch, limit)?;
        }
        Ok(())
    }

    /// Adds events to the packet's BINLOG, or to a new one if they would make it too large.
    fn binlog(&mut self, batch: &Batch<'_>, limit: usize) -> Result<()> {
        let bytes: usize = batch.iter().map(|run| encoded_len(run.len())).sum();
        if self.packets.pending_bytes() + bytes > limit {
            self.packets.end()?;
        }
        for run in batch {
            self.packets.events(run)?;
        }
        Ok(())
    }

    fn query(&mut self, event: &RawEvent<'a>) -> Result<(), StatementError> {
        let query = parse(event, QueryEvent::parse)?;
        let vars = parse(event, |_| query.status_vars())?;
        let time = Some((event.header.timestamp, vars.microseconds.unwrap_or(0)));
        if text::is_plain(query.text) {
            // XA END, XA COMMIT, XA ROLLBACK: the server's own words.
            self.open(Some(&vars), time)?;
            self.words(query.text)?;
            self.decide(query.text);
            return Ok(());
        }
        let format = self.format.as_ref().map_or("", |format| format.server_version.as_str());
        let statement = TextStatement::new(event, &query, &vars, format);
        if !statement.is_selected(self.options) {
            return Ok(());
        }
        let refused =
            |refusal: text::Refused| StatementError::Fault(refusal.fault, event.offset, "Query");
        statement.check_rewrite(self.options).map_err(refused)?;
        let prepared = statement.prepare(&mut self.charset).map_err(refused)?;
        self.manifest.statements += 1;
        self.manifest.needs_binary_mode |= prepared.needs_binary_mode;
        if let Some(line) = &prepared.charset_line {
            self.commit()?;
            self.packets.line(line)?;
            self.session.forget_charset();
        }
        if prepared.binary_mode_check {
            self.words(text::BINARY_MODE_CHECK)?;
        }
        self.open(Some(&vars), time)?;
        self.enter_database(&statement, &query)?;
        let text: Cow<'_, [u8]> = prepared.text;
        match &prepared.delimiter {
            None => self.packets.text(&text)?,
            Some(delimiter) => {
                self.packets.line(format!("DELIMITER {delimiter}").as_bytes())?;
                self.packets.line(&[&text[..], b"\n", delimiter.as_bytes()].concat())?;
                self.packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
            }
        }
        if statement.changes_databases() {
            self.session.forget_database();
        }
        Ok(())
    }

    /// Enters the database and the connection number that a statement depends on.
    fn enter_database(
        &mut self,
        statement: &TextStatement<'_, '_>,
        query: &QueryEvent<'_>,
    ) -> Result<()> {
        let mut set = vec![];
        self.session.use_thread(&mut Assignments::new(&mut set), query.thread_id);
        if !set.is_empty() {
            self.words(&set)?;
        }
        let database = self.options.rewritten(query.database);
        if statement.needs_database() && self.session.use_database(database) {
            self.packets.statement(|out| {
                out.extend(b"USE ");
                crate::sql::quote::quote_identifier(out, database);
            })?;
        }
        Ok(())
    }

    fn end(&mut self, event: &RawEvent<'a>) -> Result<(), StatementError> {
        match event.event_type() {
            EventType::XA_PREPARE => {
                let prepare = parse(event, XaPrepareEvent::parse)?;
                let xid = prepare.xid.to_string();
                if prepare.one_phase {
                    self.words(format!("XA COMMIT {xid} ONE PHASE").as_bytes())?;
                } else {
                    self.words(format!("XA PREPARE {xid}").as_bytes())?;
                    self.manifest.prepared.push(xid);
                }
            }
            EventType::QUERY => {
                let query = parse(event, QueryEvent::parse)?;
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

    /// Notes the decision about a prepared XA transaction.
    fn decide(&mut self, text: &[u8]) {
        if step(text) == Step::XaDecision {
            let text = String::from_utf8_lossy(text);
            self.manifest.prepared.retain(|xid| !text.contains(xid.as_str()));
        }
    }

    fn finish(mut self) -> Result<Manifest> {
        self.commit()?;
        if self.family == Family::Mysql {
            self.words(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'")?;
        }
        self.words(b"SET @@SESSION.PSEUDO_SLAVE_MODE=0")?;
        self.packets.line(b"DELIMITER ;")?;
        self.packets.flush()?;
        self.manifest.largest_packet = self.packets.largest();
        self.manifest.packets = self.packets.count();
        Ok(self.manifest)
    }
}

/// A failure inside a statement, whose place the caller knows.
enum StatementError {
    Fault(binlog_parser::Fault, u64, &'static str),
    Other(Error),
}

impl<E: Into<Error>> From<E> for StatementError {
    fn from(error: E) -> Self {
        StatementError::Other(error.into())
    }
}

/// Reads an event's body; a fault gets its place.
fn parse<'a, T>(
    event: &RawEvent<'a>,
    read: impl FnOnce(&'a [u8]) -> Result<T, binlog_parser::Fault>,
) -> Result<T, StatementError> {
    read(event.body())
        .map_err(|fault| StatementError::Fault(fault, event.offset, event.event_type().name()))
}

fn address(log: &Log, transaction: &Transaction<'_>) -> EventAddress {
    EventAddress::new(log.name(), transaction.start())
}

/// Seconds with six digits of fraction, where there is one.
fn push_time(out: &mut Vec<u8>, seconds: u32, micros: u32) {
    crate::sql::quote::push_integer(out, i128::from(seconds));
    if micros != 0 {
        out.extend(format!(".{micros:06}").as_bytes());
    }
}

fn set_mysql_gtid(set: &mut Assignments<'_>, event: &GtidEvent) {
    if let Some(time) = event.original_commit_timestamp.or(event.immediate_commit_timestamp) {
        set.integer("ORIGINAL_COMMIT_TIMESTAMP", time);
    }
    if let Some(version) = event.original_server_version.or(event.immediate_server_version) {
        set.integer("ORIGINAL_SERVER_VERSION", version);
    }
    if let Some(version) = event.immediate_server_version {
        set.integer("IMMEDIATE_SERVER_VERSION", version);
    }
    set.with("GTID_NEXT", |out| {
        out.push(b'\'');
        match event.gtid {
            TransactionGtid::Mysql(gtid) => out.extend(gtid.to_string().as_bytes()),
            _ => out.extend(b"ANONYMOUS"),
        }
        out.push(b'\'');
    });
}

fn set_mariadb_gtid(
    set: &mut Assignments<'_>,
    event: &MariadbGtidEvent<'_>,
    header: &EventHeader,
    known: &mut Option<(u32, u32)>,
) {
    let source = (event.gtid.domain, header.server_id);
    if *known != Some(source) {
        *known = Some(source);
        set.integer("GTID_DOMAIN_ID", source.0);
        set.integer("SERVER_ID", source.1);
    }
    set.integer("GTID_SEQ_NO", event.gtid.seq);
}
