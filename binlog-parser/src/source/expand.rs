//! From what a user names (files, folders, `.index` files, `-`) to the paths of logs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::address::COMPRESSION_SUFFIXES;
use crate::error::{Error, Fault, Result};
use crate::source::archive;
use crate::source::decrypt::Keys;
use crate::source::log::Log;

/// The name that stands for standard input.
pub const STDIN: &str = "-";

/// What an input names.
#[derive(Debug)]
pub(crate) enum Named {
    /// The path of a log that is not opened yet.
    Path(PathBuf),
    /// A log of a folder that was opened where it was known to be one: thousands may be there, and
    /// none is opened twice.
    Log(Box<Log>),
}

impl Named {
    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Named::Path(path) => path,
            Named::Log(log) => log.path(),
        }
    }
}

/// The logs that `input` names: itself if it is a log, the logs in a folder, the lines of an `.index`
/// file. What a folder holds may have to be opened with one of `keys`.
///
/// # Errors
/// [`Error::Io`] if a folder or index cannot be read, [`Error::NotALog`] if it names no log; a log of a
/// folder that cannot be opened.
pub(crate) fn expand(input: &Path, keys: &Keys) -> Result<Vec<Named>> {
    let itself = || Ok(vec![Named::Path(input.to_owned())]);
    if input.as_os_str() == STDIN {
        return itself();
    }
    let metadata = fs::metadata(input).map_err(|e| Error::io(input, e))?;
    if metadata.is_dir() {
        return folder(input, keys);
    }
    if input.extension().is_some_and(|extension| extension == "index") {
        return Ok(index(input)?.into_iter().map(Named::Path).collect());
    }
    itself()
}

/// The logs in a folder, known by their first bytes: a data folder holds much else.
fn folder(folder: &Path, keys: &Keys) -> Result<Vec<Named>> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        let (path, kind) = (entry.path(), entry.file_type());
        // What a link leads to, only the file system tells.
        let is_file = match kind {
            Ok(kind) if !kind.is_symlink() => kind.is_file(),
            _ => path.is_file(),
        };
        if is_file {
            files.push(path);
        }
    }
    // All in one folder: their parts need not be compared one by one.
    files.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    let logs: Vec<_> = files.into_par_iter().map(|path| of_folder(path, keys)).collect();
    // Of those that cannot be opened, the first is told.
    let logs: Vec<_> = logs.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
    if logs.is_empty() {
        return Err(Error::not_a_log(folder, Fault::value("folder", "a binary log in it", "none")));
    }
    Ok(logs)
}

/// A file of a folder, if it is meant: every binary log, packed ones too, and also the encrypted ones,
/// so that they are refused by name rather than left out in silence.
fn of_folder(path: PathBuf, keys: &Keys) -> Result<Option<Named>> {
    if let Some(log) = Log::open_plain(&path, keys)? {
        return Ok(Some(Named::Log(Box::new(log))));
    }
    let file = File::open(&path).map_err(|e| Error::io(&path, e))?;
    let packed = archive::holds_log(file, &path).map_err(|e| Error::io(&path, e))?;
    Ok(packed.then_some(Named::Path(path)))
}

/// The logs that an index lists, one path a line, relative to the index's own folder. A path of the
/// server that is gone here is looked for beside the index, where archives keep it, and packed.
fn index(index: &Path) -> Result<Vec<PathBuf>> {
    let text = fs::read_to_string(index).map_err(|e| Error::io(index, e))?;
    let folder = index.parent().unwrap_or(Path::new(""));
    let mut logs = vec![];
    for line in text.lines().filter(|line| !line.is_empty()) {
        let listed = folder.join(line);
        let beside = folder.join(listed.file_name().unwrap_or(listed.as_os_str()));
        let places = [&listed, &beside];
        let packed = places.into_iter().flat_map(|place| {
            COMPRESSION_SUFFIXES.iter().map(move |suffix| with_suffix(place, suffix))
        });
        let found = places.into_iter().cloned().chain(packed).find(|place| place.exists());
        logs.push(found.unwrap_or(beside));
    }
    if logs.is_empty() {
        return Err(Error::not_a_log(index, Fault::value("index", "a name a line", "no line")));
    }
    Ok(logs)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
