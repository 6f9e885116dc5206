//! Events that must differ from what stands in the log: another flag, another database.

use std::borrow::Cow;

use binlog_parser::Fault;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::scan::RawEvent;

use crate::seal::seal;

/// An event with a checksum of so many bytes, 4 or 0.
#[must_use]
pub(super) fn with_checksum<'a>(event: &RawEvent<'a>, checksum_bytes: usize) -> Cow<'a, [u8]> {
    if event.checksum_bytes() == checksum_bytes {
        return Cow::Borrowed(event.bytes());
    }
    Cow::Owned(resealed(event.bytes().to_vec(), event.checksum_bytes(), checksum_bytes))
}

/// The flags of a rows event; none if it is too short to have some.
#[must_use]
pub(super) fn row_flags(rows: &RawEvent<'_>, table_id_bytes: usize) -> u16 {
    let flags = rows.body().get(table_id_bytes..table_id_bytes + 2);
    flags.map_or(0, |flags| u16::from_le_bytes([flags[0], flags[1]]))
}

/// A rows event with these flags set beside its own, and a checksum of so many bytes.
#[must_use]
pub(super) fn with_row_flags<'a>(
    rows: &RawEvent<'a>,
    table_id_bytes: usize,
    checksum_bytes: usize,
    flags: u16,
) -> Cow<'a, [u8]> {
    let had = row_flags(rows, table_id_bytes);
    if had & flags == flags {
        return with_checksum(rows, checksum_bytes);
    }
    let place = rows.bytes().len() - rows.checksum_bytes() - rows.body().len() + table_id_bytes;
    let mut bytes = rows.bytes().to_vec();
    if let Some(field) = bytes.get_mut(place..place + 2) {
        field.copy_from_slice(&(had | flags).to_le_bytes());
    }
    Cow::Owned(resealed(bytes, rows.checksum_bytes(), checksum_bytes))
}

/// A table map that names another database, with a checksum of so many bytes.
///
/// # Errors
/// A [`Fault`] if the map cannot be read.
pub fn with_database(
    map: &RawEvent<'_>,
    table_id_bytes: usize,
    checksum_bytes: usize,
    database: &[u8],
) -> Result<Vec<u8>, Fault> {
    let old = TableMapEvent::parse(map.body(), table_id_bytes)?.database;
    let header = map.bytes().len() - map.checksum_bytes() - map.body().len();
    // The name's length is one byte: it is a length-encoded integer, and names are short.
    let name = header + table_id_bytes + 2;
    let Ok(length) = u8::try_from(database.len()) else {
        return Err(Fault::limit("database name", u64::from(u8::MAX), database.len() as u64));
    };
    let (Some(before), Some(after)) =
        (map.bytes().get(..name), map.bytes().get(name + 1 + old.len()..))
    else {
        return Err(Fault::short("database name", old.len() as u64, map.body().len() as u64));
    };
    let mut bytes = before.to_vec();
    bytes.push(length);
    bytes.extend(database);
    bytes.extend(after);
    Ok(resealed(bytes, map.checksum_bytes(), checksum_bytes))
}

/// Gives changed bytes of an event, which had a checksum of `had` bytes, the length and the checksum
/// that belong to them.
fn resealed(mut bytes: Vec<u8>, had: usize, checksum_bytes: usize) -> Vec<u8> {
    bytes.truncate(bytes.len().saturating_sub(had));
    seal(&mut bytes, 0, checksum_bytes);
    bytes
}
