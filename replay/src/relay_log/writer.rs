//! Walks the logs and puts what is selected into relay logs.

use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::gtid::{MariadbPosition, TransactionGtid};
use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{StatementKind, Step, Transaction, Units, step};

use super::change::{Changes, ServerIds};
use super::course::{Choice, Course, address};
use super::file::RelayLogs;
use super::format::SourceFormat;
use super::obstacle;
use super::scheduled::Schedule;
use super::source::{Position, SourceNames};
use super::{Files, Manifest, apply};
use crate::error::{Error, Result};
use crate::select::gtid_of;
use crate::stream::Options;

/// Writes what `options` select of `set`.
pub(super) fn write(
    set: &LogSet,
    family: Family,
    options: &Options,
    file_bytes: u64,
    files: &mut Files<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest> {
    let anonymous = options.skip_gtids;
    let mut writer = Writer {
        course: Course::new(set, options),
        names: SourceNames::new(set),
        relay_logs: RelayLogs::new(files, family, file_bytes),
        changes: Changes { family, checksum_bytes: 0, server_ids: ServerIds::default(), anonymous },
        anonymous: false,
        schedule: Schedule::default(),
        last_gtids: MariadbPosition::new(),
    };
    let mut done = 0;
    for (index, log) in set.logs().iter().enumerate() {
        if !writer.log(index, log, &mut |at| progress(done + at))? {
            break;
        }
        done += log.len();
    }
    writer.finish()
}

struct Writer<'w, 'f, 'a> {
    course: Course<'a>,
    names: SourceNames,
    relay_logs: RelayLogs<'w, 'f>,
    changes: Changes,
    /// Whether there are transactions without a GTID.
    anonymous: bool,
    schedule: Schedule,
    last_gtids: MariadbPosition,
}

impl<'a> Writer<'_, '_, 'a> {
    /// Writes a log; false if the cut ends in it.
    fn log(&mut self, index: usize, log: &'a Log, progress: &mut dyn FnMut(u64)) -> Result<bool> {
        let ends = index > 0 && self.course.options.ends_before(index, FIRST_EVENT);
        if ends || !self.course.goes_on_with(index) {
            return Ok(false);
        }
        obstacle::check_format(log, log.format())?;
        let scan = log.scan();
        let Some(format) = scan.clone().events().next() else { return Ok(true) };
        let format = SourceFormat::new(&format, log.format());
        self.relay_logs.enter(self.names.name(index), FIRST_EVENT, format)?;
        let mut units = Units::new(scan);
        while let Some(unit) = units.next() {
            match self.course.choose(index, log, unit, units.format())? {
                Choice::Take(transaction) => {
                    self.describe(log, &units)?;
                    self.take(log, &transaction)?;
                }
                Choice::Skip(transaction) => {
                    self.describe(log, &units)?;
                    self.consume(log, &transaction)?;
                }
                Choice::Commit(transaction) => {
                    self.describe(log, &units)?;
                    self.take(log, &transaction)?;
                    self.commit(&transaction)?;
                    return Ok(false);
                }
                Choice::Pass => {}
                Choice::End => return Ok(false),
            }
            progress(units.offset());
        }
        log.check_unchanged()?;
        Ok(true)
    }

    /// Tells of another layout of events in the middle of a log, as a replica's relay logs have it.
    fn describe(&mut self, log: &Log, units: &Units<'_>) -> Result<()> {
        let format = units.format();
        if self.relay_logs.is_described(format) {
            return Ok(());
        }
        let mut walk = log.scan();
        while let Some(scanned) = walk.next() {
            if let Scanned::Event(event) = scanned
                && event.event_type() == EventType::FORMAT_DESCRIPTION
                && walk.format().same_layout(format)
            {
                self.relay_logs.describe(SourceFormat::new(&event, format))?;
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, log: &Log, transaction: &Transaction<'_>) -> Result<()> {
        let gtid = gtid_of(log, transaction)?;
        obstacle::check(log, self.changes.family, transaction)?;
        self.changes.checksum_bytes = self.relay_logs.frame().checksum_bytes;
        self.relay_logs.make_room(transaction.end() - transaction.start())?;
        for event in transaction.events.iter().filter(|event| !is_frame(event.event_type())) {
            if event.event_type() == EventType::QUERY {
                self.schedule.note(event, &log.format().server_version);
            }
            self.changes.push(self.relay_logs.out()?, event).map_err(|fault| {
                Error::at(fault, log.location(event.offset).of(event.event_type().name()))
            })?;
        }
        self.count(log, transaction);
        self.note_xa(transaction);
        self.note_gtid(&gtid);
        Ok(())
    }

    /// Leaves a transaction out. In MySQL an empty one takes its GTID, as where a replica filters;
    /// in MariaDB numbers may be left out.
    fn consume(&mut self, log: &Log, transaction: &Transaction<'_>) -> Result<()> {
        let gtid = gtid_of(log, transaction)?;
        let Some(event) = transaction.gtid_event() else { return Ok(()) };
        if !matches!(gtid, TransactionGtid::Mysql(_)) || self.course.options.skip_gtids {
            return Ok(());
        }
        let frame = self.relay_logs.frame();
        self.changes.checksum_bytes = frame.checksum_bytes;
        self.relay_logs.make_room(event.bytes().len() as u64)?;
        let out = self.relay_logs.out()?;
        self.changes
            .push(out, event)
            .map_err(|fault| Error::at(fault, log.location(event.offset).of("Gtid")))?;
        let header = |end| self.changes.query_header(event, end);
        frame.query(out, header(event.end()), "BEGIN");
        frame.query(out, header(transaction.end()), "COMMIT");
        self.note_gtid(&gtid);
        Ok(())
    }

    /// Ends a transaction of which only the beginning goes in.
    fn commit(&mut self, transaction: &Transaction<'_>) -> Result<()> {
        let Some(event) = transaction.events.last() else { return Ok(()) };
        let (frame, header) =
            (self.relay_logs.frame(), self.changes.query_header(event, event.end()));
        frame.query(self.relay_logs.out()?, header, "COMMIT");
        Ok(())
    }

    fn count(&mut self, log: &Log, transaction: &Transaction<'_>) {
        let manifest = &mut self.course.manifest;
        manifest.first.get_or_insert_with(|| address(log, transaction));
        manifest.last = Some(address(log, transaction));
        manifest.transactions += 1;
        manifest.bytes += transaction.end() - transaction.start();
        let statements = transaction.statements(log.format().table_id_bytes());
        let counted = |kind: &StatementKind| {
            matches!(kind, StatementKind::Query | StatementKind::Rows { .. })
        };
        manifest.statements +=
            statements.map(|statement| statement.kind).filter(counted).count() as u64;
    }

    /// Keeps the list of XA transactions that wait for a decision.
    fn note_xa(&mut self, transaction: &Transaction<'_>) {
        let Some(event) = transaction.events.last() else { return };
        let prepared = &mut self.course.manifest.prepared;
        if event.event_type() == EventType::XA_PREPARE {
            if let Ok(prepare) = XaPrepareEvent::parse(event.body())
                && !prepare.one_phase
            {
                prepared.push(prepare.xid.to_string());
            }
        } else if event.event_type() == EventType::QUERY
            && let Ok(query) = event.query()
            && step(query.text) == Step::XaDecision
        {
            let text = String::from_utf8_lossy(query.text);
            prepared.retain(|xid| !text.contains(xid.as_str()));
        }
    }

    fn note_gtid(&mut self, gtid: &TransactionGtid) {
        match gtid {
            TransactionGtid::Mysql(_) if self.course.options.skip_gtids => self.anonymous = true,
            TransactionGtid::Mysql(gtid) => {
                self.relay_logs.gtids.insert(gtid);
            }
            TransactionGtid::Mariadb(gtid) => self.last_gtids.advance(*gtid),
            TransactionGtid::Anonymous => self.anonymous = true,
        }
        if !self.course.options.skip_gtids {
            let manifest = &mut self.course.manifest;
            if !manifest.gtids.insert(gtid) {
                manifest.repeated.insert(gtid);
            }
        }
    }

    fn finish(mut self) -> Result<Manifest> {
        let events = apply::events::statements(&self.schedule, &mut self.course.manifest.warnings);
        let end = self.names.end();
        let begin = Position { log: self.names.name(0).to_owned(), position: FIRST_EVENT };
        let files = self.relay_logs.finish(&end.log)?;
        let server_ids = match self.changes.family {
            Family::Mysql => self.changes.server_ids.substitutes(),
            Family::Mariadb => vec![],
        };
        Ok(Manifest {
            stream: self.course.manifest,
            family: self.changes.family,
            files,
            anonymous: self.anonymous,
            begin,
            end,
            renamed: self.names.renamed,
            server_ids,
            written_by: self.changes.server_ids.written_by,
            events,
            last_gtids: self.last_gtids,
        })
    }
}

/// Whether an event is of a log's frame, and not of the transaction that it stands in.
fn is_frame(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::FORMAT_DESCRIPTION
            | EventType::ROTATE
            | EventType::STOP
            | EventType::HEARTBEAT
            | EventType::HEARTBEAT_V2
            | EventType::PREVIOUS_GTIDS
            | EventType::GTID_LIST
            | EventType::BINLOG_CHECKPOINT
            | EventType::START_ENCRYPTION
    )
}
