//! VIEW_CHANGE (37): a member joined a replication group or left it.

use crate::error::Fault;
use crate::wire::Reader;

/// Bytes of a view's id, padded with NULs (`ENCODED_VIEW_ID_MAX_LEN` in `control_events.h`).
const VIEW_ID_BYTES: usize = 40;

/// The group's members changed (`View_change_event` in `control_events.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewChangeEvent<'a> {
    /// Id of the view.
    pub view_id: &'a [u8],
    /// How many transactions the group has certified.
    pub sequence_number: u64,
    /// What a joiner has to know to certify: hashes of keys, each with the GTIDs that wrote it last.
    pub certification: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> ViewChangeEvent<'a> {
    /// Reads the body of a VIEW_CHANGE event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let padded = reader.take(VIEW_ID_BYTES, "view id")?;
        let end = memchr::memchr(0, padded).unwrap_or(VIEW_ID_BYTES);
        let sequence_number = reader.u64("sequence number")?;
        let count = reader.u32("size of certification info")?;
        // The count is a claim: it makes no room before the items are seen.
        let mut certification = Vec::new();
        for _ in 0..count {
            let length = reader.u16("length of certification key")?;
            let key = reader.take(usize::from(length), "certification key")?;
            let length = reader.u32("length of certification value")?;
            let value = reader.take_u64(u64::from(length), "certification value")?;
            certification.push((key, value));
        }
        let view_id = padded.get(..end).unwrap_or(padded);
        Ok(ViewChangeEvent { view_id, sequence_number, certification })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_its_certification() {
        let mut body = b"15219:2".to_vec(); // view id
        body.resize(VIEW_ID_BYTES, 0);
        body.extend([9, 0, 0, 0, 0, 0, 0, 0]); // sequence number
        body.extend([1, 0, 0, 0]); // size of certification info
        body.extend([1, 0, b'k']); // key
        body.extend([2, 0, 0, 0, b'v', b'w']); // value
        let view = ViewChangeEvent::parse(&body).unwrap();
        assert_eq!((view.view_id, view.sequence_number), (&b"15219:2"[..], 9));
        assert_eq!(view.certification, [(&b"k"[..], &b"vw"[..])]);
        for length in 0..body.len() {
            assert!(ViewChangeEvent::parse(&body[..length]).is_err(), "{length}");
        }
    }
}
