use super::*;

fn column(dialect: Dialect, text: &str) -> String {
    after(dialect, &[&format!("CREATE TABLE t (c {text})")]).strip_prefix("`c` ").unwrap().into()
}

#[test]
fn types_by_all_their_names() {
    let cases = [
        ("int", "INT INTEGER INT4 INT(11)"),
        ("tinyint", "TINYINT INT1 BOOL BOOLEAN"),
        ("mediumint", "MEDIUMINT INT3 MIDDLEINT"),
        ("bigint unsigned", "BIGINT&UNSIGNED INT8&ZEROFILL BIGINT(20)&UNSIGNED&ZEROFILL"),
        ("decimal(10,0)", "DECIMAL DEC NUMERIC FIXED DECIMAL(10) DECIMAL(0)"),
        ("decimal(7,3)", "DECIMAL(7,3) NUMERIC(7,3)"),
        ("float", "FLOAT FLOAT(24) FLOAT4 FLOAT(7,3)"),
        ("double", "DOUBLE FLOAT(25) FLOAT8 DOUBLE&PRECISION REAL DOUBLE(9,2)"),
        ("bit(1)", "BIT BIT(1)"),
        ("year", "YEAR YEAR(4)"),
        ("time(3)", "TIME(3)"),
        ("timestamp NULL", "TIMESTAMP TIMESTAMP(0)&NULL"),
        ("char(1)", "CHAR CHARACTER CHAR(1)"),
        ("varchar(5)", "VARCHAR(5) CHARACTER&VARYING(5) CHAR&VARYING(5)"),
        ("varchar(5) CHARACTER SET utf8mb3", "NVARCHAR(5) NATIONAL&VARCHAR(5) NCHAR&VARYING(5)"),
        ("char(3) CHARACTER SET ucs2", "CHAR(3)&UNICODE"),
        ("binary(4)", "BINARY(4) CHAR(4)&BYTE CHAR(4)&CHARACTER&SET&binary"),
        ("varbinary(9)", "VARBINARY(9) VARCHAR(9)&CHARSET&binary"),
        ("tinytext", "TINYTEXT TEXT(255)"),
        ("text", "TEXT TEXT(256) TEXT(0)"),
        ("mediumtext", "MEDIUMTEXT LONG LONG&VARCHAR TEXT(65536) VARCHAR(65536)"),
        ("mediumblob", "MEDIUMBLOB LONG&VARBINARY BLOB(65536) MEDIUMTEXT&CHARSET&binary"),
        (
            "longtext CHARACTER SET utf8mb4",
            "LONGTEXT&CHARSET&utf8mb4 TEXT(9999999)&CHARSET&utf8mb4",
        ),
        ("char(2) COLLATE latin1_bin", "CHAR(2)&BINARY CHAR(2)&COLLATE&latin1_bin"),
        ("enum('a','it''s')", "ENUM('a','it''s') ENUM('a&&','it\\'s')"),
        ("set('x')", "SET('x')"),
        ("geometrycollection", "GEOMETRYCOLLECTION"),
    ];
    for (expected, texts) in cases {
        for text in texts.split(' ') {
            let text = text.replace('&', " ");
            for dialect in [mysql(), mariadb()] {
                assert_eq!(column(dialect, &text), expected, "{text} in {:?}", dialect.family);
            }
        }
    }
}

#[test]
fn types_of_one_family() {
    assert_eq!(column(mysql(), "JSON"), "json");
    assert_eq!(column(mysql(), "VECTOR"), "vector(2048)");
    assert_eq!(column(mysql(), "POINT NOT NULL SRID 4326"), "point /*!80003 SRID 4326 */ NOT NULL");
    assert_eq!(column(mysql(), "GEOMCOLLECTION"), "geometrycollection");
    assert_eq!(column(mariadb(), "JSON"), "json");
    assert_eq!(column(mariadb(), "UUID DEFAULT uuid()"), "uuid DEFAULT uuid()");
    assert_eq!(column(mariadb(), "INET6 NOT NULL"), "inet6 NOT NULL");
    assert_eq!(
        column(mariadb(), "VARBINARY(300) COMPRESSED=zlib"),
        "varbinary(300) /*M!100301 COMPRESSED*/"
    );
    assert_eq!(column(mariadb(), "longtext COLLATE utf8mb4_bin CHECK (json_valid(`c`))"), "json");
}

#[test]
fn sql_mode_changes_what_types_are() {
    let typed = |dialect, sql_mode, text: &str| {
        let mut schema = Schema::new(Source::Logs);
        let context = StatementContext { sql_mode, ..session(dialect) };
        schema.apply(format!("CREATE TABLE t (c {text})").as_bytes(), &context).unwrap();
        shown(&schema).replace(" )", "")
    };
    assert_eq!(typed(mysql(), 1, "REAL"), "`c` float");
    for (text, expected) in [
        ("DATE", "datetime"),
        ("NUMBER", "double"),
        ("NUMBER(5)", "decimal(5,0)"),
        ("VARCHAR2(9)", "varchar(9)"),
        ("RAW(5)", "varbinary(5)"),
        ("CLOB", "longtext"),
        ("mariadb_schema.DATE", "date"),
    ] {
        assert_eq!(typed(mariadb(), 1 << 9, text), format!("`c` {expected}"), "{text}");
    }
}

#[test]
fn attributes_in_any_order() {
    both(
        &["CREATE TABLE t (a INT COMMENT 'b int, (' UNIQUE NOT NULL DEFAULT -5 CHECK (a > (1)), \
           b SERIAL, c DATETIME(3) DEFAULT NOW(3) ON UPDATE CURRENT_TIMESTAMP(3) NOT NULL, \
           d VARCHAR(9) DEFAULT 'x' 'y' COLLATE latin1_bin INVISIBLE REFERENCES p, \
           e CHAR(3) DEFAULT _latin1'abc', f BINARY(3) DEFAULT x'414243')"],
        "`a` int NOT NULL DEFAULT -5, `b` bigint unsigned NOT NULL AUTO_INCREMENT, \
         `c` datetime(3) NOT NULL DEFAULT NOW(3) ON UPDATE CURRENT_TIMESTAMP(3), \
         `d` varchar(9) COLLATE latin1_bin DEFAULT 'x' 'y' INVISIBLE, \
         `e` char(3) DEFAULT _latin1'abc', `f` binary(3) DEFAULT x'414243', \
         UNIQUE KEY `a` (`a`), UNIQUE KEY `b` (`b`), FOREIGN KEY (`d`) REFERENCES `d`.`p`",
    );
}

#[test]
fn generated_columns_and_defaults_that_are_not() {
    both(
        &[
            "CREATE TABLE t (a INT PRIMARY KEY, b INT AS (a * (2)), c INT GENERATED ALWAYS AS (a+1) \
           STORED COMMENT 'x', d INT DEFAULT (1 + 2))",
        ],
        "`a` int NOT NULL, `b` int GENERATED ALWAYS AS (a * (2)) VIRTUAL, \
         `c` int GENERATED ALWAYS AS (a+1) STORED, `d` int DEFAULT (1 + 2), PRIMARY KEY (`a`)",
    );
    assert_eq!(
        after(
            mariadb(),
            &["CREATE TABLE t (a INT, b INT AS (a) PERSISTENT, n INT DEFAULT nextval(`d`.`s`), \
               m INT DEFAULT NEXT VALUE FOR s, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, \
               e TIMESTAMP(6) GENERATED ALWAYS AS ROW END INVISIBLE, \
               PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING"]
        ),
        "`a` int, `b` int GENERATED ALWAYS AS (a) STORED, `n` int DEFAULT nextval(`d`.`s`), \
         `m` int DEFAULT NEXT VALUE FOR s, \
         `s` timestamp(6) GENERATED ALWAYS AS ROW START NOT NULL, \
         `e` timestamp(6) GENERATED ALWAYS AS ROW END NOT NULL INVISIBLE, PERIOD FOR SYSTEM_TIME \
         (`s`, `e`) WITH SYSTEM VERSIONING"
    );
}

#[test]
fn keys_of_every_kind() {
    both(
        &[
            "CREATE TABLE t (KEY (a, b), a INT, b TEXT, c INT NOT NULL, PRIMARY KEY USING BTREE (c), \
           CONSTRAINT u UNIQUE INDEX (a), UNIQUE (a, c), FULLTEXT KEY (b), \
           UNIQUE named USING HASH (b(10) DESC) COMMENT 'x', CONSTRAINT FOREIGN KEY i (a) \
           REFERENCES o.p (x) MATCH FULL ON UPDATE SET NULL ON DELETE CASCADE, CHECK (a > 0))",
        ],
        "`a` int, `b` text, `c` int NOT NULL, KEY `a` (`a`,`b`), PRIMARY KEY (`c`), \
         UNIQUE KEY `u` (`a`), UNIQUE KEY `a_2` (`a`,`c`), FULLTEXT KEY `b` (`b`), \
         UNIQUE KEY `named` (`b`(10)), FOREIGN KEY (`a`) REFERENCES `o`.`p` (`x`) \
         ON DELETE CASCADE ON UPDATE SET NULL",
    );
    assert_eq!(
        after(mysql(), &["CREATE TABLE t (a INT, UNIQUE ((a + 1), a), KEY f ((lower(a))))"]),
        "`a` int, UNIQUE KEY `functional_index` ((a + 1),`a`), KEY `f` ((lower(a)))"
    );
    assert_eq!(
        after(
            mariadb(),
            &["CREATE TABLE t (a INT, x DATE, y DATE, v VECTOR(3) NOT NULL, \
               PERIOD FOR p (x, y), UNIQUE (a, p WITHOUT OVERLAPS), VECTOR INDEX (v))"]
        ),
        "`a` int, `x` date NOT NULL, `y` date NOT NULL, `v` vector(3) NOT NULL, \
         UNIQUE KEY `a` (`a`,`p` WITHOUT OVERLAPS), VECTOR KEY `v` (`v`)"
    );
}

#[test]
fn options_and_partitions_are_passed_over() {
    for options in [
        "ENGINE=InnoDB AUTO_INCREMENT=5 COMMENT='AS SELECT 1' DATA DIRECTORY '/x'",
        "ROW_FORMAT=DYNAMIC, STATS_PERSISTENT DEFAULT, UNION=(a, b) DEFAULT COLLATE latin1_general_cs",
        "PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (1), PARTITION q VALUES LESS THAN \
         MAXVALUE)",
        "PARTITION BY LIST (a) SUBPARTITION BY HASH (a) (PARTITION p VALUES IN (1, 2)) ;",
        "/*!50100 PARTITION BY KEY () PARTITIONS 4 */",
        "START TRANSACTION",
    ] {
        let shown = after(mysql(), &[&format!("CREATE TABLE t (a INT) {options}")]);
        assert!(shown.starts_with("`a` int"), "{options}: {shown}");
    }
}

#[test]
fn character_sets_are_inherited_from_table_and_database() {
    both(
        &["ALTER DATABASE CHARACTER SET gbk", "CREATE TABLE t (a CHAR(1), b CHAR(1) CHARSET utf8)"],
        "`a` char(1) CHARACTER SET gbk, `b` char(1) CHARACTER SET utf8mb3 ) DEFAULT CHARSET=gbk",
    );
    both(
        &["CREATE TABLE t (a CHAR(1), b ENUM('x') COLLATE utf8mb4_bin) COLLATE=sjis_bin"],
        "`a` char(1) CHARACTER SET sjis COLLATE sjis_bin, `b` enum('x') CHARACTER SET utf8mb4 \
         COLLATE utf8mb4_bin ) DEFAULT CHARSET=sjis COLLATE=sjis_bin",
    );
    // Of a database that is not known, nothing is said.
    let mut unknown = Schema::new(Source::Logs);
    let statement = b"CREATE TABLE d.t (a CHAR(1), b TEXT(60), c TEXT(100))";
    unknown.apply(statement, &StatementContext::new(mysql(), b"")).unwrap();
    assert_eq!(shown(&unknown), "`a` char(1), `b` tinytext, `c` text(…) )");
}

#[test]
fn like_copies_all_but_references() {
    both(
        &[
            "CREATE TABLE s (a INT PRIMARY KEY, b INT AS (a), FOREIGN KEY (b) REFERENCES p (x))",
            "CREATE TABLE t (LIKE s)",
        ],
        "`a` int NOT NULL, `b` int GENERATED ALWAYS AS (a) VIRTUAL, PRIMARY KEY (`a`)",
    );
}

#[test]
fn comments_that_ran_are_part_of_it() {
    let text = "CREATE TABLE /*!32312 IF NOT EXISTS*/ t (a INT /*!80023 INVISIBLE */ \
                /*M!100301 COMPRESSED*/ -- b INT\n # c INT\n /* , d INT */)";
    assert_eq!(after(mysql(), &[text]), "`a` int INVISIBLE");
    assert_eq!(after(mariadb(), &[text]), "`a` int");
}

#[test]
fn what_is_no_table_changes_none() {
    let other = [
        "CREATE VIEW t AS SELECT 1",
        "CREATE OR REPLACE DEFINER=`a`@`b` PROCEDURE t() BEGIN DROP TABLE t; END",
        "CREATE TEMPORARY TABLE t (x INT)",
        "DROP TEMPORARY TABLE t",
        "CREATE USER t",
        "INSERT INTO t VALUES ('CREATE TABLE t (x INT)')",
        "SET STATEMENT max_statement_time=1 FOR SELECT 1",
        "ALTER EVENT t RENAME TO u",
        "DROP VIEW t",
        "ALTER TABLE t ENGINE=InnoDB, FORCE, ALGORITHM=INPLACE, LOCK=NONE",
        "TRUNCATE TABLE t",
    ];
    for statement in other {
        both(&["CREATE TABLE t (a INT)", statement], "`a` int");
    }
}

#[test]
fn what_is_not_understood_leaves_the_table_unknown() {
    for (statement, reason) in [
        ("CREATE TABLE t SELECT 1", "its columns come from a query"),
        ("CREATE TABLE t (a INT) AS SELECT 1 b", "its columns come from a query"),
        ("CREATE TABLE t (a INT) PARTITION BY HASH (a) SELECT 1", "its columns come from a query"),
        ("CREATE TABLE t (a WHATEVER)", "needed a data type, had WHATEVER at byte 18"),
        ("CREATE TABLE t (a INT SHINY)", "needed an attribute of a column, had SHINY at byte 22"),
        ("CREATE TABLE t (a INT", "needed ), had the end of the statement"),
        (
            "CREATE TABLE t (a INT 'x",
            "needed an attribute of a column, had unterminated string at \
          byte 22 of the statement",
        ),
        ("CREATE TABLE t (a INT)) x", "needed an option of the table, had ) at byte 22"),
        (
            "CREATE TABLE t (a CHAR(9) CHARSET klingon)",
            "needed the name of a character set, had klingon at byte 34",
        ),
        ("CREATE TABLE t LIKE nowhere", "no statement before it defines `d`.`nowhere`"),
        (
            "CREATE TABLE t ENGINE=FEDERATED CONNECTION='x'",
            "needed column definitions, had the end of the statement",
        ),
        ("CREATE TABLE t (INDEX (a))", "needed column definitions, had the end of the statement"),
    ] {
        assert_eq!(refused(mysql(), &[statement]), reason, "{statement}");
    }
}

#[test]
fn a_sequence_is_a_table_of_eight_columns() {
    let shown = after(mariadb(), &["CREATE SEQUENCE t AS SMALLINT UNSIGNED START WITH 5 CACHE 10"]);
    assert!(shown.starts_with("`next_not_cached_value` smallint unsigned NOT NULL, "), "{shown}");
    assert!(shown.contains("`cycle_option` tinyint unsigned NOT NULL"), "{shown}");
    assert_eq!(after(mariadb(), &["CREATE SEQUENCE t", "DROP SEQUENCE t"]), "dropped");
}

#[test]
fn text_that_the_server_wrote_is_utf8_in_any_session() {
    let mut context = session(mysql());
    context.dialect = context.dialect.with_client_collation(13); // sjis_japanese_ci
    let mut schema = Schema::new(Source::Logs);
    let made = "CREATE TABLE `表` (\n  `チ` enum('ソ')\n) START TRANSACTION".as_bytes();
    schema.apply(made, &context).unwrap();
    schema.apply(b"CREATE TABLE `\x95\\2` (`\x83\x60` int)", &context).unwrap();
    for (table, column) in [("表", "チ"), ("表2", "チ")] {
        let Some(TableState::Known { definition, .. }) = schema.table(&TableName::new("d", table))
        else {
            panic!("{table}")
        };
        assert_eq!(definition.columns[0].name, column.as_bytes());
    }
}
