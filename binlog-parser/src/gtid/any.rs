//! Names and sets of either family.

use std::fmt;
use std::str::FromStr;

use crate::error::Fault;

use super::set_text::{for_each_item, read_mariadb_item, read_mysql_item};
use super::{Gtid, GtidSet, MariadbGtid, MariadbGtidSet, Uuid};

/// A GTID of either family, as people paste it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnyGtid {
    /// `uuid:gno` or `uuid:tag:gno`.
    Mysql(Gtid),
    /// `domain-server-seq`.
    Mariadb(MariadbGtid),
}

impl FromStr for AnyGtid {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if Uuid::at_start_of(text).is_some() {
            return text.parse().map(AnyGtid::Mysql);
        }
        text.parse().map(AnyGtid::Mariadb).map_err(|fault: Fault| Fault {
            what: "GTID, which is a UUID and a number in MySQL, but else".into(),
            ..fault
        })
    }
}

impl fmt::Display for AnyGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyGtid::Mysql(gtid) => gtid.fmt(f),
            AnyGtid::Mariadb(gtid) => gtid.fmt(f),
        }
    }
}

/// What the event that opens a transaction says about its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionGtid {
    /// A GTID of MySQL.
    Mysql(Gtid),
    /// None: MySQL with `gtid_mode=OFF`.
    Anonymous,
    /// A GTID of MariaDB.
    Mariadb(MariadbGtid),
}

impl TransactionGtid {
    /// The GTID; `None` if anonymous.
    #[must_use]
    pub fn gtid(&self) -> Option<AnyGtid> {
        match *self {
            TransactionGtid::Mysql(gtid) => Some(AnyGtid::Mysql(gtid)),
            TransactionGtid::Anonymous => None,
            TransactionGtid::Mariadb(gtid) => Some(AnyGtid::Mariadb(gtid)),
        }
    }
}

impl From<AnyGtid> for TransactionGtid {
    fn from(gtid: AnyGtid) -> Self {
        match gtid {
            AnyGtid::Mysql(gtid) => TransactionGtid::Mysql(gtid),
            AnyGtid::Mariadb(gtid) => TransactionGtid::Mariadb(gtid),
        }
    }
}

/// Prints the GTID, or `ANONYMOUS` as in `@@gtid_next`.
impl fmt::Display for TransactionGtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gtid() {
            Some(gtid) => gtid.fmt(f),
            None => f.write_str("ANONYMOUS"),
        }
    }
}

/// A set of GTIDs of either family: what `--include-gtids` and `--exclude-gtids` take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnyGtidSet {
    /// Those of MySQL.
    pub mysql: GtidSet,
    /// Those of MariaDB.
    pub mariadb: MariadbGtidSet,
}

impl AnyGtidSet {
    /// Whether there is nothing in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mysql.is_empty() && self.mariadb.is_empty()
    }

    /// How many GTIDs are in the set; `u64::MAX` if there are more.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.mysql.count().saturating_add(self.mariadb.count())
    }

    /// Whether the transaction's GTID is in the set; an anonymous transaction is in none.
    #[must_use]
    pub fn contains(&self, gtid: &TransactionGtid) -> bool {
        match gtid {
            TransactionGtid::Mysql(gtid) => self.mysql.contains(gtid),
            TransactionGtid::Anonymous => false,
            TransactionGtid::Mariadb(gtid) => self.mariadb.contains(gtid),
        }
    }

    /// Adds the transaction's GTID, if it has one; whether it was not there before.
    pub fn insert(&mut self, gtid: &TransactionGtid) -> bool {
        match gtid {
            TransactionGtid::Mysql(gtid) => self.mysql.insert(gtid),
            TransactionGtid::Anonymous => true,
            TransactionGtid::Mariadb(gtid) => self.mariadb.insert(gtid),
        }
    }

    /// Adds every GTID of `other`, as when an option is given twice.
    pub fn add_all(&mut self, other: &AnyGtidSet) {
        self.mysql.add_all(&other.mysql);
        self.mariadb.add_all(&other.mariadb);
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersect(&self, other: &AnyGtidSet) -> Self {
        AnyGtidSet {
            mysql: self.mysql.intersect(&other.mysql),
            mariadb: self.mariadb.intersect(&other.mariadb),
        }
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &AnyGtidSet) -> Self {
        AnyGtidSet {
            mysql: self.mysql.subtract(&other.mysql),
            mariadb: self.mariadb.subtract(&other.mariadb),
        }
    }
}

impl FromStr for AnyGtidSet {
    type Err = Fault;

    /// Reads the text of a [`GtidSet`] or of a [`MariadbGtidSet`]. An item that starts with a UUID
    /// or without a digit is MySQL's.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut set = AnyGtidSet::default();
        for_each_item(text, |item| {
            let mariadb = item.rest().starts_with(|first: char| first.is_ascii_digit())
                && Uuid::at_start_of(item.rest()).is_none();
            if mariadb {
                read_mariadb_item(item, &mut set.mariadb)
            } else {
                read_mysql_item(item, &mut set.mysql)
            }
        })?;
        Ok(set)
    }
}

/// Prints the text form of the family; `{:#}` keeps it on one line.
impl fmt::Display for AnyGtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mysql.fmt(f)?;
        if !self.mysql.is_empty() && !self.mariadb.is_empty() {
            f.write_str(",")?;
        }
        self.mariadb.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_known_by_the_form() {
        let digits = "12345678-1234-1234-1234-123456789012";
        for text in [&format!("{digits}:5"), &format!("{digits}:tag:5"), "0-1-5"] {
            assert_eq!(text.parse::<AnyGtid>().unwrap().to_string(), *text);
        }
        let text = format!("{digits}:1-5:tag:2,0-1-7-9:12");
        let set: AnyGtidSet = text.parse().unwrap();
        assert_eq!(format!("{set:#}"), text);
        assert_eq!(set.count(), 6 + 4);
        assert!(set.contains(&"0-1-8".parse::<AnyGtid>().unwrap().into()));
        assert!(set.contains(&format!("{digits}:tag:2").parse::<AnyGtid>().unwrap().into()));
        assert!(!set.contains(&TransactionGtid::Anonymous));
        let other: AnyGtidSet = format!("{digits}:5-9,0-1-1-7").parse().unwrap();
        assert_eq!(format!("{:#}", set.intersect(&other)), format!("{digits}:5,0-1-7"));
        let less = format!("{digits}:1-4:tag:2,0-1-8-9:12");
        assert_eq!(format!("{:#}", set.subtract(&other)), less);
        assert_eq!(TransactionGtid::Anonymous.to_string(), "ANONYMOUS");
    }

    #[test]
    fn a_wrong_text_names_both_forms() {
        let fault = "binlog.000001".parse::<AnyGtid>().unwrap_err().to_string();
        assert!(fault.contains("UUID") && fault.contains("0-1-4711"), "{fault}");
        let fault = "x:1".parse::<AnyGtidSet>().unwrap_err().to_string();
        assert!(fault.contains("needed a UUID"), "{fault}");
    }
}
