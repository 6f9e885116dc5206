//! The table of answers: a line a cell.

use std::fs;
use std::path::Path;

use anyhow::Result;
use servers::Product;

use crate::cell::Cell;
use crate::stage::{Answer, Answers};

/// What became of all cells.
pub struct Report {
    product: Product,
    lines: Vec<String>,
    failures: Vec<String>,
    cells: usize,
    rival_failures: usize,
}

impl Report {
    /// Of no cells yet.
    pub fn new(product: Product) -> Report {
        Report { product, lines: vec![], failures: vec![], cells: 0, rival_failures: 0 }
    }

    /// Adds a cell.
    pub fn add(&mut self, cell: &Cell, answers: &Answers) {
        let word = |answer: &Answer| if answer.is_ok() { "equal" } else { "FAILS" };
        self.cells += 1;
        self.rival_failures += usize::from(answers.rival.is_err());
        let rival = answers.rival.as_ref().err().map(|why| first_line(why)).unwrap_or_default();
        let line = format!(
            "{:>3}  {}  {} bytes  whole {}  cut {}  {} {}  {rival}",
            cell.number,
            cell.label,
            answers.log_bytes,
            word(&answers.whole),
            word(&answers.cut),
            self.product.binlog_tool(),
            word(&answers.rival),
        );
        println!("{}", line.trim_end());
        self.lines.push(line.trim_end().to_owned());
        for (what, answer) in [("whole", &answers.whole), ("cut", &answers.cut)] {
            if let Err(why) = answer {
                let name = self.product.name();
                self.failures.push(format!(
                    "{name}, cell and seed {} ({}), {what}: {why}",
                    cell.number, cell.label
                ));
            }
        }
    }

    /// What of ours failed, in full.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Writes the table.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self) -> Result<()> {
        let name = self.product.name();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("matrix-{name}.txt"));
        let sum = format!(
            "{name}: {} cells, {} failures of ours; {} cells where {} fails",
            self.cells,
            self.failures.len(),
            self.rival_failures,
            self.product.binlog_tool()
        );
        println!("{sum}");
        fs::write(
            path,
            format!("{}\n{sum}\n{}\n", self.lines.join("\n"), self.failures.join("\n")),
        )?;
        Ok(())
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(150).collect()
}
