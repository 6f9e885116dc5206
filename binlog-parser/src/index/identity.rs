//! Which log an index belongs to: its size, and a hash of both its ends.

use sha2::{Digest, Sha256};

use super::pack::Taker;
use crate::error::Fault;
use crate::header::HEADER_BYTES;
use crate::source::ends::ends;
use crate::source::log::{Log, MAGIC};

/// Where the flags stand in the header of the format description, which the server clears one of
/// when it closes the log.
const FLAGS: usize = MAGIC.len() + HEADER_BYTES - 2;

/// Bytes of the flags.
const FLAG_BYTES: usize = 2;

type Hash = [u8; 16];

/// A log, known again by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Bytes of the plain log.
    pub bytes: u64,
    head: Hash,
    tail: Hash,
}

/// How a log stands to the identity that an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinship {
    /// It is the log.
    Same,
    /// It is the log, and has grown since.
    Grown,
    /// It is another, or was changed.
    Other,
}

impl Identity {
    /// The identity of `log`, all of which has to be there.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        Identity::of_ends(log.len(), log.ends())
    }

    /// The identity of a log of so many bytes, of which these are the first and the last.
    fn of_ends(bytes: u64, [head, tail]: [&[u8]; 2]) -> Self {
        let (before, flags) = head.split_at(FLAGS.min(head.len()));
        let (flags, behind) = flags.split_at(FLAG_BYTES.min(flags.len()));
        let no_flags = [0; FLAG_BYTES];
        let no_flags = no_flags.get(..flags.len()).unwrap_or_default();
        // In a short log they are in the tail as well.
        let before_tail = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(tail.len());
        let flags_end = (FLAGS + FLAG_BYTES).saturating_sub(before_tail);
        let tail = tail.get(flags_end..).unwrap_or_default();
        Identity { bytes, head: hash([before, no_flags, behind]), tail: hash([tail]) }
    }

    /// How `log` stands to this identity.
    #[must_use]
    pub fn kinship(&self, log: &Log) -> Kinship {
        if self.bytes == log.len() {
            return if Identity::of(log) == *self { Kinship::Same } else { Kinship::Other };
        }
        let had = usize::try_from(self.bytes).ok().and_then(|had| log.bytes().get(..had));
        match had.map(|had| Identity::of_ends(self.bytes, ends(had))) {
            Some(had) if had == *self => Kinship::Grown,
            _ => Kinship::Other,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes.to_le_bytes());
        out.extend(self.head);
        out.extend(self.tail);
    }

    pub(super) fn take(taker: &mut Taker<'_>) -> Result<Self, Fault> {
        let bytes = u64::from_le_bytes(taker.array()?);
        Ok(Identity { bytes, head: taker.array()?, tail: taker.array()? })
    }
}

fn hash<const N: usize>(parts: [&[u8]; N]) -> Hash {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    let mut short = Hash::default();
    short.iter_mut().zip(digest.finalize()).for_each(|(to, from)| *to = from);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::LogBuilder;

    #[test]
    fn a_log_is_known_when_it_has_grown_and_when_it_is_closed() {
        let short = LogBuilder::new("9.7.1").query("DROP TABLE t");
        let long = short.clone().query(&"x".repeat(10_000));
        for before in [short, long] {
            let identity = Identity::of(&before.open());
            assert_eq!(identity.kinship(&before.open()), Kinship::Same);
            assert_eq!(identity.kinship(&before.clone().query("DO 1").open()), Kinship::Grown);
            let mut closed = before.build();
            closed[FLAGS] ^= 1;
            let of_bytes = |bytes: &[u8]| Identity::of_ends(bytes.len() as u64, ends(bytes));
            assert_eq!(of_bytes(&closed), identity);
            let mut changed = before.build();
            *changed.last_mut().unwrap() ^= 1;
            assert_ne!(of_bytes(&changed), identity);
            let other = LogBuilder::new("9.7.1").query("DROP TABLE u");
            assert_eq!(identity.kinship(&other.open()), Kinship::Other);
        }
    }
}
