//! An undo that is known to be possible, and not written yet.

use std::io::Write;

use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;

use super::base64;
use super::history::{self, Observer};
use super::index::{Entry, Format as LogFormat, Index};
use super::judge::Judge;
use super::refusals::Refusals;
use super::report::Report;
use super::request::{Format, Request};
use crate::error::{Error, Result};

/// An undo that is known to be possible. Nothing is written yet.
#[derive(Debug)]
pub struct Plan<'s> {
    set: &'s LogSet,
    request: &'s Request,
    index: Index,
    report: Report,
}

/// Finds out what `request` asks for, and whether all of it can be undone.
///
/// # Errors
/// [`crate::Error::Refused`] with everything that stands against it: statements without rows to
/// reverse, images that lack columns, transactions whose end is not known. A log that cannot be
/// read.
pub fn plan<'s>(set: &'s LogSet, request: &'s Request) -> Result<Plan<'s>> {
    if request.format == Format::Sql {
        let hint = "--format base64 needs no names";
        return Err(Error::refused("the names of the columns are not known", hint));
    }
    let judge =
        Judge { filter: &request.filter, refusals: Refusals::default(), report: Report::default() };
    let mut planner = Planner { set, judge };
    let index = history::walk(set, request, &mut planner)?;
    let Judge { refusals, mut report, .. } = planner.judge;
    match refusals.into_error() {
        Some(refusal) => Err(refusal),
        None => {
            closing_words(&mut report);
            Ok(Plan { set, request, index, report })
        }
    }
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
        self.report.largest_packet = base64::write(self.set, &self.index, self.request, out)?;
        Ok(self.report)
    }
}

/// What is true of every undo.
fn closing_words(report: &mut Report) {
    if report.rows() > 0 {
        report.warn("AUTO_INCREMENT counters and sequences do not go back");
    }
}

struct Planner<'s> {
    set: &'s LogSet,
    judge: Judge<'s>,
}

impl Observer for Planner<'_> {
    fn undone(&mut self, entry: Entry, index: &Index, transaction: &Transaction<'_>) -> Result<()> {
        let log = &self.set.logs()[entry.log as usize];
        self.judge.transaction(log, index.format(entry), transaction, |_, _, _| Ok(()))
    }

    fn seen(&mut self, _: &Log, _: &LogFormat, _: &Transaction<'_>) -> Result<()> {
        Ok(())
    }

    fn notes(&mut self) -> (&mut Refusals, &mut Report) {
        (&mut self.judge.refusals, &mut self.judge.report)
    }
}
