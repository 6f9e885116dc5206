//! DECIMAL: up to 65 digits, nine packed into four bytes (`bin2decimal`, `decimal2bin` in the
//! servers' `strings/decimal.c`).
//!
//! ```text
//! DECIMAL(14,4)   1 | 234567890 . 1234        digits, in groups counted from the point
//!               81   0D FB 38 D2   04 D2      bytes; the first bit is inverted
//! negative:     7E   F2 04 C7 2D   FB 2D      and for a negative number all of them
//! ```

use crate::digits;
use crate::error::Fault;
use crate::wire::be_uint;

/// Most digits of a DECIMAL.
pub const MAX_PRECISION: u8 = 65;

/// Digits in a whole group, and their bytes.
const GROUP: u8 = 9;
/// Bytes of a group of 0 to 9 digits.
const BYTES_OF: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
const POWERS: [u32; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// A packed decimal whose digits have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal<'a> {
    bytes: &'a [u8],
    precision: u8,
    scale: u8,
}

impl<'a> Decimal<'a> {
    /// The decimal of `precision` digits, `scale` of them after the point, at the start of `bytes`.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, a group holds more than its digits can, or no column can
    /// have such digits.
    pub fn decode(bytes: &'a [u8], precision: u8, scale: u8) -> Result<Self, Fault> {
        const WHAT: &str = "NEWDECIMAL";
        if precision == 0 || precision > MAX_PRECISION || scale > precision {
            let had = format!("({precision},{scale})");
            return Err(Fault::value("digits of NEWDECIMAL", "1 to 65", had));
        }
        let needed = decimal_bytes(precision, scale);
        let bytes = bytes
            .get(..needed as usize)
            .ok_or_else(|| Fault::short(WHAT, needed.into(), bytes.len() as u64))?;
        let decimal = Decimal { bytes, precision, scale };
        if let Some((whole, fraction)) = decimal.sides()
            && whole < POWERS[usize::from(precision - scale)].into()
            && fraction < POWERS[usize::from(scale)].into()
        {
            return Ok(decimal);
        }
        match decimal.groups().find(|(value, digits)| *value >= POWERS[usize::from(*digits)]) {
            Some((value, digits)) => {
                Err(Fault::value(WHAT, format!("a group of {digits} digits"), value))
            }
            None => Ok(decimal),
        }
    }

    /// Digits in all.
    #[must_use]
    pub fn precision(&self) -> u8 {
        self.precision
    }

    /// Digits after the point.
    #[must_use]
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// The packed bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether there is a minus sign.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.bytes.first().is_some_and(|byte| byte & 0x80 == 0)
    }

    /// The numbers before and behind the point, if each is of one group at most, as in nearly all
    /// columns.
    #[inline]
    fn sides(&self) -> Option<(u64, u64)> {
        if self.precision - self.scale > GROUP || self.scale > GROUP {
            return None;
        }
        let bits = 8 * self.bytes.len() as u32;
        let packed = be_uint(self.bytes)? ^ 1u64.checked_shl(bits - 1)?;
        let packed = if self.is_negative() { !packed } else { packed } & (u64::MAX >> (64 - bits));
        let behind = 8 * BYTES_OF[usize::from(self.scale)] as u32;
        Some((packed >> behind, packed & ((1 << behind) - 1)))
    }

    /// Value and number of digits of each group, from the left. The precision is within bounds, so
    /// a group has at most nine digits.
    fn groups(&self) -> Groups<'a> {
        Groups {
            sizes: sizes(self.precision, self.scale),
            rest: self.bytes,
            mask: if self.is_negative() { u32::MAX } else { 0 },
            first: true,
        }
    }

    /// Appends the number as the servers print it: no zeros before it but one before the point,
    /// all digits of the scale after it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        if self.is_negative() {
            out.push(b'-');
        }
        if let Some((whole, fraction)) = self.sides() {
            digits::write_unsigned(whole, out);
            if self.scale > 0 {
                out.push(b'.');
                digits::write_padded(fraction, self.scale.into(), b'0', out);
            }
            return;
        }
        let mut groups = self.groups();
        // Groups are counted from the point, so none reaches across it.
        let (mut whole, mut significant) = (self.precision - self.scale, false);
        while whole > 0 {
            let Some((value, count)) = groups.next() else { break };
            whole = whole.saturating_sub(count);
            if significant {
                digits::write_padded(value.into(), count.into(), b'0', out);
            } else if value > 0 {
                significant = true;
                digits::write_unsigned(value.into(), out);
            }
        }
        if !significant {
            out.push(b'0');
        }
        if self.scale > 0 {
            out.push(b'.');
            for (value, count) in groups {
                digits::write_padded(value.into(), count.into(), b'0', out);
            }
        }
    }

    /// Packs `text`, an optional sign and digits with at most one point, into the bytes of a
    /// column of `precision` digits, `scale` of them after the point. Nothing is rounded.
    ///
    /// # Errors
    /// A [`Fault`] if the text is no such number, or has more digits than fit on either side.
    pub fn encode(text: &str, precision: u8, scale: u8) -> Result<Vec<u8>, Fault> {
        let no = || Fault::value("decimal", format!("digits of ({precision},{scale})"), text);
        if precision == 0 || precision > MAX_PRECISION || scale > precision {
            return Err(no());
        }
        let (negative, number) = match text.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_digits = |side: &str| side.bytes().all(|byte| byte.is_ascii_digit());
        let whole_digits = usize::from(precision - scale);
        let scale_digits = usize::from(scale);
        let significant = whole.trim_start_matches('0');
        if !(is_digits(whole) && is_digits(fraction))
            || whole.len() + fraction.len() == 0
            || significant.len() > whole_digits
            || fraction.len() > scale_digits
        {
            return Err(no());
        }
        let digits = format!("{significant:0>whole_digits$}{fraction:0<scale_digits$}");
        let mut digits = digits.bytes().map(|byte| u32::from(byte - b'0'));
        let mut bytes = Vec::new();
        for count in sizes(precision, scale) {
            let value =
                digits.by_ref().take(count.into()).fold(0, |value, digit| value * 10 + digit);
            bytes.extend_from_slice(&value.to_be_bytes()[4 - BYTES_OF[usize::from(count)]..]);
        }
        let mask = if negative { 0xFF } else { 0 };
        for byte in &mut bytes {
            *byte ^= mask;
        }
        if let Some(first) = bytes.first_mut() {
            *first ^= 0x80;
        }
        Ok(bytes)
    }
}

/// Iterator over the groups of a decimal.
struct Groups<'a> {
    sizes: Sizes,
    rest: &'a [u8],
    /// What the bits of a negative number are turned by.
    mask: u32,
    first: bool,
}

impl Iterator for Groups<'_> {
    type Item = (u32, u8);

    #[inline]
    fn next(&mut self) -> Option<(u32, u8)> {
        let digits = self.sizes.next()?;
        let (group, tail) = self.rest.split_at_checked(BYTES_OF[usize::from(digits)])?;
        self.rest = tail;
        let (value, bits) = match *group {
            [a] => (a.into(), 8),
            [a, b] => (u16::from_be_bytes([a, b]).into(), 16),
            [a, b, c] => (u32::from_be_bytes([0, a, b, c]), 24),
            [a, b, c, d] => (u32::from_be_bytes([a, b, c, d]), 32),
            _ => (0, 0),
        };
        // A group has at least one digit, and its number fills its bytes.
        let mut value = value ^ self.mask.checked_shr(32 - bits).unwrap_or(0);
        if std::mem::take(&mut self.first) {
            value ^= 1 << (bits.max(1) - 1);
        }
        Some((value, digits))
    }
}

/// Digits of each group, from the left: what is left over first, then nines; after the point the
/// nines first.
struct Sizes {
    whole: u8,
    scale: u8,
}

fn sizes(precision: u8, scale: u8) -> Sizes {
    Sizes { whole: precision - scale, scale }
}

impl Iterator for Sizes {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let (digits, side) = match (self.whole, self.scale) {
            (0, 0) => return None,
            (0, scale) => (scale.min(GROUP), &mut self.scale),
            (whole, _) => (if whole % GROUP == 0 { GROUP } else { whole % GROUP }, &mut self.whole),
        };
        *side -= digits;
        Some(digits)
    }
}

/// Bytes of a packed decimal (`decimal_bin_size` in `decimal.cc`): nine digits take four bytes, and
/// what is left over on either side of the point as few as it can.
#[must_use]
pub(super) fn decimal_bytes(precision: u8, scale: u8) -> u32 {
    let side = |digits: u8| u32::from(SIDE_BYTES[usize::from(digits)]);
    side(precision.saturating_sub(scale)) + side(scale)
}

/// Bytes of so many digits on one side of the point, whatever a byte claims.
const SIDE_BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut digits = 0;
    while digits < bytes.len() {
        bytes[digits] = (digits / 9 * 4 + BYTES_OF[digits % 9]) as u8;
        digits += 1;
    }
    bytes
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8], precision: u8, scale: u8) -> String {
        let mut out = Vec::new();
        Decimal::decode(bytes, precision, scale).unwrap().write_text(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_the_servers_own_comment() {
        let negative = [0x7E, 0xF2, 0x04, 0xC7, 0x2D, 0xFB, 0x2D];
        assert_eq!(text(&negative, 14, 4), "-1234567890.1234");
        assert_eq!(Decimal::encode("-1234567890.1234", 14, 4).unwrap(), negative);
        let positive = [0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2];
        assert_eq!(text(&positive, 14, 4), "1234567890.1234");
    }

    #[test]
    fn extremes() {
        let nines = "9".repeat(65);
        assert_eq!(text(&Decimal::encode(&nines, 65, 0).unwrap(), 65, 0), nines);
        let small = format!("-{}.{}", "9".repeat(35), "9".repeat(30));
        assert_eq!(text(&Decimal::encode(&small, 65, 30).unwrap(), 65, 30), small);
        assert_eq!(text(&[0x80, 0, 0, 0, 0, 0], 10, 4), "0.0000");
        assert_eq!(text(&[0xE3], 2, 2), "0.99");
        assert_eq!(text(&[0x85], 1, 0), "5");
    }

    #[test]
    fn groups_that_hold_too_much_are_refused() {
        assert_eq!(
            Decimal::decode(&[0xE4], 2, 0).unwrap_err().to_string(),
            "NEWDECIMAL: needed a group of 2 digits, had 100"
        );
        assert!(Decimal::decode(&[0xFF; 40], 66, 0).is_err());
        assert!(Decimal::decode(&[0x80], 3, 0).is_err());
    }

    #[test]
    fn text_that_does_not_fit_is_refused() {
        for text in ["", "-", ".", "1e3", "1234", "0.123", "1.2.3", "--1", " 1"] {
            assert!(Decimal::encode(text, 5, 2).is_err(), "{text:?}");
        }
        assert_eq!(Decimal::encode("+0001.5", 5, 2), Decimal::encode("1.50", 5, 2));
    }

    prop_compose! {
        fn number()(precision in 1u8..=65)(
            scale in 0..=precision,
            precision in Just(precision),
            negative in any::<bool>(),
            digits in prop::collection::vec(b'0'..=b'9', usize::from(precision)),
        ) -> (u8, u8, bool, Vec<u8>) {
            (precision, scale, negative, digits)
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks((precision, scale, negative, digits) in number()) {
            let digits = String::from_utf8(digits).unwrap();
            let (whole, fraction) = digits.split_at(usize::from(precision - scale));
            let whole = whole.trim_start_matches('0');
            let sign = if negative { "-" } else { "" };
            let mut number = format!("{sign}{}", if whole.is_empty() { "0" } else { whole });
            if scale > 0 {
                number = format!("{number}.{fraction}");
            }
            let bytes = Decimal::encode(&number, precision, scale).unwrap();
            prop_assert_eq!(bytes.len() as u32, decimal_bytes(precision, scale));
            prop_assert_eq!(text(&bytes, precision, scale), number);
        }

        #[test]
        fn any_bytes_are_a_decimal_or_a_fault(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            precision in any::<u8>(),
            scale in any::<u8>(),
        ) {
            if let Ok(decimal) = Decimal::decode(&bytes, precision, scale) {
                let mut out = Vec::new();
                decimal.write_text(&mut out);
                let text = String::from_utf8(out).unwrap();
                let packed = Decimal::encode(&text, precision, scale).unwrap();
                prop_assert_eq!(packed.as_slice(), decimal.bytes());
            }
        }
    }
}
