//! An event in a line of text, in columns.

use std::borrow::Cow;
use std::io::{self, Write};

use binlog_parser::digits::{write_padded, write_unsigned};
use binlog_parser::header::EventHeader;
use binlog_parser::scan::RawEvent;
use binlog_parser::source::log::Log;
use binlog_parser::source::relay::SourcePosition;

use crate::args::time::{Zone, rfc3339};
use crate::event_line::{end_position, source_address};
use crate::text::{safe, shorten, write_safe};
use crate::ui::Paint;

/// The columns of a log's lines.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The log's name, safe, and its characters.
    name: (String, usize),
    address: usize,
    position: usize,
    /// Bytes of the place at the source, which relay logs have; 0 in others.
    source: usize,
    /// Characters of a line that are shown.
    width: Option<usize>,
}

/// Bytes that the column of the source has: names of logs are about as long everywhere.
const SOURCE_WIDTH: usize = 24;

impl Columns {
    /// The columns of `log`, in lines of `width` characters if that is given.
    #[must_use]
    pub fn of(log: &Log, width: Option<usize>) -> Self {
        let position = log.len().to_string().len().max(3);
        let address = log.name().chars().count() + 1 + position;
        let name = safe(log.name()).into_owned();
        let characters = name.chars().count();
        let source = if log.is_relay_log() { SOURCE_WIDTH } else { 0 };
        Columns { name: (name, characters), address, position, source, width }
    }

    /// Writes the line above all others.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn head(&self, out: &mut impl Write, paint: Paint) -> io::Result<()> {
        let Columns { address, position, source, .. } = *self;
        let of_source = match source {
            0 => String::new(),
            width => format!("{:width$}  ", "AT THE SOURCE"),
        };
        let head = format!(
            "{:address$}  {:14}  {:19}  {:>9}  {:>position$}  {of_source}INFO",
            "ADDRESS", "TYPE", "TIME", "SERVER_ID", "END"
        );
        writeln!(out, "{}", paint.dim(head))
    }

    /// Appends the line of `event`, which has this [`Origin`] and says `info`.
    pub fn write(
        &self,
        event: &RawEvent<'_>,
        origin: &str,
        source: Option<&SourcePosition<'_>>,
        info: &str,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        self.write_address(event, out);
        write_left(event.event_type().name(), 14, out);
        out.extend_from_slice(origin.as_bytes());
        write_padded(end_position(event), self.position, b' ', out);
        out.extend_from_slice(b"  ");
        if self.source > 0 {
            let source: Cow<'_, str> = source.map_or("-".into(), |at| source_address(at).into());
            write_left(&safe(&source), self.source, out);
        }
        match self.width {
            None => write_safe(info, out),
            Some(width) => {
                let before = String::from_utf8_lossy(out.get(start..).unwrap_or_default());
                let room = width.saturating_sub(before.chars().count()).max(16);
                out.extend_from_slice(shorten(&safe(info), room).as_bytes());
            }
        }
        trim_end(start, out);
        out.push(b'\n');
    }

    fn write_address(&self, event: &RawEvent<'_>, out: &mut Vec<u8>) {
        let (name, characters) = &self.name;
        out.extend_from_slice(name.as_bytes());
        let start = out.len();
        out.push(b':');
        write_unsigned(event.offset, out);
        if let Some(inner) = event.inner() {
            out.push(b'+');
            write_unsigned(inner, out);
        }
        pad(self.address, characters + out.len() - start, out);
    }
}

/// Appends text in a column of `width` characters, and the space behind it.
fn write_left(text: &str, width: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    let characters = if text.is_ascii() { text.len() } else { text.chars().count() };
    pad(width, characters, out);
}

fn pad(width: usize, had: usize, out: &mut Vec<u8>) {
    out.resize(out.len() + width.saturating_sub(had) + 2, b' ');
}

/// Takes back the space at the end of what stands behind `start`.
fn trim_end(start: usize, out: &mut Vec<u8>) {
    if out.last().is_some_and(u8::is_ascii_graphic) {
        return;
    }
    let line = out.get(start..).and_then(|line| std::str::from_utf8(line).ok());
    if let Some(length) = line.map(|line| line.trim_end().len()) {
        out.truncate(start + length);
    }
}

/// When and where an event was made, as text. Events that follow each other have the same, as a rule.
#[derive(Debug)]
pub struct Origin {
    /// The zone that times are shown in; none for JSON's, which has nothing but the time.
    zone: Option<Zone>,
    /// Time and server id of the text.
    of: Option<(u32, u32)>,
    text: String,
}

impl Origin {
    /// Time and server in columns, times in this zone in the server's form; without one the time as
    /// JSON has it.
    #[must_use]
    pub fn new(zone: Option<Zone>) -> Self {
        Origin { zone, of: None, text: String::new() }
    }

    /// The text of what `header` says.
    pub fn show(&mut self, header: &EventHeader) -> &str {
        let of = (header.timestamp, header.server_id);
        if self.of.replace(of) != Some(of) {
            self.text = match self.zone {
                None => rfc3339(header.timestamp),
                Some(zone) => {
                    let time = match header.timestamp {
                        0 => "-".to_owned(),
                        seconds => zone.show(seconds),
                    };
                    format!("{time:19}  {:>9}  ", header.server_id)
                }
            };
        }
        &self.text
    }
}
