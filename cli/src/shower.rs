//! Prints a transaction, a statement or an event in full, for `show`.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::EventType;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::relay::SourceTracker;
use binlog_parser::transaction::{Ending, Plain, Transaction};
use binlog_parser::{Error, Fault};
use serde::Serialize;

use crate::args::output::{Format, Output};
use crate::args::time::{Zone, rfc3339};
use crate::definitions::Definitions;
use crate::describe::{Described, Describer};
use crate::event_line::{Common, EventLine, source_address};
use crate::json::{self, hex_unless_exact};
use crate::lines::Lines;
use crate::rows::Rows;
use crate::tables::Tables;
use crate::text::safe;
use crate::ui::Paint;

/// Shows events of one log.
#[derive(Debug)]
pub struct Shower<'s, 'a> {
    log: &'a Log,
    describer: Describer<'a>,
    tables: Tables<'s>,
    /// Address of the transaction that the events are in.
    transaction: Option<String>,
    /// Text or JSON.
    pub format: Format,
    /// Zone of times.
    pub zone: Zone,
    /// Characters of a value that are shown.
    pub width: Option<usize>,
    /// Colours.
    pub paint: Paint,
    /// What could not be read, for the end.
    pub faults: Vec<Error>,
    /// Where it goes.
    pub lines: Lines<'s>,
}

/// An event as JSON, with everything in it but its rows.
#[derive(Debug, Serialize)]
struct FullLine<'a> {
    #[serde(flatten)]
    event: EventLine<'a>,
    /// Address of the transaction.
    transaction: Option<&'a str>,
    thread_id: Option<u32>,
    /// Seconds that the statement took.
    exec_time: Option<u32>,
    /// Error that the statement ended with on its server.
    error_code: Option<u16>,
    statement: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement_hex: Option<String>,
}

impl<'s, 'a> Shower<'s, 'a> {
    /// Shows events of `log`, which is number `index`, as text, whole and without colours until its
    /// fields say otherwise.
    #[must_use]
    pub fn new(
        (index, log): (usize, &'a Log),
        definitions: &'s Definitions,
        reveal: bool,
        out: &'s mut Output,
    ) -> Self {
        Shower {
            log,
            tables: Tables::new(Some(definitions)),
            describer: Describer::new(index, log.format(), reveal),
            transaction: None,
            format: Format::Text,
            zone: Zone::System,
            width: None,
            paint: Paint(false),
            faults: vec![],
            lines: Lines::to(out),
        }
    }

    /// Tells where events stand at the source, if the log is a relay log; `position` is where the
    /// first event begins that will be shown.
    pub fn follow_source(&mut self, position: u64) {
        if self.log.is_relay_log() {
            self.describer.follow_source(SourceTracker::up_to(self.log, position));
        }
    }

    /// Shows of `transaction` what starts at the place `target`: all of it, a statement, or an
    /// event. The place of a payload stands for all that is in it.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn transaction(
        &mut self,
        Plain { transaction, damage }: &Plain<'a>,
        target: (u64, Option<u64>),
    ) -> io::Result<()> {
        self.transaction = Some(self.address(transaction.start()));
        let range = self.range(transaction, target);
        if self.format == Format::Text {
            self.heading(transaction)?;
        }
        for (number, event) in transaction.events.iter().enumerate().take(range.end) {
            let described = self.describe(event);
            if range.contains(&number) {
                self.print(event, &described)?;
            }
        }
        self.faults.extend(damage.as_ref().map(|damage| damage.error(self.log)));
        Ok(())
    }

    /// The events to show, by number.
    fn range(&self, transaction: &Transaction<'a>, target: (u64, Option<u64>)) -> Range<usize> {
        let whole = 0..transaction.events.len();
        let found = transaction.events.iter().position(|event| event.place() == target);
        let Some(found) = found.filter(|found| *found > 0) else { return whole };
        let mut start = 0;
        for statement in transaction.statements(self.log.format().table_id_bytes()) {
            if start == found {
                return start..start + statement.events.len();
            }
            start += statement.events.len();
        }
        found..found + 1
    }

    /// Shows an event that is in no transaction.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn event(&mut self, event: &RawEvent<'a>) -> io::Result<()> {
        let described = self.describe(event);
        self.print(event, &described)
    }

    fn describe(&mut self, event: &RawEvent<'a>) -> Described<'a> {
        self.describer.describe(event, &mut self.tables).unwrap_or_else(|fault| {
            self.fault(event, fault);
            Described::default()
        })
    }

    fn fault(&mut self, event: &RawEvent<'_>, fault: Fault) {
        let location = event.location(self.log);
        self.faults.push(fault.at(location));
    }

    fn address(&self, position: u64) -> String {
        self.log.location(position).to_string()
    }

    fn heading(&mut self, transaction: &Transaction<'a>) -> io::Result<()> {
        let address = self.address(transaction.start());
        let bytes = transaction.end() - transaction.start();
        let (events, end) = (transaction.events.len(), transaction.end());
        self.fact("transaction", &format!("{address} to {end}: {bytes} bytes, {events} events"))?;
        if let Ok(gtid) = transaction.gtid() {
            self.fact("gtid", &gtid.to_string())?;
        }
        let [from, to] = [transaction.started(), transaction.timestamp()];
        let mut time = self.zone.show_with_offset(from);
        if to != from {
            time += &format!(" to {}", self.zone.show_with_offset(to));
        }
        self.fact("time", &time)?;
        if let Some(first) = transaction.events.first() {
            self.fact("server_id", &first.header().server_id.to_string())?;
        }
        if let Some(thread_id) = transaction.events.iter().find_map(thread_id) {
            self.fact("thread_id", &thread_id.to_string())?;
        }
        self.fact("ends with", ending(transaction.ending))?;
        writeln!(self.lines.bytes)
    }

    fn fact(&mut self, name: &str, value: &str) -> io::Result<()> {
        let name = format!("{name:11}");
        writeln!(self.lines.bytes, "{}  {}", self.paint.dim(name), safe(value))
    }

    fn print(&mut self, event: &RawEvent<'a>, described: &Described<'a>) -> io::Result<()> {
        let rows = Rows::of(event, &self.describer);
        if self.format == Format::Json {
            return self.json_line(event, described, rows);
        }
        let (at, name) = (event.address(self.log).to_string(), event.event_type().name());
        let at = match &described.source {
            Some(source) => format!("{at}  ({} of the source)", source_address(source)),
            None => at,
        };
        let at = safe(&at);
        let out = &mut self.lines.bytes;
        let Some(statement) = &described.statement else {
            writeln!(out, "{}  {name}  {}", self.paint.bold(at), safe(self.describer.info()))?;
            return rows.map_or(Ok(()), |rows| self.print_rows(event, &rows));
        };
        writeln!(out, "{}  {name}", self.paint.bold(at))?;
        // A statement keeps its lines, each set in, so that none can pass for one of ours.
        for line in statement.decode().text.lines() {
            writeln!(out, "    {}", safe(line))?;
        }
        self.lines.pass()
    }

    fn print_rows(&mut self, event: &RawEvent<'a>, rows: &Rows<'a>) -> io::Result<()> {
        let (width, location) = (self.width, event.location(self.log));
        let faults = &mut self.faults;
        let mut fault = |fault: Fault| faults.push(fault.at(location.clone()));
        match rows.columns() {
            Ok(Some(columns)) => rows.write_text(columns, width, &mut self.lines, &mut fault),
            Ok(None) => Ok(()),
            Err(why) => {
                fault(why);
                Ok(())
            }
        }
    }

    fn json_line(
        &mut self,
        event: &RawEvent<'a>,
        described: &Described<'a>,
        rows: Option<Rows<'a>>,
    ) -> io::Result<()> {
        let query = query(event);
        let decoded = described.statement.as_ref().map(|s| (s.decode(), &s.bytes));
        let gtid = self.describer.gtid().and_then(TransactionGtid::gtid);
        let gtid = gtid.map(|gtid| gtid.to_string());
        let time = rfc3339(event.header().timestamp);
        let common = Common { time: &time, gtid: gtid.as_deref() };
        let line = FullLine {
            event: EventLine::new(self.log, event, described, self.describer.info(), common),
            transaction: self.transaction.as_deref(),
            thread_id: thread_id(event),
            exec_time: query.map(|query| query.exec_time),
            error_code: query.map(|query| query.error_code),
            statement_hex: decoded.as_ref().and_then(|(text, bytes)| hex_unless_exact(text, bytes)),
            statement: decoded.map(|(decoded, _)| decoded.text),
        };
        let location = event.location(self.log);
        let faults = &mut self.faults;
        let mut fault = |fault: Fault| faults.push(fault.at(location.clone()));
        json::write(&mut self.lines.bytes, &line)?;
        json::reopen(&mut self.lines.bytes, "changes");
        let columns = rows.as_ref().and_then(|rows| match rows.columns() {
            Ok(columns) => columns.map(|columns| (rows, columns)),
            Err(why) => {
                fault(why);
                None
            }
        });
        match columns {
            Some((rows, columns)) => rows.write_json(columns, &mut self.lines, &mut fault)?,
            None => self.lines.bytes.extend_from_slice(b"null"),
        }
        self.lines.bytes.extend_from_slice(b"}\n");
        self.lines.pass()
    }
}

fn query<'a>(event: &RawEvent<'a>) -> Option<QueryEvent<'a>> {
    let is_query = event.event_type() == EventType::QUERY;
    is_query.then(|| event.query().ok()).flatten()
}

fn thread_id(event: &RawEvent<'_>) -> Option<u32> {
    if event.event_type() == EventType::MARIADB_GTID {
        return MariadbGtidEvent::parse(event.body(), &event.header()).ok()?.thread_id;
    }
    query(event).map(|query| query.thread_id)
}

/// How a transaction ends, in words.
fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Xid => "commit (Xid)",
        Ending::Commit => "COMMIT",
        Ending::Rollback => "ROLLBACK: only what no transaction can take back has stayed",
        Ending::XaPrepare => "XA PREPARE: it was committed or rolled back later, by its XID",
        Ending::Statement => "its statement, which commits by itself",
        Ending::Whole => "its one event",
        Ending::Open => "nothing: the log, or what can be read of it, ends first",
        Ending::Headless => "unknown: its beginning is lost, this is what is left of it",
    }
}
