//! The transactions of one log that matter to rows that are looked for, in the order of the log.

use std::sync::Arc;

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Ending, Step, Transaction, Unit, Units, step};

use crate::schema::TableName;
use crate::undo::history::is_tail;
use crate::undo::unreadable::unreadable;

/// Something in a log that matters.
#[derive(Debug)]
pub(super) enum Item {
    /// A transaction, and how its events are read.
    Transaction(u64, Arc<FormatDescription>),
    /// Here and to this position, nobody knows what was done.
    Unknown(u64, String),
}

/// Lists what matters in a log to rows of `tables`.
pub(super) fn backlog(log: &Log, tables: &[TableName]) -> Vec<Item> {
    let mut items = vec![];
    let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
    let mut format = Arc::new(log.format().clone());
    while let Some(unit) = units.next() {
        match unit {
            Unit::Transaction(transaction) => {
                let start = transaction.start();
                match transaction.ending {
                    // Without an end, it took no effect, or damage follows that tells.
                    Ending::Open => {}
                    Ending::Headless => {
                        items
                            .push(Item::Unknown(start, "a transaction lacks its beginning".into()));
                    }
                    _ => {
                        let plain = transaction.plain(&mut inflated, units.format());
                        if let Some(damage) = &plain.damage {
                            items.push(Item::Unknown(start, damage.fault.to_string()));
                        } else if matters(&plain.transaction, &format, tables) {
                            items.push(Item::Transaction(start, Arc::clone(&format)));
                        }
                    }
                }
            }
            Unit::Control(event) => {
                if event.event_type() == EventType::FORMAT_DESCRIPTION {
                    format = Arc::new(units.format().clone());
                } else if let Some(why) = unreadable(&event) {
                    items.push(Item::Unknown(event.offset, why.into()));
                }
            }
            Unit::Damage(damage) if is_tail(&damage) => {}
            Unit::Damage(damage) => {
                let why = format!("damaged to {}: {}", damage.range.end, damage.reason);
                items.push(Item::Unknown(damage.range.start, why));
            }
        }
    }
    items
}

/// Whether a transaction may say something of rows of `tables`.
fn matters(
    transaction: &Transaction<'_>,
    format: &FormatDescription,
    tables: &[TableName],
) -> bool {
    // What was prepared took effect if it was committed, which is in a transaction of its own.
    if matches!(transaction.ending, Ending::Whole) {
        return true;
    }
    transaction.events.iter().any(|event| match event.event_type() {
        EventType::TABLE_MAP => {
            let map = TableMapEvent::parse(event.body(), format.table_id_bytes());
            map.map_or(true, |map| {
                let named =
                    |table: &TableName| table.table == map.table && table.database == map.database;
                tables.iter().any(named)
            })
        }
        EventType::QUERY => event
            .query()
            .map_or(true, |query| matches!(step(query.text), Step::Statement | Step::XaDecision)),
        EventType::XA_PREPARE => true,
        EventType::EXECUTE_LOAD_QUERY => true,
        _ => unreadable(event).is_some(),
    })
}
