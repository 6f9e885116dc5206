//! The checksums of events.

use crate::damage::DamageReason;
use crate::event::format_description::{ChecksumAlgorithm, FormatDescription};
use crate::header::flags;

/// Compares the checksum of any event but a format description.
#[inline]
pub(super) fn verify_checksum(
    event: &[u8],
    algorithm: ChecksumAlgorithm,
    crc: &crc32fast::Hasher,
) -> Result<(), DamageReason> {
    if algorithm != ChecksumAlgorithm::Crc32 {
        return Ok(());
    }
    checksums(event, crc).map_or(Ok(()), |(needed, had)| compare(needed, had))
}

/// Whether an event is what its checksum is of, which stands in its last four bytes. `crc` is one of
/// nothing.
#[inline(always)]
pub(super) fn is_right(event: &[u8], crc: &crc32fast::Hasher) -> bool {
    checksums(event, crc).is_none_or(|(needed, had)| needed == had)
}

/// The checksum that stands in an event, and the one that it has; none if it is too short for one.
#[inline(always)]
fn checksums(event: &[u8], crc: &crc32fast::Hasher) -> Option<(u32, u32)> {
    let (checked, needed) = event.split_last_chunk::<4>()?;
    let mut crc = crc.clone();
    crc.update(checked);
    Some((u32::from_le_bytes(*needed), crc.finalize()))
}

/// Reads a format description and compares its checksum, which is computed as if the log was closed.
pub(super) fn verified_format(event: &[u8]) -> Result<FormatDescription, DamageReason> {
    let format = FormatDescription::parse(event).map_err(DamageReason::Unreadable)?;
    if format.checksum != ChecksumAlgorithm::Crc32 {
        return Ok(format);
    }
    let Some((checked, needed)) = event.split_last_chunk::<4>() else { return Ok(format) };
    let Some((before, [low, after @ ..])) = checked.split_at_checked(FLAGS_OFFSET) else {
        return Ok(format);
    };
    let mut crc = crc32fast::Hasher::new();
    crc.update(before);
    crc.update(&[low & !(flags::BINLOG_IN_USE as u8)]);
    crc.update(after);
    compare(u32::from_le_bytes(*needed), crc.finalize()).map(|()| format)
}

/// Where the low byte of the flags stands in a header.
pub(super) const FLAGS_OFFSET: usize = 17;

fn compare(needed: u32, had: u32) -> Result<(), DamageReason> {
    if needed == had { Ok(()) } else { Err(DamageReason::Checksum { needed, had }) }
}
