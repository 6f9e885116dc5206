//! What an undo may do beyond the rows that it was asked for.

use clap::{Args, ValueEnum};
use replay::undo::Conflicts;

/// What an undo may do beyond the rows that it was asked for.
#[derive(Debug, Clone, Args)]
pub struct UndoWays {
    /// What to do where later changes touch the same rows
    #[arg(long, value_enum, default_value_t, value_name = "WAY")]
    conflicts: ConflictsWay,

    /// Undo what the logs hold, although foreign keys may have changed other rows without a trace
    #[arg(long)]
    pub accept_cascades: bool,
}

impl UndoWays {
    /// What to do where later changes touch the same rows.
    #[must_use]
    pub fn conflicts(&self) -> Conflicts {
        self.conflicts.into()
    }
}

/// Ways out of conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ConflictsWay {
    /// Write nothing, and list them (exit 4)
    #[default]
    Refuse,
    /// Undo the rows that nothing later touches, and list the others
    NonconflictOnly,
    /// Undo the later transactions as well, and those that depend on them
    Cascade,
    /// Undo the later changes of these rows as well, and nothing else of their transactions
    Force,
}

impl From<ConflictsWay> for Conflicts {
    fn from(way: ConflictsWay) -> Self {
        match way {
            ConflictsWay::Refuse => Conflicts::Refuse,
            ConflictsWay::NonconflictOnly => Conflicts::NonconflictOnly,
            ConflictsWay::Cascade => Conflicts::Cascade,
            ConflictsWay::Force => Conflicts::Force,
        }
    }
}
