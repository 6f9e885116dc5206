//! A damaged range, for people and for programs.

use std::io::{self, Write};

use binlog_parser::gtid::TransactionGtid;
use binlog_parser::scan::Damage;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::Transaction;
use serde::Serialize;

use crate::text::safe;
use crate::ui::Paint;

/// A transaction that lacks its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Address of its first event.
    pub address: String,
    /// Its GTID, if it has one.
    pub gtid: Option<String>,
}

impl Cut {
    /// The transaction of `log`, whose name is `gtid`.
    #[must_use]
    pub fn of(log: &Log, transaction: &Transaction<'_>, gtid: Option<&TransactionGtid>) -> Self {
        Cut {
            address: log.location(transaction.start()).to_string(),
            gtid: gtid.and_then(TransactionGtid::gtid).map(|gtid| gtid.to_string()),
        }
    }

    /// Address and GTID.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.gtid {
            Some(gtid) => format!("{}, GTID {gtid}", self.address),
            None => self.address.clone(),
        }
    }
}

/// A range that cannot be read.
#[derive(Debug, Clone, Serialize)]
pub struct DamageLine {
    /// Address of the first byte lost.
    pub address: String,
    /// A short name for programs.
    pub reason: &'static str,
    /// Bytes that cannot be read.
    pub bytes_lost: u64,
    /// What, needed, had.
    pub detail: String,
    /// Address of the transaction that the damage cuts, if it does.
    pub transaction: Option<String>,
    /// GTID of that transaction, if it has one.
    pub transaction_gtid: Option<String>,
    /// Stream position behind what is left of the transaction that the damage cuts, or of one that
    /// begins in it: up to there no transaction is whole.
    pub rest_end: Option<u64>,
    /// Whether it is the end of a log that was being written, where nothing took effect.
    #[serde(skip)]
    pub unwritten: bool,
}

impl DamageLine {
    /// The damage in `log`, which cuts a transaction.
    #[must_use]
    pub fn of(log: &Log, damage: &Damage, cut: Option<Cut>) -> Self {
        let (transaction, transaction_gtid) = match cut {
            Some(cut) => (Some(cut.address), cut.gtid),
            None => (None, None),
        };
        DamageLine {
            address: log.location(damage.range.start).to_string(),
            reason: damage.reason.name(),
            bytes_lost: damage.bytes_lost(),
            detail: damage.reason.to_string(),
            transaction,
            transaction_gtid,
            rest_end: None,
            unwritten: damage.is_unwritten_end(),
        }
    }

    /// Prints it, set in by two spaces.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn print(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let (address, detail) = (paint.red(safe(&self.address)), safe(&self.detail));
        match self.bytes_lost {
            // Between two events: what an archive lacks there, nobody can count.
            0 => writeln!(out, "  {address}  lost from here on: {detail}")?,
            bytes => writeln!(out, "  {address}  {bytes} bytes lost: {detail}")?,
        }
        if let Some(address) = self.transaction.clone() {
            let cut = Cut { address, gtid: self.transaction_gtid.clone() };
            writeln!(out, "    cuts the transaction at {}", safe(&cut.name()))?;
        }
        if let Some(end) = self.rest_end {
            writeln!(out, "    what stands from there to {end} lacks its beginning")?;
        }
        Ok(())
    }
}

/// Whether a log that ends in the transaction `open` lacks its end. In a log that is in use the
/// transaction never committed; in a relay log it goes on in the next.
#[must_use]
pub fn is_cut(log: &Log, open: Option<&Cut>) -> bool {
    open.is_some() && !log.in_use() && !log.is_relay_log()
}
