//! Ranges of a log that cannot be read, and why.

use std::fmt;
use std::ops::Range;

use crate::error::Fault;
use crate::header::HEADER_BYTES;
use crate::limits;

/// A range of a log that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Stream positions of the first byte lost and of the first byte read again.
    pub range: Range<u64>,
    /// Why.
    pub reason: DamageReason,
}

/// What is wrong with a damaged range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DamageReason {
    /// The log ends inside an event. `in_use` tells the normal end of a log that is being written
    /// from a log that was cut.
    Torn {
        /// Bytes the event needs.
        needed: u64,
        /// Bytes that are there.
        had: u64,
        /// Whether the log says that it was not closed.
        in_use: bool,
    },
    /// The log ends in zeros, as after a crash of the file system.
    ZeroTail,
    /// A length that no event can have.
    Length {
        /// The length claimed, in bytes.
        had: u32,
    },
    /// The CRC-32 over the event is another than the one behind it.
    Checksum {
        /// What stands in the log.
        needed: u32,
        /// What the bytes give.
        had: u32,
    },
    /// An event that must be read for the walk to go on cannot be.
    Unreadable(Fault),
    /// A compressed event, or one in it, that cannot be read.
    Compressed(Fault),
    /// What follows a START_ENCRYPTION event.
    Encrypted,
    /// The log goes on in an archive that breaks off here, or is damaged. How much of it is lost
    /// cannot be told.
    Archive(ArchiveDamage),
    /// The file became shorter while it was read.
    Cut {
        /// Bytes that it had when it was opened.
        needed: u64,
        /// Bytes that it had when that was noticed.
        had: u64,
    },
    /// The disk did not give bytes of the file, which read as zeros instead.
    Unread {
        /// Offset of the first page that could not be had.
        at: u64,
    },
}

impl Damage {
    /// How many bytes are lost, as far as they can be counted.
    #[must_use]
    pub fn bytes_lost(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether this is how a log ends that is being written, or whose server died: an event that
    /// was not written to its end, and never took effect.
    #[must_use]
    pub fn is_unwritten_end(&self) -> bool {
        matches!(self.reason, DamageReason::Torn { in_use: true, .. })
    }
}

impl DamageReason {
    /// Whether the file was another while it was read, so that what was read before may be wrong as
    /// well.
    #[must_use]
    pub fn is_change(&self) -> bool {
        matches!(self, DamageReason::Cut { .. } | DamageReason::Unread { .. })
    }

    /// A short name for programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            DamageReason::Torn { in_use: true, .. } => "torn_tail_in_use",
            DamageReason::Torn { .. } => "torn_tail",
            DamageReason::ZeroTail => "zero_tail",
            DamageReason::Length { .. } => "bad_length",
            DamageReason::Checksum { .. } => "bad_checksum",
            DamageReason::Unreadable(_) => "unreadable",
            DamageReason::Compressed(_) => "bad_compression",
            DamageReason::Encrypted => "encrypted",
            DamageReason::Archive(_) => "damaged_archive",
            DamageReason::Cut { .. } => "cut_while_read",
            DamageReason::Unread { .. } => "disk_error",
        }
    }
}

impl fmt::Display for DamageReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DamageReason::Torn { needed, had, in_use } => {
                write!(f, "the log ends inside an event: needed {needed} bytes, had {had}")?;
                f.write_str(if *in_use { " (the log was not closed)" } else { "" })
            }
            DamageReason::ZeroTail => f.write_str("nothing but zeros to the end"),
            DamageReason::Length { had } => {
                let most = limits::EVENT_BYTES;
                write!(f, "event length: needed {HEADER_BYTES} to {most}, had {had}")
            }
            DamageReason::Checksum { needed, had } => {
                write!(f, "checksum: needed {needed:08x}, had {had:08x}")
            }
            DamageReason::Unreadable(fault) | DamageReason::Compressed(fault) => fault.fmt(f),
            DamageReason::Encrypted => f.write_str("encrypted by MariaDB; the key is needed"),
            DamageReason::Archive(damage) => damage.fmt(f),
            DamageReason::Cut { needed, had } => {
                write!(f, "the file was cut while it was read: needed {needed} bytes, had {had}")
            }
            DamageReason::Unread { at } => {
                write!(f, "the disk did not give the bytes at {at} of the file")
            }
        }
    }
}

/// Why an archive ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveDamage {
    /// Which kind of archive it is.
    pub archive: &'static str,
    /// What its decoder says.
    pub why: String,
}

impl fmt::Display for ArchiveDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} archive cannot be read any further: {}", self.archive, self.why)
    }
}
