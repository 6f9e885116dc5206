//! Reads MySQL and MariaDB binary logs without copying them.
//!
//! The rooms, in the order in which they depend on each other:
//!
//! | room | what is in it |
//! |---|---|
//! | [`error`], [`limits`] | what can be wrong and where; every cap on a claimed size |
//! | [`digits`] | numbers and bytes as text |
//! | [`wire`] | length-encoded integers, varints, bitmaps, a reader that names what it reads |
//! | [`header`] | the 19 bytes before every event, types and flags |
//! | [`gtid`] | names of transactions, and sets of them |
//! | [`row`] | row images, and the values in them |
//! | [`address`] | how people and outputs name an event or a transaction |
//! | [`event`] | one file an event, and the list of them |
//! | [`damage`] | ranges that cannot be read, and why |
//! | [`source`], [`scan`] | where bytes come from; the walk over headers, and damage |
//! | [`inflate`] | events that their server compressed, made plain |
//! | [`transaction`] | statements and transactions: the units of everything above |
//! | [`parallel`] | the walk of one log on several threads |
//! | [`index`] | what stands where in a log, kept beside it |
#![forbid(unsafe_op_in_unsafe_fn)]
#![deny(unsafe_code)]

pub mod address;
pub mod damage;
pub mod digits;
pub mod error;
pub mod event;
pub mod gtid;
pub mod header;
pub mod index;
pub mod inflate;
pub mod limits;
pub mod parallel;
pub mod quick_hash;
mod raw_event;
pub mod row;
pub mod scan;
pub mod source;
#[cfg(test)]
mod testing;
pub mod transaction;
pub mod wire;

pub use error::{Error, Fault, Location, Result};
