//! The table of a race, and its raw results.

use std::fs::{self, File};
use std::io::Write;
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use servers::Product;

use crate::contest::Contest;
use crate::entrant::{Entrant, Role};
use crate::logs::{self, RaceLogs};
use crate::measure::Cost;
use crate::shapes::Shape;

/// The raw results: one JSON object a line, in a file of its own for each race.
#[derive(Debug)]
pub struct RawResults {
    file: File,
}

#[derive(Serialize)]
struct Line<'a> {
    contest: &'a str,
    logs: &'a str,
    shape: Shape,
    log_bytes: u64,
    transactions: u64,
    entrant: &'a str,
    round: usize,
    #[serde(flatten)]
    cost: Cost,
}

#[derive(Serialize)]
struct Head<'a> {
    machine: &'a str,
    started: u64,
}

impl RawResults {
    /// Opens the file of a race that starts now; it begins with a line about the machine.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn create() -> Result<RawResults> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let path = logs::folder().join(format!("results-{started}.jsonl"));
        fs::create_dir_all(logs::folder())?;
        eprintln!("raw results: {}", path.display());
        let mut file = File::create(path)?;
        writeln!(file, "{}", serde_json::to_string(&Head { machine: &machine(), started })?)?;
        Ok(RawResults { file })
    }

    /// Writes one run.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add(
        &mut self,
        contest: &Contest,
        made: &RaceLogs,
        entrant: &Entrant,
        round: usize,
        cost: Cost,
    ) -> Result<()> {
        let line = Line {
            contest: contest.name,
            logs: contest.product.name(),
            shape: made.shape,
            log_bytes: made.made.bytes,
            transactions: made.made.transactions,
            entrant: &entrant.label,
            round,
            cost,
        };
        Ok(writeln!(self.file, "{}", serde_json::to_string(&line)?)?)
    }
}

/// The kind of machine: cores and operating system.
pub fn machine() -> String {
    let cores = available_parallelism().map_or(1, usize::from);
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    format!("{cores} cores, {}", name.unwrap_or(std::env::consts::OS).trim_matches('"'))
}

/// Columns of the table: name, width.
const COLUMNS: [(&str, usize); 10] = [
    ("contest", 23),
    ("program", 51),
    ("seconds", 8),
    ("fastest", 8),
    ("MB/s", 6),
    ("faster", 7),
    ("× read", 6),
    ("cpu s", 7),
    ("private MiB", 11),
    ("resident MiB", 12),
];

/// The head of the table, for logs that were made so.
pub fn print_head(product: Product, logs: &RaceLogs, rounds: usize) {
    let made = &logs.made;
    println!(
        "\n{} {}, {}: {} bytes, {} transactions; medians of {rounds} rounds; {}\n",
        product.name(),
        made.version,
        logs.shape.name(),
        made.bytes,
        made.transactions,
        machine()
    );
    print_line(COLUMNS.map(|(name, _)| name.to_owned()));
    print_line(COLUMNS.map(|(name, width)| {
        let (rule, right) = ("-".repeat(width - 1), !is_text(name));
        format!("{rule}{}", if right { ':' } else { '-' })
    }));
}

fn is_text(column: &str) -> bool {
    matches!(column, "contest" | "program")
}

fn print_line(cells: [String; COLUMNS.len()]) {
    let cells = cells.iter().zip(COLUMNS).map(|(cell, (name, width))| {
        if is_text(name) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
}

/// The lines of one contest; `costs` has those of each entrant, in their order.
pub fn print_contest(contest: &Contest, bytes: u64, costs: &[Vec<Cost>]) {
    for line in lines(contest, bytes, costs) {
        print_line(line);
    }
}

fn lines(contest: &Contest, bytes: u64, costs: &[Vec<Cost>]) -> Vec<[String; COLUMNS.len()]> {
    let medians: Vec<f64> =
        costs.iter().map(|costs| median(costs.iter().map(|cost| cost.seconds))).collect();
    let of = |role: Role| {
        let index = contest.entrants.iter().position(|entrant| entrant.role == role);
        index.and_then(|index| medians.get(index)).copied()
    };
    let line = |((entrant, costs), seconds): ((&Entrant, &Vec<Cost>), &f64)| {
        let peak = |of: fn(&Cost) -> u64| {
            let most = costs.iter().map(of).max().unwrap_or(0);
            format!("{:.1}", most as f64 / f64::from(1 << 20))
        };
        let own = entrant.role != Role::Read;
        let faster = of(Role::Rival).filter(|_| entrant.role == Role::Ours);
        let fastest = costs.iter().map(|cost| cost.seconds).fold(f64::INFINITY, f64::min);
        [
            contest.name.to_owned(),
            entrant.label.clone(),
            format!("{seconds:.3}"),
            format!("{fastest:.3}"),
            format!("{:.0}", bytes as f64 / 1e6 / seconds),
            faster.map_or_else(String::new, |rival| format!("{:.1} ×", rival / seconds)),
            of(Role::Read).map_or_else(String::new, |read| format!("{:.1}", seconds / read)),
            format!("{:.2}", median(costs.iter().map(|cost| cost.cpu_seconds))),
            if own { peak(|cost| cost.private_bytes) } else { String::new() },
            if own { peak(|cost| cost.resident_bytes) } else { String::new() },
        ]
    };
    contest.entrants.iter().zip(costs).zip(&medians).map(line).collect()
}

/// The middle number; of an even count, the mean of the two in the middle.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match (numbers.get(half.wrapping_sub(1)), numbers.get(half)) {
        (Some(below), Some(above)) if numbers.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contest::tests::echo;
    use crate::entrant::Proof;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median([5.0].into_iter()), 5.0);
        assert!(median([].into_iter()).is_nan());
    }

    #[test]
    fn who_has_no_rival_is_no_times_faster() {
        let cost = |seconds| vec![Cost { seconds, ..Cost::default() }];
        let entrants = [Role::Ours, Role::Rival, Role::Read];
        let entrants = entrants.map(|role| echo(role, Proof::prints("", 1))).to_vec();
        let mut contest = Contest { name: "index", product: Product::Mysql97, entrants };
        let faster_and_read = |contest: &Contest, costs: &[Vec<Cost>]| {
            lines(contest, 1_000_000, costs)
                .into_iter()
                .map(|line| line[5..7].join(";"))
                .collect::<Vec<_>>()
        };
        let costs = [cost(1.0), cost(4.0), cost(0.5)];
        assert_eq!(faster_and_read(&contest, &costs), ["4.0 ×;2.0", ";8.0", ";1.0"]);
        contest.entrants.remove(1);
        assert_eq!(faster_and_read(&contest, &[cost(1.0), cost(0.5)]), [";2.0", ";1.0"]);
    }
}
