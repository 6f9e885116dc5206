//! In which blocks something stands: their numbers, each by how far it is behind the one before.

use super::content::Texts;
use super::pack::{Taker, put};
use crate::error::Fault;

/// Appends the blocks of a table, in their order.
pub(super) fn put_blocks(out: &mut Vec<u8>, blocks: &[u32]) {
    put(out, blocks.len() as u64);
    let mut before = 0;
    for block in blocks {
        put(out, u64::from(block - before));
        before = *block;
    }
}

/// What [`put_blocks`] has written of an index of so many blocks.
///
/// # Errors
/// Where it is cut, or a block is none of the index, or not behind the one before.
pub(super) fn take(taker: &mut Taker<'_>, blocks: usize) -> Result<Vec<u32>, Fault> {
    let mut posting = vec![];
    for _ in 0..taker.count()? {
        posting.push(block_behind(taker, posting.last().copied(), blocks)?);
    }
    Ok(posting)
}

/// Appends the blocks that have statements as text, and which.
pub(super) fn put_texts(out: &mut Vec<u8>, texts: &[(u32, Texts)]) {
    put(out, texts.len() as u64);
    let mut before = 0;
    for (block, texts) in texts {
        put(out, u64::from(block - before));
        put(out, u64::from(texts.0));
        before = *block;
    }
}

/// What [`put_texts`] has written.
///
/// # Errors
/// As [`take`].
pub(super) fn take_texts(taker: &mut Taker<'_>, blocks: usize) -> Result<Vec<(u32, Texts)>, Fault> {
    let mut texts: Vec<(u32, Texts)> = vec![];
    for _ in 0..taker.count()? {
        let block = block_behind(taker, texts.last().map(|(block, _)| *block), blocks)?;
        texts.push((block, Texts(taker.short()?)));
    }
    Ok(texts)
}

/// The next block of a list.
fn block_behind(taker: &mut Taker<'_>, before: Option<u32>, blocks: usize) -> Result<u32, Fault> {
    let by = taker.short()?;
    let block = before.unwrap_or(0).checked_add(by);
    block
        .filter(|block| (*block as usize) < blocks && (before.is_none() || by > 0))
        .ok_or_else(|| taker.wrong("blocks of the index in their order", by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_in_their_order_or_not_at_all() {
        let texts = [(0, Texts::of(b"DROP TABLE t")), (7, Texts::OTHER)];
        let mut out = vec![];
        put_blocks(&mut out, &[0, 3, 300]);
        put_texts(&mut out, &texts);
        let read = |bytes: &[u8], blocks| {
            let mut taker = Taker::new("test", bytes);
            let taken = take(&mut taker, blocks)?;
            Ok::<_, Fault>((taken, take_texts(&mut taker, blocks)?))
        };
        assert_eq!(read(&out, 301).unwrap(), (vec![0, 3, 300], texts.to_vec()));
        assert!(read(&out, 300).is_err());
        assert!(read(&out[..out.len() - 1], 301).is_err());
        // The same block again.
        assert!(take(&mut Taker::new("test", &[2, 5, 0]), 301).is_err());
    }
}
