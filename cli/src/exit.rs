//! How a run ends: the exit codes, and failures that say what to do next.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit codes, which scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: nothing found, or a target never reached.
    NotFound = 1,
    /// 2: wrong use, or input that cannot be read.
    Unusable = 2,
    /// 3: done, but the evidence is damaged or incomplete, and the report says where.
    Damaged = 3,
    /// 4: refused, to protect data; the way out is named.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a verb could not do its work, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The code to end with.
    pub exit: Exit,
    /// What went wrong: where, what, needed, had.
    pub error: anyhow::Error,
    /// The next steps, if any are known.
    pub hints: Vec<String>,
}

impl Failure {
    /// Wrong use or unreadable input.
    pub fn unusable(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Unusable, anyhow::anyhow!("{message}"))
    }

    /// Refused, to protect data. The way out belongs into a hint.
    pub fn refused(message: impl fmt::Display) -> Self {
        Failure::new(Exit::Refused, anyhow::anyhow!("{message}"))
    }

    fn new(exit: Exit, error: anyhow::Error) -> Self {
        Failure { exit, error, hints: Vec::new() }
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether the reader of our output has left, which ends a run quietly.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        self.error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

/// A target that is never reached ends with 1, a refusal with 4; input that cannot be read, and
/// everything else that stops a verb, with 2.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast_ref() {
            Some(replay::Error::NotReached(_)) => Failure::new(Exit::NotFound, error),
            Some(replay::Error::Refused { hint, .. }) => {
                let hint = hint.clone();
                Failure::new(Exit::Refused, error).hint(hint)
            }
            _ => Failure::new(Exit::Unusable, error),
        }
    }
}

/// What a verb returns.
pub type Outcome<T = Exit> = Result<T, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_known_below_other_errors() {
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        let failure = Failure::from(anyhow::Error::from(pipe).context("writing events"));
        assert!(failure.is_closed_pipe());
        assert!(!Failure::unusable("no such log").is_closed_pipe());
        assert_eq!(Failure::refused("conflict").hint("look first").exit, Exit::Refused);
    }
}
