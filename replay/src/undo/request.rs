//! What is to be undone, and how.

use std::num::NonZeroU64;
use std::path::PathBuf;

use super::conflicts::Conflicts;
use crate::schema::{Schema, Source};
use crate::select::{Filter, Target};

/// Bytes of a log that a thread looks at by itself: so few that they stay in the memory next to it,
/// with their events and what is written of them, until they were gone over backward as well.
pub const PIECE_BYTES: u64 = 512 << 10;

/// How large a packet may become, unless the caller says otherwise: far below the 16 MiB that
/// clients take by default (`max_allowed_packet`).
pub const PACKET_BYTES: usize = 4 << 20;

/// Which transactions are undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These, and no others.
    Only(Vec<Target>),
    /// This one and everything after it.
    BackTo(Target),
}

/// What the undo is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// INSERT, UPDATE and DELETE statements. They need the names of the columns, and fire triggers.
    Sql,
    /// BINLOG statements with inverted rows events. They need no names, and fire no triggers.
    Base64,
    /// A binary log with inverted rows events: for whatever reads one, also a server's applier.
    Binlog,
}

/// What is to be undone, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which transactions.
    pub scope: Scope,
    /// Which of them, and which of their tables. Empty means all.
    pub filter: Filter,
    /// As what.
    pub format: Format,
    /// Definitions that the user has: those of a dump. They count where the logs have none.
    pub schema: Schema,
    /// A dump whose rows say what neither the undone events nor earlier ones have.
    pub dump: Option<PathBuf>,
    /// About how many bytes a statement may have; one large row may exceed it.
    pub packet_bytes: usize,
    /// Rows of each transaction of the script; all in one if none. Not for [`Format`]s that are no
    /// script.
    pub batch: Option<NonZeroU64>,
    /// The first of these transactions that is written, counted from 1: those before were committed.
    pub resume_at: u64,
    /// Whether the undo as rows events is checked against the rows that are there.
    pub checks: bool,
    /// What is done where later changes touch the same rows.
    pub conflicts: Conflicts,
    /// Undoes what rows there are, although foreign keys may have changed others without a trace in
    /// the logs.
    pub accept_cascades: bool,
    /// Undoes what can be read, although what damaged ranges did to the same rows is not known.
    pub accept_damage: bool,
    /// Bytes of a log that a thread looks at by itself: [`PIECE_BYTES`].
    pub piece_bytes: u64,
}

impl Request {
    /// A request without filters and definitions, in packets of [`PACKET_BYTES`].
    #[must_use]
    pub fn new(scope: Scope, format: Format) -> Self {
        Request {
            scope,
            filter: Filter::default(),
            format,
            schema: Schema::new(Source::Dump),
            dump: None,
            packet_bytes: PACKET_BYTES,
            batch: None,
            resume_at: 1,
            checks: true,
            conflicts: Conflicts::Refuse,
            accept_cascades: false,
            accept_damage: false,
            piece_bytes: PIECE_BYTES,
        }
    }
}

impl Request {
    /// Whether transactions may stay behind the first that is undone.
    pub(super) fn may_leave_some(&self) -> bool {
        matches!(self.scope, Scope::Only(_)) || self.filter != Filter::default()
    }
}

impl Scope {
    /// Log and position of the first transaction that is undone: what is damaged behind it may have
    /// touched the same rows.
    pub(super) fn first(&self) -> Option<(usize, u64)> {
        match self {
            Scope::Only(targets) => targets.iter().map(|t| (t.log, t.start)).min(),
            Scope::BackTo(target) => Some((target.log, target.start)),
        }
    }

    /// Whether the transaction that starts at `start` of log number `log` is undone.
    pub(super) fn contains(&self, log: usize, start: u64) -> bool {
        match self {
            Scope::Only(targets) => targets.iter().any(|t| t.log == log && t.start == start),
            Scope::BackTo(target) => (log, start) >= (target.log, target.start),
        }
    }
}
