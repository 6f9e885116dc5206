//! The matrix: random traffic under every setting that shapes a log, replayed into an empty server
//! of the same version; whole dumps and GTIDs are compared, for all logs and for a cut in their
//! middle. The products' own readers run on the same logs, and their answers stand beside ours.
//!
//! A few cells run with all tests; `--features full-matrix` runs every one and writes
//! `matrix-PRODUCT.txt` into the folder for temporary files of the target directory. A cell's seed
//! is its number: `MATRIX_ONLY=17` runs cell 17 alone, `MATRIX_ONLY='format=ROW image=FULL'` those
//! cells whose names hold that, and `MATRIX_KEEP=DIR` copies their logs to DIR.
//!
//! - `cell`: the settings, and their product;
//! - `stage`: a source, a target, and what is done with them in a cell;
//! - `report`: the table of answers.

mod cell;
mod report;
mod stage;

use anyhow::{Result, ensure};
use servers::Product;

use cell::Cell;
use report::Report;
use stage::Stage;

/// Of how many cells one runs where not all do. It has no divisor in common with the numbers of
/// values that settings have, so that the cells differ in all of them.
const SLICE: usize = 47;

fn chosen(cells: Vec<Cell>) -> Vec<Cell> {
    let all = cfg!(feature = "full-matrix");
    let chosen = |cell: &Cell| match std::env::var("MATRIX_ONLY") {
        Ok(only) => cell.number.to_string() == only || cell.label.contains(&only),
        Err(_) => all || cell.number % SLICE == 5,
    };
    cells.into_iter().filter(chosen).collect()
}

fn run(product: Product) -> Result<()> {
    if !servers::live().contains(&product) {
        return Ok(());
    }
    let cells = chosen(cell::all(product));
    let mut report = Report::new(product);
    let mut stage: Option<Stage> = None;
    for cell in &cells {
        // Servers are started anew only for what cannot be set while they run.
        if stage.as_ref().is_none_or(|stage| !stage.suits(cell)) {
            drop(stage.replace(Stage::build(product, cell)?));
        }
        if let Some(stage) = &mut stage {
            report.add(cell, &stage.play(cell)?);
        }
    }
    report.write()?;
    ensure!(report.failures().is_empty(), "{}", report.failures().join("\n"));
    Ok(())
}

#[test]
fn mysql_9_7_replays_its_cells() -> Result<()> {
    run(Product::Mysql97)
}

#[test]
fn mariadb_10_11_replays_its_cells() -> Result<()> {
    run(Product::Mariadb1011)
}

#[test]
fn mariadb_11_8_replays_its_cells() -> Result<()> {
    run(Product::Mariadb118)
}
