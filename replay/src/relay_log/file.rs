//! Relay logs, one after another, each whole in itself.

use std::io::{self, Write};

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::gtid::GtidSet;
use binlog_parser::header::Family;
use binlog_parser::source::log::{FIRST_EVENT, MAGIC};

use super::format::SourceFormat;
use super::{BASE, Files};
use crate::made::Frame;

/// Bytes that are gathered before they are written.
const GATHERED_BYTES: usize = 1 << 20;

/// Bytes that are kept free for the Rotate event at the end of a file, and some more.
const TAIL_BYTES: u64 = 64;

/// The files, as far as they are written.
pub(super) struct RelayLogs<'w, 'f> {
    files: &'w mut Files<'f>,
    family: Family,
    file_bytes: u64,
    source: Option<SourceFormat>,
    open: Option<RelayLog>,
    /// Finished files and their sizes.
    done: Vec<(String, u64)>,
    /// GTIDs of all transactions so far (MySQL).
    pub gtids: GtidSet,
}

struct RelayLog {
    name: String,
    file: Box<dyn Write>,
    gathered: Vec<u8>,
    /// Bytes written, those gathered not with them.
    bytes: u64,
    /// Whether it holds any transaction.
    used: bool,
}

impl RelayLog {
    fn bytes(&self) -> u64 {
        self.bytes + self.gathered.len() as u64
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.file.write_all(&self.gathered)?;
        self.bytes += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }
}

impl<'w, 'f> RelayLogs<'w, 'f> {
    pub fn new(files: &'w mut Files<'f>, family: Family, file_bytes: u64) -> Self {
        let (source, open, gtids) = (None, None, GtidSet::new());
        RelayLogs { files, family, file_bytes, source, open, done: vec![], gtids }
    }

    /// Goes on to another log of the source, at `position`.
    pub fn enter(&mut self, name: &str, position: u64, format: SourceFormat) -> io::Result<()> {
        if self.open.is_none() {
            self.source = Some(format.clone());
            self.begin()?;
        }
        let frame = self.frame();
        frame.rotate_of_source(self.out()?, name, position);
        self.describe(format)
    }

    /// Tells of another layout of events.
    pub fn describe(&mut self, format: SourceFormat) -> io::Result<()> {
        self.out()?.extend(format.as_it_stands());
        self.source = Some(format);
        Ok(())
    }

    /// Whether events are laid out so already.
    pub fn is_described(&self, format: &FormatDescription) -> bool {
        self.source.as_ref().is_some_and(|source| source.format.same_layout(format))
    }

    /// How events begin and end here.
    pub fn frame(&self) -> Frame {
        let usual = Frame { header_bytes: 19, checksum_bytes: 0 };
        self.source.as_ref().map_or(usual, SourceFormat::frame)
    }

    /// Makes room for a transaction of so many bytes, in a new file if this one would outgrow its
    /// size.
    pub fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if !open.used || open.bytes() + bytes + TAIL_BYTES <= self.file_bytes {
            open.used = true;
            return Ok(());
        }
        let (frame, next) = (self.frame(), name(self.done.len() + 2));
        frame.rotate_of_relay_log(self.out()?, &next);
        self.close()?;
        self.begin()?;
        let again = self.source.as_ref().map(SourceFormat::again).unwrap_or_default();
        self.out()?.extend(again);
        if let Some(open) = &mut self.open {
            open.used = true;
        }
        Ok(())
    }

    /// Where the next events are appended.
    ///
    /// # Errors
    /// Where what was gathered cannot be written, or no file was begun.
    pub fn out(&mut self) -> io::Result<&mut Vec<u8>> {
        let none = || io::Error::other("no relay log was begun");
        let open = self.open.as_mut().ok_or_else(none)?;
        if open.gathered.len() >= GATHERED_BYTES {
            open.write_out()?;
        }
        Ok(&mut open.gathered)
    }

    /// Begins the next file: magic, its own format, and what the files before it hold.
    fn begin(&mut self) -> io::Result<()> {
        let name = name(self.done.len() + 1);
        let file = (self.files)(&name)?;
        let mut gathered = MAGIC.to_vec();
        if let Some(source) = &self.source {
            gathered.extend(source.of_relay_log());
            if self.family == Family::Mysql {
                source.frame().previous_gtids(&mut gathered, &self.gtids);
            }
        }
        self.open = Some(RelayLog { name, file, gathered, bytes: 0, used: false });
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.write_out()?;
        open.file.flush()?;
        self.done.push((open.name, open.bytes));
        Ok(())
    }

    /// Ends the last file with the applier's position behind everything, and returns all files.
    pub fn finish(mut self, end: &str) -> io::Result<Vec<(String, u64)>> {
        let frame = self.frame();
        frame.rotate_of_source(self.out()?, end, FIRST_EVENT);
        self.close()?;
        Ok(self.done)
    }
}

/// What file number `number`, from 1, is called.
fn name(number: usize) -> String {
    format!("{BASE}.{number:06}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_log::testing::LogBuilder;
    use binlog_parser::header::{EventType, flags};
    use binlog_parser::source::log::Log;
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    /// Files in memory.
    #[derive(Default, Clone)]
    struct Memory(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

    struct OneFile(Memory, String);

    impl Write for OneFile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.0.borrow_mut().entry(self.1.clone()).or_default().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_file_that_would_grow_too_large_is_followed_by_another_which_is_whole() {
        let memory = Memory::default();
        let mut files = |name: &str| -> io::Result<Box<dyn Write>> {
            Ok(Box::new(OneFile(memory.clone(), name.to_owned())))
        };
        let log = LogBuilder::mysql().log();
        let format = log.scan().events().next().unwrap();
        let format = SourceFormat::new(&format, log.format());
        let mut logs = RelayLogs::new(&mut files, Family::Mysql, 600);
        logs.enter("binlog.000001", 4, format).unwrap();
        let xid = LogBuilder::mysql().event(EventType::XID, &[0; 100]).log();
        let xid = xid.scan().events().last().unwrap().bytes().to_vec();
        for _ in 0..3 {
            logs.make_room(xid.len() as u64).unwrap();
            logs.out().unwrap().extend(&xid);
        }
        let done = logs.finish("binlog.000002").unwrap();
        let names: Vec<_> = done.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["binlog-replay.000001", "binlog-replay.000002"]);
        let shape = |name: &str| {
            let bytes = memory.0.borrow()[name].clone();
            assert!(bytes.len() <= 600);
            let log = Log::from_reader(&bytes[..]).unwrap();
            assert!(log.is_relay_log());
            let words = log.scan().map(|scanned| match scanned {
                binlog_parser::scan::Scanned::Event(event) => {
                    let relay = if event.header().has(flags::RELAY_LOG) { "*" } else { "" };
                    format!("{}{relay}", event.event_type().name())
                }
                binlog_parser::scan::Scanned::Damage(damage) => damage.reason.to_string(),
            });
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            shape(names[0]),
            "Format_desc* Previous_gtids* Rotate Format_desc Xid Xid Rotate*"
        );
        assert_eq!(shape(names[1]), "Format_desc* Previous_gtids* Format_desc Xid Rotate");
    }
}
