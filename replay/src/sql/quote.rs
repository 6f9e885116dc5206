//! Names and values as SQL text. Everything is appended to a buffer that the caller keeps, so
//! that a row costs no allocation.

use binlog_parser::digits::{divided, write_unsigned, write_upper_hex};

/// Appends a name in backticks, its own backticks doubled.
///
/// Good under every sql_mode, and for a session whose client character set is utf8, binary or
/// another one without ASCII trail bytes: in sjis the second half of a character may be a backtick.
pub fn quote_identifier(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'`');
    let mut rest = name;
    while let Some(tick) = memchr::memchr(b'`', rest) {
        let (head, tail) = rest.split_at(tick + 1);
        out.extend_from_slice(head);
        out.push(b'`');
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'`');
}

/// Appends `` `database`.`table` ``, or only the table when `database` is empty.
pub fn quote_table(out: &mut Vec<u8>, database: &[u8], table: &[u8]) {
    if !database.is_empty() {
        quote_identifier(out, database);
        out.push(b'.');
    }
    quote_identifier(out, table);
}

/// Appends a byte string as a literal that no sql_mode and no client character set can misread:
/// `0x…`, or `''` when there is nothing (`0x` alone is a name).
pub fn hex_literal(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.is_empty() {
        out.extend_from_slice(b"''");
        return;
    }
    out.extend_from_slice(b"0x");
    push_hex(out, bytes);
}

/// Appends text of a character set: `_charset 0x…`, with ` COLLATE …` when a collation is named.
///
/// The names are written as they are: pass only names from a server's own list, never from a log.
pub fn text_literal(out: &mut Vec<u8>, charset: &str, collation: Option<&str>, bytes: &[u8]) {
    out.push(b'_');
    out.extend_from_slice(charset.as_bytes());
    out.push(b' ');
    hex_literal(out, bytes);
    if let Some(collation) = collation {
        out.extend_from_slice(b" COLLATE ");
        out.extend_from_slice(collation.as_bytes());
    }
}

/// Appends bytes as upper-case hexadecimal digits.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    write_upper_hex(bytes, out);
}

/// Appends an unsigned or signed integer in decimal.
pub fn push_integer(out: &mut Vec<u8>, value: i128) {
    if value < 0 {
        out.push(b'-');
    }
    match u64::try_from(value.unsigned_abs()) {
        Ok(number) => write_unsigned(number, out),
        Err(_) => out.extend_from_slice(value.unsigned_abs().to_string().as_bytes()),
    }
}

/// Appends a DOUBLE. With an exponent it is no DECIMAL; MariaDB before 11 loses the sign of `-0e0`,
/// and keeps that of the text.
pub fn push_double(out: &mut Vec<u8>, value: f64) {
    if value == 0.0 && value.is_sign_negative() {
        out.extend_from_slice(b"'-0e0'");
        return;
    }
    let mut digits = zmij::Buffer::new();
    let digits = digits.format(value);
    let (mantissa, exponent) = divided(digits, b'e').unwrap_or((digits, "0"));
    out.extend_from_slice(mantissa.strip_suffix(".0").unwrap_or(mantissa).as_bytes());
    out.push(b'e');
    out.extend_from_slice(exponent.strip_prefix('+').unwrap_or(exponent).as_bytes());
}

/// Appends text that may stand in a `-- …` comment or on a screen: printable ASCII as it is, every
/// other byte as `\xHH`. No newline, no escape sequence, no comment end (`*/` becomes `*\x2F`) gets
/// through.
pub fn comment_text(out: &mut Vec<u8>, text: &[u8]) {
    let mut before = 0;
    for &byte in text {
        let ends_comment = before == b'*' && byte == b'/';
        if byte.is_ascii_graphic() && byte != b'\\' && !ends_comment || byte == b' ' {
            out.push(byte);
        } else {
            out.extend_from_slice(b"\\x");
            push_hex(out, &[byte]);
        }
        before = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Dialect, Family, lex_code};
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(written(|o| quote_identifier(o, b"a`b``")), "`a``b`````");
        assert_eq!(written(|o| quote_table(o, b"s", b"t")), "`s`.`t`");
        assert_eq!(written(|o| quote_table(o, b"", b"t")), "`t`");
    }

    #[test]
    fn values_are_hexadecimal() {
        assert_eq!(written(|o| hex_literal(o, b"\x00\xFFa")), "0x00FF61");
        assert_eq!(written(|o| hex_literal(o, b"")), "''");
        assert_eq!(
            written(|o| text_literal(o, "utf8mb4", Some("utf8mb4_bin"), b"a")),
            "_utf8mb4 0x61 COLLATE utf8mb4_bin"
        );
    }

    #[test]
    fn integers_of_both_ends_are_exact() {
        for value in [0, -1, i128::from(u64::MAX), i128::from(i64::MIN)] {
            assert_eq!(written(|o| push_integer(o, value)), value.to_string());
        }
    }

    #[test]
    fn comments_cannot_be_left() {
        assert_eq!(
            written(|o| comment_text(o, b"a*/ b\n\\! \x1B[2J \xC3\xA9")),
            "a*\\x2F b\\x0A\\x5C! \\x1B[2J \\xC3\\xA9"
        );
    }

    proptest! {
        #[test]
        fn a_quoted_name_reads_back_as_itself(name in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut out = Vec::new();
            quote_identifier(&mut out, &name);
            for collation in [33, 8] {
                let dialect = Dialect::new(Family::Mysql, 80036).with_client_collation(collation);
                let tokens = lex_code(&out, &dialect).unwrap();
                prop_assert_eq!(tokens.len(), 1);
                let back = tokens[0].identifier(dialect.charset).unwrap();
                prop_assert_eq!(back.as_ref(), name.as_slice());
            }
        }
    }
}
