//! The logs of one server, in order, with what is wrong with the set by name.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::source::decrypt::Keys;
use crate::source::expand::{STDIN, expand};
use crate::source::log::Log;
use crate::source::order::{Problem, arrange};

/// The ordered logs of one server.
#[derive(Debug)]
pub struct LogSet {
    logs: Vec<Log>,
    problems: Vec<Problem>,
}

impl LogSet {
    /// Opens every log that `inputs` name (files, folders, `.index` files, `-` for standard input)
    /// and puts them in order by their content. What is missing, double or foreign stands in
    /// [`LogSet::problems`]; it is the caller's to go on or not.
    ///
    /// # Errors
    /// Any log that cannot be opened, by name; no input at all.
    pub fn open<P: AsRef<Path>>(inputs: &[P]) -> Result<Self> {
        LogSet::open_with(inputs, &Keys::none())
    }

    /// The same for logs that may be encrypted: each is opened by the one of `keys` that it names.
    ///
    /// # Errors
    /// As [`LogSet::open`]; [`Error::Encrypted`] if no key fits.
    pub fn open_with<P: AsRef<Path>>(inputs: &[P], keys: &Keys) -> Result<Self> {
        let mut paths: Vec<PathBuf> = vec![];
        for input in inputs {
            for path in expand(input.as_ref())? {
                // The same file named twice (a folder and a file in it) is no duplicate log.
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        let mut logs = vec![];
        for path in &paths {
            logs.push(match path.as_os_str() == STDIN {
                true => Log::from_reader_with(std::io::stdin().lock(), keys)?,
                false => Log::open_with(path, keys)?,
            });
        }
        if logs.is_empty() {
            return Err(Error::LogSet("no log was named".into()));
        }
        let (logs, problems) = arrange(logs);
        Ok(LogSet { logs, problems })
    }

    /// The set of these logs, in this order, unchecked.
    #[must_use]
    pub fn of(logs: Vec<Log>) -> Self {
        LogSet { logs, problems: vec![] }
    }

    /// The logs, oldest first.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// What keeps the logs from being one unbroken set of one server.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Index of the log of this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.logs.iter().position(|log| &**log.name() == name)
    }

    /// Bytes of all logs together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.logs.iter().map(Log::len).sum()
    }
}
