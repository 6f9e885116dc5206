//! Whether a condition holds for every row, found without any data.
//!
//! A small parser for the servers' expression grammar (sql_yacc.yy, `expr` and `bool_pri`) folds
//! what is constant and takes everything else as "may be true, false or NULL". It never guesses:
//! what it does not know [`Truth::Depends`] on the rows.

use super::comparison::{Comparison, Relation, compare};
use super::constant::{Outcomes, Value, and, or, xor};
use super::dialect::Dialect;
use super::operand::Operands;
use super::token::Token;

/// For which rows a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// For all.
    AlwaysTrue,
    /// For all but those where the column in it is NULL: `id = id`, `name LIKE '%'`.
    TrueUnlessNull,
    /// For none: `1 = 0`.
    NeverTrue,
    /// It depends on the rows, or it cannot be told from the text.
    Depends,
}

/// Folds the tokens of a condition.
pub fn fold(tokens: &[Token<'_>], dialect: &Dialect) -> Truth {
    let mut folder = Folder { operands: Operands::new(tokens, dialect) };
    let folded = folder.or_expression();
    if !folder.operands.is_finished() {
        return Truth::Depends;
    }
    match folded.outcomes {
        Outcomes::TRUE => Truth::AlwaysTrue,
        Outcomes::TRUE_OR_NULL => Truth::TrueUnlessNull,
        outcomes if !outcomes.may_be(Outcomes::TRUE) => Truth::NeverTrue,
        _ => Truth::Depends,
    }
}

/// Comparisons of one chain of ORs that each later one is held against.
const MAX_RELATIONS: usize = 64;

/// A part of an expression, folded.
#[derive(Debug, Clone)]
pub(super) struct Folded<'t, 'a> {
    pub(super) value: Value<'a>,
    pub(super) outcomes: Outcomes,
    /// It is a column and nothing else: these are its tokens.
    pub(super) column: Option<&'t [Token<'a>]>,
    /// What was compared, so that `a < b OR a >= b` can be seen.
    relation: Option<Relation<'t, 'a>>,
}

impl<'t, 'a> Folded<'t, 'a> {
    pub(super) fn value(value: Value<'a>) -> Self {
        Self { outcomes: value.outcomes(), value, column: None, relation: None }
    }

    pub(super) fn column(tokens: &'t [Token<'a>]) -> Self {
        Self { column: Some(tokens), ..Self::value(Value::Unknown) }
    }

    pub(super) fn unknown() -> Self {
        Self::value(Value::Unknown)
    }

    /// A condition; its value is 1, 0 or NULL where only one is possible.
    pub(super) fn condition(outcomes: Outcomes) -> Self {
        let value = match outcomes {
            Outcomes::TRUE => Value::Integer(1),
            Outcomes::FALSE => Value::Integer(0),
            Outcomes::NULL => Value::Null,
            _ => Value::Unknown,
        };
        Self { value, outcomes, column: None, relation: None }
    }

    fn negated(self) -> Self {
        Self {
            relation: self.relation.map(Relation::negated),
            ..Self::condition(self.outcomes.not())
        }
    }
}

/// Reads conditions; the operands between them are [`Operands`]' work.
pub(super) struct Folder<'t, 'a> {
    pub(super) operands: Operands<'t, 'a>,
}

impl<'t, 'a> Folder<'t, 'a> {
    pub(super) fn or_expression(&mut self) -> Folded<'t, 'a> {
        let mut left = self.xor_expression();
        let mut relations = Vec::from_iter(left.relation);
        loop {
            let pipes = self.operands.at_operator("||") && !self.operands.pipes_as_concat();
            if !pipes && !self.operands.at_word("OR") {
                return left;
            }
            self.operands.bump();
            let right = self.xor_expression();
            let mut outcomes = left.outcomes.combine(right.outcomes, or);
            if let Some(relation) = right.relation {
                if let Some(pair) = relations.iter().find_map(|other| other.or(&relation)) {
                    outcomes = outcomes.and_also(pair);
                }
                if relations.len() < MAX_RELATIONS {
                    relations.push(relation);
                }
            }
            left = Folded::condition(outcomes);
        }
    }

    fn xor_expression(&mut self) -> Folded<'t, 'a> {
        let mut left = self.and_expression();
        while self.operands.eat_word("XOR") {
            let right = self.and_expression();
            left = Folded::condition(left.outcomes.combine(right.outcomes, xor));
        }
        left
    }

    fn and_expression(&mut self) -> Folded<'t, 'a> {
        let mut left = self.not_expression();
        while self.operands.at_word("AND") || self.operands.at_operator("&&") {
            self.operands.bump();
            let right = self.not_expression();
            left = Folded::condition(left.outcomes.combine(right.outcomes, and));
        }
        left
    }

    fn not_expression(&mut self) -> Folded<'t, 'a> {
        let mut negate = false;
        while !self.operands.high_not_precedence() && self.operands.eat_word("NOT") {
            negate = !negate;
        }
        let folded = self.predicates();
        if negate { folded.negated() } else { folded }
    }

    /// An operand and the comparisons behind it, from left to right.
    fn predicates(&mut self) -> Folded<'t, 'a> {
        let start = self.operands.position();
        let mut left = Operands::arithmetic(self, 0);
        loop {
            let left_tokens = self.operands.since(start);
            let Some(token) = self.operands.peek() else {
                return left;
            };
            if let Some(comparison) = Comparison::of(token) {
                self.operands.bump();
                left = self.compared(comparison, left, left_tokens);
                continue;
            }
            if self.operands.eat_word("IS") {
                left = self.is_test(left, left_tokens);
                continue;
            }
            let negate = token.is_word("NOT");
            let keyword = self.operands.peek_at(usize::from(negate));
            let Some(keyword) = keyword.filter(|t| t.is_any_word(&PREDICATES)) else {
                return left;
            };
            if negate {
                self.operands.bump();
            }
            self.operands.bump();
            let folded = self.predicate(keyword, left);
            left = if negate { folded.negated() } else { folded };
        }
    }

    fn compared(
        &mut self,
        comparison: Comparison,
        left: Folded<'t, 'a>,
        left_tokens: &'t [Token<'a>],
    ) -> Folded<'t, 'a> {
        let start = self.operands.position();
        if self.operands.at_any_word(&["ALL", "ANY", "SOME"]) {
            self.operands.bump();
        }
        let right = Operands::arithmetic(self, 0);
        let outcomes = compare(comparison, &left, &right);
        Folded {
            relation: Some(Relation {
                kind: comparison,
                left: left_tokens,
                right: self.operands.since(start),
            }),
            ..Folded::condition(outcomes)
        }
    }

    /// `IS [NOT] NULL | TRUE | FALSE | UNKNOWN`.
    fn is_test(&mut self, left: Folded<'t, 'a>, tokens: &'t [Token<'a>]) -> Folded<'t, 'a> {
        let negate = self.operands.eat_word("NOT");
        let wanted = match self.operands.bump() {
            Some(word) if word.is_any_word(&["NULL", "UNKNOWN"]) => Outcomes::NULL,
            Some(word) if word.is_word("TRUE") => Outcomes::TRUE,
            Some(word) if word.is_word("FALSE") => Outcomes::FALSE,
            _ => return self.operands.give_up(),
        };
        let outcomes = match left.outcomes {
            set if set == wanted => Outcomes::TRUE,
            set if !set.may_be(wanted) => Outcomes::FALSE,
            _ => Outcomes::TRUE_OR_FALSE,
        };
        let relation = (wanted == Outcomes::NULL).then_some(Relation {
            kind: Comparison::IsNull,
            left: tokens,
            right: &[],
        });
        let folded = Folded { relation, ..Folded::condition(outcomes) };
        if negate { folded.negated() } else { folded }
    }

    /// LIKE, IN, BETWEEN, REGEXP and the rest, their keyword taken.
    fn predicate(&mut self, keyword: &Token<'_>, left: Folded<'t, 'a>) -> Folded<'t, 'a> {
        if keyword.is_word("IN") {
            return self.in_list(&left);
        }
        if keyword.is_word("MEMBER") {
            self.operands.eat_word("OF");
            Operands::arithmetic(self, 0);
            return Folded::unknown();
        }
        let right = Operands::arithmetic(self, 0);
        if keyword.is_word("BETWEEN") {
            if !self.operands.eat_word("AND") {
                return self.operands.give_up();
            }
            let high = Operands::arithmetic(self, 0);
            let above = compare(Comparison::GreaterOrEqual, &left, &right);
            let below = compare(Comparison::LessOrEqual, &left, &high);
            return Folded::condition(above.combine(below, and));
        }
        if self.operands.eat_word("ESCAPE") {
            Operands::arithmetic(self, 0);
            return Folded::unknown();
        }
        let matches_all = match &right.value {
            Value::Text(pattern) if keyword.is_word("LIKE") => {
                !pattern.is_empty() && pattern.iter().all(|b| *b == b'%')
            }
            Value::Text(pattern) if keyword.is_any_word(&["REGEXP", "RLIKE"]) => {
                matches!(pattern.as_ref(), b".*" | b"^" | b"^.*")
            }
            _ => false,
        };
        Folded::condition(match (matches_all, &left.value) {
            (_, Value::Null) => Outcomes::NULL,
            (true, Value::Unknown) => Outcomes::TRUE_OR_NULL,
            (true, _) => Outcomes::TRUE,
            (false, _) => Outcomes::ANY,
        })
    }

    fn in_list(&mut self, left: &Folded<'t, 'a>) -> Folded<'t, 'a> {
        if self.operands.at_subquery() {
            self.operands.skip_parenthesised();
            return Folded::unknown();
        }
        if !self.operands.eat_operator("(") || !self.operands.enter() {
            return self.operands.give_up();
        }
        let mut outcomes = Outcomes::FALSE;
        loop {
            let element = self.or_expression();
            outcomes = outcomes.combine(compare(Comparison::Equal, left, &element), or);
            if !self.operands.eat_operator(",") {
                break;
            }
        }
        self.operands.leave();
        if !self.operands.eat_operator(")") {
            return self.operands.give_up();
        }
        Folded::condition(outcomes)
    }
}

/// Keywords of the comparisons that are words.
const PREDICATES: [&str; 7] = ["LIKE", "IN", "BETWEEN", "REGEXP", "RLIKE", "MEMBER", "SOUNDS"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Family, lex_code};
    use Truth::*;

    fn truth_in(text: &str, dialect: &Dialect) -> Truth {
        fold(&lex_code(text.as_bytes(), dialect).unwrap(), dialect)
    }

    fn truth(text: &str) -> Truth {
        truth_in(text, &Dialect::new(Family::Mysql, 80036))
    }

    #[test]
    fn constant_conditions_are_seen_through() {
        for text in [
            "1",
            "TRUE",
            "NOT 0",
            "!0",
            "1=1",
            "1 = 1 = 1",
            "'a'='a'",
            "2 > 1",
            "1 AND 1",
            "(1)",
            "((1=1))",
            "1 OR x",
            "x OR 1=1",
            "x || 1",
            "NOT (1=0)",
            "1 IN (2, 1)",
            "'' IN ('')",
            "1 BETWEEN 0 AND 2",
            "NULL IS NULL",
            "1 IS NOT NULL",
            "1 <=> 1",
            "'abc' LIKE '%'",
            "'1'",
            "'1' = 1",
            "1+1 = 2",
            "2 * 3 > 5",
            "1 XOR 0",
            "-1",
            "id IS NULL OR id IS NOT NULL",
            "(id IS NULL) OR NOT (id IS NULL)",
            "a IS NULL OR b = 1 OR a IS NOT NULL",
            "id <=> `id`",
            "5 != 4",
            "'a' <> 'b'",
            "0 OR (0 OR (1))",
            "1.5",
            "(1=1 AND (2=2 OR f(x)))",
            "'a' 'b' = 'ab'",
        ] {
            assert_eq!(truth(text), AlwaysTrue, "{text}");
        }
    }

    #[test]
    fn some_hold_for_every_row_but_those_with_null() {
        for text in [
            "id = id",
            "t.id >= t.ID",
            "name LIKE '%'",
            "name like '%%'",
            "name REGEXP '.*'",
            "id > 0 OR id <= 0",
            "a = 1 OR x OR a <> 1",
            "`id`=id",
            "1=1 AND id=id",
            "id IN (id)",
        ] {
            assert_eq!(truth(text), TrueUnlessNull, "{text}");
        }
    }

    #[test]
    fn what_holds_for_no_row_is_known_too() {
        for text in ["1=0", "FALSE", "NULL", "1 AND 0", "id <> id", "'a'='b'", "NOT 1", "x AND 0"] {
            assert_eq!(truth(text), NeverTrue, "{text}");
        }
    }

    #[test]
    fn nothing_is_guessed() {
        for text in [
            "id > 0",
            "id >= 0",
            "id = 1",
            "a = b",
            "'a' = 'A'",
            "rand() = rand()",
            "f() OR 0",
            "@a = @a",
            "id IN (SELECT 1)",
            "EXISTS (SELECT 1)",
            "id IS NOT NULL",
            "name LIKE '%a%'",
            "x REGEXP 'a'",
            "CASE WHEN 1 THEN 1 ELSE 0 END",
            "d->'$.a' = d->'$.b'",
            "NOT id",
            "id BETWEEN 1 AND 2",
            "(a, b) = (1, 2)",
            "MATCH (a) AGAINST ('b')",
            "a + 1 = a + 2",
            "d > DATE '2026-01-01'",
            "d > NOW() - INTERVAL 1 DAY",
            "id = 1 OR id = 2",
            "1 = 1 )",
            "a.b.c = 1",
            "1/0",
            "x COLLATE utf8mb4_bin = 'a'",
            "id NOT IN (1)",
            "",
            "=",
            "a = (",
        ] {
            assert_eq!(truth(text), Depends, "{text}");
        }
    }

    #[test]
    fn sql_mode_changes_what_operators_mean() {
        let concat = Dialect::new(Family::Mysql, 80036).with_sql_mode(2);
        assert_eq!(truth_in("x || 1", &concat), Depends);
        let high = Dialect::new(Family::Mysql, 80036).with_sql_mode(1 << 29);
        // (NOT 0) = 1, where the default reads NOT (0 = 1): both true, unlike NOT 1 = 0.
        assert_eq!(truth_in("NOT 2 = 1", &high), NeverTrue);
        assert_eq!(truth("NOT 2 = 1"), AlwaysTrue);
    }

    #[test]
    fn deep_brackets_are_given_up_and_long_lists_are_not() {
        let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(truth(&deep), Depends);
        assert_eq!(truth(&"!".repeat(5000)), Depends);
        assert_eq!(truth(&format!("{}1", "0 OR ".repeat(5000))), AlwaysTrue);
        assert_eq!(truth(&"x IN (".repeat(5000)), Depends);
    }
}
