//! `binlog verify`: the evidence's health.

use std::io::{self, Write};
use std::ops::ControlFlow;

use binlog_parser::event::format_description::ChecksumAlgorithm;
use binlog_parser::header::EventType;
use binlog_parser::parallel;
use binlog_parser::scan::DamageReason;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Unit, Units};
use clap::Args;
use serde::Serialize;

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::damage::{DamageLine, is_cut};
use crate::exit::{Exit, Outcome};
use crate::json;
use crate::text::safe;
use crate::ui::{Paint, Ui};

const EXAMPLES: &str = "\
Exit codes: 0 whole, 3 damaged or incomplete, 2 unreadable.

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

/// The health of one log.
#[derive(Debug, Serialize)]
struct LogHealth<'a> {
    log: &'a str,
    bytes: u64,
    events: u64,
    transactions: u64,
    checksum: &'static str,
    checksums_good: u64,
    checksums_bad: u64,
    in_use: bool,
    /// How the server closed the log: Rotate, Stop, or not at all.
    closed_by: Option<&'static str>,
    /// Address of the transaction that the log ends in the middle of.
    open_transaction: Option<String>,
    damage: Vec<DamageLine>,
}

/// What is wrong with the set; a line of its own.
#[derive(Debug, Serialize)]
struct SetLine {
    problem: String,
}

impl VerifyArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where a log cannot be opened or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open_as_is()?;
        let mut out = self.output.open(logs::paths(&set))?;
        let paint = ui.paint(&self.output);
        let progress = ui.progress(set.total_bytes());
        let (mut sound, mut read) = (!logs::is_incomplete(&set), 0);
        for log in set.logs() {
            let health = LogHealth::of(log, |position| progress.at(read + position));
            sound &= health.damage.is_empty() && !is_cut(log, health.open_transaction.as_deref());
            read += log.len();
            match self.format.format {
                Format::Json => json::write_line(&mut out, &health)?,
                Format::Text => health.print(&mut out, paint)?,
            }
        }
        print_problems(&set, self.format.format, &mut out, paint)?;
        drop(progress);
        out.finish()?;
        Ok(if sound { Exit::Done } else { Exit::Damaged })
    }
}

fn print_problems(
    set: &LogSet,
    format: Format,
    out: &mut impl Write,
    paint: Paint,
) -> io::Result<()> {
    for problem in set.problems() {
        let problem = problem.to_string();
        match format {
            Format::Json => json::write_line(out, &SetLine { problem })?,
            Format::Text => writeln!(out, "{} {}", paint.red("set:"), safe(&problem))?,
        }
    }
    Ok(())
}

impl<'a> LogHealth<'a> {
    fn new(log: &'a Log) -> Self {
        LogHealth {
            log: log.name(),
            bytes: log.len(),
            events: 0,
            transactions: 0,
            checksum: log.format().checksum.name(),
            checksums_good: 0,
            checksums_bad: 0,
            in_use: log.in_use(),
            closed_by: None,
            open_transaction: None,
            damage: vec![],
        }
    }

    fn of(log: &'a Log, progress: impl Fn(u64)) -> Self {
        let mut health = LogHealth::new(log);
        let examine = |units: &mut Units<'a>| {
            let mut piece = LogHealth::new(log);
            units.for_each(|unit| piece.add(log, unit));
            piece
        };
        parallel::units(log, examine, |range, piece| {
            health.join(piece);
            progress(range.end);
            ControlFlow::Continue(())
        });
        if log.format().checksum == ChecksumAlgorithm::Crc32 {
            health.checksums_good = health.events;
        }
        health
    }

    fn add(&mut self, log: &Log, unit: Unit<'_>) {
        match unit {
            Unit::Transaction(transaction) => {
                self.events += transaction.events.len() as u64;
                let open = transaction.ending == Ending::Open;
                self.transactions += u64::from(!open);
                self.open_transaction = open.then(|| log.location(transaction.start()).to_string());
                self.closed_by = None;
            }
            Unit::Control(event) => {
                self.events += 1;
                let closes = matches!(event.event_type(), EventType::ROTATE | EventType::STOP);
                self.closed_by = closes.then(|| event.event_type().name());
            }
            Unit::Damage(damage) => {
                let cut = self.open_transaction.take();
                self.damage.push(DamageLine::of(log, &damage, cut));
                let bad = matches!(damage.reason, DamageReason::Checksum { .. });
                self.checksums_bad += u64::from(bad);
            }
        }
    }

    /// Adds what was found in the next piece of the log. It began with a transaction, so how it
    /// ends does not depend on what came before.
    fn join(&mut self, next: Self) {
        self.events += next.events;
        self.transactions += next.transactions;
        self.checksums_bad += next.checksums_bad;
        self.closed_by = next.closed_by;
        self.open_transaction = next.open_transaction;
        self.damage.extend(next.damage);
    }

    fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let state = match (self.damage.is_empty(), self.closed_by) {
            (false, _) => paint.red("DAMAGED").to_string(),
            (true, Some(_)) => "ok".to_owned(),
            (true, None) if self.in_use => "ok, in use or not closed".to_owned(),
            (true, None) => "ok, but ends without Rotate or Stop".to_owned(),
        };
        let checked = match self.checksum {
            "CRC32" => format!("{} good, {} bad", self.checksums_good, self.checksums_bad),
            _ => "none in this log".to_owned(),
        };
        let (name, bytes) = (safe(self.log), self.bytes);
        let (events, transactions) = (self.events, self.transactions);
        writeln!(
            out,
            "{name}: {state}; {bytes} bytes, {events} events, {transactions} transactions; \
             checksums: {checked}"
        )?;
        for damage in &self.damage {
            damage.print(out, paint)?;
        }
        if let Some(open) = &self.open_transaction {
            writeln!(out, "  {}  transaction not finished where the log ends", safe(open))?;
        }
        Ok(())
    }
}
