//! A token: a piece of a statement and what the server takes it for.

use std::borrow::Cow;

use super::charset::ClientCharset;
use super::dialect::Dialect;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A bare word: a keyword or an identifier; the lexer does not tell them apart. After a dot
    /// it is always an identifier.
    Word,
    /// `` `…` ``; `"…"` under ANSI_QUOTES; `[…]` under MariaDB's MSSQL mode.
    QuotedIdentifier,
    /// `'…'`, `"…"`, `N'…'`.
    String,
    /// `$tag$…$tag$` (MySQL 8.1 and later).
    DollarString,
    /// `_utf8mb4` and its like, before a string.
    Introducer,
    /// `x'…'` or `0x…`.
    HexLiteral,
    /// `b'…'` or `0b…`.
    BitLiteral,
    /// An integer, decimal or float, unsigned.
    Number,
    /// `@name`, `@'name'`, and the `@host` of an account.
    UserVariable,
    /// `@@name`, `@@global.name`.
    SystemVariable,
    /// An operator, a bracket, a comma, a dot, a semicolon: the longest that the servers know.
    Operator,
    /// `-- …`, `# …`, `/* … */`, an optimizer hint, or an executable comment that this server
    /// does not execute.
    Comment,
    /// `/*!`, `/*!80000`, `/*M!100100`: what follows is code, up to [`TokenKind::ExecutableEnd`].
    ExecutableStart,
    /// The `*/` of an executed comment.
    ExecutableEnd,
}

/// One token. Its text is `bytes`, which start at `start` in the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Offset of the first byte in the statement.
    pub start: usize,
    /// The token's bytes, quotes included.
    pub bytes: &'a [u8],
}

impl<'a> Token<'a> {
    /// Offset just behind the last byte.
    pub fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    /// Whether the server's grammar does not see this token: a comment, or a mark of an executed one.
    pub fn is_trivia(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Comment | TokenKind::ExecutableStart | TokenKind::ExecutableEnd
        )
    }

    /// Whether it is this bare word, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.bytes.eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether it is one of these bare words, in any case.
    pub fn is_any_word(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Whether it is this operator.
    pub fn is_operator(&self, operator: &str) -> bool {
        self.kind == TokenKind::Operator && self.bytes == operator.as_bytes()
    }

    /// Whether it can stand for a name: a bare word or a quoted identifier.
    pub fn is_identifier(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::QuotedIdentifier)
    }

    /// The name that it stands for, without quotes and with doubled quotes undone; `None` when it
    /// cannot be a name.
    pub fn identifier(&self, charset: ClientCharset) -> Option<Cow<'a, [u8]>> {
        match self.kind {
            TokenKind::Word => Some(Cow::Borrowed(self.bytes)),
            TokenKind::QuotedIdentifier => {
                let (&quote, inner) = self.bytes.split_last()?;
                let inner = inner.get(1..)?;
                Some(unescape(inner, quote, false, charset))
            }
            _ => None,
        }
    }

    /// The bytes of a string, escapes undone, in the client's character set; `None` when it is no
    /// string. `\%` and `\_` keep their backslash, as in the server (`get_text`, sql/sql_lex.cc).
    pub fn string_value(&self, dialect: &Dialect) -> Option<Cow<'a, [u8]>> {
        match self.kind {
            TokenKind::String => {
                let (&quote, inner) = self.bytes.split_last()?;
                let open = memchr::memchr(quote, inner)?;
                let inner = inner.get(open + 1..)?;
                let backslash = !dialect.no_backslash_escapes;
                Some(unescape(inner, quote, backslash, dialect.charset))
            }
            TokenKind::DollarString => {
                let tag = 2 + memchr::memchr(b'$', self.bytes.get(1..)?)?;
                let end = self.bytes.len().checked_sub(tag)?;
                self.bytes.get(tag..end).map(Cow::Borrowed)
            }
            _ => None,
        }
    }
}

/// The text between quotes, with doubled quotes and, when asked, backslash escapes undone.
fn unescape(inner: &[u8], quote: u8, backslash: bool, charset: ClientCharset) -> Cow<'_, [u8]> {
    let plain = memchr::memchr(quote, inner).is_none()
        && !(backslash && memchr::memchr(b'\\', inner).is_some());
    if plain {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, tail)) = rest.split_first() {
        let width = charset.char_len(rest);
        if width > 1 {
            let (character, tail) = rest.split_at(width);
            out.extend_from_slice(character);
            rest = tail;
            continue;
        }
        rest = tail;
        match (byte, tail.split_first()) {
            (b'\\', Some((&escaped, after))) if backslash => {
                push_escaped(&mut out, escaped);
                rest = after;
            }
            (b, Some((&next, after))) if b == quote && next == quote => {
                out.push(quote);
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// What a backslash and this byte stand for.
fn push_escaped(out: &mut Vec<u8>, escaped: u8) {
    match escaped {
        b'n' => out.push(b'\n'),
        b't' => out.push(b'\t'),
        b'r' => out.push(b'\r'),
        b'b' => out.push(8),
        b'0' => out.push(0),
        b'Z' => out.push(26),
        b'_' | b'%' => out.extend_from_slice(&[b'\\', escaped]),
        other => out.push(other),
    }
}

/// Bytes of a bare word: letters, digits, `_`, `$` and everything beyond ASCII.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;

    fn token(kind: TokenKind, bytes: &[u8]) -> Token<'_> {
        Token { kind, start: 0, bytes }
    }

    #[test]
    fn names_lose_their_quotes() {
        let name = |bytes| {
            token(TokenKind::QuotedIdentifier, bytes)
                .identifier(ClientCharset::AsciiSafe)
                .unwrap()
                .into_owned()
        };
        assert_eq!(name(b"`a``b`"), b"a`b");
        assert_eq!(name(b"\"a\"\"b`\""), b"a\"b`");
        // A backslash in a name stands for itself.
        assert_eq!(name(b"`a\\`"), b"a\\");
    }

    #[test]
    fn strings_are_unescaped_as_the_server_does() {
        let mut dialect = Dialect::new(Family::Mysql, 80036);
        let value = |bytes, dialect: &Dialect| {
            token(TokenKind::String, bytes).string_value(dialect).unwrap().into_owned()
        };
        assert_eq!(value(b"'it''s \\'x\\' \\n\\%\\q\\0'", &dialect), b"it's 'x' \n\\%q\0");
        assert_eq!(value(b"N'a\"b'", &dialect), b"a\"b");
        dialect.charset = ClientCharset::Gbk;
        assert_eq!(value(b"'\xBF\x5C\\n'", &dialect), b"\xBF\x5C\n");
        dialect.no_backslash_escapes = true;
        assert_eq!(value(b"'a\\n'", &dialect), b"a\\n");
    }

    #[test]
    fn a_dollar_string_is_what_stands_between_its_tags() {
        let dialect = Dialect::new(Family::Mysql, 90000);
        let value = token(TokenKind::DollarString, b"$js$ a'b $js$").string_value(&dialect);
        assert_eq!(value.unwrap().as_ref(), b" a'b ");
    }
}
