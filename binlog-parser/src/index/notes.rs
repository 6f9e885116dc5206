//! What somebody else wants to find again without reading the log, noted while it is indexed.
//!
//! The index keeps it, part by part, and knows nothing of what it says: who notes it gives it a
//! version, and asks for it by that. From the notes of all parts it may make a digest, so that whoever
//! wants to know of the whole log need not ask each part.

use super::content::TableName;
use super::pack::{Taker, put};
use super::part::Part;
use crate::error::Fault;
use crate::event::format_description::FormatDescription;
use crate::source::log::Log;
use crate::transaction::counting::{CountFault, Tally};
use crate::transaction::{Ending, Statement, Transaction};

/// What was noted of a part of a log, or of all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Noted {
    /// The tables that it speaks of, by their numbers; [`Noted::bytes`] may name them by their
    /// places in this list. The index gives them its own numbers.
    pub tables: Vec<u32>,
    /// All else, in whatever form.
    pub bytes: Vec<u8>,
}

impl Noted {
    /// Appends it, its tables by the numbers that they have in the index.
    pub(super) fn put(&self, out: &mut Vec<u8>, number: impl Fn(u32) -> u32) {
        put(out, self.tables.len() as u64);
        self.tables.iter().for_each(|table| put(out, u64::from(number(*table))));
        out.extend(&self.bytes);
    }

    /// Takes what [`Noted::put`] appended, in an index of so many tables.
    pub(super) fn take(bytes: &[u8], tables: usize) -> Result<Self, Fault> {
        let mut taker = Taker::new("notes of the index", bytes);
        let mut noted = Noted::default();
        for _ in 0..taker.count()? {
            let table = taker.short()?;
            if table as usize >= tables {
                return Err(taker.wrong("a table of the index", table));
            }
            noted.tables.push(table);
        }
        noted.bytes = taker.rest().to_vec();
        Ok(noted)
    }
}

/// A transaction as it stands in its log, compressed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// Stream positions of its first byte, and of the byte behind its last event.
    pub range: (u64, u64),
    /// How it ends.
    pub ending: Ending,
}

impl Whole {
    /// Where `transaction` stands.
    #[must_use]
    pub fn of(transaction: &Transaction<'_>) -> Self {
        let range = (transaction.start(), transaction.end());
        Whole { range, ending: transaction.ending }
    }
}

/// What a statement of rows did, as far as it could be read.
#[derive(Debug)]
pub struct Counted<'c, 'e> {
    /// Rows by table and kind. Whoever takes notes may give the tables numbers of its own.
    pub tallies: &'c mut [Tally],
    /// The tables, by the numbers that tallies have.
    pub tables: &'c [TableName],
    /// What could not be read, if not all could.
    pub fault: Option<CountFault<'e>>,
}

/// A transaction that ends in an Xid event, and of which only is to be known what its statements did:
/// each is one of rows, of one table.
#[derive(Debug)]
pub struct Short<'s> {
    /// Bytes of the table ids in its events.
    pub id_bytes: usize,
    /// Number of the first statement among all of the transaction.
    pub first: usize,
    /// What each statement did, as [`Counted::tallies`].
    pub tallies: &'s mut [Tally],
    /// The tables, by the numbers that tallies have.
    pub tables: &'s [TableName],
}

/// Takes notes of a run of transactions, with nothing known of those before.
pub trait Notes {
    /// Version of the notes; never 0.
    const VERSION: u32;

    /// What the notes of the parts so far say together.
    type Digest: Default;

    /// The next transaction, in which everything is `plain`.
    fn enter(&mut self, whole: Whole, plain: &Transaction<'_>, format: &FormatDescription);

    /// The next of its statements that may be noted: one of text or of rows, or one that is neither.
    /// `number` counts all of them from 0; `rows` of a statement of rows.
    fn statement(
        &mut self,
        plain: &Transaction<'_>,
        number: usize,
        statement: &Statement<'_, '_>,
        rows: Option<Counted<'_, '_>>,
        format: &FormatDescription,
    );

    /// The next transaction, with all its statements.
    fn short(&mut self, whole: Whole, short: Short<'_>);

    /// What was noted since this was asked last; none if the log itself has to be read there.
    fn take(&mut self) -> Option<Noted>;

    /// Takes what was noted of the next part of `log` into what the notes of all parts say together, its
    /// tables by the numbers that they have in `tables`; none if each part has to be asked.
    fn digest(
        digest: &mut Self::Digest,
        log: &Log,
        tables: &[TableName],
        part: &Part,
        noted: &Noted,
    ) -> Option<()>;

    /// What the notes of all parts say together; none if each part has to be asked.
    fn digested(digest: Self::Digest) -> Option<Noted>;
}

/// Takes no notes.
impl Notes for () {
    const VERSION: u32 = u32::MAX;
    type Digest = ();

    fn enter(&mut self, _: Whole, _: &Transaction<'_>, _: &FormatDescription) {}

    fn statement(
        &mut self,
        _: &Transaction<'_>,
        _: usize,
        _: &Statement<'_, '_>,
        _: Option<Counted<'_, '_>>,
        _: &FormatDescription,
    ) {
    }

    fn short(&mut self, _: Whole, _: Short<'_>) {}

    fn take(&mut self) -> Option<Noted> {
        None
    }

    fn digest(_: &mut (), _: &Log, _: &[TableName], _: &Part, _: &Noted) -> Option<()> {
        None
    }

    fn digested((): ()) -> Option<Noted> {
        None
    }
}
