//! The last word on every candidate, once all the logs have been seen, and their order.
//!
//! Worst first: severity, then rows, then confidence, then time. A lost row weighs as much as ten
//! changed ones, of which the other columns are still there.

use std::cmp::Reverse;

use binlog_parser::event::rows::RowsKind;
use binlog_parser::transaction::Ending;

use super::candidate::{Basis, Candidate, Mass};
use super::classify_kind::{FindingKind, Severity};
use super::finding::{Evidence, Finding};
use super::traffic::{EMPTIED_OFTEN, Table, Tables};
use super::verdict::Confidence;
use super::xa::Decision;

/// How many changed rows weigh as much as a lost one.
const LOST_WEIGHT: u64 = 10;

/// How often a statement has to run to look like routine work.
const ROUTINE_TIMES: u64 = 3;

/// How many statements of about its size a statement may have beside it and still stand out.
const OUTLIER_OTHERS: u64 = 1;

/// A finding, and what it is sorted by after its severity.
pub(super) struct Ranked {
    weight: u64,
    pub(super) finding: Finding,
}

/// Judges a candidate whose statement ran so many `times`; `None` if it is nothing after all.
pub(super) fn judge(
    candidate: Candidate,
    times: u64,
    tables: &Tables,
    min_rows: u64,
    decision: Option<&Decision>,
) -> Option<Ranked> {
    let rows = candidate.rows();
    let mut finding = candidate.finding;
    let lost = match candidate.basis {
        Basis::Text { lost, evidence, worst, .. } => {
            finding.reasons.extend(evidence);
            finding.severity = worst.map_or(finding.severity, |worst| finding.severity.min(worst));
            lost
        }
        Basis::Mass(mass) => {
            judge_mass(&mut finding, mass, tables, min_rows)?;
            mass.kind == RowsKind::Delete
        }
    };
    if times >= ROUTINE_TIMES && may_be_routine(finding.kind) {
        soften(&mut finding, Evidence::Repeated { times });
    }
    match (candidate.ending, decision) {
        (Ending::Rollback, _) => take_back(&mut finding, Evidence::RolledBack),
        (Ending::Open, _) => soften(&mut finding, Evidence::Unfinished),
        (Ending::Headless, _) => finding.reasons.push(Evidence::Headless),
        (Ending::XaPrepare, Some(Decision::Commit(at))) => {
            finding.reasons.push(Evidence::XaCommitted(at.clone()));
        }
        (Ending::XaPrepare, Some(Decision::Rollback(at))) => {
            take_back(&mut finding, Evidence::XaRolledBack(at.clone()));
        }
        (Ending::XaPrepare, None) => {
            finding.reasons.push(Evidence::XaUndecided);
            finding.confidence = Confidence::Possible;
        }
        _ => {}
    }
    let weight = if lost { rows.saturating_mul(LOST_WEIGHT) } else { rows };
    Some(Ranked { weight, finding })
}

/// Whether applications run statements of this kind day by day.
fn may_be_routine(kind: FindingKind) -> bool {
    use FindingKind::{
        AlwaysTrueWhere, DeleteWithoutWhere, DropTable, ReplaceTable, TruncateTable,
        UpdateWithoutWhere,
    };
    matches!(
        kind,
        DeleteWithoutWhere
            | UpdateWithoutWhere
            | AlwaysTrueWhere
            | TruncateTable
            | DropTable
            | ReplaceTable
    )
}

fn soften(finding: &mut Finding, why: Evidence) {
    finding.reasons.push(why);
    finding.severity = finding.severity.lowered();
    finding.confidence = Confidence::Possible;
}

fn take_back(finding: &mut Finding, why: Evidence) {
    finding.reasons.insert(0, why);
    finding.severity = Severity::Low;
    finding.confidence = Confidence::Possible;
}

/// Judges by the number of rows. Of a statement on less than `min_rows` only one that took or
/// changed the whole table is a finding.
fn judge_mass(finding: &mut Finding, mass: Mass, tables: &Tables, min_rows: u64) -> Option<()> {
    let table = tables.get(mass.table);
    let large = mass.rows >= min_rows;
    let delete = mass.kind == RowsKind::Delete;
    let sizes = if delete { &table.deletes } else { &table.updates };
    let others = sizes.others_like(mass.rows);
    let whole = whole_table(mass, table, tables.are_trusted());
    if delete && table.emptied >= EMPTIED_OFTEN && !large || whole.is_none() && !large {
        return None;
    }
    // Of few rows nearly every statement is about as large.
    let usual = others > OUTLIER_OTHERS && (large || !delete);
    if usual && !large {
        return None;
    }
    let has_text = finding.statement.is_some();
    finding.severity = match &whole {
        Some(Evidence::WholeTable) if !large => Severity::High,
        Some(Evidence::NothingOlderLater) if !large || has_text => Severity::High,
        Some(_) => Severity::Critical,
        None => Severity::High,
    };
    finding.confidence = if whole.is_some() { Confidence::Likely } else { Confidence::Possible };
    let mut reasons: Vec<Evidence> = whole.into_iter().collect();
    if usual {
        finding.severity = finding.severity.lowered();
        finding.confidence = Confidence::Possible;
        reasons.push(Evidence::Usual { others });
    } else if others == 0 {
        reasons.push(Evidence::Outlier { of: sizes.statements() });
    }
    reasons.append(&mut finding.reasons);
    finding.reasons = reasons;
    Some(())
}

/// The evidence that the statement hit every row of its table, if there is any.
fn whole_table(mass: Mass, table: &Table, trusted: bool) -> Option<Evidence> {
    let Mass { kind, rows, share, .. } = mass;
    if trusted && share.is_all(rows) {
        return Some(match kind {
            RowsKind::Delete => Evidence::LeftEmpty,
            _ => Evidence::WholeTable,
        });
    }
    let nothing_older = kind == RowsKind::Delete
        && trusted
        && share.may_be_all(rows)
        && table.was_empty_after(share) == Some(true);
    nothing_older.then_some(Evidence::NothingOlderLater)
}

/// Worst first; findings that are equally bad in the order of the logs.
pub(super) fn sort(ranked: &mut [Ranked]) {
    ranked.sort_by_key(|Ranked { weight, finding }| {
        (
            Reverse(finding.severity),
            Reverse(*weight),
            Reverse(finding.confidence),
            finding.timestamp,
            (finding.log, finding.position, finding.kind),
        )
    });
}
