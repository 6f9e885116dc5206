//! XA_PREPARE (38): the end of the first half of an XA transaction.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// Longest gtrid or bqual that the servers take, in bytes (`MAXGTRIDSIZE` in `xa.h`).
const MAX_XID_PART_BYTES: u32 = 64;

/// An XA transaction was prepared, or committed in one phase (`XA_prepare_event`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XaPrepareEvent<'a> {
    /// Whether this is `XA COMMIT … ONE PHASE`, so that nothing is left to decide.
    pub one_phase: bool,
    /// The transaction's own name.
    pub xid: XaXid<'a>,
}

/// Name of an XA transaction, given by the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XaXid<'a> {
    /// Whose scheme the two names follow; 1 unless the client says otherwise.
    pub format_id: u32,
    /// Global transaction id, at most 64 bytes.
    pub gtrid: &'a [u8],
    /// Branch qualifier, at most 64 bytes.
    pub bqual: &'a [u8],
}

impl<'a> XaPrepareEvent<'a> {
    /// Reads the body of an XA_PREPARE event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or a part of the name is longer than 64 bytes.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let one_phase = reader.u8("one_phase")? != 0;
        let format_id = reader.u32("format id")?;
        let gtrid_length = reader.u32("length of gtrid")?;
        let bqual_length = reader.u32("length of bqual")?;
        for (what, length) in [("gtrid", gtrid_length), ("bqual", bqual_length)] {
            if length > MAX_XID_PART_BYTES {
                return Err(Fault::limit(what, u64::from(MAX_XID_PART_BYTES), u64::from(length)));
            }
        }
        let gtrid = reader.take_u64(u64::from(gtrid_length), "gtrid")?;
        let bqual = reader.take_u64(u64::from(bqual_length), "bqual")?;
        Ok(XaPrepareEvent { one_phase, xid: XaXid { format_id, gtrid, bqual } })
    }
}

impl fmt::Display for XaXid<'_> {
    /// The form that the servers log and take: `X'6162',X'',1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [self.gtrid, self.bqual] {
            f.write_str("X'")?;
            for byte in part {
                write!(f, "{byte:02x}")?;
            }
            f.write_str("',")?;
        }
        write!(f, "{}", self.format_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xid_prints_as_the_servers_log_it() {
        #[rustfmt::skip]
        let body = [
            0,              // two phases
            1, 0, 0, 0,     // format id
            2, 0, 0, 0,     // length of gtrid
            1, 0, 0, 0,     // length of bqual
            b'a', b'b',     // gtrid
            0xFF,           // bqual
        ];
        let event = XaPrepareEvent::parse(&body).unwrap();
        assert!(!event.one_phase);
        assert_eq!(event.xid.to_string(), "X'6162',X'ff',1");
        let mut long = body;
        long[5] = 65;
        assert_eq!(
            XaPrepareEvent::parse(&long).unwrap_err().to_string(),
            "gtrid: needed at most 64, had 65"
        );
    }
}
