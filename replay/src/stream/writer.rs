//! Writes transactions one after another: those of one piece of a log (see [`super::pieces`]).
//!
//! A transaction's COMMIT is kept back and goes into the packet of the next one, so that most
//! transactions cost a single packet (see [`super::packet`]).

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
use super::manifest::{Manifest, STRADDLING_NAMED};
use super::packet::Packets;
use super::session::{Assignments, Session};
use super::text::ClientCharsetState;
use crate::error::{Error, Result};
use crate::select::{Selected, gtid_of};

/// A piece of the stream as it is written.
pub(super) struct Writer<'w, 'a> {
    set: &'a LogSet,
    /// Number of the log in the set.
    index: usize,
    log: &'a Log,
    pub options: &'a Options,
    pub packets: Packets<'w>,
    pub session: Session,
    pub manifest: Manifest,
    /// The format description that the server was given last.
    pub format: Option<FormatDescription>,
    /// Whether it is unknown what the server was given before; then `needs` is set instead of
    /// giving it the first.
    ahead: bool,
    needs: Option<FormatDescription>,
    /// Whether a transaction is open at the server, complete but for its COMMIT.
    pub commit_pending: bool,
    pub gtid: Option<PendingGtid<'a>>,
    timestamp: Option<(u32, u32)>,
    /// MariaDB's domain and server of the last GTID.
    source: Option<(u32, u32)>,
    pub charset: ClientCharsetState,
    /// Memory for the text of a SET.
    assignments: Vec<u8>,
    /// Where the first and the last transaction start that stand in the piece.
    ends: Option<(u64, u64)>,
    /// Statements that decided about prepared XA transactions.
    pub decided: Vec<String>,
}

/// A piece of the stream that is written, but for its bytes where they went to an output.
pub(super) struct Written {
    pub bytes: Vec<u8>,
    /// The format description that the server must know before; none if nothing is in the piece.
    pub needs: Option<FormatDescription>,
    /// The format description that it knows afterwards.
    pub format: Option<FormatDescription>,
    pub manifest: Manifest,
    pub decided: Vec<String>,
    /// Whether the stream goes on behind the piece.
    pub goes_on: bool,
}

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes a piece of log number `index` into `packets`, with nothing known of the session.
    /// `format` is what the server was given before, unless that is not known yet.
    pub fn new(
        set: &'a LogSet,
        options: &'a Options,
        (index, log): (usize, &'a Log),
        packets: Packets<'w>,
        format: Option<Option<FormatDescription>>,
    ) -> Self {
        Writer {
            set,
            index,
            log,
            options,
            packets,
            session: Session::new(log.format()),
            manifest: Manifest::default(),
            ahead: format.is_none(),
            format: format.flatten(),
            needs: None,
            commit_pending: false,
            gtid: None,
            timestamp: None,
            source: None,
            charset: ClientCharsetState::default(),
            assignments: vec![],
            ends: None,
            decided: vec![],
        }
    }

    /// Writes all units, or those up to where the stream ends.
    pub fn write(
        mut self,
        units: &mut Units<'a>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Written> {
        let mut goes_on = true;
        while goes_on && let Some(unit) = units.next() {
            goes_on = self.unit(units.format(), unit)?;
            progress(units.offset());
        }
        self.finish(goes_on)
    }

    /// A statement of our own words.
    pub fn words(&mut self, words: &[u8]) -> Result<()> {
        Ok(self.packets.statement(|out| out.extend(words))?)
    }

    /// Takes the next unit; false if the stream ends here.
    fn unit(&mut self, format: &FormatDescription, unit: Unit<'a>) -> Result<bool> {
        let (index, log) = (self.index, self.log);
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
        self.transaction(format, &transaction)?;
        Ok(true)
    }

    fn transaction(
        &mut self,
        format: &FormatDescription,
        transaction: &Transaction<'a>,
    ) -> Result<()> {
        let (index, log) = (self.index, self.log);
        let filter = &self.options.filter;
        if filter.straddles(transaction) && self.manifest.straddling.len() < STRADDLING_NAMED {
            self.manifest.straddling.push(address(log, transaction));
        }
        match filter.selects(self.set, index, transaction)? {
            Selected::Yes => {}
            Selected::Contained => {
                self.manifest.contained += 1;
                return Ok(());
            }
            Selected::OutOfRange | Selected::Filtered => return Ok(()),
        }
        if transaction.ending == Ending::Open {
            self.manifest.unfinished = Some(address(log, transaction));
            return Ok(());
        }
        self.describe(format)?;
        self.name(transaction)?;
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
            let start = transaction.start();
            self.ends = Some((self.ends.map_or(start, |(first, _)| first), start));
            self.manifest.transactions += 1;
        }
        Ok(())
    }

    /// Gives the server the description of the events to come, where it is another than before.
    fn describe(&mut self, format: &FormatDescription) -> Result<()> {
        if self.format.as_ref().is_some_and(|known| known.same_layout(format)) {
            return Ok(());
        }
        let first = self.format.replace(format.clone()).is_none();
        if first && self.ahead {
            self.needs = Some(format.clone());
            return Ok(());
        }
        self.commit()?;
        describe(&mut self.packets, self.options, self.log, format)
    }

    /// Reads the transaction's GTID, to be set with what opens it.
    fn name(&mut self, transaction: &Transaction<'a>) -> Result<()> {
        if !self.options.skip_gtids {
            self.manifest.gtids.add(&gtid_of(self.log, transaction)?);
        }
        let Some(event) = transaction.gtid_event() else { return Ok(()) };
        let gtid = PendingGtid::parse(event)
            .map_err(|fault| Error::at(fault, self.log.location(event.offset).of("Gtid")))?;
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
        let mut set = std::mem::take(&mut self.assignments);
        set.clear();
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
        if !set.is_empty() {
            self.words(&set)?;
        }
        self.assignments = set;
        Ok(())
    }

    /// Leaves the session as the next piece expects it: nothing open, and text safe.
    fn finish(mut self, goes_on: bool) -> Result<Written> {
        self.commit()?;
        self.packets.end()?;
        if let Some(line) = self.charset.reset_line() {
            self.packets.line(&line)?;
        }
        self.packets.flush()?;
        self.manifest.largest_packet = self.packets.largest();
        self.manifest.packets = self.packets.count();
        if let Some((first, last)) = self.ends {
            let name = self.log.name();
            self.manifest.first = Some(EventAddress::new(name, first));
            self.manifest.last = Some(EventAddress::new(name, last));
        }
        Ok(Written {
            bytes: self.packets.into_bytes(),
            needs: self.needs,
            format: self.format,
            manifest: self.manifest,
            decided: self.decided,
            goes_on,
        })
    }
}

/// Gives the server the description of the events of `log` that follow.
pub(super) fn describe(
    packets: &mut Packets<'_>,
    options: &Options,
    log: &Log,
    format: &FormatDescription,
) -> Result<()> {
    let Some(event) = log.scan().events().find(|event| {
        event.event_type() == EventType::FORMAT_DESCRIPTION
            && FormatDescription::parse(event.bytes()).is_ok_and(|f| f.same_layout(format))
    }) else {
        return Ok(());
    };
    packets.end()?;
    packets.events(event.bytes())?;
    packets.end()?;
    if format.family == Family::Mysql && options.skip_gtids {
        // A session that has seen a format description takes a missing GTID for "anonymous".
        packets.statement(|out| out.extend(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'"))?;
    }
    Ok(())
}

fn address(log: &Log, transaction: &Transaction<'_>) -> EventAddress {
    EventAddress::new(log.name(), transaction.start())
}
