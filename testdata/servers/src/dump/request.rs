//! What to ask the server for a dump.

use anyhow::{Result, bail};

use crate::product::Product;

/// Databases that belong to the server.
const SYSTEM: &str = "('mysql','sys','information_schema','performance_schema')";

/// Lists the objects; names as hex, for they may hold anything.
const LISTING: &str = "SET NAMES utf8mb4;
SELECT 'table', HEX(CONVERT(table_schema USING utf8mb4)), HEX(CONVERT(table_name USING utf8mb4)),
  table_type FROM information_schema.tables WHERE table_schema NOT IN SYSTEM
  ORDER BY 2, 3;
SELECT 'column', HEX(CONVERT(table_schema USING utf8mb4)), HEX(CONVERT(table_name USING utf8mb4)),
  HEX(CONVERT(column_name USING utf8mb4)), data_type
  FROM information_schema.columns WHERE table_schema NOT IN SYSTEM
  ORDER BY 2, 3, ordinal_position;
SELECT 'routine', HEX(CONVERT(routine_schema USING utf8mb4)),
  HEX(CONVERT(routine_name USING utf8mb4)), routine_type
  FROM information_schema.routines WHERE routine_schema NOT IN SYSTEM
  ORDER BY 2, 4, 3;
SELECT 'routine', HEX(CONVERT(event_schema USING utf8mb4)),
  HEX(CONVERT(event_name USING utf8mb4)), 'EVENT'
  FROM information_schema.events WHERE event_schema NOT IN SYSTEM
  ORDER BY 2, 3;
";

/// A statement whose answer makes one section.
pub(super) struct Request {
    pub(super) title: String,
    /// `database.table`, where it is about a table.
    pub(super) table: String,
    /// Whether its answer is rows, to be sorted and perhaps left out.
    pub(super) rows: bool,
    /// SQL for the client.
    pub(super) statement: String,
}

impl Request {
    /// A request whose statement holds names; it goes as hex, because the
    /// client would act on some names.
    fn named(title: String, table: &str, rows: bool, statement: &str) -> Request {
        let hex: String = statement.bytes().map(|b| format!("{b:02X}")).collect();
        Request {
            title,
            table: table.to_owned(),
            rows,
            statement: format!(
                "SET @statement = _utf8mb4 X'{hex}';\n\
                 PREPARE statement FROM @statement;\nEXECUTE statement;\n"
            ),
        }
    }

    /// A request that names no object.
    pub(super) fn plain(title: &str, statement: &str) -> Request {
        Request {
            title: title.to_owned(),
            table: String::new(),
            rows: true,
            statement: statement.replace("SYSTEM", SYSTEM),
        }
    }
}

/// The statements that ask for everything that `listing` lists.
pub(super) fn requests(product: Product, listing: &[u8]) -> Result<Vec<Request>> {
    let lines: Vec<Vec<&str>> =
        std::str::from_utf8(listing)?.lines().map(|line| line.split('\t').collect()).collect();
    let mut requests = vec![Request::plain(
        "databases",
        "SELECT schema_name, default_character_set_name, default_collation_name
         FROM information_schema.schemata WHERE schema_name NOT IN SYSTEM;\n",
    )];
    for line in &lines {
        match line.as_slice() {
            ["table", database, table, kind] => {
                let columns = columns_of(&lines, database, table)?;
                requests.extend(table_requests(&unhex(database)?, &unhex(table)?, kind, &columns));
            }
            ["routine", database, name, kind] => {
                let name = format!("{}.{}", quoted(&unhex(database)?), quoted(&unhex(name)?));
                let statement = format!("SHOW CREATE {kind} {name}");
                requests.push(Request::named(format!("{kind} {name}"), "", false, &statement));
            }
            ["column", ..] => {}
            other => bail!("not an object: {other:?}"),
        }
    }
    requests.push(Request::plain(
        "triggers",
        "SELECT trigger_schema, trigger_name, action_timing, event_manipulation,
         event_object_table, action_order, action_statement, sql_mode, definer,
         character_set_client, collation_connection, database_collation
         FROM information_schema.triggers WHERE trigger_schema NOT IN SYSTEM;\n",
    ));
    let recover = if product.is_mariadb() {
        "XA RECOVER FORMAT='SQL';\n"
    } else {
        "XA RECOVER CONVERT XID;\n"
    };
    requests.push(Request::plain("prepared XA transactions", recover));
    Ok(requests)
}

/// The names and types of a table's columns in their order.
fn columns_of<'a>(
    lines: &[Vec<&'a str>],
    database: &str,
    table: &str,
) -> Result<Vec<(String, &'a str)>> {
    lines
        .iter()
        .filter_map(|line| match line.as_slice() {
            ["column", d, t, name, kind] if *d == database && *t == table => {
                Some(unhex(name).map(|name| (name, *kind)))
            }
            _ => None,
        })
        .collect()
}

fn table_requests(
    database: &str,
    table: &str,
    kind: &str,
    columns: &[(String, &str)],
) -> Vec<Request> {
    let name = format!("{}.{}", quoted(database), quoted(table));
    let key = format!("{database}.{table}");
    let show = match kind {
        "VIEW" => "VIEW",
        "SEQUENCE" => "SEQUENCE",
        _ => "TABLE",
    };
    let mut requests = vec![Request::named(
        format!("definition of {name}"),
        &key,
        false,
        &format!("SHOW CREATE {show} {name}"),
    )];
    if show != "VIEW" {
        let values: Vec<String> = columns.iter().map(|(c, t)| exact(&quoted(c), t)).collect();
        requests.push(Request::named(
            format!("rows of {name}"),
            &key,
            true,
            &format!("SELECT {} FROM {name}", values.join(", ")),
        ));
    }
    requests
}

/// An expression that shows every difference between two values of a type.
fn exact(column: &str, data_type: &str) -> String {
    match data_type {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "date" | "time"
        | "datetime" | "timestamp" | "year" | "inet4" | "inet6" | "uuid" => column.to_owned(),
        // As a double with all its digits; multiplied, a negative zero stays one.
        "float" | "double" => format!("{column} * 1e0"),
        // By number: an invalid enumeration reads like an empty label.
        "bit" | "enum" | "set" => format!("CAST({column} AS UNSIGNED)"),
        "json" => format!("HEX(CAST({column} AS CHAR CHARACTER SET utf8mb4))"),
        _ => format!("HEX({column})"),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn unhex(hex: &str) -> Result<String> {
    let bytes = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?))
        .collect::<Result<Vec<u8>>>()?;
    Ok(String::from_utf8(bytes)?)
}

/// The query whose answer [`requests`] takes.
pub(super) fn listing() -> String {
    LISTING.replace("SYSTEM", SYSTEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_asked_for_by_its_quoted_name_and_exact_values() {
        let lines = "table\t64\t6078\tBASE TABLE\ncolumn\t64\t6078\t61\tfloat\n";
        let all = requests(Product::Mysql97, lines.as_bytes()).unwrap();
        let rows = all.iter().find(|r| r.title.starts_with("rows")).unwrap();
        assert_eq!(rows.title, "rows of `d`.```x`");
        let statement = "SELECT `a` * 1e0 FROM `d`.```x`";
        let hex: String = statement.bytes().map(|b| format!("{b:02X}")).collect();
        assert!(rows.statement.contains(&hex));
    }

    #[test]
    fn a_line_that_names_no_object_is_an_error() {
        assert!(requests(Product::Mysql97, b"index\t64\n").is_err());
    }
}
