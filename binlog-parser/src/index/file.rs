//! The file: its sections, each with its checksum, and a foot that names them. It is written from its
//! start to its end: where a section ends is known when it is there.
//!
//! ```text
//! magic  version
//! blocks  notes  facts  names  contents  directory  gtids  parts  digest
//! [crc  offset  length] * 9  crc of the foot
//! ```
//! Numbers of the foot and of the directories have fixed widths, the lowest byte first, and are read
//! where they are mapped. Blocks and notes have checksums of their own in the directory and the parts,
//! and the digest of the notes in itself: what nobody asks for is not read.

use std::io::{self, Write};
use std::ops::Range;

use crate::error::Fault;

/// The first bytes of an index: none of a log, of an archive or of a text.
pub(super) const MAGIC: [u8; 8] = *b"\x89bidx\r\n\x1a";

/// Version of all that follows. An index of another version is ignored, and built anew.
pub(super) const VERSION: u32 = 6;

/// The sections, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Records; checked block by block.
    Blocks,
    /// What was noted for others; checked part by part.
    Notes,
    /// The log's identity, its facts, and where the walk may go on when it has grown.
    Facts,
    /// Names of tables and of sources, and in which blocks each table is changed.
    Names,
    /// What transactions do.
    Contents,
    /// A fixed entry for each block.
    Directory,
    /// A fixed entry for each source in each block.
    Gtids,
    /// A fixed entry for each part.
    Parts,
    /// What all notes say together; checked by whoever reads it.
    Digest,
}

impl Section {
    pub const ALL: [Section; 9] = [
        Section::Blocks,
        Section::Notes,
        Section::Facts,
        Section::Names,
        Section::Contents,
        Section::Directory,
        Section::Gtids,
        Section::Parts,
        Section::Digest,
    ];

    /// Whether it is checked where it is read.
    fn by_itself(self) -> bool {
        matches!(self, Section::Blocks | Section::Notes | Section::Digest)
    }
}

const HEAD_BYTES: usize = MAGIC.len() + 4;
const ENTRY_BYTES: usize = 4 + 8 + 8;
const FOOT_BYTES: usize = Section::ALL.len() * ENTRY_BYTES + 4;

/// Writes the sections, one after another.
pub(super) struct FileWriter<'a> {
    out: &'a mut dyn Write,
    /// Where the section under way began, and its bytes so far.
    section: (u64, u64),
    crc: crc32fast::Hasher,
    /// An entry for each section that is there.
    foot: Vec<u8>,
}

impl<'a> FileWriter<'a> {
    /// Begins the file, with its first section.
    ///
    /// # Errors
    /// What writing says; so of all that follows.
    pub fn begin(out: &'a mut dyn Write) -> io::Result<Self> {
        out.write_all(&MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        let section = (HEAD_BYTES as u64, 0);
        Ok(FileWriter { out, section, crc: crc32fast::Hasher::new(), foot: vec![] })
    }

    /// Appends to the section under way.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.by_itself() {
            self.crc.update(bytes);
        }
        self.section.1 += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Ends the section under way, and begins the next; its checksum stands here unless it is checked
    /// where it is read.
    pub fn end_section(&mut self) {
        let (offset, length) = self.section;
        let crc = std::mem::take(&mut self.crc).finalize();
        let crc = if self.by_itself() { 0 } else { crc };
        self.foot.extend(crc.to_le_bytes());
        self.foot.extend(offset.to_le_bytes());
        self.foot.extend(length.to_le_bytes());
        self.section = (offset + length, 0);
    }

    /// A whole section.
    pub fn section(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append(bytes)?;
        self.end_section();
        Ok(())
    }

    /// Ends the file behind its last section.
    pub fn finish(mut self) -> io::Result<()> {
        self.foot.extend(crc32fast::hash(&self.foot).to_le_bytes());
        self.out.write_all(&self.foot)
    }

    fn by_itself(&self) -> bool {
        let section = Section::ALL.get(self.foot.len() / ENTRY_BYTES);
        section.is_some_and(|section| section.by_itself())
    }
}

/// Where the sections of a file stand.
#[derive(Debug, Clone)]
pub(super) struct Frame(Vec<Range<usize>>);

impl Frame {
    /// Reads head and foot of `file`, and proves the checksum of every section that is not checked where
    /// it is read.
    ///
    /// # Errors
    /// What does not fit.
    pub fn read(file: &[u8]) -> Result<Self, Fault> {
        let wrong = |needed: &'static str, had: String| Fault::value("index", needed, had);
        let least = (HEAD_BYTES + FOOT_BYTES) as u64;
        let short = || Fault::short("index", least, file.len() as u64);
        if !file.starts_with(&MAGIC) {
            return Err(wrong("its first bytes", "others".into()));
        }
        let version = le(file, MAGIC.len(), 4).ok_or_else(short)?;
        if version != u64::from(VERSION) {
            return Err(Fault::value("version of the index", VERSION.to_string(), version));
        }
        let behind = file.get(HEAD_BYTES..).ok_or_else(short)?;
        let foot: &[u8; FOOT_BYTES] = behind.last_chunk().ok_or_else(short)?;
        let (checked, crc) = foot.split_at(FOOT_BYTES - 4);
        if crc != crc32fast::hash(checked).to_le_bytes() {
            return Err(wrong("the checksum of its foot", "another".into()));
        }
        let mut frame = vec![];
        let (mut expected, foot_at) = (HEAD_BYTES as u64, (file.len() - FOOT_BYTES) as u64);
        for (section, entry) in Section::ALL.into_iter().zip(checked.chunks(ENTRY_BYTES)) {
            let entry = (le(entry, 0, 4), le(entry, 4, 8), le(entry, 12, 8));
            let (Some(crc), Some(offset), Some(length)) = entry else { return Err(short()) };
            let end = offset.checked_add(length).filter(|end| *end <= foot_at);
            let Some(end) = end.filter(|_| offset == expected) else {
                return Err(Fault::short("section of the index", length, foot_at));
            };
            let range = offset as usize..end as usize;
            let bytes = file.get(range.clone()).unwrap_or_default();
            if !section.by_itself() && u64::from(crc32fast::hash(bytes)) != crc {
                return Err(wrong("the checksum of a section", "another".into()));
            }
            frame.push(range);
            expected = end;
        }
        if expected != foot_at {
            return Err(wrong("its foot behind its last section", format!("{} bytes", file.len())));
        }
        Ok(Frame(frame))
    }

    /// The bytes of a section.
    pub fn of<'a>(&self, file: &'a [u8], section: Section) -> &'a [u8] {
        let range = self.0.get(section as usize).cloned().unwrap_or_default();
        file.get(range).unwrap_or_default()
    }
}

/// The number of `width` bytes at `at`, the lowest first.
pub(super) fn le(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    crate::wire::le_uint(bytes.get(at..at.checked_add(width)?)?)
}

/// A file of these sections.
#[cfg(test)]
pub(super) fn assemble(sections: [&[u8]; Section::ALL.len()]) -> Vec<u8> {
    let mut out = vec![];
    let mut file = FileWriter::begin(&mut out).unwrap();
    sections.iter().for_each(|section| file.section(section).unwrap());
    file.finish().unwrap();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_and_no_bit_may_change() {
        let file = assemble([
            b"blocks",
            b"notes",
            b"facts",
            b"names",
            b"",
            b"directory",
            b"gtids",
            b"parts",
            b"digest",
        ]);
        let frame = Frame::read(&file).unwrap();
        assert_eq!(frame.of(&file, Section::Directory), b"directory");
        assert_eq!(frame.of(&file, Section::Blocks), b"blocks");
        // What is checked where it is read stands at the start, and right before the foot.
        let facts = HEAD_BYTES + b"blocksnotes".len();
        let digest = file.len() - FOOT_BYTES - b"digest".len();
        for bit in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let checked = !(HEAD_BYTES..facts).contains(&(bit / 8))
                && !(digest..file.len() - FOOT_BYTES).contains(&(bit / 8));
            assert_eq!(Frame::read(&changed).is_err(), checked, "bit {bit}");
        }
        for length in 0..file.len() {
            assert!(Frame::read(&file[..length]).is_err(), "{length} bytes");
        }
    }
}
