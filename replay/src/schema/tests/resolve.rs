use binlog_parser::event::optional_metadata::OptionalMetadata;
use binlog_parser::event::table_map::{TableMapEvent, flags};
use binlog_parser::header::Family;
use binlog_parser::wire::Bitmap;

use super::*;

/// id INT NOT NULL, name VARCHAR of 20 bytes, both as a map has them.
const TYPES: &[u8] = &[3, 15];
const METADATA: &[u8] = &[20, 0];
const NULLS: &[u8] = &[0b10];

fn map<'a>(
    types: &'a [u8],
    metadata: &'a [u8],
    nulls: &'a [u8],
    optional: &'a [u8],
) -> TableMapEvent<'a> {
    TableMapEvent {
        table_id: 1,
        flags: 0,
        database: b"d",
        table: b"t",
        types,
        metadata,
        null_bitmap: Bitmap::new(nulls, types.len()),
        optional: OptionalMetadata::new(optional),
    }
}

fn logged(statements: &[&str]) -> SchemaHistory {
    over(Schema::new(Source::Dump), statements)
}

fn dumped(statement: &str) -> Schema {
    let mut dump = Schema::new(Source::Dump);
    dump.apply(statement.as_bytes(), &session(mysql())).unwrap();
    dump
}

fn over(dump: Schema, statements: &[&str]) -> SchemaHistory {
    let mut history = SchemaHistory::new(dump);
    let context = session(mariadb());
    history.apply(Stamp::default(), b"CREATE DATABASE d CHARSET latin1", &context).unwrap();
    for statement in statements {
        let _ = history.apply(Stamp::default(), statement.as_bytes(), &context);
    }
    history
}

fn now() -> Stamp {
    Stamp { log: 9, ..Stamp::default() }
}

fn names(table: &ResolvedTable) -> String {
    let names = table.columns.iter().map(|column| String::from_utf8_lossy(&column.name));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn ddl_gives_names_signs_charsets_and_the_key() {
    let history = logged(&["CREATE TABLE t (id INT UNSIGNED PRIMARY KEY, name VARCHAR(20))"]);
    let table = resolve(&map(TYPES, METADATA, NULLS, &[]), Family::Mysql, now(), &history).unwrap();
    assert_eq!((table.source, names(&table)), (Source::Logs, "id name".into()));
    assert_eq!(table.columns[0].unsigned, Some(true));
    assert_eq!(table.columns[1].charset.map(|c| c.name), Some("latin1"));
    assert_eq!(table.key, Some(RowKey { origin: KeyOrigin::Primary, columns: vec![0] }));
    assert_eq!(table.has_triggers, Some(false));
    assert!(table.definition.is_some());
}

#[test]
fn the_map_is_right_about_signs_and_charsets() {
    // signs: id has one; default charset 45, utf8mb4_general_ci, so VARCHAR(5)
    let optional = [1, 1, 0, 2, 1, 45];
    let history = logged(&["CREATE TABLE t (id INT UNSIGNED NOT NULL, name VARCHAR(5))"]);
    let map = map(TYPES, METADATA, NULLS, &optional);
    let table = resolve(&map, Family::Mysql, now(), &history).unwrap();
    assert_eq!(table.columns[0].unsigned, Some(false));
    assert_eq!(table.columns[1].charset.map(|c| c.name), Some("utf8mb4"));
    assert_eq!(table.columns[1].collation, Some(45));
    assert_eq!(table.key, None);
}

#[test]
fn metadata_comes_first_and_ddl_adds_what_it_lacks() {
    // names: id, name
    let optional = [4, 8, 2, b'i', b'd', 4, b'n', b'a', b'm', b'e'];
    let map = map(TYPES, METADATA, NULLS, &optional);
    let alone = resolve(&map, Family::Mysql, now(), &logged(&[])).unwrap();
    assert_eq!((alone.source, names(&alone)), (Source::Metadata, "id name".into()));
    assert_eq!((alone.definition, alone.key), (None, None));
    let history = logged(&["CREATE TABLE t (ID INT NOT NULL UNIQUE, name VARCHAR(20) AS ('x'))"]);
    let with = resolve(&map, Family::Mysql, now(), &history).unwrap();
    assert_eq!((with.source, names(&with)), (Source::Metadata, "id name".into()));
    assert_eq!(with.columns[1].generated, Some(Generated::Virtual));
    assert!(!with.columns[1].is_settable());
    assert_eq!(with.key, Some(RowKey { origin: KeyOrigin::Unique, columns: vec![0] }));
    // A definition with other names is another table's.
    let history = logged(&["CREATE TABLE t (a INT NOT NULL UNIQUE, name VARCHAR(20))"]);
    assert_eq!(resolve(&map, Family::Mysql, now(), &history).unwrap().definition, None);
}

#[test]
fn what_does_not_fit_is_refused_and_shown() {
    let map = map(TYPES, METADATA, NULLS, &[]);
    for (statement, why) in [
        ("(id INT NOT NULL)", "it has 1 columns, the log 2"),
        (
            "(id BIGINT NOT NULL, name VARCHAR(20))",
            "column 1 is defined as `id` bigint NOT NULL, but not in the log",
        ),
        ("(id INT, name VARCHAR(20))", "column 1 is defined as `id` int, but may not be NULL"),
        (
            "(id INT NOT NULL, name VARCHAR(21))",
            "column 2 is defined as `name` varchar(21) CHARACTER SET latin1, but not in the log",
        ),
        (
            "(id INT NOT NULL, name VARCHAR(20) CHARSET utf8mb4)",
            "column 2 is defined as `name` varchar(20) CHARACTER SET utf8mb4, but not in the log",
        ),
    ] {
        let history = logged(&[&format!("CREATE TABLE t {statement}")]);
        let error = resolve(&map, Family::Mysql, now(), &history).unwrap_err();
        let ResolveError::Mismatch { why: found, definition, logged, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found.as_ref(), why);
        assert!(definition.starts_with("CREATE TABLE `d`.`t`"));
        assert_eq!(logged.as_ref(), "Long NOT NULL, Varchar { max_bytes: 20 }");
    }
}

#[test]
fn a_dump_helps_where_the_logs_cannot() {
    let map = map(TYPES, METADATA, NULLS, &[]);
    let find = |history: &SchemaHistory| resolve(&map, Family::Mysql, now(), history);
    assert!(matches!(find(&logged(&[])), Err(ResolveError::NoDefinition { .. })));
    let ctas = "CREATE TABLE t AS SELECT 1";
    assert!(matches!(find(&logged(&[ctas])), Err(ResolveError::NotUnderstood { .. })));

    let dump = dumped("CREATE TABLE t (id INT NOT NULL, name VARCHAR(20) CHARSET latin1)");
    for statements in [&[][..], &[ctas], &["CREATE TABLE t (other INT)"]] {
        let table = find(&over(dump.clone(), statements)).unwrap();
        assert_eq!((table.source, names(&table)), (Source::Dump, "id name".into()));
    }
    // A dump from before the logs, and one from after them.
    let add = "ALTER TABLE t ADD name VARCHAR(20) CHARSET latin1";
    let table = find(&over(dumped("CREATE TABLE t (id INT NOT NULL)"), &[add])).unwrap();
    assert_eq!((table.source, names(&table)), (Source::DumpAndLogs, "id name".into()));
    let table = find(&over(dump.clone(), &["ALTER TABLE t ADD more INT"])).unwrap();
    assert_eq!((table.source, names(&table)), (Source::Dump, "id name".into()));
    // It cannot be told whether the dump has the new name or the old one.
    let renamed = "ALTER TABLE t CHANGE name nom VARCHAR(20) CHARSET latin1";
    let error = find(&over(dump.clone(), &[renamed])).unwrap_err();
    assert!(matches!(error, ResolveError::Ambiguous { .. }), "{error}");
    // A default is no such change.
    let defaulted = "ALTER TABLE t ALTER name SET DEFAULT 'x'";
    assert_eq!(find(&over(dump, &[defaulted])).unwrap().source, Source::DumpAndLogs);
}

#[test]
fn hidden_columns_are_found_by_their_number() {
    // my_row_id, a INT
    let mut hidden = map(&[8, 3], &[], &[0b10], &[]);
    hidden.flags = flags::GENERATED_INVISIBLE_PK;
    let history = logged(&["CREATE TABLE t (a INT)"]);
    let table = resolve(&hidden, Family::Mysql, now(), &history).unwrap();
    assert_eq!(names(&table), "my_row_id a");
    let key = &table.columns[0];
    assert!(key.generated_primary_key && key.invisible && key.is_settable());
    assert_eq!(key.unsigned, Some(true));
    assert_eq!(table.key, Some(RowKey { origin: KeyOrigin::Primary, columns: vec![0] }));

    // a INT, row_start and row_end TIMESTAMP(6)
    let versioned = map(&[3, 17, 17], &[6, 6], &[0], &[]);
    let history = logged(&["CREATE TABLE t (a INT PRIMARY KEY) WITH SYSTEM VERSIONING"]);
    let table = resolve(&versioned, Family::Mariadb, now(), &history).unwrap();
    assert_eq!(names(&table), "a row_start row_end");
    assert_eq!(table.columns[2].generated, Some(Generated::RowEnd));
    assert_eq!(table.key, Some(RowKey { origin: KeyOrigin::Primary, columns: vec![0, 2] }));

    // v TEXT, and the hash of its unique key
    let hashed = map(&[252, 8], &[2], &[0b11], &[]);
    let history = logged(&["CREATE TABLE t (v TEXT, UNIQUE (v))"]);
    let table = resolve(&hashed, Family::Mariadb, now(), &history).unwrap();
    assert_eq!(names(&table), "v DB_ROW_HASH_1");
    assert!(table.columns[1].nameless && !table.columns[1].is_settable());
    // Without such a key it is a column that nobody defined.
    let history = logged(&["CREATE TABLE t (v TEXT)"]);
    assert!(resolve(&hashed, Family::Mariadb, now(), &history).is_err());
}

#[test]
fn every_type_fits_itself_and_no_other() {
    let cases: [(&str, u8, &[u8]); 27] = [
        ("TINYINT", 1, &[]),
        ("SMALLINT", 2, &[]),
        ("MEDIUMINT", 9, &[]),
        ("INT", 3, &[]),
        ("BIGINT", 8, &[]),
        ("FLOAT", 4, &[4]),
        ("DOUBLE", 5, &[8]),
        ("DECIMAL(9,2)", 246, &[9, 2]),
        ("BIT(9)", 16, &[1, 1]),
        ("YEAR", 13, &[]),
        ("DATE", 10, &[]),
        ("TIME(3)", 19, &[3]),
        ("DATETIME(2)", 18, &[2]),
        ("TIMESTAMP(1) NULL", 17, &[1]),
        ("CHAR(10)", 254, &[254, 10]),
        ("CHAR(100) CHARACTER SET utf8mb4", 254, &[238, 144]),
        ("VARCHAR(30)", 15, &[30, 0]),
        ("VARCHAR(31) COMPRESSED", 141, &[32, 0]),
        ("TINYTEXT", 252, &[1]),
        ("MEDIUMBLOB", 252, &[3]),
        ("BLOB COMPRESSED", 140, &[2]),
        ("ENUM('a')", 254, &[247, 1]),
        ("SET('a','b','c','d','e','f','g','h','i')", 254, &[248, 2]),
        ("JSON", 252, &[4]),
        ("POINT", 255, &[4]),
        ("INET4", 254, &[254, 4]),
        ("VECTOR(3)", 15, &[12, 0]),
    ];
    for (declared, ..) in cases {
        let history = logged(&[&format!("CREATE TABLE t (c {declared})")]);
        for (logged, code, metadata) in cases {
            let types = [code];
            let map = map(&types, metadata, &[1], &[]);
            let fits = resolve(&map, Family::Mariadb, now(), &history).is_ok();
            assert_eq!(fits, declared == logged, "{declared} as {logged}");
        }
    }
}
