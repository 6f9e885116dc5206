//! Where the bytes of a log come from.

pub mod log;
pub mod mmap;
