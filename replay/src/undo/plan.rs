//! An undo that is planned, and not written yet.

use std::io::Write;

use binlog_parser::source::log_set::LogSet;

use super::history;
use super::index::Index;
use super::planner::Planner;
use super::report::Report;
use super::request::{Format, Request};
use super::tables::Tables;
use super::{base64, log_file, sql};
use crate::error::{Error, Result};

/// An undo that is planned. Nothing is written yet.
#[derive(Debug)]
pub struct Plan<'s> {
    set: &'s LogSet,
    request: &'s Request,
    index: Index,
    tables: Tables,
    report: Report,
}

/// Finds out what `request` asks for, and whether all of it can be undone.
///
/// # Errors
/// [`crate::Error::Refused`] with everything that stands against it: later changes of the same rows,
/// statements without rows to reverse, images that lack columns, transactions whose end is not known,
/// tables that are others now, and for SQL columns without names and values without literals. A log
/// that cannot be read.
pub fn plan<'s>(set: &'s LogSet, request: &'s Request) -> Result<Plan<'s>> {
    match survey(set, request)? {
        (plan, None) => Ok(plan),
        (_, Some(refusal)) => Err(refusal),
    }
}

/// As [`plan`], and tells what an undo would do even where it is refused, beside the refusal.
///
/// # Errors
/// A log that cannot be read.
pub fn survey<'s>(set: &'s LogSet, request: &'s Request) -> Result<(Plan<'s>, Option<Error>)> {
    let mut planner = Planner::new(set, request);
    let mut index = history::walk(set, request, Index::default(), &mut planner)?;
    // Values of keys that events lack are found by a walk backward; then all is seen.
    if let (Some(gaps), Some(first)) = (planner.key_gaps(), index.first()) {
        let keys = gaps.find(set, planner.tables(), request.dump.as_deref(), first)?;
        planner = Planner::seeing(set, request);
        index = history::walk(set, request, Index { keys, ..Index::default() }, &mut planner)?;
    }
    let (tables, report, refusal) = planner.conclude(&mut index)?;
    Ok((Plan { set, request, index, tables, report }, refusal))
}

impl Plan<'_> {
    /// What the undo does, and what it does not.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes the undo.
    ///
    /// # Errors
    /// What the output says; a log that cannot be read any more.
    pub fn write(mut self, out: &mut dyn Write) -> Result<Report> {
        let Plan { set, request, index, tables, .. } = &self;
        self.report.largest_packet = match request.format {
            Format::Base64 => {
                let (largest, unchecked) = base64::write(set, index, tables, request, out)?;
                if unchecked > 0 {
                    self.report.warn(format!(
                        "{unchecked} rows are not checked before they are changed, for the names of \
                         their columns or the meaning of a value are not known: of those the server \
                         compares the key alone"
                    ));
                }
                largest
            }
            Format::Binlog => log_file::write(set, index, request, out)?,
            Format::Sql => sql::write(set, index, tables, request, out)?,
        };
        for log in self.set.logs() {
            log.check_unchanged()?;
        }
        Ok(self.report)
    }
}
