//! Reads the body of every event to its last value.

use std::collections::HashMap;

use binlog_parser::Fault;
use binlog_parser::event::execute_load_query::ExecuteLoadQueryEvent;
use binlog_parser::event::file_block::{FileBlockEvent, file_id};
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::intvar::IntvarEvent;
use binlog_parser::event::load_data::LoadDataEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::event::rand::RandEvent;
use binlog_parser::event::rotate::RotateEvent;
use binlog_parser::event::rows::RowsEvent;
use binlog_parser::event::start_encryption::StartEncryptionEvent;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::event::text::{IncidentEvent, binlog_checkpoint, rows_query};
use binlog_parser::event::user_var::UserVarEvent;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::{Columns, RowImage};
use binlog_parser::scan::RawEvent;
use binlog_parser::transaction::Transaction;

/// What has to be remembered from one event to the next.
#[derive(Debug, Default)]
pub struct Bodies {
    tables: HashMap<u64, Columns>,
}

impl Bodies {
    /// Reads the body of `event`, and gives the number of rows of which every value was decoded.
    pub fn read(
        &mut self,
        event: &RawEvent<'_>,
        format: &FormatDescription,
    ) -> Result<usize, Fault> {
        let body = event.body();
        match event.event_type() {
            event_type if event_type.is_compressed() => return self.compressed(event, format),
            EventType::TABLE_MAP => {
                let map = TableMapEvent::parse(body, format.table_id_bytes())?;
                map.optional.column_names()?;
                self.tables.insert(map.table_id, map.columns(format.family)?);
            }
            EventType(20..=25 | 30..=32 | 39) => return self.rows(event, format),
            _ => read_other(event, body)?,
        }
        Ok(0)
    }

    fn compressed(
        &mut self,
        event: &RawEvent<'_>,
        format: &FormatDescription,
    ) -> Result<usize, Fault> {
        let mut inflated = Inflated::default();
        let plain = Transaction::part(*event).plain(&mut inflated, format);
        let mut rows = 0;
        for event in &plain.transaction.events {
            rows += self.read(event, format)?;
        }
        plain.damage.map_or(Ok(rows), |damage| Err(damage.fault))
    }

    fn rows(&self, event: &RawEvent<'_>, format: &FormatDescription) -> Result<usize, Fault> {
        let rows = RowsEvent::parse(event.body(), event.event_type(), format.table_id_bytes())?;
        let Some(columns) = self.tables.get(&rows.table_id) else {
            return Err(Fault::value("table id", "one that a map names", rows.table_id));
        };
        let mut count = 0;
        let mut whole = Vec::new();
        for change in rows.changes(columns.layout()) {
            let change = change?;
            for image in [change.before, change.after].into_iter().flatten() {
                read_values(&image, columns)?;
            }
            if let Some(after) = change.whole_after(columns.layout(), &mut whole)? {
                read_values(&after, columns)?;
            }
            count += 1;
        }
        Ok(count)
    }
}

fn read_values(image: &RowImage<'_>, columns: &Columns) -> Result<(), Fault> {
    let mut text = Vec::new();
    for cell in image.cells(columns) {
        cell?.value(columns)?.write_text(&mut text)?;
        text.clear();
    }
    Ok(())
}

fn read_other(event: &RawEvent<'_>, body: &[u8]) -> Result<(), Fault> {
    let header = &event.header();
    match event.event_type() {
        EventType::QUERY => event.query()?.status_vars().map(drop),
        EventType::ROTATE => RotateEvent::parse(body).map(drop),
        EventType::INTVAR => IntvarEvent::parse(body).map(drop),
        EventType::RAND => RandEvent::parse(body).map(drop),
        EventType::USER_VAR => UserVarEvent::parse(body).map(drop),
        EventType::LOAD | EventType::NEW_LOAD | EventType::CREATE_FILE => {
            LoadDataEvent::parse(body, event.event_type()).map(drop)
        }
        EventType::APPEND_BLOCK | EventType::BEGIN_LOAD_QUERY => {
            FileBlockEvent::parse(body).map(drop)
        }
        EventType::EXEC_LOAD | EventType::DELETE_FILE => file_id(body).map(drop),
        EventType::EXECUTE_LOAD_QUERY => {
            ExecuteLoadQueryEvent::parse(body)?.query.status_vars().map(drop)
        }
        EventType::INCIDENT => IncidentEvent::parse(body).map(drop),
        EventType::ROWS_QUERY => rows_query(body).map(drop),
        EventType::GTID | EventType::ANONYMOUS_GTID | EventType::GTID_TAGGED => {
            GtidEvent::parse(body, header).map(drop)
        }
        EventType::PREVIOUS_GTIDS => PreviousGtidsEvent::parse(body, header).map(drop),
        EventType::XA_PREPARE => XaPrepareEvent::parse(body).map(drop),
        EventType::BINLOG_CHECKPOINT => binlog_checkpoint(body).map(drop),
        EventType::MARIADB_GTID => MariadbGtidEvent::parse(body, header).map(drop),
        EventType::GTID_LIST => GtidListEvent::parse(body, header).map(drop),
        EventType::START_ENCRYPTION => StartEncryptionEvent::parse(body).map(drop),
        EventType::XID if body.len() != 8 => Err(Fault::value("xid", "8 bytes", body.len())),
        // A format description was read by the walk; the others have no body, or one of text alone.
        EventType::FORMAT_DESCRIPTION
        | EventType::START_V3
        | EventType::STOP
        | EventType::XID
        | EventType::ANNOTATE_ROWS => Ok(()),
        other => Err(Fault::unsupported("event type", format!("number {} is not known", other.0))),
    }
}
