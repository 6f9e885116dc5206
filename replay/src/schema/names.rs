//! Names and texts of a statement in UTF-8, as the servers keep and log them.

use std::borrow::Cow;

use encoding_rs::{BIG5, Encoding, GB18030, GBK, SHIFT_JIS, WINDOWS_1252};

use crate::sql::ClientCharset;

/// Converts a name from the client's character set; `None` if its bytes do not say what it is.
///
/// A client whose character set is neither UTF-8 nor one of those that [`ClientCharset`] names is
/// not told from one with UTF-8: text that is no UTF-8 is refused rather than misread.
pub(crate) fn to_utf8(name: &[u8], charset: ClientCharset) -> Option<Cow<'_, [u8]>> {
    if name.is_ascii() {
        return Some(Cow::Borrowed(name));
    }
    let encoding: &'static Encoding = match charset {
        ClientCharset::AsciiSafe => {
            return std::str::from_utf8(name).ok().map(|_| Cow::Borrowed(name));
        }
        ClientCharset::Latin1 => WINDOWS_1252,
        ClientCharset::Sjis => SHIFT_JIS,
        ClientCharset::Big5 => BIG5,
        ClientCharset::Gbk => GBK,
        ClientCharset::Gb18030 => GB18030,
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(name)?;
    Some(Cow::Owned(text.into_owned().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_as_the_table_map_has_them() {
        let utf8 = |name, charset| to_utf8(name, charset).map(|name| name.into_owned());
        let expected = |name: &str| Some(name.as_bytes().to_vec());
        assert_eq!(utf8(b"gr\xFC\xDFe", ClientCharset::Latin1), expected("grüße"));
        assert_eq!(utf8(b"\x95\x5C", ClientCharset::Sjis), expected("表"));
        assert_eq!(utf8(b"\xB1\xED", ClientCharset::Gbk), expected("表"));
        assert_eq!(utf8("表".as_bytes(), ClientCharset::AsciiSafe), expected("表"));
        // Another client's bytes, or broken ones: not guessed.
        assert_eq!(utf8(b"gr\xFC\xDFe", ClientCharset::AsciiSafe), None);
        assert_eq!(utf8(b"\x95", ClientCharset::Sjis), None);
    }
}
