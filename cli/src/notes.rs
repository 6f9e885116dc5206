//! What a replay or an undo holds and lacks, in sentences: for standard error, and for the report of
//! a rescue.

use replay::relay_log;
use replay::schema::TableName;
use replay::stream::{Cut, Manifest, Overlaps, Partial, Privileges};
use replay::undo::{Format, Report};

use crate::text::{one_line, utf8};

/// A sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it is a warning: something may not be as the user thinks.
    pub warning: bool,
    /// The sentence, log text in it not made safe yet.
    pub text: String,
}

impl Note {
    /// Something done.
    pub fn done(text: impl Into<String>) -> Self {
        Note { warning: false, text: text.into() }
    }

    /// Something to look out for.
    pub fn warning(text: impl Into<String>) -> Self {
        Note { warning: true, text: text.into() }
    }
}

/// How many addresses of one kind a sentence names.
const NAMED: usize = 5;

/// A number with the noun it counts.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What a stream holds, and what it lacks.
#[must_use]
pub fn of_replay(manifest: &Manifest) -> Vec<Note> {
    let mut notes = vec![];
    match (&manifest.first, &manifest.last) {
        (Some(first), Some(last)) => {
            let transactions = count(manifest.transactions, "transaction");
            let statements = count(manifest.statements, "statement");
            notes.push(Note::done(format!("{transactions}, {statements}: {first} to {last}")));
        }
        _ => notes.push(Note::warning("the stream is empty: nothing is selected")),
    }
    if !manifest.gtids.is_empty() {
        notes.push(Note::done(format!("GTIDs in the stream: {}", one_line(&manifest.gtids))));
    }
    notes.extend(manifest.skipped.iter().map(|address| Note::done(format!("left out: {address}"))));
    notes.extend(of_overlaps(&manifest.overlaps));
    if manifest.contained > 0 {
        let left = count(manifest.contained, "transaction");
        notes.push(Note::done(format!("{left} left out, which the backup holds")));
    }
    notes.extend(manifest.cut.as_ref().map(of_cut));
    notes.extend(manifest.straddling.iter().map(|at| {
        Note::warning(format!(
            "{at} began on one side of the time limit and committed on the other"
        ))
    }));
    if let Some(at) = &manifest.unfinished {
        notes.push(Note::warning(format!("{at}: left out: the log ends inside this transaction")));
    }
    notes.extend(manifest.prepared.iter().map(|xid| {
        Note::warning(format!("XA transaction {xid} is left prepared: commit it or roll it back"))
    }));
    notes.extend(manifest.gaps.iter().map(|gap| Note::warning(gap.to_string())));
    notes.extend(manifest.lost.iter().map(|lost| Note::warning(format!("left out: {lost}"))));
    if let Some((at, damage)) = &manifest.unwritten {
        notes.push(Note::warning(format!("{at}: {}; nothing that took effect", damage.reason)));
    }
    if !manifest.repeated.is_empty() {
        let gtids = one_line(&manifest.repeated);
        notes.push(Note::warning(format!(
            "these GTIDs are there more than once: {gtids}; a server takes the first of each"
        )));
    }
    if let Some((at, damage)) = &manifest.damage {
        let text = format!("{at}: {}; the stream ends before this", damage.reason);
        notes.push(Note::warning(text));
    }
    notes.extend(of_text(manifest));
    notes.extend(manifest.warnings.iter().map(Note::warning));
    notes.extend(of_privileges(&manifest.privileges));
    notes
}

/// Which later transactions touch what was left out.
fn of_overlaps(overlaps: &Overlaps) -> Vec<Note> {
    let named = overlaps.named.iter().map(|overlap| {
        let (later, skipped, table) =
            (&overlap.later, &overlap.skipped, table_name(&overlap.table));
        Note::warning(match overlap.rows {
            true => format!("{later} changes rows of {table} that {skipped}, left out, changed"),
            false => format!("{later} changes {table}, as {skipped}, left out, did"),
        })
    });
    let mut notes: Vec<_> = named.collect();
    let more = overlaps.count - notes.len() as u64;
    if more > 0 {
        let more = count(more, "later change");
        notes.push(Note::warning(format!("{more} more of what was left out")));
    }
    notes
}

/// What the user needs who runs a stream.
fn of_privileges(privileges: &Privileges) -> Vec<Note> {
    let names: Vec<_> = privileges.names.iter().copied().collect();
    let mut notes = vec![];
    if !names.is_empty() {
        notes.push(Note::done(format!("privileges needed: {}", names.join(", "))));
    }
    if privileges.trust_function_creators {
        notes.push(Note::done(
            "creates functions or triggers: needs log_bin_trust_function_creators=ON, or SUPER",
        ));
    }
    if privileges.unknown > 0 {
        let statements = count(privileges.unknown, "statement");
        notes
            .push(Note::done(format!("and whatever {statements} on accounts or the server needs")));
    }
    notes
}

/// What statements of text need of the client and the server, and where they may differ.
fn of_text(manifest: &Manifest) -> Vec<Note> {
    let mut notes = vec![];
    if let Some(folder) = &manifest.load_folder {
        let files = count(manifest.load_files.len() as u64, "file");
        notes.push(Note::warning(format!(
            "the client loads {files} from {}, where it must be able to read them; the server needs \
             local_infile=ON",
            folder.display()
        )));
    }
    notes.extend(manifest.lenient_loads.iter().map(|at| {
        Note::warning(format!(
            "{at}: a row whose key is there already is passed over: LOCAL means IGNORE, and without \
             a strict sql_mode that does not show"
        ))
    }));
    notes.extend(manifest.undetermined.iter().map(|at| {
        Note::warning(format!(
            "{at}: the log does not tell all that this statement wrote, so it writes other values"
        ))
    }));
    if let Some(at) = manifest.scheduled.first() {
        notes.push(Note::warning(format!(
            "{at} gives the scheduler an event: let the server run with event_scheduler=OFF, or it \
             does its work again while the logs are replayed"
        )));
    }
    notes
}

/// What became of the statements before a cut inside their transaction.
fn of_cut(cut: &Cut) -> Note {
    let statements: Vec<_> = cut.statements.iter().map(ToString::to_string).collect();
    let more = match cut.count - cut.statements.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (at, names) = (&cut.transaction, statements.join(", "));
    let count = count(cut.count, "statement");
    Note::warning(match cut.partial {
        Partial::Drop => format!(
            "the target is inside the transaction at {at}, which is left out; before the target it \
             has {count}: {names}{more} (--partial commit replays them)"
        ),
        Partial::Commit => format!(
            "the target is inside the transaction at {at}, of which {count} before the target is \
             committed: {names}{more}; where GTIDs are kept, its own \
             counts as executed, so that no server sends the rest"
        ),
    })
}

/// What relay logs hold, what they lack, and what a server does with them.
#[must_use]
pub fn of_relay_logs(manifest: &relay_log::Manifest) -> Vec<Note> {
    let mut notes = of_replay(&manifest.stream);
    let bytes = manifest.files.iter().map(|(_, bytes)| bytes).sum();
    let files = count(manifest.files.len() as u64, "relay log");
    notes.push(Note::done(format!("{files}, {}", count(bytes, "byte"))));
    notes.extend(manifest.renamed.iter().map(|(log, name)| {
        Note::warning(format!("{log} is called {name} in positions that the applier tells"))
    }));
    if !manifest.server_ids.is_empty() {
        let [had, given] = [&manifest.written_by, &manifest.server_ids]
            .map(|ids| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", "));
        notes.push(Note::done(format!(
            "the events bear server id {given} instead of {had}, so that no applier takes them for \
             its own"
        )));
    }
    notes
}

/// What an undo of this form does, and what it does not.
#[must_use]
pub fn of_undo(report: &Report, format: Format) -> Vec<Note> {
    let transactions = count(report.transactions, "transaction");
    let statements = count(report.statements, "statement");
    let rows = count(report.rows(), "row");
    let mut notes = vec![Note::done(format!("undoes {transactions}, {statements}, {rows}"))];
    for (table, rows) in &report.tables {
        let what = [
            (rows.inserted, "come back"),
            (rows.updated, "get their old values"),
            (rows.deleted, "go"),
        ];
        let what = what.iter().filter(|(rows, _)| *rows > 0);
        let what: Vec<_> = what.map(|(rows, does)| format!("{rows} {does}")).collect();
        notes.push(Note::done(format!("rows of {}: {}", table_name(table), what.join(", "))));
    }
    for (table, rows) in &report.left_out {
        let rows = count(*rows, "row");
        notes.push(Note::done(format!(
            "{}: {rows} left as they are by the filters",
            table_name(table)
        )));
    }
    for (table, rows) in &report.spared {
        let rows = count(rows.total(), "row");
        notes.push(Note::warning(format!(
            "{}: {rows} not undone, for later changes touch them",
            table_name(table)
        )));
    }
    if report.dependent_count > 0 {
        let later = count(report.dependent_count, "later transaction");
        let first: Vec<_> = report.dependent.iter().take(NAMED).map(ToString::to_string).collect();
        notes.push(Note::warning(format!(
            "{later} touched the same rows: what they did is undone as well ({})",
            first.join(", ")
        )));
    }
    if report.transactions_left_out > 0 {
        let left = count(report.transactions_left_out, "transaction");
        notes.push(Note::done(format!("{left} left as they are by the filters")));
    }
    if format == Format::Sql {
        notes.extend(report.tables_with_triggers().map(|table| {
            let table = table_name(table);
            Note::warning(format!("{table} has triggers: --format base64 does not fire them"))
        }));
    }
    notes.extend(report.lost.iter().map(Note::warning));
    notes.extend(report.warnings.iter().map(Note::warning));
    notes
}

/// `database.table`, log text in it not made safe yet.
#[must_use]
pub fn table_name(table: &TableName) -> String {
    format!("{}.{}", utf8(&table.database).text, utf8(&table.table).text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!((count(1, "row"), count(0, "row")), ("1 row".into(), "0 rows".into()));
    }

    #[test]
    fn an_empty_stream_is_a_warning() {
        assert!(of_replay(&Manifest::default()).iter().all(|note| note.warning));
    }
}
