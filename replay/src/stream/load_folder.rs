//! The folder for the files of LOAD DATA statements: the stream's own, and nobody else's to read.
//!
//! The client reads the files while it works through the stream, long after we are done, so they
//! stay when all went well; where the folder is, the manifest says. When the stream could not be
//! written, nothing of it stays.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// How often another name is tried, where a folder of a random name is there already.
const TRIES: usize = 16;

/// Makes the folder when the first file needs it.
#[derive(Debug)]
pub(super) struct LoadFolder {
    /// The folder that was asked for.
    wanted: Option<PathBuf>,
    made: Mutex<Option<Made>>,
}

/// The folder, once it is there.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    /// Its path as the stream names it.
    text: String,
    files: BTreeSet<String>,
}

impl LoadFolder {
    /// A folder at `wanted`, or else one of a random name among the machine's temporary files.
    ///
    /// # Errors
    /// [`Error::Usage`] if something is at `wanted` already, or its path is one that a client could
    /// misread.
    pub fn new(wanted: Option<&Path>) -> Result<Self> {
        if let Some(path) = wanted {
            if fs::symlink_metadata(path).is_ok() {
                let path = path.display();
                return Err(Error::Usage(format!("{path}: needed a folder that is not there yet")));
            }
            absolute(path)?;
        }
        Ok(LoadFolder { wanted: wanted.map(Path::to_owned), made: Mutex::new(None) })
    }

    /// Writes a file of this name and returns its path.
    ///
    /// # Errors
    /// What the system says, and what [`LoadFolder::new`] would have refused.
    pub fn write(&self, name: &str, blocks: &[&[u8]]) -> Result<String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match &mut *made {
            Some(made) => made,
            none => none.insert(self.make()?),
        };
        let text = format!("{}/{name}", made.text);
        if made.files.contains(name) {
            // A piece that was too large to be kept is written once more.
            return Ok(text);
        }
        let path = made.path.join(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        made.files.insert(name.to_owned());
        for block in blocks {
            file.write_all(block)?;
        }
        Ok(text)
    }

    fn make(&self) -> Result<Made> {
        let path = match &self.wanted {
            Some(path) => {
                private(path)?;
                path.clone()
            }
            None => make_random(&std::env::temp_dir())?,
        };
        Ok(Made { text: absolute(&path)?, path, files: BTreeSet::new() })
    }

    /// Keeps the files that the stream names, and removes those that were written ahead for a part
    /// of the logs that it does not reach. Returns where the folder is, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn keep(self, named: &BTreeSet<String>) -> Result<Option<PathBuf>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(made) = made else { return Ok(None) };
        for file in made.files.difference(named) {
            fs::remove_file(made.path.join(file))?;
        }
        if named.is_empty() {
            fs::remove_dir(&made.path)?;
            return Ok(None);
        }
        Ok(Some(made.path))
    }
}

impl Drop for LoadFolder {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(made) = made {
            // Only what is ours: a folder that somebody else has put a file into stays.
            for file in &made.files {
                let _ = fs::remove_file(made.path.join(file));
            }
            let _ = fs::remove_dir(&made.path);
        }
    }
}

fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Makes a folder of a name that nobody can foresee.
fn make_random(parent: &Path) -> Result<PathBuf> {
    let mut last = None;
    for _ in 0..TRIES {
        let path = parent.join(format!("binlog-load-{:016x}", random()));
        match private(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(last.unwrap_or_else(|| ErrorKind::AlreadyExists.into()).into())
}

/// A number that differs from run to run: the standard library seeds its maps from the system.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    RandomState::new().build_hasher().finish()
}

/// The whole path, as it can stand in a statement.
fn absolute(path: &Path) -> Result<String> {
    let whole = std::path::absolute(path)?;
    match whole.to_str().filter(|text| is_inert(text)) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::Usage(format!(
            "{}: needed a folder whose path is made of ASCII letters, digits, spaces and -_.,:@+=~/",
            whole.display()
        ))),
    }
}

/// Whether neither a client nor a server can take any of a path's characters for more than itself.
pub(super) fn is_inert(path: &str) -> bool {
    path.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_.,:@+=~/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_private_and_kept_where_they_are_named() {
        let parent = tempfile::tempdir().unwrap();
        let wanted = parent.path().join("load");
        let folder = LoadFolder::new(Some(&wanted)).unwrap();
        let path = folder.write("1-4", &[b"a\n", b"b\n"]).unwrap();
        folder.write("1-9", &[b"ahead"]).unwrap();
        assert_eq!(path, format!("{}/1-4", wanted.display()));
        assert_eq!((mode(&wanted), mode(Path::new(&path))), (0o700, 0o600));
        assert_eq!(folder.keep(&BTreeSet::from(["1-4".to_owned()])).unwrap(), Some(wanted.clone()));
        assert_eq!(fs::read(&path).unwrap(), b"a\nb\n");
        assert_eq!(fs::read_dir(&wanted).unwrap().count(), 1);
        assert!(LoadFolder::new(Some(&wanted)).is_err());
    }

    #[test]
    fn nothing_stays_of_a_stream_that_failed() {
        let parent = tempfile::tempdir().unwrap();
        let wanted = parent.path().join("load");
        let folder = LoadFolder::new(Some(&wanted)).unwrap();
        folder.write("1-4", &[b"a"]).unwrap();
        drop(folder);
        assert!(!wanted.exists());
        let random = LoadFolder::new(None).unwrap();
        let path = random.write("1-4", &[b"a"]).unwrap();
        assert!(Path::new(&path).exists());
        drop(random);
        assert!(!Path::new(&path).parent().unwrap().exists());
    }

    #[test]
    fn a_path_that_a_client_could_misread_is_refused() {
        for path in ["it's", "a\nb", "a\\b", "ä", "`", "a\"b", "a;b"] {
            assert!(LoadFolder::new(Some(Path::new(path))).is_err(), "{path}");
        }
    }
}
