//! Writes the pieces of every log on several threads, and puts them together in order.
//!
//! Each piece begins with nothing known of the session and ends with nothing open, so that it can
//! be written before those in front of it. Where pieces begin depends on the logs alone: the stream
//! is the same with any number of threads.

use std::io::Write;
use std::ops::{ControlFlow, Range};
use std::sync::Mutex;

use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::header::Family;
use binlog_parser::parallel::{self, Piece};
use binlog_parser::source::chain::Extent;
use binlog_parser::source::log::Log;
use binlog_parser::source::log_set::LogSet;
use binlog_parser::transaction::Units;

use super::Options;
use super::gaps;
use super::hollow_xa;
use super::load_folder::LoadFolder;
use super::manifest::Manifest;
use super::packet::{DELIMITER, Packets};
use super::text;
use super::writer::{Job, Writer, Written, describe};
use crate::error::Result;

/// Writes what `options` select of `set`.
pub(super) fn write(
    set: &LogSet,
    options: &Options,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> Result<Manifest> {
    let Some(first) = set.logs().first() else { return Ok(Manifest::default()) };
    let folder = LoadFolder::new(options.load_folder.as_deref())?;
    let hollow = hollow_xa::find(set);
    let mut stream = Stream {
        job: Job { set, options, folder: &folder, hollow: &hollow },
        out,
        family: first.format().family,
        format: None,
        manifest: Manifest::default(),
        extent: Extent::default(),
    };
    stream.preamble()?;
    let mut done = 0;
    for (index, log) in set.logs().iter().enumerate() {
        if index > 0 && !stream.follows(&set.logs()[index - 1], log) {
            break;
        }
        if !stream.log(index, log, &mut |at| progress(done + at))? {
            break;
        }
        done += log.len();
    }
    let mut manifest = stream.finish()?;
    manifest.load_folder = folder.keep(&manifest.load_files)?;
    Ok(manifest)
}

/// The stream as far as it is written.
struct Stream<'w, 'a> {
    job: Job<'a>,
    out: &'w mut dyn Write,
    family: Family,
    /// The format description that the server was given last.
    format: Option<FormatDescription>,
    manifest: Manifest,
    /// What stood in the log under way, or in the one before.
    extent: Extent,
}

/// Memory of pieces that are written, for those to come: getting it anew for each costs more than
/// encoding.
type Spare = Mutex<Vec<Vec<u8>>>;

impl<'a> Stream<'_, 'a> {
    /// Writes a log; false if the stream ends in it.
    fn log(&mut self, index: usize, log: &'a Log, progress: &mut dyn FnMut(u64)) -> Result<bool> {
        let ranges = self.job.options.filter.ranges(self.job.set, index);
        if ranges != [parallel::whole(log)] {
            // What is not walked counts for what the next log follows.
            self.extent = gaps::known(self.job.set, index);
        }
        for range in ranges {
            if !self.range((index, log), range, progress)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes a range of a log; false if the stream ends in it.
    fn range(
        &mut self,
        (index, log): (usize, &'a Log),
        range: Range<u64>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<bool> {
        let (job, options) = (self.job, self.job.options);
        let spare = Spare::default();
        let ahead = |units: &mut Units<'a>| {
            let buffer = spare.lock().ok().and_then(|mut spare| spare.pop()).unwrap_or_default();
            let packets = Packets::gathered_in(buffer);
            let writer = Writer::new(job, (index, log), packets, None);
            writer.write(units, &mut |_| {}).transpose()
        };
        let mut state = Ok(true);
        parallel::stream(log, range, options.piece_bytes(), ahead, |piece| {
            let written = match piece {
                Piece::Made { end, made } => made.and_then(|mut piece| {
                    let bytes = std::mem::take(&mut piece.bytes);
                    let goes_on = self.add(log, piece, &bytes)?;
                    if let Ok(mut spare) = spare.lock() {
                        spare.push(bytes);
                    }
                    progress(end);
                    Ok(goes_on)
                }),
                Piece::Large(units) => self.large(index, log, units, progress),
            };
            state = written;
            match state {
                Ok(true) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        state
    }

    /// Whether the stream goes on with `log`: not if transactions are missing behind `before`.
    fn follows(&mut self, before: &Log, log: &Log) -> bool {
        let held = std::mem::take(&mut self.extent);
        let gaps = gaps::between(&held, before, log);
        let whole = gaps.is_empty();
        self.manifest.gaps.extend(gaps);
        whole || self.job.options.goes_on_behind_gaps()
    }

    /// Adds a piece that was written ahead.
    fn add(&mut self, log: &Log, piece: Written, bytes: &[u8]) -> Result<bool> {
        let known = |format: &FormatDescription| {
            self.format.as_ref().is_some_and(|known| known.same_layout(format))
        };
        if let Some(format) = piece.needs.as_ref().filter(|format| !known(format)) {
            let options = self.job.options;
            self.packets(|packets| describe(packets, options, log, format))?;
        }
        self.out.write_all(bytes)?;
        Ok(self.join(piece))
    }

    /// Writes a large piece to the output as it comes.
    fn large(
        &mut self,
        index: usize,
        log: &'a Log,
        units: &mut Units<'a>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<bool> {
        let (packets, format) = (Packets::new(self.out), Some(self.format.take()));
        let writer = Writer::new(self.job, (index, log), packets, format);
        let piece = writer.write(units, progress)?;
        // What goes to the output at once is never too much.
        Ok(piece.is_none_or(|piece| self.join(piece)))
    }

    fn join(&mut self, piece: Written) -> bool {
        self.format = piece.format.or(self.format.take());
        self.extent.join(piece.extent);
        self.manifest.join(piece.manifest, &piece.decided);
        piece.goes_on
    }

    /// Writes packets of the stream's own.
    fn packets(&mut self, write: impl FnOnce(&mut Packets<'_>) -> Result<()>) -> Result<()> {
        let mut packets = Packets::new(self.out);
        write(&mut packets)?;
        packets.end()?;
        packets.flush()?;
        self.manifest.largest_packet = self.manifest.largest_packet.max(packets.largest());
        self.manifest.packets += packets.count();
        Ok(())
    }

    fn preamble(&mut self) -> Result<()> {
        let (options, family) = (self.job.options, self.family);
        self.packets(|packets| {
            packets.line(b"/*M!999999\\- enable the sandbox mode */")?;
            // A client that keeps comments knows its own commands only behind a whole statement.
            // Prepared XA transactions keep their locks; without gap locks they block nothing else.
            packets.line(b"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;")?;
            packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
            packets.line(&text::safe_charset_line())?;
            let mut words = |words: &[u8]| packets.statement(|out| out.extend(words));
            if let Some(charset) = &options.set_charset {
                words(format!("SET NAMES {charset}").as_bytes())?;
            }
            words(b"SET @@SESSION.COMPLETION_TYPE=0,@@SESSION.AUTOCOMMIT=1")?;
            // Else the server's log gets the text of the whole BINLOG once for every statement in it.
            words(match family {
                Family::Mysql => b"SET @@SESSION.BINLOG_ROWS_QUERY_LOG_EVENTS=0",
                Family::Mariadb => b"SET @@SESSION.BINLOG_ANNOTATE_ROW_EVENTS=0",
            })?;
            // Marks the session as one that applies a log: XA PREPARE lets go of its transaction.
            words(b"SET @@SESSION.PSEUDO_SLAVE_MODE=1")?;
            if options.disable_log_bin {
                words(b"SET @@SESSION.SQL_LOG_BIN=0")?;
            }
            if options.idempotent {
                words(b"SET @@SESSION.RBR_EXEC_MODE=IDEMPOTENT")?;
            }
            Ok(())
        })
    }

    fn finish(mut self) -> Result<Manifest> {
        for log in self.job.set.logs() {
            log.check_unchanged()?;
        }
        let mysql = self.family == Family::Mysql;
        self.packets(|packets| {
            if mysql {
                packets.statement(|out| out.extend(b"SET @@SESSION.GTID_NEXT='AUTOMATIC'"))?;
            }
            packets.statement(|out| out.extend(b"SET @@SESSION.PSEUDO_SLAVE_MODE=0"))?;
            Ok(packets.line(b"DELIMITER ;")?)
        })?;
        if let Some(first) = self.job.set.logs().first() {
            self.manifest.privileges.add_stream(first.format());
        }
        Ok(self.manifest)
    }
}
