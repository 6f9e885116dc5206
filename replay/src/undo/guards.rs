//! What the undo as rows events is checked by: before the first change, that all rows are as the
//! logs left them. The server compares no more of a row than its key.
//!
//! From the newest change to the oldest, each row is looked at where it is met first: an earlier
//! change of it meets what the undo of the later one leaves.

use std::ops::ControlFlow;

use binlog_parser::address::EventAddress;
use binlog_parser::row::RowImage;
use binlog_parser::source::log_set::LogSet;

use super::backward;
use super::conflicts::{Keys, Order, Place, Prints, RowAt, each_row};
use super::index::Index;
use super::request::Request;
use super::script::{Script, Told};
use super::sql::{CHANGED, TAKEN};
use super::table_sql::TableSql;
use super::tables::Tables;
use crate::error::Result;
use crate::sql::literal::NoLiteral;

/// Most rows of one check, and about how many bytes it may have.
const MOST: (u64, usize) = (100, 64 << 10);

/// Writes the checks, and returns how many rows could not be checked.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write(
    set: &LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    script: &mut Script<'_>,
) -> Result<u64> {
    let mut guards = Guards { script, open: None, seen: Prints::default(), unchecked: 0 };
    let before = request.resume_at.saturating_sub(1);
    let committed = request.batch.map_or(0, |rows| rows.get()).saturating_mul(before);
    let mut number = 0;
    let mut keys = Keys::default();
    let all = 0..index.entries.len();
    backward::transactions(set, index, all, |entry, _, transaction| {
        let place = Place::new(set, index, index.entries[entry]);
        let picked = index.picked.get(&entry);
        let wanted = |name: &crate::schema::TableName| {
            request.filter.selects_table(&name.database, &name.table)
        };
        each_row(&mut keys, tables, place, transaction, Order::Backward, wanted, |row| {
            if picked.is_some_and(|picked| !picked.takes(row.event, row.row)) {
                return Ok(());
            }
            number += 1;
            if number > committed { guards.row(row, place) } else { Ok(()) }
        })?;
        Ok(ControlFlow::Continue(()))
    })
    .map(drop)?;
    guards.end()?;
    Ok(guards.unchecked)
}

struct Guards<'g, 'w> {
    script: &'g mut Script<'w>,
    open: Option<Check>,
    seen: Prints,
    unchecked: u64,
}

/// A check that is being built.
struct Check {
    table: std::sync::Arc<TableSql>,
    address: EventAddress,
    /// Whether its rows have to be there, or else their keys must not be taken.
    there: bool,
    text: Vec<u8>,
    rows: u64,
}

impl Guards<'_, '_> {
    fn row(&mut self, row: &RowAt<'_, '_>, place: Place<'_>) -> Result<()> {
        let (there, image) = match (row.change.before, row.change.after) {
            (_, Some(after)) => (true, after),
            (Some(before), None) => (false, before),
            (None, None) => return Ok(()),
        };
        let Some(table) = row.table else {
            self.unchecked += 1;
            return Ok(());
        };
        // Without a key the server compares all columns itself.
        let Some(last) = row.touch.row_prints().last().filter(|_| table.resolved.key.is_some())
        else {
            return Ok(());
        };
        let met = self.seen.contains(*last)?;
        for print in row.touch.row_prints() {
            self.seen.insert(*print)?;
        }
        if met {
            return Ok(());
        }
        let address = row.event.address(place.log);
        let follows = self.open.as_ref().is_some_and(|open| {
            std::sync::Arc::ptr_eq(&open.table, table)
                && (open.there, &open.address) == (there, &address)
                && open.rows < MOST.0
                && open.text.len() < MOST.1
        });
        if !follows {
            self.end()?;
        }
        let open = self.open.get_or_insert_with(|| Check {
            table: std::sync::Arc::clone(table),
            address,
            there,
            text: vec![],
            rows: 0,
        });
        match open.add(image) {
            Ok(()) => open.rows += 1,
            Err(_) => self.unchecked += 1,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(Check { table, address, there, text, rows }) = self.open.take() else {
            return Ok(());
        };
        if rows == 0 {
            return Ok(());
        }
        let mut condition = match there {
            true => b"(SELECT COUNT(*) FROM ".to_vec(),
            false => b"NOT EXISTS(SELECT * FROM ".to_vec(),
        };
        table.push_table(&mut condition);
        condition.extend_from_slice(b" WHERE ");
        condition.extend_from_slice(&text);
        match there {
            true => condition.extend_from_slice(format!(")={rows}").as_bytes()),
            false => condition.extend_from_slice(b"))"),
        }
        let told = Told::new(
            &address.log,
            (address.position, address.inner),
            if there { CHANGED } else { TAKEN },
        );
        self.script.check_text(&told, &condition, table.has_awkward_names())
    }
}

impl Check {
    /// Adds a row; nothing if one of its values has no literal.
    fn add(&mut self, image: RowImage<'_>) -> Result<(), NoLiteral> {
        let start = self.text.len();
        let mut row = self.table.row();
        row.fill(image)?;
        let added = if self.there {
            self.text.extend_from_slice(if self.rows == 0 { b"(" } else { b" OR (" });
            let added = self.table.push_row_condition(&mut self.text, &row);
            self.text.push(b')');
            added
        } else {
            match self.rows {
                0 => self.table.push_key_in(&mut self.text),
                _ => self.text.push(b','),
            }
            self.table.push_key(&mut self.text, &row)
        };
        if added.is_err() {
            self.text.truncate(start);
        }
        added
    }
}
