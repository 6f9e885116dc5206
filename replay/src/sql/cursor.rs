//! A place in the code tokens of a statement, with the small steps that reading a grammar takes.

use std::borrow::Cow;

use super::charset::ClientCharset;
use super::token::Token;

/// A table as a statement names it, in the statement's character set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The database: written, or else the session's default; `None` when there was neither.
    pub database: Option<Vec<u8>>,
    /// The table; empty when the statement concerns the whole database.
    pub table: Vec<u8>,
}

impl TableName {
    /// The same name, with the default database where none was written.
    pub fn or_database(mut self, default_db: &[u8]) -> Self {
        if self.database.is_none() && !default_db.is_empty() {
            self.database = Some(default_db.to_vec());
        }
        self
    }
}

/// Walks over tokens; every look beyond the end is `None`.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    charset: ClientCharset,
}

impl<'t, 'a> Cursor<'t, 'a> {
    /// Starts at the first token.
    pub fn new(tokens: &'t [Token<'a>], charset: ClientCharset) -> Self {
        Self { tokens, at: 0, charset }
    }

    /// Index of the current token.
    pub fn position(&self) -> usize {
        self.at
    }

    /// The same tokens, at another index.
    pub fn at_position(&self, position: usize) -> Self {
        Self { at: position, ..*self }
    }

    /// The current token.
    pub fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    /// The token `ahead` of the current one.
    pub fn peek_at(&self, ahead: usize) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at.saturating_add(ahead))
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Takes the current token.
    pub fn bump(&mut self) -> Option<&'t Token<'a>> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Whether the current token is this word.
    pub fn at_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.is_word(word))
    }

    /// Whether the current token is one of these words.
    pub fn at_any_word(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| token.is_any_word(words))
    }

    /// Whether the current token is this operator.
    pub fn at_operator(&self, operator: &str) -> bool {
        self.peek().is_some_and(|token| token.is_operator(operator))
    }

    /// Takes this word if it is next.
    pub fn eat_word(&mut self, word: &str) -> bool {
        self.eat_words(&[word])
    }

    /// Takes these words if they are next, all or none.
    pub fn eat_words(&mut self, words: &[&str]) -> bool {
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let all = next.len() >= words.len()
            && words.iter().zip(next).all(|(word, token)| token.is_word(word));
        if all {
            self.at += words.len();
        }
        all
    }

    /// Takes any number of these words, in any order.
    pub fn skip_any_words(&mut self, words: &[&str]) {
        while self.at_any_word(words) {
            self.at += 1;
        }
    }

    /// Takes this operator if it is next.
    pub fn eat_operator(&mut self, operator: &str) -> bool {
        let eaten = self.at_operator(operator);
        self.at += usize::from(eaten);
        eaten
    }

    /// Moves behind the bracket that closes the one at the cursor, or to the end.
    pub fn skip_parenthesised(&mut self) {
        let mut depth = 0usize;
        while let Some(token) = self.bump() {
            if token.is_operator("(") {
                depth += 1;
            } else if token.is_operator(")") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return;
                }
            }
        }
    }

    /// Moves to the first of these words outside brackets (and not part of a name), or to a
    /// closing bracket that has no opening one, or to the end; true when it is at a word.
    pub fn seek_word(&mut self, words: &[&str]) -> bool {
        while let Some(token) = self.peek() {
            if token.is_operator("(") {
                self.skip_parenthesised();
                continue;
            }
            if token.is_operator(")") {
                return false;
            }
            if token.is_any_word(words) && !self.follows_dot() {
                return true;
            }
            self.at += 1;
        }
        false
    }

    /// Whether the current token is the rest of a name such as `t.where`.
    pub fn follows_dot(&self) -> bool {
        self.at
            .checked_sub(1)
            .and_then(|before| self.tokens.get(before))
            .is_some_and(|token| token.is_operator("."))
    }

    /// Takes a name.
    pub fn name(&mut self) -> Option<Cow<'a, [u8]>> {
        let name = self.peek()?.identifier(self.charset)?;
        self.at += 1;
        Some(name)
    }

    /// Takes `table`, `database.table` or `.table`; leaves a following `.*` alone.
    pub fn table_name(&mut self) -> Option<TableName> {
        let start = self.at;
        self.eat_operator(".");
        let Some(first) = self.name() else {
            self.at = start;
            return None;
        };
        let mut table = TableName { database: None, table: first.into_owned() };
        let more = self.at_operator(".") && self.peek_at(1).is_some_and(Token::is_identifier);
        if more {
            self.at += 1;
            if let Some(second) = self.name() {
                table.database = Some(std::mem::replace(&mut table.table, second.into_owned()));
            }
        }
        Some(table)
    }

    /// Takes `a, b.c, …`; empty when there is no name.
    pub fn table_names(&mut self) -> Vec<TableName> {
        let mut names = Vec::new();
        while let Some(name) = self.table_name() {
            names.push(name);
            if !self.eat_operator(",") {
                break;
            }
        }
        names
    }

    /// Takes IF EXISTS or IF NOT EXISTS.
    pub fn skip_if_exists(&mut self) {
        let _ = self.eat_words(&["IF", "NOT", "EXISTS"]) || self.eat_words(&["IF", "EXISTS"]);
    }

    /// Whether an opening bracket at the cursor starts a query rather than a list or a join.
    ///
    /// Looks through a few more opening brackets only: a text may hold a million of them.
    pub fn at_subquery(&self) -> bool {
        const LOOK_AHEAD: usize = 16;
        let next = self.tokens.get(self.at..).unwrap_or_default();
        let inner = next.iter().take(LOOK_AHEAD).find(|token| !token.is_operator("("));
        self.at_operator("(")
            && inner.is_some_and(|t| t.is_any_word(&["SELECT", "WITH", "VALUES", "TABLE"]))
    }

    /// The tokens from an earlier position up to the cursor.
    pub fn since(&self, start: usize) -> &'t [Token<'a>] {
        self.tokens.get(start..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Family, lex_code};

    #[test]
    fn clauses_are_found_outside_brackets_and_names_only() {
        let dialect = Dialect::new(Family::Mysql, 80036);
        let tokens = lex_code(b"a (b WHERE c) t.where WHERE d", &dialect).unwrap();
        let mut cursor = Cursor::new(&tokens, dialect.charset);
        assert!(cursor.seek_word(&["WHERE"]));
        assert_eq!(cursor.position(), tokens.len() - 2);
    }

    #[test]
    fn table_names_of_every_form() {
        let dialect = Dialect::new(Family::Mysql, 80036);
        let tokens = lex_code(b"`a``b`.c, d , .e, f.* x", &dialect).unwrap();
        let mut cursor = Cursor::new(&tokens, dialect.charset);
        let names = cursor.table_names();
        assert_eq!(names.len(), 4);
        assert_eq!(names[0].database.as_deref(), Some(&b"a`b"[..]));
        assert_eq!(names[2].table, b"e");
        assert_eq!(names[3].clone().or_database(b"s").database.unwrap(), b"s");
        assert!(cursor.at_operator("."));
    }
}
