//! The events: one file each, and this list of them.

pub mod format_description;
pub mod gtid;
pub mod gtid_list;
pub mod mariadb_gtid;
pub mod optional_metadata;
pub mod previous_gtids;
pub mod query;
pub mod rotate;
pub mod rows;
pub mod status_vars;
pub mod table_map;
pub mod text;
pub mod xa_prepare;

/// A header of this type, for tests of bodies.
#[cfg(test)]
pub(crate) fn test_header(event_type: crate::header::EventType) -> crate::header::EventHeader {
    crate::header::EventHeader {
        timestamp: 0,
        event_type,
        server_id: 1,
        event_length: 0,
        log_pos: 0,
        flags: 0,
    }
}
