//! User variables as a client can set them: the very value, type, collation and bits.
//!
//! | type | assigned |
//! |---|---|
//! | string | `CAST(0x… AS CHAR)` while `collation_connection` is the value's, by number |
//! | bytes | `0x…` |
//! | REAL | the shortest digits that read back as the same double, with an exponent |
//! | INT | digits, and `CAST(… AS UNSIGNED)` where it is unsigned |
//! | DECIMAL | all digits with a point, without which it would be an INT |
//!
//! A number asks the server for its collation, so that no list of names has to be kept for every
//! server. What the servers do with bytes that are no text of their charset differs, so where it is
//! not certain that they are, the stream compares.

use binlog_parser::event::user_var::{UserValue, UserVarEvent};

use crate::schema::Charset;
use crate::sql::Family;
use crate::sql::quote::{hex_literal, push_double, push_integer, quote_identifier};

use super::text::name_passes;

/// Number of the collation `binary`.
const BINARY: u16 = 63;

/// Fails where a user variable does not hold the bytes that it was given.
const OTHERWISE_FAIL: &[u8] = b",1,(SELECT 1 UNION SELECT 2))";

/// A user variable that can be set.
pub(super) struct UserVariable<'e, 'a> {
    event: &'e UserVarEvent<'a>,
    /// The collation of a string that is no bytes.
    collation: Option<u16>,
    /// Whether the bytes are certainly text of their charset.
    is_text: bool,
}

impl<'e, 'a> UserVariable<'e, 'a> {
    /// Takes a variable, or tells why no client can set it.
    ///
    /// # Errors
    /// Why not.
    pub fn new(event: &'e UserVarEvent<'a>, family: Family) -> Result<Self, String> {
        if !name_passes(event.name, family) {
            return Err("the client would not pass on the name of this variable".into());
        }
        let mut variable = UserVariable { event, collation: None, is_text: true };
        match event.value {
            UserValue::Real(value) if !value.is_finite() => {
                return Err(format!("no server has the value {value}"));
            }
            UserValue::String { bytes, collation } if collation != u32::from(BINARY) => {
                let Ok(id) = u16::try_from(collation) else {
                    return Err(format!("no server has a collation number {collation}"));
                };
                let charset = Charset::of_collation_id(id).map(|charset| charset.name);
                variable.is_text = match is_text(charset, bytes) {
                    Some(false) => {
                        return Err("the value is no text of its character set".into());
                    }
                    known => known.is_some(),
                };
                variable.collation = Some(id);
            }
            _ => {}
        }
        Ok(variable)
    }

    /// The collation that has to be the connection's for the assignment.
    pub fn collation(&self) -> Option<u16> {
        self.collation
    }

    /// Whether the name can be read in any charset.
    pub fn has_plain_name(&self) -> bool {
        self.event.name.is_ascii()
    }

    /// Appends the assignment.
    pub fn assign(&self, out: &mut Vec<u8>) {
        out.extend(b"SET @");
        quote_identifier(out, self.event.name);
        out.push(b'=');
        match self.event.value {
            UserValue::Null => out.extend(b"NULL"),
            UserValue::String { bytes, .. } => self.push_string(out, bytes),
            UserValue::Real(value) => push_real(out, value),
            UserValue::Signed(value) => push_integer(out, value.into()),
            UserValue::Unsigned(value) => {
                out.extend(b"CAST(");
                push_integer(out, value.into());
                out.extend(b" AS UNSIGNED)");
            }
            UserValue::Decimal(decimal) => {
                let start = out.len();
                decimal.write_text(out);
                if !out[start..].contains(&b'.') {
                    out.push(b'.');
                }
            }
        }
    }

    fn push_string(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        if self.collation.is_some() {
            out.extend(b"CAST(");
            hex_literal(out, bytes);
            out.extend(b" AS CHAR)");
        } else if bytes.is_empty() {
            out.extend(b"_binary ''");
        } else {
            hex_literal(out, bytes);
        }
    }

    /// Appends a statement that fails where the variable holds other bytes, if that can be.
    pub fn check(&self, out: &mut Vec<u8>) {
        let UserValue::String { bytes, .. } = self.event.value else { return };
        if self.is_text {
            return;
        }
        out.extend(b"SET @binlog_text=IF(CAST(@");
        quote_identifier(out, self.event.name);
        out.extend(b" AS BINARY)=");
        hex_literal(out, bytes);
        out.extend(OTHERWISE_FAIL);
    }
}

/// Appends a REAL. MariaDB before 11 knows no negative zero, except as the text that it is made of.
fn push_real(out: &mut Vec<u8>, value: f64) {
    push_double(out, value);
    if value == 0.0 && value.is_sign_negative() {
        out.extend(b"*1e0");
    }
}

/// Whether bytes are text of a charset; `None` where that is not known.
fn is_text(charset: Option<&str>, bytes: &[u8]) -> Option<bool> {
    let charset = charset?;
    match charset {
        "utf8mb4" => Some(std::str::from_utf8(bytes).is_ok()),
        "utf8mb3" => {
            // No character of more than three bytes: none begins with four ones.
            let fits = bytes.iter().all(|byte| *byte < 0xF0);
            Some(fits && std::str::from_utf8(bytes).is_ok())
        }
        "ascii" => Some(bytes.is_ascii()),
        _ if Charset::by_name(charset.as_bytes())?.max_bytes == 1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(name: &[u8], value: UserValue<'_>) -> Result<String, String> {
        let event = UserVarEvent { name, value, data_type: None };
        let variable = UserVariable::new(&event, Family::Mysql)?;
        let mut out = vec![];
        variable.assign(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    fn value(value: UserValue<'_>) -> String {
        assigned(b"a", value).unwrap().strip_prefix("SET @`a`=").unwrap().to_owned()
    }

    #[test]
    fn numbers_keep_type_and_bits() {
        assert_eq!(value(UserValue::Real(0.1 + 0.2)), "0.30000000000000004e0");
        assert_eq!(value(UserValue::Real(5e-324)), "5e-324");
        assert_eq!(value(UserValue::Real(f64::MAX)), "1.7976931348623157e308");
        assert_eq!(value(UserValue::Real(-0.0)), "'-0e0'*1e0");
        assert_eq!(value(UserValue::Signed(i64::MIN)), "-9223372036854775808");
        assert_eq!(value(UserValue::Unsigned(u64::MAX)), "CAST(18446744073709551615 AS UNSIGNED)");
        assert!(assigned(b"a", UserValue::Real(f64::NAN)).is_err());
    }

    #[test]
    fn text_is_cast_and_bytes_are_not() {
        let string = |bytes, collation| value(UserValue::String { bytes, collation });
        assert_eq!(string(b"\xE9", 8), "CAST(0xE9 AS CHAR)");
        assert_eq!(string(b"", 255), "CAST('' AS CHAR)");
        assert_eq!(string(b"\0'", 63), "0x0027");
        assert_eq!(string(b"", 63), "_binary ''");
        assert_eq!(value(UserValue::Null), "NULL");
    }

    #[test]
    fn what_is_no_text_is_refused_or_compared() {
        let string = |bytes, collation| UserValue::String { bytes, collation };
        assert!(assigned(b"a", string(b"\xFF", 255)).is_err());
        assert!(assigned(b"a", string("\u{1F600}".as_bytes(), 33)).is_err());
        assert!(assigned(b"a", string(b"x", 70_000)).is_err());
        let event = UserVarEvent { name: b"a", value: string(b"\xB0\xA1", 28), data_type: None };
        let mut out = vec![];
        UserVariable::new(&event, Family::Mariadb).unwrap().check(&mut out);
        let check = "SET @binlog_text=IF(CAST(@`a` AS BINARY)=0xB0A1,1,(SELECT 1 UNION SELECT 2))";
        assert_eq!(String::from_utf8(out).unwrap(), check);
    }

    #[test]
    fn names_are_inert() {
        let one = UserValue::Signed(1);
        assert_eq!(assigned(b"a`b '\"c", one).unwrap(), "SET @`a``b '\"c`=1");
        assert_eq!(
            assigned(b"x\nsystem touch /tmp/canary\n", one).unwrap(),
            "SET @`x\nsystem touch /tmp/canary\n`=1"
        );
        for name in [&b"a\rb"[..], b"a\0b"] {
            assert!(assigned(name, one).is_err(), "{name:?}");
        }
    }
}
