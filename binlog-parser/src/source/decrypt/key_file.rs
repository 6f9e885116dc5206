//! MariaDB's key files: what `file_key_management` reads, plain or encrypted as `openssl enc` does
//! it (the manual's "File Key Management Encryption Plugin"; `file_key_management/parser.cc`).

use std::collections::BTreeMap;
use std::path::Path;

use ::aes::Aes256;
use ::aes::cipher::block_padding::Pkcs7;
use ::aes::cipher::{BlockModeDecrypt, KeyIvInit};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::hex;
use super::secret::Secret;
use crate::error::{Error, Fault, Result};
use crate::limits;

/// The keys of one file, by their number.
#[derive(Debug, Clone)]
pub struct KeyFile {
    keys: BTreeMap<u32, Secret>,
}

impl KeyFile {
    /// Reads the key file at `path`, with the password in the file `secret` where it is encrypted.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::KeyFile`] if a line is wrong, or the password is missing, too long or
    /// another.
    pub fn open(path: &Path, secret: Option<&Path>) -> Result<Self> {
        let content = Secret::read(path)?;
        let Some(rest) = content.strip_prefix(SALTED) else {
            return parse(&content).map_err(|fault| Error::key_file(path, fault));
        };
        let Some(secret) = secret else {
            let fault = Fault::value("encrypted key file", "the file with its password", "none");
            return Err(Error::key_file(path, fault));
        };
        let password = password(secret)?;
        decrypt(rest, &password).map_err(|fault| Error::key_file(path, fault))
    }

    /// The key of this number.
    pub(super) fn key(&self, id: u32) -> Option<&Secret> {
        self.keys.get(&id)
    }
}

/// The password in a file: all of it but the line ends behind it.
fn password(path: &Path) -> Result<Secret> {
    let content = Secret::read(path)?;
    let behind = content.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let password = &content[..content.len() - behind];
    let limit = limits::KEY_FILE_PASSWORD_BYTES;
    match password.len() as u64 {
        0 => Err(Error::key_file(path, Fault::short("password of the key file", 1, 0))),
        had if had > limit => {
            Err(Error::key_file(path, Fault::limit("password of the key file", limit, had)))
        }
        _ => Ok(Secret::new(password.to_vec())),
    }
}

/// Lines of `id;key`, the key of 16, 24 or 32 bytes in hexadecimal digits, and comments from `#`
/// on. Whatever follows the digits is not read, as in the server.
fn parse(content: &[u8]) -> Result<KeyFile, Fault> {
    let mut keys = BTreeMap::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (id, key) = parse_line(line).ok_or_else(|| {
            let needed = "ID;KEY, the key of 32, 48 or 64 hexadecimal digits";
            Fault::value(format!("line {} of the key file", index + 1), needed, "other text")
        })?;
        keys.insert(id, key);
    }
    if keys.is_empty() {
        return Err(Fault::value("key file", "ID;KEY in a line", "no such line"));
    }
    Ok(KeyFile { keys })
}

fn parse_line(line: &[u8]) -> Option<(u32, Secret)> {
    let semicolon = line.iter().position(|byte| *byte == b';')?;
    let (id, key) = (&line[..semicolon], &line[semicolon + 1..]);
    let is_number = !id.is_empty() && id.iter().all(u8::is_ascii_digit);
    let id: u32 = std::str::from_utf8(id).ok().filter(|_| is_number)?.parse().ok()?;
    let digits = key.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let key = Secret::new(hex::decode(&key[..digits])?);
    (id > 0 && matches!(key.len(), 16 | 24 | 32)).then_some((id, key))
}

/// First bytes of a file of `openssl enc`, before the salt.
const SALTED: &[u8] = b"Salted__";

/// Decrypts what follows [`SALTED`]. The file does not say by which digest its key was made from
/// the password: the server took SHA-1 until 12.0, and takes others since.
fn decrypt(bytes: &[u8], password: &[u8]) -> Result<KeyFile, Fault> {
    let Some((salt, encrypted)) = bytes.split_first_chunk::<8>() else {
        return Err(Fault::short("salt of the key file", 8, bytes.len() as u64));
    };
    let ciphers = [
        key_and_iv::<Sha1>,
        key_and_iv::<Sha256>,
        key_and_iv::<Sha512>,
        key_and_iv::<Sha384>,
        key_and_iv::<Sha224>,
        key_and_iv::<Md5>,
    ];
    // By another key, the padding is right once in 256 times, and then there is no line to read.
    let decrypted = |key_and_iv: fn(&[u8], &[u8; 8]) -> Zeroizing<[u8; 48]>| {
        let key_and_iv = key_and_iv(password, salt);
        let (key, iv) = key_and_iv.split_at(32);
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
        let mut content = Zeroizing::new(encrypted.to_vec());
        parse(cipher.decrypt_padded::<Pkcs7>(&mut content).ok()?).ok()
    };
    ciphers.into_iter().find_map(decrypted).ok_or_else(|| {
        let needed = "keys, once decrypted";
        let had = "none: the password is another, or the key was made of it by PBKDF2, as MariaDB \
                   12 can be told to, which is not read";
        Fault::value("encrypted key file", needed, had)
    })
}

/// The key and initialisation vector of AES-256-CBC as `EVP_BytesToKey` of OpenSSL makes them in
/// one round: each digest is of the one before, the password and the salt.
fn key_and_iv<D: Digest>(password: &[u8], salt: &[u8; 8]) -> Zeroizing<[u8; 48]> {
    let mut made = Zeroizing::new([0; 48]);
    let (mut done, mut last) = (0, Zeroizing::new(vec![]));
    while done < made.len() {
        let digest = D::new().chain_update(&*last).chain_update(password).chain_update(salt);
        last = Zeroizing::new(digest.finalize().to_vec());
        let count = last.len().min(made.len() - done);
        made[done..done + count].copy_from_slice(&last[..count]);
        done += count;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::aes::cipher::BlockModeEncrypt;
    use std::fs;

    const PLAIN: &str = "# a comment\n1;770A8A65DA156D24EE2A093277530142\n\n  \
        7;4d92199549e0f2ef009b4160f3582e5528a11a45017f3ef8 # another\r\n\
        33;B374A26A71490437AA024E4FADD5B497FDFF1A8EA6FF12F6FB65AF2720B59CCF";

    /// `content` as `openssl enc -aes-256-cbc -md D` encrypts it.
    fn encrypted<D: Digest>(content: &str, password: &[u8]) -> Vec<u8> {
        let salt = *b"saltsalt";
        let key_and_iv = key_and_iv::<D>(password, &salt);
        let (key, iv) = key_and_iv.split_at(32);
        let cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, iv).unwrap();
        let mut buffer = content.as_bytes().to_vec();
        let length = buffer.len();
        buffer.resize(length + 16, 0);
        let content = cipher.encrypt_padded::<Pkcs7>(&mut buffer, length).unwrap();
        [SALTED, &salt, content].concat()
    }

    fn check(keys: &KeyFile) {
        let lengths: Vec<_> = keys.keys.iter().map(|(id, key)| (*id, key.len())).collect();
        assert_eq!(lengths, [(1, 16), (7, 24), (33, 32)]);
        assert_eq!(keys.key(1).unwrap()[..4], [0x77, 0x0A, 0x8A, 0x65]);
    }

    #[test]
    fn a_plain_key_file_is_read() {
        let keys = parse(PLAIN.as_bytes()).unwrap();
        check(&keys);
        assert!(keys.key(2).is_none());
        assert!(!format!("{keys:?}").contains("119"), "{keys:?}");
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number_alone() {
        for wrong in [
            "1;770A8A65DA156D24EE2A0932775301",   // 15 bytes
            "1;770A8A65DA156D24EE2A09327753014",  // half a byte
            "0;770A8A65DA156D24EE2A093277530142", // no such id
            "4294967296;770A8A65DA156D24EE2A093277530142",
            "+1;770A8A65DA156D24EE2A093277530142",
            "770A8A65DA156D24EE2A093277530142",
        ] {
            let text = parse(format!("# keys\n{wrong}").as_bytes()).unwrap_err().to_string();
            assert!(text.starts_with("line 2 of the key file: needed ID;KEY"), "{text}");
            assert!(!text.contains("770A"), "{text}");
        }
        assert!(parse(b"# nothing\n").unwrap_err().to_string().contains("no such line"));
    }

    #[test]
    fn an_encrypted_key_file_opens_with_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let [file, secret] = ["keys.enc", "keys.key"].map(|name| folder.path().join(name));
        fs::write(&secret, "open sesame\r\n\n").unwrap();
        let digests =
            [encrypted::<Sha1>, encrypted::<Sha256>, encrypted::<Sha512>, encrypted::<Md5>];
        for encrypt in digests {
            fs::write(&file, encrypt(PLAIN, b"open sesame")).unwrap();
            check(&KeyFile::open(&file, Some(&secret)).unwrap());
        }
        let without = KeyFile::open(&file, None).unwrap_err().to_string();
        assert!(without.ends_with("needed the file with its password, had none"), "{without}");
        fs::write(&secret, "open barley\n").unwrap();
        let wrong = KeyFile::open(&file, Some(&secret)).unwrap_err().to_string();
        assert!(wrong.contains("the password is another") && !wrong.contains("barley"), "{wrong}");
        fs::write(&secret, "\n").unwrap();
        assert!(KeyFile::open(&file, Some(&secret)).is_err());
        fs::write(&secret, "x".repeat(257)).unwrap();
        let long = KeyFile::open(&file, Some(&secret)).unwrap_err().to_string();
        assert!(long.ends_with("needed at most 256, had 257"), "{long}");
    }

    #[test]
    fn every_truncation_of_an_encrypted_key_file_is_an_error() {
        let whole = encrypted::<Sha1>(PLAIN, b"p");
        for length in SALTED.len()..whole.len() {
            assert!(decrypt(&whole[SALTED.len()..length], b"p").is_err(), "{length}");
        }
    }
}
