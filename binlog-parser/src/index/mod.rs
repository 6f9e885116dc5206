//! The side-car index of a log: what stands where in it, so that nobody has to read it all again.
//!
//! ```text
//! NAME.bidx   blocks      a record of a few bytes a transaction
//!             notes       what others noted of each part, in their own form
//!             facts       the log's identity; events, times, GTIDs, rows by table, damage
//!             names       tables, with the blocks they are changed in; sources of GTIDs; the blocks
//!                         with statements as text
//!             contents    what transactions do, each but once
//!             directory   blocks of transactions, by position and time
//!             gtids       the blocks of each source, by number
//!             parts       where walks may begin, and the times in between
//!             digest      what these notes say together
//! ```
//!
//! An index is a claim. It is ignored, by name, unless every part that is asked for is what was
//! written: the checksums, the log's size and both its ends, and each offset and number in it. If the
//! log has grown, or if there is damage in it, the index speaks for what is before that alone
//! ([`Indexed`]). An index of an encrypted log has no text of it but names of databases and tables.
//!
//! [`build`] writes the bytes, [`Index::open`] reads them; nothing here makes a file.

mod block;
mod build;
mod content;
mod directory;
mod facts;
mod file;
mod identity;
mod indexed;
mod joined;
mod lookup;
mod notes;
pub mod pack;
mod part;
mod piece;
mod posting;
mod record;
mod unfit;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::Fault;
use crate::source::log::Log;
use crate::source::mmap::MappedFile;

pub use build::build;
pub use content::{Change, Content, TableName, Texts};
pub use directory::{Block, Directory};
pub use facts::{Facts, Lost, Source};
pub use identity::{Identity, Kinship};
pub use indexed::Indexed;
pub use notes::{Counted, Noted, Notes, Short, Whole};
pub use part::{Part, Parts};
pub use record::{Name, Record};
pub use unfit::Unfit;

use directory::GtidDirectory;
use file::{Frame, Section};
use pack::{Taker, put};

/// What the name of an index ends in.
pub const SUFFIX: &str = ".bidx";

/// Where the index of `log` stands: in `folder`, or beside the log. None for a log that came through
/// a pipe, unless there is a folder.
#[must_use]
pub fn path(log: &Log, folder: Option<&Path>) -> Option<PathBuf> {
    let name = format!("{}{SUFFIX}", log.name());
    match folder {
        Some(folder) => Some(folder.join(name)),
        None if log.path() == Path::new(crate::source::expand::STDIN) => None,
        None => Some(log.path().with_file_name(name)),
    }
}

/// Whether the file at `path` begins as an index, of whatever version, and may be replaced by one.
///
/// # Errors
/// What the system says.
pub fn is_index(path: &Path) -> io::Result<bool> {
    let mut head = vec![];
    File::open(path)?.take(file::MAGIC.len() as u64).read_to_end(&mut head)?;
    Ok(head == file::MAGIC)
}

/// Where a walk may go on when the log has grown, and what was known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resume {
    /// Stream position of a transaction, before which all could be read.
    offset: u64,
    /// How many blocks, tables, sources, contents and parts there were by then.
    blocks: u32,
    tables: u32,
    sources: u32,
    contents: u32,
    parts: u32,
    facts: Facts,
}

impl Resume {
    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.offset);
        for count in [self.blocks, self.tables, self.sources, self.contents, self.parts] {
            put(out, u64::from(count));
        }
        self.facts.put(out);
    }

    fn take(taker: &mut Taker<'_>, tables: usize) -> Result<Self, Fault> {
        Ok(Resume {
            offset: taker.number()?,
            blocks: taker.short()?,
            tables: taker.short()?,
            sources: taker.short()?,
            contents: taker.short()?,
            parts: taker.short()?,
            facts: Facts::take(taker, tables)?,
        })
    }
}

/// An index that fits itself. Whether it fits a log, [`Index::open`] says.
#[derive(Debug)]
pub struct Index {
    bytes: Bytes,
    frame: Frame,
    identity: Identity,
    notes_version: u32,
    facts: Facts,
    resume: Option<Resume>,
    tables: Vec<TableName>,
    postings: Vec<Vec<u32>>,
    /// The blocks that have statements as text, and which.
    texts: Vec<(u32, Texts)>,
    sources: Vec<Source>,
    contents: OnceLock<Result<Vec<Content>, Fault>>,
}

/// An index of so many bytes at most is read: to map it would take longer, and thousands may be asked
/// for.
const READ_BYTES: u64 = 16 << 10;

#[derive(Debug)]
enum Bytes {
    Mapped(MappedFile),
    Held(Vec<u8>),
}

impl Bytes {
    fn all(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held(bytes) => bytes,
        }
    }
}

impl Index {
    /// Opens the index of `log` at `path`. Waits for all of the log.
    ///
    /// # Errors
    /// Why it is to be ignored.
    pub fn open(path: &Path, log: &Log) -> Result<Self, Unfit> {
        match Index::open_grown(path, log)? {
            (index, Kinship::Same) => Ok(index),
            (index, _) => Err(Unfit::Grown { bytes: index.identity.bytes }),
        }
    }

    /// The same, where the log may have grown since; how the log stands to the index.
    ///
    /// # Errors
    /// Why it is to be ignored.
    pub fn open_grown(path: &Path, log: &Log) -> Result<(Self, Kinship), Unfit> {
        let index = Index::open_any(path)?;
        match index.identity.kinship(log) {
            Kinship::Other => Err(Unfit::Foreign),
            kinship => Ok((index, kinship)),
        }
    }

    /// Opens the index at `path`, of whatever log it is.
    ///
    /// # Errors
    /// Why it is to be ignored.
    pub fn open_any(path: &Path) -> Result<Self, Unfit> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Unfit::Missing,
            _ => Unfit::Io(error),
        })?;
        let metadata = file.metadata().map_err(Unfit::Io)?;
        if !metadata.is_file() {
            return Err(Fault::value("index", "a file", "something else").into());
        }
        if metadata.len() <= READ_BYTES {
            let mut bytes = vec![0; metadata.len() as usize];
            file.read_exact(&mut bytes).map_err(Unfit::Io)?;
            return Ok(Index::of(Bytes::Held(bytes))?);
        }
        let map = MappedFile::of(&file, &metadata, path)
            .map_err(|error| Unfit::Io(io::Error::other(error.to_string())))?;
        Ok(Index::of(Bytes::Mapped(map))?)
    }

    /// Reads an index that was just built.
    ///
    /// # Errors
    /// What does not fit.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Unfit> {
        Ok(Index::of(Bytes::Held(bytes))?)
    }

    fn of(bytes: Bytes) -> Result<Self, Fault> {
        let file = bytes.all();
        let frame = Frame::read(file)?;
        let mut names = Taker::new("names of the index", frame.of(file, Section::Names));
        let (mut tables, mut postings) = (vec![], vec![]);
        let directory = Directory::new(frame.of(file, Section::Directory));
        for _ in 0..names.count()? {
            tables.push((names.bytes()?.to_vec(), names.bytes()?.to_vec()));
            postings.push(posting::take(&mut names, directory.len())?);
        }
        let mut sources = vec![];
        for _ in 0..names.count()? {
            sources.push(Source::take(&mut names)?);
        }
        let texts = posting::take_texts(&mut names, directory.len())?;
        names.end()?;
        let mut taker = Taker::new("facts of the index", frame.of(file, Section::Facts));
        let identity = Identity::take(&mut taker)?;
        let notes_version = taker.short()?;
        let facts = Facts::take(&mut taker, tables.len())?;
        let resume = match taker.number()? {
            0 => None,
            _ => Some(Resume::take(&mut taker, tables.len())?),
        };
        taker.end()?;
        directory.check(identity.bytes, frame.of(file, Section::Blocks).len() as u64)?;
        let gtids = GtidDirectory::new(frame.of(file, Section::Gtids));
        gtids.check(sources.len(), directory.len())?;
        let parts = Parts::new(frame.of(file, Section::Parts));
        parts.check(identity.bytes, frame.of(file, Section::Notes).len() as u64)?;
        let counted: u64 = directory.iter().map(|block| u64::from(block.count)).sum();
        if counted != facts.transactions() {
            let (needed, had) = (facts.transactions().to_string(), counted);
            return Err(Fault::value("transactions of the index", needed, had));
        }
        if let Some(resume) = &resume
            && parts.get(resume.parts as usize).map(|part| part.start) != Some(resume.offset)
        {
            return Err(Fault::value("parts of the index", "one where it goes on", "none"));
        }
        let contents = OnceLock::new();
        Ok(Index {
            bytes,
            frame,
            identity,
            notes_version,
            facts,
            resume,
            tables,
            postings,
            texts,
            sources,
            contents,
        })
    }

    fn section(&self, section: Section) -> &[u8] {
        self.frame.of(self.bytes.all(), section)
    }

    /// The log that it belongs to.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the log holds.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    fn resume(&self) -> Option<&Resume> {
        self.resume.as_ref()
    }

    /// Whether it speaks for the whole log: all of that could be read when it was indexed, in one
    /// format.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.facts.is_sound() && self.facts.is_uniform()
    }

    /// Version of the notes in it.
    #[must_use]
    pub fn notes_version(&self) -> u32 {
        self.notes_version
    }

    /// The parts of the log.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        Parts::new(self.section(Section::Parts))
    }

    /// What was noted of a part; none if nothing was.
    ///
    /// # Errors
    /// What does not fit.
    pub fn notes(&self, part: &Part) -> Result<Option<Noted>, Unfit> {
        let end = part.offset.saturating_add(u64::from(part.length));
        let range = usize::try_from(part.offset).unwrap_or(usize::MAX)
            ..usize::try_from(end).unwrap_or(usize::MAX);
        let notes = self.section(Section::Notes);
        let missing = || Fault::short("notes of the index", end, notes.len() as u64);
        let bytes = notes.get(range).ok_or_else(missing)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if crc32fast::hash(bytes) != part.crc {
            return Err(Fault::value("notes of the index", "their checksum", "another").into());
        }
        Ok(Some(Noted::take(bytes, self.tables.len())?))
    }

    /// What was noted of all parts together; none if nothing was.
    ///
    /// # Errors
    /// What does not fit.
    pub fn digest(&self) -> Result<Option<Noted>, Unfit> {
        let digest = self.section(Section::Digest);
        if digest.is_empty() {
            return Ok(None);
        }
        let short = || Fault::short("digest of the index", 4, digest.len() as u64);
        let (crc, bytes) = digest.split_first_chunk().ok_or_else(short)?;
        if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
            return Err(Fault::value("digest of the index", "its checksum", "another").into());
        }
        Ok(Some(Noted::take(bytes, self.tables.len())?))
    }

    /// Bytes of the index.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.all().len() as u64
    }

    /// Whether it has no bytes; never true of one that could be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.all().is_empty()
    }

    /// Databases and tables whose rows are changed, by their numbers.
    #[must_use]
    pub fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// The blocks in which each table is changed, by the table's number.
    #[must_use]
    pub fn postings(&self) -> &[Vec<u32>] {
        &self.postings
    }

    /// Sources of GTIDs, by their numbers.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The blocks.
    #[must_use]
    pub fn directory(&self) -> Directory<'_> {
        Directory::new(self.section(Section::Directory))
    }

    fn gtids(&self) -> GtidDirectory<'_> {
        GtidDirectory::new(self.section(Section::Gtids))
    }

    /// What transactions do, by its number.
    ///
    /// # Errors
    /// What does not fit.
    pub fn contents(&self) -> Result<&[Content], Unfit> {
        let read = || {
            let bytes = self.section(Section::Contents);
            let mut taker = Taker::new("contents of the index", bytes);
            let count = taker.count()?;
            let contents: Result<Vec<_>, _> =
                (0..count).map(|_| Content::take(&mut taker, self.tables.len())).collect();
            taker.end()?;
            contents
        };
        match self.contents.get_or_init(read) {
            Ok(contents) => Ok(contents),
            Err(fault) => Err(fault.clone().into()),
        }
    }
}

#[cfg(test)]
mod tests;
