//! `binlog undo`: the reverse rows.

use std::num::NonZeroU64;

use binlog_parser::address::Address;
use binlog_parser::source::log_set::LogSet;
use clap::{ArgGroup, Args, ValueEnum};
use replay::undo::{self, Format, Request, Scope};

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format as OutputFormat, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::select::SelectArgs;
use crate::args::target::{resolve, resolve_whole};
use crate::args::undo_ways::UndoWays;
use crate::exit::{Exit, Failure, Outcome};
use crate::ui::Ui;
use crate::undo_plan::Refusal;
use crate::{next, notes, undo_plan};

const EXAMPLES: &str = "\
Give all logs up to the newest: what later transactions did to the same rows decides whether the undo \
is safe. Where later changes touch the same rows, or something cannot be undone, nothing is written \
(exit 4); --conflicts and --dry-run help to decide.

Examples:
  binlog undo --only binlog.000007:4711 binlog.index | mysql --binary-mode
  binlog undo --back-to 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 --output undo.sql binlog.0*
  binlog undo --only 0-1-4711 --table shop.users --format base64 mariadb-bin.0*
  binlog undo --only binlog.000007:4711 --format binlog --output undo.000001 binlog.0*";

/// Writes the inverse of what transactions did: rows deleted come back, rows inserted go, rows
/// updated get their old values.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("scope").required(true))]
pub struct UndoArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// Undo the transaction at ADDR and no other; may be repeated
    #[arg(long, value_name = "ADDR", group = "scope", conflicts_with = "back_to")]
    only: Vec<Address>,

    /// Undo the transaction at ADDR and everything after it
    #[arg(long, value_name = "ADDR", group = "scope")]
    back_to: Option<Address>,

    /// Show what would be undone and what conflicts, and write nothing
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "text")]
    dry_run: Option<OutputFormat>,

    /// Commit every N rows, for undos too large for one transaction of the server
    #[arg(long, value_name = "ROWS")]
    batch: Option<NonZeroU64>,

    /// Write the batches from this one on: those before were told as committed
    #[arg(long, value_name = "BATCH", default_value_t = 1, requires = "batch")]
    resume_at: u64,

    /// Leave out the checks that rows are as the logs left them, before rows events change them
    #[arg(long)]
    no_checks: bool,

    #[command(flatten)]
    ways: UndoWays,

    /// Undo what can be read, although damage may hide later changes to the same rows (exit 3)
    #[arg(long)]
    accept_damage: bool,

    /// Form of the undo
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: UndoFormat,

    #[command(flatten)]
    schema: SchemaArgs,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Forms of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum UndoFormat {
    /// INSERT, UPDATE and DELETE statements, which need column names and fire triggers
    #[default]
    Sql,
    /// BINLOG statements, which need no names and fire no triggers
    Base64,
    /// A binary log, for mysqlbinlog, `binlog replay`, or a replica's applier
    Binlog,
}

impl From<UndoFormat> for Format {
    fn from(format: UndoFormat) -> Self {
        match format {
            UndoFormat::Sql => Format::Sql,
            UndoFormat::Base64 => Format::Base64,
            UndoFormat::Binlog => Format::Binlog,
        }
    }
}

impl UndoArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where an address names nothing, something cannot be undone, a log cannot be read or the
    /// output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        if self.format == UndoFormat::Binlog && self.output.is_terminal() {
            return Err(Failure::unusable("a binary log is nothing for a terminal")
                .hint("give --output FILE, or redirect: binlog undo … > undo.000001"));
        }
        let set = self.logs.open(ui)?;
        if self.no_checks && self.format == UndoFormat::Sql {
            let why = "--no-checks: the statements of --format sql find rows by what they check";
            return Err(Failure::unusable(why).hint("add --format base64"));
        }
        let request = Request {
            filter: self.select.filter(&set)?,
            schema: self.schema.read(ui, &set)?,
            conflicts: self.ways.conflicts(),
            batch: self.batch,
            resume_at: self.resume_at,
            checks: !self.no_checks,
            accept_cascades: self.ways.accept_cascades,
            dump: self.schema.schema.clone(),
            accept_damage: self.accept_damage,
            ..Request::new(self.scope(ui, &set)?, self.format.into())
        };
        if let Some(format) = self.dry_run {
            return self.show_plan(&set, &request, format);
        }
        // Before the work, so that a name that is taken is told at once.
        let mut out = self.output.open(logs::paths(&set))?;
        let plan = undo::plan(&set, &request)?;
        let report = plan.write(&mut out)?;
        out.finish()?;
        ui.say(&notes::of_undo(&report, request.format));
        let options = next::client_options(report.largest_packet);
        let (family, file) = (next::family(&set), self.output.output.as_deref());
        match self.format {
            UndoFormat::Binlog => {
                next::feed_log(family, &options, file).into_iter().for_each(|hint| ui.hint(hint));
            }
            UndoFormat::Sql | UndoFormat::Base64 => ui.hint(next::feed(family, &options, file)),
        }
        let whole = report.lost.is_empty() && !logs::is_incomplete(&set);
        Ok(if whole { Exit::Done } else { Exit::Damaged })
    }

    /// Shows what would be undone.
    fn show_plan(&self, set: &LogSet, request: &Request, format: OutputFormat) -> Outcome {
        let mut out = self.output.open(logs::paths(set))?;
        let (plan, refusal) = undo::survey(set, request)?;
        let report = plan.report();
        match format {
            OutputFormat::Text => {
                undo_plan::write_text(report, &notes::of_undo(report, request.format), &mut out)?;
            }
            OutputFormat::Json => {
                let refusal = match &refusal {
                    Some(replay::Error::Refused { what, hint }) => Some(Refusal { what, hint }),
                    _ => None,
                };
                undo_plan::write_json(report, refusal, &mut out)?;
            }
        }
        out.finish()?;
        match refusal {
            Some(refusal) => Err(refusal.into()),
            None if report.lost.is_empty() && !logs::is_incomplete(set) => Ok(Exit::Done),
            None => Ok(Exit::Damaged),
        }
    }

    fn scope(&self, ui: &Ui, set: &LogSet) -> Outcome<Scope> {
        Ok(match resolve(set, self.back_to.as_ref())? {
            Some(target) => Scope::BackTo(target),
            None => Scope::Only(resolve_whole(ui, set, "--only", &self.only)?),
        })
    }
}
