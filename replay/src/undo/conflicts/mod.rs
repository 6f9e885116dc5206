//! Later changes that stand in the way of an undo, found in the logs alone.
//!
//! ```text
//! touch     what a change of a row touches: its key, unique values, foreign keys   -> prints
//! prints    a set of fingerprints of any size
//! walk      the rows of a transaction, forward or backward
//! watch     forward, once: what is undone, and which later changes touch the same
//! spare     backward: what can be undone beside what stays
//! listing   the conflicts with both sides, for people and programs
//! ```
//! What partial images leave out of keys is found by `rebuild` before; where it is not
//! found, the watch refuses what may stand in the way.
//!
//! An undo is exact if with every change it takes back all later changes that touch the same. The
//! ways out of a conflict all keep to that:
//!
//! | [`Conflicts`] | undone is |
//! |---|---|
//! | `Refuse` | what was asked for, or nothing |
//! | `NonconflictOnly` | the most of it that nothing later touches |
//! | `Cascade` | it, and whole transactions that depend on it, and those that depend on them |
//! | `Force` | it, and of later changes those of the same rows |

mod listing;
mod prints;
mod spare;
mod touch;
mod walk;
mod watch;

pub use listing::{Conflict, Side};
pub(super) use prints::{Print, PrintSet, Prints};
pub(super) use spare::spare;
pub(super) use touch::references;
pub(super) use walk::{Keys, Order, Place, RowAt, each_row};
pub(super) use watch::{Fate, Watch};

/// What is done where later changes touch the rows of an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflicts {
    /// Nothing is written.
    #[default]
    Refuse,
    /// The rows that nothing later touches are undone, the others stay.
    NonconflictOnly,
    /// Later transactions that depend on what is undone are undone as well, as a whole.
    Cascade,
    /// Later changes of the same rows are undone as well, those rows alone.
    Force,
}
