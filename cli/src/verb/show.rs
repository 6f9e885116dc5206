//! `binlog show`: one transaction or event in full.

use binlog_parser::address::Address;
use binlog_parser::inflate::Inflated;
use binlog_parser::transaction::{Unit, Units};
use clap::Args;
use replay::select;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{FormatArgs, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::time::TimeArgs;
use crate::definitions::Definitions;
use crate::exit::{Exit, Outcome};
use crate::shower::Shower;
use crate::ui::Ui;
use crate::value::VALUE_WIDTH;

const EXAMPLES: &str = "\
An address of a transaction's first event, or a GTID, shows the whole transaction; one of a \
statement's first event shows the statement; any other shows that event.

Rows are shown as they were before (-) and after (+). Columns that neither the log's metadata nor its \
statements name are @1, @2, …

Examples:
  binlog show binlog.000003:4711 binlog.000003
  binlog show 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 /var/lib/mysql/binlog.index
  binlog show --format json 0-1-4711 mariadb-bin.0*";

/// Shows one transaction, statement or event in full, row images decoded.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// What to show: NAME:POS, NAME:POS+INNER or a GTID
    #[arg(value_name = "ADDR")]
    address: Address,
    #[command(flatten)]
    logs: LogArgs,
    /// Do not shorten values on a terminal
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
    time: TimeArgs,
}

impl ShowArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where nothing has the address, a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let target = select::resolve(&set, &self.address)?;
        let log = &set.logs()[target.log];
        let definitions =
            Definitions::before(&set, target.log, target.start, self.schema.read(ui, &set)?);
        let mut out = self.output.open(logs::paths(&set))?;
        let mut inflated = Inflated::default();
        let mut shower = Shower::new((target.log, log), &definitions, self.reveal, &mut out);
        shower.format = self.format.format;
        shower.zone = self.time.time_zone;
        shower.width = (!self.full && self.output.is_terminal()).then_some(VALUE_WIDTH);
        shower.paint = ui.paint(&self.output);
        shower.follow_source(target.start);
        let mut units = Units::new(log.scan_from(target.start));
        match units.next() {
            Some(Unit::Transaction(transaction)) => {
                let plain = transaction.plain(&mut inflated, units.format());
                shower.transaction(&plain, target.place())?;
            }
            Some(Unit::Control(event)) => shower.event(&event)?,
            // An address is only found where there is an event.
            Some(Unit::Damage(_)) | None => {}
        }
        shower.lines.flush()?;
        shower.faults.iter().for_each(|fault| ui.warn(fault));
        let sound = shower.faults.is_empty() && !logs::is_incomplete(&set);
        out.finish()?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}
