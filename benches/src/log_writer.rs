//! Logs written anew, out of the events of others: each event gets the position and the checksum that
//! it has at its new place.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use binlog_parser::event::format_description::ChecksumAlgorithm;
use binlog_parser::gtid::Tsid;
use binlog_parser::header::{EventType, HEADER_BYTES, flags};
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::{Log, MAGIC};

/// Where the position stands in an event's header.
const LOG_POS: usize = HEADER_BYTES - 6;

/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 4;

/// A log that is being written.
#[derive(Debug)]
pub struct LogWriter<W: Write> {
    out: W,
    /// Bytes written so far.
    at: u64,
    /// The event that is being changed.
    event: Vec<u8>,
    server_id: u32,
}

impl LogWriter<BufWriter<File>> {
    /// Begins the log at `path`, whose events come from `source`.
    ///
    /// # Errors
    /// Where it cannot be written, or the events of `source` have no checksums.
    pub fn create(path: &Path, source: &Log) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        LogWriter::begin(BufWriter::with_capacity(1 << 20, file), source)
    }
}

impl<W: Write> LogWriter<W> {
    /// Begins a log in `out`, whose events come from `source`.
    ///
    /// # Errors
    /// As [`LogWriter::create`].
    pub fn begin(mut out: W, source: &Log) -> Result<Self> {
        let checksum = source.format().checksum;
        ensure!(checksum == ChecksumAlgorithm::Crc32, "{}: no CRC32", source.name());
        out.write_all(&MAGIC)?;
        let server_id = source.header().server_id;
        Ok(LogWriter { out, at: MAGIC.len() as u64, event: vec![], server_id })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// Where it cannot be written, or lies beyond what a position can say.
    pub fn add(&mut self, event: &RawEvent<'_>) -> Result<()> {
        self.add_changed(event, |_| Ok(()))
    }

    /// Appends an event with changes, which keep its length.
    ///
    /// # Errors
    /// As [`LogWriter::add`], and what `change` fails with.
    pub fn add_changed(
        &mut self,
        event: &RawEvent<'_>,
        change: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        self.event.clear();
        self.event.extend(event.bytes());
        change(&mut self.event)?;
        self.put()
    }

    /// Appends an event of this type, second and body.
    ///
    /// # Errors
    /// As [`LogWriter::add`].
    pub fn add_new(&mut self, event_type: EventType, second: u32, body: &[u8]) -> Result<()> {
        self.event.clear();
        self.event.extend(second.to_le_bytes());
        self.event.push(event_type.0);
        self.event.extend(self.server_id.to_le_bytes());
        let length = HEADER_BYTES + body.len() + CHECKSUM_BYTES;
        let flags = if event_type == EventType::PREVIOUS_GTIDS { flags::IGNORABLE } else { 0 };
        self.event.extend(u32::try_from(length)?.to_le_bytes());
        self.event.extend([0; 4]); // log_pos
        self.event.extend(flags.to_le_bytes());
        self.event.extend(body);
        self.event.extend([0; CHECKSUM_BYTES]);
        self.put()
    }

    /// Appends what a log of MySQL begins with: the format description of `source`, and that all
    /// transactions of `tsid` up to number `before` stand in the logs before it.
    ///
    /// # Errors
    /// As [`LogWriter::add`].
    pub fn add_start(
        &mut self,
        source: &Log,
        second: u32,
        (tsid, before): (Tsid, u64),
    ) -> Result<()> {
        let description = source.scan().events().next().context("no format description")?;
        self.add_changed(&description, |event| set_second(event, second))?;
        let mut previous = u64::from(before > 0).to_le_bytes().to_vec(); // sources
        if before > 0 {
            previous.extend(tsid.uuid.0);
            previous.extend(1u64.to_le_bytes()); // intervals
            previous.extend(1u64.to_le_bytes()); // start
            previous.extend((before + 1).to_le_bytes()); // end, exclusive
        }
        self.add_new(EventType::PREVIOUS_GTIDS, second, &previous)
    }

    /// Appends what a closed log ends with, the name of the next one, and ends it.
    ///
    /// # Errors
    /// As [`LogWriter::add`].
    pub fn rotate(mut self, second: u32, next: &str) -> Result<W> {
        let body = [&(MAGIC.len() as u64).to_le_bytes()[..], next.as_bytes()].concat();
        self.add_new(EventType::ROTATE, second, &body)?;
        self.finish()
    }

    /// Ends the log as it is.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn put(&mut self) -> Result<()> {
        let end = self.at + self.event.len() as u64;
        let log_pos = u32::try_from(end).context("a log of more than 4 GiB")?;
        self.event[LOG_POS..LOG_POS + 4].copy_from_slice(&log_pos.to_le_bytes());
        let checked = self.event.len() - CHECKSUM_BYTES;
        let crc = crc32fast::hash(&self.event[..checked]);
        self.event[checked..].copy_from_slice(&crc.to_le_bytes());
        self.out.write_all(&self.event)?;
        self.at = end;
        Ok(())
    }
}

/// Gives an event this second.
///
/// # Errors
/// Where it has no header.
pub fn set_second(event: &mut [u8], second: u32) -> Result<()> {
    let field = event.first_chunk_mut().context("no header")?;
    *field = second.to_le_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use binlog_parser::event::previous_gtids::PreviousGtidsEvent;

    fn shop(name: &str) -> Log {
        let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7");
        Log::open(&shop.join(name)).unwrap()
    }

    #[test]
    fn the_same_events_make_the_same_log() {
        let log = shop("binlog.000002");
        let mut writer = LogWriter::begin(vec![], &log).unwrap();
        for event in log.scan().events() {
            writer.add(&event).unwrap();
        }
        assert!(writer.finish().unwrap() == log.bytes());
    }

    #[test]
    fn what_is_made_is_what_the_server_made() {
        let log = shop("binlog.000002");
        let events: Vec<_> = log.scan().events().collect();
        let (previous, last) = (&events[1], events.last().unwrap());
        let state = PreviousGtidsEvent::parse(previous.body(), &previous.header()).unwrap();
        let tsid = state.gtids.sources().next().unwrap().0;
        let mut writer = LogWriter::begin(vec![], &log).unwrap();
        writer.add_start(&log, log.header().timestamp, (tsid, 193)).unwrap();
        for event in &events[2..events.len() - 1] {
            writer.add(event).unwrap();
        }
        let written = writer.rotate(last.header().timestamp, "binlog.000003").unwrap();
        assert!(written == log.bytes());
    }
}
