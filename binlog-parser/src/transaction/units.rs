//! Divides a log into transactions, and what lies between them.

mod look;

use crate::event::format_description::{FormatDescription, ServerVersion};
use crate::header::{EventHeader, EventType, Family, flags};
use crate::scan::{Damage, Frame, RawEvent, Scan};

use super::progress::Progress;
use super::statement::{Step, ends_load, is_context, step};
use super::{Ending, Transaction};

pub use look::{Look, ShortStatement};

/// What a log is made of, seen from above.
#[derive(Debug, Clone)]
pub enum Unit<'a> {
    /// Events that commit together.
    Transaction(Transaction<'a>),
    /// An event that belongs to no transaction: the log's own frame.
    Control(RawEvent<'a>),
    /// A range that is lost. A transaction that it cuts came before it, with [`Ending::Open`]; what
    /// is left of that, or of another that begins in the damage, comes behind it, with
    /// [`Ending::Headless`].
    Damage(Damage),
}

/// Groups a scan into units.
#[derive(Debug, Clone)]
pub struct Units<'a> {
    scan: Scan<'a>,
    /// The transaction under way.
    open: Transaction<'a>,
    /// Whether it came to its end, and was shown where it stands.
    shown: bool,
    progress: Progress,
    /// Whether the beginning of what comes is lost: everything up to an end, or to what certainly
    /// begins another transaction, is left of it.
    lost: bool,
    /// Whether a GTID event was seen.
    named: bool,
    /// A unit that came up while the transaction before it had to be handed out first.
    next: Option<Unit<'a>>,
    /// Where the walk rests, between two transactions.
    rest_at: u64,
}

/// Events for which memory is taken when a transaction opens: most have no more.
const USUAL_EVENTS: usize = 8;

impl<'a> Units<'a> {
    /// Groups what `scan` yields.
    #[must_use]
    pub fn new(scan: Scan<'a>) -> Self {
        Units {
            scan,
            open: Transaction { events: vec![], ending: Ending::Open },
            shown: false,
            progress: Progress::Idle,
            lost: false,
            named: false,
            next: None,
            rest_at: u64::MAX,
        }
    }

    /// Lets the walk rest before the first transaction at or behind `offset` that has a name and
    /// follows a unit that is whole. It goes on when it is to rest elsewhere.
    pub(crate) fn rest_at(&mut self, offset: u64) {
        self.rest_at = offset;
    }

    /// Whether the walk rests: there is more.
    #[inline]
    pub(crate) fn rests(&self) -> bool {
        self.offset() >= self.rest_at
            && (self.shown || self.open.events.is_empty())
            && self.next.is_none()
            && !self.lost
            && self.scan.opens_transaction()
    }

    /// The format description that holds at this point.
    #[must_use]
    pub fn format(&self) -> &FormatDescription {
        self.scan.format()
    }

    /// How far the walk has come: stream position of the next event.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.scan.offset()
    }

    /// The scan, as far as it was walked.
    #[must_use]
    pub fn into_scan(self) -> Scan<'a> {
        self.scan
    }

    /// Whether every transaction of the log begins with the event that names it: then a BEGIN without
    /// one belongs to a transaction whose name is lost.
    fn names_all(&self) -> bool {
        let format = self.scan.format();
        self.named || format.version >= first_that_names(format.family)
    }

    fn finish(&mut self, ending: Ending) -> Option<Unit<'a>> {
        self.progress = Progress::Idle;
        let lost = std::mem::take(&mut self.lost);
        if self.open.events.is_empty() {
            return None;
        }
        let events = std::mem::take(&mut self.open.events);
        let last = events.last().map(RawEvent::event_type);
        let ending = match (ending, last) {
            _ if lost => Ending::Headless,
            // What went on behind it was not of this transaction.
            (Ending::Open, Some(EventType::TRANSACTION_PAYLOAD)) => Ending::Whole,
            (ending, _) => ending,
        };
        Some(Unit::Transaction(Transaction { events, ending }))
    }

    /// Hands out the open transaction, if any, and then `unit`.
    fn interrupt(&mut self, unit: Unit<'a>) -> Unit<'a> {
        match self.finish(Ending::Open) {
            Some(transaction) => {
                self.next = Some(unit);
                transaction
            }
            None => unit,
        }
    }

    /// Goes on with the open transaction, or opens the next, as long as events come that need no more:
    /// nearly all do. How the transaction ends, if it came to its end.
    #[inline]
    fn go_on(&mut self) -> Option<Ending> {
        if self.lost {
            return None;
        }
        let mut quick = self.scan.quick();
        if self.open.events.is_empty() {
            let frame = quick.frame().filter(|frame| usual(frame) == Usual::Opens)?;
            self.make_room();
            self.open.events.push(quick.event(&frame));
            quick.pass(&frame);
            self.announce();
        }
        let mut ending = None;
        while let Some(frame) = quick.frame() {
            let usual = usual(&frame);
            if matches!(usual, Usual::Opens | Usual::No) {
                break;
            }
            self.open.events.push(quick.event(&frame));
            quick.pass(&frame);
            match usual {
                Usual::GoesOn => self.progress.advance_by_rows(frame.event_type()),
                Usual::Ends => ending = Some(Ending::Xid),
                _ => {
                    ending = self.open.events.last().and_then(|event| self.progress.advance(event));
                }
            }
            if ending.is_some() {
                break;
            }
        }
        self.scan.pass(quick);
        ending
    }

    /// The next transaction where it stands, which is less work than to hand it over; none if the next
    /// unit is none that a look at types tells, as nearly all are: then [`Units::next`] has it.
    #[inline]
    pub fn glance(&mut self) -> Option<(&Transaction<'a>, &FormatDescription)> {
        self.leave_shown();
        if self.next.is_some() || self.rests() {
            return None;
        }
        self.open.ending = self.go_on()?;
        self.progress = Progress::Idle;
        self.shown = true;
        Some((&self.open, self.scan.format()))
    }

    /// Goes on behind the transaction that was shown.
    #[inline]
    fn leave_shown(&mut self) {
        if std::mem::take(&mut self.shown) {
            self.open.events.clear();
        }
    }

    /// Takes memory for the events of a transaction.
    fn make_room(&mut self) {
        if self.open.events.capacity() == 0 {
            self.open.events = Vec::with_capacity(USUAL_EVENTS);
        }
    }

    /// Looks at the GTID event that was just taken.
    fn announce(&mut self) {
        self.named = true;
        let family = self.scan.format().family;
        self.progress = self
            .open
            .events
            .last()
            .map(|gtid| Progress::announced(gtid, family))
            .unwrap_or_default();
    }

    /// Takes the event in `frame`, whatever it is.
    fn take(&mut self, frame: Frame<'a>) -> Option<Unit<'a>> {
        let event = self.scan.event(frame);
        let event_type = event.event_type();
        if event_type.is_gtid() {
            let interrupted = self.finish(Ending::Open);
            self.make_room();
            self.open.events.push(event);
            self.announce();
            return interrupted;
        }
        if is_frame(&event.header()) {
            return Some(self.interrupt(Unit::Control(event)));
        }
        if self.open.events.is_empty() && !may_start(event_type) {
            return Some(Unit::Control(event));
        }
        if self.open.events.is_empty() && self.scan.is_relay_log() && goes_on(event_type) {
            self.lost = true;
        }
        if self.lost {
            return self.take_lost(frame);
        }
        self.open.events.push(event);
        if event_type == EventType::TRANSACTION_PAYLOAD && self.goes_on() {
            return None;
        }
        let ending = self.open.events.last().and_then(|event| self.progress.advance(event));
        ending.and_then(|ending| self.finish(ending))
    }

    /// Takes an event of which it is not known what it belongs to.
    fn take_lost(&mut self, frame: Frame<'a>) -> Option<Unit<'a>> {
        let event = self.scan.event(frame);
        let mut progress = Progress::Begun;
        let ending = progress.advance(&event);
        if !self.names_all() && begins(&event) {
            let rest = self.finish(Ending::Headless);
            self.lost = false;
            self.open.events.push(event);
            self.progress = progress;
            return rest;
        }
        self.open.events.push(event);
        // A statement by itself ends nothing: it may be one of a transaction.
        ending.filter(|ending| *ending != Ending::Statement).and_then(|ending| self.finish(ending))
    }

    /// Whether the open transaction goes on behind a payload. It does where it has a name, unless
    /// the next event names another, or belongs to none: servers that write payloads name all.
    fn goes_on(&self) -> bool {
        let named = self.open.events.first().is_some_and(|first| first.event_type().is_gtid());
        named && self.scan.peek().is_some_and(may_start)
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        self.leave_shown();
        if let Some(unit) = self.next.take() {
            return Some(unit);
        }
        if self.rests() {
            return None;
        }
        loop {
            if let Some(ending) = self.go_on() {
                return self.finish(ending);
            }
            let unit = match self.scan.step() {
                Some(Ok(frame)) => self.take(frame),
                Some(Err(damage)) => {
                    let unit = self.interrupt(Unit::Damage(damage));
                    self.lost = true;
                    Some(unit)
                }
                None => return self.finish(Ending::Open),
            };
            if unit.is_some() {
                return unit;
            }
        }
    }
}

/// The first servers that write a GTID event before every transaction, if only to say that it has
/// none: MySQL's of ANONYMOUS_GTID, MariaDB's of `Gtid_log_event`.
fn first_that_names(family: Family) -> ServerVersion {
    match family {
        Family::Mysql => ServerVersion(5, 7, 6),
        Family::Mariadb => ServerVersion(10, 0, 2),
    }
}

/// Whether an event begins a transaction for certain, whatever came before it.
fn begins(event: &RawEvent<'_>) -> bool {
    event.event_type() == EventType::QUERY
        && event.query().is_ok_and(|query| step(query.text) == Step::Begin)
}

/// Whether an event never begins a transaction by itself, so that a relay log that begins with it
/// goes on where the one before it ended.
fn goes_on(event_type: EventType) -> bool {
    event_type.is_rows() || matches!(event_type, EventType::TABLE_MAP | EventType::XID)
}

/// What an event is to an open transaction, or to none, where its type alone tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usual {
    /// It opens one.
    Opens,
    /// It is of the open one, and ends nothing.
    GoesOn,
    /// It is of the open one; its text tells whether it ends it.
    Query,
    /// It ends the open one.
    Ends,
    /// More has to be looked at.
    No,
}

/// What events are, by the code of their type: each of a log is asked for.
static USUAL: [Usual; 256] = {
    let mut usual = [Usual::No; 256];
    let mut code = 0;
    while code < usual.len() {
        usual[code] = usual_of(EventType(code as u8));
        code += 1;
    }
    usual
};

#[inline]
fn usual(frame: &Frame<'_>) -> Usual {
    USUAL[usize::from(frame.event_type().0)]
}

const fn usual_of(event_type: EventType) -> Usual {
    match event_type {
        EventType::QUERY => Usual::Query,
        EventType::XID => Usual::Ends,
        _ if event_type.is_gtid() => Usual::Opens,
        _ if event_type.is_rows() || is_context(event_type) => Usual::GoesOn,
        _ => Usual::No,
    }
}

/// Whether an event starts a transaction in logs without GTID events.
fn may_start(event_type: EventType) -> bool {
    is_context(event_type)
        || ends_load(event_type)
        || event_type.is_rows()
        || matches!(event_type, EventType::QUERY | EventType::EXECUTE_LOAD_QUERY | EventType::XID)
        || event_type.is_compressed()
        || event_type == EventType::XA_PREPARE
        || event_type == EventType::INCIDENT
}

/// Whether an event frames the log, so that no transaction reaches across it. What a server made up
/// for a replica (artificial, or of position 0) frames nothing.
fn is_frame(header: &EventHeader) -> bool {
    let made_up = header.log_pos == 0 || header.has(flags::ARTIFICIAL);
    match header.event_type {
        EventType::FORMAT_DESCRIPTION => !made_up && !header.has(flags::RELAY_LOG),
        EventType::ROTATE => !made_up,
        EventType::STOP | EventType::PREVIOUS_GTIDS | EventType::GTID_LIST => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
