CREATE DATABASE race;
USE race;

CREATE TABLE files (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  data LONGBLOB NOT NULL,
  text LONGTEXT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Files of 64 KiB, and texts of as many: each is written, and every second one deleted later.
DELIMITER //
CREATE PROCEDURE traffic(first BIGINT UNSIGNED, behind BIGINT UNSIGNED)
BEGIN
  DECLARE i BIGINT UNSIGNED DEFAULT first;
  WHILE i < behind DO
    SET TIMESTAMP = 1767225600 + i DIV 50;
    INSERT INTO files VALUES (i, CONCAT('file ', i), REPEAT(UNHEX(SHA2(i, 512)), 1024),
      IF(i % 3 = 0, NULL, REPEAT(SHA2(i, 256), 1024)));
    DELETE FROM files WHERE id = i - 100 AND i % 2 = 0;
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
