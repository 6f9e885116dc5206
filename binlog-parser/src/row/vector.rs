//! VECTOR: four-byte floats, one after another.

use std::io::Write;

use super::float;
use crate::error::Fault;

/// A vector value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vector<'a> {
    /// The elements, least significant byte first.
    pub bytes: &'a [u8],
    /// Whether it is MariaDB's, which shows its elements in another form.
    pub mariadb: bool,
}

impl<'a> Vector<'a> {
    /// The value of a column.
    ///
    /// # Errors
    /// A [`Fault`] if the bytes are no multiple of four.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len().is_multiple_of(4) {
            return Ok(Vector { bytes, mariadb: false });
        }
        Err(Fault::value("VECTOR", "a multiple of 4 bytes", bytes.len()))
    }

    /// The same vector as one of MariaDB.
    #[must_use]
    pub fn of_mariadb(self) -> Self {
        Vector { mariadb: true, ..self }
    }

    /// The elements.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = f32> + 'a {
        self.bytes.as_chunks().0.iter().map(|chunk| f32::from_le_bytes(*chunk))
    }

    /// Appends the elements as MySQL's VECTOR_TO_STRING does: `[1.00000e+00,-2.50000e-01]`. Five
    /// digits after the point; the exact value is in the bytes. MariaDB's VEC_ToText shows elements
    /// as it shows a FLOAT: `[1,-0.25]`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, element) in self.elements().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if self.mariadb {
                float::write_float(element, out);
                continue;
            }
            let text = format!("{:.5e}", f64::from(element));
            match text.split_once('e') {
                // Rust writes exponents without a plus and without leading zeros.
                Some((mantissa, exponent)) => {
                    let (sign, digits) = match exponent.strip_prefix('-') {
                        Some(digits) => ('-', digits),
                        None => ('+', exponent),
                    };
                    // Writing to a Vec cannot fail.
                    let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
                }
                None => out.extend_from_slice(text.as_bytes()),
            }
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_five_digits_and_an_exponent() {
        let bytes: Vec<u8> =
            [1.0f32, -0.25, 0.0, f32::MAX, 1e-45].iter().flat_map(|e| e.to_le_bytes()).collect();
        let mut out = Vec::new();
        Vector::decode(&bytes).unwrap().write_text(&mut out);
        assert_eq!(
            String::from_utf8(std::mem::take(&mut out)).unwrap(),
            "[1.00000e+00,-2.50000e-01,0.00000e+00,3.40282e+38,1.40130e-45]"
        );
        assert!(Vector::decode(&bytes[..5]).is_err());
        Vector::decode(&bytes).unwrap().of_mariadb().write_text(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "[1,-0.25,0,3.40282e38,1.4013e-45]");
        let mut empty = Vec::new();
        Vector::decode(&[]).unwrap().write_text(&mut empty);
        assert_eq!(empty, b"[]");
    }
}
