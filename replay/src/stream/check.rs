//! Looks for what cannot be replayed exactly, before anything is written.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

use binlog_parser::event::query::QueryEvent;
use binlog_parser::header::{EventType, Family, flags};
use binlog_parser::inflate::Inflated;
use binlog_parser::parallel;
use binlog_parser::scan::{RawEvent, Scan, Scanned};
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Step, Transaction, Unit, Units, step};

use super::cut::{Partial, Reach};
use super::load::{LoadFault, LoadStatement};
use super::text::{TextStatement, is_plain};
use super::{Options, context, reached, size};
use crate::error::{Error, Result};
use crate::select::Selected;
use crate::sql::Dialect;

/// First binlog version whose Query events carry status variables.
const FIRST_WITH_SESSIONS: u16 = 4;

/// How many places a refusal names.
const NAMED: usize = 5;

/// Refuses what is selected and cannot be replayed exactly.
pub(super) fn check(set: &LogSet, options: &Options) -> Result<()> {
    check_options(set, options)?;
    reached::check(set, &options.filter)?;
    check_targets(set, options)?;
    check_cut(set, options)?;
    let mut found = vec![];
    for (index, log) in set.logs().iter().enumerate() {
        if options.ends_before(index, 0) {
            continue;
        }
        check_version(log)?;
        for range in options.filter.ranges(set, index) {
            if suspicious(log, &range, options) {
                found.extend(obstacles(set, (index, log), range, options)?);
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let more = found.len().saturating_sub(NAMED);
    let mut what = found[..found.len().min(NAMED)].join("\n");
    if more > 0 {
        what.push_str(&format!("\nand {more} more"));
    }
    Err(Error::refused(
        what,
        "leave these transactions out with --skip ADDR, or end before the first with --stop-before",
    ))
}

/// Refuses logs of servers before 5.0: their statements carry no session to run them in.
fn check_version(log: &Log) -> Result<()> {
    let version = log.format().binlog_version;
    if version >= FIRST_WITH_SESSIONS {
        return Ok(());
    }
    Err(Error::refused(
        format!("{}: binlog version {version} is not replayed", log.location(FIRST_EVENT)),
        "mysqlbinlog of that server's time writes these statements",
    ))
}

fn check_options(set: &LogSet, options: &Options) -> Result<()> {
    let mariadb = set.logs().iter().any(|log| log.format().family == Family::Mariadb);
    if options.idempotent && mariadb {
        return Err(Error::refused(
            "--idempotent: MariaDB has no session variable for it",
            "SET GLOBAL slave_exec_mode=IDEMPOTENT on the server for the time of the replay",
        ));
    }
    let charset = options.set_charset.as_deref().unwrap_or("x");
    if charset.is_empty() || !charset.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Error::Usage(format!("--set-charset: needed a name, had {charset:?}")));
    }
    Ok(())
}

/// Refuses to commit the part before a cut where its server did not commit it.
fn check_cut(set: &LogSet, options: &Options) -> Result<()> {
    let target = options.stop_before.as_ref().or(options.stop_after.as_ref());
    let Some(target) = target.filter(|_| options.partial == Partial::Commit) else {
        return Ok(());
    };
    let log = &set.logs()[target.log];
    let mut units = Units::new(log.scan_from(target.start));
    let Some(Unit::Transaction(transaction)) = units.next() else { return Ok(()) };
    let mut inflated = Inflated::default();
    let transaction = transaction.plain(&mut inflated, units.format()).transaction;
    let id_bytes = units.format().table_id_bytes();
    match options.reach(log, target.log, &transaction, id_bytes) {
        Reach::Part(part) => part.check(),
        _ => Ok(()),
    }
}

/// Refuses a target that the backup holds: no replay on top of it can leave that out.
fn check_targets(set: &LogSet, options: &Options) -> Result<()> {
    let Some(contained) = &options.filter.contained else { return Ok(()) };
    let cuts = [("--stop-before", &options.stop_before), ("--stop-after", &options.stop_after)];
    let cuts = cuts.into_iter().filter_map(|(name, target)| Some((name, target.as_ref()?)));
    for (name, target) in cuts.chain(options.skip.iter().map(|target| ("--skip", target))) {
        let log = &set.logs()[target.log];
        let mut units = Units::new(log.scan_from(target.start));
        let Some(Unit::Transaction(transaction)) = units.next() else { continue };
        if contained.contains(log, target.log, &transaction)? {
            return Err(Error::refused(
                format!("{name} {}: the backup holds this transaction", target.address(set)),
                "restore an older backup",
            ));
        }
    }
    Ok(())
}

/// Whether a range of a log holds any event that may stand in the way, or hide one that does: a walk over
/// headers, which spares nearly every log the walk over transactions.
fn suspicious(log: &Log, range: &Range<u64>, options: &Options) -> bool {
    let version = &log.format().server_version;
    let obstructed = |scan: &mut Scan<'_>| {
        scan.any(|scanned| match scanned {
            Scanned::Event(event) => {
                // Whether its file is there shows only where all events of the statement are.
                event.event_type() == EventType::EXECUTE_LOAD_QUERY
                    || event.event_type().is_compressed()
                    || size::is_suspicious(&event, options)
                    || obstructs(&event, options, version).is_some()
            }
            Scanned::Damage(_) => false,
        })
    };
    let mut found = false;
    parallel::headers(log, range.clone(), obstructed, |_, obstructed| {
        found = obstructed;
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// What keeps transactions in a range of a log from being replayed. Compressed ones are opened for it; what
/// cannot be opened ends the stream, as other damage does.
fn obstacles(
    set: &LogSet,
    (index, log): (usize, &Log),
    range: Range<u64>,
    options: &Options,
) -> Result<Vec<String>> {
    let look = |units: &mut Units<'_>| -> Result<(Vec<String>, bool)> {
        let (mut found, mut inflated) = (vec![], Inflated::default());
        while let Some(unit) = units.next() {
            let Unit::Transaction(mut transaction) = unit else { continue };
            if options.opens(set, index, &transaction)? {
                transaction = transaction.plain(&mut inflated, units.format()).transaction;
            }
            match options.reach(log, index, &transaction, units.format().table_id_bytes()) {
                Reach::Whole => {}
                Reach::Part(part) if part.cut.partial == Partial::Commit => {
                    transaction = part.transaction;
                }
                _ => return Ok((found, false)),
            }
            let skipped = options.skip.iter().any(|target| target.is(index, &transaction));
            if !skipped && options.filter.selects(set, index, &transaction)? == Selected::Yes {
                let id_bytes = units.format().table_id_bytes();
                found.extend(obstacle(log, options, &transaction));
                found.extend(size::obstacle(log, options, &transaction, id_bytes));
            }
        }
        Ok((found, true))
    };
    let (mut all, mut failure) = (vec![], None);
    parallel::units_in(log, range, look, |_, looked| match looked {
        Ok((found, goes_on)) => {
            all.extend(found);
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    });
    failure.map_or(Ok(all), Err)
}

/// What keeps a transaction from being replayed, with its address.
fn obstacle(log: &Log, options: &Options, transaction: &Transaction<'_>) -> Option<String> {
    let version = &log.format().server_version;
    let event = transaction.events.iter().find_map(|event| {
        let why = obstructs(event, options, version)?;
        Some(format!("{}: {why}", event.location(log)))
    });
    event.or_else(|| {
        transaction.statements(log.format().table_id_bytes()).find_map(|statement| {
            let event = statement.last()?;
            let why = load_obstructs(event, statement.events, options, version)?;
            Some(format!("{}: {why}", event.location(log)))
        })
    })
}

/// Why an event cannot be replayed.
fn obstructs(event: &RawEvent<'_>, options: &Options, version: &str) -> Option<Cow<'static, str>> {
    match event.event_type() {
        EventType::QUERY => text_obstructs(event, options, version).map(Cow::Owned),
        EventType::USER_VAR => {
            let family = Dialect::from_server_version(version.as_bytes()).family;
            context::obstacle(event, family).map(Cow::Owned)
        }
        _ => type_obstructs(event).map(Cow::Borrowed),
    }
}

/// Why a statement of text cannot be replayed. What cannot be read is told when it is reached: it
/// is an error of the log, not a refusal.
fn text_obstructs(event: &RawEvent<'_>, options: &Options, version: &str) -> Option<String> {
    let query = event.query().ok()?;
    match step(query.text) {
        Step::Commit | Step::Rollback => return None,
        Step::Begin if !query.text.starts_with(b"XA") => return None,
        Step::Begin | Step::XaDecision if !is_plain(query.text) => {
            return Some("no server logs an XA statement in this form".into());
        }
        _ if is_plain(query.text) => return None,
        _ => {}
    }
    let statement = TextStatement::new(event, &query, &query.status_vars().ok()?, version);
    if !statement.is_selected(options) {
        return None;
    }
    statement.refusal(options)
}

/// Why a LOAD DATA cannot be replayed.
fn load_obstructs(
    event: &RawEvent<'_>,
    events: &[RawEvent<'_>],
    options: &Options,
    version: &str,
) -> Option<String> {
    if event.event_type() != EventType::EXECUTE_LOAD_QUERY {
        return None;
    }
    let load = match LoadStatement::new(events) {
        Ok(load) => load,
        Err(LoadFault::NoFile) => {
            return Some("the blocks of its file do not stand right before it".into());
        }
        Err(LoadFault::Fault(_)) => return None,
    };
    if let Some(why) = load.refusal(version) {
        return Some(why);
    }
    let vars = load.status_vars().ok()?;
    let statement = TextStatement::new(event, load.query(), &vars, version);
    if !statement.is_selected(options) {
        return None;
    }
    if load.query().error_code != 0 {
        return Some(
            "the statement failed part-way, and its file cannot be loaded so again".into(),
        );
    }
    let text = load.text("/f");
    let query = QueryEvent { text: &text, ..*load.query() };
    TextStatement::new(event, &query, &vars, version).refusal_of_load(options)
}

/// Why an event of this type cannot be replayed.
fn type_obstructs(event: &RawEvent<'_>) -> Option<&'static str> {
    match event.event_type() {
        EventType::LOAD | EventType::NEW_LOAD => Some("the log does not hold the file to load"),
        EventType::CREATE_FILE | EventType::EXEC_LOAD => {
            Some("LOAD DATA is not replayed in the form of servers before 5.0.3")
        }
        EventType::START_V3 => Some("logs of servers before 5.0 are not replayed"),
        EventType::INCIDENT => Some("events were lost on the server here"),
        EventType::PARTIAL_ROW_DATA => Some("rows divided among events are not replayed"),
        EventType::WRITE_ROWS_V0 | EventType::UPDATE_ROWS_V0 | EventType::DELETE_ROWS_V0 => {
            Some("rows of a server before 5.1.16 are not replayed")
        }
        event_type if event_type.is_known() || event.header().has(flags::IGNORABLE) => None,
        _ => Some("no server is known that writes this type"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that a 4.1 server has begun: nothing but its START_EVENT_V3.
    fn log_of_version_3() -> Log {
        let mut bytes = b"\xfebin".to_vec();
        bytes.extend([1, 0, 0, 0]); // timestamp
        bytes.push(1); // type: Start_v3
        bytes.extend([1, 0, 0, 0]); // server_id
        bytes.extend([75, 0, 0, 0]); // event length
        bytes.extend([4, 0, 0, 0]); // log_pos: the event's own start
        bytes.extend([0, 0]); // flags
        bytes.extend([3, 0]); // binlog version
        let mut version = b"4.1.23-standard-log".to_vec();
        version.resize(50, 0);
        bytes.extend(version); // server version
        bytes.extend([1, 0, 0, 0]); // created
        Log::from_reader(&bytes[..]).unwrap()
    }

    #[test]
    fn a_log_from_before_sessions_were_logged_is_refused() {
        let set = LogSet::of(vec![log_of_version_3()]);
        let error = check(&set, &Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "stdin:4: binlog version 3 is not replayed");
        assert!(matches!(error, Error::Refused { .. }));
    }
}
