//! The events: one file each, and this list of them.

pub mod execute_load_query;
pub mod file_block;
pub mod format_description;
pub mod gtid;
pub mod gtid_list;
pub mod heartbeat;
pub mod intvar;
pub mod large_transaction_header;
pub mod load_data;
pub mod mariadb_gtid;
pub mod optional_metadata;
pub mod partial_row_data;
pub mod previous_gtids;
pub mod query;
pub mod rand;
pub mod rotate;
mod row_changes;
pub mod rows;
pub mod start_encryption;
pub mod status_vars;
pub mod table_map;
pub mod text;
pub mod transaction_context;
pub mod transaction_payload;
pub mod user_var;
pub mod view_change;
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
