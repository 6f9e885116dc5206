//! An event as a relay log has it.

use binlog_parser::Fault;
use binlog_parser::event::gtid::GtidEvent;
use binlog_parser::header::{EventType, Family, flags};
use binlog_parser::scan::RawEvent;

use crate::made::{Header, OURS, field};
use crate::seal::seal;

/// Ids for events whose servers' ids may be that of the server which applies them.
///
/// An applier passes over events of its own server's id, and a server that is restored usually has
/// the id of the one that it replaces. In MariaDB the id is part of the GTID, and a flag has the
/// applier take such events all the same. MySQL has no such flag, but the id means nothing there:
/// the greatest ids stand for those of the source, one for each, for temporary tables are told
/// apart by it.
#[derive(Debug, Default)]
pub(super) struct ServerIds {
    /// Ids of the servers that wrote events, as they come up.
    pub written_by: Vec<u32>,
    last: u32,
}

impl ServerIds {
    /// The id that stands for `id`.
    fn substitute(&mut self, id: u32) -> u32 {
        let index = self.written_by.iter().position(|known| *known == id).unwrap_or_else(|| {
            self.written_by.push(id);
            self.written_by.len() - 1
        });
        self.last = substitute(index);
        self.last
    }

    /// All that stand for others.
    pub fn substitutes(&self) -> Vec<u32> {
        (0..self.written_by.len()).map(substitute).collect()
    }
}

fn substitute(index: usize) -> u32 {
    OURS.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX))
}

/// How events are changed on their way.
#[derive(Debug)]
pub(super) struct Changes {
    pub family: Family,
    /// Bytes of checksum that events end in.
    pub checksum_bytes: usize,
    pub server_ids: ServerIds,
    /// Whether GTIDs are taken away (MySQL).
    pub anonymous: bool,
}

impl Changes {
    /// Appends `event` as the relay log has it: at our own position, for appliers tell it when
    /// something fails, and it is then the address that every other verb takes.
    pub fn push(&mut self, out: &mut Vec<u8>, event: &RawEvent<'_>) -> Result<(), Fault> {
        let start = out.len();
        if self.anonymous && event.event_type().is_gtid() && self.family == Family::Mysql {
            push_anonymous(out, event)?;
        } else {
            let end = event.bytes().len() - event.checksum_bytes();
            out.extend(event.bytes().get(..end).unwrap_or_default());
        }
        let Some(bytes) = out.get_mut(start..) else { return Ok(()) };
        field(bytes, 13, &(event.end() as u32).to_le_bytes());
        let id = event.header().server_id;
        let substitute = self.server_ids.substitute(id);
        match self.family {
            Family::Mysql => field(bytes, 5, &substitute.to_le_bytes()),
            Family::Mariadb => {
                field(bytes, 17, &(event.header().flags | flags::ACCEPT_OWN).to_le_bytes());
            }
        }
        seal(out, start, self.checksum_bytes);
        Ok(())
    }

    /// The header of a Query event of ours that goes with `event`, which was changed last, and ends
    /// at `end`.
    pub fn query_header(&self, event: &RawEvent<'_>, end: u64) -> Header {
        let (server_id, more) = match self.family {
            Family::Mysql => (self.server_ids.last, 0),
            Family::Mariadb => (event.header().server_id, flags::ACCEPT_OWN),
        };
        Header {
            timestamp: event.header().timestamp,
            event_type: EventType::QUERY,
            server_id,
            log_pos: end as u32,
            flags: flags::SUPPRESS_USE | more,
        }
    }
}

/// What servers write where they do not know a version (`UNDEFINED_SERVER_VERSION`).
const UNKNOWN_VERSION: u32 = 999_999;

/// Appends a GTID event without its GTID: the transaction's clocks and times stay.
fn push_anonymous(out: &mut Vec<u8>, event: &RawEvent<'_>) -> Result<(), Fault> {
    let gtid = GtidEvent::parse(event.body(), &event.header())?;
    let header = event.bytes().len() - event.checksum_bytes() - event.body().len();
    let start = out.len();
    out.extend(event.bytes().get(..header).unwrap_or_default());
    if let Some(header) = out.get_mut(start..) {
        field(header, 4, &[EventType::ANONYMOUS_GTID.0]);
    }
    if event.event_type() != EventType::GTID_TAGGED {
        // The layout is the same, and fields that nobody knows yet stay as well.
        out.extend(event.body().get(..1).unwrap_or_default()); // flags
        out.extend([0; 16 + 8]); // UUID, GNO
        out.extend(event.body().get(25..).unwrap_or_default());
        return Ok(());
    }
    out.push(gtid.flags);
    out.extend([0; 16 + 8]); // UUID, GNO
    out.push(2); // type of the logical clocks
    out.extend(gtid.last_committed.to_le_bytes());
    out.extend(gtid.sequence_number.to_le_bytes());
    let immediate = gtid.immediate_commit_timestamp.unwrap_or(0);
    let original = gtid.original_commit_timestamp.unwrap_or(immediate);
    // Bit 55 says that the other one follows.
    out.extend(&(immediate | 1 << 55).to_le_bytes()[..7]);
    out.extend(&original.to_le_bytes()[..7]);
    out.push(0xFE); // a length-encoded integer of eight bytes
    out.extend(gtid.transaction_length.unwrap_or(0).to_le_bytes());
    let version = gtid.immediate_server_version.unwrap_or(UNKNOWN_VERSION);
    // So does bit 31.
    out.extend((version | 1 << 31).to_le_bytes());
    out.extend(gtid.original_server_version.unwrap_or(version).to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_log::testing::LogBuilder;
    use binlog_parser::source::log::Log;

    fn changed(log: &Log, family: Family, anonymous: bool) -> Vec<Vec<u8>> {
        let mut changes =
            Changes { family, checksum_bytes: 4, server_ids: ServerIds::default(), anonymous };
        let events = log.scan().events().skip(1);
        events
            .map(|event| {
                let mut out = vec![];
                changes.push(&mut out, &event).unwrap();
                out
            })
            .collect()
    }

    fn crc(event: &[u8]) -> [u8; 4] {
        crc32fast::hash(&event[..event.len() - 4]).to_le_bytes()
    }

    #[test]
    fn mysql_gets_another_server_id_for_each_and_our_positions() {
        let log = LogBuilder::mysql().server(1).query("BEGIN").server(9).query("COMMIT").log();
        let events = changed(&log, Family::Mysql, false);
        let ids: Vec<_> = events.iter().map(|event| event[5..9].to_vec()).collect();
        assert_eq!(ids, [[255; 4].to_vec(), vec![254, 255, 255, 255]]);
        for (event, made) in log.scan().events().skip(1).zip(&events) {
            assert_eq!(made[13..17], (event.end() as u32).to_le_bytes());
            assert_eq!(made[19..made.len() - 4], *event.body());
            assert_eq!(made[made.len() - 4..], crc(made));
        }
    }

    #[test]
    fn mariadb_keeps_its_server_id_and_takes_its_own_events() {
        let log = LogBuilder::mariadb().server(7).query("CREATE TABLE t (a INT)").log();
        let events = changed(&log, Family::Mariadb, false);
        assert_eq!((events[0][5], events[0][18]), (7, 0x40));
    }

    #[test]
    fn a_gtid_is_taken_away_and_its_clocks_stay() {
        let log = LogBuilder::mysql().gtid(5).tagged_gtid(6).log();
        let events = changed(&log, Family::Mysql, true);
        let originals = log.scan().events().skip(1);
        for (event, made) in originals.zip(events) {
            assert_eq!(made[4], EventType::ANONYMOUS_GTID.0);
            let mut header = event.header();
            let before = GtidEvent::parse(event.body(), &header).unwrap();
            header.event_type = EventType::ANONYMOUS_GTID;
            let after = GtidEvent::parse(&made[19..made.len() - 4], &header).unwrap();
            assert_eq!(after.sequence_number, before.sequence_number);
            assert_eq!(after.original_commit_timestamp, before.original_commit_timestamp);
            assert_eq!(after.immediate_server_version, before.immediate_server_version);
            assert!(after.sequence_number > 0);
        }
    }
}
