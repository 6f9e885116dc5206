//! The bytes of a file, mapped: the one room with unsafe code in it.
#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Advice, Mmap};

use crate::error::{Error, Result};

/// A file mapped read-only and privately. Nothing is copied; pages come as they are read.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<Mmap>,
}

impl MappedFile {
    /// Maps the whole of `file`, which `path` names in errors.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be mapped.
    pub fn new(file: &File, path: &Path) -> Result<Self> {
        let length = file.metadata().map_err(|e| Error::io(path, e))?.len();
        if length == 0 {
            // mmap(2) refuses a length of zero.
            return Ok(MappedFile { map: None });
        }
        // SAFETY: the map is private and read-only, so nothing here writes through it, and the
        // slice is only ever read as bytes, for which every bit pattern is valid. What remains is
        // a file that is cut while it is mapped: servers only append to a log and unlink it whole,
        // and neither touches pages that are mapped already.
        let map = unsafe { Mmap::map(file) }.map_err(|e| Error::io(path, e))?;
        // Logs are read from front to back; a system that does not take the advice reads as well.
        let _ = map.advise(Advice::Sequential);
        Ok(MappedFile { map: Some(map) })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}
