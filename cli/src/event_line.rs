//! An event as a line of JSON: the keys that `events` promises, and that `show` adds to.

use std::borrow::Cow;

use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::relay::SourcePosition;
use serde::Serialize;

use crate::describe::Described;
use crate::text::utf8;

/// What is known of every event.
#[derive(Debug, Clone, Serialize)]
pub struct EventLine<'a> {
    /// Name of the log.
    pub log: &'a str,
    /// Stream position of the first byte; of an event in a payload, that of the payload event.
    pub position: u64,
    /// Position in the plain text of the payload; only of events in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_position: Option<u64>,
    /// See [`end_position`].
    pub end_position: u64,
    /// Name of the type, as SHOW BINLOG EVENTS has it.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// Number of the type.
    pub type_code: u8,
    /// Start of the statement; null for an event made up by a server.
    pub time: Option<&'a str>,
    /// Server that wrote the event first.
    pub server_id: u32,
    /// Bytes of the event.
    pub size: u32,
    /// Name of the source's log that a relay log has the event from; only there, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_log: Option<Cow<'a, str>>,
    /// Position of the event in that log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_position: Option<u64>,
    /// Flags of the header.
    pub flags: u16,
    /// GTID of the transaction; null if it has none.
    pub gtid: Option<&'a str>,
    /// Database of the table, or default database of the statement.
    pub database: Option<Cow<'a, str>>,
    /// Table of the rows.
    pub table: Option<Cow<'a, str>>,
    /// Number of rows changed.
    pub rows: Option<u64>,
    /// The event in a line.
    pub info: &'a str,
}

impl<'a> EventLine<'a> {
    /// The line of `event`, with what a listing writes of many events alike.
    #[must_use]
    pub fn new(
        log: &'a Log,
        event: &RawEvent<'_>,
        described: &Described<'a>,
        info: &'a str,
        Common { time, gtid }: Common<'a>,
    ) -> Self {
        let header = event.header();
        EventLine {
            log: log.name(),
            position: event.offset,
            inner_position: event.inner(),
            end_position: end_position(event),
            type_name: header.event_type.name(),
            type_code: header.event_type.0,
            time: (header.timestamp != 0).then_some(time),
            server_id: header.server_id,
            size: header.event_length,
            source_log: described.source.and_then(|at| at.log).map(|name| utf8(name).text),
            source_position: described.source.map(|at| at.start),
            flags: header.flags,
            gtid,
            database: described.database.map(|name| utf8(name).text),
            table: described.table.map(|name| utf8(name).text),
            rows: described.rows,
            info,
        }
    }
}

/// What events that follow each other have in common.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// Their time, as [`rfc3339`](crate::args::time::rfc3339) has it.
    pub time: &'a str,
    /// The GTID of their transaction.
    pub gtid: Option<&'a str>,
}

/// Address in the source's logs: what is printed of a relay log beside its own.
#[must_use]
pub fn source_address(at: &SourcePosition<'_>) -> String {
    let name = at.log.map_or("?".into(), |name| utf8(name).text);
    format!("{name}:{}", at.start)
}

/// Position after the event as the server shows it: its log_pos, which is 32 bits wide and wraps;
/// where it is the event's own end, that is told whole. Of an event in a payload it is the end of
/// the payload, which the server shows as its Pos, too.
#[must_use]
pub fn end_position(event: &RawEvent<'_>) -> u64 {
    let end = event.end();
    if event.inner().is_some() || event.header().log_pos == end as u32 {
        end
    } else {
        u64::from(event.header().log_pos)
    }
}
