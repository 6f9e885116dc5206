//! The walk over the logs: every statement's text is judged, every row counted, and what is
//! suspicious kept as a candidate until all the logs have been seen.
//!
//! ```text
//! log      | piece | piece | piece | piece |
//!              |       |       |               on all threads: Summariser, a Summary each
//!              '-------'-------'---> Search    on one, in order: tables, candidates
//!                  looks again at what may be a candidate
//! ```

use std::cell::LazyCell;
use std::iter::Peekable;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

use binlog_parser::Fault;
use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::index::Indexed;
use binlog_parser::parallel::{self, PIECE_BYTES, Piece};
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::counting::Tally;
use binlog_parser::transaction::{Ending, Statement, Transaction, Units};

use super::Options;
use super::candidate::{Basis, Candidate, Candidates};
use super::classify_kind::FindingKind;
use super::finding::{Evidence, Finding, Report, StatementSource};
use super::notes;
use super::rank;
use super::session::Session;
use super::summarise::{Course, Inflating, Summariser, plain};
use super::summary::{StatementPlace, Step, Summary, TransactionPlace};
use super::text::Text;
use super::traffic::{TableIndex, Tables};
use super::verdict::{Confidence, Verdict};
use super::xa;
use crate::select::gtid_of;
use crate::sql::Dialect;
use crate::sql::secrets::mask_secrets;

/// How many events that cannot be read are named; the rest is counted.
const FAULTS_NAMED: usize = 100;

/// Bytes of a statement's text that a finding keeps.
const STATEMENT_BYTES: usize = 64 << 10;

/// Steps that a summary has at most, about; a piece that needs more is summed up run by run.
const RUN_STEPS: usize = 1 << 16;

/// A search under way.
pub(super) struct Search<'a> {
    set: &'a LogSet,
    pub(super) options: &'a Options,
    /// The format of the events that come.
    format: Rc<FormatDescription>,
    /// How the server of this log reads statements, but for the session.
    pub(super) dialect: Dialect,
    pub(super) tables: Tables,
    pub(super) candidates: Candidates,
    pub(super) report: Report,
    /// Bytes of a log that are summed up at a time, about.
    pub(super) run_bytes: u64,
}

/// A transaction, and what is asked of it.
pub(super) struct Place<'t, 'a> {
    pub(super) index: usize,
    pub(super) log: &'a Log,
    pub(super) transaction: &'t Transaction<'a>,
    pub(super) selected: bool,
}

impl<'a> Search<'a> {
    /// A search that has seen nothing; none if there is no log.
    pub(super) fn new(set: &'a LogSet, options: &'a Options) -> Option<Self> {
        let format = set.logs().first()?.format();
        Some(Search {
            set,
            options,
            format: Rc::new(format.clone()),
            dialect: Dialect::from_server_version(format.server_version.as_bytes()),
            tables: Tables::default(),
            candidates: Candidates::default(),
            report: Report::default(),
            run_bytes: PIECE_BYTES,
        })
    }

    /// Searches log number `index`. `progress` is told how many of its bytes are done.
    pub(super) fn log(&mut self, index: usize, log: &'a Log, progress: &mut dyn FnMut(u64)) {
        self.enter_format(log.format());
        if !self.set.problems().is_empty() {
            self.tables.forget_all();
        }
        let course = Course { set: self.set, options: self.options, index, log };
        // One thread unpacks, and this one keeps up with it.
        let rest = parallel::as_it_comes(log, self.run_bytes, |units| {
            self.in_turn(course, units, progress);
            ControlFlow::Continue(())
        });
        let Some(mut range) = rest else { return };
        if range.start == FIRST_EVENT
            && let Some(indexed) = self.set.indexed(index)
        {
            self.known(course, &indexed, progress);
            range.start = indexed.end();
        }
        self.walk(course, range, progress);
    }

    /// Searches what an index knows of a log: by the digest of it, or by what was noted of its parts, and
    /// where that does not do, in the parts themselves.
    fn known(&mut self, course: Course<'a>, indexed: &Indexed<'a>, progress: &mut dyn FnMut(u64)) {
        let digest = notes::digest(course, indexed);
        if let Some(digest) = digest.filter(|digest| digest.holds(&self.tables)) {
            self.take(course, digest.summary);
            return;
        }
        let mut unread = FIRST_EVENT;
        for part in indexed.parts().iter() {
            let Some(summary) = notes::summary(course, indexed, &part) else { continue };
            self.walk(course, unread..part.start, progress);
            self.take(course, summary);
            unread = part.end;
        }
        self.walk(course, unread..indexed.end(), progress);
    }

    /// Searches a range of a log that begins and ends where transactions begin, if at all.
    fn walk(&mut self, course: Course<'a>, range: Range<u64>, progress: &mut dyn FnMut(u64)) {
        if range.is_empty() {
            return;
        }
        let work = |units: &mut Units<'a>| {
            let mut summariser = Summariser::new(course, units.format());
            let (summary, ended) = summariser.run(units, u64::MAX, RUN_STEPS);
            ended.then_some(summary)
        };
        parallel::small(course.log, range, self.run_bytes, work, |piece| {
            match piece {
                Piece::Made { end, made } => {
                    self.take(course, made);
                    progress(end);
                }
                Piece::Large(units) => self.in_turn(course, units, progress),
            }
            ControlFlow::Continue(())
        });
    }

    /// Searches what `units` yields on this thread.
    pub(super) fn in_turn(
        &mut self,
        course: Course<'a>,
        units: &mut Units<'a>,
        progress: &mut dyn FnMut(u64),
    ) {
        let mut summariser = Summariser::new(course, units.format());
        loop {
            let end = units.offset().saturating_add(self.run_bytes);
            let (summary, ended) = summariser.run(units, end, RUN_STEPS);
            self.take(course, summary);
            progress(units.offset());
            if ended {
                break;
            }
        }
    }

    fn enter_format(&mut self, format: &FormatDescription) {
        self.format = Rc::new(format.clone());
        self.dialect = Dialect::from_server_version(format.server_version.as_bytes());
    }

    /// Takes in the next run of transactions.
    fn take(&mut self, course: Course<'a>, summary: Summary) {
        self.report.transactions += summary.selected;
        self.report.row_statements += summary.row_statements;
        self.report.row_texts += summary.row_texts;
        let mut tables = Vec::with_capacity(summary.tables.len());
        for of_run in &summary.tables {
            let index = self.tables.index(&of_run.database, &of_run.name);
            let table = self.tables.get_mut(index);
            table.deletes.join(&of_run.deletes);
            table.updates.join(&of_run.updates);
            tables.push(index);
        }
        let mut tallies = summary.tallies;
        for tally in &mut tallies {
            tally.table = tables[tally.table];
        }
        let mut steps = summary.steps.into_iter().peekable();
        while let Some(next) = steps.peek() {
            let of = next.transaction();
            let place = of.and_then(|at| summary.transactions.get(at));
            let place = place.map(|place| (place, summary.noted));
            self.steps(course, &mut steps, (of, place), (&tables, &tallies));
        }
    }

    /// Takes the next steps, up to one in another transaction than `of`, which stands at `place` and
    /// is read again once something in it has to be looked at.
    fn steps(
        &mut self,
        course: Course<'a>,
        steps: &mut Peekable<impl Iterator<Item = Step>>,
        (of, found): (Option<usize>, Option<(&TransactionPlace, bool)>),
        (tables, tallies): (&[TableIndex], &[Tally]),
    ) {
        let (format, mut inflated) = (Rc::clone(&self.format), None);
        let place = found.map(|(place, _)| place);
        let again = LazyCell::new(|| {
            let (place, noted) = found?;
            let read = read_again(course.log, place, noted, (&format, &mut inflated))?;
            Some((place, read))
        });
        let statements = LazyCell::new(|| {
            let all = again.as_ref().map(|(place, all)| all.statements(place.id_bytes).collect());
            all.unwrap_or_else(Vec::new)
        });
        let look = |at: StatementPlace| {
            let (place, transaction) = again.as_ref()?;
            let Course { index, log, .. } = course;
            let place = Place { index, log, transaction, selected: place.selected };
            Some((place, statements.get(at.statement)?))
        };
        while let Some(step) =
            steps.next_if(|step| step.transaction().is_none_or(|t| Some(t) == of))
        {
            match step {
                Step::Flow(table, flow) => self.tables.get_mut(tables[table]).flow(&flow),
                Step::Rows(rows) => {
                    let tallies = &tallies[rows.tallies.clone()];
                    let candidate = self.rows(&rows, tallies);
                    if place.is_none_or(|place| !place.selected) {
                        continue;
                    }
                    let Some(candidate) = candidate else { continue };
                    match look(rows.place) {
                        Some((place, statement)) => {
                            self.row_candidate(&place, statement, tallies, candidate);
                        }
                        None => self.gone(course, place),
                    }
                }
                Step::Text(at) => match look(at) {
                    Some((place, statement)) => self.text(&place, statement),
                    None => self.gone(course, place),
                },
                Step::Distrust => self.tables.distrust(),
                Step::Unread(address, name) => {
                    self.report.unread_count += 1;
                    self.report.unread.get_or_insert((address, name));
                }
                Step::Fault(error) => self.fault(*error),
                Step::Damage(damage) => {
                    self.report.damage.push(*damage);
                    self.tables.forget_all();
                }
                Step::Format(format) => self.enter_format(&format),
            }
        }
    }

    /// What was there a moment ago is not there any more.
    fn gone(&mut self, course: Course<'a>, place: Option<&TransactionPlace>) {
        let fault = Fault::value("transaction", "what it was before", "another file");
        let start = place.map_or(0, |place| place.range.0);
        self.fault(fault.at(course.log.location(start)));
    }

    fn fault(&mut self, error: binlog_parser::Error) {
        self.report.fault_count += 1;
        self.tables.distrust();
        if self.report.faults.len() < FAULTS_NAMED {
            self.report.faults.push(error);
        }
    }

    pub(super) fn judge_by_text(&self, finding: &mut Finding, verdict: &Verdict) {
        finding.severity = verdict.severity();
        finding.confidence = verdict.confidence;
        finding.reasons = verdict.reasons.iter().map(|reason| Evidence::Text(*reason)).collect();
        if !verdict.objects.is_empty() {
            let names = verdict.objects.iter().map(|name| String::from_utf8_lossy(name));
            finding.reasons.push(Evidence::Objects(names.collect::<Vec<_>>().join(", ")));
        }
    }

    /// A finding with all that its place tells.
    pub(super) fn finding(
        &self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        kind: FindingKind,
        text: Option<Text<'_>>,
        session: &Session,
    ) -> Finding {
        let dialect = session.dialect(&self.dialect);
        let transaction = place.transaction;
        let shown = text.map(|text| {
            if self.options.reveal { text.bytes.into() } else { mask_secrets(text.bytes, &dialect) }
        });
        let kept = shown.as_ref().map_or(0, |shown| shown.len().min(STATEMENT_BYTES));
        let cut = shown.as_ref().map_or(0, |shown| shown.len() - kept);
        let last = statement.last();
        Finding {
            id: statement.address(place.log),
            kind,
            severity: kind.severity(),
            confidence: Confidence::Possible,
            reasons: vec![],
            timestamp: last.map_or(0, |event| event.header().timestamp),
            microseconds: session.microseconds,
            gtid: gtid_of(place.log, transaction).ok().and_then(|gtid| gtid.gtid()),
            log: place.index,
            position: statement.start(),
            end_position: statement.end(),
            transaction: EventAddress::new(place.log.name(), transaction.start()),
            database: None,
            table: None,
            rows: None,
            statement: shown.map(|shown| shown.get(..kept).unwrap_or_default().to_vec()),
            statement_cut: cut,
            statement_source: text.map_or(StatementSource::Inferred, |text| text.source),
            client_collation: session.client_collation,
            thread_id: session.thread_id,
            server_id: last.map_or(0, |event| event.header().server_id),
            user: session.user.clone(),
        }
    }

    pub(super) fn keep(
        &mut self,
        place: &Place<'_, '_>,
        finding: Finding,
        text: &[u8],
        basis: Basis,
    ) {
        let ending = place.transaction.ending;
        let xid = match place.transaction.events.last() {
            Some(event) if ending == Ending::XaPrepare => {
                XaPrepareEvent::parse(event.body()).ok().map(|event| event.xid.to_string())
            }
            _ => None,
        };
        self.candidates.add(Candidate::new(finding, basis, text, ending, xid));
    }

    /// Judges and sorts what was found.
    pub(super) fn finish(self, set: &LogSet) -> Report {
        let mut report = self.report;
        let (candidates, left_out) = self.candidates.finish();
        report.left_out = left_out;
        let prepared = |candidate: &Candidate| {
            let xid = candidate.xid.clone()?;
            Some((candidate.finding.log, candidate.finding.position, xid))
        };
        let all: Vec<_> = candidates.iter().filter_map(|(one, _)| prepared(one)).collect();
        let decisions = xa::decisions(set, &all);
        let mut ranked = vec![];
        for (candidate, times) in candidates {
            let decision = prepared(&candidate).and_then(|xid| decisions.get(&xid));
            let min_rows = self.options.min_rows;
            ranked.extend(rank::judge(candidate, times, &self.tables, min_rows, decision));
        }
        rank::sort(&mut ranked);
        report.findings = ranked.into_iter().map(|ranked| ranked.finding).collect();
        report
    }
}

/// A transaction as it stands at `place`, made plain. All of it was read before; in another run if it
/// was `noted`, so that it may be another now.
fn read_again<'b>(
    log: &'b Log,
    place: &TransactionPlace,
    noted: bool,
    (format, inflated): (&FormatDescription, &'b mut Inflating),
) -> Option<Transaction<'b>> {
    let (start, end) = place.range;
    let scan = log.scan_from(start).with_format(format.clone()).until(end);
    let scan = if noted { scan } else { scan.trusting() };
    let transaction = Transaction { events: scan.events().collect(), ending: place.ending };
    let stands = (transaction.start(), transaction.end()) == place.range;
    stands.then(|| plain(transaction, inflated, format).transaction)
}
