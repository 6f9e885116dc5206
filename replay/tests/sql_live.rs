//! Do the real servers read text as this crate says they do? Conditions that are folded are run
//! over rows, and executable comments are counted in a sum.

use replay::sql::condition::{Truth, fold};
use replay::sql::{Dialect, TokenKind, lex_code};
use servers::{Server, ServerOptions};

/// Conditions over the columns of the table that [`start`] makes.
const CONDITIONS: &[&str] = &[
    "1",
    "NOT 0",
    "'a'='a'",
    "1 = 1 = 1",
    "'1abc'",
    "'abc'",
    "' 2x' = 2",
    "NULL IS NULL",
    "1 XOR 0",
    "1 XOR NULL",
    "NULL OR 1",
    "NULL AND 0",
    "NOT 2 = 1",
    "2 * 3 + 1 > 5",
    "1 | 2 = 3",
    "-1 < 0",
    "1 - 1",
    "1.5e0",
    "0.0",
    "'a' 'b' = 'ab'",
    "'a' <> 'b'",
    "1 IN (2, 1)",
    "3 NOT IN (2, NULL)",
    "'' IN ('')",
    "1 BETWEEN 0 AND 2",
    "1 NOT BETWEEN 0 AND 2",
    "'abc' LIKE '%'",
    "NULL LIKE '%'",
    "name LIKE '%%'",
    "name REGEXP '.*'",
    "name NOT LIKE '%'",
    "id = id",
    "id <=> id",
    "id <> id",
    "id >= t.ID",
    "id IN (id)",
    "id IS NULL OR id IS NOT NULL",
    "(id IS NULL) OR NOT (id IS NULL)",
    "id > 0 OR id <= 0",
    "name = 'a' OR id OR name <> 'a'",
    "id = 1 OR 1 = 1",
    "id AND 0",
    "1 IS TRUE",
    "NULL IS UNKNOWN",
    "0 IS NOT FALSE",
    "5 != 4 AND NOT FALSE",
    "!1",
];

fn start(product: servers::Product) -> (Server, Dialect) {
    let server = Server::start(product, &ServerOptions::default()).expect("a server");
    server
        .sql(
            "CREATE DATABASE s; CREATE TABLE s.t (id INT, name VARCHAR(9)); \
              INSERT INTO s.t VALUES (1, 'a'), (0, ''), (-5, 'B b'), (NULL, NULL)",
        )
        .expect("a table");
    let version = server.value("SELECT VERSION()").expect("a version");
    (server, Dialect::from_server_version(version.as_bytes()))
}

#[test]
fn folded_conditions_hold_for_the_rows_that_they_should() {
    for product in servers::live() {
        let (server, dialect) = start(product);
        let mut folded = 0;
        for condition in CONDITIONS {
            let tokens = lex_code(condition.as_bytes(), &dialect).expect("a condition");
            let wanted = match fold(&tokens, &dialect) {
                Truth::AlwaysTrue => "4",
                Truth::TrueUnlessNull => "3",
                Truth::NeverTrue => "0",
                Truth::Depends => continue,
            };
            folded += 1;
            let query = format!("SELECT COUNT(*) FROM s.t WHERE {condition}");
            let count = server.value(&query).expect("a count");
            assert_eq!(count, wanted, "{}: {condition}", product.name());
        }
        assert!(folded > CONDITIONS.len() - 5, "nearly all are constant");
    }
}

#[test]
fn executable_comments_are_executed_as_said() {
    const SUM: &str = "1 /*! +2 */ /*!50100 +4 */ /*!50700 +8 */ /*!80000 +16 */ /*!99999 +32 */ \
        /*!100000 +64 */ /*!101100 +128 */ /*M! +256 */ /*M!100100 +512 */ /*M!50700 +1024 */ \
        /*M!999999 +2048 */ /*!080000 +4096 */ /*!50100 +8192 /* +1 */ */ /*!99999 /* +1 */ +1 */ \
        /*+ +1 */ /*!+16384*/ -- +1
        # +1
        +32768--1";
    for product in servers::live() {
        let (server, dialect) = start(product);
        let tokens = lex_code(SUM.as_bytes(), &dialect).expect("a sum");
        let mine = sum_of(&tokens);
        let text = format!("SELECT {SUM}");
        let run = server.pipe(text.as_bytes(), ["--comments", "--batch", "--skip-column-names"]);
        let answer = run.expect("a client").success();
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", product.name()));
        let theirs = String::from_utf8_lossy(&answer).trim().to_owned();
        assert_eq!(mine.to_string(), theirs, "{}", product.name());
    }
}

/// Numbers behind `+` and `-`, and behind nothing, added up.
fn sum_of(tokens: &[replay::sql::Token<'_>]) -> i64 {
    let mut sum = 0;
    let mut sign = 1;
    for token in tokens {
        match token.kind {
            TokenKind::Number => {
                let number = std::str::from_utf8(token.bytes).expect("digits");
                sum += sign * number.parse::<i64>().expect("a number");
                sign = 1;
            }
            _ if token.is_operator("-") => sign = -sign,
            _ => {}
        }
    }
    sum
}
