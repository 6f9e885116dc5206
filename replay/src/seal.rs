//! The end of an event that is written anew: its length and its checksum.

use std::ops::Range;

/// Where the length stands in a header.
const LENGTH: Range<usize> = 9..13;

/// Ends the event that starts at `start` of `out` and has no checksum yet: appends `checksum_bytes`
/// (0 or 4) bytes of CRC-32, and enters its length.
pub(crate) fn seal(out: &mut Vec<u8>, start: usize, checksum_bytes: usize) {
    let length = (out.len() - start + checksum_bytes) as u32;
    let Some(event) = out.get_mut(start..) else { return };
    if let Some(field) = event.get_mut(LENGTH) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    if checksum_bytes > 0 {
        let crc = crc32fast::hash(event);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// Makes the checksum right of an event that has one and was changed.
pub(crate) fn reseal(event: &mut [u8]) {
    if let Some((checked, crc)) = event.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(checked).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_gets_its_length_and_its_checksum() {
        let mut out = vec![0xEE; 2]; // what stands before
        out.extend([0; 19]); // header
        out.push(7); // body
        seal(&mut out, 2, 4);
        assert_eq!(out[2 + 9..2 + 13], 24u32.to_le_bytes());
        assert_eq!(out[22..], crc32fast::hash(&out[2..22]).to_le_bytes());
        out[21] = 8;
        let sealed = out.clone();
        reseal(&mut out[2..]);
        assert_ne!(out, sealed);
        assert_eq!(out[22..], crc32fast::hash(&out[2..22]).to_le_bytes());
        let mut plain = vec![0; 20];
        seal(&mut plain, 0, 0);
        assert_eq!((plain.len(), plain[9]), (20, 20));
    }
}
