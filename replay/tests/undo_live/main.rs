//! The undo on real servers: what was destroyed is there again, byte for byte.

mod exact;
mod hidden_keys;
mod log_file;
mod partial;
mod refusals;
mod settings;
mod support;
