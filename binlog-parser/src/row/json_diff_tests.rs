use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// A document in binary form, built by the editor itself: every container from an empty one.
fn binary(value: &Value) -> Vec<u8> {
    fn put(document: &mut Vec<u8>, path: &str, value: &Value) {
        let leaf = leaf(value);
        let diff = diff(1, path, Some(&leaf));
        let before = std::mem::take(document);
        *document = JsonDiffs { bytes: &diff }.apply(Json { bytes: &before }).unwrap().into_owned();
        fill(document, path, value);
    }
    fn fill(document: &mut Vec<u8>, path: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    put(document, &format!("{path}.{}", Value::from(key.as_str())), value);
                }
            }
            Value::Array(elements) => {
                for (index, value) in elements.iter().enumerate() {
                    put(document, &format!("{path}[{index}]"), value);
                }
            }
            _ => {}
        }
    }
    let mut document = leaf(value);
    fill(&mut document, "$", value);
    document
}

/// A scalar, or a container with nothing in it.
fn leaf(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![4, 0],
        Value::Bool(true) => vec![4, 1],
        Value::Bool(false) => vec![4, 2],
        Value::Number(number) => {
            let number = number.as_i64().unwrap();
            let (kind, width) = match number {
                -0x8000..=0x7FFF => (5, 2),
                -0x8000_0000..=0x7FFF_FFFF => (7, 4),
                _ => (9, 8),
            };
            let mut bytes = vec![kind];
            bytes.extend(&number.to_le_bytes()[..width]);
            bytes
        }
        Value::String(text) => {
            let mut bytes = vec![12];
            let mut length = text.len();
            while length > 0x7F {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(text.as_bytes());
            bytes
        }
        Value::Array(_) => vec![2, 0, 0, 4, 0],
        Value::Object(_) => vec![0, 0, 0, 4, 0],
    }
}

fn diff(operation: u8, path: &str, value: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![operation];
    for part in [Some(path.as_bytes()), value].into_iter().flatten() {
        bytes.push(0xFE); // a length of eight bytes
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part);
    }
    bytes
}

fn parsed(bytes: &[u8]) -> Value {
    let mut text = vec![];
    Json { bytes }.write_text(&mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Applies differences, each an operation, a path and a value, to a document.
fn applied(before: &str, diffs: &[(u8, &str, &str)]) -> Result<Value, Fault> {
    let mut bytes = vec![];
    for (operation, path, value) in diffs {
        let value = (*operation < 2).then(|| binary(&json(value)));
        bytes.extend(diff(*operation, path, value.as_deref()));
    }
    let before = binary(&json(before));
    let after = JsonDiffs { bytes: &bytes }.apply(Json { bytes: &before })?;
    Ok(parsed(&after))
}

#[test]
fn a_document_built_by_differences_is_the_servers_own_bytes() {
    #[rustfmt::skip]
    let bytes = [
        0,                     // small object
        2, 0, 33, 0,           // two members, 33 bytes
        18, 0, 1, 0,           // key 1 at 18, one byte
        19, 0, 2, 0,           // key 2 at 19, two bytes
        5, 0xFE, 0xFF,         // value 1: int16 -2, inline
        2, 21, 0,              // value 2: small array at 21
        b'a', b'b', b'c',      // keys
        2, 0, 12, 0,           // array: two elements, 12 bytes
        4, 1, 0,               // true
        12, 10, 0,             // string at 10
        1, b'x',               // the string
    ];
    assert_eq!(binary(&json(r#"{"bc": [true, "x"], "a": -2}"#)), bytes);
}

#[test]
fn differences_change_what_is_there() {
    let before = r#"{"a": 1, "b": [1, {"c": "x"}, 3], "d e": null}"#;
    for (diffs, after) in [
        (&[(0, "$.a", "[7]")][..], r#"{"a": [7], "b": [1, {"c": "x"}, 3], "d e": null}"#),
        (&[(0, "$.b[1].c", r#""yy""#)], r#"{"a": 1, "b": [1, {"c": "yy"}, 3], "d e": null}"#),
        (&[(1, "$.b[3]", "4")], r#"{"a": 1, "b": [1, {"c": "x"}, 3, 4], "d e": null}"#),
        (&[(1, "$.b[99]", "4")], r#"{"a": 1, "b": [1, {"c": "x"}, 3, 4], "d e": null}"#),
        (&[(1, "$.b[0]", "4")], r#"{"a": 1, "b": [4, 1, {"c": "x"}, 3], "d e": null}"#),
        (&[(1, "$.b[1].d", "{}")], r#"{"a": 1, "b": [1, {"c": "x", "d": {}}, 3], "d e": null}"#),
        (&[(2, "$.b[last]", "")], r#"{"a": 1, "b": [1, {"c": "x"}], "d e": null}"#),
        (&[(2, r#"$."d e""#, ""), (2, "$.b", ""), (2, "$.a", "")], "{}"),
        (
            &[(0, "$.a", "{}"), (1, "$.a.b", "1"), (0, "$.a.b", "2")],
            r#"{"a": {"b": 2}, "b": [1, {"c": "x"}, 3], "d e": null}"#,
        ),
        (&[], before),
    ] {
        assert_eq!(applied(before, diffs), Ok(json(after)), "{diffs:?}");
    }
}

#[test]
fn differences_of_another_document_are_refused() {
    for diffs in [
        (0, "$", "1"),
        (0, "$.x", "1"),
        (0, "$.b[3]", "1"),
        (0, "$[0]", "1"),
        (0, "$.a.b", "1"),
        (1, "$.a", "1"),
        (1, "$.a[0]", "1"),
        (1, "$.b.c", "1"),
        (1, "$.x.y", "1"),
        (2, "$.b[3]", ""),
        (2, "$.b.c", ""),
        (2, "$.a[0]", ""),
        (2, "$.x", ""),
    ] {
        let fault = applied(r#"{"a": 1, "b": [1, 2, 3]}"#, &[diffs]).unwrap_err().to_string();
        let needed = "JSON difference: needed a place that the document has, had $";
        assert!(fault.starts_with(needed), "{fault}");
    }
    for bytes in [&[3, 1, b'$'][..], &[0, 3, b'$'], &[0, 3, b'$', b'.', b'a'], &[2, 1, b'x']] {
        assert!(JsonDiffs { bytes }.apply(Json { bytes: &[4, 0] }).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_document_grows_large_and_small_again() {
    let long = "x".repeat(70_000);
    let value = Value::from(long.as_str()).to_string();
    let before = r#"{"number": 100000, "list": [1, 100000]}"#;
    let after = applied(before, &[(1, "$.list[1]", &value)]).unwrap();
    assert_eq!(after["list"], Value::from(vec![1.into(), long.into(), Value::from(100_000)]));
    assert_eq!(applied(&after.to_string(), &[(2, "$.list[1]", "")]), Ok(json(before)));
}

#[test]
fn text_tells_the_differences() {
    let mut bytes = diff(0, "$.a", Some(&[5, 2, 0]));
    bytes.extend(diff(2, "$.b[0]", None));
    let mut text = vec![];
    JsonDiffs { bytes: &bytes }.write_text(&mut text).unwrap();
    assert_eq!(text, b"replace $.a = 2; remove $.b[0]");
}

/// Entries of an array that all share one long string: sound, as far as each goes.
#[test]
fn a_document_that_multiplies_when_copied_is_refused() {
    const COUNT: u16 = 5000;
    let string = 4 + COUNT * 3;
    let mut bytes = vec![2]; // small array
    bytes.extend(COUNT.to_le_bytes());
    bytes.extend((string + 3 + 0x4000).to_le_bytes()); // its size
    for _ in 0..COUNT {
        bytes.push(12); // a string
        bytes.extend(string.to_le_bytes());
    }
    bytes.extend([0x80, 0x80, 0x01]); // of 0x4000 bytes
    bytes.extend([b'x'; 0x4000]);
    let replace = diff(0, "$[0]", Some(&[4, 0]));
    let fault = JsonDiffs { bytes: &replace }.apply(Json { bytes: &bytes }).unwrap_err();
    assert!(fault.to_string().starts_with("bytes of a changed JSON document: needed at most"));
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 30, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,5}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_survives_its_binary_form(value in value()) {
        prop_assert_eq!(parsed(&binary(&value)), value);
    }

    #[test]
    fn a_replaced_member_changes_nothing_else(before in value(), new in value()) {
        let bytes = binary(&before);
        let new_bytes = binary(&new);
        let (path, expected) = match &before {
            Value::Array(elements) if !elements.is_empty() => {
                let mut after = elements.clone();
                after[0] = new;
                ("$[0]".to_owned(), Value::from(after))
            }
            Value::Object(members) if !members.is_empty() => {
                let key = members.keys().next().unwrap().clone();
                let mut after = members.clone();
                after.insert(key.clone(), new);
                (format!("$.{}", Value::from(key)), Value::from(after))
            }
            _ => return Ok(()),
        };
        let replace = diff(0, &path, Some(&new_bytes));
        let after = JsonDiffs { bytes: &replace }.apply(Json { bytes: &bytes }).unwrap();
        prop_assert_eq!(parsed(&after), expected);
    }

    #[test]
    fn any_bytes_are_differences_or_a_fault(
        before in prop::collection::vec(any::<u8>(), 0..60),
        path in r#"\$[.\["a-c0-2\]]{0,6}"#,
        value in prop::collection::vec(any::<u8>(), 0..30),
        operation in 0u8..3,
    ) {
        let bytes = diff(operation, &path, (operation < 2).then_some(&value[..]));
        let _ = JsonDiffs { bytes: &bytes }.apply(Json { bytes: &before });
        let _ = JsonDiffs { bytes: &value }.apply(Json { bytes: &before });
    }
}
