//! The temporary file for plain bytes, written by a thread of its own: unpacking and writing take
//! about as long, and neither has to wait for the other.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::source::private_file::private_file;

/// Bytes that are handed to the writer at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// How many buffers there are: one fills, one is written, and the rest evens that out.
const BUFFERS: usize = 4;

/// An unnamed file, which its owner alone may read (0600), as it fills.
#[derive(Debug)]
pub struct Filler {
    buffer: Vec<u8>,
    filled: usize,
    full: SyncSender<(Vec<u8>, usize)>,
    empty: Receiver<Vec<u8>>,
    writer: JoinHandle<io::Result<File>>,
}

impl Filler {
    /// Begins a file in the folder for temporary files.
    pub fn new() -> io::Result<Self> {
        let file = private_file()?;
        let (full, incoming) = sync_channel(BUFFERS);
        let (back, empty) = channel();
        for _ in 1..BUFFERS {
            // The other end is held here, so it is there.
            let _ = back.send(vec![0; BUFFER_BYTES]);
        }
        let writer = Builder::new().spawn(move || write(file, &incoming, &back))?;
        Ok(Filler { buffer: vec![0; BUFFER_BYTES], filled: 0, full, empty, writer })
    }

    /// Room for at most `count` bytes, and for one at least.
    pub fn room(&mut self, count: usize) -> &mut [u8] {
        let end = self.buffer.len().min(self.filled + count);
        &mut self.buffer[self.filled..end]
    }

    /// What was filled and not yet handed over. The first bytes of the file stand here until there
    /// are [`BUFFER_BYTES`] of them.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Takes the first `count` bytes of the room as the next of the file. If that fails, or
    /// [`Filler::finish`] says why, nothing more can be written.
    pub fn fill(&mut self, count: usize) -> Result<(), Broken> {
        self.filled = self.buffer.len().min(self.filled + count);
        if self.filled < self.buffer.len() {
            return Ok(());
        }
        let next = self.empty.recv().map_err(|_| Broken)?;
        let buffer = std::mem::replace(&mut self.buffer, next);
        self.full.send((buffer, std::mem::take(&mut self.filled))).map_err(|_| Broken)
    }

    /// Writes what is left, and gives the file, to be read from its start.
    pub fn finish(self) -> io::Result<File> {
        // Where the writer is gone, it says why itself.
        let _ = self.full.send((self.buffer, self.filled));
        drop(self.full);
        self.writer.join().unwrap_or_else(|_| Err(io::Error::other("its writer broke off")))
    }
}

/// The writer has ended before its time.
#[derive(Debug)]
pub struct Broken;

fn write(
    mut file: File,
    incoming: &Receiver<(Vec<u8>, usize)>,
    back: &Sender<Vec<u8>>,
) -> io::Result<File> {
    while let Ok((buffer, filled)) = incoming.recv() {
        file.write_all(&buffer[..filled])?;
        // Nobody takes it any more where all is handed over.
        let _ = back.send(buffer);
    }
    file.rewind()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_is_filled_stands_in_a_private_file() {
        let bytes: Vec<u8> = (0..3 * BUFFER_BYTES + 7).map(|n| (n % 251) as u8).collect();
        let mut filler = Filler::new().unwrap();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let room = filler.room(10_000);
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            filler.fill(count).unwrap();
            rest = &rest[count..];
        }
        let mut file = filler.finish().unwrap();
        let metadata = file.metadata().unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.nlink()), (0o600, 0));
        let mut read = vec![];
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn an_error_of_the_writer_is_told_at_the_end() {
        let mut filler = Filler::new().unwrap();
        let (full, incoming) = sync_channel(BUFFERS);
        let (back, empty) = channel();
        (0..BUFFERS).for_each(|_| back.send(vec![0; BUFFER_BYTES]).unwrap());
        // A file that may only be read.
        let file = File::open("/dev/null").unwrap();
        (filler.full, filler.empty) = (full, empty);
        filler.writer = std::thread::spawn(move || write(file, &incoming, &back));
        let broken = (0..2 * BUFFERS).any(|_| filler.fill(BUFFER_BYTES).is_err());
        assert!(broken && filler.finish().is_err());
    }
}
