//! What a rescue found and wrote, and what to do next: for people and for programs.

use std::io::{self, Write};
use std::path::Path;

use binlog_parser::source::log_set::LogSet;
use replay::find::Finding;
use serde::Serialize;

use crate::args::logs::LogArgs;
use crate::args::time::Zone;
use crate::finding::{self, FindingLine};
use crate::next;
use crate::notes::Note;
use crate::text::safe;
use crate::ui::Paint;

/// A file of the rescue, or why it is not there.
#[derive(Debug)]
pub enum Part {
    /// It was written.
    Written {
        /// Its name.
        file: &'static str,
        /// What the client needs for it.
        client_options: Vec<String>,
        /// What it holds, and what it lacks.
        notes: Vec<Note>,
        /// Whether it holds everything that it should.
        whole: bool,
    },
    /// It would not have been exact.
    Refused {
        /// What stands against it.
        what: String,
        /// The way out.
        hint: String,
    },
}

/// A rescue.
#[derive(Debug)]
pub struct RescueReport<'a> {
    /// Where the files are.
    pub folder: &'a Path,
    /// The logs as they were named.
    pub logs: &'a LogArgs,
    /// The logs.
    pub set: &'a LogSet,
    /// The finding; `None` if an address was named at which nothing suspicious is.
    pub finding: Option<&'a Finding>,
    /// Address of the transaction.
    pub transaction: String,
    /// The rows back.
    pub undo: Part,
    /// Everything up to the transaction before.
    pub replay: Part,
    /// Zone of times.
    pub zone: Zone,
}

/// A rescue as JSON.
#[derive(Debug, Serialize)]
pub struct RescueLine<'a> {
    folder: String,
    transaction: &'a str,
    finding: Option<FindingLine<'a>>,
    undo: PartLine<'a>,
    replay: PartLine<'a>,
    next: Vec<Step>,
}

/// A file of the rescue as JSON.
#[derive(Debug, Serialize)]
struct PartLine<'a> {
    file: Option<String>,
    notes: Vec<&'a str>,
    warnings: Vec<&'a str>,
    refused: Option<&'a str>,
    way_out: Option<&'a str>,
}

/// What the replay of a whole set of logs leaves to its user.
const YOUNGER: &str = "A backup from inside these logs: rescue again with --after-backup PATH.";

/// A way to go on.
#[derive(Debug, Serialize)]
struct Step {
    what: &'static str,
    command: String,
}

impl RescueReport<'_> {
    /// The report as JSON.
    #[must_use]
    pub fn line(&self) -> RescueLine<'_> {
        RescueLine {
            folder: self.folder.display().to_string(),
            transaction: &self.transaction,
            finding: self.finding.map(|finding| FindingLine::new(self.set, finding)),
            undo: self.part_line(&self.undo),
            replay: self.part_line(&self.replay),
            next: self.steps(),
        }
    }

    fn part_line<'p>(&self, part: &'p Part) -> PartLine<'p> {
        match part {
            Part::Written { file, notes, .. } => {
                let texts = |warning: bool| {
                    notes.iter().filter(move |note| note.warning == warning).map(|n| &*n.text)
                };
                PartLine {
                    file: Some(self.folder.join(file).display().to_string()),
                    notes: texts(false).collect(),
                    warnings: texts(true).collect(),
                    refused: None,
                    way_out: None,
                }
            }
            Part::Refused { what, hint } => PartLine {
                file: None,
                notes: vec![],
                warnings: vec![],
                refused: Some(what),
                way_out: Some(hint),
            },
        }
    }

    /// The ways to go on, the quickest first.
    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step {
            what: "Look at the transaction, row by row",
            command: next::verb(&["show", &self.transaction], self.logs),
        }];
        steps.extend(
            self.feed(&self.undo).map(|command| Step {
                what: "Put the rows back on the server as it is now",
                command,
            }),
        );
        steps.extend(self.feed(&self.replay).map(|command| Step {
            what: "Or restore a backup from before these logs, and bring it to the moment before",
            command,
        }));
        if let Part::Written { client_options, .. } = &self.replay {
            let replay = next::verb(&["replay", "--skip", &self.transaction], self.logs);
            let client = next::client(next::family(self.set), client_options);
            steps.push(Step {
                what: "Or restore that backup, and replay everything but this transaction",
                command: format!("{replay} | {client}"),
            });
        }
        steps
    }

    fn feed(&self, part: &Part) -> Option<String> {
        let Part::Written { file, client_options, .. } = part else { return None };
        let path = self.folder.join(file);
        Some(next::feed(next::family(self.set), client_options, Some(&path)))
    }

    /// Prints the report.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        match self.finding {
            Some(finding) => finding::print(self.set, finding, self.zone, None, out, paint)?,
            None => writeln!(out, "Nothing suspicious is in {}\n", safe(&self.transaction))?,
        }
        let folder = self.folder.display().to_string();
        writeln!(out, "{} {}", paint.bold("Transaction"), safe(&self.transaction))?;
        writeln!(out, "{} {}\n", paint.bold("Folder"), safe(&folder))?;
        self.print_part("undo.sql: the rows back", &self.undo, out, paint)?;
        self.print_part(
            "replay.sql: everything up to the moment before",
            &self.replay,
            out,
            paint,
        )?;
        writeln!(out, "{}", paint.bold("Next"))?;
        for step in self.steps() {
            writeln!(out, "  {}:\n    {}", step.what, safe(&step.command))?;
        }
        writeln!(out, "  {YOUNGER}")?;
        Ok(())
    }

    fn print_part(
        &self,
        title: &str,
        part: &Part,
        out: &mut impl Write,
        paint: Paint,
    ) -> io::Result<()> {
        writeln!(out, "{}", paint.bold(title))?;
        match part {
            Part::Written { notes, .. } => {
                for note in notes {
                    let text = lines(&note.text);
                    match note.warning {
                        true => writeln!(out, "  {} {text}", paint.yellow("warning:"))?,
                        false => writeln!(out, "  {text}")?,
                    }
                }
            }
            Part::Refused { what, hint } => {
                writeln!(out, "  {} {}", paint.red("not written:"), lines(what))?;
                writeln!(out, "  way out: {}", lines(hint))?;
            }
        }
        writeln!(out)
    }
}

/// Text of several lines, each set in and safe.
fn lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n    ")
}
