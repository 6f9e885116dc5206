//! What a log begins with, and what people hand in instead.

use crate::error::Fault;

/// The first four bytes of a log (`BINLOG_MAGIC`).
pub const MAGIC: [u8; 4] = *b"\xfebin";

/// The first four bytes of a log that MySQL has encrypted (`BINLOG_ENCRYPTION_MAGIC`).
pub const ENCRYPTED_MAGIC: [u8; 4] = *b"\xfdbin";

/// Stream position of the first event.
pub const FIRST_EVENT: u64 = MAGIC.len() as u64;

/// Other things that people hand in as logs, by their first bytes, and what to do about it.
const NOT_A_LOG: [(&[u8], &str); 9] = [
    (b"\x1f\x8b", "gzip once more; unpack it: gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd once more; unpack it: zstd -dc"),
    (b"\xfd7zXZ\0", "xz once more; unpack it: xz -dc"),
    (b"BZh", "bzip2 once more; unpack it: bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "lz4 once more; unpack it: lz4 -dc"),
    (b"\x02\x21\x4c\x18", "lz4 of the legacy format; unpack it: lz4 -dc"),
    (b"PK\x03\x04", "zip, which may hold several files; unpack it and give its logs"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip, which may hold several files; unpack it and give its logs"),
    (b"\xfe\xfe", "an index of MariaDB's (.idx); give the log that it belongs to"),
];

/// What says at this offset that a file is a tar.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Names what `bytes` are, if they are not those of a log.
pub(super) fn check_magic(bytes: &[u8]) -> Result<(), Fault> {
    if bytes.starts_with(&MAGIC) {
        return Ok(());
    }
    let needed = "fe 62 69 6e (a binary log)";
    for (magic, name) in NOT_A_LOG {
        if bytes.starts_with(magic) {
            return Err(Fault::value("first bytes", needed, name));
        }
    }
    if bytes.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        let name = "tar, which may hold several files; unpack it and give its logs";
        return Err(Fault::value("first bytes", needed, name));
    }
    match bytes.get(..MAGIC.len()) {
        None => Err(Fault::short("first bytes of a binary log", 4, bytes.len() as u64)),
        Some([a, b, c, d]) => {
            Err(Fault::value("first bytes", needed, format!("{a:02x} {b:02x} {c:02x} {d:02x}")))
        }
        Some(_) => Err(Fault::value("first bytes", needed, "others")),
    }
}
