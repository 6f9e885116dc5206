//! What a search needs to know of a log, noted in its index: the summary of each part as a search
//! without filters makes it, and a digest of all. Where the filters divide the log its parts are asked;
//! a part that they divide, or of which they look at more than times and positions, is read.

use std::io::{self, Write};

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::index::{
    self, Counted, Index, Indexed, Noted, Notes, Part, Short, TableName, Whole,
};
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Statement, Transaction};

use super::Options;
use super::digest::{Digest, Digesting, MANY_ROWS};
use super::packed;
use super::summarise::{Course, Summariser};
use super::summary::{FEWEST_ROWS, Step, Summary};
use crate::select::Filter;

/// Version of the notes: of their form, and of what a search takes for worth a look. An index with
/// notes of another version is built anew.
pub const NOTES_VERSION: u32 = 2;

/// Writes the index of log number `number` of `set` to `out`, with what a search needs to know of it.
/// `before` is carried on where it can be; `progress` is told stream positions now and then.
///
/// Returns the stream position from which the log was read.
///
/// # Errors
/// What writing says.
pub fn index(
    set: &LogSet,
    number: usize,
    before: Option<&Index>,
    out: &mut dyn Write,
    progress: impl FnMut(u64),
) -> io::Result<u64> {
    let log = &set.logs()[number];
    let options = Options::default();
    let course = Course { set, options: &options, index: number, log };
    let notes = |format: &FormatDescription| NoteTaker::new(course, format);
    index::build(log, before, notes, out, progress)
}

/// Takes the notes of a piece of a log.
struct NoteTaker<'a> {
    summariser: Summariser<'a>,
    /// The tables of the summary, by their numbers in the index.
    tables: Vec<u32>,
    /// By number of a table in the index, behind its place in the summary; 0 if it has none.
    places: Vec<usize>,
}

impl<'a> NoteTaker<'a> {
    fn new(course: Course<'a>, format: &FormatDescription) -> Self {
        let summariser = Summariser::new(course, format);
        NoteTaker { summariser, tables: vec![], places: vec![] }
    }

    /// The number in the summary of table `number` of the index, which has these; a new one the first
    /// time.
    #[inline]
    fn place(&mut self, number: usize, tables: &[TableName]) -> usize {
        match self.places.get(number) {
            Some(place) if *place > 0 => place - 1,
            _ => self.add(number, tables),
        }
    }

    #[cold]
    fn add(&mut self, number: usize, tables: &[TableName]) -> usize {
        self.places.resize(tables.len().max(number + 1), 0);
        self.tables.push(number as u32);
        let names = tables.get(number).map(|(database, name)| (&database[..], &name[..]));
        let (database, name) = names.unwrap_or_default();
        let place = self.summariser.add_table(database, name);
        self.places[number] = place + 1;
        place
    }
}

impl Notes for NoteTaker<'_> {
    const VERSION: u32 = NOTES_VERSION;
    type Digest = Digesting;

    fn enter(&mut self, whole: Whole, plain: &Transaction<'_>, format: &FormatDescription) {
        self.summariser.enter(whole, plain, format);
    }

    fn statement(
        &mut self,
        plain: &Transaction<'_>,
        number: usize,
        statement: &Statement<'_, '_>,
        rows: Option<Counted<'_, '_>>,
        format: &FormatDescription,
    ) {
        let Some(Counted { tallies, tables, fault }) = rows else {
            return self.summariser.statement(plain, (number, statement), format);
        };
        for tally in &mut *tallies {
            tally.table = self.place(tally.table, tables);
        }
        self.summariser.rows(plain, (number, statement), tallies, fault);
    }

    fn short(&mut self, whole: Whole, short: Short<'_>) {
        for tally in &mut *short.tallies {
            tally.table = self.place(tally.table, short.tables);
        }
        self.summariser.short(whole, short.id_bytes, short.first, short.tallies);
    }

    fn take(&mut self) -> Option<Noted> {
        let summary = self.summariser.sum_up();
        self.places.clear();
        let tables = std::mem::take(&mut self.tables);
        Some(Noted { tables, bytes: packed::pack(&summary)? })
    }

    fn digest(
        digest: &mut Digesting,
        log: &Log,
        tables: &[TableName],
        part: &Part,
        noted: &Noted,
    ) -> Option<()> {
        digest.add(packed::unpack(noted, tables, part, log.name())?, &noted.tables);
        Some(())
    }

    fn digested(digest: Digesting) -> Option<Noted> {
        digest.pack()
    }
}

/// The digest of a log, as far as the filters go; none if its parts have to be asked.
pub(super) fn digest(course: Course<'_>, indexed: &Indexed<'_>) -> Option<Digest> {
    if course.options.min_rows < MANY_ROWS {
        return None;
    }
    let all = indexed.parts().as_one();
    let selected = selected(course, &all)?;
    let noted = indexed.digest(NOTES_VERSION)?;
    let mut digest = Digest::unpack(&noted, indexed.tables(), &all, course.log.name())?;
    if !selected {
        leave_out(&mut digest.summary);
    }
    Some(digest)
}

/// The summary of a part, as the walk of it would make it; none if it has to be walked.
pub(super) fn summary(course: Course<'_>, indexed: &Indexed<'_>, part: &Part) -> Option<Summary> {
    // What is noted is what may be a candidate where at least so many rows are asked for.
    if course.options.min_rows < FEWEST_ROWS {
        return None;
    }
    let selected = selected(course, part)?;
    let noted = indexed.notes(part, NOTES_VERSION)?;
    let mut summary = packed::unpack(&noted, indexed.tables(), part, course.log.name())?;
    if !selected {
        leave_out(&mut summary);
    }
    Some(summary)
}

/// Makes of a summary that of transactions which the filters do not select.
fn leave_out(summary: &mut Summary) {
    (summary.selected, summary.row_statements, summary.row_texts) = (0, 0, 0);
    summary.transactions.iter_mut().for_each(|place| place.selected = false);
    summary.steps.retain(|step| !matches!(step, Step::Unread(..)));
}

/// Whether the filters select all transactions of a part, or none of them; none if they divide it,
/// or have to look at each.
fn selected(course: Course<'_>, part: &Part) -> Option<bool> {
    let Filter { start_time, stop_time, start_position, stop_position, .. } = course.options.filter;
    let Filter { include_gtids, exclude_gtids, server_ids, contained, .. } = &course.options.filter;
    if include_gtids.is_some()
        || exclude_gtids.is_some()
        || contained.is_some()
        || !server_ids.is_empty()
    {
        return None;
    }
    let (first, last) = (micros(part.first_time), micros(part.last_time));
    let is_last = course.index + 1 == course.set.logs().len();
    let start_position = start_position.filter(|_| course.index == 0);
    let stop_position = stop_position.filter(|_| is_last);
    let sides = [
        start_time.map(|start| (first >= start, last < start)),
        stop_time.map(|stop| (last < stop, first >= stop)),
        start_position.map(|start| (part.start >= start, part.end <= start)),
        stop_position.map(|stop| (part.end <= stop, part.start >= stop)),
    ];
    let mut sides = sides.into_iter().flatten();
    let all = sides.clone().all(|(inside, _)| inside);
    let none = sides.any(|(_, outside)| outside);
    (all || none).then_some(all)
}

fn micros(time: u32) -> i64 {
    i64::from(time) * 1_000_000
}
