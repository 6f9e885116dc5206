//! MariaDB's types that come from plugins: UUID, INET4, INET6 (`plugin/type_uuid`,
//! `plugin/type_inet`). A log has them as CHAR of so many bytes; only the table's definition says
//! what they are.

use std::fmt;
use std::io::Write;
use std::net::Ipv4Addr;

use crate::error::Fault;

/// Which type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginType {
    /// UUID.
    Uuid,
    /// INET4.
    Inet4,
    /// INET6.
    Inet6,
}

impl PluginType {
    /// Bytes of a value.
    #[must_use]
    pub fn bytes(self) -> u16 {
        match self {
            PluginType::Inet4 => 4,
            PluginType::Uuid | PluginType::Inet6 => 16,
        }
    }
}

/// A value of such a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PluginValue {
    /// Its type.
    pub plugin_type: PluginType,
    /// Its bytes in the order of the text; an INET4 has the first four.
    pub bytes: [u8; 16],
}

impl PluginValue {
    /// The value of a column. The server does not log the zeros at its end.
    ///
    /// # Errors
    /// A [`Fault`] if there are more bytes than the type has.
    pub fn decode(logged: &[u8], plugin_type: PluginType) -> Result<Self, Fault> {
        let mut bytes = [0; 16];
        let most = usize::from(plugin_type.bytes());
        match bytes.get_mut(..logged.len()) {
            Some(start) if logged.len() <= most => start.copy_from_slice(logged),
            _ => {
                let what = format!("value of {plugin_type:?}");
                return Err(Fault::limit(what, most as u64, logged.len() as u64));
            }
        }
        Ok(PluginValue { plugin_type, bytes })
    }

    /// Appends the value as the server shows it.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{self}");
    }
}

impl fmt::Display for PluginValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plugin_type {
            PluginType::Uuid => {
                for (index, byte) in self.bytes.iter().enumerate() {
                    let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
            PluginType::Inet4 => {
                let [a, b, c, d, ..] = self.bytes;
                write!(f, "{}", Ipv4Addr::new(a, b, c, d))
            }
            PluginType::Inet6 => inet6(&self.bytes, f),
        }
    }
}

/// As `Inet6::to_string` of the server: the longest run of zero words becomes `::`, and behind a
/// run that makes it one of version 4, the rest is written as such.
fn inet6(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let words: Vec<u16> =
        bytes.as_chunks().0.iter().map(|word| u16::from_be_bytes(*word)).collect();
    let gap = longest_gap(&words);
    let mapped = gap == (0..5) && words.get(5) == Some(&0xFFFF);
    let mut index = 0;
    while index < words.len() {
        if index == gap.start && !gap.is_empty() {
            f.write_str("::")?;
            index = gap.end;
            continue;
        }
        if index > 0 && index != gap.end {
            f.write_str(":")?;
        }
        if index == 6 && (gap == (0..6) || mapped) {
            let [.., a, b, c, d] = *bytes;
            return write!(f, "{}", Ipv4Addr::new(a, b, c, d));
        }
        write!(f, "{:x}", words.get(index).copied().unwrap_or_default())?;
        index += 1;
    }
    Ok(())
}

/// The first of the longest runs of zeros.
fn longest_gap(words: &[u16]) -> std::ops::Range<usize> {
    let mut longest = 0..0;
    let mut start = 0;
    for (index, word) in words.iter().enumerate() {
        if *word != 0 {
            start = index + 1;
        } else if index + 1 - start > longest.len() {
            longest = start..index + 1;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], plugin_type: PluginType) -> String {
        PluginValue::decode(bytes, plugin_type).unwrap().to_string()
    }

    #[test]
    fn zeros_at_the_end_come_back() {
        assert_eq!(text(&[127], PluginType::Inet4), "127.0.0.0");
        assert_eq!(text(&[], PluginType::Inet6), "::");
        assert_eq!(
            text(&[0x12, 0x34, 0, 0, 0xAB], PluginType::Uuid),
            "12340000-ab00-0000-0000-000000000000"
        );
        let fault = PluginValue::decode(&[0; 5], PluginType::Inet4).unwrap_err();
        assert_eq!(fault.to_string(), "value of Inet4: needed at most 4, had 5");
    }

    #[test]
    fn addresses_of_version_6_are_shortened_as_the_server_does() {
        for text in
            ["::1", "1::", "2001:db8::ff00:42:8329", "1:0:0:2::3", "::1.2.3.4", "::ffff:1.2.3.4"]
        {
            let bytes = text.parse::<std::net::Ipv6Addr>().unwrap().octets();
            assert_eq!(self::text(&bytes, PluginType::Inet6), text);
        }
    }
}
