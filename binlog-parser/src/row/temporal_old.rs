//! Dates and times as servers before 5.6 stored them: decimal digits in a binary number.
//!
//! MySQL still writes them for tables that are older than that, and MariaDB under
//! `mysql56_temporal_format=OFF`. MariaDB then also writes columns with fractions under the same
//! numbers, but longer and packed otherwise, and no metadata tells the two apart. So a value that
//! is no date here is refused, not shown.

use super::temporal::{Date, Datetime, Time, Timestamp};
use crate::error::Fault;
use crate::wire::le_uint;

/// Why values of the old temporal types may not be readable, and the way out.
pub(super) const OLD_TEMPORAL_HINT: &str = "a TIME, DATETIME or TIMESTAMP column of the old format does not fit, as MariaDB writes them \
     with fractions under mysql56_temporal_format=OFF; give the table's definition with --schema";

/// TIMESTAMP: seconds since 1970 UTC, least significant byte first.
///
/// # Errors
/// A [`Fault`] if there are not four bytes.
pub fn timestamp(bytes: &[u8]) -> Result<Timestamp, Fault> {
    let seconds = number(bytes, 4, "TIMESTAMP")? as u32;
    Ok(Timestamp { seconds, microsecond: 0, fsp: 0 })
}

/// DATETIME: YYYYMMDDhhmmss.
///
/// # Errors
/// A [`Fault`] if there are not eight bytes, or the digits are no date and time.
pub fn datetime(bytes: &[u8]) -> Result<Datetime, Fault> {
    let number = number(bytes, 8, "DATETIME")?;
    let two = |power: u64| (number / power % 100) as u8;
    let year = number / 10_000_000_000;
    Datetime {
        date: Date {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: two(100_000_000),
            day: two(1_000_000),
        },
        hour: two(10_000),
        minute: two(100),
        second: two(1),
        microsecond: 0,
        fsp: 0,
    }
    .checked("DATETIME")
    .map_err(hinted)
}

/// TIME: hhmmss, with a sign.
///
/// # Errors
/// A [`Fault`] if there are not three bytes, or the digits are no time.
pub fn time(bytes: &[u8]) -> Result<Time, Fault> {
    let bits = number(bytes, 3, "TIME")? as i32;
    let signed = bits << 8 >> 8;
    let digits = signed.unsigned_abs();
    Time {
        negative: signed < 0,
        hours: (digits / 10_000) as u16,
        minute: (digits / 100 % 100) as u8,
        second: (digits % 100) as u8,
        microsecond: 0,
        fsp: 0,
    }
    .checked("TIME")
    .map_err(hinted)
}

fn number(bytes: &[u8], needed: usize, what: &'static str) -> Result<u64, Fault> {
    match le_uint(bytes) {
        Some(number) if bytes.len() == needed => Ok(number),
        _ => Err(Fault::short(what, needed as u64, bytes.len() as u64)),
    }
}

fn hinted(fault: Fault) -> Fault {
    Fault::unsupported(fault.to_string(), OLD_TEMPORAL_HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_digits_read_as_dates_and_times() {
        let bytes = 20_121_231_235_959u64.to_le_bytes();
        assert_eq!(datetime(&bytes).unwrap().to_string(), "2012-12-31 23:59:59");
        assert_eq!(datetime(&[0; 8]).unwrap().to_string(), "0000-00-00 00:00:00");
        assert_eq!(time(&8_385_959u32.to_le_bytes()[..3]).unwrap().to_string(), "838:59:59");
        assert_eq!(time(&(-8_385_959i32).to_le_bytes()[..3]).unwrap().to_string(), "-838:59:59");
        assert_eq!(
            timestamp(&0x7FFF_FFFFu32.to_le_bytes()).unwrap().to_string(),
            "2038-01-19 03:14:07"
        );
    }

    #[test]
    fn what_is_no_date_may_be_of_mariadb_and_is_refused() {
        let fault = datetime(&20_121_331_000_000u64.to_le_bytes()).unwrap_err();
        assert!(fault.to_string().contains("--schema"), "{fault}");
        assert!(time(&[0xFF, 0xFF, 0x7F]).is_err());
        assert_eq!(time(&[0; 4]).unwrap_err(), Fault::short("TIME", 3, 4));
    }
}
