//! The events: one file each, and this list of them.

pub mod format_description;
pub mod query;
pub mod rotate;
pub mod status_vars;
pub mod text;
pub mod xa_prepare;
