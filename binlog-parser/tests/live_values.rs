//! Every value of every fixture table, decoded from the before-images of a DELETE, is what SELECT
//! showed before it; and what the table maps say of its columns is what information_schema says.

use std::collections::BTreeMap;

use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::{Columns, RowImage, Value};
use binlog_parser::scan::Scanned;
use binlog_parser::source::log::Log;
use servers::fixtures::Part;
use servers::{Product, Server, ServerOptions, live};

/// Rows of a table as text, a column an entry; `None` where a text says nothing: see [`Shown`].
type Rows = Vec<Vec<Option<String>>>;

/// What a table holds, and how to ask for it.
struct Shown {
    name: String,
    /// An expression for each column; `None` for FLOAT(M,D) and DOUBLE(M,D), whose D no log tells.
    expressions: Vec<Option<String>>,
}

fn tables(server: &Server) -> Vec<Shown> {
    let compressed = "AND c.TABLE_NAME <> 'compressed'"; // their values are not inflated
    let query = format!(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, IFNULL(c.NUMERIC_SCALE, ''),
           IFNULL(c.NUMERIC_PRECISION, '')
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
           ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
         WHERE c.TABLE_SCHEMA = 'every' AND t.TABLE_TYPE = 'BASE TABLE' {compressed}
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION;"
    );
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    let mut tables: Vec<Shown> = Vec::new();
    for line in answer.lines() {
        let [table, column, data_type, scale, precision] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Shown { name: table.to_owned(), expressions: Vec::new() });
        }
        let expression = expression(server.product(), column, data_type, scale, precision);
        tables.last_mut().unwrap().expressions.push(expression);
    }
    tables
}

/// Asks for a column in the form that [`shown`] gives a decoded value.
fn expression(
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
fn shown(product: Product, value: &Value<'_>) -> String {
    let mut text = Vec::new();
    value.write_text(&mut text).unwrap();
    match value {
        Value::Geometry(geometry) if product.is_mariadb() => {
            format!("{} {}", geometry.srid, hex(geometry.wkb))
        }
        Value::Text(_) | Value::Enum(_) | Value::Set(_) | Value::Json(_) | Value::Geometry(_) => {
            hex(&text)
        }
        _ => String::from_utf8(text).unwrap(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A table of floating-point numbers of any size, where a text form goes wrong if it can.
fn random_numbers(count: u64) -> String {
    let mut sql = "CREATE TABLE every.random (id INT PRIMARY KEY, f FLOAT, d DOUBLE, j JSON);\n\
                   INSERT INTO every.random VALUES "
        .to_owned();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    for id in 0..count {
        // Steps of a linear congruential generator; only its upper bits are any good.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(id);
        let mut bits = state ^ state >> 32;
        // Every second number is near the sizes that are written without an exponent.
        if id % 2 == 1 {
            bits = bits & !(0x7FF << 52) | (963 + bits % 128) << 52;
        }
        let double = Some(f64::from_bits(bits)).filter(|double| double.is_finite()).unwrap_or(0.0);
        let float = Some(double as f32).filter(|float| float.is_finite()).unwrap_or(0.5);
        let comma = if id > 0 { "," } else { "" };
        sql.push_str(&format!("{comma}\n({id}, {float:e}, {double:e}, '[{double:e}]')"));
    }
    sql + ";"
}

fn selected(server: &Server, table: &Shown) -> Rows {
    let list = table.expressions.iter().map(|e| e.as_deref().unwrap_or("''")).collect::<Vec<_>>();
    let query = format!("SELECT {} FROM every.`{}`;", list.join(", "), table.name);
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    let mut rows: Rows = answer
        .lines()
        .map(|line| {
            let cells = line.split('\t').zip(&table.expressions);
            cells.map(|(cell, asked)| asked.as_ref().map(|_| cell.to_owned())).collect()
        })
        .collect();
    rows.sort();
    rows
}

/// What the last log deletes, by table: the columns of the table, and the rows.
fn deleted(server: &Server) -> BTreeMap<String, (Columns, Rows)> {
    let log = Log::open(server.binary_logs().unwrap().last().unwrap()).unwrap();
    let mut maps: BTreeMap<u64, (String, Columns)> = BTreeMap::new();
    let mut deleted: BTreeMap<String, (Columns, Rows)> = BTreeMap::new();
    let mut scan = log.scan();
    while let Some(item) = scan.next() {
        let Scanned::Event(event) = item else { panic!("{item:?}") };
        let family = scan.format().family;
        if event.event_type() == EventType::TABLE_MAP {
            let map = TableMapEvent::parse(event.body(), 6).unwrap();
            let table = String::from_utf8(map.table.into()).unwrap();
            maps.insert(map.table_id, (table, map.columns(family).unwrap()));
        } else if event.event_type().is_rows() {
            let event = RowsEvent::parse(event.body(), event.event_type(), 6).unwrap();
            let (table, columns) = &maps[&event.table_id];
            for change in event.changes(columns.layout()) {
                let change = change.unwrap();
                if event.kind == RowsKind::Delete {
                    let row = decoded(server.product(), &change.before.unwrap(), columns);
                    let entry = deleted.entry(table.clone());
                    entry.or_insert_with(|| (columns.clone(), Rows::new())).1.push(row);
                }
            }
        }
    }
    deleted
}

/// What information_schema says of the columns of a table, a line a column: name, nullability,
/// lack of a sign, collation, whether it is in the primary key, visibility.
fn described(server: &Server, table: &str) -> Vec<String> {
    let mariadb = server.product().is_mariadb();
    let (names, collation) = if mariadb {
        ("COLLATION_CHARACTER_SET_APPLICABILITY", "FULL_COLLATION_NAME")
    } else {
        ("COLLATIONS", "COLLATION_NAME")
    };
    let binary = if mariadb { "|uuid|inet|vector|geom|point|line|poly" } else { "" };
    let query = format!(
        "SELECT CONCAT_WS(' ', c.COLUMN_NAME, c.IS_NULLABLE = 'YES',
           IF(c.DATA_TYPE RLIKE '^(tiny|small|medium|big)?int$|float|double|decimal|year',
             c.COLUMN_TYPE RLIKE 'unsigned|zerofill|year', '-'),
           IFNULL(n.ID, IF(c.DATA_TYPE RLIKE 'binary|blob{binary}', 63, '-')),
           c.COLUMN_KEY = 'PRI', IF({mariadb}, '-', c.EXTRA NOT LIKE '%INVISIBLE%'))
         FROM information_schema.COLUMNS c LEFT JOIN information_schema.{names} n
           ON n.{collation} = c.COLLATION_NAME
         WHERE c.TABLE_SCHEMA = 'every' AND c.TABLE_NAME = '{table}' ORDER BY c.ORDINAL_POSITION;"
    );
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    answer.lines().map(str::to_owned).collect()
}

/// The same by the table map.
fn mapped(columns: &Columns) -> Vec<String> {
    let key = columns.primary_key.as_deref().unwrap_or_default();
    let flag = |flag: Option<bool>| flag.map_or("-".into(), |flag| u8::from(flag).to_string());
    columns
        .iter()
        .enumerate()
        .map(|(ordinal, column)| {
            let name = String::from_utf8_lossy(column.name.as_deref().unwrap());
            let collation = column.collation.map_or("-".into(), |id| id.to_string());
            format!(
                "{name} {} {} {collation} {} {}",
                u8::from(column.nullable),
                flag(column.unsigned),
                u8::from(key.iter().any(|part| part.ordinal == ordinal)),
                flag(column.visible),
            )
        })
        .filter(|line| !line.starts_with("DB_ROW_HASH_"))
        .collect()
}

/// The columns of a row that SELECT can ask for: in MariaDB a unique key on a long text brings a
/// hidden column `DB_ROW_HASH_1`, which is logged.
fn decoded(product: Product, image: &RowImage<'_>, columns: &Columns) -> Vec<Option<String>> {
    image
        .cells(columns)
        .map(Result::unwrap)
        .filter(|cell| {
            let name = columns[cell.ordinal].name.as_deref().unwrap();
            !(product.is_mariadb() && name.starts_with(b"DB_ROW_HASH_"))
        })
        .map(|cell| Some(shown(product, &cell.value(columns).unwrap())))
        .collect()
}

#[test]
fn images_decode_to_what_select_shows() {
    for product in live() {
        let options = ServerOptions::with_args(["--binlog-row-metadata=FULL"]);
        let server = Server::start(product, &options).unwrap();
        Part::Schema.run(&server).unwrap();
        Part::Before.run(&server).unwrap();
        server.sql(random_numbers(1000)).unwrap();
        let tables = tables(&server);
        server.flush_logs().unwrap();
        let mut expected = Vec::new();
        for table in &tables {
            expected.push(selected(&server, table));
            let delete = format!("SET foreign_key_checks=0; DELETE FROM every.`{}`;", table.name);
            server.sql(delete).unwrap();
        }
        let mut deleted = deleted(&server);
        let mut compared = 0;
        for (table, expected) in tables.iter().zip(expected) {
            let Some((columns, mut found)) = deleted.remove(&table.name) else {
                assert!(expected.is_empty(), "rows of {}", table.name);
                continue;
            };
            let described = described(&server, &table.name);
            assert_eq!(mapped(&columns).join("\n"), described.join("\n"), "{}", table.name);
            for row in &mut found {
                assert_eq!(row.len(), table.expressions.len(), "{}", table.name);
                for (cell, asked) in row.iter_mut().zip(&table.expressions) {
                    *cell = cell.take().filter(|_| asked.is_some());
                }
            }
            found.sort();
            assert_eq!(found.len(), expected.len(), "rows of {}", table.name);
            for (found, expected) in found.iter().zip(&expected) {
                for (column, (found, expected)) in found.iter().zip(expected).enumerate() {
                    let (product, table) = (product.name(), &table.name);
                    assert_eq!(found, expected, "{product} {table} column {}", column + 1);
                    compared += 1;
                }
            }
        }
        assert!(compared > 3000, "{compared} values of {}", product.name());
    }
}
