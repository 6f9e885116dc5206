//! Where plain bytes are gathered: in memory, or when they are many in a private file.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::error::Fault;
use crate::source::mmap::MappedFile;
use crate::source::private_file::private_file;

/// Most plain bytes that are held in memory.
const MEMORY_BYTES: usize = 16 << 20;

/// Fewest bytes by which the memory grows.
const GROWTH_BYTES: usize = 16 << 10;

/// Plain bytes, first in memory; all of them in a file as soon as they do not fit there.
#[derive(Debug)]
pub struct Room {
    /// The bytes, or the last of them, behind those in the file.
    memory: Vec<u8>,
    most_memory: usize,
    /// The file, without a name and readable by its owner alone, and how many bytes are in it.
    file: Option<File>,
    written: u64,
    map: Option<MappedFile>,
    /// What is limited, and how many bytes it may have.
    limit: (&'static str, u64),
}

impl Default for Room {
    fn default() -> Self {
        Room::holding(MEMORY_BYTES)
    }
}

impl Room {
    /// A room with so many bytes of memory.
    #[must_use]
    pub fn holding(most_memory: usize) -> Self {
        Room {
            memory: vec![],
            most_memory: most_memory.max(1),
            file: None,
            written: 0,
            map: None,
            limit: ("plain bytes", u64::MAX),
        }
    }

    /// Empties the room. The memory stays, the file goes.
    pub fn clear(&mut self) {
        self.memory.clear();
        (self.file, self.map, self.written) = (None, None, 0);
    }

    /// Sets how many bytes the room may hold, and by which name errors call them.
    pub fn limit(&mut self, what: &'static str, most: u64) {
        self.limit = (what, most);
    }

    /// Bytes in the room.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.written + self.memory.len() as u64
    }

    /// Whether `more` bytes stay within the limit.
    ///
    /// # Errors
    /// A [`Fault`] that names the limit.
    pub fn check(&self, more: u64) -> Result<(), Fault> {
        let (what, most) = self.limit;
        let had = self.len().saturating_add(more);
        if had > most { Err(Fault::limit(what, most, had)) } else { Ok(()) }
    }

    /// Memory with at least a byte of capacity behind its length, to be written there; for `hint`
    /// bytes if that many may be held.
    ///
    /// # Errors
    /// A [`Fault`] if the limit is passed already, or the file cannot be written.
    pub fn spare(&mut self, hint: u64) -> Result<&mut Vec<u8>, Fault> {
        self.check(0)?;
        if self.memory.len() >= self.most_memory {
            self.spill().map_err(not_written)?;
        }
        let free = self.most_memory - self.memory.len();
        let wanted = usize::try_from(hint).unwrap_or(free).max(GROWTH_BYTES).min(free);
        if self.memory.capacity() - self.memory.len() < wanted {
            // No more than is wanted while that is little, for most transactions are alike.
            self.memory.reserve(wanted);
        }
        Ok(&mut self.memory)
    }

    /// Adds bytes that are plain already.
    ///
    /// # Errors
    /// As [`Room::spare`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.check(bytes.len() as u64)?;
        for part in bytes.chunks(self.most_memory) {
            if self.memory.len() + part.len() > self.most_memory {
                self.spill().map_err(not_written)?;
            }
            self.memory.extend_from_slice(part);
        }
        Ok(())
    }

    /// Moves what is in memory to the file.
    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private_file()?),
        };
        file.write_all(&self.memory)?;
        self.written += self.memory.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// Whether nothing is in the room.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the room as [`Room::bytes`] gave them last; only those in memory if it was not
    /// asked since they went into the file.
    #[must_use]
    pub fn settled(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&self.memory)
    }

    /// All bytes in the room, one behind the other.
    ///
    /// # Errors
    /// A [`Fault`] if the file cannot be written or mapped.
    pub fn bytes(&mut self) -> Result<&[u8], Fault> {
        if self.file.is_some() {
            self.spill().map_err(not_written)?;
        }
        let Some(file) = &self.file else { return Ok(&self.memory) };
        let map = MappedFile::new(file, Path::new("temporary file"));
        let map = map.map_err(|error| Fault::value("plain bytes", "a mapped file", error))?;
        Ok(self.map.insert(map))
    }
}

fn not_written(error: io::Error) -> Fault {
    Fault::value("plain bytes", "room in a temporary file", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_memory_is_in_a_file_and_reads_the_same() {
        let mut room = Room::holding(10);
        for round in 0..2 {
            let mut needed = vec![];
            for length in [0usize, 3, 9, 25, 1, 10, 11] {
                let bytes: Vec<u8> = (0..length as u8).map(|byte| byte + round).collect();
                room.push(&bytes).unwrap();
                needed.extend(bytes);
                let spare = room.spare(100).unwrap();
                assert!(spare.capacity() > spare.len());
            }
            assert_eq!(room.len(), needed.len() as u64);
            assert_eq!(room.bytes().unwrap(), needed);
            assert_eq!(room.settled(), needed);
            assert!(room.file.is_some());
            room.clear();
            assert_eq!(room.bytes().unwrap(), b"");
        }
    }

    #[test]
    fn the_limit_is_named() {
        let mut room = Room::holding(10);
        room.limit("uncompressed transaction", 20);
        room.push(&[0; 20]).unwrap();
        let named = "uncompressed transaction: needed at most 20, had 21";
        assert_eq!(room.push(&[0]).unwrap_err().to_string(), named);
        assert_eq!(room.check(1).unwrap_err().to_string(), named);
        assert!(room.spare(1).is_ok());
    }
}
