//! Who runs against whom.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use servers::{Installation, Product};

use crate::courses::{Asked, COURSES, Course, FIRST};
use crate::decode;
use crate::entrant::{Entrant, Program, Proof, Role};
use crate::logs::{self, RaceLogs};
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

/// All contests over these logs of which `binlog` knows the verb, with the names of the others.
///
/// # Errors
/// Where `binlog` or a rival is missing.
pub fn contests(
    binlog: &Path,
    product: Product,
    logs: &RaceLogs,
) -> Result<(Vec<Contest>, Vec<&'static str>)> {
    let (mut contests, mut unknown) = (vec![], vec![]);
    let fits = |course: &&Course| logs.shape.can_be_undone() || !course.name.starts_with("undo");
    for course in COURSES.iter().filter(fits) {
        match knows(binlog, &arguments(course.ours, (product, logs.shape)))? {
            true => contests.push(contest(course, binlog, product, logs)?),
            false => unknown.push(course.name),
        }
    }
    Ok((contests, unknown))
}

/// Whether `binlog` knows this verb with these options.
///
/// # Errors
/// Where it cannot be run.
pub fn knows(binlog: &Path, arguments: &[String]) -> Result<bool> {
    // An unknown verb, or an unknown option before --help, is wrong use: exit code 2.
    let output = Command::new(binlog).args(arguments).arg("--help").output();
    Ok(output.with_context(|| binlog.display().to_string())?.status.success())
}

/// The contest of the course of this name.
pub(crate) fn named(
    name: &str,
    binlog: &Path,
    product: Product,
    logs: &RaceLogs,
) -> Result<Contest> {
    let course = COURSES.iter().find(|course| course.name == name).context(name.to_owned())?;
    contest(course, binlog, product, logs)
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
            (None, Asked::Rows) => Proof::prints("    + ", rows),
            (None, Asked::Transactions) => Proof::prints("", 1),
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
    let proof = match flashback {
        true => Proof::prints("BINLOG", 1),
        _ if rows > 0 => Proof::prints("### SET", rows),
        _ => Proof::names(product, transactions..=u64::MAX),
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

fn arguments(arguments: &[&str], (product, shape): (Product, Shape)) -> Vec<String> {
    let replace = |argument: &&str| match *argument {
        FIRST => logs::first_of_traffic(product, shape),
        other => other.to_owned(),
    };
    arguments.iter().map(replace).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::logs::Made;

    /// Logs that nobody reads.
    pub(crate) fn logs() -> RaceLogs {
        let made = Made { version: "9.7".to_owned(), transactions: 1, bytes: 1_000_000 };
        RaceLogs { paths: vec!["/log".into()], made, shape: Shape::Small }
    }

    /// One who only says what it is asked.
    pub(crate) fn echo(role: Role, proof: Proof) -> Entrant {
        let program = (Program::Path("echo".into()), vec!["find".to_owned()]);
        Entrant::new("echo", role, program, proof, (Product::Mysql97, &logs()))
    }
}
