//! Both ends of a log, which tell it from thousands of others.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of either end that are read when a log is opened: as a rule its first two events are among
/// them, and its last.
pub(crate) const END_BYTES: usize = 1 << 10;

/// The first and the last bytes of a file, read and not mapped: thousands of logs can be put in order,
/// and their indexes be held against them, without a page of their maps. Either is empty if it was not
/// read.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Ends {
    /// Reads the last bytes of `file`, which has so many; `head` are its first.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File, bytes: u64, head: Vec<u8>) -> io::Result<Self> {
        let behind = bytes.saturating_sub(END_BYTES as u64);
        let mut tail = vec![0; (bytes - behind) as usize];
        match file.read_exact_at(&mut tail, behind) {
            Ok(()) => Ok(Ends { head, tail }),
            // It was cut since it was asked for its length: what is left of it the map tells.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Ends::default()),
            Err(error) => Err(error),
        }
    }

    /// Both ends of `all`, at most [`END_BYTES`] each: those that were read, if they are of that length.
    pub fn of_all<'a>(&'a self, all: &'a [u8]) -> [&'a [u8]; 2] {
        let [head, tail] = ends(all);
        let read = |read: &'a [u8], mapped: &'a [u8]| {
            if read.len() == mapped.len() { read } else { mapped }
        };
        [read(&self.head, head), read(&self.tail, tail)]
    }
}

/// Both ends of `all`, at most [`END_BYTES`] each.
pub(crate) fn ends(all: &[u8]) -> [&[u8]; 2] {
    let count = END_BYTES.min(all.len());
    [&all[..count], &all[all.len() - count..]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn both_ends_are_those_of_the_file_read_or_not() {
        for length in [0, 1, 1023, 1024, 1025, 2048, 5000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 3) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let first = bytes[..END_BYTES.min(length)].to_vec();
            let read = Ends::of(&file, length as u64, first.clone()).unwrap();
            let last = &bytes[length - first.len()..];
            for ends in [read, Ends::default()] {
                assert_eq!(ends.of_all(&bytes), [&first[..], last], "{length}");
            }
            // Longer than it is.
            let cut = Ends::of(&file, length as u64 + 7, vec![]).unwrap();
            assert_eq!(cut.of_all(&bytes), [&first[..], last]);
        }
    }
}
