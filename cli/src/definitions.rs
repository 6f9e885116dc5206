//! The names of columns where a log's table maps have none: from the statements before them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::Columns;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Transaction;
use replay::schema::{Schema, SchemaHistory, Stamp, defining_texts, may_define, resolve};
use replay::sql::Dialect;

/// What the logs say about tables, so far as they were followed. Threads that work ahead look into
/// it while one follows.
#[derive(Debug)]
pub struct Definitions {
    history: RwLock<SchemaHistory>,
    version: AtomicU64,
}

impl Definitions {
    /// What `dump` says, before any log.
    #[must_use]
    pub fn new(dump: Schema) -> Self {
        Definitions { history: RwLock::new(SchemaHistory::new(dump)), version: AtomicU64::new(0) }
    }

    /// Reads the statements of `set` before position `offset` of log number `log`; `dump` says what
    /// they do not.
    #[must_use]
    pub fn before(set: &LogSet, log: usize, offset: u64, dump: Schema) -> Self {
        let definitions = Definitions::new(dump);
        set.open_indexes(0..log + 1);
        for (index, earlier) in set.logs().iter().enumerate().take(log + 1) {
            let end = if index == log { offset } else { earlier.len() };
            definitions.read(set, index, end);
        }
        definitions
    }

    /// Gives `columns`, which are those of `map` at `stamp`, what their definition says beyond the
    /// map. Where no definition is known, or none that fits, they stay as they are.
    pub fn name(
        &self,
        map: &TableMapEvent<'_>,
        format: &FormatDescription,
        stamp: Stamp,
        columns: &mut Columns,
    ) {
        let history = self.history.read().unwrap_or_else(PoisonError::into_inner);
        let Ok(table) = resolve(map, format.family, stamp, &history) else { return };
        table.name_columns(columns);
    }

    /// Takes in the Query event `event` of log number `log`.
    pub fn follow(&self, log: usize, event: &RawEvent<'_>, server: &Dialect) {
        let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
        // A statement that is not understood leaves its tables without names.
        if history.follow(log, event, server).is_some() {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Another number whenever another definition may hold.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Reads the statements of log number `index` of `set` before position `end`: by its index only
    /// those that matter.
    pub fn read(&self, set: &LogSet, index: usize, end: u64) {
        let log = &set.logs()[index];
        let mut rest = FIRST_EVENT;
        if let Some(indexed) = set.indexed(index)
            && let Some(places) = indexed.with_texts(defining_texts())
        {
            let places = places.into_iter().take_while(|place| place.start < end);
            places.for_each(|place| self.read_range(log, index, place.start..place.end.min(end)));
            rest = indexed.end();
        }
        if rest < end {
            self.read_range(log, index, rest..end);
        }
    }

    fn read_range(&self, log: &Log, index: usize, range: Range<u64>) {
        let server = Dialect::from_server_version(log.format().server_version.as_bytes());
        let mut inflated = Inflated::default();
        for event in log.scan_from(range.start).until(range.end).trusting().events() {
            // Payloads hold no definitions: MySQL leaves transactions with statements as they are.
            let plain = match event.event_type() {
                EventType::QUERY | EventType::QUERY_COMPRESSED => {
                    Transaction::part(event).plain(&mut inflated, log.format()).transaction
                }
                _ => continue,
            };
            if let Some(event) = plain.events.first().filter(|event| defines(event, &server)) {
                self.follow(index, event, &server);
            }
        }
    }
}

/// Whether `event` holds a statement on which a definition may depend, on a server with this
/// dialect.
#[must_use]
pub fn defines(event: &RawEvent<'_>, server: &Dialect) -> bool {
    event.event_type() == EventType::QUERY
        && event.query().is_ok_and(|query| may_define(query.text, server))
}
