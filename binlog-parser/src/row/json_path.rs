//! Paths in JSON documents, as the differences between two of them name their places
//! (`json_path.cc`): `$.user."first name"[3]`.

use std::borrow::Cow;

use crate::error::Fault;
use crate::limits;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leg<'a> {
    /// `.key`: the member of an object.
    Member(Cow<'a, [u8]>),
    /// `[3]`: an element of an array.
    Cell {
        /// Counted from the first element, or from the last.
        index: usize,
        /// `[last]` or `[last-3]`.
        from_end: bool,
    },
}

impl Leg<'_> {
    /// Where an array of `length` elements has the cell; `None` if it is none of them.
    pub(super) fn element(&self, length: usize) -> Option<usize> {
        match *self {
            Leg::Cell { index, from_end: false } => (index < length).then_some(index),
            Leg::Cell { index, from_end: true } => length.checked_sub(index)?.checked_sub(1),
            Leg::Member(_) => None,
        }
    }

    /// Where a value is put into an array of `length` elements: beyond its end at the end, before
    /// its start at the start (`Json_array_index`).
    pub(super) fn place(&self, length: usize) -> Option<usize> {
        match *self {
            Leg::Cell { index, from_end: false } => Some(index.min(length)),
            Leg::Cell { from_end: true, .. } => Some(self.element(length).unwrap_or(0)),
            Leg::Member(_) => None,
        }
    }
}

/// The steps of a path.
///
/// # Errors
/// A [`Fault`] if the text is no path to one place, or has more steps than a document is deep.
pub(super) fn parse(path: &[u8]) -> Result<Vec<Leg<'_>>, Fault> {
    let malformed =
        || Fault::value("path of a JSON difference", "a path", String::from_utf8_lossy(path));
    let mut rest = path.strip_prefix(b"$").ok_or_else(malformed)?;
    let mut legs = Vec::new();
    while !rest.is_empty() {
        if legs.len() == limits::JSON_DEPTH {
            let limit = limits::JSON_DEPTH as u64;
            return Err(Fault::limit("steps of a JSON path", limit, limit + 1));
        }
        let (leg, tail) = match rest {
            [b'.', b'"', tail @ ..] => quoted(tail).ok_or_else(malformed)?,
            [b'.', tail @ ..] => plain(tail).ok_or_else(malformed)?,
            [b'[', tail @ ..] => cell(tail).ok_or_else(malformed)?,
            _ => return Err(malformed()),
        };
        legs.push(leg);
        rest = tail;
    }
    Ok(legs)
}

/// A key without quotes, which is an identifier.
fn plain(text: &[u8]) -> Option<(Leg<'_>, &[u8])> {
    let end = text.iter().position(|byte| matches!(byte, b'.' | b'[' | b'*' | b' '));
    let (key, rest) = text.split_at(end.unwrap_or(text.len()));
    (!key.is_empty()).then_some((Leg::Member(Cow::Borrowed(key)), rest))
}

/// A key in quotes, behind the first of them, with the escapes of JSON.
fn quoted(text: &[u8]) -> Option<(Leg<'_>, &[u8])> {
    let end = memchr::memchr2(b'"', b'\\', text)?;
    let (start, rest) = text.split_at(end);
    if let [b'"', rest @ ..] = rest {
        return Some((Leg::Member(Cow::Borrowed(start)), rest));
    }
    let mut key = start.to_vec();
    let mut rest = rest;
    loop {
        match rest {
            [b'"', tail @ ..] => return Some((Leg::Member(Cow::Owned(key)), tail)),
            [b'\\', b'u', tail @ ..] => {
                let (character, tail) = unicode(tail)?;
                key.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = tail;
            }
            [b'\\', escaped, tail @ ..] => {
                key.push(match escaped {
                    b'b' => 0x08,
                    b'f' => 0x0C,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'"' | b'\\' | b'/' => *escaped,
                    _ => return None,
                });
                rest = tail;
            }
            [byte, tail @ ..] => {
                key.push(*byte);
                rest = tail;
            }
            [] => return None,
        }
    }
}

/// The character of `\uXXXX`, or of two that are a surrogate pair, behind the first `\u`.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let (high, rest) = unit(text)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, rest));
    }
    let (low, rest) = unit(rest.strip_prefix(b"\\u")?)?;
    let pair = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    let character = char::decode_utf16(pair).next()?.ok()?;
    Some((character, rest))
}

fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b != b'+'))?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// The cell of an array, behind its bracket.
fn cell(text: &[u8]) -> Option<(Leg<'_>, &[u8])> {
    let end = memchr::memchr(b']', text)?;
    let (inner, rest) = (text.get(..end)?, text.get(end + 1..)?);
    let number = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok()?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (index, from_end) = match inner {
        b"last" => (0, true),
        [b'l', b'a', b's', b't', b'-', digits @ ..] => (number(digits)?, true),
        digits => (number(digits)?, false),
    };
    Some((Leg::Cell { index, from_end }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(key: &str) -> Leg<'_> {
        Leg::Member(Cow::Borrowed(key.as_bytes()))
    }

    #[test]
    fn paths_have_keys_and_cells() {
        assert_eq!(parse(b"$"), Ok(vec![]));
        let cell = |index, from_end| Leg::Cell { index, from_end };
        assert_eq!(parse(b"$.a[12].b"), Ok(vec![member("a"), cell(12, false), member("b")]));
        assert_eq!(parse(b"$[last][last-2]"), Ok(vec![cell(0, true), cell(2, true)]));
        assert_eq!(
            parse(br#"$."".".[x]"."q\"\\\n\u00e9\ud83d\ude00""#),
            Ok(vec![member(""), member(".[x]"), member("q\"\\\n\u{e9}\u{1F600}")])
        );
        for wrong in [
            "",
            "a",
            "$x",
            "$.",
            "$[",
            "$[]",
            "$[-1]",
            "$[x]",
            "$.\"a",
            "$.\"\\u12\"",
            "$.\"\\x\"",
            "$.*",
            "$[*]",
            "$**.a",
            "$.\"\\ud83d\"",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(parse(format!("${}", "[0]".repeat(100)).as_bytes()).is_ok());
        let fault = parse(format!("${}", "[0]".repeat(101)).as_bytes()).unwrap_err();
        assert_eq!(fault.to_string(), "steps of a JSON path: needed at most 100, had 101");
    }

    #[test]
    fn cells_beyond_an_array_are_no_element_and_yet_a_place() {
        for (path, element, place) in [
            ("$[0]", Some(0), 0),
            ("$[3]", None, 3),
            ("$[9]", None, 3),
            ("$[last]", Some(2), 2),
            ("$[last-2]", Some(0), 0),
            ("$[last-3]", None, 0),
        ] {
            let legs = parse(path.as_bytes()).unwrap();
            assert_eq!((legs[0].element(3), legs[0].place(3)), (element, Some(place)), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_a_fault(text in r#"\$[.\["\\a-fu0-9\]]{0,20}"#) {
            let _ = parse(text.as_bytes());
        }
    }
}
