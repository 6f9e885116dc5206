//! What a log holds, counted.

use std::collections::{BTreeMap, HashMap};

use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::event::rotate::RotateEvent;
use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::gtid::AnyGtidSet;
use binlog_parser::header::EventType;
use binlog_parser::row::RowLayout;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, Transaction, Unit, Units};
use binlog_parser::{Error, Fault};

use crate::damage::{DamageLine, is_cut};
use crate::text::{one_line, utf8};

/// A log in numbers.
#[derive(Debug, Default)]
pub struct Summary {
    /// Events that can be read.
    pub events: u64,
    /// The same by the name of their type.
    pub events_by_type: BTreeMap<&'static str, u64>,
    /// Transactions that end in the log.
    pub transactions: u64,
    /// Address of the transaction that the log ends in the middle of.
    pub open_transaction: Option<String>,
    /// Earliest and latest time of an event, in seconds since 1970.
    pub time: Option<(u32, u32)>,
    /// GTIDs before the log, as far as it says: MySQL's set, or MariaDB's last of each source.
    pub previous_gtids: Option<String>,
    /// GTIDs of the transactions in the log.
    pub gtids: AnyGtidSet,
    /// Rows changed, by database and table.
    pub tables: BTreeMap<(String, String), RowCounts>,
    /// Name of the next log.
    pub next_log: Option<String>,
    /// What cannot be read.
    pub damage: Vec<DamageLine>,
    /// Events whose body cannot be read.
    pub faults: Vec<Error>,
}

/// Rows changed in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowCounts {
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
}

impl Summary {
    /// Reads all of `log`, and tells `progress` the position now and then.
    #[must_use]
    pub fn of(log: &Log, progress: impl Fn(u64)) -> Self {
        let mut summary = Summary::default();
        for unit in Units::new(log.scan()) {
            match unit {
                Unit::Transaction(transaction) => {
                    progress(transaction.end());
                    summary.transaction(log, &transaction);
                }
                Unit::Control(event) => {
                    progress(event.end());
                    summary.event(&event);
                    let read = summary.control(&event);
                    summary.check(log, &event, read);
                }
                Unit::Damage(damage) => {
                    let cut = summary.open_transaction.take();
                    summary.damage.push(DamageLine::of(log, &damage, cut));
                }
            }
        }
        summary
    }

    /// Whether everything could be read, and the log is whole.
    #[must_use]
    pub fn is_sound(&self, log: &Log) -> bool {
        let cut = is_cut(log, self.open_transaction.as_deref());
        self.damage.is_empty() && self.faults.is_empty() && !cut
    }

    fn check(&mut self, log: &Log, event: &RawEvent<'_>, read: Result<(), Fault>) {
        if let Err(fault) = read {
            self.faults.push(fault.at(log.location(event.offset).of(event.event_type().name())));
        }
    }

    fn event(&mut self, event: &RawEvent<'_>) {
        self.events += 1;
        *self.events_by_type.entry(event.event_type().name()).or_default() += 1;
        let time = event.header.timestamp;
        if time != 0 {
            let (first, last) = self.time.unwrap_or((time, time));
            self.time = Some((first.min(time), last.max(time)));
        }
    }

    fn control(&mut self, event: &RawEvent<'_>) -> Result<(), Fault> {
        match event.event_type() {
            EventType::PREVIOUS_GTIDS => {
                let previous = PreviousGtidsEvent::parse(event.body(), &event.header)?;
                self.previous_gtids = Some(one_line(&previous.gtids));
            }
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(event.body(), &event.header)?;
                self.previous_gtids = Some(one_line(&list.state()));
            }
            EventType::ROTATE => {
                let rotate = RotateEvent::parse(event.body())?;
                self.next_log = Some(utf8(rotate.next_log).text.into_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn transaction(&mut self, log: &Log, transaction: &Transaction<'_>) {
        let open = transaction.ending == Ending::Open;
        self.transactions += u64::from(!open);
        self.open_transaction = open.then(|| log.location(transaction.start()).to_string());
        if let Some(event) = transaction.gtid_event() {
            let read = transaction.gtid().map(|gtid| self.gtids.add(&gtid));
            self.check(log, event, read);
        }
        let table_id_bytes = log.format().table_id_bytes();
        let mut tables = HashMap::new();
        for event in &transaction.events {
            self.event(event);
            let read = self.rows(event, table_id_bytes, &mut tables);
            self.check(log, event, read);
        }
    }

    fn rows<'a>(
        &mut self,
        event: &RawEvent<'a>,
        table_id_bytes: usize,
        tables: &mut HashMap<u64, (TableMapEvent<'a>, RowLayout)>,
    ) -> Result<(), Fault> {
        let event_type = event.event_type();
        if event_type == EventType::TABLE_MAP {
            let map = TableMapEvent::parse(event.body(), table_id_bytes)?;
            let layout = map.layout()?;
            tables.insert(map.table_id, (map, layout));
        } else if event_type.is_rows() {
            let rows = RowsEvent::parse(event.body(), event_type, table_id_bytes)?;
            let Some((map, layout)) = tables.get(&rows.table_id) else { return Ok(()) };
            let count = rows.count(layout)?;
            let counts = self.counts(map);
            match rows.kind {
                RowsKind::Write => counts.inserts += count,
                RowsKind::Update => counts.updates += count,
                RowsKind::Delete => counts.deletes += count,
            }
        }
        Ok(())
    }

    fn counts(&mut self, map: &TableMapEvent<'_>) -> &mut RowCounts {
        let name = |name| utf8(name).text.into_owned();
        self.tables.entry((name(map.database), name(map.table))).or_default()
    }
}
