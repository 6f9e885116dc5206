//! Values of a dump, or of a DEFAULT, as they stand in a row image.
//!
//! Exact or not at all: what was made is read again, and has to be what the dump says. Refused are
//! FLOAT, of which dumps have six digits, JSON, whose numbers a text does not tell apart, text that
//! would have to be converted, and the types of plugins.

use binlog_parser::row::decimal::Decimal;
use binlog_parser::row::text::BINARY_COLLATION;
use binlog_parser::row::{Column, ColumnType, Value};

use crate::schema::{DumpValue, ResolvedColumn, SqlType};

/// The session in which a dump's values stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    /// Whether text is in UTF-8, and TIMESTAMPs are in UTC.
    pub is_utf8: bool,
    pub is_utc: bool,
}

/// The bytes of a value of `column`, whose type is `column_type`; `None` for NULL.
///
/// # Errors
/// Why they are not known, as the end of a sentence.
pub(super) fn encode(
    column_type: ColumnType,
    column: &ResolvedColumn,
    value: &DumpValue<'_>,
    session: Session,
) -> Result<Option<Vec<u8>>, String> {
    use ColumnType as T;
    let text = match value {
        DumpValue::Null => return Ok(None),
        DumpValue::Number(text) | DumpValue::Text(text) | DumpValue::Bytes(text) => &text[..],
    };
    if matches!(column.sql_type, Some(SqlType::Uuid | SqlType::Inet4 | SqlType::Inet6)) {
        return Err("values of its type are not read from dumps".into());
    }
    let refused = || format!("{column_type} is not read from dumps, which do not have it exactly");
    let misfit = || format!("its value in the dump is none of {column_type}");
    let bytes = match column_type {
        T::Tiny => integer(text, 1),
        T::Short => integer(text, 2),
        T::Int24 => integer(text, 3),
        T::Long => integer(text, 4),
        T::Longlong => integer(text, 8),
        T::Double => {
            str_of(text).and_then(|t| t.parse::<f64>().ok()).map(|v| v.to_le_bytes().to_vec())
        }
        T::NewDecimal { precision, scale } => {
            str_of(text).and_then(|text| Decimal::encode(text, precision, scale).ok())
        }
        T::Year => match str_of(text).and_then(|text| text.parse::<u16>().ok()) {
            Some(0) => Some(vec![0]),
            Some(year) => {
                year.checked_sub(1900).and_then(|y| u8::try_from(y).ok()).map(|y| vec![y])
            }
            None => None,
        },
        T::Date => Moment::parse(text)
            .map(|moment| moment.date_bits().to_le_bytes().get(..3).unwrap_or_default().to_vec()),
        T::Datetime2 { fsp } => Moment::parse(text).map(|moment| moment.datetime(fsp)),
        T::Timestamp2 { .. } if !session.is_utc => {
            return Err("the dump does not have TIMESTAMPs in UTC".into());
        }
        T::Timestamp2 { fsp } => Moment::parse(text).and_then(|moment| moment.timestamp(fsp)),
        T::Time2 { fsp } => time(text, fsp),
        T::Enum { bytes } => label(column, text, session)?.and_then(|at| number(at, bytes)),
        T::Set { bytes } => set(column, text, session)?.and_then(|mask| number(mask, bytes)),
        T::Bit { bits } => bit(text, usize::from(bits).div_ceil(8)),
        T::Varchar { .. } | T::Char { .. } | T::Blob { .. } => {
            let bytes = string(column, value, text, session)?;
            let pad = match column_type {
                T::Char { .. } if is_binary(column) => 0,
                T::Char { .. } => b' ',
                _ => return Ok(Some(bytes.to_vec())),
            };
            let end = bytes.iter().rposition(|byte| *byte != pad).map_or(0, |at| at + 1);
            return Ok(bytes.get(..end).map(<[u8]>::to_vec));
        }
        T::Geometry { .. } | T::Vector { .. } => return Ok(Some(text.to_vec())),
        _ => return Err(refused()),
    };
    let bytes = bytes.ok_or_else(misfit)?;
    if !reads_as(column_type, column, &bytes, text) {
        return Err(misfit());
    }
    Ok(Some(bytes))
}

/// Whether bytes are read as what a dump says, digit by digit.
fn reads_as(column_type: ColumnType, known: &ResolvedColumn, bytes: &[u8], text: &[u8]) -> bool {
    let mut column = Column::new(column_type);
    column.unsigned = known.unsigned;
    let Ok(value) = Value::decode(&column, Some(bytes)) else { return false };
    let shown = match &value {
        Value::Date(date) => date.to_string(),
        Value::Datetime(datetime) => datetime.to_string(),
        Value::Timestamp(timestamp) => timestamp.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Integer(integer) if integer.is_unsigned().is_some() => integer.value().to_string(),
        Value::Integer(_) => return false,
        Value::Decimal(decimal) => {
            let mut out = vec![];
            decimal.write_text(&mut out);
            return out == text;
        }
        _ => return true,
    };
    shown.as_bytes() == text
}

fn str_of(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

fn integer(text: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let value: i128 = str_of(text)?.parse().ok()?;
    value.to_le_bytes().get(..bytes).map(<[u8]>::to_vec)
}

fn number(value: u64, bytes: u8) -> Option<Vec<u8>> {
    let wide = value.to_le_bytes();
    let (bytes, above) = wide.split_at_checked(bytes.into())?;
    above.iter().all(|byte| *byte == 0).then(|| bytes.to_vec())
}

/// A BIT: its last bytes, the first of them first.
fn bit(text: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let (above, low) = text.split_at(text.len().saturating_sub(bytes));
    let padding = vec![0; bytes.saturating_sub(low.len())];
    above.iter().all(|byte| *byte == 0).then(|| [&padding, low].concat())
}

fn is_binary(column: &ResolvedColumn) -> bool {
    column.charset.is_some_and(|charset| charset.name == "binary")
        || column.collation == Some(BINARY_COLLATION)
}

/// The bytes of a text in the column's character set, if they are those of the dump's.
fn string<'v>(
    column: &ResolvedColumn,
    value: &DumpValue<'_>,
    text: &'v [u8],
    session: Session,
) -> Result<&'v [u8], String> {
    if matches!(value, DumpValue::Bytes(_)) || is_binary(column) {
        return Ok(text);
    }
    let charset =
        column.charset.map(|charset| charset.name).ok_or("its character set is not known")?;
    let utf8 = matches!(charset, "utf8mb4" | "utf8mb3" | "utf8" | "ascii");
    let ascii = !matches!(charset, "ucs2" | "utf16" | "utf16le" | "utf32" | "swe7");
    if (utf8 && session.is_utf8) || (ascii && text.is_ascii()) {
        return Ok(text);
    }
    Err(format!("its text would have to be converted to {charset}"))
}

/// The number of an ENUM's member; 0 for the empty text, which is none.
fn label(column: &ResolvedColumn, text: &[u8], session: Session) -> Result<Option<u64>, String> {
    let at = column.labels.iter().position(|label| label == text);
    if text.is_ascii() || session.is_utf8 {
        let none = text.is_empty().then_some(0);
        return Ok(at.map(|at| at as u64 + 1).or(none));
    }
    Err("its members are in another character set".into())
}

fn set(column: &ResolvedColumn, text: &[u8], session: Session) -> Result<Option<u64>, String> {
    let mut mask = 0u64;
    for member in text.split(|byte| *byte == b',').filter(|member| !member.is_empty()) {
        match label(column, member, session)? {
            Some(at) if (1..=64).contains(&at) => mask |= 1 << (at - 1),
            _ => return Ok(None),
        }
    }
    Ok(Some(mask))
}

/// A date, and the time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    clock: Clock,
}

/// Hours, minutes, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Clock {
    hour: u64,
    minute: u64,
    second: u64,
    microsecond: u64,
}

impl Clock {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut parts = whole.split(':').map(|part| part.parse().ok());
        let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
        if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let microsecond = format!("{fraction:0<6}").parse().ok()?;
        (hour < 1024 && minute < 60 && second < 60).then_some(Clock {
            hour,
            minute,
            second,
            microsecond,
        })
    }

    fn bits(self) -> u64 {
        self.hour << 12 | self.minute << 6 | self.second
    }

    /// The fraction with so many digits, in bytes, the first first.
    fn fraction(self, fsp: u8) -> Vec<u8> {
        let (value, bytes) = match fsp {
            0 => (0, 0),
            1 | 2 => (self.microsecond / 10_000, 1),
            3 | 4 => (self.microsecond / 100, 2),
            _ => (self.microsecond, 3),
        };
        last(value, bytes)
    }
}

impl Moment {
    /// `2001-02-03` or `2001-02-03 04:05:06.7`.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = str_of(text)?;
        let (date, clock) = text.split_once(' ').unwrap_or((text, "00:00:00"));
        let mut parts = date.split('-').map(|part| part.parse().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let clock = Clock::parse(clock)?;
        (year < 10_000 && month < 13 && day < 32).then_some(Moment { year, month, day, clock })
    }

    fn date_bits(self) -> u64 {
        self.year << 9 | self.month << 5 | self.day
    }

    fn datetime(self, fsp: u8) -> Vec<u8> {
        let date = (self.year * 13 + self.month) << 5 | self.day;
        let whole = (date << 17 | self.clock.bits()) + 0x80_0000_0000;
        [last(whole, 5), self.clock.fraction(fsp)].concat()
    }

    fn timestamp(self, fsp: u8) -> Option<Vec<u8>> {
        let seconds = match self.year {
            0 => 0,
            _ => {
                self.days()?.checked_mul(86_400)?
                    + self.clock.hour * 3600
                    + self.clock.minute * 60
                    + self.clock.second
            }
        };
        let seconds = u32::try_from(seconds).ok()?;
        Some([last(seconds.into(), 4), self.clock.fraction(fsp)].concat())
    }

    /// Days since 1970-01-01, by a calendar whose years begin in March.
    fn days(self) -> Option<u64> {
        let year = if self.month > 2 { self.year } else { self.year.checked_sub(1)? };
        let month = (self.month + 9) % 12;
        let day = (153 * month + 2) / 5 + self.day.checked_sub(1)?;
        (365 * year + year / 4 - year / 100 + year / 400 + day).checked_sub(719_468)
    }
}

/// A TIME, negative or not: all its bits as one number around the middle.
fn time(text: &[u8], fsp: u8) -> Option<Vec<u8>> {
    let text = str_of(text)?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let clock = Clock::parse(text)?;
    let fraction = clock.fraction(fsp);
    let shift = 8 * fraction.len() as u32;
    let value = fraction.iter().fold(clock.bits(), |value, byte| value << 8 | u64::from(*byte));
    let middle = 0x80_0000 << shift;
    let value = if negative { middle - value } else { middle + value };
    Some(last(value, 3 + fraction.len()))
}

/// The last bytes of a number, the greatest first.
fn last(value: u64, bytes: usize) -> Vec<u8> {
    value.to_be_bytes().get(8usize.saturating_sub(bytes)..).unwrap_or_default().to_vec()
}
