//! BIT: up to 64 bits, most significant byte first.

use crate::error::Fault;
use crate::wire::be_uint;

/// A BIT value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bit {
    /// The bits.
    pub value: u64,
    /// How many there are, 1 to 64.
    pub width: u8,
}

impl Bit {
    /// The value of a column of `width` bits.
    ///
    /// # Errors
    /// A [`Fault`] if there are more than eight bytes.
    pub fn decode(bytes: &[u8], width: u8) -> Result<Self, Fault> {
        match be_uint(bytes) {
            Some(value) => Ok(Bit { value, width }),
            None => Err(Fault::limit("BIT", 8, bytes.len() as u64)),
        }
    }

    /// Appends `b'0101'`, as mysqlbinlog and a statement have it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"b'");
        for bit in (0..self.width.min(64)).rev() {
            out.push(b'0' + (self.value >> bit & 1) as u8);
        }
        out.push(b'\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], width: u8) -> String {
        let mut out = Vec::new();
        Bit::decode(bytes, width).unwrap().write_text(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn bits_are_written_to_their_width() {
        assert_eq!(text(&[0b101], 5), "b'00101'");
        assert_eq!(text(&[0x02, 0x01], 10), "b'1000000001'");
        assert_eq!(text(&[0xFF; 8], 64), format!("b'{}'", "1".repeat(64)));
        assert!(Bit::decode(&[0; 9], 64).is_err());
    }
}
