//! Table maps. One stands before every statement, and is hardly ever another than before.

use std::collections::HashMap;
use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::Family;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::row::column::code;
use binlog_parser::row::{ColumnType, RowLayout};
use binlog_parser::scan::RawEvent;
use binlog_parser::wire::le_uint;

use crate::schema::TableName;

/// A table map of a statement.
#[derive(Debug)]
pub(crate) struct Map<'t, 'a> {
    /// The event.
    pub event: &'t RawEvent<'a>,
    /// Number of the table.
    pub table_id: u64,
    /// What it says beside that. Maps that [`KnownMaps`] has found to be the same share it.
    pub said: Arc<Said>,
}

impl Map<'_, '_> {
    /// Name of the table.
    pub fn name(&self) -> &TableName {
        &self.said.name
    }

    /// How long the values of its rows are.
    pub fn layout(&self) -> &RowLayout {
        &self.said.layout
    }

    /// See [`Said::is_sequence`].
    pub fn is_sequence(&self, family: Family) -> bool {
        self.said.is_sequence(family)
    }
}

/// What a table map says beside the table id.
#[derive(Debug)]
pub(crate) struct Said {
    /// The body of one that says it.
    body: Vec<u8>,
    table_id_bytes: usize,
    /// Name of the table.
    pub name: TableName,
    /// See [`binlog_parser::event::table_map::flags`].
    pub flags: u16,
    /// How long the values of its rows are.
    pub layout: RowLayout,
    has_shape_of_sequence: bool,
}

impl Said {
    /// The table id of a map with this body, and what it says beside that.
    fn read(body: &[u8], table_id_bytes: usize) -> Result<(u64, Self), Fault> {
        let map = TableMapEvent::parse(body, table_id_bytes)?;
        let said = Said {
            name: TableName::new(map.database, map.table),
            flags: map.flags,
            layout: map.layout()?,
            has_shape_of_sequence: has_shape_of_sequence(&map),
            body: body.to_vec(),
            table_id_bytes,
        };
        Ok((map.table_id, said))
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.body.get(self.table_id_bytes..).unwrap_or_default()
    }

    /// The map, read again.
    ///
    /// # Errors
    /// None, for it was read before.
    pub fn map(&self) -> Result<TableMapEvent<'_>, Fault> {
        TableMapEvent::parse(&self.body, self.table_id_bytes)
    }

    /// The type of each column.
    ///
    /// # Errors
    /// As [`Said::map`].
    pub fn column_types(&self) -> Result<Vec<ColumnType>, Fault> {
        self.map()?.column_types()
    }

    /// Whether this is a table of MariaDB that holds a sequence. Its one row is written over again
    /// and again, and each time logged as if it were inserted (`ha_sequence::write_row`).
    pub fn is_sequence(&self, family: Family) -> bool {
        family == Family::Mariadb && self.has_shape_of_sequence
    }
}

fn has_shape_of_sequence(map: &TableMapEvent<'_>) -> bool {
    use code::{LONGLONG, TINY};
    const SHAPE: [u8; 8] =
        [LONGLONG, LONGLONG, LONGLONG, LONGLONG, LONGLONG, LONGLONG, TINY, LONGLONG];
    const FIRST: &[u8] = b"next_not_cached_value";
    map.types == SHAPE
        && (0..SHAPE.len()).all(|ordinal| !map.null_bitmap.get(ordinal))
        && match map.optional.column_names() {
            Ok(Some(names)) => names.first() == Some(&FIRST),
            _ => true,
        }
}

/// Table maps that were read before.
#[derive(Debug, Default)]
pub(crate) struct KnownMaps {
    /// What the last of a table id said.
    by_id: HashMap<u64, Arc<Said>, QuickHash>,
}

/// Most maps that are remembered: a server opens no more tables at a time, as a rule.
const MOST_MAPS: usize = 4_096;

impl KnownMaps {
    /// Reads a table map: not at all, if it says what the last of its id said.
    ///
    /// # Errors
    /// A [`Fault`] if the map is malformed.
    #[inline]
    pub fn map<'t, 'a>(
        &mut self,
        event: &'t RawEvent<'a>,
        table_id_bytes: usize,
    ) -> Result<Map<'t, 'a>, Fault> {
        if let Some((table_id, said)) = self.known(event, table_id_bytes) {
            return Ok(Map { event, table_id, said: Arc::clone(said) });
        }
        let (table_id, said) = Said::read(event.body(), table_id_bytes)?;
        let said = Arc::new(said);
        if self.by_id.len() >= MOST_MAPS {
            self.by_id.clear();
        }
        self.by_id.insert(table_id, Arc::clone(&said));
        Ok(Map { event, table_id, said })
    }

    /// The table id of a map that says what the last of its id said, and what that is.
    #[inline]
    pub fn known(&self, event: &RawEvent<'_>, table_id_bytes: usize) -> Option<(u64, &Arc<Said>)> {
        let (id, says) = event.body().split_at_checked(table_id_bytes)?;
        let id = le_uint(id)?;
        self.by_id.get(&id).filter(|said| said.bytes() == says).map(|said| (id, said))
    }
}
