//! `binlog find`: destructive and suspicious statements, worst first.

use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::find::{self, Finding, MIN_ROWS, Options, Report};

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::args::select::SelectArgs;
use crate::exit::{Exit, Outcome};
use crate::finding::{self, FindingLine};
use crate::notes::count;
use crate::ui::Ui;
use crate::{json, next};

const EXAMPLES: &str = "\
A statement is found by its text (DELETE or UPDATE without WHERE, TRUNCATE, DROP, …) where the log has \
it, and by the number of its rows where it has not. Exit code 1 says that nothing was found.

Examples:
  binlog find /var/lib/mysql/binlog.index
  binlog find --start-datetime -6h --database shop binlog.0*
  binlog find --format json archive/ | jq -r 'select(.severity==\"critical\").id'";

/// Finds destructive and suspicious statements, worst first.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct FindArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// Rows from which on a DELETE or UPDATE is suspicious by their number alone
    #[arg(long, value_name = "ROWS", default_value_t = MIN_ROWS)]
    min_rows: u64,

    /// Do not shorten statements to the width of the terminal
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

impl FindArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open_early(ui)?;
        let options = Options {
            filter: self.select.filter(&set)?,
            min_rows: self.min_rows,
            reveal: self.reveal,
        };
        let mut out = self.output.open(logs::paths(&set))?;
        let progress = ui.progress(set.known_bytes());
        let report = find::find(&set, &options, &mut |at| progress.at(at));
        logs::whole(&set)?;
        drop(progress);
        let width = if self.full { None } else { self.output.width() };
        for found in &report.findings {
            match self.format.format {
                Format::Json => json::write_line(&mut out, &FindingLine::new(&set, found))?,
                Format::Text => {
                    let paint = ui.paint(&self.output);
                    finding::print(&set, found, self.select.zone(), width, &mut out, paint)?;
                }
            }
        }
        out.finish()?;
        say(ui, &report);
        if let Some(worst) = report.findings.first() {
            self.next_steps(ui, worst);
        }
        Ok(exit(&set, &report))
    }

    fn next_steps(&self, ui: &Ui, worst: &Finding) {
        let id = worst.id.to_string();
        let logs = &self.logs;
        ui.hint(format!("look at the worst:  {}", next::verb(&["show", &id], logs)));
        ui.hint(format!("get the data back:  {}", next::verb(&["rescue", "--at", &id], logs)));
    }
}

/// Exit code of a search.
#[must_use]
pub fn exit(set: &LogSet, report: &Report) -> Exit {
    if !report.is_complete() || logs::is_incomplete(set) {
        Exit::Damaged
    } else if report.findings.is_empty() {
        Exit::NotFound
    } else {
        Exit::Done
    }
}

/// Says what was searched, and what could not be.
pub fn say(ui: &Ui, report: &Report) {
    let findings = count(report.findings.len() as u64, "finding");
    let transactions = count(report.transactions, "transaction");
    let (rows, texts) = (report.row_statements, report.row_texts);
    ui.note(format!(
        "{findings} in {transactions}; {rows} statements of rows, {texts} of them with their text"
    ));
    if report.left_out > 0 {
        ui.note(format!("{} smaller ones of the same kinds left out", report.left_out));
    }
    for (at, damage) in &report.damage {
        let lost = damage.range.end - damage.range.start;
        ui.warn(format!("{at}: {}; {lost} bytes not searched", damage.reason));
    }
    report.faults.iter().for_each(|fault| ui.warn(fault));
    let more = report.fault_count.saturating_sub(report.faults.len() as u64);
    if more > 0 {
        ui.warn(format!("and {more} more events that cannot be read"));
    }
    if let Some((at, what)) = &report.unread {
        let more = count(report.unread_count, "event");
        ui.warn(format!("{at}: {what}: not looked into; {more} of such kinds in all"));
    }
}
