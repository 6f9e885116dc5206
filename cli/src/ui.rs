//! What goes to the terminal beside the data: warnings, errors with their hints, progress, colour.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::output::OutputArgs;
use crate::exit::Failure;
use crate::notes::Note;
use crate::text::safe;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Never
    Never,
}

/// Form of the program's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines to read
    Text,
    /// One object a line
    Json,
}

/// Options of every verb.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct GlobalArgs {
    /// Colour the output; NO_COLOR in the environment says never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true)]
    pub color: ColorChoice,

    /// Log what the program itself does to standard error, in this form
    #[arg(long, value_enum, value_name = "FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
}

impl GlobalArgs {
    /// Sets up the program's own log, if it is wanted.
    pub fn start_log(&self) {
        let builder = tracing_subscriber::fmt()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG);
        match self.log_format {
            None => {}
            Some(LogFormat::Text) => builder.init(),
            Some(LogFormat::Json) => builder.json().init(),
        }
    }

    /// Looks at the terminals.
    #[must_use]
    pub fn ui(&self) -> Ui {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Ui { out: self.paint(out), file: self.paint(false), err: self.paint(err), progress: err }
    }

    fn paint(&self, terminal: bool) -> Paint {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint(match self.color {
            ColorChoice::Auto => terminal && !refused,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        })
    }
}

/// Colours text, or leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    /// What matters most on a line.
    #[must_use]
    pub fn bold<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with("1", text)
    }

    /// Damage, loss, errors.
    #[must_use]
    pub fn red<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with("1;31", text)
    }

    /// Warnings.
    #[must_use]
    pub fn yellow<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with("33", text)
    }

    /// Headings and what can be overlooked.
    #[must_use]
    pub fn dim<T: fmt::Display>(self, text: T) -> Painted<T> {
        self.with("2", text)
    }

    fn with<T>(self, code: &'static str, text: T) -> Painted<T> {
        Painted { code: self.0.then_some(code), text }
    }
}

/// Text in its colour.
#[derive(Debug, Clone, Copy)]
pub struct Painted<T> {
    /// Parameters of the terminal's SGR sequence; `None` leaves the text as it is.
    code: Option<&'static str>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}

/// The terminal beside the data.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    out: Paint,
    file: Paint,
    err: Paint,
    progress: bool,
}

impl Ui {
    /// Colours for the data.
    #[must_use]
    pub fn paint(&self, output: &OutputArgs) -> Paint {
        if output.output.is_some() { self.file } else { self.out }
    }

    /// Colours for data that always goes to standard output.
    #[must_use]
    pub fn stdout(&self) -> Paint {
        self.out
    }

    /// Prints `note: …`: what was done.
    pub fn note(&self, message: impl fmt::Display) {
        print(self.err.dim("note:"), message);
    }

    /// Prints notes and warnings.
    pub fn say(&self, notes: &[Note]) {
        for note in notes {
            if note.warning { self.warn(&note.text) } else { self.note(&note.text) }
        }
    }

    /// Prints `warning: …`.
    pub fn warn(&self, message: impl fmt::Display) {
        print(self.err.yellow("warning:"), message);
    }

    /// Prints `hint: …`: what to do next.
    pub fn hint(&self, message: impl fmt::Display) {
        print(self.err.bold("hint:"), message);
    }

    /// Prints `error: …` and its hints.
    pub fn fail(&self, failure: &Failure) {
        print(self.err.red("error:"), format_args!("{:#}", failure.error));
        failure.hints.iter().for_each(|hint| self.hint(hint));
    }

    /// A bar over `bytes` bytes to read, as far as their number is known, on a terminal only.
    #[must_use]
    pub fn progress(&self, bytes: impl Into<Option<u64>>) -> Progress {
        let bytes = bytes.into();
        if !self.progress {
            return Progress(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(bytes, ProgressDrawTarget::stderr_with_hz(8));
        let form = match bytes {
            Some(_) => {
                "{wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}"
            }
            None => "{spinner} {binary_bytes} {binary_bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        Progress(bar)
    }
}

/// Prints a message. Its further lines are set in, so that none passes for a message of its own.
/// Where nobody can read it, there is nothing left to do.
fn print(head: impl fmt::Display, message: impl fmt::Display) {
    let message = message.to_string();
    let lines: Vec<_> = message.lines().map(safe).collect();
    let _ = writeln!(io::stderr(), "{head} {}", lines.join("\n  "));
}

/// How far a verb is. Gone when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// `bytes` bytes have been read so far.
    pub fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Runs `print` with the bar out of the way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_wraps_or_does_nothing() {
        assert_eq!(Paint(true).red("x").to_string(), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Paint(false).red("x").to_string(), "x");
    }
}
