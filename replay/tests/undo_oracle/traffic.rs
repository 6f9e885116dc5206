//! Transactions at random over few rows, so that later ones often meet the rows of earlier ones.

use fastrand::Rng;
use servers::Product;

use crate::tables::{REST, TABLES, every_type};

/// A statement, and whether it takes rows from the last to the first.
pub struct Statement {
    pub text: String,
    pub descending: bool,
}

/// A transaction.
pub struct Transaction {
    /// Statements; between BEGIN and COMMIT where there are several.
    pub statements: Vec<Statement>,
    /// Whether it ends in ROLLBACK.
    pub rolled_back: bool,
}

/// A source of transactions; the same for the same seed.
pub struct Traffic {
    rng: Rng,
    /// The last number that made a value new.
    number: u32,
    product: Product,
    /// Makes values of every type.
    values: servers::traffic::Traffic,
}

impl Traffic {
    pub fn new(product: Product, seed: u64) -> Traffic {
        let values = servers::traffic::Traffic::new(product, seed);
        Traffic { rng: Rng::with_seed(seed), number: 0, product, values }
    }

    pub fn transaction(&mut self) -> Transaction {
        let count = [1, 1, 2, 3, 4][self.below(5)];
        let mut statements = vec![];
        for _ in 0..count {
            self.statements(&mut statements);
        }
        Transaction { rolled_back: statements.len() > 1 && self.below(12) == 0, statements }
    }

    fn below(&mut self, end: usize) -> usize {
        self.rng.usize(..end)
    }

    fn fresh(&mut self) -> u32 {
        self.number += 1;
        self.number
    }

    fn id(&mut self) -> usize {
        1 + self.below(9)
    }

    fn statements(&mut self, out: &mut Vec<Statement>) {
        let table = self.below(TABLES.len());
        let mut add = |text| out.push(Statement { text, descending: false });
        match self.below(14) {
            0..=4 => add(self.insert(table)),
            5..=7 => add(self.update(table)),
            8 => add(self.delete(table)),
            9 | 10 => add(self.move_key(table)),
            11 => {
                let statement = self.shift(table);
                out.push(statement);
            }
            12 => {
                let condition = self.one_row(table);
                let name = TABLES[table].name;
                add(format!("DELETE FROM {name} WHERE {condition}"));
                let values = self.values(table, &condition);
                add(format!("INSERT INTO {name} VALUES {values}"));
            }
            _ => add(self.change_reference(table)),
        }
    }

    /// A condition that names one row by its key.
    fn one_row(&mut self, table: usize) -> String {
        let table = &TABLES[table];
        let keys = if table.key.is_empty() { &[0][..] } else { table.key };
        let parts: Vec<String> = keys
            .iter()
            .map(|at| {
                let value = self.key_value(table.text.contains(at));
                format!("{} = {value}", table.columns[*at])
            })
            .collect();
        parts.join(" AND ")
    }

    /// A condition that names some rows.
    fn some_rows(&mut self, table: usize) -> String {
        match self.below(6) {
            0..=3 => self.one_row(table),
            4 => {
                let first = self.one_row(table);
                format!("{first} OR {}", self.one_row(table))
            }
            _ => format!("v % 3 = {}", self.below(3)),
        }
    }

    fn key_value(&mut self, text: bool) -> String {
        if !text {
            return self.id().to_string();
        }
        let letter = ["a", "b", "c", "d"][self.below(4)];
        let letter = if self.below(2) == 0 { letter.to_uppercase() } else { letter.to_owned() };
        format!("'{letter}{}'", ["", "", " "][self.below(3)])
    }

    /// Values of a row; those of the key are what `condition` says.
    fn values(&mut self, table: usize, condition: &str) -> String {
        let table = &TABLES[table];
        let values: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let start = format!("{column} = ");
                if let Some(part) = condition.split(" AND ").find_map(|p| p.strip_prefix(&start)) {
                    return part.to_owned();
                }
                match *column {
                    "rid" | "v" => self.fresh().to_string(),
                    REST => self.values.literals().join(", "),
                    _ if Some(at) == table.parent || Some(at) == table.unique => self.reference(),
                    _ => self.key_value(table.text.contains(&at)),
                }
            })
            .collect();
        format!("({})", values.join(", "))
    }

    /// A value for a foreign key or a further unique key.
    fn reference(&mut self) -> String {
        match self.below(6) {
            0 => "NULL".to_owned(),
            _ => self.id().to_string(),
        }
    }

    fn insert(&mut self, table: usize) -> String {
        let name = TABLES[table].name;
        // A statement that inserts a row and updates it again would hide one change by the other.
        let (which, many) = (self.below(5), self.below(3));
        let many = if which == 0 { 1 } else { 1 + many };
        let rows: Vec<String> = (0..many).map(|_| self.values(table, "")).collect();
        let rows = rows.join(", ");
        match which {
            0 => {
                let new = self.fresh();
                format!("INSERT INTO {name} VALUES {rows} ON DUPLICATE KEY UPDATE v = {new}")
            }
            1 => format!("INSERT INTO {name} VALUES {rows}"),
            _ => format!("INSERT IGNORE INTO {name} VALUES {rows}"),
        }
    }

    fn order(table: usize) -> String {
        let table = &TABLES[table];
        let keys = if table.key.is_empty() { &[0][..] } else { table.key };
        keys.iter().map(|at| table.columns[*at]).collect::<Vec<_>>().join(", ")
    }

    fn update(&mut self, table: usize) -> String {
        let (new, rows) = (self.fresh(), self.some_rows(table));
        let more = if TABLES[table].wide { self.some_values() } else { String::new() };
        format!("UPDATE {} SET v = {new}{more} WHERE {rows}", TABLES[table].name)
    }

    /// Assignments to some of the columns of every type.
    fn some_values(&mut self) -> String {
        let columns = every_type(self.product).into_iter().zip(self.values.literals());
        let columns: Vec<_> = columns.map(|((name, _), value)| (name, value)).collect();
        let some = columns.into_iter().filter(|_| self.below(8) == 0);
        some.map(|(name, value)| format!(", {name} = {value}")).collect()
    }

    fn delete(&mut self, table: usize) -> String {
        let rows = self.some_rows(table);
        format!("DELETE FROM {} WHERE {rows}", TABLES[table].name)
    }

    fn move_key(&mut self, table: usize) -> String {
        let (new, from) = (self.fresh(), self.one_row(table));
        let to = self.one_row(table).replace(" AND ", ", ");
        format!("UPDATE {} SET {to}, v = {new} WHERE {from}", TABLES[table].name)
    }

    /// Moves rows one key on, or the text of all rows to the other case.
    fn shift(&mut self, table: usize) -> Statement {
        let (new, order) = (self.fresh(), Self::order(table));
        let table = &TABLES[table];
        let column = table.columns[table.key.first().copied().unwrap_or(0)];
        if table.text.contains(&table.key.first().copied().unwrap_or(0)) {
            let text = format!(
                "UPDATE {} SET {column} = UPPER({column}), v = {new} ORDER BY {order}",
                table.name
            );
            return Statement { text, descending: false };
        }
        let (from, many) = (self.id(), self.below(5));
        let text = format!(
            "UPDATE {} SET {column} = {column} + 1, v = {new} \
             WHERE {column} BETWEEN {from} AND {} ORDER BY {column} DESC",
            table.name,
            from + many
        );
        Statement { text, descending: true }
    }

    /// Gives some rows another parent, or another value of the further unique key.
    fn change_reference(&mut self, table: usize) -> String {
        let which = TABLES[table].parent.or(TABLES[table].unique);
        let Some(column) = which else { return self.update(table) };
        let column = TABLES[table].columns[column];
        let (new, value, row) = (self.fresh(), self.reference(), self.one_row(table));
        format!("UPDATE {} SET {column} = {value}, v = {new} WHERE {row}", TABLES[table].name)
    }
}
