//! The zstd streams of MySQL's payloads (`Zstd_comp` and `Zstd_dec` of
//! `libs/mysql/binlog/event/compression`).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};
use zstd::zstd_safe::{get_error_name, get_frame_content_size};

use super::room::Room;
use crate::error::Fault;
use crate::limits;

/// Windows up to this size are unpacked by any number of threads at once; as a power of two in
/// bytes. The server's levels up to 19 stay below; level 22 asks for 128 MiB.
const USUAL_WINDOW_LOG: u32 = 23;

/// Held while a larger window is in memory: there is never more than one.
static LARGE_WINDOW: Mutex<()> = Mutex::new(());

/// Plain bytes that are salvaged at a time from a stream that is damaged.
const SALVAGE_BYTES: usize = 4 << 10;

/// A decoder that is used again.
#[derive(Default)]
pub(super) struct Zstd {
    context: Option<DCtx<'static>>,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zstd")
    }
}

impl Zstd {
    /// Unpacks `payload`, which claims to have `claim` bytes (0 if it makes no claim), into `room`.
    ///
    /// # Errors
    /// A [`Fault`] if the stream is damaged or ends early, or the room's limit is passed. What came
    /// out before stays.
    pub fn inflate(&mut self, payload: &[u8], claim: u64, room: &mut Room) -> Result<(), Fault> {
        if window_log(payload) <= USUAL_WINDOW_LOG {
            let context = self.context.get_or_insert_with(DCtx::create);
            return inflate(context, payload, claim, room);
        }
        let _one = LARGE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
        inflate(&mut DCtx::create(), payload, claim, room)
    }
}

fn inflate(
    context: &mut DCtx<'_>,
    payload: &[u8],
    claim: u64,
    room: &mut Room,
) -> Result<(), Fault> {
    reset(context)?;
    let (start, mut input) = (room.len(), InBuffer::around(payload));
    loop {
        let left = claim.saturating_sub(room.len() - start);
        let memory = room.spare(left)?;
        let at = memory.len();
        let mut output = OutBuffer::around_pos(memory, at);
        let step = context.decompress_stream(&mut output, &mut input);
        let full = output.pos() == output.capacity();
        match step {
            Ok(0) if input.pos == payload.len() => break,
            // Several frames, one behind the other.
            Ok(0) => {}
            Ok(_) if full || input.pos < payload.len() => {}
            Ok(_) => return Err(Fault::value("zstd stream", "its end", "more to come")),
            Err(code) => {
                if room.len() == start {
                    salvage(context, payload, room)?;
                }
                return Err(damaged(code));
            }
        }
    }
    room.check(0)
}

/// Takes out of a damaged stream what stands before the damage. A stream that fits into memory is
/// unpacked in one step, of which nothing is left if it fails.
fn salvage(context: &mut DCtx<'_>, payload: &[u8], room: &mut Room) -> Result<(), Fault> {
    reset(context)?;
    let (mut chunk, mut input) = ([0; SALVAGE_BYTES], InBuffer::around(payload));
    loop {
        let mut output = OutBuffer::around(&mut chunk[..]);
        let step = context.decompress_stream(&mut output, &mut input);
        let had = output.pos();
        room.push(chunk.get(..had).unwrap_or_default())?;
        if step.is_err() || had == 0 && input.pos == payload.len() {
            return Ok(());
        }
    }
}

fn reset(context: &mut DCtx<'_>) -> Result<(), Fault> {
    context.reset(ResetDirective::SessionOnly).map_err(damaged)?;
    context
        .set_parameter(DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG))
        .map(drop)
        .map_err(damaged)
}

fn damaged(code: usize) -> Fault {
    Fault::value("zstd stream", "one that can be unpacked", get_error_name(code))
}

/// The window that the first frame of `payload` asks for, as a power of two, rounded up (RFC 8878,
/// 3.1.1.1): it is told, or else all of the content; 0 if neither can be read.
fn window_log(payload: &[u8]) -> u32 {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    match payload {
        // Behind the magic number.
        [_, _, _, _, descriptor, window, ..] if descriptor & SINGLE_SEGMENT == 0 => {
            let mantissa = window & 7;
            10 + u32::from(window >> 3) + u32::from(mantissa != 0)
        }
        _ => match get_frame_content_size(payload) {
            Ok(Some(content)) => u64::BITS - content.leading_zeros(),
            _ => 0,
        },
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A zstd frame of `blocks` blocks of 128 KiB of zeros, four bytes each, which says nothing of
    /// its size.
    pub(crate) fn bomb(blocks: usize) -> Vec<u8> {
        const RLE: u32 = 1;
        let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD]; // magic
        frame.push(0); // no size, no checksum, no dictionary
        frame.push(7 << 3); // window of 128 KiB
        for block in 0..blocks {
            let last = u32::from(block + 1 == blocks);
            let header: u32 = (128 << 10) << 3 | RLE << 1 | last;
            frame.extend(&header.to_le_bytes()[..3]);
            frame.push(0); // the byte that is repeated
        }
        frame
    }

    fn unpacked(payload: &[u8], claim: u64) -> (Vec<u8>, Option<String>) {
        let mut room = Room::holding(1 << 20);
        room.limit("uncompressed transaction", 10 << 20);
        let result = Zstd::default().inflate(payload, claim, &mut room);
        (room.bytes().unwrap().to_vec(), result.err().map(|fault| fault.to_string()))
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * at / 7 % 251) as u8).collect()
    }

    #[test]
    fn streams_come_out_whatever_they_claim() {
        for length in [0, 1, 1000, 100_000, 3 << 20] {
            let plain = text(length);
            let packed = zstd::bulk::compress(&plain, 3).unwrap();
            for claim in [0, 1, length as u64, 10 << 20] {
                assert_eq!(unpacked(&packed, claim), (plain.clone(), None), "{length} {claim}");
            }
            let twice = [&packed[..], &packed[..]].concat();
            assert_eq!(unpacked(&twice, 0), ([&plain[..], &plain[..]].concat(), None));
        }
    }

    #[test]
    fn what_stands_before_the_damage_is_kept() {
        let plain = text(1 << 20);
        let packed = zstd::bulk::compress(&plain, 3).unwrap();
        for cut in [packed.len() - 1, packed.len() * 3 / 4, 5, 0] {
            let (had, fault) = unpacked(&packed[..cut], plain.len() as u64);
            assert!(plain.starts_with(&had), "{cut}");
            if cut > 0 {
                assert!(fault.unwrap().starts_with("zstd stream: needed its end"), "{cut}");
            }
        }
        let mut broken = packed.clone();
        let at = packed.len() * 7 / 8;
        broken[at..at + 100].fill(0xFF);
        let (had, fault) = unpacked(&broken, plain.len() as u64);
        assert!(had.len() >= 128 << 10, "{}", had.len());
        assert!(fault.unwrap().contains("needed one that can be unpacked"));
        assert!(unpacked(b"no zstd at all", 0).1.is_some());
    }

    #[test]
    fn a_bomb_goes_off_at_the_limit() {
        // 1 KiB claims nothing and gives 32 MiB; the limit is ten.
        let (had, fault) = unpacked(&bomb(255), 0);
        let fault = fault.unwrap();
        assert!(fault.starts_with("uncompressed transaction: needed at most 10485760"), "{fault}");
        assert!(had.len() <= 12 << 20, "{}", had.len());
    }

    #[test]
    fn large_windows_are_known() {
        assert_eq!(window_log(&bomb(1)), 17);
        let mut large = bomb(1);
        large[5] = 17 << 3; // 128 MiB
        assert_eq!(window_log(&large), 27);
        assert_eq!(unpacked(&large, 0), (vec![0; 128 << 10], None));
        let whole = zstd::bulk::compress(&[0; 1 << 20], 3).unwrap();
        assert_eq!(window_log(&whole), 21);
        large[5] = 17 << 3 | 1;
        assert!(unpacked(&large, 0).1.unwrap().contains("too much memory"));
    }
}
