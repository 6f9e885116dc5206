//! Every value of every fixture table, decoded from the before-images of a DELETE, is what SELECT
//! showed before it; and what the table maps say of its columns is what information_schema says.
//! Then the tables are filled, changed and emptied again under one setting of the log after another
//! (see `servers::cells`), and what the log makes of them is what the server has.

#[path = "live_values/forms.rs"]
mod forms;
#[path = "live_values/model.rs"]
mod model;

use std::collections::BTreeMap;

use binlog_parser::event::rows::{RowsEvent, RowsKind};
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::{Column, Columns, RowImage};
use binlog_parser::scan::Scanned;
use binlog_parser::source::decrypt::Keys;
use binlog_parser::source::log::Log;
use forms::{expression, shown};
use model::Model;
use servers::fixtures::Part;
use servers::{Cell, CellServer, Product, Server, cells, live};

/// Rows of a table as text, a column an entry; `None` where a text says nothing: see [`Shown`].
type Rows = Vec<Vec<Option<String>>>;

/// What a table holds, and how to ask for it.
struct Shown {
    name: String,
    /// An expression for each column; `None` for FLOAT(M,D) and DOUBLE(M,D), whose D no log tells.
    expressions: Vec<Option<String>>,
    /// Whether the server works the column out; then it need not log it.
    generated: Vec<bool>,
}

fn tables(server: &Server) -> Vec<Shown> {
    let query = "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, IFNULL(c.NUMERIC_SCALE, ''),
           IFNULL(c.NUMERIC_PRECISION, ''), IFNULL(c.GENERATION_EXPRESSION, '') <> ''
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
           ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
         WHERE c.TABLE_SCHEMA = 'every' AND t.TABLE_TYPE = 'BASE TABLE'
         ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION;";
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    let mut tables: Vec<Shown> = Vec::new();
    for line in answer.lines() {
        let [table, column, data_type, scale, precision, generated] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        if tables.last().is_none_or(|last| last.name != table) {
            let name = table.to_owned();
            tables.push(Shown { name, expressions: Vec::new(), generated: Vec::new() });
        }
        let expression = expression(server.product(), column, data_type, scale, precision);
        let last = tables.last_mut().unwrap();
        last.expressions.push(expression);
        last.generated.push(generated == "1");
    }
    tables
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

/// What the tables hold, one after another.
fn selected(server: &Server, tables: &[Shown]) -> Vec<Rows> {
    const MARK: &str = "#table";
    let mut query = String::new();
    for table in tables {
        let list = table.expressions.iter().map(|e| e.as_deref().unwrap_or("''"));
        let list = list.collect::<Vec<_>>().join(", ");
        query += &format!("SELECT '{MARK}';\nSELECT {list} FROM every.`{}`;\n", table.name);
    }
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    let mut all: Vec<Rows> = Vec::new();
    for line in answer.lines() {
        if line == MARK {
            all.push(Rows::new());
            continue;
        }
        let cells = line.split('\t').zip(&tables[all.len() - 1].expressions);
        let row = cells.map(|(cell, asked)| asked.as_ref().map(|_| cell.to_owned())).collect();
        all.last_mut().unwrap().push(row);
    }
    all.iter_mut().for_each(|rows| rows.sort());
    all
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

/// Whether SELECT cannot ask for a column: in MariaDB a unique key on a long text brings a hidden
/// column `DB_ROW_HASH_1`, which is logged.
fn is_hidden(product: Product, column: &Column) -> bool {
    let name = column.name.as_deref().unwrap();
    product.is_mariadb() && name.starts_with(b"DB_ROW_HASH_")
}

/// The columns of a row that SELECT can ask for.
fn decoded(product: Product, image: &RowImage<'_>, columns: &Columns) -> Vec<Option<String>> {
    // MariaDB leaves out what it works out itself.
    let mut row = vec![None; columns.len()];
    for cell in image.cells(columns).map(Result::unwrap) {
        row[cell.ordinal] = Some(shown(product, &cell.value(columns).unwrap()));
    }
    let visible = row.into_iter().zip(columns.iter());
    visible.filter(|(_, column)| !is_hidden(product, column)).map(|(value, _)| value).collect()
}

const TRIGGERS: &str = "
DROP TRIGGER every.audited_insert; DROP TRIGGER every.audited_update;
DROP TRIGGER every.audited_delete;
";

/// The session of all changes.
const SESSION: &str =
    "SET foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n";

/// Empties the tables.
fn deletes(tables: &[Shown]) -> String {
    let delete = |table: &Shown| format!("DELETE FROM every.`{}`;\n", table.name);
    SESSION.to_owned() + &tables.iter().map(delete).collect::<String>()
}

/// The first phase: empties all tables under full metadata, compares, and returns what is known of
/// their columns then.
fn empty(server: &Server, tables: &[Shown]) -> BTreeMap<String, Columns> {
    let product = server.product();
    // Triggers write to a table that then has more than was selected.
    server.sql(TRIGGERS).unwrap();
    let expected = selected(server, tables);
    server.flush_logs().unwrap();
    server.sql(deletes(tables)).unwrap();
    let mut deleted = deleted(server);
    let mut known = BTreeMap::new();
    let mut compared = 0;
    for (table, expected) in tables.iter().zip(expected) {
        let Some((columns, mut found)) = deleted.remove(&table.name) else {
            assert!(expected.is_empty(), "rows of {}", table.name);
            continue;
        };
        let described = described(server, &table.name);
        assert_eq!(mapped(&columns).join("\n"), described.join("\n"), "{}", table.name);
        for row in &mut found {
            blank(row, table);
        }
        let mut expected = expected;
        if found.iter().any(|row| lacks_generated(row, table)) {
            found.iter_mut().chain(&mut expected).for_each(|row| forget_generated(row, table));
            expected.sort();
        }
        found.sort();
        compared += compare(product, &table.name, &found, &expected);
        known.insert(table.name.clone(), columns);
    }
    assert!(compared > 3000, "{compared} values of {}", product.name());
    known
}

/// Takes out the values that no expression asks for.
fn blank(row: &mut [Option<String>], table: &Shown) {
    assert_eq!(row.len(), table.expressions.len(), "{}", table.name);
    for (cell, asked) in row.iter_mut().zip(&table.expressions) {
        *cell = cell.take().filter(|_| asked.is_some());
    }
}

/// Whether a row lacks a column that the server works out.
fn lacks_generated(row: &[Option<String>], table: &Shown) -> bool {
    row.iter().zip(&table.generated).any(|(cell, generated)| *generated && cell.is_none())
}

/// Takes out the values of such columns.
fn forget_generated(row: &mut [Option<String>], table: &Shown) {
    row.iter_mut()
        .zip(&table.generated)
        .filter(|(_, generated)| **generated)
        .for_each(|(cell, _)| *cell = None);
}

/// Compares rows value by value, and returns how many there are.
fn compare(product: Product, table: &str, found: &Rows, expected: &Rows) -> usize {
    let product = product.name();
    assert_eq!(found.len(), expected.len(), "rows of {table} on {product}");
    let mut compared = 0;
    for (found, expected) in found.iter().zip(expected) {
        for (column, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert_eq!(found, expected, "{product} {table} column {}", column + 1);
            compared += 1;
        }
    }
    compared
}

/// The statements that fill and change a table, from a copy of what it held.
struct Refill {
    /// Makes the copy.
    copy: String,
    traffic: String,
}

fn refills(server: &Server) -> Vec<Refill> {
    let query = "SELECT c.TABLE_NAME,
           GROUP_CONCAT(CONCAT('`', c.COLUMN_NAME, '`') ORDER BY c.ORDINAL_POSITION),
           IFNULL(GROUP_CONCAT(IF(c.IS_NULLABLE = 'YES' AND c.COLUMN_KEY <> 'PRI',
             CONCAT('`', c.COLUMN_NAME, '`'), NULL) ORDER BY c.ORDINAL_POSITION), ''),
           IFNULL(GROUP_CONCAT(IF(c.COLUMN_KEY = 'PRI',
             CONCAT('`', c.COLUMN_NAME, '`'), NULL) ORDER BY c.ORDINAL_POSITION), '')
         FROM information_schema.COLUMNS c JOIN information_schema.TABLES t
           ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
         WHERE c.TABLE_SCHEMA = 'every' AND t.TABLE_TYPE = 'BASE TABLE'
           AND IFNULL(c.GENERATION_EXPRESSION, '') = ''
         GROUP BY c.TABLE_NAME ORDER BY c.TABLE_NAME;";
    let query = format!("SET SESSION group_concat_max_len = 1000000; {query}");
    let answer = String::from_utf8(server.sql(query).unwrap()).unwrap();
    let refill = |line: &str| {
        let [table, columns, nullable, key] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let copy = format!(
            "CREATE TABLE copy.`{table}` LIKE every.`{table}`;\n\
             INSERT INTO copy.`{table}` ({columns}) SELECT {columns} FROM every.`{table}`;\n"
        );
        let mut traffic = format!(
            "INSERT INTO every.`{table}` ({columns}) SELECT {columns} FROM copy.`{table}`;\n"
        );
        let set = |value: &dyn Fn(&str) -> String| {
            let all: Vec<_> =
                nullable.split(',').map(|c| format!("t.{c} = {}", value(c))).collect();
            all.join(", ")
        };
        if !nullable.is_empty() {
            let nulls = set(&|_| "NULL".to_owned());
            traffic += &format!("UPDATE every.`{table}` t SET {nulls};\n");
            if !key.is_empty() {
                let copied = set(&|column| format!("c.{column}"));
                traffic += &format!(
                    "UPDATE every.`{table}` t JOIN copy.`{table}` c USING ({key}) SET {copied};\n"
                );
            }
        }
        Refill { copy, traffic }
    };
    answer.lines().map(refill).collect()
}

/// Documents, and what changes parts of them.
const DOCUMENTS: &str = "
CREATE TABLE every.docs (id INT PRIMARY KEY, a JSON, n INT, b JSON, t TEXT, c JSON);
INSERT INTO every.docs VALUES
    (1, '{\"name\": \"something long enough to be worth a difference\", \"tags\": [1, 2, 3]}', 1,
     '[{\"x\": 1}, \"a text that is long enough, too\", null]', 'text', NULL),
    (2, '{\"name\": \"as long as it must be to be kept\", \"deep\": {\"er\": {\"est\": [[0]]}}}', 2,
     CAST(CONCAT('[', REPEAT('100000,', 20000), '1]') AS JSON), NULL, '{}'),
    (3, JSON_OBJECT('when', CAST('2024-02-29 12:34:56.789' AS DATETIME(3)), 'much', 1.50,
     'odd \"key\"', 'v', 'é', REPEAT('x', 300)), 3, NULL, '', '[]');
";
const PARTS: &str = "
UPDATE every.docs SET a = JSON_SET(a, '$.name', 'short'), t = 'x';
UPDATE every.docs SET a = JSON_SET(a, '$.new', CAST('[1, {\"b\": true}]' AS JSON)), n = n + 1;
UPDATE every.docs SET a = JSON_SET(a, '$.tags[3]', 4, '$.tags[9]', 5), b = JSON_SET(b, '$[0].x', -7);
UPDATE every.docs SET b = JSON_REMOVE(b, '$[1]');
UPDATE every.docs SET b = JSON_SET(b, '$[last]', 'last') WHERE id = 2;
UPDATE every.docs SET a = JSON_SET(a, '$.deep.er.est[0][0]', JSON_ARRAY(1, 2)) WHERE id = 2;
UPDATE every.docs SET a = JSON_REMOVE(a, '$.deep.er') WHERE id = 2;
UPDATE every.docs SET b = JSON_REPLACE(b, '$[19000]', REPEAT('y', 70000)) WHERE id = 2;
UPDATE every.docs SET a = JSON_REMOVE(a, '$.\"odd \\\\\"key\\\\\"\"', '$.much') WHERE id = 3;
UPDATE every.docs SET a = JSON_SET(a, '$.\"\\\\u00e9\"', CAST('11:22:33' AS TIME)) WHERE id = 3;
UPDATE every.docs SET c = JSON_SET(c, '$.k', 1), a = NULL WHERE id = 2;
UPDATE every.docs SET c = '{\"whole\": \"document\"}', t = 'other' WHERE id = 1;
UPDATE every.types SET j = JSON_SET(j, '$.part', 1.5e0, '$[0]', NULL);
";

/// What all keys of the server's logs are in.
fn keys(server: &CellServer) -> Keys {
    match (server.keyring(), server.key_file()) {
        (Some(keyring), _) if keyring.metadata().is_ok_and(|file| file.len() > 0) => {
            Keys::none().with_keyring(&keyring).unwrap()
        }
        (_, Some(file)) => Keys::none().with_key_file(&file, None).unwrap(),
        _ => Keys::none(),
    }
}

/// Fills, changes and empties all tables under the settings of a cell; returns how many values were
/// compared, and how many documents came of differences.
fn visit(
    server: &mut CellServer,
    cell: &Cell,
    tables: &[Shown],
    known: &BTreeMap<String, Columns>,
    refills: &[Refill],
) -> (usize, usize) {
    server.enter(cell).unwrap();
    let product = server.server.product();
    let first = server.server.binary_logs().unwrap().len() - 1;
    let mut traffic = SESSION.to_owned();
    traffic.extend(refills.iter().map(|refill| refill.traffic.as_str()));
    if !product.is_mariadb() {
        traffic += PARTS;
    }
    server.server.sql(traffic).unwrap_or_else(|error| panic!("{}: {error:#}", cell.name));
    server.server.flush_logs().unwrap();
    let expected = selected(&server.server, tables);
    server.server.sql(deletes(tables)).unwrap();

    let paths = server.server.binary_logs().unwrap();
    let keys = keys(server);
    let open = |path| Log::open_with(path, &keys).unwrap();
    let mut model = Model::new(product, known);
    model.apply(&open(&paths[first]));
    let mut compared = 0;
    for (table, expected) in tables.iter().zip(&expected) {
        let Some(columns) = known.get(&table.name) else {
            assert!(expected.is_empty(), "rows of {}", table.name);
            continue;
        };
        let rows = model.tables.get(&table.name).into_iter().flatten();
        let mut found: Rows = rows
            .map(|row| {
                let mut texts: Vec<_> = row
                    .iter()
                    .zip(columns.iter())
                    .filter(|(_, column)| !is_hidden(product, column))
                    .map(|(value, _)| value.as_ref().map(|value| value.text.clone()))
                    .collect();
                blank(&mut texts, table);
                texts
            })
            .collect();
        let mut expected = expected.clone();
        if found.iter().any(|row| lacks_generated(row, table)) {
            found.iter_mut().chain(&mut expected).for_each(|row| forget_generated(row, table));
            expected.sort();
        }
        found.sort();
        compared +=
            compare(product, &format!("{} under {}", table.name, cell.name), &found, &expected);
    }
    model.apply(&open(&paths[first + 1]));
    let left = model.tables.iter().filter(|(_, rows)| !rows.is_empty());
    assert_eq!(
        left.map(|(table, _)| table).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "{}",
        cell.name
    );
    (compared, model.documents)
}

fn matrix(product: Product) {
    let mut server = CellServer::start(product, &[]).unwrap();
    server.enter(&cells(product)[0]).unwrap();
    Part::Schema.run(&server.server).unwrap();
    Part::Before.run(&server.server).unwrap();
    server.server.sql(random_numbers(1000)).unwrap();
    if !product.is_mariadb() {
        server.server.sql(DOCUMENTS).unwrap();
    }
    let tables = tables(&server.server);
    let refills = refills(&server.server);
    let mut copy = SESSION.to_owned() + "CREATE DATABASE copy;\n";
    copy.extend(refills.iter().map(|refill| refill.copy.as_str()));
    server.server.sql(copy).unwrap();
    let known = empty(&server.server, &tables);
    for cell in cells(product) {
        let (compared, documents) = visit(&mut server, &cell, &tables, &known, &refills);
        assert!(compared > 3000, "{compared} values under {}", cell.name);
        let partial = cell.variables.iter().any(|(_, value)| *value == "PARTIAL_JSON");
        assert_eq!(documents >= 15, partial, "{documents} documents under {}", cell.name);
    }
}

#[test]
fn images_of_mysql_9_7_decode_to_what_select_shows() {
    live().into_iter().filter(|product| *product == Product::Mysql97).for_each(matrix);
}

#[test]
fn images_of_mariadb_10_11_decode_to_what_select_shows() {
    live().into_iter().filter(|product| *product == Product::Mariadb1011).for_each(matrix);
}

#[test]
fn images_of_mariadb_11_8_decode_to_what_select_shows() {
    live().into_iter().filter(|product| *product == Product::Mariadb118).for_each(matrix);
}
