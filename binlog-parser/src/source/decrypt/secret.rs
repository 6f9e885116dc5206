//! Bytes that must not be seen.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, Fault, Result};
use crate::limits;

/// A key, a password, or a file of them: overwritten when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Secret(Zeroizing::new(bytes))
    }

    /// The whole of a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::KeyFile`] if it is larger than any file of keys.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let mut bytes = Zeroizing::new(Vec::new());
        let limit = limits::KEY_FILE_BYTES;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
        if bytes.len() as u64 > limit {
            return Err(Error::key_file(path, Fault::limit("file of keys", limit, limit + 1)));
        }
        Ok(Secret(bytes))
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new(b"open sesame".to_vec())), "Secret");
    }
}
