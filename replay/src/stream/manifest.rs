//! What a stream holds, and what the client and the server need to take it.

use binlog_parser::address::EventAddress;
use binlog_parser::gtid::AnyGtidSet;
use binlog_parser::scan::Damage;

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
    /// Bytes of events read.
    pub bytes: u64,
    /// Addresses of transactions that were left out because they were named so.
    pub skipped: Vec<EventAddress>,
    /// Statements that a cut inside their transaction leaves out: the address of the transaction.
    pub cut_inside: Option<EventAddress>,
    /// Transactions that began on one side of a time limit and ended on the other; at most a few.
    pub straddling: Vec<EventAddress>,
    /// A transaction that the logs end in, and which is therefore left out.
    pub unfinished: Option<EventAddress>,
    /// XIDs that are prepared at the end of the stream and wait for a decision.
    pub prepared: Vec<String>,
    /// Where the stream had to end early, because the rest cannot be read.
    pub damage: Option<(EventAddress, Damage)>,
    /// What the user should know, a line each.
    pub warnings: Vec<String>,
    /// Bytes of the largest packet.
    pub largest_packet: u64,
    /// How many packets the client sends.
    pub packets: u64,
    /// Whether some text holds bytes that the client changes without `--binary-mode`.
    pub needs_binary_mode: bool,
}

impl Manifest {
    /// Options that the `mysql` or `mariadb` client needs.
    #[must_use]
    pub fn client_options(&self) -> Vec<String> {
        // Without --comments a client cuts comments out of stored programs.
        let mut options = vec!["--binary-mode".to_owned(), "--comments".to_owned()];
        // Both clients send at most 16 MiB unless told otherwise.
        if self.largest_packet > 16 << 20 {
            options.push(format!("--max-allowed-packet={}", self.largest_packet + 1024));
        }
        options
    }
}
