//! TRANSACTION_CONTEXT (36): what group replication certifies a transaction by.

use crate::error::Fault;
use crate::wire::Reader;

/// A transaction as a member of a group offers it to the others (`control_events.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionContextEvent<'a> {
    /// UUID of the member, as text.
    pub server_uuid: &'a [u8],
    /// Connection that runs the transaction.
    pub thread_id: u32,
    /// Whether its client named its GTID.
    pub gtid_specified: bool,
    /// The GTIDs that it builds on, as PREVIOUS_GTIDS has them.
    pub snapshot_version: &'a [u8],
    /// Hashes of the keys that it changes.
    pub write_set: Vec<&'a [u8]>,
    /// Hashes of the keys that it reads; no server fills it.
    pub read_set: Vec<&'a [u8]>,
}

impl<'a> TransactionContextEvent<'a> {
    /// Reads the body of a TRANSACTION_CONTEXT event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let uuid_length = reader.u8("length of server UUID")?;
        let thread_id = reader.u32("thread id")?;
        let gtid_specified = reader.u8("gtid_specified")? != 0;
        let snapshot_length = reader.u32("length of snapshot version")?;
        let writes = reader.u32("size of write set")?;
        let reads = reader.u32("size of read set")?;
        let server_uuid = reader.take(usize::from(uuid_length), "server UUID")?;
        let snapshot_version = reader.take_u64(u64::from(snapshot_length), "snapshot version")?;
        let write_set = read_set(&mut reader, writes, "write set")?;
        let read_set = read_set(&mut reader, reads, "read set")?;
        Ok(TransactionContextEvent {
            server_uuid,
            thread_id,
            gtid_specified,
            snapshot_version,
            write_set,
            read_set,
        })
    }
}

/// `count` items, each with its length in two bytes before it. The count is a claim: it makes no
/// room before the items are seen.
fn read_set<'a>(
    reader: &mut Reader<'a>,
    count: u32,
    what: &'static str,
) -> Result<Vec<&'a [u8]>, Fault> {
    let mut items = Vec::new();
    for _ in 0..count {
        let length = reader.u16(what)?;
        items.push(reader.take(usize::from(length), what)?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_has_its_sets() {
        #[rustfmt::skip]
        let body = [
            2,                      // length of server UUID
            7, 0, 0, 0,             // thread id
            1,                      // gtid_specified
            3, 0, 0, 0,             // length of snapshot version
            2, 0, 0, 0,             // size of write set
            0, 0, 0, 0,             // size of read set
            b'a', b'b',             // server UUID
            1, 2, 3,                // snapshot version
            1, 0, b'x',             // first write
            0, 0,                   // second write
        ];
        let context = TransactionContextEvent::parse(&body).unwrap();
        assert_eq!((context.server_uuid, context.thread_id), (&b"ab"[..], 7));
        assert!(context.gtid_specified && context.read_set.is_empty());
        assert_eq!(context.snapshot_version, [1, 2, 3]);
        assert_eq!(context.write_set, [&b"x"[..], b""]);
        for length in 0..body.len() {
            assert!(TransactionContextEvent::parse(&body[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_lying_count_ends_with_the_bytes() {
        let mut body = [0; 18];
        body[10..14].fill(0xFF);
        assert_eq!(
            TransactionContextEvent::parse(&body).unwrap_err().to_string(),
            "write set: needed 2 bytes, had 0"
        );
    }
}
