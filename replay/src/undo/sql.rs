//! The undo as SQL statements, which anybody can read, and which need the names of the columns.
//!
//! Rows are found by their key: the primary key, else a unique key without NULL, else all their
//! values, byte by byte. Rows that come back are inserted many at a time.

use std::io::Write;
use std::sync::Arc;

use binlog_parser::event::rows::{RowsKind, flags};
use binlog_parser::header::Family;
use binlog_parser::row::RowImage;
use binlog_parser::source::log_set::LogSet;

use super::backward::{self, Visited};
use super::index::Index;
use super::request::Request;
use super::rows_statement::{Rows, Spans, at};
use super::table_sql::{Row, TableSql};
use super::tables::Tables;
use super::{SANDBOX, header_comment};
use crate::error::{Error, Result};
use crate::select::Filter;
use crate::sql::literal::NoLiteral;
use crate::sql::quote::text_literal;

/// The sql_mode of the session: nothing is bent, and everything that a server may have stored is
/// taken: zero dates, dates of months that are too short, 0 in an AUTO_INCREMENT column.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES";

/// The sql_mode for a row that no strict server takes.
const LAX_SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

/// How much is gathered before it is handed to the output, in bytes.
const GATHER_BYTES: usize = 256 << 10;

/// Writes the undo of what `index` holds, and returns the size of the largest statement.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    out: &mut dyn Write,
) -> Result<u64> {
    let Some(&last) = index.entries.last() else { return Ok(0) };
    let family = index.format(last).family;
    let mut writer = Writer {
        out,
        family,
        filter: &request.filter,
        packet_bytes: request.packet_bytes,
        buffer: vec![],
        start: 0,
        insert: None,
        unchecked: 0,
        largest: 0,
    };
    writer.preamble()?;
    let mut spans = Spans::default();
    backward::walk(set, index, |visited| writer.statement(tables, &visited, &mut spans))?;
    writer.end()
}

struct Writer<'w, 'r> {
    out: &'w mut dyn Write,
    family: Family,
    filter: &'r Filter,
    packet_bytes: usize,
    buffer: Vec<u8>,
    /// Where in `buffer` the statement that is being built starts.
    start: usize,
    /// Table of the INSERT that is being built.
    insert: Option<Arc<TableSql>>,
    /// Flags of rows events by which the session leaves out checks.
    unchecked: u16,
    largest: u64,
}

impl Writer<'_, '_> {
    fn preamble(&mut self) -> Result<()> {
        self.buffer.extend_from_slice(SANDBOX);
        self.buffer.push(b'\n');
        for line in header_comment() {
            self.buffer.extend_from_slice(line.as_bytes());
            self.buffer.push(b'\n');
        }
        self.start = self.buffer.len();
        self.words("SET NAMES utf8mb4")?;
        for variable in ["sql_mode", "time_zone", "foreign_key_checks", "sql_safe_updates"] {
            self.words(&format!("SET @binlog_undo_{variable}=@@SESSION.{variable}"))?;
        }
        self.words(&format!(
            "SET @@SESSION.sql_mode='{SQL_MODE}',@@SESSION.time_zone='+00:00',\
             @@SESSION.foreign_key_checks=1,@@SESSION.unique_checks=1,\
             @@SESSION.sql_safe_updates=0,@@SESSION.completion_type=0"
        ))?;
        self.words("START TRANSACTION")
    }

    fn end(mut self) -> Result<u64> {
        self.end_insert()?;
        self.check_as(0)?;
        self.words("COMMIT")?;
        for variable in ["sql_mode", "time_zone", "foreign_key_checks", "sql_safe_updates"] {
            self.words(&format!("SET @@SESSION.{variable}=@binlog_undo_{variable}"))?;
        }
        self.flush()?;
        Ok(self.largest)
    }

    fn statement(
        &mut self,
        tables: &Tables,
        visited: &Visited<'_, '_, '_>,
        spans: &mut Spans,
    ) -> Result<()> {
        let statement = &visited.statement;
        for rows in statement.rows.iter().rev() {
            let map = statement.map_of(rows);
            if !self.filter.selects_table(map.map.database, map.map.table)
                || map.is_sequence(visited.format.family)
            {
                continue;
            }
            let fault = |fault| at(fault, visited.log, rows.event);
            let table = tables
                .table(map, visited.log_number, visited.format)
                .map_err(|why| Error::refused(why.to_string(), super::NAMES_HINT))?;
            spans.measure(rows, &map.layout, visited.picked).map_err(fault)?;
            self.check_as(rows.rows.flags)?;
            self.rows(&table, rows, spans).map_err(|error| match error {
                RowError::Output(error) => error,
                RowError::Literal(NoLiteral::Fault(why)) => fault(why),
                RowError::Literal(why) => Error::refused(
                    format!("{}: {why}", rows.event.location(visited.log)),
                    super::BASE64_HINT,
                ),
            })?;
        }
        Ok(())
    }

    /// Undoes the rows of an event, from the last to the first.
    fn rows(
        &mut self,
        table: &Arc<TableSql>,
        rows: &Rows<'_, '_>,
        spans: &Spans,
    ) -> Result<(), RowError> {
        let event = rows.images();
        for span in (0..spans.len()).rev().filter_map(|index| spans.get(index)) {
            let image = |columns, bytes| -> Result<Row<'_>, RowError> {
                let bytes = event.rows.get(bytes).unwrap_or_default();
                match columns {
                    Some(present) => Ok(table.row(RowImage::new(present, bytes))?),
                    None => Ok(vec![]),
                }
            };
            let before = image(event.before_columns, span.before())?;
            let after = image(event.after_columns, span.after())?;
            match event.kind {
                RowsKind::Delete => self.insert(table, &before)?,
                RowsKind::Write => self.delete(table, &after)?,
                RowsKind::Update => self.update(table, &after, &before)?,
            }
        }
        Ok(())
    }

    fn insert(&mut self, table: &Arc<TableSql>, row: &Row<'_>) -> Result<(), RowError> {
        if table.needs_lax_mode(row) {
            self.lax(|writer| writer.insert_strict(table, row))
        } else {
            self.insert_strict(table, row)
        }
    }

    fn insert_strict(&mut self, table: &Arc<TableSql>, row: &Row<'_>) -> Result<(), RowError> {
        let other = self.insert.as_ref().is_some_and(|open| !Arc::ptr_eq(open, table));
        if other || self.buffer.len() - self.start > self.packet_bytes / 2 {
            self.end_insert()?;
        }
        match self.insert {
            Some(_) => self.buffer.push(b','),
            None => {
                table.push_insert(&mut self.buffer);
                self.insert = Some(Arc::clone(table));
            }
        }
        self.buffer.push(b'\n');
        Ok(table.push_values(&mut self.buffer, row)?)
    }

    fn delete(&mut self, table: &Arc<TableSql>, row: &Row<'_>) -> Result<(), RowError> {
        self.end_insert()?;
        table.push_delete(&mut self.buffer);
        table.push_where(&mut self.buffer, row)?;
        Ok(self.end_statement(table.has_awkward_names())?)
    }

    fn update(
        &mut self,
        table: &Arc<TableSql>,
        now: &Row<'_>,
        then: &Row<'_>,
    ) -> Result<(), RowError> {
        self.end_insert()?;
        let update = |writer: &mut Self| {
            if !table.push_update(&mut writer.buffer, now, then)? {
                return Ok(());
            }
            table.push_where(&mut writer.buffer, now)?;
            Ok(writer.end_statement(table.has_awkward_names())?)
        };
        if table.needs_lax_mode(then) { self.lax(update) } else { update(self) }
    }

    /// Runs `write` under a sql_mode that is not strict.
    fn lax(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), RowError>,
    ) -> Result<(), RowError> {
        self.end_insert()?;
        self.words(&format!("SET @@SESSION.sql_mode='{LAX_SQL_MODE}'"))?;
        write(self)?;
        self.end_insert()?;
        Ok(self.words(&format!("SET @@SESSION.sql_mode='{SQL_MODE}'"))?)
    }

    /// Leaves out the checks that the session of these rows left out.
    fn check_as(&mut self, rows_flags: u16) -> Result<()> {
        let known = match self.family {
            Family::Mysql => flags::NO_FOREIGN_KEY_CHECKS,
            Family::Mariadb => flags::NO_FOREIGN_KEY_CHECKS | flags::NO_CHECK_CONSTRAINT_CHECKS,
        };
        let wanted = rows_flags & known;
        let changed = wanted ^ self.unchecked;
        if changed == 0 {
            return Ok(());
        }
        self.end_insert()?;
        self.unchecked = wanted;
        for (flag, variable) in [
            (flags::NO_FOREIGN_KEY_CHECKS, "foreign_key_checks"),
            (flags::NO_CHECK_CONSTRAINT_CHECKS, "check_constraint_checks"),
        ] {
            if changed & flag != 0 {
                let value = u8::from(wanted & flag == 0);
                self.words(&format!("SET @@SESSION.{variable}={value}"))?;
            }
        }
        Ok(())
    }

    /// A statement of our own words.
    fn words(&mut self, words: &str) -> Result<()> {
        self.buffer.extend_from_slice(words.as_bytes());
        self.end_statement(false)
    }

    fn end_insert(&mut self) -> Result<()> {
        match self.insert.take() {
            Some(table) => self.end_statement(table.has_awkward_names()),
            None => Ok(()),
        }
    }

    /// Ends the statement. One with names that a client may stumble over goes in hexadecimal.
    fn end_statement(&mut self, awkward: bool) -> Result<()> {
        if awkward {
            let statement = self.buffer.split_off(self.start);
            self.buffer.extend_from_slice(b"SET @binlog_undo=");
            text_literal(&mut self.buffer, "utf8mb4", None, &statement);
            self.end_statement(false)?;
            self.words("PREPARE binlog_undo FROM @binlog_undo")?;
            self.words("EXECUTE binlog_undo")?;
            return self.words("DEALLOCATE PREPARE binlog_undo");
        }
        self.largest = self.largest.max((self.buffer.len() - self.start) as u64);
        self.buffer.extend_from_slice(b";\n");
        if self.buffer.len() >= GATHER_BYTES {
            self.flush()?;
        }
        self.start = self.buffer.len();
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

/// What keeps a row from being written.
enum RowError {
    Output(Error),
    Literal(NoLiteral),
}

impl From<Error> for RowError {
    fn from(error: Error) -> Self {
        RowError::Output(error)
    }
}

impl From<NoLiteral> for RowError {
    fn from(why: NoLiteral) -> Self {
        RowError::Literal(why)
    }
}

impl From<binlog_parser::Fault> for RowError {
    fn from(fault: binlog_parser::Fault) -> Self {
        RowError::Literal(NoLiteral::Fault(fault))
    }
}
