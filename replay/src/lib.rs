//! Finds, replays and undoes what a MySQL or MariaDB binary log did.
//!
//! This crate decides and writes; it never prints, and it writes only to a [`std::io::Write`] that
//! it is given.

#![forbid(unsafe_code)]

pub mod backup;
pub mod error;
pub mod find;
mod made;
pub mod relay_log;
pub mod row_history;
pub mod schema;
mod seal;
pub mod select;
pub mod sql;
pub mod stream;
pub mod undo;

pub use error::{Error, Result};
