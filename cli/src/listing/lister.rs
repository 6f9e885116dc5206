//! Lists the events of a part of a log.

use std::io;

use binlog_parser::Fault;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::{RawEvent, Scan, Scanned};
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Plain, Transaction};
use replay::sql::Dialect;

use super::line::{Columns, Origin};
use super::{Style, Told};
use crate::args::event_filter::{EventFilter, Subject};
use crate::args::output::Format;
use crate::definitions::{Definitions, defines};
use crate::describe::{Described, Describer};
use crate::event_line::{Common, EventLine};
use crate::json;
use crate::lines::{Lines, wait};
use crate::rows::Rows;
use crate::tables::Tables;

/// The log that is listed, and how.
#[derive(Clone, Copy)]
pub(super) struct Job<'l, 'a> {
    pub index: usize,
    pub log: &'a Log,
    pub filter: &'l EventFilter,
    pub style: &'l Style,
    pub columns: &'l Columns,
    /// What names the columns of rows, and tells how long values are where maps do not.
    pub definitions: Option<&'l Definitions>,
}

/// What one part after another is listed with.
pub(super) struct Memory<'l> {
    pub bytes: Vec<u8>,
    tables: Tables<'l>,
    inflated: Inflated,
}

impl<'l> Memory<'l> {
    pub fn new(definitions: Option<&'l Definitions>) -> Self {
        let (bytes, inflated) = (vec![], Inflated::default());
        Memory { bytes, tables: Tables::new(definitions), inflated }
    }
}

/// Lists the events of one part of a log.
pub(super) struct Lister<'l, 'o, 'a> {
    job: Job<'l, 'a>,
    pub memory: Memory<'l>,
    pub lines: Lines<'o>,
    tell: &'o mut dyn FnMut(Told),
    dialect: Dialect,
    origin: Origin,
    /// The GTID of the transaction, and its text: only JSON has it on every line.
    gtid: (Option<TransactionGtid>, Option<String>),
}

impl<'l, 'o, 'a> Lister<'l, 'o, 'a> {
    /// A lister that writes to `lines`, and says what is wrong to `tell`.
    pub fn new(
        job: Job<'l, 'a>,
        memory: Memory<'l>,
        lines: Lines<'o>,
        tell: &'o mut dyn FnMut(Told),
    ) -> Self {
        let json = job.style.format == Format::Json;
        let server = job.log.format().server_version.as_bytes();
        Lister {
            job,
            memory,
            lines,
            tell,
            dialect: Dialect::from_server_version(server),
            origin: Origin::new((!json).then_some(job.style.zone)),
            gtid: (None, None),
        }
    }

    /// Lists what `scan` yields, `describer` having seen what is before; false if nothing behind it
    /// is wanted. `progress` is told how far it has come.
    ///
    /// # Errors
    /// Those of [`Lines::pass`]; and as [`wait`] for what names columns behind it.
    pub fn list(
        &mut self,
        scan: &mut Scan<'a>,
        describer: &mut Describer<'a>,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<bool> {
        let Job { index, log, filter, .. } = self.job;
        let mut told = 0;
        while let Some(scanned) = scan.next() {
            let event = match scanned {
                Scanned::Event(event) => event,
                Scanned::Damage(damage) => {
                    let (at, lost) = (log.location(damage.range.start), damage.bytes_lost());
                    let message = format!("{at}: {}; {lost} bytes lost", damage.reason);
                    (self.tell)(Told { message, damaged: !damage.is_unwritten_end() });
                    continue;
                }
            };
            if filter.ends_before((index, event.offset)) {
                return Ok(false);
            }
            let is_payload = event.event_type() == EventType::TRANSACTION_PAYLOAD;
            if is_payload || !event.event_type().is_compressed() {
                self.event(describer, &event, &event)?;
            }
            if event.event_type().is_compressed() {
                let mut inflated = std::mem::take(&mut self.memory.inflated);
                let plain = Transaction::part(event).plain(&mut inflated, scan.format());
                self.compressed(describer, &event, plain)?;
                self.memory.inflated = inflated;
            }
            if event.end() >= told + PROGRESS_BYTES {
                told = event.end();
                progress(told);
            }
        }
        Ok(true)
    }

    /// Lists what is in a payload, or a compressed event by what it is inflated.
    fn compressed(
        &mut self,
        describer: &mut Describer<'_>,
        outer: &RawEvent<'_>,
        plain: Plain<'_>,
    ) -> io::Result<()> {
        let mut inside = describer.clone();
        let mut empty = true;
        for event in &plain.transaction.events {
            if event.is_logged() {
                // What could not be opened.
                continue;
            }
            let shown = if event.inner().is_some() { event } else { outer };
            self.event(&mut inside, event, shown)?;
            empty = false;
        }
        if let Some(damage) = plain.damage {
            self.damage(damage.error(self.job.log));
            if empty && outer.event_type() != EventType::TRANSACTION_PAYLOAD {
                inside.forget_last();
                self.line(outer, &Described::default(), &inside, None)?;
            }
        }
        describer.go_on_from(&inside);
        Ok(())
    }

    /// Lists `event`, by the header of `shown`.
    fn event<'e>(
        &mut self,
        describer: &mut Describer<'e>,
        event: &RawEvent<'e>,
        shown: &RawEvent<'_>,
    ) -> io::Result<()> {
        let Job { index, log, filter, definitions, style, .. } = self.job;
        if let Some(definitions) = definitions.filter(|_| defines(event, &self.dialect)) {
            if self.lines.is_ahead() {
                return Err(wait());
            }
            definitions.follow(index, event, &self.dialect);
        }
        let described = describer.describe(event, &mut self.memory.tables);
        let described = described.unwrap_or_else(|fault| {
            self.damage(fault.at(shown.location(log)));
            Described::default()
        });
        let subject = Subject {
            place: (index, event.offset),
            time: event.header().timestamp,
            server_id: event.header().server_id,
            gtid: describer.gtid(),
            database: described.database,
            table: described.table,
        };
        if !filter.takes(&subject) {
            return Ok(());
        }
        let rows = style.rows.then(|| Rows::of(event, describer)).flatten();
        self.line(shown, &described, describer, rows.as_ref())
    }

    fn damage(&mut self, message: impl std::fmt::Display) {
        (self.tell)(Told { message: message.to_string(), damaged: true });
    }

    /// Writes the line of `event`, and `rows`, which are those in it.
    fn line(
        &mut self,
        event: &RawEvent<'_>,
        described: &Described<'_>,
        describer: &Describer<'_>,
        rows: Option<&Rows<'_>>,
    ) -> io::Result<()> {
        let origin = self.origin.show(&event.header());
        let out = &mut self.lines.bytes;
        if self.job.style.format == Format::Text {
            let source = described.source.as_ref();
            self.job.columns.write(event, origin, source, describer.info(), out);
        } else {
            if self.gtid.0.as_ref() != describer.gtid() {
                let gtid = describer.gtid();
                let text = gtid.and_then(TransactionGtid::gtid).map(|gtid| gtid.to_string());
                self.gtid = (gtid.cloned(), text);
            }
            let common = Common { time: origin, gtid: self.gtid.1.as_deref() };
            let line = EventLine::new(self.job.log, event, described, describer.info(), common);
            json::write(out, &line)?;
        }
        if let Some(rows) = rows {
            self.rows(event, rows)?;
        }
        if self.job.style.format == Format::Json {
            self.lines.bytes.push(b'\n');
        }
        self.lines.pass()
    }

    fn rows(&mut self, event: &RawEvent<'_>, rows: &Rows<'_>) -> io::Result<()> {
        let Job { log, style, .. } = self.job;
        let tell = &mut self.tell;
        let mut fault = |fault: Fault| {
            let message = fault.at(event.location(log)).to_string();
            tell(Told { message, damaged: true });
        };
        let columns = match rows.columns() {
            Ok(Some(columns)) => columns,
            Ok(None) => return Ok(()),
            Err(why) => {
                fault(why);
                return Ok(());
            }
        };
        if style.format == Format::Text {
            return rows.write_text(columns, style.value_width, &mut self.lines, &mut fault);
        }
        json::reopen(&mut self.lines.bytes, "changes");
        rows.write_json(columns, &mut self.lines, &mut fault)?;
        self.lines.bytes.push(b'}');
        Ok(())
    }
}

/// How often it is told how far a walk has come.
const PROGRESS_BYTES: u64 = 256 << 10;
