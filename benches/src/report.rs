//! The table of a race, and its raw results.

use std::fs::{self, File};
use std::io::Write;
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;

use crate::contest::{Contest, Entrant, Role};
use crate::logs::{self, RaceLogs};
use crate::measure::Cost;

/// The raw results: one JSON object a line, in a file of its own for each race.
#[derive(Debug)]
pub struct RawResults {
    file: File,
}

#[derive(Serialize)]
struct Line<'a> {
    contest: &'a str,
    logs: &'a str,
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

/// The head of the table, for logs that were made so.
pub fn print_head(product: &str, logs: &RaceLogs, rounds: usize) {
    let made = &logs.made;
    println!(
        "\n{product} {}: {} bytes, {} transactions; median of {rounds} rounds; {}\n",
        made.version,
        made.bytes,
        made.transactions,
        machine()
    );
    println!(
        "| {:<11} | {:<52} | {:>8} | {:>8} | {:>6} | {:>8} | {:>6} | {:>11} | {:>12} |",
        "contest",
        "program",
        "seconds",
        "fastest",
        "MB/s",
        "rival is",
        "× read",
        "private MiB",
        "resident MiB"
    );
    let rule = |width: usize| "-".repeat(width);
    println!(
        "| {} | {} | {}: | {}: | {}: | {}: | {}: | {}: | {}: |",
        rule(11),
        rule(52),
        rule(7),
        rule(7),
        rule(5),
        rule(7),
        rule(5),
        rule(10),
        rule(11)
    );
}

/// The lines of one contest; `costs` has those of each entrant, in their order.
pub fn print_contest(contest: &Contest, bytes: u64, costs: &[Vec<Cost>]) {
    let medians: Vec<f64> = costs.iter().map(|costs| median(costs)).collect();
    let of = |role: Role| {
        let index = contest.entrants.iter().position(|entrant| entrant.role == role);
        index.and_then(|index| medians.get(index)).copied().unwrap_or(f64::NAN)
    };
    for ((entrant, costs), seconds) in contest.entrants.iter().zip(costs).zip(&medians) {
        let peak = |of: fn(&Cost) -> u64| costs.iter().map(of).max().unwrap_or(0) as f64;
        let mib = |bytes: f64| match entrant.role {
            Role::Read => String::new(),
            _ => format!("{:.1}", bytes / f64::from(1 << 20)),
        };
        let fastest = costs.iter().map(|cost| cost.seconds).fold(f64::INFINITY, f64::min);
        let ratio = match entrant.role {
            Role::Ours => format!("{:.1} ×", of(Role::Rival) / seconds),
            _ => String::new(),
        };
        println!(
            "| {:<11} | {:<52} | {seconds:>8.3} | {fastest:>8.3} | {:>6.0} | {ratio:>8} | {:>6.1} | {:>11} | {:>12} |",
            contest.name,
            entrant.label,
            bytes as f64 / 1e6 / seconds,
            seconds / of(Role::Read),
            mib(peak(|cost| cost.private_bytes)),
            mib(peak(|cost| cost.resident_bytes)),
        );
    }
}

/// The median of the seconds; of an even number of runs, the mean of the two in the middle.
fn median(costs: &[Cost]) -> f64 {
    let mut seconds: Vec<f64> = costs.iter().map(|cost| cost.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let half = seconds.len() / 2;
    match (seconds.get(half.wrapping_sub(1)), seconds.get(half)) {
        (Some(below), Some(above)) if seconds.len().is_multiple_of(2) => (below + above) / 2.0,
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let cost =
            |seconds| Cost { seconds, cpu_seconds: 0.0, private_bytes: 0, resident_bytes: 0 };
        assert_eq!(median(&[3.0, 1.0, 2.0].map(cost)), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0].map(cost)), 2.5);
        assert_eq!(median(&[5.0].map(cost)), 5.0);
        assert!(median(&[]).is_nan());
    }
}
