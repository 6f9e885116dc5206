CREATE DATABASE restore;
USE restore;

CREATE TABLE accounts (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  owner VARCHAR(64) NOT NULL,
  balance DECIMAL(14,2) NOT NULL,
  changed DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE bookings (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account INT UNSIGNED NOT NULL,
  amount DECIMAL(12,2) NOT NULL,
  subject VARCHAR(200) NOT NULL,
  KEY (account)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE messages (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  account INT UNSIGNED NOT NULL,
  body VARCHAR(500) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO accounts
  WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 999)
  SELECT id, LEFT(SHA2(id, 256), 32), 100000, '2026-01-01' FROM n;

-- Each step is a transaction of four statements of rows: a booking is made, the account changes, a
-- message is written, and the message of 500 steps before goes.
DELIMITER //
CREATE PROCEDURE traffic(first BIGINT UNSIGNED, behind BIGINT UNSIGNED)
BEGIN
  DECLARE i BIGINT UNSIGNED DEFAULT first;
  DECLARE word CHAR(64);
  WHILE i < behind DO
    SET TIMESTAMP = 1767225600 + i DIV 50;
    SET word = SHA2(i, 256);
    START TRANSACTION;
    INSERT INTO bookings VALUES (i, i * 7919 % 1000, i % 10000 / 9, CONCAT('order ', word));
    UPDATE accounts SET balance = balance - i % 10000 / 9, changed = NOW(6)
      WHERE id = i * 7919 % 1000;
    INSERT INTO messages VALUES (i, i * 7919 % 1000,
      CONCAT('Your account was charged for ', word, ', which is number ', i));
    IF i < first + 500 THEN
      UPDATE messages SET body = CONCAT(body, '.') WHERE id = i;
    ELSE
      DELETE FROM messages WHERE id = i - 500;
    END IF;
    COMMIT;
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
