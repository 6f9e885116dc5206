//! FLOAT and DOUBLE in the servers' own text form (`my_gcvt` in `strings/dtoa.cc`), which is not
//! that of C: as many digits as it takes, an exponent only for the very large and very small, and
//! FLOAT cut to six digits.

use std::io::Write;

use crate::digits;

/// Digits of FLOAT that the servers print (`FLT_DIG`).
const FLOAT_DIGITS: usize = 6;
/// Decimal places up to which a number is written without an exponent (`MAX_DECPT_FOR_F_FORMAT`).
const MAX_POINT: i32 = 15;

/// A number as digits `d1 d2 d3 …`, with the point after `point` of them.
struct Digits {
    negative: bool,
    /// The digits, as many as `length` says.
    digits: [u8; MOST_DIGITS],
    length: usize,
    point: i32,
}

/// More digits than a formatter writes.
const MOST_DIGITS: usize = 32;

impl Digits {
    /// Takes apart what a formatter wrote, with or without an exponent.
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let split = |text, mark| digits::divided(text, mark).unwrap_or((text, ""));
        let (mantissa, exponent) = split(text, b'e');
        let (whole, fraction) = split(mantissa, b'.');
        let all = || whole.bytes().chain(fraction.bytes());
        let zeros = all().take_while(|digit| *digit == b'0').count();
        let (mut digits, mut length) = ([b'0'; MOST_DIGITS], 0);
        for ((place, digit), index) in digits.iter_mut().zip(all().skip(zeros)).zip(1..) {
            *place = digit;
            if digit != b'0' {
                length = index;
            }
        }
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let point = whole.len() as i32 - zeros as i32 + exponent;
        match length {
            0 => Digits { negative, digits, length: 1, point: 1 },
            _ => Digits { negative, digits, length, point },
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Digits { negative, digits, length, point } = self;
        let digits = digits.get(..*length).unwrap_or(digits);
        let length = digits.len() as i32;
        if *negative {
            out.push(b'-');
        }
        let plain = *point > -MAX_POINT && (*point <= MAX_POINT || length > *point);
        if !plain {
            let (first, rest) = digits.split_at(1);
            out.extend_from_slice(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            out.push(b'e');
            digits::write_signed((point - 1).into(), out);
        } else if *point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        } else if *point >= length {
            out.extend_from_slice(digits);
            out.resize(out.len() + (point - length) as usize, b'0');
        } else {
            let (whole, fraction) = digits.split_at(*point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }
}

/// Appends a DOUBLE as the servers print it. The text reads back as the same number.
pub fn write_double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        Digits::of(zmij::Buffer::new().format_finite(value)).write(out);
    } else {
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

/// Appends a FLOAT as the servers print it: six digits, which may not read back as the same number.
pub fn write_float(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        let start = out.len();
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{:.*e}", FLOAT_DIGITS - 1, f64::from(value));
        let rounded = std::str::from_utf8(out.get(start..).unwrap_or_default());
        let digits = Digits::of(rounded.unwrap_or_default());
        out.truncate(start);
        digits.write(out);
    } else {
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

/// Appends a FLOAT with as many digits as it takes to read back as the same FLOAT.
pub fn write_float_exact(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        Digits::of(zmij::Buffer::new().format_finite(value)).write(out);
    } else {
        out.extend_from_slice(value.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text<T>(value: T, write: fn(T, &mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_as_the_servers_print_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1e15"),
            (1e14, "100000000000000"),
            (123_456_789_012_345.0, "123456789012345"),
            (1_234_567_890_123_456.0, "1.234567890123456e15"),
            (1_234_567_890_123_456.8, "1234567890123456.8"),
            (1e-5, "0.00001"),
            (1.5e-14, "0.000000000000015"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (-1.5e-20, "-1.5e-20"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(text(value, write_double), expected);
        }
    }

    #[test]
    fn floats_are_cut_to_six_digits_unless_asked() {
        for (value, cut, exact) in [
            (0.1f32, "0.1", "0.1"),
            (1.234_567_9, "1.23457", "1.2345679"),
            (16_777_216.0, "16777200", "16777216"),
            (f32::MAX, "3.40282e38", "3.4028235e38"),
            (1e-45, "1.4013e-45", "1e-45"),
            (-2.5, "-2.5", "-2.5"),
        ] {
            assert_eq!(text(value, write_float), cut);
            assert_eq!(text(value, write_float_exact), exact);
        }
    }

    proptest! {
        #[test]
        fn exact_texts_read_back(bits in any::<u64>(), low in any::<u32>()) {
            let double = f64::from_bits(bits);
            let float = f32::from_bits(low);
            if double.is_finite() {
                let back: f64 = text(double, write_double).parse().unwrap();
                prop_assert_eq!(back.to_bits(), bits);
            }
            if float.is_finite() {
                let back: f32 = text(float, write_float_exact).parse().unwrap();
                prop_assert_eq!(back.to_bits(), low);
                prop_assert!(text(float, write_float).len() <= 23);
            }
        }
    }
}
