//! AES as the servers run it: CBC and CTR over bytes that come in pieces.

use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, InnerIvInit, KeyInit,
    StreamCipher, StreamCipherCoreWrapper, consts::U16,
};
use aes::{Aes128, Aes192, Aes256};

use super::secret::Secret;

/// Bytes of a block, and of an initialisation vector.
pub(super) const BLOCK_BYTES: usize = 16;

/// How blocks are chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Cipher block chaining; MariaDB's default.
    Cbc,
    /// Counter.
    Ctr,
}

impl Mode {
    pub(super) const ALL: [Mode; 2] = [Mode::Cbc, Mode::Ctr];

    pub(super) fn name(self) -> &'static str {
        match self {
            Mode::Cbc => "CBC",
            Mode::Ctr => "CTR",
        }
    }
}

/// The cipher with a key of 128, 192 or 256 bits.
#[derive(Debug)]
pub(super) enum Aes {
    Bits128(Aes128),
    Bits192(Aes192),
    Bits256(Aes256),
}

impl Aes {
    /// None if the key has another length than 16, 24 or 32 bytes.
    pub(super) fn new(key: &Secret) -> Option<Self> {
        Some(match key.len() {
            16 => Aes::Bits128(Aes128::new_from_slice(key).ok()?),
            24 => Aes::Bits192(Aes192::new_from_slice(key).ok()?),
            32 => Aes::Bits256(Aes256::new_from_slice(key).ok()?),
            _ => return None,
        })
    }

    /// The cipher's name, such as AES-256.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Aes::Bits128(_) => "AES-128",
            Aes::Bits192(_) => "AES-192",
            Aes::Bits256(_) => "AES-256",
        }
    }

    /// Starts to decrypt what was encrypted from `iv` on.
    pub(super) fn stream(&self, mode: Mode, iv: [u8; BLOCK_BYTES]) -> Box<dyn Stream> {
        match self {
            Aes::Bits128(aes) => stream(aes, mode, iv),
            Aes::Bits192(aes) => stream(aes, mode, iv),
            Aes::Bits256(aes) => stream(aes, mode, iv),
        }
    }
}

/// Decrypts bytes that follow each other.
pub(super) trait Stream {
    /// Decrypts the next piece. Every piece but the last is made of whole blocks.
    fn decrypt(&mut self, bytes: &mut [u8]);
}

fn stream<C>(aes: &C, mode: Mode, iv: [u8; BLOCK_BYTES]) -> Box<dyn Stream>
where
    C: BlockCipherEncrypt<BlockSize = U16> + BlockCipherDecrypt<BlockSize = U16> + Clone + 'static,
{
    let iv = Array::from(iv);
    match mode {
        Mode::Cbc => {
            let mut mask = iv;
            aes.encrypt_block(&mut mask);
            Box::new(Cbc { blocks: cbc::Decryptor::inner_iv_init(aes.clone(), &iv), mask })
        }
        Mode::Ctr => {
            let core = ctr::CtrCore::inner_iv_init(aes.clone(), &iv);
            Box::new(Ctr(StreamCipherCoreWrapper::from_core(core)))
        }
    }
}

/// CBC without padding: what is left behind the last whole block is XORed with the encrypted
/// initialisation vector (`MyCTX_nopad` in MariaDB's `my_crypt.cc`).
struct Cbc<C: BlockCipherDecrypt<BlockSize = U16>> {
    blocks: cbc::Decryptor<C>,
    mask: Array<u8, U16>,
}

impl<C: BlockCipherDecrypt<BlockSize = U16>> Stream for Cbc<C> {
    fn decrypt(&mut self, bytes: &mut [u8]) {
        let (blocks, tail) = Array::slice_as_chunks_mut(bytes);
        self.blocks.decrypt_blocks(blocks);
        tail.iter_mut().zip(&self.mask).for_each(|(byte, mask)| *byte ^= mask);
    }
}

struct Ctr<C: BlockCipherEncrypt<BlockSize = U16>>(ctr::Ctr128BE<C>);

impl<C: BlockCipherEncrypt<BlockSize = U16>> Stream for Ctr<C> {
    fn decrypt(&mut self, bytes: &mut [u8]) {
        self.0.apply_keystream(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex::decode;
    use super::*;

    fn hex(digits: &str) -> Vec<u8> {
        decode(digits.as_bytes()).unwrap()
    }

    /// The two first blocks of NIST SP 800-38A, appendix F.
    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

    fn check(mode: Mode, iv: &str, key: &str, encrypted: &str) {
        let aes = Aes::new(&Secret::new(hex(key))).unwrap();
        let mut bytes = hex(encrypted);
        let mut stream = aes.stream(mode, hex(iv).try_into().unwrap());
        let (first, second) = bytes.split_at_mut(BLOCK_BYTES);
        stream.decrypt(first);
        stream.decrypt(second);
        assert_eq!(bytes, hex(PLAIN), "{} {mode:?}", aes.name());
    }

    #[test]
    fn the_examples_of_the_standard_decrypt() {
        let iv = "000102030405060708090a0b0c0d0e0f";
        check(
            Mode::Cbc,
            iv,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        );
        check(
            Mode::Cbc,
            iv,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
        );
        check(
            Mode::Cbc,
            iv,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
        );
        let counter = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
        check(
            Mode::Ctr,
            counter,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        );
        check(
            Mode::Ctr,
            counter,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5",
        );
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        for length in [0, 15, 17, 31, 33] {
            assert!(Aes::new(&Secret::new(vec![0; length])).is_none());
        }
    }
}
