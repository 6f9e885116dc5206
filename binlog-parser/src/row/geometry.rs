//! GEOMETRY: a spatial reference and WKB (`gis_get_geometry` of MySQL's `sql/gis/wkb.cc`, `Geometry` in
//! MariaDB's `sql/spatial.h`).

use super::float;
use crate::error::Fault;
use crate::limits;
use crate::wire::Reader;

/// A geometry value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry<'a> {
    /// Number of the spatial reference system; 0 is the plane.
    pub srid: u32,
    /// The shape as well-known binary.
    pub wkb: &'a [u8],
}

impl<'a> Geometry<'a> {
    /// The value of a column.
    ///
    /// # Errors
    /// A [`Fault`] if there are no four bytes for the SRID.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes);
        let srid = reader.u32("SRID")?;
        Ok(Geometry { srid, wkb: reader.rest() })
    }

    /// Appends the shape as well-known text, x before y as it is stored, as ST_AsText prints it
    /// for the plane. For geographic systems MySQL's ST_AsText may swap the axes.
    ///
    /// # Errors
    /// A [`Fault`] if the WKB is short, of an unknown shape, nested too deep or followed by more.
    pub fn write_wkt(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut reader = Reader::new(self.wkb);
        shape(&mut reader, None, out, 0)?;
        match reader.remaining() {
            0 => Ok(()),
            more => Err(Fault::value("WKB", "nothing after the shape", format!("{more} bytes"))),
        }
    }

    /// Appends `SRID=n;` unless it is 0, and the well-known text.
    ///
    /// # Errors
    /// As [`Geometry::write_wkt`].
    pub fn write_text(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        if self.srid != 0 {
            out.extend_from_slice(format!("SRID={};", self.srid).as_bytes());
        }
        self.write_wkt(out)
    }
}

const POINT: u32 = 1;
const LINESTRING: u32 = 2;
const POLYGON: u32 = 3;
const MULTIPOINT: u32 = 4;
const MULTILINESTRING: u32 = 5;
const MULTIPOLYGON: u32 = 6;
const COLLECTION: u32 = 7;

fn name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        POINT => "POINT",
        LINESTRING => "LINESTRING",
        POLYGON => "POLYGON",
        MULTIPOINT => "MULTIPOINT",
        MULTILINESTRING => "MULTILINESTRING",
        MULTIPOLYGON => "MULTIPOLYGON",
        COLLECTION => "GEOMETRYCOLLECTION",
        _ => return None,
    })
}

/// Writes one shape. The members of a multi-shape are all of kind `member`, and their name is not
/// repeated.
fn shape(
    reader: &mut Reader<'_>,
    member: Option<u32>,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Fault> {
    if depth > limits::GEOMETRY_DEPTH {
        let limit = limits::GEOMETRY_DEPTH as u64;
        return Err(Fault::limit("depth of a geometry", limit, depth as u64));
    }
    let big = match reader.u8("byte order of WKB")? {
        0 => true,
        1 => false,
        other => return Err(Fault::value("byte order of WKB", "0 or 1", other)),
    };
    let kind = number(reader, big, "shape of WKB")?;
    let Some(name) = name(kind).filter(|_| member.is_none_or(|member| member == kind)) else {
        return Err(Fault::value("shape of WKB", "1 to 7, and of its collection", kind));
    };
    if member.is_none() {
        out.extend_from_slice(name.as_bytes());
    }
    match kind {
        POINT => in_parentheses(out, |out| point(reader, big, out)),
        LINESTRING => points(reader, big, out),
        POLYGON => list(reader, big, out, |reader, out| points(reader, big, out)),
        COLLECTION => {
            let empty = reader.rest().starts_with(&[0; 4]);
            if empty {
                number(reader, big, "count of WKB")?;
                out.extend_from_slice(b" EMPTY");
                return Ok(());
            }
            list(reader, big, out, |reader, out| shape(reader, None, out, depth + 1))
        }
        multi => {
            let member = multi - MULTIPOINT + POINT;
            list(reader, big, out, |reader, out| shape(reader, Some(member), out, depth + 1))
        }
    }
}

fn points(reader: &mut Reader<'_>, big: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    list(reader, big, out, |reader, out| point(reader, big, out))
}

fn in_parentheses(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    out.push(b'(');
    write(out)?;
    out.push(b')');
    Ok(())
}

fn list(
    reader: &mut Reader<'_>,
    big: bool,
    out: &mut Vec<u8>,
    mut item: impl FnMut(&mut Reader<'_>, &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let count = number(reader, big, "count of WKB")?;
    in_parentheses(out, |out| {
        for index in 0..count {
            if index > 0 {
                out.push(b',');
            }
            item(reader, out)?;
        }
        Ok(())
    })
}

fn point(reader: &mut Reader<'_>, big: bool, out: &mut Vec<u8>) -> Result<(), Fault> {
    for axis in 0..2 {
        let bits = reader.u64("coordinate of WKB")?;
        if axis > 0 {
            out.push(b' ');
        }
        float::write_double(f64::from_bits(if big { bits.swap_bytes() } else { bits }), out);
    }
    Ok(())
}

fn number(reader: &mut Reader<'_>, big: bool, what: &'static str) -> Result<u32, Fault> {
    if big { reader.be_u32(what) } else { reader.u32(what) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(kind: u8) -> Vec<u8> {
        vec![1, kind, 0, 0, 0]
    }

    fn count(count: u32) -> Vec<u8> {
        count.to_le_bytes().into()
    }

    fn xy(x: f64, y: f64) -> Vec<u8> {
        [x.to_le_bytes(), y.to_le_bytes()].concat()
    }

    fn text(srid: u32, wkb: &[Vec<u8>]) -> Result<String, Fault> {
        let bytes = [srid.to_le_bytes().into(), wkb.concat()].concat();
        let mut out = Vec::new();
        Geometry::decode(&bytes)?.write_text(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_shape() {
        let point = || [header(1), xy(1.5, -2.0)].concat();
        let line = || [header(2), count(2), xy(0.0, 0.0), xy(1.0, 1.0)].concat();
        let polygon =
            || [header(3), count(1), count(3), xy(0.0, 0.0), xy(1.0, 0.0), xy(0.0, 0.0)].concat();
        for (wkb, expected) in [
            (point(), "POINT(1.5 -2)"),
            (line(), "LINESTRING(0 0,1 1)"),
            (polygon(), "POLYGON((0 0,1 0,0 0))"),
            ([header(4), count(1), point()].concat(), "MULTIPOINT((1.5 -2))"),
            ([header(5), count(1), line()].concat(), "MULTILINESTRING((0 0,1 1))"),
            ([header(6), count(1), polygon()].concat(), "MULTIPOLYGON(((0 0,1 0,0 0)))"),
            (
                [header(7), count(2), point(), line()].concat(),
                "GEOMETRYCOLLECTION(POINT(1.5 -2),LINESTRING(0 0,1 1))",
            ),
            ([header(7), count(0)].concat(), "GEOMETRYCOLLECTION EMPTY"),
        ] {
            assert_eq!(text(0, &[wkb]).unwrap(), expected);
        }
        assert_eq!(text(4326, &[point()]).unwrap(), "SRID=4326;POINT(1.5 -2)");
    }

    #[test]
    fn big_endian_is_read_too() {
        let mut wkb = vec![0, 0, 0, 0, 1];
        wkb.extend(1f64.to_be_bytes());
        wkb.extend(2f64.to_be_bytes());
        assert_eq!(text(0, &[wkb]).unwrap(), "POINT(1 2)");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(text(0, &[header(8)]).is_err());
        assert!(text(0, &[header(1), xy(0.0, 0.0), vec![0]]).is_err());
        assert!(text(0, &[header(4), count(1), header(2), count(0)]).is_err());
        assert_eq!(
            text(0, &[header(2), count(u32::MAX)]).unwrap_err().to_string(),
            "coordinate of WKB: needed 8 bytes, had 0"
        );
        let deep: Vec<u8> = (0..10_000).flat_map(|_| [header(7), count(1)].concat()).collect();
        assert!(text(0, &[deep]).unwrap_err().to_string().starts_with("depth of a geometry"));
    }

    proptest! {
        #[test]
        fn any_bytes_print_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(geometry) = Geometry::decode(&bytes) {
                let mut out = Vec::new();
                let _ = geometry.write_text(&mut out);
                prop_assert!(out.len() <= bytes.len() * 4 + 64);
            }
        }
    }
}
