//! Many events, a line each: the pieces of every log on all threads, their text in order.
//!
//! ```text
//! log      | Gtid … Xid | Gtid … Xid | Gtid … Xid |        pieces, each made into text ahead
//! guessed  | session and definitions, as they are so far   |
//! output   | in order; what was guessed wrong is made once more
//! ```
//! What a piece says may depend on what is before it: a text beside the rows on the session of the
//! last Query, the names of columns on the statements that define tables. Both change seldom. So a
//! piece is made with those of the moment, and once more in its turn if they are others by then. A
//! piece that defines tables itself is listed in its turn.

mod line;
mod lister;

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};

use binlog_parser::parallel;
use binlog_parser::scan::Scan;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::source::relay::SourceTracker;

use crate::args::event_filter::EventFilter;
use crate::args::output::{Format, Output};
use crate::args::time::Zone;
use crate::definitions::Definitions;
use crate::describe::{Describer, Session};
use crate::lines::Lines;
use crate::ui::{Paint, Progress, Ui};
use line::Columns;
use lister::{Job, Lister, Memory};

/// How events are listed.
#[derive(Debug)]
pub struct Style {
    /// Text or JSON.
    pub format: Format,
    /// Zone of times.
    pub zone: Zone,
    /// Characters of a line that are shown.
    pub width: Option<usize>,
    /// Characters of a value of a row that are shown.
    pub value_width: Option<usize>,
    /// Colours.
    pub paint: Paint,
    /// Whether passwords are shown.
    pub reveal: bool,
    /// Whether rows are shown.
    pub rows: bool,
}

/// What there is to say beside the lines.
struct Told {
    message: String,
    /// Whether evidence is damaged.
    damaged: bool,
}

/// A listing under way.
pub struct Listing<'u> {
    ui: &'u Ui,
    style: &'u Style,
    filter: &'u EventFilter,
    /// What names the columns of rows, and tells how long values are where maps do not.
    definitions: Option<&'u Definitions>,
    out: &'u mut Output,
    progress: Progress,
    /// Bytes of the logs before this one.
    read: u64,
    /// Whether something could not be read.
    pub damaged: bool,
}

/// What a thread needs to know of the pieces before its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// The session of the last Query; none if there was none.
    session: Option<Session>,
    /// Version of the definitions.
    definitions: u64,
}

/// A piece that was made into text ahead.
struct Made<'l> {
    memory: Memory<'l>,
    told: Vec<Told>,
    known: Known,
    /// Whether the text depends on the session before it.
    relied: bool,
    /// The session behind it, if it tells one.
    session: Option<Session>,
    /// Where it ends.
    end: u64,
    goes_on: bool,
}

/// Bytes of a log that are made into text at a time, about: little enough for what is made of them
/// to stay in the caches, and for the first of it to be there at once.
const PIECE_BYTES: u64 = 256 << 10;

impl<'u> Listing<'u> {
    /// A listing of logs of so many bytes.
    #[must_use]
    pub fn new(
        ui: &'u Ui,
        style: &'u Style,
        filter: &'u EventFilter,
        definitions: Option<&'u Definitions>,
        (bytes, out): (u64, &'u mut Output),
    ) -> Self {
        let progress = ui.progress(bytes);
        Listing { ui, style, filter, definitions, out, progress, read: 0, damaged: false }
    }

    /// Lists what is in some ranges of log number `index`, each of which begins and ends where
    /// transactions begin.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn log(&mut self, index: usize, log: &Log, ranges: Vec<Range<u64>>) -> io::Result<()> {
        let columns = Columns::of(log, self.style.width);
        if self.style.format == Format::Text {
            columns.head(self.out, self.style.paint)?;
        }
        let Listing { style, filter, definitions, .. } = *self;
        let job = Job { index, log, filter, style, columns: &columns, definitions };
        let session = Mutex::new(None);
        for range in ranges {
            if !self.range(job, range, &session)? {
                break;
            }
        }
        self.read += log.len();
        Ok(())
    }

    /// Lists what is in a range; false if nothing behind it is wanted.
    fn range<'a>(
        &mut self,
        job: Job<'_, 'a>,
        range: Range<u64>,
        session: &Mutex<Option<Session>>,
    ) -> io::Result<bool> {
        let definitions = job.definitions;
        let version = || definitions.map_or(0, Definitions::version);
        let spare = Mutex::new(vec![]);
        let ahead = |scan: &mut Scan<'a>| {
            let known = Known { session: *lock(session), definitions: version() };
            let memory = lock(&spare).pop().unwrap_or_else(|| Memory::new(definitions));
            make(job, known, memory, scan)
        };
        let mut result = Ok(true);
        parallel::events(job.log, range, PIECE_BYTES, ahead, |made, scan| {
            let now = Known { session: *lock(session), definitions: version() };
            let made = made.filter(|made| made.holds(now));
            let listed = match made {
                Some(made) => self.add(made),
                None => self.in_turn(job, now.session, scan),
            };
            result = listed.map(|Listed { goes_on, session: told, memory }| {
                lock(&spare).extend(memory);
                if told.is_some() {
                    *lock(session) = told;
                }
                goes_on
            });
            match result {
                Ok(true) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        result
    }

    /// Passes over log number `index`, of which no event is wanted.
    pub fn pass(&mut self, set: &LogSet, index: usize) {
        if let Some(definitions) = self.definitions {
            definitions.read(set, index, set.logs()[index].len());
        }
        self.read += set.logs()[index].len();
    }

    /// Writes a piece that was made ahead.
    fn add<'l>(&mut self, made: Made<'l>) -> io::Result<Listed<'l>> {
        let Made { memory, told, session, end, goes_on, .. } = made;
        for Told { message, damaged } in told {
            self.damaged |= damaged;
            self.progress.aside(|| self.ui.warn(message));
        }
        self.out.write_all(&memory.bytes)?;
        self.out.flush()?;
        self.progress.at(self.read + end);
        Ok(Listed { goes_on, session, memory: Some(memory) })
    }

    /// Lists a piece as it comes.
    fn in_turn<'a>(
        &mut self,
        job: Job<'_, 'a>,
        session: Option<Session>,
        scan: &mut Scan<'a>,
    ) -> io::Result<Listed<'static>> {
        let mut describer = describer(job, session);
        let (ui, progress, read) = (self.ui, &self.progress, self.read);
        let damaged = &mut self.damaged;
        let mut tell = |told: Told| {
            *damaged |= told.damaged;
            progress.aside(|| ui.warn(told.message));
        };
        let memory = Memory::new(job.definitions);
        let mut lister = Lister::new(job, memory, Lines::to(self.out), &mut tell);
        let goes_on = lister.list(scan, &mut describer, &mut |end| progress.at(read + end))?;
        lister.lines.flush()?;
        self.out.flush()?;
        Ok(Listed { goes_on, session: describer.session(), memory: None })
    }
}

/// What comes of a piece that was listed.
struct Listed<'l> {
    goes_on: bool,
    session: Option<Session>,
    /// For the next piece.
    memory: Option<Memory<'l>>,
}

impl Made<'_> {
    /// Whether what was made is right, this being known by now.
    fn holds(&self, now: Known) -> bool {
        self.known.definitions == now.definitions
            && (!self.relied || self.known.session == now.session)
    }
}

/// Makes a piece into text ahead of its turn; none if it has to wait for that.
fn make<'l, 'a>(
    job: Job<'l, 'a>,
    known: Known,
    mut memory: Memory<'l>,
    scan: &mut Scan<'a>,
) -> Option<Made<'l>> {
    let mut describer = describer(job, known.session);
    let mut told = vec![];
    let mut tell = |what| told.push(what);
    let lines = Lines::ahead(std::mem::take(&mut memory.bytes));
    let mut lister = Lister::new(job, memory, lines, &mut tell);
    let goes_on = lister.list(scan, &mut describer, &mut |_| {}).ok()?;
    let Lister { mut memory, lines, .. } = lister;
    memory.bytes = lines.bytes;
    let (relied, session) = (describer.relied(), describer.session());
    Some(Made { memory, told, known, relied, session, end: scan.offset(), goes_on })
}

/// What describes the events of a piece.
fn describer<'a>(job: Job<'_, 'a>, session: Option<Session>) -> Describer<'a> {
    let mut describer = Describer::new(job.index, job.log.format(), job.style.reveal);
    if let Some(session) = session {
        describer.assume(session);
    }
    if job.log.is_relay_log() {
        // Such a log is one piece.
        describer.follow_source(SourceTracker::default());
    }
    describer
}

/// What is behind a lock is whole always.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
