//! Statement text to tokens, without copying, as the servers' own lexers read it
//! (`lex_one_token` in sql/sql_lex.cc).
//!
//! Tokens come in order and never overlap; between them stands only white space. Comments are
//! tokens too, so that the text can be put together again; [`Lexer::code`] leaves them out.

use memchr::{memchr, memchr2, memmem};

use super::dialect::{Dialect, Family};
use super::token::{Token, TokenKind, is_word_byte};

/// Why a text cannot be a statement that a server accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the statement")]
pub struct LexError {
    /// What is wrong.
    pub kind: LexErrorKind,
    /// Offset of the token that is wrong.
    pub offset: usize,
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LexErrorKind {
    /// A `'…'` or `"…"` without its end.
    #[error("unterminated string")]
    UnterminatedString,
    /// A quoted identifier without its end.
    #[error("unterminated quoted identifier")]
    UnterminatedIdentifier,
    /// A `/*…` without its end.
    #[error("unterminated comment")]
    UnterminatedComment,
    /// An `x'…'` or `b'…'` that holds something other than its digits.
    #[error("malformed hexadecimal or bit literal")]
    BadLiteral,
}

/// The tokens of a statement. After an error it ends.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) dialect: Dialect,
    /// Offset of the `/*!` whose body is being read as code.
    executing: Option<usize>,
    /// What the last token says about the next one.
    pub(super) expect: Expect,
    failed: bool,
}

/// `db.2024_orders`: what follows a bare word and a dot without a gap is a name, also when it
/// starts with a digit or is a keyword (`MY_LEX_IDENT_SEP`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Anything,
    Dot,
    Name,
}

/// Collects the tokens that the grammar sees, without comments.
pub fn lex_code<'a>(text: &'a [u8], dialect: &Dialect) -> Result<Vec<Token<'a>>, LexError> {
    Lexer::new(text, dialect).code().collect()
}

impl<'a> Lexer<'a> {
    /// Reads a statement from its first byte.
    pub fn new(text: &'a [u8], dialect: &Dialect) -> Self {
        Self {
            text,
            at: 0,
            dialect: *dialect,
            executing: None,
            expect: Expect::Anything,
            failed: false,
        }
    }

    /// The same tokens without comments and the marks of executed ones.
    pub fn code(self) -> impl Iterator<Item = Result<Token<'a>, LexError>> {
        self.filter(|token| !matches!(token, Ok(token) if token.is_trivia()))
    }

    /// The byte `ahead` of the current one; 0 behind the end, as in the server's buffer.
    pub(super) fn peek(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&mut self, kind: LexErrorKind, offset: usize) -> LexError {
        self.failed = true;
        LexError { kind, offset }
    }

    // A token is made where it is to stay: to move one that was just stored in parts takes longer than
    // to read it.
    #[inline(always)]
    fn next_token(&mut self) -> Result<Option<Token<'a>>, LexError> {
        while self.at < self.text.len() && self.dialect.charset.is_space(self.peek(0)) {
            self.at += 1;
        }
        let start = self.at;
        if start >= self.text.len() {
            return match self.executing.take() {
                Some(offset) => Err(self.error(LexErrorKind::UnterminatedComment, offset)),
                None => Ok(None),
            };
        }
        let kind = match std::mem::replace(&mut self.expect, Expect::Anything) {
            Expect::Anything => self.scan()?,
            Expect::Dot => {
                self.at += 1;
                self.expect = Expect::Name;
                TokenKind::Operator
            }
            Expect::Name => {
                self.word();
                TokenKind::Word
            }
        };
        // Every scan takes a byte at least; this keeps a mistake from becoming an endless loop.
        self.at = self.at.clamp(start + 1, self.text.len());
        Ok(Some(Token { kind, start, bytes: self.text.get(start..self.at).unwrap_or_default() }))
    }

    /// Reads one token from `self.at` on and moves behind it.
    #[inline(never)]
    fn scan(&mut self) -> Result<TokenKind, LexError> {
        match (self.peek(0), self.peek(1)) {
            (b'\'', _) => self.string(0),
            (b'"', _) if self.dialect.ansi_quotes => self.quoted_identifier(b'"'),
            (b'"', _) => self.string(0),
            (b'`', _) => self.quoted_identifier(b'`'),
            (b'[', _) if self.dialect.bracket_identifiers => self.quoted_identifier(b']'),
            (b'n' | b'N', b'\'') => self.string(1),
            (b'x' | b'X', b'\'') => {
                self.digits_literal(TokenKind::HexLiteral, |b| b.is_ascii_hexdigit())
            }
            (b'b' | b'B', b'\'') => {
                self.digits_literal(TokenKind::BitLiteral, |b| matches!(b, b'0' | b'1'))
            }
            (b'#', _) => Ok(self.line_comment()),
            (b'-', b'-') if self.dashes_are_comment() => Ok(self.line_comment()),
            (b'/', b'*') => self.block_comment(),
            (b'*', b'/') if self.executing.take().is_some() => {
                self.at += 2;
                Ok(TokenKind::ExecutableEnd)
            }
            (b'@', _) => self.variable(),
            (b'$', _) if self.dialect.has_dollar_quotes() => self.dollar(),
            (b'.', next) if next.is_ascii_digit() => Ok(self.fraction(1)),
            (first, _) if first.is_ascii_digit() => Ok(self.number()),
            (first, _) if is_word_byte(first) => Ok(self.word()),
            _ => Ok(self.operator()),
        }
    }

    /// `--` starts a comment only before a space, a control character or the end.
    fn dashes_are_comment(&self) -> bool {
        let next = self.peek(2);
        next.is_ascii_control() || self.dialect.charset.is_space(next)
    }

    fn line_comment(&mut self) -> TokenKind {
        self.at += memchr(b'\n', self.rest()).unwrap_or(self.rest().len());
        TokenKind::Comment
    }

    /// `/*`: a comment, or the start of an executed one.
    fn block_comment(&mut self) -> Result<TokenKind, LexError> {
        let start = self.at;
        let maria = self.dialect.family == Family::Mariadb && self.peek(2) == b'M';
        let bang = if maria { 3 } else { 2 };
        let mut nested = false;
        if self.peek(bang) == b'!' {
            let body = self.text.get(start + bang + 1..).unwrap_or_default();
            let (executes, digits) = self.dialect.executes(maria, body);
            if executes {
                self.at += bang + 1 + digits;
                // A `/*!` inside an executed one opens nothing more: the first `*/` ends both.
                self.executing.get_or_insert(start);
                return Ok(TokenKind::ExecutableStart);
            }
            // What is not executed may hold one level of comments, since 5.1 (`consume_comment`).
            nested = self.dialect.version >= 50100;
        }
        self.at += 2;
        match comment_end(self.rest(), nested) {
            Some(length) => {
                self.at += length;
                Ok(TokenKind::Comment)
            }
            None => Err(self.error(LexErrorKind::UnterminatedComment, start)),
        }
    }

    /// A string whose quote stands `prefix` bytes ahead.
    fn string(&mut self, prefix: usize) -> Result<TokenKind, LexError> {
        let start = self.at;
        let quote = self.peek(prefix);
        self.at += prefix + 1;
        let backslash = !self.dialect.no_backslash_escapes;
        if self.skip_quoted(quote, backslash) {
            Ok(TokenKind::String)
        } else {
            Err(self.error(LexErrorKind::UnterminatedString, start))
        }
    }

    fn quoted_identifier(&mut self, close: u8) -> Result<TokenKind, LexError> {
        let start = self.at;
        self.at += 1;
        if self.skip_quoted(close, false) {
            Ok(TokenKind::QuotedIdentifier)
        } else {
            Err(self.error(LexErrorKind::UnterminatedIdentifier, start))
        }
    }

    /// Moves behind the closing quote; false when there is none.
    fn skip_quoted(&mut self, quote: u8, backslash: bool) -> bool {
        let dangerous = self.dialect.charset.is_dangerous();
        while self.at < self.text.len() {
            let rest = self.rest();
            if dangerous {
                let width = self.dialect.charset.char_len(rest);
                if width > 1 || !(rest[0] == quote || rest[0] == b'\\') {
                    self.at += width;
                    continue;
                }
            } else {
                let found =
                    if backslash { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) };
                let Some(found) = found else { break };
                self.at += found;
            }
            if self.peek(0) == b'\\' && quote != b'\\' {
                // An escape takes the next *byte*, whatever the character set.
                self.at += if backslash { 2 } else { 1 };
            } else if self.peek(1) == quote && self.at + 1 < self.text.len() {
                self.at += 2;
            } else {
                self.at += 1;
                return true;
            }
        }
        self.at = self.text.len();
        false
    }

    /// `x'…'` and `b'…'`.
    fn digits_literal(
        &mut self,
        kind: TokenKind,
        is_digit: fn(&u8) -> bool,
    ) -> Result<TokenKind, LexError> {
        let start = self.at;
        self.at += 2;
        self.at += self.rest().iter().take_while(|b| is_digit(b)).count();
        if self.peek(0) != b'\'' {
            return Err(self.error(LexErrorKind::BadLiteral, start));
        }
        self.at += 1;
        Ok(kind)
    }

    /// `@…`, `@@…`, or the `@` of an account before a quoted host.
    fn variable(&mut self) -> Result<TokenKind, LexError> {
        self.at += 1;
        if self.peek(0) != b'@' {
            match self.peek(0) {
                b'`' => self.quoted_identifier(b'`')?,
                quote @ (b'\'' | b'"') if quote == b'"' && self.dialect.ansi_quotes => {
                    self.quoted_identifier(quote)?
                }
                b'\'' | b'"' => self.string(0)?,
                _ => {
                    self.skip_while(|b| is_word_byte(b) || b == b'.');
                    TokenKind::UserVariable
                }
            };
            return Ok(TokenKind::UserVariable);
        }
        self.at += 1;
        loop {
            if self.peek(0) == b'`' {
                self.quoted_identifier(b'`')?;
            } else {
                self.skip_while(is_word_byte);
            }
            if self.peek(0) != b'.' || !(is_word_byte(self.peek(1)) || self.peek(1) == b'`') {
                return Ok(TokenKind::SystemVariable);
            }
            self.at += 1;
        }
    }

    /// `$tag$…$tag$`, or a word that starts with `$`.
    fn dollar(&mut self) -> Result<TokenKind, LexError> {
        let start = self.at;
        let rest = self.rest();
        let tag = rest.iter().skip(1).take_while(|b| is_word_byte(**b) && **b != b'$').count();
        if rest.get(tag + 1) != Some(&b'$') {
            return Ok(self.word());
        }
        let (mark, body) = rest.split_at(tag + 2);
        match memmem::find(body, mark) {
            Some(found) => {
                self.at += found + 2 * mark.len();
                Ok(TokenKind::DollarString)
            }
            None => Err(self.error(LexErrorKind::UnterminatedString, start)),
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Result<Token<'a>, LexError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        self.next_token().transpose()
    }
}

/// Length up to and with the `*/` that ends a comment whose body is `body`.
fn comment_end(body: &[u8], nested: bool) -> Option<usize> {
    let close = memmem::find(body, b"*/")?;
    if !nested {
        return Some(close + 2);
    }
    let mut at = 0;
    loop {
        let rest = body.get(at..)?;
        let close = memmem::find(rest, b"*/")?;
        match memmem::find(rest, b"/*") {
            // The inner comment ends at the next `*/` behind its own start.
            Some(open) if open < close => {
                let inner = rest.get(open + 2..)?;
                at += open + 2 + memmem::find(inner, b"*/")? + 2;
            }
            _ => return Some(at + close + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mysql() -> Dialect {
        Dialect::new(Family::Mysql, 80036)
    }

    fn mariadb() -> Dialect {
        Dialect::new(Family::Mariadb, 101106)
    }

    /// The code tokens, joined by a bar.
    fn code(text: &[u8], dialect: &Dialect) -> String {
        let tokens = lex_code(text, dialect).unwrap();
        let parts: Vec<_> = tokens.iter().map(|t| String::from_utf8_lossy(t.bytes)).collect();
        parts.join("|")
    }

    fn kinds(text: &[u8], dialect: &Dialect) -> Vec<TokenKind> {
        let tokens: Result<Vec<_>, _> = Lexer::new(text, dialect).collect();
        tokens.unwrap().iter().map(|t| t.kind).collect()
    }

    fn error(text: &[u8], dialect: &Dialect) -> (LexErrorKind, usize) {
        let error = lex_code(text, dialect).unwrap_err();
        (error.kind, error.offset)
    }

    #[test]
    fn comments_are_left_out_and_strings_are_whole() {
        let text = b"DELETE/* a */FROM t -- WHERE\n# x\nWHERE a='/* '' -- \\' */'";
        assert_eq!(code(text, &mysql()), "DELETE|FROM|t|WHERE|a|=|'/* '' -- \\' */'");
    }

    #[test]
    fn two_dashes_need_a_space_behind_them() {
        assert_eq!(code(b"a--1", &mysql()), "a|-|-|1");
        assert_eq!(code(b"a--\t1", &mysql()), "a");
        assert_eq!(code(b"a --", &mysql()), "a");
    }

    #[test]
    fn executable_comments_are_code_where_the_server_ran_them() {
        let text = b"a /*!50601 b */ /*!80000 c */ /*M!100100 d */ /*! e */ /*+ f */";
        assert_eq!(code(text, &mysql()), "a|b|c|e");
        assert_eq!(code(text, &mariadb()), "a|b|d|e");
        assert_eq!(code(text, &Dialect::new(Family::Mysql, 50045)), "a|e");
    }

    #[test]
    fn a_comment_that_is_not_executed_may_hold_another() {
        assert_eq!(code(b"a /*!99999 b /* c */ d */ e", &mysql()), "a|e");
        assert_eq!(code(b"a /* /* b */ c", &mysql()), "a|c");
        // Inside an executed one, a plain comment is skipped and the body goes on.
        assert_eq!(code(b"a /*!50000 b /* c */ d */ e", &mysql()), "a|b|d|e");
        assert_eq!(code(b"a /*! b /*! c */ d", &mysql()), "a|b|c|d");
    }

    #[test]
    fn sql_mode_decides_on_quotes_and_backslashes() {
        use TokenKind::{QuotedIdentifier, String, Word};
        assert_eq!(kinds(b"\"a\\\"b\"", &mysql()), [String]);
        assert_eq!(kinds(b"\"a\\\" b", &mysql().with_sql_mode(4)), [QuotedIdentifier, Word]);
        assert_eq!(kinds(b"'a\\' b", &mysql().with_sql_mode(1 << 20)), [String, Word]);
        assert_eq!(kinds(b"[a b]", &mariadb().with_sql_mode(1 << 10)), [QuotedIdentifier]);
    }

    #[test]
    fn a_trail_byte_is_no_backslash_and_no_backtick() {
        let gbk = mysql().with_client_collation(28);
        let sjis = mysql().with_client_collation(13);
        // BF 5C is one character in gbk, so the string ends at the next quote.
        assert_eq!(kinds(b"'\xBF\\' b", &gbk).len(), 2);
        assert_eq!(error(b"'\xBF\\' b", &mysql()).0, LexErrorKind::UnterminatedString);
        assert_eq!(kinds(b"`\x83\x60` b", &sjis).len(), 2);
        // A bare name in sjis may hold a backslash byte, too.
        assert_eq!(kinds(b"\x95\\x b", &sjis).len(), 2);
    }

    #[test]
    fn latin1_has_one_more_space() {
        assert_eq!(kinds(b"a\xA0b", &mysql().with_client_collation(8)).len(), 2);
        assert_eq!(kinds(b"a\xA0b", &mysql()).len(), 1);
    }

    #[test]
    fn literals_and_names_that_look_like_them() {
        use TokenKind::*;
        let text = b"0x1F 0X1F 0b01 x'4D' B'01' 1e5 1e 1.5e-3 .5 2024_orders _utf8mb4'a' _x n'a'";
        assert_eq!(
            kinds(text, &mysql()),
            [
                HexLiteral, Word, BitLiteral, HexLiteral, BitLiteral, Number, Word, Number, Number,
                Word, Introducer, String, Word, String
            ]
        );
        assert_eq!(code(b"1..10", &mariadb()), "1|..|10");
    }

    #[test]
    fn a_name_behind_a_dot_may_start_with_a_digit() {
        assert_eq!(code(b"db.2tab.1e5", &mysql()), "db|.|2tab|.|1e5");
        assert_eq!(code(b"t._utf8", &mysql()), "t|.|_utf8");
        assert_eq!(kinds(b"1.5", &mysql()), [TokenKind::Number]);
    }

    #[test]
    fn variables_and_accounts() {
        use TokenKind::*;
        assert_eq!(
            kinds(b"@a @`b c` @@global.x @@`y` root@localhost 'r'@'%'", &mysql()),
            [
                UserVariable,
                UserVariable,
                SystemVariable,
                SystemVariable,
                Word,
                UserVariable,
                String,
                UserVariable
            ]
        );
    }

    #[test]
    fn dollar_quotes_came_with_8_1() {
        let nine = Dialect::new(Family::Mysql, 90000);
        assert_eq!(
            kinds(b"$js$ it's $x $js$ a", &nine),
            [TokenKind::DollarString, TokenKind::Word]
        );
        assert_eq!(kinds(b"$a", &nine), [TokenKind::Word]);
        assert_eq!(kinds(b"$a$b", &mysql()), [TokenKind::Word]);
    }

    #[test]
    fn errors_name_the_token_that_never_ends() {
        assert_eq!(error(b"a 'b", &mysql()), (LexErrorKind::UnterminatedString, 2));
        assert_eq!(error(b"a `b", &mysql()), (LexErrorKind::UnterminatedIdentifier, 2));
        assert_eq!(error(b"a /* b", &mysql()), (LexErrorKind::UnterminatedComment, 2));
        assert_eq!(error(b"a /*! b", &mysql()), (LexErrorKind::UnterminatedComment, 2));
        assert_eq!(error(b"a x'4G'", &mysql()), (LexErrorKind::BadLiteral, 2));
    }

    prop_compose! {
        fn any_dialect()(
            maria: bool, version in 50000u32..120000, mode: u64, collation in 0u16..300
        ) -> Dialect {
            let family = if maria { Family::Mariadb } else { Family::Mysql };
            Dialect::new(family, version).with_sql_mode(mode).with_client_collation(collation)
        }
    }

    proptest! {
        #[test]
        fn tokens_tile_any_bytes(
            text in proptest::collection::vec(
                prop_oneof![any::<u8>(), proptest::sample::select(b"'\"`\\/*!-#@$.x0 ;M5".to_vec())],
                0..200,
            ),
            dialect in any_dialect(),
        ) {
            let mut at = 0;
            for token in Lexer::new(&text, &dialect) {
                let Ok(token) = token else { break };
                prop_assert!(token.start >= at && !token.bytes.is_empty());
                prop_assert!(text[at..token.start].iter().all(|b| dialect.charset.is_space(*b)));
                prop_assert_eq!(&text[token.start..token.end()], token.bytes);
                at = token.end();
            }
        }
    }
}
