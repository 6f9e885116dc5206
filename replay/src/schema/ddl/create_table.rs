//! CREATE TABLE.

use super::column::{charset_attribute, column};
use super::cursor::{Cursor, Parsed};
use super::key::key_or_constraint;
use super::statement::{Body, Element, TableOptions};

/// CREATE TABLE … AS SELECT, as statement format logs it. (Row format logs the columns instead.)
const COLUMNS_OF_QUERY: &str = "its columns come from a query";

/// Reads a CREATE TABLE from behind the table's name.
pub(super) fn body(cursor: &mut Cursor<'_>) -> Parsed<Body> {
    if cursor.eat_word("LIKE") {
        return Ok(Body::Like(cursor.table_name()?));
    }
    if cursor.at_operator("(") && cursor.peek_at(1).is_some_and(|token| token.is_word("LIKE")) {
        cursor.bump();
        cursor.bump();
        let table = cursor.table_name()?;
        cursor.expect_operator(")")?;
        return Ok(Body::Like(table));
    }
    let mut elements = Vec::new();
    if cursor.at_operator("(") && !at_query(cursor) {
        elements = column_list(cursor)?;
    }
    let options = table_options(cursor)?;
    // A storage engine may find the columns by itself (MariaDB's assisted discovery).
    if !elements.iter().any(|element| matches!(element, Element::Column(_))) {
        return Err(cursor.unexpected("column definitions"));
    }
    Ok(Body::Elements { elements, options })
}

/// Whether a bracket opens a query.
fn at_query(cursor: &Cursor<'_>) -> bool {
    cursor.peek_at(1).is_some_and(|token| {
        token.is_operator("(") || token.is_any_word(&["SELECT", "WITH", "VALUES", "TABLE"])
    })
}

/// `(element, …)`.
pub(super) fn column_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Element>> {
    cursor.expect_operator("(")?;
    let mut elements = Vec::new();
    loop {
        elements.push(element(cursor)?.0);
        if !cursor.eat_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(elements)
}

/// One element, and whether it said IF NOT EXISTS.
pub(super) fn element(cursor: &mut Cursor<'_>) -> Parsed<(Element, bool)> {
    match key_or_constraint(cursor)? {
        Some(element) => Ok(element),
        None => Ok((Element::Column(Box::new(column(cursor)?)), false)),
    }
}

/// The options behind the columns, up to the end of the statement. A query there adds columns that
/// the text does not tell, and is an error.
fn table_options(cursor: &mut Cursor<'_>) -> Parsed<TableOptions> {
    let mut options = TableOptions::default();
    while !cursor.at_end() {
        if cursor.eat_words(&["PARTITION", "BY"]) {
            return partitions(cursor).map(|()| options);
        }
        if cursor.eat_words(&["WITH", "SYSTEM", "VERSIONING"]) {
            options.system_versioning = true;
        } else if at_select(cursor) {
            return Err(COLUMNS_OF_QUERY.into());
        } else if option_charset(cursor, &mut options)? {
        } else {
            one_option(cursor)?;
        }
    }
    Ok(options)
}

/// `[DEFAULT] CHARACTER SET [=] x`, `[DEFAULT] COLLATE [=] x`.
fn option_charset(cursor: &mut Cursor<'_>, options: &mut TableOptions) -> Parsed<bool> {
    let default = cursor.eat_word("DEFAULT");
    if cursor.at_any_word(&["CHARSET", "CHARACTER", "CHAR", "COLLATE"]) {
        return charset_attribute(cursor, &mut options.charset);
    }
    // Else it is the value of the option before.
    Ok(default)
}

/// `UNION = (a, b)`, `ENGINE = x`, or a word of an option.
pub(super) fn one_option(cursor: &mut Cursor<'_>) -> Parsed<()> {
    // Behind the sign stands a value, whatever its word.
    cursor.eat_operator("=");
    if cursor.at_operator("(") {
        return cursor.brackets().map(drop);
    }
    if cursor.at_operator(")") || cursor.bump().is_none() {
        return Err(cursor.unexpected("an option of the table"));
    }
    Ok(())
}

fn at_select(cursor: &Cursor<'_>) -> bool {
    cursor.at_any_word(&["AS", "SELECT", "IGNORE", "REPLACE", "WITH", "VALUES", "TABLE"])
        || (cursor.at_operator("(") && at_query(cursor))
}

/// The rest of a PARTITION BY clause; a query may follow it.
fn partitions(cursor: &mut Cursor<'_>) -> Parsed<()> {
    while !cursor.at_end() {
        if cursor.at_any_word(&["AS", "SELECT", "IGNORE", "REPLACE"])
            || (cursor.at_operator("(") && at_query_in_partitions(cursor))
        {
            return Err(COLUMNS_OF_QUERY.into());
        }
        if cursor.at_operator("(") {
            cursor.brackets()?;
        } else if cursor.bump().is_none() {
            return Err(cursor.unexpected("more"));
        }
    }
    Ok(())
}

/// A partitioning expression may start with a bracket, a query then has SELECT behind it.
fn at_query_in_partitions(cursor: &Cursor<'_>) -> bool {
    cursor.peek_at(1).is_some_and(|token| token.is_any_word(&["SELECT", "WITH"]))
}
