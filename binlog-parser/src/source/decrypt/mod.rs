//! Logs that are encrypted, made plain.
//!
//! The plain log goes into an unnamed temporary file that only its owner can read and that is gone
//! with the process; it is mapped like any other log, so that everything above sees the stream
//! positions that the server shows.
//!
//! ```text
//! MySQL     fd 62 69 6e | header, 512 bytes | one stream: fe 62 69 6e, events
//! MariaDB   fe 62 69 6e | Format_desc | Start_encryption | event | event, each by itself
//! ```

mod aes;
mod event;
mod hex;
pub mod key_file;
pub mod keyring;
mod mariadb;
mod mysql;
mod secret;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::header::Family;
use crate::source::magic::ENCRYPTED_MAGIC;
use crate::source::mmap::MappedFile;
use crate::source::private_file;

use key_file::KeyFile;
use keyring::Keyring;

/// Bytes that are decrypted at once; a multiple of the cipher's block.
const CHUNK_BYTES: usize = 64 << 10;

/// The keys that are at hand. They appear in no output, also not in that of `Debug`.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    keyring: Option<Keyring>,
    key_file: Option<KeyFile>,
}

impl Keys {
    /// No keys: encrypted logs are refused, by the name of the key that they need.
    #[must_use]
    pub fn none() -> Self {
        Keys::default()
    }

    /// The same, with the keys of a MySQL keyring.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn with_keyring(mut self, path: &Path) -> Result<Self> {
        self.keyring = Some(Keyring::open(path)?);
        Ok(self)
    }

    /// The same, with the keys of a MariaDB key file, and the file with its password where it is
    /// itself encrypted.
    ///
    /// # Errors
    /// As [`KeyFile::open`].
    pub fn with_key_file(mut self, path: &Path, secret: Option<&Path>) -> Result<Self> {
        self.key_file = Some(KeyFile::open(path, secret)?);
        Ok(self)
    }
}

/// How a log was encrypted before it was made plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// Whose scheme it is.
    pub by: Family,
    /// Name of the key in the keyring, or its number in the key file.
    pub key_id: String,
    /// Version of the key, which MariaDB's logs name.
    pub key_version: Option<u32>,
    /// The cipher, as far as it is known: a MariaDB log without events does not tell its mode.
    pub cipher: String,
}

impl Encryption {
    /// The key, as a sentence names it.
    fn key(&self) -> String {
        match self.key_version {
            Some(version) => format!("key id {}, version {version}", self.key_id),
            None => format!("key {}", self.key_id),
        }
    }

    /// Why the log at `path` stays closed.
    fn error(&self, path: &Path, why: impl Into<String>) -> Error {
        let (by, key, why) = (self.by.name(), self.key(), why.into());
        Error::Encrypted { path: path.to_owned(), by, key, why }
    }
}

/// Makes a log plain if its first bytes, two whole events, say that it is encrypted; `all` gives the
/// whole of it.
///
/// # Errors
/// What `all` fails with; [`Error::Encrypted`] if the key is missing or another;
/// [`Error::NotALog`] or a located fault if the header of the encryption is broken; [`Error::Io`]
/// if there is no room for the plain log.
pub(super) fn plain<'a>(
    head: &[u8],
    all: impl FnOnce() -> Result<&'a [u8]>,
    path: &Path,
    name: &str,
    keys: &Keys,
) -> Result<Option<(MappedFile, Encryption)>> {
    if head.starts_with(&ENCRYPTED_MAGIC) {
        return mysql::decrypt(all()?, path, keys.keyring.as_ref()).map(Some);
    }
    let Some(start) = mariadb::start(head, name)? else { return Ok(None) };
    mariadb::decrypt(all()?, &start, path, keys.key_file.as_ref()).map(Some)
}

/// The file that a plain log is written to: open to its owner alone, and without a name.
fn plain_file(path: &Path) -> Result<BufWriter<File>> {
    let file = private_file::private_file().map_err(|e| no_room(path, e))?;
    Ok(BufWriter::with_capacity(CHUNK_BYTES, file))
}

fn map(mut out: BufWriter<File>, path: &Path) -> Result<MappedFile> {
    out.flush().map_err(|e| no_room(path, e))?;
    MappedFile::new(out.get_ref(), path)
}

/// An error of the temporary file, which has no name of its own.
fn no_room(path: &Path, error: std::io::Error) -> Error {
    let text = format!("writing the plain log to {}: {error}", std::env::temp_dir().display());
    Error::io(path, std::io::Error::new(error.kind(), text))
}
