-- The traffic before the disaster.
SET TIMESTAMP = 1735725600.5;
SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
USE every;

-- types: a row of NULLs, of least, of greatest, of zero and of odd values.
INSERT INTO types (id) VALUES (1);
INSERT INTO types (id, i8, u8, i16, u16, i24, u24, i32, u32, i64, u64, zerofilled, truth,
  d65_30, d65, d5_2u, d10_10, d18_9, d1, f, f7_3, d, d20_5, b1, b8, b9, b33, b64,
  day, y, t0, t1, t2, t3, t4, t5, t6, dt0, dt1, dt2, dt3, dt4, dt5, dt6,
  ts0, ts1, ts2, ts3, ts4, ts5, ts6)
VALUES
  (2, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 0, FALSE,
   -99999999999999999999999999999999999.999999999999999999999999999999,
   -99999999999999999999999999999999999999999999999999999999999999999, 0, -0.9999999999,
   -999999999.999999999, -9, -3.402823466e38, -9999.999, -1.7976931348623157e308, -999999999999999.99999,
   b'0', b'0', b'0', b'0', b'0',
   '1000-01-01', 1901, '-838:59:59', '-838:59:58.9', '-838:59:58.99', '-00:00:00.001',
   '-00:00:00.0001', '-01:02:03.00001', '-838:59:58.999999', '1000-01-01 00:00:00',
   '1000-01-01 00:00:00.1', '1000-01-01 00:00:00.01', '1000-01-01 00:00:00.001',
   '1000-01-01 00:00:00.0001', '1000-01-01 00:00:00.00001', '1000-01-01 00:00:00.000001',
   '1970-01-01 00:00:01', '1970-01-01 00:00:01.1', '1970-01-01 00:00:01.01',
   '1970-01-01 00:00:01.001', '1970-01-01 00:00:01.0001', '1970-01-01 00:00:01.00001',
   '1970-01-01 00:00:01.000001'),
  (3, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
   18446744073709551615, 999999, TRUE,
   99999999999999999999999999999999999.999999999999999999999999999999,
   99999999999999999999999999999999999999999999999999999999999999999, 999.99, 0.9999999999,
   999999999.999999999, 9, 3.402823466e38, 9999.999, 1.7976931348623157e308, 999999999999999.99999,
   b'1', b'11111111', b'111111111', b'111111111111111111111111111111111', 0xFFFFFFFFFFFFFFFF,
   '9999-12-31', 2155, '838:59:59', '838:59:58.9', '838:59:58.99', '23:59:59.999',
   '00:00:00.0001', '01:02:03.00001', '838:59:58.999999', '9999-12-31 23:59:59',
   '9999-12-31 23:59:59.9', '9999-12-31 23:59:59.99', '9999-12-31 23:59:59.999',
   '9999-12-31 23:59:59.9999', '9999-12-31 23:59:59.99999', '9999-12-31 23:59:59.999999',
   '2038-01-19 03:14:07', '2038-01-19 03:14:07.9', '2038-01-19 03:14:07.99',
   '2038-01-19 03:14:07.999', '2038-01-19 03:14:07.9999', '2038-01-19 03:14:07.99999',
   '2038-01-19 03:14:07.999999'),
  (4, 0, 128, 0, 32768, 0, 8388608, 0, 2147483648, -1, 9223372036854775808, 42, 2,
   0, 0, 0.01, 0.0000000001, -0.000000001, 0, 0, 0, -0e0, 0, b'1', b'10000000', b'100000000',
   0x100000000, 0x8000000000000000,
   '0000-00-00', 0, '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '00:00:00',
   '00:00:00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00',
   '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00', '0000-00-00',
   '0000-00-00', '0000-00-00', '0000-00-00'),
  (5, -1, 200, -1, 40000, -1, 10000000, -1, 3000000000, -9007199254740993, 9007199254740993,
   1234567, 1, 0.000000000000000000000000000001, 123456789123456789, 1, 0.5, 123456789.987654321,
   1, 1.17549435e-38, 0.1, 2.2250738585072014e-308, 0.1, b'0', b'1010101', b'101010101', 1, 1,
   '2024-02-30', 1970, '-00:00:01', '-00:00:01.5', '-00:00:01.25', '-00:00:01.125',
   '-00:00:01.0625', '-00:00:01.03125', '-00:00:01.015625', '2024-02-31 12:00:00',
   '2024-00-00 00:00:00.5', '2024-01-00 00:00:00.25', '2024-06-15 12:34:56.125',
   '2024-06-15 12:34:56.0625', '2024-06-15 12:34:56.03125', '2024-06-15 12:34:56.015625',
   '2024-03-31 01:30:00', '2024-03-31 02:30:00.5', '2024-10-27 01:30:00.25',
   '2024-10-27 02:30:00.125', '2024-06-15 12:34:56.0625', '2024-06-15 12:34:56.03125',
   '2024-06-15 12:34:56.015625'),
  (6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 16777217, 0.001, 4.9406564584124654e-324,
   1e-5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1', '01:00:00', '00:01:00', '10:10:10.010',
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO types (id, f, d) VALUES (7, 0.1, 0.1), (8, 1e10, 1e22), (9, 123456.789, 123456789.123456789),
  (10, 3.14159274, 3.141592653589793), (11, -1e-10, -1e-300), (12, 8388608.5, 9007199254740993);

-- Text and bytes: empty, blanks at the end, every byte, quotes, NUL, at the edges of lengths.
SET @bytes = (WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 255)
  SELECT UNHEX(GROUP_CONCAT(LPAD(HEX(i), 2, '0') ORDER BY i SEPARATOR '')) FROM n);
INSERT INTO types (id, c10, c255, v10, v300, bin8, bin255, vb20, vb1000, blob1, blob2, blob3, blob4,
  text1, text2, text3, text4, e, s, e300, s64)
VALUES
  (20, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', 'm1', ''),
  (21, 'a  ', 'b  ', 'c  ', 'd  ', 'e  ', 'f\0\0', 'g  ', 'h\0', 'i', 'j', 'k', 'l', 'm  ', 'n  ',
   'o', 'p', 'a', 'x', 'm255', 's1'),
  (22, 'it''s', '"q"', '\\', 'a\nb\r\nc\td\0e\Zf', X'0000000000000000', X'00FF', X'00', @bytes,
   LEFT(@bytes, 255), @bytes, @bytes, @bytes, 'é表😀', 'line 1\nline 2\r\n', '-- no comment',
   '/*!50000 none */;\n\\! false\ndelimiter x\n', 'it''s', 'y''z,w w', 'm256', 's64'),
  (23, '😀😀😀😀😀😀😀😀😀😀', REPEAT('表', 255), 'éàüßñøåæœÿ', REPEAT('é', 300), X'FFFFFFFFFFFFFFFF',
   REPEAT(X'20', 255), REPEAT(X'27', 20), REPEAT(X'5C', 1000), REPEAT(X'00', 255),
   REPEAT(X'FE', 65535), REPEAT('m', 70000), REPEAT('l', 300000), REPEAT('t', 255),
   REPEAT('x', 65535), REPEAT('ü', 40000), REPEAT('y', 200000), 'ünï', 'x,y''z,w w', 'm300',
   REPLACE(REPEAT('s1,', 3), 's1,', 's1,')),
  (24, 'A', REPEAT('a', 63), 'z', REPEAT('b', 255), 'A', REPEAT(X'01', 254), 'A', REPEAT('c', 256),
   'A', REPEAT('d', 256), 'A', 'A', 'A', REPEAT('e', 256), 'A', 'A', 'comma,', 'w w', 'm2', 's2,s63,s64'),
  (25, NULL, REPEAT('a', 64), NULL, REPEAT('b', 256), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, 'back\\slash', 0, NULL, 18446744073709551615);
-- An enumeration that is invalid, which reads like the empty label but is number 0.
UPDATE types SET e = 'no such label', e300 = 'none' WHERE id = 20;

-- JSON as text; what only MySQL's binary form can hold is in its own file.
INSERT INTO types (id, j) VALUES (30, 'null'), (31, 'true'), (32, '[]'), (33, '{}'), (34, '""'),
  (35, '"é表😀 \\" \\\\ \\u0000 \\n"'), (36, '[1, -1, 32767, 32768, -32769, 2147483648, -2147483649, 9223372036854775807, 18446744073709551615]'),
  (37, '[0.1, 1.5, -1e300, 1e-300, 100000000000000000000, 1.0]'),
  (38, '{"a": {"b": [1, {"c": null}], "": 0}, "é": "x", "long key long key long key": [[[[[[]]]]]]}'),
  (39, CONCAT('["', REPEAT('x', 127), '", "', REPEAT('y', 128), '", "', REPEAT('z', 16384), '"]'));
INSERT INTO types (id, j) SELECT 40, CONCAT('{', GROUP_CONCAT(CONCAT('"k', i, '": [', i, ', "', REPEAT('v', i), '"]') ORDER BY i SEPARATOR ', '), '}')
  FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i FROM n) AS numbered;

INSERT INTO types (id, g, p, ls, pg, mp, mls, mpg, gc) VALUES
  (50, ST_GeomFromText('POINT(1.5 -2.25)'), ST_GeomFromText('POINT(0 0)'),
   ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0.1)'),
   ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2))'),
   ST_GeomFromText('MULTIPOINT(0 0, 1 1)'), ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))'),
   ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))'),
   ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))')),
  (51, ST_GeomFromText('POLYGON((0 0, 10 0, 10 10, 0 0))'), ST_GeomFromText('POINT(1e308 -1e-300)'),
   NULL, NULL, NULL, NULL, NULL, NULL),
  (52, ST_GeomFromText('POINT(10 20)', 4326), ST_GeomFromText('POINT(-10 20)', 4326), NULL, NULL, NULL,
   NULL, NULL, NULL);

-- charsets: trail bytes that are a backslash in ASCII, beyond-BMP text, blanks at the end.
INSERT INTO charsets VALUES
  (1, 'é表😀', 'é表', 'éÿ€', _sjis X'835C955C', _gbk X'815C955C', _big5 X'A55CB35C', _cp932 X'835C8160',
   _eucjpms X'A5BDC9BD', '😀é', '😀a', 'é表', '😀表', 'Привет', X'00FF5C27', 'Case', 'ソ', '功,許', 'é'),
  (2, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '表', '', 'a'),
  (3, 'a  ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', 'a ', NULL, NULL, NULL),
  (4, '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`', '''\\"`',
   '''\\"`', '''\\"`', '''\\"`', '''\\"`', 'case', 'ソ', '許', 'é');
INSERT INTO charsets (id) VALUES (5);

-- Key shapes.
INSERT INTO composite VALUES (1, 'one', 1, 'x'), (1, 'two', NULL, NULL), (2, 'one', -5, ''), (3, 'üñ', 4, 'é');
UPDATE composite SET a = 9, v = 'moved' WHERE a = 2;
INSERT INTO no_key VALUES (1, 'twin', 0.1, '-01:00:00.5'), (1, 'twin', 0.1, '-01:00:00.5'),
  (1, 'twin', 0.1, '-01:00:00.5'), (NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL), (2, 'x', -0e0, '0');
UPDATE no_key SET b = 'single' WHERE a = 1 LIMIT 1;
DELETE FROM no_key WHERE a IS NULL LIMIT 1;
CALL add_no_key(6);
INSERT INTO nullable_unique VALUES (NULL, 'a'), (NULL, 'a'), (NULL, 'b'), (1, 'c');
UPDATE nullable_unique SET b = 'changed' WHERE a IS NULL AND b = 'b';
INSERT INTO not_null_unique VALUES (1, 'ab', 'x'), (2, 'ab', NULL), (1, X'00FF0020', 'z');
UPDATE not_null_unique SET a = 7 WHERE a = 2;
INSERT INTO text_key VALUES ('Straße', 1), ('a', 2), ('B ', 3), ('', 4);
UPDATE text_key SET k = 'A' WHERE k = 'a';
INSERT INTO prefix_key VALUES ('0123456789 and more', 1), (NULL, 2), (NULL, 2);
INSERT INTO computed (a, b, c) VALUES (1, 'x', NULL), (2, NULL, 5), (3, 'y', 6);
UPDATE computed SET a = 30, b = 'z' WHERE a = 3;
INSERT INTO touched (v) VALUES (1), (2), (3);
SET TIMESTAMP = 1735729200.123456;
UPDATE touched SET v = v + 1 WHERE id < 3;
UPDATE touched SET v = v WHERE id = 1;
INSERT INTO hidden VALUES (1, 'a'), (2, 'b');
INSERT INTO hidden (a, secret, z) VALUES (3, NULL, 'c');
INSERT INTO parted VALUES (1, 'low'), (9, 'edge'), (10, 'high');
UPDATE parted SET id = 11 WHERE id = 1;
INSERT INTO untransactional (v) VALUES ('a'), ('b');
UPDATE untransactional SET v = 'c' WHERE id = 1;
DELETE FROM untransactional WHERE id = 2;

FLUSH BINARY LOGS;

-- Foreign keys.
INSERT INTO parent VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four');
INSERT INTO child_cascade (parent) VALUES (1), (1), (2), (3);
INSERT INTO grandchild (child) VALUES (1), (2), (3), (3);
INSERT INTO child_null (parent) VALUES (1), (2), (3), (NULL);
DELETE FROM parent WHERE id = 1;
UPDATE parent SET id = 20 WHERE id = 2;
SET foreign_key_checks = 0;
INSERT INTO child_null (parent) VALUES (999);
SET foreign_key_checks = 1;

-- Triggers.
INSERT INTO audited (v) VALUES ('a'), ('b'), ('c');
UPDATE audited SET v = 'B' WHERE id = 2;
DELETE FROM audited WHERE id = 1;

-- Transactions: savepoints, a rollback, two sessions that interleave.
BEGIN;
INSERT INTO no_key VALUES (100, 'kept', 1, NULL);
SAVEPOINT one;
INSERT INTO no_key VALUES (101, 'undone', 1, NULL);
SAVEPOINT `two ``2`;
UPDATE no_key SET f = 2 WHERE a = 100;
ROLLBACK TO SAVEPOINT one;
INSERT INTO no_key VALUES (102, 'kept', 1, NULL);
RELEASE SAVEPOINT one;
COMMIT;
BEGIN;
INSERT INTO no_key VALUES (103, 'rolled back', 1, NULL);
ROLLBACK;
BEGIN;
INSERT INTO composite VALUES (50, 'first session', 1, NULL);
-- session two
SET TIMESTAMP = 1735729000;
BEGIN;
INSERT INTO every.composite VALUES (51, 'second session', 1, NULL);
DELETE FROM every.composite WHERE a = 1 AND b = 'two';
COMMIT;
-- session main
UPDATE composite SET c = 2 WHERE a = 50;
COMMIT;
CREATE TEMPORARY TABLE scratch (a INT);
INSERT INTO scratch VALUES (1), (2);
INSERT INTO no_key SELECT a, 'scratch', a, NULL FROM scratch;
DROP TEMPORARY TABLE scratch;

-- XA: committed, rolled back, in one phase, and committed by another session.
XA START 'plain';
INSERT INTO composite VALUES (60, 'xa', 1, 'committed');
XA END 'plain';
XA PREPARE 'plain';
XA COMMIT 'plain';
XA START X'00FF27', X'5C', 7;
INSERT INTO composite VALUES (61, 'xa', 1, 'rolled back');
XA END X'00FF27', X'5C', 7;
XA PREPARE X'00FF27', X'5C', 7;
XA ROLLBACK X'00FF27', X'5C', 7;
XA START 'single';
INSERT INTO composite VALUES (62, 'xa', 1, 'one phase');
XA END 'single';
XA COMMIT 'single' ONE PHASE;
-- session xa
SET TIMESTAMP = 1735729300;
XA START 'orphan', 'branch', 3;
INSERT INTO every.composite VALUES (63, 'xa', 1, 'committed by another');
UPDATE every.composite SET v = 'xa' WHERE b = 'first session' AND a = 50;
XA END 'orphan', 'branch', 3;
XA PREPARE 'orphan', 'branch', 3;
-- close xa
-- session main
INSERT INTO composite VALUES (64, 'between', 1, NULL);
XA COMMIT 'orphan', 'branch', 3;

-- Awkward names.
SET TIMESTAMP = 1735729400;
INSERT INTO `odd ``db`.`select` VALUES (1, 2, 'x', 3, 4, 5, 6, 7), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE `odd ``db`.`select` SET `a``b` = 9 WHERE `from` = 1;
INSERT INTO `odd ``db`.`a.b` VALUES (1, 2, 'é'), (2, 3, NULL);
INSERT INTO `odd ``db`.`Ünïcode tàble 表` VALUES (1, 2, 3, 4), (2, 3, 4, 5);
INSERT INTO `odd ``db`.`a name of sixty-four characters, the longest that is ever taken.` VALUES (1), (2);
SET @name = CONCAT('`odd ``db`.`new', CHAR(10), '\\! false', CHAR(10), 'delimiter x', CHAR(10), '*/ name`');
SET @s = CONCAT('INSERT INTO ', @name, ' VALUES (1, 2), (3, 4)');
PREPARE s FROM @s;
EXECUTE s;

-- DDL between: each changes what later row events mean.
ALTER TABLE no_key ADD COLUMN g INT NOT NULL DEFAULT 5 AFTER a;
INSERT INTO no_key (a, g, b) VALUES (200, 1, 'wider');
ALTER TABLE no_key MODIFY g BIGINT UNSIGNED NULL, CHANGE b `re named` VARCHAR(300) CHARACTER SET latin1;
INSERT INTO no_key (a, g, `re named`) VALUES (201, 18446744073709551615, 'wüder');
ALTER TABLE composite DROP COLUMN c, ADD COLUMN d DECIMAL(10,2) FIRST;
INSERT INTO composite (a, b, d) VALUES (70, 'altered', -12.5);
RENAME TABLE prefix_key TO renamed_key;
INSERT INTO renamed_key VALUES ('renamed', 3);
CREATE TABLE copied AS SELECT a, CONCAT('copy ', a) AS v FROM computed ORDER BY a;
INSERT INTO copied VALUES (99, 'after');
CREATE TABLE liked LIKE not_null_unique;
INSERT INTO liked VALUES (5, 'xy', NULL);
TRUNCATE TABLE liked;
INSERT INTO liked VALUES (6, 'zz', NULL);
CREATE INDEX late ON no_key (a);
ALTER TABLE parted REORGANIZE PARTITION p1 INTO (PARTITION p1 VALUES LESS THAN (100), PARTITION p2 VALUES LESS THAN MAXVALUE);
INSERT INTO parted VALUES (500, 'p2');
CREATE DATABASE gone;
CREATE TABLE gone.t (a INT);
INSERT INTO gone.t VALUES (1);
DROP DATABASE gone;
USE plain;
CREATE TABLE defaults (a VARCHAR(10), b TEXT);
INSERT INTO defaults VALUES ('x', 'y');
ALTER DATABASE CHARACTER SET latin1;
CREATE TABLE defaults_latin1 (a VARCHAR(10));
INSERT INTO defaults_latin1 VALUES ('é');
USE every;

-- Session state that the text of a statement depends on.
SET sql_mode = 'ANSI_QUOTES';
CREATE TABLE "ansi" ("a" INT, b VARCHAR(10) DEFAULT 'd"q');
SET sql_mode = 'NO_BACKSLASH_ESCAPES';
CREATE TABLE backslashes (a VARCHAR(10) DEFAULT 'x\', b INT COMMENT '\') COMMENT = 'c:\';
INSERT INTO backslashes VALUES ('\', 1), (DEFAULT, 2);
SET sql_mode = 'ALLOW_INVALID_DATES';
CREATE TABLE dated (d DATE DEFAULT '0000-00-00', e DATETIME DEFAULT '2024-02-30 00:00:00');
INSERT INTO dated VALUES ();
SET time_zone = '+05:30';
CREATE TABLE zoned (t TIMESTAMP DEFAULT '2024-01-01 00:00:00', d DATETIME DEFAULT '2024-01-01 00:00:00');
INSERT INTO zoned VALUES ();
SET time_zone = '+00:00', auto_increment_increment = 10, auto_increment_offset = 3;
INSERT INTO touched (v) VALUES (10), (20);
SET auto_increment_increment = 1, auto_increment_offset = 1;
SET collation_connection = latin1_german2_ci, lc_time_names = 'de_DE';
CREATE VIEW named AS SELECT 'é' AS a, DATE_FORMAT('2024-03-01', '%M') AS m;
SET NAMES utf8mb4;
SET lc_time_names = 'en_US', sql_mode = '';
\C sjis
CREATE TABLE sjis_made (a VARCHAR(10) CHARACTER SET sjis DEFAULT '{{835C}}') COMMENT = '{{955C}} {{835C}}';
INSERT INTO sjis_made VALUES ('{{955C}}'), (DEFAULT);
\C gbk
CREATE TABLE gbk_made (a ENUM('{{955C}}', '{{815C}}') CHARACTER SET gbk DEFAULT '{{815C}}') COMMENT = '{{955C}}';
INSERT INTO gbk_made VALUES ('{{955C}}'), (DEFAULT);
\C big5
CREATE TABLE big5_made (`{{A55C}}` VARCHAR(10) DEFAULT '{{B35C}}') CHARACTER SET big5;
INSERT INTO big5_made VALUES ('{{A55C}}'), (DEFAULT);
\C latin1
CREATE TABLE latin1_made (`t{{E9}}` VARCHAR(10) DEFAULT '{{E9}}') CHARACTER SET utf8mb4;
INSERT INTO latin1_made VALUES ('{{E8}}'), (DEFAULT);
\C utf8mb4

FLUSH BINARY LOGS;

-- Bulk: statements of many row events, an update of each, and a row of over a megabyte.
CREATE TABLE bulk (id INT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL, v VARCHAR(100), KEY (k));
INSERT INTO bulk (k, v)
  WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59)
  SELECT (60 * a.i + b.i) % 17, REPEAT(CHAR(97 + b.i % 26), (60 * a.i + b.i) % 100)
  FROM n AS a, n AS b ORDER BY a.i, b.i;
UPDATE bulk SET v = CONCAT('u', k) WHERE k < 9;
DELETE FROM bulk WHERE k = 16;
INSERT INTO types (id, blob4, text4) VALUES (60, REPEAT(@bytes, 5000), REPEAT('large ', 20000));
