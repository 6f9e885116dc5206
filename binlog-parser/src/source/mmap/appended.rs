//! A file of this process alone that is mapped before it is written, and read while it is.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};

use super::{Change, guard};
use crate::source::private_file::private_file;

/// A private file that is read while it is written. What was appended stays where it is.
#[derive(Debug)]
pub(crate) struct Appended {
    map: OnceLock<Reserved>,
    /// Bytes that are in the file and in the map.
    length: AtomicUsize,
}

/// A map that reaches further than its file does yet.
#[derive(Debug)]
struct Reserved {
    map: MmapRaw,
    range: &'static guard::Range,
}

impl Reserved {
    /// Maps the first `most` bytes of a file.
    fn new(file: &File, most: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(most).map_raw_read_only(file)?;
        let _ = map.advise(Advice::Sequential);
        let range = guard::watch(map.as_ptr(), map.len())?;
        Ok(Reserved { map, range })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // Before the pages themselves go, and their addresses to somebody else.
        self.range.release();
    }
}

impl Appended {
    /// What was appended so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        let length = self.length.load(Ordering::Acquire);
        let Some(reserved) = self.map.get() else { return &[] };
        // SAFETY: the map is of a file that has no name and that only its `Appender` has, who has
        // written `length` bytes to its start and never writes there again, nor cuts it: the bytes
        // exist, and do not change as long as the map is borrowed. `length` is never set beyond the
        // map's own.
        unsafe { slice::from_raw_parts(reserved.map.as_ptr(), length) }
    }

    /// What has happened to the file, as far as it was noticed: a page that its disk did not give
    /// back.
    pub(crate) fn change(&self) -> Option<Change> {
        self.map.get()?.range.unread().map(Change::Unread)
    }

    /// Lets go of the pages of `range`, as [`MappedFile::release`](super::MappedFile::release) does.
    pub(crate) fn release(&self, range: Range<usize>) {
        let Some(reserved) = self.map.get() else { return };
        let range = range.start..range.end.min(self.length.load(Ordering::Acquire));
        if !range.is_empty() {
            // SAFETY: nobody writes through the map, and its file has what was appended, so that a
            // page comes again as it was.
            let _ = unsafe {
                let map = &reserved.map;
                map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len())
            };
        }
    }
}

/// The one who writes an [`Appended`] file.
#[derive(Debug)]
pub(crate) struct Appender {
    file: File,
    length: usize,
    /// Up to where the disk has been asked for room.
    prepared: usize,
    appended: Arc<Appended>,
}

/// How far ahead the disk is asked for room, in bytes: as much as is there already, between these.
const AHEAD: (usize, usize) = (1 << 20, 64 << 20);

impl Appender {
    /// Begins a file in the folder for temporary files, and reserves addresses for as many bytes as
    /// it may get. Where the system does not give them, the bytes can be read when all are there.
    ///
    /// # Errors
    /// What the system says of the file.
    pub(crate) fn new(most: u64) -> io::Result<Self> {
        let file = private_file()?;
        let appended = Appended { map: OnceLock::new(), length: AtomicUsize::new(0) };
        if let Some(map) =
            usize::try_from(most).ok().and_then(|most| Reserved::new(&file, most).ok())
        {
            let _ = appended.map.set(map);
        }
        Ok(Appender { file, length: 0, prepared: 0, appended: Arc::new(appended) })
    }

    /// The reader's end.
    pub(crate) fn appended(&self) -> Arc<Appended> {
        Arc::clone(&self.appended)
    }

    /// Appends `bytes`, which can be read from then on.
    ///
    /// # Errors
    /// What the system says; more bytes than were reserved.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = self.length.saturating_add(bytes.len());
        let reserved = self.appended.map.get().map(|map| map.map.len());
        if let Some(most) = reserved.filter(|most| *most < length) {
            let why = format!("it has room for {most} bytes");
            return Err(io::Error::new(ErrorKind::FileTooLarge, why));
        }
        self.prepare(length);
        self.file.write_all(bytes)?;
        self.length = length;
        if reserved.is_some() {
            self.appended.length.store(length, Ordering::Release);
        }
        Ok(())
    }

    /// Has the disk find room for `length` bytes and some more at once: a write that has to find its
    /// own for every page takes twice the time.
    fn prepare(&mut self, length: usize) {
        if length <= self.prepared {
            return;
        }
        let end = length.saturating_add(self.length.clamp(AHEAD.0, AHEAD.1));
        // Where it cannot be had, or not in this way, the writes tell.
        self.prepared = if allocate(&self.file, self.prepared..end) { end } else { usize::MAX };
    }

    /// Ends the file. All of it can be read from then on.
    ///
    /// # Errors
    /// What the system says where it did not reserve addresses, and has none now.
    pub(crate) fn finish(self) -> io::Result<()> {
        if self.length > 0 && self.appended.map.get().is_none() {
            let _ = self.appended.map.set(Reserved::new(&self.file, self.length)?);
            self.appended.length.store(self.length, Ordering::Release);
        }
        Ok(())
    }
}

/// Whether the disk has room for these bytes of the file, whose length stays what it is.
#[cfg(target_os = "linux")]
fn allocate(file: &File, range: Range<usize>) -> bool {
    let (Ok(start), Ok(length)) = (range.start.try_into(), range.len().try_into()) else {
        return false;
    };
    // SAFETY: the descriptor is open as long as the file is borrowed, and no memory is touched.
    unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, start, length) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _range: Range<usize>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_is_appended_is_read_at_once_and_stays() {
        let mut appender = Appender::new(1 << 40).unwrap();
        let metadata = appender.file.metadata().unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.nlink(), metadata.len()), (0o600, 0, 0));
        let appended = appender.appended();
        let first = appended.bytes();
        appender.append(b"abc").unwrap();
        let second = appended.bytes();
        let rest: Vec<u8> = (0..10_000).map(|n| (n % 251) as u8).collect();
        appender.append(&rest).unwrap();
        assert_eq!((first, second), (&b""[..], &b"abc"[..]));
        appended.release(0..5_000);
        appender.finish().unwrap();
        appended.release(4_000..usize::MAX);
        assert!(appended.bytes() == [b"abc", &rest[..]].concat());
    }

    #[test]
    fn what_was_not_reserved_is_refused_or_read_in_the_end() {
        let mut appender = Appender::new(5).unwrap();
        appender.append(b"abc").unwrap();
        assert_eq!(appender.append(b"def").unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(appender.appended().bytes(), b"abc");
        // No system has so many addresses.
        let mut appender = Appender::new(u64::MAX / 2).unwrap();
        let appended = appender.appended();
        appender.append(b"abc").unwrap();
        assert_eq!(appended.bytes(), b"");
        appender.finish().unwrap();
        assert_eq!(appended.bytes(), b"abc");
        let empty = Appender::new(u64::MAX / 2).unwrap();
        let appended = empty.appended();
        empty.finish().unwrap();
        assert_eq!(appended.bytes(), b"");
    }
}
