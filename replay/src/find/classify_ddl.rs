//! TRUNCATE, DROP, CREATE OR REPLACE, RENAME and ALTER TABLE.

use super::classify_kind::FindingKind;
use super::verdict::{Confidence, Reason, Verdict};
use crate::sql::statement::{Object, StatementHead};
use crate::sql::written::renames;
use crate::sql::{Cursor, TableName};

/// A statement whose head has been read.
pub(super) struct Ddl {
    pub(super) head: StatementHead,
}

impl Ddl {
    pub(super) fn truncate(&self, cursor: &mut Cursor<'_, '_>) -> Verdict {
        cursor.eat_word("TABLE");
        let tables = Vec::from_iter(cursor.table_name());
        let reason = Reason::Drops("removes every row of the table");
        Verdict::new(FindingKind::TruncateTable, tables, reason)
    }

    pub(super) fn drop(&self, cursor: &mut Cursor<'_, '_>) -> Option<Verdict> {
        if self.head.temporary {
            return None;
        }
        // PREPARE belongs to a session, and is no object.
        let kind_word = cursor.at_position(cursor.position().saturating_sub(1));
        if kind_word.at_word("PREPARE") || self.head.object == Object::None {
            return None;
        }
        let (kind, reason) = match self.head.object {
            Object::Table => (FindingKind::DropTable, "drops the table"),
            Object::Database => (FindingKind::DropDatabase, "drops the whole database"),
            Object::View => (FindingKind::DropOther, "drops a view"),
            Object::Index => (FindingKind::DropOther, "drops an index"),
            Object::StoredProgram => (FindingKind::DropOther, "drops a stored program"),
            Object::Sequence => (FindingKind::DropOther, "drops a sequence and its counter"),
            _ => (FindingKind::DropOther, "drops a server object"),
        };
        let mut verdict = Verdict::new(kind, Vec::new(), Reason::Drops(reason));
        cursor.eat_word("BODY");
        cursor.skip_if_exists();
        match self.head.object {
            Object::Table | Object::View | Object::Sequence => {
                verdict.tables = cursor.table_names();
            }
            Object::Database => verdict.tables = Vec::from_iter(database(cursor)),
            Object::Index => {
                verdict.objects = names(cursor);
                if cursor.seek_word(&["ON"]) {
                    cursor.bump();
                    verdict.tables = Vec::from_iter(cursor.table_name());
                }
            }
            Object::StoredProgram => {
                // Of `database.name` the name tells more than the database.
                verdict.objects = cursor.table_name().map(|t| t.table).into_iter().collect();
            }
            _ => {
                cursor.skip_any_words(&["GROUP", "REFERENCE", "SYSTEM"]);
                verdict.objects = names(cursor);
            }
        }
        Some(verdict)
    }

    /// CREATE OR REPLACE: the old object is dropped first. A view or a routine is replaced as a
    /// matter of routine, and holds no data.
    pub(super) fn replace(&self, cursor: &mut Cursor<'_, '_>) -> Option<Verdict> {
        if self.head.temporary {
            return None;
        }
        let (kind, reason, confidence) = match self.head.object {
            Object::Table => (
                FindingKind::ReplaceTable,
                "drops the table that had this name",
                Confidence::Likely,
            ),
            Object::Database => (
                FindingKind::DropDatabase,
                "drops the database that had this name",
                Confidence::Likely,
            ),
            Object::Sequence => (
                FindingKind::DropOther,
                "drops the sequence that had this name, and its counter",
                Confidence::Likely,
            ),
            Object::View | Object::StoredProgram | Object::Index => (
                FindingKind::DropOther,
                "replaces the definition that had this name",
                Confidence::Possible,
            ),
            _ => return None,
        };
        let mut verdict = Verdict::new(kind, Vec::new(), Reason::Drops(reason));
        verdict.confidence = confidence;
        match self.head.object {
            Object::Database => verdict.tables = Vec::from_iter(database(cursor)),
            Object::Index => {
                verdict.objects = names(cursor);
                if cursor.seek_word(&["ON"]) {
                    cursor.bump();
                    verdict.tables = Vec::from_iter(cursor.table_name());
                }
            }
            Object::StoredProgram => {
                verdict.objects = cursor.table_name().map(|t| t.table).into_iter().collect();
            }
            _ => verdict.tables = Vec::from_iter(cursor.table_name()),
        }
        Some(verdict)
    }

    pub(super) fn rename(&self, cursor: &mut Cursor<'_, '_>) -> Option<Verdict> {
        let tables: Vec<_> =
            renames(cursor).into_iter().flat_map(|(from, to)| [from, to]).collect();
        Some(Verdict::new(FindingKind::RenameTable, tables, Reason::Renamed))
    }
}

/// A database stands as a table without a name.
fn database(cursor: &mut Cursor<'_, '_>) -> Option<TableName> {
    cursor.skip_if_exists();
    let name = cursor.name()?;
    Some(TableName { database: Some(name.into_owned()), table: Vec::new() })
}

fn names(cursor: &mut Cursor<'_, '_>) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    cursor.skip_if_exists();
    while let Some(name) = cursor.name() {
        names.push(name.into_owned());
        if !cursor.eat_operator(",") {
            break;
        }
    }
    names
}

/// What one action of an ALTER TABLE takes away.
struct Action {
    kind: FindingKind,
    reason: Reason,
    objects: Vec<Vec<u8>>,
    other_table: Option<TableName>,
}

impl Action {
    fn new(kind: FindingKind, what: &'static str) -> Self {
        Self { kind, reason: Reason::Drops(what), objects: Vec::new(), other_table: None }
    }
}

/// Judges ALTER TABLE behind its TABLE: one verdict for each kind of destruction in it.
pub(super) fn alter_table(cursor: &mut Cursor<'_, '_>) -> Vec<Verdict> {
    cursor.skip_if_exists();
    let Some(table) = cursor.table_name() else {
        return Vec::new();
    };
    if cursor.eat_word("WAIT") {
        cursor.bump();
    }
    cursor.eat_word("NOWAIT");
    let mut verdicts: Vec<Verdict> = Vec::new();
    loop {
        if let Some(action) = read_action(cursor) {
            add_action(&mut verdicts, &table, action);
        }
        if !seek_comma(cursor) {
            return verdicts;
        }
    }
}

fn add_action(verdicts: &mut Vec<Verdict>, table: &TableName, mut action: Action) {
    if let Some(verdict) = verdicts.iter_mut().find(|v| v.kind == action.kind) {
        verdict.objects.append(&mut action.objects);
        if !verdict.reasons.contains(&action.reason) {
            verdict.reasons.push(action.reason);
        }
        return;
    }
    let mut verdict = Verdict::new(action.kind, vec![table.clone()], action.reason);
    verdict.tables.extend(action.other_table);
    verdict.objects = action.objects;
    verdicts.push(verdict);
}

fn read_action(cursor: &mut Cursor<'_, '_>) -> Option<Action> {
    if cursor.eat_word("DROP") {
        return Some(read_drop(cursor));
    }
    if cursor.eat_words(&["TRUNCATE", "PARTITION"]) {
        let mut action =
            Action::new(FindingKind::TruncatePartition, "removes every row of the partition");
        action.objects = names(cursor);
        return Some(action);
    }
    if cursor.eat_words(&["EXCHANGE", "PARTITION"]) {
        let mut action = Action::new(
            FindingKind::DropOther,
            "exchanges a partition's rows with another table's",
        );
        action.objects = names(cursor);
        if cursor.eat_words(&["WITH", "TABLE"]) {
            action.other_table = cursor.table_name();
        }
        return Some(action);
    }
    if cursor.eat_words(&["CONVERT", "PARTITION"]) {
        let mut action =
            Action::new(FindingKind::DropOther, "moves a partition's rows to a table of its own");
        action.objects = names(cursor);
        if cursor.eat_words(&["TO", "TABLE"]) {
            action.other_table = cursor.table_name();
        }
        return Some(action);
    }
    if cursor.eat_word("DISCARD") {
        let what = "discards the tablespace and with it the rows";
        let mut action = Action::new(FindingKind::DropOther, what);
        if cursor.eat_word("PARTITION") {
            action.objects = names(cursor);
        }
        return Some(action);
    }
    if cursor.eat_word("RENAME") {
        return read_rename(cursor);
    }
    None
}

fn read_rename(cursor: &mut Cursor<'_, '_>) -> Option<Action> {
    // RENAME COLUMN and RENAME INDEX name two things; RENAME column alone renames the table.
    let named_part = cursor.at_any_word(&["COLUMN", "INDEX", "KEY"])
        && cursor.peek_at(1).is_some_and(|token| token.is_identifier());
    if named_part {
        return None;
    }
    cursor.skip_any_words(&["TO", "AS"]);
    cursor.eat_operator("=");
    Some(Action {
        kind: FindingKind::RenameTable,
        reason: Reason::Renamed,
        objects: Vec::new(),
        other_table: Some(cursor.table_name()?),
    })
}

/// What stands behind DROP in an ALTER TABLE.
fn read_drop(cursor: &mut Cursor<'_, '_>) -> Action {
    const PARTS: [(&[&str], &str); 8] = [
        (&["PRIMARY", "KEY"], "drops the primary key"),
        (&["FOREIGN", "KEY"], "drops a foreign key"),
        (&["INDEX"], "drops an index"),
        (&["KEY"], "drops an index"),
        (&["CONSTRAINT"], "drops a constraint"),
        (&["CHECK"], "drops a constraint"),
        (&["SYSTEM", "VERSIONING"], "drops the history of the rows"),
        (&["PERIOD", "FOR"], "drops a period"),
    ];
    if cursor.eat_word("PARTITION") {
        let mut action =
            Action::new(FindingKind::DropPartition, "drops the partition and its rows");
        action.objects = names(cursor);
        return action;
    }
    for (words, what) in PARTS {
        if cursor.eat_words(words) {
            let mut action = Action::new(FindingKind::DropOther, what);
            cursor.skip_if_exists();
            action.objects.extend(one_name(cursor));
            return action;
        }
    }
    let mut action = Action::new(FindingKind::DropColumn, "drops a column and its values");
    cursor.eat_word("COLUMN");
    cursor.skip_if_exists();
    action.objects.extend(one_name(cursor));
    action
}

fn one_name(cursor: &mut Cursor<'_, '_>) -> Option<Vec<u8>> {
    cursor.name().map(|name| name.into_owned())
}

/// Moves behind the next comma outside brackets; false at the end.
fn seek_comma(cursor: &mut Cursor<'_, '_>) -> bool {
    while let Some(token) = cursor.peek() {
        if token.is_operator("(") {
            cursor.skip_parenthesised();
            continue;
        }
        cursor.bump();
        if token.is_operator(",") {
            return true;
        }
    }
    false
}
