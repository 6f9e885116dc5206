//! Definitions that the logs of real servers tell, given to an empty server of the same kind: SHOW
//! CREATE TABLE has to say the same of both, but for what is not kept.

use binlog_parser::source::log_set::LogSet;
use replay::schema::{Knowledge, Known, Schema, Source, TableName, known_tables};
use servers::fixtures::{Part, run_script};
use servers::{Server, ServerOptions, live};

/// Forms of DDL that the fixtures do not have. Every table keeps its name for the comparison.
const FORMS: &[u8] = b"
CREATE DATABASE forms; CREATE DATABASE moved; USE forms;
CREATE TABLE a (id SERIAL, n NATIONAL CHAR(5), nv NATIONAL VARCHAR(7), k INT KEY, `d e` DATE DEFAULT '2001-02-03');
ALTER TABLE a ADD COLUMN x INT NOT NULL DEFAULT 5 FIRST, ADD y VARCHAR(9) AFTER n, DROP COLUMN nv,
  CHANGE k key_ BIGINT UNSIGNED, MODIFY `d e` DATETIME(2) NULL, ADD UNIQUE uq (y, x), ADD INDEX (key_);
ALTER TABLE a RENAME COLUMN y TO why, RENAME INDEX uq TO unique_, ALTER COLUMN x SET DEFAULT 7;
ALTER TABLE a ALTER x DROP DEFAULT, ADD z TEXT, ADD FULLTEXT ft (z);
ALTER TABLE a DROP INDEX ft, CONVERT TO CHARACTER SET latin1;
CREATE TABLE b LIKE a;
RENAME TABLE b TO moved.b2, a TO a2;
CREATE TABLE c AS SELECT x, why, CAST(x AS DECIMAL(9,3)) AS dec_ FROM a2;
CREATE TABLE gone (a INT); DROP TABLE gone;
CREATE TABLE p (id INT PRIMARY KEY, other INT, UNIQUE (other));
CREATE TABLE q (id INT, p INT, CONSTRAINT named FOREIGN KEY (p) REFERENCES p (other) ON UPDATE CASCADE ON DELETE SET NULL);
ALTER TABLE q ADD PRIMARY KEY (id);
CREATE TABLE g (a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL, c INT AS (a * 2) STORED UNIQUE, d INT DEFAULT (1 + 1));
SET SESSION sql_mode = '', explicit_defaults_for_timestamp = 0;
CREATE TABLE ts (a TIMESTAMP, b TIMESTAMP, c TIMESTAMP NULL, d TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3));
CREATE TABLE ts3 (a TIMESTAMP(3), b TIMESTAMP(2));
";

/// What only MariaDB has.
const MARIADB_FORMS: &[u8] = b"
USE forms;
CREATE TABLE versioned (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING;
CREATE TABLE versioned2 (id INT PRIMARY KEY, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START,
  e TIMESTAMP(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING;
SET SESSION system_versioning_alter_history = KEEP;
ALTER TABLE versioned ADD COLUMN w INT AFTER id;
CREATE OR REPLACE TABLE p2 (a INT, b INT, INDEX (a, b DESC));
";

fn story(server: &Server) {
    Part::Schema.run(server).unwrap();
    run_script(server, FORMS).unwrap();
    if server.product().is_mariadb() {
        run_script(server, MARIADB_FORMS).unwrap();
    }
}

fn known(server: &Server) -> Known {
    let set = LogSet::open(&server.binary_logs().unwrap()).unwrap();
    known_tables(&set, None, Schema::new(Source::Dump), |_| true).unwrap()
}

/// The tables that a server has, each with what SHOW CREATE TABLE says.
fn shown(server: &Server, names: &[TableName]) -> Vec<(String, Vec<String>)> {
    names
        .iter()
        .map(|name| {
            let quoted = format!("{name:#}");
            // A name with a new line in it goes through PREPARE, for the client reads lines.
            let hex: String =
                format!("SHOW CREATE TABLE {quoted}").bytes().map(|b| format!("{b:02x}")).collect();
            let statement = format!(
                "SET NAMES utf8mb4; SET @s = CONVERT(0x{hex} USING utf8mb4); PREPARE s FROM @s; \
                 EXECUTE s;"
            );
            let arguments = ["--batch", "--raw", "--skip-column-names"];
            let run = server.pipe(statement.as_bytes(), arguments).unwrap();
            let answer = run.success().unwrap_or_else(|e| panic!("{name}: {e:#}"));
            let text = String::from_utf8(answer).unwrap();
            let (_, create) = text.split_once('\t').unwrap();
            (name.to_string(), normal(create))
        })
        .collect()
}

/// The statement without what is not kept, its lines without commas, the keys in any order.
fn normal(create: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for line in create.trim_end().lines() {
        let line = line.trim().trim_end_matches(',').to_owned();
        // CHECK constraints are not kept, those that JSON has apart.
        let is_check = line.starts_with("CONSTRAINT") && line.contains("CHECK (");
        // Nor are partitions.
        if is_check || line.contains("PARTITION") {
            continue;
        }
        let mut line = line.split(" COMMENT '").next().unwrap_or_default().to_owned();
        if line.starts_with(')') {
            line = line
                .split(' ')
                .filter(|word| {
                    !["ENGINE=", "AUTO_INCREMENT=", "PAGE_CHECKSUM="]
                        .iter()
                        .any(|o| word.starts_with(o))
                })
                .collect::<Vec<_>>()
                .join(" ");
        }
        lines.push(line);
    }
    let head = lines.remove(0);
    lines.sort();
    lines.insert(0, head);
    lines
}

/// Lines that may differ, each with its reason.
fn is_exception(one: &str, other: &str) -> bool {
    // The order of a part of a key is not kept. MySQL repeats a table's character set at a column
    // whose statement named it.
    // Digits of FLOAT and DOUBLE, and the width of ZEROFILL, change no value and are not kept.
    let plain = |line: &str| {
        let line = line.replace(" zerofill", "").replace(" CHECK (`b` > 0)", "");
        let line = line.replace(" DESC", "");
        let repeated = [
            " CHARACTER SET latin1 COLLATE latin1_swedish_ci",
            " CHARACTER SET latin1",
            " CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci",
        ];
        let line = repeated.iter().fold(line, |line, words| line.replace(words, ""));
        ["float(", "double(", "int("].iter().fold(line, |line, name| match line.find(name) {
            Some(at) => {
                let end = line[at..].find(')').map_or(line.len(), |end| at + end + 1);
                format!("{}{}{}", &line[..at], &name[..name.len() - 1], &line[end..])
            }
            None => line,
        })
    };
    plain(one) == plain(other)
}

#[test]
fn an_empty_server_makes_the_same_tables_of_what_is_printed() {
    let mut differences = vec![];
    for product in live() {
        let source = Server::start(product, &ServerOptions::default()).unwrap();
        story(&source);
        let target = Server::start(product, &ServerOptions::default()).unwrap();
        target.sql("SET sql_mode = ''; CREATE DATABASE every CHARACTER SET utf8mb4; CREATE DATABASE plain; CREATE DATABASE forms; CREATE DATABASE moved; CREATE DATABASE `odd ``db` CHARACTER SET latin1;").unwrap();
        let known = known(&source);
        assert!(known.lost.is_empty(), "{:?}", known.lost);
        assert!(!known.tables.iter().any(|table| table.name.table == b"gone"));
        let mut names = vec![];
        for table in &known.tables {
            let Knowledge::Defined { definition, .. } = &table.knowledge else {
                differences.push(format!("{}: {:?}", table.name, table.knowledge));
                continue;
            };
            let sql = definition.create_statement().unwrap();
            let setup = "SET NAMES utf8mb4; SET SESSION sql_mode = '', foreign_key_checks = 0;";
            match target.sql(format!("{setup}\n{sql}")) {
                Ok(_) => names.push(table.name.clone()),
                Err(e) => differences.push(format!("{}: {e:#}\n{sql}", table.name)),
            }
        }
        for ((name, one), (_, other)) in shown(&source, &names).iter().zip(&shown(&target, &names))
        {
            let same = |(a, b): (&String, &String)| a == b || is_exception(a, b);
            if one.len() != other.len() || !one.iter().zip(other).all(same) {
                let only = |these: &[String], those: &[String]| {
                    these
                        .iter()
                        .filter(|l| !those.contains(l))
                        .cloned()
                        .collect::<Vec<_>>()
                        .join("\n    ")
                };
                differences.push(format!(
                    "{} {name}\n  was\n    {}\n  is\n    {}",
                    product.name(),
                    only(one, other),
                    only(other, one)
                ));
            }
        }
        let tables = source
            .value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema IN ('every', 'plain', 'odd `db', 'forms', 'moved') AND table_type NOT LIKE '%VIEW';")
            .unwrap();
        assert_eq!(known.tables.len().to_string(), tables, "{}", product.name());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
