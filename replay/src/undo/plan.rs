//! An undo that is planned, and not written yet.

use std::io::Write;

use binlog_parser::address::EventAddress;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};

use super::history;
use super::index::Index;
use super::planner::Planner;
use super::report::Report;
use super::request::{Format, Request, Scope};
use super::tables::Tables;
use super::{base64, log_file, sql};
use crate::error::{Error, Result};
use crate::select::Target;

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
/// [`crate::Error::Usage`] if [`Scope::Only`] names what is no transaction.
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
/// As [`plan`], but for refusals.
pub fn survey<'s>(set: &'s LogSet, request: &'s Request) -> Result<(Plan<'s>, Option<Error>)> {
    if let Scope::Only(targets) = &request.scope {
        targets.iter().try_for_each(|target| is_transaction(set, target))?;
    }
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

/// Whether an address is that of a transaction. MariaDB writes events of its own between them, where
/// a moment before the log ended.
fn is_transaction(set: &LogSet, target: &Target) -> Result<()> {
    let log = &set.logs()[target.log];
    let mut units = Units::new(log.scan_from(target.start));
    let Some(Unit::Control(event)) = units.next() else { return Ok(()) };
    let next = units.find_map(|unit| match unit {
        Unit::Transaction(transaction) => Some(transaction.start()),
        _ => None,
    });
    let next = next.map_or_else(
        || "no transaction follows in this log".to_owned(),
        |start| format!("the next transaction starts at {start}"),
    );
    Err(Error::Usage(format!(
        "{}: a {} event stands here, and nothing that could be undone; {next}",
        EventAddress::new(log.name(), target.start),
        event.event_type().name(),
    )))
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
