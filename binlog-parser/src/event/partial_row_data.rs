//! PARTIAL_ROW_DATA (172): a piece of a rows event that is too large for one packet, in MariaDB
//! 12.3. Known from its documentation only.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// A piece of a rows event (MariaDB's documentation, "Partial_rows_log_event").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialRowDataEvent<'a> {
    /// Number of pieces in all.
    pub total: u32,
    /// Number of this one, from 1.
    pub sequence: u32,
    /// Bytes of the whole rows event; told by the first piece.
    pub original_size: Option<u64>,
    /// Bytes of the rows event.
    pub chunk: &'a [u8],
}

/// Flag: the size of the whole event follows.
const HAS_ORIGINAL_SIZE: u8 = 1;

impl<'a> PartialRowDataEvent<'a> {
    /// Reads the body of a PARTIAL_ROW_DATA event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the piece is none of those counted.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let total = reader.u32("number of pieces")?;
        let sequence = reader.u32("number of the piece")?;
        if sequence == 0 || sequence > total {
            return Err(Fault::value("number of the piece", format!("1 to {total}"), sequence));
        }
        let original_size = match reader.u8("flags of the piece")? & HAS_ORIGINAL_SIZE {
            0 => None,
            _ => Some(reader.u64("size of the whole event")?),
        };
        Ok(PartialRowDataEvent { total, sequence, original_size, chunk: reader.take_rest() })
    }
}

impl fmt::Display for PartialRowDataEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.chunk.len();
        write!(f, "piece {} of {}, {bytes} bytes", self.sequence, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_counted_from_one() {
        #[rustfmt::skip]
        let mut body = [
            2, 0, 0, 0,                 // number of pieces
            1, 0, 0, 0,                 // number of this one
            1,                          // flags: the size follows
            9, 0, 0, 0, 0, 0, 0, 0,     // size of the whole event
            0xAA, 0xBB,                 // chunk
        ];
        let piece = PartialRowDataEvent::parse(&body).unwrap();
        assert_eq!((piece.original_size, piece.chunk), (Some(9), &[0xAA, 0xBB][..]));
        assert_eq!(piece.to_string(), "piece 1 of 2, 2 bytes");
        assert!(PartialRowDataEvent::parse(&body[..16]).is_err());
        body[4] = 3;
        assert_eq!(
            PartialRowDataEvent::parse(&body).unwrap_err().to_string(),
            "number of the piece: needed 1 to 2, had 3"
        );
    }
}
