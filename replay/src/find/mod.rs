//! Finding the statement that destroyed data.

pub mod classify;
mod classify_ddl;
mod classify_dml;
pub mod classify_kind;

pub use classify::{Confidence, Reason, Verdict, classify};
pub use classify_kind::{FindingKind, Severity};
