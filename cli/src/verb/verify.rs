//! `binlog verify`: the evidence's health.

use std::io::{self, Write};

use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::order::Problem;
use clap::Args;
use serde::Serialize;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::chain::Chain;
use crate::clock::{self, ClockStep};
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::log_line::LogLine;
use crate::summary::Summary;
use crate::text::{one_line, safe};
use crate::ui::{Paint, Ui};

const EXAMPLES: &str = "\
Exit codes: 0 whole, 3 damaged or incomplete, 2 unreadable. The end of a log that is being written is \
no damage.

Examples:
  binlog verify /var/lib/mysql/binlog.index
  binlog verify --format json archive/ | jq 'select(.damage != [])'";

/// Checks every checksum, the structure of every log, their order, and that none is missing.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is wrong with the set; a line of its own behind those of the logs.
#[derive(Debug, Serialize)]
struct SetLine {
    /// In a sentence.
    problem: String,
    /// A short name for programs.
    kind: &'static str,
    /// The GTIDs that it is about.
    gtids: Option<String>,
}

impl VerifyArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be opened or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open_early_as_is()?;
        logs::note_order(&set, ui);
        let mut out = self.output.open(logs::paths(&set))?;
        let (paint, format) = (ui.paint(&self.output), self.format.format);
        let progress = ui.progress(set.known_bytes());
        let (mut sound, mut read) = (!logs::is_incomplete(&set), 0);
        let mut chain = Chain::new(&set);
        for log in set.logs() {
            // Rows are counted for programs; people have `info` for it, and no time.
            let rows = format == Format::Json;
            let summary = Summary::of(log, rows, |position| progress.at(read + position));
            logs::whole(&set)?;
            let link = chain.next(log, &summary.extent);
            sound &= summary.is_sound(log);
            read += log.len();
            match format {
                Format::Json => json::write_line(&mut out, &LogLine::of(log, &summary, &link))?,
                Format::Text => print(log, &summary, &mut out, paint)?,
            }
        }
        sound &= chain.problems.is_empty();
        print_problems(&set, &chain.problems, format, &mut out, paint)?;
        drop(progress);
        out.finish()?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}

fn print_problems(
    set: &LogSet,
    found: &[Problem],
    format: Format,
    out: &mut impl Write,
    paint: Paint,
) -> io::Result<()> {
    for problem in set.problems().iter().chain(found) {
        let (text, kind) = (problem.to_string(), problem.name());
        let gtids = problem.gtids().map(one_line);
        match format {
            Format::Json => json::write_line(out, &SetLine { problem: text, kind, gtids })?,
            Format::Text => writeln!(out, "{} {}", paint.red("set:"), safe(&text))?,
        }
    }
    Ok(())
}

fn print(log: &Log, summary: &Summary, out: &mut impl Write, paint: Paint) -> io::Result<()> {
    let damaged = summary.damage.iter().any(|damage| !damage.unwritten);
    let state = match summary.closed_by {
        _ if damaged || !summary.faults.is_empty() => paint.red("DAMAGED").to_string(),
        Some(_) => "ok".to_owned(),
        None if log.in_use() => "ok, in use or not closed".to_owned(),
        None => "ok, but ends without Rotate or Stop".to_owned(),
    };
    let checked = match summary.checksums_good(log) {
        0 => "none in this log".to_owned(),
        good => format!("{good} good, {} bad", summary.checksums_bad),
    };
    let (name, bytes) = (safe(log.name()), log.len());
    let (events, transactions) = (summary.events, summary.transactions);
    writeln!(
        out,
        "{name}: {state}; {bytes} bytes, {events} events, {transactions} transactions; checksums: \
         {checked}"
    )?;
    for damage in &summary.damage {
        damage.print(out, paint)?;
    }
    for fault in &summary.faults {
        writeln!(out, "  {}", safe(&fault.to_string()))?;
    }
    if let Some(open) = &summary.open_transaction {
        writeln!(out, "  {}  transaction not finished where the log ends", safe(&open.name()))?;
    }
    let steps = clock::lines(&summary.clock, log);
    let more = summary.clock.count - steps.len() as u64;
    for step in steps {
        print_step(&step, out)?;
    }
    if more > 0 {
        writeln!(out, "  and {more} more places where the time goes back")?;
    }
    Ok(())
}

/// Prints where the clock goes back, set in by two spaces.
///
/// # Errors
/// What `out` fails with.
pub fn print_step(step: &ClockStep, out: &mut impl Write) -> io::Result<()> {
    let ClockStep { address, from, to, seconds, clock } = step;
    let why = match *clock {
        "commit" => "the clock was set back",
        _ => "the clock was set back, or a statement ran that long",
    };
    writeln!(
        out,
        "  {}  the time goes back by {seconds} s, from {from} to {to}: {why}",
        safe(address)
    )
}
