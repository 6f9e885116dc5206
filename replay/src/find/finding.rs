//! A finding: a suspicious statement with its evidence.

use std::fmt;

use binlog_parser::address::EventAddress;
use binlog_parser::gtid::AnyGtid;
use binlog_parser::scan::Damage;

use super::classify_kind::{FindingKind, Severity};
use super::verdict::{Confidence, Reason};

/// Where a finding's statement was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementSource {
    /// A Query event: the statement itself is in the log.
    Query,
    /// A Rows_query event (MySQL's `binlog_rows_query_log_events`).
    RowsQuery,
    /// An Annotate_rows event (MariaDB's `binlog_annotate_row_events`).
    Annotate,
    /// Nowhere: the rows alone gave it away.
    Inferred,
}

impl StatementSource {
    /// The word for output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::RowsQuery => "rows_query",
            Self::Annotate => "annotate",
            Self::Inferred => "inferred",
        }
    }
}

impl fmt::Display for StatementSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One piece of evidence for or against a finding. [`fmt::Display`] gives the sentence for people;
/// names in it are as they stand in the log, so it has to be made safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// What the text says.
    Text(Reason),
    /// Names of what was dropped in or beside the table: columns, partitions, indexes, accounts.
    Objects(String),
    /// Further tables that the statement names.
    AlsoNames(String),
    /// What the statement did to another table, with the number of rows.
    AlsoChanged {
        /// `wrote`, `updated` or `deleted`.
        what: &'static str,
        /// How many rows.
        rows: u64,
        /// Of which table.
        table: String,
    },
    /// The table was made in these logs, and the statement took its last row.
    LeftEmpty,
    /// The table was made in these logs, and the statement changed every row in it.
    WholeTable,
    /// Rows of the table were updated or deleted later, but not more at a time than had been
    /// written since: nothing speaks for a row that was spared.
    NothingOlderLater,
    /// No other statement of those that do the same to this table comes near.
    Outlier {
        /// How many statements delete from, or update, the table, this one included.
        of: u64,
    },
    /// Other statements are about as large: it looks like routine work.
    Usual {
        /// How many.
        others: u64,
    },
    /// The same statement, but for its literals, ran again and again: it looks like routine work.
    Repeated {
        /// How often, this time included.
        times: u64,
    },
    /// At least so many rows were in the table.
    RowsKnown(u64),
    /// The table was made in these logs, and no row was in it.
    WasEmpty,
    /// IF EXISTS, or OR REPLACE, and nothing before it in these logs concerns the table.
    MaybeNotThere,
    /// The session that made the table shortly before dropped it: scratch work.
    OwnTable,
    /// The transaction was rolled back; only tables that cannot do that keep its effects.
    RolledBack,
    /// The log ends inside the transaction, so it may never have been committed.
    Unfinished,
    /// The beginning of the transaction is lost, and with it what it was.
    Headless,
    /// The transaction was prepared by XA, and committed by the event named.
    XaCommitted(EventAddress),
    /// The transaction was prepared by XA, and rolled back by the event named.
    XaRolledBack(EventAddress),
    /// The transaction was prepared by XA; these logs do not tell whether it was committed.
    XaUndecided,
    /// Its rows could not be counted.
    RowsUnreadable,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(reason) => reason.fmt(f),
            Self::Objects(names) => write!(f, "names {names}"),
            Self::AlsoNames(tables) => write!(f, "concerns {tables} too"),
            Self::AlsoChanged { what, rows, table } => write!(f, "{what} {rows} rows of {table}"),
            Self::LeftEmpty => {
                f.write_str("left the table empty: its rows are counted since it was made")
            }
            Self::WholeTable => {
                f.write_str("changed every row: those of the table are counted since it was made")
            }
            Self::NothingOlderLater => {
                f.write_str("what changes in the table later can all have been written after it")
            }
            Self::Outlier { of: 1 } => {
                f.write_str("it is the only statement that does this to the table")
            }
            Self::Outlier { of: 2 } => {
                f.write_str("the other statement that does this to the table is far smaller")
            }
            Self::Outlier { of } => {
                let others = of.saturating_sub(1);
                write!(f, "the other {others} statements that do this to the table are far smaller")
            }
            Self::Usual { others } => {
                write!(f, "{others} other statements on the table are about as large")
            }
            Self::Repeated { times } => write!(f, "the same statement ran {times} times"),
            Self::RowsKnown(rows) => write!(f, "the table had {rows} rows or more"),
            Self::WasEmpty => f.write_str("the table was empty"),
            Self::MaybeNotThere => {
                f.write_str("perhaps there was no such table: nothing before concerns it")
            }
            Self::OwnTable => f.write_str("the same session had made the table shortly before"),
            Self::RolledBack => f.write_str(
                "rolled back: only tables that cannot do that keep what the statement did",
            ),
            Self::Unfinished => f.write_str("the log ends before the transaction does"),
            Self::Headless => {
                f.write_str("the beginning of its transaction is lost in damage before it")
            }
            Self::XaCommitted(at) => write!(f, "prepared by XA, committed at {at}"),
            Self::XaRolledBack(at) => write!(f, "prepared by XA, rolled back at {at}"),
            Self::XaUndecided => f.write_str("prepared by XA: no commit is in these logs"),
            Self::RowsUnreadable => f.write_str("its rows could not be counted"),
        }
    }
}

/// A suspicious statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Address of the statement's first event, which every command takes.
    pub id: EventAddress,
    /// What it is.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is that all the data it names was hit.
    pub confidence: Confidence,
    /// Why, most telling first.
    pub reasons: Vec<Evidence>,
    /// When the statement started, in seconds since 1970 UTC.
    pub timestamp: u32,
    /// The fraction of that second in microseconds, where the log has it.
    pub microseconds: Option<u32>,
    /// Its transaction's GTID.
    pub gtid: Option<AnyGtid>,
    /// Index of its log in the set.
    pub log: usize,
    /// Stream position of the statement's first event; of the payload event around it, if its
    /// transaction is compressed.
    pub position: u64,
    /// Stream position behind its last event, or behind the payload event.
    pub end_position: u64,
    /// Address of the transaction's first event.
    pub transaction: EventAddress,
    /// The database; of several tables, the one that lost most.
    pub database: Option<Vec<u8>>,
    /// The table; `None` for what concerns a whole database, or no table.
    pub table: Option<Vec<u8>>,
    /// Rows of the tables it names that it deleted or updated, as the server counts them; `None`
    /// where they are not in the log.
    pub rows: Option<u64>,
    /// The statement's text, in the client's character set, secrets masked unless that was not
    /// wanted; `None` where the log has none.
    pub statement: Option<Vec<u8>>,
    /// Bytes of the statement's text that were left out at its end.
    pub statement_cut: usize,
    /// Where the text is from.
    pub statement_source: StatementSource,
    /// Collation id of the character set that `statement` is in, where the log says so.
    pub client_collation: Option<u16>,
    /// Connection that ran it, where the log says so.
    pub thread_id: Option<u32>,
    /// Server that wrote it first.
    pub server_id: u32,
    /// Account that ran it, `user@host`, where the log says so.
    pub user: Option<Vec<u8>>,
}

/// What a search gave.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// Findings that were only counted, for too many others were of the same kind on the same
    /// table and larger.
    pub left_out: u64,
    /// Transactions that were searched.
    pub transactions: u64,
    /// Statements of rows that were counted.
    pub row_statements: u64,
    /// How many of them had their text.
    pub row_texts: u64,
    /// Ranges that cannot be read.
    pub damage: Vec<(EventAddress, Damage)>,
    /// Events that cannot be read, the first of them; see [`Report::fault_count`].
    pub faults: Vec<binlog_parser::Error>,
    /// How many events cannot be read.
    pub fault_count: u64,
    /// Events whose kind is not looked into (partial updates): the first of them.
    pub unread: Option<(EventAddress, &'static str)>,
    /// How many these are.
    pub unread_count: u64,
}

impl Report {
    /// Whether everything in the logs was searched.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        // The end of a log that is being written never took effect.
        let damaged = self.damage.iter().any(|(_, damage)| !damage.is_unwritten_end());
        !damaged && self.fault_count == 0 && self.unread_count == 0
    }
}
