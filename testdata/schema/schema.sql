-- Every column type, key shape and awkward name that both families have.
-- Times are set, so that each run on each server stores the same.
SET TIMESTAMP = 1735722000.25;
SET sql_mode = '';
CREATE DATABASE every CHARACTER SET utf8mb4;
CREATE DATABASE plain;
USE every;

CREATE TABLE types (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  i8 TINYINT, u8 TINYINT UNSIGNED, i16 SMALLINT, u16 SMALLINT UNSIGNED,
  i24 MEDIUMINT, u24 MEDIUMINT UNSIGNED, i32 INT, u32 INT UNSIGNED,
  i64 BIGINT, u64 BIGINT UNSIGNED, zerofilled INT(6) ZEROFILL, truth BOOLEAN,
  d65_30 DECIMAL(65,30), d65 DECIMAL(65,0), d5_2u DECIMAL(5,2) UNSIGNED,
  d10_10 DECIMAL(10,10), d18_9 DECIMAL(18,9), d1 DECIMAL(1,0),
  f FLOAT, f7_3 FLOAT(7,3), d DOUBLE, d20_5 DOUBLE(20,5),
  b1 BIT(1), b8 BIT(8), b9 BIT(9), b33 BIT(33), b64 BIT(64),
  day DATE, y YEAR,
  t0 TIME, t1 TIME(1), t2 TIME(2), t3 TIME(3), t4 TIME(4), t5 TIME(5), t6 TIME(6),
  dt0 DATETIME, dt1 DATETIME(1), dt2 DATETIME(2), dt3 DATETIME(3), dt4 DATETIME(4),
  dt5 DATETIME(5), dt6 DATETIME(6),
  ts0 TIMESTAMP NULL, ts1 TIMESTAMP(1) NULL, ts2 TIMESTAMP(2) NULL, ts3 TIMESTAMP(3) NULL,
  ts4 TIMESTAMP(4) NULL, ts5 TIMESTAMP(5) NULL, ts6 TIMESTAMP(6) NULL,
  c10 CHAR(10), c255 CHAR(255), v10 VARCHAR(10), v300 VARCHAR(300),
  bin8 BINARY(8), bin255 BINARY(255), vb20 VARBINARY(20), vb1000 VARBINARY(1000),
  blob1 TINYBLOB, blob2 BLOB, blob3 MEDIUMBLOB, blob4 LONGBLOB,
  text1 TINYTEXT, text2 TEXT, text3 MEDIUMTEXT, text4 LONGTEXT,
  e ENUM('', 'a', 'it''s', 'comma,', 'back\\slash', 'ünï'), s SET('x', 'y''z', 'w w'),
  e300 ENUM(
    'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9', 'm10', 'm11', 'm12', 'm13', 'm14',
    'm15', 'm16', 'm17', 'm18', 'm19', 'm20', 'm21', 'm22', 'm23', 'm24', 'm25', 'm26', 'm27',
    'm28', 'm29', 'm30', 'm31', 'm32', 'm33', 'm34', 'm35', 'm36', 'm37', 'm38', 'm39', 'm40',
    'm41', 'm42', 'm43', 'm44', 'm45', 'm46', 'm47', 'm48', 'm49', 'm50', 'm51', 'm52', 'm53',
    'm54', 'm55', 'm56', 'm57', 'm58', 'm59', 'm60', 'm61', 'm62', 'm63', 'm64', 'm65', 'm66',
    'm67', 'm68', 'm69', 'm70', 'm71', 'm72', 'm73', 'm74', 'm75', 'm76', 'm77', 'm78', 'm79',
    'm80', 'm81', 'm82', 'm83', 'm84', 'm85', 'm86', 'm87', 'm88', 'm89', 'm90', 'm91', 'm92',
    'm93', 'm94', 'm95', 'm96', 'm97', 'm98', 'm99', 'm100', 'm101', 'm102', 'm103', 'm104',
    'm105', 'm106', 'm107', 'm108', 'm109', 'm110', 'm111', 'm112', 'm113', 'm114', 'm115',
    'm116', 'm117', 'm118', 'm119', 'm120', 'm121', 'm122', 'm123', 'm124', 'm125', 'm126',
    'm127', 'm128', 'm129', 'm130', 'm131', 'm132', 'm133', 'm134', 'm135', 'm136', 'm137',
    'm138', 'm139', 'm140', 'm141', 'm142', 'm143', 'm144', 'm145', 'm146', 'm147', 'm148',
    'm149', 'm150', 'm151', 'm152', 'm153', 'm154', 'm155', 'm156', 'm157', 'm158', 'm159',
    'm160', 'm161', 'm162', 'm163', 'm164', 'm165', 'm166', 'm167', 'm168', 'm169', 'm170',
    'm171', 'm172', 'm173', 'm174', 'm175', 'm176', 'm177', 'm178', 'm179', 'm180', 'm181',
    'm182', 'm183', 'm184', 'm185', 'm186', 'm187', 'm188', 'm189', 'm190', 'm191', 'm192',
    'm193', 'm194', 'm195', 'm196', 'm197', 'm198', 'm199', 'm200', 'm201', 'm202', 'm203',
    'm204', 'm205', 'm206', 'm207', 'm208', 'm209', 'm210', 'm211', 'm212', 'm213', 'm214',
    'm215', 'm216', 'm217', 'm218', 'm219', 'm220', 'm221', 'm222', 'm223', 'm224', 'm225',
    'm226', 'm227', 'm228', 'm229', 'm230', 'm231', 'm232', 'm233', 'm234', 'm235', 'm236',
    'm237', 'm238', 'm239', 'm240', 'm241', 'm242', 'm243', 'm244', 'm245', 'm246', 'm247',
    'm248', 'm249', 'm250', 'm251', 'm252', 'm253', 'm254', 'm255', 'm256', 'm257', 'm258',
    'm259', 'm260', 'm261', 'm262', 'm263', 'm264', 'm265', 'm266', 'm267', 'm268', 'm269',
    'm270', 'm271', 'm272', 'm273', 'm274', 'm275', 'm276', 'm277', 'm278', 'm279', 'm280',
    'm281', 'm282', 'm283', 'm284', 'm285', 'm286', 'm287', 'm288', 'm289', 'm290', 'm291',
    'm292', 'm293', 'm294', 'm295', 'm296', 'm297', 'm298', 'm299', 'm300'),
  s64 SET(
    's1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 's12', 's13', 's14',
    's15', 's16', 's17', 's18', 's19', 's20', 's21', 's22', 's23', 's24', 's25', 's26', 's27',
    's28', 's29', 's30', 's31', 's32', 's33', 's34', 's35', 's36', 's37', 's38', 's39', 's40',
    's41', 's42', 's43', 's44', 's45', 's46', 's47', 's48', 's49', 's50', 's51', 's52', 's53',
    's54', 's55', 's56', 's57', 's58', 's59', 's60', 's61', 's62', 's63', 's64'),
  j JSON, g GEOMETRY, p POINT, ls LINESTRING, pg POLYGON, mp MULTIPOINT,
  mls MULTILINESTRING, mpg MULTIPOLYGON, gc GEOMETRYCOLLECTION
);

CREATE TABLE charsets (
  id INT PRIMARY KEY,
  utf8mb4 VARCHAR(20) CHARACTER SET utf8mb4, utf8mb3 VARCHAR(20) CHARACTER SET utf8mb3,
  latin1 VARCHAR(20) CHARACTER SET latin1, sjis VARCHAR(20) CHARACTER SET sjis,
  gbk VARCHAR(20) CHARACTER SET gbk, big5 VARCHAR(20) CHARACTER SET big5,
  cp932 CHAR(20) CHARACTER SET cp932, eucjpms CHAR(20) CHARACTER SET eucjpms,
  utf16 VARCHAR(20) CHARACTER SET utf16, utf16le CHAR(20) CHARACTER SET utf16le,
  ucs2 VARCHAR(20) CHARACTER SET ucs2, utf32 TEXT CHARACTER SET utf32,
  cp1251 TEXT CHARACTER SET cp1251, bin CHAR(20) CHARACTER SET binary,
  cased VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  e_sjis ENUM('表', 'ソ') CHARACTER SET sjis, s_big5 SET('功', '許') CHARACTER SET big5,
  e_utf16 ENUM('a', 'é') CHARACTER SET utf16
);

-- Key shapes.
CREATE TABLE composite (a INT, b VARCHAR(30), c BIGINT, v TEXT, PRIMARY KEY (b, a), KEY (c));
CREATE TABLE no_key (a INT, b VARCHAR(20), f DOUBLE, t TIME(3));
CREATE TABLE nullable_unique (a INT, b VARCHAR(20), UNIQUE KEY (a));
CREATE TABLE not_null_unique (a INT NOT NULL, b BINARY(4) NOT NULL, c TEXT, UNIQUE KEY u (b, a));
CREATE TABLE text_key (k VARCHAR(40) PRIMARY KEY, v INT) CHARACTER SET utf8mb4;
CREATE TABLE prefix_key (k TEXT, v INT, UNIQUE KEY (k(10)));
CREATE TABLE computed (
  a INT NOT NULL PRIMARY KEY, v INT AS (a * 2) VIRTUAL, b VARCHAR(20),
  s VARCHAR(60) AS (CONCAT(b, '-', a)) STORED, c INT, KEY (v)
);
CREATE TABLE touched (
  id INT AUTO_INCREMENT PRIMARY KEY, v INT,
  made TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  changed DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3)
);
CREATE TABLE hidden (a INT PRIMARY KEY, secret INT INVISIBLE DEFAULT 42, z VARCHAR(5));
CREATE TABLE parted (id INT NOT NULL, v VARCHAR(10), PRIMARY KEY (id))
  PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE untransactional (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(10)) ENGINE = MyISAM;

-- Foreign keys whose actions the server takes by itself.
CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(20));
CREATE TABLE child_cascade (
  id INT AUTO_INCREMENT PRIMARY KEY, parent INT NOT NULL,
  FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE TABLE grandchild (
  id INT AUTO_INCREMENT PRIMARY KEY, child INT NOT NULL,
  FOREIGN KEY (child) REFERENCES child_cascade (id) ON DELETE CASCADE
);
CREATE TABLE child_null (
  id INT AUTO_INCREMENT PRIMARY KEY, parent INT,
  FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE SET NULL ON UPDATE SET NULL
);

-- A table whose triggers write another.
CREATE TABLE audited (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE audit (
  id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(10), old_v VARCHAR(20), new_v VARCHAR(20),
  at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
DELIMITER //
CREATE TRIGGER audited_insert AFTER INSERT ON audited FOR EACH ROW
  INSERT INTO audit (what, new_v) VALUES ('insert', NEW.v)//
CREATE TRIGGER audited_update AFTER UPDATE ON audited FOR EACH ROW
  INSERT INTO audit (what, old_v, new_v) VALUES ('update', OLD.v, NEW.v)//
CREATE TRIGGER audited_delete AFTER DELETE ON audited FOR EACH ROW
BEGIN
  -- a comment; with a semicolon
  INSERT INTO audit (what, old_v) VALUES ('delete', OLD.v);
END//
DELIMITER ;

-- Awkward names. A new line within a name goes through PREPARE, for clients
-- look for their own commands at the start of a line.
CREATE DATABASE `odd ``db` CHARACTER SET latin1;
CREATE TABLE `odd ``db`.`select` (`from` INT PRIMARY KEY, `a``b` INT, `it's` VARCHAR(9), `"q"` INT, `sp ace` INT, `back\slash` INT, `semi;colon` INT, `-- no` INT);
CREATE TABLE `odd ``db`.`a.b` (id INT PRIMARY KEY, `ключ` INT, `名前` VARCHAR(9));
CREATE TABLE `odd ``db`.`Ünïcode tàble 表` (`#id` INT PRIMARY KEY, `@v` INT, `%s` INT, `$1` INT);
CREATE TABLE `odd ``db`.`a name of sixty-four characters, the longest that is ever taken.` (`another name of sixty-four characters, the longest that is taken` INT PRIMARY KEY);
SET @name = CONCAT('`odd ``db`.`new', CHAR(10), '\\! false', CHAR(10), 'delimiter x', CHAR(10), '*/ name`');
SET @s = CONCAT('CREATE TABLE ', @name, ' (`k', CHAR(10), 'system false` INT PRIMARY KEY, v INT)');
PREPARE s FROM @s;
EXECUTE s;

-- Everything else that can be created.
CREATE VIEW totals AS SELECT a, COUNT(*) AS n FROM no_key GROUP BY a;
DELIMITER //
CREATE PROCEDURE add_no_key(IN many INT)
BEGIN
  DECLARE i INT DEFAULT 0;
  WHILE i < many DO
    INSERT INTO no_key VALUES (i DIV 2, CONCAT('call ', i DIV 2), i DIV 2, NULL);
    SET i = i + 1;
  END WHILE;
END//
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC NO SQL RETURN x * 2//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2036-01-01 03:00:00' DISABLE COMMENT 'it''s; quiet'
  DO DELETE FROM every.audit WHERE id < 0//
DELIMITER ;
