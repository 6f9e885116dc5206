//! The operands of a condition: literals, columns, calls, arithmetic.

use std::borrow::Cow;

use super::condition::{Folded, Folder};
use super::constant::Value;
use super::cursor::Cursor;
use super::dialect::Dialect;
use super::token::{Token, TokenKind};

/// Brackets and unary operators that may stand inside each other; deeper text is not folded.
const MAX_DEPTH: usize = 64;

/// Reads operands from the tokens of a condition.
pub(super) struct Operands<'t, 'a> {
    cursor: Cursor<'t, 'a>,
    dialect: Dialect,
    depth: usize,
    gave_up: bool,
}

/// Binary operators and how strongly they bind (sql_yacc.yy); `||` only under PIPES_AS_CONCAT.
const BINARY: [(&str, u8); 14] = [
    ("|", 1),
    ("&", 2),
    ("<<", 3),
    (">>", 3),
    ("+", 4),
    ("-", 4),
    ("*", 5),
    ("/", 5),
    ("%", 5),
    ("DIV", 5),
    ("MOD", 5),
    ("^", 6),
    ("||", 7),
    (":=", 1),
];

impl<'t, 'a> Operands<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>], dialect: &Dialect) -> Self {
        Self {
            cursor: Cursor::new(tokens, dialect.charset),
            dialect: *dialect,
            depth: 0,
            gave_up: false,
        }
    }

    /// Everything was read and understood.
    pub(super) fn is_finished(&self) -> bool {
        self.cursor.is_at_end() && !self.gave_up
    }

    /// Marks the condition as not understood.
    pub(super) fn give_up(&mut self) -> Folded<'t, 'a> {
        self.gave_up = true;
        Folded::unknown()
    }

    pub(super) fn pipes_as_concat(&self) -> bool {
        self.dialect.pipes_as_concat
    }

    pub(super) fn high_not_precedence(&self) -> bool {
        self.dialect.high_not_precedence
    }

    pub(super) fn position(&self) -> usize {
        self.cursor.position()
    }

    pub(super) fn since(&self, start: usize) -> &'t [Token<'a>] {
        self.cursor.since(start)
    }

    pub(super) fn peek(&self) -> Option<&'t Token<'a>> {
        self.cursor.peek()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&'t Token<'a>> {
        self.cursor.peek_at(ahead)
    }

    pub(super) fn bump(&mut self) -> Option<&'t Token<'a>> {
        self.cursor.bump()
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.cursor.at_word(word)
    }

    pub(super) fn at_any_word(&self, words: &[&str]) -> bool {
        self.cursor.at_any_word(words)
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.cursor.eat_word(word)
    }

    pub(super) fn at_operator(&self, operator: &str) -> bool {
        self.cursor.at_operator(operator)
    }

    pub(super) fn eat_operator(&mut self, operator: &str) -> bool {
        self.cursor.eat_operator(operator)
    }

    pub(super) fn at_subquery(&self) -> bool {
        self.cursor.at_subquery()
    }

    pub(super) fn skip_parenthesised(&mut self) {
        self.cursor.skip_parenthesised();
    }

    /// Goes one bracket deeper; false at the limit.
    pub(super) fn enter(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Operands joined by operators that bind at least as strongly as `weakest`.
    pub(super) fn arithmetic(folder: &mut Folder<'t, 'a>, weakest: u8) -> Folded<'t, 'a> {
        let mut left = Self::unary(folder);
        while let Some((operator, strength)) = folder.operands.binary_operator() {
            if strength < weakest {
                break;
            }
            folder.operands.bump();
            let right = Self::arithmetic(folder, strength + 1);
            left = Folded::value(calculate(operator, &left.value, &right.value));
        }
        left
    }

    fn binary_operator(&self) -> Option<(&'static str, u8)> {
        let token = self.peek()?;
        let found =
            BINARY.iter().find(|(name, _)| token.is_operator(name) || token.is_word(name))?;
        (found.0 != "||" || self.dialect.pipes_as_concat).then_some(*found)
    }

    /// Signs and `!` before an operand.
    fn unary(folder: &mut Folder<'t, 'a>) -> Folded<'t, 'a> {
        let mut signs = Vec::new();
        while let Some(token) = folder.operands.peek() {
            let high_not = folder.operands.high_not_precedence() && token.is_word("NOT");
            let sign = ["-", "+", "~", "!"].into_iter().find(|sign| token.is_operator(sign));
            let Some(sign) = sign.or(high_not.then_some("!")) else {
                break;
            };
            signs.push(sign);
            folder.operands.bump();
        }
        let mut folded = Self::primary(folder);
        if folder.operands.eat_suffixes() {
            folded = Folded::unknown();
        }
        for sign in signs.into_iter().rev() {
            folded = match (sign, &folded.value) {
                ("+", _) => folded,
                ("!", _) => Folded::condition(folded.outcomes.not()),
                ("-", Value::Integer(number)) => Folded::value(checked(number.checked_neg())),
                ("-", Value::Float(number)) => Folded::value(Value::Float(-number)),
                (_, Value::Null) => Folded::value(Value::Null),
                _ => Folded::unknown(),
            };
        }
        folded
    }

    /// A literal, a column, a call or a bracket.
    fn primary(folder: &mut Folder<'t, 'a>) -> Folded<'t, 'a> {
        let operands = &mut folder.operands;
        let Some(token) = operands.peek() else {
            return operands.give_up();
        };
        if token.is_operator("(") {
            return Self::bracket(folder);
        }
        if token.is_operator("{") {
            // {d '2026-01-01'}: an ODBC literal.
            while operands.bump().is_some_and(|token| !token.is_operator("}")) {}
            return Folded::unknown();
        }
        match token.kind {
            TokenKind::Word if token.is_word("CASE") => operands.case(),
            TokenKind::Word | TokenKind::QuotedIdentifier => operands.word(),
            TokenKind::String | TokenKind::Introducer => operands.text(),
            TokenKind::Number => {
                operands.bump();
                Folded::value(number(token.bytes))
            }
            TokenKind::Operator if token.is_operator("\\N") => {
                operands.bump();
                Folded::value(Value::Null)
            }
            TokenKind::Operator if !token.is_operator("?") => operands.give_up(),
            _ => {
                operands.bump();
                Folded::unknown()
            }
        }
    }

    fn bracket(folder: &mut Folder<'t, 'a>) -> Folded<'t, 'a> {
        if folder.operands.at_subquery() {
            folder.operands.skip_parenthesised();
            return Folded::unknown();
        }
        if !folder.operands.enter() {
            // Moves on, so that the loops above come to an end.
            folder.operands.skip_parenthesised();
            return folder.operands.give_up();
        }
        folder.operands.bump();
        let mut folded = folder.or_expression();
        while folder.operands.eat_operator(",") {
            folder.or_expression();
            folded = Folded::unknown();
        }
        folder.operands.leave();
        if !folder.operands.eat_operator(")") {
            return folder.operands.give_up();
        }
        folded
    }

    /// A bare word: a constant, a column, a call, or a word that introduces more.
    fn word(&mut self) -> Folded<'t, 'a> {
        let start = self.position();
        let Some(token) = self.bump() else {
            return self.give_up();
        };
        if self.at_operator("(") {
            self.skip_parenthesised();
            // MATCH (…) AGAINST (…); a window function's OVER (…).
            if self.at_any_word(&["AGAINST", "OVER"]) {
                self.bump();
                self.skip_parenthesised();
            }
            return Folded::unknown();
        }
        if self.at_operator(".") {
            while self.eat_operator(".") {
                self.bump();
            }
            if self.at_operator("(") {
                self.skip_parenthesised();
                return Folded::unknown();
            }
            return Folded::column(self.since(start));
        }
        if token.is_word("TRUE") {
            return Folded::value(Value::Integer(1));
        }
        if token.is_word("FALSE") {
            return Folded::value(Value::Integer(0));
        }
        if token.is_word("NULL") {
            return Folded::value(Value::Null);
        }
        if token.is_any_word(&["BINARY", "DATE", "TIME", "TIMESTAMP", "INTERVAL", "EXISTS"]) {
            return self.introduced(start);
        }
        Folded::column(self.since(start))
    }

    /// `DATE '2026-01-01'`, `BINARY x`, `INTERVAL 1 DAY`; or a column of that name.
    fn introduced(&mut self, start: usize) -> Folded<'t, 'a> {
        let literal = self.peek().is_some_and(|token| {
            matches!(token.kind, TokenKind::String | TokenKind::Number | TokenKind::Introducer)
        });
        let intro = self.cursor.at_position(start);
        if literal {
            self.bump();
            if intro.at_word("INTERVAL") {
                self.bump();
            }
            return Folded::unknown();
        }
        if intro.at_any_word(&["BINARY", "INTERVAL", "EXISTS"]) {
            // An expression of its own, which is not worth following.
            return self.give_up();
        }
        Folded::column(self.since(start))
    }

    /// A string, with an introducer or not; strings side by side are one.
    fn text(&mut self) -> Folded<'t, 'a> {
        if self.peek().is_some_and(|t| t.kind == TokenKind::Introducer) {
            self.bump();
        }
        let mut text: Option<Cow<'a, [u8]>> = None;
        while let Some(part) = self.peek().and_then(|t| t.string_value(&self.dialect)) {
            self.bump();
            text = Some(match text {
                None => part,
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.extend_from_slice(&part);
                    Cow::Owned(joined)
                }
            });
        }
        match text {
            Some(text) => Folded::value(Value::Text(text)),
            None => {
                self.bump();
                Folded::unknown()
            }
        }
    }

    /// CASE … END, which is not folded.
    fn case(&mut self) -> Folded<'t, 'a> {
        let mut depth = 0usize;
        while let Some(token) = self.bump() {
            if token.is_word("CASE") {
                depth += 1;
            } else if token.is_word("END") {
                depth -= 1;
                if depth == 0 {
                    return Folded::unknown();
                }
            }
        }
        self.give_up()
    }

    /// Takes `COLLATE name` and `-> '$.path'`; true when a path made another value of it.
    fn eat_suffixes(&mut self) -> bool {
        let mut path = false;
        loop {
            let arrow = self.at_operator("->") || self.at_operator("->>");
            if !arrow && !self.at_word("COLLATE") {
                return path;
            }
            path |= arrow;
            self.bump();
            self.bump();
        }
    }
}

fn number(text: &[u8]) -> Value<'static> {
    let Ok(text) = std::str::from_utf8(text) else {
        return Value::Unknown;
    };
    if let Ok(integer) = text.parse() {
        return Value::Integer(integer);
    }
    text.parse().map_or(Value::Unknown, Value::Float)
}

fn calculate(operator: &str, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    match (operator, left, right) {
        // Division by zero is NULL, an overflow an error: neither is worth knowing.
        (":=", _, _) => Value::Unknown,
        (_, Value::Null, Value::Null | Value::Integer(_) | Value::Float(_)) => Value::Null,
        (_, Value::Integer(_) | Value::Float(_), Value::Null) => Value::Null,
        ("+", Value::Integer(a), Value::Integer(b)) => checked(a.checked_add(*b)),
        ("-", Value::Integer(a), Value::Integer(b)) => checked(a.checked_sub(*b)),
        ("*", Value::Integer(a), Value::Integer(b)) => checked(a.checked_mul(*b)),
        _ => Value::Unknown,
    }
}

fn checked(number: Option<i128>) -> Value<'static> {
    number.map_or(Value::Unknown, Value::Integer)
}
