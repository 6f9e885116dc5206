//! Events whose body is little more than one text: ROWS_QUERY (29), ANNOTATE_ROWS (160),
//! BINLOG_CHECKPOINT (161), INCIDENT (26).

use crate::error::Fault;
use crate::wire::Reader;

/// The text of a ROWS_QUERY event: the statement whose rows follow. Its one byte of length is
/// ignored, as the server does, for it wraps.
///
/// # Errors
/// A [`Fault`] if the length byte is missing.
pub fn rows_query(body: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(body);
    reader.u8("length of text")?;
    Ok(reader.take_rest())
}

/// The log up to which a crashed MariaDB must look for prepared transactions.
///
/// # Errors
/// A [`Fault`] if bytes are missing.
pub fn binlog_checkpoint(body: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(body);
    let length = reader.u32("length of log name")?;
    reader.take_u64(u64::from(length), "log name")
}

/// Something that the log does not hold happened on the server (`Incident_event`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncidentEvent<'a> {
    /// 1: events were lost.
    pub incident: u16,
    /// The server's own words.
    pub message: &'a [u8],
}

impl<'a> IncidentEvent<'a> {
    /// Reads the body of an INCIDENT event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let incident = reader.u16("incident number")?;
        let message = reader.string_u8("incident message")?;
        Ok(IncidentEvent { incident, message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_rows_query_is_ignored() {
        assert_eq!(rows_query(b"\x01DELETE FROM users"), Ok(&b"DELETE FROM users"[..]));
        assert!(rows_query(b"").is_err());
    }

    #[test]
    fn a_checkpoint_names_a_log() {
        assert_eq!(binlog_checkpoint(b"\x03\0\0\0a.1"), Ok(&b"a.1"[..]));
        assert!(binlog_checkpoint(b"\xff\xff\xff\xffa.1").is_err());
    }

    #[test]
    fn an_incident_has_its_message() {
        let incident = IncidentEvent::parse(b"\x01\0\x04lost").unwrap();
        assert_eq!((incident.incident, incident.message), (1, &b"lost"[..]));
    }
}
