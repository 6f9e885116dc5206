//! A log as JSON: what `info` and `verify` say of it to programs. The keys are a contract; a fact that
//! is not known is null.

use std::collections::BTreeMap;

use binlog_parser::source::log::Log;
use serde::Serialize;

use crate::args::time::rfc3339;
use crate::chain::Link;
use crate::clock::{self, ClockStep};
use crate::damage::DamageLine;
use crate::summary::Summary;
use crate::text::one_line;

/// What is known of a log.
#[derive(Debug, Serialize)]
pub struct LogLine<'a> {
    /// Name, without folder and without an archive's suffix: the NAME of addresses.
    pub log: &'a str,
    /// Path by which it was opened; `-` for standard input.
    pub path: String,
    /// Bytes of the plain log.
    pub bytes: u64,
    /// Kind of the archive that it was in: gzip, zstd, xz, bzip2, lz4.
    pub archive: Option<&'static str>,
    /// Bytes of that archive that were read.
    pub packed_bytes: Option<u64>,
    /// MySQL or MariaDB.
    pub server: &'static str,
    /// Version string of the server that wrote the log.
    pub server_version: &'a str,
    /// Its server_id.
    pub server_id: u32,
    /// Its UUID, where a GTID of its own tells.
    pub server_uuid: Option<&'a str>,
    /// 4; 3 in logs of servers before 5.0.
    pub binlog_version: u16,
    /// Bytes of an event's header.
    pub common_header_length: u8,
    /// CRC32, NONE, or UNDEF where the server is older than checksums.
    pub checksum: &'static str,
    /// Whether the log was not closed.
    pub in_use: bool,
    /// Whether a replica wrote it.
    pub relay_log: bool,
    /// Of a relay log the first position in the source's logs, `NAME:POS`.
    pub source_first: Option<String>,
    /// The position behind the last.
    pub source_last: Option<String>,
    /// How the log was encrypted, if it was.
    pub encryption: Option<EncryptionLine<'a>>,
    /// Start of the server, if this is its first log since.
    pub server_started: Option<String>,
    /// Earliest time of an event.
    pub first_time: Option<String>,
    /// Latest time of an event.
    pub last_time: Option<String>,
    /// Where the time of transactions goes back; the first 20 such places.
    pub clock_steps: Vec<ClockStep>,
    /// How many such places there are.
    pub clock_step_count: u64,
    /// GTIDs before the log, as it says itself: MySQL's set, or MariaDB's last of each source.
    pub previous_gtids: Option<&'a str>,
    /// GTIDs in the log.
    pub gtids: String,
    /// How many these are.
    pub gtid_count: u64,
    /// Those of them that more than one transaction has, here or in a log before.
    pub repeated_gtids: String,
    /// What is missing between the log before and this one.
    pub gap_before: Option<GapLine<'a>>,
    /// Events that can be read.
    pub events: u64,
    /// The same by type, as SHOW BINLOG EVENTS names it.
    pub events_by_type: BTreeMap<&'static str, u64>,
    /// Events with a right checksum; 0 in a log without.
    pub checksums_good: u64,
    /// Ranges lost for a wrong one.
    pub checksums_bad: u64,
    /// Transactions that begin and end in the log.
    pub transactions: u64,
    /// All transactions by how they end: xid, commit, rollback, xa_prepare, statement, whole (a
    /// payload, an incident); and parts of them: open (without end), headless (without beginning).
    pub transactions_by_kind: BTreeMap<&'static str, u64>,
    /// Address of the transaction that the log ends in.
    pub open_transaction: Option<&'a str>,
    /// GTID of that transaction.
    pub open_transaction_gtid: Option<&'a str>,
    /// Rows changed, by table.
    pub tables: Vec<TableLine<'a>>,
    /// Ranges that cannot be read.
    pub damage: &'a [DamageLine],
    /// Events whose body cannot be read, a sentence each.
    pub faults: Vec<String>,
    /// How the server closed the log: Rotate, Stop; null if it did not.
    pub closed_by: Option<&'static str>,
    /// Name of the next log.
    pub next_log: Option<&'a str>,
}

/// How a log was encrypted. Of the key there is the name alone.
#[derive(Debug, Serialize)]
pub struct EncryptionLine<'a> {
    /// Cipher and mode.
    pub cipher: &'a str,
    /// Name of the key in the keyring, or its number in the key file.
    pub key_id: &'a str,
    /// Version of the key, which MariaDB's logs name.
    pub key_version: Option<u32>,
}

/// Rows changed in a table.
#[derive(Debug, Serialize)]
pub struct TableLine<'a> {
    /// Its database.
    pub database: &'a str,
    /// Its name.
    pub table: &'a str,
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
}

/// What is missing between two logs.
#[derive(Debug, Serialize)]
pub struct GapLine<'a> {
    /// Name of the log before.
    pub after: &'a str,
    /// First log that is missing, as far as it is known by name.
    pub first: Option<&'a str>,
    /// Last log that is missing.
    pub last: Option<&'a str>,
    /// GTIDs that are in neither log and came before this one by its own word.
    pub gtids: String,
}

impl<'a> LogLine<'a> {
    /// The line of `log`, which stands to those before it as `link` tells.
    #[must_use]
    pub fn of(log: &'a Log, summary: &'a Summary, link: &'a Link) -> Self {
        let format = log.format();
        let tables = summary.tables.iter().map(|((database, table), rows)| TableLine {
            database,
            table,
            inserts: rows.inserts,
            updates: rows.updates,
            deletes: rows.deletes,
        });
        let [source_first, source_last] = match &summary.source {
            Some(places) => places.each_ref().map(|place| Some(place.to_string())),
            None => [None, None],
        };
        let archive = log.archive();
        let open = summary.open_transaction.as_ref();
        let gtids = summary.extent.seen();
        LogLine {
            log: log.name(),
            path: log.path().to_string_lossy().into_owned(),
            bytes: log.len(),
            archive: archive.map(|archive| archive.kind),
            packed_bytes: archive.map(|archive| archive.packed_bytes),
            server: format.family.name(),
            server_version: &format.server_version,
            server_id: log.header().server_id,
            server_uuid: summary.server_uuid.as_deref(),
            binlog_version: format.binlog_version,
            common_header_length: format.common_header_length,
            checksum: format.checksum.name(),
            in_use: log.in_use(),
            relay_log: log.is_relay_log(),
            source_first,
            source_last,
            encryption: log.encryption().map(|encryption| EncryptionLine {
                cipher: &encryption.cipher,
                key_id: &encryption.key_id,
                key_version: encryption.key_version,
            }),
            server_started: (format.created != 0).then(|| rfc3339(format.created)),
            first_time: summary.time.map(|(first, _)| rfc3339(first)),
            last_time: summary.time.map(|(_, last)| rfc3339(last)),
            clock_steps: clock::lines(&summary.clock, log),
            clock_step_count: summary.clock.count,
            previous_gtids: summary.previous_gtids.as_deref(),
            gtids: one_line(gtids),
            gtid_count: gtids.count(),
            repeated_gtids: one_line(&link.repeated),
            gap_before: link.gap.as_ref().map(|gap| GapLine {
                after: &gap.after,
                first: gap.first.as_deref(),
                last: gap.last.as_deref(),
                gtids: one_line(&gap.gtids),
            }),
            events: summary.events,
            events_by_type: summary.events_by_type.by_name(),
            checksums_good: summary.checksums_good(log),
            checksums_bad: summary.checksums_bad,
            transactions: summary.transactions,
            transactions_by_kind: summary.transactions_by_kind(),
            open_transaction: open.map(|cut| &*cut.address),
            open_transaction_gtid: open.and_then(|cut| cut.gtid.as_deref()),
            tables: tables.collect(),
            damage: &summary.damage,
            faults: summary.faults.iter().map(ToString::to_string).collect(),
            closed_by: summary.closed_by,
            next_log: summary.next_log.as_deref(),
        }
    }
}
