//! Filters, by the names that mysqlbinlog gave them.

use std::str::FromStr;

use binlog_parser::gtid::AnyGtidSet;
use binlog_parser::source::log_set::LogSet;
use chrono::Utc;
use clap::Args;
use replay::select::{Filter, TableName};

use crate::args::event_filter::{EventFilter, Place};
use crate::args::time::{TimeArgs, TimeText, Zone};
use crate::exit::{Failure, Outcome};

/// Which part of the logs is meant.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters")]
pub struct SelectArgs {
    /// From this time on: 'YYYY-MM-DD hh:mm:ss[.ffffff]', RFC 3339, or -2h for two hours ago
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub start_datetime: Option<TimeText>,

    /// Up to this time, which is left out
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub stop_datetime: Option<TimeText>,

    /// From this position of the first log on; NAME:POS for another log
    #[arg(long, short = 'j', value_name = "POS")]
    pub start_position: Option<Bound>,

    /// Up to this position of the last log, which is left out; NAME:POS for another log
    #[arg(long, value_name = "POS")]
    pub stop_position: Option<Bound>,

    /// Only transactions of this GTID set; may be repeated
    #[arg(long, value_name = "SET", value_parser = gtid_set)]
    pub include_gtids: Vec<AnyGtidSet>,

    /// Not the transactions of this GTID set; may be repeated
    #[arg(long, value_name = "SET", value_parser = gtid_set)]
    pub exclude_gtids: Vec<AnyGtidSet>,

    /// Only this database: of rows their table's, of statements the default one; may be repeated
    #[arg(long, short, value_name = "NAME")]
    pub database: Vec<String>,

    /// Only rows of this table, TABLE or DATABASE.TABLE; may be repeated
    #[arg(long, value_name = "NAME", value_parser = table_name)]
    pub table: Vec<TableName>,

    /// Only events that the server of this id wrote first; may be repeated
    #[arg(long, value_name = "ID")]
    pub server_id: Vec<u32>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub time: TimeArgs,
}

fn gtid_set(text: &str) -> Result<AnyGtidSet, String> {
    text.parse().map_err(|fault: binlog_parser::Fault| fault.to_string())
}

/// A position, in a log by name or in the log at the near end of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The log's name; `None` for the first log (of a start) or the last (of a stop).
    pub log: Option<String>,
    /// Stream position in bytes.
    pub position: u64,
}

impl FromStr for Bound {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (log, position) = match text.rsplit_once(':') {
            Some((log, position)) => (Some(log.to_owned()), position),
            None => (None, text),
        };
        match position.parse() {
            Ok(position) if log.as_deref() != Some("") => Ok(Bound { log, position }),
            _ => Err("needed a position in bytes (4711) or an address (NAME:4711)".to_owned()),
        }
    }
}

/// Reads `table`, `database.table`, and either part in backticks, as SQL has them.
///
/// # Errors
/// In words, what was needed.
pub fn table_name(text: &str) -> Result<TableName, String> {
    let needed = || "needed TABLE or DATABASE.TABLE, a part with a dot in `backticks`".to_owned();
    let (first, rest) = name_part(text).ok_or_else(needed)?;
    let Some(rest) = rest else {
        return Ok(TableName { database: None, table: first.into_bytes() });
    };
    match name_part(rest) {
        Some((table, None)) => {
            Ok(TableName { database: Some(first.into_bytes()), table: table.into_bytes() })
        }
        _ => Err(needed()),
    }
}

/// One part of a name, and what follows the dot behind it.
fn name_part(text: &str) -> Option<(String, Option<&str>)> {
    let Some(mut rest) = text.strip_prefix('`') else {
        let (part, rest) = match text.split_once('.') {
            Some((part, rest)) => (part, Some(rest)),
            None => (text, None),
        };
        return (!part.is_empty()).then(|| (part.to_owned(), rest));
    };
    let mut part = String::new();
    loop {
        let (before, after) = rest.split_once('`')?;
        part.push_str(before);
        match after.strip_prefix('`') {
            Some(after) => {
                part.push('`');
                rest = after;
            }
            None if after.is_empty() => return Some((part, None)),
            None => return Some((part, Some(after.strip_prefix('.')?))),
        }
    }
}

impl SelectArgs {
    /// The filters, with times, positions and sets resolved for the logs of `set`.
    ///
    /// # Errors
    /// Where a position names a log in the middle of the set, or one that is not in it, a local time
    /// is ambiguous, or the end lies before the start.
    pub fn filter(&self, set: &LogSet) -> Outcome<Filter> {
        let EventFilter { mut filter, start, stop } = self.event_filter(set)?;
        let last = set.logs().len().saturating_sub(1);
        let at_end = |place: Option<Place>, index: usize, what: &str| match place {
            Some((log, _)) if log != index => {
                let name = set.logs()[log].name();
                Err(Failure::unusable(format!(
                    "--{what}-position: {name} is in the middle of the logs"
                ))
                .hint(format!(
                    "give the logs {} {name} only",
                    if index == 0 { "from" } else { "up to" }
                )))
            }
            place => Ok(place.map(|(_, position)| position)),
        };
        filter.start_position = at_end(start, 0, "start")?;
        filter.stop_position = at_end(stop, last, "stop")?;
        Ok(filter)
    }

    /// The filters for single events.
    ///
    /// # Errors
    /// As [`SelectArgs::filter`], but positions may name any log.
    pub fn event_filter(&self, set: &LogSet) -> Outcome<EventFilter> {
        let now = Utc::now();
        let time = |text: Option<TimeText>| -> Outcome<Option<i64>> {
            let resolve = |text: TimeText| text.resolve(self.zone(), now);
            Ok(text.map(resolve).transpose()?.map(|time| time.timestamp_micros()))
        };
        let last = set.logs().len().saturating_sub(1);
        let filter = EventFilter {
            filter: Filter {
                start_time: time(self.start_datetime)?,
                stop_time: time(self.stop_datetime)?,
                include_gtids: union(&self.include_gtids),
                exclude_gtids: union(&self.exclude_gtids),
                databases: self.database.iter().map(|name| name.clone().into_bytes()).collect(),
                tables: self.table.clone(),
                server_ids: self.server_id.clone(),
                ..Filter::default()
            },
            start: place(self.start_position.as_ref(), set, 0)?,
            stop: place(self.stop_position.as_ref(), set, last)?,
        };
        filter.check()?;
        Ok(filter)
    }

    /// The zone of times typed and shown.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.time.time_zone
    }
}

/// The union of sets, if there are any.
fn union(sets: &[AnyGtidSet]) -> Option<AnyGtidSet> {
    let (first, rest) = sets.split_first()?;
    let mut union = first.clone();
    rest.iter().for_each(|set| union.add_all(set));
    Some(union)
}

fn place(bound: Option<&Bound>, set: &LogSet, default: usize) -> Outcome<Option<Place>> {
    let Some(bound) = bound else { return Ok(None) };
    let Some(name) = &bound.log else { return Ok(Some((default, bound.position))) };
    match set.position(name) {
        Some(index) => Ok(Some((index, bound.position))),
        None => {
            let names: Vec<_> = set.logs().iter().map(|log| &**log.name()).collect();
            let had = match names.as_slice() {
                [first, .., last] => format!("{first} to {last}"),
                names => names.concat(),
            };
            Err(Failure::unusable(format!("{name}:{}: no such log: had {had}", bound.position)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_read_as_in_sql() {
        let name = |database: Option<&str>, table: &str| {
            let [database, table] =
                [database, Some(table)].map(|n| n.map(|n| n.as_bytes().to_vec()));
            Ok(TableName { database, table: table.unwrap() })
        };
        assert_eq!(table_name("users"), name(None, "users"));
        assert_eq!(table_name("shop.users"), name(Some("shop"), "users"));
        assert_eq!(table_name("`a.b`.`c``d`"), name(Some("a.b"), "c`d"));
        for wrong in ["", ".", "a.", "`a", "`a`b", "a.b.c"] {
            assert!(table_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn positions_read_alone_or_with_their_log() {
        assert_eq!("4711".parse(), Ok(Bound { log: None, position: 4711 }));
        let bound = Bound { log: Some("a.000001".into()), position: u64::MAX };
        assert_eq!("a.000001:18446744073709551615".parse(), Ok(bound));
        for wrong in ["", ":4", "a:", "-1", "x"] {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
