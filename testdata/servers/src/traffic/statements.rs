//! Transactions at random: rows written in every way, definitions changed, sessions set.

use std::fmt::Write as _;

use super::Traffic;
use super::tables::{self, Column, Kind, OTHERS};
use super::values::{literal, nullable};

/// Appends a transaction: one statement that commits by itself, or several between BEGIN and its
/// end.
pub(super) fn transaction(traffic: &mut Traffic, out: &mut String) {
    match traffic.below(20) {
        0 | 1 => definition(traffic, out),
        2 => session(traffic, out),
        3 => xa(traffic, out),
        4..=9 => several(traffic, out),
        _ => row_statement(traffic, out),
    }
}

fn several(traffic: &mut Traffic, out: &mut String) {
    out.push_str("BEGIN;\n");
    for _ in 0..1 + traffic.below(5) {
        if traffic.one_in(6) {
            traffic.named += 1;
            let name = traffic.named;
            let _ = writeln!(out, "SAVEPOINT `s{name}`;");
            row_statement(traffic, out);
            if traffic.one_in(2) {
                let _ = writeln!(out, "ROLLBACK TO `s{name}`;");
            }
        }
        row_statement(traffic, out);
    }
    out.push_str(if traffic.one_in(8) { "ROLLBACK;\n" } else { "COMMIT;\n" });
}

fn xa(traffic: &mut Traffic, out: &mut String) {
    traffic.named += 1;
    let xid = format!("X'{:04x}'", traffic.named);
    let _ = writeln!(out, "XA START {xid};");
    row_statement(traffic, out);
    let _ = writeln!(out, "XA END {xid};");
    let _ = match traffic.below(4) {
        0 => writeln!(out, "XA COMMIT {xid} ONE PHASE;"),
        1 => writeln!(out, "XA PREPARE {xid};\nXA ROLLBACK {xid};"),
        _ => writeln!(out, "XA PREPARE {xid};\nXA COMMIT {xid};"),
    };
}

/// A table, its columns, and its key's where rows can be named by it.
fn some_table(traffic: &mut Traffic) -> (&'static str, Vec<Column>) {
    if traffic.one_in(2) {
        return ("types", tables::types(traffic.product));
    }
    let (name, columns) = traffic.one_of(OTHERS);
    (name, columns.to_vec())
}

fn row_statement(traffic: &mut Traffic, out: &mut String) {
    match traffic.below(12) {
        0..=3 => insert(traffic, out),
        4..=6 => update(traffic, out),
        7 => delete(traffic, out),
        8 => document(traffic, out),
        9 => many(traffic, out),
        _ => special(traffic, out),
    }
    out.push('\n');
}

fn insert(traffic: &mut Traffic, out: &mut String) {
    let (table, mut columns) = some_table(traffic);
    if table == "types" && traffic.one_in(2) {
        columns.retain(|_| traffic.rng.bool());
        columns.push(("i16", "", Kind::Int(16)));
        columns.dedup_by_key(|column| column.0);
        let mut seen = vec![];
        columns.retain(|column| {
            !seen.contains(&column.0) && {
                seen.push(column.0);
                true
            }
        });
    }
    let verb = traffic.one_of(&["INSERT", "INSERT", "INSERT IGNORE", "REPLACE"]);
    let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
    let _ = write!(out, "{verb} INTO {table} ({}) VALUES ", names.join(","));
    for row in 0..1 + traffic.below(3) {
        out.push_str(if row == 0 { "(" } else { ",(" });
        for (number, column) in columns.iter().enumerate() {
            let separator = if number == 0 { "" } else { "," };
            // A key's columns come first, and are never NULL.
            let value = if number < 2 && table != "types" {
                literal(traffic, column.2)
            } else {
                nullable(traffic, column.2)
            };
            let _ = write!(out, "{separator}{value}");
        }
        out.push(')');
    }
    if verb == "INSERT" && table == "docs" {
        out.push_str(" ON DUPLICATE KEY UPDATE n = n + 1");
    }
    out.push(';');
}

/// A condition that some rows of a table meet, without comparing what is inexact.
fn condition(traffic: &mut Traffic, table: &str) -> String {
    let n = traffic.below(40);
    match table {
        "types" => format!("id BETWEEN {n} AND {}", n + traffic.below(4)),
        "no_key" => format!("a > {}", 60 + n),
        "composite" | "uniques" => format!("a = {}", n % 16),
        "computed" => format!("a < {}", n / 8),
        "child" => format!("parent = {}", n % 32),
        _ => format!("id = {}", n % 24),
    }
}

fn update(traffic: &mut Traffic, out: &mut String) {
    let (table, columns) = some_table(traffic);
    let key = if matches!(table, "types" | "no_key" | "child" | "audited") { 0 } else { 1 };
    let changed: Vec<String> = (0..1 + traffic.below(3))
        .map(|_| {
            let column = traffic.one_of(&columns[key.min(columns.len() - 1)..]);
            // Most are columns without NOT NULL.
            let value = if table == "uniques" {
                literal(traffic, column.2)
            } else {
                nullable(traffic, column.2)
            };
            format!("{}={value}", column.0)
        })
        .collect();
    let condition = condition(traffic, table);
    let _ = write!(out, "UPDATE IGNORE {table} SET {} WHERE {condition};", changed.join(","));
}

fn delete(traffic: &mut Traffic, out: &mut String) {
    let table = some_table(traffic).0;
    let condition = condition(traffic, table);
    let _ = write!(out, "DELETE FROM {table} WHERE {condition};");
}

/// Changes inside of JSON documents, which may be logged as such.
fn document(traffic: &mut Traffic, out: &mut String) {
    let value = literal(traffic, Kind::Int(32));
    let change = traffic
        .one_of(&[
            "JSON_SET(doc, '$.a', <value>)",
            "JSON_REPLACE(doc, '$.b[0]', <value>, '$.c.d', 'new')",
            "JSON_REMOVE(doc, '$.b[1]')",
            "JSON_SET(doc, '$.c.f', JSON_ARRAY(<value>, <value>), '$.b[5]', 'end')",
            "JSON_REMOVE(JSON_SET(doc, '$.z', <value>), '$.a')",
        ])
        .replace("<value>", &value);
    let condition = condition(traffic, "docs");
    let _ = write!(out, "UPDATE docs SET doc = {change}, n = n + 1 WHERE {condition};");
}

/// Statements that write many rows, or several tables.
fn many(traffic: &mut Traffic, out: &mut String) {
    let n = 1 + traffic.below(20);
    let statement = match traffic.below(6) {
        0 => format!(
            "INSERT INTO no_key SELECT id % 100, v, 1.5 FROM audited WHERE id < {n} ORDER BY id;"
        ),
        1 => format!("INSERT INTO child (parent, v) SELECT id, {n} FROM parent ORDER BY id;"),
        2 => format!(
            "UPDATE docs, parent SET docs.n = {n}, parent.name = 'both' WHERE docs.id = parent.id;"
        ),
        3 => format!(
            "DELETE docs, parent FROM docs JOIN parent ON docs.id = parent.id WHERE docs.n > {n} AND parent.id > 20;"
        ),
        4 => format!("UPDATE parent SET id = id + 100 WHERE id = {n};"),
        _ => format!("CALL add_children({n}, 5);"),
    };
    out.push_str(&statement);
}

/// Statements whose result hangs on the session.
fn special(traffic: &mut Traffic, out: &mut String) {
    let n = traffic.below(30);
    let text = literal(traffic, Kind::Text(15));
    let statement = match traffic.below(9) {
        0 => format!("SET @n = {n}, @t = {text};\nINSERT INTO no_key VALUES (@n, @t, twice(@n));"),
        1 => "INSERT INTO no_key (a, f) VALUES (7, RAND());".to_owned(),
        2 => "INSERT INTO audited (v) VALUES ('a'), ('b');\nINSERT INTO child (v) VALUES (LAST_INSERT_ID());".to_owned(),
        3 => "INSERT INTO types (dt6, ts6, day) VALUES (NOW(6), NOW(6), CURDATE());".to_owned(),
        4 => format!("SET INSERT_ID = {};\nINSERT INTO audited (v) VALUES ('forced');", 1000 + traffic.below(1000)),
        5 if !traffic.repeatable => "INSERT INTO no_key (a, b) VALUES (8, LEFT(UUID(), 20));".to_owned(),
        6 if !traffic.repeatable => format!("DELETE FROM types WHERE id > {n} LIMIT 2;"),
        7 => format!("SET @r = {}, @u = 18446744073709551615, @nothing = NULL;\nINSERT INTO types (d, u64, i8) VALUES (@r, @u, @nothing);", literal(traffic, Kind::Double)),
        _ => format!("INSERT INTO audited (v) VALUES (CONCAT('at ', CONNECTION_ID() > 0, {n}));"),
    };
    out.push_str(&statement);
}

fn definition(traffic: &mut Traffic, out: &mut String) {
    traffic.made += 1;
    let n = traffic.made;
    let old = 1 + traffic.below(n);
    let statement = match traffic.below(10) {
        0 => format!(
            "CREATE TABLE made{n} (a INT PRIMARY KEY, b TEXT) AS SELECT id AS a, v AS b FROM audited;"
        ),
        1 => format!(
            "CREATE TABLE made{n} LIKE composite;\nINSERT INTO made{n} SELECT * FROM composite ORDER BY b, a;"
        ),
        2 => format!(
            "ALTER TABLE no_key ADD COLUMN x{n} INT DEFAULT {n};\nUPDATE no_key SET x{n} = a;\nALTER TABLE no_key DROP COLUMN x{n};"
        ),
        3 => format!("DROP TABLE IF EXISTS made{old};"),
        4 => format!("RENAME TABLE made{old} TO made_again{n};"),
        5 => format!("TRUNCATE TABLE made{old};"),
        6 => format!(
            "CREATE TEMPORARY TABLE tmp{n} (a INT, b VARCHAR(20));\nINSERT INTO tmp{n} VALUES ({n}, 'temporary'), (2, NULL);\nINSERT INTO no_key (a, b) SELECT a % 100, b FROM tmp{n} ORDER BY a;\nDROP TEMPORARY TABLE tmp{n};"
        ),
        7 => format!("CREATE OR REPLACE VIEW looked AS SELECT a, {n} AS n FROM no_key;"),
        8 => format!(
            "ALTER DATABASE {} CHARACTER SET {};",
            tables::DATABASE,
            traffic.one_of(&["latin1", "utf8mb4"])
        ),
        _ => format!("CREATE INDEX k{n} ON audited (v);\nDROP INDEX k{n} ON audited;"),
    };
    out.push_str(&statement);
    out.push('\n');
}

/// Settings that decide what later statements mean.
fn session(traffic: &mut Traffic, out: &mut String) {
    let setting = traffic.one_of(&[
        "time_zone = '+05:30'",
        "time_zone = '-08:00'",
        "time_zone = '+00:00'",
        "sql_mode = 'STRICT_ALL_TABLES'",
        "sql_mode = ''",
        "sql_mode = 'PIPES_AS_CONCAT,NO_ZERO_DATE'",
        "foreign_key_checks = 0",
        "foreign_key_checks = 1",
        "unique_checks = 0",
        "unique_checks = 1",
        "auto_increment_increment = 3",
        "auto_increment_increment = 1",
        "NAMES utf8mb4",
        "NAMES utf8mb4 COLLATE utf8mb4_bin",
        "collation_connection = latin1_swedish_ci",
        "lc_time_names = 'de_DE'",
        "TIMESTAMP = 1700000000.5",
        "TIMESTAMP = DEFAULT",
    ]);
    let _ = writeln!(out, "SET {setting};");
}
