//! Hexadecimal digits, as key files have them.

/// The bytes that pairs of digits stand for; none if one is no digit or has no partner.
pub(super) fn decode(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_digits_of_either_case_are_bytes() {
        assert_eq!(decode(b"00fFa1"), Some(vec![0, 0xFF, 0xA1]));
        assert_eq!(decode(b""), Some(vec![]));
        for wrong in [&b"0"[..], b"0g", b"+1", b"\xC3\xA9"] {
            assert_eq!(decode(wrong), None);
        }
    }
}
