//! The walk over the logs: every statement's text is judged, every row counted, and what is
//! suspicious kept as a candidate until all the logs have been seen.

use binlog_parser::address::EventAddress;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::status_vars::StatusVars;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Plain, Statement, StatementKind, Transaction};
use binlog_parser::transaction::{Unit, Units};

use super::Options;
use super::candidate::{Basis, Candidate, Candidates};
use super::classify::classify;
use super::classify_kind::FindingKind;
use super::counting::{CountFault, Counter, Tally};
use super::ddl;
use super::finding::{Evidence, Finding, Report, StatementSource};
use super::prefilter::{is_dml, may_matter};
use super::rank;
use super::session::{Session, is_half_of_alter};
use super::traffic::Tables;
use super::verdict::{Confidence, Verdict};
use super::xa;
use crate::select::{Selected, gtid_of};
use crate::sql::secrets::mask_secrets;
use crate::sql::{Dialect, TableName};

/// How many events that cannot be read are named; the rest is counted.
const FAULTS_NAMED: usize = 100;

/// Bytes of a statement's text that a finding keeps.
const STATEMENT_BYTES: usize = 64 << 10;

/// A search under way.
pub(super) struct Search<'s, 'a> {
    set: &'a LogSet,
    pub(super) options: &'s Options,
    /// How the server of this log reads statements, but for the session.
    pub(super) dialect: Dialect,
    pub(super) tables: Tables,
    pub(super) counter: Counter,
    pub(super) tallies: Vec<Tally>,
    pub(super) candidates: Candidates,
    pub(super) report: Report,
}

/// A transaction, and what is asked of it.
pub(super) struct Place<'t, 'a> {
    pub(super) index: usize,
    pub(super) log: &'a Log,
    pub(super) id_bytes: usize,
    pub(super) transaction: &'t Transaction<'a>,
    pub(super) selected: bool,
}

/// A statement's text and where it was read.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) source: StatementSource,
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(set: &'a LogSet, options: &'s Options) -> Self {
        Search {
            set,
            options,
            dialect: Dialect::from_server_version(b""),
            tables: Tables::default(),
            counter: Counter::default(),
            tallies: vec![],
            candidates: Candidates::default(),
            report: Report::default(),
        }
    }

    /// Searches log number `index`. `progress` is told how many of its bytes are done.
    pub(super) fn log(&mut self, index: usize, log: &'a Log, progress: &mut dyn FnMut(u64)) {
        const PROGRESS_BYTES: u64 = 1 << 20;
        let mut told = 0;
        self.enter_format(log.format());
        if !self.set.problems().is_empty() {
            self.tables.forget_all();
        }
        let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
        while let Some(unit) = units.next() {
            match unit {
                Unit::Transaction(transaction) => {
                    let format = units.format();
                    let Plain { transaction, damage } = transaction.plain(&mut inflated, format);
                    self.transaction(index, log, format.table_id_bytes(), &transaction);
                    if let Some(damage) = damage {
                        self.report.damage.push((damage.address(log), damage.damage()));
                        self.tables.forget_all();
                    }
                }
                Unit::Control(event) => {
                    if event.event_type() == EventType::FORMAT_DESCRIPTION {
                        self.enter_format(units.format());
                    }
                }
                Unit::Damage(damage) => {
                    let address = EventAddress::new(log.name(), damage.range.start);
                    self.report.damage.push((address, damage));
                    self.tables.forget_all();
                }
            }
            if units.offset() >= told + PROGRESS_BYTES {
                told = units.offset();
                progress(told);
            }
        }
    }

    fn enter_format(&mut self, format: &FormatDescription) {
        self.dialect = Dialect::from_server_version(format.server_version.as_bytes());
    }

    fn transaction(
        &mut self,
        index: usize,
        log: &Log,
        id_bytes: usize,
        transaction: &Transaction<'_>,
    ) {
        let selected = match self.options.filter.selects(self.set, index, transaction) {
            Ok(selected) => selected == Selected::Yes,
            Err(_) => {
                // It cannot be told apart by its GTID, so it must not be passed over.
                if let (Some(event), Err(fault)) = (transaction.gtid_event(), transaction.gtid()) {
                    self.fault(log, (fault, event));
                }
                true
            }
        };
        self.report.transactions += u64::from(selected);
        let place = Place { index, log, id_bytes, transaction, selected };
        for statement in transaction.statements(id_bytes) {
            match statement.kind {
                StatementKind::Rows { .. } => self.rows(&place, &statement),
                StatementKind::Query => self.query(&place, &statement),
                StatementKind::Other => self.other(&place, &statement),
                StatementKind::Gtid | StatementKind::Begin | StatementKind::End => {}
            }
        }
    }

    pub(super) fn fault(&mut self, log: &Log, (fault, event): CountFault<'_>) {
        self.report.fault_count += 1;
        self.tables.distrust();
        if self.report.faults.len() < FAULTS_NAMED {
            self.report.faults.push(fault.at(event.location(log)));
        }
    }

    /// Events that carry data in a form that is not looked into.
    fn other(&mut self, place: &Place<'_, '_>, statement: &Statement<'_, '_>) {
        for event in statement.events {
            let event_type = event.event_type();
            let holds_data = matches!(event_type.0, 39 | 172);
            if holds_data {
                self.tables.distrust();
            }
            if holds_data && place.selected {
                self.report.unread_count += 1;
                self.report
                    .unread
                    .get_or_insert_with(|| (event.address(place.log), event_type.name()));
            }
        }
    }

    /// A statement as text.
    fn query(&mut self, place: &Place<'_, '_>, statement: &Statement<'_, '_>) {
        let Some(event) = statement.last().filter(|e| e.event_type() == EventType::QUERY) else {
            return;
        };
        let query = match event.query() {
            Ok(query) => query,
            Err(fault) => return self.fault(place.log, (fault, event)),
        };
        if is_dml(query.text) {
            self.tables.distrust();
        }
        if !may_matter(query.text) {
            return;
        }
        let vars = query.status_vars().unwrap_or_else(|fault| {
            self.fault(place.log, (fault, event));
            StatusVars::default()
        });
        let session = Session::of(&query, &vars);
        let dialect = session.dialect(&self.dialect);
        let verdicts = classify(query.text, &dialect, query.database);
        if !verdicts.is_empty() && is_half_of_alter(place.transaction) {
            return;
        }
        let text = Text { bytes: query.text, source: StatementSource::Query };
        let facts = ddl::Facts {
            text: query.text,
            dialect: &dialect,
            thread_id: session.thread_id,
            timestamp: event.header.timestamp,
        };
        for verdict in &verdicts {
            if place.selected {
                let basis = ddl::basis(verdict, &facts, &self.tables);
                self.text_candidate(place, statement, verdict, text, &session, basis);
            }
            ddl::apply(verdict, &mut self.tables);
        }
        ddl::follow_create(&facts, query.database, &mut self.tables);
    }

    /// A finding by the text of a Query event, which has no rows.
    fn text_candidate(
        &mut self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        verdict: &Verdict,
        text: Text<'_>,
        session: &Session,
        basis: Basis,
    ) {
        let Some(table) = self.selected_table(verdict) else { return };
        let mut finding = self.finding(place, statement, verdict.kind, Some(text), session);
        finding.database = table.as_ref().and_then(|t| t.database.clone());
        finding.table = table.as_ref().map(|t| t.table.clone()).filter(|name| !name.is_empty());
        self.judge_by_text(&mut finding, verdict);
        let others = verdict.tables.iter().filter(|other| Some(*other) != table.as_ref());
        let others: Vec<_> = others.map(ddl::show).collect();
        if !others.is_empty() {
            finding.reasons.push(Evidence::AlsoNames(others.join(", ")));
        }
        self.keep(place, finding, text.bytes, basis);
    }

    /// The table to name: the first that the filters select. `None` if they select none, and
    /// `Some(None)` for a statement that concerns no table.
    fn selected_table(&self, verdict: &Verdict) -> Option<Option<TableName>> {
        let filter = &self.options.filter;
        if !filter.by_table() {
            return Some(verdict.tables.first().cloned());
        }
        let mut tables = verdict.tables.iter();
        let selected = tables.find(|table| {
            let database = table.database.as_deref().unwrap_or_default();
            if table.table.is_empty() {
                return filter.selects_database(database);
            }
            filter.selects_table(database, &table.table)
        });
        selected.map(|table| Some(table.clone()))
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
            timestamp: last.map_or(0, |event| event.header.timestamp),
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
            server_id: last.map_or(0, |event| event.header.server_id),
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
