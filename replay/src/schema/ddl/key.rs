//! Keys, constraints and periods, in CREATE TABLE, ALTER TABLE … ADD and CREATE INDEX.

use super::super::table::{ForeignKey, Key, KeyKind, KeyPart, ReferenceOption};
use super::cursor::{Cursor, Parsed};
use super::statement::Element;

/// Reads a key or constraint; `None`, and nothing taken, when a column stands here. Second, whether
/// it said IF NOT EXISTS.
pub(super) fn key_or_constraint(cursor: &mut Cursor<'_>) -> Parsed<Option<(Element, bool)>> {
    let start = cursor.position();
    let mut constraint = Vec::new();
    let mut if_not_exists = false;
    if cursor.eat_word("CONSTRAINT") {
        if_not_exists = cursor.eat_words(&["IF", "NOT", "EXISTS"]);
        if !cursor.at_any_word(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]) {
            constraint = cursor.name()?;
        }
    }
    let Some(kind) = kind(cursor) else {
        let element = constraint_element(cursor, constraint, &mut if_not_exists)?;
        if element.is_none() {
            cursor.rewind(start);
        }
        return Ok(element.map(|element| (element, if_not_exists)));
    };
    let mut key = key(cursor, kind, &mut if_not_exists)?;
    if key.name.is_empty() {
        key.name = constraint;
    }
    cursor.skip_element()?;
    Ok(Some((Element::Key(key), if_not_exists)))
}

/// The words that open a key. A column may be called `vector`, but not `key`.
fn kind(cursor: &mut Cursor<'_>) -> Option<KeyKind> {
    let either = |cursor: &mut Cursor<'_>| cursor.eat_any_word(&["KEY", "INDEX"]);
    if cursor.eat_words(&["PRIMARY", "KEY"]) {
        return Some(KeyKind::Primary);
    }
    for (word, kind) in [
        ("UNIQUE", KeyKind::Unique),
        ("FULLTEXT", KeyKind::Fulltext),
        ("SPATIAL", KeyKind::Spatial),
    ] {
        if cursor.eat_word(word) {
            either(cursor);
            return Some(kind);
        }
    }
    if cursor.eat_words(&["VECTOR", "KEY"]) || cursor.eat_words(&["VECTOR", "INDEX"]) {
        return Some(KeyKind::Vector);
    }
    either(cursor).then_some(KeyKind::Index)
}

/// A key from behind its kind up to the end of its parts.
fn key(cursor: &mut Cursor<'_>, kind: KeyKind, if_not_exists: &mut bool) -> Parsed<Key> {
    *if_not_exists |= cursor.eat_if_not_exists();
    let mut name = Vec::new();
    if !cursor.at_operator("(") && !at_index_type(cursor) {
        name = cursor.name()?;
    }
    if at_index_type(cursor) {
        cursor.bump();
        cursor.bump();
    }
    Ok(Key { kind, name, parts: key_parts(cursor)? })
}

/// `USING BTREE`, `TYPE HASH`.
fn at_index_type(cursor: &Cursor<'_>) -> bool {
    cursor.at_any_word(&["USING", "TYPE"])
        && cursor.peek_at(1).is_some_and(|t| t.is_any_word(&["BTREE", "HASH", "RTREE"]))
}

/// `(a, b(10) DESC, (lower(c)), p WITHOUT OVERLAPS)`.
pub(super) fn key_parts(cursor: &mut Cursor<'_>) -> Parsed<Vec<KeyPart>> {
    cursor.expect_operator("(")?;
    let mut parts = Vec::new();
    loop {
        parts.push(if cursor.at_operator("(") {
            KeyPart::Expression(cursor.brackets()?.to_vec())
        } else {
            let name = cursor.name()?;
            let mut prefix = None;
            if cursor.eat_operator("(") {
                prefix = u32::try_from(cursor.number()?).ok();
                cursor.expect_operator(")")?;
            }
            if cursor.eat_words(&["WITHOUT", "OVERLAPS"]) {
                KeyPart::Period(name)
            } else {
                KeyPart::Column { name, prefix }
            }
        });
        cursor.eat_any_word(&["ASC", "DESC"]);
        if !cursor.eat_operator(",") {
            break;
        }
    }
    cursor.expect_operator(")")?;
    Ok(parts)
}

/// FOREIGN KEY, CHECK and PERIOD.
fn constraint_element(
    cursor: &mut Cursor<'_>,
    constraint: Vec<u8>,
    if_not_exists: &mut bool,
) -> Parsed<Option<Element>> {
    if cursor.eat_words(&["FOREIGN", "KEY"]) {
        *if_not_exists |= cursor.eat_if_not_exists();
        if !cursor.at_operator("(") {
            cursor.name()?;
        }
        let columns = names(cursor)?;
        return Ok(Some(Element::ForeignKey(references(cursor, constraint, columns)?)));
    }
    if cursor.eat_word("CHECK") {
        cursor.brackets()?;
        cursor.skip_element()?;
        return Ok(Some(Element::Check));
    }
    // `PERIOD FOR p (a, b)`: a column of the name `period` would have a type here.
    if cursor.eat_words(&["PERIOD", "FOR"]) {
        *if_not_exists |= cursor.eat_if_not_exists();
        cursor.name()?;
        return Ok(Some(Element::Period(names(cursor)?)));
    }
    Ok(None)
}

/// `(a, b)`.
pub(super) fn names(cursor: &mut Cursor<'_>) -> Parsed<Vec<Vec<u8>>> {
    cursor.expect_operator("(")?;
    let mut names = vec![cursor.name()?];
    while cursor.eat_operator(",") {
        names.push(cursor.name()?);
    }
    cursor.expect_operator(")")?;
    Ok(names)
}

/// `REFERENCES t (a) MATCH FULL ON DELETE CASCADE ON UPDATE SET NULL`.
pub(super) fn references(
    cursor: &mut Cursor<'_>,
    name: Vec<u8>,
    columns: Vec<Vec<u8>>,
) -> Parsed<ForeignKey> {
    cursor.expect_word("REFERENCES")?;
    let mut key = ForeignKey {
        name,
        columns,
        referenced: cursor.table_name()?,
        referenced_columns: Vec::new(),
        on_delete: ReferenceOption::Restrict,
        on_update: ReferenceOption::Restrict,
    };
    if cursor.at_operator("(") {
        key.referenced_columns = names(cursor)?;
    }
    loop {
        if cursor.eat_word("MATCH") {
            cursor.bump();
        } else if cursor.eat_words(&["ON", "DELETE"]) {
            key.on_delete = reference_option(cursor)?;
        } else if cursor.eat_words(&["ON", "UPDATE"]) {
            key.on_update = reference_option(cursor)?;
        } else {
            return Ok(key);
        }
    }
}

fn reference_option(cursor: &mut Cursor<'_>) -> Parsed<ReferenceOption> {
    if cursor.eat_word("RESTRICT") || cursor.eat_words(&["NO", "ACTION"]) {
        Ok(ReferenceOption::Restrict)
    } else if cursor.eat_word("CASCADE") {
        Ok(ReferenceOption::Cascade)
    } else if cursor.eat_words(&["SET", "NULL"]) {
        Ok(ReferenceOption::SetNull)
    } else if cursor.eat_words(&["SET", "DEFAULT"]) {
        Ok(ReferenceOption::SetDefault)
    } else {
        Err(cursor.unexpected("an action of a foreign key"))
    }
}
