//! The names of columns where a log's table maps have none: from the statements before them.

use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::Columns;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;
use replay::schema::{Schema, SchemaHistory, Stamp, resolve};
use replay::sql::Dialect;

/// What the logs say about tables up to a place in them.
#[derive(Debug)]
pub struct Definitions {
    history: SchemaHistory,
    stamp: Stamp,
}

impl Definitions {
    /// Reads the statements of `set` before position `offset` of log number `log`; `dump` says what
    /// they do not.
    #[must_use]
    pub fn before(set: &LogSet, log: usize, offset: u64, dump: Schema) -> Self {
        let mut history = SchemaHistory::new(dump);
        for (index, earlier) in set.logs().iter().enumerate().take(log + 1) {
            let end = if index == log { offset } else { earlier.len() };
            read(&mut history, earlier, index, end);
        }
        Definitions { history, stamp: Stamp { log, offset, inner: 0 } }
    }

    /// Gives `columns`, which are those of `map`, what their definition says beyond the map. Where
    /// no definition is known, or none that fits, they stay as they are.
    pub fn name(&self, map: &TableMapEvent<'_>, log: &Log, columns: &mut Columns) {
        let table = resolve(map, log.format().family, self.stamp, &self.history);
        let Ok(table) = table else { return };
        table.name_columns(columns);
    }
}

fn read(history: &mut SchemaHistory, log: &Log, index: usize, end: u64) {
    let server = Dialect::from_server_version(log.format().server_version.as_bytes());
    let mut inflated = Inflated::default();
    for event in log.scan().until(end).trusting().events() {
        // Payloads hold no definitions: MySQL leaves transactions with statements as they are.
        let plain = match event.event_type() {
            EventType::QUERY | EventType::QUERY_COMPRESSED => {
                Transaction::part(event).plain(&mut inflated, log.format()).transaction
            }
            _ => continue,
        };
        // A statement that is not understood leaves its tables without names.
        if let Some(event) = plain.events.first() {
            let _ = history.follow(index, event, &server);
        }
    }
}
