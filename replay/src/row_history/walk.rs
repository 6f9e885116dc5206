//! The walk over the logs.

use std::sync::Arc;

use binlog_parser::address::EventAddress;
use binlog_parser::event::execute_load_query::ExecuteLoadQueryEvent;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::query::QueryEvent;
use binlog_parser::event::rows::{RowChange, RowsEvent};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::row::Value;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Step, Transaction, Unit, Units, step};

use super::table::Table;
use super::{Change, History, Identity, Request, State, What};
use crate::error::{Error, Result};
use crate::schema::{
    ColumnDef, SchemaHistory, Stamp, StatementContext, TableDef, TableName, TableState,
};
use crate::select::{Selected, gtid_of};
use crate::sql::Dialect;
use crate::sql::statement::{StatementVerb, head, written_tables};

/// A key's values as an image has them.
type Key = Vec<Option<Vec<u8>>>;

/// Walks `set` and tells every change of the row that `request` asks for, oldest first.
///
/// # Errors
/// [`Error::Refused`] where the table has no key; [`Error::Usage`] where its key has another number
/// of columns; an event of the table that cannot be read; what `tell` says.
pub fn walk(
    set: &LogSet,
    request: &Request,
    tell: &mut dyn FnMut(&Change<'_>) -> Result<()>,
) -> Result<History> {
    let as_of = request.as_of.as_ref().map(|target| {
        let (offset, inner) = target.place();
        Stamp { log: target.log, offset, inner: inner.unwrap_or(0) }
    });
    let mut walker = Walker {
        set,
        request,
        as_of,
        tell,
        definitions: SchemaHistory::new(request.schema.clone()),
        table: None,
        current: None,
        moved: vec![],
        history: History::default(),
        scratch: vec![],
    };
    for number in 0..set.logs().len() {
        if walker.log(number)? {
            break;
        }
    }
    Ok(walker.history)
}

/// Whether all is known that was asked for.
type Done = bool;

struct Walker<'w> {
    set: &'w LogSet,
    request: &'w Request,
    as_of: Option<Stamp>,
    tell: &'w mut dyn FnMut(&Change<'_>) -> Result<()>,
    definitions: SchemaHistory,
    /// The table as of its last map.
    table: Option<Arc<Table>>,
    /// Table id under which the statement that is read speaks of the table.
    current: Option<u64>,
    /// Keys that the row has now, where updates gave it others.
    moved: Vec<Key>,
    history: History,
    scratch: Vec<u8>,
}

/// Where an event stands that is being looked at.
struct Place<'p> {
    number: usize,
    log: &'p Log,
    format: &'p FormatDescription,
    gtid: TransactionGtid,
    /// Whether the filters select its transaction.
    selected: bool,
}

impl Place<'_> {
    fn fault(&self, event: &RawEvent<'_>, fault: binlog_parser::Fault) -> Error {
        Error::at(fault, event.location(self.log))
    }

    fn change<'c>(&self, event: &RawEvent<'_>, what: What<'c>) -> Change<'c> {
        let (position, inner) = event.place();
        let address = EventAddress { inner, ..EventAddress::new(self.log.name(), position) };
        let (gtid, timestamp) = (self.gtid, event.header().timestamp);
        Change { address, gtid, timestamp, what }
    }
}

impl Walker<'_> {
    fn log(&mut self, number: usize) -> Result<Done> {
        let set = self.set;
        let log = &set.logs()[number];
        let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
        while let Some(unit) = units.next() {
            let done = match unit {
                Unit::Transaction(transaction) => match transaction.ending {
                    // It was rolled back with the crash, or by the server.
                    Ending::Open | Ending::Rollback => false,
                    Ending::Headless => self.lose(
                        number,
                        transaction.start(),
                        format!("what stands here to {} lacks its beginning", transaction.end()),
                    ),
                    _ => {
                        let start = transaction.start();
                        let plain = transaction.plain(&mut inflated, units.format());
                        let done = match &plain.damage {
                            Some(damage) => {
                                let why = damage.fault.to_string();
                                self.lose(number, start, why)
                            }
                            None => false,
                        };
                        done || self.transaction(number, units.format(), &plain.transaction)?
                    }
                },
                Unit::Damage(damage) => {
                    let why = format!("damaged to {}: {}", damage.range.end, damage.reason);
                    self.lose(number, damage.range.start, why)
                }
                Unit::Control(_) => false,
            };
            if done {
                return Ok(true);
            }
        }
        log.check_unchanged()?;
        Ok(false)
    }

    /// What cannot be read may have changed the row.
    fn lose(&mut self, number: usize, start: u64, why: String) -> Done {
        let stamp = Stamp { log: number, offset: start, inner: 0 };
        if self.is_past(stamp) {
            return true;
        }
        self.history.lost.push(format!("{}: {why}", self.set.logs()[number].location(start)));
        self.history.state = State::Unknown;
        false
    }

    /// Whether the moment that is asked for is over.
    fn is_past(&self, stamp: Stamp) -> bool {
        self.as_of.is_some_and(|as_of| stamp >= as_of)
    }

    fn is_known(&self) -> bool {
        !matches!(self.history.state, State::Unknown)
    }

    fn transaction(
        &mut self,
        number: usize,
        format: &FormatDescription,
        transaction: &Transaction<'_>,
    ) -> Result<Done> {
        let log = &self.set.logs()[number];
        let selected = self.request.filter.selects(self.set, number, transaction)? == Selected::Yes;
        let gtid = gtid_of(log, transaction)?;
        let place = Place { number, log, format, gtid, selected };
        let is_prepared = transaction.ending == Ending::XaPrepare;
        self.current = None;
        for event in &transaction.events {
            let stamp = Stamp::of(number, event);
            let past = self.is_past(stamp);
            if past && self.is_known() {
                return Ok(true);
            }
            let done = match event.event_type() {
                EventType::TABLE_MAP => {
                    self.map(&place, event)?;
                    false
                }
                event_type if event_type.is_rows() => {
                    if is_prepared {
                        self.prepared(&place, event, past)?
                    } else {
                        self.rows(&place, event, past)?
                    }
                }
                EventType::QUERY => self.query(&place, event, past)?,
                EventType::EXECUTE_LOAD_QUERY => self.load(&place, event, past)?,
                _ => false,
            };
            if done {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Learns whether the statement's rows with this map's table id are the table's.
    fn map(&mut self, place: &Place<'_>, event: &RawEvent<'_>) -> Result<()> {
        let table_id_bytes = place.format.table_id_bytes();
        let map = TableMapEvent::parse(event.body(), table_id_bytes)
            .map_err(|fault| place.fault(event, fault))?;
        let wanted = &self.request.table;
        if map.database != wanted.database || map.table != wanted.table {
            if self.current == Some(map.table_id) {
                self.current = None;
            }
            return Ok(());
        }
        self.current = Some(map.table_id);
        let body = event.body().get(table_id_bytes..).unwrap_or_default();
        if self.table.as_ref().is_some_and(|table| table.body == body) {
            return Ok(());
        }
        let stamp = Stamp::of(place.number, event);
        let family = place.format.family;
        let at = event.location(place.log);
        let (definitions, request) = (&self.definitions, self.request);
        let table = Table::new(&map, body, family, stamp, definitions, request, &at)?;
        self.table = Some(Arc::new(table));
        Ok(())
    }

    /// The table, if an event of rows is about it: its id alone is read.
    fn table_of(&self, place: &Place<'_>, event: &RawEvent<'_>) -> Option<Arc<Table>> {
        let id = event.body().get(..place.format.table_id_bytes())?;
        let id = id.iter().rev().fold(0u64, |id, byte| id << 8 | u64::from(*byte));
        (self.current == Some(id)).then(|| self.table.clone()).flatten()
    }

    fn rows(&mut self, place: &Place<'_>, event: &RawEvent<'_>, past: bool) -> Result<Done> {
        let Some(table) = self.table_of(place, event) else { return Ok(false) };
        let at = |fault| place.fault(event, fault);
        let rows =
            RowsEvent::parse(event.body(), event.event_type(), place.format.table_id_bytes())
                .map_err(at)?;
        for change in rows.changes(table.columns.layout()) {
            let change = change.map_err(at)?;
            if self.row(place, event, past, &table, &change)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn row(
        &mut self,
        place: &Place<'_>,
        event: &RawEvent<'_>,
        past: bool,
        table: &Table,
        change: &RowChange<'_>,
    ) -> Result<Done> {
        let at = |fault| place.fault(event, fault);
        let key = |image| table.key_of(image).map_err(at);
        let before_key = change.before.as_ref().map(key).transpose()?.flatten();
        let after_key = change.after.as_ref().map(key).transpose()?.flatten();
        let was = before_key.as_ref().map(|key| self.is_asked(table, key)).transpose();
        let was = was.map_err(at)?.unwrap_or(false);
        // An after-image without the key has the key of before (binlog_row_image=MINIMAL).
        let is = match (&after_key, change.after) {
            (Some(key), _) => self.is_asked(table, key).map_err(at)?,
            (None, Some(_)) => was,
            (None, None) => false,
        };
        let had_moved = before_key
            .as_ref()
            .and_then(|key| self.moved.iter().position(|moved| same_key(moved, key)));
        let identity = match (was, is, had_moved) {
            (true, false, _) if change.after.is_some() => Identity::Leaves,
            (true, _, _) => Identity::Stays,
            (false, true, _) if change.before.is_some() => Identity::Arrives,
            (false, true, _) => Identity::Stays,
            (false, false, Some(_)) => Identity::Moved,
            (false, false, None) => return Ok(false),
        };
        if past {
            if identity == Identity::Moved {
                return Ok(false);
            }
            // Nothing changed it since the moment, so it was then what it is now.
            let before = change.before.as_ref().filter(|_| was);
            self.history.state.look_back(before, &table.columns).map_err(at)?;
            return Ok(true);
        }
        if let Some(at) = had_moved {
            self.moved.swap_remove(at);
        }
        if !is && let Some(key) = &after_key {
            self.moved.push(key.iter().map(|value| value.map(<[u8]>::to_vec)).collect());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        // Where the before-image lacks the document, what changed in it is all there is.
        let after = match change.whole_after(table.columns.layout(), &mut scratch) {
            Ok(after) => after,
            Err(_) => change.after,
        };
        if identity != Identity::Moved {
            let kept = after.as_ref().filter(|_| is);
            let before = change.before.as_ref();
            self.history.state.change(before, kept, &table.columns).map_err(at)?;
        }
        if place.selected {
            self.history.changes += 1;
            let what = What::Row {
                columns: &table.columns,
                key: &table.key,
                before: change.before,
                after,
                identity,
            };
            (self.tell)(&place.change(event, what))?;
        }
        self.scratch = scratch;
        Ok(false)
    }

    fn is_asked(
        &self,
        table: &Table,
        key: &[Option<&[u8]>],
    ) -> std::result::Result<bool, binlog_parser::Fault> {
        for ((bytes, ordinal), text) in key.iter().zip(&table.key).zip(&self.request.key) {
            let Some(column) = table.columns.get(*ordinal) else { return Ok(false) };
            let Some(bytes) = bytes else { return Ok(false) };
            let value = Value::decode(column, Some(bytes))?;
            if !(self.request.same)(text, &value, column.collation) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Rows of the table that a later XA COMMIT or XA ROLLBACK decides about.
    fn prepared(&mut self, place: &Place<'_>, event: &RawEvent<'_>, past: bool) -> Result<Done> {
        if self.table_of(place, event).is_none() {
            return Ok(false);
        }
        self.may_have_changed(place, event, past, What::Prepared)
    }

    fn may_have_changed(
        &mut self,
        place: &Place<'_>,
        event: &RawEvent<'_>,
        past: bool,
        what: What<'_>,
    ) -> Result<Done> {
        if past {
            return Ok(true);
        }
        self.history.state = State::Unknown;
        if place.selected {
            self.history.statements += 1;
            (self.tell)(&place.change(event, what))?;
        }
        Ok(false)
    }

    fn query(&mut self, place: &Place<'_>, event: &RawEvent<'_>, past: bool) -> Result<Done> {
        let query = event.query().map_err(|fault| place.fault(event, fault))?;
        if step(query.text) != Step::Statement {
            return Ok(false);
        }
        let server = Dialect::from_server_version(place.format.server_version.as_bytes());
        let wanted = &self.request.table;
        let before = self.definitions.current().table(wanted).cloned();
        let concerned = match self.definitions.follow(place.number, event, &server) {
            Some(Ok(effect)) => effect.tables.contains(wanted),
            Some(Err(why)) => why.tables.contains(wanted),
            None => false,
        };
        let context = StatementContext::of_query(&server, &query);
        let verb = head(query.text, &context.dialect).verb;
        let is_ddl = concerned || verb == StatementVerb::Truncate;
        if concerned {
            // Its columns may be others under the same map.
            self.table = None;
        } else if !writes(&query, &context.dialect, verb, wanted) {
            return Ok(false);
        }
        let after = self.definitions.current().table(wanted);
        let kept = (is_ddl && keeps_rows(query.text, before.as_ref(), after))
            .then(|| self.history.state.clone());
        let emptied = verb == StatementVerb::Truncate
            || matches!(after, Some(TableState::Dropped))
            || (concerned && verb == StatementVerb::Create && makes_it_empty(query.text));
        if past && kept.is_some() {
            return Ok(false);
        }
        let what = What::Statement { text: query.text, is_ddl };
        if self.may_have_changed(place, event, past, what)? {
            return Ok(true);
        }
        if emptied {
            self.history.state = State::Absent;
        } else if let Some(state) = kept {
            self.history.state = state;
        }
        Ok(false)
    }

    fn load(&mut self, place: &Place<'_>, event: &RawEvent<'_>, past: bool) -> Result<Done> {
        let load = ExecuteLoadQueryEvent::parse(event.body());
        let load = load.map_err(|fault| place.fault(event, fault))?;
        let query = &load.query;
        let server = Dialect::from_server_version(place.format.server_version.as_bytes());
        let dialect = StatementContext::of_query(&server, query).dialect;
        if !writes(query, &dialect, StatementVerb::Load, &self.request.table) {
            return Ok(false);
        }
        let what = What::Statement { text: query.text, is_ddl: false };
        self.may_have_changed(place, event, past, what)
    }
}

fn same_key(one: &Key, other: &[Option<&[u8]>]) -> bool {
    one.iter().map(Option::as_deref).eq(other.iter().copied())
}

/// Whether DDL leaves every row as it is: the columns are the same, and it is about no partition, for
/// those take rows along.
fn keeps_rows(text: &[u8], before: Option<&TableState>, after: Option<&TableState>) -> bool {
    let (
        Some(TableState::Known { definition: before, .. }),
        Some(TableState::Known { definition: after, .. }),
    ) = (before, after)
    else {
        return false;
    };
    let columns = |table: &TableDef| -> Vec<_> {
        let column = |column: &ColumnDef| {
            (column.name.clone(), column.sql_type.clone(), column.charset, column.generated)
        };
        table.columns.iter().map(column).collect()
    };
    let is_alter = starts_with_word(text, b"ALTER") || has_word(text, b"INDEX");
    is_alter
        && columns(before) == columns(after)
        && [&b"PARTITION"[..], b"TABLESPACE", b"CONVERT"].iter().all(|word| !has_word(text, word))
}

/// Whether a CREATE TABLE certainly makes a table without rows.
fn makes_it_empty(text: &[u8]) -> bool {
    [&b"EXISTS"[..], b"SELECT", b"VALUES"].iter().all(|word| !has_word(text, word))
}

/// Whether a text has a word anywhere, be it in a name or in a comment.
fn has_word(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.trim_ascii_start().get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
}

/// Whether a statement of text may write to a table. One that calls a routine may write to any.
fn writes(
    query: &QueryEvent<'_>,
    dialect: &Dialect,
    verb: StatementVerb,
    table: &TableName,
) -> bool {
    let written = written_tables(query.text, dialect, query.database);
    if written.is_empty() {
        return matches!(
            verb,
            StatementVerb::Select | StatementVerb::Call | StatementVerb::Do | StatementVerb::Load
        );
    }
    written.iter().any(|written| {
        let database = written.database.as_deref().unwrap_or(query.database);
        database == table.database && (written.table.is_empty() || written.table == table.table)
    })
}
