//! The bytes of a file, mapped: the one room with unsafe code in it.
//!
//! A file may be cut, or its disk fail, while it is mapped. The system answers a read of such a page
//! with SIGBUS, which would end the process without a word. Here that page reads as zeros from then
//! on, which no event is made of, and [`MappedFile::change`] tells what has happened; a walk asks it
//! now and then and makes it a damage by name.
#![allow(unsafe_code)]

mod ahead;
mod appended;
mod walked;

use std::fs::{File, Metadata};
use std::ops::{Deref, Range};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

use crate::error::{Error, Result};

pub(crate) use ahead::ask_for;
pub(crate) use appended::{Appended, Appender};
use walked::Walked;

/// A file mapped read-only and privately. Nothing is copied; pages come as they are read.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<(Mmap, &'static guard::Range)>,
    walked: Walked,
    path: PathBuf,
    /// Device and number by which the file is known again, whatever its path names by then.
    identity: (u64, u64),
}

/// Bytes from which on a file is worth the advice to read ahead.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// What happened to a file while it was mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is shorter than it was; its length now, in bytes.
    Cut(u64),
    /// Its disk did not give the page at this offset.
    Unread(u64),
}

impl MappedFile {
    /// Maps the whole of `file`, which `path` names in errors.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be mapped.
    pub fn new(file: &File, path: &Path) -> Result<Self> {
        let metadata = file.metadata().map_err(|e| Error::io(path, e))?;
        MappedFile::of(file, &metadata, path)
    }

    /// The same where it is known what the system says of `file`.
    ///
    /// # Errors
    /// As [`MappedFile::new`].
    pub fn of(file: &File, metadata: &Metadata, path: &Path) -> Result<Self> {
        let (path, identity) = (path.to_owned(), identity(metadata));
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if length == 0 {
            // mmap(2) refuses a length of zero.
            return Ok(MappedFile { map: None, walked: Walked::default(), path, identity });
        }
        // SAFETY: the map is private and read-only, so nothing here writes through it, and the
        // slice is only ever read as bytes, for which every bit pattern is valid. What remains is
        // a file that changes while it is mapped. Servers only append to a log, or unlink it whole,
        // and neither touches pages that are mapped already; a page that is cut off reads as zeros
        // by the guard below. Bytes that another program writes over under our eyes are seen as
        // they come: whatever is decided by a length is decided by the copy that was read once.
        let map = unsafe { MmapOptions::new().len(length).map(file) };
        let map = map.map_err(|e| Error::io(&path, e))?;
        if length >= READ_AHEAD_BYTES {
            // Logs are read from front to back; a system that does not take the advice reads as well.
            let _ = map.advise(Advice::Sequential);
        }
        let range = guard::watch(map.as_ptr(), map.len()).map_err(|e| Error::io(&path, e))?;
        Ok(MappedFile { map: Some((map, range)), walked: Walked::default(), path, identity })
    }

    /// What has happened to the file since it was mapped, as far as it was noticed: that it is
    /// shorter at this moment, or that a page could not be had.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let (map, range) = self.map.as_ref()?;
        let now = std::fs::metadata(&self.path).ok().filter(|now| identity(now) == self.identity);
        let cut = now.map(|now| now.len()).filter(|now| *now < map.len() as u64);
        cut.map(Change::Cut).or_else(|| range.unread().map(Change::Unread))
    }

    /// Takes in that `range` was walked over, and lets go of the pages of which all that is near was:
    /// what was read does not stay in memory for as long as the log is open. Whoever reads them again
    /// gets them again.
    pub fn release(&self, range: Range<usize>) {
        let Some((map, _)) = &self.map else { return };
        for block in self.walked.add(range, map.len()) {
            // SAFETY: nobody writes through the map, so that a page that comes again has the bytes
            // that the file has, as it had when it came first; one that the guard put there has
            // zeros either way.
            let _ = unsafe {
                map.unchecked_advise_range(UncheckedAdvice::DontNeed, block.start, block.len())
            };
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |(map, _)| map)
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        // Before the pages themselves go, and their addresses to somebody else.
        if let Some((_, range)) = &self.map {
            range.release();
        }
    }
}

/// The handler of SIGBUS, and the ranges that it answers for.
///
/// The list only grows, and its members are never freed, so that the handler can walk it at any
/// moment; ranges that are released are used again.
mod guard {
    use std::ffi::{c_int, c_void};
    use std::io;
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    use std::sync::{Mutex, OnceLock, PoisonError};

    /// Addresses of one map.
    #[derive(Debug)]
    pub struct Range {
        /// Address of the first byte; 0 if the range is free.
        start: AtomicUsize,
        /// Bytes of it.
        length: AtomicUsize,
        /// Offset of the first page that could not be read; [`NONE`] so far.
        unread: AtomicUsize,
        next: Option<&'static Range>,
    }

    const NONE: usize = usize::MAX;

    static RANGES: AtomicPtr<Range> = AtomicPtr::new(ptr::null_mut());
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    /// What was installed before; an error if the handler could not be installed.
    static BEFORE: OnceLock<Result<libc::sigaction, i32>> = OnceLock::new();
    /// How many of the ranges are free.
    static FREE: AtomicUsize = AtomicUsize::new(0);
    /// Held by whoever changes the list.
    static CHANGING: Mutex<()> = Mutex::new(());

    impl Range {
        /// Offset of the first page that could not be read.
        pub fn unread(&self) -> Option<u64> {
            let offset = self.unread.load(Ordering::Acquire);
            (offset != NONE).then_some(offset as u64)
        }

        /// Lets go of the addresses.
        pub fn release(&self) {
            self.start.store(0, Ordering::Release);
            FREE.fetch_add(1, Ordering::AcqRel);
        }

        fn set(&self, start: usize, length: usize) {
            self.unread.store(NONE, Ordering::Relaxed);
            self.length.store(length, Ordering::Relaxed);
            self.start.store(start, Ordering::Release);
        }
    }

    /// All ranges, the latest first.
    fn ranges() -> impl Iterator<Item = &'static Range> {
        // SAFETY: the pointer is null or was leaked by `watch`, and what is leaked is never freed.
        let first = unsafe { RANGES.load(Ordering::Acquire).as_ref() };
        std::iter::successors(first, |range| range.next)
    }

    /// Answers for the pages of the map at `map` until they are released.
    ///
    /// # Errors
    /// What the system says to a handler of SIGBUS.
    pub fn watch(map: *const u8, length: usize) -> io::Result<&'static Range> {
        let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(code) = BEFORE.get_or_init(install) {
            return Err(io::Error::from_raw_os_error(*code));
        }
        let start = map as usize;
        // Of thousands of maps none is looked through where none is free.
        if FREE.load(Ordering::Acquire) > 0
            && let Some(free) = ranges().find(|range| range.start.load(Ordering::Acquire) == 0)
        {
            FREE.fetch_sub(1, Ordering::AcqRel);
            free.set(start, length);
            return Ok(free);
        }
        let range: &'static Range = Box::leak(Box::new(Range {
            start: AtomicUsize::new(start),
            length: AtomicUsize::new(length),
            unread: AtomicUsize::new(NONE),
            next: ranges().next(),
        }));
        RANGES.store(ptr::from_ref(range).cast_mut(), Ordering::Release);
        Ok(range)
    }

    /// Installs the handler, and gives what was there before.
    fn install() -> Result<libc::sigaction, i32> {
        let failed = || io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL);
        // SAFETY: sysconf only reads.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE.store(usize::try_from(page).map_err(|_| failed())?, Ordering::Release);
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a sigaction of zeros is a valid one (the default action, an empty mask), and both
        // pointers are to live ones. The handler does what a handler may: it loads and stores
        // atomics, and makes a system call.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_sigbus;
            action.sa_sigaction = handler as usize;
            // On the stack that threads have for signals, as the standard library's own handler.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if libc::sigaction(libc::SIGBUS, &action, before.as_mut_ptr()) != 0 {
                return Err(failed());
            }
            Ok(before.assume_init())
        }
    }

    extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the system gives a valid siginfo to a handler that asked for it.
        let address = unsafe { (*info).si_addr() } as usize;
        if cover(address) {
            return;
        }
        // Not ours: whoever was there before decides, and by default that is the end.
        if let Some(Ok(before)) = BEFORE.get() {
            // SAFETY: what was installed is called in the form that its flags tell, or installed
            // again, whereupon the read that brought us here meets it.
            unsafe {
                match before.sa_sigaction {
                    libc::SIG_DFL | libc::SIG_IGN => {
                        libc::sigaction(signal, before, ptr::null_mut());
                    }
                    handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                            std::mem::transmute(handler);
                        handler(signal, info, context);
                    }
                    handler => {
                        let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                        handler(signal);
                    }
                }
            }
        }
    }

    /// Puts a page of zeros where `address` is, if it is one of ours.
    fn cover(address: usize) -> bool {
        let page = PAGE.load(Ordering::Acquire);
        let ours = ranges().find_map(|range| {
            let start = range.start.load(Ordering::Acquire);
            let inside = address.checked_sub(start).filter(|_| start != 0)?;
            // The last page belongs to the map to its end.
            (inside < range.length.load(Ordering::Relaxed).next_multiple_of(page))
                .then_some((range, inside - inside % page))
        });
        let Some((range, offset)) = ours else { return false };
        let at = (address - address % page) as *mut c_void;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: the page lies in a map of ours, which is read-only and lives as long as its range
        // is not released: it is replaced by another that can be read and that nobody can write to.
        let covered = unsafe { libc::mmap(at, page, libc::PROT_READ, flags, -1, 0) };
        if covered == libc::MAP_FAILED {
            return false;
        }
        range.unread.fetch_min(offset, Ordering::AcqRel);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    /// A file of `length` ones, mapped.
    fn mapped(length: usize) -> (tempfile::NamedTempFile, MappedFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![1; length]).unwrap();
        let map = MappedFile::new(file.as_file(), file.path()).unwrap();
        (file, map)
    }

    #[test]
    fn a_file_that_is_cut_reads_as_zeros_and_says_so() {
        let (file, map) = mapped(300_000);
        assert_eq!((map[299_999], map.change()), (1, None));
        file.as_file().set_len(100_000).unwrap();
        assert_eq!(map.change(), Some(Change::Cut(100_000)));
        assert_eq!((map[99_999], map[100_000], map[299_999]), (1, 0, 0));
        let sum: u64 = map.iter().map(|byte| u64::from(*byte)).sum();
        assert_eq!(sum, 100_000);
    }

    #[test]
    fn a_file_that_is_cut_and_grown_again_has_lost_pages() {
        let (file, map) = mapped(300_000);
        file.as_file().set_len(0).unwrap();
        assert_eq!(map[200_000], 0);
        file.as_file().set_len(300_000).unwrap();
        let page = 200_000 / 4096 * 4096;
        assert!(matches!(map.change(), Some(Change::Unread(at)) if at <= 200_000 && at >= page));
    }

    #[test]
    fn a_file_that_is_replaced_or_removed_stays_what_it_was() {
        let (file, map) = mapped(10_000);
        let path = file.path().to_owned();
        fs::remove_file(&path).unwrap();
        assert_eq!((map[9_999], map.change()), (1, None));
        fs::write(&path, b"shorter").unwrap();
        assert_eq!((map[9_999], map.change()), (1, None));
    }

    #[test]
    fn pages_that_were_let_go_come_again() {
        let (file, map) = mapped(300_000);
        for range in [0..300_000, 5_000..100_000, 299_999..usize::MAX, 7..7, 400_000..500_000] {
            map.release(range);
            assert!(map.iter().all(|byte| *byte == 1));
        }
        file.as_file().set_len(100_000).unwrap();
        assert_eq!(map[200_000], 0);
        map.release(0..300_000);
        assert_eq!((map[99_999], map[200_000]), (1, 0));
    }

    #[test]
    fn many_maps_come_and_go() {
        let maps: Vec<_> = (1..50).map(|length| mapped(length * 1000)).collect();
        for (file, map) in &maps {
            file.as_file().set_len(0).unwrap();
            assert!(map.iter().all(|byte| *byte == 0));
        }
        drop(maps);
        let (_file, map) = mapped(5_000);
        assert_eq!((map[4_999], map.change()), (1, None));
    }
}
