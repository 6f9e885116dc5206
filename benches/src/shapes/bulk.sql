CREATE DATABASE race;
USE race;

CREATE TABLE digits (digit INT UNSIGNED NOT NULL PRIMARY KEY) ENGINE=InnoDB;

CREATE TABLE readings (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  sensor INT UNSIGNED NOT NULL,
  at DATETIME NOT NULL,
  reading DECIMAL(12,4) NOT NULL,
  quality DOUBLE NULL,
  note VARCHAR(60) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);

-- Statements of ten thousand rows: inserted, changed, and the first of them deleted.
DELIMITER //
CREATE PROCEDURE traffic(first BIGINT UNSIGNED, behind BIGINT UNSIGNED)
BEGIN
  DECLARE i BIGINT UNSIGNED DEFAULT first;
  WHILE i < behind DO
    SET TIMESTAMP = 1767225600 + i DIV 50;
    INSERT INTO readings
      SELECT i + n, n % 300, NOW() + INTERVAL n SECOND, n / 7 + i, n / 3,
        IF(n % 5 = 0, NULL, CONCAT('reading ', n, ' of ', LEFT(SHA2(i + n, 256), 16)))
      FROM (SELECT a.digit + 10 * b.digit + 100 * c.digit + 1000 * d.digit n
        FROM digits a, digits b, digits c, digits d) numbers ORDER BY n;
    UPDATE readings SET reading = reading + 1, quality = NULL WHERE id >= i;
    DELETE FROM readings WHERE id < i;
    SET i = i + 10000;
  END WHILE;
END //
DELIMITER ;
