//! The tables of the traffic: every type, and every shape of key.

use crate::product::Product;

/// The database of the traffic.
pub const DATABASE: &str = "traffic";

/// What a column holds, by which its literals are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An integer of so many bits.
    Int(u32),
    /// An unsigned integer of so many bits.
    Unsigned(u32),
    /// Digits in all, and those behind the point.
    Decimal(u32, u32),
    Float,
    Double,
    /// So many bits.
    Bit(u32),
    Date,
    Year,
    /// Digits of a second's fraction, as below.
    Time(u32),
    Datetime(u32),
    Timestamp(u32),
    /// Text of any character, and so many at most.
    Text(u32),
    /// Text that latin1 has.
    Latin(u32),
    /// Text that sjis has, with bytes that look like a backslash.
    Japanese(u32),
    /// At most so many bytes.
    Bytes(u32),
    /// One of so many members.
    Enum(u32),
    /// Any of so many members.
    Set(u32),
    Json,
    Geometry,
    /// So many dimensions.
    Vector(u32),
    Uuid,
    Inet4,
    Inet6,
}

/// A column: its name, its type as the server writes it, and what it holds.
pub(super) type Column = (&'static str, &'static str, Kind);

use Kind as K;

const COMMON: &[Column] = &[
    ("i8", "TINYINT", K::Int(8)),
    ("u8", "TINYINT UNSIGNED", K::Unsigned(8)),
    ("i16", "SMALLINT", K::Int(16)),
    ("u24", "MEDIUMINT UNSIGNED", K::Unsigned(24)),
    ("i24", "MEDIUMINT", K::Int(24)),
    ("i32", "INT", K::Int(32)),
    ("u32", "INT UNSIGNED", K::Unsigned(32)),
    ("i64", "BIGINT", K::Int(64)),
    ("u64", "BIGINT UNSIGNED", K::Unsigned(64)),
    ("d65", "DECIMAL(65,30)", K::Decimal(65, 30)),
    ("d9", "DECIMAL(9,0)", K::Decimal(9, 0)),
    ("d5", "DECIMAL(5,5)", K::Decimal(5, 5)),
    ("f", "FLOAT", K::Float),
    ("d", "DOUBLE", K::Double),
    ("b1", "BIT(1)", K::Bit(1)),
    ("b33", "BIT(33)", K::Bit(33)),
    ("day", "DATE", K::Date),
    ("y", "YEAR", K::Year),
    ("t0", "TIME", K::Time(0)),
    ("t3", "TIME(3)", K::Time(3)),
    ("t6", "TIME(6)", K::Time(6)),
    ("dt0", "DATETIME", K::Datetime(0)),
    ("dt1", "DATETIME(1)", K::Datetime(1)),
    ("dt6", "DATETIME(6)", K::Datetime(6)),
    ("ts0", "TIMESTAMP NULL", K::Timestamp(0)),
    ("ts2", "TIMESTAMP(2) NULL", K::Timestamp(2)),
    ("ts6", "TIMESTAMP(6) NULL", K::Timestamp(6)),
    ("c", "CHAR(20) CHARACTER SET utf8mb4", K::Text(20)),
    ("c255", "CHAR(255) CHARACTER SET utf8mb4", K::Text(100)),
    ("v", "VARCHAR(60) CHARACTER SET utf8mb4", K::Text(60)),
    ("vlong", "VARCHAR(800) CHARACTER SET utf8mb4", K::Text(300)),
    ("latin", "VARCHAR(30) CHARACTER SET latin1", K::Latin(30)),
    ("sjis", "VARCHAR(30) CHARACTER SET sjis", K::Japanese(30)),
    ("utf16", "VARCHAR(30) CHARACTER SET utf16", K::Text(30)),
    ("bin", "BINARY(9)", K::Bytes(9)),
    ("vb", "VARBINARY(300)", K::Bytes(300)),
    ("blob1", "TINYBLOB", K::Bytes(200)),
    ("blob2", "BLOB", K::Bytes(900)),
    ("text3", "MEDIUMTEXT CHARACTER SET utf8mb4", K::Text(400)),
    ("e", "ENUM('', 'a', 'it''s', 'comma,', 'ünï') CHARACTER SET utf8mb4", K::Enum(5)),
    ("s", "SET('x', 'y''z', 'w w') CHARACTER SET utf8mb4", K::Set(3)),
    ("j", "JSON", K::Json),
    ("g", "GEOMETRY", K::Geometry),
];

const VECTORS: &[Column] = &[("vec", "VECTOR(5)", K::Vector(5))];

const MARIADB: &[Column] = &[
    ("uid", "UUID", K::Uuid),
    ("ip4", "INET4", K::Inet4),
    ("ip6", "INET6", K::Inet6),
    ("cv", "VARCHAR(500) COMPRESSED CHARACTER SET utf8mb4", K::Text(300)),
    ("cb", "BLOB COMPRESSED", K::Bytes(600)),
];

/// The columns of the table `types`, but for its key.
pub(super) fn types(product: Product) -> Vec<Column> {
    let own = if product.is_mariadb() { MARIADB } else { &[] };
    let vectors = if product == Product::Mariadb1011 { &[] } else { VECTORS };
    COMMON.iter().chain(own).chain(vectors).copied().collect()
}

/// Tables beside `types`, with the columns that the traffic writes.
pub(super) const OTHERS: &[(&str, &[Column])] = &[
    ("no_key", &[("a", "", K::Int(8)), ("b", "", K::Text(20)), ("f", "", K::Double)]),
    ("composite", &[("a", "", K::Unsigned(4)), ("b", "", K::Latin(2)), ("v", "", K::Text(400))]),
    ("uniques", &[("a", "", K::Unsigned(6)), ("b", "", K::Bytes(2)), ("c", "", K::Bytes(40))]),
    ("computed", &[("a", "", K::Unsigned(6)), ("b", "", K::Text(20)), ("c", "", K::Int(16))]),
    ("docs", &[("id", "", K::Unsigned(4)), ("doc", "", K::Json), ("n", "", K::Int(32))]),
    ("parent", &[("id", "", K::Unsigned(5)), ("name", "", K::Text(20))]),
    ("child", &[("parent", "", K::Unsigned(5)), ("v", "", K::Int(16))]),
    ("audited", &[("v", "", K::Latin(20))]),
];

pub(super) fn schema(product: Product) -> String {
    let columns: String =
        types(product).iter().map(|(name, kind, _)| format!(", {name} {kind}")).collect();
    format!(
        "SET NAMES utf8mb4;
SET sql_mode='';
CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;
USE {DATABASE};
CREATE TABLE types (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY{columns});
CREATE TABLE no_key (a TINYINT, b VARCHAR(20), f DOUBLE);
CREATE TABLE composite (a INT, b VARCHAR(10), v TEXT, PRIMARY KEY (b, a));
CREATE TABLE uniques (a INT NOT NULL, b VARBINARY(4) NOT NULL, c BLOB, UNIQUE KEY u (b, a));
CREATE TABLE computed (a INT PRIMARY KEY, twice INT AS (a * 2) VIRTUAL, b VARCHAR(20),
  s VARCHAR(60) AS (CONCAT(b, '-', a)) STORED, c INT);
CREATE TABLE docs (id INT PRIMARY KEY, doc JSON, n INT);
CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(20));
CREATE TABLE child (id INT AUTO_INCREMENT PRIMARY KEY, parent INT, v INT,
  FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE audited (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE audit (what VARCHAR(10), old_v VARCHAR(20), new_v VARCHAR(20), at DATETIME(3));
CREATE TRIGGER i AFTER INSERT ON audited FOR EACH ROW
  INSERT INTO audit VALUES ('insert', NULL, NEW.v, NOW(3));
CREATE TRIGGER u AFTER UPDATE ON audited FOR EACH ROW
  INSERT INTO audit VALUES ('update', OLD.v, NEW.v, NOW(3));
CREATE TRIGGER d AFTER DELETE ON audited FOR EACH ROW
  INSERT INTO audit VALUES ('delete', OLD.v, NULL, NOW(3));
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC NO SQL RETURN x * 2;
CREATE PROCEDURE add_children(IN p INT, IN many INT) MODIFIES SQL DATA
  INSERT INTO child (parent, v) SELECT p, 1 FROM parent WHERE id <= many ORDER BY id;
"
    )
}
