//! Builds an index: pieces are gathered on all threads, and joined in the order of the log.

use std::ops::{ControlFlow, Range};

use super::content::{Content, TableName, Texts};
use super::directory::{BLOCK_RECORDS, Block, GtidDirectory, GtidEntry};
use super::facts::{Facts, Source};
use super::file::{Section, assemble};
use super::identity::{Identity, Kinship};
use super::notes::{Noted, Notes};
use super::pack::{put, put_bytes};
use super::part::Part;
use super::piece::{Numbered, PartOfPiece, Piece};
use super::posting;
use super::record::{Name, Packer, Record};
use super::{Index, Resume};
use crate::event::format_description::FormatDescription;
use crate::parallel;
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::Units;

/// Contents that an index tells apart, at most: records of others say nothing of theirs.
pub(super) const CONTENTS: usize = 1 << 16;

/// An index that is built, and not written yet.
#[derive(Debug)]
pub struct Built {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Stream position from which the log was read; that of its first event unless an older index
    /// was carried on.
    pub from: u64,
}

/// Builds the index of `log`, all of which has to be there, with what `notes` are taken of it.
/// `before`, an index of the log when it was shorter, is carried on where it can be. `progress` is
/// told stream positions now and then.
///
/// The same log gives the same bytes, on any number of threads, carried on or not.
#[must_use]
pub fn build<N: Notes>(
    log: &Log,
    before: Option<&Index>,
    notes: impl Fn(&FormatDescription) -> N + Sync,
    mut progress: impl FnMut(u64),
) -> Built {
    let fits = |index: &&Index| {
        index.notes_version() == N::VERSION && index.identity().kinship(log) != Kinship::Other
    };
    let resumed = before.filter(fits);
    let resumed = resumed.and_then(|index| Some((Joined::resumed(index)?, index.resume()?.offset)));
    let gather = |units: &mut Units<'_>| {
        let notes = notes(units.format());
        Piece::of(log, units, notes)
    };
    let from = resumed.as_ref().map_or(FIRST_EVENT, |(_, offset)| *offset);
    let mut joined = resumed.map(|(joined, _)| joined).unwrap_or_default();
    let mut digesting = Digesting::<N>::default();
    let take = |range: Range<u64>, piece| {
        progress(range.end);
        joined.add(range, piece);
        // While other threads gather more.
        digesting.follow(log, &joined);
        ControlFlow::Continue(())
    };
    parallel::units_in(log, from..log.len(), gather, take);
    digesting.follow(log, &joined);
    let digest = digesting.finish();
    Built { bytes: joined.finish(log, N::VERSION, &digest), from }
}

/// What the notes of the parts so far say together.
struct Digesting<N: Notes> {
    /// None if each part has to be asked.
    digest: Option<N::Digest>,
    /// How many parts are in it.
    parts: usize,
}

impl<N: Notes> Default for Digesting<N> {
    fn default() -> Self {
        Digesting { digest: Some(N::Digest::default()), parts: 0 }
    }
}

impl<N: Notes> Digesting<N> {
    /// Takes in the parts that are new.
    fn follow(&mut self, log: &Log, joined: &Joined) {
        let tables = &joined.tables.all;
        for part in joined.parts.iter().skip(self.parts) {
            self.digest = self.digest.take().and_then(|mut digest| {
                let (start, length) = (part.offset as usize, part.length as usize);
                let bytes = joined.notes.get(start..)?.get(..length).filter(|_| length > 0)?;
                let noted = Noted::take(bytes, tables.len()).ok()?;
                N::digest(&mut digest, log, tables, part, &noted)?;
                Some(digest)
            });
        }
        self.parts = joined.parts.len();
    }

    /// All of it, behind its checksum; nothing if there is none.
    fn finish(self) -> Vec<u8> {
        let Some(digest) = self.digest.and_then(N::digested) else { return vec![] };
        let mut bytes = vec![];
        digest.put(&mut bytes, |table| table);
        let crc = crc32fast::hash(&bytes).to_le_bytes();
        [&crc[..], &bytes].concat()
    }
}

/// The pieces so far.
#[derive(Debug, Default)]
struct Joined {
    tables: Numbered<TableName>,
    sources: Numbered<Source>,
    contents: Numbered<Content>,
    facts: Facts,
    /// By the number of a content: the last block that was noted to have it.
    posted: Vec<u32>,
    /// In which blocks each table is changed, by its number.
    postings: Vec<Vec<u32>>,
    /// The blocks that have statements as text, and which.
    texts: Vec<(u32, Texts)>,
    directory: Vec<Block>,
    gtids: Vec<GtidEntry>,
    blocks: Vec<u8>,
    parts: Vec<Part>,
    notes: Vec<u8>,
    resume: Option<Resume>,
}

impl Joined {
    /// What `index` says of its log up to where a walk of more of the log may begin. None if it does
    /// not fit itself.
    fn resumed(index: &Index) -> Option<Self> {
        let resume = index.resume()?.clone();
        let kept = resume.blocks as usize;
        let directory: Vec<_> = index.directory().iter().take(kept).collect();
        let end = directory.last().map_or(0, |block| block.offset + u64::from(block.length));
        let blocks = index.section(Section::Blocks).get(..usize::try_from(end).ok()?)?;
        // What is carried on has to be right: later nobody reads that part of the log again.
        (0..kept).try_for_each(|number| index.records(number).map(drop)).ok()?;
        let parts: Vec<_> = index.parts().iter().take(resume.parts as usize).collect();
        parts.iter().try_for_each(|part| index.notes(part).map(drop)).ok()?;
        let end = parts.last().map_or(0, |part| part.offset + u64::from(part.length));
        let notes = index.section(Section::Notes).get(..usize::try_from(end).ok()?)?;
        let keep = |posting: &Vec<u32>| {
            posting.iter().copied().filter(|block| (*block as usize) < kept).collect()
        };
        Some(Joined {
            tables: Numbered::of(index.tables().get(..resume.tables as usize)?.to_vec()),
            sources: Numbered::of(index.sources().get(..resume.sources as usize)?.to_vec()),
            contents: Numbered::of(
                index.contents().ok()?.get(..resume.contents as usize)?.to_vec(),
            ),
            facts: resume.facts.clone(),
            posted: vec![],
            postings: index.postings().iter().take(resume.tables as usize).map(keep).collect(),
            texts: index
                .texts
                .iter()
                .filter(|(block, _)| (*block as usize) < kept)
                .copied()
                .collect(),
            directory,
            gtids: index.gtids().iter().filter(|entry| (entry.block as usize) < kept).collect(),
            blocks: blocks.to_vec(),
            parts,
            notes: notes.to_vec(),
            resume: Some(resume),
        })
    }

    fn add(&mut self, range: Range<u64>, piece: Piece) {
        // A piece behind the first begins with a transaction, and with nothing left open before it.
        if range.start != FIRST_EVENT && self.facts.is_sound() && self.facts.is_uniform() {
            self.resume = Some(Resume {
                offset: range.start,
                blocks: self.directory.len() as u32,
                tables: self.tables.all.len() as u32,
                sources: self.sources.all.len() as u32,
                contents: self.contents.all.len() as u32,
                parts: self.parts.len() as u32,
                facts: self.facts.clone(),
            });
        }
        let tables: Vec<_> = piece.tables.all.iter().map(|name| self.tables.number(name)).collect();
        let sources: Vec<_> =
            piece.sources.all.iter().map(|source| self.sources.number(source)).collect();
        let contents = self.contents_of(&piece, &tables);
        self.facts.join(piece.facts, |table| tables.get(table).map_or(0, |table| *table as usize));
        for records in piece.records.chunks(BLOCK_RECORDS) {
            self.block(records, &sources, &contents);
        }
        let ends: Vec<_> = piece.parts.iter().skip(1).map(|part| part.start).collect();
        for (part, end) in piece.parts.into_iter().zip(ends.into_iter().chain([range.end])) {
            self.part(part, end, &tables);
        }
    }

    /// Adds a part that ends at stream position `end`; `tables` has the numbers of its tables.
    fn part(&mut self, part: PartOfPiece, end: u64, tables: &[u32]) {
        let PartOfPiece { start, times: [(first_time, last_time), frame_times], noted } = part;
        let offset = self.notes.len() as u64;
        if let Some(noted) = noted {
            let number = |table| tables.get(table as usize).copied().unwrap_or_default();
            noted.put(&mut self.notes, number);
        }
        let noted = self.notes.get(offset as usize..).unwrap_or_default();
        self.parts.push(Part {
            start,
            end,
            first_time,
            last_time,
            frame_times,
            offset,
            length: noted.len() as u32,
            crc: crc32fast::hash(noted),
        });
    }

    /// The numbers that the contents of a piece have here, as far as there is room for them.
    fn contents_of(&mut self, piece: &Piece, tables: &[u32]) -> Vec<Option<u32>> {
        let here = |content: &Content| {
            let mut content = content.clone();
            for change in &mut content.changes {
                change.table = tables[change.table as usize];
            }
            content
        };
        let numbered = piece.contents.all.iter().map(here).map(|content| {
            let known = self.contents.known(&content);
            known.or_else(|| {
                let room = self.contents.all.len() < CONTENTS;
                room.then(|| self.contents.number(&content))
            })
        });
        numbered.collect()
    }

    /// Adds a block of records, of which there is at least one; the sources and contents of their piece
    /// have these numbers here.
    fn block(&mut self, records: &[Record], sources: &[u32], contents: &[Option<u32>]) {
        let block_number = self.directory.len() as u32;
        let Some(first) = records.first() else { return };
        let mut packer = Packer::new(first.start);
        let mut block = Block {
            offset: self.blocks.len() as u64,
            length: 0,
            crc: 0,
            start: first.start,
            end: first.end,
            first_time: u32::MAX,
            last_time: 0,
            count: 0,
        };
        // One for each source: a block has few, and no more than records.
        let mut gtids: Vec<GtidEntry> = vec![];
        for record in records {
            let name = match record.name {
                Name::Gtid { source, number } => {
                    Name::Gtid { source: sources[source as usize], number }
                }
                other => other,
            };
            let content = record.content.and_then(|content| contents[content as usize]);
            packer.push(record, name, content);
            block.end = record.end;
            block.count += 1;
            block.first_time = block.first_time.min(record.time).min(record.started);
            block.last_time = block.last_time.max(record.time).max(record.started);
            if let Name::Gtid { source, number } = name {
                match gtids.iter_mut().find(|entry| entry.source == source) {
                    Some(entry) => {
                        (entry.first, entry.last) =
                            (entry.first.min(number), entry.last.max(number));
                    }
                    None => gtids.push(GtidEntry {
                        source,
                        block: block_number,
                        first: number,
                        last: number,
                        greatest: 0,
                    }),
                }
            }
            self.post(block_number, content);
        }
        block.length = packer.out.len() as u32;
        block.crc = crc32fast::hash(&packer.out);
        self.blocks.extend(packer.out);
        self.directory.push(block);
        gtids.sort_by_key(|entry| entry.source);
        self.gtids.extend(gtids);
    }

    /// Notes that a block has transactions of this content.
    fn post(&mut self, block: u32, content: Option<u32>) {
        let Some(number) = content.map(|content| content as usize) else { return };
        let Some(content) = self.contents.all.get(number) else { return };
        if self.posted.get(number) == Some(&block) {
            return;
        }
        match self.texts.last_mut() {
            _ if content.texts.is_empty() => {}
            Some((last, known)) if *last == block => known.add(content.texts),
            _ => self.texts.push((block, content.texts)),
        }
        self.posted.resize(self.contents.all.len(), u32::MAX);
        self.posted[number] = block;
        self.postings.resize(self.tables.all.len(), vec![]);
        for change in &content.changes {
            if let Some(posting) = self.postings.get_mut(change.table as usize)
                && posting.last() != Some(&block)
            {
                posting.push(block);
            }
        }
    }

    /// The file, with notes of this version and their digest.
    fn finish(mut self, log: &Log, notes_version: u32, digest: &[u8]) -> Vec<u8> {
        self.postings.resize(self.tables.all.len(), vec![]);
        let (mut facts, mut names, mut contents, mut directory) = (vec![], vec![], vec![], vec![]);
        Identity::of(log).put(&mut facts);
        put(&mut facts, u64::from(notes_version));
        self.facts.put(&mut facts);
        put(&mut facts, u64::from(self.resume.is_some()));
        if let Some(resume) = &self.resume {
            resume.put(&mut facts);
        }
        put(&mut names, self.tables.all.len() as u64);
        for ((database, table), posting) in self.tables.all.iter().zip(&self.postings) {
            put_bytes(&mut names, database);
            put_bytes(&mut names, table);
            posting::put_blocks(&mut names, posting);
        }
        put(&mut names, self.sources.all.len() as u64);
        self.sources.all.iter().for_each(|source| source.put(&mut names));
        posting::put_texts(&mut names, &self.texts);
        put(&mut contents, self.contents.all.len() as u64);
        self.contents.all.iter().for_each(|content| content.put(&mut contents));
        self.directory.iter().for_each(|block| block.put(&mut directory));
        let gtids = GtidDirectory::write(self.gtids);
        let mut parts = vec![];
        self.parts.iter().for_each(|part| part.put(&mut parts));
        let (blocks, notes) = (&self.blocks, &self.notes);
        assemble([&facts, &names, &contents, &directory, &gtids, &parts, blocks, notes, digest])
    }
}
