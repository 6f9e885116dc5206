//! What an undo would do, for people and for programs.

use std::io::{self, Write};

use replay::undo::{Conflict, Report, RowCounts, Side};
use serde::Serialize;

use crate::json;
use crate::notes::{Note, count, table_name};
use crate::text::one_line;

/// A plan as one JSON object.
#[derive(Debug, Serialize)]
struct PlanLine<'r> {
    transactions: u64,
    statements: u64,
    tables: Vec<TableLine>,
    conflict_count: u64,
    conflicts: Vec<ConflictLine<'r>>,
    dependent_count: u64,
    dependent: Vec<String>,
    warnings: &'r [String],
    lost: &'r [String],
    refused: Option<&'r str>,
    hint: Option<&'r str>,
}

/// What becomes of the rows of a table.
#[derive(Debug, Serialize)]
struct TableLine {
    table: String,
    insert: u64,
    update: u64,
    delete: u64,
    /// Rows that stay because later changes touch them.
    spared: u64,
    has_triggers: bool,
}

#[derive(Debug, Serialize)]
struct ConflictLine<'r> {
    table: String,
    key: &'r str,
    undone: Option<String>,
    undone_change: Option<&'r str>,
    later: String,
    later_change: &'r str,
}

/// Why a plan cannot be carried out, and the way out.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'r> {
    /// What stands against it.
    pub what: &'r str,
    /// The way out.
    pub hint: &'r str,
}

/// Writes a plan as one line of JSON.
///
/// # Errors
/// What the output says.
pub fn write_json(
    report: &Report,
    refusal: Option<Refusal<'_>>,
    out: &mut impl Write,
) -> io::Result<()> {
    let line = PlanLine {
        transactions: report.transactions,
        statements: report.statements,
        tables: tables(report),
        conflict_count: report.conflict_count,
        conflicts: report.conflicts.iter().map(ConflictLine::new).collect(),
        dependent_count: report.dependent_count,
        dependent: report.dependent.iter().map(ToString::to_string).collect(),
        warnings: &report.warnings,
        lost: &report.lost,
        refused: refusal.map(|refusal| refusal.what),
        hint: refusal.map(|refusal| refusal.hint),
    };
    json::write_line(out, &line)
}

/// Writes a plan for people: rows by table, conflicts with both sides, and what is to be known.
///
/// # Errors
/// What the output says.
pub fn write_text(report: &Report, notes: &[Note], out: &mut impl Write) -> io::Result<()> {
    let rows: u64 = report.tables.values().map(RowCounts::total).sum();
    writeln!(
        out,
        "would undo {}, {}, {}",
        count(report.transactions, "transaction"),
        count(report.statements, "statement"),
        count(rows, "row")
    )?;
    for line in tables(report) {
        let TableLine { table, insert, update, delete, spared, .. } = line;
        write!(out, "  {}: insert {insert}, update {update}, delete {delete}", one_line(&table))?;
        if spared > 0 {
            write!(out, "; {} left for their conflicts", count(spared, "row"))?;
        }
        writeln!(out)?;
    }
    if report.dependent_count > 0 {
        writeln!(out, "with {}:", count(report.dependent_count, "later transaction"))?;
        for address in &report.dependent {
            writeln!(out, "  {address}")?;
        }
    }
    if report.conflict_count > 0 {
        writeln!(out, "{}:", count(report.conflict_count, "conflict"))?;
        for conflict in &report.conflicts {
            write_conflict(conflict, out)?;
        }
        let more = report.conflict_count - report.conflicts.len() as u64;
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
    }
    for note in notes.iter().filter(|note| note.warning) {
        writeln!(out, "warning: {}", one_line(&note.text))?;
    }
    Ok(())
}

fn write_conflict(conflict: &Conflict, out: &mut impl Write) -> io::Result<()> {
    let table = table_name(&conflict.table);
    writeln!(out, "  {}  {}", one_line(&table), one_line(&conflict.key))?;
    let mut side = |what, side: &Side| {
        writeln!(out, "    {what} {}  {}", side.address, one_line(&side.change))
    };
    if let Some(undone) = &conflict.undone {
        side("undone", undone)?;
    }
    side("later ", &conflict.later)
}

impl<'r> ConflictLine<'r> {
    fn new(conflict: &'r Conflict) -> Self {
        ConflictLine {
            table: table_name(&conflict.table),
            key: &conflict.key,
            undone: conflict.undone.as_ref().map(|side| side.address.to_string()),
            undone_change: conflict.undone.as_ref().map(|side| &side.change[..]),
            later: conflict.later.address.to_string(),
            later_change: &conflict.later.change,
        }
    }
}

fn tables(report: &Report) -> Vec<TableLine> {
    let mut names: Vec<_> = report.tables.keys().chain(report.spared.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let line = |name: &&_| {
        let rows = report.tables.get(*name).copied().unwrap_or_default();
        let spared = report.spared.get(*name).copied().unwrap_or_default();
        TableLine {
            table: table_name(name),
            insert: rows.inserted,
            update: rows.updated,
            delete: rows.deleted,
            spared: spared.total(),
            has_triggers: report.tables_with_triggers().any(|table| table == *name),
        }
    };
    names.iter().map(line).collect()
}
