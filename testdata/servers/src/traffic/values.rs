//! Literals of every type: its edges as often as what lies between.

use std::fmt::Write as _;

use super::Traffic;
use super::tables::Kind;

/// A literal for a column of this kind, NULL now and then.
pub(super) fn nullable(traffic: &mut Traffic, kind: Kind) -> String {
    if traffic.one_in(9) { "NULL".to_owned() } else { literal(traffic, kind) }
}

/// A literal for a column of this kind.
pub(super) fn literal(traffic: &mut Traffic, kind: Kind) -> String {
    match kind {
        Kind::Int(bits) => integer(traffic, bits).to_string(),
        Kind::Unsigned(bits) => unsigned(traffic, bits).to_string(),
        Kind::Decimal(digits, scale) => decimal(traffic, digits, scale),
        Kind::Float => traffic
            .one_of(&["0", "-0.0", "1.5", "-3.4e38", "1.17549e-38", "0.1", "16777217"])
            .into(),
        Kind::Double => double(traffic),
        Kind::Bit(bits) => format!("b'{:b}'", unsigned(traffic, bits)),
        Kind::Date => format!("'{}'", date(traffic)),
        Kind::Year => traffic.one_of(&["0", "1901", "1999", "2155"]).to_owned(),
        Kind::Time(fraction) => time(traffic, fraction),
        Kind::Datetime(fraction) => {
            let (date, clock) = (date(traffic), clock(traffic, fraction));
            format!("'{date} {clock}'")
        }
        Kind::Timestamp(fraction) => {
            let (year, clock) = (1971 + traffic.below(66), clock(traffic, fraction));
            format!("'{year}-{:02}-15 {clock}'", 1 + traffic.below(12))
        }
        Kind::Text(most) => text(traffic, most, &["a", "Z", "é", "表", "😀", "'", "\\", "\n", " "]),
        Kind::Latin(most) => text(traffic, most, &["a", "B", "é", "'", "\\", " ", "-- ", "/*"]),
        Kind::Japanese(most) => text(traffic, most, &["表", "ソ", "a", "能", "'"]),
        Kind::Bytes(most) => bytes(traffic, most),
        Kind::Enum(members) => (1 + traffic.below(members)).to_string(),
        Kind::Set(members) => traffic.below(1 << members).to_string(),
        Kind::Json => json(traffic),
        Kind::Geometry => geometry(traffic),
        Kind::Vector(dimensions) => vector(traffic, dimensions),
        Kind::Uuid => {
            let (high, low) = (traffic.rng.u64(..), traffic.rng.u32(..));
            let high = format!("{high:016x}");
            let (a, b, c) = (&high[..8], &high[8..12], &high[12..]);
            format!("'{a}-{b}-{c}-9abc-0000{low:08x}'")
        }
        Kind::Inet4 => format!("'10.{}.0.{}'", traffic.below(256), traffic.below(256)),
        Kind::Inet6 => {
            let end = traffic.below(0x10000);
            traffic
                .one_of(&["'::1'", "'fe80::{}'", "'::ffff:10.0.0.1'"])
                .replace("{}", &format!("{end:x}"))
        }
    }
}

fn integer(traffic: &mut Traffic, bits: u32) -> i64 {
    let (least, most) = (i64::MIN >> (64 - bits), i64::MAX >> (64 - bits));
    let between = traffic.rng.i64(least..=most);
    traffic.one_of(&[least, most, 0, -1, between, between, between])
}

fn unsigned(traffic: &mut Traffic, bits: u32) -> u64 {
    let most = u64::MAX >> (64 - bits);
    let between = traffic.rng.u64(..=most);
    traffic.one_of(&[most, 0, between, between, between])
}

fn decimal(traffic: &mut Traffic, digits: u32, scale: u32) -> String {
    let mut number = String::from(traffic.one_of(&["", "-"]));
    if digits == scale {
        number.push('0');
    }
    let nines = traffic.one_in(5);
    for place in 0..digits {
        if place == digits - scale {
            number.push('.');
        }
        let digit = if nines { 9 } else { traffic.below(10) };
        let _ = write!(number, "{digit}");
    }
    number
}

fn double(traffic: &mut Traffic) -> String {
    let between = f64::from(traffic.rng.i32(..)) / 1024.0;
    let edges = ["0", "-0.0", "1.7976931348623157e308", "2.2250738585072014e-308", "0.1"];
    if traffic.one_in(2) { traffic.one_of(&edges).to_owned() } else { between.to_string() }
}

fn date(traffic: &mut Traffic) -> String {
    let between = format!(
        "{:04}-{:02}-{:02}",
        1000 + traffic.below(9000),
        1 + traffic.below(12),
        1 + traffic.below(28)
    );
    traffic.one_of(&["0000-00-00", "9999-12-31", "2024-02-29", &between, &between]).to_owned()
}

fn clock(traffic: &mut Traffic, fraction: u32) -> String {
    let mut clock =
        format!("{:02}:{:02}:{:02}", traffic.below(24), traffic.below(60), traffic.below(60));
    push_fraction(traffic, fraction, &mut clock);
    clock
}

fn time(traffic: &mut Traffic, fraction: u32) -> String {
    let sign = traffic.one_of(&["", "-"]);
    let mut time = format!(
        "{sign}{:02}:{:02}:{:02}",
        traffic.below(838),
        traffic.below(60),
        traffic.below(60)
    );
    push_fraction(traffic, fraction, &mut time);
    format!("'{time}'")
}

fn push_fraction(traffic: &mut Traffic, digits: u32, out: &mut String) {
    if digits > 0 {
        let fraction = traffic.below(10_u32.pow(digits));
        let _ = write!(out, ".{fraction:0width$}", width = digits as usize);
    }
}

/// Text of these pieces, quoted or in hex.
fn text(traffic: &mut Traffic, most: u32, pieces: &[&str]) -> String {
    let room = traffic.below(most + 1) as usize;
    let mut text = String::new();
    while text.chars().count() + 3 < room {
        text.push_str(traffic.one_of(pieces));
    }
    if traffic.one_in(4) {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        return format!("_utf8mb4 x'{hex}'");
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn bytes(traffic: &mut Traffic, most: u32) -> String {
    let length = traffic.below(most + 1);
    let hex: String = (0..length).map(|_| format!("{:02x}", traffic.rng.u8(..))).collect();
    format!("x'{hex}'")
}

fn json(traffic: &mut Traffic) -> String {
    let (n, m) = (traffic.rng.i32(..), traffic.below(100));
    let padding = "padding ".repeat(traffic.below(20) as usize);
    traffic
        .one_of(&[
            "'{\"a\": N, \"b\": [1, M, \"P\"], \"c\": {\"d\": null, \"e\": true}}'",
            "'[N, M, 1.5, \"é\", [], {}]'",
            "'\"P\"'",
            "'{\"a\": \"P\", \"b\": [M], \"long\": \"PP\"}'",
            "'N'",
        ])
        .replace('N', &n.to_string())
        .replace('M', &m.to_string())
        .replace('P', &padding)
}

fn geometry(traffic: &mut Traffic) -> String {
    let (x, y) = (traffic.below(90), traffic.below(90));
    traffic
        .one_of(&[
            "ST_GeomFromText('POINT(<x> <y>)')",
            "ST_GeomFromText('LINESTRING(0 0,<x> <y>,2 2)')",
            "ST_GeomFromText('POLYGON((0 0,<x> 0,<x> <y>,0 0))')",
        ])
        .replace("<x>", &(x + 1).to_string())
        .replace("<y>", &(y + 1).to_string())
}

fn vector(traffic: &mut Traffic, dimensions: u32) -> String {
    let numbers: Vec<String> =
        (0..dimensions).map(|_| (f64::from(traffic.below(1000)) / 8.0).to_string()).collect();
    let made_by = if traffic.product.is_mariadb() { "VEC_FromText" } else { "TO_VECTOR" };
    format!("{made_by}('[{}]')", numbers.join(","))
}
