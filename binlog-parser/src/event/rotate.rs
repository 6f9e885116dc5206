//! ROTATE (4): which log comes next.

use crate::error::Fault;
use crate::wire::Reader;

/// The end of a log, and the name of the next (`control_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateEvent<'a> {
    /// Position of the first event in the next log, always 4.
    pub position: u64,
    /// Name of the next log, without folder.
    pub next_log: &'a [u8],
}

impl<'a> RotateEvent<'a> {
    /// Reads the body of a ROTATE event.
    ///
    /// # Errors
    /// A [`Fault`] if the position is cut off or no name follows.
    pub fn parse(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let position = reader.u64("position in the next log")?;
        let next_log = reader.take_rest();
        if next_log.is_empty() {
            return Err(Fault::short("name of the next log", 1, 0));
        }
        Ok(RotateEvent { position, next_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotate_names_the_next_log() {
        let rotate = RotateEvent::parse(b"\x04\0\0\0\0\0\0\0binlog.000002").unwrap();
        assert_eq!((rotate.position, rotate.next_log), (4, &b"binlog.000002"[..]));
        assert!(RotateEvent::parse(b"\x04\0\0\0\0\0\0\0").is_err());
    }
}
