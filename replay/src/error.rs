//! What keeps this crate from doing what it was asked, sorted by what the caller must do about it.

use binlog_parser::Fault;
use binlog_parser::error::Location;

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A log could not be read.
    #[error(transparent)]
    Log(#[from] binlog_parser::Error),
    /// The output could not be written.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
    /// Something was asked that cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// An address that nothing in the logs has.
    #[error("{0}")]
    NotReached(String),
    /// Done as asked, data would differ from what it should be; so it was not done.
    #[error("{what}")]
    Refused {
        /// What stands against it, with its address.
        what: String,
        /// The way out.
        hint: String,
    },
}

impl Error {
    /// A refusal, and the way out.
    pub fn refused(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::Refused { what: what.into(), hint: hint.into() }
    }

    /// A fault at its place.
    #[must_use]
    pub fn at(fault: Fault, location: Location) -> Self {
        Error::Log(fault.at(location))
    }
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
