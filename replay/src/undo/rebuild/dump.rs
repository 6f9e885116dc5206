//! The rows of a dump, which say what the logs do not reach back to.
//!
//! A dump holds the rows of one moment. When the walk comes to the transactions that it holds, every
//! row that is still looked for has the key that it had at that moment.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use binlog_parser::source::archive::plain_reader;
use binlog_parser::source::log_set::LogSet;

use super::encode::{Session, encode};
use super::table::WantedTable;
use super::wants::{Tracked, Wants, key_bytes};
use crate::backup::{Kind, read, start_after};
use crate::error::{Error, Result};
use crate::schema::{DumpRow, ResolvedTable, TableDef, TableName, read_rows};
use crate::select::Contained;
use crate::sql::Dialect;

/// A dump that may be asked for rows.
#[derive(Debug)]
pub(super) struct Rows<'p> {
    path: &'p Path,
    /// The transactions that it holds.
    pub contained: Contained,
    /// How the moment is known.
    by: String,
    dialect: Dialect,
}

impl<'p> Rows<'p> {
    /// The dump at `path`.
    ///
    /// # Errors
    /// Why it cannot be asked, in words: it does not say of which moment it is, or the logs do not
    /// reach back to that.
    pub fn open(set: &LogSet, path: &'p Path) -> std::result::Result<Self, String> {
        let shown = path.display();
        let snapshot = read(path).map_err(|error| error.to_string())?;
        if snapshot.kind != Kind::SqlDump {
            return Err(format!("{shown} is no dump of mysqldump or mariadb-dump"));
        }
        let start = start_after(set, &snapshot).map_err(|error| format!("{shown}: {error}"))?;
        let version = set.logs().first().map_or("", |log| &log.format().server_version);
        let dialect = Dialect::from_server_version(version.as_bytes());
        Ok(Rows { path, contained: start.contained, by: start.by, dialect })
    }

    /// Why the dump did not help, for the end of a sentence.
    pub fn excuse(&self) -> String {
        format!("the dump, which ends at {}, does not have it from before", self.by)
    }

    /// Gives what is missing the values that the dump has.
    ///
    /// # Errors
    /// A dump that cannot be read.
    pub fn ask(&self, tables: &[WantedTable], wants: &mut Wants) -> Result<()> {
        let failed = |error| Error::Usage(format!("{}: {error}", self.path.display()));
        let file = File::open(self.path).map_err(failed)?;
        let input = BufReader::new(plain_reader(file).map_err(failed)?);
        let number = |name: &TableName| {
            tables.iter().position(|table| {
                let wanted = &table.resolved.name;
                // A dump of one database may not name it.
                wanted.table == name.table
                    && (name.database.is_empty() || wanted.database == name.database)
            })
        };
        let mut names: Option<(usize, Vec<Vec<u8>>, Vec<Option<usize>>)> = None;
        let wanted = |name: &TableName| number(name).is_some();
        read_rows(input, self.dialect, wanted, |row| {
            let Some(at) = number(row.table) else { return };
            let Some(table) = tables.get(at).filter(|_| !wants.is_idle(at)) else { return };
            if !names.as_ref().is_some_and(|(of, columns, _)| *of == at && columns == row.columns) {
                let places = places(&table.resolved, row.columns);
                names = Some((at, row.columns.to_vec(), places));
            }
            if let Some((_, _, places)) = &names {
                take(table, at, places, row, wants);
            }
        })
        .map_err(failed)?;
        Ok(())
    }
}

/// For each column of a table, which of the dump's values is its.
fn places(table: &ResolvedTable, names: &[Vec<u8>]) -> Vec<Option<usize>> {
    let place = |name: &Vec<u8>| names.iter().position(|other| other.eq_ignore_ascii_case(name));
    table.columns.iter().map(|column| place(&column.name)).collect()
}

/// Gives the values of a row to who waits for them.
fn take(
    table: &WantedTable,
    number: usize,
    places: &[Option<usize>],
    row: &DumpRow<'_>,
    wants: &mut Wants,
) {
    let session = Session { is_utf8: row.is_utf8, is_utc: row.is_utc };
    let value = |ordinal: usize| -> Option<std::result::Result<Option<Vec<u8>>, String>> {
        let value = row.values.get(places.get(ordinal).copied().flatten()?)?;
        let column = table.resolved.columns.get(ordinal)?;
        let column_type = *table.types.get(ordinal)?;
        if !is_same(row.definition, &table.resolved, ordinal) {
            return Some(Err("the dump defines it otherwise".into()));
        }
        Some(encode(column_type, column, value, session))
    };
    let key: Vec<Option<Vec<u8>>> =
        table.key.iter().map(|ordinal| value(*ordinal)?.ok().flatten()).collect();
    let Some(key) = key_bytes(key.iter().map(Option::as_deref)) else { return };
    let Some(tracked) = wants.take(number, &key) else { return };
    let mut missing = vec![];
    for column in tracked.columns {
        match value(column.ordinal) {
            Some(Ok(value)) => wants.settle(column, value.as_deref()),
            Some(Err(why)) => {
                let reason = wants.reason(&format!("it is in the dump, but {why}"));
                wants.fail(Tracked { columns: vec![column] }, reason);
            }
            None => missing.push(column),
        }
    }
    wants.put(number, key, Tracked { columns: missing }, "two rows of the dump have one key");
}

/// Whether a dump defines a column as the logs do.
fn is_same(definition: &TableDef, table: &ResolvedTable, ordinal: usize) -> bool {
    let Some(column) = table.columns.get(ordinal) else { return false };
    let defined = definition.column(&column.name).and_then(|at| definition.columns.get(at));
    defined.is_some_and(|defined| {
        let charset = !defined.sql_type.has_charset()
            || defined.charset.map(|c| c.name) == column.charset.map(|c| c.name);
        Some(&defined.sql_type) == column.sql_type.as_ref() && charset
    })
}
