//! A block of transactions that follow each other: packed on the thread that gathers its piece, and put
//! into the index as it is, behind the numbers that the index has for what its records name.
//!
//! ```text
//! block   sources: count  number*   contents: count  number*   record*
//! ```
//! Records name sources and contents by their places in these lists. Of a content for which the index
//! has no room the number is 0, of all others one more than that of the index.

use super::directory::BLOCK_RECORDS;
use super::pack::{Taker, put};
use super::record::{Name, Packer, Record, Records};
use crate::error::Fault;

/// A block of a piece, with the piece's numbers for what its records name.
#[derive(Debug)]
pub(super) struct PackedBlock {
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
    pub sources: Vec<Numbers>,
    pub contents: Vec<u32>,
    packer: Packer,
}

/// The GTIDs of one source in a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    /// Number of the source.
    pub source: u32,
    /// The least number that it gave, and the greatest.
    pub first: u64,
    pub last: u64,
}

impl PackedBlock {
    fn new(start: u64) -> Self {
        PackedBlock {
            start,
            end: start,
            first_time: u32::MAX,
            last_time: 0,
            count: 0,
            sources: vec![],
            contents: vec![],
            packer: Packer::new(start),
        }
    }

    /// Takes in a record; `content` is the place of its content.
    fn push(&mut self, record: &Record, content: Option<u32>) {
        self.end = record.end;
        self.count += 1;
        self.first_time = self.first_time.min(record.time).min(record.started);
        self.last_time = self.last_time.max(record.time).max(record.started);
        let name = match record.name {
            Name::Gtid { source, number } => {
                Name::Gtid { source: self.place_of(source, number), number }
            }
            other => other,
        };
        self.packer.push(record, name, content);
    }

    /// The place of a source, which gave this number.
    fn place_of(&mut self, source: u32, number: u64) -> u32 {
        // Of few sources, and most often the first.
        match self.sources.iter_mut().zip(0..).find(|(known, _)| known.source == source) {
            Some((known, place)) => {
                (known.first, known.last) = (known.first.min(number), known.last.max(number));
                place
            }
            None => {
                self.sources.push(Numbers { source, first: number, last: number });
                self.sources.len() as u32 - 1
            }
        }
    }

    /// Appends the block, in which sources and contents of the piece have these numbers.
    pub fn put(&self, sources: &[u32], contents: &[Option<u32>], out: &mut Vec<u8>) {
        put(out, self.sources.len() as u64);
        for Numbers { source, .. } in &self.sources {
            put(out, u64::from(sources[*source as usize]));
        }
        put(out, self.contents.len() as u64);
        for content in &self.contents {
            put(out, contents[*content as usize].map_or(0, |content| u64::from(content) + 1));
        }
        out.extend(&self.packer.out);
    }
}

/// Packs the records of a piece.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    blocks: Vec<PackedBlock>,
    /// By the number of a content in the piece, one more than its place in the last block; 0 if it is
    /// not in it.
    places: Vec<u32>,
}

impl Blocks {
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Appends a record with the piece's numbers, which does not begin before the one before it ends.
    pub fn push(&mut self, record: &Record) {
        let full = |block: &PackedBlock| block.count as usize == BLOCK_RECORDS;
        if self.blocks.last().is_none_or(full) {
            // Of the last block alone: a piece may have as many contents as transactions.
            for content in self.blocks.last().iter().flat_map(|last| &last.contents) {
                self.places[*content as usize] = 0;
            }
            self.blocks.push(PackedBlock::new(record.start));
        }
        if let Some(block) = self.blocks.last_mut() {
            let place = record.content.map(|content| place(&mut self.places, block, content));
            block.push(record, place);
        }
    }

    /// The blocks, in the order of the log.
    pub fn finish(self) -> Vec<PackedBlock> {
        self.blocks
    }
}

/// The place of content number `content` of a piece in `block`.
#[inline]
fn place(places: &mut Vec<u32>, block: &mut PackedBlock, content: u32) -> u32 {
    let number = content as usize;
    match places.get(number) {
        Some(place) if *place > 0 => place - 1,
        _ => {
            if places.len() <= number {
                places.resize(number + 1, 0);
            }
            block.contents.push(content);
            places[number] = block.contents.len() as u32;
            places[number] - 1
        }
    }
}

/// Reads the records of a block that begins at stream position `start`, in an index of so many sources.
///
/// # Errors
/// What does not fit.
pub(super) fn read(bytes: &[u8], start: u64, sources: usize) -> Result<Vec<Record>, Fault> {
    let mut taker = Taker::new("block of an index", bytes);
    let (mut known_sources, mut contents) = (vec![], vec![]);
    for _ in 0..taker.count()? {
        let source = taker.short()?;
        if source as usize >= sources {
            return Err(taker.wrong("sources of the index", source));
        }
        known_sources.push(source);
    }
    for _ in 0..taker.count()? {
        contents.push(taker.short()?.checked_sub(1));
    }
    let named = |mut record: Record| {
        if let Name::Gtid { source, .. } = &mut record.name {
            let known = known_sources.get(*source as usize);
            *source = *known.ok_or_else(|| taker.wrong("a source of the block", *source))?;
        }
        if let Some(place) = record.content {
            let known = contents.get(place as usize);
            record.content = *known.ok_or_else(|| taker.wrong("a content of the block", place))?;
        }
        // Numbers of rows say nothing without the content that they are of.
        if record.content.is_none() {
            record.counts.clear();
        }
        Ok(record)
    };
    Records::new(taker.rest(), start).map(|record| record.and_then(named)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Ending;

    fn record(number: u64, source: u32, content: u32, counts: Vec<u64>) -> Record {
        Record {
            start: 4 + number * 100,
            end: 104 + number * 100,
            started: 1_700_000_000,
            time: 1_700_000_000 + number as u32,
            ending: Ending::Xid,
            server_id: 1,
            name: Name::Gtid { source, number },
            content: Some(content),
            counts,
        }
    }

    /// Packs them, reads each block with these numbers of the index, and gives what was read.
    fn packed(records: &[Record], sources: &[u32], contents: &[Option<u32>]) -> Vec<Vec<Record>> {
        let mut blocks = Blocks::default();
        assert!(blocks.is_empty());
        records.iter().for_each(|record| blocks.push(record));
        let read = |block: PackedBlock| {
            let mut bytes = vec![];
            block.put(sources, contents, &mut bytes);
            let records = read(&bytes, block.start, 10).unwrap();
            assert_eq!(block.count as usize, records.len());
            assert_eq!(records.last().map(|record| record.end), Some(block.end));
            records
        };
        blocks.finish().into_iter().map(read).collect()
    }

    #[test]
    fn records_come_back_with_the_numbers_of_the_index() {
        let here = [
            record(1, 0, 1, vec![]),
            record(2, 1, 0, vec![70]),
            record(3, 0, 1, vec![]),
            record(4, 0, 2, vec![9, 8]),
        ];
        // Of the third content there is no room in the index.
        let there = [
            record(1, 9, 5, vec![]),
            record(2, 3, 6, vec![70]),
            record(3, 9, 5, vec![]),
            Record { content: None, ..record(4, 9, 0, vec![]) },
        ];
        assert_eq!(packed(&here, &[9, 3], &[Some(6), Some(5), None]), [there]);
    }

    #[test]
    fn each_block_has_lists_of_its_own() {
        let of = |number| record(number, 0, u32::from(number >= BLOCK_RECORDS as u64), vec![]);
        let records: Vec<_> = (0..BLOCK_RECORDS as u64 * 2 + 1).map(of).collect();
        let blocks = packed(&records, &[0], &[Some(0), Some(1)]);
        let counts: Vec<_> = blocks.iter().map(Vec::len).collect();
        assert_eq!(counts, [BLOCK_RECORDS, BLOCK_RECORDS, 1]);
        assert_eq!(blocks.concat(), records);
    }

    #[test]
    fn numbers_that_no_list_has_are_refused() {
        let mut blocks = Blocks::default();
        blocks.push(&record(1, 0, 0, vec![]));
        let mut bytes = vec![];
        blocks.finish()[0].put(&[7], &[Some(3)], &mut bytes);
        assert!(read(&bytes, 104, 8).is_ok());
        let needed = |bytes: &[u8], sources| read(bytes, 104, sources).unwrap_err().to_string();
        assert!(needed(&bytes, 7).contains("sources of the index"));
        assert_eq!(bytes[..4], [1, 7, 1, 4]);
        let records = &bytes[4..];
        assert!(needed(&[&[0, 1, 4][..], records].concat(), 8).contains("a source of the block"));
        assert!(needed(&[&[1, 7, 0][..], records].concat(), 8).contains("a content of the block"));
        assert!(read(&[1, 7, 9, 4], 104, 8).is_err());
    }
}
