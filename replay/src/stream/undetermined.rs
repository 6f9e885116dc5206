//! Statements whose effect their log does not determine: they ask for something that another run,
//! another account or another server answers otherwise. A server logs them as text only in the
//! STATEMENT format, with a warning to its own client.

use memchr::{memchr_iter, memmem};

use crate::sql::{Dialect, Object, StatementHead, StatementVerb, Token, lex_code};

/// Functions without an argument; in parentheses they cannot be a table or a column list.
const WITHOUT_ARGUMENTS: [&str; 9] = [
    "UUID",
    "UUID_SHORT",
    "SYS_GUID",
    "SYSDATE",
    "FOUND_ROWS",
    "ROW_COUNT",
    "USER",
    "SESSION_USER",
    "SYSTEM_USER",
];

/// Functions with arguments.
const WITH_ARGUMENTS: [&str; 5] = ["SYSDATE", "RANDOM_BYTES", "LOAD_FILE", "UUID_V4", "UUID_V7"];

/// Words that are functions even without parentheses.
const WORDS: [&str; 2] = ["CURRENT_USER", "CURRENT_ROLE"];

/// Words behind which a name stands, not a function.
const BEFORE_NAMES: [&str; 9] =
    ["INTO", "FROM", "JOIN", "UPDATE", "TABLE", "INSERT", "REPLACE", "IGNORE", "AS"];

/// The function by which a statement is undetermined, if there is one.
pub(super) fn undetermined(
    text: &[u8],
    dialect: &Dialect,
    head: &StatementHead,
) -> Option<&'static str> {
    if !may_depend(head) || !may_call(text) {
        return None;
    }
    let tokens = lex_code(text, dialect).ok()?;
    // A table that is made is filled only by a query, whose words come behind its columns.
    let from = match head.verb {
        StatementVerb::Create if head.object == Object::Table => {
            tokens.iter().position(|token| token.is_word("SELECT"))?
        }
        _ => 0,
    };
    (from..tokens.len()).find_map(|at| function(&tokens, at))
}

/// Whether one of the functions may stand in a text: of nearly all, no token has to be read.
fn may_call(text: &[u8]) -> bool {
    // Such a comment may stand between a function and its parenthesis, and hold either.
    if memmem::find(text, b"/*").is_some() {
        return true;
    }
    let ends_as = |at: usize, name: &str| {
        let start = at.checked_sub(name.len());
        let word = start.and_then(|start| text.get(start..at));
        word.is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    let named = |parenthesis: usize| {
        let before = text.get(..parenthesis).unwrap_or_default();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let Some(last) = before.iter().rposition(|byte| !is_space(byte)) else { return false };
        let function = |name: &&str| ends_as(last + 1, name);
        // The line before may be a comment; and a byte beyond ASCII, a space.
        before[last..].contains(&b'\n')
            || !before[last].is_ascii()
            || WITHOUT_ARGUMENTS.iter().any(function)
            || WITH_ARGUMENTS.iter().any(function)
    };
    memchr_iter(b'(', text).any(named) || memchr_iter(b'_', text).any(|at| ends_as(at, "CURRENT"))
}

/// Whether a statement reads or writes anything when it runs: definitions do so later.
fn may_depend(head: &StatementHead) -> bool {
    use StatementVerb::*;
    match head.verb {
        Select | Insert | Replace | Update | Delete | Load | Call | Do | Grant | Revoke
        | SetPassword | Set => true,
        Create => matches!(head.object, Object::Table | Object::User | Object::Role),
        Alter | Drop | Rename => matches!(head.object, Object::User | Object::Role),
        _ => false,
    }
}

fn function(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let token = tokens.get(at)?;
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    if before.is_some_and(|before| before.is_operator(".") || before.is_any_word(&BEFORE_NAMES)) {
        return None;
    }
    let named = |names: &[&'static str]| names.iter().copied().find(|name| token.is_word(name));
    if let Some(name) = named(&WORDS) {
        return Some(name);
    }
    if !tokens.get(at + 1)?.is_operator("(") {
        return None;
    }
    match tokens.get(at + 2)?.is_operator(")") {
        true => named(&WITHOUT_ARGUMENTS),
        false => named(&WITH_ARGUMENTS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;
    use crate::sql::statement::head;
    use proptest::prelude::*;

    fn of(text: &str) -> Option<&'static str> {
        let dialect = Dialect::new(Family::Mysql, 90700);
        undetermined(text.as_bytes(), &dialect, &head(text.as_bytes(), &dialect))
    }

    #[test]
    fn functions_are_found() {
        assert_eq!(of("INSERT INTO t VALUES (uuid())"), Some("UUID"));
        assert_eq!(of("UPDATE t SET a = SYSDATE(6)"), Some("SYSDATE"));
        assert_eq!(of("DELETE FROM t WHERE u = CURRENT_USER"), Some("CURRENT_USER"));
        assert_eq!(of("GRANT SELECT ON a.* TO CURRENT_USER()"), Some("CURRENT_USER"));
        assert_eq!(of("CREATE TABLE t (a INT) SELECT UUID() a"), Some("UUID"));
        assert_eq!(of("INSERT INTO t VALUES (LOAD_FILE('/a'))"), Some("LOAD_FILE"));
        for comment in ["/* ( */", "# x\n", "-- (\n ", "/*!50000 */"] {
            let text = format!("INSERT INTO t VALUES (UUID {comment}())");
            assert_eq!(of(&text), Some("UUID"), "{text}");
        }
        // In latin1, 0xA0 is a space.
        let text = b"INSERT INTO t VALUES (UUID\xA0())";
        let latin1 = Dialect::new(Family::Mysql, 90700).with_client_collation(8);
        assert_eq!(undetermined(text, &latin1, &head(text, &latin1)), Some("UUID"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        #[test]
        fn whatever_calls_a_function_may_call_one(
            pieces in prop::collection::vec(
                prop::sample::select(&[
                    "uuid", "USER", "load_file", "Current_User", "(", ")", " ", "\n", "\u{b}", "1", ",",
                    "'", "/**/", "/*! */", "-- \n", "#\n", ".", "`", "$", "é", "VALUES", "@",
                ][..]),
                0..8,
            ),
        ) {
            let text = format!("INSERT INTO t {}", pieces.concat());
            if of(&text).is_some() {
                prop_assert!(may_call(text.as_bytes()), "{text}");
            }
            let dialect = Dialect::new(Family::Mysql, 90700);
            let tokens = lex_code(text.as_bytes(), &dialect).unwrap_or_default();
            if (0..tokens.len()).any(|at| function(&tokens, at).is_some()) {
                prop_assert!(may_call(text.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn names_and_definitions_are_not() {
        for text in [
            "INSERT INTO user (a) VALUES (1)",
            "INSERT INTO uuid () VALUES ()",
            "UPDATE t SET user = 1 WHERE t.user = 2",
            "INSERT INTO t VALUES ('UUID()', `uuid`)",
            "CREATE TABLE t (a VARCHAR(36) DEFAULT (UUID()))",
            "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = UUID()",
            "CREATE VIEW v AS SELECT CURRENT_USER()",
            "INSERT INTO t SELECT db.user() FROM x",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
