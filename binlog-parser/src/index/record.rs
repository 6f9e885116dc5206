//! What an index says of one transaction, and of a block of them, packed.
//!
//! ```text
//! record   how  length  [gap]  [time]  [name]  [started]  [server_id]  content  [counts]
//! ```
//! Everything in brackets is there only where it is not what the record before suggests; `how` has
//! a bit for each, beside the transaction's ending.

use super::pack::{Taker, put, put_signed};
use crate::error::Fault;
use crate::transaction::Ending;

/// One transaction of a log, as it stands in the log: a compressed one is not opened for times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Stream position of its first byte.
    pub start: u64,
    /// Stream position behind its last byte.
    pub end: u64,
    /// [`crate::transaction::Transaction::started`], in seconds since 1970 UTC.
    pub started: u32,
    /// [`crate::transaction::Transaction::timestamp`], in seconds since 1970 UTC.
    pub time: u32,
    /// How it ends.
    pub ending: Ending,
    /// `server_id` of its first event.
    pub server_id: u32,
    /// What its GTID event says.
    pub name: Name,
    /// Number of its content in the index; none if the index does not tell.
    pub content: Option<u32>,
    /// The rows of those changes of its content that leave their number to the record, in order.
    pub counts: Vec<u64>,
}

/// The name of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// It has no GTID event.
    Unnamed,
    /// Its GTID event says that it has none.
    Anonymous,
    /// A GTID.
    Gtid {
        /// Number of its source in the index.
        source: u32,
        /// The number that its source gave it.
        number: u64,
    },
}

impl Name {
    /// The name that a transaction behind this one most likely has.
    fn next(self) -> Name {
        match self {
            Name::Gtid { source, number } => Name::Gtid { source, number: number.wrapping_add(1) },
            other => other,
        }
    }
}

const ENDING: u8 = 7;
const GAP: u8 = 1 << 3;
const TIME: u8 = 1 << 4;
const NAME: u8 = 1 << 5;
const STARTED: u8 = 1 << 6;
const SERVER: u8 = 1 << 7;

/// What the record before suggests for the next; each block begins anew.
#[derive(Debug, Clone)]
struct Before {
    end: u64,
    time: u32,
    name: Name,
    server_id: u32,
}

impl Before {
    fn at(start: u64) -> Self {
        Before { end: start, time: 0, name: Name::Unnamed, server_id: 0 }
    }

    fn of(record: &Record, name: Name) -> Self {
        let Record { end, time, server_id, .. } = *record;
        Before { end, time, name: name.next(), server_id }
    }
}

/// Packs the records of one block.
#[derive(Debug)]
pub(super) struct Packer {
    before: Before,
    pub out: Vec<u8>,
}

impl Packer {
    /// Begins a block at the stream position of its first transaction.
    pub fn new(start: u64) -> Self {
        Packer { before: Before::at(start), out: vec![] }
    }

    /// Appends a record with the name and the content that it has in the block; it does not begin before
    /// the one before it ends.
    pub fn push(&mut self, record: &Record, name: Name, content: Option<u32>) {
        let before = &self.before;
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let how = record.ending.number() as u8
            | flag(record.start != before.end, GAP)
            | flag(record.time != before.time, TIME)
            | flag(name != before.name, NAME)
            | flag(record.started != record.time, STARTED)
            | flag(record.server_id != before.server_id, SERVER);
        let out = &mut self.out;
        out.push(how);
        put(out, record.end.saturating_sub(record.start));
        if how & GAP != 0 {
            put(out, record.start.saturating_sub(before.end));
        }
        if how & TIME != 0 {
            put_signed(out, i64::from(record.time) - i64::from(before.time));
        }
        if how & NAME != 0 {
            match name {
                Name::Unnamed => put(out, 0),
                Name::Anonymous => put(out, 1),
                Name::Gtid { source, number } => {
                    put(out, u64::from(source) + 2);
                    put(out, number);
                }
            }
        }
        if how & STARTED != 0 {
            put_signed(out, i64::from(record.started) - i64::from(record.time));
        }
        if how & SERVER != 0 {
            put(out, u64::from(record.server_id));
        }
        // Numbers of rows say nothing without the content that they are of.
        let counts = content.map_or(&[][..], |_| &record.counts);
        let content = content.map_or(0, |content| u64::from(content) + 1);
        put(out, content << 1 | u64::from(!counts.is_empty()));
        if !counts.is_empty() {
            put(out, counts.len() as u64);
            counts.iter().for_each(|count| put(out, *count));
        }
        self.before = Before::of(record, name);
    }
}

/// The records of one block.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    taker: Taker<'a>,
    before: Before,
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8], start: u64) -> Self {
        Records { taker: Taker::new("record of an index", bytes), before: Before::at(start) }
    }

    fn take(&mut self) -> Result<Record, Fault> {
        let (taker, before) = (&mut self.taker, &self.before);
        let how = taker.byte()?;
        let ending = Ending::ALL[usize::from(how & ENDING)];
        let length = taker.number()?;
        let gap = if how & GAP == 0 { 0 } else { taker.number()? };
        let start = before.end.checked_add(gap);
        let bounds = start.and_then(|start| Some((start, start.checked_add(length)?)));
        let (start, end) = bounds.ok_or_else(|| taker.wrong("a position in a log", "a greater"))?;
        if length == 0 {
            return Err(taker.wrong("a length", "0"));
        }
        let time = if how & TIME == 0 { before.time } else { moved(taker, before.time)? };
        let name = if how & NAME == 0 {
            before.name
        } else {
            match taker.short()? {
                0 => Name::Unnamed,
                1 => Name::Anonymous,
                source => Name::Gtid { source: source - 2, number: taker.number()? },
            }
        };
        let started = if how & STARTED == 0 { time } else { moved(taker, time)? };
        let server_id = if how & SERVER == 0 { before.server_id } else { taker.short()? };
        let content = taker.number()?;
        let counts = if content & 1 == 0 { 0 } else { taker.count()? };
        let counts = (0..counts).map(|_| taker.number()).collect::<Result<_, _>>()?;
        let content = (content >> 1).checked_sub(1).map(u32::try_from).transpose();
        let content = content.map_err(|_| taker.wrong("number of a content", "a greater"))?;
        let record = Record { start, end, started, time, ending, server_id, name, content, counts };
        self.before = Before::of(&record, name);
        Ok(record)
    }
}

/// A time so much later or earlier than `time`.
fn moved(taker: &mut Taker<'_>, time: u32) -> Result<u32, Fault> {
    let by = taker.signed()?;
    let moved = i64::from(time).checked_add(by).and_then(|time| u32::try_from(time).ok());
    moved.ok_or_else(|| taker.wrong("a time of 32 bits", by))
}

/// A fault ends the block.
impl Iterator for Records<'_> {
    type Item = Result<Record, Fault>;

    fn next(&mut self) -> Option<Result<Record, Fault>> {
        if self.taker.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.taker = Taker::new("record of an index", &[]);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn records()(parts in prop::collection::vec(
            (0u64..3, 1u64..100_000, any::<u32>(), any::<u32>(), 0usize..8, 0u32..3,
             prop_oneof![
                Just(Name::Unnamed),
                Just(Name::Anonymous),
                (0u32..3, any::<u64>()).prop_map(|(source, number)| Name::Gtid { source, number }),
             ],
             prop::option::of(any::<u32>().prop_map(|content| content >> 1)),
             prop::collection::vec(any::<u64>(), 0..4)), 1..50)
        ) -> Vec<Record> {
            let mut end = 4;
            parts.into_iter().map(|(gap, length, started, time, ending, server_id, name, content, counts)| {
                let counts = if content.is_some() { counts } else { vec![] };
                let start = end + gap;
                end = start + length;
                let ending = Ending::ALL[ending];
                Record { start, end, started, time, ending, server_id, name, content, counts }
            }).collect()
        }
    }

    fn packed(records: &[Record]) -> Vec<u8> {
        let mut packer = Packer::new(records[0].start);
        records.iter().for_each(|record| packer.push(record, record.name, record.content));
        packer.out
    }

    proptest! {
        #[test]
        fn records_come_back(records in records()) {
            let bytes = packed(&records);
            let back: Result<Vec<_>, _> = Records::new(&bytes, records[0].start).collect();
            prop_assert_eq!(back.unwrap(), records);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut faults = 0;
            for record in Records::new(&bytes, 4) {
                match record {
                    Ok(record) => prop_assert!(record.start < record.end),
                    Err(_) => faults += 1,
                }
            }
            prop_assert!(faults <= 1);
        }
    }

    #[test]
    fn traffic_takes_four_bytes_a_transaction() {
        let record = |number: u64| Record {
            start: 4 + number * 570,
            end: 4 + (number + 1) * 570,
            started: 1_700_000_000,
            time: 1_700_000_000,
            ending: Ending::Xid,
            server_id: 1,
            name: Name::Gtid { source: 0, number: number + 1 },
            content: Some(3),
            counts: vec![],
        };
        let records: Vec<_> = (0..1000).map(record).collect();
        assert!(packed(&records).len() < 4020);
    }
}
