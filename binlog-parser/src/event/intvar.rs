//! INTVAR (5): a number that the next statement takes from its session.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// The value of LAST_INSERT_ID() or of the first AUTO_INCREMENT that the next Query event uses
/// (the manual's "INTVAR_EVENT"; `statement_events.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntvarEvent {
    /// Which of the two.
    pub kind: IntvarKind,
    /// The number, unsigned as AUTO_INCREMENT columns can be.
    pub value: u64,
}

/// What the number of an Intvar event stands for (`Int_event_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntvarKind {
    /// 1: what LAST_INSERT_ID() returns.
    LastInsertId,
    /// 2: what AUTO_INCREMENT starts from.
    InsertId,
}

impl IntvarKind {
    /// The servers' own name, which is that of the session variable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            IntvarKind::LastInsertId => "LAST_INSERT_ID",
            IntvarKind::InsertId => "INSERT_ID",
        }
    }
}

impl IntvarEvent {
    /// Reads the body of an INTVAR event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the kind is neither of the two.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let kind = match reader.u8("kind of Intvar")? {
            1 => IntvarKind::LastInsertId,
            2 => IntvarKind::InsertId,
            other => {
                let needed = "1 (LAST_INSERT_ID) or 2 (INSERT_ID)";
                return Err(Fault::value("kind of Intvar", needed, other));
            }
        };
        Ok(IntvarEvent { kind, value: reader.u64("value of Intvar")? })
    }
}

impl fmt::Display for IntvarEvent {
    /// The form of SHOW BINLOG EVENTS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.name(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_unsigned_and_has_a_name() {
        let body = [2, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        assert_eq!(
            IntvarEvent::parse(&body).unwrap().to_string(),
            "INSERT_ID=18446744073709551614"
        );
        let body = [1, 7, 0, 0, 0, 0, 0, 0, 0];
        let event = IntvarEvent { kind: IntvarKind::LastInsertId, value: 7 };
        assert_eq!(IntvarEvent::parse(&body), Ok(event));
        for length in 0..body.len() {
            assert!(IntvarEvent::parse(&body[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn another_kind_is_refused() {
        assert_eq!(
            IntvarEvent::parse(&[0; 9]).unwrap_err().to_string(),
            "kind of Intvar: needed 1 (LAST_INSERT_ID) or 2 (INSERT_ID), had 0"
        );
    }
}
