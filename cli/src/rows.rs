//! The rows of an event, for people and for programs: straight into the lines that go out.

use std::io;
use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::error::FaultKind;
use binlog_parser::event::rows::{RowChange, RowsEvent};
use binlog_parser::row::{Columns, RowImage};
use binlog_parser::scan::RawEvent;
use serde::Serialize;

use crate::describe::Describer;
use crate::json;
use crate::lines::Lines;
use crate::tables::Table;
use crate::value::{JsonImage, ShownColumns};

/// The rows of an event whose table is known.
#[derive(Debug)]
pub struct Rows<'a> {
    rows: RowsEvent<'a>,
    table: Arc<Table>,
}

/// One row as JSON.
#[derive(Serialize)]
struct ChangeLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<JsonImage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<JsonImage<'a>>,
}

impl<'a> Rows<'a> {
    /// The rows of `event`, which `describer` has described last; none if it holds none that can be
    /// read, as was told then.
    #[must_use]
    pub fn of(event: &RawEvent<'a>, describer: &Describer<'_>) -> Option<Self> {
        if !event.event_type().is_rows() {
            return None;
        }
        let id_bytes = describer.table_id_bytes();
        let rows = RowsEvent::parse(event.body(), event.event_type(), id_bytes).ok()?;
        let table = Arc::clone(describer.table(rows.table_id)?);
        Some(Rows { rows, table })
    }

    /// The columns of the table.
    ///
    /// # Errors
    /// The fault in its map.
    pub fn columns(&self) -> Result<Option<&ShownColumns>, Fault> {
        self.table
            .columns
            .as_ref()
            .map(|columns| columns.as_ref().map_err(Fault::clone))
            .transpose()
    }

    /// A line for each image of `columns`, before (-) and after (+), values cut to `width`
    /// characters if that is given. What cannot be read is left out, and `fault` is told why.
    ///
    /// # Errors
    /// Those of [`Lines::pass`].
    pub fn write_text(
        &self,
        columns: &ShownColumns,
        width: Option<usize>,
        lines: &mut Lines<'_>,
        fault: &mut dyn FnMut(Fault),
    ) -> io::Result<()> {
        self.each(columns, fault, |before, after, fault| {
            for (sign, image) in [(b"    - ", before), (b"    + ", after)] {
                let Some(image) = image else { continue };
                let start = lines.bytes.len();
                lines.bytes.extend_from_slice(sign);
                match columns.write_image(&image, width, &mut lines.bytes) {
                    Ok(()) => lines.bytes.push(b'\n'),
                    Err(why) => {
                        lines.bytes.truncate(start);
                        fault(why);
                    }
                }
            }
            lines.pass()
        })
    }

    /// A list of `{"before": {…}, "after": {…}}`, as [`Rows::write_text`].
    ///
    /// # Errors
    /// Those of [`Lines::pass`].
    pub fn write_json(
        &self,
        columns: &ShownColumns,
        lines: &mut Lines<'_>,
        fault: &mut dyn FnMut(Fault),
    ) -> io::Result<()> {
        lines.bytes.push(b'[');
        let mut first = true;
        self.each(columns, fault, |before, after, fault| {
            let start = lines.bytes.len();
            if !first {
                lines.bytes.push(b',');
            }
            let [before, after] =
                [before, after].map(|image| image.map(|image| JsonImage { image, columns }));
            match json::write(&mut lines.bytes, &ChangeLine { before, after }) {
                Ok(()) => first = false,
                Err(why) => {
                    lines.bytes.truncate(start);
                    fault(Fault::value("row", "values that can be read", why));
                }
            }
            lines.pass()
        })?;
        lines.bytes.push(b']');
        Ok(())
    }

    /// Hands every row to `show`, JSON documents whole; what comes behind a row whose bounds cannot
    /// be told is lost, as was told when the event was described.
    fn each(
        &self,
        columns: &ShownColumns,
        fault: &mut dyn FnMut(Fault),
        mut show: impl FnMut(
            Option<RowImage<'_>>,
            Option<RowImage<'_>>,
            &mut dyn FnMut(Fault),
        ) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut scratch = vec![];
        for change in self.rows.changes(columns.columns().layout()) {
            let Ok(change) = change else { break };
            let after = whole_after(&change, columns.columns(), &mut scratch);
            let after = after.unwrap_or_else(|why| {
                fault(why);
                change.after
            });
            show(change.before, after, fault)?;
        }
        Ok(())
    }
}

/// The row after the change, JSON documents whole; or what changed in them, where the log has no
/// more.
fn whole_after<'s>(
    change: &RowChange<'s>,
    columns: &Columns,
    scratch: &'s mut Vec<u8>,
) -> Result<Option<RowImage<'s>>, Fault> {
    match change.whole_after(columns.layout(), scratch) {
        Err(Fault { kind: FaultKind::Unsupported { .. }, .. }) => Ok(change.after),
        whole => whole,
    }
}
