//! Builds an index: pieces are gathered on all threads, and joined in the order of the log.

use std::io::{self, Write};
use std::ops::{ControlFlow, Range};

use super::Index;
use super::file::FileWriter;
use super::identity::Kinship;
use super::joined::Joined;
use super::notes::Notes;
use super::piece::Piece;
use crate::event::format_description::FormatDescription;
use crate::parallel;
use crate::source::log::{FIRST_EVENT, Log};
use crate::transaction::Units;

/// Contents that an index tells apart, at most: records of others say nothing of theirs.
pub(super) const CONTENTS: usize = 1 << 16;

/// Writes the index of `log`, all of which has to be there, to `out`, with what `notes` are taken of it.
/// `before`, an index of the log when it was shorter, is carried on where it can be. `progress` is
/// told stream positions now and then.
///
/// Returns the stream position from which the log was read: that of its first event unless `before` was
/// carried on. The same log gives the same bytes, on any number of threads, carried on or not.
///
/// # Errors
/// What writing says; what was written by then is no index.
pub fn build<N: Notes>(
    log: &Log,
    before: Option<&Index>,
    notes: impl Fn(&FormatDescription) -> N + Sync,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64),
) -> io::Result<u64> {
    let fits = |index: &&Index| {
        index.notes_version() == N::VERSION && index.identity().kinship(log) != Kinship::Other
    };
    let resumed = before.filter(fits);
    let resumed = resumed.and_then(|index| Some((Joined::resumed(index)?, index.resume()?.offset)));
    let gather = |units: &mut Units<'_>| {
        let notes = notes(units.format());
        Piece::of(log, units, notes)
    };
    let mut file = FileWriter::begin(out)?;
    let (mut joined, from) = match resumed {
        Some(((joined, blocks), from)) => {
            file.append(blocks)?;
            (joined, from)
        }
        None => (Joined::default(), FIRST_EVENT),
    };
    let mut digesting = Digesting::<N>::default();
    let mut written = Ok(());
    let take = |range: Range<u64>, piece| {
        progress(range.end);
        written = joined.add(range, piece, &mut file);
        // While other threads gather more.
        digesting.follow(log, &joined);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    parallel::units_in(log, from..log.len(), gather, take);
    written?;
    digesting.follow(log, &joined);
    joined.finish(log, (N::VERSION, &digesting.finish()), file)?;
    Ok(from)
}

/// What the notes of the parts so far say together.
struct Digesting<N: Notes> {
    /// None if each part has to be asked.
    digest: Option<N::Digest>,
    /// How many parts are in it.
    parts: usize,
}

impl<N: Notes> Default for Digesting<N> {
    fn default() -> Self {
        Digesting { digest: Some(N::Digest::default()), parts: 0 }
    }
}

impl<N: Notes> Digesting<N> {
    /// Takes in the parts that are new.
    fn follow(&mut self, log: &Log, joined: &Joined) {
        for part in joined.parts().iter().skip(self.parts) {
            self.digest = self.digest.take().and_then(|mut digest| {
                let noted = joined.noted(part)?;
                N::digest(&mut digest, log, joined.tables(), part, &noted)?;
                Some(digest)
            });
        }
        self.parts = joined.parts().len();
    }

    /// All of it, behind its checksum; nothing if there is none.
    fn finish(self) -> Vec<u8> {
        let Some(digest) = self.digest.and_then(N::digested) else { return vec![] };
        let mut bytes = vec![];
        digest.put(&mut bytes, |table| table);
        let crc = crc32fast::hash(&bytes).to_le_bytes();
        [&crc[..], &bytes].concat()
    }
}
