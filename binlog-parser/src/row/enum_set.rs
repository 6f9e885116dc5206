//! ENUM and SET: numbers on the wire, members only where metadata or a schema name them.

use crate::digits;
use crate::error::Fault;
use crate::wire::le_uint;

/// Members of an ENUM or SET in order, in the column's character set.
pub type Labels<'a> = Option<&'a [Box<[u8]>]>;

/// An ENUM value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enum<'a> {
    /// Number of the member, counted from 1; 0 is the empty string of a failed insert.
    pub number: u16,
    /// The member, if members are known.
    pub label: Option<&'a [u8]>,
}

impl<'a> Enum<'a> {
    /// The value in one or two bytes.
    ///
    /// # Errors
    /// A [`Fault`] if there are more.
    pub fn decode(bytes: &[u8], labels: Labels<'a>) -> Result<Self, Fault> {
        let number = le_uint(bytes)
            .and_then(|number| u16::try_from(number).ok())
            .ok_or_else(|| Fault::limit("ENUM", 2, bytes.len() as u64))?;
        let label = labels.and_then(|labels| match usize::from(number).checked_sub(1) {
            None => Some(&[][..]),
            Some(index) => labels.get(index).map(|label| &label[..]),
        });
        Ok(Enum { number, label })
    }

    /// Appends the member, or its number if it is unknown.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self.label {
            Some(label) => out.extend_from_slice(label),
            None => digits::write_unsigned(self.number.into(), out),
        }
    }
}

/// A SET value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Set<'a> {
    /// A bit for each member, the first member lowest.
    pub mask: u64,
    /// The members, if they are known.
    pub labels: Labels<'a>,
}

impl<'a> Set<'a> {
    /// The value in up to eight bytes, least significant first.
    ///
    /// # Errors
    /// A [`Fault`] if there are more.
    pub fn decode(bytes: &[u8], labels: Labels<'a>) -> Result<Self, Fault> {
        match le_uint(bytes) {
            Some(mask) => Ok(Set { mask, labels }),
            None => Err(Fault::limit("SET", 8, bytes.len() as u64)),
        }
    }

    /// The members that are in the value; `None` if one of them is unknown.
    #[must_use]
    pub fn members(&self) -> Option<Vec<&'a [u8]>> {
        let labels = self.labels?;
        (0..64)
            .filter(|bit| self.mask >> bit & 1 == 1)
            .map(|bit: usize| labels.get(bit).map(|label| &label[..]))
            .collect()
    }

    /// Appends the members with commas between them, or the mask as a number if they are unknown.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self.members() {
            Some(members) => out.extend_from_slice(&members.join(&b',')),
            None => digits::write_unsigned(self.mask, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<Box<[u8]>> {
        [&b"red"[..], b"green", b"blue"].map(Box::from).into()
    }

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn enums_count_from_one_and_zero_is_empty() {
        let labels = labels();
        let of = |bytes: &[u8], labels| {
            let value = Enum::decode(bytes, labels).unwrap();
            text(|out| value.write_text(out))
        };
        assert_eq!(of(&[2], Some(&labels)), "green");
        assert_eq!(of(&[0], Some(&labels)), "");
        assert_eq!(of(&[4], Some(&labels)), "4");
        assert_eq!(of(&[0xFF, 0xFF], None), "65535");
        assert!(Enum::decode(&[0, 0, 1], None).is_err());
    }

    #[test]
    fn sets_name_their_members_from_the_lowest_bit() {
        let labels = labels();
        let of = |bytes: &[u8], labels| {
            let value = Set::decode(bytes, labels).unwrap();
            text(|out| value.write_text(out))
        };
        assert_eq!(of(&[0b101], Some(&labels)), "red,blue");
        assert_eq!(of(&[0], Some(&labels)), "");
        assert_eq!(of(&[0b1001], Some(&labels)), "9");
        assert_eq!(of(&[0xFF; 8], None), "18446744073709551615");
    }
}
