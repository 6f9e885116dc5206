//! What becomes of each unit of the logs: the same choice as for a stream of statements.

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::Damage;
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Transaction, Unit};

use crate::error::{Error, Result};
use crate::select::{Selected, gtid_of};
use crate::stream::{Lost, Manifest, Options, Part, Partial, Reach, gaps};

/// How many transactions are named that lie on both sides of a time limit.
const STRADDLING_NAMED: usize = 20;

/// What becomes of a unit.
#[derive(Debug)]
pub(super) enum Choice<'a> {
    /// The transaction goes in.
    Take(Transaction<'a>),
    /// The beginning of a transaction goes in, and is committed; the cut ends behind it.
    Commit(Transaction<'a>),
    /// The transaction is left out because it was named so; its GTID is consumed.
    Skip(Transaction<'a>),
    /// Nothing goes in.
    Pass,
    /// The cut ends before the unit.
    End,
}

/// The way through the logs, with what it leaves out by name.
#[derive(Debug)]
pub(super) struct Course<'c> {
    pub set: &'c LogSet,
    pub options: &'c Options,
    pub manifest: Manifest,
    /// The transaction before, if it has no end: damage behind it tells why.
    cut: Option<Lost>,
    /// What stands in the log under way.
    extent: Extent,
}

impl<'c> Course<'c> {
    pub fn new(set: &'c LogSet, options: &'c Options) -> Self {
        let (manifest, extent) = (Manifest::default(), Extent::default());
        Course { set, options, manifest, cut: None, extent }
    }

    /// Whether the cut goes on with log number `index`: not if transactions are missing before it.
    pub fn goes_on_with(&mut self, index: usize) -> bool {
        let held = std::mem::take(&mut self.extent);
        let before = index.checked_sub(1).and_then(|before| self.set.logs().get(before));
        let (Some(before), Some(log)) = (before, self.set.logs().get(index)) else { return true };
        let gaps = gaps::between(&held, before, log);
        let whole = gaps.is_empty();
        self.manifest.gaps.extend(gaps);
        whole || self.options.goes_on_behind_gaps()
    }

    /// Decides about the next unit of log number `index`.
    pub fn choose<'a>(
        &mut self,
        index: usize,
        log: &Log,
        unit: Unit<'a>,
        format: &FormatDescription,
    ) -> Result<Choice<'a>> {
        let transaction = match unit {
            Unit::Transaction(transaction) => transaction,
            Unit::Control(event) => {
                self.extent.event(&event);
                let ends = self.options.ends_before(index, event.offset);
                return Ok(if ends { Choice::End } else { Choice::Pass });
            }
            Unit::Damage(damage) => return self.damage(log, damage),
        };
        // What lacks its end did not take effect, as far as this log tells.
        if let Some(event) = transaction.gtid_event().filter(|_| transaction.ending != Ending::Open)
        {
            self.extent.event(event);
        }
        match self.reach(index, log, &transaction, format)? {
            Reach::Whole => self.transaction(index, log, transaction),
            Reach::Behind => Ok(Choice::End),
            Reach::Part(part) => self.part(index, log, part),
        }
    }

    /// How far the cut goes into a transaction. Of a compressed one, relay logs hold all or nothing.
    fn reach<'a>(
        &mut self,
        index: usize,
        log: &Log,
        transaction: &Transaction<'a>,
        format: &FormatDescription,
    ) -> Result<Reach<'a>> {
        let Options { stop_before, stop_after, .. } = self.options;
        let targets = [stop_before, stop_after].into_iter().flatten();
        let inside = targets.into_iter().any(|target| target.is(index, transaction));
        let id_bytes = format.table_id_bytes();
        if !inside || !transaction.is_compressed() {
            return Ok(self.options.reach(log, index, transaction, id_bytes));
        }
        let mut inflated = Inflated::default();
        let plain = transaction.clone().plain(&mut inflated, format).transaction;
        match self.options.reach(log, index, &plain, id_bytes) {
            Reach::Whole => Ok(Reach::Whole),
            Reach::Part(part) if part.cut.partial == Partial::Commit => Err(Error::refused(
                format!("--partial commit: {}: it is compressed", part.cut.transaction),
                "use --format sql, or --partial drop, which leaves all of the transaction out",
            )),
            Reach::Part(part) => {
                self.manifest.cut = Some(part.cut);
                Ok(Reach::Behind)
            }
            Reach::Behind => Ok(Reach::Behind),
        }
    }

    fn part<'a>(&mut self, index: usize, log: &Log, part: Part<'a>) -> Result<Choice<'a>> {
        if part.cut.partial == Partial::Commit {
            part.check()?;
        }
        let Part { transaction, cut, .. } = part;
        match self.transaction(index, log, transaction)? {
            Choice::Take(transaction) => {
                let partial = cut.partial;
                self.manifest.cut = Some(cut);
                Ok(match partial {
                    Partial::Commit => Choice::Commit(transaction),
                    Partial::Drop => Choice::End,
                })
            }
            // The unit behind it ends the cut.
            choice => Ok(choice),
        }
    }

    fn damage<'a>(&mut self, log: &Log, damage: Damage) -> Result<Choice<'a>> {
        if damage.reason.is_change() {
            // What was read before may be wrong already, so the files must not come out.
            log.check_unchanged()?;
        }
        let address = EventAddress::new(log.name(), damage.range.start);
        if damage.is_unwritten_end() {
            // What the server's own recovery would cut off as well.
            self.manifest.unwritten = Some((address, damage));
            return Ok(Choice::Pass);
        }
        if !self.options.accept_damage {
            self.manifest.damage = Some((address, damage));
            return Ok(Choice::End);
        }
        if let Some(cut) = self.cut.take() {
            self.manifest.unfinished = None;
            self.manifest.lost.push(cut);
        }
        self.manifest.lost.push(Lost::Range(address, damage));
        Ok(Choice::Pass)
    }

    fn transaction<'a>(
        &mut self,
        index: usize,
        log: &Log,
        transaction: Transaction<'a>,
    ) -> Result<Choice<'a>> {
        self.cut = None;
        let (filter, at) = (&self.options.filter, address(log, &transaction));
        let manifest = &mut self.manifest;
        if filter.straddles(&transaction) && manifest.straddling.len() < STRADDLING_NAMED {
            manifest.straddling.push(at.clone());
        }
        match filter.selects(self.set, index, &transaction)? {
            Selected::Yes => {}
            Selected::Contained => {
                manifest.contained += 1;
                return Ok(Choice::Pass);
            }
            Selected::OutOfRange | Selected::Filtered => return Ok(Choice::Pass),
        }
        if transaction.ending == Ending::Headless {
            manifest.lost.push(Lost::Beginning(at, transaction.end()));
            // At the very start it is the rest of what an older relay log holds, which was not given.
            let first = index == 0 && manifest.first.is_none();
            return Ok(if self.options.accept_damage || first {
                Choice::Pass
            } else {
                Choice::End
            });
        }
        if transaction.ending == Ending::Open {
            manifest.unfinished = Some(at.clone());
            self.cut = Some(Lost::End(at, gtid_of(log, &transaction)?));
            return Ok(Choice::Pass);
        }
        if self.options.skip.iter().any(|target| target.is(index, &transaction)) {
            manifest.skipped.push(at);
            return Ok(Choice::Skip(transaction));
        }
        Ok(Choice::Take(transaction))
    }
}

pub(super) fn address(log: &Log, transaction: &Transaction<'_>) -> EventAddress {
    EventAddress::new(log.name(), transaction.start())
}
