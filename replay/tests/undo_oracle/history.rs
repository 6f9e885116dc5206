//! The traffic as a server played it, with the rows of all tables after every statement.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};
use binlog_parser::address::{Address, EventAddress};
use servers::{Product, Server};

use crate::tables::{Change, DATABASE, Row, State, TABLES};
use crate::traffic::{Statement, Traffic, Transaction};

/// Error numbers that the traffic may meet: a key that is there (1062), a parent that has children
/// (1451), a child without a parent (1452).
const EXPECTED: [&str; 3] = ["ERROR 1062 ", "ERROR 1451 ", "ERROR 1452 "];

/// What one transaction did.
pub struct Played {
    /// Where the log ended before it: MariaDB may write events of its own between.
    pub place: EventAddress,
    /// Its name; where the next one stands, if it wrote nothing.
    pub address: Address,
    /// Its changes of rows, statement by statement, in the order in which they were made.
    pub statements: Vec<Vec<Change>>,
    /// The rows before it.
    pub before: State,
    /// Its statements, for messages.
    pub text: String,
}

impl Played {
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.statements.iter().flatten()
    }
}

/// The traffic as a server played it.
pub struct History {
    pub transactions: Vec<Played>,
    /// The rows at the end.
    pub end: State,
}

impl History {
    /// Numbers of the transactions that changed rows.
    pub fn transactions_with_rows(&self) -> Vec<usize> {
        let all = self.transactions.iter().enumerate();
        all.filter(|(_, played)| played.changes().next().is_some()).map(|(n, _)| n).collect()
    }

    /// The transaction that an event belongs to.
    pub fn transaction_of(&self, event: &EventAddress) -> Option<usize> {
        let start = |played: &Played| (played.place.log.clone(), played.place.position);
        let before = |played: &Played| start(played) <= (event.log.clone(), event.position);
        let with_rows = self.transactions_with_rows();
        with_rows.into_iter().rfind(|number| before(&self.transactions[*number]))
    }
}

/// The statements that make the tables.
pub fn schema(product: Product) -> String {
    let mut script = format!("CREATE DATABASE {DATABASE};\nUSE {DATABASE};\n");
    for table in TABLES {
        let _ = writeln!(script, "CREATE TABLE {} {};", table.name, table.defined(product));
    }
    script
}

/// The statements that show all rows.
pub fn show_rows(product: Product) -> String {
    let mut script = String::new();
    for table in TABLES {
        let (name, columns) = (table.name, table.shown(product));
        let _ = writeln!(script, "SELECT '{name}', {columns} FROM {DATABASE}.{name};");
    }
    script
}

/// Reads what [`show_rows`] gave.
pub fn read_rows<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<State> {
    let mut state: State = vec![Default::default(); TABLES.len()];
    for line in lines {
        let mut cells = line.split('\t').map(str::to_owned);
        let name = cells.next().unwrap_or_default();
        let number = TABLES.iter().position(|table| table.name == name);
        let number = number.with_context(|| format!("not a row: {line:?}"))?;
        let row: Row = cells.collect();
        let table = &TABLES[number];
        ensure!(row.len() == table.columns.len(), "not a row of {name}: {line:?}");
        let rid = table.columns.iter().position(|column| *column == "rid").context("no rid")?;
        let twice = state[number].insert(row[rid].parse()?, row);
        ensure!(twice.is_none(), "two rows with one rid: {line:?}");
    }
    Ok(state)
}

/// Plays traffic, and keeps what it did. The log is rotated on the way and at the end.
pub fn play(server: &Server, mut traffic: Traffic, count: usize) -> Result<History> {
    server.sql(schema(server.product()))?;
    let transactions: Vec<Transaction> = (0..count).map(|_| traffic.transaction()).collect();
    let answer = feed(server, &script(server, &transactions))?;
    let mut sections = answer.split("#rows\n").map(|section| {
        let (rows, rest) = section.split_once("#end\n").unwrap_or((section, ""));
        Ok::<_, anyhow::Error>((read_rows(rows.lines())?, rest.trim_end()))
    });
    // What stands before the first rows is the place of the first transaction.
    let mut at = answer.split("#rows\n").next().unwrap_or_default().trim();
    sections.next();
    let mut state: State = vec![Default::default(); TABLES.len()];
    let mut history = History { transactions: vec![], end: vec![] };
    for transaction in &transactions {
        let before = state.clone();
        let mut statements = vec![];
        for statement in &transaction.statements {
            let (rows, rest) = sections.next().context("the client's answer ends early")??;
            statements.push(changes(statement, &state, &rows));
            state = rows;
            ensure!(rest.is_empty(), "{rest:?}");
        }
        let (rows, next) = sections.next().context("the client's answer ends early")??;
        if transaction.rolled_back {
            ensure!(rows == before, "a transaction that was rolled back left something");
            statements.clear();
        } else {
            ensure!(rows == state, "COMMIT changed rows");
        }
        state = rows;
        let text = transaction.statements.iter().map(|s| format!("{};\n", s.text)).collect();
        let (gtid, next) = next.split_once('\n').context("the transaction has no name")?;
        let place = address(std::mem::replace(&mut at, next))?;
        let address = match gtid {
            "" => Address::Event(place.clone()),
            gtid => gtid.parse()?,
        };
        history.transactions.push(Played { place, address, statements, before, text });
    }
    history.end = state;
    Ok(history)
}

/// Every statement, the rows behind it, and the places of the transactions.
fn script(server: &Server, transactions: &[Transaction]) -> String {
    let status = if server.product().is_mariadb() { "MASTER" } else { "BINARY LOG" };
    let gtid = if server.product().is_mariadb() { "@@last_gtid" } else { "''" };
    let gtid = format!("SELECT {gtid}");
    let rows = format!("SELECT '#rows';\n{}SELECT '#end';\n", show_rows(server.product()));
    // Of random values, not all are in the range of their columns.
    let mut script = format!("USE {DATABASE};\nSET sql_mode = '';\nSHOW {status} STATUS;\n");
    for (number, transaction) in transactions.iter().enumerate() {
        let several = transaction.statements.len() > 1;
        script.push_str(if several { "BEGIN;\n" } else { "" });
        for statement in &transaction.statements {
            let _ = write!(script, "{};\n{rows}", statement.text);
        }
        if several {
            script.push_str(if transaction.rolled_back { "ROLLBACK;\n" } else { "COMMIT;\n" });
        }
        if number % 10 == 6 {
            script.push_str("FLUSH BINARY LOGS;\n");
        }
        let _ = writeln!(script, "{rows}{gtid};\nSHOW {status} STATUS;");
    }
    script.push_str("FLUSH BINARY LOGS;\n");
    script
}

fn feed(server: &Server, script: &str) -> Result<String> {
    let arguments =
        ["--default-character-set=utf8mb4", "--batch", "--skip-column-names", "--force"];
    let ran = server.pipe(script.as_bytes(), arguments)?;
    for line in ran.stderr.lines().filter(|line| line.contains("ERROR")) {
        if !EXPECTED.iter().any(|expected| line.contains(expected)) {
            bail!("the traffic met {line}");
        }
    }
    Ok(String::from_utf8(ran.stdout)?)
}

/// Reads a line of SHOW BINARY LOG STATUS.
fn address(line: &str) -> Result<EventAddress> {
    let mut fields = line.split('\t');
    let log = fields.next().unwrap_or_default();
    let position = fields.next().with_context(|| format!("no place: {line:?}"))?;
    Ok(EventAddress::new(&log.into(), position.parse()?))
}

/// What a statement did, in the order of the rows.
fn changes(statement: &Statement, before: &State, after: &State) -> Vec<Change> {
    let mut changes = vec![];
    for (table, (before, after)) in before.iter().zip(after).enumerate() {
        let mut rids: Vec<u32> = before.keys().chain(after.keys()).copied().collect();
        rids.sort_unstable();
        rids.dedup();
        for rid in rids {
            let (before, after) = (before.get(&rid).cloned(), after.get(&rid).cloned());
            if before != after {
                changes.push(Change { table, rid, before, after });
            }
        }
    }
    changes.sort_by_cached_key(order);
    if statement.descending {
        changes.reverse();
    }
    changes
}

/// By the key of the row that was there; new rows by the order of their making.
fn order(change: &Change) -> (Vec<u64>, Row) {
    let Some(before) = &change.before else { return (vec![change.rid.into()], vec![]) };
    let key = TABLES[change.table].key_of(before);
    (key.iter().map(|part| part.parse().unwrap_or(0)).collect(), key)
}
