//! The pieces of a log, joined in its order: its records go to the file as they come, all else when all
//! is known.

use std::io;
use std::ops::Range;

use super::block::PackedBlock;
use super::build::CONTENTS;
use super::content::{Content, TableName, Texts};
use super::directory::{Block, GtidDirectory, GtidEntry};
use super::facts::{Facts, Source};
use super::file::{FileWriter, Section};
use super::identity::Identity;
use super::notes::Noted;
use super::pack::{put, put_bytes};
use super::part::Part;
use super::piece::{Numbered, PartOfPiece, Piece};
use super::posting;
use super::{Index, Resume};
use crate::source::log::{FIRST_EVENT, Log};

/// The pieces so far.
#[derive(Debug, Default)]
pub(super) struct Joined {
    tables: Numbered<TableName>,
    sources: Numbered<Source>,
    contents: Numbered<Content>,
    facts: Facts,
    /// In which blocks each table is changed, by its number.
    postings: Vec<Vec<u32>>,
    /// The blocks that have statements as text, and which.
    texts: Vec<(u32, Texts)>,
    directory: Vec<Block>,
    gtids: Vec<GtidEntry>,
    /// Bytes of the blocks.
    written: u64,
    /// The last block.
    block: Vec<u8>,
    parts: Vec<Part>,
    notes: Vec<u8>,
    resume: Option<Resume>,
}

impl Joined {
    /// What `index` says of its log up to where a walk of more of the log may begin, and the blocks of
    /// that. None if it does not fit itself.
    pub fn resumed(index: &Index) -> Option<(Self, &[u8])> {
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
        let joined = Joined {
            tables: Numbered::of(index.tables().get(..resume.tables as usize)?.to_vec()),
            sources: Numbered::of(index.sources().get(..resume.sources as usize)?.to_vec()),
            contents: Numbered::of(
                index.contents().ok()?.get(..resume.contents as usize)?.to_vec(),
            ),
            facts: resume.facts.clone(),
            postings: index.postings().iter().take(resume.tables as usize).map(keep).collect(),
            texts: index
                .texts
                .iter()
                .filter(|(block, _)| (*block as usize) < kept)
                .copied()
                .collect(),
            directory,
            gtids: index.gtids().iter().filter(|entry| (entry.block as usize) < kept).collect(),
            written: blocks.len() as u64,
            block: vec![],
            parts,
            notes: notes.to_vec(),
            resume: Some(resume),
        };
        Some((joined, blocks))
    }

    /// The parts so far.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What was noted of a part; none if nothing was.
    pub fn noted(&self, part: &Part) -> Option<Noted> {
        let (start, length) = (part.offset as usize, part.length as usize);
        let bytes = self.notes.get(start..)?.get(..length).filter(|_| length > 0)?;
        Noted::take(bytes, self.tables.all.len()).ok()
    }

    /// The tables so far, by their numbers.
    pub fn tables(&self) -> &[TableName] {
        &self.tables.all
    }

    /// Adds the piece of this range of the log.
    ///
    /// # Errors
    /// What writing to `file` says.
    pub fn add(
        &mut self,
        range: Range<u64>,
        piece: Piece,
        file: &mut FileWriter<'_>,
    ) -> io::Result<()> {
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
        for block in &piece.blocks {
            self.block(block, &sources, &contents, file)?;
        }
        let ends: Vec<_> = piece.parts.iter().skip(1).map(|part| part.start).collect();
        for (part, end) in piece.parts.into_iter().zip(ends.into_iter().chain([range.end])) {
            self.part(part, end, &tables);
        }
        Ok(())
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

    /// Adds a block, in which sources and contents of its piece have these numbers here.
    fn block(
        &mut self,
        packed: &PackedBlock,
        sources: &[u32],
        contents: &[Option<u32>],
        file: &mut FileWriter<'_>,
    ) -> io::Result<()> {
        let number = self.directory.len() as u32;
        self.block.clear();
        packed.put(sources, contents, &mut self.block);
        file.append(&self.block)?;
        let PackedBlock { start, end, first_time, last_time, count, .. } = *packed;
        let (offset, length, crc) =
            (self.written, self.block.len() as u32, crc32fast::hash(&self.block));
        self.written += u64::from(length);
        self.directory.push(Block {
            offset,
            length,
            crc,
            start,
            end,
            first_time,
            last_time,
            count,
        });
        self.gtids.extend(packed.sources.iter().map(|numbers| GtidEntry {
            source: sources[numbers.source as usize],
            block: number,
            first: numbers.first,
            last: numbers.last,
            greatest: 0,
        }));
        for content in &packed.contents {
            self.post(number, contents[*content as usize]);
        }
        Ok(())
    }

    /// Notes that a block has transactions of this content.
    fn post(&mut self, block: u32, content: Option<u32>) {
        let Some(number) = content.map(|content| content as usize) else { return };
        let Some(content) = self.contents.all.get(number) else { return };
        match self.texts.last_mut() {
            _ if content.texts.is_empty() => {}
            Some((last, known)) if *last == block => known.add(content.texts),
            _ => self.texts.push((block, content.texts)),
        }
        self.postings.resize(self.tables.all.len(), vec![]);
        for change in &content.changes {
            if let Some(posting) = self.postings.get_mut(change.table as usize)
                && posting.last() != Some(&block)
            {
                posting.push(block);
            }
        }
    }

    /// Ends `file`, with notes of this version and their digest.
    ///
    /// # Errors
    /// What writing to it says.
    pub fn finish(
        mut self,
        log: &Log,
        (notes_version, digest): (u32, &[u8]),
        mut file: FileWriter<'_>,
    ) -> io::Result<()> {
        self.postings.resize(self.tables.all.len(), vec![]);
        let (mut facts, mut directory, mut parts) = (vec![], vec![], vec![]);
        Identity::of(log).put(&mut facts);
        put(&mut facts, u64::from(notes_version));
        self.facts.put(&mut facts);
        put(&mut facts, u64::from(self.resume.is_some()));
        if let Some(resume) = &self.resume {
            resume.put(&mut facts);
        }
        self.directory.iter().for_each(|block| block.put(&mut directory));
        self.parts.iter().for_each(|part| part.put(&mut parts));
        file.end_section();
        file.section(&self.notes)?;
        file.section(&facts)?;
        file.section(&self.names())?;
        file.section(&self.all_contents())?;
        file.section(&directory)?;
        file.section(&GtidDirectory::write(self.gtids))?;
        file.section(&parts)?;
        file.section(digest)?;
        file.finish()
    }

    /// The section of names.
    fn names(&self) -> Vec<u8> {
        let mut names = vec![];
        put(&mut names, self.tables.all.len() as u64);
        for ((database, table), posting) in self.tables.all.iter().zip(&self.postings) {
            put_bytes(&mut names, database);
            put_bytes(&mut names, table);
            posting::put_blocks(&mut names, posting);
        }
        put(&mut names, self.sources.all.len() as u64);
        self.sources.all.iter().for_each(|source| source.put(&mut names));
        posting::put_texts(&mut names, &self.texts);
        names
    }

    /// The section of contents.
    fn all_contents(&self) -> Vec<u8> {
        let mut contents = vec![];
        put(&mut contents, self.contents.all.len() as u64);
        self.contents.all.iter().for_each(|content| content.put(&mut contents));
        contents
    }
}
