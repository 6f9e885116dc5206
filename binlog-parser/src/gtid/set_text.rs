//! Sets of GTIDs as text.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::error::Fault;

use super::mariadb::read_gtid;
use super::text::Text;
use super::{GNO_MAX, GtidSet, Intervals, MariadbGtidSet, Tag, Tsid, Uuid};

/// Reads what `Gtid_set::add_gtid_text` (`rpl_gtid_set.cc`) reads: items of a UUID, then intervals
/// and tags, each tag holding for the intervals after it; space and empty items anywhere; an
/// interval that ends before it starts holds nothing.
///
/// Numbers are decimal: the server also takes `0x1F`, and `010` for eight.
impl FromStr for GtidSet {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut set = GtidSet::new();
        for_each_item(text, |item| read_mysql_item(item, &mut set))?;
        Ok(set)
    }
}

/// Reads items of `domain-server-seq`, `domain-server-first-last`, or either with more numbers and
/// intervals after colons: `0-1-100-200:205,1-7-3`.
impl FromStr for MariadbGtidSet {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut set = MariadbGtidSet::new();
        for_each_item(text, |item| read_mariadb_item(item, &mut set))?;
        Ok(set)
    }
}

/// Hands the items between commas to `read`, which leaves the text after its item; empty items are
/// passed over.
pub(super) fn for_each_item<'a>(
    text: &'a str,
    mut read: impl FnMut(&mut Text<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut text = Text::new("GTID set", text);
    loop {
        while text.eat(',') {}
        if text.is_empty() {
            return Ok(());
        }
        read(&mut text)?;
        if !text.eat(',') {
            return text.end("a comma or the end of the set");
        }
    }
}

/// Reads `uuid:1-5:7:tag:1-3`.
pub(super) fn read_mysql_item(text: &mut Text<'_>, set: &mut GtidSet) -> Result<(), Fault> {
    let Some(uuid) = Uuid::at_start_of(text.rest()) else {
        return Err(text.fault("a UUID, as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"));
    };
    text.skip(Uuid::TEXT_BYTES);
    let mut source = Tsid { uuid, tag: None };
    while text.eat(':') {
        if text.rest().starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            source.tag = Some(text.word().parse::<Tag>()?);
            continue;
        }
        let range = read_interval(text, "a tag, or a number from 1 to 2^63-2", GNO_MAX)?;
        if *range.start() == 0 {
            return Err(Fault::value("GTID set", "numbers from 1", "0"));
        }
        set.add_interval(source, range);
    }
    Ok(())
}

/// Reads `0-1-100-200:205`.
pub(super) fn read_mariadb_item(
    text: &mut Text<'_>,
    set: &mut MariadbGtidSet,
) -> Result<(), Fault> {
    const NUMBER: &str = "a number up to 2^64-1";
    let gtid = read_gtid(text)?;
    let last = if text.eat('-') { text.number(NUMBER, u64::MAX)? } else { gtid.seq };
    set.add_interval(gtid.source(), gtid.seq..=last);
    while text.eat(':') {
        set.add_interval(gtid.source(), read_interval(text, NUMBER, u64::MAX)?);
    }
    Ok(())
}

/// Reads `5` or `1-5`.
fn read_interval(
    text: &mut Text<'_>,
    needed: &'static str,
    most: u64,
) -> Result<RangeInclusive<u64>, Fault> {
    let first = text.number(needed, most)?;
    let last = if text.eat('-') { text.number(needed, most)? } else { first };
    Ok(first..=last)
}

/// Prints what `@@gtid_executed` and `GTID_SUBTRACT()` print: a comma and a newline between UUIDs,
/// each UUID once, its intervals without a tag before those of each tag. The alternate form, `{:#}`,
/// is one line: without the newlines.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut previous = None;
        for (source, intervals) in self.sources() {
            if previous != Some(source.uuid) {
                if previous.is_some() {
                    f.write_str(if f.alternate() { "," } else { ",\n" })?;
                }
                source.uuid.fmt(f)?;
                previous = Some(source.uuid);
            }
            if let Some(tag) = source.tag {
                write!(f, ":{tag}")?;
            }
            write_intervals(f, intervals, ':')?;
        }
        Ok(())
    }
}

/// Prints `0-1-100-200:205,1-7-3`.
impl fmt::Display for MariadbGtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (source, intervals)) in self.sources().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            source.fmt(f)?;
            write_intervals(f, intervals, '-')?;
        }
        Ok(())
    }
}

/// Prints `:1-5:7`, with `before_first` for the first colon.
fn write_intervals(
    f: &mut fmt::Formatter<'_>,
    intervals: &Intervals,
    before_first: char,
) -> fmt::Result {
    let mut separator = before_first;
    for range in intervals.iter() {
        write!(f, "{separator}{}", range.start())?;
        if range.end() > range.start() {
            write!(f, "-{}", range.end())?;
        }
        separator = ':';
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gtid::{Gtid, MariadbGtid};
    use proptest::prelude::*;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> GtidSet {
        text.parse().unwrap()
    }

    #[test]
    fn every_text_form_of_the_server_reads() {
        for (text, printed) in [
            (String::new(), String::new()),
            (" ,, \n".to_owned(), String::new()),
            (A.to_owned(), String::new()),
            (format!("{A}:tag"), String::new()),
            (format!("{A}:1"), format!("{A}:1")),
            (format!("{A}:1:2:3-5"), format!("{A}:1-5")),
            (format!("{A}:7:1-5:9-8"), format!("{A}:1-5:7")),
            (format!("{A}:1-0"), String::new()),
            (format!(" {A} : 1 - 5 : 7 ,\n {B}:2,"), format!("{A}:1-5:7,\n{B}:2")),
            (format!("{B}:1,{}:1,{B}:2", A.to_uppercase()), format!("{A}:1,\n{B}:1-2")),
            (format!("{A}:1-5:Tag:1-3,{B}:1"), format!("{A}:1-5:tag:1-3,\n{B}:1")),
            (format!("{A}:zebra:1:ape:2-3:5,{A}:9"), format!("{A}:9:ape:2-3:5:zebra:1")),
            (format!("{A}:9223372036854775806"), format!("{A}:9223372036854775806")),
        ] {
            assert_eq!(set(&text).to_string(), printed, "{text:?}");
        }
        assert_eq!(format!("{:#}", set(&format!("{B}:1,{A}:2"))), format!("{A}:2,{B}:1"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, needed) in [
            ("nonsense".to_owned(), "GTID set: needed a UUID"),
            (format!("{A}:"), "needed a tag, or a number from 1 to 2^63-2, had nothing"),
            (format!("{A}:0"), "needed numbers from 1"),
            (format!("{A}:0-5"), "needed numbers from 1"),
            (format!("{A}:1-x"), "had \"x\""),
            (format!("{A}:0x1F"), "had \"0x1F\""),
            (format!("{A}:010"), "had \"010\""),
            (format!("{A}:1 {B}:2"), "needed a comma or the end of the set"),
            (format!("{A}:9223372036854775807"), "2^63-2"),
            (format!("{A}:{}:1", "t".repeat(33)), "GTID tag length: needed at most 32, had 33"),
            (format!("{A}:{}", "x-".repeat(500)), "…"),
        ] {
            let fault = text.parse::<GtidSet>().unwrap_err().to_string();
            assert!(fault.contains(needed) && fault.len() < 300, "{text:?}: {fault}");
        }
    }

    #[test]
    fn mariadb_sets_read_and_print() {
        let set: MariadbGtidSet = "0-1-200:205-206:100-199,\n1-7-3, 0-1-207".parse().unwrap();
        assert_eq!(set.to_string(), "0-1-100-200:205-207,1-7-3");
        assert!(set.contains(&MariadbGtid { domain: 0, server: 1, seq: 150 }));
        assert!(!set.contains(&MariadbGtid { domain: 0, server: 2, seq: 150 }));
        for text in ["0-1", "0-1-5-", "0-1-5:", "0-1-5-6-7", "0-1-5;", A] {
            assert!(text.parse::<MariadbGtidSet>().is_err(), "{text:?}");
        }
    }

    fn gtids() -> impl Strategy<Value = Vec<Gtid>> {
        let gtid =
            (0..3u8, proptest::option::of("[ab]{1,2}"), 1..40u64).prop_map(|(server, tag, gno)| {
                Gtid { uuid: Uuid([server; 16]), tag: tag.map(|tag| tag.parse().unwrap()), gno }
            });
        proptest::collection::vec(gtid, 0..60)
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(gtids in gtids()) {
            let set = GtidSet::from_iter(gtids);
            prop_assert_eq!(set.to_string().parse::<GtidSet>(), Ok(set.clone()));
            prop_assert_eq!(format!("{set:#}").parse::<GtidSet>(), Ok(set));
        }

        #[test]
        fn parsing_undoes_printing_for_mariadb(seqs: Vec<(bool, bool, u8)>) {
            let set = MariadbGtidSet::from_iter(seqs.into_iter().map(|(domain, server, seq)| {
                MariadbGtid { domain: domain.into(), server: server.into(), seq: seq.into() }
            }));
            prop_assert_eq!(set.to_string().parse::<MariadbGtidSet>(), Ok(set));
        }

        #[test]
        fn no_text_panics(text: String, tail in "[-:,a-f0-9 é_\n]{0,40}") {
            let _ = text.parse::<GtidSet>();
            let _ = format!("{A}{tail}").parse::<GtidSet>();
            let _ = format!("0-1-{tail}").parse::<MariadbGtidSet>();
        }
    }
}
