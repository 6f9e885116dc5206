//! The tables of `race growth --sizes`.

use crate::measure::Cost;

/// Bytes of a GiB.
const GIB: f64 = (1u64 << 30) as f64;

/// What one thing took.
#[derive(Debug, Clone)]
pub struct Line {
    what: &'static str,
    /// The least seconds of some rounds.
    seconds: f64,
    /// Most private memory of all rounds, in bytes.
    private_bytes: u64,
}

impl Line {
    /// A line of what was not measured yet.
    #[must_use]
    pub fn new(what: &'static str) -> Line {
        Line { what, seconds: f64::INFINITY, private_bytes: 0 }
    }

    /// Adds one round.
    pub fn add(&mut self, cost: Cost) {
        self.seconds = self.seconds.min(cost.seconds);
        self.private_bytes = self.private_bytes.max(cost.private_bytes);
    }
}

/// Prints what logs of so many bytes took.
pub fn print_size(logs: usize, bytes: u64, rounds: usize, lines: &[Line]) {
    println!("\n{logs} logs, {bytes} bytes; the least of {rounds} rounds\n");
    println!("what | seconds | MB/s | private MiB");
    for Line { what, seconds, private_bytes } in lines {
        let speed = bytes as f64 / 1e6 / seconds;
        let private = *private_bytes as f64 / f64::from(1 << 20);
        println!("{what} | {seconds:.3} | {speed:.0} | {private:.1}");
    }
}

/// Prints what each thing took of each GiB: where it is the same in a line, the cost is linear.
pub fn print_per_gib(measured: &[(u64, Vec<Line>)]) {
    let sizes: Vec<String> =
        measured.iter().map(|(bytes, _)| format!("{:.2} GiB", *bytes as f64 / GIB)).collect();
    println!("\nwhat | seconds per GiB at {}", sizes.join(" | "));
    for line in per_gib(measured) {
        println!("{line}");
    }
}

fn per_gib(measured: &[(u64, Vec<Line>)]) -> Vec<String> {
    let Some((_, lines)) = measured.first() else { return vec![] };
    let line = |(row, Line { what, .. }): (usize, &Line)| {
        let costs = measured.iter().filter_map(|(bytes, lines)| {
            let seconds = lines.get(row)?.seconds;
            Some(format!(" | {:.4}", seconds * GIB / *bytes as f64))
        });
        format!("{what}{}", costs.collect::<String>())
    };
    lines.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_seconds_and_the_most_memory_are_kept() {
        let mut line = Line::new("verify");
        for (seconds, private_bytes) in [(3.0, 5), (2.0, 7), (4.0, 6)] {
            line.add(Cost { seconds, private_bytes, ..Cost::default() });
        }
        assert_eq!((line.seconds, line.private_bytes), (2.0, 7));
    }

    #[test]
    fn what_is_linear_costs_the_same_of_each_gib() {
        let lines = |seconds| vec![Line { what: "verify", seconds, private_bytes: 0 }];
        let measured = [(1 << 30, lines(0.5)), (4 << 30, lines(2.0)), (1 << 29, lines(1.0))];
        assert_eq!(per_gib(&measured), ["verify | 0.5000 | 0.5000 | 2.0000"]);
    }
}
