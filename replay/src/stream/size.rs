//! What does not fit the packets that a server takes, found before anything is written.
//!
//! An event is never divided: of a transaction each statement, and of a statement each rows event
//! with its table maps, may go alone. MySQL needs all of that in one statement of base64. MariaDB
//! also takes two user variables that hold a half each (`BINLOG @a, @b`, `sql_binlog.cc`), so that
//! twice as much fits.

use binlog_parser::header::{EventType, Family};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::transaction::Transaction;

use super::Options;
use super::packet::encoded_len;

/// The most that either server lets `max_allowed_packet` be, in bytes.
pub const LARGEST_PACKET: u64 = 1 << 30;

/// Bytes beside the base64 in a packet: the words around it, line ends, and what the protocol adds.
const AROUND: u64 = 1024;

/// Bytes of table maps that an event may need; whether it does is looked at only from here on.
const MAPS: u64 = 1 << 18;

impl Options {
    /// `max_allowed_packet` of client and server.
    pub(super) fn most(&self) -> u64 {
        match self.max_allowed_packet {
            0 => LARGEST_PACKET,
            most => most.min(LARGEST_PACKET),
        }
    }

    /// Bytes that a packet should have.
    pub(super) fn usual(&self) -> usize {
        self.packet_bytes.min((self.most().saturating_sub(AROUND)) as usize)
    }

    /// Whether so many bytes of base64 have to be sent in two halves.
    pub(super) fn needs_halves(&self, encoded: usize) -> bool {
        encoded as u64 + AROUND > self.most()
    }
}

/// Whether an event may be too large, and its transaction has to be looked at.
pub(super) fn is_suspicious(event: &RawEvent<'_>, options: &Options) -> bool {
    let plain = event.bytes().len() as u64;
    2 * plain + MAPS > options.most()
}

/// What of a transaction does not fit, with its address.
pub(super) fn obstacle(
    log: &Log,
    options: &Options,
    transaction: &Transaction<'_>,
    id_bytes: usize,
) -> Option<String> {
    let most = options.most();
    let family = log.format().family;
    transaction.statements(id_bytes).find_map(|statement| {
        let maps = statement.events.iter().filter(|e| e.event_type() == EventType::TABLE_MAP);
        let maps: usize = maps.map(|map| encoded_len(map.bytes().len())).sum();
        statement.events.iter().find_map(|event| {
            let (needed, fits) = match event.event_type() {
                EventType::QUERY => (event.body().len() as u64 + AROUND, most),
                // Its value in hexadecimal.
                EventType::USER_VAR => (2 * event.body().len() as u64 + AROUND, most),
                event_type if event_type.is_rows() => {
                    let encoded = (maps + encoded_len(event.bytes().len())) as u64;
                    match family {
                        Family::Mysql => (encoded + AROUND, most),
                        Family::Mariadb => (encoded + 2 * AROUND, 2 * most),
                    }
                }
                _ => return None,
            };
            (needed > fits).then(|| too_large(log, event, family, needed))
        })
    })
}

fn too_large(log: &Log, event: &RawEvent<'_>, family: Family, needed: u64) -> String {
    let place = event.location(log);
    let rows = event.event_type().is_rows();
    let packet = match family {
        Family::Mariadb if rows => needed.div_ceil(2),
        _ => needed,
    };
    let mib = packet.div_ceil(1 << 20);
    match packet > LARGEST_PACKET {
        true => format!("{place}: needs a packet of {mib} MiB, more than any server takes"),
        false => format!("{place}: does not fit, it needs --max-allowed-packet {mib}M"),
    }
}
