//! The table references of a DELETE, an UPDATE or a SELECT: which tables, under which names, and
//! whether their join conditions hold rows back.

use super::condition::{Truth, fold};
use super::cursor::{Cursor, TableName};
use super::dialect::Dialect;
use super::token::Token;

/// One table of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRef {
    /// Its name; `None` for a subquery or a table function.
    pub table: Option<TableName>,
    /// The name it goes by in the statement, where one was given.
    pub alias: Option<Vec<u8>>,
}

/// The list, read up to a clause that cannot be part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRefs {
    /// The tables in the order written.
    pub tables: Vec<TableRef>,
    /// An inner join has a condition that may hold rows back.
    pub limited_by_join: bool,
}

/// Tables that are kept: the servers join 61 at most.
pub(super) const MAX_TABLES: usize = 1024;

/// Words that end the list, or that follow a table without being its alias.
const NOT_AN_ALIAS: [&str; 26] = [
    "SET",
    "WHERE",
    "ORDER",
    "LIMIT",
    "RETURNING",
    "USING",
    "ON",
    "JOIN",
    "INNER",
    "CROSS",
    "LEFT",
    "RIGHT",
    "NATURAL",
    "STRAIGHT_JOIN",
    "FULL",
    "USE",
    "FORCE",
    "IGNORE",
    "PARTITION",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "UNION",
    "WINDOW",
    "BEFORE",
];

impl TableRefs {
    /// Reads the list at the cursor, up to one of `ends` or the end.
    pub fn read(cursor: &mut Cursor<'_, '_>, ends: &[&str], dialect: &Dialect) -> Self {
        let mut refs = Self::default();
        let mut expecting = true;
        let mut outer = false;
        while let Some(token) = cursor.peek() {
            refs.tables.truncate(MAX_TABLES);
            if token.is_any_word(ends) && !cursor.follows_dot() {
                break;
            }
            if expecting {
                expecting = !refs.read_table(cursor);
                continue;
            }
            if token.is_operator("(") {
                cursor.skip_parenthesised();
                continue;
            }
            cursor.bump();
            if token.is_operator(",") {
                expecting = true;
                outer = false;
            } else if token.is_any_word(&["LEFT", "RIGHT", "FULL"]) {
                outer = true;
            } else if token.is_word("NATURAL") {
                refs.limited_by_join |= !cursor.at_any_word(&["LEFT", "RIGHT"]);
            } else if token.is_any_word(&["JOIN", "STRAIGHT_JOIN"]) {
                expecting = true;
            } else if token.is_word("USING") {
                refs.limited_by_join |= !outer;
                outer = false;
            } else if token.is_word("ON") {
                refs.limited_by_join |= !outer && !on_is_always_true(cursor, ends, dialect);
                outer = false;
            }
        }
        refs
    }

    /// Takes one table; false when only a bracket or a brace was taken.
    fn read_table(&mut self, cursor: &mut Cursor<'_, '_>) -> bool {
        if cursor.at_subquery() {
            cursor.skip_parenthesised();
            let alias = alias(cursor);
            self.tables.push(TableRef { table: None, alias });
            return true;
        }
        if cursor.eat_operator("(") || cursor.eat_operator("{") {
            cursor.eat_word("OJ");
            return false;
        }
        if cursor.eat_word("LATERAL") {
            return false;
        }
        let Some(table) = cursor.table_name() else {
            return cursor.bump().is_none();
        };
        // JSON_TABLE(…) and its like.
        let function = cursor.at_operator("(");
        if function {
            cursor.skip_parenthesised();
        }
        if cursor.eat_word("PARTITION") {
            cursor.skip_parenthesised();
        }
        self.tables.push(TableRef { table: (!function).then_some(table), alias: alias(cursor) });
        true
    }

    /// The table that a name stands for in this statement.
    pub fn resolve(&self, name: &TableName) -> Option<&TableRef> {
        self.tables.iter().find(|candidate| {
            let by_alias = candidate.alias.as_ref().is_some_and(|alias| {
                name.database.is_none() && alias.eq_ignore_ascii_case(&name.table)
            });
            let by_name = candidate.alias.is_none()
                && candidate.table.as_ref().is_some_and(|table| {
                    table.table.eq_ignore_ascii_case(&name.table)
                        && (name.database.is_none()
                            || table.database.is_none()
                            || table.database == name.database)
                });
            by_alias || by_name
        })
    }
}

fn alias(cursor: &mut Cursor<'_, '_>) -> Option<Vec<u8>> {
    let written = cursor.eat_word("AS");
    let token = cursor.peek()?;
    if !token.is_identifier() || (!written && token.is_any_word(&NOT_AN_ALIAS)) {
        return None;
    }
    cursor.name().map(|name| name.into_owned())
}

/// Folds the condition behind an ON, without moving the cursor.
fn on_is_always_true(cursor: &Cursor<'_, '_>, ends: &[&str], dialect: &Dialect) -> bool {
    let mut end = *cursor;
    let start = end.position();
    let mut stops =
        vec!["JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "NATURAL", "STRAIGHT_JOIN", "ON"];
    stops.extend(ends);
    while let Some(token) = end.peek() {
        if stops_condition(token, &stops) {
            break;
        }
        if token.is_operator("(") {
            end.skip_parenthesised();
        } else {
            end.bump();
        }
    }
    fold(end.since(start), dialect) == Truth::AlwaysTrue
}

fn stops_condition(token: &Token<'_>, stops: &[&str]) -> bool {
    token.is_any_word(stops) || token.is_operator(",") || token.is_operator(")")
}
