//! The names of transactions in the stream: what each family's server has to be told.

use binlog_parser::Fault;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::gtid::{Gtid, TransactionGtid};
use binlog_parser::header::{EventHeader, EventType};
use binlog_parser::scan::RawEvent;

use super::session::Assignments;
use crate::sql::quote::push_integer;

/// A GTID event that waits for the statement which opens its transaction.
pub(super) enum PendingGtid<'a> {
    Mysql(GtidEvent),
    Mariadb(MariadbGtidEvent<'a>, EventHeader),
}

impl<'a> PendingGtid<'a> {
    /// Reads the event that opens a transaction.
    pub fn parse(event: &RawEvent<'a>) -> Result<Self, Fault> {
        if event.event_type() == EventType::MARIADB_GTID {
            let gtid = MariadbGtidEvent::parse(event.body(), &event.header)?;
            return Ok(PendingGtid::Mariadb(gtid, event.header));
        }
        GtidEvent::parse(event.body(), &event.header).map(PendingGtid::Mysql)
    }

    /// Whether a transaction of which nothing is replayed must still be named to the server. In
    /// MariaDB numbers may be left out, and without a name there is nothing to consume.
    pub fn must_be_consumed(&self) -> bool {
        matches!(self, PendingGtid::Mysql(event) if event.gtid != TransactionGtid::Anonymous)
    }

    /// Appends the assignments that name the next transaction. `source` is MariaDB's domain and
    /// server as they were set last.
    pub fn set(&self, set: &mut Assignments<'_>, source: &mut Option<(u32, u32)>) {
        match self {
            PendingGtid::Mysql(event) => set_mysql(set, event),
            PendingGtid::Mariadb(event, header) => set_mariadb(set, event, header, source),
        }
    }
}

fn set_mysql(set: &mut Assignments<'_>, event: &GtidEvent) {
    if let Some(time) = event.original_commit_timestamp.or(event.immediate_commit_timestamp) {
        set.integer("ORIGINAL_COMMIT_TIMESTAMP", time);
    }
    if let Some(version) = event.original_server_version.or(event.immediate_server_version) {
        set.integer("ORIGINAL_SERVER_VERSION", version);
    }
    if let Some(version) = event.immediate_server_version {
        set.integer("IMMEDIATE_SERVER_VERSION", version);
    }
    set.with("GTID_NEXT", |out| {
        out.push(b'\'');
        match event.gtid {
            TransactionGtid::Mysql(gtid) => push_gtid(out, &gtid),
            _ => out.extend(b"ANONYMOUS"),
        }
        out.push(b'\'');
    });
}

/// Appends the GTID's text.
fn push_gtid(out: &mut Vec<u8>, gtid: &Gtid) {
    out.extend_from_slice(&gtid.uuid.text());
    if let Some(tag) = &gtid.tag {
        out.push(b':');
        out.extend(tag.to_string().as_bytes());
    }
    out.push(b':');
    push_integer(out, i128::from(gtid.gno));
}

fn set_mariadb(
    set: &mut Assignments<'_>,
    event: &MariadbGtidEvent<'_>,
    header: &EventHeader,
    known: &mut Option<(u32, u32)>,
) {
    let source = (event.gtid.domain, header.server_id);
    if *known != Some(source) {
        *known = Some(source);
        set.integer("GTID_DOMAIN_ID", source.0);
        set.integer("SERVER_ID", source.1);
    }
    set.integer("GTID_SEQ_NO", event.gtid.seq);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gtid_is_written_as_it_is_shown() {
        for text in [
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
            "00000000-0000-0000-0000-0000000000ff:a_b:9",
        ] {
            let gtid: Gtid = text.parse().unwrap();
            let mut out = vec![];
            push_gtid(&mut out, &gtid);
            assert_eq!(out, text.as_bytes());
            assert_eq!(gtid.to_string(), text);
        }
    }
}
