//! A backup's set of GTIDs of MySQL, held against the logs.

use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::gtid::{GtidSet, TransactionGtid};
use binlog_parser::header::EventType;
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};

use super::LAST_WAY_OUT;
use crate::error::{Error, Result};
use crate::select::{Contained, gtid_of};

/// What a set of GTIDs contains; none if the logs have transactions without GTIDs, of which it can
/// say nothing.
pub(super) fn reach_gtids(
    set: &LogSet,
    held: &GtidSet,
    warnings: &mut Vec<String>,
) -> Result<Option<Contained>> {
    let mut known = GtidSet::new();
    for log in set.logs() {
        let before = previous(log)?;
        let missing = before.subtract(held).subtract(&known);
        if !missing.is_empty() {
            return Err(Error::refused(
                format!(
                    "the logs do not reach back to the backup: neither has {missing:#}, which came \
                     before {}",
                    log.name()
                ),
                "give the logs before it, too, or a later backup",
            ));
        }
        known.add_all(&before);
        for unit in Units::new(log.scan()) {
            let Unit::Transaction(transaction) = unit else { continue };
            match gtid_of(log, &transaction)? {
                TransactionGtid::Mysql(gtid) => {
                    known.insert(&gtid);
                }
                _ => return Ok(None),
            }
        }
    }
    check_end(held, &known, warnings)?;
    Ok(Some(Contained::Gtids(held.clone())))
}

/// Everything that was executed before a log.
fn previous(log: &Log) -> Result<GtidSet> {
    for scanned in log.scan() {
        let Scanned::Event(event) = scanned else { break };
        match event.event_type() {
            EventType::PREVIOUS_GTIDS => {
                let read = PreviousGtidsEvent::parse(event.body(), &event.header());
                let place = || log.location(event.offset).of("Previous_gtids");
                return Ok(read.map_err(|fault| Error::at(fault, place()))?.gtids);
            }
            event_type if event_type.is_gtid() || event_type == EventType::QUERY => break,
            _ => {}
        }
    }
    Ok(GtidSet::new())
}

/// Refuses logs that end before the backup does. What servers did of which the logs know nothing
/// may be in a backup all the same: one that was taken from a replica.
fn check_end(held: &GtidSet, known: &GtidSet, warnings: &mut Vec<String>) -> Result<()> {
    let beyond = held.subtract(known);
    let mut foreign = GtidSet::new();
    for (source, range) in beyond.intervals() {
        if !known.sources().any(|(known, _)| known.uuid == source.uuid) {
            foreign.add_interval(source, range);
        }
    }
    let late = beyond.subtract(&foreign);
    if !late.is_empty() {
        return Err(Error::refused(
            format!("the backup holds {late:#}, which the logs do not: they end before it"),
            "give the later logs, too: what is in these is in the backup already",
        ));
    }
    if !held.is_empty() && foreign == *held && !known.is_empty() {
        let what = format!("the logs know none of the backup's GTIDs, {held:#}");
        return Err(Error::refused(what, LAST_WAY_OUT));
    }
    if !foreign.is_empty() {
        warnings.push(format!(
            "the backup holds {foreign:#}, of servers of which the logs know nothing"
        ));
    }
    Ok(())
}
