//! Addresses that are named one by one, as far as a reader can use them.

use binlog_parser::address::EventAddress;

/// How many transactions or statements of a kind the manifest names.
pub(super) const NAMED: usize = 20;

/// Adds an address to those that are named.
pub(super) fn name(named: &mut Vec<EventAddress>, address: EventAddress) {
    if named.len() < NAMED {
        named.push(address);
    }
}
