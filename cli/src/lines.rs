//! Lines on their way out: written as they come, or gathered ahead of their turn.

use std::io::{self, Write};

use crate::args::output::Output;

/// A buffer of lines, and where they go if it is their turn already.
#[derive(Debug)]
pub struct Lines<'o> {
    /// What was written since the last [`Lines::pass`], and perhaps more.
    pub bytes: Vec<u8>,
    out: Option<&'o mut Output>,
}

/// What is written at a time.
const WRITE_BYTES: usize = 64 << 10;

/// What is gathered ahead at most, so that memory does not grow with what an event holds.
const AHEAD_BYTES: usize = 8 << 20;

impl<'o> Lines<'o> {
    /// Lines that are written to `out`.
    #[must_use]
    pub fn to(out: &'o mut Output) -> Self {
        Lines { bytes: vec![], out: Some(out) }
    }

    /// Lines that are gathered in `memory` ahead of their turn.
    #[must_use]
    pub fn ahead(mut memory: Vec<u8>) -> Self {
        memory.clear();
        Lines { bytes: memory, out: None }
    }

    /// Whether it is not the turn of these lines yet.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.out.is_none()
    }

    /// Called behind every line, and where a line is long, inside: writes what has come together.
    ///
    /// # Errors
    /// Where it cannot be written, or as [`wait`] where it is too much to be gathered ahead.
    pub fn pass(&mut self) -> io::Result<()> {
        match &self.out {
            Some(_) if self.bytes.len() >= WRITE_BYTES => self.flush(),
            None if self.bytes.len() > AHEAD_BYTES => Err(wait()),
            _ => Ok(()),
        }
    }

    /// Writes what there is.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(out) = &mut self.out {
            out.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

/// Ends work that has to wait for its turn.
#[must_use]
pub fn wait() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}
