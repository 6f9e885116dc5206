//! Finding the statement that destroyed data.
//!
//! ```text
//! search       takes what the logs tell in their order, and looks at what may be a candidate
//!   summary      what a run of transactions tells: plain data
//!   traffic      what is known of each table: rows it has at least, sizes of its statements
//!   ddl          what statements as text do to that knowledge
//! summarise    walks a piece of a log, on any thread: texts to classify, rows to count
//!   prefilter    which texts need no reading
//!   classify     is a text destructive?
//!   flow         the sum of statements that only have to be counted
//! notes        summaries kept in a log's index, and taken from there; packed: in few bytes
//!   digest       those of all parts of a log in one
//! candidate    suspicious statements until all the logs have been seen
//! xa           what became of XA transactions
//! rank         the last word on each, and worst first
//! finding      what comes out
//! ```
//!
//! A statement of rows without its text, which is MySQL's default, has only its rows to give it
//! away. It is a finding if it changed [`Options::min_rows`] rows, or every row (two at least) of a
//! table whose rows could be counted since it was made. What the binary log does not show cannot be
//! counted: rows that foreign keys deleted in cascades (before MySQL 9.6, and in MariaDB), what a
//! session kept out of the log, and that an XA transaction was rolled back later. Then the table
//! does not count as left empty, and only a statement of many rows is found.

mod candidate;
pub mod classify;
mod classify_ddl;
mod classify_dml;
pub mod classify_kind;
mod ddl;
mod digest;
#[cfg(test)]
mod division_tests;
pub mod finding;
mod flow;
mod notes;
mod packed;
mod prefilter;
mod rank;
mod search;
mod search_rows;
mod search_text;
mod session;
mod summarise;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod traffic;
pub mod verdict;
mod xa;

use binlog_parser::source::log_set::LogSet;

pub use classify::classify;
pub use classify_kind::{FindingKind, Severity};
pub use finding::{Evidence, Finding, Report, StatementSource};
pub use notes::{NOTES_VERSION, index};
pub use verdict::{Confidence, Reason, Verdict};

use crate::select::Filter;

/// Rows from which on a DELETE or UPDATE is a finding by their number alone, unless told otherwise:
/// more than people and applications change in one statement as a rule.
pub const MIN_ROWS: u64 = 100;

/// What to look for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which transactions, and statements on which tables.
    pub filter: Filter,
    /// Rows from which on a DELETE or UPDATE is a finding by their number alone.
    pub min_rows: u64,
    /// Shows passwords in statements.
    pub reveal: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { filter: Filter::default(), min_rows: MIN_ROWS, reveal: false }
    }
}

/// Searches the logs, by their indexes where those know enough; the report is the same. `progress`
/// is told now and then how many bytes of them are done.
///
/// What the filters leave out is still counted, for it is evidence about the rest. Nothing stops
/// the search: damage and events that cannot be read stand in the report.
pub fn find(set: &LogSet, options: &Options, progress: &mut dyn FnMut(u64)) -> Report {
    let Some(mut search) = search::Search::new(set, options) else { return Report::default() };
    set.open_indexes(0..set.logs().len());
    let mut done = 0;
    for (index, log) in set.logs().iter().enumerate() {
        search.log(index, log, &mut |bytes| progress(done + bytes));
        done += log.len();
    }
    search.finish(set)
}
