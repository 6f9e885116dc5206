//! What a stream holds, and what the client and the server need to take it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use binlog_parser::address::EventAddress;
use binlog_parser::gtid::{AnyGtidSet, TransactionGtid};
use binlog_parser::scan::Damage;
use binlog_parser::source::order::Problem;

use super::cut::Cut;
use super::named::NAMED;
use super::overlap::Overlaps;
use super::privileges::Privileges;

/// A summary of a written stream.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Address of the first transaction.
    pub first: Option<EventAddress>,
    /// Address of the last transaction.
    pub last: Option<EventAddress>,
    /// GTIDs of all transactions in the stream, the skipped ones included where their GTID is
    /// consumed.
    pub gtids: AnyGtidSet,
    /// How many transactions were written.
    pub transactions: u64,
    /// How many statements were written.
    pub statements: u64,
    /// How many transactions were left out because a backup holds them.
    pub contained: u64,
    /// Bytes of events read.
    pub bytes: u64,
    /// Addresses of transactions that were left out because they were named so.
    pub skipped: Vec<EventAddress>,
    /// Later transactions that touch what skipped ones did.
    pub overlaps: Overlaps,
    /// The statements before a cut inside their transaction, if it has any.
    pub cut: Option<Cut>,
    /// Transactions that began on one side of a time limit and ended on the other; at most a few.
    pub straddling: Vec<EventAddress>,
    /// A transaction that the logs end in, and which is therefore left out.
    pub unfinished: Option<EventAddress>,
    /// GTIDs that more than one transaction has; a server takes the first of them.
    pub repeated: AnyGtidSet,
    /// XIDs that are prepared at the end of the stream and wait for a decision.
    pub prepared: Vec<String>,
    /// Where the stream had to end early, because the rest cannot be read.
    pub damage: Option<(EventAddress, Damage)>,
    /// Where transactions are missing between two logs: the stream ends before the second of them,
    /// unless that was accepted.
    pub gaps: Vec<Problem>,
    /// What is damaged and was left out, because that was accepted.
    pub lost: Vec<Lost>,
    /// The end of a log that was being written when it was read, or when its server died: an event
    /// that never took effect.
    pub unwritten: Option<(EventAddress, Damage)>,
    /// What the user should know, a line each.
    pub warnings: Vec<String>,
    /// Bytes of the largest packet.
    pub largest_packet: u64,
    /// How many packets the client sends.
    pub packets: u64,
    /// Privileges that who runs the stream needs.
    pub privileges: Privileges,
    /// Whether some text holds bytes that the client changes without `--binary-mode`.
    pub needs_binary_mode: bool,
    /// Where the files of LOAD DATA statements are; the client reads them as it works through the
    /// stream, and whoever runs it removes the folder afterwards.
    pub load_folder: Option<PathBuf>,
    /// Names of the files in it.
    pub load_files: BTreeSet<String>,
    /// LOAD DATA statements that pass over rows whose key is there already, where the original
    /// would have failed; at most a few.
    pub lenient_loads: Vec<EventAddress>,
    /// Statements whose effect the log does not determine; at most a few.
    pub undetermined: Vec<EventAddress>,
    /// Statements that create or alter an event of the scheduler; at most a few.
    pub scheduled: Vec<EventAddress>,
}

/// Something that is not in a stream because of damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Bytes that cannot be read.
    Range(EventAddress, Damage),
    /// A transaction whose end is in damage. Its GTID is not consumed.
    End(EventAddress, TransactionGtid),
    /// What is left of a transaction whose beginning is in damage, or in an earlier relay log; and
    /// the position behind it.
    Beginning(EventAddress, u64),
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lost::Range(at, damage) => {
                write!(f, "{at}: {} bytes lost: {}", damage.bytes_lost(), damage.reason)
            }
            Lost::End(at, gtid) => {
                write!(f, "{at}: the transaction that begins here, ")?;
                match gtid.gtid() {
                    Some(gtid) => write!(f, "GTID {gtid}, ")?,
                    None => f.write_str("which has no GTID, ")?,
                }
                f.write_str("lacks its end")
            }
            Lost::Beginning(at, end) => {
                write!(f, "{at}: what stands here to {end} lacks its beginning")
            }
        }
    }
}

impl Manifest {
    /// Adds what the stream holds next. The transactions that `decided` speaks of are prepared no
    /// longer.
    pub(super) fn join(&mut self, next: Manifest, decided: &[String]) {
        self.first = self.first.take().or(next.first);
        self.last = next.last.or(self.last.take());
        self.repeated.add_all(&next.repeated);
        self.repeated.add_all(&self.gtids.intersect(&next.gtids));
        self.gtids.add_all(&next.gtids);
        self.transactions += next.transactions;
        self.statements += next.statements;
        self.contained += next.contained;
        self.bytes += next.bytes;
        self.skipped.extend(next.skipped);
        self.cut = self.cut.take().or(next.cut);
        for (named, next) in [
            (&mut self.straddling, next.straddling),
            (&mut self.lenient_loads, next.lenient_loads),
            (&mut self.scheduled, next.scheduled),
            (&mut self.undetermined, next.undetermined),
        ] {
            named.extend(next);
            named.truncate(NAMED);
        }
        self.load_files.extend(next.load_files);
        self.unfinished = next.unfinished.or(self.unfinished.take());
        self.prepared.retain(|xid| !decided.iter().any(|text| text.contains(xid.as_str())));
        self.prepared.extend(next.prepared);
        self.damage = self.damage.take().or(next.damage);
        self.lost.extend(next.lost);
        self.unwritten = next.unwritten.or(self.unwritten.take());
        self.warnings.extend(next.warnings);
        self.largest_packet = self.largest_packet.max(next.largest_packet);
        self.packets += next.packets;
        self.privileges.add_all(&next.privileges);
        self.needs_binary_mode |= next.needs_binary_mode;
    }

    /// Options that the `mysql` or `mariadb` client needs.
    #[must_use]
    pub fn client_options(&self) -> Vec<String> {
        // Without --comments a client cuts comments out of stored programs.
        let mut options = vec!["--binary-mode".to_owned(), "--comments".to_owned()];
        if !self.load_files.is_empty() {
            options.push("--local-infile=1".to_owned());
        }
        // Both clients send at most 16 MiB unless told otherwise.
        if self.largest_packet > 16 << 20 {
            options.push(format!("--max-allowed-packet={}", self.largest_packet + 1024));
        }
        options
    }
}
