//! Where the bytes of a log come from, and which logs belong together.

pub mod archive;
pub(crate) mod bytes;
pub mod chain;
pub mod decrypt;
pub(crate) mod ends;
pub mod expand;
pub(crate) mod growing;
pub mod log;
pub mod log_set;
pub mod magic;
pub mod mmap;
pub mod order;
pub mod private_file;
pub mod relay;
mod unpacked;
