//! Constant values as the servers compare them, and the outcomes that a condition may have.

use std::borrow::Cow;
use std::cmp::Ordering;

/// The outcomes that a condition may have over the rows of a table: a set of true, false, NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcomes(u8);

impl Outcomes {
    pub(super) const TRUE: Self = Self(1);
    pub(super) const FALSE: Self = Self(2);
    pub(super) const NULL: Self = Self(4);
    pub(super) const TRUE_OR_NULL: Self = Self(5);
    pub(super) const FALSE_OR_NULL: Self = Self(6);
    pub(super) const TRUE_OR_FALSE: Self = Self(3);
    pub(super) const ANY: Self = Self(7);

    pub(super) fn of(truth: bool) -> Self {
        if truth { Self::TRUE } else { Self::FALSE }
    }

    pub(super) fn may_be(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The outcomes that are in both sets; `self` when there is none.
    pub(super) fn and_also(self, other: Self) -> Self {
        match self.0 & other.0 {
            0 => self,
            both => Self(both),
        }
    }

    fn members(self) -> impl Iterator<Item = Option<bool>> {
        let all = [(Self::TRUE, Some(true)), (Self::FALSE, Some(false)), (Self::NULL, None)];
        all.into_iter().filter(move |(set, _)| self.may_be(*set)).map(|(_, value)| value)
    }

    fn from_member(value: Option<bool>) -> Self {
        value.map_or(Self::NULL, Self::of)
    }

    /// Applies a three-valued operator to every pair of outcomes.
    pub(super) fn combine(
        self,
        other: Self,
        operator: fn(Option<bool>, Option<bool>) -> Option<bool>,
    ) -> Self {
        let mut set = 0;
        for left in self.members() {
            for right in other.members() {
                set |= Self::from_member(operator(left, right)).0;
            }
        }
        Self(set)
    }

    pub(super) fn not(self) -> Self {
        self.combine(Self::TRUE, |value, _| value.map(|truth| !truth))
    }
}

/// SQL's OR.
pub(super) fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// SQL's AND.
pub(super) fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// SQL's XOR.
pub(super) fn xor(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    Some(left? != right?)
}

/// A value, as far as it is known without the data.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i128),
    Float(f64),
    Text(Cow<'a, [u8]>),
    /// A column, a function, a variable, a subquery.
    Unknown,
}

impl Value<'_> {
    /// What the value is as a condition.
    pub(super) fn outcomes(&self) -> Outcomes {
        match self {
            Self::Null => Outcomes::NULL,
            Self::Unknown => Outcomes::ANY,
            Self::Integer(number) => Outcomes::of(*number != 0),
            other => Outcomes::of(other.number() != 0.0),
        }
    }

    /// The value as a number; text counts as far as its start is a number, as in the servers.
    fn number(&self) -> f64 {
        match self {
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => leading_number(text),
            Self::Null | Self::Unknown => 0.0,
        }
    }

    /// How two known, not-null values compare; `Err` holds what is known about equality alone,
    /// for the order of text is its collation's business.
    pub(super) fn compare(&self, other: &Self) -> Result<Ordering, Option<bool>> {
        match (self, other) {
            (Self::Null | Self::Unknown, _) | (_, Self::Null | Self::Unknown) => Err(None),
            (Self::Integer(left), Self::Integer(right)) => Ok(left.cmp(right)),
            (Self::Text(left), Self::Text(right)) if left == right => Ok(Ordering::Equal),
            (Self::Text(left), Self::Text(right)) => Err(surely_differ(left, right)),
            (left, right) => left.number().partial_cmp(&right.number()).ok_or(None),
        }
    }
}

/// `Some(false)` when no collation holds the two texts for equal.
fn surely_differ(left: &[u8], right: &[u8]) -> Option<bool> {
    // Other bytes may be accents, ligatures or characters without weight.
    let plain = |text: &[u8]| text.iter().all(|b| b.is_ascii_alphanumeric());
    (plain(left) && plain(right) && !left.eq_ignore_ascii_case(right)).then_some(false)
}

fn leading_number(text: &[u8]) -> f64 {
    let text = text.trim_ascii_start();
    let mut end = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    end += digits(end);
    if text.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        match digits(end + 1 + sign) {
            0 => {}
            count => end += 1 + sign + count,
        }
    }
    text.get(..end)
        .and_then(|prefix| std::str::from_utf8(prefix).ok())
        .and_then(|prefix| prefix.parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value<'_> {
        Value::Text(Cow::Borrowed(value.as_bytes()))
    }

    #[test]
    fn text_is_a_number_as_far_as_it_goes() {
        assert_eq!(text("12abc").number(), 12.0);
        assert_eq!(text(" -1.5e2x").number(), -150.0);
        assert_eq!(text("abc").outcomes(), Outcomes::FALSE);
        assert_eq!(text("1").outcomes(), Outcomes::TRUE);
    }

    #[test]
    fn texts_compare_only_where_every_collation_agrees() {
        assert_eq!(text("a").compare(&text("a")), Ok(Ordering::Equal));
        assert_eq!(text("a").compare(&text("A")), Err(None));
        assert_eq!(text("a").compare(&text("b")), Err(Some(false)));
        assert_eq!(text("a").compare(&text("a ")), Err(None));
        assert_eq!(text("1").compare(&Value::Integer(1)), Ok(Ordering::Equal));
    }

    #[test]
    fn three_valued_operators() {
        let any = Outcomes::ANY;
        assert_eq!(Outcomes::TRUE.combine(any, or), Outcomes::TRUE);
        assert_eq!(Outcomes::FALSE.combine(any, and), Outcomes::FALSE);
        assert_eq!(Outcomes::NULL.combine(Outcomes::TRUE, xor), Outcomes::NULL);
        assert_eq!(Outcomes::TRUE_OR_NULL.not(), Outcomes::FALSE_OR_NULL);
    }
}
