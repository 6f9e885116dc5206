//! The statements of a transaction, and what their text means for it.
use crate::address::EventAddress;
use crate::header::EventType;
use crate::scan::RawEvent;
use crate::source::log::Log;

/// The events of one SQL statement, or of one step of the transaction.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'t, 'a> {
    /// What they are.
    pub kind: StatementKind,
    /// The events; never empty.
    pub events: &'t [RawEvent<'a>],
}

impl<'a> Statement<'_, 'a> {
    /// The last event: the Query of a statement of text, the rows event with STMT_END of one of
    /// rows.
    #[must_use]
    pub fn last(&self) -> Option<&RawEvent<'a>> {
        self.events.last()
    }

    /// Stream position of the first byte.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.events.first().map_or(0, |event| event.offset)
    }

    /// Stream position of the byte after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.events.last().map_or(0, RawEvent::end)
    }

    /// The address of the first event in `log`.
    #[must_use]
    pub fn address(&self, log: &Log) -> EventAddress {
        let start = || EventAddress::new(log.name(), self.start());
        self.events.first().map_or_else(start, |event| event.address(log))
    }
}

/// What a statement is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// The event that names the transaction.
    Gtid,
    /// `BEGIN` or `XA START`.
    Begin,
    /// Xid, `COMMIT`, `ROLLBACK`, XA_PREPARE.
    End,
    /// A statement as text, with the context events before it.
    Query,
    /// Table maps and rows, with the text that caused them if it was logged. `whole` tells whether
    /// the last event carries STMT_END.
    Rows {
        /// Whether the statement's last rows event is there.
        whole: bool,
    },
    /// Any other event, carried as it is; a LOAD DATA of a server before 5.0.3 with all its file.
    Other,
}

/// An iterator over the statements of a transaction.
#[derive(Debug, Clone)]
pub struct Statements<'t, 'a> {
    events: &'t [RawEvent<'a>],
    table_id_bytes: usize,
}

impl<'t, 'a> Iterator for Statements<'t, 'a> {
    type Item = Statement<'t, 'a>;

    #[inline]
    fn next(&mut self) -> Option<Statement<'t, 'a>> {
        // The most frequent forms of each first.
        let first = self.events.first()?;
        let event_type = first.event_type();
        let (kind, count) = if event_type == EventType::TABLE_MAP && self.is_short() {
            (StatementKind::Rows { whole: true }, 2)
        } else if event_type == EventType::QUERY {
            (single(first), 1)
        } else if event_type == EventType::XID {
            (StatementKind::End, 1)
        } else if event_type.is_gtid() {
            (StatementKind::Gtid, 1)
        } else {
            self.measure()?
        };
        let (events, rest) = self.events.split_at(count.min(self.events.len()));
        self.events = rest;
        Some(Statement { kind, events })
    }
}

/// An iterator over the statements of a transaction that do something, with their numbers.
#[derive(Debug, Clone)]
pub struct Work<'t, 'a> {
    statements: Statements<'t, 'a>,
    /// Of the next statement.
    number: usize,
}

impl<'t, 'a> Work<'t, 'a> {
    /// The work of a transaction that has these events. What stands around it in nearly all, and is a
    /// statement wherever it stands, is not asked what it is once more.
    #[inline]
    pub(super) fn new(events: &'t [RawEvent<'a>], table_id_bytes: usize) -> Self {
        let (mut events, mut number) = (events, 0);
        if let [first, rest @ ..] = events
            && first.event_type().is_gtid()
        {
            (events, number) = (rest, number + 1);
        }
        if let [first, rest @ ..] = events
            && first.event_type() == EventType::QUERY
            && first.query_text() == Some(BEGIN)
        {
            (events, number) = (rest, number + 1);
        }
        if let [rest @ .., last] = events
            && last.event_type() == EventType::XID
        {
            events = rest;
        }
        Work { statements: Statements::new(events, table_id_bytes), number }
    }
}

impl<'t, 'a> Iterator for Work<'t, 'a> {
    type Item = (usize, Statement<'t, 'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let statement = self.statements.next()?;
            let number = self.number;
            self.number += 1;
            match statement.kind {
                StatementKind::Gtid | StatementKind::Begin | StatementKind::End => {}
                _ => return Some((number, statement)),
            }
        }
    }
}

impl<'t, 'a> Statements<'t, 'a> {
    /// The statements that `events` form.
    pub(super) fn new(events: &'t [RawEvent<'a>], table_id_bytes: usize) -> Self {
        Statements { events, table_id_bytes }
    }

    /// Whether the next statement is one table map, and one rows event that ends it.
    fn is_short(&self) -> bool {
        self.events.get(1).is_some_and(|second| {
            second.event_type().is_rows() && ends_statement(second, self.table_id_bytes)
        })
    }

    /// Kind of the next statement, and how many events it has; at least one.
    #[inline(never)]
    fn measure(&self) -> Option<(StatementKind, usize)> {
        let first = self.events.first()?;
        if !is_context(first.event_type()) && !first.event_type().is_rows() {
            return Some((single(first), 1));
        }
        let mut rows = false;
        for (index, event) in self.events.iter().enumerate() {
            let event_type = event.event_type();
            // The most frequent first.
            if event_type.is_rows() {
                rows = true;
                if ends_statement(event, self.table_id_bytes) {
                    return Some((StatementKind::Rows { whole: true }, index + 1));
                }
                continue;
            }
            match event_type {
                EventType::TABLE_MAP => rows = true,
                EventType::QUERY | EventType::EXECUTE_LOAD_QUERY if !rows => {
                    // A step of the transaction does not take context events with it.
                    return Some(match single(event) {
                        StatementKind::Query => (StatementKind::Query, index + 1),
                        _ => (StatementKind::Other, index),
                    });
                }
                _ if ends_load(event_type) && !rows => {
                    return Some((StatementKind::Other, index + 1));
                }
                _ if is_context(event_type) => {}
                _ => return Some((unfinished(rows), index)),
            }
        }
        Some((unfinished(rows), self.events.len()))
    }
}

fn unfinished(rows: bool) -> StatementKind {
    if rows { StatementKind::Rows { whole: false } } else { StatementKind::Other }
}

/// How every server begins a transaction.
pub(super) const BEGIN: &[u8] = b"BEGIN";

/// Kind of a statement that is this event alone.
fn single(event: &RawEvent<'_>) -> StatementKind {
    match event.event_type() {
        EventType::QUERY => match event.query_text() {
            Some(BEGIN) => StatementKind::Begin,
            text => match text.map(step) {
                Some(Step::Begin) => StatementKind::Begin,
                Some(Step::Commit | Step::Rollback) => StatementKind::End,
                _ => StatementKind::Query,
            },
        },
        EventType::EXECUTE_LOAD_QUERY => StatementKind::Query,
        EventType::XID | EventType::XA_PREPARE => StatementKind::End,
        event_type if event_type.is_gtid() => StatementKind::Gtid,
        _ => StatementKind::Other,
    }
}

/// Whether an event of this type only prepares the statement that follows.
pub(super) const fn is_context(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::TABLE_MAP
            | EventType::ROWS_QUERY
            | EventType::ANNOTATE_ROWS
            | EventType::INTVAR
            | EventType::RAND
            | EventType::USER_VAR
            | EventType::BEGIN_LOAD_QUERY
            | EventType::CREATE_FILE
            | EventType::APPEND_BLOCK
    )
}

/// Whether an event of this type ends a LOAD DATA as servers before 5.0.3 wrote it: its file was
/// sent before, or given up.
pub(super) fn ends_load(event_type: EventType) -> bool {
    matches!(
        event_type,
        EventType::LOAD | EventType::NEW_LOAD | EventType::EXEC_LOAD | EventType::DELETE_FILE
    )
}

/// STMT_END in the flags of a rows event (`Rows_event::enum_flag`).
pub(super) const STMT_END: u8 = 1;

fn ends_statement(rows: &RawEvent<'_>, table_id_bytes: usize) -> bool {
    rows.body().get(table_id_bytes).is_some_and(|flags| flags & STMT_END != 0)
}

/// What a statement's text means for the transaction around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `BEGIN`, `START TRANSACTION`, `XA START`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`, but not to a savepoint.
    Rollback,
    /// `XA COMMIT` or `XA ROLLBACK` of a transaction that was prepared before.
    XaDecision,
    /// `XA END`, `SAVEPOINT`, `ROLLBACK TO`, `RELEASE`: a step inside.
    Inside,
    /// Anything else.
    Statement,
}

/// Reads a Query event's text. The servers write these steps themselves, always in one form, so
/// comments and odd spaces are no concern.
#[must_use]
pub fn step(text: &[u8]) -> Step {
    let starts = |word: &str| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    let is = |word: &str| text.len() == word.len() && starts(word);
    match text.first().map(u8::to_ascii_uppercase) {
        Some(b'B') if is("BEGIN") => Step::Begin,
        Some(b'C') if is("COMMIT") => Step::Commit,
        Some(b'R') if is("ROLLBACK") => Step::Rollback,
        Some(b'R') if starts("ROLLBACK TO") || starts("RELEASE SAVEPOINT") => Step::Inside,
        Some(b'S') if is("START TRANSACTION") => Step::Begin,
        Some(b'S') if starts("SAVEPOINT ") => Step::Inside,
        Some(b'X') if starts("XA START") || starts("XA BEGIN") => Step::Begin,
        Some(b'X') if starts("XA END") => Step::Inside,
        Some(b'X') if starts("XA COMMIT") || starts("XA ROLLBACK") => Step::XaDecision,
        _ => Step::Statement,
    }
}
