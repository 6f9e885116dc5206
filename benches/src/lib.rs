//! Benchmarks, and the race against the servers' own tools.
//!
//! `cargo run --release -p benches --bin race` makes the logs, once, runs every verb beside its
//! rivals and prints a table. `cargo bench -p benches` times the inner loops.
//!
//! Where things are:
//! - [`shapes`]: what servers do while they write the logs;
//! - [`logs`]: the logs that are raced over, made on real servers and kept in `target/race`;
//! - [`contest`]: who runs against whom, and [`entrant`]: how each proves that it did the work;
//! - `courses`: the table of what the verbs and their rivals are asked;
//! - [`indexed`]: indexes made, and the verbs that have them;
//! - [`dated`]: the same logs with times that go on, for what begins at a time;
//! - [`decode`]: every row decoded, by this parser and by its rival among Rust's crates;
//! - [`archives`]: the same logs packed, beside what only unpacks them;
//! - [`measure`]: one run of a program, with its time and memory;
//! - [`report`]: the table, and the raw results;
//! - [`restore`]: the race of restores, `race restore`, a course of its own;
//! - [`undo_large`]: the undo of one large DELETE, `race undo-large`;
//! - [`growth`]: thousands of logs, and many times their size, with indexes and without, `race growth`;
//! - [`log_writer`]: logs written anew out of the events of others.

#![forbid(unsafe_code)]

pub mod archives;
pub mod contest;
mod courses;
pub mod dated;
pub mod decode;
pub mod entrant;
pub mod growth;
pub mod indexed;
pub mod log_writer;
pub mod logs;
pub mod measure;
pub mod report;
pub mod restore;
pub mod shapes;
pub mod undo_large;
