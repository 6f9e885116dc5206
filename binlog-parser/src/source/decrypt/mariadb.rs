//! MariaDB's encrypted logs: the format description and START_ENCRYPTION are plain, every event
//! behind them is encrypted by itself and in place (`Log_event_writer::encrypt_and_write` and
//! `Log_event::read_log_event` in `log_event*.cc`).
//!
//! An event's length stands plain at its own place, so that the events can be told apart. The log
//! does not say whether the server chained blocks by CBC or CTR, and nothing says whether the key
//! is right but the events themselves: their checksums, or without checksums their end positions.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use super::aes::{Aes, Mode};
use super::event::{EncryptedEvents, Verdict};
use super::key_file::KeyFile;
use super::{Encryption, map, no_room, plain_file};
use crate::error::{Location, Result};
use crate::event::format_description::{ChecksumAlgorithm, FormatDescription};
use crate::event::start_encryption::StartEncryptionEvent;
use crate::header::{EventHeader, EventType, Family, flags};
use crate::limits;
use crate::source::magic::{FIRST_EVENT, MAGIC};
use crate::source::mmap::MappedFile;

/// Number of the key that the server encrypts its logs with (`ENCRYPTION_KEY_SYSTEM_DATA`).
const KEY_ID: u32 = 1;

/// What the plain start of an encrypted log says.
pub(super) struct Start {
    event: StartEncryptionEvent,
    /// Where encryption begins.
    end: usize,
    checksum: ChecksumAlgorithm,
    relay_log: bool,
}

/// What stands before the encrypted events; none if the log is not encrypted, or its start cannot
/// be read, which is for the scan to say.
///
/// # Errors
/// A located fault if the log is encrypted in a way that is not known.
pub(super) fn start(bytes: &[u8], name: &str) -> Result<Option<Start>> {
    let Some((format, header, second)) = first_events(bytes) else { return Ok(None) };
    let length = second.len();
    let checked = length.checked_sub(format.checksum.bytes());
    let Some(body) = checked.and_then(|end| {
        let is_whole = match format.checksum {
            ChecksumAlgorithm::Crc32 => {
                let stored = second.get(end..)?.first_chunk().copied()?;
                u32::from_le_bytes(stored) == crc32fast::hash(&second[..end])
            }
            ChecksumAlgorithm::Off | ChecksumAlgorithm::Undefined => true,
        };
        second.get(usize::from(format.common_header_length)..end).filter(|_| is_whole)
    }) else {
        return Ok(None);
    };
    let offset = FIRST_EVENT + u64::from(header.event_length);
    let event = StartEncryptionEvent::parse(body).map_err(|fault| {
        fault.at(Location::new(&name.into(), offset).of(EventType::START_ENCRYPTION.name()))
    })?;
    Ok(Some(Start {
        event,
        end: offset as usize + length,
        checksum: format.checksum,
        relay_log: header.has(flags::RELAY_LOG),
    }))
}

/// The format description with its header, and the event behind it if that is a whole
/// START_ENCRYPTION.
fn first_events(bytes: &[u8]) -> Option<(FormatDescription, EventHeader, &[u8])> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let header = EventHeader::parse(rest).ok()?;
    let (first, rest) = rest.split_at_checked(header.event_length as usize)?;
    let format = FormatDescription::parse(first).ok()?;
    let second = EventHeader::parse(rest).ok()?;
    if second.event_type != EventType::START_ENCRYPTION {
        return None;
    }
    Some((format, header, rest.get(..second.event_length as usize)?))
}

/// Makes the log plain.
///
/// # Errors
/// As [`super::plain`].
pub(super) fn decrypt(
    bytes: &[u8],
    start: &Start,
    path: &Path,
    key_file: Option<&KeyFile>,
) -> Result<(MappedFile, Encryption)> {
    let mut encryption = Encryption {
        by: Family::Mariadb,
        key_id: KEY_ID.to_string(),
        key_version: Some(start.event.key_version),
        cipher: "AES".into(),
    };
    let Some(key_file) = key_file else {
        return Err(encryption.error(path, "no key file was given"));
    };
    let Some(aes) = key_file.key(KEY_ID).and_then(Aes::new) else {
        return Err(encryption.error(path, "the key file does not hold key id 1"));
    };
    let nonce = start.event.nonce;
    let mut events = EncryptedEvents {
        bytes,
        nonce,
        aes: &aes,
        checksum: start.checksum,
        relay_log: start.relay_log,
    };
    encryption.cipher = aes.name().into();
    let mode = match find_mode(&events, start.end) {
        Search::Found(mode) => {
            encryption.cipher = format!("{}-{}", aes.name(), mode.name());
            Some(mode)
        }
        Search::NoEvent => None,
        Search::NoneProven => {
            let why = "the key file's key is another: no event comes out whole";
            return Err(encryption.error(path, why));
        }
    };
    let mut out = plain_file(path)?;
    let written = match mode {
        Some(mode) => write_plain(&mut events, start.end, mode, &mut out),
        // Less than an event is behind the start; the scan names what it is.
        None => out.write_all(bytes),
    };
    written.map_err(|e| no_room(path, e))?;
    Ok((map(out, path)?, encryption))
}

/// What the events say about the mode.
enum Search {
    Found(Mode),
    /// No event is there to tell.
    NoEvent,
    /// Events are there, and no mode makes one of them whole.
    NoneProven,
}

/// Finds the mode that makes an event whole: the first, or one behind it where that is damaged.
fn find_mode(events: &EncryptedEvents<'_>, start: usize) -> Search {
    let (mut at, mut seen) = (start, false);
    while let Some(length) = events.length(at) {
        let proven = |mode: &Mode| events.probe(at, *mode) == Some(Verdict::Proven);
        if let Some(mode) = Mode::ALL.into_iter().find(proven) {
            return Search::Found(mode);
        }
        seen = true;
        at += length;
    }
    // One lying length is enough to lose the chain of them.
    let stop = start.saturating_add(limits::KEY_PROOF_BYTES);
    let behind = |mode: &Mode| events.next_proven(start + 1..stop, *mode).is_some();
    match Mode::ALL.into_iter().find(behind) {
        Some(mode) => Search::Found(mode),
        None if seen => Search::NoneProven,
        None => Search::NoEvent,
    }
}

/// Writes the whole log, every event decrypted. Where no event can be made out the bytes stay as
/// they are, for the scan to name them.
fn write_plain(
    events: &mut EncryptedEvents<'_>,
    start: usize,
    mode: Mode,
    out: &mut (impl Write + Seek),
) -> io::Result<()> {
    let bytes = events.bytes;
    out.write_all(&bytes[..start])?;
    let mut at = start;
    while at < bytes.len() {
        if let Some(length) = events.length(at) {
            let verdict = events.decrypt(at, length, mode, |piece| out.write_all(piece))?;
            let next = at + length;
            if verdict != Verdict::Wrong {
                events.follow(at, length, mode);
                at = next;
                continue;
            }
            // Its length can be believed if an event follows; then its content is what is wrong.
            if next == bytes.len() || events.probe(next, mode) == Some(Verdict::Proven) {
                at = next;
                continue;
            }
            out.seek(SeekFrom::Start(at as u64))?;
        }
        let stop = at.saturating_add(limits::RESYNC_BYTES as usize);
        let next = events.next_proven(at + 1..stop, mode).unwrap_or(bytes.len());
        out.write_all(&bytes[at..next])?;
        at = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::secret::Secret;
    use super::super::{CHUNK_BYTES, Keys};
    use super::*;
    use crate::scan::{Damage, Scanned};
    use crate::source::log::Log;
    use crate::testing::LogBuilder;
    use ::aes::Aes128;
    use ::aes::cipher::{Array, BlockModeEncrypt, InnerIvInit, KeyInit};
    use std::fs;

    const KEY: [u8; 16] = [0x5A; 16];

    /// A plain log of events of many lengths, whole blocks and not, that says it is encrypted.
    /// Version 5.5 stands for a server with binlog_checksum=NONE.
    fn plain_log(version: &str) -> Vec<u8> {
        let mut start = vec![1]; // scheme
        start.extend(2u32.to_le_bytes()); // key version
        start.extend([7; 12]); // nonce
        let log = LogBuilder::new(version).event(EventType::START_ENCRYPTION, &start);
        let log = (1..=40).fold(log, |log, length| log.query(&"x".repeat(length)));
        let log = log.query(&"y".repeat(2 * CHUNK_BYTES + 5)).query("z");
        let mut log = log.event(EventType::STOP, &[]).build();
        if version.starts_with("5.5") {
            let end = 4 + usize::from(log[4 + 9]); // of the format description
            log[end - 5] = 0; // checksum algorithm
        }
        log
    }

    /// Where each encrypted event of a plain log starts, and the end.
    fn offsets(plain: &[u8]) -> Vec<usize> {
        let start = start(plain, "log").unwrap().unwrap().end;
        let length = |at: usize| u32::from_le_bytes(plain[at + 9..at + 13].try_into().unwrap());
        let next = |at: &usize| (*at < plain.len()).then(|| at + length(*at) as usize);
        std::iter::successors(Some(start), next).collect()
    }

    /// The log as a server writes it.
    fn encrypted(plain: &[u8], mode: Mode) -> Vec<u8> {
        let mut log = plain.to_vec();
        for pair in offsets(plain).windows(2) {
            let event = &mut log[pair[0]..pair[1]];
            let mut iv = [7; 16]; // nonce
            iv[12..].copy_from_slice(&(pair[0] as u32).to_le_bytes()); // position
            let length: [u8; 4] = event[9..13].try_into().unwrap();
            event.copy_within(..4, 9);
            let text = &mut event[4..];
            let aes = Aes128::new(&KEY.into());
            match mode {
                Mode::Cbc => {
                    // The tail's mask is the keystream's first block as well.
                    let mut mask = [0; 16];
                    Aes::new(&Secret::new(KEY.into()))
                        .unwrap()
                        .stream(Mode::Ctr, iv)
                        .decrypt(&mut mask);
                    let (blocks, tail) = Array::slice_as_chunks_mut(text);
                    cbc::Encryptor::inner_iv_init(aes, &iv.into()).encrypt_blocks(blocks);
                    tail.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
                }
                Mode::Ctr => {
                    Aes::new(&Secret::new(KEY.into())).unwrap().stream(Mode::Ctr, iv).decrypt(text);
                }
            }
            event.copy_within(9..13, 0);
            event[9..13].copy_from_slice(&length);
        }
        log
    }

    fn keys(key: &str) -> Keys {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        fs::write(&file, format!("1;{key}\n")).unwrap();
        Keys::none().with_key_file(&file, None).unwrap()
    }

    fn open(log: &[u8]) -> Log {
        Log::from_reader_with(log, &keys(&"5a".repeat(16))).unwrap()
    }

    fn damages(log: &Log) -> Vec<Damage> {
        let damage = |scanned| match scanned {
            Scanned::Damage(damage) => Some(damage),
            Scanned::Event(_) => None,
        };
        log.scan().filter_map(damage).collect()
    }

    #[test]
    fn either_mode_is_told_by_checksums_or_end_positions() {
        for version in ["11.8.6-MariaDB", "5.5.68-MariaDB"] {
            let plain = plain_log(version);
            for mode in Mode::ALL {
                let log = open(&encrypted(&plain, mode));
                assert!(log.bytes() == plain, "{version} {mode:?}");
                let encryption = log.encryption().unwrap();
                assert_eq!(encryption.cipher, format!("AES-128-{}", mode.name()));
                assert_eq!((&*encryption.key_id, encryption.key_version), ("1", Some(2)));
                assert_eq!(damages(&log), []);
            }
        }
    }

    #[test]
    fn without_its_key_a_log_is_refused_by_the_keys_number_and_version() {
        let log = encrypted(&plain_log("11.8.6-MariaDB"), Mode::Cbc);
        let refused = |keys: &Keys| Log::from_reader_with(&log[..], keys).unwrap_err().to_string();
        let needs = "-: encrypted by MariaDB with key id 1, version 2: ";
        assert_eq!(refused(&Keys::none()), format!("{needs}no key file was given"));
        let wrong = refused(&keys(&"5b".repeat(16)));
        assert!(wrong.starts_with(needs) && wrong.contains("key is another"), "{wrong}");
        let wrong = refused(&keys(&"5a".repeat(32)));
        assert!(wrong.contains("key is another"), "{wrong}");
    }

    #[test]
    fn a_damaged_event_costs_itself_alone() {
        let plain = plain_log("11.8.6-MariaDB");
        let offsets = offsets(&plain);
        for mode in Mode::ALL {
            let whole = encrypted(&plain, mode);
            for event in [0, 7, 20] {
                let range = offsets[event] as u64..offsets[event + 1] as u64;
                // A byte of the text; then of the length: too much, another, and none.
                for (byte, flip) in [(20, 0x01), (12, 0xFF), (10, 0x01), (9, 0x7F)] {
                    let mut log = whole.clone();
                    log[offsets[event] + byte] ^= flip;
                    let log = open(&log);
                    let ranges: Vec<_> = damages(&log).into_iter().map(|d| d.range).collect();
                    assert_eq!(ranges, std::slice::from_ref(&range), "{mode:?} {event} {byte}");
                    assert!(log.bytes()[range.end as usize..] == plain[range.end as usize..]);
                }
            }
        }
    }

    #[test]
    fn every_truncation_is_a_shorter_log_with_a_torn_event() {
        let plain = plain_log("11.8.6-MariaDB");
        let whole = encrypted(&plain, Mode::Cbc);
        let offsets = offsets(&plain);
        for length in offsets[0]..offsets[4] {
            let log = open(&whole[..length]);
            let end = offsets.iter().rev().find(|offset| **offset <= length).unwrap();
            assert!(log.bytes()[..*end] == plain[..*end]);
            let reasons: Vec<_> = damages(&log).iter().map(|d| d.reason.name()).collect();
            let needed: &[&str] = if *end == length { &[] } else { &["torn_tail"] };
            assert_eq!(reasons, needed, "{length}");
        }
    }

    #[test]
    fn zeros_behind_the_last_event_stay_zeros() {
        let mut log = encrypted(&plain_log("11.8.6-MariaDB"), Mode::Ctr);
        log.extend([0; 4096]);
        let reasons: Vec<_> = damages(&open(&log)).iter().map(|d| d.reason.name()).collect();
        assert_eq!(reasons, ["zero_tail"]);
    }
}
