//! MariaDB's compressed columns (`sql/field_comp.cc`): a byte that names the method, then the data.

use crate::error::Fault;

/// The plain bytes of a compressed value. An empty value is stored as nothing, a short one plain
/// behind a zero byte.
///
/// # Errors
/// A [`Fault`] for values that zlib compressed: inflating them is not done yet.
pub fn plain(bytes: &[u8]) -> Result<&[u8], Fault> {
    match bytes.split_first() {
        None => Ok(bytes),
        Some((method, plain)) if method >> 4 == 0 => Ok(plain),
        Some((method, _)) if method >> 4 == 8 => Err(Fault::unsupported(
            "compressed column",
            "values that zlib compressed are not inflated",
        )),
        Some((method, _)) => {
            Err(Fault::value("method of a compressed column", "0 or 8", method >> 4))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_are_plain_and_long_ones_refused() {
        assert_eq!(plain(b""), Ok(&b""[..]));
        assert_eq!(plain(b"\0abc"), Ok(&b"abc"[..]));
        assert!(plain(b"\x81\x05").unwrap_err().to_string().contains("zlib"));
        assert!(plain(b"\x30").is_err());
    }
}
