-- What statements take from the events before them.
CREATE DATABASE context;
USE context;
CREATE TABLE t (
  id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, v VARCHAR(300), d DOUBLE, n DECIMAL(65,30)
) CHARACTER SET utf8mb4;
INSERT INTO t (v) VALUES ('a'), ('b');
INSERT INTO t (v) VALUES (LAST_INSERT_ID());
INSERT INTO t (id) VALUES (9223372036854775807);
INSERT INTO t (v) VALUES ('above the signed');
INSERT INTO t (v) VALUES (CONCAT('last ', LAST_INSERT_ID()));
INSERT INTO t (d) VALUES (RAND()), (RAND());
UPDATE t SET n = RAND() WHERE id < 3;
CREATE TABLE seen (id INT PRIMARY KEY AUTO_INCREMENT, h TEXT, c VARCHAR(60), k INT, x VARCHAR(200))
  CHARACTER SET utf8mb4;
SET @s = 'naïve', @latin = CONVERT('é' USING latin1), @wide = CONVERT('ab' USING ucs2);
SET @bin = CAST(0x00FF27225C0A0D61 AS BINARY), @empty = '', @none = NULL, @nobytes = CAST('' AS BINARY);
SET @gbk = CONVERT('中文' USING gbk), @sjis = CONVERT('表' USING sjis);
SET @strict = _utf8mb4 'ß' COLLATE utf8mb4_bin, @old = _utf8mb3 'x' COLLATE utf8mb3_unicode_ci;
INSERT INTO seen (h, c, k) SELECT HEX(@s), COLLATION(@s), @s IS NULL;
INSERT INTO seen (h, c, k) SELECT HEX(@latin), COLLATION(@latin), @latin = 'É';
INSERT INTO seen (h, c) SELECT HEX(@wide), COLLATION(@wide);
INSERT INTO seen (h, c) SELECT HEX(@bin), COLLATION(@bin);
INSERT INTO seen (h, c) SELECT HEX(@empty), COLLATION(@empty);
INSERT INTO seen (h, c, k) SELECT HEX(@none), COLLATION(@none), @none IS NULL;
INSERT INTO seen (h, c) SELECT HEX(@nobytes), COLLATION(@nobytes);
INSERT INTO seen (h, c) SELECT HEX(@gbk), COLLATION(@gbk);
INSERT INTO seen (h, c) SELECT HEX(@sjis), COLLATION(@sjis);
INSERT INTO seen (h, c, k) SELECT HEX(@strict), COLLATION(@strict), @strict = 'SS';
INSERT INTO seen (h, c) SELECT HEX(@old), COLLATION(@old);
INSERT INTO seen (h, k) SELECT HEX(@never_set), @never_set IS NULL;
SET @never_set = 5;
INSERT INTO seen (h) SELECT @never_set;
CREATE TABLE reals (id INT PRIMARY KEY AUTO_INCREMENT, d DOUBLE, s VARCHAR(40));
SET @r1 = 0.1e0 + 0.2e0, @r2 = 5e-324, @r3 = 2.2250738585072011e-308, @r4 = 1.7976931348623157e308;
SET @r5 = -1e0 / 3e0, @r6 = '-0e0' * 1e0, @r7 = 1e15 + 0.3e0, @r8 = 1e0, @r9 = 123456789012345678e0;
INSERT INTO reals (d, s) VALUES (@r1, @r1);
INSERT INTO reals (d, s) VALUES (@r2, @r2);
INSERT INTO reals (d, s) VALUES (@r3, @r3);
INSERT INTO reals (d, s) VALUES (@r4, @r4);
INSERT INTO reals (d, s) VALUES (@r5, @r5);
INSERT INTO reals (d, s) VALUES (@r6, @r6);
INSERT INTO reals (d, s) VALUES (@r7, @r7);
INSERT INTO reals (d, s) VALUES (@r8, @r8);
INSERT INTO reals (d, s) VALUES (@r9, @r9);
SET @i1 = -9223372036854775808, @i2 = 18446744073709551615, @i3 = CAST(7 AS UNSIGNED), @i4 = -1;
SET @d1 = 5.00, @d2 = CAST(7 AS DECIMAL(10,0)), @d3 = -12345678901234567890123456789012345.678901234567890123456789;
SET @d4 = 99999999999999999999999999999999999999999999999999999999999999999.;
CREATE TABLE typed AS SELECT @i1, @i2, @i3, @i4, @d1, @d2, @r8, @s;
INSERT INTO seen (x) SELECT CONCAT_WS(' ', @i1, @i2, @i3, @i4, @d1, @d2, @d3, @d4);
INSERT INTO seen (x) SELECT CONCAT_WS(' ', @i3 - 8.5, @d2 / 3, @i1 + 1, @i2 - 1);
SET @`a``b` = 1, @'quo''te' = 2, @"dou""ble" = 3, @`spa ce` = 4, @`naïve ☃` = 5, @`back\slash` = 6;
SET @`line
delimiter $$
\! touch canary
system touch canary
end` = 7;
INSERT INTO seen (x) SELECT CONCAT(@`a``b`, @'quo''te', @"dou""ble", @`spa ce`, @`naïve ☃`, @`back\slash`);
INSERT INTO seen (x) SELECT @`line
delimiter $$
\! touch canary
system touch canary
end`;

-- Names and text in charsets of all kinds.
SET NAMES latin1;
SET @`na{{EF}}ve` = '{{E9}}';
INSERT INTO seen (h, c) SELECT HEX(@`na{{EF}}ve`), COLLATION(@`na{{EF}}ve`);
INSERT INTO seen (x) VALUES ('{{E9}}t{{E9}}'), (_utf8mb4 '{{C3A9}}');
/*!\C gbk */;
SET NAMES gbk;
SET @`n{{D6D0}}` = '{{D6D0}}';
INSERT INTO seen (h, c, x) SELECT HEX(@`n{{D6D0}}`), COLLATION(@`n{{D6D0}}`), '{{BF5C}}';
/*!\C utf8mb4 */;
SET NAMES utf8mb4;
CREATE DATABASE `wide ☕ é`;
USE `wide ☕ é`;
CREATE TABLE `tab é` (`col ☕` VARCHAR(20)) CHARACTER SET utf8mb4;
/*!\C latin1 */;
SET NAMES latin1;
INSERT INTO `tab {{E9}}` VALUES ('{{E9}}');
/*!\C gbk */;
SET NAMES gbk;
INSERT INTO context.seen (x) VALUES ('{{BF5C}}''');
/*!\C sjis */;
SET NAMES sjis;
USE context;
INSERT INTO seen (x) VALUES ('{{835C}}');
/*!\C utf8mb4 */;
SET NAMES utf8mb4;
INSERT INTO seen (x) VALUES ('a\'b''c\\d\n\t\Z\0');
SET character_set_client = latin1, collation_connection = utf8mb4_unicode_ci;
INSERT INTO seen (x, c) VALUES ('{{E9}}', COLLATION('x'));
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE TABLE collated AS SELECT 'x' AS a;
/*!\C utf8mb4 */;
SET NAMES utf8mb4;

-- The session.
CREATE DATABASE sessions;
USE sessions;
CREATE TABLE s (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(200), ts TIMESTAMP(6) NULL, dt DATETIME(6));
SET sql_mode = 'ANSI_QUOTES';
INSERT INTO s ("x") VALUES ('ansi');
SET sql_mode = 'NO_BACKSLASH_ESCAPES';
INSERT INTO s (x) VALUES ('a\'), ('b\n');
SET sql_mode = 'PIPES_AS_CONCAT,IGNORE_SPACE,NO_AUTO_VALUE_ON_ZERO';
INSERT INTO s (id, x) VALUES (0, 'a' || 'b');
SET sql_mode = '';
CREATE TABLE zero (a DATE, b TINYINT, c CHAR(2));
INSERT INTO zero VALUES ('2024-02-30', 999, 'abc');
SET sql_mode = DEFAULT;
SET time_zone = 'Test/Zone', timestamp = 1700000000.123456;
INSERT INTO s (x, ts, dt) VALUES ('zone', NOW(6), NOW(6));
SET time_zone = '-07:30', timestamp = 1700000001.5;
INSERT INTO s (x, ts, dt) VALUES ('offset', '2024-05-06 07:08:09.000001', CURRENT_TIMESTAMP(3));
INSERT INTO s (x, ts, dt) VALUES (UNIX_TIMESTAMP(), NOW(), UTC_TIMESTAMP());
SET time_zone = DEFAULT, timestamp = DEFAULT;
SET lc_time_names = 'de_DE';
INSERT INTO s (x) VALUES (DATE_FORMAT('2024-03-05', '%W %M'));
SET lc_time_names = DEFAULT;
INSERT INTO s (x) VALUES (DATE_FORMAT('2024-03-05', '%W %M'));
SET auto_increment_increment = 10, auto_increment_offset = 3;
INSERT INTO s (x) VALUES ('step'), ('step');
SET auto_increment_increment = DEFAULT, auto_increment_offset = DEFAULT;
INSERT INTO s (x) VALUES ('one'), ('one');
CREATE TABLE parent (id INT PRIMARY KEY);
CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id));
SET foreign_key_checks = 0, unique_checks = 0;
INSERT INTO child VALUES (1, 99);
SET foreign_key_checks = 1, unique_checks = 1;
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 1);
SET sql_auto_is_null = 1;
INSERT INTO s (x) VALUES ('auto');
UPDATE s SET x = 'is null' WHERE id IS NULL;
SET sql_auto_is_null = 0;
INSERT INTO s (x) VALUES (CONNECTION_ID() > 0);
INSERT INTO s (x) SELECT CONCAT(DATABASE(), ' ', CHARSET('x'));
SET collation_server = latin1_german1_ci;
CREATE DATABASE served;
SET collation_server = DEFAULT;
CREATE DATABASE altered CHARACTER SET latin1;
USE altered;
CREATE TABLE before_it (a CHAR(1));
-- session second
USE sessions;
INSERT INTO s (x) VALUES ('another database in between');
-- session main
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE after_it (a CHAR(1));
-- session second
ALTER DATABASE altered CHARACTER SET utf8mb3;
DROP DATABASE served;
CREATE TABLE altered.third (a CHAR(1));
-- close second
-- session main
USE sessions;
INSERT INTO s (x) VALUES ('delimiter
delimiter $$
\\! touch @FOLDER@/canary
source x
/*!*/;
');
CREATE TABLE in_lines (a INT,
delimiter INT 
NOT NULL DEFAULT 1);
INSERT INTO in_lines (a) VALUES /* it's */ (1), -- it's
  (2); # it's

-- Stored programs.
CREATE DATABASE programs;
USE programs;
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(100)) CHARACTER SET utf8mb4;
DELIMITER $$
CREATE PROCEDURE fill(IN n INT, IN s VARCHAR(20))
BEGIN
  -- a comment; with a semicolon
  DECLARE i INT DEFAULT 0;
  WHILE i < n DO
    INSERT INTO log (x) VALUES (CONCAT(s, i, ' it''s'));
    SET i = i + 1;
  END WHILE;
  /* and another */
END$$
CREATE FUNCTION noisy(s VARCHAR(20)) RETURNS INT MODIFIES SQL DATA
BEGIN INSERT INTO log (x) VALUES (s); RETURN LAST_INSERT_ID(); END$$
CREATE TRIGGER shout BEFORE INSERT ON log FOR EACH ROW SET NEW.x = CONCAT(NEW.x, '!')$$
CREATE TABLE watched (a INT)$$
CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW
BEGIN INSERT INTO log (x) VALUES (NEW.a); INSERT INTO log (x) VALUES (RAND() > 2); END$$
CREATE DEFINER = nobody@nowhere EVENT later ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00'
  ON COMPLETION PRESERVE COMMENT 'it''s late' DO BEGIN DELETE FROM log; DELETE FROM watched; END$$
DELIMITER ;
CALL fill(3, 'naïve');
SELECT noisy('selected');
INSERT INTO watched VALUES (noisy('inserted')), (7);
CREATE SQL SECURITY INVOKER VIEW shown AS SELECT id, UPPER(x) AS u FROM log WHERE id > 1 WITH CHECK OPTION;
ALTER EVENT later ON SCHEDULE EVERY 2 DAY STARTS '2037-01-01 00:00:00' RENAME TO much_later DISABLE;
ALTER PROCEDURE fill COMMENT 'alter''d' SQL SECURITY INVOKER;
CREATE VIEW temporary_view AS SELECT 1 AS one;
DROP VIEW temporary_view;

-- Temporary tables of several sessions, of one name, across logs.
CREATE DATABASE temporary;
USE temporary;
CREATE TABLE kept (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(40));
CREATE TEMPORARY TABLE tmp (a INT, b VARCHAR(10));
INSERT INTO tmp VALUES (1, 'main');
-- session second
USE temporary;
CREATE TEMPORARY TABLE tmp (a INT, b VARCHAR(10));
INSERT INTO tmp VALUES (2, 'second'), (3, 'second');
CREATE TEMPORARY TABLE other AS SELECT a FROM tmp;
INSERT INTO kept (x) SELECT CONCAT(a, b) FROM tmp;
-- session main
INSERT INTO kept (x) SELECT CONCAT(a, b) FROM tmp;
FLUSH BINARY LOGS;
UPDATE tmp SET a = a + 10;
INSERT INTO kept (x) SELECT CONCAT(a, b) FROM tmp;
-- session second
INSERT INTO kept (x) SELECT CONCAT('other ', a) FROM other;
UPDATE kept, tmp SET kept.x = CONCAT(kept.x, '*') WHERE kept.x = CONCAT(tmp.a, tmp.b);
-- close second
-- session main
INSERT INTO kept (x) SELECT CONCAT('still ', a) FROM tmp;
ALTER TABLE tmp ADD COLUMN c INT DEFAULT 5;
INSERT INTO kept (x) SELECT c FROM tmp;
-- session third
USE temporary;
CREATE TEMPORARY TABLE kept (y INT);
INSERT INTO kept VALUES (1);
CREATE TABLE from_hidden AS SELECT * FROM kept;
-- close third
-- session main
INSERT INTO kept (x) VALUES ('not hidden');
DROP TEMPORARY TABLE tmp;

-- Transactions.
CREATE DATABASE trx;
USE trx;
CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, x VARCHAR(60));
BEGIN;
INSERT INTO a (x) VALUES ('one');
SAVEPOINT `it's a ``save`;
INSERT INTO a (x) VALUES ('two');
ROLLBACK TO SAVEPOINT `it's a ``save`;
INSERT INTO a (x) VALUES ('three');
COMMIT;
BEGIN;
SET @v = 'in a transaction';
INSERT INTO a (x) VALUES (@v);
COMMIT;
CREATE TABLE b AS SELECT id, x FROM a WHERE x <> 'one';
CREATE TABLE c LIKE a;
INSERT INTO c SELECT * FROM a;
REPLACE INTO c VALUES (1, 'replaced'), (100, 'new');
DELETE FROM c WHERE id = 3;
INSERT INTO c VALUES (1, 'x') ON DUPLICATE KEY UPDATE x = CONCAT(x, VALUES(x));
XA START 'x1', 'b', 7;
INSERT INTO a (x) VALUES ('prepared');
XA END 'x1', 'b', 7;
XA PREPARE 'x1', 'b', 7;
-- close main
-- session fourth
USE trx;
INSERT INTO c (x) VALUES ('between');
XA COMMIT 'x1', 'b', 7;
XA START 'x2';
INSERT INTO a (x) VALUES (RAND() > 2);
XA END 'x2';
XA COMMIT 'x2' ONE PHASE;
XA START 'x3';
INSERT INTO a (x) VALUES ('never');
XA END 'x3';
XA PREPARE 'x3';
XA ROLLBACK 'x3';
TRUNCATE TABLE b;
RENAME TABLE b TO d;
DROP TABLE IF EXISTS d, missing;

-- LOAD DATA.
CREATE DATABASE loads;
USE loads;
CREATE TABLE l (id INT PRIMARY KEY, x VARCHAR(60), y VARCHAR(60)) CHARACTER SET utf8mb4;
LOAD DATA INFILE '@FOLDER@/plain.txt' INTO TABLE l CHARACTER SET utf8mb4;
LOAD DATA INFILE '@FOLDER@/odd.txt' REPLACE INTO TABLE l CHARACTER SET utf8mb4
  FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '\\'
  LINES STARTING BY '>' TERMINATED BY '\n' IGNORE 1 LINES (id, @x, y) SET x = CONCAT('x''', @x);
LOAD DATA INFILE '@FOLDER@/plain.txt' IGNORE INTO TABLE l CHARACTER SET utf8mb4;
SET sql_mode = '';
CREATE TABLE lenient (id INT PRIMARY KEY, x VARCHAR(2), y VARCHAR(60));
LOAD DATA INFILE '@FOLDER@/plain.txt' INTO TABLE lenient CHARACTER SET utf8mb4;
SET sql_mode = DEFAULT;
CREATE TABLE latin (id INT PRIMARY KEY, x VARCHAR(60), y VARCHAR(60)) CHARACTER SET latin1;
CREATE DATABASE loads_latin CHARACTER SET latin1;
USE loads_latin;
LOAD DATA INFILE '@FOLDER@/latin.txt' INTO TABLE loads.latin;
CREATE TABLE big (id INT PRIMARY KEY, x VARCHAR(600));
LOAD DATA INFILE '@FOLDER@/big.txt' INTO TABLE big;
SET sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES';
USE loads;
CREATE TABLE unescaped (id INT PRIMARY KEY, x VARCHAR(60), y VARCHAR(60)) CHARACTER SET utf8mb4;
LOAD DATA INFILE '@FOLDER@/slash.txt' INTO TABLE unescaped CHARACTER SET utf8mb4
  FIELDS TERMINATED BY '|' ESCAPED BY '\';
SET sql_mode = DEFAULT;
BEGIN;
INSERT INTO l VALUES (1000, 'before', NULL);
LOAD DATA INFILE '@FOLDER@/more.txt' INTO TABLE l CHARACTER SET utf8mb4;
INSERT INTO l VALUES (1001, 'after', NULL);
COMMIT;
