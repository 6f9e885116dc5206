//! The kinds of archives, known by their first bytes, and their decoders.

use std::io::{self, BufRead, Read};

use bzip2::bufread::{BzDecoder, MultiBzDecoder};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};
use lz4_flex::frame::FrameDecoder;

use super::packed::Packed;
use crate::limits;

/// A kind of archive that holds one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Lz4,
}

/// Bytes by which a kind is known at most.
const MAGIC_BYTES: usize = 6;

impl Kind {
    /// The kind of what comes next, none if it is no archive. Skippable frames, which zstd and lz4
    /// have in common and parallel packers begin with, are skipped.
    pub fn next(packed: &mut Packed<impl Read>) -> io::Result<Option<Kind>> {
        while let &[0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d] = packed.peek(8)? {
            packed.skip(8 + u64::from(u32::from_le_bytes([a, b, c, d])))?;
        }
        Ok(Kind::of(packed.peek(MAGIC_BYTES)?))
    }

    fn of(first: &[u8]) -> Option<Kind> {
        match first {
            [0x1f, 0x8b, ..] => Some(Kind::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Kind::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Xz),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Kind::Bzip2),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Kind::Lz4),
            _ => None,
        }
    }

    /// The name of the tool that makes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gzip => "gzip",
            Kind::Zstd => "zstd",
            Kind::Xz => "xz",
            Kind::Bzip2 => "bzip2",
            Kind::Lz4 => "lz4",
        }
    }

    /// Unpacks one frame (member, stream), which starts where `packed` stands, and leaves `packed`
    /// behind it.
    pub fn frame<'a, R: Read>(self, packed: &'a mut Packed<R>) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Kind::Gzip => Box::new(GzDecoder::new(packed)),
            Kind::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?.single_frame();
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Kind::Xz => {
                let stream = Stream::new_stream_decoder(limits::XZ_MEMORY, 0)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
            Kind::Bzip2 => Box::new(BzDecoder::new(packed)),
            Kind::Lz4 => Box::new(FrameDecoder::new(Unended(packed))),
        })
    }
}

impl Kind {
    /// Unpacks everything from where `packed` stands to its end.
    pub fn stream<R: Read + 'static>(self, packed: Packed<R>) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Kind::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Kind::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                decoder.window_log_max(limits::ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Kind::Xz => {
                let stream = Stream::new_stream_decoder(limits::XZ_MEMORY, CONCATENATED)?;
                Box::new(XzDecoder::new_stream(packed, stream))
            }
            Kind::Bzip2 => Box::new(MultiBzDecoder::new(packed)),
            Kind::Lz4 => Box::new(FrameDecoder::new(packed)),
        })
    }
}

/// A reader that may not end: the lz4 decoder takes an end between two blocks for the frame's.
struct Unended<'a, R>(&'a mut Packed<R>);

impl<R: Read> Read for Unended<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.0.fill_buf()?.is_empty() {
            // Not UnexpectedEof, which is what the decoder takes for an end.
            return Err(io::Error::other("unexpected end of file"));
        }
        self.0.read(out)
    }
}
