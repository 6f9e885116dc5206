//! MariaDB's compressed columns (`sql/field_comp.cc`): a byte that names the method, then the data.
//!
//! ```text
//! 0x0?                     the plain bytes follow
//! 0x80 | raw << 3 | n      n bytes of the plain length, most significant first; then zlib's data,
//!                          without its head and checksum if raw (column_compression_zlib_wrap=OFF)
//! ```

use std::io::Read;

use flate2::read::{DeflateDecoder, ZlibDecoder};

use super::text::Text;
use crate::error::Fault;
use crate::limits;
use crate::wire::{Reader, be_uint};

/// A value of a column with COMPRESSED, as it was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compressed<'a> {
    /// The bytes with the method before them; none at all are an empty text.
    pub bytes: &'a [u8],
    /// The column's collation; `None` if that is unknown.
    pub collation: Option<u16>,
}

impl<'a> Compressed<'a> {
    /// The text, if it stands there as it is: short ones are not worth compressing.
    #[must_use]
    pub fn plain(&self) -> Option<Text<'a>> {
        match self.bytes.split_first() {
            None => Some(Text::new(self.bytes, self.collation)),
            Some((method, plain)) if method >> 4 == 0 => Some(Text::new(plain, self.collation)),
            Some(_) => None,
        }
    }

    /// The bytes of the text.
    ///
    /// # Errors
    /// A [`Fault`] if the method is unknown, the data are none of zlib's, or the length before them
    /// is another than theirs, or more than they can hold.
    pub fn inflate(&self) -> Result<Vec<u8>, Fault> {
        const WHAT: &str = "compressed column";
        const RAW: u8 = 8;
        if let Some(text) = self.plain() {
            return Ok(text.bytes.to_vec());
        }
        let mut reader = Reader::new(self.bytes);
        let method = reader.u8(WHAT)?;
        if method >> 4 != 8 {
            return Err(Fault::value("method of a compressed column", "0 or 8", method >> 4));
        }
        let length =
            be_uint(reader.take(usize::from(method & 7), "length of a compressed column")?);
        let data = reader.take_rest();
        // No server takes a longer value, and no such data are so short.
        let most = limits::DEFLATE_RATIO.saturating_mul(data.len() as u64);
        let most = most.min(limits::EVENT_BYTES.into());
        let length = match length {
            Some(length) if length <= most => length,
            length => {
                let had = length.unwrap_or(u64::MAX);
                return Err(Fault::limit("length of a compressed column", most, had));
            }
        };
        let mut plain = Vec::new();
        let read = if method & RAW == 0 {
            ZlibDecoder::new(data).take(length + 1).read_to_end(&mut plain)
        } else {
            DeflateDecoder::new(data).take(length + 1).read_to_end(&mut plain)
        };
        read.map_err(|error| Fault::value(WHAT, "data of zlib", error))?;
        if plain.len() as u64 != length {
            let had = if plain.len() as u64 > length { "more" } else { "fewer" };
            return Err(Fault::value(WHAT, format!("{length} bytes"), had));
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn inflate(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        Compressed { bytes, collation: None }.inflate()
    }

    /// As the server stores `text`, with `length` before it.
    fn deflated(text: &[u8], length: u32, raw: bool) -> Vec<u8> {
        let mut bytes = vec![0x84 | u8::from(raw) << 3];
        bytes.extend(length.to_be_bytes());
        if raw {
            let mut encoder = DeflateEncoder::new(bytes, Compression::default());
            encoder.write_all(text).unwrap();
            return encoder.finish().unwrap();
        }
        let mut encoder = ZlibEncoder::new(bytes, Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn short_values_are_plain() {
        assert_eq!(inflate(b""), Ok(vec![]));
        assert_eq!(inflate(b"\0abc"), Ok(b"abc".to_vec()));
        let text = Compressed { bytes: b"\0abc", collation: Some(63) }.plain().unwrap();
        assert_eq!((text.bytes, text.collation), (&b"abc"[..], Some(63)));
        let fault = inflate(b"\x30").unwrap_err().to_string();
        assert_eq!(fault, "method of a compressed column: needed 0 or 8, had 3");
    }

    #[test]
    fn zlib_is_inflated_with_and_without_its_frame() {
        let text = b"again and ".repeat(100);
        for raw in [false, true] {
            assert_eq!(inflate(&deflated(&text, 1000, raw)), Ok(text.clone()));
            for length in [999, 1001] {
                let fault = inflate(&deflated(&text, length, raw)).unwrap_err().to_string();
                assert!(fault.contains(&format!("needed {length} bytes")), "{fault}");
            }
            let mut torn = deflated(&text, 1000, raw);
            torn.truncate(12);
            assert!(inflate(&torn).is_err());
        }
        assert!(inflate(b"\x82\x00").unwrap_err().to_string().contains("needed 2 bytes, had 1"));
    }

    #[test]
    fn a_length_that_the_data_cannot_have_is_refused_before_they_are_read() {
        let fault = inflate(b"\x84\xFF\xFF\xFF\xFF123456789").unwrap_err().to_string();
        assert_eq!(fault, "length of a compressed column: needed at most 9288, had 4294967295");
        // 10 MB of zeros, said to be 10 bytes.
        let bomb = deflated(&vec![0; 10_000_000], 10, false);
        assert!(inflate(&bomb).unwrap_err().to_string().contains("needed 10 bytes, had more"));
    }

    proptest! {
        #[test]
        fn any_bytes_inflate_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..60), n in 0u8..16) {
            let _ = inflate(&bytes);
            let _ = inflate(&[&[0x80 | n], &bytes[..]].concat());
        }
    }
}
