//! The undo on real servers: what was destroyed is there again, byte for byte.

mod exact;
mod log_file;
mod partial;
mod refusals;
mod settings;
mod support;
