//! The race with indexes: what they take to be made, and what verbs that have them deliver beside
//! rivals that have none.

use std::path::Path;

use anyhow::{Context, Result};
use binlog_parser::source::log::Log;
use servers::Product;

use crate::contest::{self, Contest};
use crate::dated::{self, LastSecond};
use crate::entrant::{Entrant, Program, Proof, Role};
use crate::logs::RaceLogs;
use crate::shapes::Shape;

/// Contests whose course is run with indexes as well.
const SEARCHES: [(&str, &str); 2] = [("find, indexed", "find"), ("info, indexed", "info")];

/// The contest whose logs have to be [`dated`].
const START_DATETIME: &str = "start-datetime, indexed";

/// The contests of which `wants` the name; their indexes go to `folder`.
///
/// # Errors
/// Where logs cannot be read or made.
pub fn contests(
    binlog: &Path,
    (product, logs): (Product, &RaceLogs),
    folder: &Path,
    wants: impl Fn(&str) -> bool,
) -> Result<Vec<Contest>> {
    let folder = folder.join(format!("{}-{}", product.name(), logs.shape.name()));
    let mut contests = vec![];
    if wants("index") {
        contests.push(index(binlog, (product, logs), &folder.join("new")));
    }
    for (name, course) in SEARCHES.iter().filter(|(name, _)| wants(name)) {
        let plain = contest::named(course, binlog, product, logs)?;
        contests.push(Contest { name, ..plain.with_indexes(&folder.join("made")) });
    }
    if logs.shape == Shape::Small && wants(START_DATETIME) {
        let dated = dated::provide(logs)?;
        let contest = start_datetime(binlog, (product, &dated))?;
        contests.push(contest.with_indexes(&folder.join("dated")));
    }
    Ok(contests)
}

/// Indexes made anew each time. No program of the servers makes any.
fn index(binlog: &Path, (product, logs): (Product, &RaceLogs), folder: &Path) -> Contest {
    let folder = folder.to_string_lossy().into_owned();
    let arguments = ["index", "--force", "--index-dir", &folder].map(str::to_owned).to_vec();
    let program = (Program::Path(binlog.to_owned()), arguments);
    let proof = Proof::prints(": indexed, ", logs.paths.len() as u64);
    let ours = Entrant::new("binlog", Role::Ours, program, proof, (product, logs));
    let entrants = vec![ours.shown_as(&folder, "DIR"), Entrant::plain_read(logs)];
    Contest { name: "index", product, entrants }
}

/// The statements of the last second, beside a rival that is to begin there as well.
fn start_datetime(binlog: &Path, (product, logs): (Product, &RaceLogs)) -> Result<Contest> {
    let last = LastSecond::of(&Log::open(logs.paths.last().context("no log")?)?)?;
    let (time, count) = (last.typed()?, last.transactions);
    let entrant = |name: &str, role: Role, program: Program, verb: &str, proof: Proof| {
        let arguments = [verb, "--start-datetime", &time].map(str::to_owned).to_vec();
        Entrant::new(name, role, (program, arguments), proof, (product, logs))
            .shown_as(&time, "TIME")
    };
    let ours = Program::Path(binlog.to_owned());
    let says = Proof::Says(format!("note: {count} transaction"));
    let (tool, rival) = (product.binlog_tool(), Program::Tool(product));
    let names = Proof::names(product, count..=count + logs.paths.len() as u64);
    let entrants = vec![
        entrant("binlog", Role::Ours, ours, "replay", says),
        entrant(tool, Role::Rival, rival, "--no-defaults", names),
        Entrant::plain_read(logs),
    ];
    Ok(Contest { name: START_DATETIME, product, entrants })
}

impl Contest {
    /// The same, where ours has the indexes in `folder`.
    fn with_indexes(mut self, folder: &Path) -> Contest {
        let entrants = self.entrants.into_iter().map(|entrant| match entrant.role {
            Role::Ours => entrant.with_indexes(folder),
            _ => entrant,
        });
        self.entrants = entrants.collect();
        self
    }
}
