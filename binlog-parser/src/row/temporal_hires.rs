//! Dates and times with fractions as MariaDB 5.3 to 10.0 stored them, and as it does to this day
//! under `mysql56_temporal_format=OFF` (`Field_timestamp_hires`, `Field_datetime_hires` and
//! `Field_time_hires` in its `sql/field.cc`).
//!
//! A number counts all of it, most significant byte first, in units of the last digit that the
//! column keeps. The log does not say how many digits these are: the table's definition does.

use super::temporal::{Date, Datetime, Time, Timestamp};
use crate::error::Fault;
use crate::wire::be_uint;

const MICROSECONDS: u64 = 1_000_000;

/// What a TIME is counted from, in seconds: one more than the longest (`TIME_MAX_VALUE_SECONDS`).
const TIME_ZERO_SECONDS: i64 = 838 * 3600 + 59 * 60 + 59 + 1;

/// Bytes of a fraction of a second with `fsp` digits.
#[must_use]
pub(super) fn fraction_bytes(fsp: u8) -> u32 {
    u32::from(fsp).div_ceil(2)
}

/// Bytes of a TIMESTAMP(`fsp`).
pub(super) fn timestamp_bytes(fsp: u8) -> u32 {
    4 + fraction_bytes(fsp)
}

/// Bytes of a DATETIME(`fsp`).
pub(super) fn datetime_bytes(fsp: u8) -> u32 {
    match fsp {
        0 => 5,
        1 | 2 => 6,
        3..=5 => 7,
        _ => 8,
    }
}

/// Bytes of a TIME(`fsp`).
pub(super) fn time_bytes(fsp: u8) -> u32 {
    match fsp {
        0 => 3,
        1 | 2 => 4,
        3..=5 => 5,
        _ => 6,
    }
}

/// TIMESTAMP: seconds since 1970 UTC in four bytes, and the fraction.
///
/// # Errors
/// A [`Fault`] if the length is another, or the fraction is above a second.
pub fn timestamp(bytes: &[u8], fsp: u8) -> Result<Timestamp, Fault> {
    const WHAT: &str = "TIMESTAMP with a fraction";
    let needed = timestamp_bytes(fsp);
    let Some((seconds, fraction)) = bytes.split_at_checked(4) else {
        return Err(Fault::short(WHAT, needed.into(), bytes.len() as u64));
    };
    let seconds = number(seconds, 4, WHAT)?;
    let fraction = number(fraction, needed - 4, WHAT)?;
    let microsecond = fraction.saturating_mul(unit(fsp)?);
    if microsecond >= MICROSECONDS {
        return Err(Fault::value(WHAT, "a fraction below a second", fraction));
    }
    Ok(Timestamp { seconds: seconds as u32, microsecond: microsecond as u32, fsp })
}

/// DATETIME: months of thirteen a year, days of 32 a month.
///
/// # Errors
/// A [`Fault`] if the length is another, or the number is no date and time.
pub fn datetime(bytes: &[u8], fsp: u8) -> Result<Datetime, Fault> {
    const WHAT: &str = "DATETIME with a fraction";
    let mut rest = number(bytes, datetime_bytes(fsp), WHAT)?.saturating_mul(unit(fsp)?);
    let mut part = |count: u64| {
        let part = rest % count;
        rest /= count;
        part
    };
    let microsecond = part(MICROSECONDS) as u32;
    let [second, minute, hour, day, month] = [60, 60, 24, 32, 13].map(|count| part(count) as u8);
    let year = u16::try_from(rest).unwrap_or(u16::MAX);
    let date = Date { year, month, day };
    Datetime { date, hour, minute, second, microsecond, fsp }.checked(WHAT)
}

/// TIME: counted from the longest negative one.
///
/// # Errors
/// A [`Fault`] if the length is another, or the number is no time.
pub fn time(bytes: &[u8], fsp: u8) -> Result<Time, Fault> {
    const WHAT: &str = "TIME with a fraction";
    let unit = unit(fsp)? as i64;
    // At most six bytes, so that nothing overflows.
    let number = number(bytes, time_bytes(fsp), WHAT)? as i64;
    let zero = TIME_ZERO_SECONDS * MICROSECONDS as i64 / unit;
    let microseconds = (number - zero).saturating_mul(unit);
    let magnitude = microseconds.unsigned_abs();
    let seconds = magnitude / MICROSECONDS;
    Time {
        negative: microseconds < 0,
        hours: u16::try_from(seconds / 3600).unwrap_or(u16::MAX),
        minute: (seconds / 60 % 60) as u8,
        second: (seconds % 60) as u8,
        microsecond: (magnitude % MICROSECONDS) as u32,
        fsp,
    }
    .checked(WHAT)
}

/// Microseconds of the last digit.
fn unit(fsp: u8) -> Result<u64, Fault> {
    match 6u32.checked_sub(fsp.into()) {
        Some(digits) => Ok(10u64.pow(digits)),
        None => Err(Fault::limit("digits of a fraction of a second", 6, fsp.into())),
    }
}

fn number(bytes: &[u8], needed: u32, what: &'static str) -> Result<u64, Fault> {
    match be_uint(bytes) {
        Some(number) if bytes.len() == needed as usize => Ok(number),
        _ => Err(Fault::short(what, needed.into(), bytes.len() as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_count_the_last_digit() {
        // (2012 * 13 + 12) months, day 31, 23:59:59.5
        let seconds = ((((2012 * 13 + 12) * 32 + 31) * 24 + 23) * 60 + 59) * 60 + 59u64;
        let tenths = (seconds * 10 + 5).to_be_bytes();
        assert_eq!(datetime(&tenths[2..], 1).unwrap().to_string(), "2012-12-31 23:59:59.5");
        let micros = (seconds * 1_000_000 + 500_001).to_be_bytes();
        assert_eq!(datetime(&micros, 6).unwrap().to_string(), "2012-12-31 23:59:59.500001");

        let hundredths =
            |sign: i64| ((3_020_400 + sign * 3_020_399) * 100 + sign * 99).to_be_bytes();
        assert_eq!(time(&hundredths(1)[4..], 2).unwrap().to_string(), "838:59:59.99");
        assert_eq!(time(&hundredths(-1)[4..], 2).unwrap().to_string(), "-838:59:59.99");

        let moment = [0x38, 0xBB, 0xB5, 0x7F, 0x03, 0xE7];
        assert_eq!(timestamp(&moment, 3).unwrap().to_string(), "2000-02-29 12:03:11.999");
        assert!(timestamp(&[0, 0, 0, 1, 0x03, 0xE8], 3).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_time_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..9), fsp in 0u8..9) {
            for text in [
                time(&bytes, fsp).map(|value| value.to_string()),
                datetime(&bytes, fsp).map(|value| value.to_string()),
                timestamp(&bytes, fsp).map(|value| value.to_string()),
            ].into_iter().flatten() {
                prop_assert!(text.len() <= 26);
            }
        }
    }
}
