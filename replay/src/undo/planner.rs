//! What is gathered while the logs are walked, and what is concluded from it.

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;

use super::backward;
use super::conflicts::{Conflicts, Fate, Place, Watch, spare};
use super::history::Observer;
use super::index::{Entry, Format as LogFormat, Index};
use super::judge::Judge;
use super::rebuild::{self, KeyGaps};
use super::refusals::{Refusals, WAY_OUT};
use super::report::Report;
use super::request::{Format, Request};
use super::rows_planner::RowsPlanner;
use super::sums::Sums;
use super::tables::{Drift, Tables};
use crate::error::{Error, Result};

/// Most transactions that are named because they depend on others.
const NAMED: usize = 1_000;

/// How many conflicts a refusal spells out.
const CONFLICTS_SHOWN: usize = 20;

/// The ways out of a conflict.
const CONFLICTS_HINT: &str = "look at them with --dry-run, then choose: --conflicts nonconflict-only undoes the \
     other rows, cascade undoes the later transactions too, force undoes the later changes of these \
     rows";

/// The way out where foreign keys changed rows that no log tells of.
const CASCADES_HINT: &str = "restore a backup and run `binlog replay --skip ADDR` on the logs since then; or add \
     --accept-cascades to undo what the logs hold, if the child tables had no such rows";

/// What is gathered while the logs are walked.
pub(super) struct Planner<'s> {
    set: &'s LogSet,
    request: &'s Request,
    judge: Judge<'s>,
    rows: RowsPlanner,
    /// Where transactions may stay behind those that are undone.
    watch: Option<Watch<'s>>,
}

impl<'s> Planner<'s> {
    pub fn new(set: &'s LogSet, request: &'s Request) -> Self {
        let filter = &request.filter;
        let judge = Judge { filter, refusals: Refusals::default(), report: Report::default() };
        let watch = request.may_leave_some().then(|| Watch::new(request.conflicts, filter));
        Planner { set, request, judge, rows: RowsPlanner::new(request), watch }
    }

    /// As [`Planner::new`], where values of keys that events lack were looked for already.
    pub fn seeing(set: &'s LogSet, request: &'s Request) -> Self {
        let mut planner = Planner::new(set, request);
        planner.key_gaps();
        planner
    }

    /// Keys that events lack without which conflicts are not seen, to be looked for before all is
    /// walked once more; from then on they are not gathered.
    pub fn key_gaps(&mut self) -> Option<KeyGaps> {
        let gaps = self.watch.as_mut().and_then(|watch| watch.gaps.take());
        gaps.filter(|gaps| !gaps.is_empty())
    }

    /// What the logs know of their tables.
    pub fn tables(&self) -> &Tables {
        &self.rows.tables
    }

    fn place<'p>(&self, index: &'p Index, entry: Entry) -> Place<'p>
    where
        's: 'p,
    {
        Place::new(self.set, index, entry)
    }
}

impl Observer for Planner<'_> {
    fn undone(&mut self, index: &Index, transaction: &Transaction<'_>) -> Result<()> {
        let Some(number) = index.entries.len().checked_sub(1) else { return Ok(()) };
        let place = self.place(index, index.entries[number]);
        let picked = index.picked.get(&number);
        let rows = &mut self.rows;
        let judge = &mut self.judge;
        judge.transaction(
            place.log,
            place.format,
            transaction,
            picked,
            |judge, statement, event| rows.event(judge, place, statement, event),
        )?;
        let Some(watch) = &mut self.watch else { return Ok(()) };
        // The fingerprints of picked rows were taken when they were picked.
        if picked.is_some() {
            return Ok(());
        }
        watch.undone(&self.rows.tables, place, transaction, number)
    }

    fn watches(&self) -> bool {
        self.watch.is_some()
    }

    fn stays(
        &mut self,
        entry: Entry,
        index: &Index,
        transaction: &Transaction<'_>,
    ) -> Result<Fate> {
        let place = self.place(index, entry);
        let Some(watch) = &mut self.watch else { return Ok(Fate::Stays) };
        let entries = index.entries.len();
        let fate = watch.later(&self.rows.tables, place, transaction, entry, entries)?;
        if fate != Fate::Stays {
            let report = &mut self.judge.report;
            report.dependent_count += 1;
            if report.dependent.len() < NAMED {
                report.dependent.push(EventAddress::new(place.log.name(), transaction.start()));
            }
        }
        Ok(fate)
    }

    fn seen(&mut self, log: &Log, format: &LogFormat, transaction: &Transaction<'_>) -> Result<()> {
        let changed = self
            .rows
            .tables
            .follow(format.log, &format.description, transaction)
            .map_err(|fault| Error::at(fault, log.location(transaction.start())))?;
        if changed {
            self.rows.forget_children();
            if let Some(watch) = &mut self.watch {
                watch.forget_keys();
            }
        }
        Ok(())
    }

    fn summed(&mut self, format: &FormatDescription, sums: &Sums) -> bool {
        let taken = self.rows.sums(&mut self.judge, format, sums);
        if taken {
            self.judge.sums(sums);
        }
        taken
    }

    fn notes(&mut self) -> (&mut Refusals, &mut Report) {
        (&mut self.judge.refusals, &mut self.judge.report)
    }
}

impl Planner<'_> {
    /// What can be told when the whole history is known: the tables, the report, and what stands
    /// against the undo.
    ///
    /// # Errors
    /// An event that cannot be read any more.
    pub fn conclude(mut self, index: &mut Index) -> Result<(Tables, Report, Option<Error>)> {
        self.drifts();
        self.cascades();
        self.conflicts(index)?;
        self.rebuild(index)?;
        if self.judge.report.rows() > 0 {
            self.judge.report.warn("AUTO_INCREMENT counters and sequences do not go back");
        }
        let Judge { refusals, report, .. } = self.judge;
        Ok((self.rows.tables, report, refusals.into_error()))
    }

    /// Makes rows whole that lack columns, and looks at their values.
    fn rebuild(&mut self, index: &mut Index) -> Result<()> {
        let partial = std::mem::take(&mut self.rows.partial);
        if partial.is_empty() {
            return Ok(());
        }
        let (refusals, dump) = (&mut self.judge.refusals, self.request.dump.as_deref());
        rebuild::rebuild(self.set, index, &self.rows.tables, dump, partial, refusals)?;
        if self.request.format != Format::Sql || !self.judge.refusals.is_empty() {
            return Ok(());
        }
        let (judge, rows) = (&mut self.judge, &mut self.rows);
        backward::walk(self.set, index, |visited| {
            for event in &visited.statement.rows {
                let map = visited.statement.map_of(event);
                let name = map.name();
                let selected = judge.filter.selects_table(&name.database, &name.table);
                if event.rows.has_full_images() || !selected {
                    continue;
                }
                if let Ok(table) = rows.tables.table(map, visited.log_number, visited.format) {
                    rows.values(judge, visited.log, &table, event, map.layout())?;
                }
            }
            Ok(())
        })
    }

    fn conflicts(&mut self, index: &mut Index) -> Result<()> {
        let Some(watch) = &mut self.watch else { return Ok(()) };
        let Judge { report, refusals, filter } = &mut self.judge;
        let tables = &self.rows.tables;
        refusals.append(std::mem::take(&mut watch.against));
        (report.conflicts, report.conflict_count) = watch.conflicts(self.set, tables, index)?;
        if report.conflict_count == 0 {
            return Ok(());
        }
        match self.request.conflicts {
            Conflicts::Refuse => {
                let count = report.conflict_count;
                let mut what = format!(
                    "{count} later change{} of what is undone:",
                    if count == 1 { "" } else { "s" }
                );
                for conflict in report.conflicts.iter().take(CONFLICTS_SHOWN) {
                    what.push_str(&format!("\n    {}", conflict.to_string().replace('\n', "\n  ")));
                }
                let more = count - report.conflicts.len().min(CONFLICTS_SHOWN) as u64;
                if more > 0 {
                    what.push_str(&format!("\n    and {more} more"));
                }
                refusals.add_sentence(what, CONFLICTS_HINT);
                Ok(())
            }
            Conflicts::NonconflictOnly => {
                let left = |table: &_, kind| report.spare(table, kind);
                spare(self.set, watch, tables, filter, index, left)
            }
            Conflicts::Cascade | Conflicts::Force => Ok(()),
        }
    }

    fn cascades(&mut self) {
        for ((name, deleted), place) in std::mem::take(&mut self.rows.cascades) {
            let children = self.rows.tables.children(&name, deleted);
            let children: Vec<_> = children.iter().map(ToString::to_string).collect();
            let what = if deleted { "deletes" } else { "updates of keys" };
            let why = format!(
                "foreign keys of {} follow {what} in {name}: what they changed is not in the logs, so \
                 it is not undone",
                children.join(", "),
            );
            if self.request.accept_cascades {
                self.judge.report.warn(why);
            } else {
                self.judge.refusals.add(place, why, CASCADES_HINT);
            }
        }
    }

    fn drifts(&mut self) {
        for (name, (stamp, place)) in &self.rows.first {
            let place = place.clone();
            let refusals = &mut self.judge.refusals;
            match self.rows.tables.drift(name, *stamp) {
                None => {}
                Some(Drift::Gone) => {
                    refusals.add(place, format!("{name} was dropped or renamed later"), WAY_OUT);
                }
                Some(Drift::Other) => {
                    let why = format!("{name} has other columns now, by a later ALTER TABLE");
                    refusals.add(place, why, WAY_OUT);
                }
                Some(Drift::Longer) => self.judge.report.warn(format!(
                    "{name} has more columns now: rows that come back get the defaults there"
                )),
                Some(Drift::Unknown) => self.judge.report.warn(format!(
                    "{name} was changed later by a statement that is not understood: compare its \
                     columns"
                )),
            }
        }
    }
}
