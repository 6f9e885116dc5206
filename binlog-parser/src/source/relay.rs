//! Where the events of a relay log stand in the logs of the source.
//!
//! ```text
//! relay log    own FDE | Rotate to binlog.000007:4 | source's FDE | Gtid | Query | Rotate | own Rotate
//! server       replica   source, made up             source         source ...     source   replica
//! ```
//! The header of a source's event keeps its end in the source's log, and its length its start; the
//! name of that log stands in the source's Rotate events alone.

use crate::event::rotate::RotateEvent;
use crate::header::{EventType, flags};
use crate::scan::RawEvent;
use crate::source::log::Log;

/// Where an event of a relay log stands in a log of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourcePosition<'a> {
    /// Name of the source's log, where the relay log has told it by then.
    pub log: Option<&'a [u8]>,
    /// Position of the event's first byte in that log.
    pub start: u64,
    /// Position of the byte behind it.
    pub end: u64,
}

/// Follows a relay log from its start, and tells of each event where it stands at the source.
#[derive(Debug, Clone, Default)]
pub struct SourceTracker<'a> {
    log: Option<&'a [u8]>,
    /// Where the next event of the source stands, or a later one.
    next: u64,
}

impl<'a> SourceTracker<'a> {
    /// A tracker that has followed the events of `log` before the one at `position`.
    #[must_use]
    pub fn up_to(log: &'a Log, position: u64) -> Self {
        let mut tracker = SourceTracker::default();
        for event in log.scan().trusting().until(position).events() {
            tracker.follow(&event);
        }
        tracker
    }

    /// Takes the next event of the relay log; `None` for what the replica wrote about itself, what the
    /// source made up for it, and events inside of MariaDB's transactions whose headers do not say.
    pub fn follow(&mut self, event: &RawEvent<'a>) -> Option<SourcePosition<'a>> {
        let header = event.header();
        // Events inside a payload have no place of their own.
        if header.has(flags::RELAY_LOG) || event.inner().is_some() {
            return None;
        }
        let made_up = header.log_pos == 0 || header.has(flags::ARTIFICIAL);
        let position = match event.event_type() {
            // The replica's own; those of the source it does not keep.
            EventType::PREVIOUS_GTIDS | EventType::STOP | EventType::START_ENCRYPTION => None,
            EventType::FORMAT_DESCRIPTION | EventType::ROTATE if made_up => None,
            EventType::GTID_LIST if made_up => None,
            EventType::HEARTBEAT | EventType::HEARTBEAT_V2 => None,
            _ => self.position(event),
        };
        if event.event_type() == EventType::ROTATE
            && let Ok(rotate) = RotateEvent::parse(event.body())
        {
            self.log = Some(rotate.next_log);
            self.next = rotate.position;
        }
        position
    }

    /// The position by the header. Inside of transactions MariaDB's servers leave it out; the event
    /// before does not tell it either, for a source may keep events back.
    fn position(&mut self, event: &RawEvent<'_>) -> Option<SourcePosition<'a>> {
        let length = u64::from(event.header().event_length);
        let low = Some(event.header().log_pos).filter(|log_pos| *log_pos != 0)?;
        let end = beyond(self.next, low);
        self.next = end;
        Some(SourcePosition { log: self.log, start: end.checked_sub(length)?, end })
    }
}

/// The whole of a position of which a header holds 32 bits, at or behind `known`.
fn beyond(known: u64, low: u32) -> u64 {
    const WRAP: u64 = 1 << 32;
    let end = known / WRAP * WRAP + u64::from(low);
    // A little less than known is no wrap: a source may send once more what it has sent.
    if end + WRAP / 2 < known { end + WRAP } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::LogBuilder;

    /// A log in which the header of every event behind the first says `log_pos`.
    fn relay_log(events: &[(EventType, &[u8], u32, u16)]) -> Vec<u8> {
        let mut log = LogBuilder::new("5.5.62-log").build();
        log[4 + 17] |= flags::RELAY_LOG as u8;
        for (event_type, body, log_pos, flags) in events {
            log.extend([1, 0, 0, 0, event_type.0, 1, 0, 0, 0]); // timestamp, type, server_id
            log.extend((19 + body.len() as u32).to_le_bytes()); // event length
            log.extend(log_pos.to_le_bytes());
            log.extend(flags.to_le_bytes());
            log.extend(*body);
        }
        log
    }

    #[test]
    fn positions_are_those_of_the_source() {
        let rotate =
            |position: u64, name: &str| [&position.to_le_bytes()[..], name.as_bytes()].concat();
        let (first, second, own) =
            (rotate(900, "bin.000007"), rotate(4, "bin.000008"), rotate(4, "relay.000002"));
        let bytes = relay_log(&[
            (EventType::QUERY, b"before any name", 800, 0),
            (EventType::ROTATE, &first, 0, flags::ARTIFICIAL),
            (EventType::XID, &[0; 8], 927, 0),
            (EventType::XID, &[0; 8], 0, 0),
            (EventType::XID, &[0; 8], 981, 0),
            (EventType::ROTATE, &second, 1020, 0),
            (EventType::XID, &[0; 8], 131, 0),
            (EventType::ROTATE, &own, 0, flags::RELAY_LOG),
        ]);
        let log = Log::from_reader(&bytes[..]).unwrap();
        assert!(log.is_relay_log());
        let mut tracker = SourceTracker::default();
        let told: Vec<_> = log
            .scan()
            .events()
            .map(|event| {
                tracker.follow(&event).map_or("-".to_owned(), |at| {
                    let name = at.log.map_or("?".into(), String::from_utf8_lossy);
                    format!("{name}:{}..{}", at.start, at.end)
                })
            })
            .collect();
        assert_eq!(
            told,
            [
                "-",
                "?:766..800",
                "-",
                "bin.000007:900..927",
                "-",
                "bin.000007:954..981",
                "bin.000007:983..1020",
                "bin.000008:104..131",
                "-"
            ]
        );
    }

    #[test]
    fn positions_go_on_behind_four_gibibytes() {
        assert_eq!(beyond((1 << 32) - 10, 20), (1 << 32) + 20);
        assert_eq!(beyond((5 << 32) + 10, 40), (5 << 32) + 40);
        assert_eq!(beyond(500, 300), 300);
    }
}
