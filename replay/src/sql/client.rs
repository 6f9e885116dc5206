//! What the `mysql` and `mariadb` clients make of a statement that is piped into them.
//!
//! The client reads lines and looks for its own commands and for the delimiter, with a lexer of
//! its own that is not the server's (`read_and_execute` and `add_line`, client/mysql.cc). This
//! file plays that lexer beside the server's, and refuses every text on which the two disagree.
//! It counts on `--binary-mode`, in which the only commands are `delimiter` and `\C`, and on
//! `--comments`, without which comments are cut out.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use super::dialect::{Dialect, Family};
use super::harmless::is_harmless;
use super::lexer::{LexError, Lexer};
use super::split::second_statement;
use super::token::Token;

/// Why a text cannot be sent through a client unchanged in meaning. Offsets are in the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No server can have accepted it.
    #[error("the statement does not lex: {0}")]
    Lex(#[from] LexError),
    /// A second statement follows a `;`.
    #[error("more than one statement: the second starts at byte {offset}")]
    SecondStatement {
        /// Where the second one starts.
        offset: usize,
    },
    /// The client would end the statement here: choose another delimiter.
    #[error("the delimiter occurs in the statement at byte {offset}")]
    Delimiter {
        /// Where it stands.
        offset: usize,
    },
    /// The client would take the line for a command of its own.
    #[error("the client would run a command at byte {offset}")]
    Command {
        /// Where the command would start.
        offset: usize,
    },
    /// The client would cut the line at a NUL byte.
    #[error("the client would cut the line at the NUL at byte {offset}")]
    Nul {
        /// Where the NUL stands.
        offset: usize,
    },
    /// The client and the server do not agree on where a string or a comment ends.
    #[error("the client and the server read the quotes or comments at byte {offset} differently")]
    Disagreement {
        /// Where it was noticed.
        offset: usize,
    },
}

/// Whether the delimiter occurs anywhere in the text, be it in a string: a quick test for choosing
/// one that never needs a second look.
pub fn contains_delimiter(text: &[u8], delimiter: &[u8]) -> bool {
    memmem::find(text, delimiter).is_some()
}

/// The bytes to send so that the client forwards exactly this statement. Send a newline and the
/// delimiter behind them.
///
/// The result differs from the text only in white space outside strings and comments, where a
/// line starts with `delimiter`, and in two escapes that clients spoil: in a string, a backslash
/// and a NUL are sent as `\0`, and a backslash and a newline as the newline. The client must know the statement's character set (`\C`) and the session must have its
/// sql_mode, both before this statement.
pub fn client_safe<'a>(
    text: &'a [u8],
    dialect: &Dialect,
    delimiter: &[u8],
) -> Result<Cow<'a, [u8]>, Refusal> {
    if delimiter.contains(&b';') && is_harmless(text, dialect) {
        return Ok(Cow::Borrowed(text));
    }
    client_safe_with_care(text, dialect, delimiter)
}

/// The same, with nothing taken for granted.
pub(super) fn client_safe_with_care<'a>(
    text: &'a [u8],
    dialect: &Dialect,
    delimiter: &[u8],
) -> Result<Cow<'a, [u8]>, Refusal> {
    if let Some(offset) = second_statement(text, dialect)? {
        return Err(Refusal::SecondStatement { offset });
    }
    let first = Lexer::new(text, dialect).code().next().transpose()?;
    if let Some(first) = first.filter(|token| starts_with_delimiter_word(token.bytes)) {
        return Err(Refusal::Command { offset: first.start });
    }
    let mut client = Client {
        text,
        at: 0,
        dialect: *dialect,
        delimiter,
        quote: None,
        comment: false,
        special: Special::None,
        line_start: 0,
        statement_started: false,
        copied: 0,
        out: Vec::new(),
    };
    client.run()?;
    Ok(client.finish())
}

/// `delimiter` at the start, in any case. The client compares with its collation, in which an
/// accented letter may be equal: every byte beyond ASCII counts as a match.
fn starts_with_delimiter_word(line: &[u8]) -> bool {
    const COMMAND: &[u8] = b"delimiter";
    line.len() >= COMMAND.len()
        && line
            .iter()
            .zip(COMMAND)
            .all(|(byte, letter)| byte.eq_ignore_ascii_case(letter) || *byte >= 0x80)
}

/// Inside which special comment the client believes to be; it forgets at the end of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    None,
    Conditional,
    Hint,
}

struct Client<'a, 'd> {
    text: &'a [u8],
    at: usize,
    dialect: Dialect,
    delimiter: &'d [u8],
    quote: Option<u8>,
    comment: bool,
    special: Special,
    /// Where the client's line starts.
    line_start: usize,
    /// The client holds a part of the statement, so that a line is a continuation.
    statement_started: bool,
    /// How much of the text is in `out`.
    copied: usize,
    out: Vec<u8>,
}

impl<'a> Client<'a, '_> {
    fn run(&mut self) -> Result<(), Refusal> {
        let mut tokens = Lexer::new(self.text, &self.dialect);
        let mut next = tokens.next().transpose()?;
        while self.at < self.text.len() {
            while let Some(token) = next.filter(|token| token.start <= self.at) {
                self.agree(&token)?;
                next = tokens.next().transpose()?;
            }
            self.step()?;
        }
        if next.is_some() || !self.is_neutral() {
            return Err(Refusal::Disagreement { offset: self.at });
        }
        self.end_of_line(self.text.len());
        Ok(())
    }

    /// Where the server starts a token, the client must be outside of everything.
    fn agree(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        if token.start < self.at || !self.is_neutral() {
            return Err(Refusal::Disagreement { offset: token.start });
        }
        self.statement_started |= !token.is_trivia();
        Ok(())
    }

    fn is_neutral(&self) -> bool {
        self.quote.is_none() && !self.comment
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Reads one character or one mark, as one turn of `add_line`'s loop does.
    fn step(&mut self) -> Result<(), Refusal> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let width = self.dialect.charset.char_len(rest);
        let neutral = self.is_neutral();
        match (self.peek(0), self.peek(1)) {
            (Some(b'\n'), _) => self.newline(),
            _ if width > 1 => self.at += width,
            (Some(b'\\'), next) if !self.comment && self.backslash_is_special() => {
                self.backslash(next)?;
            }
            _ if neutral
                && self.special != Special::Hint
                && rest.starts_with(self.delimiter)
                && !self.delimiter.is_empty() =>
            {
                return Err(Refusal::Delimiter { offset: self.at });
            }
            (Some(b'#'), _) if neutral => self.line_comment(rest)?,
            (Some(b'-'), Some(b'-')) if neutral && self.dashes_are_comment() => {
                self.line_comment(rest)?;
            }
            (Some(b'/'), Some(b'*')) if self.quote.is_none() => self.slash_star(),
            (Some(b'*'), Some(b'/')) if self.comment && self.special == Special::None => {
                self.comment = false;
                self.at += 2;
            }
            (Some(byte), next) => self.plain(byte, next, rest),
            (None, _) => {}
        }
        Ok(())
    }

    /// Whether a backslash takes the next byte with it, or starts a command.
    fn backslash_is_special(&self) -> bool {
        match (self.dialect.family, self.quote) {
            (_, None) => true,
            (_, Some(_)) if self.dialect.no_backslash_escapes => false,
            (Family::Mysql, Some(_)) => true,
            (Family::Mariadb, Some(b'`')) => false,
            (Family::Mariadb, Some(b'"')) => !self.dialect.ansi_quotes,
            (Family::Mariadb, Some(_)) => true,
        }
    }

    fn backslash(&mut self, next: Option<u8>) -> Result<(), Refusal> {
        let offset = self.at;
        let Some(quote) = self.quote else {
            // \N is NULL; everything else is a command, or an error that ends the client.
            return match next {
                Some(b'N') => {
                    self.at += 2;
                    Ok(())
                }
                _ => Err(Refusal::Command { offset }),
            };
        };
        let server_escapes = quote != b'`' && !(quote == b'"' && self.dialect.ansi_quotes);
        match next {
            // MySQL's client drops this backslash, MariaDB's (10.11) overwrites the next line's
            // first byte with it. The newline means itself without it, too.
            Some(b'\n') if server_escapes => {
                self.copy_until(offset);
                self.at += 1;
                self.copied = self.at;
            }
            None | Some(b'\n') => return Err(Refusal::Disagreement { offset }),
            // The client would drop the rest of the line.
            Some(0) if server_escapes => {
                self.copy_until(offset);
                self.out.extend_from_slice(b"\\0");
                self.at += 2;
                self.copied = self.at;
            }
            Some(0) => return Err(Refusal::Nul { offset: offset + 1 }),
            Some(b'`') if quote == b'`' => self.at += 1,
            Some(_) => self.at += 2,
        }
        Ok(())
    }

    fn dashes_are_comment(&self) -> bool {
        let third = self.peek(2).unwrap_or(0);
        third == 0 || self.dialect.charset.is_space(third)
    }

    /// Moves to the end of the line; the client copies such a comment only up to a NUL.
    fn line_comment(&mut self, rest: &[u8]) -> Result<(), Refusal> {
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let comment = rest.get(..length).unwrap_or_default();
        if let Some(nul) = memchr(0, comment) {
            return Err(Refusal::Nul { offset: self.at + nul });
        }
        self.at += length;
        if self.at < self.text.len() {
            // The client sends such a line at once when it holds nothing yet, and never loses
            // its newline: it is no line that `newline` has to look at.
            self.at += 1;
            self.line_start = self.at;
            self.special = Special::None;
        }
        Ok(())
    }

    fn slash_star(&mut self) {
        let (third, fourth) = (self.peek(2), self.peek(3));
        let executable = third == Some(b'!');
        let mine = match self.dialect.family {
            Family::Mysql => third == Some(b'+'),
            Family::Mariadb => third == Some(b'M') && fourth == Some(b'!'),
        };
        if !executable && !mine && self.special != Special::Hint {
            self.comment = true;
        } else if executable {
            self.special = Special::Conditional;
        } else if third == Some(b'+') {
            self.special = Special::Hint;
        }
        self.at += 2;
    }

    /// A byte that stands for itself, and may open or close something.
    fn plain(&mut self, byte: u8, next: Option<u8>, rest: &[u8]) {
        if self.quote.is_none() && byte == b'*' && next == Some(b'/') {
            self.special = Special::None;
        }
        self.at += 1;
        if self.quote == Some(byte) {
            self.quote = None;
        } else if let Some(quote) = self.quote {
            // Nothing but these can matter before the string ends.
            if !self.dialect.charset.is_dangerous() {
                let skip = memchr3(quote, b'\\', b'\n', rest.get(1..).unwrap_or_default());
                self.at += skip.unwrap_or(rest.len() - 1);
            }
        } else if !self.comment
            && self.special != Special::Hint
            && matches!(byte, b'\'' | b'"' | b'`')
        {
            self.quote = Some(byte);
        }
    }

    /// The end of a line that is no comment's.
    fn newline(&mut self) {
        let newline = self.at;
        self.at += 1;
        let following = self.text.get(self.at..).unwrap_or_default();
        // Blank lines are not looked through: the last of them is the one to join to.
        let indent = following.iter().take_while(|b| matches!(b, b' ' | b'\t' | 11..=13)).count();
        let trimmed = following.get(indent..).unwrap_or_default();
        if self.is_neutral() && self.statement_started && starts_with_delimiter_word(trimmed) {
            // Joined to the line before, it is no line start: the client's line goes on.
            self.copy_until(newline);
            self.out.push(b' ');
            self.copied = self.at;
            return;
        }
        self.end_of_line(newline);
        self.line_start = self.at;
        self.special = Special::None;
    }

    /// Where a line starts with `delimiter` and ends outside of strings and comments, the client
    /// does not add its newline: a space takes its place.
    fn end_of_line(&mut self, end: usize) {
        let line = self.text.get(self.line_start..end).unwrap_or_default();
        if self.is_neutral() && starts_with_delimiter_word(line) {
            self.copy_until(end);
            self.out.push(b' ');
        }
    }

    fn copy_until(&mut self, end: usize) {
        let piece = self.text.get(self.copied..end).unwrap_or_default();
        self.out.extend_from_slice(piece);
        self.copied = end;
    }

    fn finish(mut self) -> Cow<'a, [u8]> {
        if self.copied == 0 {
            return Cow::Borrowed(self.text);
        }
        self.copy_until(self.text.len());
        Cow::Owned(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIMITER: &[u8] = b"/*!*/;";

    fn mysql() -> Dialect {
        Dialect::new(Family::Mysql, 90700)
    }

    fn mariadb() -> Dialect {
        Dialect::new(Family::Mariadb, 110800)
    }

    fn sent<'a>(text: &'a [u8], dialect: &Dialect) -> Cow<'a, [u8]> {
        client_safe(text, dialect, DELIMITER).unwrap()
    }

    fn refused(text: &[u8], dialect: &Dialect) -> Refusal {
        client_safe(text, dialect, DELIMITER).unwrap_err()
    }

    #[test]
    fn most_text_goes_through_untouched() {
        let texts: [&[u8]; 6] = [
            b"INSERT INTO t VALUES ('a\\'b', \"c\", 'd''e', N'f', \\N)",
            b"CREATE TABLE t (\n  a INT, -- it's\n  b INT /* it's */\n) # it's",
            b"INSERT INTO t VALUES ('x\ndelimiter $$\nsource /etc/passwd\n\\\\! ls\n')",
            b"SELECT /*+ MAX_EXECUTION_TIME(1) */ 1 /*!50000 + 'a' */",
            b"CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END",
            b"INSERT INTO t VALUES ('a\r\nb\x00c')",
        ];
        for text in texts {
            for dialect in [mysql(), mariadb()] {
                assert!(matches!(sent(text, &dialect), Cow::Borrowed(_)));
            }
        }
    }

    #[test]
    fn a_line_that_starts_with_delimiter_is_joined() {
        assert_eq!(
            sent(b"CREATE TABLE t (a INT,\n  Delimiter INT\nNOT NULL)", &mysql()).as_ref(),
            b"CREATE TABLE t (a INT,   Delimiter INT\nNOT NULL)"
        );
        // Behind a comment line there is nothing to join to: the lost newline becomes a space.
        assert_eq!(
            sent(b"CREATE TABLE t (a INT, -- x\ndelimiter INT\nNOT NULL)", &mysql()).as_ref(),
            b"CREATE TABLE t (a INT, -- x\ndelimiter INT \nNOT NULL)"
        );
        // The line starts inside a string: the client still loses the newline behind it.
        assert_eq!(
            sent(b"SELECT 'a\ndelimiter'\n'b'", &mariadb()).as_ref(),
            b"SELECT 'a\ndelimiter' \n'b'"
        );
    }

    #[test]
    fn commands_are_refused() {
        let command = |offset| Refusal::Command { offset };
        assert_eq!(refused(b"delimiter //", &mysql()), command(0));
        assert_eq!(refused(b"/* x */ DELIMITER//", &mysql()), command(8));
        assert_eq!(refused(b"d\xE9limiter //", &mysql()), command(0));
        assert_eq!(refused(b"SELECT 1 \\! ls", &mariadb()), command(9));
        assert_eq!(refused(b"SELECT 1 \\C gbk", &mysql()), command(9));
    }

    #[test]
    fn the_delimiter_is_refused_only_where_the_client_sees_it() {
        assert_eq!(
            refused(b"SELECT 1 /*!*/; x", &mysql()),
            Refusal::SecondStatement { offset: 16 }
        );
        assert_eq!(
            client_safe(b"SELECT 1 $$ 2", &mysql(), b"$$"),
            Err(Refusal::Lex(LexError {
                kind: crate::sql::LexErrorKind::UnterminatedString,
                offset: 9
            }))
        );
        assert_eq!(
            client_safe(b"SELECT 1 | 2", &mysql(), b"|"),
            Err(Refusal::Delimiter { offset: 9 })
        );
        assert!(client_safe(b"SELECT '|' -- |", &mysql(), b"|").is_ok());
        assert!(contains_delimiter(b"SELECT '|'", b"|"));
    }

    #[test]
    fn a_second_statement_is_refused() {
        assert_eq!(
            refused(b"DELETE FROM t; DROP TABLE t", &mysql()),
            Refusal::SecondStatement { offset: 15 }
        );
    }

    #[test]
    fn a_backslash_at_the_end_of_a_line_would_spoil_it() {
        assert_eq!(sent(b"SELECT 'a\\\0b'", &mysql()).as_ref(), b"SELECT 'a\\0b'");
        assert_eq!(sent(b"SELECT 'a\\\nb'", &mariadb()).as_ref(), b"SELECT 'a\nb'");
    }

    #[test]
    fn quotes_that_the_client_reads_otherwise_are_refused() {
        let ansi = |dialect: Dialect| dialect.with_sql_mode(4);
        // MySQL's client knows no ANSI_QUOTES: the backslash hides the quote from it.
        let text = b"SELECT \"a\\\" FROM t";
        assert!(matches!(refused(text, &ansi(mysql())), Refusal::Disagreement { .. }));
        assert_eq!(sent(text, &ansi(mariadb())).as_ref(), text);
        // A name with a backslash before a newline would lose it.
        assert!(matches!(refused(b"SELECT `a\\\nb`", &mysql()), Refusal::Disagreement { .. }));
        assert_eq!(sent(b"SELECT `a\\`", &mysql()).as_ref(), b"SELECT `a\\`");
        // An executable comment that is none for this server is code for the client.
        assert!(matches!(
            refused(b"SELECT 1 /*!99999 it's */", &mysql()),
            Refusal::Disagreement { .. }
        ));
    }

    #[test]
    fn trail_bytes_are_read_in_the_statements_character_set() {
        let gbk = mysql().with_client_collation(28);
        assert!(client_safe(b"SELECT '\xBF\\', 'x'", &gbk, DELIMITER).is_ok());
        assert!(client_safe(b"SELECT '\xBF\\', 'x'", &mysql(), DELIMITER).is_err());
    }
}
