//! `binlog`: find the statement that destroyed the data, replay up to it, or undo it.
fn main() {}
