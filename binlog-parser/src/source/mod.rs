//! Where the bytes of a log come from, and which logs belong together.

pub mod archive;
pub mod chain;
pub mod decrypt;
pub mod expand;
pub mod log;
pub mod log_set;
pub mod magic;
pub mod mmap;
pub mod order;
pub(crate) mod private_file;
pub mod relay;
