//! Dates and times as the servers have stored them since 5.6 (`my_time.cc`; MariaDB's
//! `sql/compat56.cc`): bits packed most significant first, then the fraction of a second.

use std::fmt;

use crate::digits;
use crate::error::Fault;
use crate::wire::{be_uint, le_uint};

/// A date. Parts may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// A date and a time of day, in no particular time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Datetime {
    /// The date.
    pub date: Date,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Fraction of a second, in microseconds.
    pub microsecond: u32,
    /// How many digits of the fraction the column keeps, 0 to 6.
    pub fsp: u8,
}

/// A duration, at most 838:59:59 in either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Time {
    /// Whether there is a minus sign.
    pub negative: bool,
    /// 0 to 838.
    pub hours: u16,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Fraction of a second, in microseconds.
    pub microsecond: u32,
    /// How many digits of the fraction the column keeps, 0 to 6.
    pub fsp: u8,
}

/// A moment; second 0 is the zero date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Seconds since 1970 UTC.
    pub seconds: u32,
    /// Fraction of a second, in microseconds.
    pub microsecond: u32,
    /// How many digits of the fraction the column keeps, 0 to 6.
    pub fsp: u8,
}

/// A year from its byte: 0 is 0000, else 1901 to 2155.
#[must_use]
pub fn year(byte: u8) -> u16 {
    if byte == 0 { 0 } else { 1900 + u16::from(byte) }
}

impl Date {
    /// DATE: day in 5 bits, month in 4, year in 15, least significant first.
    ///
    /// # Errors
    /// A [`Fault`] if the bits are no date.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != 3 {
            return Err(Fault::short("DATE", 3, bytes.len() as u64));
        }
        let bits = le_uint(bytes).unwrap_or(u64::MAX);
        let date = Date {
            year: u16::try_from(bits >> 9).unwrap_or(u16::MAX),
            month: (bits >> 5 & 0xF) as u8,
            day: (bits & 0x1F) as u8,
        };
        if date.year > 9999 || date.month > 12 {
            return Err(Fault::value("DATE", "at most 9999-12-31", date));
        }
        Ok(date)
    }
}

impl Datetime {
    /// DATETIME2: 40 bits, most significant first, then the fraction.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the bits are no date and time.
    pub fn decode(bytes: &[u8], fsp: u8) -> Result<Self, Fault> {
        let (whole, fraction) = split::<5>(bytes, "DATETIME2")?;
        let Some(bits) = be_uint(whole).and_then(|bits| bits.checked_sub(0x80_0000_0000)) else {
            return Err(Fault::value("DATETIME2", "a date not before 0000", "a negative one"));
        };
        Datetime::from_bits(bits, microseconds(fraction, fsp)?, fsp)
    }

    /// The bits above the fraction: year * 13 + month, day in 5 bits, hour in 5, minute and second
    /// in 6 each.
    pub(super) fn from_bits(bits: u64, microsecond: u32, fsp: u8) -> Result<Self, Fault> {
        let months = bits >> 22;
        let datetime = Datetime {
            date: Date {
                year: u16::try_from(months / 13).unwrap_or(u16::MAX),
                month: (months % 13) as u8,
                day: (bits >> 17 & 0x1F) as u8,
            },
            hour: (bits >> 12 & 0x1F) as u8,
            minute: (bits >> 6 & 0x3F) as u8,
            second: (bits & 0x3F) as u8,
            microsecond,
            fsp,
        };
        datetime.checked("DATETIME2")
    }

    pub(super) fn checked(self, what: &'static str) -> Result<Self, Fault> {
        let date = self.date;
        if date.year > 9999
            || date.month > 12
            || date.day > 31
            || self.hour > 23
            || self.minute > 59
            || self.second > 59
            || self.microsecond > 999_999
        {
            return Err(Fault::value(what, "at most 9999-12-31 23:59:59.999999", self));
        }
        Ok(self)
    }
}

impl Time {
    /// TIME2: 24 bits with an offset, then the fraction. A negative time is one two's complement
    /// number of whole and fraction together.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the bits are no time.
    pub fn decode(bytes: &[u8], fsp: u8) -> Result<Self, Fault> {
        const WHAT: &str = "TIME2";
        let (_, fraction) = split::<3>(bytes, WHAT)?;
        microseconds_unit(fsp, fraction.len())?;
        let width = bytes.len() as u32 * 8;
        let whole = be_uint(bytes).unwrap_or(0) as i64 - (1 << (width - 1));
        let magnitude = whole.unsigned_abs();
        let fraction_bits = fraction.len() as u32 * 8;
        let unit = microseconds_unit(fsp, fraction.len())?;
        let fraction = (magnitude & ((1 << fraction_bits) - 1)) as u32;
        let microsecond = fraction.saturating_mul(unit);
        Time::from_bits(whole < 0, magnitude >> fraction_bits, microsecond, fsp)
    }

    /// The bits above the fraction: hour, minute and second in 10, 6 and 6.
    pub(super) fn from_bits(
        negative: bool,
        bits: u64,
        microsecond: u32,
        fsp: u8,
    ) -> Result<Self, Fault> {
        Time {
            negative,
            hours: u16::try_from(bits >> 12).unwrap_or(u16::MAX),
            minute: (bits >> 6 & 0x3F) as u8,
            second: (bits & 0x3F) as u8,
            microsecond,
            fsp,
        }
        .checked("TIME2")
    }

    pub(super) fn checked(self, what: &'static str) -> Result<Self, Fault> {
        if self.hours > 838 || self.minute > 59 || self.second > 59 || self.microsecond > 999_999 {
            return Err(Fault::value(what, "at most 838:59:59.999999", self));
        }
        Ok(self)
    }
}

impl Timestamp {
    /// TIMESTAMP2: seconds, most significant byte first, then the fraction.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the fraction is above a second.
    pub fn decode(bytes: &[u8], fsp: u8) -> Result<Self, Fault> {
        let (seconds, fraction) = split::<4>(bytes, "TIMESTAMP2")?;
        let seconds = u32::from_be_bytes(*seconds);
        Ok(Timestamp { seconds, microsecond: microseconds(fraction, fsp)?, fsp })
    }

    /// Date and time of day in UTC.
    #[must_use]
    pub fn utc(&self) -> Datetime {
        if self.seconds == 0 {
            return Datetime { fsp: self.fsp, ..Datetime::default() };
        }
        let (days, second) = (self.seconds / 86_400, self.seconds % 86_400);
        Datetime {
            date: civil(days),
            hour: (second / 3600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            microsecond: self.microsecond,
            fsp: self.fsp,
        }
    }
}

/// The date `days` after 1970-01-01. Counts in eras of 400 years that begin in March, so that the
/// leap day is the last of its year.
fn civil(days: u32) -> Date {
    const DAYS_BEFORE_1970: u32 = 719_468;
    let days = days + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u32::from(month <= 2);
    Date { year: year as u16, month: month as u8, day: day as u8 }
}

fn split<'a, const WHOLE: usize>(
    bytes: &'a [u8],
    what: &'static str,
) -> Result<(&'a [u8; WHOLE], &'a [u8]), Fault> {
    bytes.split_first_chunk().ok_or_else(|| Fault::short(what, WHOLE as u64, bytes.len() as u64))
}

/// What one unit of a stored fraction is, in microseconds: two decimal digits a byte.
fn microseconds_unit(fsp: u8, bytes: usize) -> Result<u32, Fault> {
    let (needed, unit) = match fsp {
        0 => (0, 0),
        1 | 2 => (1, 10_000),
        3 | 4 => (2, 100),
        5 | 6 => (3, 1),
        _ => return Err(Fault::value("digits of a fraction of a second", "0 to 6", fsp)),
    };
    if bytes == needed {
        return Ok(unit);
    }
    Err(Fault::short("fraction of a second", needed as u64, bytes as u64))
}

fn microseconds(fraction: &[u8], fsp: u8) -> Result<u32, Fault> {
    let unit = u64::from(microseconds_unit(fsp, fraction.len())?);
    let microseconds = be_uint(fraction).unwrap_or(0) * unit;
    match u32::try_from(microseconds) {
        Ok(microseconds) if microseconds <= 999_999 => Ok(microseconds),
        _ => Err(Fault::limit("fraction of a second", 999_999, microseconds)),
    }
}

/// Writes the point and the digits that the column keeps.
fn fraction(microsecond: u32, fsp: u8, out: &mut Vec<u8>) {
    if fsp == 0 {
        return;
    }
    let dropped = 10u32.pow(6 - u32::from(fsp.min(6)));
    out.push(b'.');
    digits::write_padded((microsecond / dropped).into(), fsp.min(6).into(), b'0', out);
}

impl Date {
    /// Appends `2025-01-31`.
    #[inline]
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self.digits() {
            Some(digits) => out.extend_from_slice(&digits),
            None => self.write_odd(out),
        }
    }

    /// `2025-01-31`, if no part has more digits than that.
    #[inline]
    fn digits(&self) -> Option<[u8; 10]> {
        let century = digits::pair(u8::try_from(self.year / 100).ok()?)?;
        let year = digits::pair((self.year % 100) as u8)?;
        let [month, day] = [digits::pair(self.month)?, digits::pair(self.day)?];
        Some([
            century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0],
            day[1],
        ])
    }

    fn write_odd(&self, out: &mut Vec<u8>) {
        digits::write_padded(self.year.into(), 4, b'0', out);
        out.push(b'-');
        digits::write_two(self.month, out);
        out.push(b'-');
        digits::write_two(self.day, out);
    }
}

impl Datetime {
    /// Appends `2025-01-31 23:59:59`, and the fraction that the column keeps.
    #[inline]
    pub fn write_text(&self, out: &mut Vec<u8>) {
        self.date.write_text(out);
        match [self.hour, self.minute, self.second].map(digits::pair) {
            [Some(hour), Some(minute), Some(second)] => {
                let [[a, b], [c, d], [e, f]] = [hour, minute, second];
                out.extend_from_slice(&[b' ', a, b, b':', c, d, b':', e, f]);
            }
            _ => {
                let numbers = [(b' ', self.hour), (b':', self.minute), (b':', self.second)];
                for (before, number) in numbers {
                    out.push(before);
                    digits::write_two(number, out);
                }
            }
        }
        fraction(self.microsecond, self.fsp, out);
    }
}

impl Time {
    /// Appends `-838:59:59`, and the fraction that the column keeps.
    #[inline]
    pub fn write_text(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        digits::write_padded(self.hours.into(), 2, b'0', out);
        for number in [self.minute, self.second] {
            out.push(b':');
            digits::write_two(number, out);
        }
        fraction(self.microsecond, self.fsp, out);
    }
}

impl Timestamp {
    /// Appends it in UTC, as a session with `time_zone='+00:00'` shows it.
    #[inline]
    pub fn write_text(&self, out: &mut Vec<u8>) {
        self.utc().write_text(out);
    }
}

macro_rules! display_as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = Vec::with_capacity(26);
                self.write_text(&mut text);
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }
    )*};
}

display_as_text! { Date Datetime Time Timestamp }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn negative_times_borrow_from_their_fraction() {
        for (bytes, fsp, text) in [
            (&[0x80, 0x00, 0x00][..], 0, "00:00:00"),
            (&[0xB4, 0x6E, 0xFB], 0, "838:59:59"),
            (&[0x4B, 0x91, 0x05], 0, "-838:59:59"),
            (&[0x7F, 0xFF, 0xFF], 0, "-00:00:01"),
            (&[0x7F, 0xFF, 0xFE, 0xF6], 2, "-00:00:01.10"),
            (&[0x7F, 0xFF, 0xFF, 0xFF], 2, "-00:00:00.01"),
            (&[0x7F, 0xFF, 0xFF, 0xF6], 1, "-00:00:00.1"),
            (&[0x7F, 0xFF, 0xFF, 0xFF, 0xF6], 3, "-00:00:00.001"),
            (&[0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 6, "-00:00:00.000001"),
            (&[0x80, 0x00, 0x00, 0x00, 0x00, 0x01], 6, "00:00:00.000001"),
        ] {
            assert_eq!(Time::decode(bytes, fsp).map(|time| time.to_string()), Ok(text.into()));
        }
        assert!(Time::decode(&[0xFF, 0xFF, 0xFF], 0).is_err());
    }

    #[test]
    fn datetimes_may_be_zero_and_end_in_9999() {
        for (bytes, fsp, text) in [
            (&[0x80, 0, 0, 0, 0][..], 0, "0000-00-00 00:00:00"),
            (&[0xFE, 0xF3, 0xFF, 0x7E, 0xFB], 0, "9999-12-31 23:59:59"),
            (&[0xFE, 0xF3, 0xFF, 0x7E, 0xFB, 0x0F, 0x42, 0x3F], 6, "9999-12-31 23:59:59.999999"),
            (&[0x80, 0, 0, 0, 0, 0x00, 0x00], 3, "0000-00-00 00:00:00.000"),
        ] {
            let datetime = Datetime::decode(bytes, fsp).unwrap();
            assert_eq!(datetime.to_string(), text);
        }
        assert!(Datetime::decode(&[0x7F, 0, 0, 0, 0], 0).is_err());
        assert!(Datetime::decode(&[0x80, 0, 0, 0, 0, 0xFF], 2).is_err());
    }

    #[test]
    fn timestamps_are_moments_in_utc() {
        for (bytes, fsp, text) in [
            (&[0, 0, 0, 0][..], 0, "0000-00-00 00:00:00"),
            (&[0, 0, 0, 1], 0, "1970-01-01 00:00:01"),
            (&[0x38, 0xBB, 0xB5, 0x7F, 0x63], 2, "2000-02-29 12:03:11.99"),
            (&[0x7F, 0xFF, 0xFF, 0xFF], 0, "2038-01-19 03:14:07"),
            (&[0xFF, 0xFF, 0xFF, 0xFF], 0, "2106-02-07 06:28:15"),
        ] {
            assert_eq!(Timestamp::decode(bytes, fsp).unwrap().to_string(), text);
        }
    }

    #[test]
    fn dates_and_years() {
        let date = |bytes: [u8; 3]| Date::decode(&bytes).map(|date| date.to_string());
        assert_eq!(date([0, 0, 0]), Ok("0000-00-00".into()));
        assert_eq!(date([0x9F, 0x1F, 0x4E]), Ok("9999-12-31".into()));
        assert_eq!(date([0x0F, 0xC8, 0x0F]), Ok("2020-00-15".into()));
        assert!(date([0xFF, 0xFF, 0xFF]).is_err());
        assert_eq!((year(0), year(1), year(255)), (0, 1901, 2155));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_time_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..9), fsp in 0u8..9) {
            for text in [
                Time::decode(&bytes, fsp).map(|value| value.to_string()),
                Datetime::decode(&bytes, fsp).map(|value| value.to_string()),
                Timestamp::decode(&bytes, fsp).map(|value| value.to_string()),
                Date::decode(&bytes).map(|value| value.to_string()),
            ].into_iter().flatten() {
                prop_assert!(text.len() <= 26);
            }
        }
    }
}
