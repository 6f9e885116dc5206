//! Logs that are packed: gz, zst, xz, bz2 and lz4, known by content and not by name.
//!
//! ```text
//! file or pipe ── Packed ── Kind::frame ── Spill ─────── Filler ── Growing: an unnamed temporary
//!                 counts    one after      is it a log?  writes    file, mapped, and read while
//!                           another        how much?     meanwhile it grows
//! ```
//!
//! An archive that breaks off, or is damaged, gives what stands before that; the reason is kept,
//! and a scan yields it as damage at the end of the log.

mod filler;
mod kind;
mod packed;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread::{self, Builder, Scope};

use crate::address::log_name;
use crate::damage::ArchiveDamage;
use crate::error::{Error, Fault, Result};
use crate::limits;
use crate::source::ends::END_BYTES;
use crate::source::growing::{Feed, Feeding, Growing, Readers, no_room};
use crate::source::magic::{ENCRYPTED_MAGIC, MAGIC, check_magic};
pub use crate::source::unpacked::Archive;
use crate::source::unpacked::Unpacked;
use filler::Filler;
use kind::Kind;
use packed::Packed;

/// Plain bytes that are unpacked at a time. A decoder that fails keeps what it has unpacked for
/// the same call to itself, so it is not much.
const CHUNK_BYTES: usize = 64 << 10;

/// Plain bytes after which it is judged whether this is a log: as far as a tar is known by.
const HEAD_BYTES: usize = 512;

/// The unpacking of a log, which has not begun.
#[derive(Debug)]
pub(super) struct Unpacking<R> {
    packed: Packed<R>,
    /// None for what is plain already.
    kind: Option<Kind>,
    path: PathBuf,
    feeding: Feeding,
}

/// A file that may be an archive.
#[derive(Debug)]
pub(super) enum Opened {
    /// It is none; its first bytes, at most [`END_BYTES`], unless they are still to be read.
    Plain(File, Vec<u8>),
    /// The bytes that come of it, and its unpacking.
    Packed(Growing, Unpacking<File>),
}

/// Looks whether `file`, which has so many bytes, is an archive.
///
/// # Errors
/// [`Error::Io`] if `file` cannot be read, or there is no temporary file.
pub(super) fn open(mut file: File, bytes: u64, path: &Path) -> Result<Opened> {
    let first = first_bytes(&mut file, END_BYTES).map_err(|e| Error::io(path, e))?;
    if is_log(&first) {
        return Ok(Opened::Plain(file, first));
    }
    let mut packed = Packed::read_before(first, file);
    match Kind::next(&mut packed).map_err(|e| Error::io(path, e))? {
        Some(kind) => {
            let (growing, unpacking) = Unpacking::new(packed, Some(kind), most(bytes), path)?;
            Ok(Opened::Packed(growing, unpacking))
        }
        None => Ok(Opened::Plain(packed.into_input(), vec![])),
    }
}

/// The copying of what `input` gives, unpacked if it is an archive, and the bytes that come of it:
/// events are looked up by position, and that needs bytes that stay.
///
/// # Errors
/// [`Error::Io`] if the first bytes of `input` cannot be read, or there is no temporary file.
pub(super) fn spill<R: Read>(input: R, path: &Path) -> Result<(Growing, Unpacking<R>)> {
    let mut packed = Packed::new(input);
    let kind = Kind::next(&mut packed).map_err(|e| Error::io(path, e))?;
    let most = if kind.is_some() { most(u64::MAX) } else { limits::PIPED_BYTES };
    Unpacking::new(packed, kind, most, path)
}

impl<R: Read> Unpacking<R> {
    fn new(
        packed: Packed<R>,
        kind: Option<Kind>,
        most: u64,
        path: &Path,
    ) -> Result<(Growing, Self)> {
        let (growing, feeding) = Growing::new(kind.map_or("piped", Kind::name), path, most)?;
        Ok((growing, Unpacking { packed, kind, path: path.to_owned(), feeding }))
    }

    /// Unpacks all of it. The bytes may end with [`Error::Io`], where the input cannot be read or
    /// there is no room for what it holds, or [`Error::Archive`], if that is no log, or more than a
    /// limit allows.
    pub(super) fn run(self) {
        let Unpacking { mut packed, kind, path, feeding } = self;
        feeding.run(|feed| {
            thread::scope(|scope| {
                let spill = Spill::new(scope, feed, kind, path)?;
                match kind {
                    Some(kind) => unpack_frames(kind, &mut packed, spill),
                    None => copy(&mut packed, spill),
                }
            })
        });
    }

    /// The same in a thread of its own.
    ///
    /// # Errors
    /// [`Error::Io`] if there can be none.
    pub(super) fn start(self) -> Result<()>
    where
        R: Send + 'static,
    {
        let path = self.path.clone();
        let thread = Builder::new().name("unpack".into()).spawn(|| self.run());
        thread.map(drop).map_err(|e| Error::io(path, e))
    }
}

/// How much may be unpacked from so many bytes; a decoder may be a chunk ahead when that is seen.
fn most(packed_bytes: u64) -> u64 {
    most_of(packed_bytes).min(limits::UNPACKED_BYTES) + CHUNK_BYTES as u64
}

/// How many bytes so many packed ones may give.
fn most_of(packed_bytes: u64) -> u64 {
    packed_bytes.saturating_mul(limits::UNPACKED_RATIO).saturating_add(limits::UNPACKED_FREELY)
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
pub(super) fn holds_log(mut input: impl Read, path: &Path) -> io::Result<bool> {
    let first = first_bytes(&mut input, MAGIC.len())?;
    if is_log(&first) {
        return Ok(true);
    }
    let mut packed = Packed::read_before(first, input);
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

/// So many first bytes, fewer only where there are no more: no more than is needed, for thousands of
/// files may be asked for them.
pub(super) fn first_bytes(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(count);
    input.take(count as u64).read_to_end(&mut first)?;
    Ok(first)
}

/// Whether a file with these first bytes is a log that is not packed.
pub(super) fn is_log(first: &[u8]) -> bool {
    first.starts_with(&MAGIC) || first.starts_with(&ENCRYPTED_MAGIC)
}

fn copy(packed: &mut Packed<impl Read>, mut spill: Spill<'_>) -> Result<Unpacked> {
    loop {
        match packed.read(spill.room()).map_err(|e| Error::io(&spill.path, e))? {
            0 => return spill.finish(None, 0),
            count => spill = spill.fill(count)?,
        }
    }
}

fn unpack_frames(
    kind: Kind,
    packed: &mut Packed<impl Read>,
    mut spill: Spill<'_>,
) -> Result<Unpacked> {
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
struct Spill<'scope> {
    filler: Filler<'scope>,
    readers: Readers,
    kind: Option<Kind>,
    path: PathBuf,
    bytes: u64,
    /// Whether it was judged by its first bytes.
    judged: bool,
}

impl<'scope> Spill<'scope> {
    fn new<'env>(
        scope: &'scope Scope<'scope, 'env>,
        feed: Feed,
        kind: Option<Kind>,
        path: PathBuf,
    ) -> Result<Self> {
        let readers = feed.readers();
        let filler = Filler::new(scope, feed).map_err(|e| no_room(&path, &e))?;
        Ok(Spill { filler, readers, kind, path, bytes: 0, judged: false })
    }

    fn room(&mut self) -> &mut [u8] {
        self.filler.room(CHUNK_BYTES)
    }

    /// Takes `count` bytes of the room.
    fn fill(mut self, count: usize) -> Result<Self> {
        let filled = self.filler.fill(count);
        self.bytes += count as u64;
        if self.bytes >= HEAD_BYTES as u64 && !self.judged {
            // Nobody waits for hours of unpacking to be told that it is no log.
            self.judge()?;
        }
        if self.readers.are_gone() {
            // Nobody is there to be told.
            return Err(Error::io(&self.path, io::Error::other("nobody reads it any more")));
        }
        match filled {
            Ok(()) => Ok(self),
            Err(filler::Broken) => {
                let why = self.filler.finish().err();
                let why = why.unwrap_or_else(|| io::Error::other("its writer broke off"));
                Err(no_room(&self.path, &why))
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
        let most = most_of(packed);
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

    fn finish(mut self, damage: Option<ArchiveDamage>, packed_bytes: u64) -> Result<Unpacked> {
        match &damage {
            // What the archive lacks is the reason why this is no log.
            Some(damage) if self.bytes < MAGIC.len() as u64 => {
                return Err(self.refused(Fault::value("log", "its first bytes", &damage.why)));
            }
            _ if !self.judged => self.judge()?,
            _ => {}
        }
        self.filler.finish().map_err(|e| no_room(&self.path, &e))?;
        let archive = self.kind.map(|kind| Archive { kind: kind.name(), packed_bytes });
        Ok(Unpacked { archive, damage })
    }

    fn refused(&self, fault: Fault) -> Error {
        match self.kind {
            Some(kind) => Error::archive(&self.path, kind.name(), fault),
            None => Error::not_a_log(&self.path, fault),
        }
    }
}

#[cfg(test)]
mod tests;
