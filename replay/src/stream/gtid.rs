//! The names of transactions in the stream: what each family's server has to be told.

use binlog_parser::Fault;
use binlog_parser::event::format_description::ServerVersion;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::event::mariadb_gtid::{MariadbGtidEvent, flags, flags_extra};
use binlog_parser::gtid::{Gtid, MariadbGtid, TransactionGtid};
use binlog_parser::header::{self, EventType};
use binlog_parser::scan::RawEvent;

use super::session::Assignments;
use crate::sql::quote::push_integer;

/// What MariaDB is told of a transaction's source, where it differs from that of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    domain: u32,
    server: u32,
    /// Replicas may be set to pass over the transaction.
    skip_replication: bool,
    /// Replicas do not apply it in parallel with others.
    skip_parallel: bool,
}

/// Extra flags of groups whose ALTER TABLE takes no effect there.
const ALTER_HALVES: u8 = flags_extra::START_ALTER | flags_extra::ROLLBACK_ALTER;

/// First MariaDB that marks what may be applied in parallel.
const PARALLEL_SINCE: ServerVersion = ServerVersion(10, 1, 1);

/// A GTID event that waits for the statement which opens its transaction.
pub(super) enum PendingGtid {
    Mysql(GtidEvent),
    Mariadb {
        gtid: MariadbGtid,
        source: Source,
        /// Whether the group is the first half of an ALTER TABLE that is logged in two, or takes it
        /// back.
        half_of_an_alter: bool,
        /// What the event itself begins, if it begins a transaction.
        begins: Option<Begins>,
    },
}

/// What a GTID event of MariaDB begins.
pub(super) enum Begins {
    Transaction,
    /// The XA transaction of this name.
    Xa(String),
}

impl PendingGtid {
    /// Reads the event that opens a transaction.
    pub fn parse(event: &RawEvent<'_>) -> Result<Self, Fault> {
        if event.event_type() == EventType::MARIADB_GTID {
            let read = MariadbGtidEvent::parse(event.body(), &event.header())?;
            let begins = match read.xid {
                _ if read.is_standalone() || read.is_completed_xa() => None,
                Some(xid) if read.is_prepared_xa() => Some(Begins::Xa(xid.to_string())),
                _ => Some(Begins::Transaction),
            };
            return Ok(PendingGtid::Mariadb {
                gtid: read.gtid,
                source: Source {
                    domain: read.gtid.domain,
                    server: event.header().server_id,
                    skip_replication: event.header().has(header::flags::SKIP_REPLICATION),
                    skip_parallel: read.flags & flags::ALLOW_PARALLEL == 0,
                },
                half_of_an_alter: read.flags_extra & ALTER_HALVES != 0,
                begins,
            });
        }
        GtidEvent::parse(event.body(), &event.header()).map(PendingGtid::Mysql)
    }

    /// Whether a transaction of which nothing is replayed must still be named to the server. In
    /// MariaDB numbers may be left out, and without a name there is nothing to consume.
    pub fn must_be_consumed(&self) -> bool {
        matches!(self, PendingGtid::Mysql(event) if event.gtid != TransactionGtid::Anonymous)
    }

    /// The same name once more, for what is left of a group after a statement that commits by itself.
    pub fn again(&self) -> Option<Self> {
        let PendingGtid::Mariadb { gtid, source, half_of_an_alter, .. } = *self else {
            return None;
        };
        let begins = Some(Begins::Transaction);
        Some(PendingGtid::Mariadb { gtid, source, half_of_an_alter, begins })
    }

    /// Whether the group is the first half of an ALTER TABLE that MariaDB logs in two, or takes it
    /// back.
    pub fn is_half_of_an_alter(&self) -> bool {
        matches!(self, PendingGtid::Mariadb { half_of_an_alter: true, .. })
    }

    /// Appends the assignments that name the next transaction. `source` is what MariaDB was told
    /// last; `version` is the server's that wrote the log.
    pub fn set(
        &self,
        set: &mut Assignments<'_>,
        source: &mut Option<Source>,
        version: ServerVersion,
    ) {
        match self {
            PendingGtid::Mysql(event) => set_mysql(set, event),
            PendingGtid::Mariadb { gtid, source: of, .. } => {
                set_mariadb(set, gtid, *of, source, version);
            }
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
    gtid: &MariadbGtid,
    source: Source,
    known: &mut Option<Source>,
    version: ServerVersion,
) {
    let old = known.replace(source);
    let differs = |of: fn(&Source) -> u32| old.is_none_or(|old| of(&old) != of(&source));
    if differs(|source| source.domain) || differs(|source| source.server) {
        set.integer("GTID_DOMAIN_ID", source.domain);
        set.integer("SERVER_ID", source.server);
    }
    if differs(|source| source.skip_replication.into()) {
        set.integer("SKIP_REPLICATION", u8::from(source.skip_replication));
    }
    if version >= PARALLEL_SINCE && differs(|source| source.skip_parallel.into()) {
        set.integer("SKIP_PARALLEL_REPLICATION", u8::from(source.skip_parallel));
    }
    set.integer("GTID_SEQ_NO", gtid.seq);
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
