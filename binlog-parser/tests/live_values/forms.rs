//! Values as the server's own expressions show them, and decoded values in the same form.

use binlog_parser::row::Value;
use servers::Product;

/// Asks for a column in the form that [`shown`] gives a decoded value.
pub fn expression(
    product: Product,
    column: &str,
    data_type: &str,
    scale: &str,
    precision: &str,
) -> Option<String> {
    let c = format!("`{column}`");
    let mariadb = product.is_mariadb();
    Some(match data_type {
        "float" | "double" if !scale.is_empty() => return None,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => format!("{c} + 0"),
        "bit" => format!("CONCAT('b''', LPAD(BIN({c}), {precision}, '0'), '''')"),
        "json" => format!("HEX(CAST({c} AS CHAR CHARACTER SET utf8mb4))"),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => {
            if mariadb {
                format!("CONCAT(ST_SRID({c}), ' ', HEX(ST_AsWKB({c})))")
            } else {
                let text = format!("ST_AsText(ST_SRID({c}, 0))");
                format!(
                    "HEX(CONCAT(IF(ST_SRID({c}), CONCAT('SRID=', ST_SRID({c}), ';'), ''), {text}))"
                )
            }
        }
        "vector" if !mariadb => format!("VECTOR_TO_STRING({c})"),
        "uuid" => format!("REPLACE(UPPER(CAST({c} AS CHAR)), '-', '')"),
        "inet4" | "inet6" => format!("HEX(INET6_ATON({c}))"),
        "float" | "double" | "decimal" | "year" | "date" | "time" | "datetime" | "timestamp" => c,
        _ => format!("HEX({c})"),
    })
}

/// A decoded value in the form of [`expression`].
pub fn shown(product: Product, value: &Value<'_>) -> String {
    let mut text = Vec::new();
    value.write_text(&mut text).unwrap();
    match value {
        Value::Geometry(geometry) if product.is_mariadb() => {
            format!("{} {}", geometry.srid, hex(geometry.wkb))
        }
        Value::Text(_)
        | Value::Compressed(_)
        | Value::Enum(_)
        | Value::Set(_)
        | Value::Json(_)
        | Value::Geometry(_) => hex(&text),
        _ => String::from_utf8(text).unwrap(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
