//! MySQL's keyrings in files: what `component_keyring_file` writes, and what the plugin
//! `keyring_file` of 5.7 and 8.0 wrote. The content tells which it is.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::hex;
use super::secret::Secret;
use crate::error::{Error, Fault, Result};
use crate::wire::Reader;

/// The keys of one keyring.
#[derive(Debug, Clone)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    id: Vec<u8>,
    user: Vec<u8>,
    data: Secret,
}

impl Keyring {
    /// Reads the keyring at `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::KeyFile`] if it is none of the three formats, or broken.
    pub fn open(path: &Path) -> Result<Self> {
        let content = Secret::read(path)?;
        parse(&content).map_err(|fault| Error::key_file(path, fault))
    }

    /// The server's own key of this name; those of users are not what logs are encrypted with.
    pub(super) fn key(&self, id: &[u8]) -> Option<&Secret> {
        let mine = |key: &&Key| key.id == id && key.user.is_empty();
        self.keys.iter().find(mine).map(|key| &key.data)
    }
}

/// First bytes of the plugin's files, without the version.
const PLUGIN: &[u8] = b"Keyring file version:";

fn parse(content: &[u8]) -> Result<Keyring, Fault> {
    let keys = match content.strip_prefix(PLUGIN) {
        Some(rest) => plugin(rest)?,
        None if content.trim_ascii_start().starts_with(b"{") => component(content)?,
        None => {
            let needed = "the JSON of component_keyring_file, or \"Keyring file version:\"";
            return Err(Fault::value("keyring", needed, "something else"));
        }
    };
    Ok(Keyring { keys })
}

/// `{"version": "1.0", "elements": [{"user", "data_id", "data_type", "data", "extension"}]}`, the
/// data in hexadecimal digits (`components/keyrings/common/json_data`).
fn component(content: &[u8]) -> Result<Vec<Key>, Fault> {
    // The message of the JSON reader could quote the content.
    let json: serde_json::Value = serde_json::from_slice(content).map_err(|error| {
        let place = format!("other text at line {}, column {}", error.line(), error.column());
        Fault::value("keyring", "JSON", place)
    })?;
    if json.get("version").and_then(|version| version.as_str()) != Some("1.0") {
        return Err(Fault::value("keyring's \"version\"", "\"1.0\"", "another"));
    }
    let elements = json.get("elements").and_then(|elements| elements.as_array());
    let elements = elements
        .ok_or_else(|| Fault::value("keyring's \"elements\"", "a list", "something else"))?;
    let element = |(index, element): (usize, &serde_json::Value)| {
        let text = |name: &str| element.get(name).and_then(|value| value.as_str());
        let key = || {
            let data = Secret::new(hex::decode(text("data")?.as_bytes())?);
            Some(Key { id: text("data_id")?.into(), user: text("user")?.into(), data })
        };
        let needed = "user, data_id, and data in hexadecimal digits";
        key().ok_or_else(|| Fault::value(format!("keyring's element {index}"), needed, "less"))
    };
    elements.iter().enumerate().map(element).collect()
}

/// What the plugin XORs keys with, from the start of each (`keyring_key.cc`).
const OBFUSCATION: &[u8] = b"*305=Ljt0*!@$Hnm(*-9-w;:";

/// Stands behind the last key.
const END: &[u8] = b"EOF";

/// Bytes of the five lengths before a key.
const LENGTHS_BYTES: u64 = 5 * 8;

/// The version, then per key five lengths (of all, id, type, user, key; `size_t` of a 64-bit
/// machine, least significant byte first), id, type, user, key and padding; `EOF`; and in version
/// 2.0 the SHA-256 of the keys (`plugin/keyring/buffered_file_io.cc`, `hash_to_buffer_serializer`).
fn plugin(rest: &[u8]) -> Result<Vec<Key>, Fault> {
    let mut reader = Reader::new(rest);
    let digested = match reader.take(3, "keyring's version")? {
        b"1.0" => false,
        b"2.0" => true,
        other => {
            let had = String::from_utf8_lossy(other).into_owned();
            return Err(Fault::value("keyring's version", "1.0 or 2.0", had));
        }
    };
    let behind = if digested { END.len() + 32 } else { END.len() };
    let had = reader.remaining();
    let Some(length) = had.checked_sub(behind) else {
        return Err(Fault::short("end of the keyring", behind as u64, had as u64));
    };
    let stored = reader.take(length, "keys")?;
    if reader.take(END.len(), "end of the keyring")? != END {
        return Err(Fault::value("end of the keyring", "EOF", "something else"));
    }
    if digested && Sha256::digest(stored).as_slice() != reader.rest() {
        return Err(Fault::value("keyring's SHA-256", "that of its keys", "another"));
    }
    let mut reader = Reader::new(stored);
    let mut keys = vec![];
    while !reader.is_empty() {
        let all = reader.u64("length of a stored key")?;
        let all = all.saturating_sub(8);
        keys.push(stored_key(reader.take_u64(all, "stored key")?)?);
    }
    Ok(keys)
}

/// A key behind its first length.
fn stored_key(bytes: &[u8]) -> Result<Key, Fault> {
    if (bytes.len() as u64) < LENGTHS_BYTES - 8 {
        return Err(Fault::short("stored key", LENGTHS_BYTES - 8, bytes.len() as u64));
    }
    let mut reader = Reader::new(bytes);
    let id = reader.u64("length of the key's id")?;
    let key_type = reader.u64("length of the key's type")?;
    let user = reader.u64("length of the key's user")?;
    let data = reader.u64("length of the key's data")?;
    let id = reader.take_u64(id, "key's id")?.to_vec();
    reader.take_u64(key_type, "key's type")?;
    let user = reader.take_u64(user, "key's user")?.to_vec();
    let data = reader.take_u64(data, "key's data")?;
    let plain = data.iter().zip(OBFUSCATION.iter().cycle()).map(|(byte, with)| byte ^ with);
    Ok(Key { id, user, data: Secret::new(plain.collect()) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A keyring of the component with one key.
    pub(crate) fn json(id: &str, key: &[u8]) -> String {
        let digits: String = key.iter().map(|byte| format!("{byte:02X}")).collect();
        format!(
            r#"{{"version":"1.0","elements":[
                {{"user":"root@h","data_id":"{id}","data_type":"AES","data":"FF","extension":[]}},
                {{"user":"","data_id":"{id}","data_type":"AES","data":"{digits}","extension":[]}}
            ]}}"#
        )
    }

    /// A keyring of the plugin with two keys of 5 and 26 bytes, all of ones.
    fn of_plugin(version: &str) -> Vec<u8> {
        let mut keys = vec![];
        for (id, user, length) in [("one", "root@h", 5u64), ("two", "", 26)] {
            let used = LENGTHS_BYTES + (id.len() + 3 + user.len()) as u64 + length;
            let all = used.next_multiple_of(8);
            keys.extend(all.to_le_bytes()); // all, padded
            keys.extend((id.len() as u64).to_le_bytes()); // id
            keys.extend(3u64.to_le_bytes()); // type
            keys.extend((user.len() as u64).to_le_bytes()); // user
            keys.extend(length.to_le_bytes()); // key
            keys.extend([id, "AES", user].concat().as_bytes());
            let data = OBFUSCATION.iter().cycle().take(length as usize);
            keys.extend(data.map(|byte| byte ^ 0xFF));
            keys.resize(keys.len() + (all - used) as usize, 0); // padding
        }
        let mut file = [PLUGIN, version.as_bytes(), &keys, END].concat();
        if version == "2.0" {
            file.extend(Sha256::digest(&keys));
        }
        file
    }

    #[test]
    fn the_components_json_is_read() {
        let keyring = parse(json("MySQLReplicationKey_x_1", &[7; 32]).as_bytes()).unwrap();
        assert_eq!(&**keyring.key(b"MySQLReplicationKey_x_1").unwrap(), &[7; 32]);
        assert!(keyring.key(b"MySQLReplicationKey_x_2").is_none());
        let debug = format!("{keyring:?}");
        assert!(debug.contains("data: Secret") && !debug.contains("7, 7"), "{debug}");
    }

    #[test]
    fn both_versions_of_the_plugins_file_are_read() {
        for version in ["1.0", "2.0"] {
            let keyring = parse(&of_plugin(version)).unwrap();
            assert_eq!(&**keyring.key(b"two").unwrap(), &[0xFF; 26]);
            assert!(keyring.key(b"one").is_none(), "a user's key is not the server's");
            assert_eq!(&*keyring.keys[0].data, &[0xFF; 5]);
        }
    }

    #[test]
    fn a_broken_keyring_is_named_without_what_is_in_it() {
        let faults = [
            (&b""[..], "keyring: needed the JSON of component_keyring_file"),
            (b"{\"version\":\"1.0\",\"elements\":[{\"data\":\"c0ffee\",}]}", "line 1, column"),
            (b"{\"version\":\"2.0\"}", "keyring's \"version\""),
            (b"{\"version\":\"1.0\",\"elements\":3}", "keyring's \"elements\""),
            (b"{\"version\":\"1.0\",\"elements\":[{\"data\":\"c0ffe\"}]}", "element 0"),
            (b"Keyring file version:3.0EOF", "needed 1.0 or 2.0, had 3.0"),
        ];
        for (content, needed) in faults {
            let text = parse(content).unwrap_err().to_string();
            assert!(text.contains(needed) && !text.contains("c0ffe"), "{text}");
        }
        let mut changed = of_plugin("2.0");
        changed[100] ^= 1;
        assert!(parse(&changed).unwrap_err().to_string().contains("SHA-256"));
    }

    #[test]
    fn every_truncation_and_every_lying_length_is_an_error() {
        for version in ["1.0", "2.0"] {
            let whole = of_plugin(version);
            for length in 0..whole.len() {
                assert!(parse(&whole[..length]).is_err(), "{version} {length}");
            }
        }
        let whole = of_plugin("1.0");
        for at in (24..64).step_by(8) {
            let mut lying = whole.clone();
            lying[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            assert!(parse(&lying).is_err(), "{at}");
        }
    }
}
