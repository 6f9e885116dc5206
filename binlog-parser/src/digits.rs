//! Digits: numbers and bytes as text, straight into a buffer. Rows are mostly numbers and times, so
//! none of them goes by the machinery of `fmt`.

/// The digits of the numbers below 100, two each.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Most digits of a number of 64 bits.
const MOST: usize = 20;

/// The first number of more digits than go into a word.
const WORD: u64 = 100_000_000;

/// Appends a number. Its digits are made in a word, eight at a time: to store them one by one and read
/// them back as a text would take longer.
#[inline]
pub fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    if number >= WORD {
        write_unsigned_long(number, out);
        return;
    }
    let digits = eight_digits(number);
    // One digit stays, also of 0.
    let zeros = (digits.trailing_zeros() / 8).min(7);
    out.extend_from_slice(&(as_text(digits) >> (8 * zeros)).to_le_bytes());
    out.truncate(out.len() - zeros as usize);
}

#[inline(never)]
fn write_unsigned_long(number: u64, out: &mut Vec<u8>) {
    write_unsigned(number / WORD, out);
    out.extend_from_slice(&as_text(eight_digits(number % WORD)).to_le_bytes());
}

/// The eight digits of a number below [`WORD`], a byte each, the first in the lowest.
#[inline]
fn eight_digits(number: u64) -> u64 {
    // Divided in the parts of one word: by 10,000, by 100 each, by 10 each.
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7F_0000_007F;
    let twos = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    tens | ((twos - tens * 10) << 8)
}

/// Eight digits as text.
#[inline]
fn as_text(digits: u64) -> u64 {
    digits + 0x3030_3030_3030_3030
}

/// Appends a number, with a minus sign before a negative one.
#[inline]
pub fn write_signed(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_unsigned(number.unsigned_abs(), out);
}

/// Appends a number.
#[inline]
pub fn push_unsigned(number: u64, out: &mut String) {
    let mut digits = [0; MOST];
    let digits = write_at_end(number, &mut digits);
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// Appends a number with so many of `pad` before it that it is at least `width` wide.
#[inline]
pub fn write_padded(number: u64, width: usize, pad: u8, out: &mut Vec<u8>) {
    let mut digits = [0; MOST];
    let digits = write_at_end(number, &mut digits);
    if digits.len() < width {
        out.resize(out.len() + width - digits.len(), pad);
    }
    out.extend_from_slice(digits);
}

/// Writes the digits of a number to the end of `digits`, and returns them.
#[inline]
fn write_at_end(number: u64, digits: &mut [u8; MOST]) -> &[u8] {
    let mut at = MOST;
    let mut rest = number;
    while rest >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    let [tens, ones] = PAIRS[rest as usize];
    at -= 1;
    digits[at] = ones;
    if rest >= 10 {
        at -= 1;
        digits[at] = tens;
    }
    &digits[at..]
}

/// The two digits of a number below 100.
#[inline]
#[must_use]
pub fn pair(number: u8) -> Option<[u8; 2]> {
    PAIRS.get(usize::from(number)).copied()
}

/// Appends a number of two digits, or more if it has them.
#[inline]
pub fn write_two(number: u8, out: &mut Vec<u8>) {
    match PAIRS.get(usize::from(number)) {
        Some(pair) => out.extend_from_slice(pair),
        None => write_unsigned(number.into(), out),
    }
}

/// What stands before and behind a mark of ASCII in a number, if there is one. By bytes: to look for a
/// character in so short a text takes longer than all else that is done with it.
#[must_use]
#[inline]
pub fn divided(number: &str, mark: u8) -> Option<(&str, &str)> {
    let at = number.bytes().position(|byte| byte == mark)?;
    Some((number.get(..at)?, number.get(at + 1..)?))
}

/// Appends bytes as lower-case hexadecimal digits.
pub fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    write_hex_by(|bytes, digits| const_hex::encode_to_slice(bytes, digits), bytes, out);
}

/// Appends bytes as upper-case hexadecimal digits.
pub fn write_upper_hex(bytes: &[u8], out: &mut Vec<u8>) {
    write_hex_by(|bytes, digits| const_hex::encode_to_slice_upper(bytes, digits), bytes, out);
}

#[inline]
fn write_hex_by(
    encode: impl FnOnce(&[u8], &mut [u8]) -> Result<(), const_hex::FromHexError>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.resize(start + bytes.len() * 2, 0);
    // The only error is that of a buffer of another size.
    let _ = encode(bytes, &mut out[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = vec![];
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn extremes() {
        assert_eq!(text(|out| write_unsigned(0, out)), "0");
        assert_eq!(text(|out| write_unsigned(u64::MAX, out)), u64::MAX.to_string());
        assert_eq!(text(|out| write_signed(i64::MIN, out)), i64::MIN.to_string());
        assert_eq!(text(|out| write_two(7, out)), "07");
        assert_eq!(text(|out| write_two(255, out)), "255");
        assert_eq!(text(|out| write_hex(b"\0\xFF\x1a", out)), "00ff1a");
        assert_eq!(text(|out| write_upper_hex(b"\0\xFF\x1a", out)), "00FF1A");
    }

    #[test]
    fn every_count_of_digits() {
        let mut number: u64 = 0;
        for digit in (1..=9).cycle().take(19) {
            for number in [number, number + 1, number.saturating_sub(1), number * 10] {
                assert_eq!(text(|out| write_unsigned(number, out)), number.to_string());
            }
            number = number * 10 + digit;
        }
        for number in (0..10_000).chain((0..100).map(|number| number * 1_000_000 + 999_999)) {
            assert_eq!(text(|out| write_unsigned(number, out)), number.to_string());
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_fmt_writes_them(number: u64, shift in 0u32..64, width in 0usize..25) {
            let number = number >> shift;
            prop_assert_eq!(text(|out| write_unsigned(number, out)), number.to_string());
            prop_assert_eq!(text(|out| write_signed(number as i64, out)), (number as i64).to_string());
            prop_assert_eq!(text(|out| write_padded(number, width, b'0', out)), format!("{number:0width$}"));
            prop_assert_eq!(text(|out| write_padded(number, width, b' ', out)), format!("{number:width$}"));
        }
    }
}
