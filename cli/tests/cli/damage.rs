//! Whatever is done to a log, the program ends with a code that says so, and never dies.

use crate::common::{binlog, one_log};

/// The exit code of a verb on these bytes; fails if the program dies.
fn code(verb: &[&str], bytes: Vec<u8>) -> i32 {
    let output = binlog().args(verb).arg("-").write_stdin(bytes).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{verb:?}: {stderr}");
    output.status.code().expect("ended by itself")
}

#[test]
fn a_flipped_byte_is_told_wherever_it_is() {
    let log = one_log().build();
    for at in 0..log.len() {
        let mut bytes = log.clone();
        bytes[at] ^= 0xFF;
        let verb: &[&str] = match at % 4 {
            0 => &["verify"],
            1 => &["info"],
            2 => &["events", "--format=json"],
            _ => &["replay"],
        };
        let code = code(verb, bytes);
        assert!([2, 3].contains(&code), "{verb:?}: byte {at}: exit {code}");
    }
}

#[test]
fn a_cut_is_told_unless_it_is_between_transactions() {
    let log = one_log().build();
    // Ends of events between transactions: a log that ends there lacks nothing that can be known.
    let whole = [127, 204, 285, 460, 504];
    for length in 0..log.len() {
        let code = code(&["verify"], log[..length].to_vec());
        let expected = if whole.contains(&length) { &[0][..] } else { &[2, 3] };
        assert!(expected.contains(&code), "{length} bytes: exit {code}");
    }
}
