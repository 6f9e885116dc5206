//! Compressed transactions made plain, so that all that is made of transactions is made of them as
//! well.

use std::ops::Range;

use super::progress::Progress;
use super::{Ending, Transaction};
use crate::address::EventAddress;
use crate::damage::{Damage, DamageReason};
use crate::error::{Error, Fault, Location};
use crate::event::format_description::FormatDescription;
use crate::header::{EventHeader, EventType};
use crate::inflate::Inflated;
use crate::scan::RawEvent;
use crate::source::log::Log;

/// A transaction without compressed events.
#[derive(Debug, Clone)]
pub struct Plain<'a> {
    /// The transaction, up to where it can be read; [`Ending::Open`] if that is not its end. Events
    /// of payloads stand in it in place of the payloads.
    pub transaction: Transaction<'a>,
    /// What cannot be read.
    pub damage: Option<InnerDamage>,
}

/// Why a compressed event cannot be read, or one inside a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerDamage {
    /// Stream positions of the compressed event, and of the byte behind it.
    pub range: Range<u64>,
    /// Where in the plain text of the payload the bytes start that cannot be read; none for events
    /// that are no payload.
    pub inner: Option<u64>,
    /// Type of the event that is damaged, as far as it is known: of the payload, if not.
    pub event_type: EventType,
    /// What is wrong with it.
    pub fault: Fault,
}

impl InnerDamage {
    /// The place of the damage in `log`.
    #[must_use]
    pub fn location(&self, log: &Log) -> Location {
        let location = log.location(self.range.start).of(self.event_type.name());
        Location { inner: self.inner, ..location }
    }

    /// The address of the damage in `log`.
    #[must_use]
    pub fn address(&self, log: &Log) -> EventAddress {
        EventAddress { inner: self.inner, ..EventAddress::new(log.name(), self.range.start) }
    }

    /// The fault at its place in `log`.
    #[must_use]
    pub fn error(&self, log: &Log) -> Error {
        self.fault.clone().at(self.location(log))
    }

    /// The same as a range that is lost: the whole compressed event.
    #[must_use]
    pub fn damage(&self) -> Damage {
        Damage { range: self.range.clone(), reason: DamageReason::Compressed(self.fault.clone()) }
    }
}

impl<'a> Transaction<'a> {
    /// Whether events of the transaction have to be inflated before they can be read.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.events.iter().any(|event| event.event_type().is_compressed())
    }

    /// The transaction with the events of its payloads in place of the payloads, and with inflated
    /// events in place of compressed ones. They borrow `inflated`, whose memory the next
    /// transaction uses again. A transaction in which nothing is compressed is handed back as it
    /// is. `format` is the format description that holds for the transaction.
    #[must_use]
    pub fn plain<'b>(self, inflated: &'b mut Inflated, format: &FormatDescription) -> Plain<'b>
    where
        'a: 'b,
    {
        if !self.is_compressed() {
            return Plain { transaction: self, damage: None };
        }
        inflated.clear();
        let mut added = vec![];
        for event in self.events.iter().filter(|event| event.event_type().is_compressed()) {
            let (range, result) = inflated.add(event);
            let goes_on = result.is_ok();
            added.push((range, result.err()));
            if !goes_on {
                break;
            }
        }
        let mut unpacking = Unpacking {
            events: Vec::with_capacity(self.events.len()),
            progress: Progress::default(),
            ending: None,
        };
        let damage = match inflated.bytes() {
            Ok(bytes) => unpacking.all(&self.events, &added, bytes, format).err(),
            Err(fault) => self.events.iter().find_map(|event| {
                event.event_type().is_compressed().then(|| at(event, None, fault.clone()))
            }),
        };
        let damage = damage.or_else(|| unpacking.unfinished(&self));
        let ending = match &damage {
            // What is left of a transaction stays that, whatever it unpacks to.
            _ if self.ending == Ending::Headless => Ending::Headless,
            Some(_) => Ending::Open,
            None => unpacking.ending.unwrap_or(Ending::Open),
        };
        let mut events = unpacking.events;
        if events.is_empty() {
            // A transaction has an event, if only one that is no use.
            events.extend(self.events.first());
        }
        Plain { transaction: Transaction { events, ending }, damage }
    }
}

/// What came of a compressed event: where its plain bytes are, and what is wrong behind them.
type Added = (Range<u64>, Option<Fault>);

/// The plain events so far.
struct Unpacking<'b> {
    events: Vec<RawEvent<'b>>,
    progress: Progress,
    ending: Option<Ending>,
}

impl<'b> Unpacking<'b> {
    fn all<'a: 'b>(
        &mut self,
        events: &[RawEvent<'a>],
        added: &[Added],
        bytes: &'b [u8],
        format: &FormatDescription,
    ) -> Result<(), InnerDamage> {
        let mut added = added.iter();
        for event in events {
            if event.event_type().is_gtid() {
                self.progress = Progress::announced(event, format.family);
                self.events.push(*event);
                continue;
            }
            if !event.event_type().is_compressed() {
                self.push(*event)?;
                continue;
            }
            let Some((range, fault)) = added.next() else { break };
            let plain = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
            if event.event_type() == EventType::TRANSACTION_PAYLOAD {
                self.payload(event, plain, fault.as_ref())?;
                continue;
            }
            if let Some(fault) = fault {
                return Err(at(event, None, fault.clone()));
            }
            EventHeader::parse(plain).map_err(|fault| at(event, None, fault))?;
            self.push(RawEvent::inflated(event, plain))?;
        }
        Ok(())
    }

    /// Adds the events in `plain`, the plain text of the payload `outer`; `fault` is what is wrong
    /// behind it.
    fn payload(
        &mut self,
        outer: &RawEvent<'_>,
        plain: &'b [u8],
        fault: Option<&Fault>,
    ) -> Result<(), InnerDamage> {
        let mut rest = plain;
        while !rest.is_empty() {
            // The limit of a payload's plain text is 2^32.
            let inner = (plain.len() - rest.len()) as u32;
            let bytes = match frame(rest, outer.header_bytes()) {
                Ok(framed) => framed,
                // What is torn is torn because the stream is.
                Err(why) => return Err(at(outer, Some(inner), fault.cloned().unwrap_or(why))),
            };
            let event = RawEvent::inside(outer, inner, bytes);
            if !may_be_inside(event.event_type()) {
                let fault = Fault::value(
                    "event in a payload",
                    "one of a transaction",
                    event.event_type().name(),
                );
                return Err(at(&event, Some(inner), fault));
            }
            self.push(event)?;
            rest = rest.get(bytes.len()..).unwrap_or_default();
        }
        match fault {
            Some(fault) => Err(at(outer, Some(plain.len() as u32), fault.clone())),
            None => Ok(()),
        }
    }

    fn push(&mut self, event: RawEvent<'b>) -> Result<(), InnerDamage> {
        if self.ending.is_some() {
            let fault = Fault::value(
                "compressed transaction",
                "nothing behind its end",
                event.event_type().name(),
            );
            return Err(at(&event, None, fault));
        }
        self.ending = self.progress.advance(&event);
        self.events.push(event);
        Ok(())
    }

    /// What is wrong with a transaction that was whole, and whose plain events do not end it.
    fn unfinished(&self, transaction: &Transaction<'_>) -> Option<InnerDamage> {
        let whole = !matches!(transaction.ending, Ending::Open | Ending::Headless);
        if self.ending.is_some() || !whole {
            return None;
        }
        let last = transaction.events.last()?;
        let end = self.events.last().filter(|event| event.inner().is_some());
        let inner = end.and_then(RawEvent::inner).zip(end.map(|event| event.bytes().len() as u64));
        let inner = inner.map(|(start, length)| start + length);
        let fault = Fault::value("compressed transaction", "its end", "none");
        Some(InnerDamage { inner, ..at(last, None, fault) })
    }
}

fn at(event: &RawEvent<'_>, inner: Option<u32>, fault: Fault) -> InnerDamage {
    InnerDamage {
        range: event.offset..event.end(),
        inner: inner.map(u64::from).or(event.inner()),
        event_type: event.event_type(),
        fault,
    }
}

/// All bytes of the event at the start of `rest`, which has no checksum.
fn frame(rest: &[u8], header_bytes: usize) -> Result<&[u8], Fault> {
    let header = EventHeader::parse(rest)?;
    let length = header.event_length as usize;
    if length < header_bytes {
        let needed = format!("at least {header_bytes}");
        return Err(Fault::value("length of an event in a payload", needed, length));
    }
    rest.get(..length)
        .ok_or_else(|| Fault::short("event in a payload", length as u64, rest.len() as u64))
}

/// Whether an event of this type may be inside a payload: the log's own frame, the names of
/// transactions and further payloads may not.
fn may_be_inside(event_type: EventType) -> bool {
    let frames = matches!(
        event_type,
        EventType::START_V3
            | EventType::STOP
            | EventType::ROTATE
            | EventType::SLAVE
            | EventType::FORMAT_DESCRIPTION
            | EventType::PREVIOUS_GTIDS
            | EventType::HEARTBEAT
            | EventType::HEARTBEAT_V2
            | EventType::GTID_LIST
            | EventType::BINLOG_CHECKPOINT
            | EventType::START_ENCRYPTION
    );
    !frames && !event_type.is_gtid() && !event_type.is_compressed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LogBuilder, inner, inner_query, mariadb_compressed, payload};
    use crate::transaction::{Unit, Units};

    /// The transactions of a log in a line each, plain: addresses and types, how it ends, and what
    /// is damaged.
    fn plain(log: &LogBuilder) -> Vec<String> {
        let (log, mut inflated) = (log.open(), Inflated::default());
        let mut lines = vec![];
        let mut units = Units::new(log.scan());
        while let Some(unit) = units.next() {
            let Unit::Transaction(transaction) = unit else { continue };
            let bounds = (transaction.start(), transaction.end());
            let Plain { transaction, damage } = transaction.plain(&mut inflated, units.format());
            assert_eq!(transaction.start(), bounds.0);
            assert!(damage.is_some() || transaction.end() == bounds.1);
            let events: Vec<_> = transaction
                .events
                .iter()
                .map(|event| {
                    assert!(transaction.holds(event.place()));
                    let at = event.inner().map_or(String::new(), |inner| format!("+{inner}"));
                    format!("{}{at}", event.event_type().name())
                })
                .collect();
            let damage = damage.map(|damage| format!(" {}", damage.error(&log)));
            let line = format!("{} = {:?}", events.join(" "), transaction.ending);
            lines.push(line + &damage.unwrap_or_default());
        }
        lines
    }

    fn mysql() -> LogBuilder {
        LogBuilder::new("9.7.1").event(EventType::GTID, &[0; 25])
    }

    /// BEGIN, a map, rows, and the end of a transaction of one statement.
    fn events(end: Vec<u8>) -> Vec<Vec<u8>> {
        let id = [7, 0, 0, 0, 0, 0, 1, 0]; // table id, flags: STMT_END
        let map = inner(EventType::TABLE_MAP, &id);
        vec![inner_query("BEGIN"), map, inner(EventType::WRITE_ROWS, &id), end]
    }

    fn xid() -> Vec<u8> {
        inner(EventType::XID, &[0; 8])
    }

    #[test]
    fn payloads_are_replaced_by_what_is_in_them() {
        let log = mysql()
            .payload(&events(xid()))
            .event(EventType::GTID, &[0; 25])
            .query("DROP TABLE t")
            .event(EventType::GTID, &[0; 25])
            .payload(&events(inner(EventType::XA_PREPARE, &[0; 13])));
        assert_eq!(
            plain(&log),
            [
                "Gtid Query+0 Table_map+38 Write_rows+65 Xid+92 = Xid",
                "Gtid Query = Statement",
                "Gtid Query+0 Table_map+38 Write_rows+65 XA_prepare+92 = XaPrepare",
            ]
        );
    }

    #[test]
    fn a_transaction_may_have_several_payloads_and_plain_events_beside_them() {
        let all = events(xid());
        let (first, second) = all.split_at(2);
        let log = mysql()
            .payload(first)
            .event(EventType::TRANSACTION_PAYLOAD, &payload(255, Some(5), &second.concat()))
            .event(EventType::GTID, &[0; 25])
            .query("BEGIN")
            .payload(&all[1..3])
            .event(EventType::XID, &[0; 8]);
        assert_eq!(
            plain(&log),
            [
                "Gtid Query+0 Table_map+38 Write_rows+0 Xid+27 = Xid",
                "Gtid Query Table_map+0 Write_rows+27 Xid = Xid",
            ]
        );
    }

    #[test]
    fn compressed_events_of_mariadb_become_plain_where_they_stand() {
        let (mut group, mut standalone) = ([0; 19], [0; 19]);
        (group[12], standalone[12]) = (12, 1 | 32); // flags2
        let rows = |event_type: u8, head: &[u8]| {
            let body = [&[7, 0, 0, 0, 0, 0, 1, 0], head, &mariadb_compressed(&[0x55; 3000])];
            (EventType(event_type), body.concat())
        };
        let mut log = LogBuilder::new("11.8.6-MariaDB")
            .event(EventType::MARIADB_GTID, &standalone)
            .event(
                EventType::QUERY_COMPRESSED,
                &[
                    &[0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 1, 0, 9][..], // 4 and 1 bytes before
                    b"shop\0",
                    &mariadb_compressed(b"CREATE TABLE a (b INT)"),
                ]
                .concat(),
            )
            .event(EventType::MARIADB_GTID, &group)
            .table_map(7);
        for (event_type, body) in [
            rows(166, &[9, 0xFF, 1]),        // nine columns
            rows(167, &[2, 3, 3]),           // two bitmaps
            rows(168, &[1, 1]),              // one column
            rows(169, &[2, 0, 1, 1]),        // version 2
            rows(170, &[3, 0, 99, 1, 1, 1]), // with extra row info
            rows(171, &[2, 0, 1, 1]),
        ] {
            log = log.event(event_type, &body);
        }
        let log = log.event(EventType::XID, &[0; 8]);
        assert_eq!(
            plain(&log),
            [
                "Gtid Query = Statement",
                "Gtid Table_map Write_rows_v1 Update_rows_v1 Delete_rows_v1 Write_rows \
                 Update_rows Delete_rows Xid = Xid"
            ]
        );
        let log = log.open();
        let mut inflated = Inflated::default();
        for unit in Units::new(log.scan()) {
            let Unit::Transaction(transaction) = unit else { continue };
            let Plain { transaction, .. } = transaction.plain(&mut inflated, log.format());
            for event in &transaction.events {
                let (checked, crc) =
                    event.bytes().split_last_chunk::<4>().map(|(a, b)| (a, *b)).unwrap();
                assert_eq!(crc, crc32fast::hash(checked).to_le_bytes());
                assert_eq!(event.header().event_length as usize, event.bytes().len());
                let logged = log.bytes().get(event.offset as usize..event.end() as usize);
                assert_eq!(event.is_logged(), logged == Some(event.bytes()));
                if event.event_type().is_rows() {
                    assert!(event.body().ends_with(&[0x55; 3000]));
                }
                if let Ok(query) = event.query().map(|query| query.text)
                    && event.event_type() == EventType::QUERY
                {
                    assert_eq!(query, b"CREATE TABLE a (b INT)");
                }
            }
        }
    }

    fn broken(compression: u8, claim: Option<u64>, packed: &[u8]) -> String {
        let body = payload(compression, claim, packed);
        let log = mysql().event(EventType::TRANSACTION_PAYLOAD, &body);
        plain(&log).remove(0)
    }

    #[test]
    fn what_cannot_be_read_is_named_and_what_stands_before_it_is_kept() {
        let whole = events(xid()).concat();
        let at = |inner: &str| format!("stdin:137{inner} (");
        let all = "Gtid Query+0 Table_map+38 Write_rows+65";
        let cases = [
            (broken(7, None, &whole), "Gtid", "+0", "payload compression: needed 0 (ZSTD) or 255"),
            (broken(255, None, &whole[..whole.len() - 1]), all, "+92", "needed 27 bytes, had 26"),
            (broken(255, None, &whole[..92 + 5]), all, "+92", "event header: needed 19 bytes"),
            (broken(255, None, &whole[..92]), all, "+92", "compressed transaction: needed its end"),
            (broken(255, None, b""), "Gtid", "", "compressed transaction: needed its end"),
            (broken(0, None, b"no zstd"), "Gtid", "+0", "zstd stream: needed one that"),
        ];
        for (line, kept, place, why) in cases {
            assert!(line.starts_with(&format!("{kept} = Open ")), "{line}");
            assert!(line.contains(why), "{line}: {why}");
            assert!(line.contains(&at(place)), "{line}: {place}");
        }
        let mut lying = whole.clone();
        lying[38 + 9] = 18; // length of the map
        let line = broken(255, None, &lying);
        assert!(line.contains("length of an event in a payload: needed at least 19, had 18"));
        let behind = [&whole[..], &xid()[..]].concat();
        let line = broken(255, None, &behind);
        assert!(line.contains("compressed transaction: needed nothing behind its end, had Xid"));
        for forbidden in [15, 33, 40, 4, 162, 165] {
            let event = inner(EventType(forbidden), &[0; 8]);
            let line = broken(255, None, &[&inner_query("BEGIN")[..], &event[..]].concat());
            let name = EventType(forbidden).name();
            let why = format!("event in a payload: needed one of a transaction, had {name}");
            assert!(line.contains(&format!("+38 ({name}): {why}")), "{line}");
        }
    }

    #[test]
    fn claims_beyond_the_limit_are_refused_by_it() {
        let ten = Some(10_000_000_000);
        let line = broken(0, ten, &zstd::bulk::compress(&events(xid()).concat(), 3).unwrap());
        assert!(
            line.contains("uncompressed transaction: needed at most 4294967296, had 10000000000"),
            "{line}"
        );
        let mut claim = mariadb_compressed(b"DROP TABLE t");
        claim[1..5].copy_from_slice(&4_000_000_000u32.to_be_bytes());
        let log = LogBuilder::new("11.8.6-MariaDB")
            .event(EventType::MARIADB_GTID, &[0; 19])
            .event(EventType::QUERY_COMPRESSED, &[&[0; 14][..], &claim].concat());
        let line = plain(&log).remove(0);
        assert!(line.contains("uncompressed event: needed at most 1073741824"), "{line}");
        let cut = |bytes: &[u8]| {
            let log = LogBuilder::new("11.8.6-MariaDB")
                .event(EventType::MARIADB_GTID, &[0; 19])
                .event(EventType::QUERY_COMPRESSED, &[&[0; 14][..], bytes].concat());
            plain(&log).remove(0)
        };
        let whole = mariadb_compressed(b"DROP TABLE t");
        for length in 0..whole.len() - 4 {
            assert!(cut(&whole[..length]).starts_with("Gtid = Open stdin:"), "{length}");
        }
        let mut longer = whole.clone();
        longer[4] -= 1;
        assert!(cut(&longer).contains("zlib stream: needed 11 bytes, as the event claims"));
        let other = [&[0x94], &whole[1..]].concat();
        assert!(cut(&other).contains("compression of the event: needed 0x80 (zlib), had 0x90"));
    }

    #[test]
    fn every_flipped_byte_of_a_payload_is_survived() {
        let packed = zstd::bulk::compress(&events(xid()).concat(), 3).unwrap();
        for at in 0..packed.len() {
            let mut flipped = packed.clone();
            flipped[at] ^= 0xFF;
            broken(0, None, &flipped);
        }
    }

    #[test]
    fn what_is_plain_is_handed_back_as_it_is() {
        let log = mysql().query("DROP TABLE t").open();
        let mut inflated = Inflated::default();
        let unit = Units::new(log.scan()).find(|unit| matches!(unit, Unit::Transaction(_)));
        let Some(Unit::Transaction(transaction)) = unit else { panic!("{unit:?}") };
        let events = transaction.events.as_ptr();
        let same = transaction.plain(&mut inflated, log.format()).transaction;
        assert_eq!(same.events.as_ptr(), events.cast());
        assert!(same.events.iter().all(RawEvent::is_logged));
    }
}
