//! What transactions do, told apart only as far as a search needs: many do the same, so each content
//! stands once in an index.

use std::hash::{Hash, Hasher};

use super::pack::{Taker, put};
use crate::error::Fault;
use crate::event::rows::RowsKind;

/// A database and a table.
pub type TableName = (Vec<u8>, Vec<u8>);

/// What a transaction does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Whether it was compressed.
    pub compressed: bool,
    /// Statements that the log has as text.
    pub texts: Texts,
    /// Texts that go with rows events (ROWS_QUERY, ANNOTATE_ROWS).
    pub rows_texts: Texts,
    /// Rows changed, by table and kind, in the order in which they first come; each pair once.
    pub changes: Vec<Change>,
}

/// In few numbers, for each transaction is looked up by what it does.
impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.texts.0) << 32 | u64::from(self.rows_texts.0));
        state.write_u64((self.changes.len() as u64) << 1 | u64::from(self.compressed));
        for Change { table, kind, rows } in &self.changes {
            state.write_u64(u64::from(*table) << 2 | kind_code(*kind) as u64);
            state.write_u64(*rows);
        }
    }
}

/// Rows of one table that are changed in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Number of the table in the index.
    pub table: u32,
    /// What is done to the rows.
    pub kind: RowsKind,
    /// How many there are; 0 leaves it to the record.
    pub rows: u64,
}

/// So many rows of a change at most stand in its content; their number in the record beyond.
pub(super) const ROWS_IN_CONTENT: u64 = 8;

/// Which words texts begin with: a bit for each of [`Texts::WORDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Texts(pub u32);

impl Texts {
    /// The words, in the order of their bits.
    pub const WORDS: [&'static str; 24] = [
        "INSERT",
        "UPDATE",
        "DELETE",
        "REPLACE",
        "LOAD",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "RENAME",
        "GRANT",
        "REVOKE",
        "SET",
        "FLUSH",
        "ANALYZE",
        "OPTIMIZE",
        "REPAIR",
        "CALL",
        "XA",
        "SAVEPOINT",
        "ROLLBACK",
        "RELEASE",
        "BEGIN",
        "SELECT",
    ];

    /// A text that begins with no known word, or not with a word at all.
    pub const OTHER: Texts = Texts(1 << 31);

    /// Of one text: its first word, where a space or a bracket ends it and the text begins with it.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = text.split_at(letters);
        let ends = rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'(');
        let known =
            Texts::WORDS.iter().position(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        known.filter(|_| ends).map_or(Texts::OTHER, |bit| Texts(1 << bit))
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds those of `other`.
    pub fn add(&mut self, other: Texts) {
        self.0 |= other.0;
    }
}

pub(super) const KINDS: [RowsKind; 3] = [RowsKind::Write, RowsKind::Update, RowsKind::Delete];

/// Number of a kind in the index.
pub(super) fn kind_code(kind: RowsKind) -> usize {
    match kind {
        RowsKind::Write => 0,
        RowsKind::Update => 1,
        RowsKind::Delete => 2,
    }
}

impl Content {
    /// Makes it that of a transaction that does nothing, compressed or not as before.
    pub(super) fn clear(&mut self) {
        self.changes.clear();
        (self.texts, self.rows_texts) = Default::default();
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.compressed));
        put(out, u64::from(self.texts.0));
        put(out, u64::from(self.rows_texts.0));
        put(out, self.changes.len() as u64);
        for change in &self.changes {
            put(out, u64::from(change.table) << 2 | kind_code(change.kind) as u64);
            put(out, change.rows);
        }
    }

    /// `tables` is how many tables the index names.
    pub(super) fn take(taker: &mut Taker<'_>, tables: usize) -> Result<Self, Fault> {
        let compressed = match taker.byte()? {
            flag @ 0..=1 => flag == 1,
            other => return Err(taker.wrong("0 or 1", other)),
        };
        let (texts, rows_texts) = (Texts(taker.short()?), Texts(taker.short()?));
        let count = taker.count()?;
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            let code = taker.number()?;
            let (table, kind) = (code >> 2, KINDS.get((code & 3) as usize));
            match kind {
                Some(kind) if table < tables as u64 => {
                    let rows = taker.number()?;
                    changes.push(Change { table: table as u32, kind: *kind, rows });
                }
                _ => return Err(taker.wrong("a table and kind of the index", code)),
            }
        }
        Ok(Content { compressed, texts, rows_texts, changes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_first_word_is_known() {
        let bit = |word: &str| Texts::WORDS.iter().position(|known| *known == word);
        let of = |text: &str| Texts::of(text.as_bytes());
        assert_eq!(of("drop TABLE t"), Texts(1 << bit("DROP").unwrap()));
        assert_eq!(of("INSERT(a)"), Texts(1 << bit("INSERT").unwrap()));
        for text in ["", " DROP TABLE t", "/* x */ DROP TABLE t", "DROP/**/TABLE t", "WITH a"] {
            assert_eq!(of(text), Texts::OTHER, "{text}");
        }
    }
}
