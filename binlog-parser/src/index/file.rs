//! The file: a head that names its sections, each with its checksum.
//!
//! ```text
//! magic  version  [crc  offset  length] * 9  crc of the head
//! facts  tables  contents  directory  gtids  parts  blocks  notes  digest
//! ```
//! Numbers of the head and of the directories have fixed widths, the lowest byte first, and are read
//! where they are mapped. Blocks and notes have checksums of their own in the directory and the parts,
//! and the digest of the notes in itself: what nobody asks for is not read.

use std::ops::Range;

use crate::error::Fault;

/// The first bytes of an index: none of a log, of an archive or of a text.
pub(super) const MAGIC: [u8; 8] = *b"\x89bidx\r\n\x1a";

/// Version of all that follows. An index of another version is ignored, and built anew.
pub(super) const VERSION: u32 = 5;

/// The sections, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
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
    /// Records; checked block by block.
    Blocks,
    /// What was noted for others; checked part by part.
    Notes,
    /// What all notes say together; checked by whoever reads it.
    Digest,
}

const SECTIONS: usize = 9;

/// Whether section number `number` is checked where it is read.
fn by_itself(number: usize) -> bool {
    number >= Section::Blocks as usize
}

const ENTRY_BYTES: usize = 4 + 8 + 8;
const HEAD_BYTES: usize = MAGIC.len() + 4 + SECTIONS * ENTRY_BYTES + 4;

/// Puts the sections into one file; those that are checked where they are read without a checksum.
pub(super) fn assemble(sections: [&[u8]; SECTIONS]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + sections.iter().map(|s| s.len()).sum::<usize>());
    out.extend(MAGIC);
    out.extend(VERSION.to_le_bytes());
    let mut offset = HEAD_BYTES as u64;
    for (number, section) in sections.iter().enumerate() {
        let crc = if by_itself(number) { 0 } else { crc32fast::hash(section) };
        out.extend(crc.to_le_bytes());
        out.extend(offset.to_le_bytes());
        out.extend((section.len() as u64).to_le_bytes());
        offset += section.len() as u64;
    }
    out.extend(crc32fast::hash(&out).to_le_bytes());
    sections.iter().for_each(|section| out.extend(*section));
    out
}

/// Where the sections of a file stand.
#[derive(Debug, Clone)]
pub(super) struct Frame(Vec<Range<usize>>);

impl Frame {
    /// Reads the head of `file`, and proves the checksum of every section that is not checked where it
    /// is read.
    ///
    /// # Errors
    /// What does not fit.
    pub fn read(file: &[u8]) -> Result<Self, Fault> {
        let wrong = |needed: &'static str, had: String| Fault::value("index", needed, had);
        let short = || Fault::short("index", HEAD_BYTES as u64, file.len() as u64);
        if !file.starts_with(&MAGIC) {
            return Err(wrong("its first bytes", "others".into()));
        }
        let version = le(file, MAGIC.len(), 4).ok_or_else(short)?;
        if version != u64::from(VERSION) {
            return Err(Fault::value("version of the index", VERSION.to_string(), version));
        }
        let head = file.get(..HEAD_BYTES).ok_or_else(short)?;
        let (checked, crc) = head.split_at(HEAD_BYTES - 4);
        if crc != crc32fast::hash(checked).to_le_bytes() {
            return Err(wrong("the checksum of its head", "another".into()));
        }
        let mut frame = vec![];
        let mut expected = HEAD_BYTES as u64;
        for number in 0..SECTIONS {
            let at = MAGIC.len() + 4 + number * ENTRY_BYTES;
            let entry = (le(head, at, 4), le(head, at + 4, 8), le(head, at + 12, 8));
            let (Some(crc), Some(offset), Some(length)) = entry else { return Err(short()) };
            let end = offset.checked_add(length).filter(|end| *end <= file.len() as u64);
            let Some(end) = end.filter(|_| offset == expected) else {
                return Err(Fault::short("section of the index", length, file.len() as u64));
            };
            let range = offset as usize..end as usize;
            let bytes = file.get(range.clone()).unwrap_or_default();
            if !by_itself(number) && u64::from(crc32fast::hash(bytes)) != crc {
                return Err(wrong("the checksum of a section", "another".into()));
            }
            frame.push(range);
            expected = end;
        }
        if expected != file.len() as u64 {
            return Err(wrong("an end behind its last section", format!("{} bytes", file.len())));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_come_back_and_no_bit_may_change() {
        let file = assemble([
            b"facts",
            b"names",
            b"",
            b"directory",
            b"gtids",
            b"parts",
            b"blocks",
            b"notes",
            b"digest",
        ]);
        let frame = Frame::read(&file).unwrap();
        assert_eq!(frame.of(&file, Section::Directory), b"directory");
        assert_eq!(frame.of(&file, Section::Blocks), b"blocks");
        let blocks = file.len() - b"blocksnotesdigest".len();
        for bit in 0..blocks * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Frame::read(&changed).is_err(), "bit {bit}");
        }
        for length in 0..file.len() {
            assert!(Frame::read(&file[..length]).is_err(), "{length} bytes");
        }
    }
}
