//! A damaged range, for people and for programs.

use std::io::{self, Write};

use binlog_parser::scan::Damage;
use binlog_parser::source::log::Log;
use serde::Serialize;

use crate::text::safe;
use crate::ui::Paint;

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
}

impl DamageLine {
    /// The damage in `log`, which cuts `transaction`.
    #[must_use]
    pub fn of(log: &Log, damage: &Damage, transaction: Option<String>) -> Self {
        DamageLine {
            address: log.location(damage.range.start).to_string(),
            reason: damage.reason.name(),
            bytes_lost: damage.range.end - damage.range.start,
            detail: damage.reason.to_string(),
            transaction,
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
        if let Some(transaction) = &self.transaction {
            writeln!(out, "    cuts the transaction at {}", safe(transaction))?;
        }
        Ok(())
    }
}

/// Whether a log that ends in the transaction at `open` lacks its end. In a log that is in use the
/// transaction never committed; in a relay log it goes on in the next.
#[must_use]
pub fn is_cut(log: &Log, open: Option<&str>) -> bool {
    open.is_some() && !log.in_use() && !log.is_relay_log()
}
