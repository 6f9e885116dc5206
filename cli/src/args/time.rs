//! Times as people type them, and as they are shown.

use std::str::FromStr;

use chrono::{
    DateTime, FixedOffset, Local, MappedLocalTime, NaiveDate, NaiveDateTime, SecondsFormat,
    TimeDelta, TimeZone, Utc,
};
use clap::Args;

use crate::exit::{Failure, Outcome};

/// The time zone that times are typed and shown in.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct TimeArgs {
    /// Time zone of the times typed and shown: SYSTEM, UTC or an offset such as +02:00
    ///
    /// SYSTEM is this machine's zone; `TZ=Europe/Berlin binlog …` makes it another. JSON output is
    /// in UTC always.
    #[arg(long, value_name = "ZONE", default_value = "SYSTEM", allow_hyphen_values = true)]
    pub time_zone: Zone,
}

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// This machine's.
    #[default]
    System,
    /// Always the same offset from UTC.
    Fixed(FixedOffset),
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "SYSTEM" | "LOCAL" => Ok(Zone::System),
            "UTC" | "Z" | "GMT" => Ok(Zone::Fixed(Utc.fix_offset())),
            upper => match upper.parse() {
                Ok(offset) => Ok(Zone::Fixed(offset)),
                Err(_) => {
                    Err("needed SYSTEM, UTC or an offset such as +02:00; for a zone by name \
                               set the environment variable TZ"
                        .to_owned())
                }
            },
        }
    }
}

/// The fixed offset of [`Utc`].
trait FixOffset {
    fn fix_offset(&self) -> FixedOffset;
}

impl FixOffset for Utc {
    fn fix_offset(&self) -> FixedOffset {
        chrono::Offset::fix(self)
    }
}

impl Zone {
    /// Seconds since 1970 in the server's form, `2026-11-22 03:04:05`.
    #[must_use]
    pub fn show(self, seconds: u32) -> String {
        const FORM: &str = "%Y-%m-%d %H:%M:%S";
        let time = utc(seconds);
        match self {
            Zone::System => time.with_timezone(&Local).format(FORM).to_string(),
            Zone::Fixed(offset) => time.with_timezone(&offset).format(FORM).to_string(),
        }
    }

    /// As [`Zone::show`], with the offset behind it: for reports that leave the machine.
    #[must_use]
    pub fn show_with_offset(self, seconds: u32) -> String {
        const FORM: &str = "%Y-%m-%d %H:%M:%S%:z";
        let time = utc(seconds);
        match self {
            Zone::System => time.with_timezone(&Local).format(FORM).to_string(),
            Zone::Fixed(offset) => time.with_timezone(&offset).format(FORM).to_string(),
        }
    }

    fn resolve(self, time: NaiveDateTime) -> MappedLocalTime<DateTime<Utc>> {
        match self {
            Zone::System => Local.from_local_datetime(&time).map(|time| time.to_utc()),
            Zone::Fixed(offset) => offset.from_local_datetime(&time).map(|time| time.to_utc()),
        }
    }
}

fn utc(seconds: u32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(i64::from(seconds))
}

/// Seconds since 1970 as JSON has them: RFC 3339, in UTC.
#[must_use]
pub fn rfc3339(seconds: u32) -> String {
    utc(seconds).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// As [`rfc3339`], with the fraction of the second where it is known.
#[must_use]
pub fn rfc3339_micros(seconds: u32, microseconds: Option<u32>) -> String {
    match microseconds {
        None => rfc3339(seconds),
        Some(micros) => (utc(seconds) + TimeDelta::microseconds(i64::from(micros)))
            .to_rfc3339_opts(SecondsFormat::Micros, true),
    }
}

/// A point in time on the command line, before its zone is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TimeText {
    /// `2026-11-22 03:04:05.678`, in `--time-zone`.
    Server(NaiveDateTime),
    /// RFC 3339, with its own offset.
    Absolute(DateTime<Utc>),
    /// `-2h`: so long before now.
    Ago(TimeDelta),
}

impl FromStr for TimeText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(ago) = text.strip_prefix('-') {
            let ago = humantime::parse_duration(ago).map_err(|e| e.to_string())?;
            return TimeDelta::from_std(ago).map(TimeText::Ago).map_err(|e| e.to_string());
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(TimeText::Absolute(time.to_utc()));
        }
        let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        let times = forms.iter().filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
        times.into_iter().next().or_else(date).map(TimeText::Server).ok_or_else(|| {
            "needed 'YYYY-MM-DD hh:mm:ss', RFC 3339 (2026-11-22T03:04:05Z) or -2h".to_owned()
        })
    }
}

impl TimeText {
    /// The point in time, a time of the server's form being one of `zone`.
    ///
    /// # Errors
    /// Where clocks were changed: a time that the zone has twice, or never.
    pub fn resolve(self, zone: Zone, now: DateTime<Utc>) -> Outcome<DateTime<Utc>> {
        let time = match self {
            TimeText::Absolute(time) => return Ok(time),
            TimeText::Ago(ago) => {
                return now
                    .checked_sub_signed(ago)
                    .ok_or_else(|| Failure::unusable("a time before all times"));
            }
            TimeText::Server(time) => time,
        };
        match zone.resolve(time) {
            MappedLocalTime::Single(time) => Ok(time),
            MappedLocalTime::Ambiguous(a, b) => {
                let [a, b] = [a, b].map(|t| t.to_rfc3339_opts(SecondsFormat::Secs, true));
                Err(Failure::unusable(format!(
                    "{time}: the clock of this time zone showed it twice, at {a} and at {b}"
                ))
                .hint("write one of the two as it stands here"))
            }
            MappedLocalTime::None => Err(Failure::unusable(format!(
                "{time}: the clock of this time zone never showed it: it was set forward"
            ))
            .hint("write the time in UTC: YYYY-MM-DDThh:mm:ssZ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, zone: &str) -> String {
        let now = DateTime::parse_from_rfc3339("2026-11-22T12:00:00Z").unwrap().to_utc();
        let time: TimeText = text.parse().unwrap();
        let time = time.resolve(zone.parse().unwrap(), now).unwrap();
        time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    #[test]
    fn every_form_of_a_time_reads() {
        assert_eq!(resolved("2026-11-22 03:04:05", "UTC"), "2026-11-22T03:04:05Z");
        assert_eq!(resolved("2026-11-22 03:04:05.25", "+02:00"), "2026-11-22T01:04:05.250Z");
        assert_eq!(resolved("2026-11-22 03:04", "-05:00"), "2026-11-22T08:04:00Z");
        assert_eq!(resolved("2026-11-22", "UTC"), "2026-11-22T00:00:00Z");
        assert_eq!(resolved("2026-11-22T03:04:05+01:00", "UTC"), "2026-11-22T02:04:05Z");
        assert_eq!(resolved("2026-11-22T03:04:05", "UTC"), "2026-11-22T03:04:05Z");
        assert_eq!(resolved("-2h", "+02:00"), "2026-11-22T10:00:00Z");
        assert_eq!(resolved("-1day 30min", "UTC"), "2026-11-21T11:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "2026-13-01 00:00:00", "-", "-2 bananas", "1700000000"] {
            assert!(text.parse::<TimeText>().is_err(), "{text}");
        }
        assert!("Mars/Olympus".parse::<Zone>().unwrap_err().contains("TZ"));
    }

    #[test]
    fn times_are_shown_in_their_zone() {
        let zone: Zone = "+02:00".parse().unwrap();
        assert_eq!(zone.show(0), "1970-01-01 02:00:00");
        assert_eq!(zone.show_with_offset(0), "1970-01-01 02:00:00+02:00");
        assert_eq!(rfc3339(u32::MAX), "2106-02-07T06:28:15Z");
        assert_eq!(rfc3339_micros(0, Some(5)), "1970-01-01T00:00:00.000005Z");
    }
}
