//! XA transactions of MariaDB that changed nothing. A server logs one where a statement touched rows
//! and was rolled back; a server that prepares it anew finds nothing to prepare, gives it up, and
//! fails at the decision (`XA_RBROLLBACK`). Both are left out: in MariaDB, GTIDs may have gaps.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use binlog_parser::event::mariadb_gtid::MariadbGtidEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::parallel;
use binlog_parser::scan::{Scan, Scanned};
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, StatementKind, Step, Transaction, Unit, Units, step};

/// The numbers of logs, and stream positions in them, of transactions to leave out.
pub(super) type Hollow = HashSet<(usize, u64)>;

/// Finds what is left out of `set`: nothing, at the price of a walk over the headers of what is not
/// indexed, where no log has an XA transaction.
pub(super) fn find(set: &LogSet) -> Hollow {
    let mut hollow = Hollow::new();
    let mariadb = set.logs().iter().any(|log| log.format().family == Family::Mariadb);
    if !mariadb || !(0..set.logs().len()).any(|index| has_xa(set, index)) {
        return hollow;
    }
    // Of every XID that is prepared, whether it is of a hollow transaction.
    let mut prepared: HashMap<String, bool> = HashMap::new();
    for (index, log) in set.logs().iter().enumerate() {
        let mut units = Units::new(log.scan());
        while let Some(unit) = units.next() {
            let Unit::Transaction(transaction) = unit else { continue };
            let is_hollow = match transaction.ending {
                Ending::XaPrepare => xid(&transaction).is_some_and(|xid| {
                    let empty = is_empty(&transaction, units.format().table_id_bytes());
                    prepared.insert(xid, empty);
                    empty
                }),
                Ending::Statement => {
                    decided(&transaction).and_then(|xid| prepared.remove(&xid)).unwrap_or_default()
                }
                _ => false,
            };
            if is_hollow {
                hollow.insert((index, transaction.start()));
            }
        }
    }
    hollow
}

fn has_xa(set: &LogSet, index: usize) -> bool {
    let Some(log) = set.logs().get(index) else { return false };
    let mut range = parallel::whole(log);
    if let Some(indexed) = set.indexed(index) {
        if indexed.facts().events.contains_key(&EventType::XA_PREPARE.0) {
            return true;
        }
        range.start = indexed.end();
    }
    let prepares = |scan: &mut Scan<'_>| {
        scan.any(|scanned| {
            matches!(scanned, Scanned::Event(e) if e.event_type() == EventType::XA_PREPARE)
        })
    };
    let mut found = false;
    parallel::headers(log, range, prepares, |_, prepares| {
        found = prepares;
        if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

/// The XID that MariaDB's GTID event names, as the server writes it.
fn xid(transaction: &Transaction<'_>) -> Option<String> {
    let event = transaction.gtid_event()?;
    let event = MariadbGtidEvent::parse(event.body(), &event.header()).ok()?;
    event.xid.map(|xid| xid.to_string())
}

/// The XID that a decision names.
fn decided(transaction: &Transaction<'_>) -> Option<String> {
    let query = transaction.events.last()?.query().ok()?;
    if step(query.text) != Step::XaDecision {
        return None;
    }
    let text = std::str::from_utf8(query.text).ok()?;
    text.split_once("X'").map(|(_, rest)| format!("X'{}", rest.trim_end()))
}

/// Whether nothing stands between the start and the end of an XA transaction.
fn is_empty(transaction: &Transaction<'_>, table_id_bytes: usize) -> bool {
    transaction.statements(table_id_bytes).all(|statement| match statement.kind {
        StatementKind::Gtid | StatementKind::Begin | StatementKind::End => true,
        StatementKind::Query => statement.last().is_some_and(|event| {
            event.query().is_ok_and(|query| query.text.starts_with(b"XA END"))
        }),
        StatementKind::Rows { .. } | StatementKind::Other => false,
    })
}
