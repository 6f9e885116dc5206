//! The events that carry the file of a LOAD DATA in pieces: APPEND_BLOCK (9), EXEC_LOAD (10),
//! DELETE_FILE (11), BEGIN_LOAD_QUERY (17).

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// A piece of a loaded file: the first of it (BEGIN_LOAD_QUERY) or a later one (APPEND_BLOCK), told
/// apart by the event's type alone (`load_data_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBlockEvent<'a> {
    /// Names the file within its log, and all that belongs to it.
    pub file_id: u32,
    /// Bytes of the file.
    pub block: &'a [u8],
}

impl<'a> FileBlockEvent<'a> {
    /// Reads the body of a BEGIN_LOAD_QUERY or APPEND_BLOCK event.
    ///
    /// # Errors
    /// A [`Fault`] if the file's id is missing.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let file_id = reader.u32("file id")?;
        Ok(FileBlockEvent { file_id, block: reader.take_rest() })
    }
}

impl fmt::Display for FileBlockEvent<'_> {
    /// The form of SHOW BINLOG EVENTS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ";file_id={};block_len={}", self.file_id, self.block.len())
    }
}

/// The file id that is all of an EXEC_LOAD (load the file now) or a DELETE_FILE (forget it).
///
/// # Errors
/// A [`Fault`] if bytes are missing.
pub fn file_id(body: &[u8]) -> Result<u32, Fault> {
    Reader::new(body).u32("file id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_belongs_to_a_file() {
        let block = FileBlockEvent::parse(b"\x07\0\0\x01a\tb\n").unwrap();
        assert_eq!((block.file_id, block.block), (0x0100_0007, &b"a\tb\n"[..]));
        assert_eq!(block.to_string(), ";file_id=16777223;block_len=4");
        assert!(FileBlockEvent::parse(b"\x07\0\0").is_err());
    }

    #[test]
    fn an_end_names_its_file() {
        assert_eq!(file_id(&[3, 0, 0, 0]), Ok(3));
        assert!(file_id(&[3, 0]).is_err());
    }
}
