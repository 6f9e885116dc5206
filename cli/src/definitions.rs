//! The names of columns where a log's table maps have none: from the statements before them.

use binlog_parser::event::mariadb_gtid::flags_extra;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::Columns;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;
use replay::schema::{
    Charset, ResolvedColumn, Schema, SchemaHistory, Source, Stamp, StatementContext, resolve,
};
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
        table.declare(columns);
        columns.describe(|ordinal, column| {
            if column.name.is_some() {
                return;
            }
            let Some(known) = table.columns.get(ordinal) else { return };
            column.name = Some(known.name.clone().into());
            column.unsigned = column.unsigned.or(known.unsigned);
            column.collation = column.collation.or(known.charset.map(Charset::a_collation_id));
            if column.labels.is_none() && !known.labels.is_empty() {
                column.labels = labels(known, table.source);
            }
        });
    }
}

/// The labels of an ENUM or SET, unless they would be read in another character set than they are
/// in: those of a definition are in UTF-8.
fn labels(column: &ResolvedColumn, source: Source) -> Option<Box<[Box<[u8]>]>> {
    let utf8 = column.charset.is_some_and(|charset| charset.name.starts_with("utf8"));
    let plain = column.labels.iter().all(|label| label.is_ascii());
    let readable = utf8 || plain || source == Source::Metadata;
    readable.then(|| column.labels.iter().map(|label| label.clone().into()).collect())
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
        let Some(Ok(query)) = plain.events.first().map(|event| event.query()) else { continue };
        let alter = query.status_vars().ok().and_then(|vars| vars.gtid_flags3);
        // Of a two-phase ALTER only the half that commits counts.
        const NOT_YET: u8 = flags_extra::START_ALTER | flags_extra::ROLLBACK_ALTER;
        if alter.is_some_and(|(flags, _)| flags & NOT_YET != 0) {
            continue;
        }
        let stamp = Stamp::of(index, &event);
        // A statement that is not understood leaves its tables without names.
        let _ = history.apply(stamp, query.text, &StatementContext::of_query(&server, &query));
    }
}
