//! What the undo as rows events is checked by: before the first change, that all rows are as the
//! logs left them. The server compares no more of a row than its key.
//!
//! From the newest change to the oldest, each row is looked at where it is met first: an earlier
//! change of it meets what the undo of the later one leaves.
//!
//! ```text
//! stretch | stretch | stretch      on all threads: each row with its fingerprints and its condition
//!     '---------'---------'---> Guards     in order: was it met before? one check for many rows
//! ```

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use binlog_parser::source::log_set::LogSet;

use super::backward::{self, TransactionsMemory};
use super::conflicts::{Keys, Order, Place, Prints, RowAt, each_row};
use super::index::Index;
use super::looks::{Event, Look, Looks};
use super::memory::Pool;
use super::request::Request;
use super::script::{Script, Told};
use super::sql::{CHANGED, TAKEN};
use super::table_sql::TableSql;
use super::tables::Tables;
use crate::error::Result;

/// Most rows of one check, and about how many bytes it may have.
const MOST: (u64, usize) = (100, 64 << 10);

/// Bytes of a transaction from which on its rows are looked at in their turn: the conditions of all
/// would be too much to be held.
const LARGE_BYTES: usize = 4 << 20;

/// Writes the checks, and returns how many rows could not be checked.
///
/// # Errors
/// What the output says, or an event that cannot be read any more.
pub(super) fn write<'s>(
    set: &'s LogSet,
    index: &Index,
    tables: &Tables,
    request: &Request,
    script: &mut Script<'_>,
) -> Result<u64> {
    let before = request.resume_at.saturating_sub(1);
    let committed = request.batch.map_or(0, |rows| rows.get()).saturating_mul(before);
    let (seen, number) = (Prints::default(), 0);
    let mut guards = Guards { set, script, open: None, seen, number, committed, unchecked: 0 };
    let walk = Walk { set, index, tables, request };
    // All fingerprints are made with the same secrets, or they would tell nothing.
    let keys = Keys::default();
    let fresh = || Memory { keys: keys.clone(), walk: TransactionsMemory::default() };
    let spare = Pool::<Looks>::default();
    let make = |entries, memory: &mut Memory<'s>| {
        let mut looks = spare.take().unwrap_or_default();
        looks.clear();
        let add = |row: &RowAt<'_, '_>, place: Place<'_>| {
            looks.add(row, place.number);
            Ok(looks.has_room())
        };
        let whole = walk.rows(entries, memory, LARGE_BYTES, add)?.is_continue();
        Ok(whole.then_some(looks))
    };
    backward::ahead(index, fresh, make, |entries, made| {
        if let Some(looks) = made {
            looks.rows.iter().try_for_each(|look| guards.row(&looks, look))?;
            spare.give(looks);
            return Ok(());
        }
        let mut looks = Looks::default();
        let look = |row: &RowAt<'_, '_>, place: Place<'_>| {
            looks.clear();
            looks.add(row, place.number);
            looks.rows.iter().try_for_each(|look| guards.row(&looks, look))?;
            Ok(true)
        };
        walk.rows(entries, &mut fresh(), usize::MAX, look).map(drop)
    })?;
    guards.end()?;
    Ok(guards.unchecked)
}

/// What is undone, and how it is read.
#[derive(Clone, Copy)]
struct Walk<'s, 'a> {
    set: &'s LogSet,
    index: &'a Index,
    tables: &'a Tables,
    request: &'a Request,
}

impl<'s> Walk<'s, '_> {
    /// Visits the rows of some entries that are undone, the newest first, as long as `visit` has room
    /// for more; breaks there, and before a transaction of more than `most` bytes.
    fn rows(
        &self,
        entries: Range<usize>,
        memory: &mut Memory<'s>,
        most: usize,
        mut visit: impl FnMut(&RowAt<'_, '_>, Place<'_>) -> Result<bool>,
    ) -> Result<ControlFlow<()>> {
        let Walk { set, index, tables, request } = *self;
        let wanted = |name: &crate::schema::TableName| {
            request.filter.selects_table(&name.database, &name.table)
        };
        let Memory { keys, walk } = memory;
        backward::transactions(set, index, entries, walk, |entry, _, transaction| {
            let bytes: usize = transaction.events.iter().map(|event| event.bytes().len()).sum();
            if bytes > most {
                return Ok(ControlFlow::Break(()));
            }
            let place = Place::new(set, index, index.entries[entry]);
            let picked = index.picked.get(&entry);
            let mut room = true;
            each_row(keys, tables, place, transaction, Order::Backward, wanted, |row| {
                if room && picked.is_none_or(|picked| picked.takes(row.event, row.row)) {
                    room = visit(row, place)?;
                }
                Ok(())
            })?;
            Ok(if room { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })
    }
}

/// What a walk uses again.
struct Memory<'s> {
    keys: Keys,
    walk: TransactionsMemory<'s>,
}

struct Guards<'g, 'w> {
    set: &'g LogSet,
    script: &'g mut Script<'w>,
    open: Option<Check>,
    seen: Prints,
    /// Rows so far.
    number: u64,
    /// How many of them an earlier run has undone.
    committed: u64,
    unchecked: u64,
}

/// A check that is being built.
struct Check {
    table: Arc<TableSql>,
    event: Event,
    /// Whether its rows have to be there, or else their keys must not be taken.
    there: bool,
    text: Vec<u8>,
    rows: u64,
}

impl Guards<'_, '_> {
    fn row(&mut self, looks: &Looks, look: &Look) -> Result<()> {
        self.number += 1;
        if self.number <= self.committed {
            return Ok(());
        }
        let row = match look {
            Look::Nameless => {
                self.unchecked += 1;
                return Ok(());
            }
            // Without a key the server compares all columns itself.
            Look::Keyless => return Ok(()),
            Look::Row(row) => row,
        };
        let [first, last] = row.prints;
        let met = self.seen.meet(last)?;
        if first != last {
            self.seen.insert(first)?;
        }
        if met {
            return Ok(());
        }
        let table = &looks.tables[row.table];
        let follows = self.open.as_ref().is_some_and(|open| {
            Arc::ptr_eq(&open.table, table)
                && (open.there, &open.event) == (row.there, &row.event)
                && open.rows < MOST.0
                && open.text.len() < MOST.1
        });
        if !follows {
            self.end()?;
        }
        let open = self.open.get_or_insert_with(|| Check {
            table: Arc::clone(table),
            event: row.event,
            there: row.there,
            text: vec![],
            rows: 0,
        });
        match looks.condition(row) {
            Some(condition) => open.add(condition),
            None => self.unchecked += 1,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(Check { table, event, there, text, rows }) = self.open.take() else {
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
        let log = self.set.logs()[event.log].name();
        let told = Told::new(log, event.place, if there { CHANGED } else { TAKEN });
        self.script.check_text(&told, &condition, table.has_awkward_names())
    }
}

impl Check {
    /// Adds the condition on a row.
    fn add(&mut self, condition: &[u8]) {
        let (before, behind): (&[u8], &[u8]) = match (self.there, self.rows) {
            (true, 0) => (b"(", b")"),
            (true, _) => (b" OR (", b")"),
            (false, 0) => {
                self.table.push_key_in(&mut self.text);
                (b"", b"")
            }
            (false, _) => (b",", b""),
        };
        for part in [before, condition, behind] {
            self.text.extend_from_slice(part);
        }
        self.rows += 1;
    }
}
