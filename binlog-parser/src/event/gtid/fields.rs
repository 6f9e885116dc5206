//! What a GTID event says, in whichever layout.

use crate::error::Fault;
use crate::gtid::{GNO_MAX, Gtid, Tag, TransactionGtid, Uuid};

/// Flag: the transaction may hold statements instead of rows.
const FLAG_MAY_HAVE_SBR: u8 = 1;

/// Name and clocks of a transaction (`Gtid_event` in `control_events.h`). Events of old servers end
/// early; what they do not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidEvent {
    /// Bit 0: see [`GtidEvent::may_have_sbr`].
    pub flags: u8,
    /// The transaction's GTID, or that it has none.
    pub gtid: TransactionGtid,
    /// `sequence_number` of the newest transaction that had committed when this one began to
    /// prepare; 0 for none.
    pub last_committed: i64,
    /// Number of the transaction within its log, from 1; 0 if unknown.
    pub sequence_number: i64,
    /// Time of commit on the server that wrote the log, in microseconds since 1970 UTC.
    pub immediate_commit_timestamp: Option<u64>,
    /// Time of commit on the server where the transaction came from, in microseconds since 1970
    /// UTC.
    pub original_commit_timestamp: Option<u64>,
    /// Bytes of the whole transaction in this log, this event and all checksums included.
    pub transaction_length: Option<u64>,
    /// Version of the server that wrote the log, as 80406 for 8.4.6; 999999 if it did not know.
    pub immediate_server_version: Option<u32>,
    /// Version of the server where the transaction came from, in the same form.
    pub original_server_version: Option<u32>,
    /// Ticket of the group that committed together.
    pub commit_group_ticket: Option<u64>,
}

impl GtidEvent {
    /// Whether the transaction may hold statements; if not, it is rows only (`rbr_only=yes` of
    /// mysqlbinlog).
    #[must_use]
    pub fn may_have_sbr(&self) -> bool {
        self.flags & FLAG_MAY_HAVE_SBR != 0
    }

    /// An event that says no more than this.
    #[inline]
    pub(super) fn new(flags: u8, gtid: TransactionGtid) -> Self {
        GtidEvent {
            flags,
            gtid,
            last_committed: 0,
            sequence_number: 0,
            immediate_commit_timestamp: None,
            original_commit_timestamp: None,
            transaction_length: None,
            immediate_server_version: None,
            original_server_version: None,
            commit_group_ticket: None,
        }
    }
}

/// Checks the number that an event gives, as the servers do.
#[inline]
pub(super) fn check_number(anonymous: bool, gno: u64) -> Result<(), Fault> {
    match (anonymous, gno) {
        (true, 0) | (false, 1..=GNO_MAX) => Ok(()),
        (true, _) => Err(Fault::value("GNO of an anonymous transaction", "0", gno)),
        (false, _) => Err(Fault::value("GNO", "a number from 1 to 2^63-2", gno)),
    }
}

/// What a UUID, a tag and a number that was checked name.
#[inline(always)]
pub(super) fn named(anonymous: bool, uuid: Uuid, tag: Option<Tag>, gno: u64) -> TransactionGtid {
    if anonymous {
        TransactionGtid::Anonymous
    } else {
        TransactionGtid::Mysql(Gtid { uuid, tag, gno })
    }
}
