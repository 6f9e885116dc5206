//! What an index says of its log as a whole.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};

use super::pack::{Taker, put, put_bytes};
use crate::error::Fault;
use crate::gtid::{
    AnyGtidSet, Gtid, MariadbBinlogState, MariadbGtid, MariadbSource, Tag, TransactionGtid, Tsid,
    Uuid,
};
use crate::header::EventType;
use crate::source::chain::Extent;
use crate::transaction::Ending;
use crate::transaction::clock::{Clock, Moment};

/// A range of the log that cannot be read, and the name of what is wrong with it.
pub type Lost = (Range<u64>, String);

/// What a log holds, counted; of a part of the log while it is gathered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Events by the code of their type; those of compressed transactions are not counted.
    pub events: BTreeMap<u8, u64>,
    /// Transactions, parts of them too, by how they end.
    pub endings: [u64; Ending::ALL.len()],
    /// Earliest and latest time of an event, in seconds since 1970 UTC.
    pub time: Option<(u32, u32)>,
    /// Where the clock of commits goes back.
    pub clock: Clock,
    /// GTIDs of the transactions, but of those that the log ends in. What the log says of those
    /// before it stands at its start.
    pub extent: Extent,
    /// UUID of the server that wrote the log, where a transaction of its own tells.
    pub server_uuid: Option<Uuid>,
    /// Rows written, updated and deleted, by the number of their table.
    pub rows: Vec<[u64; 3]>,
    /// Code of the event by which the server closed the log, if nothing is behind it.
    pub closed_by: Option<u8>,
    /// Name of the next log, where the log tells it.
    pub next_log: Option<Vec<u8>>,
    /// What cannot be read.
    pub damage: Vec<Lost>,
    /// Events whose body cannot be read.
    pub faults: u64,
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
    /// Whether all of it could be read.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let broken = self.ending(Ending::Open) + self.ending(Ending::Headless);
        self.damage.is_empty() && self.faults == 0 && broken == 0
    }

    /// Whether one format holds from end to end, and the log says once at most what came before it:
    /// then a walk may begin at any transaction.
    pub(super) fn is_uniform(&self) -> bool {
        let count = |event_type: EventType| self.events.get(&event_type.0).copied().unwrap_or(0);
        count(EventType::FORMAT_DESCRIPTION) == 1
            && count(EventType::PREVIOUS_GTIDS) + count(EventType::GTID_LIST) <= 1
    }

    /// How many transactions there are, parts of them too.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.endings.iter().sum()
    }

    /// How many transactions end so.
    #[must_use]
    pub fn ending(&self, ending: Ending) -> u64 {
        self.endings.get(ending.number()).copied().unwrap_or(0)
    }

    /// Takes in what comes next; `table` tells the number that a table of `next` has here.
    pub(super) fn join(&mut self, next: Facts, table: impl Fn(usize) -> usize) {
        for (code, count) in next.events {
            let sum = self.events.entry(code).or_default();
            *sum = sum.saturating_add(count);
        }
        for (sum, more) in self.endings.iter_mut().zip(next.endings) {
            *sum = sum.saturating_add(more);
        }
        self.time = match (self.time, next.time) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        self.clock.join(next.clock);
        self.extent.join(next.extent);
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
        self.closed_by = next.closed_by;
        self.next_log = next.next_log.or(self.next_log.take());
        self.damage.extend(next.damage);
        self.faults = self.faults.saturating_add(next.faults);
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.events.len() as u64);
        for (code, count) in &self.events {
            out.push(*code);
            put(out, *count);
        }
        self.endings.iter().for_each(|count| put(out, *count));
        put(out, u64::from(self.time.is_some()));
        let (first, last) = self.time.unwrap_or_default();
        put(out, u64::from(first));
        put(out, u64::from(last));
        put_clock(out, &self.clock);
        put_set(out, self.extent.seen());
        put_set(out, self.extent.repeated());
        let last: Vec<_> = self.extent.last().iter().collect();
        put(out, last.len() as u64);
        for gtid in last {
            Source::Mariadb(gtid.source()).put(out);
            put(out, gtid.seq);
        }
        put(out, u64::from(self.server_uuid.is_some()));
        out.extend(self.server_uuid.map_or([0; 16], |uuid| uuid.0));
        put(out, self.rows.len() as u64);
        self.rows.iter().flatten().for_each(|count| put(out, *count));
        put(out, self.closed_by.map_or(0, |code| u64::from(code) + 1));
        put(out, u64::from(self.next_log.is_some()));
        put_bytes(out, self.next_log.as_deref().unwrap_or_default());
        put(out, self.damage.len() as u64);
        for (range, name) in &self.damage {
            put(out, range.start);
            put(out, range.end);
            put_bytes(out, name.as_bytes());
        }
        put(out, self.faults);
    }

    /// `tables` is how many tables the index names.
    pub(super) fn take(taker: &mut Taker<'_>, tables: usize) -> Result<Self, Fault> {
        let mut facts = Facts::default();
        for _ in 0..taker.count()? {
            let code = taker.byte()?;
            facts.events.insert(code, taker.number()?);
        }
        for count in &mut facts.endings {
            *count = taker.number()?;
        }
        if facts.endings.iter().try_fold(0u64, |sum, count| sum.checked_add(*count)).is_none() {
            return Err(taker.wrong("transactions of 64 bits", "more"));
        }
        let timed = flag(taker)?;
        let times = (taker.short()?, taker.short()?);
        facts.time = timed.then_some(times);
        facts.clock = take_clock(taker)?;
        let (seen, repeated) = (take_set(taker)?, take_set(taker)?);
        let mut last = MariadbBinlogState::new();
        for _ in 0..taker.count()? {
            match Source::take(taker)? {
                Source::Mariadb(MariadbSource { domain, server }) => {
                    last.advance(MariadbGtid { domain, server, seq: taker.number()? });
                }
                Source::Mysql(_) => return Err(taker.wrong("a domain and a server", "a UUID")),
            }
        }
        facts.extent = Extent::within(seen, repeated, last);
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
        facts.closed_by = match taker.number()? {
            0 => None,
            code => Some(u8::try_from(code - 1).map_err(|_| taker.wrong("a type", code))?),
        };
        let (named, name) = (flag(taker)?, taker.bytes()?);
        facts.next_log = named.then(|| name.to_vec());
        for _ in 0..taker.count()? {
            let range = taker.number()?..taker.number()?;
            let name = String::from_utf8_lossy(taker.bytes()?).into_owned();
            facts.damage.push((range, name));
        }
        facts.faults = taker.number()?;
        Ok(facts)
    }
}

fn put_set(out: &mut Vec<u8>, set: &AnyGtidSet) {
    let mysql = set.mysql.sources();
    let mysql = mysql.map(|(source, numbers)| (Source::Mysql(source), numbers));
    let mariadb = set.mariadb.sources();
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
}

fn take_set(taker: &mut Taker<'_>) -> Result<AnyGtidSet, Fault> {
    let mut set = AnyGtidSet::default();
    for _ in 0..taker.count()? {
        let source = Source::take(taker)?;
        for _ in 0..taker.count()? {
            let (first, more) = (taker.number()?, taker.number()?);
            let last = first.checked_add(more);
            let last = last.ok_or_else(|| taker.wrong("a GTID of 64 bits", "a greater"))?;
            source.add(&mut set, first..=last);
        }
    }
    Ok(set)
}

fn put_clock(out: &mut Vec<u8>, clock: &Clock) {
    let ends = clock.ends();
    let moments: Vec<_> = ends.into_iter().chain(clock.steps().iter().copied()).flatten().collect();
    put(out, u64::from(ends.is_some()));
    put(out, clock.count);
    put(out, moments.len() as u64);
    for Moment { start, time, commit } in moments {
        put(out, start);
        put(out, time);
        put(out, u64::from(commit));
    }
}

fn take_clock(taker: &mut Taker<'_>) -> Result<Clock, Fault> {
    let (ended, count) = (flag(taker)?, taker.number()?);
    let mut moments = vec![];
    for _ in 0..taker.count()? {
        let (start, time) = (taker.number()?, taker.number()?);
        moments.push(Moment { start, time, commit: flag(taker)? });
    }
    let (pairs, rest) = moments.as_chunks();
    let steps = pairs.get(usize::from(ended)..);
    match steps.filter(|steps| rest.is_empty() && steps.len() as u64 <= count) {
        Some(steps) => {
            Ok(Clock::of(pairs.first().copied().filter(|_| ended), steps.to_vec(), count))
        }
        None => Err(taker.wrong("moments in pairs", moments.len())),
    }
}

fn flag(taker: &mut Taker<'_>) -> Result<bool, Fault> {
    match taker.number()? {
        flag @ 0..=1 => Ok(flag == 1),
        other => Err(taker.wrong("0 or 1", other)),
    }
}

impl Source {
    /// Adds GTIDs of this source to `set`.
    pub(super) fn add(self, set: &mut AnyGtidSet, numbers: RangeInclusive<u64>) {
        match self {
            Source::Mysql(tsid) => set.mysql.add_interval(tsid, numbers),
            Source::Mariadb(source) => set.mariadb.add_interval(source, numbers),
        }
    }

    /// The GTID of this number.
    #[must_use]
    pub fn gtid(self, number: u64) -> TransactionGtid {
        match self {
            Source::Mysql(Tsid { uuid, tag }) => {
                TransactionGtid::Mysql(Gtid { uuid, tag, gno: number })
            }
            Source::Mariadb(MariadbSource { domain, server }) => {
                TransactionGtid::Mariadb(MariadbGtid { domain, server, seq: number })
            }
        }
    }

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
    use crate::source::chain::Extending;

    fn clock() -> Clock {
        let moment = |start, time| Moment { start, time, commit: start > 5 };
        Clock::of(Some([moment(4, 10), moment(9, 11)]), vec![[moment(6, 9), moment(7, 2)]], 3)
    }

    #[test]
    fn facts_come_back() {
        let tagged = Tsid { uuid: Uuid([7; 16]), tag: Some(Tag::new(b"night").unwrap()) };
        let mut facts = Facts {
            events: BTreeMap::from([(2, 10), (30, 1 << 40)]),
            endings: [3, 0, 0, 1, 0, 0, 0, 2],
            time: Some((1, 4_000_000_000)),
            clock: clock(),
            server_uuid: Some(Uuid([9; 16])),
            rows: vec![[1, 2, 3], [0, 0, 70_000]],
            damage: vec![(100..200, "bad_checksum".to_owned())],
            faults: 1,
            closed_by: Some(4),
            next_log: Some(b"binlog.000002".to_vec()),
            ..Facts::default()
        };
        let other = Source::Mariadb(MariadbSource { domain: 3, server: 4 });
        let mut extending = Extending::default();
        for (source, numbers) in
            [(Source::Mysql(tagged), 1..=5), (Source::Mysql(tagged), 5..=9), (other, 7..=8)]
        {
            for number in numbers {
                extending.transaction(&source.gtid(number));
            }
        }
        facts.extent = extending.finish();
        assert_eq!(facts.extent.repeated().count(), 1);
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
