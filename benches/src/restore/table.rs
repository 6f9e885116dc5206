//! The tables of the restore race.

use servers::Product;

use super::Race;
use super::logs::RestoreLogs;
use super::way::Way;
use crate::report::{machine, median};

/// What is raced, and how the servers are set.
pub(super) fn print_head(race: &Race, product: Product, logs: &RestoreLogs, settings: &[String]) {
    println!(
        "\n{} {}: {} transactions of four statements, {} bytes; {} workers; rounds: {}; {}",
        product.name(),
        logs.state.version,
        race.transactions,
        logs.bytes,
        race.workers,
        race.rounds,
        machine()
    );
    println!("servers: {}\n", settings.join(" "));
    println!("| {:<44} | {:>8} | {:>14} | {:>7} |", "way", "seconds", "transactions/s", "faster");
    println!("| {:-<44} | {:->7}: | {:->13}: | {:->6}: |", "", "", "", "");
}

/// A line for each way; `seconds` has the runs of each, in their order.
pub(super) fn print(race: &Race, product: Product, seconds: &[Vec<f64>]) {
    let medians: Vec<_> = seconds.iter().map(|runs| median(runs.iter().copied())).collect();
    let rival = medians.first().copied().unwrap_or(f64::NAN);
    for (way, seconds) in Way::ALL.iter().zip(&medians) {
        let rate = race.transactions as f64 / seconds;
        let faster = match way {
            Way::Rival => String::new(),
            _ => format!("{:.1} ×", rival / seconds),
        };
        println!("| {:<44} | {seconds:>8.2} | {rate:>14.0} | {faster:>7} |", way.label(product));
    }
}
