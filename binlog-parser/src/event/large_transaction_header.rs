//! LARGE_TRANSACTION_HEADER (43): where a large transaction ends, for MySQL after 9.7.

use std::fmt;

use crate::error::Fault;
use crate::header::EventType;
use crate::wire::Reader;

/// Stands before a transaction that a server moved into the log as a whole
/// (`large_transaction_header_event.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeTransactionHeaderEvent {
    /// Stream position of the event that ends the transaction.
    pub terminating_event_offset: u64,
    /// Its type.
    pub terminating_event_type: EventType,
}

impl LargeTransactionHeaderEvent {
    /// Reads the body of a LARGE_TRANSACTION_HEADER event; the padding behind is passed over.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the version of the body is not 1.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let version = reader.u8("version of large transaction header")?;
        if version != 1 {
            return Err(Fault::value("version of large transaction header", "1", version));
        }
        Ok(LargeTransactionHeaderEvent {
            terminating_event_offset: reader.u64("position of terminating event")?,
            terminating_event_type: EventType(reader.u8("type of terminating event")?),
        })
    }
}

impl fmt::Display for LargeTransactionHeaderEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, offset) = (self.terminating_event_type.name(), self.terminating_event_offset);
        write!(f, "ends with {name} at {offset}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_where_the_transaction_ends() {
        #[rustfmt::skip]
        let mut body = [
            1,                          // version
            0, 0, 0, 0, 1, 0, 0, 0,     // position of terminating event
            16,                         // its type: Xid
            0, 0, 0,                    // padding
        ];
        let header = LargeTransactionHeaderEvent::parse(&body).unwrap();
        assert_eq!(header.to_string(), "ends with Xid at 4294967296");
        assert!(LargeTransactionHeaderEvent::parse(&body[..9]).is_err());
        body[0] = 2;
        assert!(LargeTransactionHeaderEvent::parse(&body).is_err());
    }
}
