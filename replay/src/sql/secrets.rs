//! Passwords out of statement text that is shown to people. MariaDB logs CREATE USER and SET
//! PASSWORD in clear; MySQL logs hashes, which are worth as much to a guesser.

use std::borrow::Cow;

use super::dialect::Dialect;
use super::lexer::Lexer;
use super::token::{Token, TokenKind};

/// What stands in a secret's place.
const MASK: &[u8] = b"'***'";

/// The text with every password, hash and key in it replaced by `'***'`.
///
/// Masked are the strings behind IDENTIFIED BY, IDENTIFIED WITH … AS and VIA … USING, those of SET
/// PASSWORD, behind every name that ends in `password` and an equals sign or a bracket
/// (MASTER_PASSWORD, PASSWORD('x')), and a CONNECTION string. Only for showing: a replay sends the
/// text as it is.
pub fn mask_secrets<'a>(text: &'a [u8], dialect: &Dialect) -> Cow<'a, [u8]> {
    if holds_none(text) {
        return Cow::Borrowed(text);
    }
    let mut masker = Masker { state: State::Start, identified: false, pending: false };
    let mut out = Vec::new();
    let mut copied = 0;
    for token in Lexer::new(text, dialect).code() {
        match token {
            Ok(token) if masker.is_secret(&token) => {
                out.extend_from_slice(text.get(copied..token.start).unwrap_or_default());
                out.extend_from_slice(MASK);
                copied = token.end();
            }
            Ok(_) => {}
            // What does not lex may hide anything in a statement that is known to hold secrets.
            Err(error) if masker.is_account_statement() || masker.pending => {
                out.extend_from_slice(text.get(copied..error.offset).unwrap_or_default());
                out.extend_from_slice(MASK);
                return Cow::Owned(out);
            }
            Err(_) => break,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Words of which one stands before every secret.
const BEFORE_SECRETS: [&[u8]; 4] = [b"password", b"connection", b"identified", b"via"];

/// Whether a text certainly has no secret, without the lexer: it begins as traffic does, which deals
/// with no accounts, and none of the words before secrets is anywhere in it.
fn holds_none(text: &[u8]) -> bool {
    const TRAFFIC: [&[u8]; 6] = [b"INSERT", b"UPDATE", b"DELETE", b"REPLACE", b"SELECT", b"COMMIT"];
    let begins = |word: &&[u8]| {
        text.split_at_checked(word.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(word)
                && rest.first().is_none_or(|byte| byte.is_ascii_whitespace())
        })
    };
    TRAFFIC.iter().any(begins) && !holds_word_before_secrets(text)
}

fn holds_word_before_secrets(text: &[u8]) -> bool {
    let at = |start: usize, word: &[u8]| {
        text.get(start..start + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
    };
    text.iter().enumerate().any(|(start, byte)| {
        matches!(byte | 0x20, b'p' | b'c' | b'i' | b'v')
            && BEFORE_SECRETS.iter().any(|word| at(start, word))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first word.
    Start,
    /// Behind a first SET.
    Set,
    /// In SET PASSWORD before the equals sign.
    SetPassword,
    /// In SET PASSWORD behind it: every string is a secret.
    SetPasswordValue,
    /// In a statement that deals with accounts.
    Account,
    /// In any other statement.
    Other,
}

struct Masker {
    state: State,
    /// IDENTIFIED or VIA was read, so that AS and USING lead to a secret.
    identified: bool,
    /// The next string is a secret.
    pending: bool,
}

impl Masker {
    fn is_account_statement(&self) -> bool {
        !matches!(self.state, State::Other | State::Start)
    }

    /// Reads the next token; true when it is a secret.
    fn is_secret(&mut self, token: &Token<'_>) -> bool {
        if matches!(token.kind, TokenKind::String | TokenKind::HexLiteral | TokenKind::DollarString)
        {
            let pending = std::mem::take(&mut self.pending);
            return pending || self.state == State::SetPasswordValue;
        }
        self.advance(token);
        self.identified |= token.is_any_word(&["IDENTIFIED", "VIA"]);
        let leads_to_secret = is_password_name(token)
            || token.is_word("CONNECTION")
            || self.identified && token.is_any_word(&["BY", "AS", "USING", "REPLACE"]);
        let may_stand_between = token.kind == TokenKind::Introducer
            || ["=", ":=", "("].iter().any(|sign| token.is_operator(sign));
        self.pending = leads_to_secret || self.pending && may_stand_between;
        false
    }

    fn advance(&mut self, token: &Token<'_>) {
        const ACCOUNT_WORDS: [&str; 9] =
            ["CREATE", "ALTER", "GRANT", "CHANGE", "START", "RENAME", "DROP", "REVOKE", "MASTER"];
        self.state = match self.state {
            State::Start if token.is_word("SET") => State::Set,
            State::Start if token.is_any_word(&ACCOUNT_WORDS) => State::Account,
            State::Start => State::Other,
            State::Set if token.is_word("PASSWORD") => State::SetPassword,
            State::Set => State::Other,
            State::SetPassword if token.is_operator("=") || token.is_word("TO") => {
                State::SetPasswordValue
            }
            state => state,
        };
    }
}

/// `PASSWORD`, `MASTER_PASSWORD`, `` `user_password` `` and their like.
fn is_password_name(token: &Token<'_>) -> bool {
    let name = match token.kind {
        TokenKind::Word => token.bytes,
        TokenKind::QuotedIdentifier => token.bytes.split_last().map_or(token.bytes, |(_, n)| n),
        _ => return false,
    };
    name.len() >= 8
        && name.get(name.len() - 8..).is_some_and(|end| end.eq_ignore_ascii_case(b"password"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Family;

    fn masked(text: &str) -> String {
        let dialect = Dialect::new(Family::Mariadb, 101106);
        String::from_utf8(mask_secrets(text.as_bytes(), &dialect).into_owned()).unwrap()
    }

    #[test]
    fn passwords_and_hashes_are_masked_and_names_are_not() {
        let cases = [
            (
                "CREATE USER 'a'@'%' IDENTIFIED BY 'x', b IDENTIFIED BY PASSWORD '*9' REQUIRE ISSUER 'c'",
                "CREATE USER 'a'@'%' IDENTIFIED BY '***', b IDENTIFIED BY PASSWORD '***' REQUIRE ISSUER 'c'",
            ),
            (
                "ALTER USER 'a' IDENTIFIED WITH 'caching_sha2_password' AS '$A$x' COMMENT 'hi'",
                "ALTER USER 'a' IDENTIFIED WITH 'caching_sha2_password' AS '***' COMMENT 'hi'",
            ),
            (
                "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('x') OR unix_socket",
                "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('***') OR unix_socket",
            ),
            (
                "SET PASSWORD FOR 'a'@'b' = PASSWORD('x')",
                "SET PASSWORD FOR 'a'@'b' = PASSWORD('***')",
            ),
            ("SET PASSWORD='*1'", "SET PASSWORD='***'"),
            (
                "GRANT ALL ON *.* TO 'a'@'b' IDENTIFIED /* by */ BY 'x'",
                "GRANT ALL ON *.* TO 'a'@'b' IDENTIFIED /* by */ BY '***'",
            ),
            (
                "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='x'",
                "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='***'",
            ),
            (
                "CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='mysql://u:p@h/d/t'",
                "CREATE TABLE t (a INT) ENGINE=FEDERATED CONNECTION='***'",
            ),
            (
                "UPDATE mysql.user SET `Password`=PASSWORD('x') WHERE user='a'",
                "UPDATE mysql.user SET `Password`=PASSWORD('***') WHERE user='a'",
            ),
            (
                "ALTER USER a IDENTIFIED BY 'n' REPLACE 'o'",
                "ALTER USER a IDENTIFIED BY '***' REPLACE '***'",
            ),
        ];
        for (text, wanted) in cases {
            assert_eq!(masked(text), wanted);
        }
    }

    #[test]
    fn traffic_with_a_secret_in_it_is_no_mere_traffic() {
        for text in [
            "UPDATE u SET hash = Password('x')",
            "INSERT INTO u SET `my_password`='x'",
            "insert into u /* via */ values (1)",
            "SELECT identified",
            "SET PASSWORD='x'",
            "CREATE TABLE t (a INT)",
            "/* a */ INSERT INTO t VALUES (1)",
            "INSERTS",
        ] {
            assert!(!holds_none(text.as_bytes()), "{text}");
        }
        for text in ["UPDATE t SET a = 'x'", "insert into t values (1)", "COMMIT"] {
            assert!(holds_none(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_text_is_borrowed_and_broken_text_is_cut() {
        let dialect = Dialect::new(Family::Mysql, 80036);
        let text = b"UPDATE t SET a = 'by' WHERE b = 'x'";
        assert!(matches!(mask_secrets(text, &dialect), Cow::Borrowed(_)));
        assert_eq!(
            masked("CREATE USER a IDENTIFIED BY 'secret"),
            "CREATE USER a IDENTIFIED BY '***'"
        );
    }
}
