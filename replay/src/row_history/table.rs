//! The table as of a table map: its columns by name, and its key.

use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::Family;
use binlog_parser::row::{Columns, RowImage};

use super::Request;
use crate::error::{Error, Result};
use crate::schema::{SchemaHistory, Stamp, readable, resolve};

/// The way out where no key is known.
const HINT: &str = "give the table's definition with --schema FILE (a mysqldump)";

/// The table as of a table map.
#[derive(Debug)]
pub(super) struct Table {
    /// The map's body behind its table id.
    pub body: Vec<u8>,
    pub columns: Columns,
    /// Ordinals of the key's columns.
    pub key: Vec<usize>,
}

impl Table {
    /// # Errors
    /// [`Error::Refused`] if no key is known, with the columns; [`Error::Usage`] if it has another
    /// number of columns than values are given.
    pub fn new(
        map: &TableMapEvent<'_>,
        body: &[u8],
        family: Family,
        stamp: Stamp,
        history: &SchemaHistory,
        request: &Request,
        place: &dyn std::fmt::Display,
    ) -> Result<Table> {
        let refused = |what: String| Error::refused(format!("{place}: {what}"), HINT);
        let mut columns = map.columns(family).map_err(|fault| refused(fault.to_string()))?;
        let key = match resolve(map, family, stamp, history) {
            Ok(resolved) => {
                resolved.name_columns(&mut columns);
                resolved.key.map(|key| key.columns)
            }
            // Names are not needed, but a key is.
            Err(why) => {
                let parts = columns.primary_key.as_ref().filter(|parts| !parts.is_empty());
                let Some(parts) = parts else { return Err(refused(why.to_string())) };
                Some(parts.iter().map(|part| part.ordinal).collect())
            }
        };
        let name = |ordinal: usize| match columns.get(ordinal).and_then(|c| c.name.as_deref()) {
            Some(name) => readable(name),
            None => format!("@{}", ordinal + 1),
        };
        let names = |ordinals: &[usize]| {
            ordinals.iter().map(|ordinal| name(*ordinal)).collect::<Vec<_>>().join(", ")
        };
        let Some(key) = key else {
            let all: Vec<usize> = (0..columns.len()).collect();
            let why = "has neither a primary key nor a unique key of columns that are NOT NULL";
            return Err(refused(format!("{} {why}; its columns: {}", request.table, names(&all))));
        };
        if key.len() != request.key.len() {
            return Err(Error::Usage(format!(
                "{place}: the key of {} has {} columns ({}), and {} values are given",
                request.table,
                key.len(),
                names(&key),
                request.key.len()
            )));
        }
        Ok(Table { body: body.to_vec(), columns, key })
    }

    /// The bytes of an image's key; `None` for an image that lacks a part of it.
    pub fn key_of<'i>(
        &self,
        image: &RowImage<'i>,
    ) -> Result<Option<Vec<Option<&'i [u8]>>>, binlog_parser::Fault> {
        let mut key = vec![None; self.key.len()];
        let mut found = 0;
        for cell in image.cells(&self.columns) {
            let cell = cell?;
            if let Some(at) = self.key.iter().position(|ordinal| *ordinal == cell.ordinal) {
                key[at] = cell.bytes;
                found += 1;
                if found == key.len() {
                    return Ok(Some(key));
                }
            }
        }
        Ok(None)
    }
}
