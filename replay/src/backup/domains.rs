//! A backup's GTID position of MariaDB, held against the logs.
//!
//! A position names one transaction of each domain. What came before it in the order of the logs is
//! contained, whatever the numbers are: they may go back where several servers write to a domain.

use std::collections::{BTreeMap, BTreeSet};

use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::gtid::{MariadbBinlogState, MariadbGtid, MariadbPosition, TransactionGtid};
use binlog_parser::header::EventType;
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};

use super::LAST_WAY_OUT;
use crate::error::{Error, Result};
use crate::select::{Contained, gtid_of};

/// What a walk over the logs has seen.
#[derive(Default)]
struct Walk {
    /// How far the domains had come when the first log began.
    first: MariadbBinlogState,
    /// The last transaction of each domain so far.
    state: MariadbPosition,
    /// Where the position's transactions start.
    found: BTreeMap<u32, (usize, u64)>,
    /// Transactions that are missing between two logs: before which log, the last one there and the
    /// last one missing.
    gaps: Vec<(usize, Option<MariadbGtid>, MariadbGtid)>,
}

/// What a position contains; none if the logs have transactions without GTIDs.
pub(super) fn reach_domains(
    set: &LogSet,
    position: &MariadbPosition,
    warnings: &mut Vec<String>,
) -> Result<Option<Contained>> {
    let mut walk = Walk::default();
    for (number, log) in set.logs().iter().enumerate() {
        walk.begin(number, log)?;
        for unit in Units::new(log.scan()) {
            let Unit::Transaction(transaction) = unit else { continue };
            let TransactionGtid::Mariadb(gtid) = gtid_of(log, &transaction)? else {
                return Ok(None);
            };
            walk.state.advance(gtid);
            if position.last(gtid.domain) == Some(gtid) {
                walk.found.insert(gtid.domain, (number, transaction.start()));
            }
        }
    }
    let first = set.logs().first().map_or("", |log| &**log.name());
    let domains: BTreeSet<u32> =
        walk.first.iter().chain(position.iter()).map(|gtid| gtid.domain).collect();
    let mut foreign = vec![];
    for domain in domains {
        walk.check(domain, position.last(domain), first, &mut foreign)?;
    }
    walk.check_gaps(set)?;
    if !foreign.is_empty() && foreign.len() == position.iter().count() && !walk.state.is_empty() {
        let what = format!("the logs know no domain of the backup's GTIDs, {position}");
        return Err(Error::refused(what, LAST_WAY_OUT));
    }
    warnings.extend(foreign.iter().map(|gtid| {
        format!("the backup holds {gtid}, of a domain of which the logs know nothing")
    }));
    Ok(Some(Contained::Domains(walk.found)))
}

impl Walk {
    /// Takes in how far the domains had come before a log.
    fn begin(&mut self, number: usize, log: &Log) -> Result<()> {
        let Some(list) = list(log)? else { return Ok(()) };
        let state = list.state();
        if number == 0 {
            self.first = state.clone();
        } else {
            for last in state.position().iter() {
                let before = self.state.last(last.domain);
                if before != Some(last) {
                    self.gaps.push((number, before, last));
                }
            }
        }
        self.state = state.position().clone();
        Ok(())
    }

    /// Refuses a domain of which the logs lack what the backup lacks, or end before the backup.
    fn check(
        &self,
        domain: u32,
        held: Option<MariadbGtid>,
        first: &str,
        foreign: &mut Vec<MariadbGtid>,
    ) -> Result<()> {
        let before = self.first.position().last(domain);
        let missing = |from: String, to: MariadbGtid| {
            Err(Error::refused(
                format!(
                    "the logs do not reach back to the backup: neither has {from} to {to}, which \
                     came before {first}"
                ),
                "give the logs before it, too, or a later backup",
            ))
        };
        match (held, before) {
            (Some(held), _) if self.found.contains_key(&held.domain) => Ok(()),
            (Some(held), Some(before)) if held == before => Ok(()),
            (Some(held), Some(before)) if held.seq < before.seq => {
                missing(format!("{domain}-…-{}", held.seq + 1), before)
            }
            (None, Some(before)) => missing(format!("the start of domain {domain}"), before),
            (Some(held), _) => match self.state.last(domain) {
                None => {
                    foreign.push(held);
                    Ok(())
                }
                Some(last) if held.seq > last.seq => Err(Error::refused(
                    format!("the backup ends at {held}, and the logs at {last} already"),
                    "give the later logs, too: what is in these is in the backup already",
                )),
                Some(_) => Err(Error::refused(
                    format!("the backup ends at {held}, and no transaction of the logs is that"),
                    LAST_WAY_OUT,
                )),
            },
            (None, None) => Ok(()),
        }
    }

    /// Refuses gaps between logs that are not before the place where their domain starts.
    fn check_gaps(&self, set: &LogSet) -> Result<()> {
        let is_after = |gap: &&(usize, Option<MariadbGtid>, MariadbGtid)| {
            self.found.get(&gap.2.domain).is_none_or(|(log, _)| *log < gap.0)
        };
        let Some((number, before, last)) = self.gaps.iter().find(is_after) else { return Ok(()) };
        let name = set.logs()[*number].name();
        let from = before.map_or("the start of its domain".into(), |gtid| gtid.to_string());
        Err(Error::refused(
            format!("what came behind {from} and up to {last} is missing before {name}"),
            "give the logs between, too",
        ))
    }
}

/// The list at the start of a log.
fn list(log: &Log) -> Result<Option<GtidListEvent>> {
    for scanned in log.scan() {
        let Scanned::Event(event) = scanned else { break };
        match event.event_type() {
            EventType::GTID_LIST => {
                let read = GtidListEvent::parse(event.body(), &event.header());
                let place = || log.location(event.offset).of("Gtid_list");
                return read.map(Some).map_err(|fault| Error::at(fault, place()));
            }
            event_type if event_type.is_gtid() || event_type == EventType::QUERY => break,
            _ => {}
        }
    }
    Ok(None)
}
