//! `binlog events`: one line an event.

use binlog_parser::header::Family;
use binlog_parser::parallel;
use binlog_parser::source::log::Log;
use clap::Args;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{FormatArgs, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::select::SelectArgs;
use crate::definitions::Definitions;
use crate::exit::{Exit, Outcome};
use crate::listing::{Listing, Style};
use crate::ui::Ui;
use crate::value::VALUE_WIDTH;

const EXAMPLES: &str = "\
Examples:
  binlog events binlog.000003
  binlog events --start-datetime '2026-11-22 02:50:00' --table shop.users binlog.index
  binlog events -v --start-position 4711 binlog.000003
  binlog events --format json binlog.0* | jq -r 'select(.type==\"Query\").info'";

/// Lists events: address, type, time, server, end, and what they say.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct EventsArgs {
    #[command(flatten)]
    logs: LogArgs,
    /// Show all rows as well, before (-) and after (+); in JSON as the list `changes`
    ///
    /// Columns that neither the log's metadata nor the statements before name are @1, @2, …
    #[arg(long, short)]
    verbose: bool,
    /// Do not shorten lines to the width of the terminal
    #[arg(long)]
    full: bool,
    /// Show passwords in statements instead of '***'
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    schema: SchemaArgs,
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
        let is_terminal = self.output.is_terminal();
        let style = Style {
            format: self.format.format,
            zone: self.select.zone(),
            width: if self.full { None } else { self.output.width() },
            value_width: (!self.full && is_terminal).then_some(VALUE_WIDTH),
            paint: ui.paint(&self.output),
            reveal: self.reveal,
            rows: self.verbose,
        };
        let definitions = match self.verbose || self.schema.is_given() {
            true => Some(Definitions::new(self.schema.read(ui, &set)?)),
            false => None,
        };
        let mut out = self.output.open(logs::paths(&set))?;
        let bytes = set.total_bytes();
        // In MySQL's logs each transaction tells the session that its text is read by; elsewhere, and
        // for the names of columns, all that is before has to be known.
        let ranges = |index, log: &Log| match log.format().family {
            Family::Mysql if definitions.is_none() => filter.ranges(&set, index),
            _ => vec![parallel::whole(log)],
        };
        set.open_indexes(0..set.logs().len());
        let mut listing =
            Listing::new(ui, &style, &filter, definitions.as_ref(), (bytes, &mut out));
        for (index, log) in set.logs().iter().enumerate() {
            match filter.takes_log(index) {
                true => listing.log(index, log, ranges(index, log))?,
                false => listing.pass(&set, index),
            }
        }
        let damaged = listing.damaged || logs::is_incomplete(&set);
        drop(listing);
        out.finish()?;
        Ok(if damaged { Exit::Damaged } else { Exit::Done })
    }
}
