//! Every row of a log decoded into values, which are counted: by this parser, and by the crate that
//! most Rust programs read logs with. The race runs each as a program of its own.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::parallel::{self, PIECE_BYTES};
use binlog_parser::row::{Columns, Value};
use binlog_parser::scan::{RawEvent, Scan, Scanned};
use binlog_parser::source::log::Log;
use mysql_common::binlog::BinlogFile;
use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::EventData;

/// What was decoded. Two readers that did the same work have the same of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Changes of rows.
    pub rows: u64,
    /// Of these, inserts and updates: what has an image of the row after it.
    pub written: u64,
    /// Values of all their images.
    pub values: u64,
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {} values", self.rows, self.values)
    }
}

impl Decoded {
    fn add(&mut self, other: Decoded) {
        self.rows += other.rows;
        self.written += other.written;
        self.values += other.values;
    }
}

/// Decodes with this parser, on all threads of rayon's pool.
///
/// # Errors
/// Damage, and rows that cannot be read.
pub fn ours(path: &Path) -> Result<Decoded> {
    let log = Log::open(path)?;
    let mut sum = Ok(Decoded::default());
    let work = |scan: &mut Scan<'_>| Some(decode(&log, scan));
    parallel::events(&log, parallel::whole(&log), PIECE_BYTES, work, |made, scan| {
        match (&mut sum, made.unwrap_or_else(|| decode(&log, scan))) {
            (Ok(sum), Ok(decoded)) => {
                sum.add(decoded);
                ControlFlow::Continue(())
            }
            (sum, failed) => {
                *sum = failed;
                ControlFlow::Break(())
            }
        }
    });
    sum
}

/// Decodes several logs with this parser.
///
/// # Errors
/// As [`ours`].
pub fn all(paths: &[PathBuf]) -> Result<Decoded> {
    let mut sum = Decoded::default();
    for path in paths {
        sum.add(ours(path)?);
    }
    Ok(sum)
}

fn decode(log: &Log, scan: &mut Scan<'_>) -> Result<Decoded> {
    let mut decoder = Decoder::default();
    for scanned in scan {
        match scanned {
            Scanned::Event(event) => decoder.event(log, &event)?,
            Scanned::Damage(damage) => bail!("{}", damage.reason),
        }
    }
    Ok(decoder.decoded)
}

/// Decodes the rows of one event after another.
#[derive(Default)]
struct Decoder<'a> {
    /// Columns by all that a table map says but its table id.
    known: HashMap<&'a [u8], Arc<Columns>>,
    maps: HashMap<u64, Arc<Columns>>,
    decoded: Decoded,
}

impl<'a> Decoder<'a> {
    fn event(&mut self, log: &Log, event: &RawEvent<'a>) -> Result<()> {
        let id_bytes = log.format().table_id_bytes();
        if event.event_type() == EventType::TABLE_MAP {
            let map = TableMapEvent::parse(event.body(), id_bytes)?;
            let key = event.body().get(id_bytes..).unwrap_or_default();
            let columns = match self.known.get(key) {
                Some(columns) => Arc::clone(columns),
                None => {
                    let columns = Arc::new(map.columns(log.format().family)?);
                    self.known.insert(key, Arc::clone(&columns));
                    columns
                }
            };
            self.maps.insert(map.table_id, columns);
        } else if event.event_type().is_rows() {
            let rows = RowsEvent::parse(event.body(), event.event_type(), id_bytes)?;
            let columns = self.maps.get(&rows.table_id).context("rows without a table map")?;
            for change in rows.changes(columns.layout()) {
                let change = change?;
                self.decoded.rows += 1;
                self.decoded.written += u64::from(change.after.is_some());
                for image in [change.before, change.after].into_iter().flatten() {
                    for cell in image.cells(columns) {
                        let value: Value<'_> = cell?.value(columns)?;
                        std::hint::black_box(&value);
                        self.decoded.values += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Decodes with `mysql_common`, as its documentation has it.
///
/// # Errors
/// What it cannot read.
pub fn mysql_common(path: &Path) -> Result<Decoded> {
    let reader = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut file = BinlogFile::new(BinlogVersion::Version4, reader)?;
    let mut decoded = Decoded::default();
    while let Some(event) = file.next() {
        let event = event?;
        let Some(EventData::RowsEvent(rows)) = event.read_data()? else { continue };
        let map = file.reader().get_tme(rows.table_id()).context("rows without a table map")?;
        for row in rows.rows(map) {
            let (before, after) = row?;
            decoded.rows += 1;
            decoded.written += u64::from(after.is_some());
            for image in [&before, &after].into_iter().flatten() {
                std::hint::black_box(image);
                decoded.values += image.len() as u64;
            }
        }
    }
    Ok(decoded)
}
