//! ALTER TABLE: its actions in order.

use super::column::{charset_attribute, column, column_named, expression};
use super::create_table::{column_list, element, one_option};
use super::cursor::{Cursor, Parsed};
use super::statement::{Action, CharsetSpec, ColumnSpec, Element, Position};

/// Reads the actions from behind the table's name.
pub(super) fn actions(cursor: &mut Cursor<'_>) -> Parsed<Vec<Action>> {
    let mut actions = Vec::new();
    wait(cursor);
    while !cursor.at_end() {
        if cursor.at_any_word(&PARTITION_WORDS) && partition(cursor, &mut actions)? {
            break;
        }
        let start = cursor.position();
        action(cursor, &mut actions)?;
        if cursor.position() == start {
            return Err(cursor.unexpected("an action of ALTER TABLE"));
        }
        if !cursor.eat_operator(",") && !cursor.at_end() && !cursor.at_any_word(&PARTITION_WORDS) {
            // Options of tables need no comma between them; nothing else may follow.
            let start = cursor.position();
            options(cursor, &mut actions)?;
            if cursor.position() == start {
                return Err(cursor.unexpected("a comma or the end of the statement"));
            }
            cursor.eat_operator(",");
        }
    }
    Ok(actions)
}

/// MariaDB's `WAIT 10` and `NOWAIT`.
pub(super) fn wait(cursor: &mut Cursor<'_>) {
    if cursor.eat_word("WAIT") {
        cursor.bump();
    } else {
        cursor.eat_word("NOWAIT");
    }
}

/// Words that may open an action on partitions; it stands alone or last.
const PARTITION_WORDS: [&str; 17] = [
    "PARTITION",
    "REMOVE",
    "ADD",
    "DROP",
    "TRUNCATE",
    "EXCHANGE",
    "REORGANIZE",
    "COALESCE",
    "ANALYZE",
    "CHECK",
    "OPTIMIZE",
    "REBUILD",
    "REPAIR",
    "DISCARD",
    "IMPORT",
    "CONVERT",
    "SECONDARY_LOAD",
];

/// Passes over an action on partitions, which no row shows; true when there was one.
fn partition(cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Parsed<bool> {
    let second = |words: &[&str]| cursor.peek_at(1).is_some_and(|token| token.is_any_word(words));
    if cursor.at_word("CONVERT") {
        if cursor.eat_words(&["CONVERT", "PARTITION"]) {
            cursor.name()?;
            cursor.expect_word("TO")?;
            cursor.expect_word("TABLE")?;
            actions.push(Action::PartitionToTable(cursor.table_name()?));
        } else if cursor.eat_words(&["CONVERT", "TABLE"]) {
            actions.push(Action::TableToPartition(cursor.table_name()?));
        } else {
            return Ok(false);
        }
    } else if cursor.at_word("ADD") || cursor.at_word("DROP") {
        if !second(&["PARTITION"]) {
            return Ok(false);
        }
    } else if cursor.at_any_word(&["DISCARD", "IMPORT"]) && !second(&["PARTITION", "TABLESPACE"]) {
        return Ok(false);
    }
    while !cursor.at_end() {
        if cursor.at_operator("(") {
            cursor.brackets()?;
        } else if cursor.bump().is_none() {
            return Err(cursor.unexpected("more"));
        }
    }
    Ok(true)
}

fn action(cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Parsed<()> {
    if cursor.eat_word("ADD") {
        add(cursor, actions)
    } else if cursor.eat_word("DROP") {
        actions.extend(drop_action(cursor)?);
        Ok(())
    } else if cursor.eat_word("MODIFY") {
        cursor.eat_word("COLUMN");
        let if_exists = cursor.eat_if_exists();
        let old = cursor.name()?;
        let spec = column_named(cursor, old.clone())?;
        change(cursor, actions, old, spec, if_exists)
    } else if cursor.eat_word("CHANGE") {
        cursor.eat_word("COLUMN");
        let if_exists = cursor.eat_if_exists();
        let old = cursor.name()?;
        let spec = column(cursor)?;
        change(cursor, actions, old, spec, if_exists)
    } else if cursor.eat_word("RENAME") {
        actions.push(rename(cursor)?);
        Ok(())
    } else if cursor.eat_word("ALTER") {
        actions.extend(alter(cursor)?);
        Ok(())
    } else {
        options(cursor, actions)
    }
}

fn change(
    cursor: &mut Cursor<'_>,
    actions: &mut Vec<Action>,
    old: Vec<u8>,
    spec: ColumnSpec,
    if_exists: bool,
) -> Parsed<()> {
    let position = position(cursor)?;
    actions.push(Action::Change { old, spec: Box::new(spec), position, if_exists });
    Ok(())
}

fn position(cursor: &mut Cursor<'_>) -> Parsed<Option<Position>> {
    Ok(if cursor.eat_word("FIRST") {
        Some(Position::First)
    } else if cursor.eat_word("AFTER") {
        Some(Position::After(cursor.name()?))
    } else {
        None
    })
}

fn add(cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Parsed<()> {
    if cursor.eat_words(&["SYSTEM", "VERSIONING"]) {
        actions.push(Action::SystemVersioning(true));
        return Ok(());
    }
    let column_said = cursor.eat_word("COLUMN");
    let if_not_exists = cursor.eat_if_not_exists();
    let mut push = |element, position, if_not_exists| {
        actions.push(Action::Add { element, position, if_not_exists });
    };
    if cursor.at_operator("(") {
        for element in column_list(cursor)? {
            push(element, None, if_not_exists);
        }
        return Ok(());
    }
    let (element, also) = if column_said {
        (Element::Column(Box::new(column(cursor)?)), false)
    } else {
        element(cursor)?
    };
    let position = position(cursor)?;
    push(element, position, if_not_exists || also);
    Ok(())
}

fn drop_action(cursor: &mut Cursor<'_>) -> Parsed<Option<Action>> {
    if cursor.eat_words(&["SYSTEM", "VERSIONING"]) {
        return Ok(Some(Action::SystemVersioning(false)));
    }
    if cursor.eat_words(&["PERIOD", "FOR"]) {
        cursor.eat_if_exists();
        cursor.name()?;
        return Ok(None);
    }
    if cursor.eat_words(&["PRIMARY", "KEY"]) {
        return Ok(Some(Action::DropPrimaryKey { if_exists: cursor.context.if_exists }));
    }
    if cursor.eat_words(&["FOREIGN", "KEY"]) {
        cursor.eat_if_exists();
        return Ok(Some(Action::DropForeignKey { name: cursor.name()? }));
    }
    if cursor.eat_any_word(&["KEY", "INDEX"]) {
        let if_exists = cursor.eat_if_exists();
        return Ok(Some(Action::DropKey { name: cursor.name()?, if_exists }));
    }
    if cursor.eat_word("CONSTRAINT") {
        cursor.eat_if_exists();
        return Ok(Some(Action::DropConstraint { name: cursor.name()? }));
    }
    if cursor.eat_word("CHECK") {
        cursor.name()?;
        return Ok(None);
    }
    cursor.eat_word("COLUMN");
    let if_exists = cursor.eat_if_exists();
    let name = cursor.name()?;
    cursor.eat_any_word(&["RESTRICT", "CASCADE"]);
    Ok(Some(Action::DropColumn { name, if_exists }))
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<Action> {
    if cursor.eat_word("COLUMN") {
        let if_exists = cursor.eat_if_exists();
        let old = cursor.name()?;
        cursor.expect_word("TO")?;
        return Ok(Action::RenameColumn { old, new: cursor.name()?, if_exists });
    }
    if cursor.eat_any_word(&["KEY", "INDEX"]) {
        cursor.eat_if_exists();
        let old = cursor.name()?;
        cursor.expect_word("TO")?;
        return Ok(Action::RenameKey { old, new: cursor.name()? });
    }
    let _ = cursor.eat_any_word(&["TO", "AS"]) || cursor.eat_operator("=");
    Ok(Action::RenameTable(cursor.table_name()?))
}

/// `ALTER [COLUMN] c SET DEFAULT x`, `ALTER INDEX i INVISIBLE`, `ALTER CHECK c ENFORCED`.
fn alter(cursor: &mut Cursor<'_>) -> Parsed<Option<Action>> {
    if cursor.eat_any_word(&["KEY", "INDEX", "CHECK", "CONSTRAINT"]) {
        cursor.skip_element()?;
        return Ok(None);
    }
    cursor.eat_word("COLUMN");
    let if_exists = cursor.eat_if_exists();
    let column = cursor.name()?;
    if cursor.eat_words(&["DROP", "DEFAULT"]) {
        return Ok(Some(Action::SetDefault { column, default: None, if_exists }));
    }
    cursor.expect_word("SET")?;
    if cursor.eat_word("DEFAULT") {
        let default = Some(expression(cursor)?);
        return Ok(Some(Action::SetDefault { column, default, if_exists }));
    }
    let invisible = cursor.eat_word("INVISIBLE");
    if !invisible {
        cursor.expect_word("VISIBLE")?;
    }
    Ok(Some(Action::SetInvisible { column, invisible }))
}

/// Words that open an option or an action that no definition shows.
const OPTION_WORDS: [&str; 53] = [
    "ALGORITHM",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DATA",
    "DELAY_KEY_WRITE",
    "DISABLE",
    "ENABLE",
    "ENCRYPTED",
    "ENCRYPTION",
    "ENCRYPTION_KEY_ID",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "FORCE",
    "IETF_QUOTES",
    "INDEX",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "NODEGROUP",
    "NOT",
    "NULL",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "SECONDARY_UNLOAD",
    "SEQUENCE",
    "START",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STORAGE",
    "TABLESPACE",
    "TABLE_CHECKSUM",
    "TRANSACTION",
    "TRANSACTIONAL",
    "TYPE",
    "UNION",
    "UPGRADE",
    "VALIDATION",
    "WITH",
    "WITHOUT",
];

/// Options of the table, up to a comma or the end.
fn options(cursor: &mut Cursor<'_>, actions: &mut Vec<Action>) -> Parsed<()> {
    if cursor.eat_words(&["ORDER", "BY"]) {
        return order_by(cursor);
    }
    if cursor.eat_words(&["CONVERT", "TO"]) {
        let mut charset = CharsetSpec::default();
        while charset_attribute(cursor, &mut charset)? {}
        actions.push(Action::ConvertCharset(charset));
        return Ok(());
    }
    while !cursor.at_element_end() && !cursor.at_any_word(&["PARTITION", "REMOVE"]) {
        let default = cursor.eat_word("DEFAULT");
        let mut charset = CharsetSpec::default();
        if cursor.at_any_word(&["CHARSET", "CHARACTER", "CHAR", "COLLATE"]) {
            if !charset_attribute(cursor, &mut charset)? {
                return Err(cursor.unexpected("CHARACTER SET"));
            }
            actions.push(Action::DefaultCharset(charset));
        } else if !default && is_option(cursor) {
            one_option(cursor)?;
            option_value(cursor)?;
        } else {
            return Err(cursor.unexpected("an action of ALTER TABLE"));
        }
    }
    Ok(())
}

/// A word of the servers' own, or any name of a storage engine's with a value.
fn is_option(cursor: &Cursor<'_>) -> bool {
    cursor.at_any_word(&OPTION_WORDS)
        || (cursor.peek().is_some_and(|token| token.is_identifier())
            && cursor.peek_at(1).is_some_and(|token| token.is_operator("=")))
}

/// `= value`, or words and values up to the next option.
fn option_value(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.at_operator("=") {
        return one_option(cursor);
    }
    while !cursor.at_element_end()
        && !is_option(cursor)
        && !cursor.at_any_word(&["DEFAULT", "CHARSET", "CHARACTER", "CHAR", "COLLATE"])
        && !cursor.at_any_word(&["PARTITION", "REMOVE", "ORDER"])
    {
        one_option(cursor)?;
    }
    Ok(())
}

/// `ORDER BY a, b DESC`: its commas are not those between actions.
fn order_by(cursor: &mut Cursor<'_>) -> Parsed<()> {
    loop {
        cursor.name()?;
        while cursor.eat_operator(".") {
            cursor.name()?;
        }
        cursor.eat_any_word(&["ASC", "DESC"]);
        if !cursor.eat_operator(",") {
            return Ok(());
        }
    }
}
