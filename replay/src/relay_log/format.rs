//! The source's format description in the three forms that relay logs have of it.

use binlog_parser::event::format_description::{ChecksumAlgorithm, FormatDescription};
use binlog_parser::header::{HEADER_BYTES, flags};
use binlog_parser::scan::RawEvent;

use crate::made::{Frame, OURS, field};
use crate::seal::reseal;

/// Where the time of the server's start stands: behind binlog version and server version.
const CREATED: usize = HEADER_BYTES + 2 + 50;
const SERVER_ID: usize = 5;
const LOG_POS: usize = 13;
const FLAGS: usize = 17;

/// A format description of the source.
#[derive(Debug, Clone)]
pub(super) struct SourceFormat {
    event: Vec<u8>,
    pub format: FormatDescription,
}

impl SourceFormat {
    /// Takes over the event of a log.
    pub fn new(event: &RawEvent<'_>, format: &FormatDescription) -> Self {
        let mut source = SourceFormat { event: event.bytes().to_vec(), format: format.clone() };
        if event.header().has(flags::RELAY_LOG) {
            // A replica's, which tells when the replica started.
            source.event = source.with(&[(CREATED, &[0; 4])]);
        }
        source
    }

    /// How events after it begin and end.
    pub fn frame(&self) -> Frame {
        Frame {
            header_bytes: self.format.common_header_length.into(),
            checksum_bytes: self.format.checksum.bytes(),
        }
    }

    /// As it stands in the source's log, which is closed here. If it tells of a start of the
    /// server, appliers drop temporary tables at it, as the server did.
    pub fn as_it_stands(&self) -> Vec<u8> {
        self.with(&[(FLAGS, &[0; 2])])
    }

    /// The same once more, where a relay log begins in the middle of the source's log.
    pub fn again(&self) -> Vec<u8> {
        self.without_start(flags::ARTIFICIAL)
    }

    /// A relay log's own. The layout is the source's, for whose server applies the log is not known.
    pub fn of_relay_log(&self) -> Vec<u8> {
        self.without_start(flags::RELAY_LOG)
    }

    fn without_start(&self, flags: u16) -> Vec<u8> {
        self.with(&[(CREATED, &[0; 4]), (LOG_POS, &[0; 4]), (FLAGS, &flags.to_le_bytes())])
    }

    fn with(&self, changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut event = self.event.clone();
        field(&mut event, SERVER_ID, &OURS.to_le_bytes());
        changes.iter().for_each(|(offset, bytes)| field(&mut event, *offset, bytes));
        // Servers that know checksums end it in one, also where its log has none.
        if self.format.checksum != ChecksumAlgorithm::Undefined {
            reseal(&mut event);
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_log::testing::LogBuilder;

    #[test]
    fn each_form_is_a_whole_event_of_the_same_layout() {
        let log = LogBuilder::mysql().log();
        let event = log.scan().events().next().unwrap();
        let source = SourceFormat::new(&event, log.format());
        assert_eq!(event.bytes()[CREATED..CREATED + 4], [1, 0, 0, 0], "the server had started");
        for (form, flags, created) in [
            (source.as_it_stands(), 0, 1),
            (source.again(), flags::ARTIFICIAL, 0),
            (source.of_relay_log(), flags::RELAY_LOG, 0),
        ] {
            let format = FormatDescription::parse(&form).unwrap();
            assert!(format.same_layout(log.format()));
            assert_eq!(format.created, created);
            assert_eq!(form[FLAGS..FLAGS + 2], flags.to_le_bytes());
            let (checked, crc) = form.split_last_chunk::<4>().unwrap();
            assert_eq!(crc32fast::hash(checked).to_le_bytes(), *crc);
        }
    }
}
