//! MySQL's JSON as an SQL expression.
//!
//! Most documents are their own text: `CAST(… AS JSON)`. Text cannot carry decimals, dates, bytes,
//! and small integers without a sign; a document that holds one is built by JSON_OBJECT and
//! JSON_ARRAY, whose arguments keep their types.

use std::io::Write;

use binlog_parser::Fault;
use binlog_parser::row::column::code;
use binlog_parser::row::json::{Json, JsonContainer, JsonScalar, JsonVisitor};
use binlog_parser::row::json_text::{opaque_decimal, opaque_temporal};

use super::no_literal::NoLiteral;
use super::quote::push_double;
use super::quote::{hex_literal, push_integer, text_literal};

/// Appends an expression that makes this document.
///
/// # Errors
/// [`NoLiteral::Json`] for a document with a value of a type that no expression makes,
/// [`NoLiteral::Fault`] for bytes that are no document.
pub(super) fn push_json(out: &mut Vec<u8>, json: &Json<'_>) -> Result<(), NoLiteral> {
    let mut probe = Probe::default();
    json.visit(&mut probe)?;
    if let Some(field_type) = probe.impossible {
        return Err(NoLiteral::Json(field_type));
    }
    if !probe.typed {
        let mut text = vec![];
        json.write_text(&mut text)?;
        out.extend_from_slice(b"CAST(");
        text_literal(out, "utf8mb4", None, &text);
        out.extend_from_slice(b" AS JSON)");
        return Ok(());
    }
    let wrapped = !probe.nested;
    // A scalar is taken out of an array, where its type is kept.
    out.extend_from_slice(if wrapped { b"JSON_EXTRACT(JSON_ARRAY(" } else { b"" });
    json.visit(&mut Builder { out })?;
    out.extend_from_slice(if wrapped { b"),'$[0]')" } else { b"" });
    Ok(())
}

/// Finds out how a document can be written.
#[derive(Default)]
struct Probe {
    /// It is an object or array.
    nested: bool,
    /// It holds a value whose type its text does not tell.
    typed: bool,
    /// It holds a value of this type, which no expression makes.
    impossible: Option<u8>,
}

impl JsonVisitor for Probe {
    fn begin(&mut self, _: JsonContainer) {
        self.nested = true;
    }

    fn member(&mut self, _: usize, _: &[u8]) {}

    fn element(&mut self, _: usize) {}

    fn end(&mut self, _: JsonContainer) {}

    fn scalar(&mut self, scalar: JsonScalar<'_>) -> Result<(), Fault> {
        match scalar {
            JsonScalar::Opaque { field_type, .. } => {
                self.typed = true;
                // TIMESTAMP has no cast, and bytes keep no other type than that of a literal.
                if !matches!(
                    field_type,
                    code::NEWDECIMAL | code::DATE | code::DATETIME | code::TIME | code::VARCHAR
                ) {
                    self.impossible.get_or_insert(field_type);
                }
            }
            JsonScalar::Unsigned(number) => self.typed |= i64::try_from(number).is_ok(),
            _ => {}
        }
        Ok(())
    }
}

/// Writes the expression.
struct Builder<'o> {
    out: &'o mut Vec<u8>,
}

impl JsonVisitor for Builder<'_> {
    fn begin(&mut self, container: JsonContainer) {
        self.out.extend_from_slice(match container {
            JsonContainer::Object => b"JSON_OBJECT(",
            JsonContainer::Array => b"JSON_ARRAY(",
        });
    }

    fn member(&mut self, index: usize, key: &[u8]) {
        self.element(index);
        text_literal(self.out, "utf8mb4", None, key);
        self.out.push(b',');
    }

    fn element(&mut self, index: usize) {
        if index > 0 {
            self.out.push(b',');
        }
    }

    fn end(&mut self, _: JsonContainer) {
        self.out.push(b')');
    }

    fn scalar(&mut self, scalar: JsonScalar<'_>) -> Result<(), Fault> {
        match scalar {
            JsonScalar::Null => self.out.extend_from_slice(b"NULL"),
            JsonScalar::Boolean(true) => self.out.extend_from_slice(b"TRUE"),
            JsonScalar::Boolean(false) => self.out.extend_from_slice(b"FALSE"),
            JsonScalar::Integer(number) => push_integer(self.out, number.into()),
            JsonScalar::Unsigned(number) => {
                self.append(format_args!("CAST({number} AS UNSIGNED)"));
            }
            JsonScalar::Double(number) if number == 0.0 && number.is_sign_negative() => {
                self.out.extend_from_slice(b"-0e0");
            }
            JsonScalar::Double(number) => push_double(self.out, number),
            JsonScalar::String(string) => text_literal(self.out, "utf8mb4", None, string),
            JsonScalar::Opaque { field_type, bytes } => return self.opaque(field_type, bytes),
        }
        Ok(())
    }
}

impl Builder<'_> {
    fn append(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a Vec cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn opaque(&mut self, field_type: u8, bytes: &[u8]) -> Result<(), Fault> {
        let as_type = match field_type {
            code::NEWDECIMAL => {
                let decimal = opaque_decimal(bytes)?;
                self.out.extend_from_slice(b"CAST(");
                decimal.write_text(self.out);
                let (precision, scale) = (decimal.precision(), decimal.scale());
                self.append(format_args!(" AS DECIMAL({precision},{scale}))"));
                return Ok(());
            }
            code::DATE => "DATE",
            code::TIME => "TIME(6)",
            code::DATETIME => "DATETIME(6)",
            // No bytes at all would be text without the X.
            _ if bytes.is_empty() => {
                self.out.extend_from_slice(b"X''");
                return Ok(());
            }
            _ => {
                hex_literal(self.out, bytes);
                return Ok(());
            }
        };
        let text = opaque_temporal(field_type, bytes)?;
        self.append(format_args!("CAST('{text}' AS {as_type})"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(bytes: &[u8]) -> Result<String, NoLiteral> {
        let mut out = vec![];
        push_json(&mut out, &Json { bytes })?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn plain_documents_are_text() {
        assert_eq!(expression(&[4, 1]).unwrap(), "CAST(_utf8mb4 0x74727565 AS JSON)");
        assert_eq!(expression(&[]).unwrap(), "CAST(_utf8mb4 0x6E756C6C AS JSON)");
    }

    #[test]
    fn what_text_cannot_carry_is_built() {
        let decimal = [15, 246, 4, 3, 2, 0x81, 0x17];
        assert_eq!(
            expression(&decimal).unwrap(),
            "JSON_EXTRACT(JSON_ARRAY(CAST(1.23 AS DECIMAL(3,2))),'$[0]')"
        );
        #[rustfmt::skip]
        let object = [
            0,                 // small object
            2, 0, 26, 0,       // two members, 26 bytes
            18, 0, 1, 0,       // key 1 at 18, one byte
            19, 0, 1, 0,       // key 2 at 19, one byte
            6, 5, 0,           // value 1: uint16 5, inline
            15, 20, 0,         // value 2: opaque at 20
            b'a', b'b',        // keys
            15, 2, 0x00, 0xFF, // bytes, two of them
            0, 0,
        ];
        assert_eq!(
            expression(&object).unwrap(),
            "JSON_OBJECT(_utf8mb4 0x61,CAST(5 AS UNSIGNED),_utf8mb4 0x62,0x00FF)"
        );
    }

    #[test]
    fn what_no_expression_makes_is_named() {
        assert_eq!(expression(&[15, 16, 1, 5]), Err(NoLiteral::Json(16)));
        assert!(matches!(expression(&[13]), Err(NoLiteral::Fault(_))));
    }
}
