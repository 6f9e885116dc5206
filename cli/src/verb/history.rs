//! `binlog history`: everything that happened to one row.

use std::borrow::Cow;
use std::io::Write;

use binlog_parser::Fault;
use binlog_parser::address::Address;
use binlog_parser::row::{Columns, RowImage, Value};
use binlog_parser::source::log_set::LogSet;
use clap::Args;
use replay::row_history::{self, Change, Identity, KnownRow, Request, State, What};
use replay::schema::TableName;
use replay::select::{TableName as SelectName, Target};
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};

use crate::args::logs::{self, LogArgs};
use crate::args::output::{Format, FormatArgs, Output, OutputArgs};
use crate::args::schema::SchemaArgs;
use crate::args::select::SelectArgs;
use crate::args::target::resolve;
use crate::args::time::{Zone, rfc3339};
use crate::exit::{Exit, Failure, Outcome};
use crate::json;
use crate::notes::count;
use crate::text::{decode, safe, utf8};
use crate::ui::Ui;
use crate::value::{JsonImage, JsonValue, Script, ShownColumns, column_name, show};

const EXAMPLES: &str = "\
The key is the primary key, else a unique key whose columns are all NOT NULL: a value for each of its \
columns, in the key's order, as the server prints it; bytes as 0x…; with a comma in it, in 'quotes'. \
Text has to be the same character by character. Where an update gives the row another key, its \
history goes on under that one. Statements of text on the table, and DDL, may have changed it.

Exit code 1 says that the logs hold no change of the row, or, with --as-of, do not tell what it was.

Examples:
  binlog history --table shop.users --key 4711 binlog.index
  binlog history --table shop.order_lines --key 17,3 --start-datetime -2h binlog.0*
  binlog history --table shop.users --key 4711 --as-of binlog.000007:4711 binlog.0*";

/// Tells every change to the row with a key, oldest first; or what it was at a moment.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct HistoryArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// The row's key: a value for each of its columns
    #[arg(long, value_name = "V[,V]", value_parser = key, allow_hyphen_values = true)]
    key: Key,

    /// What the row was just before the event at ADDR, and no history
    #[arg(long, value_name = "ADDR")]
    as_of: Option<Address>,

    #[command(flatten)]
    schema: SchemaArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    select: SelectArgs,
}

/// The values of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key(Vec<String>);

/// Reads values between commas; one in quotes may hold commas, and its quotes doubled.
fn key(text: &str) -> Result<Key, String> {
    let mut values = vec![];
    let mut rest = text;
    loop {
        let Some(quoted) = rest.strip_prefix('\'') else {
            match rest.split_once(',') {
                Some((value, behind)) => {
                    values.push(value.to_owned());
                    rest = behind;
                    continue;
                }
                None => {
                    values.push(rest.to_owned());
                    return Ok(Key(values));
                }
            }
        };
        let mut value = String::new();
        let mut inside = quoted;
        let behind = loop {
            let (before, after) = inside.split_once('\'').ok_or("a quote is not closed")?;
            value.push_str(before);
            match after.strip_prefix('\'') {
                Some(after) => {
                    value.push('\'');
                    inside = after;
                }
                None => break after,
            }
        };
        values.push(value);
        match behind.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if behind.is_empty() => return Ok(Key(values)),
            None => return Err("a comma is needed behind a quoted value".to_owned()),
        }
    }
}

/// Whether `text` is this value, in the server's form.
fn same(text: &str, value: &Value<'_>, collation: Option<u16>) -> bool {
    match value {
        Value::Integer(integer) => match text.parse::<i128>() {
            Ok(number) if integer.is_unsigned() == Some(true) => {
                number == i128::from(integer.unsigned())
            }
            // Without a sign known, either reading may be meant.
            Ok(number) if integer.is_unsigned().is_none() => {
                number == i128::from(integer.signed()) || number == i128::from(integer.unsigned())
            }
            Ok(number) => number == i128::from(integer.signed()),
            Err(_) => false,
        },
        Value::Text(held) => {
            if let Some(bytes) = text.strip_prefix("0x").and_then(unhex) {
                let mut all = vec![];
                held.write_text(&mut all);
                // A BINARY is padded with zeros.
                return all.starts_with(&bytes)
                    && (all.len() == bytes.len()
                        || held.padding > 0 && all[bytes.len()..].iter().all(|b| *b == 0));
            }
            let decoded = decode(held.bytes, held.collation);
            decoded.exact && decoded.text == text
        }
        Value::Enum(item) => match item.label {
            Some(label) => decode(label, collation).text == text,
            None => item.number.to_string() == text,
        },
        Value::Null => false,
        value => {
            let held = value.to_text();
            let is_number = |text: &str| text.parse::<f64>().is_ok() && text.contains('.');
            let trim = |text: &str| match is_number(text) {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text.to_owned(),
            };
            trim(&held) == trim(text)
        }
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

impl HistoryArgs {
    /// Runs the verb.
    ///
    /// # Errors
    /// Where the table has no key, an address names nothing, a log cannot be read or the output
    /// cannot be written.
    pub fn run(&self, ui: &Ui) -> Outcome {
        let set = self.logs.open(ui)?;
        let as_of = resolve(&set, self.as_of.as_ref())?;
        let mut filter = self.select.filter(&set)?;
        filter.tables.clear();
        let request = Request {
            table: self.table()?,
            key: self.key.0.clone(),
            same,
            as_of: as_of.clone(),
            filter,
            schema: self.schema.read(ui, &set)?,
        };
        let mut out = self.output.open(logs::paths(&set))?;
        let (format, zone) = (self.format.format, self.select.zone());
        let history = row_history::walk(&set, &request, &mut |change| {
            if as_of.is_some() {
                return Ok(());
            }
            match format {
                Format::Text => print(&mut out, change, zone)?,
                Format::Json => json::write_line(&mut out, &Line { change })?,
            }
            Ok(())
        })?;
        if let Some(target) = &as_of {
            self.print_state(&mut out, &set, target, &history.state)?;
        }
        out.finish()?;
        history.lost.iter().for_each(|lost| ui.warn(lost));
        let found = match (&as_of, &history.state) {
            (Some(_), State::Unknown) => false,
            (Some(_), _) => true,
            (None, _) => history.changes > 0,
        };
        if as_of.is_none() {
            let statements = count(history.statements, "statement");
            ui.note(format!(
                "{}; {statements} that may have changed it",
                count(history.changes, "change")
            ));
        }
        Ok(if !history.lost.is_empty() || logs::is_incomplete(&set) {
            Exit::Damaged
        } else if found {
            Exit::Done
        } else {
            Exit::NotFound
        })
    }

    /// The one table that is meant.
    fn table(&self) -> Outcome<TableName> {
        let [SelectName { database, table }] = &self.select.table[..] else {
            return Err(Failure::unusable("one --table is needed: whose row is meant"));
        };
        let database = match (database, &self.select.database[..]) {
            (Some(database), _) => database.clone(),
            (None, [database]) => database.clone().into_bytes(),
            (None, _) => {
                return Err(Failure::unusable("--table: which database is it in?")
                    .hint("give --table DATABASE.TABLE"));
            }
        };
        Ok(TableName::new(database, table.clone()))
    }

    fn print_state(
        &self,
        out: &mut Output,
        set: &LogSet,
        target: &Target,
        state: &State,
    ) -> Outcome<()> {
        let address = target.event_address(set).to_string();
        if self.format.format == Format::Json {
            let (state, row) = match state {
                State::Unknown => ("unknown", None),
                State::Absent => ("absent", None),
                State::Present(row) => ("present", Some(JsonRow(row))),
            };
            return Ok(json::write_line(out, &StateLine { as_of: &address, state, row })?);
        }
        match state {
            State::Unknown => writeln!(out, "not known from these logs")?,
            State::Absent => writeln!(out, "did not exist")?,
            State::Present(row) => {
                for ordinal in 0..row.columns.len() {
                    let name = column_name(&row.columns, ordinal);
                    let value = match row.value(ordinal).map_err(|f| Failure::unusable(&f))? {
                        Some(value) => {
                            show(&value, Script::of(row.columns[ordinal].collation), None)
                        }
                        None => "(not known from these logs)".to_owned(),
                    };
                    writeln!(out, "{}={value}", safe(&name))?;
                }
            }
        }
        Ok(())
    }
}

fn print(out: &mut Output, change: &Change<'_>, zone: Zone) -> std::io::Result<()> {
    let time = zone.show(change.timestamp);
    let gtid = change.gtid.gtid().map_or_else(String::new, |gtid| format!("  {gtid}"));
    let address = change.address.to_string();
    let (word, note) = words(&change.what);
    writeln!(out, "{time}  {}{gtid}  {word}{note}", safe(&address))?;
    match &change.what {
        What::Row { columns, key, before, after, .. } => {
            let lines = match (before, after) {
                (Some(before), Some(after)) => update(before, after, columns, key),
                (Some(image), None) => show_image(image, columns).map(|l| vec![format!("- {l}")]),
                (_, Some(image)) => show_image(image, columns).map(|l| vec![format!("+ {l}")]),
                (None, None) => Ok(vec![]),
            };
            let lines =
                lines.unwrap_or_else(|fault| vec![safe(&format!("<{fault}>")).into_owned()]);
            lines.iter().try_for_each(|line| writeln!(out, "    {line}"))
        }
        What::Statement { text, .. } => {
            let text = utf8(text).text.into_owned();
            text.lines().try_for_each(|line| writeln!(out, "    {}", safe(line)))
        }
        What::Prepared => Ok(()),
    }
}

/// An image as `name=value` pairs.
fn show_image(image: &RowImage<'_>, columns: &Columns) -> Result<String, Fault> {
    let mut line = vec![];
    ShownColumns::new(columns.clone()).write_image(image, None, &mut line)?;
    Ok(String::from_utf8(line).unwrap_or_default())
}

/// What was done, and what became of the key.
fn words(what: &What<'_>) -> (&'static str, &'static str) {
    match what {
        What::Row { before, after, identity, .. } => {
            let word = match (before, after) {
                (None, _) => "INSERT",
                (_, None) => "DELETE",
                _ => "UPDATE",
            };
            let note = match identity {
                Identity::Stays => "",
                Identity::Leaves => "  (the row gets another key, and is followed)",
                Identity::Arrives => "  (another row gets this key)",
                Identity::Moved => "  (the row that had this key)",
            };
            (word, note)
        }
        What::Statement { is_ddl: true, .. } => ("DDL", "  (may have changed it)"),
        What::Statement { is_ddl: false, .. } => ("STATEMENT", "  (may have changed it)"),
        What::Prepared => ("XA PREPARE", "  (rows of the table: may have changed it if committed)"),
    }
}

/// An update: the key, and the columns that it changed.
fn update(
    before: &RowImage<'_>,
    after: &RowImage<'_>,
    columns: &Columns,
    key: &[usize],
) -> Result<Vec<String>, Fault> {
    let cells = |image: &RowImage<'_>| -> Result<Vec<Option<String>>, Fault> {
        let mut shown = vec![None; columns.len()];
        for cell in image.cells(columns) {
            let cell = cell?;
            let collation = columns.get(cell.ordinal).and_then(|column| column.collation);
            if let Some(place) = shown.get_mut(cell.ordinal) {
                *place = Some(show(&cell.value(columns)?, Script::of(collation), None));
            }
        }
        Ok(shown)
    };
    let (before, after) = (cells(before)?, cells(after)?);
    let mut lines = vec![];
    for (ordinal, (before, after)) in before.iter().zip(&after).enumerate() {
        let name = column_name(columns, ordinal);
        let name = safe(&name);
        match (before, after) {
            (Some(before), Some(after)) if before != after => {
                lines.push(format!("{name}: {before} -> {after}"));
            }
            (None, Some(after)) => lines.push(format!("{name}: (not logged) -> {after}")),
            (Some(before), _) if key.contains(&ordinal) => lines.push(format!("{name}={before}")),
            _ => {}
        }
    }
    Ok(lines)
}

/// A change as JSON.
struct Line<'l, 'c> {
    change: &'l Change<'c>,
}

impl Serialize for Line<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let change = self.change;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("address", &change.address.to_string())?;
        map.serialize_entry("time", &rfc3339(change.timestamp))?;
        map.serialize_entry("gtid", &change.gtid.gtid().map(|gtid| gtid.to_string()))?;
        let kind = match words(&change.what).0 {
            "XA PREPARE" => "xa_prepare".to_owned(),
            word => word.to_ascii_lowercase(),
        };
        map.serialize_entry("change", &kind)?;
        match &change.what {
            What::Row { columns, before, after, identity, .. } => {
                let identity = match identity {
                    Identity::Stays => "stays",
                    Identity::Leaves => "leaves",
                    Identity::Arrives => "arrives",
                    Identity::Moved => "moved",
                };
                map.serialize_entry("key", identity)?;
                let columns = &ShownColumns::new((*columns).clone());
                let image = |image: &Option<_>| image.map(|image| JsonImage { image, columns });
                map.serialize_entry("before", &image(before))?;
                map.serialize_entry("after", &image(after))?;
            }
            What::Statement { text, .. } => {
                let decoded = utf8(text);
                if let Some(hex) = json::hex_unless_exact(&decoded, text) {
                    map.serialize_entry("statement_hex", &hex)?;
                }
                map.serialize_entry("statement", &decoded.text)?;
            }
            What::Prepared => {}
        }
        map.end()
    }
}

/// The row at a moment as JSON.
#[derive(Serialize)]
struct StateLine<'l> {
    as_of: &'l str,
    /// present, absent, unknown
    state: &'static str,
    row: Option<JsonRow<'l>>,
}

/// The values that are known.
struct JsonRow<'r>(&'r KnownRow);

impl Serialize for JsonRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let mut map = serializer.serialize_map(None)?;
        for ordinal in 0..row.columns.len() {
            if let Some(value) = row.value(ordinal).map_err(S::Error::custom)? {
                let script = Script::of(row.columns[ordinal].collation);
                let name: Cow<'_, str> = column_name(&row.columns, ordinal);
                map.serialize_entry(&name, &JsonValue { value, script })?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_values_between_commas() {
        let values = |text: &str| key(text).map(|key| key.0);
        assert_eq!(values("17,a b").unwrap(), ["17", "a b"]);
        assert_eq!(values("'a,''b''',-3").unwrap(), ["a,'b'", "-3"]);
        assert_eq!(values("").unwrap(), [""]);
        assert!(values("'a").is_err() && values("'a'b").is_err());
        assert_eq!(unhex("00fF"), Some(vec![0, 255]));
        assert!(unhex("0").is_none() && unhex("0g").is_none());
    }
}
