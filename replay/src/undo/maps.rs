//! Table maps. One stands before every statement, and is hardly ever another than before.

use std::collections::HashMap;
use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::Family;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::row::RowLayout;
use binlog_parser::row::column::code;
use binlog_parser::scan::RawEvent;
use binlog_parser::wire::le_uint;

use crate::schema::TableName;

/// A table map of a statement.
#[derive(Debug)]
pub(crate) struct Map<'t, 'a> {
    /// The event.
    pub event: &'t RawEvent<'a>,
    /// What it says.
    pub map: TableMapEvent<'a>,
    /// How long the values of its rows are. Maps that [`Layouts`] has found to be the same share it.
    pub layout: Arc<RowLayout>,
}

impl Map<'_, '_> {
    /// Name of the table.
    pub fn name(&self) -> TableName {
        TableName::new(self.map.database, self.map.table)
    }

    /// See [`is_sequence`].
    pub fn is_sequence(&self, family: Family) -> bool {
        is_sequence(&self.map, family)
    }
}

/// Whether this is a table of MariaDB that holds a sequence. Its one row is written over again
/// and again, and each time logged as if it were inserted (`ha_sequence::write_row`).
pub(crate) fn is_sequence(map: &TableMapEvent<'_>, family: Family) -> bool {
    use code::{LONGLONG, TINY};
    const SHAPE: [u8; 8] =
        [LONGLONG, LONGLONG, LONGLONG, LONGLONG, LONGLONG, LONGLONG, TINY, LONGLONG];
    const FIRST: &[u8] = b"next_not_cached_value";
    family == Family::Mariadb
        && map.types == SHAPE
        && (0..SHAPE.len()).all(|ordinal| !map.null_bitmap.get(ordinal))
        && match map.optional.column_names() {
            Ok(Some(names)) => names.first() == Some(&FIRST),
            _ => true,
        }
}

/// Layouts of table maps that were read before.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    /// By table id: the map without it, and its layout.
    known: HashMap<u64, (Vec<u8>, Arc<RowLayout>), QuickHash>,
}

/// Most maps that are remembered: a server opens no more tables at a time, as a rule.
const MOST_MAPS: usize = 4_096;

impl Layouts {
    /// The table id of a map that is the same as the last of this id, and its layout.
    pub fn known(
        &self,
        event: &RawEvent<'_>,
        table_id_bytes: usize,
    ) -> Option<(u64, &Arc<RowLayout>)> {
        let id = le_uint(event.body().get(..table_id_bytes)?)?;
        let (said, layout) = self.known.get(&id)?;
        (said == without_id(event.body(), table_id_bytes)).then_some((id, layout))
    }

    /// Reads a table map.
    ///
    /// # Errors
    /// A [`Fault`] if the map is malformed.
    pub fn map<'t, 'a>(
        &mut self,
        event: &'t RawEvent<'a>,
        table_id_bytes: usize,
    ) -> Result<Map<'t, 'a>, Fault> {
        let map = TableMapEvent::parse(event.body(), table_id_bytes)?;
        let says = without_id(event.body(), table_id_bytes);
        let known = self.known.get(&map.table_id).filter(|(said, _)| said == says);
        let layout = match known {
            Some((_, layout)) => Arc::clone(layout),
            None => {
                let layout = Arc::new(map.layout()?);
                if self.known.len() >= MOST_MAPS {
                    self.known.clear();
                }
                self.known.insert(map.table_id, (says.to_vec(), Arc::clone(&layout)));
                layout
            }
        };
        Ok(Map { event, map, layout })
    }
}

/// What the body of a table map says beside the table id.
pub(crate) fn without_id(body: &[u8], table_id_bytes: usize) -> &[u8] {
    body.get(table_id_bytes..).unwrap_or_default()
}
