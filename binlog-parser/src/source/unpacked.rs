//! What is to be said of a log that was packed, when all of it is unpacked.

use crate::damage::ArchiveDamage;

/// The archive that a log was unpacked from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// Name of the tool that makes this kind: gzip, zstd, xz, bzip2, lz4.
    pub kind: &'static str,
    /// Bytes of it that were read.
    pub packed_bytes: u64,
}

/// What is to be said of an archive when all of it is unpacked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unpacked {
    /// What it was, if it was packed.
    pub archive: Option<Archive>,
    /// What keeps it from being read to its end.
    pub damage: Option<ArchiveDamage>,
}
