//! The undo beside a second opinion: random traffic on real servers, of which the test keeps the rows
//! after every statement. What an undo should give is computed from those rows alone, pair of
//! changes by pair of changes, and compared with the rows that the server has after the undo.
//!
//! A few seeds and settings run with all tests; `--features full-oracle` runs many.
//! `ORACLE_SEED=17` runs that seed alone, `ORACLE_SETTING=images` the settings with that in their
//! names. A failure names server, setting and seed.
//!
//! - `tables`: what there is to write to, and which of its changes touch one another;
//! - `traffic`: transactions at random, by seed;
//! - `history`: the traffic as the server played it, with the rows after every statement;
//! - `oracle`: what an undo should do;
//! - `stage`: a server on which undos are applied, compared and taken back;
//! - `safety`: what an undo does that does not fit;
//! - `settings`: under which settings of the log all that runs.

mod history;
mod oracle;
mod safety;
mod settings;
mod stage;
mod tables;
mod traffic;

use anyhow::{Context, Result};
use replay::undo::{Conflicts, Format};
use servers::{Product, live};

use settings::Setting;
use stage::{CHECKED, FORMATS, Stage};
use tables::{CHILD, PARENT, TABLES};

/// The seeds that run where none is asked for.
fn seeds() -> Vec<u64> {
    match std::env::var("ORACLE_SEED") {
        Ok(seed) => vec![seed.parse().expect("ORACLE_SEED is a number")],
        Err(_) if cfg!(feature = "full-oracle") => (1..=12).collect(),
        Err(_) => vec![1],
    }
}

/// How many transactions are undone where a table was altered.
const ALTERED: usize = 3;

/// What was seen of each: an undo without conflicts, and those that resolve them.
type Seen = [usize; 4];

/// The formats of a check: all of them, or one by turns.
fn formats(all: &[Format], turn: usize) -> Vec<Format> {
    match cfg!(feature = "full-oracle") {
        true => all.to_vec(),
        false => vec![all[turn % all.len()]],
    }
}

/// Undoes some transactions in every mode, in the formats of a turn.
fn undo_in_every_mode(
    stage: &mut Stage,
    targets: &[usize],
    turn: usize,
    seen: &mut Seen,
) -> Result<()> {
    let expected = stage.oracle().of(targets)?;
    if expected.hits.is_empty() {
        seen[0] += 1;
        return stage.undo(targets, Conflicts::Refuse, FORMATS[turn % FORMATS.len()], &expected);
    }
    stage.refused(targets, &expected)?;
    let modes = [Conflicts::NonconflictOnly, Conflicts::Cascade, Conflicts::Force];
    for (number, mode) in modes.into_iter().enumerate() {
        let expected = stage.oracle().with(targets, mode)?;
        if !expected.left_out.is_empty() {
            stage.refused_by_table(targets, mode, &expected)?;
            continue;
        }
        seen[number + 1] += usize::from(!expected.undone.is_empty());
        for format in formats(&FORMATS, turn + number) {
            stage.undo(targets, mode, format, &expected)?;
        }
    }
    Ok(())
}

/// Undoes each transaction of the traffic alone.
fn undo_each(product: Product, seed: u64, setting: &Setting) -> Result<()> {
    let mut stage = Stage::build(product, seed, setting)?;
    let mut seen = Seen::default();
    for target in stage.history.transactions_with_rows() {
        undo_in_every_mode(&mut stage, &[target], target, &mut seen)?;
    }
    anyhow::ensure!(seen.iter().all(|count| *count > 1), "the traffic has too few cases: {seen:?}");
    Ok(())
}

/// Undoes several transactions at once, and of several the rows of some tables.
fn undo_several(product: Product, seed: u64, setting: &Setting) -> Result<()> {
    let mut stage = Stage::build(product, seed, setting)?;
    let mut rng = fastrand::Rng::with_seed(seed);
    let all = stage.history.transactions_with_rows();
    let rounds = if cfg!(feature = "full-oracle") { 24 } else { 8 };
    let (mut seen, mut seen_by_table) = (Seen::default(), Seen::default());
    for round in 0..rounds {
        let mut targets = rng.choose_multiple(all.iter().copied(), 1 + round % 4);
        targets.sort_unstable();
        stage.select(&[]);
        undo_in_every_mode(&mut stage, &targets, round, &mut seen)?;
        // Parents without their children, and children without their parents, above all.
        let tables = match round % 4 {
            0 => vec![PARENT],
            1 => vec![CHILD],
            2 => rng.choose_multiple(0..TABLES.len(), 2),
            _ => rng.choose_multiple(0..TABLES.len(), TABLES.len() - 2),
        };
        stage.select(&tables);
        undo_in_every_mode(&mut stage, &targets, round, &mut seen_by_table)
            .with_context(|| format!("--table {tables:?}"))?;
    }
    anyhow::ensure!(seen[1..].iter().all(|count| *count > 0), "too few cases: {seen:?}");
    Ok(())
}

/// Undoes everything since a transaction, for some of them.
fn undo_back_to(product: Product, seed: u64, setting: &Setting) -> Result<()> {
    let mut stage = Stage::build(product, seed, setting)?;
    let targets = stage.history.transactions_with_rows();
    for (number, target) in targets.into_iter().enumerate() {
        if number % 4 == 0 || cfg!(feature = "full-oracle") {
            for format in formats(&FORMATS, number / 4) {
                stage.undo_back_to(target, format)?;
            }
        }
    }
    Ok(())
}

/// Applies undos where they do not fit.
fn undo_what_does_not_fit(product: Product, seed: u64, setting: &Setting) -> Result<()> {
    let mut stage = Stage::build(product, seed, setting)?;
    let mut alone = vec![];
    for target in stage.history.transactions_with_rows() {
        let expected = stage.oracle().of(&[target])?;
        if expected.hits.is_empty() {
            alone.push((target, expected));
        }
    }
    let (mut twice, mut rows) = (0, 0);
    for (number, (target, expected)) in alone.iter().enumerate() {
        for format in formats(&CHECKED, number) {
            let told = format!("--only {target}, {format:?}\n{}", stage.told(&[*target], expected));
            let done = stage.apply_twice(*target, format, expected);
            twice += u32::from(done.with_context(|| told.clone())?);
            rows += stage.change_a_row(*target, format, expected).with_context(|| told.clone())?;
        }
    }
    // Behind these, the server's log does not lead back to whole rows any more.
    for (number, (target, expected)) in alone.iter().take(ALTERED).enumerate() {
        for format in formats(&CHECKED, number) {
            let told = format!("--only {target}, {format:?}\n{}", stage.told(&[*target], expected));
            stage.alter_the_table(*target, format, expected).with_context(|| told)?;
        }
    }
    let count = alone.len();
    anyhow::ensure!(count > 3 && twice > 3 && rows > 3, "too few cases: {count}, {twice}, {rows}");
    Ok(())
}

fn run(product: Product, check: fn(Product, u64, &Setting) -> Result<()>) -> Result<()> {
    if !live().contains(&product) {
        return Ok(());
    }
    for seed in seeds() {
        for setting in settings::chosen(product, seed) {
            let told = || format!("{}, {}, ORACLE_SEED={seed}", product.name(), setting.name);
            check(product, seed, setting).with_context(told)?;
        }
    }
    Ok(())
}

#[test]
fn mysql_9_7_undoes_one_transaction_as_computed() -> Result<()> {
    run(Product::Mysql97, undo_each)
}

#[test]
fn mariadb_10_11_undoes_one_transaction_as_computed() -> Result<()> {
    run(Product::Mariadb1011, undo_each)
}

#[test]
fn mariadb_11_8_undoes_one_transaction_as_computed() -> Result<()> {
    run(Product::Mariadb118, undo_each)
}

#[test]
fn several_transactions_are_undone_as_computed_or_the_rows_of_some_tables() -> Result<()> {
    Product::ALL.into_iter().try_for_each(|product| run(product, undo_several))
}

#[test]
fn everything_since_a_transaction_is_undone() -> Result<()> {
    Product::ALL.into_iter().try_for_each(|product| run(product, undo_back_to))
}

#[test]
fn an_undo_that_does_not_fit_changes_nothing() -> Result<()> {
    Product::ALL.into_iter().try_for_each(|product| run(product, undo_what_does_not_fit))
}
