//! A piece of a log summed up, unit by unit.

use binlog_parser::Fault;
use binlog_parser::damage::Damage;
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::event::rotate::RotateEvent;
use binlog_parser::gtid::TransactionGtid;
use binlog_parser::header::EventType;
use binlog_parser::inflate::Inflated;
use binlog_parser::scan::{DamageReason, RawEvent};
use binlog_parser::source::chain::Extending;
use binlog_parser::source::log::Log;
use binlog_parser::source::relay::SourceTracker;
use binlog_parser::transaction::counting::{count_events, count_look};
use binlog_parser::transaction::{Ending, Look, Opening, Transaction, Unit, Units};

use super::{SourceAddress, Summary};
use crate::damage::{Cut, DamageLine};
use crate::row_counts::RowCounter;
use crate::text::{one_line, utf8};

/// What a walk over a piece of a log keeps beside its sum.
#[derive(Default)]
struct Walk<'a> {
    /// Counts rows, if they were asked for.
    rows: Option<RowCounter>,
    /// The memory for compressed transactions, once there is one.
    inflated: Option<Box<Inflated>>,
    tracker: SourceTracker<'a>,
    gtids: Extending,
}

impl Summary {
    /// Sums up a piece of `log`.
    pub(super) fn of_piece<'a>(log: &'a Log, units: &mut Units<'a>, rows: bool) -> Self {
        let mut piece = Summary::default();
        let mut walk = Walk { rows: rows.then(RowCounter::default), ..Walk::default() };
        let mut types = vec![];
        // What more is asked of a transaction, a look does not show.
        let looks = !rows && !log.is_relay_log();
        loop {
            if looks
                && let Some(look) = units.look_at_types(&mut types)
                && piece.look(log, &look, &types, &mut walk)
            {
                units.pass(&look);
            } else if let Some((transaction, format)) = units.glance() {
                piece.whole(log, format, transaction, &mut walk);
            } else if let Some(unit) = units.next() {
                piece.unit(log, units.format(), unit, &mut walk);
            } else {
                break;
            }
        }
        piece.extent = walk.gtids.finish();
        walk.rows.into_iter().for_each(|rows| rows.add_to(&mut piece.tables));
        piece
    }

    /// Adds a transaction of which nothing is compressed.
    fn whole<'a>(
        &mut self,
        log: &'a Log,
        format: &FormatDescription,
        transaction: &Transaction<'a>,
        walk: &mut Walk<'a>,
    ) {
        self.transaction(log, transaction, walk);
        self.rows(log, format, transaction, &mut walk.rows);
    }

    /// Adds a unit.
    fn unit<'a>(
        &mut self,
        log: &'a Log,
        format: &FormatDescription,
        unit: Unit<'a>,
        walk: &mut Walk<'a>,
    ) {
        match unit {
            Unit::Transaction(transaction) if !transaction.is_compressed() => {
                self.whole(log, format, &transaction, walk);
            }
            Unit::Transaction(transaction) => {
                self.transaction(log, &transaction, walk);
                self.compressed(log, format, transaction, walk);
            }
            Unit::Control(event) => {
                self.count(std::slice::from_ref(&event));
                if log.is_relay_log() {
                    self.follow(&event, &mut walk.tracker);
                }
                walk.gtids.event(&event);
                let read = self.control(&event);
                self.check(log, &event, read);
            }
            Unit::Damage(damage) => self.damage(log, &damage),
        }
    }

    fn check<T>(&mut self, log: &Log, event: &RawEvent<'_>, read: Result<T, Fault>) -> Option<T> {
        let fault = |fault: Fault| fault.at(event.location(log));
        read.map_err(|why| self.faults.push(fault(why))).ok()
    }

    fn count(&mut self, events: &[RawEvent<'_>]) {
        self.events += events.len() as u64;
        count_events(events, &mut self.events_by_type.0, &mut self.time);
    }

    /// Follows a relay log through the logs of its source.
    fn follow<'a>(&mut self, event: &RawEvent<'a>, tracker: &mut SourceTracker<'a>) {
        let Some(at) = tracker.follow(event) else { return };
        let place = |position| SourceAddress { log: at.log.map(<[u8]>::to_vec), position };
        match &mut self.source {
            Some([_, last]) if last.log.as_deref() == at.log => last.position = at.end,
            Some([_, last]) => *last = place(at.end),
            None => self.source = Some([place(at.start), place(at.end)]),
        }
    }

    pub(super) fn control(&mut self, event: &RawEvent<'_>) -> Result<(), Fault> {
        self.closed_by = None;
        match event.event_type() {
            EventType::PREVIOUS_GTIDS => {
                let previous = PreviousGtidsEvent::parse(event.body(), &event.header())?;
                self.previous_gtids = Some(one_line(&previous.gtids));
            }
            EventType::GTID_LIST => {
                let list = GtidListEvent::parse(event.body(), &event.header())?;
                self.previous_gtids = Some(one_line(&list.state()));
            }
            EventType::ROTATE => {
                self.closed_by = Some(event.event_type().name());
                let rotate = RotateEvent::parse(event.body())?;
                self.next_log = Some(utf8(rotate.next_log).text.into_owned());
            }
            EventType::STOP => self.closed_by = Some(event.event_type().name()),
            _ => {}
        }
        Ok(())
    }

    fn damage(&mut self, log: &Log, damage: &Damage) {
        let cut = self.open_transaction.take();
        self.damage.push(DamageLine::of(log, damage, cut));
        self.checksums_bad += u64::from(matches!(damage.reason, DamageReason::Checksum { .. }));
    }

    /// Adds what a transaction is as it stands in the log.
    fn transaction<'a>(
        &mut self,
        log: &'a Log,
        transaction: &Transaction<'a>,
        walk: &mut Walk<'a>,
    ) {
        self.count(&transaction.events);
        if log.is_relay_log() {
            let events = transaction.events.iter();
            events.for_each(|event| self.follow(event, &mut walk.tracker));
        }
        self.arrive(transaction.ending);
        // Looked at where it is read: each transaction has one.
        let read = transaction.gtid_event().map(Opening::read);
        if let (Some(Err(why)), Some(event)) = (&read, transaction.gtid_event()) {
            self.faults.push(why.clone().at(event.location(log)));
        }
        let opening = read.as_ref().and_then(|read| read.as_ref().ok());
        let gtid = opening.map(|opening| &opening.gtid);
        let timestamp = || transaction.timestamp();
        match transaction.ending {
            Ending::Open => self.open_transaction = Some(Cut::of(log, transaction, gtid)),
            // It comes behind the damage that its beginning is in.
            Ending::Headless => {
                if let Some(damage) = self.damage.last_mut() {
                    damage.rest_end = Some(transaction.end());
                }
            }
            _ => self.transactions += 1,
        }
        if let (Some(gtid), Some(event)) = (gtid, transaction.gtid_event())
            && transaction.ending != Ending::Open
        {
            self.name(log, gtid, event, walk);
        }
        let committed = opening.and_then(|opening| opening.committed);
        self.clock.transaction(transaction.start(), timestamp, committed);
    }

    /// Comes to a transaction that ends so.
    fn arrive(&mut self, ending: Ending) {
        self.endings[ending.number()] += 1;
        self.closed_by = None;
        self.open_transaction = None;
    }

    /// Takes in the name of a transaction that `event` opens.
    #[inline]
    fn name(
        &mut self,
        log: &Log,
        gtid: &TransactionGtid,
        event: &RawEvent<'_>,
        walk: &mut Walk<'_>,
    ) {
        walk.gtids.transaction(gtid);
        if let TransactionGtid::Mysql(gtid) = gtid
            && self.server_uuid.is_none()
            && event.header().server_id == log.header().server_id
        {
            self.server_uuid = Some(gtid.uuid.to_string());
        }
    }

    /// Adds a transaction of which no more is to be known than a look shows; whether it is one.
    fn look(
        &mut self,
        log: &Log,
        look: &Look<'_>,
        types: &[EventType],
        walk: &mut Walk<'_>,
    ) -> bool {
        let read = Opening::read(&look.gtid);
        let Ok(Opening { gtid, committed }) = &read else { return false };
        let types = types.iter().copied();
        self.events += count_look(look, types, &mut self.events_by_type.0, &mut self.time);
        self.arrive(Ending::Xid);
        self.transactions += 1;
        self.name(log, gtid, &look.gtid, walk);
        self.clock.transaction(look.gtid.offset, || look.timestamp, *committed);
        true
    }

    /// Opens a transaction that is compressed, and counts its rows.
    fn compressed(
        &mut self,
        log: &Log,
        format: &FormatDescription,
        transaction: Transaction<'_>,
        walk: &mut Walk<'_>,
    ) {
        let plain = transaction.plain(walk.inflated.get_or_insert_default(), format);
        self.rows(log, format, &plain.transaction, &mut walk.rows);
        if let Some(damage) = plain.damage {
            let cut = Cut::of(log, &plain.transaction, plain.transaction.gtid().ok().as_ref());
            let line = DamageLine::of(log, &damage.damage(), Some(cut));
            self.damage.push(DamageLine { address: damage.address(log).to_string(), ..line });
        }
    }

    /// Counts the rows of a plain transaction, if they were asked for.
    fn rows(
        &mut self,
        log: &Log,
        format: &FormatDescription,
        plain: &Transaction<'_>,
        rows: &mut Option<RowCounter>,
    ) {
        let Some(rows) = rows else { return };
        rows.enter();
        for event in &plain.events {
            let read = rows.event(event, format.table_id_bytes());
            self.check(log, event, read);
        }
    }
}
