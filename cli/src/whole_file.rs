//! A file that appears whole or not at all. While it is written it has no name, where its file system
//! has such files: whatever ends the program then, nothing stays behind.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat};
use rustix::io::Errno;
use tempfile::{Builder, NamedTempFile};

/// A file under way, in the folder of its place; its owner alone may read it.
#[derive(Debug)]
pub struct WholeFile {
    file: Way,
    path: PathBuf,
}

#[derive(Debug)]
enum Way {
    Nameless(File),
    /// Under a name for the time being, which goes with it.
    Named(NamedTempFile),
}

impl WholeFile {
    /// Begins a file that is to stand at `path`.
    ///
    /// # Errors
    /// Where nothing can be written in the folder.
    pub fn new(path: &Path) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = match openat(CWD, folder(path), flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Way::Nameless(file.into()),
            // What file systems and kernels say that have no such files.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                Way::Named(names().tempfile_in(folder(path))?)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(WholeFile { file, path: path.to_owned() })
    }

    /// The file, to set what it is beside its bytes.
    pub fn as_file(&self) -> &File {
        match &self.file {
            Way::Nameless(file) => file,
            Way::Named(file) => file.as_file(),
        }
    }

    /// Gives the file its place, in which one that stands there is replaced if `replace` says so.
    ///
    /// # Errors
    /// What the system says; of a place that is taken, [`io::ErrorKind::AlreadyExists`].
    pub fn finish(self, replace: bool) -> io::Result<()> {
        let WholeFile { file, path } = self;
        let named = match file {
            Way::Named(file) => file.into_temp_path(),
            Way::Nameless(file) if replace => {
                let link = |name: &Path| link(&file, name);
                names().make_in(folder(&path), link)?.into_temp_path()
            }
            Way::Nameless(file) => return link(&file, &path),
        };
        let kept = if replace { named.persist(path) } else { named.persist_noclobber(path) };
        kept.map_err(|e| e.error)
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The folder of a path.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Names for the time being.
fn names() -> Builder<'static, 'static> {
    let mut names = Builder::new();
    names.prefix(".binlog-");
    names
}

/// Gives a file without a name one that nothing has.
fn link(mut file: &File, name: &Path) -> io::Result<()> {
    let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
    if Path::new(&nameless).exists() {
        return Ok(linkat(CWD, &nameless, CWD, name, AtFlags::SYMLINK_FOLLOW)?);
    }
    // Without /proc a file cannot be named behind its back.
    let mut copy = names().tempfile_in(folder(name))?;
    file.rewind()?;
    io::copy(&mut file, &mut copy)?;
    copy.as_file().set_permissions(file.metadata()?.permissions())?;
    copy.persist_noclobber(name).map_err(|e| e.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn named(path: &Path) -> io::Result<WholeFile> {
        let file = Way::Named(names().tempfile_in(folder(path))?);
        Ok(WholeFile { file, path: path.to_owned() })
    }

    /// Both ways, the first as the system has it.
    const WAYS: [fn(&Path) -> io::Result<WholeFile>; 2] = [WholeFile::new, named];

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_without_a_name_is_not_seen_before_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = WholeFile::new(&folder.path().join("file")).unwrap();
        file.write_all(b"half").unwrap();
        let named = matches!(file.file, Way::Named(_));
        assert_eq!(count(folder.path()), usize::from(named));
        drop(file);
        assert_eq!(count(folder.path()), 0);
    }

    #[test]
    fn a_file_takes_its_place_with_its_permissions() {
        for way in WAYS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let mut file = way(&path).unwrap();
            file.write_all(b"whole").unwrap();
            assert_eq!(file.as_file().metadata().unwrap().permissions().mode() & 0o777, 0o600);
            file.as_file().set_permissions(Permissions::from_mode(0o640)).unwrap();
            file.finish(false).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
            assert_eq!(count(folder.path()), 1);
        }
    }

    #[test]
    fn a_place_that_is_taken_is_taken_only_if_asked() {
        for replace in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            fs::write(&path, "first").unwrap();
            for way in WAYS {
                let finished = way(&path).unwrap().finish(replace).map_err(|error| error.kind());
                let refused = Err(io::ErrorKind::AlreadyExists);
                assert_eq!(finished, if replace { Ok(()) } else { refused });
            }
            assert_eq!(fs::read(&path).unwrap(), if replace { &b""[..] } else { b"first" });
            assert_eq!(count(folder.path()), 1);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = WholeFile::new(&folder.path().join("none/file")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
