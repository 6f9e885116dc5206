//! What statements as text do to tables, as far as later evidence depends on it.

use super::candidate::Basis;
use super::classify_kind::{FindingKind, Severity};
use super::finding::Evidence;
use super::traffic::{TableIndex, Tables};
use super::verdict::Verdict;
use crate::sql::statement::{Object, StatementVerb, head};
use crate::sql::{Cursor, Dialect, Lexer, TableName, written_tables};

/// How long after its making a table counts as scratch work of the session that made it, in
/// seconds.
const SCRATCH_SECONDS: u32 = 3600;

/// What is known of a statement beside its verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) text: &'a [u8],
    pub(super) dialect: &'a Dialect,
    pub(super) thread_id: Option<u32>,
    pub(super) timestamp: u32,
}

/// A table's name for people.
pub(super) fn show(name: &TableName) -> String {
    show_parts(name.database.as_deref().unwrap_or_default(), &name.table)
}

/// As [`show`].
pub(super) fn show_parts(database: &[u8], table: &[u8]) -> String {
    let [database, table] = [database, table].map(String::from_utf8_lossy);
    match (database.is_empty(), table.is_empty()) {
        (true, _) => table.into_owned(),
        (false, true) => database.into_owned(),
        (false, false) => format!("{database}.{table}"),
    }
}

/// The tables of a verdict that the logs have told of before it.
fn known_tables(verdict: &Verdict, tables: &Tables) -> Vec<TableIndex> {
    let mut known = vec![];
    for name in &verdict.tables {
        let database = name.database.as_deref().unwrap_or_default();
        if name.table.is_empty() {
            known.extend(tables.of_database(database));
        } else {
            known.extend(tables.find(database, &name.table));
        }
    }
    known
}

/// What the logs before a statement tell about how bad it is.
pub(super) fn basis(verdict: &Verdict, facts: &Facts<'_>, tables: &Tables) -> Basis {
    let known = known_tables(verdict, tables);
    let rows = known.iter().map(|index| tables.get(*index).rows().0).sum();
    let mut basis =
        Basis::Text { lost: takes_all(verdict.kind), known: rows, evidence: vec![], worst: None };
    let Basis::Text { evidence, worst, .. } = &mut basis else { return basis };
    if rows > 0 {
        evidence.push(Evidence::RowsKnown(rows));
    }
    if !takes_all(verdict.kind) {
        return basis;
    }
    // Of a database there may be tables that nothing told of.
    let complete = verdict.kind != FindingKind::DropDatabase
        && !known.is_empty()
        && known.len() == verdict.tables.len();
    let all = |holds: &dyn Fn(TableIndex) -> bool| complete && known.iter().all(|t| holds(*t));
    let optional = verdict.kind == FindingKind::ReplaceTable || has_words(facts, &["IF", "EXISTS"]);
    let own = |table: TableIndex| {
        let made = tables.get(table).made;
        made.is_some_and(|(thread, time)| {
            facts.thread_id == Some(thread)
                && facts.timestamp.saturating_sub(time) < SCRATCH_SECONDS
        })
    };
    if tables.are_trusted() && all(&|table| tables.get(table).rows() == (0, true)) {
        evidence.push(Evidence::WasEmpty);
        *worst = Some(if verdict.kind == FindingKind::DropTable {
            Severity::Medium
        } else {
            Severity::Low
        });
    } else if optional && !known.iter().any(|table| tables.get(*table).seen) {
        evidence.push(Evidence::MaybeNotThere);
        *worst = Some(verdict.kind.severity().lowered());
    } else if verdict.kind == FindingKind::DropTable && all(&own) {
        evidence.push(Evidence::OwnTable);
        *worst = Some(Severity::Medium);
    }
    basis
}

/// Whether a statement of this kind takes every row of the tables it names.
fn takes_all(kind: FindingKind) -> bool {
    use FindingKind::{DeleteWithoutWhere, DropDatabase, DropTable, ReplaceTable, TruncateTable};
    matches!(kind, DeleteWithoutWhere | DropDatabase | DropTable | ReplaceTable | TruncateTable)
}

/// Whether these words stand near the start of the statement, as IF EXISTS does.
fn has_words(facts: &Facts<'_>, words: &[&str; 2]) -> bool {
    const HEAD_TOKENS: usize = 8;
    let code = Lexer::new(facts.text, facts.dialect).code();
    let tokens: Vec<_> = code.map_while(Result::ok).take(HEAD_TOKENS).collect();
    let mut cursor = Cursor::new(&tokens, facts.dialect.charset);
    cursor.seek_word(&words[..1]) && cursor.eat_words(words)
}

/// Takes note of what a destructive statement did.
pub(super) fn apply(verdict: &Verdict, tables: &mut Tables) {
    use FindingKind::{DropDatabase, DropTable, RenameTable, ReplaceTable, TruncateTable};
    match verdict.kind {
        DropDatabase => {
            for index in known_tables(verdict, tables) {
                tables.get_mut(index).empty();
            }
        }
        TruncateTable | DropTable | ReplaceTable => {
            for name in &verdict.tables {
                let database = name.database.as_deref().unwrap_or_default();
                let index = tables.index(database, &name.table);
                tables.get_mut(index).empty();
            }
        }
        RenameTable => {
            for name in &verdict.tables {
                let database = name.database.as_deref().unwrap_or_default();
                let index = tables.index(database, &name.table);
                tables.get_mut(index).forget();
            }
        }
        _ => {}
    }
}

/// Whether a statement makes a table for certain. CREATE TABLE IF NOT EXISTS may have made none, and
/// a temporary table is nobody's business.
pub(super) fn makes_table(facts: &Facts<'_>) -> bool {
    let head = head(facts.text, facts.dialect);
    let makes = head.verb == StatementVerb::Create && head.object == Object::Table;
    makes && !head.temporary && !has_words(facts, &["IF", "NOT"])
}

/// Takes note of a table that is made: no row is in it yet.
pub(super) fn follow_create(facts: &Facts<'_>, database: &[u8], tables: &mut Tables) {
    if !makes_table(facts) {
        return;
    }
    for name in written_tables(facts.text, facts.dialect, database) {
        let index = tables.index(name.database.as_deref().unwrap_or_default(), &name.table);
        let table = tables.get_mut(index);
        table.empty();
        table.made = facts.thread_id.map(|thread| (thread, facts.timestamp));
    }
}
