//! TRANSACTION_PAYLOAD (40): the events of a transaction in one, compressed. Here its header is
//! read and nothing is inflated; that is [`crate::inflate`]'s.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// What the payload is packed with (`mysql::binlog::event::compression::type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadCompression {
    /// 0: one zstd stream.
    Zstd,
    /// 255: nothing.
    None,
    /// A number that no server has used yet.
    Unknown(u64),
}

impl fmt::Display for PayloadCompression {
    /// The server's own word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadCompression::Zstd => f.write_str("ZSTD"),
            PayloadCompression::None => f.write_str("NONE"),
            PayloadCompression::Unknown(number) => write!(f, "{number}"),
        }
    }
}

/// A compressed transaction (`Transaction_payload_event` in `control_events.h`): the events from
/// BEGIN to XID or COMMIT, without checksums. The GTID event stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPayloadEvent<'a> {
    /// How [`Self::payload`] is packed.
    pub compression: PayloadCompression,
    /// Bytes that it claims to be unpacked; informational, and not to be believed.
    pub uncompressed_size: Option<u64>,
    /// The events, packed.
    pub payload: &'a [u8],
}

impl<'a> TransactionPayloadEvent<'a> {
    /// Reads the body of a TRANSACTION_PAYLOAD event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, or the size or the compression is not told.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let (mut compression, mut size, mut uncompressed_size) = (None, None, None);
        loop {
            let field = reader.lenenc("payload field")?;
            if field == 0 {
                break;
            }
            let mut value = Reader::new(reader.string_lenenc("payload field")?);
            match field {
                1 => size = Some(value.lenenc("payload size")?),
                2 => compression = Some(value.lenenc("payload compression")?),
                3 => uncompressed_size = Some(value.lenenc("uncompressed size")?),
                // A later server's field.
                _ => {}
            }
        }
        let missing = |what| Fault::value(what, "a field that tells it", "none");
        let size = size.ok_or_else(|| missing("payload size"))?;
        let compression = match compression.ok_or_else(|| missing("payload compression"))? {
            0 => PayloadCompression::Zstd,
            255 => PayloadCompression::None,
            other => PayloadCompression::Unknown(other),
        };
        let payload = reader.take_u64(size, "payload")?;
        Ok(TransactionPayloadEvent { compression, uncompressed_size, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const BODY: [u8; 17] = [
        2, 1, 0,                    // compression: zstd
        9, 1, 77,                   // a field that is not known
        3, 3, 0xFC, 0x00, 0x01,     // uncompressed size: 256
        1, 1, 2,                    // payload size
        0,                          // end
        0xAA, 0xBB,                 // payload
    ];

    #[test]
    fn fields_come_in_any_order_and_unknown_ones_are_passed() {
        let payload = TransactionPayloadEvent::parse(&BODY).unwrap();
        assert_eq!(payload.compression, PayloadCompression::Zstd);
        assert_eq!(payload.uncompressed_size, Some(256));
        assert_eq!(payload.payload, [0xAA, 0xBB]);
        for length in 0..BODY.len() {
            assert!(TransactionPayloadEvent::parse(&BODY[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_payload_without_its_size_is_refused() {
        assert_eq!(
            TransactionPayloadEvent::parse(&[2, 1, 0, 0]).unwrap_err().to_string(),
            "payload size: needed a field that tells it, had none"
        );
        assert!(TransactionPayloadEvent::parse(&[1, 1, 0, 0]).is_err());
    }

    #[test]
    fn compressions_have_names() {
        let plain = TransactionPayloadEvent::parse(&[2, 3, 0xFC, 255, 0, 1, 1, 0, 0]).unwrap();
        assert_eq!(plain.compression.to_string(), "NONE");
        assert_eq!(PayloadCompression::Unknown(7).to_string(), "7");
    }
}
