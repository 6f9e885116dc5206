//! One log: its name, its bytes, and how it says that it is to be read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::log_name;
use crate::damage::{ArchiveDamage, DamageReason};
use crate::error::{Error, Fault, Location, Result};
use crate::event::format_description::FormatDescription;
use crate::header::{EventHeader, flags};
use crate::source::archive::{self, Archive, Plain};
use crate::source::decrypt::{self, Encryption, Keys};
use crate::source::magic::check_magic;
use crate::source::mmap::{Change, MappedFile};

pub use crate::source::magic::{ENCRYPTED_MAGIC, FIRST_EVENT, MAGIC};

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
    archive: Option<Archive>,
    archive_damage: Option<ArchiveDamage>,
    encryption: Option<Encryption>,
}

impl Log {
    /// Opens the log at `path`, which may be packed.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::NotALog`] if it is no log, [`Error::Archive`]
    /// if it is packed and holds none; a fault with its place if the format description, without
    /// which nothing can be read, is broken.
    pub fn open(path: &Path) -> Result<Self> {
        Log::open_with(path, &Keys::none())
    }

    /// Opens the log at `path`, which one of `keys` may open if it is encrypted.
    ///
    /// # Errors
    /// As [`Log::open`]; [`Error::Encrypted`] if no key fits.
    pub fn open_with(path: &Path, keys: &Keys) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let name = log_name(&name);
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let kind = file.metadata().map_err(|e| Error::io(path, e))?.file_type();
        if kind.is_dir() {
            let fault = Fault::value("log", "a file", "a folder");
            return Err(Error::not_a_log(path, fault));
        }
        if !kind.is_file() {
            // A named pipe, or what a shell's <(…) gives: it can be read but once.
            return Log::from_plain(&archive::spill(file, path)?, name, path, keys);
        }
        match archive::unpack(&file, path)? {
            Some(plain) => Log::from_plain(&plain, name, path, keys),
            None => Log::from_plain(&Plain { file, damage: None, archive: None }, name, path, keys),
        }
    }

    /// Takes a log, packed or not, from `input`, which is copied to an unnamed temporary file
    /// first: events are looked up by position, and that needs bytes that stay.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn from_reader(input: impl Read) -> Result<Self> {
        Log::from_reader_with(input, &Keys::none())
    }

    /// The same, for a log that one of `keys` may open if it is encrypted.
    ///
    /// # Errors
    /// As [`Log::open_with`].
    pub fn from_reader_with(input: impl Read, keys: &Keys) -> Result<Self> {
        let path = Path::new("-");
        Log::from_plain(&archive::spill(input, path)?, STDIN_NAME, path, keys)
    }

    fn from_plain(plain: &Plain, name: &str, path: &Path, keys: &Keys) -> Result<Self> {
        let bytes = MappedFile::new(&plain.file, path)?;
        let (bytes, encryption) = decrypt::plain(bytes, path, name, keys)?;
        check_magic(&bytes).map_err(|fault| Error::not_a_log(path, fault))?;
        let name: Arc<str> = name.into();
        let archive_damage = plain.damage.clone();
        let (header, format) = read_format(&bytes).map_err(|fault| match &archive_damage {
            Some(ArchiveDamage { archive, why }) => {
                Error::archive(path, archive, Fault::value("log", "its format description", why))
            }
            None => fault.at(Location::new(&name, FIRST_EVENT).of("Format_desc")),
        })?;
        let (path, archive) = (path.to_owned(), plain.archive);
        Ok(Log { name, path, bytes, format, header, archive, archive_damage, encryption })
    }

    /// The file's name without folder and without an archive's suffix: the NAME of addresses.
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

    /// The archive that the log was unpacked from, if it was.
    #[must_use]
    pub fn archive(&self) -> Option<Archive> {
        self.archive
    }

    /// Why there may be more of the log in its archive than could be unpacked.
    #[must_use]
    pub fn archive_damage(&self) -> Option<&ArchiveDamage> {
        self.archive_damage.as_ref()
    }

    /// What has happened to the file since it was opened, if it is not what it was: it was cut, or
    /// its disk failed. A file that grows, or that its path names no longer, is what it was.
    #[must_use]
    pub fn change(&self) -> Option<DamageReason> {
        self.bytes.change().map(|change| match change {
            Change::Cut(had) => DamageReason::Cut { needed: self.len(), had },
            Change::Unread(at) => DamageReason::Unread { at },
        })
    }

    /// Refuses what was read so far if the file is not what it was when it was opened.
    ///
    /// # Errors
    /// What [`Log::change`] tells, with the log's name.
    pub fn check_unchanged(&self) -> Result<()> {
        let fault = match self.change() {
            Some(DamageReason::Cut { needed, had }) => {
                let what = "bytes of the file, which was cut while it was read";
                Fault::value(what, needed.to_string(), had)
            }
            Some(reason) => Fault::value("bytes of the file", "all of them", reason),
            None => return Ok(()),
        };
        let place = Location { log: Arc::clone(&self.name), ..Location::default() };
        Err(fault.at(place))
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

    /// How the log was encrypted, if it was; [`Log::bytes`] are plain in any case.
    #[must_use]
    pub fn encryption(&self) -> Option<&Encryption> {
        self.encryption.as_ref()
    }

    /// The place of the event at `offset`.
    #[must_use]
    pub fn location(&self, offset: u64) -> Location {
        Location::new(&self.name, offset)
    }
}

fn read_format(bytes: &[u8]) -> Result<(EventHeader, FormatDescription), Fault> {
    let rest = bytes.get(MAGIC.len()..).unwrap_or_default();
    let header = EventHeader::parse(rest)?;
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
        assert!(refused(b"PK\x03\x04").contains("had zip, which may hold several files"));
        let tar = [&b"binlog.000001"[..], &[0; 244], b"ustar\0"].concat();
        assert!(refused(&tar).contains("had tar, which may hold several files"));
        assert!(refused(b"\xfdbin\x01").contains("encrypted log: needed 512 bytes, had 5"));
        assert!(refused(b"-- MySQL dump").contains("had 2d 2d 20 4d"));
        assert_eq!(
            refused(b"\xfebin\0\0"),
            "stdin:4 (Format_desc): event header: needed 19 bytes, had 2"
        );
    }
}
