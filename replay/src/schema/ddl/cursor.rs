//! A place in the tokens of a statement, and the small steps that the grammar is read with.

use super::super::names::to_utf8;
use super::super::readable;
use super::super::table::TableName;
use super::StatementContext;
use crate::sql::{LexError, Lexer, Token, TokenKind};

/// Why a statement is not understood, in words.
pub(crate) type Parsed<T> = Result<T, String>;

/// More tokens than the definition of any table takes: 4,096 columns of 65,535 labels would not
/// fit into a packet.
const MAX_TOKENS: usize = 4 << 20;

/// The code tokens of one statement; every look beyond the end is `None`.
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    tokens: Vec<Token<'a>>,
    at: usize,
    cut: Option<String>,
    pub(crate) context: &'a StatementContext<'a>,
}

impl<'a> Cursor<'a> {
    /// Reads the tokens up to the end, or to where the text stops being SQL; then the error is
    /// told by who needs more.
    pub(crate) fn new(text: &'a [u8], context: &'a StatementContext<'a>) -> Self {
        let mut tokens = Vec::new();
        let mut cut = None;
        for token in Lexer::new(text, &context.dialect).code() {
            match token {
                Ok(_) if tokens.len() == MAX_TOKENS => {
                    cut = Some(format!("the statement has more than {MAX_TOKENS} tokens"));
                    break;
                }
                Ok(token) => tokens.push(token),
                Err(error) => cut = Some(LexError::to_string(&error)),
            }
        }
        Self { text, tokens, at: 0, cut, context }
    }

    pub(crate) fn peek(&self) -> Option<Token<'a>> {
        self.peek_at(0)
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).copied()
    }

    pub(crate) fn bump(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// Whether the statement ends here; a semicolon ends it, too.
    pub(crate) fn at_end(&self) -> bool {
        self.peek().is_none_or(|token| token.is_operator(";")) && self.cut.is_none()
    }

    /// Whether an element of a list ends here.
    pub(crate) fn at_element_end(&self) -> bool {
        self.at_end() || self.at_operator(",") || self.at_operator(")")
    }

    pub(crate) fn at_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    pub(crate) fn at_any_word(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| token.is_any_word(words))
    }

    pub(crate) fn at_operator(&self, operator: &str) -> bool {
        self.peek().is_some_and(|token| token.is_operator(operator))
    }

    /// Takes these words if they are next, all or none.
    pub(crate) fn eat_words(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let all = next.len() >= words.len()
            && words.iter().zip(next).all(|(word, token)| token.is_word(word));
        if all {
            self.at += words.len();
        }
        all
    }

    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        self.eat_words(&[word])
    }

    /// Takes one of these words if it is next.
    pub(crate) fn eat_any_word(&mut self, words: &[&str]) -> bool {
        let eaten = self.at_any_word(words);
        self.at += usize::from(eaten);
        eaten
    }

    pub(crate) fn eat_operator(&mut self, operator: &str) -> bool {
        let eaten = self.at_operator(operator);
        self.at += usize::from(eaten);
        eaten
    }

    pub(crate) fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    pub(crate) fn expect_operator(&mut self, operator: &str) -> Parsed<()> {
        if self.eat_operator(operator) { Ok(()) } else { Err(self.unexpected(operator)) }
    }

    /// IF EXISTS, or a session in which it is implied.
    pub(crate) fn eat_if_exists(&mut self) -> bool {
        self.eat_words(&["IF", "EXISTS"]) || self.context.if_exists
    }

    /// IF NOT EXISTS, likewise.
    pub(crate) fn eat_if_not_exists(&mut self) -> bool {
        self.eat_words(&["IF", "NOT", "EXISTS"]) || self.context.if_exists
    }

    /// The message that something else was needed here.
    pub(crate) fn unexpected(&self, needed: &str) -> String {
        match (self.peek(), &self.cut) {
            (Some(token), _) => {
                let shown = token.bytes.get(..40).unwrap_or(token.bytes);
                format!("needed {needed}, had {} at byte {}", readable(shown), token.start)
            }
            (None, Some(cut)) => format!("needed {needed}, had {cut}"),
            (None, None) => format!("needed {needed}, had the end of the statement"),
        }
    }

    /// A name, in UTF-8.
    pub(crate) fn name(&mut self) -> Parsed<Vec<u8>> {
        let charset = self.context.dialect.charset;
        let Some(name) = self.peek().and_then(|token| token.identifier(charset)) else {
            return Err(self.unexpected("a name"));
        };
        let Some(name) = to_utf8(&name, charset) else {
            return Err(self.unexpected("a name in UTF-8 or a known character set"));
        };
        self.at += 1;
        Ok(name.into_owned())
    }

    /// A name, or a string that stands for one, as constraints and character sets may.
    pub(crate) fn name_or_string(&mut self) -> Parsed<Vec<u8>> {
        match self.peek().and_then(|token| token.string_value(&self.context.dialect)) {
            Some(text) => {
                self.at += 1;
                Ok(text.into_owned())
            }
            None => self.name(),
        }
    }

    /// A table's name, in the default database if it says no other.
    pub(crate) fn table_name(&mut self) -> Parsed<TableName> {
        self.eat_operator(".");
        let first = self.name()?;
        if self.eat_operator(".") {
            return Ok(TableName::new(first, self.name()?));
        }
        Ok(TableName::new(self.context.default_db, first))
    }

    /// A whole number.
    pub(crate) fn number(&mut self) -> Parsed<u64> {
        let number = self
            .peek()
            .filter(|token| token.kind == TokenKind::Number)
            .and_then(|token| std::str::from_utf8(token.bytes).ok()?.parse().ok());
        match number {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => Err(self.unexpected("a number")),
        }
    }

    /// `(…)` up to the bracket that closes it, as it stands in the text, with its brackets.
    pub(crate) fn brackets(&mut self) -> Parsed<&'a [u8]> {
        let start = self.here();
        self.expect_operator("(")?;
        let mut depth = 1usize;
        while depth > 0 {
            match self.bump() {
                Some(token) if token.is_operator("(") => depth += 1,
                Some(token) if token.is_operator(")") => depth -= 1,
                Some(_) => {}
                None => return Err(self.unexpected("a closing bracket")),
            }
        }
        Ok(self.text_since(start))
    }

    /// Passes over what is left of an element of a list.
    pub(crate) fn skip_element(&mut self) -> Parsed<()> {
        while !self.at_element_end() {
            if self.at_operator("(") {
                self.brackets()?;
            } else if self.bump().is_none() {
                return Err(self.unexpected("more"));
            }
        }
        Ok(())
    }

    /// Offset of the current token in the text.
    pub(crate) fn here(&self) -> usize {
        self.peek().map_or(self.text.len(), |token| token.start)
    }

    /// The text from an earlier offset up to the last token taken.
    pub(crate) fn text_since(&self, start: usize) -> &'a [u8] {
        let end =
            self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, Token::end);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Index of the current token, to come back to.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to a token.
    pub(crate) fn rewind(&mut self, position: usize) {
        self.at = position;
    }
}
