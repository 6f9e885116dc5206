//! One level of MySQL's binary JSON: the entries of an object or array, and how long values are.

use crate::error::Fault;
use crate::wire::Reader;

/// Types of values (`JSONB_TYPE_*` in `json_binary.cc`).
pub(super) mod jsonb {
    pub const SMALL_OBJECT: u8 = 0;
    pub const LARGE_OBJECT: u8 = 1;
    pub const SMALL_ARRAY: u8 = 2;
    pub const LARGE_ARRAY: u8 = 3;
    pub const LITERAL: u8 = 4;
    pub const INT16: u8 = 5;
    pub const UINT16: u8 = 6;
    pub const INT32: u8 = 7;
    pub const UINT32: u8 = 8;
    pub const INT64: u8 = 9;
    pub const UINT64: u8 = 10;
    pub const DOUBLE: u8 = 11;
    pub const STRING: u8 = 12;
    pub const OPAQUE: u8 = 15;
}

/// Count, size, keys and values of an object or array, one level of it.
pub(super) struct Container<'a> {
    data: &'a [u8],
    large: bool,
    /// How many members or elements there are.
    pub(super) count: usize,
    keys: Reader<'a>,
    values: Reader<'a>,
}

impl<'a> Container<'a> {
    /// The container that starts where its offsets count from. `keyed` ones are objects.
    pub(super) fn read(data: &'a [u8], large: bool, keyed: bool) -> Result<Self, Fault> {
        let mut reader = Reader::new(data);
        let count = offset(&mut reader, large, "count of JSON elements")?;
        let size = offset(&mut reader, large, "size of a JSON container")?;
        let Some(data) = data.get(..size) else {
            return Err(Fault::short("JSON container", size as u64, data.len() as u64));
        };
        let offset_bytes = if large { 4 } else { 2 };
        let mut reader = Reader::new(data);
        reader.take(2 * offset_bytes, "JSON container")?;
        let key_bytes = if keyed { count.saturating_mul(offset_bytes + 2) } else { 0 };
        let keys = Reader::new(reader.take(key_bytes, "key entries of JSON")?);
        let value_bytes = count.saturating_mul(offset_bytes + 1);
        let values = Reader::new(reader.take(value_bytes, "value entries of JSON")?);
        Ok(Container { data, large, count, keys, values })
    }

    /// Bytes of its head and entries.
    pub(super) fn entry_bytes(&self) -> usize {
        let head = if self.large { 8 } else { 4 };
        head + self.keys.remaining() + self.values.remaining()
    }

    /// The next key.
    pub(super) fn key(&mut self) -> Result<&'a [u8], Fault> {
        let start = offset(&mut self.keys, self.large, "offset of a JSON key")?;
        let length = self.keys.u16("length of a JSON key")?;
        let mut reader = Reader::new(self.from(start, "JSON key")?);
        reader.take(length.into(), "JSON key")
    }

    /// Type and data of the next value. Small values stand in the entry itself.
    pub(super) fn value(&mut self) -> Result<(u8, &'a [u8]), Fault> {
        let kind = self.values.u8("type of a JSON value")?;
        let width = if self.large { 4 } else { 2 };
        let entry = self.values.take(width, "offset of a JSON value")?;
        if is_inline(kind, self.large) {
            return Ok((kind, entry));
        }
        let start = offset(&mut Reader::new(entry), self.large, "offset of a JSON value")?;
        Ok((kind, self.from(start, "JSON value")?))
    }

    fn from(&self, start: usize, what: &'static str) -> Result<&'a [u8], Fault> {
        self.data
            .get(start..)
            .ok_or_else(|| Fault::short(what, start as u64, self.data.len() as u64))
    }
}

/// Bytes of a value of type `kind` at the start of `data`, which may hold more.
pub(super) fn value_bytes(kind: u8, data: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(data);
    match kind {
        jsonb::SMALL_OBJECT | jsonb::LARGE_OBJECT | jsonb::SMALL_ARRAY | jsonb::LARGE_ARRAY => {
            let large = matches!(kind, jsonb::LARGE_OBJECT | jsonb::LARGE_ARRAY);
            let keyed = matches!(kind, jsonb::SMALL_OBJECT | jsonb::LARGE_OBJECT);
            return Ok(Container::read(data, large, keyed)?.data);
        }
        jsonb::LITERAL => reader.take(1, "JSON literal")?,
        jsonb::INT16 | jsonb::UINT16 => reader.take(2, "JSON integer")?,
        jsonb::INT32 | jsonb::UINT32 => reader.take(4, "JSON integer")?,
        jsonb::INT64 | jsonb::UINT64 | jsonb::DOUBLE => reader.take(8, "JSON number")?,
        jsonb::STRING => counted(&mut reader, "JSON string")?,
        jsonb::OPAQUE => {
            reader.u8("type of an opaque JSON value")?;
            counted(&mut reader, "opaque JSON value")?
        }
        other => return Err(Fault::value("JSON type", "0 to 12 or 15", other)),
    };
    Ok(data.get(..data.len() - reader.remaining()).unwrap_or(data))
}

/// Whether values of this type stand in the entries of their container.
pub(super) fn is_inline(kind: u8, large: bool) -> bool {
    match kind {
        jsonb::LITERAL | jsonb::INT16 | jsonb::UINT16 => true,
        jsonb::INT32 | jsonb::UINT32 => large,
        _ => false,
    }
}

fn offset(reader: &mut Reader<'_>, large: bool, what: &'static str) -> Result<usize, Fault> {
    if large { Ok(reader.u32(what)? as usize) } else { Ok(reader.u16(what)?.into()) }
}

/// Bytes with their count before them, seven bits a byte, the lowest first.
pub(super) fn counted<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], Fault> {
    let mut length = 0u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8(what)?;
        length |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return reader.take_u64(length, what);
        }
    }
    Err(Fault::limit(what, u32::MAX.into(), length))
}
