//! Addresses: how people and outputs name an event or a transaction.
//!
//! ```text
//! binlog.000007:4711        the event at byte 4711 of the log
//! binlog.000007:4711+88     the event at byte 88 inside the compressed transaction there
//! 3e11fa47-71ca-11e1-9e33-c80aa9429562:23        the transaction of that GTID (also :tag:23)
//! 0-1-4711                  the transaction of that GTID, MariaDB's form
//! ```

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Fault, Location, Result};
use crate::gtid::{AnyGtid, Uuid, decimal, shown};

/// Suffixes of archives, which are no part of a log's name.
pub const COMPRESSION_SUFFIXES: [&str; 5] = [".gz", ".zst", ".xz", ".bz2", ".lz4"];

/// An event or a transaction, named in any of the ways of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `NAME:POS` or `NAME:POS+INNER`.
    Event(EventAddress),
    /// A GTID of either family.
    Gtid(AnyGtid),
}

/// An event named by its place: `NAME:POS` or `NAME:POS+INNER`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventAddress {
    /// Name of the log: no folder, no compression suffix.
    pub log: Arc<str>,
    /// Stream position of the event's first byte: what SHOW BINLOG EVENTS shows as Pos, not
    /// wrapped at 4 GiB.
    pub position: u64,
    /// Position within the plain text of the compressed transaction that starts at `position`.
    pub inner: Option<u64>,
}

impl EventAddress {
    /// The event at `position` of `log`.
    #[must_use]
    pub fn new(log: &Arc<str>, position: u64) -> Self {
        EventAddress { log: Arc::clone(log), position, inner: None }
    }

    /// The event at `inner` of the compressed transaction that starts here.
    #[must_use]
    pub fn inside(mut self, inner: u64) -> Self {
        self.inner = Some(inner);
        self
    }

    /// The address of a place, if it is an event's.
    #[must_use]
    pub fn of(location: &Location) -> Option<Self> {
        let position = location.offset?;
        Some(EventAddress { log: Arc::clone(&location.log), position, inner: location.inner })
    }
}

impl fmt::Display for EventAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.log, self.position)?;
        match self.inner {
            Some(inner) => write!(f, "+{inner}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Event(event) => event.fmt(f),
            Address::Gtid(gtid) => gtid.fmt(f),
        }
    }
}

impl From<EventAddress> for Address {
    fn from(event: EventAddress) -> Self {
        Address::Event(event)
    }
}

impl From<AnyGtid> for Address {
    fn from(gtid: AnyGtid) -> Self {
        Address::Gtid(gtid)
    }
}

impl FromStr for Address {
    type Err = Error;

    /// Reads an address. A text that starts with a UUID and a colon is a GTID; any other is a
    /// place if there is a colon in it, of which the last counts, and MariaDB's GTID if not. NAME
    /// may be a path, of which the file name counts.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let after_uuid = text.get(Uuid::TEXT_BYTES..).unwrap_or_default();
        if Uuid::at_start_of(text).is_some() && after_uuid.starts_with(':') {
            let gtid = text.parse().map_err(|fault: Fault| wrong(text, &fault.to_string()));
            return gtid.map(Address::Gtid);
        }
        let Some((name, place)) = text.rsplit_once(':') else {
            return text
                .parse()
                .map(Address::Gtid)
                .map_err(|_: Fault| wrong(text, "it has no position and is no GTID"));
        };
        let (position, inner) = match place.split_once('+') {
            Some((position, inner)) => (position, Some(inner)),
            None => (place, None),
        };
        let number = |what: &str, digits: &str| {
            let why = || format!("{what}: needed a decimal number, had {}", shown(digits));
            decimal(digits).ok_or_else(|| wrong(text, &why()))
        };
        let position = number("position", position)?;
        let inner = inner.map(|inner| number("position after +", inner)).transpose()?;
        let log = log_name(name);
        if log.is_empty() {
            return Err(wrong(text, "it has no name of a log before the colon"));
        }
        Ok(Address::Event(EventAddress { log: log.into(), position, inner }))
    }
}

/// Says what is wrong with an address, and what one looks like.
fn wrong(text: &str, why: &str) -> Error {
    Error::Address(format!(
        "address {}: {why}; an address is NAME:POS (binlog.000007:4711), NAME:POS+INNER inside a \
         compressed transaction (binlog.000007:4711+88), or a GTID \
         (3e11fa47-71ca-11e1-9e33-c80aa9429562:23 or 0-1-4711)",
        shown(text)
    ))
}

/// The name of a log in addresses: the path's file name without a compression suffix.
#[must_use]
pub fn log_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let plain = COMPRESSION_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    plain.filter(|plain| !plain.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(text: &str) -> EventAddress {
        match text.parse::<Address>() {
            Ok(Address::Event(event)) => event,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_place_is_a_name_and_a_position() {
        for (text, log, position, inner) in [
            ("binlog.000007:4711", "binlog.000007", 4711, None),
            (" /var/lib/mysql/binlog.000007:4711\n", "binlog.000007", 4711, None),
            ("binlog.000007:4711+88", "binlog.000007", 4711, Some(88)),
            ("a:b-c:18446744073709551615", "a:b-c", u64::MAX, None),
            ("./old/binlog.000001.gz:4", "binlog.000001", 4, None),
            ("binlog.000001.bz2:4+0", "binlog.000001", 4, Some(0)),
            ("0-1-5:4", "0-1-5", 4, None),
            (
                "3e11fa47-71ca-11e1-9e33-c80aa9429562.000001:4",
                "3e11fa47-71ca-11e1-9e33-c80aa9429562.000001",
                4,
                None,
            ),
            (".gz:4", ".gz", 4, None),
        ] {
            let event = event(text);
            assert_eq!((&*event.log, event.position, event.inner), (log, position, inner));
        }
    }

    #[test]
    fn a_gtid_names_a_transaction() {
        for text in [
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:23",
            "3e11fa47-71ca-11e1-9e33-c80aa9429562:night:23",
            "0-1-4711",
        ] {
            let address: Address = text.parse().unwrap();
            assert!(matches!(address, Address::Gtid(_)));
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_wrong_address_says_what_it_lacks_and_shows_examples() {
        for (text, why) in [
            ("", "address nothing: it has no position and is no GTID"),
            ("binlog.000007", "address \"binlog.000007\": it has no position"),
            ("binlog.000007:", "position: needed a decimal number, had nothing"),
            ("binlog.000007:+5", "position: needed a decimal number, had nothing"),
            ("binlog.000007:-5", "had \"-5\""),
            ("binlog.000007:4+", "position after +: needed a decimal number, had nothing"),
            ("binlog.000007:4+5+6", "position after +: needed a decimal number, had \"5+6\""),
            ("binlog.000007:18446744073709551616", "needed a decimal number"),
            (":4", "it has no name of a log"),
            ("/logs/:4", "it has no name of a log"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", "one transaction, no interval"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:", "after the UUID"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why), "{text:?}: {error}");
            assert!(error.contains("(binlog.000007:4711)"), "{error}");
        }
    }

    #[test]
    fn a_location_has_an_address() {
        let log: Arc<str> = "binlog.000007".into();
        let mut location = Location::new(&log, 4);
        location.inner = Some(0);
        let address = EventAddress::of(&location).unwrap();
        assert_eq!(address, EventAddress::new(&log, 4).inside(0));
        assert_eq!(EventAddress::of(&Location::default()), None);
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(
            name in "[a-z:+ -]{0,9}[a-z:-]\\.[0-9]{6}",
            position: u64,
            inner: Option<u64>,
        ) {
            prop_assume!(!name.starts_with(' '));
            let address = EventAddress { log: name.into(), position, inner };
            prop_assert_eq!(event(&address.to_string()), address);
        }

        #[test]
        fn no_text_panics(text: String, place in "[-:+0-9a-fé/.]{0,50}") {
            let _ = text.parse::<Address>();
            let _ = place.parse::<Address>();
        }
    }
}
