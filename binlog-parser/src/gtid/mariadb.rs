//! One MariaDB transaction's name.

use std::fmt;
use std::str::FromStr;

use crate::error::Fault;

use super::text::Text;

/// Who counts in MariaDB: a server within a replication domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MariadbSource {
    /// `@@gtid_domain_id`: a stream of transactions in one order.
    pub domain: u32,
    /// `@@server_id` of the server that committed first.
    pub server: u32,
}

impl fmt::Display for MariadbSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.domain, self.server)
    }
}

/// Global transaction identifier of MariaDB: `domain-server-seq` (`rpl_gtid` in `rpl_gtid.h`). The
/// sequence number rises within a domain, whichever server writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MariadbGtid {
    /// `@@gtid_domain_id`.
    pub domain: u32,
    /// `@@server_id` of the server that committed first.
    pub server: u32,
    /// `@@gtid_seq_no`.
    pub seq: u64,
}

impl MariadbGtid {
    /// The source of this GTID.
    #[must_use]
    pub fn source(&self) -> MariadbSource {
        MariadbSource { domain: self.domain, server: self.server }
    }
}

impl fmt::Display for MariadbGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.seq)
    }
}

impl FromStr for MariadbGtid {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut text = Text::new("GTID", text);
        let gtid = read_gtid(&mut text)?;
        text.end("the end of the GTID")?;
        Ok(gtid)
    }
}

/// Reads `domain-server-seq`, and space after it.
pub(super) fn read_gtid(text: &mut Text<'_>) -> Result<MariadbGtid, Fault> {
    const FORM: &str = "domain-server-sequence in decimal, as in 0-1-4711";
    let start = *text;
    let mut id = || match text.number(FORM, u64::from(u32::MAX)) {
        Ok(id) if text.eat('-') => Ok(id as u32),
        _ => Err(start.fault(FORM)),
    };
    let (domain, server) = (id()?, id()?);
    let seq = text.number(FORM, u64::MAX).map_err(|_| start.fault(FORM))?;
    Ok(MariadbGtid { domain, server, seq })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_said() {
        for text in
            ["", "0-1", "0-1-", "0-4294967296-1", "a-1-2", "0-1-18446744073709551616", "0--1-2"]
        {
            let fault = text.parse::<MariadbGtid>().unwrap_err().to_string();
            assert!(fault.contains("as in 0-1-4711, had "), "{text:?}: {fault}");
        }
        assert!("0-1-2-3".parse::<MariadbGtid>().is_err());
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(domain: u32, server: u32, seq: u64) {
            let gtid = MariadbGtid { domain, server, seq };
            prop_assert_eq!(gtid.to_string().parse::<MariadbGtid>(), Ok(gtid));
        }

        #[test]
        fn no_text_panics(text in "[-:0-9,é ]{0,30}") {
            let _ = text.parse::<MariadbGtid>();
        }
    }
}
