//! One of those who run in a race: how it is started, and how it proves that it did the work.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};
use servers::{Installation, Product};

use crate::logs::{self, RaceLogs};
use crate::measure::{self, Cost};

/// What an entrant is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The verb.
    Ours,
    /// What people use today.
    Rival,
    /// A read of the same file, which nothing can beat.
    Read,
}

/// One of those who run.
#[derive(Debug, Clone)]
pub struct Entrant {
    /// What people would type.
    pub label: String,
    /// What it is to the others.
    pub role: Role,
    pub(crate) proof: Proof,
    /// The exit codes of success.
    pub(crate) exit_codes: RangeInclusive<i32>,
    logs: Vec<PathBuf>,
    program: Option<(Program, Vec<String>)>,
    /// What the program is asked once before all that is measured.
    before: Option<Vec<String>>,
}

/// What shows that the work was done.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// Standard output or standard error has this text.
    Says(String),
    /// So many lines of standard output have these bytes.
    Prints(&'static str, RangeInclusive<u64>),
    /// So many bytes were read.
    Reads(u64),
    /// So many bytes were printed.
    Unpacks(u64),
}

impl Proof {
    /// So many lines of standard output, or more, have these bytes.
    pub(crate) fn prints(needle: &'static str, least: u64) -> Proof {
        Proof::Prints(needle, least..=u64::MAX)
    }

    /// The server's tool names so many transactions; MySQL's counts the end of a log for one.
    pub(crate) fn names(product: Product, transactions: RangeInclusive<u64>) -> Proof {
        let needle = match product.is_mariadb() {
            true => "SET @@session.gtid_seq_no",
            false => "SET @@SESSION.GTID_NEXT= '",
        };
        Proof::Prints(needle, transactions)
    }
}

/// Where a program is.
#[derive(Debug, Clone)]
pub(crate) enum Program {
    Path(PathBuf),
    Tool(Product),
}

impl Entrant {
    pub(crate) fn new(
        name: &str,
        role: Role,
        program: (Program, Vec<String>),
        proof: Proof,
        (product, logs): (Product, &RaceLogs),
    ) -> Entrant {
        let words = program.1.iter().filter(|word| *word != "--no-defaults");
        let address = logs::first_of_traffic(product, logs.shape);
        let shown = words.map(|word| if *word == address { "ADDR" } else { word.as_str() });
        let label = shown.fold(name.to_owned(), |label, word| format!("{label} {word}"));
        Entrant {
            label,
            role,
            proof,
            exit_codes: 0..=0,
            logs: logs.paths.clone(),
            program: Some(program),
            before: None,
        }
    }

    pub(crate) fn plain_read(logs: &RaceLogs) -> Entrant {
        Entrant {
            label: "plain read".to_owned(),
            role: Role::Read,
            proof: Proof::Reads(logs.made.bytes),
            exit_codes: 0..=0,
            logs: logs.paths.clone(),
            program: None,
            before: None,
        }
    }

    /// The same with the indexes in `folder`, which the program makes before it runs first.
    pub(crate) fn with_indexes(mut self, folder: &Path) -> Entrant {
        let option = ["--index-dir".to_owned(), folder.to_string_lossy().into_owned()];
        if let Some((_, arguments)) = &mut self.program {
            arguments.extend(option.clone());
        }
        self.label += " --index-dir DIR";
        self.before = Some([vec!["index".to_owned()], option.to_vec()].concat());
        self
    }

    /// The same with `name` for `word` in the table.
    pub(crate) fn shown_as(mut self, word: &str, name: &str) -> Entrant {
        self.label = self.label.replace(word, name);
        self
    }

    fn command(&self) -> Result<Option<Command>> {
        let Some((program, arguments)) = &self.program else { return Ok(None) };
        self.asked(program, arguments).map(Some)
    }

    fn asked(&self, program: &Program, arguments: &[String]) -> Result<Command> {
        let mut command = match program {
            Program::Path(path) => Command::new(path),
            Program::Tool(product) => Installation::of(*product)?.tool(product.binlog_tool())?,
        };
        // The rivals take times for local ones: everybody shall mean the same second. Elsewhere the zone
        // is left as people have it, for to know it spares a rival a look at a file for each event.
        if arguments.iter().any(|argument| argument == "--start-datetime") {
            command.env("TZ", "UTC");
        }
        command.args(arguments).args(&self.logs);
        Ok(command)
    }

    fn prepare(&self) -> Result<()> {
        let (Some((program, _)), Some(before)) = (&self.program, &self.before) else {
            return Ok(());
        };
        let (status, _) = measure::time(self.asked(program, before)?)?;
        ensure!(status.success(), "{self}, before it: {status}");
        Ok(())
    }

    /// Runs once, unmeasured, and looks at what comes out: returns how many bytes that is.
    ///
    /// # Errors
    /// Where the work was not done.
    pub fn prove(&self) -> Result<u64> {
        self.prepare()?;
        let needle = match &self.proof {
            Proof::Prints(needle, _) => needle.as_bytes(),
            _ => b"\n",
        };
        let Some(command) = self.command()? else { return self.read().map(|(bytes, _)| bytes) };
        let printed = measure::listen(command, needle)?;
        let tail: Vec<&str> = printed.text.lines().rev().take(3).collect();
        self.check_status(printed.status).with_context(|| format!("{tail:?}"))?;
        ensure!(!printed.text.is_empty(), "{self}: printed nothing");
        match &self.proof {
            Proof::Says(text) => {
                ensure!(printed.text.contains(text), "{self}: no {text:?} in {tail:?}");
            }
            Proof::Prints(needle, needed) => {
                let hits = printed.hits;
                ensure!(
                    needed.contains(&hits),
                    "{self}: {needle:?}: needed {needed:?}, had {hits}"
                );
            }
            Proof::Unpacks(needed) => {
                ensure!(printed.bytes == *needed, "{self}: {} bytes, not {needed}", printed.bytes);
            }
            Proof::Reads(_) => {}
        }
        Ok(printed.bytes)
    }

    /// Runs once, with the output thrown away.
    ///
    /// # Errors
    /// Where it cannot be run, or fails.
    pub fn run(&self) -> Result<Cost> {
        let Some(command) = self.command()? else { return self.read().map(|(_, cost)| cost) };
        let (status, cost) = measure::time(command)?;
        self.check_status(status)?;
        Ok(cost)
    }

    fn check_status(&self, status: ExitStatus) -> Result<()> {
        let succeeded = status.code().is_some_and(|code| self.exit_codes.contains(&code));
        ensure!(succeeded, "{self}: {status}");
        Ok(())
    }

    fn read(&self) -> Result<(u64, Cost)> {
        let (bytes, cost) = measure::time_read_all(&self.logs)?;
        if let Proof::Reads(needed) = self.proof {
            ensure!(bytes == needed, "{self}: needed {needed} bytes, had {bytes}");
        }
        Ok((bytes, cost))
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contest::tests::{echo, logs};

    #[test]
    fn indexes_are_made_before_and_named_behind_the_words() {
        let proof = Proof::Says("find --index-dir /indexes /log".to_owned());
        let entrant = echo(Role::Ours, proof).with_indexes(Path::new("/indexes"));
        assert_eq!(entrant.label, "echo find --index-dir DIR");
        let before = entrant.before.clone().unwrap();
        assert_eq!(before, ["index", "--index-dir", "/indexes"]);
        entrant.prove().unwrap();
        assert!(Entrant::plain_read(&logs()).before.is_none());
    }

    #[test]
    fn too_much_is_no_proof_where_so_much_is_needed() {
        let prove = |needed| echo(Role::Ours, Proof::Prints("find", needed)).prove();
        assert_eq!(prove(1..=1).unwrap(), "find /log\n".len() as u64);
        let error = prove(2..=3).unwrap_err().to_string();
        assert_eq!(error, "echo find: \"find\": needed 2..=3, had 1");
        assert!(prove(0..=0).is_err());
    }
}
