//! Whether a text is one statement.

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::lexer::{LexError, Lexer};
use super::statement::{Object, StatementVerb, read_head};
use super::token::Token;

/// Whether the text lexes and is exactly one statement, a trailing `;` allowed.
pub fn is_single_statement(text: &[u8], dialect: &Dialect) -> bool {
    matches!(second_statement(text, dialect), Ok(None))
}

/// The offset of a second statement, if there is one.
///
/// A server logs one statement at a time, so a `;` can only end it. The bodies of stored programs
/// and of MariaDB's compound statements hold statements of their own: in these every `;` is fine.
pub fn second_statement(text: &[u8], dialect: &Dialect) -> Result<Option<usize>, LexError> {
    let mut ended = false;
    let mut offset = None;
    for token in Lexer::new(text, dialect).code() {
        let token: Token<'_> = token?;
        if token.is_operator(";") {
            ended = true;
        } else if ended {
            offset.get_or_insert(token.start);
        }
    }
    Ok(offset.filter(|_| !has_body(text, dialect)))
}

fn has_body(text: &[u8], dialect: &Dialect) -> bool {
    let tokens: Vec<_> = Lexer::new(text, dialect)
        .code()
        .map_while(Result::ok)
        .take_while(|token| !token.is_operator(";"))
        .collect();
    let head = read_head(&mut Cursor::new(&tokens, dialect.charset));
    match head.verb {
        StatementVerb::Compound => true,
        StatementVerb::Create | StatementVerb::Alter => head.object == Object::StoredProgram,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;

    #[test]
    fn one_statement_and_no_more() {
        let dialect = Dialect::new(Family::Mariadb, 101106);
        let single = |text: &str| is_single_statement(text.as_bytes(), &dialect);
        assert!(single("DELETE FROM t"));
        assert!(single("DELETE FROM t;  -- done"));
        assert!(single("SELECT ';' -- ; x\n"));
        assert!(single("# Dum"));
        assert!(!single("DELETE FROM t; DROP TABLE t"));
        assert!(!single("BEGIN; DROP TABLE t"));
        assert!(!single("SELECT 'a"));
    }

    #[test]
    fn bodies_hold_statements() {
        let dialect = Dialect::new(Family::Mariadb, 101106);
        let single = |text: &str| is_single_statement(text.as_bytes(), &dialect);
        assert!(single("CREATE DEFINER=`a`@`%` PROCEDURE p() BEGIN SELECT 1; SELECT 2; END"));
        assert!(single(
            "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW IF 1 THEN SET @a=1; END IF"
        ));
        assert!(single("ALTER EVENT e DO BEGIN SELECT 1; SELECT 2; END"));
        assert!(single("BEGIN NOT ATOMIC SELECT 1; SELECT 2; END"));
        assert!(!single("CREATE TABLE t (a INT); DROP TABLE t"));
    }
}
