//! What keeps logs from being one unbroken set of one server, and how it is told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::gtid::AnyGtidSet;
use crate::header::Family;

/// Something that keeps logs from being one unbroken set of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Logs between two others are missing.
    Missing {
        /// The last log before the gap.
        after: Arc<str>,
        /// The first log behind it.
        before: Arc<str>,
        /// Name of the first log that is missing, as far as it is known.
        first: Option<String>,
        /// Name of the last log that is missing, as far as it is known.
        last: Option<String>,
        /// GTIDs that came before the log behind the gap, by its own word, and are not in those
        /// before it.
        gtids: AnyGtidSet,
    },
    /// Two logs follow each other by their names, and transactions between them are missing.
    MissingGtids {
        /// The log before.
        after: Arc<str>,
        /// The log behind, which says that they came before it.
        before: Arc<str>,
        /// The transactions.
        gtids: AnyGtidSet,
    },
    /// A log does not know the log before it.
    NotAfter {
        /// The log.
        log: Arc<str>,
        /// The log before it.
        after: Arc<str>,
        /// GTIDs in that, which did not come before this log by its own word.
        gtids: AnyGtidSet,
    },
    /// A log has transactions that are there already.
    Repeated {
        /// The log.
        log: Arc<str>,
        /// Their GTIDs.
        gtids: AnyGtidSet,
    },
    /// A log is there twice; the second is left out.
    Duplicate {
        /// The log that is read.
        kept: PathBuf,
        /// The file that is not.
        left_out: PathBuf,
        /// Whether what is left out is an earlier, shorter copy.
        shorter: bool,
    },
    /// Two different logs have one name, so that an address would mean both.
    SameName {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A log of another server.
    OtherServer {
        /// The log.
        log: Arc<str>,
        /// Server of the first log of the set: its family and server_id.
        needed: (Family, u32),
        /// Server of this log.
        had: (Family, u32),
    },
}

impl Problem {
    /// A short name for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Problem::Missing { .. } => "missing_log",
            Problem::MissingGtids { .. } => "missing_gtids",
            Problem::NotAfter { .. } => "wrong_order",
            Problem::Repeated { .. } => "repeated_gtids",
            Problem::Duplicate { .. } => "duplicate_log",
            Problem::SameName { .. } => "same_name",
            Problem::OtherServer { .. } => "other_server",
        }
    }

    /// The GTIDs that it is about.
    #[must_use]
    pub fn gtids(&self) -> Option<&AnyGtidSet> {
        match self {
            Problem::Missing { gtids, .. }
            | Problem::MissingGtids { gtids, .. }
            | Problem::NotAfter { gtids, .. }
            | Problem::Repeated { gtids, .. } => Some(gtids),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing { after, before, first, last, gtids } => {
                write!(f, "a log is missing between {after} and {before}")?;
                match (first, last) {
                    (Some(first), Some(last)) if first != last => {
                        write!(f, ": {first} to {last}")?;
                    }
                    (Some(one), _) | (None, Some(one)) => write!(f, ": {one}")?,
                    (None, None) => {}
                }
                if gtids.is_empty() { Ok(()) } else { write!(f, "; GTIDs {gtids:#}") }
            }
            Problem::MissingGtids { after, before, gtids } => {
                write!(
                    f,
                    "transactions are missing in {after} or behind it, for {before} knows them: "
                )?;
                write!(f, "GTIDs {gtids:#}")
            }
            Problem::NotAfter { log, after, gtids } => {
                write!(f, "{log} does not follow {after}: it does not know GTIDs {gtids:#}")
            }
            Problem::Repeated { log, gtids } => {
                write!(f, "{log} has transactions that are there already: GTIDs {gtids:#}")
            }
            Problem::Duplicate { kept, left_out, shorter } => {
                let kind = if *shorter { "an earlier copy of" } else { "the same log as" };
                write!(f, "{} is {kind} {}", left_out.display(), kept.display())
            }
            Problem::SameName { first, second } => {
                let (first, second) = (first.display(), second.display());
                write!(f, "two different logs have one name: {first} and {second}")
            }
            Problem::OtherServer { log, needed, had } => {
                let (family, id) = (needed.0.name(), needed.1);
                write!(f, "{log} is of another server: needed {family} with server_id {id}, ")?;
                write!(f, "had {} with server_id {}", had.0.name(), had.1)
            }
        }
    }
}
