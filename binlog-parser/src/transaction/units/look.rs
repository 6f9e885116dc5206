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
use crate::header::{EventHeader, EventType, Family};
use crate::scan::{Frame, Quick, RawEvent};
use crate::transaction::progress::Progress;
use crate::transaction::statement::{BEGIN, STMT_END};

/// What a look shows of a transaction beside what stands between its beginning and its end. It ends in
/// an Xid event, and each of its events has a time.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The event that names it.
    pub gtid: RawEvent<'a>,
    /// Earliest and latest time of an event, in seconds since 1970 UTC.
    pub times: (u32, u32),
    /// Time of the last event.
    pub timestamp: u32,
    /// Number of the first statement among all that neither names nor begins it: 2 where a BEGIN stands
    /// behind the name, or else 1.
    pub first: usize,
    behind: Quick<'a>,
}

impl Look<'_> {
    /// Stream positions of its first byte, and of the byte behind its last event.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        (self.gtid.offset, self.behind.offset())
    }

    /// Bytes of the table ids in its events.
    #[must_use]
    pub fn table_id_bytes(&self) -> usize {
        self.behind.table_id_bytes()
    }
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

impl ShortStatement<'_> {
    /// The types of its events.
    #[must_use]
    pub fn types(&self) -> [EventType; 2] {
        [EventType::TABLE_MAP, self.event_type]
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
    fn next(&mut self) -> Option<Frame<'a>> {
        let frame = self.quick.any_frame()?;
        self.quick.pass(&frame);
        self.timestamp = EventHeader::read(frame.head).timestamp;
        self.times = (self.times.0.min(self.timestamp), self.times.1.max(self.timestamp));
        Some(frame)
    }

    #[inline(always)]
    fn body(&self, frame: &Frame<'a>) -> &'a [u8] {
        self.quick.event(frame).body()
    }

    /// Walks over a transaction, of which `inside` walks over what is between its beginning and its end,
    /// and over that.
    #[inline(always)]
    fn transaction(
        quick: Quick<'a>,
        family: Family,
        inside: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<Look<'a>> {
        let mut walk = Walk { quick, times: (u32::MAX, 0), timestamp: 0 };
        let frame = walk.next()?;
        if USUAL[usize::from(frame.event_type().0)] != Usual::Opens {
            return None;
        }
        let gtid = quick.event(&frame);
        let mut first = 1;
        if Progress::announced(&gtid, family) != Progress::Begun {
            let begin = walk.next()?;
            let begin = quick.event(&begin);
            if begin.event_type() != EventType::QUERY || begin.query_text() != Some(BEGIN) {
                return None;
            }
            first = 2;
        }
        inside(&mut walk)?;
        let Walk { quick: behind, times, timestamp } = walk;
        // 0 is the time of an event that has none.
        if times.0 == 0 {
            return None;
        }
        Some(Look { gtid, times, timestamp, first, behind })
    }
}

impl<'a> Units<'a> {
    /// Looks at the next transaction, to go on behind it with [`Units::pass`]: at the types of the events
    /// between its beginning and its end. None if the next unit is no transaction of the usual form, or
    /// not all of it is in sight.
    #[inline]
    pub fn look_at_types(&mut self, types: &mut Vec<EventType>) -> Option<Look<'a>> {
        types.clear();
        self.look(|walk| {
            loop {
                let event_type = walk.next()?.event_type();
                match USUAL[usize::from(event_type.0)] {
                    Usual::GoesOn => types.push(event_type),
                    Usual::Ends => return Some(()),
                    Usual::Opens | Usual::Query | Usual::No => return None,
                }
            }
        })
    }

    /// As [`Units::look_at_types`], at the statements of a transaction that has no other.
    #[inline]
    pub fn look_at_statements(
        &mut self,
        statements: &mut Vec<ShortStatement<'a>>,
    ) -> Option<Look<'a>> {
        statements.clear();
        self.look(|walk| {
            loop {
                let map = walk.next()?;
                if map.event_type() != EventType::TABLE_MAP {
                    return (map.event_type() == EventType::XID).then_some(());
                }
                let rows = walk.next()?;
                let event_type = rows.event_type();
                let (map, rows) = (walk.body(&map), walk.body(&rows));
                let flags = rows.get(walk.quick.table_id_bytes())?;
                if !event_type.is_rows() || flags & STMT_END == 0 {
                    return None;
                }
                statements.push(ShortStatement { map, event_type, rows });
            }
        })
    }

    #[inline(always)]
    fn look(&mut self, inside: impl FnOnce(&mut Walk<'a>) -> Option<()>) -> Option<Look<'a>> {
        self.leave_shown();
        if !self.open.events.is_empty() || self.next.is_some() || self.lost || self.rests() {
            return None;
        }
        Walk::transaction(self.scan.quick(), self.scan.format().family, inside)
    }

    /// Goes on behind the transaction that was looked at last.
    #[inline]
    pub fn pass(&mut self, look: &Look<'a>) {
        self.named = true;
        self.scan.pass(look.behind);
    }
}
