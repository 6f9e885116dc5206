//! A look at the transaction that comes next, if it has the form that nearly all have: nothing is made
//! of its events but what is told of them here, and whoever wants to know more has it from
//! [`Units::glance`].
//!
//! ```text
//! Gtid  Query(BEGIN)  Table_map Write_rows*  Table_map Delete_rows*  Xid
//! '------------------------------------------------------------------'  a look
//!                     '-------------------'  '--------------------'     its statements
//! ```

use super::{USUAL, Units, Usual};
use crate::event::format_description::FormatDescription;
use crate::event::query::QueryEvent;
use crate::header::{EventHeader, EventType};
use crate::scan::{Frame, Quick, RawEvent};
use crate::transaction::progress::Progress;
use crate::transaction::statement::{BEGIN, STMT_END};

/// What a look shows of a transaction, beside what [`Seen`] has: its end is an Xid event, and each of
/// its events has a time.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The event that names it.
    pub gtid: RawEvent<'a>,
    /// Earliest and latest time of an event, in seconds since 1970 UTC.
    pub times: (u32, u32),
    /// Time of the last event.
    pub timestamp: u32,
    /// Number of the first statement among all: of that behind those that name and begin it.
    pub first: usize,
    behind: Quick<'a>,
}

impl Look<'_> {
    /// Stream positions of its first byte, and of the byte behind its last event.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        (self.gtid.offset, self.behind.offset())
    }
}

/// The events of the last look.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Their types, in the order of the log.
    pub types: Vec<EventType>,
    /// The statements; none, unless they were asked for.
    pub statements: Vec<ShortStatement<'a>>,
    /// Whether they were.
    statements_only: bool,
}

/// A statement that is one table map and one rows event.
#[derive(Debug, Clone, Copy)]
pub struct ShortStatement<'a> {
    /// The body of the table map.
    pub map: &'a [u8],
    /// Type of the rows event.
    pub event_type: EventType,
    /// Its body.
    pub rows: &'a [u8],
}

impl<'a> Seen<'a> {
    /// For looks that show of a transaction of rows how it stands in the log.
    #[must_use]
    pub fn events() -> Self {
        Seen { types: vec![], statements: vec![], statements_only: false }
    }

    /// For looks that show the statements of a transaction; one with another kind of statement is not
    /// shown.
    #[must_use]
    pub fn statements() -> Self {
        Seen { statements_only: true, ..Seen::events() }
    }

    fn look(&mut self, quick: Quick<'a>, format: &FormatDescription) -> Option<Look<'a>> {
        self.types.clear();
        self.statements.clear();
        let mut walk = Walk { quick, times: (u32::MAX, 0), timestamp: 0 };
        let frame = walk.next(&mut self.types)?;
        if USUAL[usize::from(frame.event_type().0)] != Usual::Opens {
            return None;
        }
        let gtid = quick.event(&frame);
        let mut first = 1;
        if Progress::announced(&gtid, format.family) != Progress::Begun {
            let begin = walk.next(&mut self.types)?;
            let text = QueryEvent::text_of(quick.body(&begin));
            if begin.event_type() != EventType::QUERY || text != Some(BEGIN) {
                return None;
            }
            first += 1;
        }
        if self.statements_only {
            self.take_statements(&mut walk, format.table_id_bytes())?;
        } else {
            self.take_events(&mut walk)?;
        }
        let Walk { quick: behind, times, timestamp } = walk;
        // 0 is the time of an event that has none.
        (times.0 > 0).then_some(Look { gtid, times, timestamp, first, behind })
    }

    /// Walks up to the end of the transaction.
    fn take_events(&mut self, walk: &mut Walk<'a>) -> Option<()> {
        loop {
            let frame = walk.next(&mut self.types)?;
            match USUAL[usize::from(frame.event_type().0)] {
                Usual::GoesOn => {}
                Usual::Ends => return Some(()),
                Usual::Opens | Usual::Query | Usual::No => return None,
            }
        }
    }

    /// Takes the statements up to the end of the transaction.
    fn take_statements(&mut self, walk: &mut Walk<'a>, table_id_bytes: usize) -> Option<()> {
        loop {
            let map = walk.next(&mut self.types)?;
            if map.event_type() != EventType::TABLE_MAP {
                return (map.event_type() == EventType::XID).then_some(());
            }
            let rows = walk.next(&mut self.types)?;
            let event_type = rows.event_type();
            let (map, rows) = (walk.quick.body(&map), walk.quick.body(&rows));
            if !event_type.is_rows() || rows.get(table_id_bytes)? & STMT_END == 0 {
                return None;
            }
            self.statements.push(ShortStatement { map, event_type, rows });
        }
    }
}

/// A walk over events that are only looked at.
struct Walk<'a> {
    quick: Quick<'a>,
    times: (u32, u32),
    timestamp: u32,
}

impl<'a> Walk<'a> {
    #[inline(always)]
    fn next(&mut self, types: &mut Vec<EventType>) -> Option<Frame<'a>> {
        let frame = self.quick.frame()?;
        self.quick.pass(&frame);
        types.push(frame.event_type());
        self.timestamp = EventHeader::read(frame.head).timestamp;
        self.times = (self.times.0.min(self.timestamp), self.times.1.max(self.timestamp));
        Some(frame)
    }
}

impl<'a> Units<'a> {
    /// Looks at the next transaction, and goes on behind it with [`Units::pass`]; none if the next unit
    /// is no transaction of the usual form, or not all of it is in sight.
    #[inline]
    pub fn look(&mut self, seen: &mut Seen<'a>) -> Option<Look<'a>> {
        self.leave_shown();
        if !self.open.events.is_empty() || self.next.is_some() || self.lost || self.rests() {
            return None;
        }
        seen.look(self.scan.quick(), self.scan.format())
    }

    /// Goes on behind the transaction that was looked at last.
    #[inline]
    pub fn pass(&mut self, look: &Look<'a>) {
        self.named = true;
        self.scan.pass(look.behind);
    }
}
