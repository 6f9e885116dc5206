//! GTID (33), ANONYMOUS_GTID (34) and GTID_TAGGED (42): the name of the transaction that follows.

mod fields;
mod fixed;
mod tagged;

use crate::error::Fault;
use crate::gtid::{Gtid, TransactionGtid};
use crate::header::{EventHeader, EventType};

pub use fields::GtidEvent;
pub(super) use tagged::read_tag;

impl GtidEvent {
    /// Reads the body of a Gtid, Anonymous_Gtid or tagged Gtid event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, a number is out of its range, or a tagged event has a field
    /// that must not be ignored and is not known.
    pub fn parse(body: &[u8], header: &EventHeader) -> Result<Self, Fault> {
        if header.event_type == EventType::GTID_TAGGED {
            return tagged::parse_tagged(body);
        }
        fixed::parse_fixed(body, header.event_type == EventType::ANONYMOUS_GTID)
    }

    /// Of the same, the name alone, and the time of commit on the server that wrote the log. It is made
    /// where it is to stay: each transaction of a log has one.
    ///
    /// # Errors
    /// As [`GtidEvent::parse`].
    #[inline(always)]
    pub(crate) fn name(
        body: &[u8],
        header: &EventHeader,
    ) -> Result<(TransactionGtid, Option<u64>), Fault> {
        if header.event_type == EventType::GTID
            && let Some((uuid, gno, time)) = fixed::read_usual(body)
        {
            return Ok((TransactionGtid::Mysql(Gtid { uuid, tag: None, gno }), Some(time)));
        }
        if header.event_type == EventType::GTID_TAGGED {
            let event = tagged::parse_tagged(body)?;
            return Ok((event.gtid, event.immediate_commit_timestamp));
        }
        let anonymous = header.event_type == EventType::ANONYMOUS_GTID;
        let (event, uuid, gno) = fixed::read_parts(body, anonymous)?;
        let gtid = fields::named(anonymous, uuid, None, gno);
        Ok((gtid, event.immediate_commit_timestamp))
    }
}
