//! Transactions by position and by GTID.

use crate::error::Fault;
use crate::gtid::{AnyGtid, TransactionGtid};

use super::content::Texts;
use super::facts::Source;
use super::file::Section;
use super::record::{Name, Record};
use super::{Index, Unfit, block};

impl Index {
    /// The records of block number `number`, all of which have been checked.
    ///
    /// # Errors
    /// What does not fit.
    pub fn records(&self, number: usize) -> Result<Vec<Record>, Unfit> {
        let missing = || Fault::short("blocks of the index", number as u64 + 1, 0);
        let block = self.directory().get(number).ok_or_else(missing)?;
        let end = block.offset.checked_add(u64::from(block.length)).ok_or_else(missing)?;
        let range = usize::try_from(block.offset).unwrap_or(usize::MAX)
            ..usize::try_from(end).unwrap_or(usize::MAX);
        let bytes = self.section(Section::Blocks).get(range).ok_or_else(missing)?;
        let wrong = |needed: &'static str| {
            Unfit::Broken(Fault::value("block of the index", needed, "another"))
        };
        if crc32fast::hash(bytes) != block.crc {
            return Err(wrong("its checksum"));
        }
        let records = block::read(bytes, block.start, self.sources.len())?;
        let first = records.first().map(|record| record.start);
        let last = records.last().map(|record| record.end);
        if (first, last, records.len())
            != (Some(block.start), Some(block.end), block.count as usize)
        {
            return Err(wrong("the transactions that the directory says"));
        }
        let times = block.first_time..=block.last_time;
        for record in &records {
            if !times.contains(&record.time) || !times.contains(&record.started) {
                return Err(wrong("the times that the directory says"));
            }
        }
        Ok(records)
    }

    /// The blocks that have a statement as text that begins with one of `words`.
    pub(super) fn blocks_with_texts(&self, words: Texts) -> impl Iterator<Item = usize> + '_ {
        let has = move |(_, texts): &&(u32, Texts)| texts.0 & words.0 != 0;
        self.texts.iter().filter(has).map(|(block, _)| *block as usize)
    }

    /// The transaction that the byte at `position` is in, if it is in one.
    ///
    /// # Errors
    /// What does not fit.
    pub fn at(&self, position: u64) -> Result<Option<Record>, Unfit> {
        let directory = self.directory();
        let number = directory.at(position);
        if directory.get(number).is_none_or(|block| block.start > position) {
            return Ok(None);
        }
        let records = self.records(number)?;
        let at = records.partition_point(|record| record.end <= position);
        Ok(records.into_iter().nth(at).filter(|record| record.start <= position))
    }

    /// The first transaction of this GTID.
    ///
    /// # Errors
    /// What does not fit.
    pub fn named(&self, gtid: &AnyGtid) -> Result<Option<Record>, Unfit> {
        let (wanted, number) = match gtid {
            AnyGtid::Mysql(gtid) => (Source::Mysql(gtid.tsid()), gtid.gno),
            AnyGtid::Mariadb(gtid) => (Source::Mariadb(gtid.source()), gtid.seq),
        };
        let Some(source) = self.sources.iter().position(|source| *source == wanted) else {
            return Ok(None);
        };
        let name = Name::Gtid { source: source as u32, number };
        for block in self.gtids().blocks(source as u32, number) {
            let found = self.records(block)?.into_iter().find(|record| record.name == name);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The GTID of a record; none if it has no GTID event, or one of another index.
    #[must_use]
    pub fn gtid(&self, record: &Record) -> Option<TransactionGtid> {
        match record.name {
            Name::Unnamed => None,
            Name::Anonymous => Some(TransactionGtid::Anonymous),
            Name::Gtid { source, number } => Some(self.sources.get(source as usize)?.gtid(number)),
        }
    }
}
