//! The shapes of logs that are raced over: what a server did while it wrote them.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde::Serialize;
use servers::Product;

/// What a log is full of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Transactions of one statement on one row, and of several
    Small,
    /// Statements of ten thousand rows
    Bulk,
    /// Rows of two hundred columns
    Wide,
    /// Values of 64 KiB
    Blobs,
    /// The small transactions as text
    Statements,
    /// The small transactions, compressed by their server
    Compressed,
}

/// Number of the first step of the traffic; its steps look back by up to 2,007.
pub(crate) const FIRST: u64 = 10_000;

/// Columns of the wide table, beside its key.
const WIDE: usize = 200;

impl Shape {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Shape::Small => "small",
            Shape::Bulk => "bulk",
            Shape::Wide => "wide",
            Shape::Blobs => "blobs",
            Shape::Statements => "statements",
            Shape::Compressed => "compressed",
        }
    }

    /// Schema, and the procedure `traffic(first, behind)`; both families take it.
    pub(crate) fn sql(self) -> String {
        match self {
            Shape::Small | Shape::Statements | Shape::Compressed => {
                include_str!("small.sql").to_owned()
            }
            Shape::Bulk => include_str!("bulk.sql").to_owned(),
            Shape::Blobs => include_str!("blobs.sql").to_owned(),
            Shape::Wide => wide(),
        }
    }

    /// How many transactions the schema is.
    pub(crate) fn schema_transactions(self) -> u64 {
        match self {
            Shape::Small | Shape::Statements | Shape::Compressed => 7,
            Shape::Bulk => 5,
            Shape::Wide | Shape::Blobs => 3,
        }
    }

    /// How many steps are made between two looks at how far the log has grown.
    pub(crate) fn batch(self) -> u64 {
        match self {
            Shape::Blobs => 200,
            Shape::Wide => 5_000,
            _ => 20_000,
        }
    }

    /// Settings of the server that writes it.
    pub(crate) fn settings(self, product: Product) -> &'static [&'static str] {
        match self {
            Shape::Statements => &["--binlog-format=STATEMENT"],
            Shape::Compressed if product.is_mariadb() => {
                &["--log-bin-compress=ON", "--log-bin-compress-min-len=10"]
            }
            Shape::Compressed => &["--binlog-transaction-compression=ON"],
            _ => &[],
        }
    }

    /// Whether its rows stand in events that are read as they are.
    #[must_use]
    pub fn has_plain_rows(self) -> bool {
        !matches!(self, Shape::Statements | Shape::Compressed)
    }

    /// Whether what it does can be undone from the log alone.
    #[must_use]
    pub fn can_be_undone(self) -> bool {
        self != Shape::Statements
    }
}

/// A table of many columns of a few types, rows of which are inserted, changed and deleted.
fn wide() -> String {
    let (mut columns, mut values) = (String::new(), String::new());
    for number in 0..WIDE {
        let (column_type, value) = match number % 5 {
            0 => ("INT NULL", format!("i + {number}")),
            1 => ("VARCHAR(40) NULL", format!("CONCAT('value ', i, ' of {number}')")),
            2 => ("DECIMAL(12,3) NULL", format!("i / {}", number + 1)),
            3 => ("DATETIME NULL", "NOW()".to_owned()),
            _ => ("BIGINT UNSIGNED NULL", "NULL".to_owned()),
        };
        // Writing to a String cannot fail.
        let _ = write!(columns, ",\n  c{number} {column_type}");
        let _ = write!(values, ", {value}");
    }
    format!(
        "CREATE DATABASE race;
USE race;
CREATE TABLE wide (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY{columns}
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
DELIMITER //
CREATE PROCEDURE traffic(first BIGINT UNSIGNED, behind BIGINT UNSIGNED)
BEGIN
  DECLARE i BIGINT UNSIGNED DEFAULT first;
  WHILE i < behind DO
    SET TIMESTAMP = 1767225600 + i DIV 50;
    INSERT INTO wide VALUES (i{values});
    UPDATE wide SET c0 = c0 + 1, c1 = 'changed' WHERE id = i - 10 AND i % 2 = 0;
    DELETE FROM wide WHERE id = i - 1000;
    SET i = i + 1;
  END WHILE;
END //
DELIMITER ;
"
    )
}
