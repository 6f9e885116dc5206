//! Which blocks of a map have been walked over, so that pages are let go in few and large steps: each
//! makes all threads forget what they knew of the process's pages, and systems map logs by pages of
//! 2 MiB, which come again whole where a part of one went.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are let go at a time.
const BLOCK_BYTES: usize = 4 << 20;

/// So many bytes of a block need not be walked over: no walk tells of the first four of a log. All else
/// has to be, for where another thread still reads, pages would come again and stay.
const SPARED_BYTES: usize = 1 << 10;

/// Bytes walked over, by block.
#[derive(Debug, Default)]
pub(super) struct Walked(OnceLock<Box<[AtomicUsize]>>);

impl Walked {
    /// Takes in that `range` of a map of `length` bytes was walked over; the blocks that are to be let
    /// go now.
    pub(super) fn add(
        &self,
        range: Range<usize>,
        length: usize,
    ) -> impl Iterator<Item = Range<usize>> {
        let count = length.div_ceil(BLOCK_BYTES);
        let blocks = self.0.get_or_init(|| (0..count).map(|_| AtomicUsize::new(0)).collect());
        let range = range.start..range.end.min(length);
        let touched = match range.is_empty() {
            true => 0..0,
            false => range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES),
        };
        touched.filter_map(move |number| {
            let block = number * BLOCK_BYTES..((number + 1) * BLOCK_BYTES).min(length);
            let more = range.end.min(block.end) - range.start.max(block.start);
            let walked = blocks.get(number)?;
            let before = walked.fetch_add(more, Ordering::Relaxed);
            if before + more < block.len().saturating_sub(SPARED_BYTES) {
                return None;
            }
            // Whoever walks over it once more begins anew.
            walked.store(0, Ordering::Relaxed);
            Some(block)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 2 * BLOCK_BYTES + 1000;

    /// Where the blocks start and end that go when `range` was walked over.
    fn add(walked: &Walked, range: Range<usize>) -> Vec<(usize, usize)> {
        walked.add(range, LENGTH).map(|block| (block.start, block.end)).collect()
    }

    #[test]
    fn a_block_goes_when_all_of_it_was_walked_over() {
        let walked = Walked::default();
        let half = BLOCK_BYTES / 2;
        assert_eq!(add(&walked, 0..half), []);
        assert_eq!(add(&walked, BLOCK_BYTES..BLOCK_BYTES + half), []);
        assert_eq!(add(&walked, half..BLOCK_BYTES - 2000), []);
        assert_eq!(add(&walked, BLOCK_BYTES - 2000..BLOCK_BYTES - 4), [(0, BLOCK_BYTES)]);
        assert_eq!(add(&walked, BLOCK_BYTES - 4..BLOCK_BYTES), []);
        let rest = add(&walked, BLOCK_BYTES + half..usize::MAX);
        assert_eq!(rest, [(BLOCK_BYTES, 2 * BLOCK_BYTES), (2 * BLOCK_BYTES, LENGTH)]);
    }

    #[test]
    fn a_block_goes_each_time_it_was_walked_over() {
        let walked = Walked::default();
        for _ in 0..3 {
            assert_eq!(add(&walked, 0..BLOCK_BYTES), [(0, BLOCK_BYTES)]);
        }
        assert_eq!(add(&walked, 7..7), []);
        assert_eq!(add(&walked, LENGTH..usize::MAX), []);
        assert_eq!(add(&walked, LENGTH + 5..LENGTH + 9), []);
    }
}
