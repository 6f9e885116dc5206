//! Column definitions: a name, a type and attributes in any order.

use super::super::collation::Charset;
use super::super::table::{ColumnDef, Generated, Key, KeyKind, KeyPart, same_name};
use super::super::types::{LobSize, SqlType};
use super::cursor::{Cursor, Parsed};
use super::data_type::data_type;
use super::key::references;
use super::statement::{CharsetSpec, ColumnSpec, Element};
use crate::sql::{Family, TokenKind};

/// Reads a column from its name on.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Parsed<ColumnSpec> {
    let mut name = cursor.name()?;
    while cursor.eat_operator(".") {
        name = cursor.name()?;
    }
    column_named(cursor, name)
}

/// Reads a column from its type on.
pub(super) fn column_named(cursor: &mut Cursor<'_>, name: Vec<u8>) -> Parsed<ColumnSpec> {
    let data_type = data_type(cursor)?;
    let mut spec = ColumnSpec {
        column: ColumnDef::new(name, data_type.sql_type),
        charset: CharsetSpec { charset: data_type.charset, ..CharsetSpec::default() },
        text_length: data_type.text_length,
        nullability_said: false,
        attached: Vec::new(),
    };
    if data_type.serial {
        be_serial(&mut spec);
    }
    while !cursor.at_element_end() && !cursor.at_any_word(&AFTER_COLUMN) {
        attribute(cursor, &mut spec)?;
    }
    Ok(spec)
}

/// What may follow a column of ALTER TABLE without a comma.
const AFTER_COLUMN: [&str; 4] = ["FIRST", "AFTER", "PARTITION", "REMOVE"];

fn be_serial(spec: &mut ColumnSpec) {
    spec.column.nullable = Some(false);
    spec.nullability_said = true;
    spec.column.auto_increment = true;
    attach_key(spec, KeyKind::Unique);
}

fn attach_key(spec: &mut ColumnSpec, kind: KeyKind) {
    let part = KeyPart::Column { name: spec.column.name.clone(), prefix: None };
    spec.attached.push(Element::Key(Key { kind, name: Vec::new(), parts: vec![part] }));
}

/// Reads one attribute: of the type, of the values, of a key, or of the storage.
fn attribute(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) -> Parsed<()> {
    let known = type_attribute(cursor, spec)?
        || value_attribute(cursor, spec)?
        || key_attribute(cursor, spec)?
        || storage_attribute(cursor)?;
    if known { Ok(()) } else { Err(cursor.unexpected("an attribute of a column")) }
}

fn type_attribute(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) -> Parsed<bool> {
    if cursor.eat_any_word(&["UNSIGNED", "ZEROFILL"]) {
        match &mut spec.column.sql_type {
            SqlType::Integer { unsigned, .. }
            | SqlType::Decimal { unsigned, .. }
            | SqlType::Float { unsigned }
            | SqlType::Double { unsigned } => *unsigned = true,
            _ => {}
        }
    } else if cursor.eat_word("SIGNED") {
    } else if cursor.at_word("COMPRESSED") {
        compressed(cursor, spec);
    } else if cursor.eat_word("SRID") {
        srid(cursor, spec)?;
    } else {
        return charset_attribute(cursor, &mut spec.charset);
    }
    Ok(true)
}

fn srid(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) -> Parsed<()> {
    let number = cursor.number()?;
    if let SqlType::Geometry { srid, .. } = &mut spec.column.sql_type {
        *srid = u32::try_from(number).ok();
    }
    Ok(())
}

/// MariaDB's `COMPRESSED[=zlib]`.
fn compressed(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) {
    cursor.bump();
    if cursor.eat_operator("=") {
        cursor.bump();
    }
    match &mut spec.column.sql_type {
        SqlType::Varchar { compressed, .. }
        | SqlType::Varbinary { compressed, .. }
        | SqlType::Text { compressed, .. }
        | SqlType::Blob { compressed, .. } => *compressed = true,
        _ => {}
    }
}

/// CHARACTER SET, COLLATE and their short forms.
pub(super) fn charset_attribute(cursor: &mut Cursor<'_>, spec: &mut CharsetSpec) -> Parsed<bool> {
    let named = cursor.eat_word("CHARSET")
        || cursor.eat_words(&["CHARACTER", "SET"])
        || cursor.eat_words(&["CHAR", "SET"]);
    if named {
        cursor.eat_operator("=");
        charset_name(cursor, spec)?;
    } else if cursor.eat_word("COLLATE") {
        cursor.eat_operator("=");
        let name = cursor.name_or_string()?;
        if !name.eq_ignore_ascii_case(b"DEFAULT") {
            spec.collation = Some(name.to_ascii_lowercase());
        }
    } else if cursor.eat_word("ASCII") {
        spec.charset = Charset::by_name(b"latin1");
    } else if cursor.eat_word("UNICODE") {
        spec.charset = Charset::by_name(b"ucs2");
    } else if cursor.eat_word("BYTE") {
        spec.charset = Charset::by_name(b"binary");
    } else if cursor.eat_word("BINARY") {
        spec.bin = true;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn charset_name(cursor: &mut Cursor<'_>, spec: &mut CharsetSpec) -> Parsed<()> {
    let start = cursor.position();
    let name = cursor.name_or_string()?;
    if name.eq_ignore_ascii_case(b"DEFAULT") {
        spec.reset = true;
        return Ok(());
    }
    spec.charset = Charset::by_name(&name);
    if spec.charset.is_none() {
        cursor.rewind(start);
        return Err(cursor.unexpected("the name of a character set"));
    }
    Ok(())
}

fn value_attribute(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) -> Parsed<bool> {
    let column = &mut spec.column;
    if cursor.eat_words(&["NOT", "NULL"]) {
        column.nullable = Some(false);
        spec.nullability_said = true;
    } else if cursor.eat_word("NULL") {
        column.nullable = Some(true);
        spec.nullability_said = true;
    } else if cursor.eat_words(&["SERIAL", "DEFAULT", "VALUE"]) {
        be_serial(spec);
    } else if cursor.eat_word("DEFAULT") {
        column.default = Some(expression(cursor)?);
    } else if cursor.eat_words(&["ON", "UPDATE"]) {
        expression(cursor)?;
        column.on_update_now = true;
    } else if cursor.eat_word("AUTO_INCREMENT") {
        column.auto_increment = true;
    } else if cursor.eat_word("INVISIBLE") {
        column.invisible = true;
    } else if cursor.eat_word("VISIBLE") {
    } else if cursor.eat_words(&["GENERATED", "ALWAYS"]) || cursor.at_word("AS") {
        generated(cursor, column)?;
    } else if cursor.eat_word("VIRTUAL") {
        column.generated = Some(Generated::Virtual);
    } else if cursor.eat_any_word(&["STORED", "PERSISTENT"]) {
        column.generated = Some(Generated::Stored);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `AS (expression)`, `AS ROW START`, `AS ROW END`.
fn generated(cursor: &mut Cursor<'_>, column: &mut ColumnDef) -> Parsed<()> {
    cursor.expect_word("AS")?;
    if cursor.eat_words(&["ROW", "START"]) {
        column.generated = Some(Generated::RowStart);
        column.nullable = Some(false);
    } else if cursor.eat_words(&["ROW", "END"]) {
        column.generated = Some(Generated::RowEnd);
        column.nullable = Some(false);
    } else {
        column.expression = cursor.brackets()?.to_vec();
        column.generated.get_or_insert(Generated::Virtual);
    }
    Ok(())
}

/// A default: a literal, a function call, or an expression in brackets.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Parsed<Vec<u8>> {
    let start = cursor.here();
    while cursor.eat_operator("-") || cursor.eat_operator("+") {}
    let Some(token) = cursor.peek() else { return Err(cursor.unexpected("an expression")) };
    match token.kind {
        _ if token.is_operator("(") => drop(cursor.brackets()?),
        TokenKind::Introducer => {
            cursor.bump();
            literal(cursor)?;
        }
        TokenKind::Word if token.is_word("CASE") => case(cursor)?,
        TokenKind::Word if token.is_any_word(&["DATE", "TIME", "TIMESTAMP"]) => {
            cursor.bump();
            let string = cursor.peek().is_some_and(|token| token.kind == TokenKind::String);
            if string {
                literal(cursor)?;
            } else if cursor.at_operator("(") {
                cursor.brackets()?;
            }
        }
        TokenKind::Word | TokenKind::QuotedIdentifier => call(cursor)?,
        _ => literal(cursor)?,
    }
    Ok(cursor.text_since(start).to_vec())
}

fn literal(cursor: &mut Cursor<'_>) -> Parsed<()> {
    use TokenKind as K;
    let literal = |kind| {
        matches!(
            kind,
            K::String
                | K::DollarString
                | K::Number
                | K::HexLiteral
                | K::BitLiteral
                | K::UserVariable
                | K::SystemVariable
        )
    };
    let Some(token) = cursor.peek().filter(|token| literal(token.kind)) else {
        return Err(cursor.unexpected("a literal"));
    };
    cursor.bump();
    // Strings side by side are one.
    while token.kind == K::String && cursor.peek().is_some_and(|token| token.kind == K::String) {
        cursor.bump();
    }
    Ok(())
}

/// `CURRENT_TIMESTAMP(6)`, `uuid()`, `nextval(s.q)`, `NEXT VALUE FOR s.q`, `TRUE`.
fn call(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_words(&["NEXT", "VALUE", "FOR"]) {
        return cursor.table_name().map(drop);
    }
    cursor.bump();
    while cursor.eat_operator(".") {
        cursor.bump();
    }
    if cursor.at_operator("(") {
        cursor.brackets()?;
    }
    Ok(())
}

/// `CASE … END`, others of its kind in it.
fn case(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let mut depth = 0usize;
    loop {
        let Some(token) = cursor.bump() else { return Err(cursor.unexpected("END")) };
        if token.is_word("CASE") {
            depth += 1;
        } else if token.is_word("END") {
            depth -= 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

fn key_attribute(cursor: &mut Cursor<'_>, spec: &mut ColumnSpec) -> Parsed<bool> {
    if cursor.eat_words(&["PRIMARY", "KEY"]) || cursor.eat_any_word(&["PRIMARY", "KEY"]) {
        attach_key(spec, KeyKind::Primary);
        spec.column.nullable = Some(false);
        spec.nullability_said = true;
    } else if cursor.eat_word("UNIQUE") {
        cursor.eat_any_word(&["KEY", "INDEX"]);
        attach_key(spec, KeyKind::Unique);
    } else if cursor.at_word("REFERENCES") {
        let foreign_key = references(cursor, Vec::new(), vec![spec.column.name.clone()])?;
        if honours_inline_references(cursor) {
            spec.attached.push(Element::ForeignKey(foreign_key));
        }
    } else if cursor.at_any_word(&["CONSTRAINT", "CHECK"]) {
        if cursor.eat_word("CONSTRAINT") && !cursor.at_word("CHECK") {
            cursor.name()?;
        }
        cursor.expect_word("CHECK")?;
        let check = cursor.brackets()?;
        see_json_check(cursor, check, spec);
        let _ = cursor.eat_word("ENFORCED") || cursor.eat_words(&["NOT", "ENFORCED"]);
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `column INT REFERENCES t (id)` was read and forgotten before MySQL 9.0 and MariaDB 10.5.
fn honours_inline_references(cursor: &Cursor<'_>) -> bool {
    let dialect = &cursor.context.dialect;
    match dialect.family {
        Family::Mysql => dialect.version >= 90000,
        Family::Mariadb => dialect.version >= 100500,
    }
}

/// MariaDB shows its JSON as LONGTEXT with ``CHECK (json_valid(`column`))``.
fn see_json_check(cursor: &Cursor<'_>, check: &[u8], spec: &mut ColumnSpec) {
    let Ok(tokens) = crate::sql::lex_code(check, &cursor.context.dialect) else { return };
    let [open, function, inner, name, close, end] = tokens.as_slice() else { return };
    let calls = open.is_operator("(")
        && function.is_word("json_valid")
        && inner.is_operator("(")
        && close.is_operator(")")
        && end.is_operator(")");
    let charset = cursor.context.dialect.charset;
    let same = name.identifier(charset).is_some_and(|name| same_name(&name, &spec.column.name));
    let long = SqlType::Text { size: Some(LobSize::Long), compressed: false };
    let mariadb = cursor.context.dialect.family == Family::Mariadb;
    let collated = spec.charset.collation.as_deref() == Some(b"utf8mb4_bin");
    if calls && same && mariadb && collated && spec.column.sql_type == long {
        spec.column.sql_type = SqlType::JsonText;
    }
}

/// What no row shows.
fn storage_attribute(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if cursor.eat_any_word(&["COMMENT", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"]) {
        cursor.eat_operator("=");
        literal(cursor)?;
    } else if cursor.eat_any_word(&["COLUMN_FORMAT", "STORAGE"]) {
        cursor.bump();
    } else if cursor.eat_any_word(&["WITH", "WITHOUT"]) {
        cursor.expect_word("SYSTEM")?;
        cursor.expect_word("VERSIONING")?;
    } else if cursor.eat_words(&["NOT", "SECONDARY"]) || cursor.eat_word("CLUSTERING") {
    } else if cursor.peek_at(1).is_some_and(|token| token.is_operator("=")) {
        // An option of MariaDB's storage engines: any name, any value.
        cursor.name()?;
        cursor.expect_operator("=")?;
        cursor.bump();
    } else {
        return Ok(false);
    }
    Ok(true)
}
