//! The primitives of the wire format, as nom parsers, and a [`Reader`] that strings them together.
//!
//! Integers are little-endian unless a name says `be`. Nothing here allocates, and nothing believes
//! a length before the bytes are known to exist.

use nom::IResult;
use nom::number::complete as number;

use crate::error::Fault;

/// nom's result over borrowed bytes. The error is nom's own; [`Reader`] turns it into a [`Fault`],
/// which knows what was being read.
type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// Length-encoded integer (the manual's "Protocol::LengthEncodedInteger"): one byte below 251, else
/// 0xFC, 0xFD or 0xFE and 2, 3 or 8 bytes. 0xFB and 0xFF are no integers.
pub fn lenenc(input: &[u8]) -> Parsed<'_, u64> {
    let (rest, first) = number::le_u8(input)?;
    match first {
        0..=250 => Ok((rest, u64::from(first))),
        0xFC => number::le_u16(rest).map(|(rest, n)| (rest, u64::from(n))),
        0xFD => number::le_u24(rest).map(|(rest, n)| (rest, u64::from(n))),
        0xFE => number::le_u64(rest),
        _ => Err(nom::Err::Error(())),
    }
}

/// Variable-length integer of the serialization framework (`variable_length_integers.h`): as many
/// further bytes as the first has trailing one-bits.
pub fn varint(input: &[u8]) -> Parsed<'_, u64> {
    let (rest, first) = number::le_u8(input)?;
    let more = first.trailing_ones() as usize;
    let (rest, tail) = nom::bytes::complete::take(more)(rest)?;
    let mut wide = [0u8; 8];
    wide[..more].copy_from_slice(tail);
    let high = u64::from_le_bytes(wide);
    let low = u64::from(first).checked_shr(more as u32 + 1).unwrap_or(0);
    Ok((rest, low | high << 7u32.saturating_sub(more as u32)))
}

/// Signed form of [`varint`]: the lowest bit is the sign, a negative number is the bitwise NOT.
pub fn varint_signed(input: &[u8]) -> Parsed<'_, i64> {
    varint(input).map(|(rest, n)| {
        let magnitude = (n >> 1) as i64;
        (rest, if n & 1 == 1 { !magnitude } else { magnitude })
    })
}

/// Reads one field after another from a slice. Each call names what it reads, so that a short slice
/// gives an error which says so.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $bytes:literal, $parser:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// A [`Fault`] if fewer bytes are left.
        #[inline]
        pub fn $name(&mut self, what: &'static str) -> Result<$type, Fault> {
            self.run(what, $bytes, $parser)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The bytes not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    fn run<T>(
        &mut self,
        what: &'static str,
        needed: u64,
        mut parser: impl FnMut(&'a [u8]) -> Parsed<'a, T>,
    ) -> Result<T, Fault> {
        match parser(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => Err(Fault::short(what, needed, self.rest.len() as u64)),
        }
    }

    fixed! {
        /// One byte.
        u8: u8, 1, number::le_u8;
        /// Two bytes.
        u16: u16, 2, number::le_u16;
        /// Three bytes.
        u24: u32, 3, number::le_u24;
        /// Four bytes.
        u32: u32, 4, number::le_u32;
        /// Eight bytes.
        u64: u64, 8, number::le_u64;
        /// Two bytes, most significant first.
        be_u16: u16, 2, number::be_u16;
        /// Three bytes, most significant first.
        be_u24: u32, 3, number::be_u24;
        /// Four bytes, most significant first.
        be_u32: u32, 4, number::be_u32;
        /// Unsigned [`varint`]; at most nine bytes.
        varint: u64, 1, varint;
        /// Signed [`varint_signed`]; at most nine bytes.
        varint_signed: i64, 1, varint_signed;
    }

    /// Six bytes: table ids.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left.
    #[inline]
    pub fn u48(&mut self, what: &'static str) -> Result<u64, Fault> {
        self.uint(6, what)
    }

    /// Seven bytes: commit timestamps in microseconds.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left.
    #[inline]
    pub fn u56(&mut self, what: &'static str) -> Result<u64, Fault> {
        self.uint(7, what)
    }

    /// An integer of `bytes` (at most eight) bytes, least significant first.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left, or more than eight are asked for.
    #[inline]
    pub fn uint(&mut self, bytes: usize, what: &'static str) -> Result<u64, Fault> {
        let slice = self.take(bytes, what)?;
        le_uint(slice).ok_or_else(|| Fault::limit(what, 8, bytes as u64))
    }

    /// A length-encoded integer.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the first byte is 0xFB or 0xFF.
    #[inline]
    pub fn lenenc(&mut self, what: &'static str) -> Result<u64, Fault> {
        // Nearly all are short.
        match *self.rest {
            [short @ 0..=250, ref rest @ ..] => {
                self.rest = rest;
                Ok(short.into())
            }
            [0xFC, low, high, ref rest @ ..] => {
                self.rest = rest;
                Ok(u16::from_le_bytes([low, high]).into())
            }
            _ => self.long_lenenc(what),
        }
    }

    #[inline(never)]
    fn long_lenenc(&mut self, what: &'static str) -> Result<u64, Fault> {
        match lenenc(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(_) => Err(match self.rest.first() {
                None => Fault::short(what, 1, 0),
                Some(first @ (0xFB | 0xFF)) => {
                    Fault::value(what, "a length-encoded integer", format!("byte {first:#04x}"))
                }
                Some(first) => {
                    let needed = if *first == 0xFC { 3 } else { *first as u64 - 0xF9 };
                    let needed = if *first == 0xFE { 9 } else { needed };
                    Fault::short(what, needed, self.rest.len() as u64)
                }
            }),
        }
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left.
    #[inline]
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Fault> {
        self.run(what, count as u64, nom::bytes::complete::take(count))
    }

    /// The next `count` bytes, where the file claims `count`.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left.
    #[inline]
    pub fn take_u64(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], Fault> {
        match usize::try_from(count) {
            Ok(count) => self.take(count, what),
            Err(_) => Err(Fault::short(what, count, self.rest.len() as u64)),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// A [`Fault`] if fewer bytes are left.
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Fault> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(Fault::short(what, N as u64, self.rest.len() as u64));
        };
        self.rest = rest;
        Ok(*array)
    }

    /// Everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// A string with its length in one byte before it.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn string_u8(&mut self, what: &'static str) -> Result<&'a [u8], Fault> {
        let length = self.u8(what)?;
        self.take(usize::from(length), what)
    }

    /// A string with its length before it as a length-encoded integer.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    #[inline]
    pub fn string_lenenc(&mut self, what: &'static str) -> Result<&'a [u8], Fault> {
        let length = self.lenenc(what)?;
        self.take_u64(length, what)
    }

    /// A string that ends with a NUL, which is read and left out.
    ///
    /// # Errors
    /// A [`Fault`] if no NUL follows.
    pub fn string_nul(&mut self, what: &'static str) -> Result<&'a [u8], Fault> {
        let Some(end) = memchr::memchr(0, self.rest) else {
            let had = self.rest.len() as u64;
            return Err(Fault::short(what, had + 1, had));
        };
        let string = self.take(end, what)?;
        self.take(1, what)?;
        Ok(string)
    }

    /// A bitmap of `bits` bits, least significant bit of the first byte first.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    #[inline]
    pub fn bitmap(&mut self, bits: usize, what: &'static str) -> Result<Bitmap<'a>, Fault> {
        self.take(bits.div_ceil(8), what).map(|bytes| Bitmap { bytes, bits })
    }
}

/// An integer of up to eight bytes, least significant first; `None` beyond eight.
#[must_use]
#[inline]
pub fn le_uint(bytes: &[u8]) -> Option<u64> {
    // Length by length: a copy of so many bytes as are there would be read back before it is stored.
    Some(match *bytes {
        [] => 0,
        [a] => a.into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]).into(),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e] => u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]),
        [a, b, c, d, e, f] => u64::from_le_bytes([a, b, c, d, e, f, 0, 0]),
        [a, b, c, d, e, f, g] => u64::from_le_bytes([a, b, c, d, e, f, g, 0]),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => return None,
    })
}

/// An integer of up to eight bytes, most significant first; `None` beyond eight.
#[must_use]
#[inline]
pub fn be_uint(bytes: &[u8]) -> Option<u64> {
    let unused = 64 - 8 * u32::try_from(bytes.len()).ok().filter(|count| *count <= 8)?;
    let turned = le_uint(bytes)?.swap_bytes();
    Some(turned.checked_shr(unused).unwrap_or(0))
}

/// A borrowed bitmap, least significant bit of the first byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitmap<'a> {
    bytes: &'a [u8],
    bits: usize,
}

impl<'a> Bitmap<'a> {
    /// A bitmap of `bits` bits over `bytes`; bits that `bytes` does not hold read as zero.
    #[must_use]
    pub fn new(bytes: &'a [u8], bits: usize) -> Self {
        Bitmap { bytes, bits }
    }

    /// The bytes as they stand on the wire.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bits
    }

    /// Whether there are no bits at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits == 0
    }

    /// Bit `index`; false beyond the end.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        index < self.bits
            && self.bytes.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// How many bits are one. The padding after the last bit, which MariaDB fills with ones, is not
    /// counted.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        let whole = self.bits / 8;
        let ones =
            |bytes: &[u8]| bytes.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
        let full = ones(self.bytes.get(..whole).unwrap_or(self.bytes));
        let last = self.bytes.get(whole).map_or(0, |byte| byte & ((1u8 << (self.bits % 8)) - 1));
        full + last.count_ones() as usize
    }

    /// Whether every bit is zero, padding aside.
    #[must_use]
    #[inline]
    pub fn none(&self) -> bool {
        let (whole, more) = (self.bits / 8, self.bits % 8);
        let ones = |byte: u8| byte & ((1u8 << more) - 1) != 0;
        self.bytes.iter().take(whole).all(|byte| *byte == 0)
            && !self.bytes.get(whole).is_some_and(|last| ones(*last))
    }

    /// Whether every bit is one.
    #[must_use]
    #[inline]
    pub fn all(&self) -> bool {
        let (whole, more) = (self.bits / 8, self.bits % 8);
        let Some((full, rest)) = self.bytes.split_at_checked(whole) else { return false };
        let last = (1u8 << more) - 1;
        full.iter().all(|byte| *byte == u8::MAX)
            && (more == 0 || rest.first().is_some_and(|byte| byte & last == last))
    }

    /// The 64 bits from bit `64 * word` on, the first of them lowest; those beyond the end are zero.
    #[inline]
    pub(crate) fn word(&self, word: usize) -> u64 {
        let bytes = self.bytes.get(word * 8..).unwrap_or_default();
        let all = bytes.first_chunk().map(|all| u64::from_le_bytes(*all));
        let all = all.unwrap_or_else(|| le_uint(bytes).unwrap_or_default());
        match self.bits.saturating_sub(word * 64) {
            bits @ 0..64 => all & ((1 << bits) - 1),
            _ => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_is_full_if_all_its_bits_are() {
        let all = |bytes: &[u8], bits| Bitmap::new(bytes, bits).all();
        assert!(all(&[], 0) && all(&[0b111], 3) && all(&[0xFF], 8) && all(&[0xFF, 0b01], 9));
        assert!(all(&[0xFF], 3), "padding is not looked at");
        assert!(!all(&[0b101], 3) && !all(&[0xFF, 0b10], 9) && !all(&[0xFE, 0b01], 9));
        assert!(!all(&[], 1) && !all(&[0xFF], 9), "what is not there is zero");
    }

    #[test]
    fn words_of_a_bitmap_hold_its_bits() {
        let bytes: Vec<u8> = (1..=10).chain([0xFB]).collect();
        let bitmap = Bitmap::new(&bytes, 85);
        assert_eq!([0, 1, 2].map(|word| bitmap.word(word)), [0x0807_0605_0403_0201, 0x1B_0A09, 0]);
        for bit in 0..130 {
            assert_eq!(bitmap.word(bit / 64) >> (bit % 64) & 1 == 1, bitmap.get(bit), "bit {bit}");
        }
        assert_eq!(Bitmap::new(&[1], 85).word(1), 0);
    }

    #[test]
    fn lenenc_knows_its_four_widths_and_its_two_holes() {
        for (bytes, value) in [
            (&[0xFA][..], 250),
            (&[0xFC, 0xFB, 0x00], 251),
            (&[0xFD, 0x01, 0x02, 0x03], 0x0003_0201),
            (&[0xFE, 1, 0, 0, 0, 0, 0, 0, 0x80], 0x8000_0000_0000_0001),
        ] {
            assert_eq!(Reader::new(bytes).lenenc("n"), Ok(value));
        }
        assert_eq!(
            Reader::new(&[0xFB]).lenenc("width").unwrap_err().to_string(),
            "width: needed a length-encoded integer, had byte 0xfb"
        );
        for (bytes, needed) in [(&[0xFC, 1][..], 3), (&[0xFD, 1], 4), (&[0xFE, 1], 9)] {
            assert_eq!(Reader::new(bytes).lenenc("n"), Err(Fault::short("n", needed, 2)));
        }
    }

    #[test]
    fn varint_reads_one_to_nine_bytes() {
        assert_eq!(Reader::new(&[0x02]).varint("n"), Ok(1));
        assert_eq!(Reader::new(&[0x01, 0x02]).varint("n"), Ok(0x80));
        assert_eq!(Reader::new(&[0xFF; 9]).varint("n"), Ok(u64::MAX));
        assert_eq!(Reader::new(&[0x7F, 1, 0, 0, 0, 0, 0, 0]).varint("n"), Ok(1));
        assert!(Reader::new(&[0x01]).varint("n").is_err());
        assert_eq!(Reader::new(&[0b110]).varint_signed("n"), Ok(-2));
        assert_eq!(Reader::new(&[0b100]).varint_signed("n"), Ok(1));
    }

    #[test]
    fn a_claimed_length_beyond_the_end_is_an_error() {
        let mut reader = Reader::new(&[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
        assert_eq!(
            reader.string_lenenc("name").unwrap_err(),
            Fault::short("name", 0x7FFF_FFFF_FFFF_FFFF, 0)
        );
    }

    #[test]
    fn bitmaps_do_not_count_their_padding() {
        let bitmap = Bitmap::new(&[0xFF, 0xFF], 10);
        assert_eq!(bitmap.count_ones(), 10);
        assert!(bitmap.all() && bitmap.get(9) && !bitmap.get(10));
        assert!(!Bitmap::new(&[0b101], 3).all());
        assert!(Bitmap::new(&[0, 0b1100], 10).none() && !Bitmap::new(&[0, 0b10], 10).none());
        assert!(!Bitmap::new(&[], 3).get(0));
    }
}
