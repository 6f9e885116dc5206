//! What an index says of its log as a whole.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use super::pack::{Taker, put, put_bytes};
use crate::error::Fault;
use crate::gtid::{AnyGtidSet, MariadbSource, Tag, Tsid, Uuid};

/// A range of the log that cannot be read, and the name of what is wrong with it.
pub type Lost = (Range<u64>, String);

/// What a log holds, counted; of a part of the log while it is gathered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Events by the code of their type; those of compressed transactions are not counted.
    pub events: BTreeMap<u8, u64>,
    /// Transactions, parts of them too.
    pub transactions: u64,
    /// Earliest and latest time of an event, in seconds since 1970 UTC.
    pub time: Option<(u32, u32)>,
    /// GTIDs of the transactions, but of those that the log ends in.
    pub gtids: AnyGtidSet,
    /// UUID of the server that wrote the log, where a transaction of its own tells.
    pub server_uuid: Option<Uuid>,
    /// Rows written, updated and deleted, by the number of their table.
    pub rows: Vec<[u64; 3]>,
    /// What cannot be read.
    pub damage: Vec<Lost>,
    /// Events whose body cannot be read.
    pub faults: u64,
    /// Transactions whose end or beginning is lost.
    pub broken: u64,
}

/// Who counts transactions: the part of a GTID before its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A server, and a tag.
    Mysql(Tsid),
    /// A domain and a server.
    Mariadb(MariadbSource),
}

impl Facts {
    /// Whether all of the log could be read.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.faults == 0 && self.broken == 0
    }

    /// Takes in what comes next; `table` tells the number that a table of `next` has here.
    pub(super) fn join(&mut self, next: Facts, table: impl Fn(usize) -> usize) {
        for (code, count) in next.events {
            *self.events.entry(code).or_default() += count;
        }
        self.transactions += next.transactions;
        self.time = match (self.time, next.time) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.gtids.add_all(&next.gtids);
        self.server_uuid = self.server_uuid.or(next.server_uuid);
        for (number, rows) in next.rows.into_iter().enumerate() {
            let number = table(number);
            if self.rows.len() <= number {
                self.rows.resize(number + 1, [0; 3]);
            }
            for (sum, more) in self.rows[number].iter_mut().zip(rows) {
                *sum = sum.saturating_add(more);
            }
        }
        self.damage.extend(next.damage);
        self.faults += next.faults;
        self.broken += next.broken;
    }

    /// Adds the GTIDs of one source.
    pub(super) fn add_gtids(&mut self, source: Source, numbers: RangeInclusive<u64>) {
        match source {
            Source::Mysql(tsid) => self.gtids.mysql.add_interval(tsid, numbers),
            Source::Mariadb(source) => self.gtids.mariadb.add_interval(source, numbers),
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.events.len() as u64);
        for (code, count) in &self.events {
            out.push(*code);
            put(out, *count);
        }
        put(out, self.transactions);
        put(out, u64::from(self.time.is_some()));
        let (first, last) = self.time.unwrap_or_default();
        put(out, u64::from(first));
        put(out, u64::from(last));
        let mysql = self.gtids.mysql.sources();
        let mysql = mysql.map(|(source, numbers)| (Source::Mysql(source), numbers));
        let mariadb = self.gtids.mariadb.sources();
        let mariadb = mariadb.map(|(source, numbers)| (Source::Mariadb(source), numbers));
        let sources: Vec<_> = mysql.chain(mariadb).collect();
        put(out, sources.len() as u64);
        for (source, numbers) in sources {
            source.put(out);
            let ranges: Vec<_> = numbers.iter().collect();
            put(out, ranges.len() as u64);
            for range in ranges {
                put(out, *range.start());
                put(out, range.end() - range.start());
            }
        }
        put(out, u64::from(self.server_uuid.is_some()));
        out.extend(self.server_uuid.map_or([0; 16], |uuid| uuid.0));
        put(out, self.rows.len() as u64);
        self.rows.iter().flatten().for_each(|count| put(out, *count));
        put(out, self.damage.len() as u64);
        for (range, name) in &self.damage {
            put(out, range.start);
            put(out, range.end);
            put_bytes(out, name.as_bytes());
        }
        put(out, self.faults);
        put(out, self.broken);
    }

    /// `tables` is how many tables the index names.
    pub(super) fn take(taker: &mut Taker<'_>, tables: usize) -> Result<Self, Fault> {
        let mut facts = Facts::default();
        for _ in 0..taker.count()? {
            let code = taker.byte()?;
            facts.events.insert(code, taker.number()?);
        }
        facts.transactions = taker.number()?;
        let timed = flag(taker)?;
        let times = (taker.short()?, taker.short()?);
        facts.time = timed.then_some(times);
        for _ in 0..taker.count()? {
            let source = Source::take(taker)?;
            for _ in 0..taker.count()? {
                let (first, more) = (taker.number()?, taker.number()?);
                let last = first.checked_add(more);
                let last = last.ok_or_else(|| taker.wrong("a GTID of 64 bits", "a greater"))?;
                facts.add_gtids(source, first..=last);
            }
        }
        let known = flag(taker)?;
        let uuid = Uuid(taker.array()?);
        facts.server_uuid = known.then_some(uuid);
        let rows = taker.count()?;
        if rows > tables {
            return Err(taker.wrong("rows of tables of the index", rows));
        }
        for _ in 0..rows {
            facts.rows.push([taker.number()?, taker.number()?, taker.number()?]);
        }
        for _ in 0..taker.count()? {
            let range = taker.number()?..taker.number()?;
            let name = String::from_utf8_lossy(taker.bytes()?).into_owned();
            facts.damage.push((range, name));
        }
        (facts.faults, facts.broken) = (taker.number()?, taker.number()?);
        Ok(facts)
    }
}

fn flag(taker: &mut Taker<'_>) -> Result<bool, Fault> {
    match taker.number()? {
        flag @ 0..=1 => Ok(flag == 1),
        other => Err(taker.wrong("0 or 1", other)),
    }
}

impl Source {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Source::Mysql(Tsid { uuid, tag }) => {
                out.push(0);
                out.extend(uuid.0);
                put_bytes(out, tag.as_ref().map_or("", |tag| tag.as_str()).as_bytes());
            }
            Source::Mariadb(MariadbSource { domain, server }) => {
                out.push(1);
                put(out, u64::from(*domain));
                put(out, u64::from(*server));
            }
        }
    }

    pub(super) fn take(taker: &mut Taker<'_>) -> Result<Self, Fault> {
        match taker.byte()? {
            0 => {
                let uuid = Uuid(taker.array()?);
                let tag = match taker.bytes()? {
                    b"" => None,
                    tag => Some(Tag::new(tag)?),
                };
                Ok(Source::Mysql(Tsid { uuid, tag }))
            }
            1 => Ok(Source::Mariadb(MariadbSource {
                domain: taker.short()?,
                server: taker.short()?,
            })),
            other => Err(taker.wrong("0 or 1, a kind of source", other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back() {
        let tagged = Tsid { uuid: Uuid([7; 16]), tag: Some(Tag::new(b"night").unwrap()) };
        let mut facts = Facts {
            events: BTreeMap::from([(2, 10), (30, 1 << 40)]),
            transactions: 3,
            time: Some((1, 4_000_000_000)),
            server_uuid: Some(Uuid([9; 16])),
            rows: vec![[1, 2, 3], [0, 0, 70_000]],
            damage: vec![(100..200, "bad_checksum".to_owned())],
            faults: 1,
            broken: 2,
            ..Facts::default()
        };
        facts.add_gtids(Source::Mysql(tagged), 1..=5);
        facts.add_gtids(Source::Mysql(tagged), 9..=9);
        facts.add_gtids(Source::Mariadb(MariadbSource { domain: 3, server: 4 }), 7..=8);
        let mut out = vec![];
        facts.put(&mut out);
        let mut taker = Taker::new("test", &out);
        assert_eq!(Facts::take(&mut taker, 2).unwrap(), facts);
        taker.end().unwrap();
        assert!(Facts::take(&mut Taker::new("test", &out), 1).is_err());
        for length in 0..out.len() {
            assert!(Facts::take(&mut Taker::new("test", &out[..length]), 2).is_err());
        }
    }
}
