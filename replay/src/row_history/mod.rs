//! One row's whole history: every change to the row with a key, and what it was at a moment.
//!
//! ```text
//! walk       forward, once: pruned by table map, and by key before any other value is decoded
//!   table    columns and key of the table as of a table map
//!   row      what the row is, as far as the changes so far tell
//! ```
//!
//! The row is the one that has the key that is asked for. Where an update gives it another key, its
//! changes under that one are told as well; what it *was* is asked of the key alone, as a SELECT
//! with the key at that moment would have answered.

mod row;
mod table;
mod walk;

use binlog_parser::address::EventAddress;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::row::{Columns, RowImage, Value};

use crate::schema::{Schema, TableName};
use crate::select::{Filter, Target};

pub use row::{KnownRow, State};
pub use walk::walk;

/// Which row is asked for.
#[derive(Debug)]
pub struct Request {
    /// Its table.
    pub table: TableName,
    /// Its key: a text for each column of it, in the key's order.
    pub key: Vec<String>,
    /// Whether a text is a value. The collation is that of the value's column.
    pub same: fn(&str, &Value<'_>, Option<u16>) -> bool,
    /// Moment that is asked for: just before the event that this names.
    pub as_of: Option<Target>,
    /// Which transactions are told; all count.
    pub filter: Filter,
    /// Definitions that the user has.
    pub schema: Schema,
}

/// Something that changed the row, or may have.
#[derive(Debug)]
pub struct Change<'c> {
    /// Address of the event.
    pub address: EventAddress,
    /// Name of its transaction.
    pub gtid: TransactionGtid,
    /// Time of the event, in seconds since 1970.
    pub timestamp: u32,
    /// What it did.
    pub what: What<'c>,
}

/// What an event did to the row.
#[derive(Debug)]
pub enum What<'c> {
    /// It changed the row.
    Row {
        /// Columns of the table.
        columns: &'c Columns,
        /// Ordinals of the key's columns.
        key: &'c [usize],
        /// The row before; none if it was inserted.
        before: Option<RowImage<'c>>,
        /// The row after; none if it was deleted.
        after: Option<RowImage<'c>>,
        /// What became of its key.
        identity: Identity,
    },
    /// A statement of text, or DDL, which may have changed it.
    Statement {
        /// The statement.
        text: &'c [u8],
        /// Whether it is DDL on the table.
        is_ddl: bool,
    },
    /// Rows of the table in an XA transaction: whether they took effect, a later decision says.
    Prepared,
}

/// What a change did to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The row has the key that is asked for, before and after.
    Stays,
    /// The row had the key, and has another one from here on.
    Leaves,
    /// The row had another key, and has the one that is asked for from here on.
    Arrives,
    /// The row had the key once, and has another one now.
    Moved,
}

/// What a walk found.
#[derive(Debug, Default)]
pub struct History {
    /// How many changes of the row were told.
    pub changes: u64,
    /// How many statements were told that may have changed it.
    pub statements: u64,
    /// What the row was at the moment that is asked for, or is at the end of the logs.
    pub state: State,
    /// What could not be read: each a sentence.
    pub lost: Vec<String>,
}
