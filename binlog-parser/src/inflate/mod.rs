//! Events that their server compressed, made plain.
//!
//! ```text
//! MySQL    Gtid  Transaction_payload                     one zstd stream of whole events
//!                '-> Query  Table_map  Write_rows  Xid     without checksums, at NAME:POS+INNER
//! MariaDB  Gtid  Table_map  Write_rows_compressed  Xid   each event by itself, by zlib
//!                           '-> Write_rows                 with a checksum, at NAME:POS
//!
//! room     where plain bytes are gathered: in memory, or when they are many in a private file
//! zstd     the streams of MySQL's payloads
//! zlib     the second halves of MariaDB's events
//! ```
//!
//! [`crate::transaction::Transaction::plain`] puts it all together.

mod room;
mod zlib;
mod zstd;

use std::ops::Range;

use crate::error::Fault;
use crate::event::transaction_payload::{PayloadCompression, TransactionPayloadEvent};
use crate::header::EventType;
use crate::limits;
use crate::scan::RawEvent;

pub use room::Room;
use zlib::Zlib;
use zstd::Zstd;

/// Memory for the plain bytes of one transaction at a time, used again for the next: at most 16 MiB
/// of it, beside what zstd takes for its window. Larger transactions go into a private temporary
/// file, which is gone with the transaction.
#[derive(Debug, Default)]
pub struct Inflated {
    room: Room,
    zstd: Zstd,
    zlib: Zlib,
}

impl Inflated {
    /// Forgets the transaction before.
    pub(crate) fn clear(&mut self) {
        self.room.clear();
    }

    /// Makes a compressed event plain, and tells where in [`Inflated::bytes`] the outcome is. What
    /// came out before the fault is there as well, if it is a payload.
    pub(crate) fn add(&mut self, event: &RawEvent<'_>) -> (Range<u64>, Result<(), Fault>) {
        let start = self.room.len();
        let added = match event.event_type() {
            EventType::TRANSACTION_PAYLOAD => self.payload(event),
            _ => self.zlib.event(event, &mut self.room),
        };
        (start..self.room.len(), added)
    }

    fn payload(&mut self, event: &RawEvent<'_>) -> Result<(), Fault> {
        let payload = TransactionPayloadEvent::parse(event.body())?;
        let claim = payload.uncompressed_size.unwrap_or(0);
        self.room.limit("uncompressed transaction", limits::INFLATED_BYTES);
        self.room.check(claim)?;
        match payload.compression {
            PayloadCompression::Zstd => self.zstd.inflate(payload.payload, claim, &mut self.room),
            PayloadCompression::None => self.room.push(payload.payload),
            PayloadCompression::Unknown(number) => {
                Err(Fault::value("payload compression", "0 (ZSTD) or 255 (NONE)", number))
            }
        }
    }

    /// All plain bytes of the transaction.
    ///
    /// # Errors
    /// A [`Fault`] if the temporary file cannot be written or mapped.
    pub(crate) fn bytes(&mut self) -> Result<&[u8], Fault> {
        self.room.bytes()
    }
}
