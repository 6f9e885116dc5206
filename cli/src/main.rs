//! `binlog`: find the statement that destroyed the data, replay up to it, or undo it.
//!
//! | room | what is in it |
//! |---|---|
//! | [`args`] | the command line: logs, filters, times, output |
//! | [`verb`] | one file a verb |
//! | [`describe`], [`event_line`] | an event in a line, for people and for programs |
//! | [`summary`], [`damage`] | a log in numbers; what of it is lost |
//! | [`listing`] | many events, a line each, on all threads |
//! | [`shower`] | a transaction in full |
//! | [`definitions`], [`tables`], [`rows`], [`value`] | names of columns, and what rows hold |
//! | [`lines`] | lines on their way out |
//! | [`text`], [`json`] | log text on its way to people and to programs |
//! | [`ui`] | warnings, errors, progress, colour |
//! | [`finding`], [`rescue_report`] | a finding and a rescue, for people and for programs |
//! | [`undo_plan`] | what an undo would do |
//! | [`folder`] | a folder that appears whole or not at all |
//! | [`notes`], [`manifest`], [`next`] | what a stream holds, in sentences and for programs; the next step, as a command |
//! | [`exit`] | exit codes, and failures with hints |
#![forbid(unsafe_code)]

mod args;
mod chain;
mod clock;
mod damage;
mod definitions;
mod describe;
mod event_line;
mod exit;
mod finding;
mod folder;
mod info;
mod json;
mod lines;
mod listing;
mod log_line;
mod manifest;
mod next;
mod notes;
mod relay_logs;
mod rescue_report;
mod row_counts;
mod rows;
mod shower;
mod summary;
mod tables;
mod text;
mod ui;
mod undo_plan;
mod value;
mod verb;
mod whole_file;

use std::env;
use std::process::ExitCode;

use clap::Parser;
use tracing::debug;

use crate::exit::Exit;

fn main() -> ExitCode {
    let cli = args::Cli::parse_from(args::normalise::normalise(env::args_os()));
    cli.global.start_log();
    let ui = cli.global.ui();
    debug!(version = env!("CARGO_PKG_VERSION"), verb = ?cli.verb, "started");
    let exit = match cli.verb.run(&ui) {
        Ok(exit) => exit,
        Err(failure) if failure.is_closed_pipe() => Exit::Done,
        Err(failure) => {
            ui.fail(&failure);
            failure.exit
        }
    };
    debug!(code = exit as u8, "ended");
    exit.into()
}
