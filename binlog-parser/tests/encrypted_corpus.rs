//! Decrypts every encrypted log of the corpus with the key file that belongs to it, and reads every
//! keyring and key file there is.
//!
//! The logs are other projects' test data and are not kept here. Where they are not beside the
//! workspace, this test says so and checks nothing; `BINLOG_CORPUS` names another folder.

use std::fs;
use std::path::{Path, PathBuf};

use binlog_parser::Error;
use binlog_parser::event::format_description::ChecksumAlgorithm;
use binlog_parser::header::Family;
use binlog_parser::scan::{DamageReason, Scanned};
use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log::Log;

fn corpus() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus");
    let folder = std::env::var_os("BINLOG_CORPUS").map_or_else(|| beside.into(), PathBuf::from);
    let found = folder.join("files").is_dir().then_some(folder);
    if found.is_none() {
        eprintln!("SKIPPED: no corpus of real logs beside the workspace, nothing was checked");
    }
    found
}

/// The logs of the catalogue that are encrypted.
fn encrypted_logs(folder: &Path) -> Vec<PathBuf> {
    let catalogue = fs::read_to_string(folder.join("CATALOG.tsv")).unwrap();
    let rows = catalogue.lines().filter(|row| row.contains("encrypted"));
    let logs = rows.map(|row| folder.join(row.split('\t').nth(2).unwrap()));
    let logs: Vec<_> = logs.filter(|log| is_encrypted(log)).collect();
    assert!(logs.len() >= 2, "the catalogue names {} encrypted logs", logs.len());
    logs
}

/// Whether a log is refused for want of its key.
fn is_encrypted(path: &Path) -> bool {
    matches!(Log::open(path), Err(Error::Encrypted { .. }))
}

/// The file of keys that KEYS.tsv has for the log.
fn keys_for(folder: &Path, log: &Path) -> Keys {
    let table = fs::read_to_string(folder.join("KEYS.tsv")).unwrap();
    // Names in the corpus keep the folders of their origin, divided by two underscores.
    let name = log.file_name().unwrap().to_str().unwrap().rsplit("__").next().unwrap().to_owned();
    let row = table.lines().find(|row| row.contains(&format!("opens {name} ")));
    let row = row.unwrap_or_else(|| panic!("KEYS.tsv has no key for {name}"));
    let file = folder.join(row.split('\t').nth(2).unwrap());
    if fs::read(log).unwrap().starts_with(b"\xfdbin") {
        Keys::none().with_keyring(&file).unwrap()
    } else {
        Keys::none().with_key_file(&file, None).unwrap()
    }
}

#[test]
fn every_checksum_of_every_encrypted_log_is_right() {
    let Some(folder) = corpus() else { return };
    for path in encrypted_logs(&folder) {
        let log = Log::open_with(&path, &keys_for(&folder, &path)).unwrap();
        let encryption = log.encryption().unwrap();
        let cipher = match encryption.by {
            Family::Mysql => "AES-256-CTR",
            Family::Mariadb => "AES-128-CBC",
        };
        assert_eq!(encryption.cipher, cipher);
        assert_eq!(log.format().checksum, ChecksumAlgorithm::Crc32);
        let mut events = 0;
        for scanned in log.scan() {
            match scanned {
                Scanned::Event(event) => {
                    assert!(event.event_type().is_known(), "{}", log.location(event.offset));
                    events += 1;
                }
                // A copy that was taken while the server wrote.
                Scanned::Damage(damage) => {
                    let torn = matches!(damage.reason, DamageReason::Torn { in_use: true, .. });
                    assert!(torn && damage.range.end == log.len(), "{damage:?}");
                }
            }
        }
        assert!(events >= 10, "{}: {events} events", path.display());
        eprintln!("{}: {events} events, {cipher}", path.display());
    }
}

#[test]
fn every_file_of_keys_is_read_or_refused_for_what_is_wrong_with_it() {
    let Some(folder) = corpus() else { return };
    let keys = folder.join("keys");
    let mut keyrings = 0;
    for entry in fs::read_dir(&keys).unwrap() {
        let path = entry.unwrap().path();
        if fs::read(&path).unwrap().starts_with(b"Keyring file version:") {
            Keys::none().with_keyring(&path).unwrap();
            keyrings += 1;
        }
    }
    assert!(keyrings >= 6, "{keyrings}");
    let open = |file: &str, secret: Option<&str>| {
        let secret = secret.map(|secret| keys.join(secret));
        Keys::none().with_key_file(&keys.join(file), secret.as_deref())
    };
    for plain in ["keys.txt", "logkey.txt"] {
        open(plain, None).unwrap();
    }
    open("filekeys-data.enc", Some("filekeys-data.key")).unwrap();
    let random = "filekeys_secret_openssl_rand_128bits";
    open(&format!("{random}.enc"), Some(&format!("{random}.key"))).unwrap();
    for (file, secret, why) in [
        ("filekeys-data.enc", None, "needed the file with its password"),
        ("filekeys-data.enc", Some("filekeys-data-too-long.key"), "needed at most 256"),
        ("filekeys-tooshort.enc", Some("filekeys-data.key"), "salt of the key file"),
    ] {
        let text = open(file, secret).unwrap_err().to_string();
        assert!(text.contains(why), "{text}");
    }
}
