//! A summary in few bytes, as it stands in an index, and the reader that believes none of them.

use std::sync::Arc;

use binlog_parser::Fault;
use binlog_parser::address::EventAddress;
use binlog_parser::header::EventType;
use binlog_parser::index::pack::{Taker, put, put_signed};
use binlog_parser::index::{Noted, Part, TableName};
use binlog_parser::transaction::Ending;
use binlog_parser::transaction::counting::Tally;

use super::flow::Flow;
use super::summary::{Rows, StatementPlace, Step, Summary, TableSummary, TransactionPlace};
use super::traffic::Sizes;

/// Kinds of steps; the low bits of a step's first number.
mod kind {
    pub const FLOW: u64 = 0;
    pub const ROWS: u64 = 1;
    pub const TEXT: u64 = 2;
    pub const DISTRUST: u64 = 3;
    pub const UNREAD: u64 = 4;
    pub const BITS: u32 = 3;
}

/// A summary, but for the names of its tables; none if it tells of what cannot be read, for which the
/// log itself is the better evidence.
pub(super) fn pack(summary: &Summary) -> Option<Vec<u8>> {
    let mut out = vec![];
    for count in [summary.selected, summary.row_statements, summary.row_texts] {
        put(&mut out, count);
    }
    for table in &summary.tables {
        for sizes in [&table.deletes, &table.updates] {
            put(&mut out, sizes.counted().count() as u64);
            for (class, count) in sizes.counted() {
                put(&mut out, class as u64);
                put(&mut out, u64::from(count));
            }
        }
    }
    put(&mut out, summary.transactions.len() as u64);
    let mut before = 0;
    for place in &summary.transactions {
        let (start, end) = place.range;
        put(&mut out, start.checked_sub(before)?);
        put(&mut out, end.checked_sub(start)?);
        put(&mut out, place.ending.is_whole().then(|| place.ending.number() as u64)?);
        put(&mut out, place.id_bytes as u64);
        before = end;
    }
    put(&mut out, summary.steps.len() as u64);
    for step in &summary.steps {
        pack_step(&mut out, summary, step)?;
    }
    Some(out)
}

fn pack_step(out: &mut Vec<u8>, summary: &Summary, step: &Step) -> Option<()> {
    let head = |kind: u64, value: usize| (value as u64) << kind::BITS | kind;
    match step {
        Step::Flow(table, flow) => {
            put(out, head(kind::FLOW, *table));
            put_signed(out, flow.net);
            put(out, flow.low);
            for limit in [flow.need, flow.exact_from] {
                put(out, u64::from(limit.is_some()));
                limit.into_iter().for_each(|limit| put_signed(out, limit));
            }
        }
        Step::Rows(rows) => {
            if !rows.readable {
                return None;
            }
            put(out, head(kind::ROWS, rows.place.transaction));
            put(out, rows.place.statement as u64);
            put(out, u64::from(rows.kept) | u64::from(rows.told) << 1);
            let tallies = summary.tallies.get(rows.tallies.clone())?;
            put(out, tallies.len() as u64);
            for tally in tallies {
                put(out, tally.table as u64);
                [tally.written, tally.updated, tally.deleted].iter().for_each(|n| put(out, *n));
            }
        }
        Step::Text(place) => {
            put(out, head(kind::TEXT, place.transaction));
            put(out, place.statement as u64);
        }
        Step::Distrust => put(out, head(kind::DISTRUST, 0)),
        Step::Unread(address, name) => {
            let code = (0..=u8::MAX).find(|code| EventType(*code).name() == *name)?;
            put(out, head(kind::UNREAD, usize::from(code)));
            put(out, address.position);
            put(out, address.inner.map_or(0, |inner| inner.saturating_add(1)));
        }
        Step::Fault(_) | Step::Damage(_) | Step::Format(_) => return None,
    }
    Some(())
}

/// What [`pack`] packed of a part of log `log`, whose index has these tables; none if it is anything
/// else.
pub(super) fn unpack(
    noted: &Noted,
    tables: &[TableName],
    part: &Part,
    log: &Arc<str>,
) -> Option<Summary> {
    Unpacking { taker: Taker::new("notes of the index", &noted.bytes), log }
        .summary(noted, tables, part)
        .ok()
}

struct Unpacking<'n> {
    taker: Taker<'n>,
    log: &'n Arc<str>,
}

impl Unpacking<'_> {
    fn summary(
        &mut self,
        noted: &Noted,
        tables: &[TableName],
        part: &Part,
    ) -> Result<Summary, Fault> {
        let mut summary = Summary { noted: true, ..Summary::default() };
        summary.selected = self.taker.number()?;
        summary.row_statements = self.taker.number()?;
        summary.row_texts = self.taker.number()?;
        for number in &noted.tables {
            let Some((database, name)) = tables.get(*number as usize) else {
                return Err(self.taker.wrong("a table of the index", number));
            };
            let mut table = TableSummary::new(database, name);
            self.sizes(&mut table.deletes)?;
            self.sizes(&mut table.updates)?;
            summary.tables.push(table);
        }
        let mut before = 0;
        for _ in 0..self.taker.count()? {
            let place = self.transaction(before, part)?;
            before = place.range.1;
            summary.transactions.push(place);
        }
        for _ in 0..self.taker.count()? {
            let step = self.step(&mut summary)?;
            summary.steps.push(step);
        }
        self.taker.end()?;
        Ok(summary)
    }

    fn sizes(&mut self, sizes: &mut Sizes) -> Result<(), Fault> {
        for _ in 0..self.taker.count()? {
            let (class, count) = (self.taker.number()?, self.taker.short()?);
            match sizes.counters().get_mut(usize::try_from(class).unwrap_or(usize::MAX)) {
                Some(counter) => *counter = count,
                None => return Err(self.taker.wrong("a power of two", class)),
            }
        }
        Ok(())
    }

    fn transaction(&mut self, before: u64, part: &Part) -> Result<TransactionPlace, Fault> {
        let (gap, length) = (self.taker.number()?, self.taker.number()?);
        let start = before.saturating_add(gap);
        let range = (start, start.saturating_add(length));
        if start < part.start || range.1 > part.end {
            return Err(self.taker.wrong("a transaction of the part", start));
        }
        let (ending, id_bytes) = (self.taker.number()?, self.taker.number()?);
        let ending = usize::try_from(ending).ok().and_then(|ending| Ending::ALL.get(ending));
        let ending = ending.filter(|ending| ending.is_whole());
        match (ending, id_bytes) {
            (Some(ending), 4 | 6) => {
                let (ending, id_bytes) = (*ending, id_bytes as usize);
                Ok(TransactionPlace { range, ending, id_bytes, selected: true })
            }
            _ => Err(self.taker.wrong("an ending, and 4 or 6 bytes of a table id", id_bytes)),
        }
    }

    fn step(&mut self, summary: &mut Summary) -> Result<Step, Fault> {
        let head = self.taker.number()?;
        let value = usize::try_from(head >> kind::BITS).unwrap_or(usize::MAX);
        let (tables, transactions) = (summary.tables.len(), summary.transactions.len());
        Ok(match head & ((1 << kind::BITS) - 1) {
            kind::FLOW if value < tables => Step::Flow(value, self.flow()?),
            kind::ROWS if value < transactions => {
                let place = self.place(value)?;
                let flags = self.taker.number()?;
                let start = summary.tallies.len();
                for _ in 0..self.taker.count()? {
                    summary.tallies.push(self.tally(tables)?);
                }
                let tallies = start..summary.tallies.len();
                let (kept, told) = (flags & 1 != 0, flags & 2 != 0);
                Step::Rows(Rows { place, tallies, readable: true, kept, told })
            }
            kind::TEXT if value < transactions => Step::Text(self.place(value)?),
            kind::DISTRUST => Step::Distrust,
            kind::UNREAD if value <= usize::from(u8::MAX) => {
                let (position, inner) = (self.taker.number()?, self.taker.number()?);
                let address = EventAddress::new(self.log, position);
                let address = EventAddress { inner: inner.checked_sub(1), ..address };
                Step::Unread(address, EventType(value as u8).name())
            }
            _ => return Err(self.taker.wrong("a step of the part", head)),
        })
    }

    fn place(&mut self, transaction: usize) -> Result<StatementPlace, Fault> {
        let statement = self.taker.short()? as usize;
        Ok(StatementPlace { transaction, statement })
    }

    fn flow(&mut self) -> Result<Flow, Fault> {
        let (net, low) = (self.taker.signed()?, self.taker.number()?);
        let need = self.limit()?;
        Ok(Flow { net, low, need, exact_from: self.limit()? })
    }

    fn limit(&mut self) -> Result<Option<i64>, Fault> {
        match self.taker.number()? {
            0 => Ok(None),
            _ => self.taker.signed().map(Some),
        }
    }

    fn tally(&mut self, tables: usize) -> Result<Tally, Fault> {
        let table = self.taker.number()?;
        if table >= tables as u64 {
            return Err(self.taker.wrong("a table of the part", table));
        }
        let (written, updated, deleted) =
            (self.taker.number()?, self.taker.number()?, self.taker.number()?);
        Ok(Tally { table: table as usize, written, updated, deleted })
    }
}
