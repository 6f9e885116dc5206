//! Addresses on the command line, found in the logs.

use binlog_parser::address::Address;
use binlog_parser::source::log_set::LogSet;
use replay::select::{self, Target};

use crate::exit::Outcome;
use crate::ui::Ui;

/// The transaction that an address names, if one is given.
///
/// # Errors
/// [`crate::exit::Exit::NotFound`] if nothing in the logs has the address.
pub fn resolve(set: &LogSet, address: Option<&Address>) -> Outcome<Option<Target>> {
    Ok(address.map(|address| select::resolve(set, address)).transpose()?)
}

/// The transactions that addresses name. An address inside of one means all of it, which is said.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_whole(
    ui: &Ui,
    set: &LogSet,
    option: &str,
    addresses: &[Address],
) -> Outcome<Vec<Target>> {
    let mut targets = vec![];
    for address in addresses {
        let target = select::resolve(set, address)?;
        if target.is_inside() {
            let event = target.event_address(set);
            let whole = target.address(set);
            ui.warn(format!("{option} {event}: taken for all of its transaction, {whole}"));
        }
        targets.push(target);
    }
    Ok(targets)
}
