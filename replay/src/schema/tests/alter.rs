use super::*;

const T: &str = "CREATE TABLE t (a INT, b INT, c VARCHAR(5), KEY (b), UNIQUE u (a, b))";
const KEYS: &str = "KEY `b` (`b`), UNIQUE KEY `u` (`a`,`b`)";

fn altered(actions: &str, expected: &str) {
    let keys = format!(", {KEYS}");
    let expected = expected.replace(" …", &keys);
    both(&[T, &format!("ALTER TABLE t {actions}")], &expected);
}

#[test]
fn columns_are_added_where_the_statement_says() {
    altered("ADD d INT", "`a` int, `b` int, `c` varchar(5), `d` int …");
    altered(
        "ADD COLUMN d INT FIRST, ADD e INT AFTER A",
        "`d` int, `a` int, `e` int, `b` int, `c` varchar(5) …",
    );
    altered("ADD (d INT, e INT)", "`a` int, `b` int, `c` varchar(5), `d` int, `e` int …");
    altered(
        "ADD d INT AFTER a, ADD e INT AFTER d",
        "`a` int, `d` int, `e` int, `b` int, `c` varchar(5) …",
    );
}

#[test]
fn columns_change_in_their_place_or_move() {
    altered("MODIFY b BIGINT NOT NULL", "`a` int, `b` bigint NOT NULL, `c` varchar(5) …");
    altered("MODIFY COLUMN c TEXT FIRST", "`c` text, `a` int, `b` int …");
    altered(
        "MODIFY a INT AFTER c, ADD d INT AFTER a",
        "`b` int, `c` varchar(5), `a` int, `d` int …",
    );
    altered(
        "CHANGE c d CHAR(3) CHARSET gbk AFTER a",
        "`a` int, `d` char(3) CHARACTER SET gbk, `b` int …",
    );
}

#[test]
fn keys_follow_their_columns() {
    altered(
        "CHANGE a x INT, RENAME COLUMN b TO y",
        "`x` int, `y` int, `c` varchar(5), KEY `b` (`y`), UNIQUE KEY `u` (`x`,`y`)",
    );
    // Names that change places are those from before the statement.
    altered(
        "CHANGE a b INT, CHANGE b a BIGINT",
        "`b` int, `a` bigint, `c` varchar(5), KEY `b` (`a`), UNIQUE KEY `u` (`b`,`a`)",
    );
    both(&[T, "ALTER TABLE t DROP COLUMN b"], "`a` int, `c` varchar(5), UNIQUE KEY `u` (`a`)");
    // Dropped and added in one statement, a column keeps its keys.
    altered("DROP b, ADD b INT", "`a` int, `c` varchar(5), `b` int …");
}

#[test]
fn keys_come_and_go() {
    altered(
        "DROP KEY b, DROP INDEX u, ADD PRIMARY KEY (b), ADD UNIQUE (b), ADD CONSTRAINT k UNIQUE (a)",
        "`a` int, `b` int NOT NULL, `c` varchar(5), PRIMARY KEY (`b`), UNIQUE KEY `b` (`b`), \
         UNIQUE KEY `k` (`a`)",
    );
    altered(
        "RENAME INDEX u TO v, RENAME KEY b TO w",
        "`a` int, `b` int, `c` varchar(5), KEY `w` (`b`), UNIQUE KEY `v` (`a`,`b`)",
    );
    both(
        &[T, "CREATE UNIQUE INDEX i ON t (c(3), a DESC)", "DROP INDEX u ON t", "DROP INDEX b ON t"],
        "`a` int, `b` int, `c` varchar(5), UNIQUE KEY `i` (`c`(3),`a`)",
    );
    // NOT NULL stays behind a primary key.
    both(
        &["CREATE TABLE t (a INT PRIMARY KEY)", "ALTER TABLE t DROP PRIMARY KEY"],
        "`a` int NOT NULL",
    );
    both(
        &[
            "CREATE TABLE t (a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (x))",
            "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES q (x)",
            "ALTER TABLE t DROP FOREIGN KEY f",
            "ALTER TABLE t DROP INDEX f",
        ],
        "`a` int, FOREIGN KEY (`a`) REFERENCES `d`.`q` (`x`)",
    );
}

#[test]
fn defaults_visibility_and_names() {
    altered(
        "ALTER a SET DEFAULT 5, ALTER COLUMN b SET DEFAULT (1+1)",
        "`a` int DEFAULT 5, `b` int DEFAULT (1+1), `c` varchar(5) …",
    );
    both(&["CREATE TABLE t (a INT DEFAULT 1)", "ALTER TABLE t ALTER a DROP DEFAULT"], "`a` int");
    assert_eq!(
        after(
            mysql(),
            &[
                "CREATE TABLE t (a INT, b INT)",
                "ALTER TABLE t ALTER COLUMN a SET INVISIBLE, ALTER INDEX x INVISIBLE, ALTER CHECK c ENFORCED"
            ]
        ),
        "`a` int INVISIBLE, `b` int"
    );
    both(
        &[T, "ALTER TABLE t RENAME TO u, ADD d INT", "RENAME TABLE u TO v, v TO t"],
        &format!("`a` int, `b` int, `c` varchar(5), `d` int, {KEYS}"),
    );
    both(&[T, "RENAME TABLE t TO e.t"], "dropped");
}

#[test]
fn options_stand_between_actions() {
    altered(
        "ENGINE=InnoDB COMMENT 'ADD x INT', ADD d INT, ORDER BY a, b DESC, FORCE",
        "`a` int, `b` int, `c` varchar(5), `d` int …",
    );
    altered(
        "ADD d INT, ALGORITHM=INSTANT, LOCK NONE, DISABLE KEYS, ROW_FORMAT=COMPACT MAX_ROWS 5",
        "`a` int, `b` int, `c` varchar(5), `d` int …",
    );
    altered(
        "ADD d INT PARTITION BY KEY (a) PARTITIONS 2",
        "`a` int, `b` int, `c` varchar(5), `d` int …",
    );
    for action in [
        "DROP PARTITION p, q",
        "TRUNCATE PARTITION p",
        "REMOVE PARTITIONING",
        "EXCHANGE PARTITION p WITH TABLE x WITHOUT VALIDATION",
        "ADD PARTITION PARTITIONS 3",
        "REORGANIZE PARTITION p INTO (PARTITION q VALUES IN (1))",
        "DISCARD TABLESPACE",
    ] {
        altered(action, "`a` int, `b` int, `c` varchar(5) …");
    }
}

#[test]
fn character_sets_convert_what_is_there_or_wait_for_what_comes() {
    let start =
        "CREATE TABLE t (a TEXT, b VARCHAR(9), c TINYTEXT, d BLOB, e ENUM('x'), f LONGTEXT)";
    both(
        &[start, "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4"],
        "`a` mediumtext CHARACTER SET utf8mb4, `b` varchar(9) CHARACTER SET utf8mb4, \
         `c` text CHARACTER SET utf8mb4, `d` blob, `e` enum('x') CHARACTER SET utf8mb4, \
         `f` longtext CHARACTER SET utf8mb4 ) DEFAULT CHARSET=utf8mb4",
    );
    both(
        &[
            "CREATE TABLE t (a CHAR(1))",
            "ALTER TABLE t CHARSET gbk, COLLATE = gbk_bin, ADD b CHAR(1)",
        ],
        "`a` char(1), `b` char(1) CHARACTER SET gbk COLLATE gbk_bin ) DEFAULT CHARSET=gbk \
         COLLATE=gbk_bin",
    );
}

#[test]
fn mariadbs_own_actions() {
    let own = |actions: &str| after(mariadb(), &[T, &format!("ALTER TABLE t {actions}")]);
    let same = format!("`a` int, `b` int, `c` varchar(5), {KEYS}");
    for actions in [
        "DROP COLUMN IF EXISTS x",
        "ADD COLUMN IF NOT EXISTS a BIGINT",
        "MODIFY COLUMN IF EXISTS x INT",
        "CHANGE IF EXISTS x y INT",
        "DROP INDEX IF EXISTS x",
        "ADD UNIQUE INDEX IF NOT EXISTS u (c)",
        "DROP CONSTRAINT IF EXISTS x",
        "WAIT 5 RENAME COLUMN IF EXISTS x TO y",
        "ADD CONSTRAINT k CHECK (a > 0)",
    ] {
        assert_eq!(own(actions), same, "{actions}");
    }
    assert_eq!(own("ADD SYSTEM VERSIONING"), format!("{same} WITH SYSTEM VERSIONING"));
    assert_eq!(
        after(
            mariadb(),
            &[
                "CREATE TABLE s (a INT) PARTITION BY HASH (a)",
                "ALTER TABLE s CONVERT PARTITION p0 TO TABLE t"
            ]
        ),
        "`a` int"
    );
    assert_eq!(own("CONVERT TABLE t2 TO PARTITION p1 VALUES LESS THAN (5)"), same);
    assert_eq!(
        after(
            mariadb(),
            &[T, "SET STATEMENT lock_wait_timeout=5 FOR ALTER TABLE t DROP b, DROP c"]
        ),
        "`a` int, UNIQUE KEY `u` (`a`)"
    );
    assert_eq!(after(mariadb(), &[T, "CREATE OR REPLACE TABLE t (x INT)"]), "`x` int");
    assert_eq!(
        after(mariadb(), &[T, "CREATE OR REPLACE UNIQUE INDEX u ON t (c)", "DROP INDEX b ON t"]),
        "`a` int, `b` int, `c` varchar(5), UNIQUE KEY `u` (`c`)"
    );
}

#[test]
fn a_generated_primary_key_stays_first() {
    assert_eq!(
        after(
            mysql(),
            &[
                "CREATE TABLE `t` (\n  `my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT \
            /*!80023 INVISIBLE */,\n  `a` int,\n  PRIMARY KEY (`my_row_id`)\n)",
                "ALTER TABLE t ADD b INT FIRST"
            ]
        ),
        "`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE, `b` int, `a` int, \
         PRIMARY KEY (`my_row_id`)"
    );
}

#[test]
fn tables_exist_or_not() {
    both(&[T, "DROP TABLE IF EXISTS x, t CASCADE"], "dropped");
    both(&[T, "DROP DATABASE d"], "dropped");
    both(&["CREATE TABLE t (a INT)", "CREATE TABLE IF NOT EXISTS t (b INT)"], "`a` int");
    both(
        &["CREATE TABLE t (a INT)", "DROP TABLE t", "CREATE TABLE IF NOT EXISTS t (b INT)"],
        "`b` int",
    );
    // In any case, where it is not ambiguous.
    both(
        &["CREATE TABLE T (a INT)", "ALTER TABLE t ADD b INT"],
        "none".replace("none", "`a` int, `b` int").as_str(),
    );
}

#[test]
fn what_contradicts_the_definition_leaves_it_unknown() {
    for (actions, reason) in [
        ("DROP x", "it has no column x"),
        ("MODIFY x INT", "it has no column x"),
        ("ADD d INT AFTER x", "it has no column x"),
        ("ADD a INT", "it has a column a already"),
        ("DROP KEY u_2", "it has no key u_2"),
        ("DROP PRIMARY KEY", "it has no primary key"),
        ("DROP a, DROP b, DROP c", "no column would be left"),
        ("FROBNICATE", "needed an action of ALTER TABLE, had FROBNICATE at byte 14"),
        ("ADD d INT, FROBNICATE d", "needed an action of ALTER TABLE, had FROBNICATE at byte 25"),
    ] {
        assert_eq!(refused(mysql(), &[T, &format!("ALTER TABLE t {actions}")]), reason);
    }
    assert_eq!(
        refused(mysql(), &["ALTER TABLE t ADD b INT"]),
        "no statement before it defines `d`.`t`"
    );
}

#[test]
fn triggers_are_counted() {
    let triggers = |statements: &[&str]| {
        let schema = schema(mysql(), statements);
        match schema.table(&TableName::new("d", "t")) {
            Some(TableState::Known { definition, .. }) => definition.has_triggers,
            _ => None,
        }
    };
    let make = "CREATE DEFINER=`r`@`%` TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET @a = 1";
    assert_eq!(triggers(&["CREATE TABLE t (a INT)"]), Some(false));
    assert_eq!(triggers(&["CREATE TABLE t (a INT)", make]), Some(true));
    assert_eq!(
        triggers(&["CREATE TABLE t (a INT)", make, "DROP TRIGGER IF EXISTS d.g"]),
        Some(false)
    );
    assert_eq!(
        triggers(&["CREATE TABLE t (a INT)", make, "RENAME TABLE t TO u, u TO t"]),
        Some(true)
    );
}
