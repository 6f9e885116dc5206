//! Comparisons: what they yield, and which two of them leave no third way.

use std::cmp::Ordering;

use super::condition::Folded;
use super::constant::{Outcomes, Value};
use super::token::{Token, TokenKind};

/// A comparison between two stretches of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relation<'t, 'a> {
    pub(super) kind: Comparison,
    pub(super) left: &'t [Token<'a>],
    pub(super) right: &'t [Token<'a>],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    NullSafeEqual,
    NotNullSafeEqual,
    IsNull,
    IsNotNull,
}

impl Comparison {
    pub(super) fn negated(self) -> Self {
        use Comparison::*;
        match self {
            Equal => NotEqual,
            NotEqual => Equal,
            Less => GreaterOrEqual,
            GreaterOrEqual => Less,
            Greater => LessOrEqual,
            LessOrEqual => Greater,
            NullSafeEqual => NotNullSafeEqual,
            NotNullSafeEqual => NullSafeEqual,
            IsNull => IsNotNull,
            IsNotNull => IsNull,
        }
    }

    pub(super) fn of(token: &Token<'_>) -> Option<Self> {
        let operators = [
            ("=", Self::Equal),
            ("<>", Self::NotEqual),
            ("!=", Self::NotEqual),
            ("<", Self::Less),
            ("<=", Self::LessOrEqual),
            (">", Self::Greater),
            (">=", Self::GreaterOrEqual),
            ("<=>", Self::NullSafeEqual),
        ];
        operators
            .iter()
            .find(|(operator, _)| token.is_operator(operator))
            .map(|(_, comparison)| *comparison)
    }

    /// What a known order of both sides makes of it.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal | Self::NullSafeEqual | Self::IsNull => order == Ordering::Equal,
            Self::NotEqual | Self::NotNullSafeEqual | Self::IsNotNull => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
        }
    }
}

impl<'t, 'a> Relation<'t, 'a> {
    pub(super) fn negated(self) -> Self {
        Self { kind: self.kind.negated(), ..self }
    }

    /// What `self OR other` is when one says the opposite of the other.
    pub(super) fn or(&self, other: &Self) -> Option<Outcomes> {
        let opposite = self.kind == other.kind.negated()
            && same_tokens(self.left, other.left)
            && same_tokens(self.right, other.right);
        let never_null = matches!(
            self.kind,
            Comparison::IsNull
                | Comparison::IsNotNull
                | Comparison::NullSafeEqual
                | Comparison::NotNullSafeEqual
        );
        opposite.then_some(if never_null { Outcomes::TRUE } else { Outcomes::TRUE_OR_NULL })
    }
}

/// Whether two stretches of text are the same but for the case of words.
fn same_tokens(left: &[Token<'_>], right: &[Token<'_>]) -> bool {
    // A function need not return the same twice.
    let calls = |tokens: &[Token<'_>]| tokens.iter().any(|t| t.is_operator("("));
    left.len() == right.len()
        && !calls(left)
        && left.iter().zip(right).all(|(a, b)| same_token(a, b))
}

fn same_token(left: &Token<'_>, right: &Token<'_>) -> bool {
    if !(left.is_identifier() && right.is_identifier()) {
        return left.bytes == right.bytes;
    }
    bare(left).eq_ignore_ascii_case(bare(right))
}

/// A name without its quotes.
fn bare<'a>(token: &Token<'a>) -> &'a [u8] {
    match token.bytes {
        [_, name @ .., _] if token.kind == TokenKind::QuotedIdentifier => name,
        name => name,
    }
}

/// The outcomes of a comparison.
pub(super) fn compare(
    comparison: Comparison,
    left: &Folded<'_, '_>,
    right: &Folded<'_, '_>,
) -> Outcomes {
    let null_safe = comparison == Comparison::NullSafeEqual;
    match (&left.value, &right.value) {
        (Value::Null, Value::Null) if null_safe => return Outcomes::TRUE,
        (Value::Null, Value::Unknown) | (Value::Unknown, Value::Null) if null_safe => {
            return Outcomes::TRUE_OR_FALSE;
        }
        (Value::Null, _) | (_, Value::Null) if null_safe => return Outcomes::FALSE,
        (Value::Null, _) | (_, Value::Null) => return Outcomes::NULL,
        _ => {}
    }
    if let (Some(left), Some(right)) = (left.column, right.column)
        && same_tokens(left, right)
    {
        return match (null_safe, comparison.holds(Ordering::Equal)) {
            (true, _) => Outcomes::TRUE,
            (false, true) => Outcomes::TRUE_OR_NULL,
            (false, false) => Outcomes::FALSE_OR_NULL,
        };
    }
    if left.value == Value::Unknown || right.value == Value::Unknown {
        return Outcomes::ANY;
    }
    match left.value.compare(&right.value) {
        Ok(order) => Outcomes::of(comparison.holds(order)),
        Err(Some(false)) => match comparison {
            Comparison::Equal | Comparison::NullSafeEqual => Outcomes::FALSE,
            Comparison::NotEqual | Comparison::NotNullSafeEqual => Outcomes::TRUE,
            _ => Outcomes::TRUE_OR_FALSE,
        },
        Err(_) => Outcomes::TRUE_OR_FALSE,
    }
}
