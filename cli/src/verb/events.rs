//! `binlog events`: one line an event.

use std::io::{self, Write};

use binlog_parser::Location;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::{EventHeader, EventType};
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::{RawEvent, Scanned};
use binlog_parser::source::log::Log;
use binlog_parser::source::relay::SourceTracker;
use binlog_parser::transaction::{Plain, Transaction};
use clap::Args;

use crate::args::event_filter::{EventFilter, Subject};
use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, Output, OutputArgs};
use crate::args::select::SelectArgs;
use crate::args::time::Zone;
use crate::describe::{Described, Describer};
use crate::event_line::{EventLine, end_position, source_address};
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::text::{safe, shorten};
use crate::ui::{Paint, Progress, Ui};

const EXAMPLES: &str = "\
Examples:
  binlog events binlog.000003
  binlog events --start-datetime '2026-11-22 02:50:00' --table shop.users binlog.index
  binlog events --format json binlog.0* | jq -r 'select(.type==\"Query\").info'";

/// Lists events: address, type, time, server, end, and what they say.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct EventsArgs {
    #[command(flatten)]
    logs: LogArgs,
    /// Do not shorten lines to the width of the terminal
    #[arg(long)]
    full: bool,
    /// Show passwords in statements instead of '***'
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    select: SelectArgs,
}

impl EventsArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let filter = self.select.event_filter(&set)?;
        let mut listing = Listing {
            ui,
            format: self.format.format,
            zone: self.select.zone(),
            width: if self.full { None } else { self.output.width() },
            paint: ui.paint(&self.output),
            progress: ui.progress(set.total_bytes()),
            reveal: self.reveal,
            read: 0,
            damaged: logs::is_incomplete(&set),
            out: self.output.open(logs::paths(&set))?,
        };
        for (index, log) in set.logs().iter().enumerate() {
            if filter.takes_log(index) {
                listing.list(index, log, &filter)?;
            }
            listing.read += log.len();
        }
        listing.out.finish()?;
        Ok(if listing.damaged { Exit::Damaged } else { Exit::Done })
    }
}

/// A listing under way.
struct Listing<'u> {
    ui: &'u Ui,
    format: Format,
    zone: Zone,
    width: Option<usize>,
    paint: Paint,
    reveal: bool,
    progress: Progress,
    /// Bytes of the logs before this one.
    read: u64,
    damaged: bool,
    out: Output,
}

impl Listing<'_> {
    fn list(&mut self, index: usize, log: &Log, filter: &EventFilter) -> Outcome<()> {
        let columns = Columns::of(log);
        if self.format == Format::Text {
            columns.head(&mut self.out, self.paint)?;
        }
        let mut describer = Describer::new(log.format(), self.reveal);
        if log.is_relay_log() {
            describer.follow_source(SourceTracker::default());
        }
        let (mut scan, mut inflated) = (log.scan(), Inflated::default());
        while let Some(scanned) = scan.next() {
            let event = match scanned {
                Scanned::Event(event) => event,
                Scanned::Damage(damage) => {
                    let (at, lost) = (log.location(damage.range.start), damage.bytes_lost());
                    let unwritten = damage.is_unwritten_end();
                    let told = format!("{at}: {}; {lost} bytes lost", damage.reason);
                    self.warn(told, !unwritten);
                    continue;
                }
            };
            if filter.ends_before((index, event.offset)) {
                break;
            }
            let listed = Listed { index, log, columns: &columns, filter };
            let is_payload = event.event_type() == EventType::TRANSACTION_PAYLOAD;
            if is_payload || !event.event_type().is_compressed() {
                self.event(&listed, &mut describer, &event, &event)?;
            }
            if event.event_type().is_compressed() {
                let plain = Transaction::part(event).plain(&mut inflated, scan.format());
                self.compressed(&listed, &mut describer, &event, plain)?;
            }
            self.progress.at(self.read + event.end());
        }
        Ok(())
    }

    /// Lists what is in a payload, or a compressed event by what it is inflated.
    fn compressed(
        &mut self,
        listed: &Listed<'_>,
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
            self.event(listed, &mut inside, event, shown)?;
            empty = false;
        }
        if let Some(damage) = plain.damage {
            self.damage(damage.error(listed.log));
            if empty && outer.event_type() != EventType::TRANSACTION_PAYLOAD {
                let described = Described::default();
                self.line(listed.columns, listed.log, outer, &described, inside.gtid())?;
            }
        }
        describer.go_on_from(&inside);
        Ok(())
    }

    /// Lists `event`, by the header of `shown`.
    fn event<'e>(
        &mut self,
        listed: &Listed<'_>,
        describer: &mut Describer<'e>,
        event: &RawEvent<'e>,
        shown: &RawEvent<'_>,
    ) -> io::Result<()> {
        let Listed { index, log, columns, filter } = *listed;
        let described = describer.describe(event).unwrap_or_else(|fault| {
            self.damage(fault.at(shown.location(log)));
            Described::default()
        });
        let subject = Subject {
            place: (index, event.offset),
            time: event.header.timestamp,
            server_id: event.header.server_id,
            gtid: describer.gtid(),
            database: described.database,
            table: described.table,
        };
        if filter.takes(&subject) {
            self.line(columns, log, shown, &described, describer.gtid())?;
        }
        Ok(())
    }

    fn damage(&mut self, message: impl std::fmt::Display) {
        self.warn(message, true);
    }

    fn warn(&mut self, message: impl std::fmt::Display, damaged: bool) {
        self.damaged |= damaged;
        self.progress.aside(|| self.ui.warn(message));
    }

    fn line(
        &mut self,
        columns: &Columns,
        log: &Log,
        event: &RawEvent<'_>,
        described: &Described<'_>,
        gtid: Option<&TransactionGtid>,
    ) -> io::Result<()> {
        if self.format == Format::Json {
            return json::write_line(&mut self.out, &EventLine::new(log, event, described, gtid));
        }
        let end = end_position(event);
        let source = described.source.as_ref().map(source_address);
        let at = Location { event_type: None, ..event.location(log) };
        let start = columns.start(at, &event.header, self.zone, end);
        let start = match log.is_relay_log() {
            true => format!(
                "{start}{:source$}  ",
                safe(source.as_deref().unwrap_or("-")),
                source = columns.source
            ),
            false => start,
        };
        let info = safe(&described.info);
        let info = match self.width {
            Some(width) => shorten(&info, width.saturating_sub(start.chars().count()).max(16)),
            None => info,
        };
        let line = format!("{start}{info}");
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// The log that is listed.
#[derive(Clone, Copy)]
struct Listed<'l> {
    index: usize,
    log: &'l Log,
    columns: &'l Columns,
    filter: &'l EventFilter,
}

/// Widths of the columns of a log's lines.
struct Columns {
    address: usize,
    position: usize,
    /// Of the place at the source, which relay logs have; 0 in others.
    source: usize,
}

/// Bytes that the column of the source has: names of logs are about as long everywhere.
const SOURCE_WIDTH: usize = 24;

impl Columns {
    fn of(log: &Log) -> Self {
        let position = log.len().to_string().len().max(3);
        let address = log.name().chars().count() + 1 + position;
        Columns { address, position, source: if log.is_relay_log() { SOURCE_WIDTH } else { 0 } }
    }

    fn head(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let Columns { address, position, source } = *self;
        let of_source = match source {
            0 => String::new(),
            width => format!("{:width$}  ", "AT THE SOURCE"),
        };
        let head = format!(
            "{:address$}  {:14}  {:19}  {:>9}  {:>position$}  {of_source}INFO",
            "ADDRESS", "TYPE", "TIME", "SERVER_ID", "END"
        );
        writeln!(out, "{}", paint.dim(head))
    }

    fn start(&self, at: Location, header: &EventHeader, zone: Zone, end: u64) -> String {
        let Columns { address, position, .. } = *self;
        let time = match header.timestamp {
            0 => "-".to_owned(),
            seconds => zone.show(seconds),
        };
        let (name, server) = (header.event_type.name(), header.server_id);
        let at = safe(&at.to_string()).into_owned();
        format!("{at:address$}  {name:14}  {time:19}  {server:>9}  {end:>position$}  ")
    }
}
