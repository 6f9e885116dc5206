//! Reading what people type: a cursor over text that says what it needed.

use crate::error::Fault;

/// Longest piece of a wrong text that an error repeats, in characters.
const SHOWN_CHARACTERS: usize = 80;

/// A wrong text as an error shows it: quoted, escaped, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None if text.is_empty() => "nothing".to_owned(),
        None => format!("{text:?}"),
    }
}

/// A number in decimal digits only: no sign, which `str::parse` would let pass.
pub(crate) fn decimal(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// What is left of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    what: &'static str,
    rest: &'a str,
}

impl<'a> Text<'a> {
    /// Starts after any space at the beginning of `text`; errors call it `what`.
    pub(super) fn new(what: &'static str, text: &'a str) -> Self {
        let mut text = Text { what, rest: text };
        text.skip_space();
        text
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The fault of not finding `needed` here.
    pub(super) fn fault(&self, needed: &'static str) -> Fault {
        Fault::value(self.what, needed, shown(self.rest))
    }

    /// Skips what the servers' `my_isspace` takes for space.
    pub(super) fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\x0B', '\x0C', '\r']);
    }

    /// Reads `character`, and space after it, if it is next.
    pub(super) fn eat(&mut self, character: char) -> bool {
        match self.rest.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                self.skip_space();
                true
            }
            None => false,
        }
    }

    /// Reads `bytes` bytes that are known to be ASCII, and space after them.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.skip_space();
    }

    /// Reads letters, digits and underscores, perhaps none, and space after them.
    pub(super) fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = self.rest.get(..end.unwrap_or(self.rest.len())).unwrap_or_default();
        self.skip(word.len());
        word
    }

    /// Reads a decimal number no greater than `most`, and space after it. A leading zero is refused:
    /// the servers' `strtoll` takes such a number for octal.
    pub(super) fn number(&mut self, needed: &'static str, most: u64) -> Result<u64, Fault> {
        let before = *self;
        let word = self.word();
        match decimal(word) {
            Some(number) if number <= most && (number == 0 || !word.starts_with('0')) => Ok(number),
            _ => Err(before.fault(needed)),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self, needed: &'static str) -> Result<(), Fault> {
        if self.is_empty() { Ok(()) } else { Err(self.fault(needed)) }
    }
}
