-- Traffic that only MySQL knows.
SET TIMESTAMP = 1735732800;
SET sql_mode = '';
USE every;
-- Every scalar of the binary form of JSON, opaque ones too, and its large form.
INSERT INTO types (id, j) VALUES
  (70, CAST(1.25 AS JSON)), (71, CAST(CAST('2024-02-29' AS DATE) AS JSON)),
  (72, CAST(CAST('-838:59:59' AS TIME) AS JSON)), (73, CAST(CAST('2024-02-29 12:34:56.789012' AS DATETIME(6)) AS JSON)),
  (74, JSON_ARRAY(CAST(-123.4500 AS DECIMAL(20,4)), X'00FF', b'101', CAST('2024' AS YEAR), 1e-320, -0e0)),
  (75, JSON_OBJECT('p', ST_GeomFromText('POINT(1 2)'), 'u', CAST(18446744073709551615 AS UNSIGNED))),
  (76, JSON_ARRAY(TRUE, FALSE, NULL, '', REPEAT('x', 70000))),
  (77, CAST(TIMESTAMP'2024-01-01 00:00:00' AS JSON));
INSERT INTO types (id, j) SELECT 78, CONCAT('[', REPEAT('[', 99), REPEAT(']', 99), ']');
INSERT INTO vectors VALUES (1, TO_VECTOR('[1, -2.5, 1e20, 0]'), NULL), (2, NULL, TO_VECTOR(CONCAT('[', REPEAT('0.5,', 2999), '1]'))), (3, TO_VECTOR('[1e-30]'), NULL);
INSERT INTO functional VALUES (1, '{"tags": [3, 1, 2]}', 'Ab'), (2, NULL, NULL);
UPDATE functional SET doc = JSON_SET(doc, '$.tags[0]', 9) WHERE id = 1;
INSERT INTO placed VALUES (1, ST_GeomFromText('POINT(52.5 13.4)', 4326));
INSERT INTO chinese VALUES (1, '表é😀𠮷');
INSERT INTO generated_key VALUES ('a'), ('b'), ('a');
DELETE FROM generated_key WHERE v = 'b';
INSERT INTO expressed (id) VALUES (1);
ALTER TABLE hidden ALTER COLUMN z SET INVISIBLE, ADD COLUMN quick INT DEFAULT 3, ALGORITHM = INSTANT;
INSERT INTO hidden (a, quick) VALUES (4, 4);
-- Tagged GTIDs, where there are GTIDs.
SET @s = IF(@@GLOBAL.gtid_mode = 'ON', 'SET GTID_NEXT = ''AUTOMATIC:night_shift''', 'DO 0');
PREPARE s FROM @s;
EXECUTE s;
INSERT INTO composite (a, b) VALUES (90, 'tagged');
INSERT INTO composite (a, b) VALUES (91, 'tagged');
CREATE TABLE tagged (a INT);
SET @s = IF(@@GLOBAL.gtid_mode = 'ON', 'SET GTID_NEXT = ''AUTOMATIC''', 'DO 0');
PREPARE s FROM @s;
EXECUTE s;
INSERT INTO tagged VALUES (1);
