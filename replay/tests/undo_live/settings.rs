//! The undo under other settings of the server, and with logs that lack the definitions.

use binlog_parser::address::Address;
use replay::schema::{Schema, Source, read_dump};
use replay::select::resolve;
use replay::sql::Dialect;
use replay::undo::{Format, Request, Scope};
use servers::{Product, Server, live};

use crate::support::{FORMATS, apply, dump, next_address, start_with, undo_from};

/// Definitions from the product's own dump program.
pub fn definitions(server: &Server) -> Schema {
    let mut command = server.tool(server.product().dump_tool()).unwrap();
    let args = ["--all-databases", "--no-data", "--routines", "--skip-lock-tables"];
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dialect =
        Dialect::from_server_version(server.value("SELECT VERSION();").unwrap().as_bytes());
    read_dump(&output.stdout[..], dialect).unwrap().schema
}

/// Names of all tables of the story, quoted, that rows can be deleted from. MySQL takes no changes of
/// tables that cannot roll back into a transaction (`enforce_gtid_consistency`).
fn tables(server: &Server) -> Vec<String> {
    let engines = if server.product().is_mariadb() { "engine" } else { "'InnoDB'" };
    let query = "SELECT CONCAT('`', REPLACE(table_schema, '`', '``'), '`.`', \
                 REPLACE(table_name, '`', '``'), '`') FROM information_schema.tables \
                 WHERE table_schema IN ('every', 'plain', 'odd `db') AND table_type = 'BASE TABLE' \
                 AND table_name NOT LIKE 'new%' AND engine = ENGINES ORDER BY 1;";
    let names = server.value(&query.replace("ENGINES", engines)).unwrap();
    let names = names.lines().map(|name| name.replace("\\\\", "\\"));
    names.collect()
}

/// Empties every table, each in a transaction of its own, in a log of its own; returns where the
/// first of them stands, and what was there.
fn empty_everything(server: &Server) -> Address {
    server.flush_logs().unwrap();
    let cut = next_address(server);
    let mut script = String::from("SET foreign_key_checks = 0;\n");
    for table in tables(server) {
        script.push_str(&format!("DELETE FROM {table};\n"));
    }
    server.sql(script).unwrap();
    cut
}

/// Undoes from the server's last log alone.
fn undo_last_log(
    server: &Server,
    cut: &Address,
    format: Format,
    schema: Schema,
) -> replay::Result<Vec<u8>> {
    let logs = server.binary_logs().unwrap();
    let (script, _) = undo_from(&logs[logs.len() - 1..], |set| Request {
        schema,
        ..Request::new(Scope::BackTo(resolve(set, cut).unwrap()), format)
    })?;
    Ok(script)
}

fn no_schema() -> Schema {
    Schema::new(Source::Dump)
}

#[test]
fn without_definitions_in_the_logs_a_dump_names_the_columns() {
    for product in live() {
        let server = start_with(product, &[]);
        let schema = definitions(&server);
        for format in FORMATS {
            let before = dump(&server, format != Format::Sql);
            let cut = empty_everything(&server);
            let refused = undo_last_log(&server, &cut, Format::Sql, no_schema()).unwrap_err();
            let refused = format!("{refused:?}");
            assert!(refused.contains("--schema") && refused.contains("base64"), "{refused}");
            // Which of the columns that MariaDB 11.8 leaves out it works out itself, no log tells.
            let needed = format == Format::Sql || product == Product::Mariadb118;
            let schema = if needed { schema.clone() } else { no_schema() };
            let script = undo_last_log(&server, &cut, format, schema);
            apply(&server, &script.unwrap_or_else(|e| panic!("{} {e}", product.name())));
            let difference = before.difference(&dump(&server, format != Format::Sql));
            assert_eq!(difference, None, "{} {format:?}", product.name());
        }
    }
}

#[test]
fn gtids_full_metadata_and_compression_change_nothing() {
    for product in live() {
        let args: &[&str] = match product {
            Product::Mysql97 => &[
                "--gtid-mode=ON",
                "--enforce-gtid-consistency=ON",
                "--binlog-row-metadata=FULL",
                "--binlog-transaction-compression=ON",
            ],
            _ => &[
                "--binlog-row-metadata=FULL",
                "--gtid-strict-mode=ON",
                "--log-bin-compress=1",
                "--log-bin-compress-min-len=10",
            ],
        };
        let server = start_with(product, args);
        let schema = definitions(&server);
        for format in FORMATS {
            let before = dump(&server, format != Format::Sql);
            let cut = empty_everything(&server);
            let gtids = server.gtid_executed().unwrap();
            let script = undo_last_log(&server, &cut, format, schema.clone()).unwrap();
            apply(&server, &script);
            let difference = before.difference(&dump(&server, format != Format::Sql));
            assert_eq!(difference, None, "{} {format:?}", product.name());
            assert_ne!(server.gtid_executed().unwrap(), gtids, "the undo has a GTID of its own");
        }
    }
}
