//! The numbers and texts that an index is packed of, and the reader that believes none of them.

use crate::error::Fault;

/// Appends a number, seven bits a byte, the lowest first.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number that may be negative; those near zero are short.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends bytes behind their number.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Takes apart what was packed.
#[derive(Debug, Clone)]
pub struct Taker<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Taker<'a> {
    /// Reads `bytes`, which `what` names in errors.
    #[must_use]
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Taker { what, rest: bytes }
    }

    /// Whether all is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is not taken yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes behind the end.
    ///
    /// # Errors
    /// How many there are.
    pub fn end(&self) -> Result<(), Fault> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(self.wrong("nothing behind the end", format!("{more} bytes"))),
        }
    }

    /// The fault of a value that cannot be.
    #[must_use]
    pub fn wrong(&self, needed: &'static str, had: impl std::fmt::Display) -> Fault {
        Fault::value(self.what, needed, had)
    }

    /// Takes a byte.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| Fault::short(self.what, 1, 0))?;
        self.rest = rest;
        Ok(*first)
    }

    /// Takes a number, as [`put`] writes it.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn number(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.wrong("a number of 64 bits", "a longer one"))
    }

    /// Takes a number, as [`put_signed`] writes it.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn signed(&mut self) -> Result<i64, Fault> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Takes a number of 32 bits.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn short(&mut self) -> Result<u32, Fault> {
        let value = self.number()?;
        u32::try_from(value).map_err(|_| self.wrong("a number of 32 bits", value))
    }

    /// Takes a number of things that follow, of which each has at least one byte.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn count(&mut self) -> Result<usize, Fault> {
        let (count, had) = (self.number()?, self.rest.len() as u64);
        if count > had { Err(Fault::short(self.what, count, had)) } else { Ok(count as usize) }
    }

    /// Takes bytes, as [`put_bytes`] writes them.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let count = self.count()?;
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes so many bytes.
    ///
    /// # Errors
    /// Where the bytes end before it does, or no such value is there.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(Fault::short(self.what, N as u64, self.rest.len() as u64));
        };
        self.rest = rest;
        Ok(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let mut out = vec![];
        let unsigned = [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX];
        let signed = [0, -1, 1, i64::MIN, i64::MAX, -64, 63];
        unsigned.iter().for_each(|value| put(&mut out, *value));
        signed.iter().for_each(|value| put_signed(&mut out, *value));
        put_bytes(&mut out, b"text");
        let mut taker = Taker::new("test", &out);
        unsigned.iter().for_each(|value| assert_eq!(taker.number().unwrap(), *value));
        signed.iter().for_each(|value| assert_eq!(taker.signed().unwrap(), *value));
        assert_eq!(taker.bytes().unwrap(), b"text");
        taker.end().unwrap();
        assert!(taker.byte().is_err());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        assert!(Taker::new("test", &[0xFF; 11]).number().is_err());
        assert!(Taker::new("test", &[0xFF; 4]).number().is_err());
        let shown = Taker::new("test", &[5, 1, 2]).bytes().unwrap_err().to_string();
        assert_eq!(shown, "test: needed 5 bytes, had 2");
    }
}
