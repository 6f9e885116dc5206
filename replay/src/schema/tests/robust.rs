use super::*;
use proptest::prelude::*;

/// Words and signs that get deep into the grammar.
const PIECES: [&str; 64] = [
    "CREATE",
    "OR",
    "REPLACE",
    "TABLE",
    "IF",
    "NOT",
    "EXISTS",
    "t",
    "u",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    "a",
    "b",
    "INT",
    "VARCHAR",
    "5",
    "ENUM",
    "'x'",
    "NULL",
    "DEFAULT",
    "PRIMARY",
    "KEY",
    "UNIQUE",
    "FOREIGN",
    "REFERENCES",
    "ALTER",
    "ADD",
    "DROP",
    "COLUMN",
    "MODIFY",
    "CHANGE",
    "AFTER",
    "FIRST",
    "RENAME",
    "TO",
    "LIKE",
    "SELECT",
    "CHARACTER",
    "SET",
    "utf8mb4",
    "CONVERT",
    "PARTITION",
    "BY",
    "ENGINE",
    "=",
    "GENERATED",
    "ALWAYS",
    "AS",
    "CHECK",
    "CONSTRAINT",
    "INDEX",
    "ON",
    "DATABASE",
    "TRIGGER",
    ".",
    "`d`",
    "/*!50000",
    "*/",
    "DECIMAL",
    "99999999999999999999",
];

fn any_dialect() -> impl Strategy<Value = Dialect> {
    (any::<bool>(), 50000u32..130000, any::<u64>(), 0u16..300).prop_map(
        |(maria, version, mode, collation)| {
            let family = if maria { Family::Mariadb } else { Family::Mysql };
            Dialect::new(family, version).with_sql_mode(mode).with_client_collation(collation)
        },
    )
}

/// Applies a text to a schema that knows a table; whatever comes, it answers.
fn apply(text: &[u8], dialect: Dialect) {
    let mut schema = schema(mysql(), &["CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(5) UNIQUE)"]);
    let context = session(dialect);
    if let Ok(effect) = schema.apply(text, &context) {
        // What was understood prints itself, and reads back as the same.
        for name in effect.tables {
            if let Some(TableState::Known { definition, .. }) = schema.table(&name) {
                assert!(!definition.columns.is_empty() && !definition.to_string().is_empty());
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..200), dialect in any_dialect()) {
        apply(&text, dialect);
        apply(&[b"ALTER TABLE t ", &text[..]].concat(), dialect);
        apply(&[b"CREATE TABLE u (", &text[..]].concat(), dialect);
    }

    #[test]
    fn any_words(
        words in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..40),
        dialect in any_dialect(),
    ) {
        let text = words.join(" ");
        apply(text.as_bytes(), dialect);
        apply(format!("ALTER TABLE t {text}").as_bytes(), dialect);
        apply(format!("CREATE TABLE u ({text})").as_bytes(), dialect);
    }
}

#[test]
fn a_printed_definition_reads_back_as_itself() {
    let statement = "CREATE TABLE t (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, \
        e ENUM('a','b'), v VARCHAR(9) CHARACTER SET gbk COLLATE gbk_bin DEFAULT 'x', \
        g INT AS (id + 1) STORED, i INT INVISIBLE, n TIMESTAMP(3) NULL, UNIQUE KEY k (v(3), i), \
        CONSTRAINT f FOREIGN KEY (i) REFERENCES o.p (x) ON DELETE CASCADE)";
    let one = after(mysql(), &[statement]);
    let printed = format!("CREATE TABLE t ({one})");
    assert_eq!(after(mysql(), &[&printed]), one);
}

#[test]
fn every_cut_of_a_statement_is_answered() {
    let text = b"ALTER TABLE t ADD COLUMN (x ENUM('a','b') DEFAULT 'a', KEY k (x)), MODIFY b TEXT \
        CHARACTER SET gbk AFTER x, ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES o (p) ON DELETE \
        SET NULL, CONVERT TO CHARACTER SET utf8mb4, RENAME TO `q`, ORDER BY a, b";
    for end in 0..text.len() {
        apply(&text[..end], mysql());
        apply(&text[..end], mariadb());
    }
}
