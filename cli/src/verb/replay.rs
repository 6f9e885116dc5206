//! `binlog replay`: the exact stream.

use std::io;
use std::path::PathBuf;

use binlog_parser::address::Address;
use binlog_parser::source::log_set::LogSet;
use clap::{Args, ValueEnum};
use replay::stream::{self, LARGEST_PACKET, Manifest, Options, PACKET_BYTES, PIECE_BYTES, Partial};

use crate::args::backup::BackupArgs;
use crate::args::logs::{self, LogArgs};
use crate::args::output::OutputArgs;
use crate::args::select::SelectArgs;
use crate::args::target::{resolve, resolve_whole};
use crate::exit::{Exit, Outcome};
use crate::manifest::ManifestLine;
use crate::notes::{self, Note};
use crate::ui::Ui;
use crate::{json, next, relay_logs};

const EXAMPLES: &str = "\
What cannot be replayed exactly is refused before anything is written (exit 4). What the stream \
holds, and what the client needs for it, is said on standard error.

Examples:
  binlog replay --stop-before binlog.000007:4711 binlog.index | mysql --binary-mode
  binlog replay --after-backup monday.sql.zst --stop-before binlog.000007:4711 binlog.index
  binlog replay --skip 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 --output day.sql binlog.0*
  binlog replay --stop-before binlog.000007:4711 --format relay-log --output DIR binlog.index
  binlog replay --start-datetime '2026-11-22 02:00:00' --database shop --skip-gtids binlog.000007";

/// Writes the stream that gives a server the same data, GTIDs and session effects again.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// End before the transaction at ADDR, or inside of it before the statement there: see --partial
    #[arg(long, value_name = "ADDR", conflicts_with = "stop_after")]
    stop_before: Option<Address>,

    /// End after the transaction at ADDR, or inside of it after the statement there
    #[arg(long, value_name = "ADDR")]
    stop_after: Option<Address>,

    /// What becomes of the statements before a target inside their transaction
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    partial: PartialArg,

    /// Leave out the transaction at ADDR, its GTID apart; may be repeated
    #[arg(long, value_name = "ADDR")]
    skip: Vec<Address>,

    /// Go on behind damage, without the transactions that it hits, and name each (exit 3)
    #[arg(long)]
    accept_damage: bool,

    #[command(flatten)]
    backup: BackupArgs,

    /// Form of the stream
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: StreamFormat,

    /// Whether transactions keep their GTIDs, or the server gives its own
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    gtids: GtidsArg,

    /// The same as --gtids strip
    #[arg(long, conflicts_with = "gtids")]
    skip_gtids: bool,

    /// Keep the replay out of the server's own binary log
    #[arg(long, short = 'D')]
    disable_log_bin: bool,

    /// Take rows that are there or gone already for done
    #[arg(long, short)]
    idempotent: bool,

    /// Write to database TO what was in FROM; may be repeated
    #[arg(long, value_name = "FROM->TO", value_parser = rewrite_rule)]
    rewrite_db: Vec<(String, String)>,

    /// Begin with SET NAMES of this character set
    #[arg(long, value_name = "CHARSET")]
    set_charset: Option<String>,

    /// max_allowed_packet of the client and the server: what cannot fit is refused
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size)]
    max_allowed_packet: u64,

    /// Form of what is said at the end of standard error: what the stream holds and needs
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    manifest: ManifestForm,

    /// Keep the files of LOAD DATA statements in DIR, which must not be there yet (default: a private
    /// folder among the temporary files)
    #[arg(long, value_name = "DIR")]
    load_dir: Option<PathBuf>,

    /// Replay statements whose effect the log does not tell, such as UUID() in one, and name them
    #[arg(long)]
    accept_undetermined: bool,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    select: SelectArgs,
}

/// Forms of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum StreamFormat {
    /// Statements for the mysql or mariadb client
    #[default]
    Sql,
    /// Relay logs in a folder, for a server's own parallel applier, with the script to run
    RelayLog,
}

/// What becomes of the statements before a target inside their transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum PartialArg {
    /// All of their transaction is left out; they are named
    #[default]
    Drop,
    /// They are replayed and committed
    Commit,
}

/// Forms of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ManifestForm {
    /// Sentences
    #[default]
    Text,
    /// One object on the last line
    Json,
    /// Only warnings
    None,
}

/// What becomes of GTIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum GtidsArg {
    /// Transactions keep theirs, and those left out by --skip use theirs up
    #[default]
    Keep,
    /// The server gives its own
    Strip,
}

/// Reads a number of bytes as the servers' options have it: 67108864, 64M, 1G.
fn size(text: &str) -> Result<u64, String> {
    let needed = || "needed a number of bytes from 1K to 1G, as in 67108864 or 64M".to_owned();
    let (digits, unit) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| (1 << 10..=LARGEST_PACKET).contains(bytes)).ok_or_else(needed)
}

fn rewrite_rule(text: &str) -> Result<(String, String), String> {
    match text.split_once("->").map(|(from, to)| (from.trim(), to.trim())) {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.into(), to.into())),
        _ => Err("needed FROM->TO, the names of two databases".to_owned()),
    }
}

impl ReplayArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where an address names nothing, something selected cannot be replayed exactly, a log cannot
    /// be read or the output cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let options = self.options(ui, &set)?;
        let manifest = match self.format {
            StreamFormat::Sql => self.write_stream(ui, &set, &options)?,
            StreamFormat::RelayLog => self.write_relay_logs(ui, &set, &options)?,
        };
        Ok(if is_whole(&set, &manifest) { Exit::Done } else { Exit::Damaged })
    }

    fn write_stream(&self, ui: &Ui, set: &LogSet, options: &Options) -> Outcome<Manifest> {
        let mut out = self.output.open(logs::paths(set))?;
        let progress = ui.progress(set.total_bytes());
        let manifest = stream::replay(set, options, &mut out, &mut |at| progress.at(at))?;
        drop(progress);
        out.finish()?;
        let file = self.output.output.as_deref();
        let next = next::feed(next::family(set), &manifest.client_options(), file);
        self.hint(ui, &manifest);
        self.say(ui, &notes::of_replay(&manifest), &ManifestLine::from(&manifest), next)?;
        Ok(manifest)
    }

    fn write_relay_logs(&self, ui: &Ui, set: &LogSet, options: &Options) -> Outcome<Manifest> {
        let (manifest, next) = relay_logs::write(ui, &self.output, set, options)?;
        let notes = relay_logs::notes(set, &manifest);
        self.hint(ui, &manifest.stream);
        self.say(ui, &notes, &ManifestLine::from(&manifest), next)?;
        Ok(manifest.stream)
    }

    /// Says what would make more of a stream that ends early; before the manifest, whose JSON form is
    /// the last line.
    fn hint(&self, ui: &Ui, manifest: &Manifest) {
        let accepted = self.logs.allow_gaps || self.accept_damage;
        if !manifest.gaps.is_empty() && !accepted {
            ui.hint("give the logs between, or add --allow-gaps to go on without");
        }
        if let Some(folder) =
            manifest.load_folder.as_ref().filter(|_| self.manifest == ManifestForm::Text)
        {
            ui.hint(next::remove(folder));
        }
        if manifest.damage.is_some() {
            ui.hint("give an undamaged copy, or add --accept-damage to go on behind the damage");
        }
    }

    /// Says what was written, and what is next.
    fn say(&self, ui: &Ui, notes: &[Note], line: &ManifestLine, next: String) -> Outcome<()> {
        match self.manifest {
            ManifestForm::Text => {
                ui.say(notes);
                ui.hint(next);
            }
            ManifestForm::Json => json::write_line(&mut io::stderr().lock(), line)?,
            ManifestForm::None => notes.iter().filter(|note| note.warning).for_each(|note| {
                ui.warn(&note.text);
            }),
        }
        Ok(())
    }

    fn options(&self, ui: &Ui, set: &LogSet) -> Outcome<Options> {
        let rule =
            |(from, to): &(String, String)| (from.clone().into_bytes(), to.clone().into_bytes());
        let mut filter = self.select.filter(set)?;
        self.backup.apply(ui, set, &mut filter)?;
        Ok(Options {
            filter,
            stop_before: resolve(set, self.stop_before.as_ref())?,
            stop_after: resolve(set, self.stop_after.as_ref())?,
            skip: resolve_whole(ui, set, "--skip", &self.skip)?,
            partial: match self.partial {
                PartialArg::Drop => Partial::Drop,
                PartialArg::Commit => Partial::Commit,
            },
            skip_gtids: self.skip_gtids || self.gtids == GtidsArg::Strip,
            disable_log_bin: self.disable_log_bin,
            idempotent: self.idempotent,
            accept_damage: self.accept_damage,
            accept_gaps: self.logs.allow_gaps,
            rewrite_db: self.rewrite_db.iter().map(rule).collect(),
            set_charset: self.set_charset.clone(),
            max_allowed_packet: self.max_allowed_packet,
            accept_undetermined: self.accept_undetermined,
            load_folder: self.load_dir.clone(),
            packet_bytes: PACKET_BYTES,
            piece_bytes: PIECE_BYTES,
        })
    }
}

/// Whether the stream holds everything that the logs should.
pub fn is_whole(set: &LogSet, manifest: &Manifest) -> bool {
    // That a log in use ends inside a transaction is no loss: it never committed.
    let cut = manifest.unfinished.as_ref().is_some_and(|address| {
        set.logs().iter().any(|log| *log.name() == address.log && !log.in_use())
    });
    let damaged =
        manifest.damage.is_some() || !manifest.lost.is_empty() || !manifest.gaps.is_empty();
    !damaged && !cut && !logs::is_incomplete(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_in_option_files() {
        for (text, bytes) in
            [("1024", 1 << 10), ("64M", 64 << 20), ("1g", 1 << 30), ("8k", 8 << 10)]
        {
            assert_eq!(size(text), Ok(bytes));
        }
        for wrong in ["", "M", "1", "2G", "-1M", "1.5M", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
