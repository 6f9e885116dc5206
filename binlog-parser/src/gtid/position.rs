//! How far a MariaDB server has come.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::error::Fault;

use super::mariadb::read_gtid;
use super::set_text::for_each_item;
use super::{MariadbGtid, MariadbSource};

/// The last GTID of each domain: `@@gtid_slave_pos`, `@@gtid_binlog_pos`, and what `mariadb-binlog`
/// takes as `--start-position` and `--stop-position`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MariadbPosition {
    domains: BTreeMap<u32, MariadbGtid>,
}

impl MariadbPosition {
    /// The position before any transaction.
    #[must_use]
    pub fn new() -> Self {
        MariadbPosition::default()
    }

    /// Whether no domain has a position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// Moves to `gtid`, the next transaction of the log in its domain. The log's order counts, not
    /// the number: out of order, a server goes back too.
    pub fn advance(&mut self, gtid: MariadbGtid) {
        self.domains.insert(gtid.domain, gtid);
    }

    /// The last GTID of `domain`.
    #[must_use]
    pub fn last(&self, domain: u32) -> Option<MariadbGtid> {
        self.domains.get(&domain).copied()
    }

    /// Whether a server at this position has `gtid`: numbers count within a domain, whichever
    /// server wrote them.
    #[must_use]
    pub fn includes(&self, gtid: &MariadbGtid) -> bool {
        self.last(gtid.domain).is_some_and(|last| gtid.seq <= last.seq)
    }

    /// The last GTIDs, by domain.
    pub fn iter(&self) -> impl Iterator<Item = MariadbGtid> {
        self.domains.values().copied()
    }
}

impl FromStr for MariadbPosition {
    type Err = Fault;

    /// Reads `0-1-4711,1-7-3`, at most one GTID a domain.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut position = MariadbPosition::new();
        for_each_item(text, |item| {
            let gtid = read_gtid(item)?;
            match position.domains.insert(gtid.domain, gtid) {
                None => Ok(()),
                Some(other) => Err(Fault::value(
                    "GTID position",
                    "one GTID a domain",
                    format_args!("{other} and {gtid}"),
                )),
            }
        })?;
        Ok(position)
    }
}

impl fmt::Display for MariadbPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.iter())
    }
}

/// The last GTID of each domain and server, and which of a domain's came last: what a Gtid_list
/// event tells at the start of a log, and `@@gtid_binlog_state` (`rpl_binlog_state` in
/// `rpl_gtid.h`). The state at the end of one log is the list at the start of the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MariadbBinlogState {
    last: BTreeMap<MariadbSource, u64>,
    position: MariadbPosition,
}

impl MariadbBinlogState {
    /// The state of an empty log.
    #[must_use]
    pub fn new() -> Self {
        MariadbBinlogState::default()
    }

    /// Takes in the next GTID of a log or of a Gtid_list, in which a domain's last comes last.
    pub fn advance(&mut self, gtid: MariadbGtid) {
        self.last.insert(gtid.source(), gtid.seq);
        self.position.advance(gtid);
    }

    /// The last number that `source` wrote.
    #[must_use]
    pub fn last(&self, source: MariadbSource) -> Option<u64> {
        self.last.get(&source).copied()
    }

    /// The last GTID of each domain.
    #[must_use]
    pub fn position(&self) -> &MariadbPosition {
        &self.position
    }

    /// The last GTID of each source, by domain; within a domain by server, but its last one last,
    /// as the server has it. (The server has the domains in any order.)
    pub fn iter(&self) -> impl Iterator<Item = MariadbGtid> {
        self.position.iter().flat_map(|newest| {
            let servers = MariadbSource { domain: newest.domain, server: 0 }..=MariadbSource {
                domain: newest.domain,
                server: u32::MAX,
            };
            self.last
                .range(servers)
                .map(|(source, &seq)| {
                    let MariadbSource { domain, server } = *source;
                    MariadbGtid { domain, server, seq }
                })
                .filter(move |gtid| *gtid != newest)
                .chain([newest])
        })
    }
}

impl FromIterator<MariadbGtid> for MariadbBinlogState {
    fn from_iter<T: IntoIterator<Item = MariadbGtid>>(gtids: T) -> Self {
        let mut state = MariadbBinlogState::new();
        gtids.into_iter().for_each(|gtid| state.advance(gtid));
        state
    }
}

impl fmt::Display for MariadbBinlogState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.iter())
    }
}

/// Prints GTIDs with commas between.
fn write_list(f: &mut fmt::Formatter<'_>, gtids: impl Iterator<Item = MariadbGtid>) -> fmt::Result {
    for (index, gtid) in gtids.enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write!(f, "{gtid}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gtid(text: &str) -> MariadbGtid {
        text.parse().unwrap()
    }

    #[test]
    fn a_position_is_one_gtid_a_domain() {
        let mut position: MariadbPosition = "1-7-3,\n0-1-4711".parse().unwrap();
        assert_eq!(position.to_string(), "0-1-4711,1-7-3");
        assert!(position.includes(&gtid("0-9-4711")) && !position.includes(&gtid("0-1-4712")));
        assert!(!position.includes(&gtid("2-1-1")));
        position.advance(gtid("0-2-4712"));
        assert_eq!(position.last(0), Some(gtid("0-2-4712")));
        assert_eq!(
            "0-1-1,0-2-2".parse::<MariadbPosition>().unwrap_err().to_string(),
            "GTID position: needed one GTID a domain, had 0-1-1 and 0-2-2"
        );
    }

    #[test]
    fn a_state_lists_the_last_writer_of_a_domain_last() {
        let state: MariadbBinlogState =
            ["0-1-8", "0-3-9", "1-1-1", "0-2-10", "0-1-11"].map(gtid).into_iter().collect();
        assert_eq!(state.to_string(), "0-2-10,0-3-9,0-1-11,1-1-1");
        assert_eq!(state.position().to_string(), "0-1-11,1-1-1");
        assert_eq!(state.last(gtid("0-3-1").source()), Some(9));
    }

    proptest! {
        #[test]
        fn listing_a_state_gives_the_state_again(gtids: Vec<(bool, u8, u64)>) {
            let state = MariadbBinlogState::from_iter(gtids.into_iter().map(|(domain, server, seq)| {
                MariadbGtid { domain: domain.into(), server: server.into(), seq }
            }));
            prop_assert_eq!(&state.iter().collect::<MariadbBinlogState>(), &state);
            let position = state.position();
            prop_assert_eq!(&position.to_string().parse::<MariadbPosition>(), &Ok(position.clone()));
        }
    }
}
