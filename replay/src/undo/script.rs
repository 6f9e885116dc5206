//! The frame of an undo script: one transaction, whose statements check what they met, and which
//! commits only if every check passed.
//!
//! ```text
//! SET @binlog_undo=0; START TRANSACTION
//! DELETE …; SET @binlog_undo=@binlog_undo+1,@@SESSION.sql_mode=IF(ROW_COUNT()=1,@@SESSION.sql_mode,'ADDRESS: …')
//! …
//! COMMIT if @binlog_undo counts all checks, else ROLLBACK
//! ```
//! A check that fails assigns its message to `sql_mode`, which takes no such value: SIGNAL stands in
//! stored programs alone. The client ends there and its transaction with it; under `--force` it goes
//! on, and the count keeps the COMMIT away.

use std::io::{self, Write};

use super::request::Request;
use super::{SANDBOX, header_comment};
use crate::error::{Error, Result};
use crate::sql::quote::{push_integer, text_literal};
use crate::stream::packet::{DELIMITER, Packets};

/// The sql_mode of the session: nothing is bent, and everything that a server may have stored is
/// taken: zero dates, dates of months that are too short, 0 in an AUTO_INCREMENT column.
const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES";

/// The sql_mode for a row that no strict server takes.
const LAX_SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

/// Bytes from which on a packet ends at the next statement: a round trip costs less than sending so
/// much.
const PACKET_ENDS: usize = 32 << 10;

/// Variables of the session that are set, and set back at the end.
const SAVED: [&str; 4] = ["sql_mode", "time_zone", "foreign_key_checks", "sql_safe_updates"];

/// A script that is being written.
pub(super) struct Script<'w> {
    pub packets: Packets<'w>,
    /// Whether a transaction has begun.
    open: bool,
    /// Checks of this transaction.
    checks: u64,
    batch: Batch,
    /// A statement of our own words behind the last COMMIT.
    last_words: Option<&'static str>,
}

/// Statements that were gathered ahead of their turn, in whole packets.
#[derive(Debug)]
pub(super) struct Part {
    pub bytes: Vec<u8>,
    checks: u64,
    largest: u64,
}

/// Which transaction of the script rows belong to.
#[derive(Debug, Clone, Copy)]
struct Batch {
    /// Rows of each; all if there is to be one transaction.
    rows: u64,
    /// The one that is being written, counted from 1.
    number: u64,
    /// Rows of it so far.
    filled: u64,
    /// The first that is written.
    first: u64,
}

impl<'w> Script<'w> {
    /// A script as `request` asks for.
    pub fn new(out: &'w mut dyn Write, request: &Request) -> Self {
        let batch = Batch {
            rows: request.batch.map_or(u64::MAX, |rows| rows.get()),
            number: 1,
            filled: 0,
            first: request.resume_at.max(1),
        };
        Script { packets: Packets::new(out), open: false, checks: 0, batch, last_words: None }
    }

    /// A script whose statements are gathered in `buffer` ahead of their turn, to be joined to
    /// another.
    pub fn ahead(buffer: Vec<u8>) -> Self {
        let batch = Batch { rows: u64::MAX, number: 1, filled: 0, first: 1 };
        let packets = Packets::gathered_in(buffer);
        Script { packets, open: true, checks: 0, batch, last_words: None }
    }

    /// Whether more was gathered ahead of its turn than may be.
    pub fn is_overfull(&self) -> bool {
        self.packets.is_overfull()
    }

    /// What was gathered.
    ///
    /// # Errors
    /// None, for there is no output.
    pub fn into_part(mut self) -> Result<Part> {
        self.packets.end()?;
        let (checks, largest) = (self.checks, self.packets.largest());
        Ok(Part { bytes: self.packets.into_bytes(), checks, largest })
    }

    /// Adds what was gathered.
    ///
    /// # Errors
    /// What the output says.
    pub fn join(&mut self, part: &Part) -> Result<()> {
        self.checks += part.checks;
        Ok(self.packets.append(&part.bytes, part.largest)?)
    }

    /// What comes before everything: comments, and the session.
    pub fn begin(&mut self) -> Result<()> {
        self.packets.line(SANDBOX)?;
        for line in header_comment(self.batch.rows == u64::MAX) {
            self.packets.line(line.as_bytes())?;
        }
        // Behind a comment the clients take DELIMITER for a part of a statement, so one comes first.
        self.packets.line(b"SET NAMES utf8mb4;")?;
        self.packets.line(&[b"DELIMITER ", DELIMITER].concat())?;
        for variable in SAVED {
            self.words(&format!("SET @binlog_undo_{variable}=@@SESSION.{variable}"))?;
        }
        self.words(&format!(
            "SET @@SESSION.sql_mode='{SQL_MODE}',@@SESSION.time_zone='+00:00',\
             @@SESSION.foreign_key_checks=1,@@SESSION.unique_checks=1,\
             @@SESSION.sql_safe_updates=0,@@SESSION.completion_type=0"
        ))
    }

    /// Begins the first transaction.
    pub fn begin_transaction(&mut self) -> Result<()> {
        (self.checks, self.open) = (0, true);
        self.words("SET @binlog_undo=0")?;
        self.words("START TRANSACTION")?;
        Ok(self.packets.end()?)
    }

    /// Ends the last transaction, gives the session back what it had, and returns the size of the
    /// largest packet.
    pub fn end(mut self) -> Result<u64> {
        if self.is_written() {
            self.commit()?;
        }
        if let Some(words) = self.last_words {
            self.words(words)?;
        }
        for variable in SAVED {
            self.words(&format!("SET @@SESSION.{variable}=@binlog_undo_{variable}"))?;
        }
        self.packets.end()?;
        self.packets.line(b"DELIMITER ;")?;
        self.packets.flush()?;
        Ok(self.packets.largest())
    }

    /// Adds a statement behind the last COMMIT.
    pub fn after_commit(&mut self, words: &'static str) {
        self.last_words = Some(words);
    }

    /// How many of `rows` rows the transaction still takes; at least one.
    pub fn room(&self, rows: usize) -> usize {
        usize::try_from(self.batch.rows - self.batch.filled).map_or(rows, |room| room.min(rows))
    }

    /// Whether the transaction is full: before the next row, whoever writes has to end what is
    /// open, and call [`Script::next_batch`].
    pub fn is_full(&self) -> bool {
        self.batch.filled == self.batch.rows
    }

    /// Counts rows of the transaction, and tells whether they are to be written.
    pub fn take(&mut self, rows: usize) -> bool {
        self.batch.filled += rows as u64;
        self.is_written()
    }

    /// Whether the transaction that rows belong to now is written: not if it was committed by an
    /// earlier run.
    pub fn is_written(&self) -> bool {
        self.batch.number >= self.batch.first
    }

    /// Commits, and begins the next transaction.
    pub fn next_batch(&mut self) -> Result<()> {
        if self.is_written() {
            self.commit()?;
            let number = self.batch.number;
            self.words(&format!("SELECT 'batch {number} committed' AS binlog_undo"))?;
        }
        self.batch.number += 1;
        self.batch.filled = 0;
        if self.is_written() && !self.open {
            self.begin_transaction()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.packets.end()?;
        self.open = false;
        let checks = self.checks;
        self.words(&format!(
            "SET @binlog_undo_end=IF(@binlog_undo={checks},'COMMIT','ROLLBACK'),\
             @binlog_undo_told=IF(@binlog_undo={checks},@@SESSION.sql_mode,\
             'a check has failed: everything was rolled back')"
        ))?;
        self.words("PREPARE binlog_undo FROM @binlog_undo_end")?;
        self.words("EXECUTE binlog_undo")?;
        self.words("DEALLOCATE PREPARE binlog_undo")?;
        self.words("SET @@SESSION.sql_mode=@binlog_undo_told")?;
        Ok(self.packets.end()?)
    }

    /// A statement of our own words.
    pub fn words(&mut self, words: &str) -> Result<()> {
        self.statement(|out| out.extend_from_slice(words.as_bytes()))
    }

    /// A statement without names that a client may stumble over.
    pub fn statement(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.statement_if(|out| {
            write(out);
            Ok::<_, Error>(true)
        })
        .map(drop)
    }

    /// The same, unless `write` finds that there is none.
    fn statement_if<E: From<io::Error>>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.packets.pending_bytes() >= PACKET_ENDS {
            self.packets.end()?;
        }
        let follows = self.packets.pending_bytes() > 0;
        self.packets.statement_if(|out| {
            if follows {
                out.push(b'\n');
            }
            write(out)
        })
    }

    /// As [`Script::change`] of one row, for a statement that is written where it goes, unless `write`
    /// finds that there is none.
    ///
    /// # Errors
    /// What the output or `write` says.
    pub fn change_one<E: From<io::Error> + From<Error>>(
        &mut self,
        awkward: bool,
        told: &Told,
        write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>,
    ) -> Result<(), E> {
        if awkward {
            let mut text = vec![];
            if write(&mut text)? {
                self.change(&text, awkward, 1, told)?;
            }
            return Ok(());
        }
        if self.statement_if(write)? {
            self.check(told, |out| out.extend_from_slice(b"ROW_COUNT()=1"))?;
        }
        Ok(())
    }

    /// A statement on rows, and the check that it met `rows` of them. One with awkward names goes in
    /// hexadecimal.
    pub fn change(&mut self, text: &[u8], awkward: bool, rows: u64, told: &Told) -> Result<()> {
        if awkward {
            self.statement(|out| {
                out.extend_from_slice(b"SET @binlog_undo_text=");
                text_literal(out, "utf8mb4", None, text);
            })?;
            self.words("PREPARE binlog_undo FROM @binlog_undo_text")?;
            self.words("EXECUTE binlog_undo")?;
            self.check(told, |out| push_row_count(out, rows))?;
            return self.words("DEALLOCATE PREPARE binlog_undo");
        }
        self.statement(|out| out.extend_from_slice(text))?;
        self.check(told, |out| push_row_count(out, rows))
    }

    /// A check: a statement that fails unless `condition` holds.
    pub fn check(&mut self, told: &Told, condition: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.checks += 1;
        self.statement(|out| {
            out.extend_from_slice(b"SET @binlog_undo=@binlog_undo+1,@@SESSION.sql_mode=IF(");
            condition(out);
            out.extend_from_slice(b",@@SESSION.sql_mode,");
            out.extend_from_slice(&told.literal);
            out.push(b')');
        })
    }

    /// A check that the statement before it, the last of its packet, went through: of one that fails
    /// part-way, rows stay changed until the transaction is rolled back.
    pub fn check_went_through(&mut self) -> Result<()> {
        self.checks += 1;
        self.words("SET @binlog_undo=@binlog_undo+(@@error_count=0)")
    }

    /// As [`Script::check`], for conditions on tables whose names a client may stumble over.
    pub fn check_text(&mut self, told: &Told, condition: &[u8], awkward: bool) -> Result<()> {
        if !awkward {
            return self.check(told, |out| out.extend_from_slice(condition));
        }
        let text = [b"SET @binlog_undo_met=", condition].concat();
        self.statement(|out| {
            out.extend_from_slice(b"SET @binlog_undo_text=");
            text_literal(out, "utf8mb4", None, &text);
        })?;
        self.words("PREPARE binlog_undo FROM @binlog_undo_text")?;
        self.words("EXECUTE binlog_undo")?;
        self.words("DEALLOCATE PREPARE binlog_undo")?;
        self.check(told, |out| out.extend_from_slice(b"@binlog_undo_met"))
    }

    /// Sets the sql_mode for rows that no strict server takes, or back.
    pub fn lax(&mut self, lax: bool) -> Result<()> {
        let mode = if lax { LAX_SQL_MODE } else { SQL_MODE };
        self.words(&format!("SET @@SESSION.sql_mode='{mode}'"))
    }
}

/// What a failed check says: a literal.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    literal: Vec<u8>,
}

impl Told {
    /// That `what` is wrong at the event that is undone. It is in our own words, without a comma: the
    /// servers' message ends there.
    pub fn new(log: &str, place: (u64, Option<u64>), what: &'static str) -> Self {
        let mut told = Told::default();
        told.set(log, place, what);
        told
    }

    /// Says that `what` is wrong at another event.
    pub fn set(&mut self, log: &str, (position, inner): (u64, Option<u64>), what: &'static str) {
        let out = &mut self.literal;
        out.clear();
        out.push(b'\'');
        out.extend_from_slice(log.as_bytes());
        out.push(b':');
        push_integer(out, position.into());
        if let Some(inner) = inner {
            out.push(b'+');
            push_integer(out, inner.into());
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(what.as_bytes());
        out.push(b'\'');
        // All else is plain: numbers, and our own words.
        if !log.bytes().all(is_plain) {
            let text = std::mem::take(out);
            text_literal(out, "utf8mb4", None, text.get(1..text.len() - 1).unwrap_or_default());
        }
    }
}

/// Whether each byte may stand in quotes as it is, for any client and server.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b' ' | b':' | b'-' | b'_' | b'.' | b'+');
        byte += 1;
    }
    plain
};

fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

/// Appends the condition that a statement met so many rows.
fn push_row_count(out: &mut Vec<u8>, rows: u64) {
    out.extend_from_slice(b"ROW_COUNT()=");
    push_integer(out, rows.into());
}

#[cfg(test)]
mod tests {
    use super::super::sql::{CHANGED, MISSING, TAKEN};
    use super::*;

    #[test]
    fn a_name_that_is_not_plain_goes_in_hexadecimal() {
        let literal = |log| Told::new(log, (4, Some(7)), TAKEN).literal;
        assert_eq!(literal("binlog.000001"), format!("'binlog.000001:4+7: {TAKEN}'").as_bytes());
        let odd = literal("it's;\\,\n.000001");
        assert!(odd.starts_with(b"_utf8mb4 0x69742773"), "{}", String::from_utf8_lossy(&odd));
    }

    #[test]
    fn our_own_words_are_plain() {
        for words in [CHANGED, TAKEN, MISSING] {
            assert!(words.bytes().all(is_plain), "{words}");
        }
    }
}
