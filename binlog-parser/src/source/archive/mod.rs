//! Logs that are packed: gz, zst, xz, bz2 and lz4, known by content and not by name.
//!
//! ```text
//! file or pipe ── Packed ── Kind::frame ── Spill ── unnamed temporary file ── mapped as any log
//!                 counts    one after      checks what it is early, and how much it becomes
//!                           another
//! ```
//!
//! An archive that breaks off, or is damaged, gives what stands before that; the reason is kept,
//! and a scan yields it as damage at the end of the log.

mod kind;
mod packed;

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use crate::address::log_name;
use crate::damage::ArchiveDamage;
use crate::error::{Error, Fault, Result};
use crate::limits;
use crate::source::magic::{ENCRYPTED_MAGIC, MAGIC, check_magic};
use kind::Kind;
use packed::Packed;

/// Plain bytes that are handed over at a time. A decoder that fails keeps what it has unpacked for
/// the same call to itself, so it is not much.
const CHUNK_BYTES: usize = 64 << 10;

/// Plain bytes after which it is judged whether this is a log: as far as a tar is known by.
const HEAD_BYTES: usize = 512;

/// The plain bytes of a log, in a file that only this process can see.
#[derive(Debug)]
pub(super) struct Plain {
    /// The file, without a name and readable by its owner alone (0600).
    pub file: File,
    /// What keeps the archive from being read to its end.
    pub damage: Option<ArchiveDamage>,
}

/// Unpacks `file` if it is an archive.
///
/// # Errors
/// As [`spill`].
pub(super) fn unpack(file: &File, path: &Path) -> Result<Option<Plain>> {
    let mut packed = Packed::new(file);
    match Kind::next(&mut packed).map_err(|e| Error::io(path, e))? {
        Some(kind) => unpack_as(kind, &mut packed, path).map(Some),
        None => Ok(None),
    }
}

/// Copies what `input` gives, unpacked if it is an archive: events are looked up by position, and
/// that needs bytes that stay.
///
/// # Errors
/// [`Error::Io`] if `input` cannot be read, or there is no room for what it holds;
/// [`Error::Archive`] if that is no log, or more than a limit allows.
pub(super) fn spill(input: impl Read, path: &Path) -> Result<Plain> {
    let mut packed = Packed::new(input);
    if let Some(kind) = Kind::next(&mut packed).map_err(|e| Error::io(path, e))? {
        return unpack_as(kind, &mut packed, path);
    }
    let mut spill = Spill::new(None, path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match packed.read(&mut chunk).map_err(|e| Error::io(path, e))? {
            0 => return spill.finish(None),
            count => spill.push(&chunk[..count])?,
        }
    }
}

/// Whether `input`, plain or packed, begins as a log does: a binary log, or one that MySQL has
/// encrypted. A damaged archive whose first bytes cannot be had counts if `path` is named as logs
/// are.
///
/// # Errors
/// Where `input` cannot be read.
pub(super) fn holds_log(input: impl Read, path: &Path) -> io::Result<bool> {
    let mut packed = Packed::new(input);
    let Some(kind) = Kind::next(&mut packed)? else {
        return Ok(is_log(packed.peek(MAGIC.len())?));
    };
    let mut first = vec![];
    let read = kind
        .frame(&mut packed)
        .and_then(|frame| frame.take(MAGIC.len() as u64).read_to_end(&mut first));
    let name = path.to_string_lossy();
    let number = log_name(&name).rsplit_once('.').map_or("", |(_, number)| number);
    let named = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Ok(is_log(&first) || read.is_err() && named)
}

fn is_log(first: &[u8]) -> bool {
    first.starts_with(&MAGIC) || first.starts_with(&ENCRYPTED_MAGIC)
}

fn unpack_as(kind: Kind, packed: &mut Packed<impl Read>, path: &Path) -> Result<Plain> {
    let mut spill = Spill::new(Some(kind), path)?;
    let consumed = packed.consumed();
    let mut chunk = vec![0; CHUNK_BYTES];
    let damage = loop {
        let read = match kind.frame(packed) {
            Ok(mut frame) => loop {
                match frame.read(&mut chunk) {
                    Ok(0) => break Ok(()),
                    Ok(count) => spill.push(&chunk[..count])?,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(error) => break Err(error),
                }
                spill.check_size(consumed.get())?;
            },
            Err(error) => Err(error),
        };
        match read.and_then(|()| another(kind, packed)) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    spill.finish(damage.map(|why| ArchiveDamage { archive: kind.name(), why }))
}

/// Whether another frame of `kind` follows.
fn another(kind: Kind, packed: &mut Packed<impl Read>) -> io::Result<bool> {
    if Kind::next(packed)? == Some(kind) {
        return Ok(true);
    }
    let at = packed.consumed().get();
    match packed.is_padding()? {
        true => Ok(false),
        false => Err(io::Error::other(format!("what follows at byte {at} of it is another thing"))),
    }
}

/// The temporary file as it fills.
struct Spill<'a> {
    file: File,
    kind: Option<Kind>,
    path: &'a Path,
    head: Vec<u8>,
    bytes: u64,
}

impl<'a> Spill<'a> {
    fn new(kind: Option<Kind>, path: &'a Path) -> Result<Self> {
        let file = tempfile::tempfile().map_err(|e| no_room(path, &e))?;
        Ok(Spill { file, kind, path, head: vec![], bytes: 0 })
    }

    fn push(&mut self, plain: &[u8]) -> Result<()> {
        if self.head.len() < HEAD_BYTES {
            let missing = (HEAD_BYTES - self.head.len()).min(plain.len());
            self.head.extend_from_slice(&plain[..missing]);
            if self.head.len() == HEAD_BYTES {
                // Nobody waits for hours of unpacking to be told that it is no log.
                self.check_head()?;
            }
        }
        self.bytes += plain.len() as u64;
        self.file.write_all(plain).map_err(|e| no_room(self.path, &e))
    }

    /// Refuses what is no log, in the words for a plain file of this content.
    fn check_head(&self) -> Result<()> {
        if self.head.starts_with(&ENCRYPTED_MAGIC) {
            return Ok(());
        }
        check_magic(&self.head).map_err(|fault| self.refused(fault))
    }

    /// Refuses what unpacks to more than a log can be.
    fn check_size(&self, packed: u64) -> Result<()> {
        let most = packed.saturating_mul(limits::UNPACKED_RATIO) + limits::UNPACKED_FREELY;
        if self.bytes > limits::UNPACKED_BYTES {
            return Err(self.refused(Fault::limit(
                "bytes that it unpacks to",
                limits::UNPACKED_BYTES,
                self.bytes,
            )));
        }
        if self.bytes > most {
            let (ratio, freely) = (limits::UNPACKED_RATIO, limits::UNPACKED_FREELY);
            let what = format!(
                "bytes that {packed} bytes of it unpack to ({ratio} for each, and {freely})"
            );
            return Err(self.refused(Fault::limit(what, most, self.bytes)));
        }
        Ok(())
    }

    fn finish(mut self, damage: Option<ArchiveDamage>) -> Result<Plain> {
        match &damage {
            // What the archive lacks is the reason why this is no log.
            Some(damage) if self.head.len() < MAGIC.len() => {
                return Err(self.refused(Fault::value("log", "its first bytes", &damage.why)));
            }
            _ if self.head.len() < HEAD_BYTES => self.check_head()?,
            _ => {}
        }
        self.file.rewind().map_err(|e| no_room(self.path, &e))?;
        Ok(Plain { file: self.file, damage })
    }

    fn refused(&self, fault: Fault) -> Error {
        match self.kind {
            Some(kind) => Error::archive(self.path, kind.name(), fault),
            None => Error::not_a_log(self.path, fault),
        }
    }
}

/// What the system said of the temporary file, told by the folder that it is in.
fn no_room(path: &Path, error: &io::Error) -> Error {
    let why = format!("{error}; it was to hold the plain bytes of {}", path.display());
    Error::io(std::env::temp_dir(), io::Error::new(error.kind(), why))
}

#[cfg(test)]
mod tests;
