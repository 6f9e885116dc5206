//! The plain bytes on their way to those who read them, written by a thread of their own: unpacking
//! and writing need a core each, and neither has to wait for the other.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::source::growing::Feed;

/// Bytes that are handed to the writer at a time, and from there to those who read: few enough for
/// all buffers to stay in a processor's cache, beside a decoder's window, and enough for a thread to
/// be worth waking.
const BUFFER_BYTES: usize = 256 << 10;

/// How many buffers there are: one fills, one is written, and the rest evens that out.
const BUFFERS: usize = 4;

/// Bytes as they are fed.
#[derive(Debug)]
pub struct Filler<'scope> {
    buffer: Vec<u8>,
    filled: usize,
    full: SyncSender<(Vec<u8>, usize)>,
    empty: Receiver<Vec<u8>>,
    writer: ScopedJoinHandle<'scope, io::Result<()>>,
}

impl<'scope> Filler<'scope> {
    /// Feeds `feed` from a thread of `scope`.
    pub fn new<'env>(scope: &'scope Scope<'scope, 'env>, feed: Feed) -> io::Result<Self> {
        let (full, incoming) = sync_channel(BUFFERS);
        let (back, empty) = channel();
        for _ in 1..BUFFERS {
            // The other end is held here, so it is there.
            let _ = back.send(vec![0; BUFFER_BYTES]);
        }
        let write = move || write(feed, &incoming, &back);
        let writer = Builder::new().name("spill".into()).spawn_scoped(scope, write)?;
        Ok(Filler { buffer: vec![0; BUFFER_BYTES], filled: 0, full, empty, writer })
    }

    /// Room for at most `count` bytes, and for one at least.
    pub fn room(&mut self, count: usize) -> &mut [u8] {
        let end = self.buffer.len().min(self.filled + count);
        &mut self.buffer[self.filled..end]
    }

    /// What was filled and not yet handed over. The first bytes of all stand here until there are
    /// [`BUFFER_BYTES`] of them.
    pub fn pending(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Takes the first `count` bytes of the room as the next of all. If that fails, or
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

    /// Writes what is left.
    pub fn finish(self) -> io::Result<()> {
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
    mut feed: Feed,
    incoming: &Receiver<(Vec<u8>, usize)>,
    back: &Sender<Vec<u8>>,
) -> io::Result<()> {
    while let Ok((buffer, filled)) = incoming.recv() {
        feed.append(&buffer[..filled])?;
        // Nobody takes it any more where all is handed over.
        let _ = back.send(buffer);
    }
    feed.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::source::growing::Growing;
    use crate::source::unpacked::Unpacked;
    use std::path::Path;
    use std::thread;

    /// What comes of filling in `bytes`, where there is room for `most`.
    fn fill(bytes: &[u8], most: u64) -> Growing {
        let (growing, feeding) = Growing::new("test", Path::new("test"), most).unwrap();
        feeding.run(|feed| {
            thread::scope(|scope| {
                let mut filler = Filler::new(scope, feed).unwrap();
                let mut rest = bytes;
                while !rest.is_empty() {
                    let room = filler.room(10_000);
                    let count = room.len().min(rest.len());
                    room[..count].copy_from_slice(&rest[..count]);
                    if filler.fill(count).is_err() {
                        break;
                    }
                    rest = &rest[count..];
                }
                filler.finish().map(|()| Unpacked::default()).map_err(|e| Error::io("spill", e))
            })
        });
        growing
    }

    #[test]
    fn what_is_filled_is_read() {
        let bytes: Vec<u8> = (0..3 * BUFFER_BYTES + 7).map(|n| (n % 251) as u8).collect();
        let growing = fill(&bytes, 1 << 30);
        assert!(growing.at_least(BUFFER_BYTES).0.starts_with(&bytes[..BUFFER_BYTES]));
        assert!(growing.all() == bytes);
        growing.whole().unwrap();
    }

    #[test]
    fn an_error_of_the_writer_is_told_at_the_end() {
        let bytes = vec![7; 3 * BUFFERS * BUFFER_BYTES];
        let growing = fill(&bytes, 2 * BUFFER_BYTES as u64);
        let had = format!("it has room for {} bytes", 2 * BUFFER_BYTES);
        for _ in 0..2 {
            let why = growing.whole().unwrap_err().to_string();
            assert_eq!(why, format!("spill: {had}"));
        }
        assert_eq!(growing.all(), &bytes[..2 * BUFFER_BYTES]);
        let damage = growing.unpacked().unwrap().damage.clone().unwrap();
        assert!(damage.to_string().contains(&had));
    }
}
