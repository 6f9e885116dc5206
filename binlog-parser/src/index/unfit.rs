//! Why an index is not used.

use std::{fmt, io};

use crate::error::Fault;

/// Why an index is not used.
#[derive(Debug)]
pub enum Unfit {
    /// There is none.
    Missing,
    /// It cannot be read.
    Io(io::Error),
    /// It is none of this version, or not what was written.
    Broken(Fault),
    /// It is of another log, or the log was changed.
    Foreign,
    /// The log has grown since.
    Grown {
        /// Bytes of the log that it speaks of.
        bytes: u64,
    },
}

impl From<Fault> for Unfit {
    fn from(fault: Fault) -> Self {
        Unfit::Broken(fault)
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Missing => f.write_str("there is no index"),
            Unfit::Io(error) => write!(f, "the index cannot be read: {error}"),
            Unfit::Broken(fault) => {
                write!(f, "the index is damaged or of another version: {fault}")
            }
            Unfit::Foreign => f.write_str("the index is of another log, or the log was changed"),
            Unfit::Grown { bytes } => {
                write!(f, "the log has grown since it was indexed at {bytes} bytes")
            }
        }
    }
}
