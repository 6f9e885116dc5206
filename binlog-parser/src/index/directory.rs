//! The fixed entries by which a transaction is found: of blocks by position, of sources by
//! GTID. They are read where they are mapped, each when it is asked for.

use super::file::le;
use crate::error::Fault;

/// Transactions of a block, at most.
pub(super) const BLOCK_RECORDS: usize = 1024;

/// A block of transactions that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Where its records stand among the blocks, in bytes.
    pub(super) offset: u64,
    /// Bytes of its records.
    pub(super) length: u32,
    /// Checksum of its records.
    pub(super) crc: u32,
    /// Stream position of its first transaction.
    pub start: u64,
    /// Stream position behind its last transaction.
    pub end: u64,
    /// Earliest time of its transactions, of their starts and their ends; seconds since 1970 UTC.
    pub first_time: u32,
    /// Latest time of its transactions.
    pub last_time: u32,
    /// How many transactions there are.
    pub count: u32,
}

const BLOCK_BYTES: usize = 44;

impl Block {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.offset.to_le_bytes());
        out.extend(self.start.to_le_bytes());
        out.extend(self.end.to_le_bytes());
        for short in [self.length, self.crc, self.first_time, self.last_time, self.count] {
            out.extend(short.to_le_bytes());
        }
    }

    fn read(entry: &[u8]) -> Option<Self> {
        let long = |at| le(entry, at, 8);
        let short = |at| le(entry, at, 4).map(|value| value as u32);
        Some(Block {
            offset: long(0)?,
            start: long(8)?,
            end: long(16)?,
            length: short(24)?,
            crc: short(28)?,
            first_time: short(32)?,
            last_time: short(36)?,
            count: short(40)?,
        })
    }
}

/// The blocks of a log, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a>(&'a [u8]);

impl<'a> Directory<'a> {
    pub(super) fn new(section: &'a [u8]) -> Self {
        Directory(section)
    }

    /// How many blocks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / BLOCK_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Block number `number`.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<Block> {
        let at = number.checked_mul(BLOCK_BYTES)?;
        Block::read(self.0.get(at..at.checked_add(BLOCK_BYTES)?)?)
    }

    /// All blocks.
    pub fn iter(&self) -> impl Iterator<Item = Block> + use<'a> {
        let directory = *self;
        (0..self.len()).map_while(move |number| directory.get(number))
    }

    /// The first block that ends behind stream position `position`.
    #[must_use]
    pub fn at(&self, position: u64) -> usize {
        self.first(|block| block.end > position)
    }

    /// The first block of which `holds` holds, which once it holds holds to the end.
    fn first(&self, holds: impl Fn(&Block) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(block) if !holds(&block) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// Checks every entry against the others, the log and the blocks.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn check(&self, log_bytes: u64, blocks: u64) -> Result<(), Fault> {
        let wrong = |needed: &'static str, number: usize| {
            Fault::value("directory of the index", needed, format!("another in block {number}"))
        };
        if !self.0.len().is_multiple_of(BLOCK_BYTES) {
            return Err(Fault::value("directory of the index", "whole entries", self.0.len()));
        }
        let (mut end, mut offset) = (0, 0u64);
        for (number, block) in self.iter().enumerate() {
            let usual = 1..=BLOCK_RECORDS as u32;
            // A record has at least a byte for its bits, one for its length and one for its content.
            if !usual.contains(&block.count) || block.length / 3 < block.count {
                return Err(wrong("a number of transactions", number));
            }
            if block.start < end || block.end <= block.start || block.end > log_bytes {
                return Err(wrong("a range of the log behind the one before", number));
            }
            if block.offset != offset {
                return Err(wrong("records behind those before", number));
            }
            if block.first_time > block.last_time {
                return Err(wrong("times in their order", number));
            }
            offset = offset.saturating_add(u64::from(block.length));
            end = block.end;
        }
        match offset == blocks {
            true => Ok(()),
            false => Err(Fault::value("blocks of the index", format!("{offset} bytes"), blocks)),
        }
    }
}

/// GTIDs of one source in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GtidEntry {
    pub source: u32,
    pub block: u32,
    pub first: u64,
    pub last: u64,
    /// The greatest number of this and of all entries of the source before.
    pub greatest: u64,
}

const GTID_BYTES: usize = 32;

/// The entries, by source and first number.
#[derive(Debug, Clone, Copy)]
pub(super) struct GtidDirectory<'a>(&'a [u8]);

impl<'a> GtidDirectory<'a> {
    pub fn new(section: &'a [u8]) -> Self {
        GtidDirectory(section)
    }

    /// Puts entries in order and writes them.
    pub fn write(mut entries: Vec<GtidEntry>) -> Vec<u8> {
        entries.sort_by_key(|entry| (entry.source, entry.first, entry.block));
        let mut out = Vec::with_capacity(entries.len() * GTID_BYTES);
        let mut before: Option<GtidEntry> = None;
        for mut entry in entries {
            let known = before.filter(|before| before.source == entry.source);
            entry.greatest = known.map_or(0, |before| before.greatest).max(entry.last);
            out.extend(entry.source.to_le_bytes());
            out.extend(entry.block.to_le_bytes());
            [entry.first, entry.last, entry.greatest]
                .iter()
                .for_each(|number| out.extend(number.to_le_bytes()));
            before = Some(entry);
        }
        out
    }

    pub fn get(&self, number: usize) -> Option<GtidEntry> {
        let at = number.checked_mul(GTID_BYTES)?;
        let entry = self.0.get(at..at.checked_add(GTID_BYTES)?)?;
        Some(GtidEntry {
            source: le(entry, 0, 4)? as u32,
            block: le(entry, 4, 4)? as u32,
            first: le(entry, 8, 8)?,
            last: le(entry, 16, 8)?,
            greatest: le(entry, 24, 8)?,
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = GtidEntry> + use<'a> {
        let directory = *self;
        (0..self.0.len() / GTID_BYTES).map_while(move |number| directory.get(number))
    }

    /// Blocks that may hold this GTID, in the order of the log.
    pub fn blocks(&self, source: u32, number: u64) -> Vec<usize> {
        let (mut low, mut high) = (0, self.0.len() / GTID_BYTES);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(entry) if (entry.source, entry.first) <= (source, number) => low = middle + 1,
                _ => high = middle,
            }
        }
        let before = (0..low).rev().map_while(|number| self.get(number));
        let near = before.take_while(|entry| entry.source == source && entry.greatest >= number);
        let holding = near.filter(|entry| entry.last >= number);
        let mut blocks: Vec<_> = holding.map(|entry| entry.block as usize).collect();
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    }

    /// Checks every entry.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self, sources: usize, blocks: usize) -> Result<(), Fault> {
        let wrong = |needed: &'static str, had: usize| {
            Err(Fault::value("GTIDs of the index", needed, format!("another in entry {had}")))
        };
        if !self.0.len().is_multiple_of(GTID_BYTES) {
            return wrong("whole entries", self.0.len() / GTID_BYTES);
        }
        let mut before: Option<GtidEntry> = None;
        for (number, entry) in self.iter().enumerate() {
            if entry.source as usize >= sources || entry.block as usize >= blocks {
                return wrong("a source and a block of the index", number);
            }
            let known = before.filter(|before| before.source == entry.source);
            let greatest = known.map_or(0, |before| before.greatest).max(entry.last);
            let order = before
                .is_none_or(|before| (before.source, before.first) <= (entry.source, entry.first));
            if entry.first > entry.last || entry.greatest != greatest || !order {
                return wrong("numbers in their order", number);
            }
            before = Some(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: u32, block: u32, first: u64, last: u64) -> GtidEntry {
        GtidEntry { source, block, first, last, greatest: 0 }
    }

    #[test]
    fn a_gtid_is_found_in_every_block_that_may_hold_it() {
        let entries = vec![
            entry(0, 0, 1, 100),
            entry(0, 1, 101, 400),
            entry(0, 2, 150, 160),
            entry(0, 3, 401, 500),
            entry(1, 1, 7, 7),
        ];
        let section = GtidDirectory::write(entries);
        let directory = GtidDirectory::new(&section);
        directory.check(2, 4).unwrap();
        assert_eq!(directory.blocks(0, 1), [0]);
        assert_eq!(directory.blocks(0, 155), [1, 2]);
        assert_eq!(directory.blocks(0, 399), [1]);
        assert_eq!(directory.blocks(0, 450), [3]);
        assert!(directory.blocks(0, 501).is_empty());
        assert_eq!(directory.blocks(1, 7), [1]);
        assert!(directory.blocks(1, 8).is_empty());
        assert!(directory.blocks(2, 1).is_empty());
        assert!(directory.check(1, 4).is_err());
        assert!(directory.check(2, 3).is_err());
    }

    #[test]
    fn blocks_are_found_by_position() {
        let mut section = vec![];
        for number in 0..4 {
            let start = 100 * number + 100;
            let block = Block {
                offset: 30 * number,
                length: 30,
                crc: 0,
                start,
                end: start + 90,
                first_time: 1,
                last_time: 2,
                count: 10,
            };
            block.put(&mut section);
        }
        let directory = Directory::new(&section);
        directory.check(490, 120).unwrap();
        assert!(directory.check(489, 120).is_err());
        assert!(directory.check(490, 121).is_err());
        assert_eq!([0, 189, 190, 490].map(|at| directory.at(at)), [0, 0, 1, 4]);
    }
}
