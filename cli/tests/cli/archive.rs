//! Packed logs: every verb does with them what it does with plain ones.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::common::{Logs, binlog, one_log};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/shop/mysql-9.7")
}

/// The shop's logs, each packed in one way or the other, with the index.
fn packed_shop() -> Logs {
    let mut files = vec![("binlog.index", fs::read(shop().join("binlog.index")).unwrap())];
    for (name, suffixed, pack) in [
        ("binlog.000001", "binlog.000001.gz", gzip as fn(&[u8]) -> Vec<u8>),
        ("binlog.000002", "binlog.000002.zst", zstd),
        // Known by content alone.
        ("binlog.000003", "binlog.000003", gzip),
        ("binlog.000004", "binlog.000004.gz", zstd),
    ] {
        files.push((suffixed, pack(&fs::read(shop().join(name)).unwrap())));
    }
    Logs::of_bytes(&files)
}

fn parts(output: Output) -> (Option<i32>, String) {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!stderr.contains("panicked"), "{stderr}");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &stderr)
}

fn run(verb: &[&str], folder: &Path, logs: &str) -> (Option<i32>, String) {
    parts(binlog().args(verb).arg(logs).current_dir(folder).output().unwrap())
}

fn piped(verb: &[&str], bytes: Vec<u8>) -> (Option<i32>, String) {
    parts(binlog().args(verb).arg("-").write_stdin(bytes).output().unwrap())
}

#[test]
fn packed_logs_are_read_as_plain_ones() {
    let packed = packed_shop();
    for verb in [
        &["verify"][..],
        &["find"],
        &["find", "--format=json"],
        &["events", "--format=json"],
        &["replay"],
    ] {
        for logs in [".", "binlog.index"] {
            assert_eq!(run(verb, &packed.path(""), logs), run(verb, &shop(), logs), "{verb:?}");
        }
    }
}

#[test]
fn a_packed_log_is_read_from_a_pipe() {
    let plain = fs::read(shop().join("binlog.000002")).unwrap();
    for verb in [&["verify"][..], &["find"], &["events"]] {
        let expected = piped(verb, plain.clone());
        assert_eq!(piped(verb, gzip(&plain)), expected);
        assert_eq!(piped(verb, zstd(&plain)), expected);
    }
}

#[test]
fn an_archive_that_breaks_off_is_damage_with_its_reason() {
    let log = one_log().build();
    // Packed in two parts, of which the second breaks off: the first ends inside an event.
    let mut packed = gzip(&log[..300]);
    packed.extend(&gzip(&log[300..])[..12]);
    let logs = Logs::of_bytes(&[("binlog.000001.gz", packed)]);
    let (code, text) = run(&["verify"], &logs.path(""), "binlog.000001.gz");
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("binlog.000001: DAMAGED"), "{text}");
    assert!(text.contains("bytes lost: the gzip archive cannot be read any further: "), "{text}");
    let (code, text) = run(&["replay"], &logs.path(""), "binlog.000001.gz");
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("the stream ends before this"), "{text}");
}

#[test]
fn an_archive_that_lacks_its_end_between_events_is_damage_too() {
    let packed = [gzip(&one_log().build()), b"more".to_vec()].concat();
    let (code, text) = piped(&["verify"], packed.clone());
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("lost from here on: the gzip archive"), "{text}");
    let (code, text) = piped(&["verify", "--format=json"], packed);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains(r#""reason":"damaged_archive","bytes_lost":0"#), "{text}");
}

#[test]
fn what_is_no_log_is_refused_with_the_way_out() {
    let bomb = [zstd(&one_log().build()), zstd(&vec![0; 1 << 20]).repeat(80)].concat();
    for (bytes, why, hint) in [
        (gzip(b"-- MySQL dump"), "gzip archive: first bytes: needed fe 62 69 6e", ""),
        (gzip(b"\xfdbin\x01"), "header of an encrypted log: needed 512 bytes", "fe 62 69 6e"),
        (bomb, "zstd archive: bytes that", "pipe it in: gzip -dc FILE | binlog VERB -"),
    ] {
        let (code, text) = piped(&["find"], bytes);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(why) && text.contains(hint), "{text}");
    }
}
