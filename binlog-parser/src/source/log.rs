//! One log: its name, its bytes, and how it says that it is to be read.

use std::fs::{File, Metadata};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::address::log_name;
use crate::damage::{ArchiveDamage, DamageReason};
use crate::error::{Error, Fault, Location, Result};
use crate::event::format_description::FormatDescription;
use crate::header::{EventHeader, flags};
use crate::source::archive::{self, Archive, Opened};
use crate::source::bytes::Bytes;
use crate::source::decrypt::{self, Encryption, Keys};
use crate::source::ends::{END_BYTES, Ends};
use crate::source::expand::STDIN;
use crate::source::growing::Growing;
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
    bytes: Bytes,
    format: FormatDescription,
    header: EventHeader,
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
        Log::open_early(path, keys)?.when_whole()
    }

    /// Opens the log at `path` as soon as its start is there: what is packed, or comes through a
    /// pipe, is unpacked in the background while the log is walked. A walk waits where it comes to
    /// the end of what is there; [`Log::bytes`] and whatever else concerns the end of the log waits
    /// for all of it. Whoever has walked has to ask [`Log::whole`].
    ///
    /// # Errors
    /// As [`Log::open_with`], but for what is wrong behind the start of the log.
    pub fn open_early(path: &Path, keys: &Keys) -> Result<Self> {
        let (file, metadata) = open(path)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            let fault = Fault::value("log", "a file", "a folder");
            return Err(Error::not_a_log(path, fault));
        }
        if !kind.is_file() {
            // A named pipe, or what a shell's <(…) gives: it can be read but once.
            let (growing, unpacking) = archive::spill(file, path)?;
            unpacking.start()?;
            return Log::named(Bytes::Growing(growing), path, keys);
        }
        match archive::open(file, metadata.len(), path)? {
            Opened::Packed(growing, unpacking) => {
                unpacking.start()?;
                Log::named(Bytes::Growing(growing), path, keys)
            }
            Opened::Plain(file, head) => Log::mapped(&file, &metadata, head, path, keys),
        }
    }

    /// Opens the log at `path`, if its first bytes are those of a log that is not packed.
    ///
    /// # Errors
    /// As [`Log::open_with`].
    pub(super) fn open_plain(path: &Path, keys: &Keys) -> Result<Option<Self>> {
        let (mut file, metadata) = open(path)?;
        let head = archive::first_bytes(&mut file, END_BYTES).map_err(|e| Error::io(path, e))?;
        match archive::is_log(&head) {
            true => Log::mapped(&file, &metadata, head, path, keys).map(Some),
            false => Ok(None),
        }
    }

    /// The log in `file`, which is not packed; `head` are its first bytes.
    fn mapped(
        file: &File,
        metadata: &Metadata,
        head: Vec<u8>,
        path: &Path,
        keys: &Keys,
    ) -> Result<Self> {
        let ends = Ends::of(file, metadata.len(), head).map_err(|e| Error::io(path, e))?;
        let map = MappedFile::of(file, metadata, path)?;
        Log::named(Bytes::Mapped(map, ends, None), path, keys)
    }

    /// The log that has the name of its file.
    fn named(bytes: Bytes, path: &Path, keys: &Keys) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Log::of(bytes, log_name(&name), path, keys)
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
        let path = Path::new(STDIN);
        let (growing, unpacking) = archive::spill(input, path)?;
        unpacking.run();
        Log::of(Bytes::Growing(growing), STDIN_NAME, path, keys)?.when_whole()
    }

    /// The same, early as [`Log::open_early`] does it.
    ///
    /// # Errors
    /// As [`Log::open_early`].
    pub fn from_reader_early(input: impl Read + Send + 'static, keys: &Keys) -> Result<Self> {
        let path = Path::new(STDIN);
        let (growing, unpacking) = archive::spill(input, path)?;
        unpacking.start()?;
        Log::of(Bytes::Growing(growing), STDIN_NAME, path, keys)
    }

    fn of(bytes: Bytes, name: &str, path: &Path, keys: &Keys) -> Result<Self> {
        // Why it could not be unpacked explains what is wrong with what came of it.
        let explain = |error| bytes.whole().err().unwrap_or(error);
        let all = || bytes.whole().map(|()| bytes.all());
        let plain = decrypt::plain(bytes.head(), all, path, name, keys).map_err(explain)?;
        let (plain, encryption) = plain.unzip();
        let plain =
            plain.map(|plain| Bytes::Mapped(plain, Ends::default(), bytes.unpacked().cloned()));
        let head = plain.as_ref().unwrap_or(&bytes).head();
        check_magic(head).map_err(|fault| explain(Error::not_a_log(path, fault)))?;
        let name: Arc<str> = name.into();
        let (header, format) = read_format(head).map_err(|fault| {
            match bytes.unpacked().and_then(|of| of.damage.clone()) {
                Some(ArchiveDamage { archive, why }) => {
                    let fault = Fault::value("log", "its format description", why);
                    explain(Error::archive(path, archive, fault))
                }
                None => fault.at(Location::new(&name, FIRST_EVENT).of("Format_desc")),
            }
        })?;
        let bytes = plain.unwrap_or(bytes);
        Ok(Log { name, path: path.to_owned(), bytes, format, header, encryption })
    }

    /// Waits until all of the log is there, which it is unless the log was opened early.
    ///
    /// # Errors
    /// Why it could not be unpacked, where opening it late would have failed. A walk ends there with
    /// a damage of the archive.
    pub fn whole(&self) -> Result<()> {
        self.bytes.whole()
    }

    fn when_whole(self) -> Result<Self> {
        self.whole().map(|()| self)
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

    /// The whole log, magic included: stream positions index it. Waits for all of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.all()
    }

    /// The first and the last bytes of the whole log, at most [`crate::source::ends::END_BYTES`] each:
    /// to look at them costs no page of its map. Waits for all of it.
    pub(crate) fn ends(&self) -> [&[u8]; 2] {
        self.bytes.ends()
    }

    /// The bytes that are there, and where more come from, unless those are all.
    pub(crate) fn so_far(&self) -> (&[u8], Option<&Growing>) {
        self.bytes.so_far()
    }

    /// Lets go of the memory of a range that was read; it may be read again. A walk does it behind
    /// itself.
    pub fn release(&self, range: Range<u64>) {
        let at = |position| usize::try_from(position).unwrap_or(usize::MAX);
        self.bytes.release(at(range.start)..at(range.end));
    }

    /// The archive that the log was unpacked from, if it was. Waits for all of it.
    #[must_use]
    pub fn archive(&self) -> Option<Archive> {
        self.bytes.unpacked().and_then(|unpacked| unpacked.archive)
    }

    /// Why there may be more of the log in its archive than could be unpacked. Waits for all of it.
    #[must_use]
    pub fn archive_damage(&self) -> Option<&ArchiveDamage> {
        self.bytes.unpacked()?.damage.as_ref()
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

    /// Length of the log in bytes; none while it is unpacked.
    #[must_use]
    pub fn known_len(&self) -> Option<u64> {
        match self.bytes.so_far() {
            (bytes, None) => Some(bytes.len() as u64),
            (_, Some(_)) => None,
        }
    }

    /// Length of the log in bytes. Waits for all of it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    /// Whether the file is empty; never true of a log that could be opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.head().is_empty()
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
        self.header().has(flags::BINLOG_IN_USE)
    }

    /// Whether a replica wrote it, so that positions in it are those of another server's logs.
    #[must_use]
    pub fn is_relay_log(&self) -> bool {
        self.header().has(flags::RELAY_LOG)
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

fn open(path: &Path) -> Result<(File, Metadata)> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let metadata = file.metadata().map_err(|e| Error::io(path, e))?;
    Ok((file, metadata))
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
