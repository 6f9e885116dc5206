//! The committed logs of the shop, and the facts that were recorded with them.
//!
//! `testdata/shop/PROVENANCE.md` tells their story.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::dump::Dump;
use crate::product::Product;

/// A moment in the shop's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Just before the users were deleted.
    Before,
    /// At the end of the day.
    Damaged,
    /// At the end of the same day without the disaster: what an undo has to
    /// bring back.
    Unharmed,
}

impl Moment {
    /// Every moment, in the order in which they are recorded.
    pub const ALL: [Moment; 3] = [Moment::Before, Moment::Damaged, Moment::Unharmed];

    /// Its name in `FACTS.tsv`.
    pub fn name(self) -> &'static str {
        match self {
            Moment::Before => "before",
            Moment::Damaged => "damaged",
            Moment::Unharmed => "unharmed",
        }
    }
}

/// The number of rows of each table, and the CRC-32 of their lines in a dump.
pub type Rows = BTreeMap<String, (usize, String)>;

/// The folder of a product's logs, their `.index`, `schema.sql` and `FACTS.tsv`.
pub fn folder(product: Product) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shop").join(product.name())
}

/// The paths of a product's logs in their order.
///
/// # Errors
/// Where the index file cannot be read.
pub fn logs(product: Product) -> Result<Vec<PathBuf>> {
    let index = folder(product).join(format!("{}.index", product.log_name()));
    let names = fs::read_to_string(&index).with_context(|| index.display().to_string())?;
    Ok(names.lines().map(|name| folder(product).join(name.trim_start_matches("./"))).collect())
}

/// One recorded fact: `version`; `disaster`, `disaster_rows` and `disaster_end`,
/// the addresses of the GTID event of the DELETE, of its first rows event and of
/// what follows it; `disaster_gtid`, `gtids_before` and `gtids_after`.
///
/// # Errors
/// Where there is no such fact.
pub fn fact(product: Product, name: &str) -> Result<String> {
    lines(product)?
        .into_iter()
        .find_map(|mut line| (line.len() == 2 && line[0] == name).then(|| line.remove(1)))
        .with_context(|| format!("no fact {name}"))
}

/// The rows that were recorded at a moment; [`rows_of`] a dump compares with it.
///
/// # Errors
/// Where the facts cannot be read.
pub fn recorded(product: Product, moment: Moment) -> Result<Rows> {
    let prefix = format!("{}: ", moment.name());
    let mut rows = Rows::new();
    for line in lines(product)? {
        if let [title, count, checksum] = line.as_slice()
            && let Some(title) = title.strip_prefix(&prefix)
        {
            rows.insert(title.to_owned(), (count.parse()?, checksum.clone()));
        }
    }
    Ok(rows)
}

/// The rows of a dump in the form that facts are recorded in.
pub fn rows_of(dump: &Dump) -> Rows {
    let sections = dump.sections.iter().filter(|s| s.title.starts_with("rows of"));
    sections
        .map(|s| (s.title.clone(), (s.lines.len(), format!("{:08x}", checksum(&s.lines)))))
        .collect()
}

/// CRC-32 of lines, each ended by a line feed.
fn checksum(lines: &[Vec<u8>]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    for line in lines {
        crc.update(line);
        crc.update(b"\n");
    }
    crc.finalize()
}

fn lines(product: Product) -> Result<Vec<Vec<String>>> {
    let path = folder(product).join("FACTS.tsv");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}
