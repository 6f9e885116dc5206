//! The tokens that are made of letters and digits, and the operators.

use memchr::memchr2_iter;

use super::dialect::Family;
use super::lexer::{Expect, Lexer};
use super::token::{TokenKind, is_word_byte};

/// Whether a word stands anywhere in a text, in whatever case and be it in a string: where it does not,
/// no token has to be read to tell.
pub fn mentions(text: &[u8], word: &str) -> bool {
    let Some(first) = word.bytes().next() else { return true };
    memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), text).any(|at| {
        let here = text.get(at..at + word.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes()))
    })
}

impl Lexer<'_> {
    /// A token that starts with a digit: a number, or a name such as `2024_orders`.
    pub(super) fn number(&mut self) -> TokenKind {
        for (mark, kind, is_digit) in PREFIXED {
            if self.peek(0) == b'0' && self.peek(1) == mark {
                let digits = self.rest().iter().skip(2).take_while(|b| is_digit(b)).count();
                if digits > 0 && !is_word_byte(self.peek(2 + digits)) {
                    self.at += 2 + digits;
                    return kind;
                }
                return self.word();
            }
        }
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        match self.peek(digits) {
            b'.' if self.dialect.family == Family::Mariadb && self.peek(digits + 1) == b'.' => {
                self.at += digits;
                TokenKind::Number
            }
            b'.' => self.fraction(digits + 1),
            b'e' | b'E' if self.exponent(digits) > 0 => {
                self.at += digits + self.exponent(digits);
                TokenKind::Number
            }
            next if is_word_byte(next) => self.word(),
            _ => {
                self.at += digits;
                TokenKind::Number
            }
        }
    }

    /// The rest of a number whose digits after the point start `skip` bytes ahead.
    pub(super) fn fraction(&mut self, skip: usize) -> TokenKind {
        self.at += skip;
        self.skip_while(|b| b.is_ascii_digit());
        self.at += self.exponent(0);
        TokenKind::Number
    }

    /// Length of `e+10` standing `ahead`; 0 when it is none.
    pub(super) fn exponent(&self, ahead: usize) -> usize {
        if !matches!(self.peek(ahead), b'e' | b'E') {
            return 0;
        }
        let sign = usize::from(matches!(self.peek(ahead + 1), b'+' | b'-'));
        let from = self.text.get(self.at + ahead + 1 + sign..).unwrap_or_default();
        match from.iter().take_while(|b| b.is_ascii_digit()).count() {
            0 => 0,
            digits => 1 + sign + digits,
        }
    }

    /// A bare word.
    pub(super) fn word(&mut self) -> TokenKind {
        let start = self.at;
        if self.dialect.charset.is_dangerous() {
            while self.at < self.text.len() && is_word_byte(self.peek(0)) {
                self.at += self.dialect.charset.char_len(self.rest());
            }
        } else {
            let charset = self.dialect.charset;
            self.skip_while(|b| is_word_byte(b) && !charset.is_space(b));
        }
        if self.peek(0) == b'.' && is_word_byte(self.peek(1)) {
            self.expect = Expect::Dot;
            return TokenKind::Word;
        }
        match self.text.get(start..self.at) {
            Some([b'_', charset @ ..]) if is_charset(charset) => TokenKind::Introducer,
            _ => TokenKind::Word,
        }
    }

    pub(super) fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|b| matches(**b)).count();
    }

    /// The longest operator that the servers know, or one byte.
    pub(super) fn operator(&mut self) -> TokenKind {
        let rest = self.rest();
        self.at += OPERATORS
            .iter()
            .find(|operator| rest.starts_with(operator))
            .map_or(1, |operator| operator.len());
        TokenKind::Operator
    }
}

type Prefixed = (u8, TokenKind, fn(&u8) -> bool);

/// `0x…` and `0b…`, lower case only: `0X1` is a name.
const PREFIXED: [Prefixed; 2] = [
    (b'x', TokenKind::HexLiteral, |b| b.is_ascii_hexdigit()),
    (b'b', TokenKind::BitLiteral, |b| matches!(b, b'0' | b'1')),
];

/// Operators of more than one byte, longest first (sql/lex.h, and `->` of sql/sql_lex.cc).
const OPERATORS: [&[u8]; 14] = [
    b"<=>", b"->>", b"<=", b">=", b"<>", b"!=", b"<<", b">>", b":=", b"&&", b"||", b"->", b"..",
    b"\\N",
];

/// Character sets that can introduce a string; any other `_word` is a name.
const CHARSETS: &[&str] = &[
    "armscii8", "ascii", "big5", "binary", "cp1250", "cp1251", "cp1256", "cp1257", "cp850",
    "cp852", "cp866", "cp932", "dec8", "eucjpms", "euckr", "filename", "gb18030", "gb2312", "gbk",
    "geostd8", "greek", "hebrew", "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5",
    "latin7", "macce", "macroman", "sjis", "swe7", "tis620", "ucs2", "ujis", "utf16", "utf16le",
    "utf32", "utf8", "utf8mb3", "utf8mb4",
];

fn is_charset(name: &[u8]) -> bool {
    CHARSETS.iter().any(|charset| name.eq_ignore_ascii_case(charset.as_bytes()))
}
