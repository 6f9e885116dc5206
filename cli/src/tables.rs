//! Tables as the maps of a log tell them, each taken apart once: the same map stands before every
//! statement.

use std::collections::HashMap;
use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::quick_hash::QuickHash;
use binlog_parser::row::RowLayout;
use binlog_parser::scan::RawEvent;
use replay::schema::Stamp;

use crate::definitions::Definitions;
use crate::text::utf8;
use crate::value::ShownColumns;

/// A table, ready for its rows to be counted and shown.
#[derive(Debug)]
pub struct Table {
    /// `database.table`, not made safe yet.
    pub name: String,
    /// How long the values of a row are.
    pub layout: Result<RowLayout, Fault>,
    /// Its columns; none where nobody wants to see rows.
    pub columns: Option<Result<ShownColumns, Fault>>,
}

/// A table whose map was met.
#[derive(Debug)]
struct Known {
    /// All that the map says but its table id.
    says: Box<[u8]>,
    table: Arc<Table>,
}

/// The tables of a log by their maps.
#[derive(Debug)]
pub struct Tables<'d> {
    /// By table id.
    known: HashMap<u64, Known, QuickHash>,
    definitions: Option<&'d Definitions>,
    /// Of the definitions by which they are known.
    version: u64,
}

/// How many tables are kept: more than a server has at work at a time.
const MOST: usize = 1024;

impl<'d> Tables<'d> {
    /// No tables so far. With `definitions`, which name their columns, rows can be shown.
    #[must_use]
    pub fn new(definitions: Option<&'d Definitions>) -> Self {
        let version = definitions.map_or(0, Definitions::version);
        Tables { known: HashMap::default(), definitions, version }
    }

    /// The table of `map`, which is `event` of log number `log` and of this format.
    pub fn get(
        &mut self,
        map: &TableMapEvent<'_>,
        event: &RawEvent<'_>,
        log: usize,
        format: &FormatDescription,
    ) -> Arc<Table> {
        let version = self.definitions.map_or(0, Definitions::version);
        if std::mem::replace(&mut self.version, version) != version || self.known.len() >= MOST {
            self.known.clear();
        }
        let says = event.body().get(format.table_id_bytes()..).unwrap_or_default();
        let known = self.known.get(&map.table_id).filter(|known| *known.says == *says);
        if let Some(known) = known {
            return Arc::clone(&known.table);
        }
        let columns = self.definitions.map(|definitions| {
            let mut columns = map.columns(format.family)?;
            definitions.name(map, format, Stamp::of(log, event), &mut columns);
            Ok(ShownColumns::new(columns))
        });
        // A definition knows better than its map how long MariaDB's own temporal types are.
        let layout = match &columns {
            Some(Ok(shown)) => Ok(shown.columns().layout().clone()),
            _ => map.layout(),
        };
        let name = format!("{}.{}", utf8(map.database).text, utf8(map.table).text);
        let table = Arc::new(Table { name, layout, columns });
        let known = Known { says: says.into(), table: Arc::clone(&table) };
        self.known.insert(map.table_id, known);
        table
    }
}
