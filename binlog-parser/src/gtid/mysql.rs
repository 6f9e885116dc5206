//! One MySQL transaction's name.

use std::fmt;
use std::str::FromStr;

use crate::error::Fault;

use super::text::Text;
use super::{Tag, Uuid};

/// Greatest transaction number that MySQL gives: one below `GNO_END`, which is 2^63 - 1
/// (`rpl_gtid.h`).
pub const GNO_MAX: u64 = i64::MAX as u64 - 1;

/// Where MySQL GTIDs come from: a server and, since 8.3, a tag (`libs/mysql/gtid/tsid.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tsid {
    /// Server or group.
    pub uuid: Uuid,
    /// Set apart by this name.
    pub tag: Option<Tag>,
}

impl fmt::Display for Tsid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tag {
            Some(tag) => write!(f, "{}:{tag}", self.uuid),
            None => self.uuid.fmt(f),
        }
    }
}

/// Global transaction identifier of MySQL: `uuid:gno` or `uuid:tag:gno` (the manual's "GTID Format
/// and Storage").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gtid {
    /// Server or group that committed first.
    pub uuid: Uuid,
    /// Tag, if the session had set one.
    pub tag: Option<Tag>,
    /// Number of the transaction within its server and tag, from 1 to [`GNO_MAX`].
    pub gno: u64,
}

impl Gtid {
    /// The source that counts this GTID's number.
    #[must_use]
    pub fn tsid(&self) -> Tsid {
        Tsid { uuid: self.uuid, tag: self.tag }
    }
}

impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tsid(), self.gno)
    }
}

impl FromStr for Gtid {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let mut text = Text::new("GTID", text);
        let Some(uuid) = Uuid::at_start_of(text.rest()) else {
            return Err(text.fault("a UUID, as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:23"));
        };
        text.skip(Uuid::TEXT_BYTES);
        let number = "a number from 1 to 2^63-2, or a tag and such a number, after the UUID";
        if !text.eat(':') {
            return Err(text.fault(number));
        }
        let mut tag = None;
        if text.rest().starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            let before = text;
            tag = Some(text.word().parse()?);
            if !text.eat(':') {
                return Err(before.fault(number));
            }
        }
        let before = text;
        let gno = text.number(number, GNO_MAX)?;
        if gno == 0 {
            return Err(before.fault(number));
        }
        text.end("the end of the GTID: one transaction, no interval")?;
        Ok(Gtid { uuid, tag, gno })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    #[test]
    fn both_text_forms_read_and_print() {
        let plain: Gtid = format!(" {UUID} : 23\n").parse().unwrap();
        assert_eq!((plain.tag, plain.gno), (None, 23));
        assert_eq!(plain.to_string(), format!("{UUID}:23"));
        let tagged: Gtid = format!("{}:Night:7", UUID.to_uppercase()).parse().unwrap();
        assert_eq!(tagged.to_string(), format!("{UUID}:night:7"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, needed) in [
            ("binlog.000001:4", "needed a UUID"),
            (UUID, "a number from 1 to 2^63-2"),
            (&format!("{UUID}:0"), "a number from 1"),
            (&format!("{UUID}:010"), "a number from 1"),
            (&format!("{UUID}:9223372036854775807"), "a number from 1"),
            (&format!("{UUID}:tag"), "a number from 1"),
            (&format!("{UUID}:tag:"), "a number from 1"),
            (&format!("{UUID}:a-b:1"), "a number from 1"),
            (&format!("{UUID}:1-5"), "one transaction, no interval, had \"-5\""),
        ] {
            let fault = text.parse::<Gtid>().unwrap_err().to_string();
            assert!(fault.contains(needed), "{text}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn parsing_undoes_printing(
            uuid: [u8; 16],
            tag in proptest::option::of("[a-z_][a-z0-9_]{0,31}"),
            gno in 1..=GNO_MAX,
        ) {
            let tag = tag.map(|tag| tag.parse().unwrap());
            let gtid = Gtid { uuid: Uuid(uuid), tag, gno };
            prop_assert_eq!(gtid.to_string().parse::<Gtid>(), Ok(gtid));
        }

        #[test]
        fn no_text_panics(text: String, tail in "[-:a-z0-9, é\n]{0,20}") {
            let _ = text.parse::<Gtid>();
            let _ = format!("{UUID}{tail}").parse::<Gtid>();
        }
    }
}
