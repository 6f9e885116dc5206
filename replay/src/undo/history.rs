//! The forward walk: which transactions took effect, in which order, and where they are.
//!
//! An XA transaction takes effect where it is decided, and its rows stand where it was prepared. So
//! the whole log set is walked, whatever is asked.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use binlog_parser::error::Location;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::parallel::{self, Piece};
use binlog_parser::scan::{Damage, DamageReason, RawEvent};
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Plain, Step, Transaction, Unit, Units, step};

use super::conflicts::Fate;
use super::index::{Entry, Format, Index};
use super::memory::Pool;
use super::refusals::{Refusals, WAY_OUT};
use super::report::Report;
use super::request::{Request, Scope};
use super::rows_statement::at;
use super::sums::{self, Sums};
use super::unreadable::unreadable;
use crate::error::Result;
use crate::select::Selected;

/// What looks on while the logs are walked.
pub(super) trait Observer {
    /// A transaction that is to be undone, when it takes effect: the last entry of `index`, which
    /// knows if only some of its rows are meant.
    ///
    /// # Errors
    /// Whatever keeps the walk from going on.
    fn undone(&mut self, index: &Index, transaction: &Transaction<'_>) -> Result<()>;

    /// Whether [`Observer::stays`] wants to be told anything.
    fn watches(&self) -> bool;

    /// A transaction that was not asked for, when it takes effect.
    ///
    /// # Errors
    /// Whatever keeps the walk from going on.
    fn stays(&mut self, entry: Entry, index: &Index, transaction: &Transaction<'_>)
    -> Result<Fate>;

    /// Any transaction, in the order of the logs, before the others are told of it.
    ///
    /// # Errors
    /// Whatever keeps the walk from going on.
    fn seen(&mut self, log: &Log, format: &Format, transaction: &Transaction<'_>) -> Result<()>;

    /// A piece of whose transactions all from one on are undone, summed up. Returns false if it has
    /// to be walked: then nothing of it was taken in.
    fn summed(&mut self, format: &FormatDescription, sums: &Sums) -> bool;

    /// Where to put what stands against the undo, and what is to be said of it.
    fn notes(&mut self) -> (&mut Refusals, &mut Report);
}

/// A transaction that waits for XA COMMIT or XA ROLLBACK.
struct Prepared {
    entry: Entry,
    /// Whether its own address was asked for.
    wanted: bool,
}

/// The walk over a log set.
pub(super) struct History<'s> {
    set: &'s LogSet,
    request: &'s Request,
    index: Index,
    prepared: HashMap<String, Prepared>,
}

/// Walks `set`, tells `observer` what is found, and returns what is to be undone. `index` is empty
/// but for what was rebuilt already.
///
/// # Errors
/// An event that cannot be read, or what `observer` says.
pub(super) fn walk(
    set: &LogSet,
    request: &Request,
    index: Index,
    observer: &mut impl Observer,
) -> Result<Index> {
    let mut history = History { set, request, index, prepared: HashMap::new() };
    for number in 0..set.logs().len() {
        history.log(number, observer)?;
    }
    history.undecided(observer);
    Ok(history.index)
}

impl History<'_> {
    fn log(&mut self, number: usize, observer: &mut impl Observer) -> Result<()> {
        let (set, request) = (self.set, self.request);
        let log = &set.logs()[number];
        self.begin_format(number, FIRST_EVENT, Arc::new(log.format().clone()));
        let mut open = None;
        if observer.watches() {
            self.units(number, &mut Units::new(log.scan()), &mut open, observer)?;
        } else {
            let (mut start, mut state) = (FIRST_EVENT, Ok(()));
            let memories = Pool::<sums::Memory>::default();
            let sum = |units: &mut Units<'_>| {
                let mut memory = memories.take().unwrap_or_default();
                let sums = sums::sum(request, (number, log), units, &mut memory);
                memories.give(memory);
                sums
            };
            parallel::stream(log, parallel::whole(log), request.piece_bytes, sum, |piece| {
                state = match piece {
                    Piece::Made { end, made } => {
                        let range = start..end;
                        start = end;
                        self.summed(number, range, &made, &mut open, observer)
                    }
                    Piece::Large(units) => {
                        let state = self.units(number, &mut *units, &mut open, observer);
                        start = units.offset();
                        state
                    }
                };
                if state.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            state?;
        }
        self.cut(log, open, true, observer);
        Ok(())
    }

    /// Takes in a piece that was summed up.
    fn summed(
        &mut self,
        number: usize,
        range: Range<u64>,
        sums: &Sums,
        open: &mut Option<u64>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let log = &self.set.logs()[number];
        let Some(format) = self.index.formats.last() else { return Ok(()) };
        if !observer.summed(&format.description, sums) {
            let scan = log.scan_from(range.start).with_format(format.description.as_ref().clone());
            return self.units(number, &mut Units::new(scan.until(range.end)), open, observer);
        }
        self.cut(log, open.take(), false, observer);
        if !sums.undone.is_empty() {
            let format = self.index.formats.len() as u32 - 1;
            self.index.runs.insert(self.index.entries.len(), sums.undone.end);
            let start = sums.undone.start;
            self.index.entries.push(Entry { log: number as u32, format, start });
        }
        Ok(())
    }

    /// Takes in what a log, or a piece of it, is made of. `open` is where the last transaction
    /// started, if it has no end.
    fn units(
        &mut self,
        number: usize,
        units: &mut Units<'_>,
        open: &mut Option<u64>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let log = &self.set.logs()[number];
        let mut inflated = Inflated::default();
        while let Some(unit) = units.next() {
            match unit {
                Unit::Transaction(transaction) => {
                    self.cut(log, open.take(), false, observer);
                    match transaction.ending {
                        Ending::Open if self.in_scope(number, &transaction)? => {
                            *open = Some(transaction.start());
                        }
                        Ending::Open => {}
                        Ending::Headless => self.headless(number, log, &transaction, observer),
                        _ => {
                            let plain = transaction.plain(&mut inflated, units.format());
                            self.plain(number, log, &plain, observer)?;
                        }
                    }
                }
                Unit::Control(event) => {
                    self.cut(log, open.take(), true, observer);
                    if event.event_type() == EventType::FORMAT_DESCRIPTION {
                        let format = Arc::new(units.format().clone());
                        self.begin_format(number, event.offset, format);
                    }
                    self.control(number, log, &event, observer);
                }
                Unit::Damage(damage) => {
                    self.cut(log, open.take(), is_tail(&damage), observer);
                    self.damage(number, log, &damage, observer)?;
                }
            }
        }
        Ok(())
    }

    /// A transaction that has no end was rolled back if the log ends there, too; else nobody knows.
    fn cut(&self, log: &Log, open: Option<u64>, ends: bool, observer: &mut impl Observer) {
        let Some(start) = open else { return };
        let place = log.location(start);
        let (refusals, report) = observer.notes();
        if ends {
            report.warn(format!("{place}: not committed when the log ended, so not undone"));
        } else if self.request.accept_damage {
            report
                .lost
                .push(format!("{place}: the transaction lacks its end, so it is not undone"));
        } else {
            refusals.add(place, "the end of the transaction is missing", ACCEPT);
        }
    }

    /// What is left of a transaction whose beginning is lost cannot be told apart from others.
    fn headless(
        &self,
        number: usize,
        log: &Log,
        transaction: &Transaction<'_>,
        observer: &mut impl Observer,
    ) {
        if !self.is_after_first(number, transaction.end()) {
            return;
        }
        let place = log.location(transaction.start());
        let why = format!("what stands here to {} lacks its beginning", transaction.end());
        let (refusals, report) = observer.notes();
        if self.request.accept_damage {
            report.lost.push(format!("{place}: {why}, so it is not undone"));
        } else {
            refusals.add(place, why, ACCEPT);
        }
    }

    fn control(
        &self,
        number: usize,
        log: &Log,
        event: &RawEvent<'_>,
        observer: &mut impl Observer,
    ) {
        if !self.is_after_cut(number, event.offset) {
            return;
        }
        if let Some(why) = unreadable(event) {
            let place = event.location(log);
            observer.notes().0.add(place, why, WAY_OUT);
        }
    }

    /// Damage behind what is undone may have changed the same rows; a torn tail was rolled back.
    fn damage(
        &self,
        number: usize,
        log: &Log,
        damage: &Damage,
        observer: &mut impl Observer,
    ) -> Result<()> {
        if damage.reason.is_change() {
            log.check_unchanged()?;
        }
        if !self.is_after_first(number, damage.range.end) {
            return Ok(());
        }
        let place = log.location(damage.range.start);
        let why = format!("damaged to {}: {}", damage.range.end, damage.reason);
        let (refusals, report) = observer.notes();
        if is_tail(damage) {
            report.warn(format!("{place}: {why}"));
        } else if self.request.accept_damage {
            report.lost.push(format!(
                "{place}: {why}; whether it changed the rows of the undo once more is not known"
            ));
        } else {
            refusals.add(place, why, ACCEPT);
        }
        Ok(())
    }

    /// Takes in a transaction, unless it is compressed and cannot be opened.
    fn plain(
        &mut self,
        number: usize,
        log: &Log,
        plain: &Plain<'_>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let Plain { transaction, damage } = plain;
        let Some(damage) = damage else {
            return self.transaction(number, transaction, observer);
        };
        if self.in_scope(number, transaction)? || self.is_after_first(number, damage.range.end) {
            let (place, why) = (damage.location(log), &damage.fault);
            let (refusals, report) = observer.notes();
            if self.request.accept_damage {
                report.lost.push(format!("{place}: {why}, so the transaction is not undone"));
            } else {
                refusals.add(place, why.to_string(), ACCEPT);
            }
        }
        Ok(())
    }

    fn transaction(
        &mut self,
        number: usize,
        transaction: &Transaction<'_>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let log = &self.set.logs()[number];
        let format = self.index.formats.len() as u32 - 1;
        observer.seen(log, &self.index.formats[format as usize], transaction)?;
        let entry = Entry { log: number as u32, format, start: transaction.start() };
        let wanted = self.in_scope(number, transaction)?;
        if let Some(xid) = prepared_xid(log, transaction)? {
            self.prepared.insert(xid, Prepared { entry, wanted });
            return Ok(());
        }
        if let Some((commit, xid)) = decision(log, transaction)? {
            return self.decide(log.location(entry.start), wanted, commit, &xid, observer);
        }
        self.effect(wanted, entry, transaction, observer)
    }

    /// A transaction takes effect.
    fn effect(
        &mut self,
        wanted: bool,
        entry: Entry,
        transaction: &Transaction<'_>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        if wanted {
            return self.undo(entry, transaction, observer);
        }
        if !observer.watches() {
            return Ok(());
        }
        match observer.stays(entry, &self.index, transaction)? {
            Fate::Stays => Ok(()),
            Fate::Undone => self.undo(entry, transaction, observer),
            Fate::Rows(picked) => {
                self.index.picked.insert(self.index.entries.len(), picked);
                self.undo(entry, transaction, observer)
            }
        }
    }

    fn decide(
        &mut self,
        place: Location,
        wanted: bool,
        commit: bool,
        xid: &str,
        observer: &mut impl Observer,
    ) -> Result<()> {
        match self.prepared.remove(xid) {
            Some(prepared) if commit => {
                let wanted = wanted || prepared.wanted;
                if wanted || observer.watches() {
                    let mut inflated = Inflated::default();
                    let (_, transaction) =
                        self.index.load(self.set, prepared.entry, &mut inflated)?;
                    self.effect(wanted, prepared.entry, &transaction, observer)?;
                }
            }
            None if commit && wanted => {
                let why = format!("XA COMMIT {xid}: where it was prepared is not in the logs");
                observer.notes().0.add(place, why, "give the older logs, too");
            }
            Some(prepared) if !commit && prepared.wanted => {
                let place = self.location(prepared.entry);
                let warning = format!("{place}: XA {xid} was rolled back, so not undone");
                observer.notes().1.warn(warning);
            }
            _ => {}
        }
        Ok(())
    }

    fn undo(
        &mut self,
        entry: Entry,
        transaction: &Transaction<'_>,
        observer: &mut impl Observer,
    ) -> Result<()> {
        self.index.entries.push(entry);
        observer.undone(&self.index, transaction)
    }

    /// What is prepared and not decided holds its locks, and has no effect that could be undone.
    fn undecided(&self, observer: &mut impl Observer) {
        let mut undecided: Vec<_> = self.prepared.iter().filter(|(_, p)| p.wanted).collect();
        undecided.sort_by_key(|(_, prepared)| (prepared.entry.log, prepared.entry.start));
        for (xid, prepared) in undecided {
            let why = format!("XA {xid} is prepared, and neither committed nor rolled back");
            let hint = "run XA ROLLBACK on the server instead; it undoes the transaction";
            observer.notes().0.add(self.location(prepared.entry), why, hint);
        }
    }

    fn location(&self, entry: Entry) -> Location {
        self.set.logs()[entry.log as usize].location(entry.start)
    }

    fn in_scope(&self, number: usize, transaction: &Transaction<'_>) -> Result<bool> {
        Ok(self.request.scope.contains(number, transaction.start())
            && self.request.filter.selects(self.set, number, transaction)? == Selected::Yes)
    }

    /// Whether what ends at `end` stands behind the first transaction that is undone.
    fn is_after_first(&self, number: usize, end: u64) -> bool {
        self.request.scope.first().is_some_and(|first| (number, end) > first)
    }

    /// Whether what ends at `end` belongs to "everything after".
    fn is_after_cut(&self, number: usize, end: u64) -> bool {
        match &self.request.scope {
            Scope::Only(_) => false,
            Scope::BackTo(target) => (number, end) > (target.log, target.start),
        }
    }

    fn begin_format(&mut self, log: usize, offset: u64, description: Arc<FormatDescription>) {
        self.index.formats.push(Format { log, offset, description });
    }
}

/// The way out of damage.
const ACCEPT: &str = "give an undamaged copy of the log; or add --accept-damage to leave out what cannot be read: rows \
     that it changed are then overwritten unseen";

/// Whether a range is the end of a log that was cut while it was written.
pub(super) fn is_tail(damage: &Damage) -> bool {
    matches!(damage.reason, DamageReason::Torn { .. } | DamageReason::ZeroTail)
}

/// Name of the XA transaction that is prepared here, and left to be decided.
pub(super) fn prepared_xid(log: &Log, transaction: &Transaction<'_>) -> Result<Option<String>> {
    let Some(event) = transaction.events.last() else { return Ok(None) };
    if transaction.ending != Ending::XaPrepare {
        return Ok(None);
    }
    let prepare = XaPrepareEvent::parse(event.body()).map_err(|fault| at(fault, log, event))?;
    Ok((!prepare.one_phase).then(|| prepare.xid.to_string().to_ascii_lowercase()))
}

/// Whether an XA transaction is committed here (or rolled back), and its name.
pub(super) fn decision(log: &Log, transaction: &Transaction<'_>) -> Result<Option<(bool, String)>> {
    let Some(event) = transaction.events.last() else { return Ok(None) };
    if event.event_type() != EventType::QUERY {
        return Ok(None);
    }
    let query = event.query().map_err(|fault| at(fault, log, event))?;
    if step(query.text) != Step::XaDecision {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(query.text).to_ascii_lowercase();
    let commit = text.starts_with("xa commit");
    let xid = text.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).map(|(_, xid)| xid);
    Ok(Some((commit, xid.unwrap_or_default().trim().to_owned())))
}
