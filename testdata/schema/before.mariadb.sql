-- Traffic that only MariaDB knows.
SET TIMESTAMP = 1735732800;
SET sql_mode = '';
USE every;
INSERT INTO addresses VALUES (1, '123e4567-e89b-12d3-a456-426655440000', '2001:db8::ff00:42:8329', '192.0.2.1'), (2, NULL, '::', '255.255.255.255');
INSERT INTO compressed VALUES (1, REPEAT('v', 2000), REPEAT('b', 5000), REPEAT('t', 5000)), (2, '', '', ''), (3, 'short', NULL, 'é');
UPDATE compressed SET t = REPEAT('é', 3000) WHERE id = 2;
INSERT INTO long_unique VALUES (REPEAT('a', 5000), 1), (REPEAT('b', 5000), 2), (NULL, 3);
DELETE FROM long_unique WHERE n = 2;
INSERT INTO composite (a, b, d) VALUES (NEXTVAL(numbers), 'sequence', NEXTVAL(numbers));
INSERT INTO replaced VALUES (1, 1), (2, NULL);
INSERT INTO aria VALUES (1, 'a'), (2, 'b');
-- A table that cannot roll back within a transaction that can.
BEGIN;
INSERT INTO composite (a, b) VALUES (80, 'mixed');
INSERT INTO untransactional (v) VALUES ('mixed');
COMMIT;
BEGIN;
INSERT INTO composite (a, b) VALUES (81, 'mixed, undone');
INSERT INTO untransactional (v) VALUES ('stays');
ROLLBACK;
INSERT INTO oracle_mode VALUES (1, 'x', X'00', '2024-01-01 10:00:00');
INSERT INTO replaced VALUES (3, 3) RETURNING a;
CREATE OR REPLACE TABLE replaced AS SELECT 1 AS a, 'x' AS b;
DELETE FROM aria WHERE id = 1;
