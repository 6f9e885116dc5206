//! What can be wrong, and where.
//!
//! A decoder sees a slice and knows nothing of files, so it fails with a [`Fault`]. Whoever holds
//! the event adds the [`Location`], which makes it an [`Error`] that a responder can take to a hex
//! editor.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// What is wrong with a slice of bytes, told without knowing where the slice lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The thing that was being read, in the servers' own words ("table name", "NEWDECIMAL").
    pub what: Cow<'static, str>,
    /// In which way it failed.
    pub kind: FaultKind,
}

/// The ways in which bytes fail to be what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// Fewer bytes than the thing needs. Both counts are bytes.
    Short {
        /// Bytes the thing needs.
        needed: u64,
        /// Bytes that were left.
        had: u64,
    },
    /// A value that the format does not allow there.
    Value {
        /// What the format allows.
        needed: Cow<'static, str>,
        /// What stood there.
        had: String,
    },
    /// A claim above one of the caps of [`crate::limits`].
    Limit {
        /// The cap.
        limit: u64,
        /// What the file claims.
        had: u64,
    },
    /// Well formed as far as can be told, but of a kind that is not read.
    Unsupported {
        /// Why, and the way out if there is one.
        why: Cow<'static, str>,
    },
}

impl Fault {
    /// Fewer bytes than needed.
    #[must_use]
    pub fn short(what: impl Into<Cow<'static, str>>, needed: u64, had: u64) -> Self {
        Fault { what: what.into(), kind: FaultKind::Short { needed, had } }
    }

    /// A value outside what the format allows.
    #[must_use]
    pub fn value(
        what: impl Into<Cow<'static, str>>,
        needed: impl Into<Cow<'static, str>>,
        had: impl fmt::Display,
    ) -> Self {
        Fault {
            what: what.into(),
            kind: FaultKind::Value { needed: needed.into(), had: had.to_string() },
        }
    }

    /// A claim above a cap.
    #[must_use]
    pub fn limit(what: impl Into<Cow<'static, str>>, limit: u64, had: u64) -> Self {
        Fault { what: what.into(), kind: FaultKind::Limit { limit, had } }
    }

    /// Something that is known, and not read.
    #[must_use]
    pub fn unsupported(
        what: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Fault { what: what.into(), kind: FaultKind::Unsupported { why: why.into() } }
    }

    /// Puts the fault at its place in a log.
    #[must_use]
    pub fn at(self, location: Location) -> Error {
        Error::Fault(Box::new(LocatedFault { location, fault: self }))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.kind {
            FaultKind::Short { needed, had } => {
                write!(f, "{what}: needed {needed} bytes, had {had}")
            }
            FaultKind::Value { needed, had } => write!(f, "{what}: needed {needed}, had {had}"),
            FaultKind::Limit { limit, had } => {
                write!(f, "{what}: needed at most {limit}, had {had}")
            }
            FaultKind::Unsupported { why } => write!(f, "{what}: not supported: {why}"),
        }
    }
}

impl std::error::Error for Fault {}

/// A place in a log: what an address names, and the kind of the event there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// Name of the log, without folder.
    pub log: Arc<str>,
    /// Stream position of the event's first byte, in bytes from the start of the plain log.
    pub offset: Option<u64>,
    /// Position inside a compressed transaction, in bytes from the start of its plain text.
    pub inner: Option<u64>,
    /// Name of the event's type, as SHOW BINLOG EVENTS prints it.
    pub event_type: Option<&'static str>,
}

impl Location {
    /// The event at `offset` of `log`.
    #[must_use]
    pub fn new(log: &Arc<str>, offset: u64) -> Self {
        Location { log: Arc::clone(log), offset: Some(offset), ..Location::default() }
    }

    /// The same place, with the type of the event that stands there.
    #[must_use]
    pub fn of(mut self, event_type: &'static str) -> Self {
        self.event_type = Some(event_type);
        self
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log)?;
        if let Some(offset) = self.offset {
            write!(f, ":{offset}")?;
        }
        if let Some(inner) = self.inner {
            write!(f, "+{inner}")?;
        }
        if let Some(event_type) = self.event_type {
            write!(f, " ({event_type})")?;
        }
        Ok(())
    }
}

/// A fault and the place where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {fault}")]
pub struct LocatedFault {
    /// Where.
    pub location: Location,
    /// What, needed, had.
    pub fault: Fault,
}

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder that was asked for.
        path: PathBuf,
        /// What the system said. (Named so that it is told once, not as a source as well.)
        error: std::io::Error,
    },
    /// Bytes of a log are not what they should be.
    #[error(transparent)]
    Fault(Box<LocatedFault>),
    /// A file that is no binary log at all.
    #[error("{}: {fault}", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        fault: Box<Fault>,
    },
    /// An archive that holds no log, or more than is unpacked.
    #[error("{}: {archive} archive: {fault}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// Which kind of archive it is.
        archive: &'static str,
        /// What is wrong with what it holds.
        fault: Box<Fault>,
    },
    /// A log that is encrypted, and that the keys at hand do not open.
    #[error("{}: encrypted by {by} with {key}: {why}", path.display())]
    Encrypted {
        /// The log.
        path: PathBuf,
        /// Whose encryption it is: MySQL's or MariaDB's.
        by: &'static str,
        /// The key that is needed, by name or number.
        key: String,
        /// What is wrong with the keys at hand.
        why: String,
    },
    /// A file of keys that cannot be used. Nothing of its content is told.
    #[error("{}: {fault}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
    /// Logs that do not form one unbroken set.
    #[error("{0}")]
    LogSet(String),
    /// An address that names nothing.
    #[error("{0}")]
    Address(String),
}

impl Error {
    /// A file that is no log, for want of what `fault` says.
    pub fn not_a_log(path: impl Into<PathBuf>, fault: Fault) -> Self {
        Error::NotALog { path: path.into(), fault: Box::new(fault) }
    }

    /// An archive whose content is not what `fault` says that it has to be.
    pub fn archive(path: impl Into<PathBuf>, archive: &'static str, fault: Fault) -> Self {
        Error::Archive { path: path.into(), archive, fault: Box::new(fault) }
    }

    /// A file of keys that is broken, or lacks what `fault` says.
    pub fn key_file(path: impl Into<PathBuf>, fault: Fault) -> Self {
        Error::KeyFile { path: path.into(), fault: Box::new(fault) }
    }

    /// An I/O error at `path`.
    pub fn io(path: impl Into<PathBuf>, error: std::io::Error) -> Self {
        Error::Io { path: path.into(), error }
    }
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_what_needed_and_had() {
        let log: Arc<str> = "binlog.000007".into();
        let error = Fault::short("table name", 12, 3).at(Location::new(&log, 4711).of("Table_map"));
        assert_eq!(
            error.to_string(),
            "binlog.000007:4711 (Table_map): table name: needed 12 bytes, had 3"
        );
    }
}
