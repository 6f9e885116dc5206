//! Writes transactions one after another.
//!
//! A transaction's COMMIT is kept back and goes into the packet of the next one, so that most
//! transactions cost a single packet (see [`super::packet`]).

use std::io::Write;

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::DamageReason;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Transaction, Unit, Units};

use super::Options;
use super::gtid::PendingGtid;
use super::manifest::Manifest;
use super::packet::{DELIMITER, Packets};
use super::session::{Assignments, Session};
use super::text::ClientCharsetState;
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
        charset: ClientCharsetState::default(),
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

/// The stream as it is written.
pub(super) struct Writer<'w, 'a> {
    set: &'a LogSet,
    pub options: &'a Options,
    pub packets: Packets<'w>,
    pub session: Session,
    pub manifest: Manifest,
    /// The format description that the server was given last.
    pub format: Option<FormatDescription>,
    family: Family,
    /// Whether a transaction is open at the server, complete but for its COMMIT.
    pub commit_pending: bool,
    pub gtid: Option<PendingGtid<'a>>,
    timestamp: Option<(u32, u32)>,
    /// MariaDB's domain and server of the last GTID.
    source: Option<(u32, u32)>,
    pub charset: ClientCharsetState,
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
        // Else the server's log gets the text of the whole BINLOG once for every statement in it.
        self.words(match self.family {
            Family::Mysql => b"SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
            Family::Mariadb => b"SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
        })?;
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
    pub fn words(&mut self, words: &[u8]) -> Result<()> {
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
            self.statement(log, &statement, id_bytes).map_err(|error| error.at(log))?;
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
        if !self.options.skip_gtids {
            self.manifest.gtids.add(&gtid_of(log, transaction)?);
        }
        let Some(event) = transaction.gtid_event() else { return Ok(()) };
        let gtid = PendingGtid::parse(event)
            .map_err(|fault| Error::at(fault, log.location(event.offset).of("Gtid")))?;
        self.gtid = Some(gtid);
        Ok(())
    }

    /// Consumes the GTID of a transaction of which nothing goes into the stream, as the server
    /// does for what a replica filters out. MariaDB's numbers may have gaps, so there it is let go.
    fn consume_gtid(&mut self) -> Result<()> {
        let named = self.gtid.as_ref().is_some_and(PendingGtid::must_be_consumed);
        if !named || self.options.skip_gtids {
            self.gtid = None;
            return Ok(());
        }
        self.open(None, None)?;
        self.words(b"BEGIN")?;
        self.commit_pending = true;
        Ok(())
    }

    pub fn commit(&mut self) -> Result<()> {
        if std::mem::take(&mut self.commit_pending) {
            self.words(b"COMMIT")?;
        }
        Ok(())
    }

    /// What stands before a transaction or a statement: the COMMIT of the one before, the session,
    /// and the GTID.
    pub fn open(&mut self, vars: Option<&StatusVars<'_>>, time: Option<(u32, u32)>) -> Result<()> {
        self.commit()?;
        let mut set = vec![];
        let mut assignments = Assignments::new(&mut set);
        if let Some(vars) = vars {
            self.session.enter(&mut assignments, vars);
        }
        if time.is_some() && time != self.timestamp {
            self.timestamp = time;
            let (seconds, micros) = time.unwrap_or_default();
            assignments.time("TIMESTAMP", seconds, micros);
        }
        if let Some(gtid) = self.gtid.take().filter(|_| !self.options.skip_gtids) {
            gtid.set(&mut assignments, &mut self.source);
        }
        if set.is_empty() { Ok(()) } else { self.words(&set) }
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

fn address(log: &Log, transaction: &Transaction<'_>) -> EventAddress {
    EventAddress::new(log.name(), transaction.start())
}
