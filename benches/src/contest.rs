//! Who runs against whom, and how each proves that it did the work.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, ensure};
use servers::{Installation, Product};

use crate::decode;
use crate::logs::{self, RaceLogs};
use crate::measure::{self, Cost};
use crate::shapes::Shape;

/// One verb beside its rivals, over the logs of one product.
#[derive(Debug)]
pub struct Contest {
    /// The verb, and what is asked of it.
    pub name: &'static str,
    /// Whose logs.
    pub product: Product,
    /// Ours first, then the rivals, then the plain read.
    pub entrants: Vec<Entrant>,
}

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
    proof: Proof,
    /// The exit codes of success.
    exit_codes: RangeInclusive<i32>,
    logs: Vec<PathBuf>,
    program: Option<(Program, Vec<String>)>,
}

/// What shows that the work was done.
#[derive(Debug, Clone)]
enum Proof {
    /// Standard output or standard error has this text.
    Says(String),
    /// So many lines of standard output, or more, have these bytes.
    Prints(&'static str, u64),
    /// So many bytes were read.
    Reads(u64),
    /// So many bytes were printed.
    Unpacks(u64),
}

/// What is asked of a verb, beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Every transaction.
    Transactions,
    /// Every row.
    Rows,
}

/// Where a program is.
#[derive(Debug, Clone)]
enum Program {
    Path(PathBuf),
    Tool(Product),
}

/// Verbs of the race: name in the table, arguments, rival's arguments.
struct Course {
    name: &'static str,
    ours: &'static [&'static str],
    rival: &'static [&'static str],
    /// How ours says how many transactions there are, `#` standing for the number.
    counts: Option<&'static str>,
    /// Whether there is nothing to find in small transactions, which is exit code 1.
    finds_nothing: bool,
    asked: Asked,
}

const fn course(name: &'static str, ours: &'static [&'static str]) -> Course {
    let (rival, asked) = (&["--no-defaults"], Asked::Transactions);
    Course { name, ours, rival, counts: None, finds_nothing: false, asked }
}

/// Stands in arguments for the address of the traffic's first transaction.
const FIRST: &str = "FIRST";

/// What runs on the logs of both products; `undo` has its rival in MariaDB only, elsewhere what
/// people start from when they undo by hand.
const COURSES: [Course; 8] = [
    Course { counts: Some("# transactions"), ..course("replay", &["replay"]) },
    Course {
        counts: Some("# transactions"),
        rival: &["--no-defaults", "--verify-binlog-checksum"],
        ..course("verify", &["verify"])
    },
    Course { counts: Some(" in # transactions"), finds_nothing: true, ..course("find", &["find"]) },
    Course { counts: Some("\"transactions\":#"), ..course("info", &["info", "--format", "json"]) },
    Course {
        rival: &["--no-defaults", "--base64-output=decode-rows"],
        ..course("events", &["events"])
    },
    Course {
        rival: &["--no-defaults", "--base64-output=decode-rows", "-vv"],
        asked: Asked::Rows,
        ..course("events -v", &["events", "-v"])
    },
    course("undo base64", &["undo", "--back-to", FIRST, "--format", "base64"]),
    course("undo sql", &["undo", "--back-to", FIRST, "--format", "sql"]),
];

/// All contests over these logs of which `binlog` knows the verb, with the names of the others.
///
/// # Errors
/// Where `binlog` or a rival is missing.
pub fn contests(
    binlog: &Path,
    product: Product,
    logs: &RaceLogs,
) -> Result<(Vec<Contest>, Vec<&'static str>)> {
    let help = |arguments: &[String]| {
        let output = Command::new(binlog).args(arguments).arg("--help").output();
        output.with_context(|| binlog.display().to_string())
    };
    help(&[])?;
    let (mut contests, mut unknown) = (vec![], vec![]);
    let fits = |course: &&Course| logs.shape.can_be_undone() || !course.name.starts_with("undo");
    for course in COURSES.iter().filter(fits) {
        // An unknown verb, or an unknown option before --help, is wrong use: exit code 2.
        match help(&arguments(course.ours, (product, logs.shape)))? {
            output if output.status.success() => {
                contests.push(contest(course, binlog, product, logs)?);
            }
            _ => unknown.push(course.name),
        }
    }
    Ok((contests, unknown))
}

fn contest(course: &Course, binlog: &Path, product: Product, logs: &RaceLogs) -> Result<Contest> {
    let transactions = logs.made.transactions;
    let rows = match course.asked {
        Asked::Rows if logs.shape.has_plain_rows() => decode::all(&logs.paths)?.written,
        _ => 0,
    };
    let mut ours = Entrant::new(
        "binlog",
        Role::Ours,
        (Program::Path(binlog.to_owned()), arguments(course.ours, (product, logs.shape))),
        match (course.counts, course.asked) {
            (Some(text), _) => Proof::Says(text.replace('#', &transactions.to_string())),
            (None, Asked::Rows) => Proof::Prints("    + ", rows),
            (None, Asked::Transactions) => Proof::Prints("", 1),
        },
        (product, logs),
    );
    if course.finds_nothing {
        ours.exit_codes = if logs.shape == Shape::Small { 1..=1 } else { 0..=1 };
    }
    let flashback = product.is_mariadb() && course.name.starts_with("undo");
    let rival_arguments = match flashback {
        true => vec!["--no-defaults".to_owned(), "--flashback".to_owned()],
        false => arguments(course.rival, (product, logs.shape)),
    };
    let proof = match (product.is_mariadb(), flashback) {
        (_, true) => Proof::Prints("BINLOG", 1),
        _ if rows > 0 => Proof::Prints("### SET", rows),
        (false, _) => Proof::Prints("SET @@SESSION.GTID_NEXT= '", transactions),
        (true, _) => Proof::Prints("SET @@session.gtid_seq_no", transactions),
    };
    Installation::of(product)?.tool(product.binlog_tool())?;
    let rival = Entrant::new(
        product.binlog_tool(),
        Role::Rival,
        (Program::Tool(product), rival_arguments),
        proof,
        (product, logs),
    );
    let entrants = vec![ours, rival, Entrant::plain_read(logs)];
    Ok(Contest { name: course.name, product, entrants })
}

/// Every row decoded into values and no more: this parser beside `mysql_common`.
///
/// # Errors
/// Where a log cannot be read.
pub fn decoding(product: Product, logs: &RaceLogs) -> Result<Contest> {
    let decoded = decode::all(&logs.paths)?.to_string();
    let entrant = |name: &str, role: Role| -> Result<Entrant> {
        let program =
            (Program::Path(std::env::current_exe()?), vec!["decode".to_owned(), name.to_owned()]);
        Ok(Entrant::new("race", role, program, Proof::Says(decoded.clone()), (product, logs)))
    };
    let ours = entrant("ours", Role::Ours)?;
    let entrants = vec![ours, entrant("mysql-common", Role::Rival)?, Entrant::plain_read(logs)];
    Ok(Contest { name: "decode", product, entrants })
}

/// What unpacks an archive to standard output.
#[derive(Debug)]
pub struct Unpacker {
    /// Its name in the table.
    pub name: &'static str,
    /// Where it is.
    pub program: PathBuf,
    /// What it is told before the archive's path.
    pub argument: &'static str,
}

/// A verb over archives, beside what unpacks them and nothing else.
///
/// # Errors
/// Where an archive cannot be read.
pub fn packed(
    name: &'static str,
    verb: &'static str,
    binlog: &Path,
    unpacker: Unpacker,
    (product, archives): (Product, &RaceLogs),
) -> Result<Contest> {
    let course = COURSES.iter().find(|course| course.name == verb).context(verb)?;
    let mut contest = contest(course, binlog, product, archives)?;
    let Unpacker { name: tool, program, argument } = unpacker;
    let program = (Program::Path(program), vec![argument.to_owned()]);
    let bytes = archives.made.bytes;
    let rival =
        Entrant::new(tool, Role::Rival, program, Proof::Unpacks(bytes), (product, archives));
    let mut packed_bytes = 0;
    for path in &archives.paths {
        packed_bytes += std::fs::metadata(path)?.len();
    }
    for entrant in &mut contest.entrants {
        match entrant.role {
            Role::Ours => {}
            Role::Rival => *entrant = rival.clone(),
            Role::Read => entrant.proof = Proof::Reads(packed_bytes),
        }
    }
    contest.name = name;
    Ok(contest)
}

fn arguments(arguments: &[&str], (product, shape): (Product, Shape)) -> Vec<String> {
    let replace = |argument: &&str| match *argument {
        FIRST => logs::first_of_traffic(product, shape),
        other => other.to_owned(),
    };
    arguments.iter().map(replace).collect()
}

impl Entrant {
    fn new(
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
        }
    }

    fn plain_read(logs: &RaceLogs) -> Entrant {
        Entrant {
            label: "plain read".to_owned(),
            role: Role::Read,
            proof: Proof::Reads(logs.made.bytes),
            exit_codes: 0..=0,
            logs: logs.paths.clone(),
            program: None,
        }
    }

    fn command(&self) -> Result<Option<Command>> {
        let Some((program, arguments)) = &self.program else { return Ok(None) };
        let mut command = match program {
            Program::Path(path) => Command::new(path),
            Program::Tool(product) => Installation::of(*product)?.tool(product.binlog_tool())?,
        };
        command.args(arguments).args(&self.logs);
        Ok(Some(command))
    }

    /// Runs once, unmeasured, and looks at what comes out: returns how many bytes that is.
    ///
    /// # Errors
    /// Where the work was not done.
    pub fn prove(&self) -> Result<u64> {
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
            Proof::Prints(needle, least) => {
                let hits = printed.hits;
                ensure!(hits >= *least, "{self}: {needle:?}: needed {least}, had {hits}");
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
        let mut sum = Cost { seconds: 0.0, cpu_seconds: 0.0, private_bytes: 0, resident_bytes: 0 };
        let mut bytes = 0;
        for log in &self.logs {
            let (read, cost) = measure::time_read(log)?;
            bytes += read;
            sum.seconds += cost.seconds;
            sum.cpu_seconds += cost.cpu_seconds;
        }
        if let Proof::Reads(needed) = self.proof {
            ensure!(bytes == needed, "{self}: needed {needed} bytes, had {bytes}");
        }
        Ok((bytes, sum))
    }
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}
