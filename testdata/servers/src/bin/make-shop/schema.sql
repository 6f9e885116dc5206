CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE users (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(60) NOT NULL,
  city VARCHAR(40) DEFAULT NULL,
  password BINARY(32) NOT NULL,
  preferences JSON DEFAULT NULL,
  balance DECIMAL(10,2) NOT NULL DEFAULT 0,
  status ENUM('active','blocked','closed') NOT NULL DEFAULT 'active',
  created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  last_login TIMESTAMP NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY email (email)
);
CREATE TABLE products (
  id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  sku CHAR(8) NOT NULL UNIQUE,
  title VARCHAR(80) NOT NULL,
  category ENUM('garden','kitchen','office','toys') NOT NULL,
  tags SET('new','sale','heavy','fragile') NOT NULL DEFAULT '',
  price DECIMAL(8,2) UNSIGNED NOT NULL,
  stock INT NOT NULL,
  weight FLOAT DEFAULT NULL,
  added DATE NOT NULL
);
CREATE TABLE price_history (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  product_id SMALLINT UNSIGNED NOT NULL,
  old_price DECIMAL(8,2) NOT NULL,
  new_price DECIMAL(8,2) NOT NULL,
  changed_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
-- No foreign key to users: accounts are closed on request, their orders stay.
CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_id INT UNSIGNED NOT NULL,
  state ENUM('new','paid','shipped','cancelled') NOT NULL DEFAULT 'new',
  total DECIMAL(10,2) NOT NULL DEFAULT 0,
  placed_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  note TEXT,
  KEY (user_id)
);
CREATE TABLE order_items (
  order_id BIGINT UNSIGNED NOT NULL,
  line TINYINT UNSIGNED NOT NULL,
  product_id SMALLINT UNSIGNED NOT NULL,
  quantity SMALLINT UNSIGNED NOT NULL,
  price DECIMAL(8,2) NOT NULL,
  PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
  FOREIGN KEY (product_id) REFERENCES products (id)
);
CREATE TABLE payments (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id BIGINT UNSIGNED NOT NULL,
  method ENUM('card','transfer','voucher') NOT NULL,
  amount DECIMAL(10,2) NOT NULL,
  reference VARBINARY(16) NOT NULL,
  paid_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE
);
-- No key: the web tier only ever inserts and expires.
CREATE TABLE visits (
  user_id INT UNSIGNED DEFAULT NULL,
  page VARCHAR(40) NOT NULL,
  seen_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
);
DELIMITER //
CREATE TRIGGER price_changed AFTER UPDATE ON products FOR EACH ROW
BEGIN
  IF NEW.price <> OLD.price THEN
    INSERT INTO price_history (product_id, old_price, new_price)
    VALUES (OLD.id, OLD.price, NEW.price);
  END IF;
END//
DELIMITER ;
