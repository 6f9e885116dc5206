//! Tables as the rows of a log make them, image by image, whatever the images lack.

use std::collections::BTreeMap;

use binlog_parser::event::rows::{RowChange, RowsEvent};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::inflate::Inflated;
use binlog_parser::row::json::Json;
use binlog_parser::row::{Columns, RowImage, Value};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::{Unit, Units};
use servers::Product;

use crate::forms::shown;

/// A value: its text, and the bytes that differences of JSON apply to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub text: String,
    bytes: Vec<u8>,
}

/// A row; `None` for what has not been logged.
type Row = Vec<Option<Stored>>;

/// The tables of a server by name.
#[derive(Debug)]
pub struct Model<'k> {
    product: Product,
    /// What is known of columns where their maps say nothing.
    known: &'k BTreeMap<String, Columns>,
    pub tables: BTreeMap<String, Vec<Row>>,
    /// How many documents were made of differences.
    pub documents: usize,
}

impl<'k> Model<'k> {
    /// Empty tables, whose columns are `known`.
    pub fn new(product: Product, known: &'k BTreeMap<String, Columns>) -> Self {
        Model { product, known, tables: BTreeMap::new(), documents: 0 }
    }

    /// Does what the log says to the tables of database `every`.
    pub fn apply(&mut self, log: &Log) {
        let mut maps: BTreeMap<u64, (String, Columns)> = BTreeMap::new();
        let family = log.format().family;
        let mut inflated = Inflated::default();
        let mut units = Units::new(log.scan());
        while let Some(unit) = units.next() {
            let transaction = match unit {
                Unit::Transaction(transaction) => transaction,
                Unit::Control(_) => continue,
                Unit::Damage(damage) => panic!("{damage:?}"),
            };
            let plain = transaction.plain(&mut inflated, units.format());
            assert_eq!(plain.damage, None);
            for event in &plain.transaction.events {
                self.event(event, family, &mut maps);
            }
        }
    }

    fn event(
        &mut self,
        event: &RawEvent<'_>,
        family: Family,
        maps: &mut BTreeMap<u64, (String, Columns)>,
    ) {
        if event.event_type() == EventType::TABLE_MAP {
            let map = TableMapEvent::parse(event.body(), 6).unwrap();
            if map.database == b"every" {
                let table = String::from_utf8(map.table.into()).unwrap();
                let columns = self.described(&table, map.columns(family).unwrap());
                maps.insert(map.table_id, (table, columns));
            } else {
                maps.remove(&map.table_id);
            }
        } else if event.event_type().is_rows() {
            let rows = RowsEvent::parse(event.body(), event.event_type(), 6).unwrap();
            let Some((table, columns)) = maps.get(&rows.table_id) else { return };
            for change in rows.changes(columns.layout()) {
                self.change(table, columns, &change.unwrap());
            }
        }
    }

    /// The columns of a map, with what the map does not say.
    fn described(&self, table: &str, mut columns: Columns) -> Columns {
        // Servers also map tables of which they log no row, for foreign keys lead there.
        let Some(known) = self.known.get(table) else { return columns };
        columns.describe(|ordinal, column| {
            let known = known[ordinal].clone();
            assert_eq!(column.column_type, known.column_type, "{table}");
            assert_eq!(column.nullable, known.nullable, "{table}");
            if column.unsigned.is_some() {
                assert_eq!(column.unsigned, known.unsigned, "{table}");
            }
            *column = known;
        });
        columns
    }

    fn change(&mut self, table: &str, columns: &Columns, change: &RowChange<'_>) {
        let rows = self.tables.entry(table.to_owned()).or_default();
        let place = change.before.map(|before| {
            let before = stored(self.product, &before, columns, None, &mut 0);
            let place = rows.iter().position(|row| {
                before.iter().zip(row).all(|(a, b)| {
                    a.as_ref().is_none_or(|a| b.as_ref().is_some_and(|b| a.text == b.text))
                })
            });
            place.unwrap_or_else(|| panic!("{table} has no row {before:?}"))
        });
        let Some(after) = change.after else {
            rows.remove(place.unwrap());
            return;
        };
        let old = place.map(|place| rows[place].clone());
        let new = stored(self.product, &after, columns, old.as_ref(), &mut self.documents);
        if let Ok(Some(whole)) = change.whole_after(columns.layout(), &mut Vec::new()) {
            // The before-image has it all: then the log alone gives the same.
            let whole = stored(self.product, &whole, columns, None, &mut 0);
            let texts = |row: &Row| -> Vec<_> {
                row.iter().map(|value| value.as_ref().map(|value| value.text.clone())).collect()
            };
            assert_eq!(texts(&whole), texts(&new), "{table}");
        } else {
            assert!(change.before.is_some_and(|before| !before.present().all()), "{table}");
        }
        match place {
            Some(place) => {
                for (slot, value) in rows[place].iter_mut().zip(new) {
                    *slot = value.or(slot.take());
                }
            }
            None => rows.push(new),
        }
    }
}

/// The values of an image; documents of which it has differences are those of `old`, changed.
fn stored(
    product: Product,
    image: &RowImage<'_>,
    columns: &Columns,
    old: Option<&Row>,
    documents: &mut usize,
) -> Row {
    let mut row = vec![None; columns.len()];
    for cell in image.cells(columns) {
        let cell = cell.unwrap();
        let value = cell.value(columns).unwrap();
        let bytes = match value {
            Value::JsonDiffs(diffs) => {
                *documents += usize::from(!diffs.bytes.is_empty());
                let before = old.unwrap()[cell.ordinal].as_ref().unwrap();
                diffs.apply(Json { bytes: &before.bytes }).unwrap().into_owned()
            }
            _ => cell.bytes.unwrap_or_default().to_vec(),
        };
        let value = match value {
            Value::JsonDiffs(_) => Value::Json(Json { bytes: &bytes }),
            value => value,
        };
        let text = shown(product, &value);
        row[cell.ordinal] = Some(Stored { text, bytes });
    }
    row
}
