//! A set of fingerprints, of whatever size: the newest in memory, the others in sorted runs in a
//! private file, so that an undo of a hundred million rows needs no more memory than one of a
//! million.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use binlog_parser::source::private_file::private_file;

/// The fingerprint of what a change of a row touches: 128 bits under two secret keys, so that no
/// log can be made whose different rows have the same.
pub(in crate::undo) type Print = u128;

/// Fingerprints in memory.
pub(in crate::undo) type PrintSet = HashSet<Print, AsIs>;

/// The hash of a fingerprint, which is one already.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::undo) struct AsIs(u64);

impl BuildHasher for AsIs {
    type Hasher = AsIs;

    fn build_hasher(&self) -> AsIs {
        AsIs(0)
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |all, byte| all << 8 | u64::from(*byte));
    }

    fn write_u128(&mut self, print: Print) {
        self.0 = print as u64;
    }
}

/// Makes fingerprints; those of different printers have nothing in common, but for copies of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Printer {
    high: RandomState,
    low: RandomState,
}

impl Printer {
    /// The fingerprint of some parts, each of which is told apart from its neighbours.
    pub fn print<'p>(&self, tag: Print, parts: impl Iterator<Item = &'p [u8]>) -> Print {
        let (mut high, mut low) = (self.high.build_hasher(), self.low.build_hasher());
        for hasher in [&mut high, &mut low] {
            hasher.write_u128(tag);
        }
        for part in parts {
            for hasher in [&mut high, &mut low] {
                hasher.write_usize(part.len());
                hasher.write(part);
            }
        }
        Print::from(high.finish()) << 64 | Print::from(low.finish())
    }
}

/// Bytes of a fingerprint in the file.
const PRINT_BYTES: usize = size_of::<Print>();

/// Fingerprints that are held in memory before they become a run.
const RECENT: usize = 1 << 20;

/// Fingerprints in a page of a run: what one look reads.
const PAGE: usize = 256;

/// A set of fingerprints.
#[derive(Debug)]
pub(in crate::undo) struct Prints {
    recent: PrintSet,
    most_recent: usize,
    runs: Vec<Run>,
    file: Option<File>,
}

/// Sorted fingerprints in the file.
#[derive(Debug)]
struct Run {
    /// Offset in the file, in bytes.
    start: u64,
    /// The first fingerprint of each page.
    firsts: Vec<Print>,
    count: usize,
}

impl Default for Prints {
    fn default() -> Self {
        Prints::holding(RECENT)
    }
}

impl Prints {
    /// An empty set that holds so many fingerprints in memory.
    fn holding(most_recent: usize) -> Self {
        Prints { recent: PrintSet::default(), most_recent, runs: vec![], file: None }
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.runs.is_empty()
    }

    /// Adds a fingerprint.
    ///
    /// # Errors
    /// What the system says of the temporary file.
    pub fn insert(&mut self, print: Print) -> io::Result<()> {
        self.recent.insert(print);
        self.settle()
    }

    /// Adds a fingerprint; whether it was in the set before.
    ///
    /// # Errors
    /// What the system says of the temporary file.
    pub fn meet(&mut self, print: Print) -> io::Result<bool> {
        let met = !self.recent.insert(print) || self.in_runs(print)?;
        self.settle()?;
        Ok(met)
    }

    /// Whether a fingerprint is in the set.
    ///
    /// # Errors
    /// What the system says of the temporary file.
    pub fn contains(&self, print: Print) -> io::Result<bool> {
        Ok(self.recent.contains(&print) || self.in_runs(print)?)
    }

    fn in_runs(&self, print: Print) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        for run in &self.runs {
            if run.contains(file, print).map_err(told)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes a run of what is in memory if that is as much as may be.
    fn settle(&mut self) -> io::Result<()> {
        if self.recent.len() >= self.most_recent { self.spill().map_err(told) } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut sorted: Vec<Print> = self.recent.drain().collect();
        sorted.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private_file()?),
        };
        let start = self.runs.iter().map(|run| (run.count * PRINT_BYTES) as u64).sum();
        let mut out = io::BufWriter::with_capacity(1 << 20, file);
        for print in &sorted {
            out.write_all(&print.to_le_bytes())?;
        }
        out.flush()?;
        let firsts = sorted.chunks(PAGE).filter_map(|page| page.first().copied()).collect();
        self.runs.push(Run { start, firsts, count: sorted.len() });
        Ok(())
    }
}

/// Says of which file the system speaks.
fn told(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("temporary file of changed rows: {error}"))
}

impl Run {
    fn contains(&self, file: &File, print: Print) -> io::Result<bool> {
        let Some(page) = self.firsts.partition_point(|first| *first <= print).checked_sub(1) else {
            return Ok(false);
        };
        let first = page * PAGE;
        let mut bytes = [0; PAGE * PRINT_BYTES];
        let bytes = &mut bytes[..PAGE.min(self.count - first) * PRINT_BYTES];
        file.read_exact_at(bytes, self.start + (first * PRINT_BYTES) as u64)?;
        let (prints, _) = bytes.as_chunks::<PRINT_BYTES>();
        Ok(prints.binary_search_by_key(&print, |bytes| Print::from_le_bytes(*bytes)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_runs_is_found_as_what_is_in_memory() {
        let mut prints = Prints::holding(1000);
        let print = |n: u128| n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        for n in 0..3_500 {
            prints.insert(print(n)).unwrap();
        }
        assert_eq!((prints.runs.len(), prints.recent.len()), (3, 500));
        for n in 0..3_500 {
            assert!(prints.contains(print(n)).unwrap(), "{n}");
            assert!(!prints.contains(print(n) ^ 1).unwrap(), "{n}");
        }
        assert!(!prints.contains(Print::MAX).unwrap());
        for (n, met) in [(7, true), (3_499, true), (4_000, false), (4_000, true)] {
            assert_eq!(prints.meet(print(n)).unwrap(), met, "{n}");
        }
        for n in 4_001..5_000 {
            assert!(!prints.meet(print(n)).unwrap(), "{n}");
        }
        assert!(prints.runs.len() > 3 && prints.meet(print(4_000)).unwrap());
    }

    #[test]
    fn parts_are_told_apart() {
        let printer = Printer::default();
        let print = |tag, parts: &[&[u8]]| printer.print(tag, parts.iter().copied());
        assert_eq!(print(1, &[b"ab", b"c"]), print(1, &[b"ab", b"c"]));
        assert_ne!(print(1, &[b"ab", b"c"]), print(1, &[b"a", b"bc"]));
        assert_ne!(print(1, &[b"ab"]), print(2, &[b"ab"]));
        assert_ne!(print(1, &[b"ab"]), Printer::default().print(1, [&b"ab"[..]].into_iter()));
    }
}
