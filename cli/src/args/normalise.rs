//! `_` for `-` in the names of long options, as the servers' own tools allow.

use std::ffi::OsString;

/// The same words, with `--stop_datetime=…` as `--stop-datetime=…`. Values, and what follows a
/// lone `--`, stay as they are.
pub fn normalise(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut names_end = false;
    words
        .into_iter()
        .map(|word| {
            names_end |= word == "--";
            if names_end { word } else { normalise_word(word) }
        })
        .collect()
}

fn normalise_word(word: OsString) -> OsString {
    let Some(option) = word.to_str().filter(|word| word.starts_with("--")) else { return word };
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    if !name.contains('_') {
        return word;
    }
    let name = name.replace('_', "-");
    match value {
        Some(value) => format!("{name}={value}").into(),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_options_change() {
        let words = ["binlog", "events", "--stop_datetime=a_b", "--include_gtids", "a_b", "-x_y"];
        let after = ["--", "--left_alone"];
        let normal = normalise(words.iter().chain(&after).map(OsString::from));
        let expected =
            ["binlog", "events", "--stop-datetime=a_b", "--include-gtids", "a_b", "-x_y"];
        let expected: Vec<_> = expected.iter().chain(&after).map(OsString::from).collect();
        assert_eq!(normal, expected);
    }
}
