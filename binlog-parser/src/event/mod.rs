//! The events: one file each, and this list of them.

pub mod format_description;
pub mod optional_metadata;
pub mod query;
pub mod rotate;
pub mod rows;
pub mod status_vars;
pub mod table_map;
pub mod text;
pub mod xa_prepare;
