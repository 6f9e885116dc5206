//! `binlog rescue`: finding, undo and replay in one folder, and what to do with them.

use std::io::Write;
use std::path::PathBuf;

use binlog_parser::address::Address;
use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::Error;
use replay::find::{self, Finding, MIN_ROWS, Options as FindOptions};
use replay::schema::Schema;
use replay::select::{Filter, Target, resolve};
use replay::stream::{
    self, MAX_ALLOWED_PACKET, Options as ReplayOptions, PACKET_BYTES, PIECE_BYTES,
};
use replay::undo::{self, Format as UndoFormat, Request, Scope};

use crate::args::backup::BackupArgs;
use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::select::SelectArgs;
use crate::args::undo_ways::UndoWays;
use crate::exit::{Exit, Failure, Outcome};
use crate::folder::Folder;
use crate::notes::{self, Note};
use crate::rescue_report::{Part, RescueReport};
use crate::ui::{Paint, Ui};
use crate::verb::replay::is_whole;
use crate::{json, next};

const EXAMPLES: &str = "\
The folder holds report.txt, report.json, undo.sql (puts the rows back) and replay.sql (everything up \
to the transaction before). What cannot be exact is left out, said so, and ends with 4.

Examples:
  binlog rescue /var/lib/mysql/binlog.index
  binlog rescue --at binlog.000007:4711 --output monday binlog.0*";

/// Finds the worst statement, or takes the one at ADDR, and writes a folder with the report, the
/// undo, the replay cut before it, and the commands to run next.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct RescueArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// The statement or transaction to rescue from, instead of the worst finding
    #[arg(long, value_name = "ADDR")]
    at: Option<Address>,

    /// Go on behind damage, without the transactions that it hits, and name each (exit 3)
    #[arg(long)]
    accept_damage: bool,

    /// Folder to write [default: rescue-NAME-POS]
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Replace the folder of an earlier rescue
    #[arg(long)]
    force: bool,

    /// Rows from which on a DELETE or UPDATE is suspicious by their number alone
    #[arg(long, value_name = "ROWS", default_value_t = MIN_ROWS)]
    min_rows: u64,

    /// Show passwords in statements of the report instead of '***'
    #[arg(long)]
    reveal: bool,

    #[command(flatten)]
    backup: BackupArgs,

    #[command(flatten)]
    ways: UndoWays,

    #[command(flatten)]
    schema: SchemaArgs,

    #[command(flatten)]
    format: FormatArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// The files of the folder.
const FILES: [&str; 4] = [REPORT_TEXT, REPORT_JSON, UNDO, REPLAY];
const REPORT_TEXT: &str = "report.txt";
const REPORT_JSON: &str = "report.json";
const UNDO: &str = "undo.sql";
const REPLAY: &str = "replay.sql";

impl RescueArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where nothing is found, a log cannot be read or the folder cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let mut restored = Filter::default();
        self.backup.apply(ui, &set, &mut restored)?;
        let at = self.at.as_ref().map(|address| resolve(&set, address)).transpose()?;
        let search = self.search(ui, &set)?;
        let finding = match &at {
            Some(target) => search.findings.iter().find(|finding| is_in(finding, target)),
            None => search.findings.first(),
        };
        let target = match (at, finding) {
            (Some(target), _) => target,
            (None, Some(finding)) => resolve(&set, &Address::Event(finding.id.clone()))?,
            (None, None) => {
                let why = Failure::from(Error::NotReached("nothing suspicious was found".into()));
                return Err(why.hint("name the statement with --at ADDR, or lower --min-rows"));
            }
        };
        let path = self.folder(&set, &target);
        // From here on the whole transaction is meant.
        let target = Target { event: target.start, ..target };
        let folder = Folder::begin(&path, self.force, |name| FILES.contains(&name))?;
        let report = RescueReport {
            folder: &path,
            logs: &self.logs,
            set: &set,
            finding,
            transaction: target.address(&set).to_string(),
            undo: self.write_undo(&set, &target, self.schema.read(ui, &set)?, &folder)?,
            replay: self.write_replay(ui, &set, &target, restored, &folder)?,
            zone: self.select.zone(),
        };
        self.write_report(&report, &folder)?;
        folder.finish()?;
        self.print(&report, ui)?;
        let sound = search.is_complete() && !logs::is_incomplete(&set);
        Ok(exit(&report, sound))
    }

    fn write_report(&self, report: &RescueReport<'_>, folder: &Folder) -> Outcome<()> {
        let mut text = folder.file(REPORT_TEXT)?;
        report.print(&mut text, Paint(false))?;
        text.flush()?;
        let mut line = folder.file(REPORT_JSON)?;
        json::write_line(&mut line, &report.line())?;
        line.flush()?;
        Ok(())
    }

    fn print(&self, report: &RescueReport<'_>, ui: &Ui) -> Outcome<()> {
        let output = OutputArgs::default();
        let mut out = output.open([])?;
        match self.format.format {
            Format::Json => json::write_line(&mut out, &report.line())?,
            Format::Text => report.print(&mut out, ui.paint(&output))?,
        }
        out.finish()
    }

    fn search(&self, ui: &Ui, set: &LogSet) -> Outcome<find::Report> {
        let filter = self.select.filter(set)?;
        let options = FindOptions { filter, min_rows: self.min_rows, reveal: self.reveal };
        let progress = ui.progress(set.total_bytes());
        let report = find::find(set, &options, &mut |at| progress.at(at));
        drop(progress);
        crate::verb::find::say(ui, &report);
        Ok(report)
    }

    fn folder(&self, set: &LogSet, target: &Target) -> PathBuf {
        let name = || format!("rescue-{}-{}", set.logs()[target.log].name(), target.event);
        self.output.clone().unwrap_or_else(|| name().into())
    }

    /// Writes the undo of `target`: as SQL, which people can read, or where that cannot be or would fire
    /// triggers, as rows events.
    fn write_undo(
        &self,
        set: &LogSet,
        target: &Target,
        schema: Schema,
        folder: &Folder,
    ) -> Outcome<Part> {
        let mut notes = vec![];
        for format in [UndoFormat::Sql, UndoFormat::Base64] {
            let scope = Scope::Only(vec![target.clone()]);
            let request = Request {
                schema: schema.clone(),
                dump: self.schema.schema.clone(),
                accept_damage: self.accept_damage,
                conflicts: self.ways.conflicts(),
                accept_cascades: self.ways.accept_cascades,
                ..Request::new(scope, format)
            };
            let plan = match (undo::plan(set, &request), format) {
                (Ok(plan), _) => plan,
                (Err(Error::Refused { what, .. }), UndoFormat::Sql) => {
                    notes.push(Note::done(format!("in BINLOG statements, for as SQL: {what}")));
                    continue;
                }
                (Err(Error::Refused { what, hint }), _) => return Ok(Part::Refused { what, hint }),
                (Err(error), _) => return Err(error.into()),
            };
            if format == UndoFormat::Sql && plan.report().tables_with_triggers().next().is_some() {
                notes.push(Note::done(
                    "in BINLOG statements, which do not fire the table's triggers",
                ));
                continue;
            }
            let mut file = folder.file(UNDO)?;
            let report = plan.write(&mut file)?;
            file.flush()?;
            notes.extend(notes::of_undo(&report, format));
            let client_options = next::client_options(report.largest_packet);
            return Ok(Part::Written {
                file: UNDO,
                client_options,
                notes,
                whole: report.lost.is_empty(),
            });
        }
        Err(Failure::unusable("no form of an undo was tried"))
    }

    /// Writes the replay of what `filter` selects, up to `target`.
    fn write_replay(
        &self,
        ui: &Ui,
        set: &LogSet,
        target: &Target,
        filter: Filter,
        folder: &Folder,
    ) -> Outcome<Part> {
        let options = ReplayOptions {
            filter,
            stop_before: Some(target.clone()),
            accept_damage: self.accept_damage,
            max_allowed_packet: MAX_ALLOWED_PACKET,
            packet_bytes: PACKET_BYTES,
            piece_bytes: PIECE_BYTES,
            ..ReplayOptions::default()
        };
        let mut file = folder.file(REPLAY)?;
        let progress = ui.progress(set.total_bytes());
        match stream::replay(set, &options, &mut file, &mut |at| progress.at(at)) {
            Ok(manifest) => {
                file.flush()?;
                Ok(Part::Written {
                    file: REPLAY,
                    client_options: manifest.client_options(),
                    notes: notes::of_replay(&manifest),
                    whole: is_whole(set, &manifest),
                })
            }
            Err(Error::Refused { what, hint }) => {
                folder.remove(REPLAY)?;
                Ok(Part::Refused { what, hint })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a finding is in the transaction of `target`.
fn is_in(finding: &Finding, target: &Target) -> bool {
    finding.log == target.log && (target.start..target.end).contains(&finding.position)
}

/// Exit code: a part that was refused weighs more than evidence that is not whole.
fn exit(report: &RescueReport<'_>, sound: bool) -> Exit {
    let parts = [&report.undo, &report.replay];
    if parts.iter().any(|part| matches!(part, Part::Refused { .. })) {
        Exit::Refused
    } else if sound && parts.iter().all(|part| matches!(part, Part::Written { whole: true, .. })) {
        Exit::Done
    } else {
        Exit::Damaged
    }
}
