//! Logs in the STATEMENT and MIXED formats, replayed into empty servers: whole dumps and GTIDs are
//! compared. What the servers' own tools make of the same logs is held as well, where it is wrong.

mod crafted;
mod support;

use anyhow::{Result, ensure};
use replay::stream::Options;
use servers::Product;
use support::{Format, Story, difference, dump, start};

/// What the products' own tool makes other than it was: REAL variables lose digits, INT ones their
/// sign and DECIMAL ones their type, and ALTER DATABASE without a name alters another.
const RIVAL_IS_WRONG: [&str; 5] = [
    "== databases:",
    "== definition of `altered`.`after_it`:",
    "== rows of `context`.`reals`:",
    "== definition of `context`.`typed`:",
    "== rows of `loads`.`unescaped`:",
];

fn replays_exactly(product: Product, format: Format) -> Result<()> {
    let story = Story::tell(product, format)?;
    let what = format!("{} {format:?}", product.name());

    // Pieces so small that few transactions follow another in the same.
    let one = story.stream(&Options { piece_bytes: 1_500, ..support::options() }, 1)?;
    let four = story.stream(&Options { piece_bytes: 1_500, ..support::options() }, 4)?;
    ensure!(one.bytes == four.bytes, "{what}: the stream depends on the number of threads");
    for stream in [four, story.stream(&support::options(), 2)?] {
        let server = start(product, format)?;
        stream.feed(&server)?;
        let after = dump(&server, format)?;
        ensure!(after == story.after, "{what}: {}", difference(&after, &story.after));
        assert_eq!(server.gtid_executed()?, story.gtids, "{what}");
        assert!(stream.manifest.prepared.is_empty(), "{what}");
        assert!(!stream.manifest.scheduled.is_empty(), "{what}");
        story.assert_untouched()?;
    }
    if format == Format::Statement {
        let report = difference(&story.replay_by_rival()?, &story.after);
        for wrong in RIVAL_IS_WRONG {
            ensure!(report.contains(wrong), "{what}: the rival is right now about {wrong}");
        }
    }
    Ok(())
}

fn for_live(product: Product, test: fn(Product, Format) -> Result<()>) -> Result<()> {
    if servers::live().contains(&product) {
        [Format::Statement, Format::Mixed].into_iter().try_for_each(|format| test(product, format))
    } else {
        Ok(())
    }
}

#[test]
fn mysql_9_7_replays_statements() -> Result<()> {
    for_live(Product::Mysql97, replays_exactly)
}

#[test]
fn mariadb_10_11_replays_statements() -> Result<()> {
    for_live(Product::Mariadb1011, replays_exactly)
}

#[test]
fn mariadb_11_8_replays_statements() -> Result<()> {
    for_live(Product::Mariadb118, replays_exactly)
}
