//! How long one value is.

use crate::error::Fault;
use crate::wire::le_uint;

/// How the length of a value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Always so many bytes.
    Fixed(u32),
    /// A length of so many bytes stands before the value.
    Prefixed(u8),
}

impl Field {
    /// Appends the length that stands before a value of `length` bytes, if one does.
    pub(super) fn write_length(self, length: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let Field::Prefixed(bytes) = self else { return Ok(()) };
        let wide = (length as u64).to_le_bytes();
        let (written, above) = wide.split_at(usize::from(bytes).min(wide.len()));
        if above.iter().any(|byte| *byte != 0) {
            let limit = (1 << (8 * u32::from(bytes))) - 1;
            return Err(Fault::limit("length of a value", limit, length as u64));
        }
        out.extend_from_slice(written);
        Ok(())
    }

    /// Appends a value, with its length before it if one stands there.
    pub(super) fn write(self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        match self {
            Field::Fixed(bytes) if value.len() != bytes as usize => {
                return Err(Fault::value("value", format!("{bytes} bytes"), value.len()));
            }
            _ => self.write_length(value.len(), out)?,
        }
        out.extend_from_slice(value);
        Ok(())
    }

    /// Splits the value off `rest`. The first slice has no length before it.
    #[inline]
    pub(super) fn split(self, rest: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
        match self {
            Field::Fixed(bytes) => rest
                .split_at_checked(bytes as usize)
                .ok_or_else(|| Fault::short("value", bytes.into(), rest.len() as u64)),
            Field::Prefixed(bytes) => {
                let (length, tail) = rest
                    .split_at_checked(bytes.into())
                    .ok_or_else(|| Fault::short("length", bytes.into(), rest.len() as u64))?;
                let length = le_uint(length).unwrap_or(u64::MAX);
                usize::try_from(length)
                    .ok()
                    .and_then(|length| tail.split_at_checked(length))
                    .ok_or_else(|| Fault::short("value", length, tail.len() as u64))
            }
        }
    }
}

/// Names the column that a fault is in.
pub(super) fn in_column(mut fault: Fault, ordinal: usize) -> Fault {
    fault.what = format!("{} of column {}", fault.what, ordinal + 1).into();
    fault
}
