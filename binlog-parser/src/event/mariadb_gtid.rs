//! MariaDB's Gtid (162): it opens a transaction, and takes the place of BEGIN.

use crate::error::Fault;
use crate::gtid::MariadbGtid;
use crate::header::EventHeader;
use crate::wire::Reader;

use super::xa_prepare::XaXid;

/// Bits of [`MariadbGtidEvent::flags`] (`FL_*` in MariaDB's `log_event.h`).
pub mod flags {
    /// No COMMIT follows: the group is one statement.
    pub const STANDALONE: u8 = 0x1;
    /// A commit id follows.
    pub const GROUP_COMMIT_ID: u8 = 0x2;
    /// Everything in the group can be rolled back.
    pub const TRANSACTIONAL: u8 = 0x4;
    /// The group may be applied in parallel with others.
    pub const ALLOW_PARALLEL: u8 = 0x8;
    /// The group waited for a row lock of another.
    pub const WAITED: u8 = 0x10;
    /// The group is DDL.
    pub const DDL: u8 = 0x20;
    /// The group ends in XA PREPARE.
    pub const PREPARED_XA: u8 = 0x40;
    /// The group is an XA COMMIT or XA ROLLBACK.
    pub const COMPLETED_XA: u8 = 0x80;
}

/// Bits of [`MariadbGtidEvent::flags_extra`] (`FL_*_E1` in MariaDB's `log_event.h`).
pub mod flags_extra {
    /// The number of further engines follows.
    pub const MULTI_ENGINE: u8 = 0x1;
    /// First half of an ALTER TABLE in two phases.
    pub const START_ALTER: u8 = 0x2;
    /// Second half; the number of the first follows.
    pub const COMMIT_ALTER: u8 = 0x4;
    /// The first half is taken back; its number follows.
    pub const ROLLBACK_ALTER: u8 = 0x8;
    /// The thread id follows.
    pub const THREAD_ID: u8 = 0x10;
}

/// Name of an event group (MariaDB's `Gtid_log_event`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariadbGtidEvent<'a> {
    /// The GTID; its server id is the header's.
    pub gtid: MariadbGtid,
    /// What kind of group this is: see [`flags`] (the server's `flags2`).
    pub flags: u8,
    /// Groups with the same id were committed together.
    pub commit_id: Option<u64>,
    /// Name of the XA transaction that the group prepares, commits or rolls back.
    pub xid: Option<XaXid<'a>>,
    /// More about the group: see [`flags_extra`]; 0 before 10.8.
    pub flags_extra: u8,
    /// How many engines beyond the first took part.
    pub extra_engines: Option<u8>,
    /// Sequence number of the START ALTER that this group ends.
    pub start_alter_seq: Option<u64>,
    /// Connection that ran the group.
    pub thread_id: Option<u32>,
}

impl<'a> MariadbGtidEvent<'a> {
    /// Reads the body of a MariaDB Gtid event. It is padded with zeros, which say "no more flags".
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8], header: &EventHeader) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let seq = reader.u64("sequence number")?;
        let domain = reader.u32("domain id")?;
        let flags = reader.u8("GTID flags")?;
        let mut event = MariadbGtidEvent {
            gtid: MariadbGtid { domain, server: header.server_id, seq },
            flags,
            commit_id: None,
            xid: None,
            flags_extra: 0,
            extra_engines: None,
            start_alter_seq: None,
            thread_id: None,
        };
        if flags & flags::GROUP_COMMIT_ID != 0 {
            event.commit_id = Some(reader.u64("commit id")?);
        }
        if flags & (flags::PREPARED_XA | flags::COMPLETED_XA) != 0 {
            event.xid = Some(read_xid(&mut reader)?);
        }
        if !reader.is_empty() {
            event.flags_extra = reader.u8("extra GTID flags")?;
            event.read_extra(&mut reader)?;
        }
        Ok(event)
    }

    fn read_extra(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        if self.flags_extra & flags_extra::MULTI_ENGINE != 0 {
            self.extra_engines = Some(reader.u8("number of further engines")?);
        }
        if self.flags_extra & (flags_extra::COMMIT_ALTER | flags_extra::ROLLBACK_ALTER) != 0 {
            self.start_alter_seq = Some(reader.u64("sequence number of START ALTER")?);
        }
        if self.flags_extra & flags_extra::THREAD_ID != 0 {
            self.thread_id = Some(reader.u32("thread id")?);
        }
        Ok(())
    }

    /// Whether the group is one statement, with no COMMIT after it.
    #[must_use]
    pub fn is_standalone(&self) -> bool {
        self.flags & flags::STANDALONE != 0
    }

    /// Whether the group is DDL.
    #[must_use]
    pub fn is_ddl(&self) -> bool {
        self.flags & flags::DDL != 0
    }

    /// Whether the group ends in XA PREPARE.
    #[must_use]
    pub fn is_prepared_xa(&self) -> bool {
        self.flags & flags::PREPARED_XA != 0
    }

    /// Whether the group is an XA COMMIT or XA ROLLBACK.
    #[must_use]
    pub fn is_completed_xa(&self) -> bool {
        self.flags & flags::COMPLETED_XA != 0
    }
}

fn read_xid<'a>(reader: &mut Reader<'a>) -> Result<XaXid<'a>, Fault> {
    let format_id = reader.u32("format id")?;
    let gtrid_length = reader.u8("length of gtrid")?;
    let bqual_length = reader.u8("length of bqual")?;
    let gtrid = reader.take(usize::from(gtrid_length), "gtrid")?;
    let bqual = reader.take(usize::from(bqual_length), "bqual")?;
    Ok(XaXid { format_id, gtrid, bqual })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;
    use crate::header::EventType;
    use proptest::prelude::*;

    fn header() -> EventHeader {
        EventHeader { server_id: 7, ..test_header(EventType::MARIADB_GTID) }
    }

    #[test]
    fn a_short_event_is_padded_with_zeros() {
        #[rustfmt::skip]
        let body = [
            0x67, 0x12, 0, 0, 0, 0, 0, 0, // sequence number
            3, 0, 0, 0,                   // domain id
            0x29,                         // flags: standalone, allow parallel, DDL
            0, 0, 0, 0, 0, 0,             // padding
        ];
        let event = MariadbGtidEvent::parse(&body, &header()).unwrap();
        assert_eq!(event.gtid.to_string(), "3-7-4711");
        assert!(event.is_standalone() && event.is_ddl());
        assert!(!event.is_prepared_xa() && !event.is_completed_xa());
        assert_eq!((event.commit_id, event.xid, event.flags_extra), (None, None, 0));
    }

    #[rustfmt::skip]
    const FULL: &[u8] = &[
        1, 0, 0, 0, 0, 0, 0, 0, // sequence number
        0, 0, 0, 0,             // domain id
        0x46,                   // flags: commit id, transactional, prepared XA
        9, 0, 0, 0, 0, 0, 0, 0, // commit id
        1, 0, 0, 0,             // format id
        2, 1,                   // lengths of gtrid and bqual
        b'a', b'b', b'c',       // gtrid, bqual
        0x15,                   // extra flags: engines, COMMIT ALTER, thread id
        1,                      // one more engine
        5, 0, 0, 0, 0, 0, 0, 0, // sequence number of START ALTER
        8, 0, 0, 0,             // thread id
    ];

    #[test]
    fn every_optional_field_reads() {
        let event = MariadbGtidEvent::parse(FULL, &header()).unwrap();
        assert_eq!(event.commit_id, Some(9));
        assert_eq!(event.xid.unwrap().to_string(), "X'6162',X'63',1");
        assert_eq!(event.extra_engines, Some(1));
        assert_eq!(event.start_alter_seq, Some(5));
        assert_eq!(event.thread_id, Some(8));
        assert!(event.is_prepared_xa());
    }

    #[test]
    fn a_cut_event_is_a_fault() {
        for end in (0..FULL.len()).filter(|&end| end != 30) {
            assert!(MariadbGtidEvent::parse(&FULL[..end], &header()).is_err(), "{end}");
        }
        // Before 10.8 there were no extra flags.
        let event = MariadbGtidEvent::parse(&FULL[..30], &header()).unwrap();
        assert_eq!(event.flags_extra, 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>) {
            let _ = MariadbGtidEvent::parse(&body, &header());
        }
    }
}
