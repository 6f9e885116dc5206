//! A dump to statements, as the command-line client splits them, in memory that does not grow with
//! the rows.

use std::io::{self, Read};

/// Longer definitions than this do not exist: a table has at most 4,096 columns.
const MAX_STATEMENT: usize = 16 << 20;
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// A header line is short; of a longer comment only the start is kept.
const MAX_COMMENT: usize = 4096;

/// A piece of a dump that matters.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'s> {
    /// A `-- …` line between statements, without its dashes.
    Comment(&'s [u8]),
    /// A statement without its delimiter.
    Statement(&'s [u8]),
    /// The start of a statement that is too long.
    TooLong(&'s [u8]),
}

/// Where in the text the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    /// In `'…'`, `"…"` or `` `…` ``.
    Quoted(u8),
    /// Behind a backslash in one of those.
    Escaped(u8),
    /// `-- …`, `# …`.
    LineComment,
    /// Behind `/*`: `!` or `M!` make it code.
    CommentStart,
    CommentStartM,
    /// Behind that, in the version.
    Version,
    Comment,
    /// The rest of a DELIMITER line.
    Delimiter,
}

/// What becomes of the statement at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Its first word is not read yet.
    Open,
    Kept,
    /// Rows, locks: nothing to keep.
    Skipped,
    TooLong,
}

/// Splits what it reads.
pub(super) struct Splitter<R> {
    input: R,
    /// What was read of it, and how far it is worked off.
    chunk: Vec<u8>,
    filled: usize,
    at: usize,
    state: State,
    fate: Fate,
    delimiter: Vec<u8>,
    /// The statement, or as much of it as is needed.
    statement: Vec<u8>,
    word: Vec<u8>,
    comment: Vec<u8>,
    /// The last bytes of code: as many as tell a delimiter or a comment.
    tail: Vec<u8>,
    /// The piece that was handed out and must be forgotten.
    done: bool,
    /// Most bytes of an INSERT or REPLACE that is kept; 0 passes them over.
    most_rows: usize,
    /// Most bytes of the statement at hand.
    most: usize,
}

/// What one byte completed.
enum Complete {
    Nothing,
    Statement,
    Comment,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            chunk: vec![0; CHUNK],
            filled: 0,
            at: 0,
            state: State::Code,
            fate: Fate::Open,
            delimiter: b";".to_vec(),
            statement: Vec::new(),
            word: Vec::new(),
            comment: Vec::new(),
            tail: Vec::new(),
            done: false,
            most_rows: 0,
            most: MAX_STATEMENT,
        }
    }

    /// Keeps INSERT and REPLACE as well, up to so many bytes each.
    pub(super) fn with_rows(mut self, most: usize) -> Self {
        self.most_rows = most;
        self
    }

    /// The next piece; `None` at the end.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            if std::mem::take(&mut self.done) {
                self.start_statement();
            }
            let Some(complete) = self.read()? else { break };
            match complete {
                Complete::Statement if matches!(self.fate, Fate::Kept | Fate::TooLong) => {
                    self.done = true;
                    break;
                }
                Complete::Statement => self.start_statement(),
                Complete::Comment => return Ok(Some(Piece::Comment(&self.comment))),
                Complete::Nothing => {}
            }
        }
        if !self.done && !(matches!(self.fate, Fate::Kept | Fate::TooLong)) {
            return Ok(None);
        }
        self.done = true;
        let text = self.statement.trim_ascii();
        Ok(match self.fate {
            Fate::TooLong => Some(Piece::TooLong(text)),
            _ if text.is_empty() => None,
            _ => Some(Piece::Statement(text)),
        })
    }

    /// Bytes that are held.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.chunk.capacity() + self.statement.capacity() + self.comment.capacity()
    }

    fn start_statement(&mut self) {
        self.fate = Fate::Open;
        self.statement.clear();
        self.word.clear();
        self.tail.clear();
    }

    /// Reads on until something is complete or the chunk ends; `None` at the end of input.
    fn read(&mut self) -> io::Result<Option<Complete>> {
        if self.at >= self.filled {
            self.at = 0;
            self.filled = loop {
                match self.input.read(&mut self.chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            if self.filled == 0 {
                return Ok(None);
            }
        }
        let chunk = std::mem::take(&mut self.chunk);
        let mut complete = Complete::Nothing;
        while let (Complete::Nothing, Some([byte, ..])) =
            (&complete, chunk.get(self.at..self.filled))
        {
            let rest = chunk.get(self.at..self.filled).unwrap_or_default();
            let (passed, _) = rest.split_at(self.uneventful(rest));
            if passed.is_empty() {
                self.at += 1;
                complete = self.step(*byte);
            } else {
                self.at += passed.len();
                self.keep(passed);
                self.tail.clear();
            }
        }
        self.chunk = chunk;
        Ok(Some(complete))
    }

    /// How many bytes change nothing, so that rows are passed over in strides.
    fn uneventful(&self, rest: &[u8]) -> usize {
        let length = match self.state {
            State::Quoted(quote) => memchr::memchr2(quote, b'\\', rest),
            State::Comment if self.tail.is_empty() => memchr::memchr(b'*', rest),
            State::Code if self.fate != Fate::Open && !self.tail.ends_with(b"--") => {
                let event = |byte: &u8| b"'\"`/*-#".contains(byte) || self.delimiter.contains(byte);
                rest.iter().position(event)
            }
            _ => Some(0),
        };
        length.unwrap_or(rest.len())
    }

    /// One byte in the state at hand.
    fn step(&mut self, byte: u8) -> Complete {
        match self.state {
            State::Delimiter => return self.delimiter_line(byte),
            State::LineComment => return self.line_comment(byte),
            State::Code => return self.code(byte),
            State::Version if !byte.is_ascii_digit() => {
                // No server is so new: mariadb-dump's first line, a command to the client.
                let never = self.tail == b"999999";
                self.state = if never { State::Comment } else { State::Code };
                self.tail.clear();
                return self.step(byte);
            }
            State::Version => self.remember(byte),
            State::Quoted(quote) => {
                if byte == b'\\' && quote != b'`' {
                    self.state = State::Escaped(quote);
                } else if byte == quote {
                    self.state = State::Code;
                }
            }
            State::Escaped(quote) => self.state = State::Quoted(quote),
            State::CommentStart => {
                self.state = match byte {
                    b'!' => State::Version,
                    b'M' => State::CommentStartM,
                    _ => State::Comment,
                };
            }
            State::CommentStartM => {
                self.state = if byte == b'!' { State::Version } else { State::Comment };
            }
            State::Comment => {
                if byte == b'/' && self.tail.last() == Some(&b'*') {
                    self.state = State::Code;
                    self.tail.clear();
                }
            }
        }
        if self.state == State::Comment {
            self.tail.clear();
            self.tail.extend((byte == b'*').then_some(byte));
        }
        self.keep(&[byte]);
        Complete::Nothing
    }

    fn code(&mut self, byte: u8) -> Complete {
        if self.fate == Fate::Open {
            self.first_word(byte);
            if self.state == State::Delimiter {
                return Complete::Nothing;
            }
        }
        self.remember(byte);
        let dashes = self.tail.strip_suffix(&[byte]).is_some_and(|tail| tail.ends_with(b"--"));
        if byte == b'#' || (dashes && (byte.is_ascii_whitespace() || byte.is_ascii_control())) {
            // The dashes stay in the statement: to SQL they are a comment as well.
            self.state = State::LineComment;
            self.comment.clear();
            self.keep(&[byte]);
            return self.line_comment(byte);
        }
        match byte {
            b'\'' | b'"' | b'`' => self.state = State::Quoted(byte),
            b'*' if self.tail.ends_with(b"/*") => {
                self.state = State::CommentStart;
                self.tail.clear();
            }
            _ => {}
        }
        if self.tail.ends_with(&self.delimiter) {
            let kept = self.statement.len().saturating_sub(self.delimiter.len() - 1);
            self.statement.truncate(kept);
            return Complete::Statement;
        }
        self.keep(&[byte]);
        Complete::Nothing
    }

    /// Decides on a statement by its first word.
    fn first_word(&mut self, byte: u8) {
        if byte.is_ascii_alphabetic() {
            self.word.push(byte.to_ascii_uppercase());
            return;
        }
        if self.word.is_empty() {
            return;
        }
        self.most = MAX_STATEMENT;
        self.fate = match self.word.as_slice() {
            b"INSERT" | b"REPLACE" if self.most_rows > 0 => {
                self.most = self.most_rows;
                Fate::Kept
            }
            b"CREATE" | b"ALTER" | b"DROP" | b"RENAME" | b"USE" | b"SET" => Fate::Kept,
            b"DELIMITER" => {
                self.state = State::Delimiter;
                self.statement.clear();
                Fate::Open
            }
            _ => {
                self.statement.clear();
                Fate::Skipped
            }
        };
        self.word.clear();
    }

    /// The client's own command, which ends with its line.
    fn delimiter_line(&mut self, byte: u8) -> Complete {
        if byte != b'\n' {
            self.statement.push(byte);
            return Complete::Nothing;
        }
        let delimiter = self.statement.trim_ascii();
        // More than the client takes is no delimiter.
        if (1..=16).contains(&delimiter.len()) {
            self.delimiter = delimiter.to_vec();
        }
        self.state = State::Code;
        self.start_statement();
        Complete::Nothing
    }

    fn line_comment(&mut self, byte: u8) -> Complete {
        if byte != b'\n' {
            if self.comment.len() < MAX_COMMENT {
                self.comment.push(byte);
            }
            return Complete::Nothing;
        }
        self.state = State::Code;
        self.tail.clear();
        if self.fate != Fate::Open {
            self.statement.push(b'\n');
            return Complete::Nothing;
        }
        self.start_statement();
        Complete::Comment
    }

    /// Keeps the last bytes of code.
    fn remember(&mut self, byte: u8) {
        self.tail.push(byte);
        if self.tail.len() > 32 {
            self.tail.drain(..16);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if matches!(self.fate, Fate::Skipped | Fate::TooLong) {
            return;
        }
        if self.statement.len() + bytes.len() > self.most {
            self.statement.truncate(MAX_COMMENT);
            self.fate = Fate::TooLong;
            return;
        }
        self.statement.extend_from_slice(bytes);
    }
}
