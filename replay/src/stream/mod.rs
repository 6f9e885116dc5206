//! Exact replay: the stream that gives a server the data, GTIDs and session effects of the logs.
//!
//! ```text
//! check     can everything that is selected be replayed exactly? else refuse, before a byte is out
//!   reached     whether the logs reach the end that is asked for
//!   size        what does not fit the packets that the server takes
//! pieces    the pieces of every log on several threads, put together in order
//!   gaps        what is missing between two logs
//!   hollow_xa   XA transactions that changed nothing
//! cut       how far the stream goes into the transaction that it ends in
//! writer    transactions one after another: what goes into the stream, and where it ends
//!   session     the session variables of a statement, as differences
//!   rows        the events of a statement of rows: filtered, rewritten, cut to packets
//!   text        a statement of text: the client's charset, and what it forwards unchanged
//!   context     what it takes from the events before it; user_var: variables, bit by bit
//!   load        LOAD DATA and its file; load_folder: where the files are
//!   packet      as few packets as possible
//! overlap   later transactions that touch the rows of skipped ones
//! manifest  what was written, and what the client and the server need for it; named: addresses in it
//!   privileges  by the statements that were written
//! ```

mod check;
mod context;
mod cut;
mod edit;
pub(crate) mod gaps;
mod gtid;
mod hollow_xa;
mod load;
mod load_folder;
mod manifest;
mod named;
mod overlap;
pub(crate) mod packet;
mod pieces;
mod privileges;
mod query;
pub(crate) mod reached;
mod rows;
mod session;
mod size;
mod statement;
mod text;
mod undetermined;
mod user_var;
mod writer;

use std::cmp::Ordering;
use std::io::Write;
use std::path::PathBuf;

pub use binlog_parser::parallel::PIECE_BYTES;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::{Ending, Transaction};

use crate::error::Result;
use crate::select::{Filter, Selected, Target};

pub use cut::{Cut, Partial};
pub(crate) use cut::{Part, Reach};
pub use manifest::{Lost, Manifest};
pub use overlap::{Overlap, Overlaps};
pub use packet::{DELIMITER, encode, encoded_len};
pub use privileges::Privileges;
pub use size::LARGEST_PACKET;

/// What to write, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which transactions and statements.
    pub filter: Filter,
    /// Ends before the transaction, or inside of one before the statement, of this target.
    pub stop_before: Option<Target>,
    /// Ends after the transaction, or inside of one after the statement, of this target.
    pub stop_after: Option<Target>,
    /// What becomes of the statements before a cut inside their transaction.
    pub partial: Partial,
    /// Transactions that are left out; their GTIDs are consumed.
    pub skip: Vec<Target>,
    /// Leaves GTIDs out: the server gives its own.
    pub skip_gtids: bool,
    /// Keeps the replay out of the server's own binary log.
    pub disable_log_bin: bool,
    /// Takes rows that are there or gone already for done.
    pub idempotent: bool,
    /// Databases and the names that they get instead.
    pub rewrite_db: Vec<(Vec<u8>, Vec<u8>)>,
    /// Goes on where transactions are missing between two logs.
    pub accept_gaps: bool,
    /// Goes on behind damage, without the transactions that it hits.
    pub accept_damage: bool,
    /// A character set for `SET NAMES` at the start.
    pub set_charset: Option<String>,
    /// Replays statements whose effect the log does not determine, such as those that ask for
    /// UUID(); they are refused otherwise.
    pub accept_undetermined: bool,
    /// A folder that is not there yet, for the files of LOAD DATA statements; one of a random name
    /// among the machine's temporary files if none is given.
    pub load_folder: Option<PathBuf>,
    /// Most bytes that a packet should have. One event is never divided.
    pub packet_bytes: usize,
    /// `max_allowed_packet` of the client and the server, in bytes; 0 means the most there can be.
    pub max_allowed_packet: u64,
    /// Bytes of a log that a thread writes at a time, with the session set anew; 0 means
    /// [`PIECE_BYTES`].
    pub piece_bytes: u64,
}

/// What a packet has unless told otherwise, in bytes: far below what any server or client refuses,
/// and far above what makes a round trip matter.
pub const PACKET_BYTES: usize = 4 << 20;

/// `max_allowed_packet` unless told otherwise, in bytes: what MySQL has by default.
pub const MAX_ALLOWED_PACKET: u64 = 64 << 20;

/// Writes the stream. `progress` is told now and then how many bytes of the logs are done.
///
/// # Errors
/// [`crate::Error::Refused`] before anything is written if something selected cannot be replayed
/// exactly; what the output says; a log that cannot be read, or that was cut while it was. Damage
/// ends the stream before the transaction that it hits, unless it is accepted, and stands in the
/// manifest.
pub fn replay(
    set: &LogSet,
    options: &Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest> {
    set.open_indexes(0..set.logs().len());
    check::check(set, options)?;
    let overlaps = overlap::find(set, options)?;
    let manifest = pieces::write(set, options, out, progress)?;
    Ok(Manifest { overlaps, ..manifest })
}

impl Options {
    fn piece_bytes(&self) -> u64 {
        if self.piece_bytes == 0 { PIECE_BYTES } else { self.piece_bytes }
    }

    /// Whether missing transactions between two logs end nothing.
    pub(crate) fn goes_on_behind_gaps(&self) -> bool {
        self.accept_gaps || self.accept_damage
    }

    /// Whether the stream ends before the unit that starts at `start` of log number `log`.
    pub(crate) fn ends_before(&self, log: usize, start: u64) -> bool {
        let at = (log, start);
        self.stop_before.as_ref().is_some_and(|target| at >= (target.log, target.start))
            || self.stop_after.as_ref().is_some_and(|target| at > (target.log, target.start))
    }

    /// Whether a transaction of log number `log` is compressed, and has to be opened because its
    /// statements are looked at.
    fn opens(&self, set: &LogSet, log: usize, transaction: &Transaction<'_>) -> Result<bool> {
        if !transaction.is_compressed() {
            return Ok(false);
        }
        let at = (log, transaction.start());
        let behind = |target: &Target| match at.cmp(&(target.log, target.start)) {
            Ordering::Less => false,
            Ordering::Equal => !target.is_inside(),
            Ordering::Greater => true,
        };
        let whole = !matches!(transaction.ending, Ending::Open | Ending::Headless);
        Ok(whole
            && !self.stop_before.as_ref().is_some_and(behind)
            && self.stop_after.as_ref().is_none_or(|target| at <= (target.log, target.start))
            && !self.skip.iter().any(|target| target.is(log, transaction))
            && self.filter.selects(set, log, transaction)? == Selected::Yes)
    }

    /// The name that a database gets.
    fn rewritten<'n>(&'n self, database: &'n [u8]) -> &'n [u8] {
        let rule = self.rewrite_db.iter().find(|(from, _)| from == database);
        rule.map_or(database, |(_, to)| to)
    }
}
