//! The texts that need no reading: a day's traffic is mostly INSERT, BEGIN and COMMIT.

/// Statements that destroy nothing whatever follows their first word.
const HARMLESS: [&str; 12] = [
    "INSERT",
    "BEGIN",
    "COMMIT",
    "REPLACE",
    "SELECT",
    "SAVEPOINT",
    "ROLLBACK",
    "RELEASE",
    "LOAD",
    "XA",
    "DO",
    "VALUES",
];

/// Whether a text may be worth a look. True when in doubt: executable comments, brackets, WITH and
/// what this file does not know are left to the lexer.
pub(super) fn may_matter(text: &[u8]) -> bool {
    let text = behind_comments(text);
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(letters);
    let harmless = HARMLESS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    // `insert_x` is another word, and MariaDB's BEGIN NOT ATOMIC has statements in it.
    let whole = rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'(');
    let compound = word.eq_ignore_ascii_case(b"BEGIN") && !rest.is_empty();
    !harmless || !whole || compound
}

/// Whether a text changes rows by itself, which are then in no rows event.
pub(super) fn is_dml(text: &[u8]) -> bool {
    let text = behind_comments(text);
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = text.get(..letters).unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Skips spaces, and the comments that are comments to every server.
fn behind_comments(mut text: &[u8]) -> &[u8] {
    loop {
        text = text.trim_ascii_start();
        let Some(comment) = text.strip_prefix(b"/*") else { return text };
        if comment.starts_with(b"!") || comment.starts_with(b"M!") {
            return text;
        }
        match memchr::memmem::find(comment, b"*/") {
            Some(end) => text = comment.get(end + 2..).unwrap_or_default(),
            None => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_passed_over_and_doubt_is_not() {
        for text in [
            "INSERT INTO t VALUES (1)",
            "insert\ninto t values (1)",
            "BEGIN",
            "COMMIT",
            "/* app: shop */ /* x */\n INSERT INTO t SELECT 1",
            "XA START X'61'",
            "VALUES(1)",
        ] {
            assert!(!may_matter(text.as_bytes()), "{text}");
        }
        for text in [
            "DELETE FROM t",
            "/*!50000 DELETE FROM t */",
            "/*M! DELETE FROM t */",
            "/* x */ DELETE FROM t",
            "-- x\nDELETE FROM t",
            "(DELETE",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "BEGIN NOT ATOMIC DELETE FROM t; END",
            "/* INSERT",
            "SET STATEMENT x=1 FOR DELETE FROM t",
            "INSERT/*!*/",
            "",
        ] {
            assert!(may_matter(text.as_bytes()), "{text}");
        }
    }
}
