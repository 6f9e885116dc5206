//! The kinds of findings, and how bad each is.

use std::fmt;

/// How bad a finding is, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look: nothing is lost that cannot be written again.
    Low,
    /// Definitions are lost, or data is moved.
    Medium,
    /// A part of a table's data is lost or changed.
    High,
    /// All of a table's or a database's data is lost or changed.
    Critical,
}

impl Severity {
    /// The word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// One step less bad.
    pub fn lowered(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of destruction or suspicion a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// DELETE without WHERE.
    DeleteWithoutWhere,
    /// UPDATE without WHERE.
    UpdateWithoutWhere,
    /// DELETE or UPDATE whose WHERE holds for every row.
    AlwaysTrueWhere,
    /// A statement that deleted many rows; found by counting them.
    MassDelete,
    /// A statement that updated many rows; found by counting them.
    MassUpdate,
    /// TRUNCATE TABLE.
    TruncateTable,
    /// DROP TABLE.
    DropTable,
    /// DROP DATABASE.
    DropDatabase,
    /// ALTER TABLE … DROP COLUMN.
    DropColumn,
    /// ALTER TABLE … DROP PARTITION.
    DropPartition,
    /// ALTER TABLE … TRUNCATE PARTITION.
    TruncatePartition,
    /// CREATE OR REPLACE TABLE.
    ReplaceTable,
    /// RENAME TABLE, ALTER TABLE … RENAME.
    RenameTable,
    /// Any other DROP: a view, an index, a routine, a constraint.
    DropOther,
    /// Accounts and what they may do.
    PrivilegeChange,
}

impl FindingKind {
    /// Every kind, in the order in which the help names them.
    pub const ALL: [Self; 15] = [
        Self::DeleteWithoutWhere,
        Self::UpdateWithoutWhere,
        Self::AlwaysTrueWhere,
        Self::MassDelete,
        Self::MassUpdate,
        Self::TruncateTable,
        Self::DropTable,
        Self::DropDatabase,
        Self::DropColumn,
        Self::DropPartition,
        Self::TruncatePartition,
        Self::ReplaceTable,
        Self::RenameTable,
        Self::DropOther,
        Self::PrivilegeChange,
    ];

    /// The word for output and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeleteWithoutWhere => "delete_without_where",
            Self::UpdateWithoutWhere => "update_without_where",
            Self::AlwaysTrueWhere => "always_true_where",
            Self::MassDelete => "mass_delete",
            Self::MassUpdate => "mass_update",
            Self::TruncateTable => "truncate_table",
            Self::DropTable => "drop_table",
            Self::DropDatabase => "drop_database",
            Self::DropColumn => "drop_column",
            Self::DropPartition => "drop_partition",
            Self::TruncatePartition => "truncate_partition",
            Self::ReplaceTable => "replace_table",
            Self::RenameTable => "rename_table",
            Self::DropOther => "drop_other",
            Self::PrivilegeChange => "privilege_change",
        }
    }

    /// The kind that a word names.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// How bad it is when nothing softens it.
    pub fn severity(self) -> Severity {
        match self {
            Self::DeleteWithoutWhere
            | Self::UpdateWithoutWhere
            | Self::AlwaysTrueWhere
            | Self::TruncateTable
            | Self::DropTable
            | Self::DropDatabase
            | Self::ReplaceTable => Severity::Critical,
            Self::MassDelete
            | Self::MassUpdate
            | Self::DropColumn
            | Self::DropPartition
            | Self::TruncatePartition => Severity::High,
            Self::RenameTable | Self::DropOther => Severity::Medium,
            Self::PrivilegeChange => Severity::Low,
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in FindingKind::ALL {
            assert_eq!(FindingKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(FindingKind::from_name("drop"), None);
    }
}
