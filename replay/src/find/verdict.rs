//! What the text of a statement says of it: a kind, the tables, the reasons, and how sure it is.

use std::fmt;

use super::classify_kind::{FindingKind, Severity};
use crate::sql::TableName;

/// How sure the text makes us that all the data it names was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Something in the statement limits it, or it is routine work.
    Possible,
    /// Only rows that the text cannot tell of may have escaped.
    Likely,
    /// The statement says so.
    Certain,
}

impl Confidence {
    /// The word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a statement is a finding, or why it may be less than it seems. [`fmt::Display`] gives the
/// sentence for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is no WHERE clause.
    NoWhere,
    /// The condition holds for every row.
    AlwaysTrue,
    /// The condition compares a column with itself, or with everything: NULLs escape it.
    TrueUnlessNull,
    /// A LIMIT clause bounds the rows.
    LimitClause,
    /// An inner join's condition may hold rows back.
    JoinLimits,
    /// Only the partitions named are concerned.
    PartitionOnly,
    /// DELETE HISTORY: only old versions of rows.
    HistoryOnly,
    /// FOR PORTION OF: only a period of time.
    PortionOnly,
    /// What the statement drops, discards or replaces.
    Drops(&'static str),
    /// What it does to accounts.
    Changes(&'static str),
    /// The table got another name; its rows are still there.
    Renamed,
    /// The server wrote this text for a statement of the user.
    GeneratedByServer,
    /// The server emptied a MEMORY table after a restart; nobody ran a statement.
    EmptiedMemoryTable,
    /// The text ends in the middle: what would limit the statement may be missing.
    IncompleteText,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWhere => "no WHERE clause",
            Self::AlwaysTrue => "the WHERE condition is true for every row",
            Self::TrueUnlessNull => {
                "the WHERE condition is true for every row whose column is not NULL"
            }
            Self::LimitClause => "a LIMIT clause bounds the rows",
            Self::JoinLimits => "a join condition may hold rows back",
            Self::PartitionOnly => "only the partitions named are concerned",
            Self::HistoryOnly => "only old versions of rows are concerned",
            Self::PortionOnly => "only a portion of time is concerned",
            Self::Drops(what) | Self::Changes(what) => what,
            Self::Renamed => "the table goes by another name, with its rows",
            Self::GeneratedByServer => "the server wrote this text for a user's statement",
            Self::EmptiedMemoryTable => "the server emptied a MEMORY table after a restart",
            Self::IncompleteText => "the text ends in the middle of the statement",
        })
    }
}

/// A destructive statement, as its text shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What it is.
    pub kind: FindingKind,
    /// The tables concerned; a database alone has an empty table name. A rename names the old and
    /// the new one, in turn.
    pub tables: Vec<TableName>,
    /// Names of what was dropped inside or beside a table: columns, partitions, indexes, views.
    pub objects: Vec<Vec<u8>>,
    /// Why, most telling first.
    pub reasons: Vec<Reason>,
    /// How sure the text makes us.
    pub confidence: Confidence,
}

impl Verdict {
    pub(super) fn new(kind: FindingKind, tables: Vec<TableName>, reason: Reason) -> Self {
        Self {
            kind,
            tables,
            objects: Vec::new(),
            reasons: vec![reason],
            confidence: Confidence::Certain,
        }
    }

    /// Adds what makes it less sure.
    pub(super) fn soften(&mut self, reason: Reason, at_most: Confidence) {
        self.reasons.push(reason);
        self.confidence = self.confidence.min(at_most);
    }

    /// How bad it is: the kind's severity, lowered where the confidence is.
    pub fn severity(&self) -> Severity {
        match self.confidence {
            Confidence::Certain | Confidence::Likely => self.kind.severity(),
            Confidence::Possible => self.kind.severity().lowered(),
        }
    }
}
