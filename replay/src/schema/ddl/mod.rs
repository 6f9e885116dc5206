//! DDL statements, read for what they do to definitions.
//!
//! Reading has two steps, so that a statement that is not understood still spoils what is known of
//! its tables: first which tables it concerns, then what it says of them. Everything else (data,
//! privileges, views, routines, temporary tables, which no row event shows) is none of our business.

mod alter_table;
mod column;
mod context;
mod create_table;
mod cursor;
mod data_type;
mod key;
mod sequence;
mod statement;

pub use context::StatementContext;
pub(super) use cursor::Parsed;
pub(super) use statement::{
    Action, Body, CharsetPair, CharsetSpec, ColumnSpec, CreateTable, Element, Position, Statement,
    TableOptions, Targeted,
};

use binlog_parser::index::Texts;

use super::table::{KeyKind, TableName};
use crate::sql::{ClientCharset, Dialect, Lexer};
use column::charset_attribute;
use cursor::Cursor;

/// The first words of statements on which a definition may depend.
const DEFINING: [&str; 6] = ["CREATE", "ALTER", "DROP", "RENAME", "USE", "SET"];

/// The same as an index knows texts: with those of which it cannot tell.
#[must_use]
pub fn defining_texts() -> Texts {
    let mut texts = Texts::OTHER;
    DEFINING.iter().for_each(|word| texts.add(Texts::of(word.as_bytes())));
    texts
}

/// Whether a definition may depend on a statement, as its first word tells: most are data.
#[must_use]
pub fn may_define(text: &[u8], dialect: &Dialect) -> bool {
    let first = Lexer::new(text, dialect).code().next();
    let first = first.and_then(Result::ok);
    first.is_some_and(|word| word.is_any_word(&DEFINING))
}

/// Reads a statement; `None` if no definition depends on it.
pub(super) fn read(text: &[u8], context: &StatementContext<'_>) -> Option<Targeted> {
    // Before anything is collected.
    if !may_define(text, &context.dialect) {
        return None;
    }
    let utf8 = utf8_context(text, context);
    let mut cursor = Cursor::new(text, utf8.as_ref().unwrap_or(context));
    if cursor.eat_word("SET") {
        set_statement(&mut cursor)?;
    }
    let mut tables = Vec::new();
    let statement = if cursor.eat_word("CREATE") {
        create(&mut cursor, &mut tables)
    } else if cursor.eat_word("ALTER") {
        alter(&mut cursor, &mut tables)
    } else if cursor.eat_word("DROP") {
        drop_statement(&mut cursor, &mut tables)
    } else if cursor.eat_words(&["RENAME", "TABLE"]) || cursor.eat_words(&["RENAME", "TABLES"]) {
        rename(&mut cursor, &mut tables).map(Some)
    } else if cursor.eat_word("USE") {
        cursor.name().map(|name| Some(Statement::Use(name)))
    } else {
        Ok(None)
    };
    let statement = statement.transpose()?;
    // Words that are left over were misread, or belong to a statement of their own.
    let statement = statement.and_then(|statement| match cursor.at_end() {
        true => Ok(statement),
        false => Err(cursor.unexpected("the end of the statement")),
    });
    Some(Targeted { tables, statement })
}

/// The context of a CREATE TABLE that the server put together itself, as SHOW CREATE TABLE does:
/// for CREATE TABLE … SELECT in row format, and in MySQL where it adds a primary key. Such text is
/// UTF-8, whatever the client's character set is.
fn utf8_context<'a>(text: &[u8], context: &StatementContext<'a>) -> Option<StatementContext<'a>> {
    let made = context.dialect.charset != ClientCharset::AsciiSafe
        && text.starts_with(b"CREATE TABLE `")
        && memchr::memmem::find(text, b"` (\n  `").is_some()
        && std::str::from_utf8(text).is_ok();
    made.then(|| {
        let mut context = context.clone();
        context.dialect.charset = ClientCharset::AsciiSafe;
        context
    })
}

/// MariaDB's `SET STATEMENT variable = value, … FOR statement`.
fn set_statement(cursor: &mut Cursor<'_>) -> Option<()> {
    if !cursor.eat_word("STATEMENT") {
        return None;
    }
    while !cursor.eat_word("FOR") {
        if cursor.at_operator("(") {
            cursor.brackets().ok()?;
        } else {
            cursor.bump()?;
        }
    }
    Some(())
}

fn create(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Option<Statement>> {
    let or_replace = cursor.eat_words(&["OR", "REPLACE"]);
    if cursor.eat_word("DEFINER") {
        cursor.expect_operator("=")?;
        while cursor.peek().is_some_and(|token| !token.is_any_word(&CREATED)) {
            cursor.bump();
        }
    }
    if cursor.at_any_word(&["TEMPORARY", "GLOBAL"]) {
        return Ok(ignore_rest(cursor));
    }
    if cursor.eat_word("TABLE") {
        let if_not_exists = cursor.eat_if_not_exists();
        let table = cursor.table_name()?;
        tables.push(table.clone());
        let body = create_table::body(cursor)?;
        let create = CreateTable { table, or_replace, if_not_exists, body };
        return Ok(Some(Statement::CreateTable(create)));
    }
    if cursor.eat_any_word(&["DATABASE", "SCHEMA"]) {
        let if_not_exists = cursor.eat_if_not_exists();
        let name = cursor.name()?;
        let charset = database_options(cursor)?;
        return Ok(Some(Statement::CreateDatabase { name, or_replace, if_not_exists, charset }));
    }
    if cursor.eat_word("SEQUENCE") {
        let if_not_exists = cursor.eat_if_not_exists();
        let table = cursor.table_name()?;
        tables.push(table.clone());
        let body = sequence::body(cursor)?;
        let create = CreateTable { table, or_replace, if_not_exists, body };
        return Ok(Some(Statement::CreateTable(create)));
    }
    if cursor.eat_word("TRIGGER") {
        return create_trigger(cursor).map(Some);
    }
    create_index(cursor, tables, or_replace)
}

/// What a DEFINER stands before.
const CREATED: [&str; 8] =
    ["TRIGGER", "VIEW", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE", "SQL", "AGGREGATE"];

fn create_trigger(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.eat_if_not_exists();
    let name = cursor.table_name()?;
    while !cursor.eat_word("ON") {
        if cursor.bump().is_none() {
            return Err(cursor.unexpected("ON"));
        }
    }
    let table = cursor.table_name()?;
    ignore_rest(cursor);
    Ok(Statement::CreateTrigger { name, table })
}

/// CREATE INDEX is an ALTER TABLE … ADD.
fn create_index(
    cursor: &mut Cursor<'_>,
    tables: &mut Vec<TableName>,
    or_replace: bool,
) -> Parsed<Option<Statement>> {
    cursor.eat_any_word(&["ONLINE", "OFFLINE"]);
    let kind = if cursor.eat_word("UNIQUE") {
        KeyKind::Unique
    } else if cursor.eat_word("FULLTEXT") {
        KeyKind::Fulltext
    } else if cursor.eat_word("SPATIAL") {
        KeyKind::Spatial
    } else if cursor.eat_word("VECTOR") {
        KeyKind::Vector
    } else {
        KeyKind::Index
    };
    if !cursor.eat_word("INDEX") {
        return Ok(ignore_rest(cursor));
    }
    let if_not_exists = cursor.eat_if_not_exists();
    let name = cursor.name()?;
    while !cursor.eat_word("ON") {
        if cursor.bump().is_none() {
            return Err(cursor.unexpected("ON"));
        }
    }
    let table = cursor.table_name()?;
    tables.push(table.clone());
    let parts = key::key_parts(cursor)?;
    ignore_rest(cursor);
    let mut actions = Vec::new();
    if or_replace {
        actions.push(Action::DropKey { name: name.clone(), if_exists: true });
    }
    let element = Element::Key(super::table::Key { kind, name, parts });
    actions.push(Action::Add { element, position: None, if_not_exists });
    Ok(Some(Statement::AlterTable { table, if_exists: false, actions }))
}

fn alter(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Option<Statement>> {
    if cursor.eat_any_word(&["DATABASE", "SCHEMA"]) {
        let named = cursor.peek().is_some_and(|token| token.is_identifier())
            && !cursor.at_any_word(&DATABASE_OPTIONS);
        let name = if named { cursor.name()? } else { cursor.context.default_db.to_vec() };
        let charset = database_options(cursor)?;
        return Ok(Some(Statement::AlterDatabase { name, charset }));
    }
    while cursor.eat_any_word(&["ONLINE", "OFFLINE", "IGNORE"]) {}
    if !cursor.eat_word("TABLE") {
        return Ok(ignore_rest(cursor));
    }
    let if_exists = cursor.eat_if_exists();
    let table = cursor.table_name()?;
    tables.push(table.clone());
    let actions = alter_table::actions(cursor)?;
    Ok(Some(Statement::AlterTable { table, if_exists, actions }))
}

fn drop_statement(
    cursor: &mut Cursor<'_>,
    tables: &mut Vec<TableName>,
) -> Parsed<Option<Statement>> {
    if cursor.eat_any_word(&["DATABASE", "SCHEMA"]) {
        cursor.eat_if_exists();
        return Ok(Some(Statement::DropDatabase(cursor.name()?)));
    }
    if cursor.eat_word("TRIGGER") {
        cursor.eat_if_exists();
        return Ok(Some(Statement::DropTrigger(cursor.table_name()?)));
    }
    if cursor.eat_any_word(&["TABLE", "TABLES", "SEQUENCE"]) {
        cursor.eat_if_exists();
        loop {
            tables.push(cursor.table_name()?);
            alter_table::wait(cursor);
            if !cursor.eat_operator(",") {
                break;
            }
        }
        cursor.eat_any_word(&["RESTRICT", "CASCADE"]);
        alter_table::wait(cursor);
        return Ok(Some(Statement::DropTables(tables.clone())));
    }
    cursor.eat_any_word(&["ONLINE", "OFFLINE"]);
    if !cursor.eat_word("INDEX") {
        return Ok(ignore_rest(cursor));
    }
    let if_exists = cursor.eat_if_exists();
    let name = cursor.name()?;
    cursor.expect_word("ON")?;
    let table = cursor.table_name()?;
    tables.push(table.clone());
    ignore_rest(cursor);
    let actions = vec![Action::DropKey { name, if_exists }];
    Ok(Some(Statement::AlterTable { table, if_exists: false, actions }))
}

fn rename(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Statement> {
    cursor.eat_if_exists();
    let mut renames = Vec::new();
    loop {
        let from = cursor.table_name()?;
        alter_table::wait(cursor);
        cursor.expect_word("TO")?;
        let to = cursor.table_name()?;
        tables.extend([from.clone(), to.clone()]);
        renames.push((from, to));
        if !cursor.eat_operator(",") {
            return Ok(Statement::RenameTables(renames));
        }
    }
}

/// Words that open an option of a database, and so are no name behind ALTER DATABASE.
const DATABASE_OPTIONS: [&str; 8] =
    ["DEFAULT", "CHARSET", "CHARACTER", "CHAR", "COLLATE", "COMMENT", "ENCRYPTION", "READ"];

fn database_options(cursor: &mut Cursor<'_>) -> Parsed<CharsetSpec> {
    let mut charset = CharsetSpec::default();
    while !cursor.at_end() {
        cursor.eat_word("DEFAULT");
        if !charset_attribute(cursor, &mut charset)? && cursor.bump().is_none() {
            return Err(cursor.unexpected("an option of the database"));
        }
    }
    Ok(charset)
}

/// Takes everything that is left.
fn ignore_rest(cursor: &mut Cursor<'_>) -> Option<Statement> {
    while cursor.bump().is_some() {}
    None
}
