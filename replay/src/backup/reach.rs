//! What of the logs a backup holds, and whether the logs reach back to it.
//!
//! Nothing is guessed: a backup that ends before the first log, behind the last, or inside a
//! transaction is refused, with the GTIDs or logs that are missing.

use binlog_parser::address::EventAddress;
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Unit, Units};

use super::domains::reach_domains;
use super::gtids::reach_gtids;
use super::{LAST_WAY_OUT, LogPlace, Snapshot, SnapshotGtids, undecided};
use crate::error::{Error, Result};
use crate::select::Contained;

/// Where a replay after a backup starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// What the backup holds.
    pub contained: Contained,
    /// By what that is known: GTIDs or a position, as the backup has them.
    pub by: String,
    /// What the user should know, a line each.
    pub warnings: Vec<String>,
}

/// Finds what of the logs `snapshot` holds.
///
/// # Errors
/// [`Error::Refused`] if the logs do not reach back to the backup, end before it, or do not agree
/// with it; a log that cannot be read.
pub fn start_after(set: &LogSet, snapshot: &Snapshot) -> Result<Start> {
    let mut warnings = snapshot.warnings.clone();
    let by_gtids = match &snapshot.gtids {
        Some(SnapshotGtids::Mysql(gtids)) => reach_gtids(set, gtids, &mut warnings)?,
        Some(SnapshotGtids::Mariadb(position)) => reach_domains(set, position, &mut warnings)?,
        None => None,
    };
    let (contained, by) = match (by_gtids, &snapshot.gtids) {
        (Some(contained), Some(gtids)) => {
            warnings.extend(disagreement(set, snapshot, &contained)?);
            (contained, format!("GTIDs {gtids}"))
        }
        _ => {
            let place = the_place(set, snapshot)?;
            (reach_place(set, place)?, format!("{place}"))
        }
    };
    if snapshot.kind.is_logical() {
        undecided::check(set, &contained)?;
    }
    Ok(Start { contained, by, warnings })
}

/// The one of the backup's positions that is in a log of the set.
fn the_place<'s>(set: &LogSet, snapshot: &'s Snapshot) -> Result<&'s LogPlace> {
    let here = |place: &&LogPlace| set.position(&place.log).is_some();
    let mut places = snapshot.places.iter().filter(here);
    match (places.next(), places.next(), snapshot.places.first()) {
        (Some(place), None, _) | (None, None, Some(place)) => Ok(place),
        (Some(one), Some(other), _) => Err(Error::refused(
            format!("the backup names two positions that are in the logs: {one} and {other}"),
            "leave the one that is of another server out of the backup's file",
        )),
        _ => Err(Error::refused(
            "the backup has GTIDs alone, and there are transactions in the logs without",
            "start at a position instead: --start-position",
        )),
    }
}

/// What a position contains.
fn reach_place(set: &LogSet, place: &LogPlace) -> Result<Contained> {
    let Some(number) = set.position(&place.log) else { return Err(no_log(set, place)) };
    let log = &set.logs()[number];
    let position = place.position;
    let refused = |what: String| {
        let hint = "the backup, or the log, is of another server, or of another time of it";
        Err(Error::refused(format!("the backup ends at {place}: {what}"), hint))
    };
    if position == 0 || position > log.len() {
        return refused(format!("{} ends at {}", log.name(), log.len()));
    }
    let found = Ok(Contained::Before { log: number, position });
    if position == FIRST_EVENT || position == log.len() {
        return found;
    }
    for unit in Units::new(log.scan()) {
        let (start, end) = match &unit {
            Unit::Transaction(transaction) => (transaction.start(), transaction.end()),
            Unit::Control(event) => (event.offset, event.end()),
            Unit::Damage(damage) => (damage.range.start, damage.range.end),
        };
        if position == start || position == end {
            return found;
        }
        if position < end {
            let at = EventAddress::new(log.name(), start);
            return refused(match unit {
                Unit::Transaction(t) if t.event_at(position).is_some() => {
                    format!("that is inside the transaction at {at}")
                }
                Unit::Damage(_) => format!("bytes {start} to {end} are damaged"),
                _ => format!("no event starts there; the one before starts at {at}"),
            });
        }
    }
    refused("no event starts there".into())
}

/// Names the logs that are missing between a backup's position and the first log.
fn no_log(set: &LogSet, place: &LogPlace) -> Error {
    let first = set.logs().first().map_or("", |log| &**log.name());
    let last = set.logs().last().map_or("", |log| &**log.name());
    let had = format!("the backup ends at {place}, and the logs begin with {first}");
    let (Some((base, number)), Some((had_base, had_number))) = (split(&place.log), split(first))
    else {
        return Error::refused(format!("{had}; no log is {}", place.log), LAST_WAY_OUT);
    };
    if base != had_base {
        let hint =
            "the backup is of another server, or the logs were renamed: give them their names";
        return Error::refused(format!("{had}; no log is {}", place.log), hint);
    }
    if number < had_number {
        let digits = first.len() - base.len() - 1;
        let before = format!("{base}.{:0digits$}", had_number - 1);
        let missing =
            if before == place.log { before } else { format!("{} to {before}", place.log) };
        return Error::refused(format!("{had}; missing: {missing}"), "give the older logs, too");
    }
    let hint = "give the later logs, too: what is in these is in the backup already";
    Error::refused(format!("the backup ends at {place}, and the logs with {last}"), hint)
}

/// Splits `binlog.000012` into `binlog` and 12.
fn split(name: &str) -> Option<(&str, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}

/// What to say where the position says something else than the GTIDs: a transaction before it that
/// is not in the backup, or one behind it that is.
fn disagreement(
    set: &LogSet,
    snapshot: &Snapshot,
    contained: &Contained,
) -> Result<Option<String>> {
    let mut places = snapshot.places.iter().filter(|place| set.position(&place.log).is_some());
    let (Some(place), None) = (places.next(), places.next()) else { return Ok(None) };
    let Some(number) = set.position(&place.log) else { return Ok(None) };
    let before = Contained::Before { log: number, position: place.position };
    for (index, log) in set.logs().iter().enumerate() {
        if let Some(at) = first_difference(log, index, contained, &before)? {
            return Ok(Some(format!(
                "the backup's position, {place}, does not agree with its GTIDs at {at}; the GTIDs \
                 are followed"
            )));
        }
    }
    Ok(None)
}

fn first_difference(
    log: &Log,
    index: usize,
    contained: &Contained,
    before: &Contained,
) -> Result<Option<EventAddress>> {
    for unit in Units::new(log.scan()) {
        let Unit::Transaction(transaction) = unit else { continue };
        let by_gtid = contained.contains(log, index, &transaction)?;
        if by_gtid != before.contains(log, index, &transaction)? {
            return Ok(Some(EventAddress::new(log.name(), transaction.start())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::Kind;
    use crate::select::gtid_of;
    use std::path::{Path, PathBuf};

    /// The logs of the shop on a product, from number `first` on.
    fn shop(product: &str, first: usize) -> LogSet {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop").join(product);
        let set = LogSet::open(&[folder]).unwrap();
        let paths: Vec<_> = set.logs()[first..].iter().map(|log| log.path().to_owned()).collect();
        LogSet::open(&paths).unwrap()
    }

    /// Every transaction: number of its log, start, end, GTID.
    fn transactions(set: &LogSet) -> Vec<(usize, u64, u64, String)> {
        let mut all = vec![];
        for (number, log) in set.logs().iter().enumerate() {
            for unit in Units::new(log.scan()) {
                let Unit::Transaction(t) = unit else { continue };
                let gtid = gtid_of(log, &t).unwrap().to_string();
                all.push((number, t.start(), t.end(), gtid));
            }
        }
        all
    }

    fn snapshot(gtids: &str, places: &[(&str, u64)]) -> Snapshot {
        let place = |(log, position): &(&str, u64)| LogPlace {
            log: (*log).to_owned(),
            position: *position,
        };
        Snapshot {
            path: PathBuf::new(),
            kind: Kind::SqlDump,
            gtids: (!gtids.is_empty()).then(|| SnapshotGtids::parse(gtids).unwrap()),
            places: places.iter().map(place).collect(),
            warnings: vec![],
        }
    }

    /// How many transactions a backup holds.
    fn held(set: &LogSet, start: &Start) -> usize {
        let mut held = 0;
        for (number, log) in set.logs().iter().enumerate() {
            for unit in Units::new(log.scan()) {
                let Unit::Transaction(t) = unit else { continue };
                held += usize::from(start.contained.contains(log, number, &t).unwrap());
            }
        }
        held
    }

    fn why(set: &LogSet, snapshot: &Snapshot) -> String {
        match start_after(set, snapshot).unwrap_err() {
            Error::Refused { what, .. } => what,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_set_with_holes_holds_exactly_its_transactions() {
        let set = shop("mysql-9.7", 0);
        let all = transactions(&set);
        let gtids = [0, 1, 2, 5].map(|n| all[n].3.clone()).join(",");
        let start = start_after(&set, &snapshot(&gtids, &[])).unwrap();
        assert_eq!((held(&set, &start), start.warnings.len()), (4, 0));
        assert!(start.by.starts_with("GTIDs "), "{}", start.by);
    }

    #[test]
    fn logs_that_begin_behind_a_backup_are_refused_with_what_is_missing() {
        let (set, late) = (shop("mysql-9.7", 0), shop("mysql-9.7", 1));
        let all = transactions(&set);
        let before = all.iter().filter(|t| t.0 == 0).count();
        let held = snapshot(&all[0].3, &[]);
        let why_late = why(&late, &held);
        let (uuid, _) = all[0].3.rsplit_once(':').unwrap();
        let missing = format!("neither has {uuid}:2-{before}, which came before ");
        assert!(why_late.contains(&missing), "{why_late}");

        let set = shop("mariadb-11.8", 0);
        let (late, all) = (shop("mariadb-11.8", 1), transactions(&set));
        let before = all.iter().rfind(|t| t.0 == 0).unwrap().3.clone();
        let why_late = why(&late, &snapshot(&all[0].3, &[]));
        assert!(why_late.contains(&format!("to {before}, which came before ")), "{why_late}");
        let name = |set: &LogSet| set.logs()[0].name().to_string();
        let by_place = why(&late, &snapshot("", &[(&name(&set), 4)]));
        assert!(by_place.ends_with(&format!("; missing: {}", name(&set))), "{by_place}");
    }

    #[test]
    fn logs_that_end_before_a_backup_are_refused() {
        for product in ["mysql-9.7", "mariadb-10.11"] {
            let set = shop(product, 0);
            let last = transactions(&set).last().unwrap().3.clone();
            let (head, number) = last.rsplit_once([':', '-']).unwrap();
            let next = number.parse::<u64>().unwrap() + 1;
            let behind = match head.contains(':') || head.len() > 30 {
                true => format!("{head}:1-{next}"),
                false => format!("{head}-{next}"),
            };
            let why = why(&set, &snapshot(&behind, &[]));
            assert!(why.contains("end before it") || why.contains("already"), "{why}");
        }
    }

    #[test]
    fn of_mariadb_each_domain_starts_behind_its_transaction() {
        let set = shop("mariadb-11.8", 0);
        let all = transactions(&set);
        let start = start_after(&set, &snapshot(&all[4].3, &[])).unwrap();
        assert_eq!(held(&set, &start), 5);
        // The last before the second log is the first position of that log.
        let (late, n) = (shop("mariadb-11.8", 1), all.iter().filter(|t| t.0 == 0).count());
        let start = start_after(&late, &snapshot(&all[n - 1].3, &[])).unwrap();
        assert_eq!(held(&late, &start), 0);
    }

    #[test]
    fn a_position_is_a_boundary_between_transactions_or_refused() {
        let set = shop("mysql-9.7", 0);
        let all = transactions(&set);
        let (number, start, end, _) = all[3];
        let name = set.logs()[number].name().to_string();
        for (position, count) in [(4, 0), (start, 3), (end, 4)] {
            let begin = start_after(&set, &snapshot("", &[(&name, position)])).unwrap();
            assert_eq!(held(&set, &begin), count);
        }
        let inside = Units::new(set.logs()[number].scan()).find_map(|unit| match unit {
            Unit::Transaction(t) if t.start() == start => Some(t.events[1].offset),
            _ => None,
        });
        let refused = |position| why(&set, &snapshot("", &[(&name, position)]));
        let says = refused(inside.unwrap());
        assert!(says.ends_with(&format!("inside the transaction at {name}:{start}")), "{says}");
        assert!(refused(start + 1).contains("no event starts there; the one before starts at"));
        assert!(refused(1 << 40).contains(" ends at "));
        assert!(
            why(&set, &snapshot("", &[("other.000001", 4)])).contains("no log is other.000001")
        );
        assert!(why(&set, &snapshot("", &[("binlog.000999", 4)])).contains("and the logs with"));
    }

    #[test]
    fn gtids_are_followed_where_the_position_says_otherwise_and_it_is_said() {
        let set = shop("mysql-9.7", 0);
        let all = transactions(&set);
        let (name, gtids) =
            (set.logs()[0].name().to_string(), format!("{},{}", all[0].3, all[1].3));
        for (position, warnings) in [(all[1].2, 0), (all[2].2, 1)] {
            let start = start_after(&set, &snapshot(&gtids, &[(&name, position)])).unwrap();
            assert_eq!((held(&set, &start), start.warnings.len()), (2, warnings));
        }
        let foreign = "00000000-0000-0000-0000-000000000001:1-7";
        let both = start_after(&set, &snapshot(&format!("{gtids},{foreign}"), &[])).unwrap();
        assert!(both.warnings[0].contains("know nothing"), "{:?}", both.warnings);
        assert!(why(&set, &snapshot(foreign, &[])).starts_with("the logs know none of"));
    }
}
