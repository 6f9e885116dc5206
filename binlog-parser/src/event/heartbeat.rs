//! HEARTBEAT (27 and 41): a server with nothing to send says so. It stands in no log, but in what
//! was copied from the wire.

use crate::error::Fault;
use crate::header::{EventHeader, EventType};
use crate::wire::Reader;

/// Where the source's log ends for now (the manual's "HEARTBEAT_EVENT"; `control_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatEvent<'a> {
    /// Name of the log.
    pub log: &'a [u8],
    /// Position in it, in bytes.
    pub position: u64,
}

impl<'a> HeartbeatEvent<'a> {
    /// Reads the body of either HEARTBEAT event.
    ///
    /// The first version has its position in the header; MariaDB puts it before the name where the
    /// header is too small for it, and the header's is 0 then.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &'a [u8], header: &EventHeader) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        if header.event_type == EventType::HEARTBEAT_V2 {
            return HeartbeatEvent::parse_fields(&mut reader);
        }
        let position = match header.log_pos {
            0 => reader.u64("position")?,
            position => u64::from(position),
        };
        Ok(HeartbeatEvent { log: reader.take_rest(), position })
    }

    fn parse_fields(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let (mut log, mut position) = (None, None);
        loop {
            match reader.lenenc("heartbeat field")? {
                0 => break,
                1 => log = Some(reader.string_lenenc("log name")?),
                2 => {
                    let mut field = Reader::new(reader.string_lenenc("position")?);
                    position = Some(field.lenenc("position")?);
                }
                // A later server's field.
                _ => {
                    reader.string_lenenc("heartbeat field")?;
                }
            }
        }
        match (log, position) {
            (Some(log), Some(position)) => Ok(HeartbeatEvent { log, position }),
            _ => Err(Fault::value("heartbeat", "a log name and a position", "one of them or none")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::test_header;

    #[test]
    fn the_first_version_has_its_position_in_the_header() {
        let mut header = test_header(EventType::HEARTBEAT);
        header.log_pos = 4711;
        let expected = HeartbeatEvent { log: b"binlog.000001", position: 4711 };
        assert_eq!(HeartbeatEvent::parse(b"binlog.000001", &header), Ok(expected));
    }

    #[test]
    fn mariadb_puts_a_large_position_before_the_name() {
        let header = test_header(EventType::HEARTBEAT);
        let body = b"\0\0\0\0\x02\0\0\0a.000001";
        let expected = HeartbeatEvent { log: b"a.000001", position: 2 << 32 };
        assert_eq!(HeartbeatEvent::parse(body, &header), Ok(expected));
    }

    #[test]
    fn the_second_version_has_fields() {
        let header = test_header(EventType::HEARTBEAT_V2);
        #[rustfmt::skip]
        let body = [
            1, 3, b'a', b'.', b'1',             // log name
            9, 1, 0xFF,                         // a field that is not known
            2, 3, 0xFC, 0x00, 0x01,             // position 256
            0,                                  // end
        ];
        let expected = HeartbeatEvent { log: b"a.1", position: 256 };
        assert_eq!(HeartbeatEvent::parse(&body, &header), Ok(expected));
        for length in 0..body.len() {
            assert!(HeartbeatEvent::parse(&body[..length], &header).is_err(), "{length}");
        }
        assert!(HeartbeatEvent::parse(&[0], &header).is_err());
    }
}
