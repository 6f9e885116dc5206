//! Undo: rows that were deleted come back, rows that were inserted go, rows that were updated get
//! their old values.
//!
//! All five orders are reversed: logs, transactions, statements, events, rows.
//!
//! ```text
//! history    forward, once: which transactions took effect, and where they are     -> index
//! sums       pieces of which all is undone, on all threads ahead of it
//! judge      can each of their statements be inverted? else nothing is written     -> report
//! rebuild    rows that lack columns, made whole by earlier events
//! backward   from the newest to the oldest, one transaction at a time
//!   runs       runs of inverted rows events, as large as a packet may be
//!   base64     these in BINLOG statements
//!     guards     behind checks that all rows are as the logs left them; looks: the rows to check
//!   log_file   these in a log of their own, as a server writes one
//!   sql        INSERT, UPDATE and DELETE statements
//! ```

mod backward;
mod base64;
mod column_sql;
mod conflicts;
mod guards;
mod history;
mod index;
mod invert;
mod judge;
mod log_file;
mod looks;
pub(crate) mod maps;
mod memory;
mod picked;
mod plan;
mod planner;
mod rebuild;
mod refusals;
mod report;
mod request;
mod row;
mod rows_planner;
pub(crate) mod rows_statement;
mod runs;
mod script;
mod sql;
mod sums;
mod table_sql;
mod tables;
pub(crate) mod text_tables;
mod unreadable;

pub use conflicts::{Conflict, Conflicts, Side};
pub use plan::{Plan, plan, survey};
pub use report::{Report, RowCounts};
pub use request::{Format, PACKET_BYTES, Request, Scope};

/// First line of what is written: from here on the MariaDB client takes no commands for itself, and
/// the MySQL client reads a comment.
const SANDBOX: &[u8] = br"/*M!999999\- enable the sandbox mode */";

/// The way out where column names are not known.
const NAMES_HINT: &str = "give the table's definition with --schema FILE (a mysqldump), or take --format base64, which \
     needs no names";

/// The way out where a value has no literal.
const BASE64_HINT: &str = "take --format base64, which carries every value";

/// Lines that tell a reader what the file is. Only our own words: nothing from a log may stand in a
/// comment.
fn header_comment(whole: bool) -> [&'static str; 3] {
    [
        "-- An undo, written by binlog: the inverse of the rows that the logs hold, newest first.",
        match whole {
            true => "-- One transaction: if any check fails, nothing is changed.",
            false => {
                "-- Several transactions: go on behind the last that was told as committed (--resume-at)."
            }
        },
        "-- Run it with: mysql --binary-mode --max-allowed-packet=1G < FILE",
    ]
}
