//! The packed bytes of an archive as they come in: looked ahead into, and counted.

use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are read first: enough to tell what it is, which is all that most are asked.
const FIRST_BYTES: usize = 4 << 10;

/// Bytes that are read at a time from then on.
const BUFFER_BYTES: usize = 256 << 10;

/// A buffered reader that can look further ahead than to the next byte.
#[derive(Debug)]
pub struct Packed<R> {
    input: R,
    buffer: Vec<u8>,
    /// What of `buffer` was read and not yet consumed.
    start: usize,
    end: usize,
    consumed: Arc<AtomicU64>,
}

/// A count of bytes that goes on.
#[derive(Debug)]
pub struct Consumed(Arc<AtomicU64>);

impl Consumed {
    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl<R: Read> Packed<R> {
    /// Reads `input` from where it stands.
    pub fn new(input: R) -> Self {
        Packed { input, buffer: vec![0; FIRST_BYTES], start: 0, end: 0, consumed: Arc::default() }
    }

    /// Goes on with `input`, of which these bytes were read.
    pub fn read_before(first: Vec<u8>, input: R) -> Self {
        let end = first.len();
        let mut buffer = first;
        buffer.resize(FIRST_BYTES.max(end), 0);
        Packed { input, buffer, start: 0, end, consumed: Arc::default() }
    }

    /// What was read from, behind all that was looked at.
    pub fn into_input(self) -> R {
        self.input
    }

    /// The count of the bytes that were consumed, which goes on while a decoder holds the reader.
    pub fn consumed(&self) -> Consumed {
        Consumed(Arc::clone(&self.consumed))
    }

    /// The next `count` bytes, fewer only at the end. At most [`FIRST_BYTES`] can be asked for.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.start > 0 && self.start + count > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < count && self.end < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let end = self.end.min(self.start + count);
        Ok(&self.buffer[self.start..end])
    }

    /// Leaves out the next `count` bytes.
    pub fn skip(&mut self, mut count: u64) -> io::Result<()> {
        while count > 0 {
            let had = self.fill_buf()?.len();
            if had == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let step = usize::try_from(count).unwrap_or(usize::MAX).min(had);
            self.consume(step);
            count -= step as u64;
        }
        Ok(())
    }

    /// Whether nothing but zeros comes, or nothing at all: tapes and blocks are filled up with them.
    pub fn is_padding(&mut self) -> io::Result<bool> {
        loop {
            let rest = self.fill_buf()?;
            let (count, zeros) = (rest.len(), rest.iter().all(|byte| *byte == 0));
            if count == 0 || !zeros {
                return Ok(zeros);
            }
            self.consume(count);
        }
    }
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let had = self.fill_buf()?;
        let count = had.len().min(out.len());
        out[..count].copy_from_slice(&had[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Packed<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.peek(1)?;
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.buffer.resize(BUFFER_BYTES, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a pipe may.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = out.len().min(1);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn looks_ahead_without_taking() {
        let mut packed = Packed::new(Drip(b"abcdef"));
        assert_eq!(packed.peek(4).unwrap(), b"abcd");
        let mut all = String::new();
        packed.skip(1).unwrap();
        packed.read_to_string(&mut all).unwrap();
        assert_eq!((all.as_str(), packed.consumed().get()), ("bcdef", 6));
        assert_eq!(packed.peek(4).unwrap(), b"");
        assert_eq!(packed.skip(1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn looks_ahead_over_the_end_of_its_buffer() {
        let end = FIRST_BYTES + BUFFER_BYTES;
        let bytes: Vec<u8> = (0..end + 10).map(|n| (n % 251) as u8).collect();
        for end in [FIRST_BYTES, end] {
            let mut packed = Packed::new(&bytes[..]);
            packed.skip(end as u64 - 3).unwrap();
            assert_eq!(packed.peek(6).unwrap(), &bytes[end - 3..end + 3]);
        }
    }

    #[test]
    fn zeros_and_nothing_are_padding() {
        let zeros = vec![0; 2 * BUFFER_BYTES];
        assert!(Packed::new(&b""[..]).is_padding().unwrap());
        assert!(Packed::new(&zeros[..]).is_padding().unwrap());
        assert!(!Packed::new(&[&zeros[..], b"x"].concat()[..]).is_padding().unwrap());
    }
}
