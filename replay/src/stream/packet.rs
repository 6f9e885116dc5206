//! Packs statements into as few packets as the client sends and the server takes.
//!
//! Every packet is a round trip, and round trips decide how long a restore takes. A packet is what
//! stands between two delimiters; it may hold several statements, as long as a BINLOG is the last:
//!
//! ```text
//! COMMIT;SET …,@@SESSION.GTID_NEXT='…';BEGIN;BINLOG '
//! maps and rows of one transaction, each run of bytes a line of base64
//! '/*!*/;
//! ```
//!
//! A statement behind BINLOG in the same packet loses the connection.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::PAD;
use binlog_parser::transaction::Transaction;

/// Ends a packet. The servers read it as an empty comment, should it ever reach them.
pub const DELIMITER: &[u8] = b"/*!*/;";

/// Base64 on the machine's vector instructions, which are found out once.
static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

/// How much is gathered before it is handed to the output, in bytes.
const GATHER_BYTES: usize = 256 << 10;

/// Most that compressed transactions may make what is gathered ahead of its turn, in bytes; plain
/// ones are no larger than their piece of the log.
pub const MOST_GATHERED_BYTES: usize = 16 << 20;

/// Writes packets.
pub struct Packets<'w> {
    /// Where they go; none if all are gathered.
    out: Option<&'w mut dyn Write>,
    buffer: Vec<u8>,
    /// Where in `buffer` the packet that is being built starts.
    start: usize,
    state: State,
    largest: u64,
    count: u64,
}

/// What the packet that is being built holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing.
    Empty,
    /// Statements; more may follow.
    Statements,
    /// An open BINLOG; more events may follow, but no statement.
    Binlog,
}

impl<'w> Packets<'w> {
    /// Writes to `out`.
    pub fn new(out: &'w mut dyn Write) -> Self {
        let buffer = Vec::with_capacity(GATHER_BYTES + GATHER_BYTES / 4);
        Packets { out: Some(out), ..Packets::gathered_in(buffer) }
    }

    /// Gathers all packets in `buffer`, whose content is dropped and whose memory is used again.
    #[must_use]
    pub fn gathered_in(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Packets { out: None, buffer, start: 0, state: State::Empty, largest: 0, count: 0 }
    }

    /// Whether a transaction, as large as its events are now, may be gathered beside what is.
    #[must_use]
    pub fn may_gather(&self, transaction: &Transaction<'_>) -> bool {
        let bytes: usize = transaction.events.iter().map(|event| event.bytes().len()).sum();
        self.out.is_some() || self.buffer.len() + encoded_len(bytes) <= MOST_GATHERED_BYTES
    }

    /// Whether more is gathered than may be ahead of its turn.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.out.is_none() && self.buffer.len() > MOST_GATHERED_BYTES
    }

    /// Adds packets that were gathered elsewhere, the largest of so many bytes.
    ///
    /// # Errors
    /// What the output says.
    pub fn append(&mut self, gathered: &[u8], largest: u64) -> io::Result<()> {
        self.end()?;
        self.flush()?;
        match &mut self.out {
            Some(out) => out.write_all(gathered)?,
            None => self.buffer.extend_from_slice(gathered),
        }
        self.start = self.buffer.len();
        self.largest = self.largest.max(largest);
        Ok(())
    }

    /// What was gathered and not handed to an output.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// Adds a statement of our own words to the packet: one that is known to be short, and to hold
    /// neither a delimiter nor anything that a client takes as a command. An open BINLOG ends here.
    ///
    /// # Errors
    /// What the output says.
    pub fn statement(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.statement_if(|out| {
            write(out);
            Ok(true)
        })
        .map(drop)
    }

    /// The same, unless `write` finds that there is none: false, and nothing of it stays.
    ///
    /// # Errors
    /// What the output or `write` says.
    pub fn statement_if<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.state == State::Binlog {
            self.end()?;
        }
        let (before, state) = (self.buffer.len(), self.state);
        if state == State::Statements {
            self.buffer.push(b';');
        }
        self.state = State::Statements;
        let written = write(&mut self.buffer);
        if !matches!(written, Ok(true)) {
            self.buffer.truncate(before);
            self.state = state;
        }
        written
    }

    /// Adds events, as they stand in `bytes`, to the packet's BINLOG.
    ///
    /// # Errors
    /// What the output says.
    pub fn events(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.state {
            State::Empty => self.buffer.extend(b"BINLOG '\n"),
            State::Statements => self.buffer.extend(b";BINLOG '\n"),
            State::Binlog => {}
        }
        self.state = State::Binlog;
        encode(&mut self.buffer, bytes);
        self.buffer.push(b'\n');
        Ok(())
    }

    /// A BINLOG of events that are too large for one packet, for MariaDB: each half of the base64
    /// goes in a packet of its own into a user variable, which the BINLOG empties again.
    ///
    /// # Errors
    /// What the output says.
    pub fn halves(&mut self, runs: &[Cow<'_, [u8]>]) -> io::Result<()> {
        self.end()?;
        let mut encoded = vec![];
        for run in runs {
            encode(&mut encoded, run);
            encoded.push(b'\n');
        }
        let (first, second) = encoded.split_at(encoded.len() / 2);
        for (name, half) in [(&b"0"[..], first), (b"1", second)] {
            self.statement(|out| {
                out.extend([b"SET @binlog_fragment_", name, b"='", half, b"'"].concat());
            })?;
            self.end()?;
        }
        self.statement(|out| out.extend(b"BINLOG @binlog_fragment_0,@binlog_fragment_1"))?;
        self.end()
    }

    /// A packet of one statement of text, on lines of its own. What stood in the packet before goes
    /// first.
    ///
    /// # Errors
    /// What the output says.
    pub fn text(&mut self, text: &[u8]) -> io::Result<()> {
        self.end()?;
        self.buffer.extend(text);
        self.buffer.push(b'\n');
        self.state = State::Statements;
        self.end()
    }

    /// A line for the client itself.
    ///
    /// # Errors
    /// What the output says.
    pub fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.end()?;
        self.buffer.extend(line);
        self.buffer.push(b'\n');
        self.start = self.buffer.len();
        Ok(())
    }

    /// Ends the packet.
    ///
    /// # Errors
    /// What the output says.
    pub fn end(&mut self) -> io::Result<()> {
        if self.state == State::Empty {
            return Ok(());
        }
        if self.state == State::Binlog {
            self.buffer.push(b'\'');
        }
        self.largest = self.largest.max((self.buffer.len() - self.start) as u64);
        self.count += 1;
        self.buffer.extend(DELIMITER);
        self.buffer.push(b'\n');
        self.state = State::Empty;
        if self.buffer.len() >= GATHER_BYTES {
            self.flush()?;
        }
        self.start = self.buffer.len();
        Ok(())
    }

    /// Bytes in the packet so far.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Bytes of the largest packet, which `max_allowed_packet` must not be below.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// How many packets were ended.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Hands everything to the output. Only whole packets reach it, unless one is larger than what
    /// is gathered.
    ///
    /// # Errors
    /// What the output says.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some(out) = &mut self.out {
            out.write_all(&self.buffer)?;
            self.buffer.clear();
            self.start = 0;
        }
        Ok(())
    }
}

/// Appends `bytes` in base64, padded, in one line.
pub fn encode(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + encoded_len(bytes.len()), 0);
    // The slice has exactly the length that the encoding needs.
    let written = BASE64.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
}

/// Length in base64 of so many bytes.
#[must_use]
pub fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_share_a_packet_and_a_binlog_is_its_last() {
        let mut out = vec![];
        let mut packets = Packets::new(&mut out);
        packets.statement(|b| b.extend(b"BEGIN")).unwrap();
        packets.events(b"foo").unwrap();
        packets.events(b"fo").unwrap();
        packets.statement(|b| b.extend(b"COMMIT")).unwrap();
        packets.statement(|b| b.extend(b"SET TIMESTAMP=1")).unwrap();
        packets.text(b"DROP TABLE t").unwrap();
        packets.line(b"DELIMITER ;").unwrap();
        assert_eq!((packets.count(), packets.largest()), (3, 26));
        packets.flush().unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "BEGIN;BINLOG '\nZm9v\nZm8=\n'/*!*/;\n\
             COMMIT;SET TIMESTAMP=1/*!*/;\n\
             DROP TABLE t\n/*!*/;\n\
             DELIMITER ;\n"
        );
    }

    #[test]
    fn what_is_too_large_for_a_packet_goes_in_halves() {
        let mut packets = Packets::gathered_in(vec![]);
        packets.halves(&[Cow::Borrowed(b"foofoo"), Cow::Borrowed(b"bar")]).unwrap();
        assert_eq!((packets.count(), packets.largest()), (3, 44));
        assert_eq!(
            String::from_utf8(packets.into_bytes()).unwrap(),
            "SET @binlog_fragment_0='Zm9vZm9'/*!*/;\nSET @binlog_fragment_1='v\nYmFy\n'/*!*/;\n\
             BINLOG @binlog_fragment_0,@binlog_fragment_1/*!*/;\n"
        );
    }

    #[test]
    fn bulk_base64_is_base64() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in 0..bytes.len() {
            let mut out = vec![];
            encode(&mut out, &bytes[..length]);
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes[..length]);
            assert_eq!(out, text.as_bytes());
            assert_eq!(out.len(), encoded_len(length));
        }
    }
}
