//! START_ENCRYPTION (164): every event after it is encrypted, by MariaDB.

use std::fmt;

use crate::error::Fault;
use crate::wire::Reader;

/// How the events from here to the end are encrypted (`Start_encryption_log_event` in MariaDB's
/// `log_event.h`). The key is always the one of id 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartEncryptionEvent {
    /// 1, the only scheme there is.
    pub scheme: u8,
    /// Version of the key.
    pub key_version: u32,
    /// First twelve bytes of every event's initial vector.
    pub nonce: [u8; 12],
}

impl StartEncryptionEvent {
    /// Reads the body of a START_ENCRYPTION event.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing or the scheme is none that is known.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let scheme = reader.u8("encryption scheme")?;
        if scheme != 1 {
            return Err(Fault::value("encryption scheme", "1", scheme));
        }
        let key_version = reader.u32("key version")?;
        let rest = reader.rest();
        let Some(nonce) = rest.first_chunk() else {
            return Err(Fault::short("nonce", 12, rest.len() as u64));
        };
        Ok(StartEncryptionEvent { scheme, key_version, nonce: *nonce })
    }
}

impl fmt::Display for StartEncryptionEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scheme={} key_version={} nonce=", self.scheme, self.key_version)?;
        self.nonce.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_version_and_the_nonce_are_what_a_reader_needs() {
        #[rustfmt::skip]
        let mut body = [
            1,                                      // scheme
            2, 0, 0, 0,                             // key version
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,   // nonce
        ];
        assert_eq!(
            StartEncryptionEvent::parse(&body).unwrap().to_string(),
            "scheme=1 key_version=2 nonce=000102030405060708090a0b"
        );
        assert_eq!(StartEncryptionEvent::parse(&body[..16]), Err(Fault::short("nonce", 12, 11)));
        body[0] = 2;
        assert!(StartEncryptionEvent::parse(&body).is_err());
    }
}
