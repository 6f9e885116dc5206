//! RAND (13): where the next statement's RAND() starts.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// The two seeds of RAND() for the next Query event (the manual's "RAND_EVENT";
/// `statement_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandEvent {
    /// `rand_seed1`.
    pub seed1: u64,
    /// `rand_seed2`.
    pub seed2: u64,
}

impl RandEvent {
    /// Reads the body of a RAND event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        Ok(RandEvent { seed1: reader.u64("rand_seed1")?, seed2: reader.u64("rand_seed2")? })
    }
}

impl fmt::Display for RandEvent {
    /// The form of SHOW BINLOG EVENTS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rand_seed1={},rand_seed2={}", self.seed1, self.seed2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_seeds_are_all() {
        #[rustfmt::skip]
        let body = [
            1, 0, 0, 0, 0, 0, 0, 0,     // seed1
            0, 0, 0, 0, 0, 0, 0, 0x80,  // seed2
        ];
        let event = RandEvent::parse(&body).unwrap();
        assert_eq!(event.to_string(), "rand_seed1=1,rand_seed2=9223372036854775808");
        assert!(RandEvent::parse(&body[..15]).is_err());
    }
}
