//! The bytes of a log that is still being unpacked, or still comes through a pipe.
//!
//! ```text
//! fe 62 69 6e | event | event | event | eve              |            thread: Feed ── append
//! '---------------- are there --------------'- reserved -'            others: wait, read, go on
//! ```
//!
//! The thread that unpacks appends to a private file; whoever reads sees what is there, and waits
//! for more. How it ended is known when all is there.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::{env, io};

use crate::damage::ArchiveDamage;
use crate::error::{Error, Result};
use crate::source::mmap::{Appended, Appender, Change};
use crate::source::unpacked::Unpacked;

/// Bytes that come while they are read.
#[derive(Debug)]
pub(crate) struct Growing {
    shared: Arc<Shared>,
}

/// How the bytes ended.
#[derive(Debug)]
pub(crate) struct End {
    /// What they were unpacked from, and why there may be more in it.
    pub unpacked: Unpacked,
    /// Why the bytes are not all that could be had; as a damage, too.
    failure: Option<Error>,
}

#[derive(Debug)]
struct Shared {
    bytes: Arc<Appended>,
    end: OnceLock<End>,
    /// Whether nobody reads any more.
    abandoned: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, ()> {
        // It guards nothing that a panic could leave half done.
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait. What they wait for was stored before.
    fn tell(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }
}

impl Growing {
    /// No bytes yet; what is returned beside them feeds them, at most `most`. `what` names the
    /// archive in a damage, `path` where it is.
    ///
    /// # Errors
    /// [`Error::Io`] if there can be no temporary file.
    pub fn new(what: &'static str, path: &Path, most: u64) -> Result<(Growing, Feeding)> {
        let appender = Appender::new(most).map_err(|e| no_room(path, &e))?;
        let shared = Arc::new(Shared {
            bytes: appender.appended(),
            end: OnceLock::new(),
            abandoned: AtomicBool::new(false),
            lock: Mutex::new(()),
            changed: Condvar::new(),
        });
        let feed = Feed { appender, shared: Arc::clone(&shared) };
        let ending = Ending { what, path: path.to_owned(), shared: Arc::clone(&shared) };
        Ok((Growing { shared }, Feeding { feed, ending }))
    }

    /// What is there, as soon as that is `count` bytes or all; and how it ended, if it has.
    pub fn at_least(&self, count: usize) -> (&[u8], Option<&End>) {
        let ready = || {
            // First the end: behind it, the bytes are all.
            let end = self.shared.end.get();
            let bytes = self.shared.bytes.bytes();
            (end.is_some() || bytes.len() >= count).then_some((bytes, end))
        };
        if let Some(ready) = ready() {
            return ready;
        }
        let mut guard = self.shared.lock();
        loop {
            if let Some(ready) = ready() {
                return ready;
            }
            let waited = self.shared.changed.wait(guard);
            guard = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What has happened to the temporary file.
    pub fn change(&self) -> Option<Change> {
        self.shared.bytes.change()
    }

    /// Lets go of the pages of `range`, which come again where they are read again.
    pub fn release(&self, range: Range<usize>) {
        self.shared.bytes.release(range);
    }

    /// All bytes, when they are there.
    pub fn all(&self) -> &[u8] {
        self.at_least(usize::MAX).0
    }

    /// What they were unpacked from, when all are there.
    pub fn unpacked(&self) -> Option<&Unpacked> {
        self.at_least(usize::MAX).1.map(|end| &end.unpacked)
    }

    /// Waits for all bytes.
    ///
    /// # Errors
    /// Why they could not be had.
    pub fn whole(&self) -> Result<()> {
        let failure = self.at_least(usize::MAX).1.and_then(|end| end.failure.as_ref());
        failure.map_or(Ok(()), |error| Err(again(error)))
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // The thread that feeds is not waited for: it may be waiting itself, for a pipe that never ends.
        self.shared.abandoned.store(true, Ordering::Relaxed);
    }
}

/// The feeding of bytes that has not begun. Without it, they end.
#[derive(Debug)]
pub(crate) struct Feeding {
    feed: Feed,
    ending: Ending,
}

impl Feeding {
    /// Lets `unpack` feed the bytes. What it returns is how they end.
    pub fn run(self, unpack: impl FnOnce(Feed) -> Result<Unpacked>) {
        self.ending.end(unpack(self.feed));
    }
}

/// The end to which bytes are fed.
#[derive(Debug)]
pub(crate) struct Feed {
    appender: Appender,
    shared: Arc<Shared>,
}

impl Feed {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// What the system says of the temporary file.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.appender.append(bytes)?;
        self.shared.tell();
        Ok(())
    }

    /// Appends nothing more. That all bytes are there is known when the feeding thread ends.
    ///
    /// # Errors
    /// What the system says of the temporary file.
    pub fn finish(self) -> io::Result<()> {
        self.appender.finish()
    }

    /// Tells whether anybody still reads.
    pub fn readers(&self) -> Readers {
        Readers(Arc::clone(&self.shared))
    }
}

/// Whether anybody still reads.
#[derive(Debug)]
pub(crate) struct Readers(Arc<Shared>);

impl Readers {
    /// Whether all of them are gone.
    pub fn are_gone(&self) -> bool {
        self.0.abandoned.load(Ordering::Relaxed)
    }
}

/// Says how it ended, also where the thread panics.
#[derive(Debug)]
struct Ending {
    what: &'static str,
    path: PathBuf,
    shared: Arc<Shared>,
}

impl Ending {
    fn end(&self, result: Result<Unpacked>) {
        let end = match result {
            Ok(unpacked) => End { unpacked, failure: None },
            Err(error) => {
                let damage = ArchiveDamage { archive: self.what, why: error.to_string() };
                let unpacked = Unpacked { archive: None, damage: Some(damage) };
                End { unpacked, failure: Some(error) }
            }
        };
        // Whoever came first has said it.
        let _ = self.shared.end.set(end);
        self.shared.tell();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.shared.end.get().is_none() {
            let why = io::Error::other("unpacking it broke off");
            self.end(Err(Error::io(&self.path, why)));
        }
    }
}

/// What the system said of the temporary file, told by the folder that it is in.
pub(super) fn no_room(path: &Path, error: &io::Error) -> Error {
    let why = format!("{error}; it was to hold the plain bytes of {}", path.display());
    Error::io(env::temp_dir(), io::Error::new(error.kind(), why))
}

/// The same error once more: everyone who asks is told.
fn again(error: &Error) -> Error {
    match error {
        Error::Io { path, error } => {
            Error::io(path, io::Error::new(error.kind(), error.to_string()))
        }
        Error::Archive { path, archive, fault } => Error::archive(path, archive, (**fault).clone()),
        Error::NotALog { path, fault } => Error::not_a_log(path, (**fault).clone()),
        other => Error::LogSet(other.to_string()),
    }
}
