//! The command line. Its names are a contract; help text lives on these structs.

pub mod backup;
pub mod event_filter;
pub mod keys;
pub mod logs;
pub mod normalise;
pub mod output;
pub mod schema;
pub mod select;
pub mod target;
pub mod time;
pub mod undo_ways;

use clap::{Parser, Subcommand};

use crate::exit::Outcome;
use crate::ui::{GlobalArgs, Ui};
use crate::verb::events::EventsArgs;
use crate::verb::find::FindArgs;
use crate::verb::history::HistoryArgs;
use crate::verb::index::IndexArgs;
use crate::verb::info::InfoArgs;
use crate::verb::replay::ReplayArgs;
use crate::verb::rescue::RescueArgs;
use crate::verb::schema::SchemaVerbArgs;
use crate::verb::show::ShowArgs;
use crate::verb::undo::UndoArgs;
use crate::verb::verify::VerifyArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  nothing found, or a target never reached
  2  wrong use, or input that cannot be read
  3  done, but the evidence is damaged or incomplete, and the report says where
  4  refused, to protect data; the way out is named

Addresses are NAME:POS, NAME:POS+INNER or a GTID; what one command prints, the next one takes.
Data goes to standard output, everything else to standard error.";

/// Finds the statement that destroyed data in MySQL and MariaDB binary logs, replays up to it, or
/// undoes it. Works offline, and writes to no log.
#[derive(Debug, Parser)]
#[command(name = "binlog", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Summarise each log: server, time and GTID range, rows by table, damage
    Info(Box<InfoArgs>),
    /// List events, one a line
    Events(Box<EventsArgs>),
    /// Show one transaction or event in full
    Show(Box<ShowArgs>),
    /// Find destructive and suspicious statements, worst first
    Find(Box<FindArgs>),
    /// Write the exact stream, up to an event, or without one
    Replay(Box<ReplayArgs>),
    /// Write the inverse of what transactions did to rows
    Undo(Box<UndoArgs>),
    /// Find, undo and cut the replay in one folder, with the commands to run next
    Rescue(Box<RescueArgs>),
    /// Tell every change to one row, or what it was at a moment
    History(Box<HistoryArgs>),
    /// Print the tables' definitions as of a place in the logs
    Schema(Box<SchemaVerbArgs>),
    /// Index logs, so that find, info and cuts need not read all of them
    Index(IndexArgs),
    /// Check checksums, structure, order and gaps
    Verify(VerifyArgs),
}

impl Verb {
    /// Runs the verb.
    ///
    /// # Errors
    /// What the verb fails with.
    pub fn run(&self, ui: &Ui) -> Outcome {
        match self {
            Verb::Info(args) => args.run(ui),
            Verb::Events(args) => args.run(ui),
            Verb::Show(args) => args.run(ui),
            Verb::Find(args) => args.run(ui),
            Verb::Replay(args) => args.run(ui),
            Verb::Undo(args) => args.run(ui),
            Verb::Rescue(args) => args.run(ui),
            Verb::History(args) => args.run(ui),
            Verb::Schema(args) => args.run(ui),
            Verb::Index(args) => args.run(ui),
            Verb::Verify(args) => args.run(ui),
        }
    }
}
