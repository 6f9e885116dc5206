//! USER_VAR (14): a user variable that the next statement reads.

use crate::error::Fault;
use crate::row::decimal::Decimal;
use crate::wire::Reader;

/// A user variable and its value (the manual's "USER_VAR_EVENT"; `statement_events.h` of MySQL,
/// `log_event.h` of MariaDB).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UserVarEvent<'a> {
    /// The name without its `@`, in UTF-8.
    pub name: &'a [u8],
    /// The value.
    pub value: UserValue<'a>,
    /// MariaDB 11.7 and later: name of a data type that is more than its storage, such as INET6.
    pub data_type: Option<&'a [u8]>,
}

/// The value of a user variable, by the type that it is stored in (`Item_result`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UserValue<'a> {
    /// NULL, of whatever type.
    Null,
    /// 0: bytes, and the number of their collation.
    String {
        /// The bytes, in the collation's character set.
        bytes: &'a [u8],
        /// Number of the collation.
        collation: u32,
    },
    /// 1: a double.
    Real(f64),
    /// 2: an integer below zero or not flagged as unsigned.
    Signed(i64),
    /// 2: an integer flagged as unsigned.
    Unsigned(u64),
    /// 4: a decimal number.
    Decimal(Decimal<'a>),
}

impl<'a> UserVarEvent<'a> {
    /// Reads the body of a USER_VAR event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, or the type or the length of the value is one that no
    /// server writes.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let length = reader.u32("length of variable's name")?;
        let name = reader.take_u64(u64::from(length), "variable's name")?;
        if reader.u8("variable's NULL flag")? != 0 {
            return Ok(UserVarEvent { name, value: UserValue::Null, data_type: None });
        }
        let value_type = reader.u8("variable's type")?;
        let collation = reader.u32("variable's collation")?;
        let length = reader.u32("length of variable's value")?;
        let bytes = reader.take_u64(u64::from(length), "variable's value")?;
        let attributes = Attributes::parse(&mut reader)?;
        let value = match value_type {
            0 => UserValue::String { bytes, collation },
            1 => UserValue::Real(f64::from_le_bytes(eight(bytes, "REAL variable")?)),
            2 => {
                let bytes = eight(bytes, "INT variable")?;
                match attributes.unsigned {
                    true => UserValue::Unsigned(u64::from_le_bytes(bytes)),
                    false => UserValue::Signed(i64::from_le_bytes(bytes)),
                }
            }
            4 => {
                let mut reader = Reader::new(bytes);
                let precision = reader.u8("precision of DECIMAL variable")?;
                let scale = reader.u8("scale of DECIMAL variable")?;
                UserValue::Decimal(Decimal::decode(reader.rest(), precision, scale)?)
            }
            other => {
                let needed = "0 (string), 1 (real), 2 (int) or 4 (decimal)";
                return Err(Fault::value("variable's type", needed, other));
            }
        };
        Ok(UserVarEvent { name, value, data_type: attributes.data_type })
    }
}

/// What follows the value: nothing (5.0), a byte of flags (MySQL), or chunks of which the first two
/// are the same as the flags (MariaDB).
#[derive(Debug, Default)]
struct Attributes<'a> {
    unsigned: bool,
    data_type: Option<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let mut attributes = Attributes::default();
        while !reader.is_empty() {
            match reader.u8("variable's attribute")? {
                0 => attributes.unsigned = false,
                1 => attributes.unsigned = true,
                2 => attributes.data_type = Some(reader.string_u8("variable's data type")?),
                // A later server's attribute, of a length that is not known.
                _ => break,
            }
        }
        Ok(attributes)
    }
}

fn eight(bytes: &[u8], what: &'static str) -> Result<[u8; 8], Fault> {
    bytes.try_into().map_err(|_| Fault::value(what, "8 bytes", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body of a variable `n` of a type, collation, value and what follows.
    fn body(value_type: u8, collation: u8, value: &[u8], after: &[u8]) -> Vec<u8> {
        let mut body = vec![1, 0, 0, 0, b'n', 0]; // length of name, name, not NULL
        body.push(value_type);
        body.extend([collation, 0, 0, 0]);
        body.extend((value.len() as u32).to_le_bytes());
        body.extend(value);
        body.extend(after);
        body
    }

    fn value(body: &[u8]) -> UserValue<'_> {
        UserVarEvent::parse(body).unwrap().value
    }

    #[test]
    fn null_has_no_type() {
        let event = UserVarEvent::parse(b"\x03\0\0\0abc\x01").unwrap();
        assert_eq!((event.name, event.value), (&b"abc"[..], UserValue::Null));
    }

    #[test]
    fn a_string_keeps_its_collation() {
        let string = UserValue::String { bytes: b"\xE9t\xE9", collation: 8 };
        assert_eq!(value(&body(0, 8, b"\xE9t\xE9", &[0])), string);
    }

    #[test]
    fn integers_have_a_sign_unless_flagged() {
        assert_eq!(value(&body(2, 63, &[0xFF; 8], &[])), UserValue::Signed(-1));
        assert_eq!(value(&body(2, 63, &[0xFF; 8], &[0])), UserValue::Signed(-1));
        assert_eq!(value(&body(2, 63, &[0xFF; 8], &[1])), UserValue::Unsigned(u64::MAX));
        assert_eq!(
            UserVarEvent::parse(&body(2, 63, &[0; 4], &[])).unwrap_err().to_string(),
            "INT variable: needed 8 bytes, had 4"
        );
    }

    #[test]
    fn reals_and_decimals_are_exact() {
        let real = 0.1f64 + 0.2;
        assert_eq!(value(&body(1, 63, &real.to_le_bytes(), &[])), UserValue::Real(real));
        // DECIMAL(3,2): -1.25, every byte of it inverted
        let bytes = body(4, 63, &[3, 2, 0x7E, 0xE6], &[]);
        let UserValue::Decimal(decimal) = value(&bytes) else { panic!("no decimal") };
        let mut text = Vec::new();
        decimal.write_text(&mut text);
        assert_eq!(text, b"-1.25");
        assert!(UserVarEvent::parse(&body(4, 63, &[99, 2, 0x7E, 0xE6], &[])).is_err());
    }

    #[test]
    fn mariadb_may_name_the_data_type() {
        let bytes = body(0, 63, b"::1", b"\x00\x02\x05inet6");
        assert_eq!(UserVarEvent::parse(&bytes).unwrap().data_type, Some(&b"inet6"[..]));
    }

    #[test]
    fn lying_lengths_and_types_are_refused() {
        assert!(UserVarEvent::parse(&[0xFF; 12]).is_err());
        assert!(UserVarEvent::parse(&body(3, 63, &[], &[])).is_err());
        let whole = body(0, 63, b"abc", &[]);
        for length in 0..whole.len() {
            assert!(UserVarEvent::parse(&whole[..length]).is_err(), "{length}");
        }
    }
}
