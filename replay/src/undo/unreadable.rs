//! Events that no undo can be made of.

use binlog_parser::header::{EventType, flags};
use binlog_parser::scan::RawEvent;

/// Why an event that is neither rows nor a statement keeps a transaction from being undone.
pub(super) fn unreadable(event: &RawEvent<'_>) -> Option<&'static str> {
    Some(match event.event_type() {
        EventType::PARTIAL_ROW_DATA => "rows that are cut into pieces are not inverted",
        EventType(20..=22) => "rows of servers before 5.1.16 are not read",
        EventType::INCIDENT => "an incident: what it lost is not known",
        EventType::LOAD
        | EventType::NEW_LOAD
        | EventType::CREATE_FILE
        | EventType::EXEC_LOAD
        | EventType::DELETE_FILE => "LOAD DATA as a statement has no rows to reverse",
        event_type if event_type.is_known() || event.header().has(flags::IGNORABLE) => return None,
        _ => "an event of a type that is not known",
    })
}
