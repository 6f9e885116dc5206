//! One log: its name, its bytes, and how it says that it is to be read.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Fault, Location, Result};
use crate::event::format_description::FormatDescription;
use crate::header::{EventHeader, EventType, flags};
use crate::scan::Scan;
use crate::source::mmap::MappedFile;

/// The first four bytes of a log (`BINLOG_MAGIC`).
pub const MAGIC: [u8; 4] = *b"\xfebin";

/// Stream position of the first event.
pub const FIRST_EVENT: u64 = MAGIC.len() as u64;

/// The name that a log read from standard input gets in addresses.
pub const STDIN_NAME: &str = "stdin";

/// One binary or relay log, opened read-only.
#[derive(Debug)]
pub struct Log {
    name: Arc<str>,
    path: PathBuf,
    bytes: MappedFile,
    format: FormatDescription,
    header: EventHeader,
}

impl Log {
    /// Opens the log at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::NotALog`] if it is no plain log; a fault with
    /// its place if the format description, without which nothing can be read, is broken.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
            let fault = Fault::value("log", "a file", "a folder");
            return Err(Error::not_a_log(path, fault));
        }
        Log::from_file(&file, &name, path)
    }

    /// Takes a log from `input`, which is copied to an unnamed temporary file first: events are
    /// looked up by position, and that needs bytes that stay.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn from_reader(mut input: impl Read) -> Result<Self> {
        let path = Path::new("-");
        let mut file = tempfile::tempfile().map_err(|e| Error::io(path, e))?;
        std::io::copy(&mut input, &mut file).map_err(|e| Error::io(path, e))?;
        file.rewind().map_err(|e| Error::io(path, e))?;
        Log::from_file(&file, STDIN_NAME, path)
    }

    fn from_file(file: &File, name: &str, path: &Path) -> Result<Self> {
        let bytes = MappedFile::new(file, path)?;
        check_magic(&bytes).map_err(|fault| Error::not_a_log(path, fault))?;
        let name: Arc<str> = name.into();
        let (header, format) = read_format(&bytes)
            .map_err(|fault| fault.at(Location::new(&name, FIRST_EVENT).of("Format_desc")))?;
        Ok(Log { name, path: path.to_owned(), bytes, format, header })
    }

    /// The file's name without folder: the NAME of addresses.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The path by which the log was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole log, magic included: stream positions index it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Length of the log in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether the file is empty; never true of a log that could be opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The format description that the log starts with.
    #[must_use]
    pub fn format(&self) -> &FormatDescription {
        &self.format
    }

    /// Header of the format description: when the log was begun, and by which server.
    #[must_use]
    pub fn header(&self) -> &EventHeader {
        &self.header
    }

    /// Whether the log was not closed: it is being written, or its server died.
    #[must_use]
    pub fn in_use(&self) -> bool {
        self.header.has(flags::BINLOG_IN_USE)
    }

    /// Whether a replica wrote it, so that positions in it are those of another server's logs.
    #[must_use]
    pub fn is_relay_log(&self) -> bool {
        self.header.has(flags::RELAY_LOG)
    }

    /// Walks the log from its first event.
    #[must_use]
    pub fn scan(&self) -> Scan<'_> {
        Scan::new(self, FIRST_EVENT)
    }

    /// Walks the log from the event that starts at `offset`.
    #[must_use]
    pub fn scan_from(&self, offset: u64) -> Scan<'_> {
        Scan::new(self, offset)
    }

    /// The place of the event at `offset`.
    #[must_use]
    pub fn location(&self, offset: u64) -> Location {
        Location::new(&self.name, offset)
    }
}

/// Other things that people hand in as logs, by their first bytes, and what to do about it.
const NOT_PLAIN: [(&[u8], &str); 6] = [
    (b"\xfdbin", "a log encrypted by MySQL; decrypt it with the server's keyring first"),
    (b"\x1f\x8b", "gzip; unpack it, or pipe it in: gzip -dc LOG | binlog VERB -"),
    (b"\x28\xb5\x2f\xfd", "zstd; unpack it, or pipe it in: zstd -dc LOG | binlog VERB -"),
    (b"\xfd7zXZ\0", "xz; unpack it, or pipe it in: xz -dc LOG | binlog VERB -"),
    (b"BZh", "bzip2; unpack it, or pipe it in: bzip2 -dc LOG | binlog VERB -"),
    (b"\x04\x22\x4d\x18", "lz4; unpack it, or pipe it in: lz4 -dc LOG | binlog VERB -"),
];

fn check_magic(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.starts_with(&MAGIC) {
        return Ok(());
    }
    let needed = "fe 62 69 6e (a plain binary log)";
    for (magic, name) in NOT_PLAIN {
        if bytes.starts_with(magic) {
            return Err(Fault::value("first bytes", needed, name));
        }
    }
    match bytes.get(..MAGIC.len()) {
        None => Err(Fault::short("first bytes of a binary log", 4, bytes.len() as u64)),
        Some([a, b, c, d]) => {
            Err(Fault::value("first bytes", needed, format!("{a:02x} {b:02x} {c:02x} {d:02x}")))
        }
        Some(_) => Err(Fault::value("first bytes", needed, "others")),
    }
}

fn read_format(bytes: &[u8]) -> Result<(EventHeader, FormatDescription), Fault> {
    let rest = bytes.get(MAGIC.len()..).unwrap_or_default();
    let header = EventHeader::parse(rest)?;
    if header.event_type == EventType::START_V3 {
        return Err(Fault::unsupported(
            "log",
            "it is of binlog version 1 or 3, from a server before 5.0",
        ));
    }
    let length = u64::from(header.event_length);
    let Some(event) = rest.get(..header.event_length as usize) else {
        return Err(Fault::short("format description", length, rest.len() as u64));
    };
    Ok((header, FormatDescription::parse(event)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        Log::from_reader(bytes).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_log_is_named() {
        assert_eq!(refused(b""), "-: first bytes of a binary log: needed 4 bytes, had 0");
        assert!(refused(b"\x1f\x8b\x08\0\0").contains("had gzip; unpack it"));
        assert!(refused(b"\xfdbin\x01").contains("encrypted by MySQL"));
        assert!(refused(b"-- MySQL dump").contains("had 2d 2d 20 4d"));
        assert_eq!(
            refused(b"\xfebin\0\0"),
            "stdin:4 (Format_desc): event header: needed 19 bytes, had 2"
        );
    }
}
