//! The logs of one server, in order, with what is wrong with the set by name.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, available_parallelism};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::error::{Error, Result};
use crate::index::{self, Index, Indexed, Kinship, Unfit};
use crate::source::decrypt::Keys;
use crate::source::expand::{Named, STDIN, expand};
use crate::source::log::Log;
use crate::source::order::{Problem, arrange};

/// Archives that are unpacked at a time, at most: a decoder may take much memory.
const UNPACKED_AT_A_TIME: usize = 4;

/// The ordered logs of one server.
#[derive(Debug)]
pub struct LogSet {
    logs: Vec<Log>,
    problems: Vec<Problem>,
    /// Where indexes stand that are not beside their logs.
    index_folder: Option<PathBuf>,
    /// The index of each log, once it was asked for.
    indexes: Vec<OnceLock<Result<(Index, Kinship), Unfit>>>,
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
        let set = LogSet::open_early(inputs, keys)?;
        set.whole().map(|()| set)
    }

    /// The same, where a log that is alone is opened early, as [`Log::open_early`] does it; whoever
    /// has walked has to ask [`LogSet::whole`]. Several logs are unpacked first, as many at a time
    /// as there are cores: what follows what is only known by their ends.
    ///
    /// # Errors
    /// As [`LogSet::open_with`], but for what is wrong behind the start of a log that is alone.
    pub fn open_early<P: AsRef<Path>>(inputs: &[P], keys: &Keys) -> Result<Self> {
        let (mut named, mut known) = (vec![], HashSet::new());
        for input in inputs {
            // The same file named twice (a folder and a file in it) is no duplicate log.
            let mut more = expand(input.as_ref(), keys)?;
            if inputs.len() > 1 {
                more.retain(|named| known.insert(named.path().to_owned()));
            }
            named.extend(more);
        }
        match &named[..] {
            [] => Err(Error::LogSet("no log was named".into())),
            [Named::Path(path)] => Ok(LogSet::of(vec![open_early(path, keys)?])),
            _ => {
                let (logs, problems) = arrange(open_all(named, keys)?);
                Ok(LogSet { problems, ..LogSet::of(logs) })
            }
        }
    }

    /// Waits until all of the logs are there.
    ///
    /// # Errors
    /// As [`Log::whole`], of the first log of which not all could be unpacked.
    pub fn whole(&self) -> Result<()> {
        self.logs.iter().try_for_each(Log::whole)
    }

    /// The set of these logs, in this order, unchecked.
    #[must_use]
    pub fn of(logs: Vec<Log>) -> Self {
        let indexes = logs.iter().map(|_| OnceLock::new()).collect();
        LogSet { logs, problems: vec![], index_folder: None, indexes }
    }

    /// The same set, with the indexes of its logs in `folder` rather than beside them.
    #[must_use]
    pub fn with_indexes_in(mut self, folder: Option<PathBuf>) -> Self {
        self.index_folder = folder;
        self
    }

    /// The index of log number `number`, if there is one that fits the log as it is now and speaks
    /// for all of it. Nothing is asked of a log that is still unpacked, or of a relay log.
    #[must_use]
    pub fn index(&self, number: usize) -> Option<&Index> {
        let (_, index, kinship) = self.any_index(number)?;
        (kinship == Kinship::Same && index.is_sound()).then_some(index)
    }

    /// What is known by its index of log number `number`: of all of it, or of its start.
    #[must_use]
    pub fn indexed(&self, number: usize) -> Option<Indexed<'_>> {
        let (log, index, kinship) = self.any_index(number)?;
        Indexed::of(log, index, kinship)
    }

    /// Opens the indexes of these logs on all threads, for whoever asks each for a little.
    pub fn open_indexes(&self, numbers: Range<usize>) {
        numbers.into_par_iter().for_each(|number| {
            let _ = self.any_index(number);
        });
    }

    /// A log, its index, and how it stands to that.
    fn any_index(&self, number: usize) -> Option<(&Log, &Index, Kinship)> {
        let log = self.logs.get(number).filter(|log| log.known_len().is_some())?;
        // What is wrong with an archive is told where the log ends.
        if log.is_relay_log() || log.archive_damage().is_some() {
            return None;
        }
        let index = self.indexes.get(number)?.get_or_init(|| {
            let path = index::path(log, self.index_folder.as_deref());
            path.map_or(Err(Unfit::Missing), |path| Index::open_grown(&path, log))
        });
        index.as_ref().ok().map(|(index, kinship)| (log, index, *kinship))
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

    /// Bytes of all logs together. Waits for all of them.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.logs.iter().map(Log::len).sum()
    }

    /// Bytes of all logs together, none while one of them is unpacked.
    #[must_use]
    pub fn known_bytes(&self) -> Option<u64> {
        self.logs.iter().map(Log::known_len).sum()
    }
}

fn open_early(path: &Path, keys: &Keys) -> Result<Log> {
    match path.as_os_str() == STDIN {
        true => Log::from_reader_early(io::stdin(), keys),
        false => Log::open_early(path, keys),
    }
}

/// Opens those of these logs that are not open yet, several at a time. Of those that cannot be opened,
/// the first is told.
fn open_all(named: Vec<Named>, keys: &Keys) -> Result<Vec<Log>> {
    let (mut opened, mut paths) = (vec![], vec![]);
    for (index, named) in named.into_iter().enumerate() {
        opened.push(match named {
            Named::Log(log) => OnceLock::from(Ok(*log)),
            Named::Path(path) => {
                paths.push((index, path));
                OnceLock::new()
            }
        });
    }
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    let open = || {
        while let Some((index, path)) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if *index > failed.load(Ordering::Relaxed) {
                break;
            }
            let log = open_early(path, keys).and_then(|log| log.whole().map(|()| log));
            if log.is_err() {
                failed.fetch_min(*index, Ordering::Relaxed);
            }
            // Nobody else has this index.
            let _ = opened[*index].set(log);
        }
    };
    let threads = available_parallelism().map_or(1, usize::from).min(UNPACKED_AT_A_TIME);
    thread::scope(|scope| {
        // The thread here is one of them, and enough where no other can be had.
        for _ in 1..threads.min(paths.len()) {
            let _ = Builder::new().name("open".into()).spawn_scoped(scope, open);
        }
        open();
    });
    opened.into_iter().map_while(OnceLock::into_inner).collect()
}
