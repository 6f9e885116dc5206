//! MySQL's encrypted logs: a header of 512 bytes, and the whole plain log as one stream behind it
//! (the manual's "Encrypting Binary Log Files and Relay Log Files"; `rpl_log_encryption.cc`).

use std::io::Write;
use std::path::Path;

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, KeyIvInit, StreamCipher};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::keyring::Keyring;
use super::secret::Secret;
use super::{CHUNK_BYTES, Encryption, map, no_room, plain_file};
use crate::error::{Error, Fault, Result};
use crate::header::Family;
use crate::source::magic::{ENCRYPTED_MAGIC, MAGIC};
use crate::source::mmap::MappedFile;
use crate::wire::Reader;

/// Bytes of the header, which is filled up with zeros.
const HEADER_BYTES: usize = 512;

/// Makes the log plain.
///
/// # Errors
/// As [`super::plain`].
pub(super) fn decrypt(
    bytes: &[u8],
    path: &Path,
    keyring: Option<&Keyring>,
) -> Result<(MappedFile, Encryption)> {
    let header = Header::parse(bytes).map_err(|fault| Error::not_a_log(path, fault))?;
    let encryption = header.encryption();
    let Some(keyring) = keyring else {
        return Err(encryption.error(path, "no keyring was given"));
    };
    let Some(key) = keyring.key(header.key_id) else {
        return Err(encryption.error(path, "the keyring does not hold it"));
    };
    let mut cipher = header
        .cipher(key)
        .ok_or_else(|| encryption.error(path, "the keyring's key is not of 32 bytes"))?;
    let mut out = plain_file(path)?;
    let mut buffer = Vec::with_capacity(CHUNK_BYTES);
    for (index, chunk) in bytes[HEADER_BYTES..].chunks(CHUNK_BYTES).enumerate() {
        buffer.clear();
        buffer.extend(chunk);
        cipher.apply_keystream(&mut buffer);
        if index == 0 && !buffer.starts_with(&MAGIC[..MAGIC.len().min(buffer.len())]) {
            let why = "the keyring's key of this name is another: no binary log comes out";
            return Err(encryption.error(path, why));
        }
        out.write_all(&buffer).map_err(|e| no_room(path, e))?;
    }
    Ok((map(out, path)?, encryption))
}

/// What stands before the stream.
struct Header<'a> {
    /// Name of the key that [`Self::password`] is encrypted with: `MySQLReplicationKey_UUID_N`.
    key_id: &'a [u8],
    /// Encrypted password of this log.
    password: [u8; 32],
    /// Initialisation vector of the password's encryption.
    iv: [u8; 16],
}

impl<'a> Header<'a> {
    /// Reads the fields, each by its number, as far as they are version 1's.
    fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let had = bytes.len() as u64;
        let short = || Fault::short("header of an encrypted log", HEADER_BYTES as u64, had);
        let header = bytes.get(ENCRYPTED_MAGIC.len()..HEADER_BYTES).ok_or_else(short)?;
        let mut reader = Reader::new(header);
        let version = reader.u8("version of the encryption")?;
        if version != 1 {
            return Err(Fault::value("version of the encryption", "1", version));
        }
        let (mut key_id, mut password, mut iv) = (None, None, None);
        loop {
            match reader.u8("field of the header")? {
                0 => break,
                1 => key_id = Some(reader.string_u8("key id")?),
                2 => password = reader.take(32, "encrypted password")?.first_chunk().copied(),
                3 => iv = reader.take(16, "initialisation vector")?.first_chunk().copied(),
                other => {
                    return Err(Fault::value("field of the header", "0 to 3", other));
                }
            }
        }
        let lacks = |what| Fault::value("header of an encrypted log", what, "none");
        Ok(Header {
            key_id: key_id.ok_or_else(|| lacks("a key id"))?,
            password: password.ok_or_else(|| lacks("a password"))?,
            iv: iv.ok_or_else(|| lacks("an initialisation vector"))?,
        })
    }

    fn encryption(&self) -> Encryption {
        Encryption {
            by: Family::Mysql,
            key_id: String::from_utf8_lossy(self.key_id).into_owned(),
            key_version: None,
            cipher: "AES-256-CTR".into(),
        }
    }

    /// The stream's cipher: AES-256-CTR with the first half of the password's SHA-512, from a
    /// counter whose upper half is the next 8 bytes of it. None if the key is no key of AES-256.
    fn cipher(&self, key: &Secret) -> Option<ctr::Ctr128BE<Aes256>> {
        let unlock = cbc::Decryptor::<Aes256>::new_from_slices(key, &self.iv).ok()?;
        let mut password = Zeroizing::new(self.password);
        unlock.decrypt_padded::<NoPadding>(&mut *password).ok()?;
        let digest = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(*password)));
        let mut counter = [0; 16];
        counter[..8].copy_from_slice(&digest[32..40]);
        ctr::Ctr128BE::<Aes256>::new_from_slices(&digest[..32], &counter).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::json;
    use super::super::{Keys, plain};
    use super::*;
    use crate::header::EventType;
    use crate::scan::Scanned;
    use crate::source::log::Log;
    use crate::source::log_set::LogSet;
    use crate::testing::LogBuilder;
    use aes::cipher::BlockModeEncrypt;
    use std::fs;

    const KEY_ID: &str = "MySQLReplicationKey_aaaa_1";

    /// `log` as a server encrypts it with `key`.
    fn encrypted(log: &[u8], id: &str, key: &[u8; 32]) -> Vec<u8> {
        let (password, iv) = ([5; 32], [6; 16]);
        let mut locked = password;
        let lock = cbc::Encryptor::<Aes256>::new_from_slices(key, &iv).unwrap();
        lock.encrypt_padded::<NoPadding>(&mut locked, 32).unwrap();
        let mut file = ENCRYPTED_MAGIC.to_vec();
        file.push(1); // version
        file.push(1); // field: key id
        file.push(id.len() as u8);
        file.extend(id.as_bytes());
        file.push(2); // field: password
        file.extend(locked);
        file.push(3); // field: initialisation vector
        file.extend(iv);
        file.resize(HEADER_BYTES, 0);
        let digest = Sha512::digest(password);
        let counter = [&digest[32..40], &[0; 8]].concat();
        let mut cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(&digest[..32], &counter).unwrap();
        let mut stream = log.to_vec();
        cipher.apply_keystream(&mut stream);
        file.extend(stream);
        file
    }

    /// Longer than a chunk.
    fn some_log() -> Vec<u8> {
        let long = "x".repeat(CHUNK_BYTES / 3);
        (0..10).fold(LogBuilder::new("9.7.1"), |log, _| log.query(&long)).build()
    }

    #[test]
    fn a_log_is_read_at_the_positions_of_the_plain_one() {
        let folder = tempfile::tempdir().unwrap();
        let [log, keyring] = ["binlog.000001", "keyring"].map(|name| folder.path().join(name));
        fs::write(&log, encrypted(&some_log(), KEY_ID, &[9; 32])).unwrap();
        fs::write(&keyring, json(KEY_ID, &[9; 32])).unwrap();
        let keys = Keys::none().with_keyring(&keyring).unwrap();
        let opened = Log::open_with(&log, &keys).unwrap();
        assert_eq!(opened.bytes(), some_log());
        assert_eq!(opened.encryption().unwrap().key_id, KEY_ID);
        assert!(opened.scan().all(|scanned| matches!(scanned, Scanned::Event(_))));
    }

    #[test]
    fn without_its_key_a_log_is_refused_by_the_keys_name() {
        let folder = tempfile::tempdir().unwrap();
        let [log, keyring] = ["binlog.000001", "keyring"].map(|name| folder.path().join(name));
        fs::write(&log, encrypted(&some_log(), KEY_ID, &[9; 32])).unwrap();
        let refused = |keys: &Keys| Log::open_with(&log, keys).unwrap_err().to_string();
        let needs = format!("encrypted by MySQL with key {KEY_ID}: ");
        assert!(refused(&Keys::none()).ends_with(&(needs.clone() + "no keyring was given")));
        for (id, key, why) in [
            ("MySQLReplicationKey_aaaa_2", &[9; 32][..], "the keyring does not hold it"),
            (KEY_ID, &[9; 16], "the keyring's key is not of 32 bytes"),
            (KEY_ID, &[8; 32], "is another: no binary log comes out"),
        ] {
            fs::write(&keyring, json(id, key)).unwrap();
            let text = refused(&Keys::none().with_keyring(&keyring).unwrap());
            assert!(text.contains(&needs) && text.ends_with(why), "{text}");
        }
    }

    #[test]
    fn the_logs_of_a_set_may_have_different_keys() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("keyring.json");
        let elements: Vec<_> = (1..=2u8)
            .map(|n| {
                let key = format!("{n:02x}").repeat(32);
                format!(r#"{{"user":"","data_id":"K_{n}","data_type":"AES","data":"{key}"}}"#)
            })
            .collect();
        let json = format!(r#"{{"version":"1.0","elements":[{}]}}"#, elements.join(","));
        fs::write(&keyring, json).unwrap();
        for n in 1..=2u8 {
            let log = LogBuilder::new("9.7.1").event(EventType::XID, &[n; 8]).build();
            let log = encrypted(&log, &format!("K_{n}"), &[n; 32]);
            fs::write(folder.path().join(format!("binlog.00000{n}")), log).unwrap();
        }
        let keys = Keys::none().with_keyring(&keyring).unwrap();
        let set = LogSet::open_with(&[folder.path()], &keys).unwrap();
        let ids: Vec<_> = set.logs().iter().map(|log| &*log.encryption().unwrap().key_id).collect();
        assert_eq!(ids, ["K_1", "K_2"]);
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_of_the_header_is_survived() {
        let whole = encrypted(&some_log()[..200], KEY_ID, &[9; 32]);
        let folder = tempfile::tempdir().unwrap();
        let keyring = folder.path().join("keyring");
        fs::write(&keyring, json(KEY_ID, &[9; 32])).unwrap();
        let keys = Keys::none().with_keyring(&keyring).unwrap();
        let open = |bytes: &[u8]| {
            let path = folder.path().join("log");
            plain(bytes, || Ok(bytes), &path, "log", &keys)
        };
        for length in 4..HEADER_BYTES {
            assert!(open(&whole[..length]).is_err(), "{length}");
        }
        let used = 4 + 1 + 2 + KEY_ID.len() + 33 + 17 + 1;
        for at in 4..used {
            let mut flipped = whole.clone();
            flipped[at] ^= 0xFF;
            assert!(open(&flipped).is_err(), "{at}");
        }
    }
}
