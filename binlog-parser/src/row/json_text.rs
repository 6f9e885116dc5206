//! MySQL's JSON as text, exactly as the server prints it (`wrapper_to_string` in `json_dom.cc`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::column::code;
use super::decimal::Decimal;
use super::float;
use super::json::{Json, JsonContainer, JsonScalar, JsonVisitor};
use super::temporal::{Datetime, Time};
use crate::error::Fault;
use crate::wire::Reader;

/// Characters a line of the servers' base64 has (`base64_encode` in `base64.h`).
const BASE64_LINE: usize = 76;

impl Json<'_> {
    /// Appends the document as text.
    ///
    /// # Errors
    /// As [`Json::visit`]. What was appended until then stays.
    pub fn write_text(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.visit(&mut Printer { out })
    }
}

struct Printer<'o> {
    out: &'o mut Vec<u8>,
}

impl JsonVisitor for Printer<'_> {
    fn begin(&mut self, container: JsonContainer) {
        self.out.push(if container == JsonContainer::Object { b'{' } else { b'[' });
    }

    fn member(&mut self, index: usize, key: &[u8]) {
        self.element(index);
        quote(key, self.out);
        self.out.extend_from_slice(b": ");
    }

    fn element(&mut self, index: usize) {
        if index > 0 {
            self.out.extend_from_slice(b", ");
        }
    }

    fn end(&mut self, container: JsonContainer) {
        self.out.push(if container == JsonContainer::Object { b'}' } else { b']' });
    }

    fn scalar(&mut self, scalar: JsonScalar<'_>) -> Result<(), Fault> {
        match scalar {
            JsonScalar::Null => self.out.extend_from_slice(b"null"),
            JsonScalar::Boolean(true) => self.out.extend_from_slice(b"true"),
            JsonScalar::Boolean(false) => self.out.extend_from_slice(b"false"),
            JsonScalar::Integer(number) => self.number(number),
            JsonScalar::Unsigned(number) => self.number(number),
            JsonScalar::Double(number) => self.double(number),
            JsonScalar::String(string) => quote(string, self.out),
            JsonScalar::Opaque { field_type, bytes } => return self.opaque(field_type, bytes),
        }
        Ok(())
    }
}

impl Printer<'_> {
    fn number(&mut self, number: impl ToString) {
        self.out.extend_from_slice(number.to_string().as_bytes());
    }

    /// A double shows that it is none of the integers.
    fn double(&mut self, value: f64) {
        let start = self.out.len();
        float::write_double(value, self.out);
        if !self.out[start..].iter().any(|byte| matches!(byte, b'.' | b'e')) {
            self.out.extend_from_slice(b".0");
        }
    }

    /// A value of a type that JSON does not have: a decimal is a number, dates and times are
    /// strings, and everything else is base64.
    fn opaque(&mut self, field_type: u8, bytes: &[u8]) -> Result<(), Fault> {
        match field_type {
            code::NEWDECIMAL => opaque_decimal(bytes)?.write_text(self.out),
            code::DATE | code::DATETIME | code::TIMESTAMP | code::TIME => {
                let text = opaque_temporal(field_type, bytes)?;
                quote(text.as_bytes(), self.out);
            }
            _ => {
                let encoded = STANDARD.encode(bytes);
                let lines: Vec<_> = encoded.as_bytes().chunks(BASE64_LINE).collect();
                let mut text = format!("base64:type{field_type}:").into_bytes();
                text.extend(lines.join(&b'\n'));
                quote(&text, self.out);
            }
        }
        Ok(())
    }
}

/// The decimal in an opaque value of type NEWDECIMAL.
///
/// # Errors
/// A [`Fault`] if the bytes are no decimal.
pub fn opaque_decimal(bytes: &[u8]) -> Result<Decimal<'_>, Fault> {
    let mut reader = Reader::new(bytes);
    let precision = reader.u8("precision of a JSON decimal")?;
    let scale = reader.u8("scale of a JSON decimal")?;
    Decimal::decode(reader.rest(), precision, scale)
}

/// The text of an opaque value of type DATE, DATETIME, TIMESTAMP or TIME, the last three with six
/// digits of fraction. They are in the packed form of `my_time.cc`: a signed number, 24 bits of it
/// microseconds, the rest as in a column.
///
/// # Errors
/// A [`Fault`] if the bytes are no date or time.
pub fn opaque_temporal(field_type: u8, bytes: &[u8]) -> Result<String, Fault> {
    const FSP: u8 = 6;
    let packed = Reader::new(bytes).u64("JSON date or time")? as i64;
    let magnitude = packed.unsigned_abs();
    let (bits, microsecond) = (magnitude >> 24, (magnitude & 0xFF_FFFF) as u32);
    if field_type == code::TIME {
        return Ok(Time::from_bits(packed < 0, bits, microsecond, FSP)?.to_string());
    }
    let datetime = Datetime::from_bits(bits, microsecond, FSP)?;
    Ok(if field_type == code::DATE { datetime.date.to_string() } else { datetime.to_string() })
}

/// Appends a string in quotes, with the escapes of `double_quote` in `json_dom.cc`.
fn quote(string: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for byte in string {
        let short = match byte {
            b'"' | b'\\' => *byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0C => b'f',
            b'\r' => b'r',
            0..=0x1F => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xF)]);
                continue;
            }
            _ => {
                out.push(*byte);
                continue;
            }
        };
        out.push(b'\\');
        out.push(short);
    }
    out.push(b'"');
}
