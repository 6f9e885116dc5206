//! A folder of results that appears whole or not at all.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::exit::{Failure, Outcome};

/// A folder under a temporary name beside its place; dropped before [`Folder::finish`], it is gone.
/// Its owner alone may look into it (0700).
#[derive(Debug)]
pub struct Folder {
    beside: TempDir,
    path: PathBuf,
}

impl Folder {
    /// Begins the folder at `path`. With `force`, one that stands there may be replaced, if it holds
    /// nothing but files whose names are `ours`.
    ///
    /// # Errors
    /// [`crate::exit::Exit::Refused`] if something stands there that must stay; an I/O error if
    /// nothing can be written beside it.
    pub fn begin(path: &Path, force: bool, ours: impl Fn(&str) -> bool) -> Outcome<Self> {
        check(path, force, ours)?;
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let beside = tempfile::Builder::new()
            .prefix(".binlog-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .with_context(|| format!("{}: cannot write here", parent.display()))?;
        Ok(Folder { beside, path: path.to_owned() })
    }

    /// Begins a file in the folder; its owner alone may read it (0600).
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn file(&self, name: &str) -> io::Result<BufWriter<File>> {
        let path = self.beside.path().join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(BufWriter::with_capacity(256 << 10, file))
    }

    /// Removes a file from the folder again.
    ///
    /// # Errors
    /// Where it cannot be removed.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.beside.path().join(name))
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// Where something has taken the name meanwhile.
    pub fn finish(self) -> Outcome<()> {
        let shown = self.path.display().to_string();
        if self.path.is_dir() {
            // Only one that `begin` has looked into: of anything else, this removes nothing.
            for entry in fs::read_dir(&self.path).with_context(|| shown.clone())? {
                fs::remove_file(entry?.path()).with_context(|| shown.clone())?;
            }
        }
        fs::rename(self.beside.path(), &self.path).with_context(|| shown)?;
        // It is in its place now, and nothing is left to be removed.
        let _ = self.beside.keep();
        Ok(())
    }
}

fn check(path: &Path, force: bool, ours: impl Fn(&str) -> bool) -> Outcome<()> {
    let shown = path.display();
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e).with_context(|| shown.to_string()).map_err(Failure::from),
    };
    if !meta.is_dir() {
        return Err(Failure::refused(format!("{shown}: exists, and is no folder"))
            .hint("choose another --output"));
    }
    for entry in fs::read_dir(path).with_context(|| shown.to_string())? {
        let name = entry?.file_name();
        if !name.to_str().is_some_and(&ours) {
            let name = name.to_string_lossy();
            return Err(Failure::refused(format!("{shown}: exists, and holds {name}"))
                .hint("choose another --output: only a folder of an earlier run is replaced"));
        }
    }
    if !force {
        return Err(Failure::refused(format!("{shown}: exists already"))
            .hint("choose another --output, or add --force to replace it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::io::Write;

    fn write(folder: &Folder, name: &str, text: &str) {
        folder.file(name).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn a_folder_appears_whole_and_private_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("rescue");
        let folder = Folder::begin(&path, false, |name| name == "a").unwrap();
        write(&folder, "a", "1");
        drop(folder);
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);

        let folder = Folder::begin(&path, false, |name| name == "a").unwrap();
        write(&folder, "a", "1");
        folder.finish().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("a"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }

    #[test]
    fn only_an_earlier_result_is_replaced_and_only_when_asked() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("rescue");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), "old").unwrap();
        let refused = |force| Folder::begin(&path, force, |name| name == "a").unwrap_err().exit;
        assert_eq!(refused(false), Exit::Refused);
        let folder = Folder::begin(&path, true, |name| name == "a").unwrap();
        write(&folder, "a", "new");
        folder.finish().unwrap();
        assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "new");
        fs::write(path.join("mine"), "keep").unwrap();
        assert_eq!(refused(true), Exit::Refused);
        assert!(path.join("mine").exists());
    }
}
