//! What there is to write to, and which changes of it touch one another.
//!
//! Every table has a column `rid`, which an INSERT makes and nothing changes, and a column `v`, which
//! every statement gives a value that was never there: so a change of a row is seen by comparing two
//! states, and told from a DELETE and an INSERT.

use std::collections::BTreeMap;

use servers::Product;
use servers::traffic::Traffic;

/// The database of the tables.
pub const DATABASE: &str = "oracle";

/// A table.
pub struct Table {
    pub name: &'static str,
    /// Its definition behind the name.
    pub definition: &'static str,
    pub columns: &'static [&'static str],
    /// Ordinals of the primary key's columns in its order; none where there is no key.
    pub key: &'static [usize],
    /// The column of a further unique key.
    pub unique: Option<usize>,
    /// The column that refers to a row of `parent`.
    pub parent: Option<usize>,
    /// Whether text of the key is compared without regard to case.
    pub caseless: bool,
    /// Columns of text.
    pub text: &'static [usize],
    /// Whether behind the other columns stand those of every type, which the last of `columns`
    /// stands for.
    pub wide: bool,
}

/// The column that stands for all others.
pub const REST: &str = "rest";

const PLAIN: Table = Table {
    name: "plain",
    definition: "(id INT PRIMARY KEY, rid INT, v INT)",
    columns: &["id", "rid", "v"],
    key: &[0],
    unique: None,
    parent: None,
    caseless: false,
    text: &[],
    wide: false,
};

/// The tables; a parent stands before its child.
pub const TABLES: &[Table] = &[
    PLAIN,
    Table {
        name: "pair",
        definition: "(a INT, b VARCHAR(8) COLLATE utf8mb4_bin, rid INT, v INT, PRIMARY KEY (b, a))",
        columns: &["a", "b", "rid", "v"],
        key: &[1, 0],
        text: &[1],
        ..PLAIN
    },
    Table {
        name: "named",
        definition: "(k VARCHAR(12) COLLATE utf8mb4_general_ci PRIMARY KEY, rid INT, v INT)",
        columns: &["k", "rid", "v"],
        caseless: true,
        text: &[0],
        ..PLAIN
    },
    Table {
        name: "coded",
        definition: "(id INT PRIMARY KEY, code INT, rid INT, v INT, UNIQUE KEY (code))",
        columns: &["id", "code", "rid", "v"],
        unique: Some(1),
        ..PLAIN
    },
    Table { name: "parent", ..PLAIN },
    Table {
        name: "child",
        definition: "(id INT PRIMARY KEY, parent INT, rid INT, v INT,
            FOREIGN KEY (parent) REFERENCES parent (id))",
        columns: &["id", "parent", "rid", "v"],
        parent: Some(1),
        ..PLAIN
    },
    Table {
        name: "loose",
        definition: "(a INT, rid INT, v INT)",
        columns: &["a", "rid", "v"],
        key: &[],
        ..PLAIN
    },
    Table {
        name: "wide",
        definition: "(id INT PRIMARY KEY, rid INT, v INT",
        columns: &["id", "rid", "v", REST],
        wide: true,
        ..PLAIN
    },
];

/// Numbers of two of them.
pub const PARENT: usize = 4;
pub const CHILD: usize = 5;

/// Name and type of the columns of every type.
pub fn every_type(product: Product) -> Vec<(String, &'static str)> {
    let columns = Traffic::new(product, 0).columns();
    columns.into_iter().map(|(name, of)| (format!("c_{name}"), of)).collect()
}

/// Values as the client prints them.
pub type Row = Vec<String>;

/// The rows of a table by `rid`.
pub type Rows = BTreeMap<u32, Row>;

/// The rows of all tables, by their number.
pub type State = Vec<Rows>;

impl Table {
    /// The definition behind the name.
    pub fn defined(&self, product: Product) -> String {
        if !self.wide {
            return self.definition.to_owned();
        }
        let columns = every_type(product).into_iter().map(|(name, of)| format!(", {name} {of}"));
        format!("{}{})", self.definition, columns.collect::<String>())
    }

    /// What a SELECT asks for: the columns, and one number for the bytes of all further ones.
    pub fn shown(&self, product: Product) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|column| match *column {
                REST => format!("SHA2(CONCAT_WS(','{}), 256)", bytes_of_every_type(product)),
                column => column.to_owned(),
            })
            .collect();
        columns.join(", ")
    }

    /// What the primary key takes for the same; the whole row where there is none.
    pub fn key_of(&self, row: &Row) -> Row {
        if self.key.is_empty() {
            return row.clone();
        }
        // Both collations pad: spaces at the end make no difference.
        let parts = self.key.iter().map(|at| row[*at].trim_end_matches(' '));
        parts
            .map(|part| if self.caseless { part.to_lowercase() } else { part.to_owned() })
            .collect()
    }

    /// The values of a row as a statement has them, without those of every type.
    pub fn literals(&self, row: &Row) -> String {
        let values = row.iter().zip(self.columns).enumerate();
        let values = values.filter(|(_, (_, column))| **column != REST);
        let values = values.map(|(at, (value, _))| match self.text.contains(&at) {
            true => format!("'{value}'"),
            false => value.clone(),
        });
        values.collect::<Vec<_>>().join(", ")
    }

    /// The key as conflicts name it.
    pub fn key_text(&self, row: &Row) -> String {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let ordinals = if self.key.is_empty() { &all } else { self.key };
        let shown = ordinals.iter().map(|at| {
            let quote = if self.text.contains(at) { "'" } else { "" };
            format!("{}={quote}{}{quote}", self.columns[*at], row[*at])
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Expressions of which each has another value for any other bytes of a column.
fn bytes_of_every_type(product: Product) -> String {
    let expression = |(name, of): (String, &str)| {
        let text = match of {
            // As text, a FLOAT has six digits.
            "FLOAT" => format!("CAST({name} * 1e0 AS CHAR)"),
            "JSON" => format!("CAST({name} AS CHAR CHARACTER SET utf8mb4)"),
            "GEOMETRY" => name.clone(),
            of if of.starts_with("VECTOR") => name.clone(),
            _ => format!("CAST({name} AS BINARY)"),
        };
        format!(", IFNULL(HEX({text}), 'NULL')")
    };
    every_type(product).into_iter().map(expression).collect()
}

/// A value that is not NULL.
fn known(row: &Option<Row>, column: usize) -> Option<&str> {
    row.as_ref().map(|row| &row[column][..]).filter(|value| *value != "NULL")
}

/// A change of one row. `None` is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub table: usize,
    pub rid: u32,
    pub before: Option<Row>,
    pub after: Option<Row>,
}

impl Change {
    fn table(&self) -> &'static Table {
        &TABLES[self.table]
    }

    fn ends(&self) -> impl Iterator<Item = &Row> {
        self.before.iter().chain(&self.after)
    }

    /// What was in a column before, if not after; and what was after, if not before.
    fn moved(&self, column: usize) -> (Option<&str>, Option<&str>) {
        let value = |row: &'_ Option<Row>| row.as_ref().map(|row| row[column].clone());
        if value(&self.before) == value(&self.after) {
            return (None, None);
        }
        (known(&self.before, column), known(&self.after, column))
    }

    /// Whether this change stands in the way of an undo of `earlier`, if that is undone alone.
    pub fn touches(&self, earlier: &Change) -> bool {
        let (mine, other) = (self.table(), earlier.table());
        if self.table == earlier.table {
            let keys: Vec<Row> = earlier.ends().map(|row| mine.key_of(row)).collect();
            if self.ends().any(|row| keys.contains(&mine.key_of(row))) {
                return true;
            }
            if let Some(column) = mine.unique {
                let [(a, b), (c, d)] = [earlier.moved(column), self.moved(column)];
                let met = |value: Option<&str>| value.is_some() && (value == c || value == d);
                if met(a) || met(b) {
                    return true;
                }
            }
        }
        match (mine.parent, other.parent) {
            // A parent that came, and a child that came to refer to it.
            (Some(column), None) if other.name == "parent" => {
                let came = earlier.moved(0).1;
                came.is_some() && came == self.moved(column).1
            }
            // A child that left its parent, and the parent that went.
            (None, Some(column)) if mine.name == "parent" => {
                let left = earlier.moved(column).0;
                left.is_some() && left == self.moved(0).0
            }
            _ => false,
        }
    }
}
