//! XA transactions that were prepared before a backup and decided after it. A dump of rows does not
//! hold them, and a replay that starts behind their PREPARE cannot commit them.

use std::collections::HashMap;

use binlog_parser::address::EventAddress;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Step, Transaction, Unit, Units, step};

use crate::error::{Error, Result};
use crate::select::Contained;

/// Refuses a start between an XA transaction's PREPARE and its COMMIT.
pub(super) fn check(set: &LogSet, contained: &Contained) -> Result<()> {
    if !set.logs().iter().any(has_prepared) {
        return Ok(());
    }
    let mut prepared: HashMap<String, EventAddress> = HashMap::new();
    for (number, log) in set.logs().iter().enumerate() {
        let (mut units, mut inflated) = (Units::new(log.scan()), Inflated::default());
        while let Some(unit) = units.next() {
            let Unit::Transaction(transaction) = unit else { continue };
            let at = EventAddress::new(log.name(), transaction.start());
            let transaction = transaction.plain(&mut inflated, units.format()).transaction;
            if let Some(xid) = prepares(&transaction) {
                if contained.contains(log, number, &transaction)? {
                    prepared.insert(xid, at);
                }
                continue;
            }
            let Some((commits, xid)) = decides(&transaction) else { continue };
            let held = contained.contains(log, number, &transaction)?;
            if let Some(prepare) = prepared.remove(&xid).filter(|_| commits && !held) {
                return Err(Error::refused(
                    format!(
                        "XA transaction {xid} was prepared at {prepare}, before the backup, and \
                         committed at {at}, after it: a dump does not hold it"
                    ),
                    "take another backup, or a copy of the server's files, which holds it",
                ));
            }
        }
    }
    Ok(())
}

/// Whether a log holds an XA PREPARE, perhaps in a compressed transaction.
fn has_prepared(log: &Log) -> bool {
    log.scan().any(|scanned| {
        matches!(scanned, Scanned::Event(event) if event.event_type() == EventType::XA_PREPARE
            || event.event_type().is_compressed())
    })
}

/// Name of the XA transaction that is prepared here, and left to be decided.
fn prepares(transaction: &Transaction<'_>) -> Option<String> {
    let event = transaction.events.last().filter(|_| transaction.ending == Ending::XaPrepare)?;
    let prepare = XaPrepareEvent::parse(event.body()).ok()?;
    (!prepare.one_phase).then(|| prepare.xid.to_string().to_ascii_lowercase())
}

/// Whether an XA transaction is committed here (or rolled back), and its name.
fn decides(transaction: &Transaction<'_>) -> Option<(bool, String)> {
    let event = transaction.events.last()?;
    let query = event.query().ok().filter(|_| event.event_type() == EventType::QUERY)?;
    if step(query.text) != Step::XaDecision {
        return None;
    }
    let text = String::from_utf8_lossy(query.text).to_ascii_lowercase();
    let xid = text.splitn(3, ' ').nth(2)?.trim().to_owned();
    Some((text.starts_with("xa commit"), xid))
}
