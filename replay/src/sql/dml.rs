//! The shape of a DELETE or an UPDATE: what it changes, and what limits it.

use super::cursor::{Cursor, TableName};
use super::dialect::Dialect;
use super::table_refs::{MAX_TABLES, TableRefs};
use super::token::Token;

/// DELETE or UPDATE, taken apart at its clauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dml<'t, 'a> {
    /// The tables whose rows it changes. Where an UPDATE of several tables does not say to which
    /// one a column belongs, all of them.
    pub tables: Vec<TableName>,
    /// The condition behind WHERE; `None` without that clause.
    pub condition: Option<&'t [Token<'a>]>,
    /// It has a LIMIT clause.
    pub limit: bool,
    /// An inner join's condition may hold rows back.
    pub limited_by_join: bool,
    /// It names partitions, so that it cannot reach the others.
    pub partition: bool,
    /// MariaDB's DELETE HISTORY, which removes old row versions only.
    pub history: bool,
    /// MariaDB's FOR PORTION OF, which changes a period of time only.
    pub portion: bool,
}

/// Clauses that end the table references.
const CLAUSES: [&str; 6] = ["WHERE", "ORDER", "LIMIT", "RETURNING", "SET", "FOR"];

/// Clauses that end a condition.
const AFTER_WHERE: [&str; 3] = ["ORDER", "LIMIT", "RETURNING"];

/// Reads a DELETE whose keyword has been taken.
pub fn read_delete<'t, 'a>(cursor: &mut Cursor<'t, 'a>, dialect: &Dialect) -> Dml<'t, 'a> {
    cursor.skip_any_words(&["LOW_PRIORITY", "QUICK", "IGNORE"]);
    let history = cursor.eat_word("HISTORY");
    let from_first = cursor.eat_word("FROM");
    let start = cursor.position();
    let targets = delete_targets(cursor);
    let multi = if from_first { cursor.eat_word("USING") } else { cursor.eat_word("FROM") };
    if !multi {
        // DELETE FROM t: the targets are the references themselves.
        *cursor = cursor.at_position(start);
    }
    let refs_start = cursor.position();
    let refs = TableRefs::read(cursor, &CLAUSES, dialect);
    let partition = cursor.since(refs_start).iter().any(|token| token.is_word("PARTITION"));
    let tables = if multi {
        resolve_all(&targets, &refs)
    } else {
        refs.tables.iter().filter_map(|t| t.table.clone()).collect()
    };
    let mut dml = read_clauses(cursor);
    dml.tables = tables;
    dml.limited_by_join = multi && refs.limited_by_join;
    dml.partition = partition;
    dml.history = history;
    dml
}

/// Reads an UPDATE whose keyword has been taken.
pub fn read_update<'t, 'a>(cursor: &mut Cursor<'t, 'a>, dialect: &Dialect) -> Dml<'t, 'a> {
    cursor.skip_any_words(&["LOW_PRIORITY", "IGNORE"]);
    let refs_start = cursor.position();
    let refs = TableRefs::read(cursor, &CLAUSES, dialect);
    let partition = cursor.since(refs_start).iter().any(|token| token.is_word("PARTITION"));
    let portion = cursor.eat_words(&["FOR", "PORTION", "OF"]);
    let tables = if cursor.seek_word(&["SET"]) {
        cursor.bump();
        updated_tables(cursor, &refs)
    } else {
        refs.tables.iter().filter_map(|t| t.table.clone()).collect()
    };
    let mut dml = read_clauses(cursor);
    dml.tables = tables;
    dml.limited_by_join = refs.limited_by_join;
    dml.partition = partition;
    dml.portion |= portion;
    dml
}

/// `t1, db.t2.*, …`
fn delete_targets(cursor: &mut Cursor<'_, '_>) -> Vec<TableName> {
    let mut targets = Vec::new();
    while let Some(table) = cursor.table_name() {
        if targets.len() < MAX_TABLES {
            targets.push(table);
        }
        if cursor.eat_operator(".") {
            cursor.eat_operator("*");
        }
        if !cursor.eat_operator(",") {
            break;
        }
    }
    targets
}

fn resolve_all(targets: &[TableName], refs: &TableRefs) -> Vec<TableName> {
    let resolved = targets.iter().map(|target| {
        refs.resolve(target).map_or_else(|| Some(target.clone()), |found| found.table.clone())
    });
    resolved.flatten().collect()
}

/// The tables whose columns the assignments behind SET name.
fn updated_tables(cursor: &Cursor<'_, '_>, refs: &TableRefs) -> Vec<TableName> {
    let all = || -> Vec<_> { refs.tables.iter().filter_map(|t| t.table.clone()).collect() };
    if refs.tables.len() < 2 {
        return all();
    }
    let mut look = *cursor;
    let mut tables = Vec::new();
    loop {
        // An assignment starts with column, table.column or database.table.column.
        let (Some(first), Some(second)) = (look.table_name(), look.peek()) else {
            return all();
        };
        let owner = match (first.database, second.is_operator(".")) {
            (None, _) => return all(),
            (Some(table), false) => TableName { database: None, table },
            (Some(database), true) => TableName { database: Some(database), table: first.table },
        };
        let Some(table) = refs.resolve(&owner).and_then(|found| found.table.clone()) else {
            return all();
        };
        if !tables.contains(&table) {
            tables.push(table);
        }
        if !seek_comma(&mut look) {
            return tables;
        }
    }
}

/// Moves behind the next comma of the SET clause; false at its end.
fn seek_comma(cursor: &mut Cursor<'_, '_>) -> bool {
    while let Some(token) = cursor.peek() {
        if token.is_operator("(") {
            cursor.skip_parenthesised();
            continue;
        }
        if token.is_any_word(&CLAUSES) && !cursor.follows_dot() {
            return false;
        }
        cursor.bump();
        if token.is_operator(",") {
            return true;
        }
    }
    false
}

/// Reads WHERE and what follows it.
fn read_clauses<'t, 'a>(cursor: &mut Cursor<'t, 'a>) -> Dml<'t, 'a> {
    let mut dml = Dml {
        tables: Vec::new(),
        condition: None,
        limit: false,
        limited_by_join: false,
        partition: false,
        history: false,
        portion: false,
    };
    while cursor.seek_word(&["WHERE", "LIMIT", "FOR"]) {
        let Some(clause) = cursor.bump() else { break };
        if clause.is_word("WHERE") {
            let start = cursor.position();
            cursor.seek_word(&AFTER_WHERE);
            dml.condition = Some(cursor.since(start));
        } else if clause.is_word("LIMIT") {
            dml.limit = true;
        } else if cursor.eat_words(&["PORTION", "OF"]) {
            dml.portion = true;
        }
    }
    dml
}
