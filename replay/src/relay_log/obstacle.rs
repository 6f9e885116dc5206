//! What cannot go into relay logs, or would mean nothing there.

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::{EventType, Family, flags};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::{FIRST_EVENT, Log};
use binlog_parser::transaction::Transaction;

use crate::error::{Error, Result};
use crate::stream::Options;

/// Refuses options that only a stream of statements can keep.
pub(super) fn check_options(options: &Options, family: Family) -> Result<()> {
    let filter = match family {
        Family::Mysql => {
            "CHANGE REPLICATION FILTER … FOR CHANNEL 'binlog_replay', behind CHANGE REPLICATION \
             SOURCE in apply.sql"
        }
        Family::Mariadb => {
            "SET GLOBAL binlog_replay.replicate_…, behind CHANGE MASTER in apply.sql"
        }
    };
    let filters = format!("let the applier filter: {filter}; or use --format sql");
    let sql = "use --format sql".to_owned();
    let variable = match family {
        Family::Mysql => "replica_exec_mode",
        Family::Mariadb => "slave_exec_mode",
    };
    let refusals = [
        (options.filter.by_table(), "--database, --table", filters.clone()),
        (!options.rewrite_db.is_empty(), "--rewrite-db", filters),
        (options.set_charset.is_some(), "--set-charset", sql.clone()),
        (options.disable_log_bin, "--disable-log-bin", sql.clone()),
        (
            options.idempotent,
            "--idempotent",
            format!("SET GLOBAL {variable} = 'IDEMPOTENT' for the time of apply.sql"),
        ),
        (options.skip_gtids && family == Family::Mariadb, "--skip-gtids, of MariaDB", sql),
    ];
    match refusals.into_iter().find(|(asked, ..)| *asked) {
        Some((_, option, hint)) => {
            let what = format!("{option}: relay logs hold whole transactions as they are");
            Err(Error::refused(what, hint))
        }
        None => Ok(()),
    }
}

/// Refuses logs whose events no applier of today can lay out.
pub(super) fn check_format(log: &Log, format: &FormatDescription) -> Result<()> {
    if format.binlog_version >= 4 {
        return Ok(());
    }
    let (place, version) = (log.location(FIRST_EVENT), format.binlog_version);
    Err(Error::refused(
        format!("{place}: binlog version {version} is not replayed"),
        "a server of that time takes these logs for relay logs as they are",
    ))
}

/// Refuses a transaction that no applier takes.
pub(super) fn check(log: &Log, family: Family, transaction: &Transaction<'_>) -> Result<()> {
    let obstacle = transaction.events.iter().find_map(|event| Some((event, why(event, family)?)));
    let Some((event, why)) = obstacle else { return Ok(()) };
    let place = log.location(event.offset).of(event.event_type().name());
    Err(Error::refused(
        format!("{place}: {why}"),
        "leave the transaction out with --skip ADDR, or end before it with --stop-before",
    ))
}

fn why(event: &RawEvent<'_>, family: Family) -> Option<&'static str> {
    match event.event_type() {
        EventType::INCIDENT => Some("events were lost on the server here"),
        EventType::LOAD | EventType::CREATE_FILE | EventType::EXEC_LOAD | EventType::NEW_LOAD => {
            Some("LOAD DATA of a server of 4.x is not replayed")
        }
        EventType::WRITE_ROWS_V0 | EventType::UPDATE_ROWS_V0 | EventType::DELETE_ROWS_V0 => {
            Some("rows of a server before 5.1.16 are not replayed")
        }
        // MariaDB takes an event so marked for none, whatever its type (`Log_event::read_log_event`).
        event_type if event_type.is_known() || event.header().has(flags::IGNORABLE) => None,
        _ if family == Family::Mysql => Some("no server of MySQL is known that writes this type"),
        _ => Some("no server of MariaDB is known that writes this type"),
    }
}
