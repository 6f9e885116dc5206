//! A hash of small keys that are looked up for every event: one multiplication a number, with a factor
//! that no log can know.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Begins hashes, all with the same secret factor.
#[derive(Debug, Clone)]
pub struct QuickHash {
    factor: u64,
}

impl Default for QuickHash {
    fn default() -> Self {
        QuickHash { factor: RandomState::new().hash_one(0) | 1 }
    }
}

impl BuildHasher for QuickHash {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher { factor: self.factor, hash: 0 }
    }
}

/// A hash under way.
#[derive(Debug)]
pub struct QuickHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for QuickHasher {
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.hash ^ number) * u128::from(self.factor);
        // Both halves: the low bits of a number only move the low ones of the product. Added, for a
        // 0 would leave nothing of what came before.
        self.hash = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.factor);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let number = chunk.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            self.write_u64(number);
        }
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}
