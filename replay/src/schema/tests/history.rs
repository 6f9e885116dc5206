use super::*;

fn stamp(offset: u64) -> Stamp {
    Stamp { log: 1, offset, inner: 0 }
}

fn history(dump: &[&str], statements: &[&str]) -> SchemaHistory {
    let mut base = Schema::new(Source::Dump);
    for statement in dump {
        base.apply(statement.as_bytes(), &session(mysql())).unwrap();
    }
    let mut history = SchemaHistory::new(base);
    for (number, statement) in statements.iter().enumerate() {
        let at = stamp(100 * (number as u64 + 1));
        // Some are meant not to be understood.
        let _ = history.apply(at, statement.as_bytes(), &session(mysql()));
    }
    history
}

fn columns(history: &SchemaHistory, table: &str, at: u64) -> String {
    match history.table_at(&TableName::new("d", table), stamp(at)) {
        Some(TableState::Known { definition, source }) => {
            let names: Vec<_> =
                definition.columns.iter().map(|c| String::from_utf8_lossy(&c.name)).collect();
            format!("{source:?} {}", names.join(" "))
        }
        Some(TableState::Dropped) => "dropped".into(),
        Some(TableState::Unknown(_)) => "unknown".into(),
        None => "none".into(),
    }
}

#[test]
fn a_definition_is_that_of_its_time() {
    let history = history(
        &[],
        &[
            "CREATE TABLE t (a INT)",
            "ALTER TABLE t ADD b INT",
            "ALTER TABLE t ADD KEY (a)",
            "RENAME TABLE t TO u",
            "CREATE TABLE t (x INT)",
            "DROP TABLE t",
        ],
    );
    let at = |offset| columns(&history, "t", offset);
    assert_eq!(at(50), "none");
    assert_eq!(at(100), "Logs a");
    assert_eq!(at(250), "Logs a b");
    assert_eq!(at(400), "dropped");
    assert_eq!(at(550), "Logs x");
    assert_eq!(at(600), "dropped");
    assert_eq!(columns(&history, "u", 350), "none");
    assert_eq!(columns(&history, "u", 999), "Logs a b");
    let name = TableName::new("d", "t");
    let changed = |offset| history.changed_after(&name, stamp(offset)).map(|at| at.offset);
    assert_eq!(changed(150), Some(200));
    // A key is no change of the columns.
    assert_eq!(changed(250), Some(400));
    assert_eq!(changed(550), Some(600));
    assert_eq!(changed(600), None);
    assert_eq!(history.changed_after(&TableName::new("d", "u"), stamp(450)), None);
}

#[test]
fn a_dump_is_the_start_and_says_so() {
    let history = history(
        &["CREATE TABLE t (a INT)", "CREATE TABLE s (a INT)"],
        &["ALTER TABLE t ADD b INT", "CREATE TABLE u LIKE t", "ALTER TABLE nowhere ADD b INT"],
    );
    assert_eq!(columns(&history, "t", 50), "Dump a");
    assert_eq!(columns(&history, "t", 150), "DumpAndLogs a b");
    assert_eq!(columns(&history, "u", 250), "DumpAndLogs a b");
    assert_eq!(columns(&history, "s", 999), "Dump a");
    assert_eq!(columns(&history, "nowhere", 999), "unknown");
    assert_eq!(columns(&history, "nowhere", 250), "none");
}

#[test]
fn a_dump_without_a_database_is_changed_for_one_only() {
    let mut base = Schema::new(Source::Dump);
    base.apply(b"CREATE TABLE t (a INT)", &StatementContext::new(mysql(), b"")).unwrap();
    let mut history = SchemaHistory::new(base);
    history.apply(stamp(1), b"ALTER TABLE t ADD b INT", &session(mysql())).unwrap();
    assert_eq!(columns(&history, "t", 2), "DumpAndLogs a b");
    let other = history.table_at(&TableName::new("e", "t"), stamp(2));
    assert!(matches!(other, Some(TableState::Known { source: Source::Dump, .. })));
}
