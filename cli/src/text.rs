//! Log text on its way to people. Nothing that a log holds reaches a terminal as a command: control
//! characters, and those that turn the direction of writing, are shown by their escapes, whether or
//! not a terminal is listening.

use std::borrow::Cow;
use std::fmt::Write as _;

use encoding_rs::Encoding;
use replay::schema::Charset;

/// Whether a character is shown by its escape: C0, DEL, C1, line and paragraph separators, and the
/// characters that change the direction of text (Unicode's Bidi_Control).
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

/// Text with its unsafe characters escaped: `\n`, `\r`, `\t`, `\0`, `\x1b`, `\u{202e}`.
///
/// Backslashes stay as they are: this is for reading; JSON output is exact.
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    safe_parts(text, |part| out.push_str(part));
    Cow::Owned(out)
}

/// Appends what [`safe`] gives.
pub fn write_safe(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
    } else {
        safe_parts(text, |part| out.extend_from_slice(part.as_bytes()));
    }
}

/// Whether bytes are printable ASCII, which is safe and the same in all character sets but those
/// that have two bytes or four for every character.
#[must_use]
pub fn is_plain(bytes: &[u8]) -> bool {
    // All of them are looked at, so that it takes many at a time.
    bytes.iter().fold(true, |plain, byte| plain & (0x20..0x7F).contains(byte))
}

/// Hands out text piece by piece, unsafe characters by their escapes.
fn safe_parts(text: &str, mut part: impl FnMut(&str)) {
    let (mut given, mut at) = (0, 0);
    // Printable ASCII is passed over by bytes: it is nearly all that there is.
    while let Some(plain) = text.bytes().skip(at).position(|byte| !(0x20..0x7F).contains(&byte))
        && let Some(c) = text.get(at + plain..).and_then(|rest| rest.chars().next())
    {
        at += plain;
        if is_unsafe(c) {
            part(text.get(given..at).unwrap_or_default());
            escape(c, &mut part);
            given = at + c.len_utf8();
        }
        at += c.len_utf8();
    }
    part(text.get(given..).unwrap_or_default());
}

fn escape(c: char, part: &mut impl FnMut(&str)) {
    match c {
        '\n' => part("\\n"),
        '\r' => part("\\r"),
        '\t' => part("\\t"),
        '\0' => part("\\0"),
        c if u32::from(c) < 0x100 => {
            let mut out = String::new();
            push_byte(&mut out, u32::from(c) as u8);
            part(&out);
        }
        c => part(&format!("\\u{{{:x}}}", u32::from(c))),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    let _ = write!(out, "\\x{byte:02x}");
}

/// Bytes of a log, read as characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The characters; a byte that makes none is written as `\xHH`. Not made safe yet.
    pub text: Cow<'a, str>,
    /// Whether every byte made a character, so that `text` is all there is.
    pub exact: bool,
}

/// Reads `bytes` as UTF-8, which is what the servers keep names in.
#[must_use]
pub fn utf8(bytes: &[u8]) -> Decoded<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Decoded { text: Cow::Borrowed(text), exact: true },
        Err(_) => {
            let mut text = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                text.push_str(chunk.valid());
                chunk.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
            }
            Decoded { text: Cow::Owned(text), exact: false }
        }
    }
}

/// Reads `bytes` in the character set of a collation id, as a Query event has it for its client and
/// a table map for a column.
///
/// Bytes that are wrong in that set, and sets that are not known here, fall back to UTF-8.
#[must_use]
pub fn decode(bytes: &[u8], collation: Option<u16>) -> Decoded<'_> {
    match collation.and_then(Charset::of_collation_id) {
        Some(Charset { name: "utf32", .. }) => utf32(bytes),
        Some(charset) => encoding(charset.name)
            .and_then(|set| set.decode_without_bom_handling_and_without_replacement(bytes))
            .map(|text| Decoded { text, exact: true }),
        None => None,
    }
    .unwrap_or_else(|| utf8(bytes))
}

/// Whether ASCII characters are single bytes of the same number in the character set of a collation
/// id.
#[must_use]
pub fn keeps_ascii(collation: Option<u16>) -> bool {
    let charset = collation.and_then(Charset::of_collation_id);
    !charset.is_some_and(|set| matches!(set.name, "ucs2" | "utf16" | "utf16le" | "utf32"))
}

fn utf32(bytes: &[u8]) -> Option<Decoded<'static>> {
    let (characters, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let text: Option<String> =
        characters.iter().map(|bytes| char::from_u32(u32::from_be_bytes(*bytes))).collect();
    Some(Decoded { text: text?.into(), exact: true })
}

/// The encoding of a character set, where it is another than UTF-8 and one that browsers know.
fn encoding(charset: &str) -> Option<&'static Encoding> {
    Some(match charset {
        "big5" => encoding_rs::BIG5,
        "cp1250" => encoding_rs::WINDOWS_1250,
        "cp1251" => encoding_rs::WINDOWS_1251,
        "cp1256" => encoding_rs::WINDOWS_1256,
        "cp1257" => encoding_rs::WINDOWS_1257,
        "cp866" => encoding_rs::IBM866,
        "sjis" | "cp932" => encoding_rs::SHIFT_JIS,
        "ujis" | "eucjpms" => encoding_rs::EUC_JP,
        "euckr" => encoding_rs::EUC_KR,
        "gb18030" => encoding_rs::GB18030,
        "gbk" | "gb2312" => encoding_rs::GBK,
        "greek" => encoding_rs::ISO_8859_7,
        "hebrew" => encoding_rs::ISO_8859_8,
        "koi8r" => encoding_rs::KOI8_R,
        "koi8u" => encoding_rs::KOI8_U,
        "latin1" => encoding_rs::WINDOWS_1252,
        "latin2" => encoding_rs::ISO_8859_2,
        "latin5" => encoding_rs::WINDOWS_1254,
        "latin7" => encoding_rs::ISO_8859_13,
        "macroman" => encoding_rs::MACINTOSH,
        "tis620" => encoding_rs::WINDOWS_874,
        "ucs2" | "utf16" => encoding_rs::UTF_16BE,
        "utf16le" => encoding_rs::UTF_16LE,
        _ => return None,
    })
}

/// Cuts `text` to at most `width` characters, with `…` where something is missing.
#[must_use]
pub fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    if text.len() <= width || text.chars().count() <= width {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(width.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

/// A word as a POSIX shell takes it, for commands that can be pasted. A word with control
/// characters in it, which no quoting makes safe to paste, comes as `$'…'` with escapes.
#[must_use]
pub fn shell_word(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && !word.starts_with('~') && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    if !word.chars().any(is_unsafe) {
        return Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")));
    }
    let mut out = String::from("$'");
    for c in word.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            c if is_unsafe(c) => {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| push_byte(&mut out, byte));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    Cow::Owned(out)
}

/// A set of GTIDs without the line breaks that the server prints in it.
pub fn one_line(set: &impl ToString) -> String {
    set.to_string().replace('\n', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        assert_eq!(safe("DELETE FROM `users`"), "DELETE FROM `users`");
        assert_eq!(safe("a\n\t\x1b[2J\u{9b}31m\x7f\0"), r"a\n\t\x1b[2J\x9b31m\x7f\0");
        assert_eq!(safe("x\u{202E}y\u{2066}z\u{2028}"), r"x\u{202e}y\u{2066}z\u{2028}");
        assert_eq!(safe("naïve — ok"), "naïve — ok");
    }

    #[test]
    fn a_byte_that_is_no_character_is_shown_by_its_number() {
        assert_eq!(utf8(b"ab\xFFc").text, r"ab\xffc");
        assert!(!utf8(b"\xC3").exact);
        assert!(utf8("é".as_bytes()).exact);
    }

    #[test]
    fn a_statement_is_read_in_its_clients_charset() {
        assert_eq!(decode(b"'caf\xE9'", Some(8)).text, "'café'");
        assert_eq!(decode(b"\x83\x5C", Some(13)).text, "ソ");
        assert_eq!(decode(b"\xC4\xE3", Some(28)).text, "你");
        assert_eq!(decode("é".as_bytes(), Some(255)).text, "é");
        assert_eq!(decode(b"ab", Some(35)).text, "慢");
        assert_eq!(decode(b"\0\x01\xF6\0", Some(60)).text, "😀");
        let wrong = decode(b"\x83", Some(13));
        assert_eq!((wrong.text.as_ref(), wrong.exact), (r"\x83", false));
    }

    #[test]
    fn plain_bytes_read_the_same_in_every_character_set_that_keeps_ascii() {
        let plain: Vec<u8> = (0x20..0x7F).collect();
        let text = std::str::from_utf8(&plain).unwrap();
        assert!(
            is_plain(&plain) && !is_plain(b"\x7f") && !is_plain(b"\n") && !is_plain("é".as_bytes())
        );
        for collation in (0..4096).map(Some).chain([None]) {
            let same = decode(&plain, collation) == Decoded { text: text.into(), exact: true };
            assert!(same || !keeps_ascii(collation), "{collation:?}");
        }
        assert!(!keeps_ascii(Some(35)) && !keeps_ascii(Some(60)) && keeps_ascii(Some(255)));
    }

    #[test]
    fn what_is_written_is_what_is_safe() {
        for text in ["plain", "a\u{9b}\u{202E}b\n", "\n", "naïve"] {
            let mut out = vec![];
            write_safe(text, &mut out);
            assert_eq!(out, safe(text).as_bytes());
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shorten("абвгд", 5), "абвгд");
        assert_eq!(shorten("абвгд", 4), "абв…");
        assert_eq!(shorten("ab", 0), "…");
    }

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(shell_word("binlog.000003:4711+12"), "binlog.000003:4711+12");
        assert_eq!(shell_word("it's here"), r"'it'\''s here'");
        assert_eq!(shell_word("a\nb'"), r"$'a\x0ab\''");
        assert_eq!((shell_word(""), shell_word("~")), ("''".into(), "'~'".into()));
    }
}
