//! Texts that clients pass on as they are, told at first sight: nearly all of an application's. What
//! is not so plain is read with care by [`super::client`].

use memchr::{memchr2, memchr3};

use super::dialect::Dialect;

/// What a byte outside of quotes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It stands for itself, for server and client.
    Plain,
    Newline,
    Quote,
    /// A comment begins, or ends, with two of such bytes.
    Paired,
    /// More has to be looked at.
    Doubtful,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Doubtful; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b' ' | b'\t' => Class::Plain,
            b'(' | b')' | b',' | b'.' | b'=' | b'<' | b'>' | b'!' | b'+' => Class::Plain,
            b'%' | b'&' | b'|' | b'^' | b'~' | b'@' | b':' | b'?' => Class::Plain,
            b'-' | b'/' | b'*' => Class::Paired,
            b'\n' => Class::Newline,
            b'\'' | b'"' | b'`' => Class::Quote,
            _ => Class::Doubtful,
        };
        byte += 1;
    }
    classes
};

/// Whether a text is certainly one statement that clients pass on as it is, with any delimiter that has
/// a `;` in it. Of others it says nothing.
pub(super) fn is_harmless(text: &[u8], dialect: &Dialect) -> bool {
    if dialect.charset.is_dangerous() || may_be_command(text) {
        return false;
    }
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = &text[at + 1..];
        let passed = match CLASSES[usize::from(byte)] {
            Class::Plain => rest.iter().take_while(|byte| is_plain(**byte)).count(),
            Class::Newline if !may_be_command(rest) => 0,
            Class::Paired if !rest.first().is_some_and(|next| is_paired(*next)) => 0,
            Class::Quote if !is_literal_of_digits(text, at) => match quoted(byte, rest, dialect) {
                Some(length) => length,
                None => return false,
            },
            _ => return false,
        };
        at += 1 + passed;
    }
    true
}

fn is_plain(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == Class::Plain
}

fn is_paired(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == Class::Paired
}

/// Whether the client may take a line for its command `delimiter`. It compares with its collation, in
/// which an accented letter may be equal.
fn may_be_command(line: &[u8]) -> bool {
    let first = line.iter().find(|byte| !matches!(byte, b'\t' | b'\n' | 11..=13 | b' '));
    first.is_some_and(|first| matches!(first, b'd' | b'D' | 0x80..))
}

/// Whether the quote at `at` may be of `x'…'` or `b'…'`, which hold digits alone.
fn is_literal_of_digits(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    before.is_some_and(|before| matches!(before, b'x' | b'X' | b'b' | b'B'))
}

/// Bytes up to and with the closing quote, if nothing before it needs more than a look.
fn quoted(quote: u8, rest: &[u8], dialect: &Dialect) -> Option<usize> {
    let mut at = 0;
    loop {
        let inside = rest.get(at..)?;
        at += memchr3(quote, b'\\', b'\n', inside)?;
        match rest.get(at)? {
            b'\n' if !may_be_command(&rest[at + 1..]) => at += 1,
            b'\\' if quote == b'\'' && dialect.no_backslash_escapes => at += 1,
            b'\\' if quote == b'\'' => {
                let escaped = rest.get(at + 1)?;
                if matches!(escaped, b'\n' | 0) {
                    return None;
                }
                at += 2;
            }
            byte if *byte == quote => break,
            _ => return None,
        }
    }
    // A client cuts its line at a NUL in a comment alone, but which are comments is not looked for.
    memchr2(0, b'\r', &rest[..at]).is_none().then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::client::client_safe_with_care;
    use super::super::dialect::Family;
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

    #[test]
    fn traffic_is_harmless_and_doubt_is_not() {
        let dialect = Dialect::new(Family::Mysql, 90700);
        for text in [
            "INSERT INTO t (a, `b;c`) VALUES (1, 'it''s -- \\' ; # all', \"x\"), (-1.5, 2/3*4, 'd')",
            "UPDATE t\n  SET a = a + 1 WHERE id = @x AND b <=> 'é\nf'",
        ] {
            assert!(is_harmless(text.as_bytes(), &dialect), "{text}");
        }
        for text in [
            "SELECT 1; SELECT 2",
            "SELECT 1 -- x",
            "SELECT 1 /* x */",
            "SELECT 1 # x",
            "SELECT 'a",
            "SELECT x'1G'",
            "SELECT \\N",
            "delimiter x",
            "SELECT 1,\n delimiter",
            "SELECT \"a\\\"\"",
            "SELECT é",
            "SELECT 'a\\\nb'",
            "SELECT 'a\\",
        ] {
            assert!(!is_harmless(text.as_bytes(), &dialect), "{text}");
        }
    }

    /// What texts are made of.
    fn piece() -> impl Strategy<Value = String> {
        const PARTS: &[&str] = &[
            "SELECT",
            " ",
            "a",
            "x",
            "b",
            "N",
            "n",
            "1",
            ".",
            "..",
            "'",
            "'",
            "''",
            "\"",
            "`",
            "\\",
            "\\'",
            "\\n",
            "\n",
            "\n\t",
            "delimiter",
            "DELIMITER ",
            "--",
            "-- ",
            "-",
            "/",
            "/*",
            "*/",
            "*",
            "/*!",
            "/*+",
            "#",
            ";",
            "$$",
            "$",
            "@",
            "@@",
            "0x",
            "é",
            "\u{a0}",
            "\r",
            "\0",
            "[",
            "]",
            "{",
            "|",
            "(",
            ")",
            ",",
            "=",
            "!",
            "M!",
            "\u{c}",
        ];
        prop::sample::select(PARTS).prop_map(str::to_owned)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_harmless_passes_as_it_is(
            pieces in prop::collection::vec(piece(), 0..12),
            (mysql, version) in (any::<bool>(), prop::sample::select(&[50_000, 80_100, 90_700, 110_800][..])),
            sql_mode in prop::sample::select(&[0u64, 4, 1 << 20, 4 | 1 << 20, 1 << 10][..]),
            collation in prop::sample::select(&[8u16, 28, 33, 45, 255][..]),
        ) {
            let text = pieces.concat().into_bytes();
            let family = if mysql { Family::Mysql } else { Family::Mariadb };
            let dialect = Dialect::new(family, version).with_sql_mode(sql_mode);
            let dialect = dialect.with_client_collation(collation);
            if is_harmless(&text, &dialect) {
                let safe = client_safe_with_care(&text, &dialect, b"/*!*/;");
                prop_assert!(matches!(&safe, Ok(Cow::Borrowed(same)) if *same == text), "{safe:?}");
            }
        }
    }
}
