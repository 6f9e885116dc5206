CREATE DATABASE race;
USE race;

CREATE TABLE visits (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  customer INT UNSIGNED NOT NULL,
  at DATETIME(6) NOT NULL,
  page VARCHAR(200) NOT NULL,
  agent VARCHAR(200) NOT NULL,
  seconds DECIMAL(10,3) NULL,
  score DOUBLE NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  customer INT UNSIGNED NOT NULL,
  placed TIMESTAMP NOT NULL,
  state ENUM('new', 'paid', 'sent', 'back') NOT NULL,
  total DECIMAL(12,2) NOT NULL,
  address VARCHAR(300) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE order_lines (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  product INT UNSIGNED NOT NULL,
  amount INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  note VARCHAR(100) NULL,
  PRIMARY KEY (order_id, line)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE products (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  stock INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO products
  WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 499)
  SELECT id, CONCAT('product ', LEFT(SHA2(id, 256), 32)), 1000000 FROM n;

DELIMITER //
CREATE PROCEDURE traffic(first BIGINT UNSIGNED, behind BIGINT UNSIGNED)
BEGIN
  DECLARE i BIGINT UNSIGNED DEFAULT first;
  DECLARE word CHAR(32);
  WHILE i < behind DO
    SET TIMESTAMP = 1767225600 + i DIV 50;
    SET word = LEFT(SHA2(i, 256), 32);
    IF i % 10 < 4 THEN
      INSERT INTO visits VALUES (i, CONV(LEFT(word, 4), 16, 10), NOW(6),
        CONCAT('/shop/', word, '/', REPEAT('item/', CONV(LEFT(word, 1), 16, 10))),
        CONCAT('Browser/', i % 97, '.0 (', word, '; rv:', i % 13, ')'), i % 1000 / 7, i / 3);
    ELSEIF i % 10 < 7 THEN
      UPDATE visits SET seconds = seconds + 1.5, score = i, page = CONCAT(page, '#', LEFT(word, 8))
        WHERE id = i - 4;
    ELSEIF i % 10 < 9 THEN
      DELETE FROM visits WHERE id = i - 2000 - IF(i % 10 = 7, 7, 6);
    ELSE
      START TRANSACTION;
      INSERT INTO orders VALUES (i, CONV(LEFT(word, 4), 16, 10), NOW(), 'new', i % 10000 / 9,
        CONCAT(i % 300, ' ', word, ' Street, ', REVERSE(word)));
      INSERT INTO order_lines VALUES (i, 1, i % 500, 1 + i % 3, i % 777 / 5, NULL),
        (i, 2, i * 7 % 500, 1, i % 333 / 5, CONCAT('gift for ', LEFT(word, 12))),
        (i, 3, i * 11 % 500, 2, i % 555 / 5, NULL);
      UPDATE products SET stock = stock - 1 WHERE id IN (i % 500, i * 7 % 500, i * 11 % 500);
      COMMIT;
    END IF;
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
