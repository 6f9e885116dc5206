//! Writes transactions one after another: those of one piece of a log (see [`super::pieces`]).
//!
//! A transaction's COMMIT is kept back and goes into the packet of the next one, so that most
//! transactions cost a single packet (see [`super::packet`]).

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::header::{EventType, Family};
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::Damage;
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Plain, Step, Transaction, Unit, Units, step};

use super::Options;
use super::cut::{Part, Partial, Reach};
use super::gtid::{PendingGtid, Source};
use super::hollow_xa::Hollow;
use super::load_folder::LoadFolder;
use super::manifest::{Lost, Manifest};
use super::named;
use super::packet::Packets;
use super::session::{Assignments, Session};
use super::text::ClientCharsetState;
use crate::error::{Error, Result};
use crate::select::{Selected, gtid_of};

/// A piece of the stream as it is written.
pub(super) struct Writer<'w, 'a> {
    set: &'a LogSet,
    /// Where the files of LOAD DATA statements go.
    pub folder: &'a LoadFolder,
    hollow: &'a Hollow,
    /// Number of the log in the set.
    pub index: usize,
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
    pub gtid: Option<PendingGtid>,
    /// What MariaDB's group under way was named, while a statement may commit a part of it.
    pub group: Option<PendingGtid>,
    pub timestamp: Option<(u32, u32)>,
    /// What MariaDB was told of the last transaction's source.
    source: Option<Source>,
    /// Whether transactions run in REPEATABLE READ now.
    repeatable: bool,
    pub charset: ClientCharsetState,
    /// Memory for the text of a SET.
    assignments: Vec<u8>,
    /// Where the first and the last transaction start that stand in the piece.
    ends: Option<(u64, u64)>,
    /// The transaction before, if it has no end: damage behind it tells why.
    cut: Option<Lost>,
    extent: Extent,
    /// Statements that decided about prepared XA transactions.
    pub decided: Vec<String>,
}

/// What every piece of a stream is written by.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub set: &'a LogSet,
    pub options: &'a Options,
    pub folder: &'a LoadFolder,
    /// Transactions that are left out because they changed nothing.
    pub hollow: &'a Hollow,
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
    /// Transactions that stood in the log, whether they were selected or not.
    pub extent: Extent,
    /// Whether the stream goes on behind the piece.
    pub goes_on: bool,
}

/// What comes behind a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another, if there is one.
    Unit,
    /// Nothing: the stream ends.
    End,
    /// Nothing here: the piece has to be written when it is its turn.
    Nothing,
}

impl Next {
    fn or_end(goes_on: bool) -> Self {
        if goes_on { Next::Unit } else { Next::End }
    }
}

impl<'w, 'a> Writer<'w, 'a> {
    /// Writes a piece of log number `index` into `packets`, with nothing known of the session.
    /// `format` is what the server was given before, unless that is not known yet.
    pub fn new(
        job: Job<'a>,
        (index, log): (usize, &'a Log),
        packets: Packets<'w>,
        format: Option<Option<FormatDescription>>,
    ) -> Self {
        Writer {
            set: job.set,
            folder: job.folder,
            hollow: job.hollow,
            index,
            log,
            options: job.options,
            packets,
            session: Session::new(log.format()),
            manifest: Manifest::default(),
            ahead: format.is_none(),
            format: format.flatten(),
            needs: None,
            commit_pending: false,
            gtid: None,
            group: None,
            timestamp: None,
            source: None,
            repeatable: false,
            charset: ClientCharsetState::default(),
            assignments: vec![],
            ends: None,
            cut: None,
            extent: Extent::default(),
            decided: vec![],
        }
    }

    /// Writes all units, or those up to where the stream ends. None if they are more than is to be
    /// gathered: a little log may hold a large transaction, compressed.
    pub fn write(
        mut self,
        units: &mut Units<'a>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Option<Written>> {
        let mut inflated = Inflated::default();
        let mut next = Next::Unit;
        while next == Next::Unit
            && let Some(unit) = units.next()
        {
            next = self.unit(units.format(), unit, &mut inflated)?;
            progress(units.offset());
        }
        match next {
            Next::Nothing => Ok(None),
            Next::Unit => self.finish(true).map(Some),
            Next::End => self.finish(false).map(Some),
        }
    }

    /// A statement of our own words.
    pub fn words(&mut self, words: &[u8]) -> Result<()> {
        Ok(self.packets.statement(|out| out.extend(words))?)
    }

    /// Takes the next unit.
    fn unit(
        &mut self,
        format: &FormatDescription,
        unit: Unit<'_>,
        inflated: &mut Inflated,
    ) -> Result<Next> {
        let (index, log) = (self.index, self.log);
        let transaction = match unit {
            Unit::Transaction(transaction) => transaction,
            Unit::Control(event) => {
                self.extent.event(&event);
                return Ok(Next::or_end(!self.options.ends_before(index, event.offset)));
            }
            Unit::Damage(damage) => {
                let address = EventAddress::new(log.name(), damage.range.start);
                return self.damage(address, damage).map(Next::or_end);
            }
        };
        let mut plain = Plain { transaction, damage: None };
        if self.options.opens(self.set, index, &plain.transaction)? {
            plain = plain.transaction.plain(inflated, format);
            if plain.damage.is_none() && !self.packets.may_gather(&plain.transaction) {
                return Ok(Next::Nothing);
            }
        }
        let Plain { transaction, damage } = plain;
        if let Some(damage) = damage {
            let at = address(log, &transaction);
            self.cut = Some(Lost::End(at, gtid_of(log, &transaction)?));
            return self.damage(damage.address(log), damage.damage()).map(Next::or_end);
        }
        // What lacks its end did not take effect, as far as this log tells.
        if let Some(event) = transaction.gtid_event().filter(|_| transaction.ending != Ending::Open)
        {
            self.extent.event(event);
        }
        match self.options.reach(log, index, &transaction, format.table_id_bytes()) {
            Reach::Whole => self.transaction(format, &transaction).map(Next::or_end),
            Reach::Behind => Ok(Next::End),
            Reach::Part(part) => self.part(format, part).map(|()| Next::End),
        }
    }

    /// Takes damage at `address`; false if the stream ends before it.
    fn damage(&mut self, address: EventAddress, damage: Damage) -> Result<bool> {
        if damage.reason.is_change() {
            // What was read before may be wrong already, so this piece must not come out.
            self.log.check_unchanged()?;
        }
        if damage.is_unwritten_end() {
            // What the server's own recovery would cut off as well.
            self.manifest.unwritten = Some((address, damage));
            return Ok(true);
        }
        if !self.options.accept_damage {
            self.manifest.damage = Some((address, damage));
            return Ok(false);
        }
        if let Some(cut) = self.cut.take() {
            self.manifest.unfinished = None;
            self.manifest.lost.push(cut);
        }
        self.manifest.lost.push(Lost::Range(address, damage));
        Ok(true)
    }

    /// The statements before a cut inside their transaction.
    fn part(&mut self, format: &FormatDescription, part: Part<'_>) -> Result<()> {
        let (filter, index, transaction) = (&self.options.filter, self.index, &part.transaction);
        let skipped = self.options.skip.iter().any(|target| target.is(index, transaction));
        if skipped || filter.selects(self.set, index, transaction)? != Selected::Yes {
            return self.transaction(format, transaction).map(drop);
        }
        if part.cut.partial == Partial::Commit {
            self.transaction(format, transaction)?;
            self.commit_pending = true;
        }
        self.manifest.cut = Some(part.cut);
        Ok(())
    }

    /// Takes what is left of a transaction whose beginning is lost; false if the stream ends here.
    fn headless(&mut self, transaction: &Transaction<'_>) -> bool {
        let at = address(self.log, transaction);
        self.manifest.lost.push(Lost::Beginning(at, transaction.end()));
        // At the very start it is the rest of what an older relay log holds, which was not given.
        let first = self.index == 0 && self.ends.is_none();
        self.options.accept_damage || first
    }

    fn transaction(
        &mut self,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
    ) -> Result<bool> {
        let (index, log) = (self.index, self.log);
        let filter = &self.options.filter;
        self.cut = None;
        if filter.straddles(transaction) {
            named::name(&mut self.manifest.straddling, address(log, transaction));
        }
        match filter.selects(self.set, index, transaction)? {
            Selected::Yes => {}
            Selected::Contained => {
                self.manifest.contained += 1;
                return Ok(true);
            }
            Selected::OutOfRange | Selected::Filtered => return Ok(true),
        }
        if self.hollow.contains(&(index, transaction.start())) {
            return Ok(true);
        }
        if transaction.ending == Ending::Headless {
            return Ok(self.headless(transaction));
        }
        if transaction.ending == Ending::Open {
            let at = address(log, transaction);
            self.manifest.unfinished = Some(at.clone());
            self.cut = Some(Lost::End(at, gtid_of(log, transaction)?));
            return Ok(true);
        }
        self.describe(format)?;
        self.isolate(has_text(transaction))?;
        self.name(transaction)?;
        if self.options.skip.iter().any(|target| target.is(index, transaction)) {
            self.manifest.skipped.push(address(log, transaction));
            self.consume_gtid()?;
            return Ok(true);
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
        Ok(true)
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

    /// Has transactions run in REPEATABLE READ where they hold statements of text, which InnoDB
    /// does not log as such below it, and else in READ COMMITTED, as the stream begins.
    fn isolate(&mut self, repeatable: bool) -> Result<()> {
        if self.repeatable == repeatable {
            return Ok(());
        }
        self.commit()?;
        self.repeatable = repeatable;
        let level = if repeatable { "REPEATABLE READ" } else { "READ COMMITTED" };
        self.words(format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}").as_bytes())
    }

    /// Reads the transaction's GTID, to be set with what opens it.
    fn name(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        if !self.options.skip_gtids {
            let gtid = gtid_of(self.log, transaction)?;
            if !self.manifest.gtids.insert(&gtid) {
                self.manifest.repeated.insert(&gtid);
            }
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

    /// Bytes of the checksum that the server expects of events.
    pub fn checksum_bytes(&self) -> usize {
        self.format.as_ref().map_or(0, |format| format.checksum.bytes())
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
            gtid.set(&mut assignments, &mut self.source, self.log.format().version);
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
        self.isolate(false)?;
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
            extent: self.extent,
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
    if format.family == Family::Mysql {
        // The server takes no statement between two transactions with GTIDs, but this one.
        packets.statement(|out| out.extend(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'"))?;
        packets.end()?;
    }
    packets.events(event.bytes())?;
    packets.end()?;
    if format.family == Family::Mysql && options.skip_gtids {
        // A session that has seen a format description takes a missing GTID for "anonymous".
        packets.statement(|out| out.extend(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'"))?;
    }
    Ok(())
}

/// Whether a transaction holds statements of text, steps of the transaction itself apart.
fn has_text(transaction: &Transaction<'_>) -> bool {
    transaction.events.iter().any(|event| match event.event_type() {
        EventType::QUERY => event.query().is_ok_and(|query| step(query.text) == Step::Statement),
        event_type => event_type == EventType::EXECUTE_LOAD_QUERY,
    })
}

fn address(log: &Log, transaction: &Transaction<'_>) -> EventAddress {
    EventAddress::new(log.name(), transaction.start())
}
