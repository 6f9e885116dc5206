//! Statements of rows: their text, where it was logged, and their rows in one finding.

use binlog_parser::event::rows::RowsKind;
use binlog_parser::transaction::Statement;
use binlog_parser::transaction::counting::Tally;

use super::candidate::{Basis, Mass};
use super::classify::classify;
use super::classify_kind::FindingKind;
use super::ddl;
use super::finding::{Evidence, Finding};
use super::search::{Place, Search};
use super::session::session_of;
use super::summary::{FEWEST_ROWS, Rows};
use super::text::{Text, row_text, tells};
use super::traffic::{EMPTIED_OFTEN, Share, TableIndex};
use super::verdict::Verdict;
use crate::sql::statement::{self, StatementVerb};

impl Search<'_> {
    /// A statement of rows that may be a candidate; why it is one, if it is.
    pub(super) fn rows(&mut self, rows: &Rows, tallies: &[Tally]) -> Option<RowCandidate> {
        let suspect = if rows.kept { self.suspect(tallies) } else { None };
        let share = suspect.map(|(at, _)| self.tables.get_mut(tallies[at].table).share());
        if rows.kept {
            self.count(tallies);
        }
        if let Some((at, _)) = suspect {
            self.tables.get_mut(tallies[at].table).behind();
        }
        if rows.told {
            return Some(RowCandidate::Told { readable: rows.readable });
        }
        let ((at, kind), share) = (suspect?, share?);
        Some(RowCandidate::Suspect(Suspect { at, kind, share }))
    }

    /// Keeps a statement that is a candidate.
    pub(super) fn row_candidate(
        &mut self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        tallies: &[Tally],
        candidate: RowCandidate,
    ) {
        let text = row_text(statement);
        match (candidate, text) {
            (RowCandidate::Told { readable }, Some(text)) => {
                self.row_text_finding(place, statement, tallies, text, readable);
            }
            (RowCandidate::Told { .. }, None) => {}
            (RowCandidate::Suspect(suspect), text) => {
                self.mass_finding(place, statement, tallies, suspect, text);
            }
        }
    }

    fn count(&mut self, tallies: &[Tally]) {
        for tally in tallies {
            let table = self.tables.get_mut(tally.table);
            if tally.deleted > 0 {
                table.count(RowsKind::Delete, tally.deleted);
            }
            if tally.updated > 0 {
                table.count(RowsKind::Update, tally.updated);
            }
            if tally.written > 0 {
                table.count(RowsKind::Write, tally.written);
            }
        }
    }

    /// Whether what a statement did to the rows is worth a second look, once all the logs are
    /// known: the first table of which it deleted, else updated, many rows or perhaps all.
    fn suspect(&mut self, tallies: &[Tally]) -> Option<(usize, RowsKind)> {
        let min_rows = self.options.min_rows;
        let mut updated = None;
        for (at, tally) in tallies.iter().enumerate() {
            let table = self.tables.get_mut(tally.table);
            let lost = tally.lost();
            let changed = tally.updated;
            if table.is_system() || lost.max(changed) < FEWEST_ROWS.min(min_rows) {
                continue;
            }
            let (floor, exact) = table.rows();
            if lost > 0 && lost >= floor && (exact || floor >= FEWEST_ROWS) {
                table.emptied += 1;
                if table.emptied <= EMPTIED_OFTEN || lost >= min_rows {
                    return Some((at, RowsKind::Delete));
                }
            }
            if lost >= min_rows {
                return Some((at, RowsKind::Delete));
            }
            if changed >= min_rows || (exact && changed == floor && changed >= FEWEST_ROWS) {
                updated = updated.or(Some((at, RowsKind::Update)));
            }
        }
        updated
    }

    /// A finding by the text of a statement of rows, if its table is selected.
    fn row_text_finding(
        &mut self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        tallies: &[Tally],
        text: Text<'_>,
        readable: bool,
    ) {
        let session = session_of(place.transaction);
        let dialect = session.dialect(&self.dialect);
        let verdicts = classify(text.bytes, &dialect, b"");
        let Some(verdict) = verdicts.iter().find(|verdict| tells(verdict)) else { return };
        let verb = statement::head(text.bytes, &dialect).verb;
        let wanted = match verb {
            StatementVerb::Update => RowsKind::Update,
            _ => RowsKind::Delete,
        };
        let targets = self.targets(verdict, tallies, wanted);
        let Some(table) = self.worst_selected(&targets) else { return };
        let mut finding = self.finding(place, statement, verdict.kind, Some(text), &session);
        match table {
            Some(table) => self.name_table(&mut finding, table),
            None => {
                let named = verdict.tables.first();
                finding.database = named.and_then(|table| table.database.clone());
                finding.table = named.map(|table| table.table.clone());
            }
        }
        self.judge_by_text(&mut finding, verdict);
        if readable && !targets.is_empty() {
            finding.rows = Some(targets.iter().map(|(_, rows)| rows).sum());
        } else {
            finding.reasons.push(Evidence::RowsUnreadable);
        }
        self.add_other_changes(&mut finding, tallies, table);
        let lost = wanted == RowsKind::Delete;
        let basis = Basis::Text { lost, known: 0, evidence: vec![], worst: None };
        self.keep(place, finding, text.bytes, basis);
    }

    /// The tables that a statement names, with the rows of them that it changed: those of the kind
    /// that its verb says, or of any kind where there are none, as in a table that keeps its
    /// history. What its triggers and cascades changed is left out.
    fn targets(
        &self,
        verdict: &Verdict,
        tallies: &[Tally],
        wanted: RowsKind,
    ) -> Vec<(TableIndex, u64)> {
        let named = |tally: &&Tally| {
            let table = self.tables.get(tally.table);
            verdict.tables.iter().any(|name| {
                name.table.eq_ignore_ascii_case(&table.name)
                    && name
                        .database
                        .as_deref()
                        .is_none_or(|database| database.eq_ignore_ascii_case(&table.database))
            })
        };
        for kind in [wanted, RowsKind::Update, RowsKind::Delete] {
            let of_kind = |tally: &&Tally| tally.of(kind) > 0;
            let found: Vec<_> = tallies.iter().filter(named).filter(of_kind).collect();
            if !found.is_empty() {
                return found.iter().map(|tally| (tally.table, tally.of(kind))).collect();
            }
        }
        // A view, or a name that is written in another way than the table's own.
        let first = tallies.iter().find(|tally| tally.of(wanted) > 0);
        first.map(|tally| (tally.table, tally.of(wanted))).into_iter().collect()
    }

    /// Of these tables the one with the most rows that the filters select; `None` if they select
    /// none, and `Some(None)` if there is no table.
    fn worst_selected(&self, targets: &[(TableIndex, u64)]) -> Option<Option<TableIndex>> {
        let filter = &self.options.filter;
        if targets.is_empty() && !filter.by_table() {
            return Some(None);
        }
        let selected = targets.iter().filter(|(index, _)| {
            let table = self.tables.get(*index);
            filter.selects_table(&table.database, &table.name)
        });
        // Of equals, the first.
        let worst = selected.rev_max();
        worst.map(|(index, _)| Some(*index))
    }

    fn name_table(&self, finding: &mut Finding, table: TableIndex) {
        let table = self.tables.get(table);
        finding.database = Some(table.database.clone());
        finding.table = Some(table.name.clone());
    }

    fn add_other_changes(
        &self,
        finding: &mut Finding,
        tallies: &[Tally],
        named: Option<TableIndex>,
    ) {
        for tally in tallies.iter().filter(|tally| Some(tally.table) != named) {
            let table = self.tables.get(tally.table);
            let table = ddl::show_parts(&table.database, &table.name);
            let kinds =
                [("deleted", tally.deleted), ("updated", tally.updated), ("wrote", tally.written)];
            for (what, rows) in kinds.into_iter().filter(|(_, rows)| *rows > 0) {
                let table = table.clone();
                finding.reasons.push(Evidence::AlsoChanged { what, rows, table });
            }
        }
    }

    /// A candidate by the number of its rows.
    fn mass_finding(
        &mut self,
        place: &Place<'_, '_>,
        statement: &Statement<'_, '_>,
        tallies: &[Tally],
        suspect: Suspect,
        text: Option<Text<'_>>,
    ) {
        let Suspect { at, kind, share } = suspect;
        let Some(tally) = tallies.get(at) else { return };
        let table = self.tables.get(tally.table);
        if !self.options.filter.selects_table(&table.database, &table.name) {
            return;
        }
        let session = session_of(place.transaction);
        let (finding_kind, rows) = match kind {
            RowsKind::Update => (FindingKind::MassUpdate, tally.updated),
            _ => (FindingKind::MassDelete, tally.deleted),
        };
        let mut finding = self.finding(place, statement, finding_kind, text, &session);
        finding.rows = Some(rows);
        self.name_table(&mut finding, tally.table);
        self.add_other_changes(&mut finding, tallies, Some(tally.table));
        let basis = Basis::Mass(Mass { table: tally.table, kind, rows, share });
        self.keep(place, finding, text.map_or(b"", |text| text.bytes), basis);
    }
}

/// Why a statement of rows is a candidate.
pub(super) enum RowCandidate {
    /// By its text. `readable` tells whether all its rows could be counted.
    Told { readable: bool },
    /// By its rows.
    Suspect(Suspect),
}

/// A statement whose rows are to be judged at the end.
pub(super) struct Suspect {
    /// Index of the tally.
    at: usize,
    kind: RowsKind,
    share: Share,
}

/// The first of the largest.
trait FirstMax<'t> {
    fn rev_max(self) -> Option<&'t (TableIndex, u64)>;
}

impl<'t, I: DoubleEndedIterator<Item = &'t (TableIndex, u64)>> FirstMax<'t> for I {
    fn rev_max(self) -> Option<&'t (TableIndex, u64)> {
        self.rev().max_by_key(|(_, rows)| *rows)
    }
}
