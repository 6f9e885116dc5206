//! What statements of both families make of definitions. The expected definitions are those of
//! MySQL 9.7, MariaDB 10.11 and 11.8: what SHOW CREATE TABLE says after the same statements.

mod alter;
mod create;
mod history;
mod resolve;
mod robust;

use super::*;
use crate::sql::{Dialect, Family};

fn mysql() -> Dialect {
    Dialect::new(Family::Mysql, 90700)
}

fn mariadb() -> Dialect {
    Dialect::new(Family::Mariadb, 110806)
}

/// A session in database `d`, as a server with its defaults has it.
fn session(dialect: Dialect) -> StatementContext<'static> {
    let mut context = StatementContext::new(dialect, b"d");
    context.explicit_defaults_for_timestamp = Some(true);
    context
}

/// The schema after statements in a database `d` of latin1.
fn schema(dialect: Dialect, statements: &[&str]) -> Schema {
    let mut schema = Schema::new(Source::Logs);
    let context = session(dialect);
    schema.apply(b"CREATE DATABASE d CHARACTER SET latin1", &context).unwrap();
    for statement in statements {
        if let Err(why) = schema.apply(statement.as_bytes(), &context) {
            panic!("{why}");
        }
    }
    schema
}

/// What is known of table `d`.`t`, in one line without what all of these tables have.
fn shown(schema: &Schema) -> String {
    match schema.table(&TableName::new("d", "t")) {
        Some(TableState::Known { definition, .. }) => {
            let text = definition.to_string().replace("\n  ", " ").replace('\n', " ");
            let (_, text) = text.split_once(" ( ").unwrap();
            text.replace(" CHARACTER SET latin1", "").replace(" ) DEFAULT CHARSET=latin1", "")
        }
        Some(TableState::Unknown(why)) => format!("unknown: {}", why.reason),
        Some(TableState::Dropped) => "dropped".into(),
        None => "none".into(),
    }
}

fn after(dialect: Dialect, statements: &[&str]) -> String {
    shown(&schema(dialect, statements))
}

/// Both families make the same of it.
fn both(statements: &[&str], expected: &str) {
    for dialect in [mysql(), mariadb()] {
        assert_eq!(after(dialect, statements), expected, "{:?}", dialect.family);
    }
}

/// Why a statement is not understood.
fn refused(dialect: Dialect, statements: &[&str]) -> String {
    let (last, before) = statements.split_last().unwrap();
    let mut schema = schema(dialect, before);
    let why = schema.apply(last.as_bytes(), &session(dialect)).unwrap_err();
    assert!(shown(&schema).starts_with("unknown: "), "{}", shown(&schema));
    why.reason
}
