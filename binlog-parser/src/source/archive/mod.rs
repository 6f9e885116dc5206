//! Logs that are packed: gz, zst, xz, bz2 and lz4, known by content and not by name.
//!
//! ```text
//! file or pipe ── Packed ── Kind::frame ── Spill ─────── Filler ── unnamed temporary file, mapped
//!                 counts    one after      is it a log?  writes                       as any log
//!                           another        how much?     meanwhile
//! ```
//!
//! An archive that breaks off, or is damaged, gives what stands before that; the reason is kept,
//! and a scan yields it as damage at the end of the log.

mod filler;
mod kind;
mod packed;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::address::log_name;
use crate::damage::ArchiveDamage;
use crate::error::{Error, Fault, Result};
use crate::limits;
use crate::source::magic::{ENCRYPTED_MAGIC, MAGIC, check_magic};
use filler::Filler;
use kind::Kind;
use packed::Packed;

/// Plain bytes that are unpacked at a time. A decoder that fails keeps what it has unpacked for
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
    /// What it was unpacked from, if it was.
    pub archive: Option<Archive>,
}

/// The archive that a log was unpacked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// Name of the tool that makes this kind: gzip, zstd, xz, bzip2, lz4.
    pub kind: &'static str,
    /// Bytes of it that were read.
    pub packed_bytes: u64,
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
    loop {
        match packed.read(spill.room()).map_err(|e| Error::io(path, e))? {
            0 => return spill.finish(None, 0),
            count => spill = spill.fill(count)?,
        }
    }
}

/// The plain bytes of `input`, unpacked on the way if it is packed: for what is read once from its
/// start, such as a dump. Nothing is spilled; an archive that is damaged ends in an error.
///
/// # Errors
/// Where the first bytes of `input` cannot be read, or its decoder cannot be set up.
pub fn plain_reader(input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut packed = Packed::new(input);
    match Kind::next(&mut packed)? {
        Some(kind) => kind.stream(packed),
        None => Ok(Box::new(packed)),
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
    let damage = loop {
        let read = match kind.frame(packed) {
            Ok(mut frame) => loop {
                match frame.read(spill.room()) {
                    Ok(0) => break Ok(()),
                    Ok(count) => spill = spill.fill(count)?,
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
    let damage = damage.map(|why| ArchiveDamage { archive: kind.name(), why });
    spill.finish(damage, consumed.get())
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

/// The plain bytes as they come, judged early.
struct Spill<'a> {
    filler: Filler,
    kind: Option<Kind>,
    path: &'a Path,
    bytes: u64,
    /// Whether it was judged by its first bytes.
    judged: bool,
}

impl<'a> Spill<'a> {
    fn new(kind: Option<Kind>, path: &'a Path) -> Result<Self> {
        let filler = Filler::new().map_err(|e| no_room(path, &e))?;
        Ok(Spill { filler, kind, path, bytes: 0, judged: false })
    }

    fn room(&mut self) -> &mut [u8] {
        self.filler.room(CHUNK_BYTES)
    }

    /// Takes `count` bytes of the room.
    fn fill(mut self, count: usize) -> Result<Self> {
        let path = self.path;
        let filled = self.filler.fill(count);
        self.bytes += count as u64;
        if self.bytes >= HEAD_BYTES as u64 && !self.judged {
            // Nobody waits for hours of unpacking to be told that it is no log.
            self.judge()?;
        }
        match filled {
            Ok(()) => Ok(self),
            Err(filler::Broken) => {
                let why = self.filler.finish().err();
                let why = why.unwrap_or_else(|| io::Error::other("its writer broke off"));
                Err(no_room(path, &why))
            }
        }
    }

    /// Refuses what is no log, in the words for a plain file of this content.
    fn judge(&mut self) -> Result<()> {
        self.judged = true;
        let first = self.filler.pending();
        if first.starts_with(&ENCRYPTED_MAGIC) {
            return Ok(());
        }
        check_magic(first).map_err(|fault| self.refused(fault))
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

    fn finish(mut self, damage: Option<ArchiveDamage>, packed_bytes: u64) -> Result<Plain> {
        match &damage {
            // What the archive lacks is the reason why this is no log.
            Some(damage) if self.bytes < MAGIC.len() as u64 => {
                return Err(self.refused(Fault::value("log", "its first bytes", &damage.why)));
            }
            _ if !self.judged => self.judge()?,
            _ => {}
        }
        let file = self.filler.finish().map_err(|e| no_room(self.path, &e))?;
        let archive = self.kind.map(|kind| Archive { kind: kind.name(), packed_bytes });
        Ok(Plain { file, damage, archive })
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
