//! Encrypted logs: what is said where the key is missing, and that nothing is told of keys.

use crate::common::{Logs, binlog};

const KEY_ID: &str = "MySQLReplicationKey_5c1b8b2e-0000-11f0-a000-0242ac110002_3";

/// The header of a log that a MySQL server has encrypted, and some bytes of its stream.
fn encrypted() -> Vec<u8> {
    let mut log = b"\xfdbin\x01".to_vec(); // magic, version
    log.extend([1, KEY_ID.len() as u8]); // key id
    log.extend(KEY_ID.as_bytes());
    log.push(2); // password
    log.extend([9; 32]);
    log.push(3); // initialisation vector
    log.extend([8; 16]);
    log.resize(512, 0);
    log.extend([7; 200]);
    log
}

/// What a run says on standard error; it must end with 2.
fn refused(arguments: &[&str]) -> String {
    let output = binlog().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_key_that_is_missing_is_named_and_the_option_that_gives_it() {
    let digits = "c0ffee".repeat(11)[..64].to_owned();
    let element =
        |id: &str| format!(r#"{{"user":"","data_id":"{id}","data_type":"AES","data":"{digits}"}}"#);
    let keyring = |id: &str| format!(r#"{{"version":"1.0","elements":[{}]}}"#, element(id));
    let logs = Logs::of_bytes(&[
        ("binlog.000001", encrypted()),
        ("other.json", keyring("MySQLReplicationKey_other_1").into_bytes()),
        ("wrong.json", keyring(KEY_ID).into_bytes()),
        ("broken.json", keyring(KEY_ID).as_bytes()[1..].to_vec()),
        ("keys.txt", format!("1;{digits}\nkey {digits}\n").into_bytes()),
    ]);
    let path = |name: &str| logs.path(name).display().to_string();
    let log = path("binlog.000001");
    for verb in ["info", "verify", "events", "find", "replay"] {
        let text = refused(&[verb, &log]);
        assert!(text.contains(KEY_ID) && text.contains("--keyring FILE"), "{text}");
    }
    for (option, file, needed) in [
        ("--keyring", "other.json", "the keyring does not hold it"),
        ("--keyring", "wrong.json", "key of this name is another"),
        ("--keyring", "broken.json", "keyring: needed the JSON"),
        ("--keyring", "keys.txt", "keyring: needed the JSON"),
        ("--encryption-keys", "wrong.json", "line 1 of the key file"),
        ("--encryption-keys", "keys.txt", "line 2 of the key file"),
        ("--keyring", "missing", "missing"),
    ] {
        let text = refused(&["info", "--log-format=json", option, &path(file), &log]);
        assert!(text.contains(needed), "{text}");
        assert!(!text.to_lowercase().contains("c0ffee"), "{text}");
    }
}
